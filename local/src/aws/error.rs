//! Why the embedded AWS does not start, or refuses a template.

use super::iam;
use crate::template;

/// Why the embedded AWS could not start or create what a template asks for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port or a part of the data folder cannot be used.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The DynamoDB engine failed.
    #[error("DynamoDB: {0}")]
    DynamoDb(String),
    /// Something of the template cannot be created.
    #[error("cannot create {0}")]
    Provision(String),
    /// The template refers to something that does not exist.
    #[error(transparent)]
    Template(#[from] template::Error),
    /// A policy of the template is not understood.
    #[error("policy: {0}")]
    Policy(#[from] iam::NotUnderstood),
}
