//! Compares Rescue's own session report with the ledger by hand, and writes what was never posted if asked to
//! (docs/reconciliation.md).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use shared::aws::ledger::{ENTRY_LIFETIME, Ledger};
use shared::aws::storage_error::StorageError;
use shared::aws::tenants::ManagedTenant;
use shared::domain::clock::Timestamp;
use shared::domain::session::SessionId;
use shared::domain::tenant::{Reconcile, TenantFile, TenantId};
use shared::domain::time_budget::TimeBudget;
use shared::environment::Testing;
use shared::reconciliation::{
    NoReport, ONE_REPORT, Ownership, ReportAnswer, ReportRun, Reporter, never_posted, queue,
};
use shared::rescue::report::{BETWEEN_REPORTS, Hierarchy, Period, ReportedSession, SessionReport};
use shared::wiring::VendorWiring;

use super::ledger::ledger;
use crate::error::AdminError;
use crate::records::vendors;
use crate::stack::Stack;
use crate::tenant::sharing;
use crate::tenant::table::read_managed;

/// How often in a row Rescue may make no report: too soon, too long, or not readable as XML.
const REPETITIONS: usize = 6;

/// What is compared.
#[derive(Clone, Debug)]
pub struct ReconcileOptions {
    /// The tenant.
    pub tenant: TenantId,
    /// The sessions that ended in this period.
    pub period: Period,
    /// The SSO id of the technician to sign in as, in place of `rescue.report_technician`. Not needed where the tenant has an
    /// API token.
    pub technician: Option<String>,
    /// The nodes of Rescue's organisation whose sessions are the tenant's, in place of `rescue.report_nodes`.
    pub nodes: Vec<String>,
    /// Whether the missed sessions are queued for delivery.
    pub write: bool,
    /// Whether to write sessions, too, that ended before the ledger's memory begins.
    pub beyond_ledger: bool,
    /// The variables that only tests set.
    pub testing: Testing,
}

/// The sessions of Rescue's report that the ledger does not have.
///
/// As JSON: `{"tenant","from","to","reported","missed":[{"session_id","ended_at","technician_id","technician","channel"}],
/// "queued","unreadable","remarks":[…]}`; `queued` only when they were to be written. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reconciled {
    /// The tenant.
    pub tenant: TenantId,
    /// The beginning of the period.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// How many sessions of the tenant the report has.
    pub reported: usize,
    /// Those of which no end was posted, sorted by technician and time.
    pub missed: Vec<MissedSession>,
    /// How many of them were queued for delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queued: Option<usize>,
    /// How many rows of the report could not be read.
    pub unreadable: usize,
    /// What may make the result incomplete.
    pub remarks: Vec<String>,
}

/// A session that Rescue did not post.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissedSession {
    /// Rescue's id of it.
    pub session_id: SessionId,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The technician's node id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub technician_id: Option<String>,
    /// The technician's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub technician: Option<String>,
    /// The channel's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

/// Asks Rescue for the report and compares it with the ledger. Writes nothing but leases and a sign-in, unless the options say
/// so.
///
/// `pause` waits: Rescue makes one report in a minute.
///
/// # Errors
/// [`AdminError::NoSuchTenant`], [`AdminError::SharedRescueAccount`], [`AdminError::BeyondLedger`], [`AdminError::Report`];
/// otherwise when AWS refuses.
pub async fn reconcile(
    stack: &Stack,
    options: &ReconcileOptions,
    pause: impl AsyncFnMut(Duration),
) -> Result<Reconciled, AdminError> {
    let oldest = stack.clock.now().minus(ENTRY_LIFETIME);
    if options.write && options.period.from < oldest && !options.beyond_ledger {
        return Err(AdminError::BeyondLedger(oldest));
    }
    let mut tenant = read_managed(stack, &options.tenant).await?;
    let rescue = &mut tenant.tenant.file.rescue;
    if let Some(technician) = &options.technician {
        technician.trim().clone_into(&mut rescue.report_technician);
    }
    if !options.nodes.is_empty() {
        rescue.report_nodes.clone_from(&options.nodes);
    }
    let mut run = Run {
        stack,
        options,
        tenant: &tenant,
        sharing: told_apart(stack, &tenant.tenant.file).await?,
        sessions: BTreeMap::new(),
        unreadable: 0,
        remarks: BTreeSet::new(),
    };
    run.read(pause).await?;
    run.compare().await
}

/// The reports of one run.
struct Run<'a> {
    stack: &'a Stack,
    options: &'a ReconcileOptions,
    tenant: &'a ManagedTenant,
    /// The account's other tenants.
    sharing: Vec<TenantFile>,
    sessions: BTreeMap<SessionId, ReportedSession>,
    unreadable: usize,
    remarks: BTreeSet<String>,
}

impl Run<'_> {
    /// Reads every report of the period.
    async fn read(&mut self, mut pause: impl AsyncFnMut(Duration)) -> Result<(), AdminError> {
        let vendors = vendors(self.stack, &self.options.testing)?;
        let rescue = vendors.rescue();
        let authcodes = vendors.authcodes(&rescue);
        let reporter = Reporter {
            rescue: &rescue,
            authcodes: &authcodes,
            secret_store: &vendors.secret_store,
            credentials: &vendors.credentials,
        };
        let file = &self.tenant.tenant.file;
        let mut repeated = 0;
        let mut reports = ReportRun::new(self.options.period);
        let ledger = ledger(self.stack);
        loop {
            let before = reports.clone();
            let budget = TimeBudget::lasting(self.stack.clock.clone(), ONE_REPORT);
            let wait = match reporter.take(file, &mut reports, &budget).await {
                Ok((ReportAnswer::Read(report), hierarchy)) => {
                    repeated = 0;
                    self.keep(report, hierarchy.as_ref(), &vendors).await?;
                    if !self.asks_groups(&ledger, &mut reports).await? && !reports.has_more() {
                        self.remarks.extend(reports.refused().map(str::to_owned));
                        // A report that was too long was asked for a part of the period.
                        match reports.following(self.options.period.to) {
                            Some(following) => reports = following,
                            None => return Ok(()),
                        }
                    }
                    BETWEEN_REPORTS
                }
                Ok((ReportAnswer::Again { wait, remark }, _)) => {
                    self.remarks.extend(remark);
                    wait.max(BETWEEN_REPORTS)
                }
                Err(NoReport::Busy) if repeated < REPETITIONS => BETWEEN_REPORTS,
                Err(error) => return Err(no_report(file, error)),
            };
            if reports == before {
                repeated += 1;
            }
            if repeated > REPETITIONS {
                let reason = "Rescue made no report, however often it was asked.";
                return Err(AdminError::Report(reason.to_owned()));
            }
            pause(wait).await;
        }
    }

    /// Whether the report of the account is doubted, so that each technician group is asked.
    async fn asks_groups(
        &mut self,
        ledger: &Ledger,
        reports: &mut ReportRun,
    ) -> Result<bool, AdminError> {
        let tenant = &self.tenant.tenant.file;
        let doubtful = reports.is_doubtful(ledger, &tenant.tenant).await;
        if !doubtful.map_err(unreadable)? {
            return Ok(false);
        }
        if reports.ask_groups() {
            return Ok(true);
        }
        // The nodes of the options may be some of the tenant's, and the posts those of the others.
        if self.options.nodes.is_empty() {
            return Err(no_report(tenant, NoReport::ShowsNone));
        }
        self.remarks.insert(NoReport::ShowsNone.to_string());
        Ok(false)
    }

    /// Keeps the tenant's sessions of a report.
    async fn keep(
        &mut self,
        report: SessionReport,
        hierarchy: Option<&Hierarchy>,
        vendors: &VendorWiring,
    ) -> Result<(), AdminError> {
        self.unreadable += report.unreadable.total();
        self.remarks
            .extend(report.skipped.iter().map(|skipped| {
                format!(
                    "Rescue refused {} ({}): hours of the day that this user has set may hide sessions.",
                    skipped.step, skipped.answer
                )
            }));
        let id = &self.options.tenant;
        let secrets = vendors.secret_store.tenant_secrets(id).await;
        let secrets = secrets.map_err(|error| AdminError::Report(format!("{error}.")))?;
        let ownership = Ownership {
            tenant: &self.tenant.tenant.file,
            sharing: &self.sharing,
            hierarchy,
            secrets: &secrets,
        };
        let own = report.sessions.into_iter().filter(|session| {
            ownership.is_own(session) && !self.tenant.was_switched_off_at(session.ended_at)
        });
        self.sessions
            .extend(own.map(|session| (session.session_id.clone(), session)));
        Ok(())
    }

    /// Compares the sessions with the ledger, and queues those that were never posted if they are to be written.
    async fn compare(self) -> Result<Reconciled, AdminError> {
        let (stack, options) = (self.stack, self.options);
        let ledger = ledger(stack);
        let reported = self.sessions.len();
        let sessions = self.sessions.into_values().collect();
        let (id, from) = (&options.tenant, options.period.from);
        let found = never_posted(&ledger, id, &self.sharing, sessions, from).await;
        let found = found.map_err(unreadable)?;
        let sessions = found.iter().map(|found| found.session.clone());
        let mut missed: Vec<MissedSession> = sessions.map(MissedSession::from).collect();
        missed.sort_by(|one, other| {
            let key = |session: &MissedSession| (session.technician.clone(), session.ended_at);
            key(one).cmp(&key(other))
        });
        if options.write {
            let (queues, now) = (stack.queues(), stack.clock.now());
            for session in found {
                let sent = queue(&queues, id, session, Reconcile::Write, now).await;
                sent.map_err(|error| {
                    AdminError::failed("sqs:SendMessage", "the sessions queue", error.0)
                })?;
            }
        }
        Ok(Reconciled {
            tenant: id.clone(),
            from,
            to: options.period.to,
            reported,
            queued: options.write.then_some(missed.len()),
            missed,
            unreadable: self.unreadable,
            remarks: self.remarks.into_iter().collect(),
        })
    }
}

impl From<ReportedSession> for MissedSession {
    fn from(session: ReportedSession) -> Self {
        Self {
            session_id: session.session_id,
            ended_at: session.ended_at,
            technician_id: session.technician_id,
            technician: session.technician_name,
            channel: session.channel_name,
        }
    }
}

fn no_report(tenant: &TenantFile, error: NoReport) -> AdminError {
    match error {
        NoReport::NoUser => AdminError::ReportTechnician(tenant.tenant.clone()),
        NoReport::Busy => AdminError::Report(format!("{error} Repeat the command in an hour.")),
        error => AdminError::Report(error.to_string()),
    }
}

/// The ledger cannot be read.
fn unreadable(error: StorageError) -> AdminError {
    let reason = error.reason().to_owned();
    AdminError::failed("dynamodb:Query", "the sessions table", reason)
}

/// The other tenants with the same Rescue account. Without nodes every session of the account counts as the tenant's, so there
/// must be no other tenant.
async fn told_apart(stack: &Stack, file: &TenantFile) -> Result<Vec<TenantFile>, AdminError> {
    let sharing = sharing(stack, file).await?;
    match sharing.first() {
        Some(other) if file.rescue.report_nodes.is_empty() => {
            Err(AdminError::SharedRescueAccount {
                tenant: file.tenant.clone(),
                other: other.tenant.clone(),
            })
        }
        _ => Ok(sharing),
    }
}
