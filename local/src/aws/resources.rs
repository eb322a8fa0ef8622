//! The names and references of what a template creates.

use std::collections::BTreeMap;

use crate::template::{Error, Function, Scope};

/// What [`Aws::provision`](super::Aws::provision) created, by logical ids.
#[derive(Clone, Debug)]
pub struct Resources {
    /// Table names.
    pub tables: BTreeMap<String, String>,
    /// Queues.
    pub queues: BTreeMap<String, QueueNames>,
    /// What references lead to. The functions and the HTTP API are added when they run.
    pub scope: Scope,
}

/// The names of one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueNames {
    /// Its name.
    pub name: String,
    /// Its URL on the endpoint.
    pub url: String,
    /// Its ARN.
    pub arn: String,
}

impl Resources {
    /// The environment of a function, every reference followed.
    ///
    /// # Errors
    /// Names the first reference that cannot be resolved.
    pub fn environment(&self, function: &Function) -> Result<BTreeMap<String, String>, Error> {
        function.resolve_environment(&self.scope)
    }
}
