//! What `doctor` reports, and what it is told to check.

use serde::Serialize;
use shared::domain::record::RecordNumber;
use shared::domain::secret::Secret;
use shared::domain::tenant::TenantId;
use shared::environment::Testing;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It was not made, and why.
    Skipped,
    /// All is well.
    Ok,
    /// It works, and may not for long, or not in all cases.
    Warning,
    /// It does not work.
    Failed,
}

/// One check: what was looked at, what was seen, and what to do about it.
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
/// | `servicenow-reachable` | whether the instance answers and is awake |
/// | `servicenow-access` | whether there is an access token that ServiceNow takes |
/// | `servicenow-user` | the service account: there, active, not locked |
/// | `read-incident`, `read-case`, `read-user` | reading each table in use, and the columns in use |
/// | `read-work-notes` | reading notes back, without which an unknown outcome cannot be settled |
/// | `read-attachments` | reading attachments, where long notes and chats go |
/// | `write-note` | one test note on `--write-to` |
/// | `email` | the Email API's rights |
/// | `case-plugin` | whether cases exist on the instance |
/// | `rate-limit` | what ServiceNow shows of its limits |
/// | `clock` | this computer's clock against ServiceNow's and AWS's |
/// | `refresh-token` | how long it lives yet |
/// | `rotation` | the schedule that renews it, and its last success |
/// | `webhook` | the URL of `--webhook-url` |
/// | `api` | whether the HTTP API and its function answer |
/// | `queue`, `dead-letters` | how many messages wait, of all tenants, and what of this tenant's was given up |
/// | `waiting-posts` | the tenant's posts that are not delivered yet, by reason |
/// | `paused` | whether deliveries are paused as a whole |
/// | `last-post` | when Rescue last posted anything |
/// | `unended-sessions` | sessions that started and never ended |
/// | `record-references` | sessions that named no record, or named one in a way that is not believed |
/// | `technicians` | each e-mail address of `--technicians`, and of `--technician`, against ServiceNow's users |
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name.
    pub id: &'static str,
    /// How it ended.
    pub status: Status,
    /// What was seen. Holds no secret.
    pub seen: String,
    /// What to do about it; null when nothing has to be done.
    pub remedy: Option<String>,
}

/// What `doctor` answers: `{"tenant","checks":[{"id","status":"ok|warning|failed|skipped","seen","remedy"}]}`, always
/// all checks in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The tenant.
    pub tenant: TenantId,
    /// Every check.
    pub checks: Vec<Check>,
}

impl Report {
    /// The worst that was seen.
    pub fn worst(&self) -> Status {
        let statuses = self.checks.iter().map(|check| check.status);
        statuses.max().unwrap_or(Status::Skipped)
    }

    /// How many checks ended like that.
    pub fn count(&self, status: Status) -> usize {
        let checks = self.checks.iter();
        checks.filter(|check| check.status == status).count()
    }
}

/// What is looked at beyond what every tenant has.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whom to sign in as.
    pub technician: Option<String>,
    /// The record that gets a test note.
    pub write_to: Option<RecordNumber>,
    /// One of the URLs that Rescue posts to. It holds a key.
    pub webhook_url: Option<Secret>,
    /// The e-mail addresses of technicians.
    pub technicians: Option<Vec<String>>,
    /// The variables that are only for tests.
    pub testing: Testing,
}
