//! What `doctor` reports, and which optional checks it makes.

use serde::Serialize;
use shared::domain::record::RecordNumber;
use shared::domain::secret::Secret;
use shared::domain::tenant::TenantId;
use shared::environment::Testing;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It was not made.
    Skipped,
    /// No fault was found.
    Ok,
    /// It works, but perhaps not for long or not in all cases.
    Warning,
    /// It does not work.
    Failed,
}

/// One check: its result, and what to do.
///
/// The ids are stable; scripts may rely on them:
///
/// | id | looks at |
/// |---|---|
/// | `configuration` | the tenant file: complete for its grant, hosts that may be called |
/// | `tenant-enabled` | whether the tenant is switched on |
/// | `keys` | webhook and API keys |
/// | `secrets` | the secrets that the tenant's settings need |
/// | `rescue-host` | whether Rescue's host answers |
/// | `rescue-sign-in` | single sign-on as `--technician` |
/// | `rescue-api-token` | the API token, where there is one |
/// | `servicenow-reachable` | whether the instance answers and does not hibernate |
/// | `servicenow-access` | whether ServiceNow accepts the access token |
/// | `servicenow-user` | the service account: exists, active, not locked |
/// | `read-incident`, `read-case`, `read-user` | reading each table in use, and the columns in use |
/// | `read-work-notes` | reading notes back, which resolves unknown outcomes |
/// | `read-attachments` | reading attachments, where long notes and chats go |
/// | `write-note` | one test note on `--write-to` |
/// | `email` | the Email API's rights |
/// | `case-plugin` | whether cases exist on the instance |
/// | `rate-limit` | the limits that ServiceNow returns |
/// | `clock` | this computer's clock against ServiceNow's and AWS's |
/// | `refresh-token` | when it expires |
/// | `rotation` | the schedule that renews it, and its last success |
/// | `webhook` | the URL of `--webhook-url` |
/// | `api` | whether the HTTP API and its function answer |
/// | `queue`, `dead-letters` | how many messages of all tenants wait, and this tenant's failed posts |
/// | `waiting-posts` | the tenant's posts that are not delivered yet, by reason |
/// | `paused` | whether deliveries are paused as a whole |
/// | `last-post` | when Rescue last posted |
/// | `unended-sessions` | sessions that started and never ended |
/// | `record-references` | sessions without a record reference, or with an unsigned `Tracking0` |
/// | `technicians` | each e-mail address of `--technicians`, and of `--technician`, against ServiceNow's users |
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Check {
    pub id: &'static str,
    pub status: Status,
    /// What was found. Holds no secret.
    pub seen: String,
    /// What to do; null when nothing has to be done.
    pub remedy: Option<String>,
}

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
    pub write_to: Option<RecordNumber>,
    /// One of the URLs that Rescue posts to. It holds a key.
    pub webhook_url: Option<Secret>,
    /// The e-mail addresses of technicians.
    pub technicians: Option<Vec<String>>,
    /// The variables that are only for tests.
    pub testing: Testing,
}
