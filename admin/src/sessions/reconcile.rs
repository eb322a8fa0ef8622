//! Compares Rescue's own session report with the ledger, and finds the sessions that were never posted
//! (docs/vendors.md#session-report).
//!
//! The report's settings are state of the Rescue user who asks, so a lease is held from before they are set until the
//! report was read.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use shared::aws::credentials::report_lease_key;
use shared::aws::ledger::BY_TENANT;
use shared::domain::clock::Timestamp;
use shared::domain::session::{Event, SessionId};
use shared::domain::tenant::{TenantFile, TenantId};
use shared::domain::time_budget::TimeBudget;
use shared::environment::Testing;
use shared::rescue::api::RescueClient;
use shared::rescue::authcodes::RescueCredential;
use shared::rescue::report::{
    BETWEEN_REPORTS, Hierarchy, Period, ReportClient, ReportError, ReportFailure, ReportFormat,
    ReportNode, ReportedSession, SessionReport,
};

use super::ledger::table;
use super::post::{string, text};
use crate::error::AdminError;
use crate::lifecycle;
use crate::records::vendors;
use crate::stack::Stack;
use crate::tenant::table::read_existing;

/// How long all calls for one report may take.
const ONE_REPORT: Duration = Duration::from_secs(150);

/// How often a report is asked again: too soon, too long, or not readable as XML.
const REPETITIONS: usize = 4;

/// What is compared.
#[derive(Clone, Debug)]
pub struct ReconcileOptions {
    /// The tenant.
    pub tenant: TenantId,
    /// The sessions that ended in this period.
    pub period: Period,
    /// The SSO id of the technician to sign in as. Not needed where the tenant has an API token.
    pub technician: Option<String>,
    /// The nodes of Rescue's organisation whose sessions are the tenant's; empty: the whole account.
    pub nodes: Vec<String>,
    /// The variables that only tests set.
    pub testing: Testing,
}

/// The sessions of Rescue's report that the ledger does not have.
///
/// As JSON: `{"tenant","from","to","reported","missed":[{"session_id","ended_at","technician_id","technician","channel"}],
/// "unreadable","remarks":[…]}`. Times are RFC 3339 in UTC.
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

/// Asks Rescue for the report and compares it with the ledger. Writes nothing but the lease and a sign-in.
///
/// `pause` waits: Rescue makes one report in a minute.
///
/// # Errors
/// [`AdminError::NoSuchTenant`], [`AdminError::Report`]; otherwise when AWS refuses.
pub async fn reconcile(
    stack: &Stack,
    options: &ReconcileOptions,
    mut pause: impl AsyncFnMut(Duration),
) -> Result<Reconciled, AdminError> {
    let tenant = read_existing(stack, &options.tenant).await?.file;
    let vendors = vendors(stack, &options.testing)?;
    let rescue = vendors.rescue();
    let host = rescue.host(&tenant);
    let host = host.map_err(|error| AdminError::Report(format!("rescue.base_url {error}.")))?;
    if options.nodes.is_empty() {
        only_tenant_of_its_account(stack, &rescue, &tenant, host.as_str()).await?;
    }
    let user = options.technician.as_deref().unwrap_or_default().trim();
    let secrets = vendors.secret_store.tenant_secrets(&options.tenant).await;
    let secrets = secrets.map_err(|error| AdminError::Report(format!("{error}.")))?;
    // No sign-in without a name is sent to Rescue.
    if user.is_empty() && secrets.rescue_api_token.is_none() {
        return Err(AdminError::ReportTechnician(options.tenant.clone()));
    }
    let budget = TimeBudget::lasting(stack.clock.clone(), ONE_REPORT);
    let signed_in = vendors
        .authcodes(&rescue)
        .get(&tenant, user, None, &budget)
        .await;
    let credential = signed_in.map_err(|error| {
        AdminError::Report(format!("{user} cannot be signed in to Rescue: {error}."))
    })?;
    // The report's settings are this user's.
    let user = match &credential {
        RescueCredential::SignedIn(_) => user,
        RescueCredential::ApiToken(_) => "the API token",
    };
    let lease = report_lease_key(host.as_str(), &tenant.rescue.company_id, user);
    let owner = uuid::Uuid::new_v4().simple().to_string();
    let (credentials, length) = (stack.credentials(), ONE_REPORT + BETWEEN_REPORTS);
    let leased = credentials.take_lease(&lease, &owner, length).await;
    let leased = leased.map_err(|error| {
        AdminError::failed(
            "dynamodb:UpdateItem",
            "the credentials table",
            error.reason().to_owned(),
        )
    })?;
    if !leased {
        return Err(AdminError::Report(
            "Another report is being made for the same user of Rescue; repeat the command in four minutes.".to_owned(),
        ));
    }
    let mut remarks = Vec::new();
    let reports = Reports {
        stack,
        tenant: &tenant,
        options,
        rescue: &rescue,
        credential: &credential,
    };
    let read = reports.read(&mut remarks, &mut pause).await;
    credentials.release_lease(&lease, &owner).await;
    let (sessions, unreadable) = read?;
    let posted = posted_ends(stack, &options.tenant, options.period.from).await?;
    let reported = sessions.len();
    let never_posted = sessions
        .into_iter()
        .filter(|session| !posted.contains(&session.session_id));
    let mut missed: Vec<MissedSession> = never_posted.map(MissedSession::from).collect();
    missed.sort_by(|one, other| {
        let key = |session: &MissedSession| (session.technician.clone(), session.ended_at);
        key(one).cmp(&key(other))
    });
    Ok(Reconciled {
        tenant: options.tenant.clone(),
        from: options.period.from,
        to: options.period.to,
        reported,
        missed,
        unreadable,
        remarks,
    })
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

/// The reports of one run, asked for with one credential.
struct Reports<'a> {
    stack: &'a Stack,
    tenant: &'a TenantFile,
    options: &'a ReconcileOptions,
    rescue: &'a RescueClient,
    credential: &'a RescueCredential,
}

impl Reports<'_> {
    /// The tenant's sessions, and how many rows could not be read.
    async fn read(
        &self,
        remarks: &mut Vec<String>,
        pause: &mut impl AsyncFnMut(Duration),
    ) -> Result<(Vec<ReportedSession>, usize), AdminError> {
        let nodes = &self.options.nodes;
        let budget = self.budget();
        let client = self.client(&budget);
        let account = client.account().await.map_err(failed)?;
        let hierarchy = if nodes.is_empty() {
            None
        } else {
            Some(client.hierarchy().await.map_err(failed)?)
        };
        let unknown = hierarchy.as_ref().map(|hierarchy| hierarchy.unknown(nodes));
        if let Some(unknown) = unknown.filter(|unknown| !unknown.is_empty()) {
            return Err(AdminError::Report(format!(
                "Rescue's organisation has no node {}; --node takes ids of technicians, technician groups and channels.",
                unknown.join(", ")
            )));
        }
        let reports = match self.report(&account.node(), pause).await {
            Ok(report) => vec![report],
            Err(error) if error.may_be_about_the_node() => {
                remarks.push(format!("{error} Each technician group was asked instead."));
                let hierarchy = match &hierarchy {
                    Some(hierarchy) => hierarchy.clone(),
                    None => {
                        let budget = self.budget();
                        self.client(&budget).hierarchy().await.map_err(failed)?
                    }
                };
                let mut reports = Vec::new();
                for node in hierarchy.groups_to_ask(nodes) {
                    pause(BETWEEN_REPORTS).await;
                    reports.push(self.report(&node, pause).await.map_err(failed)?);
                }
                reports
            }
            Err(error) => return Err(failed(error)),
        };
        Ok(self.gathered(reports, hierarchy.as_ref(), remarks))
    }

    /// One report, repeated after the wait that Rescue asks for, and as text where XML is too long or not readable.
    async fn report(
        &self,
        node: &ReportNode,
        pause: &mut impl AsyncFnMut(Duration),
    ) -> Result<SessionReport, ReportError> {
        let mut format = ReportFormat::Xml;
        let mut repeated = 0;
        loop {
            let (budget, period) = (self.budget(), self.options.period);
            let error = match self.client(&budget).sessions(node, period, format).await {
                Ok(report) => return Ok(report),
                Err(error) => error,
            };
            repeated += 1;
            let wait = match &error.failure {
                ReportFailure::TooSoon { wait, .. } => *wait,
                ReportFailure::TooLong | ReportFailure::Unreadable(_)
                    if format == ReportFormat::Xml =>
                {
                    format = ReportFormat::Text;
                    BETWEEN_REPORTS
                }
                _ => return Err(error),
            };
            if repeated > REPETITIONS {
                return Err(error);
            }
            pause(wait).await;
        }
    }

    fn budget(&self) -> TimeBudget {
        TimeBudget::lasting(self.stack.clock.clone(), ONE_REPORT)
    }

    fn client<'b>(&'b self, budget: &'b TimeBudget) -> ReportClient<'b> {
        ReportClient::new(self.rescue, self.tenant, self.credential, budget)
    }

    fn gathered(
        &self,
        reports: Vec<SessionReport>,
        hierarchy: Option<&Hierarchy>,
        remarks: &mut Vec<String>,
    ) -> (Vec<ReportedSession>, usize) {
        let (mut sessions, mut unreadable, mut known) = (Vec::new(), 0, BTreeSet::new());
        for report in reports {
            unreadable += report.unreadable.total();
            for skipped in &report.skipped {
                let remark = format!(
                    "Rescue refused {} ({}): hours of the day that this user has set may hide sessions.",
                    skipped.step, skipped.answer
                );
                if !remarks.contains(&remark) {
                    remarks.push(remark);
                }
            }
            let nodes = &self.options.nodes;
            let own = report.sessions.into_iter().filter(|session| {
                hierarchy.is_none_or(|hierarchy| {
                    let technician = session.technician_id.as_deref();
                    hierarchy.covers(nodes, technician, session.channel_id.as_deref())
                })
            });
            for session in own {
                if known.insert(session.session_id.clone()) {
                    sessions.push(session);
                }
            }
        }
        (sessions, unreadable)
    }
}

/// Without nodes every session of the account counts as the tenant's.
async fn only_tenant_of_its_account(
    stack: &Stack,
    rescue: &RescueClient,
    tenant: &TenantFile,
    host: &str,
) -> Result<(), AdminError> {
    for other in lifecycle::list(stack).await?.listed {
        let Ok(file) = lifecycle::export(stack, &other.tenant).await else {
            continue;
        };
        let shares = file.rescue.company_id == tenant.rescue.company_id
            && rescue.host(&file).is_ok_and(|other| other.as_str() == host);
        if shares && file.tenant != tenant.tenant {
            return Err(AdminError::SharedRescueAccount {
                tenant: tenant.tenant.clone(),
                other: file.tenant,
            });
        }
    }
    Ok(())
}

fn failed(error: ReportError) -> AdminError {
    AdminError::Report(error.to_string())
}

/// The sessions of which an end was posted since then, in any state of the post.
async fn posted_ends(
    stack: &Stack,
    tenant: &TenantId,
    from: Timestamp,
) -> Result<BTreeSet<SessionId>, AdminError> {
    let mut posted = BTreeSet::new();
    let mut rest = None;
    loop {
        let answer = stack
            .dynamodb
            .query()
            .table_name(&stack.sessions_table)
            .index_name(BY_TENANT)
            .key_condition_expression("tenant = :tenant AND received_at >= :from")
            .projection_expression("session_id, event")
            .expression_attribute_values(":tenant", AttributeValue::S(tenant.to_string()))
            .expression_attribute_values(":from", text(from))
            .set_exclusive_start_key(rest)
            .send()
            .await;
        let answer =
            answer.map_err(|error| AdminError::aws("dynamodb:Query", &table(stack), &error))?;
        posted.extend(answer.items().iter().filter_map(|item| {
            let event = Event::parse(string(item, "event")?)?;
            let session = SessionId::parse(string(item, "session_id")?)?;
            (event == Event::Ended).then_some(session)
        }));
        rest = answer.last_evaluated_key;
        if rest.is_none() {
            return Ok(posted);
        }
    }
}
