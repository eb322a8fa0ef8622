//! Why a template could not be used.

/// Why a template could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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
    /// A reference to a name that does not exist.
    #[error("the reference {0} cannot be resolved")]
    Unresolved(String),
}
