//! Why a benchmark has no result.

use std::io;
use std::path::PathBuf;

/// A result of any part of the benchmark. An error ends the run.
pub(crate) type BenchResult<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(
        "{program} does not start ({source}): install {remedy}, or leave the peers out with --without-peers"
    )]
    Missing {
        program: String,
        remedy: &'static str,
        source: io::Error,
    },
    #[error("{0} failed; its output is above")]
    Command(String),
    #[error("the embedded cloud refuses: {0}")]
    Cloud(String),
    /// A measured post or delivery failed.
    #[error("{0}")]
    Failed(String),
    #[error("the picture cannot be drawn: {0}")]
    Picture(String),
    /// The figures are written between these lines.
    #[error("{page} has no lines <!-- {name} --> and <!-- /{name} -->")]
    NoMarkers { page: String, name: &'static str },
}
