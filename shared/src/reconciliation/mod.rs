//! Reconciliation: the sessions of Rescue's own report that were never posted (docs/reconciliation.md).
//!
//! `reconcile-sessions` compares a tenant's report with the ledger on a schedule, and the command line on demand. What they
//! find goes through the sessions queue, in the message group of the session: behind every post of it that was accepted
//! before. So `deliver-session` decides whether the session was missed, and no assumption about time does (decision 0019).

mod accounts;
mod by_technician;
mod found;
mod missed;
mod ownership;
mod progress;
mod reporter;
mod reports;

pub use self::accounts::{AccountsError, RescueAccounts};
pub use self::by_technician::MissedByTechnician;
pub use self::found::{FoundSession, never_posted, queue};
pub use self::missed::{MISSED_SHOWN_FOR, MissedSession, MissedSessions, MissedState, missed_key};
pub use self::ownership::Ownership;
pub use self::progress::{
    EndedRun, ReconcileFailure, ReconcileProgress, ReconcileRun, reconcile_lease_key,
    reconciled_key,
};
pub use self::reporter::{NoReport, ONE_REPORT, Reporter};
pub use self::reports::{ReportAnswer, ReportRun};
