//! Checks everything a tenant needs, and says how to correct each fault (`rescue-connector doctor`).
//!
//! Most checks are those of every reader ([`shared::checks`]). Here are those that need an operator's rights, an option, or
//! the stack. `--write-to` writes one note; nothing else is changed.

mod clock;
mod context;
mod failure;
mod http_api;
mod post_checks;
mod posts;
mod queues;
mod report;
mod rotation;
pub mod technicians;
mod test_note;

use std::time::Duration;

pub use shared::checks::report::{Check, Status};
use shared::checks::runner::{NamedCheck, run};
use shared::domain::tenant::TenantId;
use tokio::time::Instant;

use self::context::Doctor;
pub use self::report::{Options, Report};
use crate::error::AdminError;
use crate::stack::Stack;
use crate::tenant::table::read_managed;

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
    let tenant = read_managed(stack, id).await?;
    let doctor = Doctor::new(stack, tenant, options)?;
    let checks = run(
        checks(&doctor),
        CHECKS.saturating_sub(began.elapsed()),
        &mut ended,
    )
    .await;
    while doctor.examination.is_obtaining() && began.elapsed() < ALL {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(Report {
        tenant: id.clone(),
        checks,
    })
}

/// Every check, in the order of the report.
fn checks<'d>(doctor: &'d Doctor<'_>) -> Vec<NamedCheck<'d>> {
    let mut checks = doctor.examination.checks();
    checks.extend::<[NamedCheck<'d>; 11]>([
        ("write-note", Box::pin(doctor.write_note())),
        ("clock", Box::pin(doctor.clock())),
        ("rotation", Box::pin(doctor.rotation())),
        ("webhook", Box::pin(doctor.webhook())),
        ("api", Box::pin(doctor.api())),
        ("queue", Box::pin(doctor.queue())),
        ("dead-letters", Box::pin(doctor.dead_letters())),
        ("waiting-posts", Box::pin(doctor.waiting_posts())),
        ("last-post", Box::pin(doctor.last_post())),
        ("unended-sessions", Box::pin(doctor.unended_sessions())),
        ("record-references", Box::pin(doctor.record_references())),
    ]);
    checks
}
