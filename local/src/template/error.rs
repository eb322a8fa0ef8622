//! Why a template could not be used.

/// Why a template could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error("{path}: {source}")]
    Read {
        /// Which file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not YAML.
    #[error("not YAML: {0}")]
    Yaml(#[from] serde_yaml_ng::Error),
    /// Something that must be there is missing or of the wrong kind.
    #[error("{place}: {problem}")]
    Shape {
        /// Where, by logical ids and property names.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// A reference that leads nowhere.
    #[error("the reference {0} cannot be resolved")]
    Unresolved(String),
}
