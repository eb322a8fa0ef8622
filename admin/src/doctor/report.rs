//! What `doctor` reports, and which optional checks it makes.

use serde::Serialize;
use shared::checks::report::{Check, Status};
use shared::domain::secret::Secret;
use shared::domain::tenant::TenantId;
use shared::environment::Testing;

/// The answer of `doctor`: `{"tenant","checks":[{"id","status":"ok|warning|failed|skipped","seen","remedy"}]}`, always
/// all checks in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Report {
    pub tenant: TenantId,
    pub checks: Vec<Check>,
}

impl Report {
    /// The worst result.
    pub fn worst(&self) -> Status {
        let statuses = self.checks.iter().map(|check| check.status);
        statuses.max().unwrap_or(Status::Skipped)
    }

    /// How many checks have this result.
    pub fn count(&self, status: Status) -> usize {
        let checks = self.checks.iter();
        checks.filter(|check| check.status == status).count()
    }
}

/// Optional checks.
#[derive(Clone, Debug)]
pub struct Options {
    /// The technician to sign in to Rescue.
    pub technician: Option<String>,
    /// The record for a test note.
    pub write_to: Option<String>,
    /// One of the URLs that Rescue posts to. It holds a key.
    pub webhook_url: Option<Secret>,
    /// The e-mail addresses of technicians.
    pub technicians: Option<Vec<String>>,
    /// The variables that are only for tests.
    pub testing: Testing,
}
