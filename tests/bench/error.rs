//! Why a benchmark has no result.

use std::path::PathBuf;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The embedded cloud refused what was asked of it.
    #[error("the embedded cloud refuses: {0}")]
    Cloud(String),
    /// A post or a delivery that has to work did not.
    #[error("{0}")]
    Failed(String),
    /// The picture cannot be drawn.
    #[error("the picture cannot be drawn: {0}")]
    Picture(String),
    /// A page lacks the lines between which figures are written.
    #[error("{page} has no lines <!-- {name} --> and <!-- /{name} -->")]
    NoMarkers { page: String, name: &'static str },
}
