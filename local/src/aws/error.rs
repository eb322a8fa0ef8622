//! Why the embedded AWS does not start, or refuses a template.

use std::path::Path;

use super::iam;
use crate::template;

/// Why the embedded AWS could not start or create what a template asks for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port or the data folder cannot be used.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The DynamoDB engine failed.
    #[error("DynamoDB: {0}")]
    DynamoDb(String),
    /// A part of the data folder is damaged, or cannot be used.
    #[error(
        "{path} cannot be used: {reason}. Repair or remove it, or choose another folder with --data."
    )]
    State {
        /// Which file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
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

impl Error {
    pub(super) fn unusable(path: &Path, reason: &dyn std::fmt::Display) -> Self {
        Self::State {
            path: path.display().to_string(),
            reason: reason.to_string(),
        }
    }
}
