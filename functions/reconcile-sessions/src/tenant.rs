//! One message: the next report of a tenant, and what is left to do after it.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use shared::aws::ledger::SessionEnd;
use shared::aws::queue::ReconcileRequest;
use shared::aws::storage_error::StorageError;
use shared::aws::tenants::ManagedTenant;
use shared::domain::tenant::{Reconcile, TenantId};
use shared::domain::time_budget::TimeBudget;
use shared::reconciliation::{
    EndedRun, FoundSession, MissedSession, MissedSessions, MissedState, ReconcileFailure,
    ReconcileProgress, ReconcileRun, ReportRun, reconcile_lease_key,
};
use shared::rescue::report::BETWEEN_REPORTS;
use shared::retry::UNKNOWN_OUTCOME_WAIT;
use shared::telemetry::{self, Metric};

use crate::compare::{self, Compared};
use crate::failure::{Obstacle, StepFailure};
use crate::plan;
use crate::service::ReconcileSessions;

/// While another process compares the tenant's sessions.
const LEASE_WAIT: Duration = Duration::from_secs(60);

/// Before the ledger is asked again for sessions that are suspected: their messages pass through the sessions queue.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(120);

/// How long after a run it is asked again; then the next run does it.
const LOOK_AGAIN_FOR: Duration = Duration::from_secs(600);

/// Before what may pass is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(600);

/// What may pass is given up so long after the last report, and tried by the next run.
const GIVE_UP_AFTER: Duration = Duration::from_secs(2 * 3600);

/// A run waits no longer for the report's user: the next schedule sends another message.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 3600);

/// How many sessions are looked up at once.
const AT_ONCE: usize = 16;

/// What happens after a message.
enum Next {
    Nothing,
    Again(Duration),
}

/// Compares a tenant's sessions as far as one report goes, and sends the message that continues.
///
/// # Errors
/// When the message has to be received again.
pub(crate) async fn reconcile(
    function: &ReconcileSessions,
    body: &str,
    budget: &TimeBudget,
) -> Result<(), StepFailure> {
    let request = ReconcileRequest::decode(body)?;
    let lease = reconcile_lease_key(&request.tenant);
    let owner = uuid::Uuid::new_v4().simple().to_string();
    let credentials = &function.credentials;
    // No call is made after the invocation's end, and none takes effect long after it.
    let length = budget.left() + UNKNOWN_OUTCOME_WAIT;
    let next = if credentials.take_lease(&lease, &owner, length).await? {
        let next = step(function, &request, budget).await;
        credentials.release_lease(&lease, &owner).await;
        next?
    } else {
        Next::Again(LEASE_WAIT)
    };
    match next {
        Next::Nothing => Ok(()),
        Next::Again(delay) => Ok(function.queue.send(&request, delay).await?),
    }
}

async fn step(
    function: &ReconcileSessions,
    request: &ReconcileRequest,
    budget: &TimeBudget,
) -> Result<Next, StepFailure> {
    let (id, credentials) = (&request.tenant, &function.credentials);
    let tenant = function.tenants.read(id).await?;
    let Some(tenant) = tenant.filter(is_reconciled) else {
        return Ok(Next::Nothing);
    };
    let mut progress = ReconcileProgress::read(credentials, id).await?;
    let mut missed = MissedSessions::read(credentials, id, function.clock.now()).await?;
    // A run that goes on has looked at its beginning.
    if progress.run.is_none() {
        look_again(function, id, &mut missed).await?;
    }
    let (now, scheduled_at) = (function.clock.now(), request.scheduled_at);
    let Some(mut run) = plan::run(&tenant, &progress, &missed, scheduled_at, now) else {
        let is_unclear = missed.in_state(MissedState::Suspected).next().is_some();
        let ended = progress.ended.filter(|_| is_unclear);
        let look = ended.is_some_and(|ended| now.since(ended.at) < LOOK_AGAIN_FOR);
        return Ok(if look {
            Next::Again(LOOK_AGAIN_AFTER)
        } else {
            Next::Nothing
        });
    };
    let before = run.clone();
    let taken = compare::take_report(function, request, &tenant, &mut run.reports, budget).await;
    let waited = function.clock.now().since(run.stepped_at.max(scheduled_at));
    match taken {
        Ok(compared) => {
            // Before the messages: what has been delivered is not found again.
            note_found(function, id, &mut missed, &compared, &run.reports).await?;
            let file = &tenant.tenant.file;
            // After the messages: a process that died before takes the report again.
            if compare::queue_all(function, file, compared.found, budget).await? {
                if let Some(refused) = run.reports.refused().filter(|_| !run.reports.has_more()) {
                    // The other nodes have been compared; this period is compared again.
                    let reason = refused.to_owned();
                    fail(function, id, progress, &run, reason).await?;
                    return Ok(Next::Again(BETWEEN_REPORTS));
                }
                progress.failure = None;
                go_on(function, id, &mut progress, run).await?;
            } else {
                // The report is taken again: by then the ledger has what was sent.
                keep_run(function, id, &mut progress, before).await?;
            }
            Ok(Next::Again(BETWEEN_REPORTS))
        }
        Err(Obstacle::Busy) if waited < LONGEST_WAIT => Ok(Next::Again(BETWEEN_REPORTS)),
        Err(Obstacle::Busy) => {
            let reason = "Other reports of the same user of Rescue were made all the time.";
            fail(function, id, progress, &run, reason.to_owned()).await
        }
        Err(Obstacle::Wait(wait)) => {
            keep_run(function, id, &mut progress, run).await?;
            Ok(Next::Again(wait))
        }
        Err(Obstacle::Transient(reason)) if waited < GIVE_UP_AFTER => {
            tracing::info!(tenant = %id, reason, "the report is tried again");
            Ok(Next::Again(TRY_AGAIN_AFTER))
        }
        Err(Obstacle::Transient(reason) | Obstacle::Permanent(reason)) => {
            fail(function, id, progress, &run, reason).await
        }
        Err(Obstacle::Step(failure)) => Err(failure),
    }
}

fn is_reconciled(tenant: &ManagedTenant) -> bool {
    let file = &tenant.tenant.file;
    file.enabled && file.rescue.reconcile != Reconcile::Off
}

/// Asks the ledger what has become of the sessions that are suspected or missed.
async fn look_again(
    function: &ReconcileSessions,
    id: &TenantId,
    missed: &mut MissedSessions,
) -> Result<(), StorageError> {
    let is_open = |session: &&MissedSession| session.state != MissedState::Written;
    let open: Vec<_> = missed.sessions.iter().filter(is_open).cloned().collect();
    if open.is_empty() {
        return Ok(());
    }
    let (mut posted, mut known) = (HashSet::new(), Vec::new());
    for some in open.chunks(AT_ONCE) {
        let ends = some
            .iter()
            .map(|session| function.ledger.session_end(id, &session.session_id));
        for (session, end) in some.iter().zip(join_all(ends).await) {
            let state = match end? {
                SessionEnd::Posted => {
                    posted.insert(session.session_id.clone());
                    continue;
                }
                SessionEnd::Reported => MissedState::Written,
                SessionEnd::Missed => MissedState::Missed,
                SessionEnd::Unknown => continue,
            };
            known.push(MissedSession {
                state,
                ..session.clone()
            });
        }
    }
    let before = missed.clone();
    missed
        .sessions
        .retain(|session| !posted.contains(&session.session_id));
    missed.add(known, function.clock.now());
    if *missed != before {
        missed.store(&function.credentials, id).await?;
    }
    Ok(())
}

async fn note_found(
    function: &ReconcileSessions,
    id: &TenantId,
    missed: &mut MissedSessions,
    compared: &Compared,
    run: &ReportRun,
) -> Result<(), StorageError> {
    let (reported, found) = (compared.reported, compared.found.len());
    tracing::info!(tenant = %id, from = %run.from, to = %run.to, reported, found,
        "sessions of Rescue's report compared with the ledger");
    if found == 0 {
        return Ok(());
    }
    let found = compared.found.iter().map(FoundSession::missed);
    missed.add(found, function.clock.now());
    missed.store(&function.credentials, id).await
}

/// After a report has been compared: keeps what is left of the run, or ends it.
async fn go_on(
    function: &ReconcileSessions,
    id: &TenantId,
    progress: &mut ReconcileProgress,
    run: ReconcileRun,
) -> Result<(), StorageError> {
    let reports = if run.reports.has_more() {
        Some(run.reports.clone())
    } else {
        progress.compared_until = progress.compared_until.max(Some(run.reports.to));
        run.reports.following(run.until)
    };
    match reports {
        Some(reports) => keep_run(function, id, progress, ReconcileRun { reports, ..run }).await,
        None => end_run(function, id, progress, &run).await,
    }
}

/// Keeps what is left of a run for the next message.
async fn keep_run(
    function: &ReconcileSessions,
    id: &TenantId,
    progress: &mut ReconcileProgress,
    run: ReconcileRun,
) -> Result<(), StorageError> {
    progress.run = Some(ReconcileRun {
        stepped_at: function.clock.now(),
        ..run
    });
    progress.store(&function.credentials, id).await
}

async fn end_run(
    function: &ReconcileSessions,
    id: &TenantId,
    progress: &mut ReconcileProgress,
    run: &ReconcileRun,
) -> Result<(), StorageError> {
    progress.run = None;
    progress.ended = Some(EndedRun {
        scheduled_at: run.scheduled_at,
        at: function.clock.now(),
    });
    progress.store(&function.credentials, id).await
}

/// Ends the run without success. What it would have compared is compared by the next one.
async fn fail(
    function: &ReconcileSessions,
    id: &TenantId,
    mut progress: ReconcileProgress,
    run: &ReconcileRun,
    reason: String,
) -> Result<Next, StepFailure> {
    telemetry::count(Metric::ReconcileFailed, Some(id));
    tracing::error!(tenant = %id, reason, "sessions are not compared with Rescue's report");
    progress.failure = Some(ReconcileFailure {
        at: function.clock.now(),
        reason,
    });
    end_run(function, id, &mut progress, run).await?;
    Ok(Next::Nothing)
}
