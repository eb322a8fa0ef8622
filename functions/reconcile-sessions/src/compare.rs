//! One report: ask Rescue for it, keep what is the tenant's, find what was never posted, and queue that.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use shared::aws::queue::{QueueError, ReconcileRequest};
use shared::aws::tenants::ManagedTenant;
use shared::domain::tenant::TenantFile;
use shared::domain::time_budget::TimeBudget;
use shared::reconciliation::{
    FoundSession, NoReport, Ownership, ReportAnswer, ReportRun, Reporter, never_posted, queue,
};
use shared::rescue::report::{BETWEEN_REPORTS, ReportedSession, SessionReport};

use crate::failure::Obstacle;
use crate::service::ReconcileSessions;

/// Kept back of the invocation for storing what came of the messages.
const STORING_NEEDS: Duration = Duration::from_secs(20);

/// How many messages are sent at once.
const AT_ONCE: usize = 16;

/// What one report came to.
#[derive(Debug)]
pub(crate) struct Compared {
    /// How many of its sessions are the tenant's.
    pub(crate) reported: usize,
    /// Those whose end the ledger does not have.
    pub(crate) found: Vec<FoundSession>,
}

/// Takes the next report of a run.
///
/// # Errors
/// As [`Obstacle`] says. The run may have changed all the same: it says what to ask next.
pub(crate) async fn take_report(
    function: &ReconcileSessions,
    request: &ReconcileRequest,
    tenant: &ManagedTenant,
    run: &mut ReportRun,
    budget: &TimeBudget,
) -> Result<Compared, Obstacle> {
    let file = &tenant.tenant.file;
    let sharing = sharing(function, request, file).await?;
    let reporter = Reporter {
        rescue: &function.rescue,
        authcodes: &function.authcodes,
        secret_store: &function.secret_store,
        credentials: &function.credentials,
    };
    let time = budget.keep_back(STORING_NEEDS);
    let before = run.clone();
    let (answer, hierarchy) = reporter.take(file, run, &time).await?;
    let report = match answer {
        ReportAnswer::Read(report) => report,
        ReportAnswer::Again { wait, remark } => {
            if let Some(remark) = remark {
                tracing::info!(tenant = %file.tenant, remark, "the report is asked for otherwise");
            }
            // There is nothing else to ask for: Rescue has made another report of the same user.
            return Err(if *run == before {
                Obstacle::Busy
            } else {
                Obstacle::Wait(wait)
            });
        }
    };
    warn_of_gaps(file, &report);
    let secrets = function.secret_store.tenant_secrets(&file.tenant).await;
    let secrets = secrets.map_err(NoReport::from)?;
    let ownership = Ownership {
        tenant: file,
        sharing: &sharing,
        hierarchy: hierarchy.as_ref(),
        secrets: &secrets,
    };
    let own = report.sessions.into_iter().filter(|session| {
        ownership.is_own(session) && !tenant.was_switched_off_at(session.ended_at)
    });
    let own: Vec<ReportedSession> = own.collect();
    let (ledger, id) = (&function.ledger, &file.tenant);
    if run.is_doubtful(ledger, id).await? {
        return Err(if run.ask_groups() {
            Obstacle::Wait(BETWEEN_REPORTS)
        } else {
            NoReport::ShowsNone.into()
        });
    }
    let reported = own.len();
    let found = never_posted(ledger, id, &sharing, own, run.from).await?;
    Ok(Compared { reported, found })
}

/// The other tenants of the account: those that the schedule knew, and those that have been noted since.
async fn sharing(
    function: &ReconcileSessions,
    request: &ReconcileRequest,
    file: &TenantFile,
) -> Result<Vec<TenantFile>, Obstacle> {
    let mut named: BTreeSet<_> = request.shares_account_with.iter().cloned().collect();
    if let Some(key) = function.accounts.key(&file.rescue) {
        named.extend(function.accounts.note(&key, &file.tenant).await?);
    }
    let sharing = function.accounts.sharing(file, &named).await?;
    if let Some(other) = sharing.first()
        && file.rescue.report_nodes.is_empty()
    {
        tracing::error!(tenant = %file.tenant, other = %other.tenant, "two tenants have one Rescue account");
        let reason = "Another tenant has the same Rescue account, so rescue.report_nodes has to say whose sessions are this \
                      tenant's.";
        return Err(Obstacle::Permanent(reason.to_owned()));
    }
    Ok(sharing)
}

/// Logs what may make a report incomplete.
fn warn_of_gaps(file: &TenantFile, report: &SessionReport) {
    let (tenant, unreadable) = (&file.tenant, report.unreadable.total());
    if unreadable > 0 {
        tracing::warn!(%tenant, unreadable, "rows of Rescue's report cannot be read");
    }
    for skipped in &report.skipped {
        tracing::warn!(%tenant, step = skipped.step, answer = skipped.answer,
            "Rescue refused a setting of the report, which may hide sessions");
    }
}

/// Sends what follows for each found session. False: there was no time for all of them.
///
/// # Errors
/// When SQS did not confirm a message.
pub(crate) async fn queue_all(
    function: &ReconcileSessions,
    file: &TenantFile,
    found: Vec<FoundSession>,
    budget: &TimeBudget,
) -> Result<bool, QueueError> {
    let (tenant, mode) = (&file.tenant, file.rescue.reconcile);
    let now = function.clock.now();
    let mut found = found.into_iter().peekable();
    while found.peek().is_some() {
        if !budget.allows(STORING_NEEDS) {
            return Ok(false);
        }
        let some = found.by_ref().take(AT_ONCE);
        let sends = some.map(|session| queue(&function.sessions, tenant, session, mode, now));
        for sent in join_all(sends).await {
            sent?;
        }
    }
    Ok(true)
}
