//! Checks everything a tenant needs, and says how to correct each fault (`rescue-connector doctor`).
//!
//! Checks change nothing, with two exceptions: a missing access token or sign-in is obtained and shared
//! (docs/architecture.md#rule-5), and `--write-to` writes one note. Checks run concurrently and share common answers.

mod clock;
mod context;
mod finding;
mod http_api;
mod post_checks;
mod posts;
mod probe;
mod queues;
mod refresh_token;
mod report;
mod requests;
mod rescue;
mod servicenow;
mod servicenow_tables;
mod settings;
pub mod technicians;
mod test_note;

use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use shared::domain::tenant::TenantId;
use tokio::time::{Instant, timeout_at};

use self::context::Doctor;
use self::finding::Finding;
pub use self::report::{Check, Options, Report, Status};
use crate::error::AdminError;
use crate::stack::Stack;
use crate::tenant::table::read_existing;

/// A check that takes longer has failed.
const CHECKS: Duration = Duration::from_secs(25);

/// How long a running token grant may take: interrupting it may lose a refresh token.
const ALL: Duration = Duration::from_secs(29);

/// Makes all checks of a tenant concurrently and passes each to `ended`. Ends within 30 s.
///
/// # Errors
/// [`AdminError::NoSuchTenant`], or when the tenants' table cannot be read; everything else is a check that failed.
pub async fn examine(
    stack: &Stack,
    id: &TenantId,
    options: &Options,
    mut ended: impl FnMut(&Check),
) -> Result<Report, AdminError> {
    let began = Instant::now();
    let tenant = read_existing(stack, id).await?;
    let doctor = Doctor::new(stack, tenant, options)?;
    let checks = checks(&doctor).into_iter().enumerate();
    let mut running: FuturesUnordered<_> = checks
        .map(|(place, (id, check))| async move {
            let finding = timeout_at(began + CHECKS, check)
                .await
                .unwrap_or_else(|_| Finding::unfinished(CHECKS));
            (place, finding.into_check(id))
        })
        .collect();
    let mut checks = Vec::new();
    while let Some((place, check)) = running.next().await {
        ended(&check);
        checks.push((place, check));
    }
    while doctor.access.is_obtaining() && began.elapsed() < ALL {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    checks.sort_by_key(|(place, _)| *place);
    Ok(Report {
        tenant: id.clone(),
        checks: checks.into_iter().map(|(_, check)| check).collect(),
    })
}

type Checks<'a> = Vec<(&'static str, BoxFuture<'a, Finding>)>;

/// Every check, in the order of the report.
fn checks<'d>(doctor: &'d Doctor<'_>) -> Checks<'d> {
    vec![
        ("configuration", Box::pin(async { doctor.configuration() })),
        (
            "tenant-enabled",
            Box::pin(async { doctor.tenant_enabled() }),
        ),
        ("keys", Box::pin(async { doctor.keys() })),
        ("secrets", Box::pin(doctor.secrets())),
        ("rescue-host", Box::pin(doctor.rescue_host())),
        ("rescue-sign-in", Box::pin(doctor.rescue_sign_in())),
        ("rescue-api-token", Box::pin(doctor.rescue_api_token())),
        ("servicenow-reachable", Box::pin(doctor.reachable())),
        ("servicenow-access", Box::pin(doctor.servicenow_access())),
        ("servicenow-user", Box::pin(doctor.servicenow_user())),
        ("read-incident", Box::pin(doctor.read_incident())),
        ("read-case", Box::pin(doctor.read_case())),
        ("read-user", Box::pin(doctor.read_user())),
        ("read-work-notes", Box::pin(doctor.read_work_notes())),
        ("read-attachments", Box::pin(doctor.read_attachments())),
        ("write-note", Box::pin(doctor.write_note())),
        ("email", Box::pin(doctor.email())),
        ("case-plugin", Box::pin(doctor.case_plugin())),
        ("rate-limit", Box::pin(doctor.rate_limit())),
        ("clock", Box::pin(doctor.clock())),
        ("refresh-token", Box::pin(doctor.refresh_token())),
        ("rotation", Box::pin(doctor.rotation())),
        ("webhook", Box::pin(doctor.webhook())),
        ("api", Box::pin(doctor.api())),
        ("queue", Box::pin(doctor.queue())),
        ("dead-letters", Box::pin(doctor.dead_letters())),
        ("waiting-posts", Box::pin(doctor.waiting_posts())),
        ("paused", Box::pin(doctor.paused())),
        ("last-post", Box::pin(doctor.last_post())),
        ("unended-sessions", Box::pin(doctor.unended_sessions())),
        ("record-references", Box::pin(doctor.record_references())),
        ("technicians", Box::pin(doctor.technicians())),
    ]
}
