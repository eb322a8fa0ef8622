//! Which reports a message takes, and which period they are about.

use std::time::Duration;

use shared::aws::tenants::ManagedTenant;
use shared::domain::clock::Timestamp;
use shared::domain::tenant::Reconcile;
use shared::reconciliation::{
    MissedSessions, MissedState, ReconcileProgress, ReconcileRun, ReportRun,
};
use shared::rescue::report::Period;

/// No run looks further back.
const FURTHEST_BACK: Duration = Duration::from_secs(7 * 24 * 3600);

/// Each run compares the last day of the one before again: Rescue may report a session later than it ended. The dates that
/// Rescue is asked for are a day wider anyway.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);

/// A run that would compare less than this is not made.
const SHORTEST: Duration = Duration::from_secs(30 * 60);

/// A run whose last report is older is continued by the message of another schedule, too.
const ABANDONED_AFTER: Duration = Duration::from_secs(30 * 60);

/// The run that a message of that schedule begins or continues; `None` when nothing is due, or another message continues.
pub(crate) fn run(
    tenant: &ManagedTenant,
    progress: &ReconcileProgress,
    missed: &MissedSessions,
    scheduled_at: Timestamp,
    now: Timestamp,
) -> Option<ReconcileRun> {
    let tenant_version = tenant.tenant.version;
    let present = progress.run.as_ref();
    if let Some(run) = present.filter(|run| run.tenant_version == tenant_version) {
        let is_own = run.scheduled_at == scheduled_at;
        let is_abandoned = now.since(run.stepped_at) >= ABANDONED_AFTER;
        return (is_own || is_abandoned).then(|| ReconcileRun {
            scheduled_at,
            ..run.clone()
        });
    }
    // A run may take hours, and the next one is due by then.
    if progress
        .ended
        .is_some_and(|ended| scheduled_at <= ended.scheduled_at)
    {
        return None;
    }
    let period = period(tenant, progress, missed, now)?;
    Some(ReconcileRun {
        reports: ReportRun::new(period),
        until: period.to,
        tenant_version,
        scheduled_at,
        stepped_at: present.map_or(scheduled_at, |run| run.stepped_at),
    })
}

/// The period that the next run compares; `None` when it would be too short.
fn period(
    tenant: &ManagedTenant,
    progress: &ReconcileProgress,
    missed: &MissedSessions,
    now: Timestamp,
) -> Option<Period> {
    let rescue = &tenant.tenant.file.rescue;
    let to = now.minus(rescue.reconcile_after.duration());
    let since = tenant.reconciliation.since.unwrap_or(now);
    let earliest = since.max(now.minus(FURTHEST_BACK));
    let mut from = match progress.compared_until {
        Some(until) if to < until.plus(SHORTEST) => return None,
        Some(until) => until.minus(OVERLAP),
        None => earliest,
    };
    if rescue.reconcile == Reconcile::Write {
        // What was found before writing was switched on is written, too.
        let all = missed.sessions.iter();
        let open = all.filter(|session| session.state != MissedState::Written);
        from = match open.map(|session| session.ended_at).min() {
            Some(_) if missed.more => earliest,
            Some(open) => from.min(open),
            None => from,
        };
    }
    let from = from.max(earliest);
    (from < to).then_some(Period { from, to })
}

#[cfg(test)]
mod tests {
    use shared::aws::tenants::{ManagedBy, Reconciliation};
    use shared::domain::session::SessionId;
    use shared::reconciliation::{
        MissedSession,
        MissedState::{Missed, Suspected, Written},
    };

    use super::*;

    /// In hours since reconciliation was switched on.
    fn at(hours: i64) -> Timestamp {
        Timestamp::from_millis(hours * 3_600_000)
    }

    fn tenant(mode: &str) -> ManagedTenant {
        let document = serde_json::json!({
            "tenant": "acme",
            "rescue": {"company_id": "1", "reconcile": mode},
            "servicenow": {"instance": "https://acme.service-now.com"},
        });
        let file = serde_json::from_value(document).expect("a tenant file");
        ManagedTenant {
            reconciliation: Reconciliation {
                since: Some(at(0)),
                ..Reconciliation::default()
            },
            ..ManagedTenant::new(file, ManagedBy::File)
        }
    }

    fn missed(state: MissedState, more: bool) -> MissedSessions {
        let session = MissedSession {
            session_id: SessionId::parse("7").expect("valid"),
            technician_id: None,
            ended_at: at(40),
            state,
        };
        MissedSessions {
            sessions: vec![session],
            more,
        }
    }

    /// The hours between which the next run compares, at the hundredth.
    fn compares(mode: &str, until: Option<i64>, missed: &MissedSessions) -> Option<(i64, i64)> {
        let progress = ReconcileProgress {
            compared_until: until.map(at),
            ..ReconcileProgress::default()
        };
        let period = period(&tenant(mode), &progress, missed, at(100))?;
        let hours = |at: Timestamp| at.as_secs() / 3_600;
        Some((hours(period.from), hours(period.to)))
    }

    #[test]
    fn a_run_looks_back_to_the_beginning_or_a_day_before_the_last_one_ended() {
        let none = MissedSessions::default();
        assert_eq!(compares("watch", None, &none), Some((0, 98)));
        assert_eq!(compares("watch", Some(92), &none), Some((68, 98)));
        assert_eq!(compares("watch", Some(10), &none), Some((0, 98)));
        assert_eq!(compares("watch", Some(98), &none), None);
    }

    #[test]
    fn what_is_not_written_is_looked_for_again_once_it_is_to_be_written() {
        for (mode, state, more, from) in [
            ("watch", Missed, false, 68),
            ("write", Missed, false, 40),
            ("write", Suspected, false, 40),
            ("write", Written, false, 68),
            // The earliest ones are not stored.
            ("write", Missed, true, 0),
            ("write", Written, true, 68),
        ] {
            let compared = compares(mode, Some(92), &missed(state, more));
            assert_eq!(compared, Some((from, 98)), "{mode} {state:?} {more}");
        }
    }
}
