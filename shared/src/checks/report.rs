//! What a check reports.

use serde::Serialize;

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
/// The ids are stable; scripts may rely on them. Those that need an operator's rights, an option or the stack are in
/// `rescue-connector doctor` alone:
///
/// | id | looks at |
/// |---|---|
/// | `configuration` | the settings: complete for its grant, hosts that may be called |
/// | `tenant-enabled` | whether the tenant is switched on |
/// | `keys` | webhook and API keys |
/// | `secrets` | the secrets that the tenant's settings need |
/// | `rescue-host` | whether Rescue's host answers |
/// | `rescue-sign-in` | single sign-on as the technician who is named |
/// | `rescue-api-token` | the API token, where there is one |
/// | `missed-sessions` | sessions that Rescue never posted, where they are looked for |
/// | `servicenow-reachable` | whether the instance answers and does not hibernate |
/// | `servicenow-access` | whether ServiceNow accepts the access token |
/// | `servicenow-user` | the service account: exists, active, not locked |
/// | `read-incident`, `read-case`, `read-tables`, `read-user` | reading each table in use, and the columns in use |
/// | `session-table` | the table of the session rows, where the tenant has one |
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
/// | `technicians` | the e-mail address of each technician who is named against ServiceNow's users |
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
