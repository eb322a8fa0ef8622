//! `rescue-connector sessions …`

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use clap::{ArgGroup, Args, Subcommand};
use shared::aws::ledger::PostState;
use shared::domain::clock::Timestamp;
use shared::domain::record::RecordRef;
use shared::domain::session::{SessionId, Source};
use shared::domain::tenant::TenantId;
use shared::rescue::report::Period;

use super::arguments::{example, examples, record_number, session_id, tenant_id};
use super::global::{Global, Output};
use super::layout::{columns, minute, wrapped};
use super::style::{FAULT, STRONG};
use super::terminal::{Progress, remark};
use super::when::{FORMS, When};

use crate::error::AdminError;
use crate::lifecycle::export;
use crate::plain::plain;
use crate::records::{Numbers, Records, record_number as number_of};
use crate::sessions::{
    Filter, LedgerPost, ReconcileOptions, Reconciled, RecordFilter, ShownPost, ShownSession, list,
    list_all, reconcile, show,
};
use crate::stack::{Need, Stack};

const STATES: [PostState; 6] = [
    PostState::Delivering,
    PostState::Waiting,
    PostState::Delivered,
    PostState::Ignored,
    PostState::Unmatched,
    PostState::Failed,
];

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List a tenant's posts, or all tenants', the newest first
    #[command(after_help = examples([
        "sessions list acme --state failed --since yesterday",
        "sessions list --all-tenants --state failed --since \"20 Nov\"",
        "sessions list acme --record INC0010001",
    ]))]
    List(List),
    /// Show the outcome of one session step by step, and what to do
    #[command(after_help = example("sessions show acme 123456789"))]
    Show {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
        /// Rescue's session id
        #[arg(value_name = "ID", value_parser = session_id)]
        session: SessionId,
    },
    /// Find the sessions that Rescue never posted, from its own session report
    ///
    /// A technician group without a webhook URL posts nothing, and Rescue does not repeat a post that failed. Rescue makes one
    /// report in a minute for a user, so the command may have to wait. With --write the sessions are queued, and each becomes a
    /// note that says so on the record to which it belongs.
    #[command(after_help = examples([
        "sessions reconcile acme --from \"7 days\"",
        "sessions reconcile acme --from 2026-11-01 --to 2026-11-08 --technician ana.ruiz@acme.test --output json",
        "sessions reconcile acme --from \"30 days\" --write",
    ]))]
    Reconcile(Reconcile),
}

#[derive(Debug, Args)]
pub(super) struct Reconcile {
    /// The tenant
    #[arg(value_parser = tenant_id)]
    tenant: TenantId,
    /// Sessions that ended since then, in UTC: "7 days", yesterday, 2026-11-20, "20 Nov", or a date-time (RFC 3339). The ledger
    /// keeps posts for 90 days
    #[arg(long, value_name = "WHEN", value_parser = since)]
    from: When,
    /// Sessions that ended before then; a later end may not have been delivered yet
    #[arg(long, value_name = "WHEN", value_parser = since, default_value = "2 hours ago")]
    to: When,
    /// The SSO id of the technician to sign in as, who may make reports, in place of the setting rescue.report_technician; not
    /// needed with the secret rescue-api-token
    #[arg(long, value_name = "SSO_ID")]
    technician: Option<String>,
    /// Only sessions of technicians or channels below this node of Rescue's organisation, in place of the setting
    /// rescue.report_nodes; may be repeated
    #[arg(long = "node", value_name = "ID")]
    nodes: Vec<String>,
    /// Queue the sessions that were never posted, so that they are written to ServiceNow
    #[arg(long)]
    write: bool,
    /// With --write: also sessions that ended more than 90 days ago, although the ledger does not hold their posts any more
    #[arg(long, requires = "write")]
    beyond_ledger: bool,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whose").required(true).args(["tenant", "all_tenants"]))]
pub(super) struct List {
    /// The tenant
    #[arg(value_parser = tenant_id)]
    tenant: Option<TenantId>,
    /// The posts of every tenant
    #[arg(long)]
    all_tenants: bool,
    /// Only posts in this state
    #[arg(long, value_parser = states())]
    state: Option<PostState>,
    /// Only posts accepted since then, in UTC: "2 hours ago", "7 days", today, yesterday, 2026-11-20, "20 Nov", or a
    /// date-time (RFC 3339)
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<When>,
    /// Only posts accepted before then
    #[arg(long, value_name = "WHEN", value_parser = since)]
    before: Option<When>,
    /// Only posts of this session
    #[arg(long, value_name = "ID", value_parser = session_id)]
    session: Option<SessionId>,
    /// Only posts of sessions that belong to this record: its number, or its sys_id with or without table
    #[arg(long, value_parser = record, conflicts_with = "all_tenants")]
    record: Option<RecordName>,
    /// The most posts to list; 0 lists all
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
}

/// A record as the operator names it.
#[derive(Clone, Debug)]
pub(super) enum RecordName {
    Number(String),
    Id(RecordFilter),
}

fn states() -> impl clap::builder::TypedValueParser<Value = PostState> {
    PossibleValuesParser::new(STATES.map(PostState::as_str))
        .try_map(|word| PostState::parse(&word).ok_or("no state"))
}

fn since(text: &str) -> Result<When, String> {
    When::parse(text).ok_or_else(|| format!("write {FORMS}"))
}

fn record(text: &str) -> Result<RecordName, String> {
    let id = RecordFilter::parse(text).map(RecordName::Id);
    id.or_else(|| record_number(text).map(RecordName::Number).ok())
        .ok_or_else(|| {
            "write a number such as INC0010001 or CS0001234, or a sys_id of 32 lower-case hexadecimal digits, also as \
             incident:… or case:…"
                .to_owned()
        })
}

impl Command {
    pub(super) async fn run(self, global: &Global) -> Result<ExitCode, AdminError> {
        let mut needs = vec![Need::TenantsTable, Need::SessionsTable];
        match self {
            Self::Reconcile(reconcile) => {
                needs.push(Need::CredentialsTable);
                if reconcile.write {
                    needs.push(Need::SessionsQueueUrl);
                }
                let stack = global.stack(&needs).await?;
                reconcile.run(global, &stack).await?;
            }
            Self::List(filter) => {
                // Looking up numbers in ServiceNow needs an access token.
                let numbered = matches!(filter.record, Some(RecordName::Number(_)));
                if numbered || global.output == Output::Table {
                    needs.push(Need::CredentialsTable);
                }
                let stack = global.stack(&needs).await?;
                filter.run(global, &stack).await?;
            }
            Self::Show { tenant, session } => {
                needs.push(Need::CredentialsTable);
                let stack = global.stack(&needs).await?;
                let mut found = show(&stack, &tenant, &session).await?;
                let record = found.record.as_ref().map(|shown| shown.record.clone());
                let numbers = numbers(
                    global,
                    &stack,
                    record.iter().map(|record| (&tenant, record)),
                )
                .await?;
                if let Some(shown) = &mut found.record {
                    shown.number = numbers.get(&shown.record).map(str::to_owned);
                }
                global.answer(&found, shown)?;
                note_missing(&numbers);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Reconcile {
    async fn run(self, global: &Global, stack: &Stack) -> Result<(), AdminError> {
        let now = stack.clock.now();
        let period = Period {
            from: self.from.before(now),
            to: self.to.before(now),
        };
        if period.from >= period.to {
            return Err(AdminError::EmptyPeriod);
        }
        let options = ReconcileOptions {
            tenant: self.tenant,
            period,
            technician: self.technician,
            nodes: self.nodes,
            write: self.write,
            beyond_ledger: self.beyond_ledger,
            testing: global.testing()?,
        };
        let mut progress = Progress::new();
        progress.set("Asking Rescue for its session report …");
        let pause = async |wait: Duration| {
            for left in (1..=wait.as_secs()).rev() {
                progress.set(&format!("Rescue makes one report in a minute: {left} s …"));
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            progress.set("Asking Rescue for its session report …");
        };
        let found = reconcile(stack, &options, pause).await;
        progress.clear();
        let found = found?;
        global.answer(&found, reconciled)?;
        for text in &found.remarks {
            remark(&format!("note: {}", plain(text)));
        }
        Ok(())
    }
}

/// What was found, by technician.
fn reconciled(found: &Reconciled) -> String {
    let mut text = format!(
        "{} sessions ended from {} to {}. ",
        found.reported,
        minute(found.from),
        minute(found.to)
    );
    // Writing to a String cannot fail.
    let _ = match found.missed.len() {
        0 => writeln!(text, "The end of each was posted."),
        missed => writeln!(
            text,
            "{FAULT}The end of {missed} was never posted:{FAULT:#}"
        ),
    };
    if let Some(queued) = found.queued.filter(|queued| *queued > 0) {
        let _ = writeln!(text, "{queued} were queued, and are delivered like posts.");
    }
    if found.unreadable > 0 {
        let _ = writeln!(
            text,
            "{} more rows of the report could not be read.",
            found.unreadable
        );
    }
    let mut text = wrapped(&text, 0);
    if found.missed.is_empty() {
        return text;
    }
    let shown = |name: &Option<String>| name.as_deref().map(plain).unwrap_or_default();
    let rows = found.missed.iter().map(|session| {
        vec![
            shown(&session.technician),
            shown(&session.technician_id),
            session.session_id.to_string(),
            minute(session.ended_at),
            shown(&session.channel),
        ]
    });
    let header = ["TECHNICIAN", "NODE", "SESSION", "ENDED", "CHANNEL"];
    text.push('\n');
    text.push_str(&columns(&header, rows));
    text
}

impl List {
    async fn run(self, global: &Global, stack: &Stack) -> Result<(), AdminError> {
        let record = match (self.record, &self.tenant) {
            (Some(RecordName::Number(number)), Some(tenant)) => {
                let file = export(stack, tenant).await?;
                let records = Records::new(stack, &global.testing()?)?;
                Some(
                    records
                        .find(&file, &number_of(&file, &number)?)
                        .await?
                        .into(),
                )
            }
            (Some(RecordName::Id(filter)), _) => Some(filter),
            (Some(RecordName::Number(_)) | None, _) => None,
        };
        let filter = Filter {
            state: self.state,
            since: self.since.map(|since| since.before(stack.clock.now())),
            before: self.before.map(|before| before.before(stack.clock.now())),
            session: self.session,
            record,
            limit: self.limit,
        };
        let listed = match &self.tenant {
            Some(tenant) => list(stack, tenant, &filter).await?,
            None => list_all(stack, &filter).await?,
        };
        let numbers = if global.output == Output::Table {
            let records = listed.posts.iter().filter_map(|entry| {
                let tenant = entry.tenant.as_ref().or(self.tenant.as_ref())?;
                Some((tenant, entry.record.as_ref()?))
            });
            numbers(global, stack, records).await?
        } else {
            Numbers::default()
        };
        global.answer(&listed.posts, |entries| table(entries, &numbers))?;
        note_missing(&numbers);
        if listed.more {
            remark(&format!(
                "note: there are more than {}; --limit shows more (0: all), --since and --state fewer",
                self.limit
            ));
        }
        Ok(())
    }
}

/// The numbers of records. They are missing when ServiceNow cannot be called.
async fn numbers<'a>(
    global: &Global,
    stack: &Stack,
    records: impl Iterator<Item = (&'a TenantId, &'a RecordRef)>,
) -> Result<Numbers, AdminError> {
    let mut wanted: BTreeMap<&TenantId, BTreeSet<String>> = BTreeMap::new();
    for (tenant, record) in records {
        wanted.entry(tenant).or_default().insert(record.to_string());
    }
    let mut numbers = Numbers::default();
    if wanted.is_empty() {
        return Ok(numbers);
    }
    let mut progress = Progress::new();
    progress.set("Looking up record numbers …");
    let lookup = Records::new(stack, &global.testing()?)?;
    for (tenant, records) in wanted {
        // The instance of a deleted tenant is not known.
        if let Ok(file) = export(stack, tenant).await {
            numbers.extend(lookup.numbers(&file, &records).await);
        }
    }
    Ok(numbers)
}

/// Notes why numbers are missing.
fn note_missing(numbers: &Numbers) {
    if let Some(fault) = &numbers.fault {
        remark(&format!(
            "note: some records are shown by their sys_id, because ServiceNow did not return their numbers: {}",
            plain(fault)
        ));
    }
}

fn event(entry: &LedgerPost) -> String {
    let event = entry.event.map(|event| event.to_string());
    let event = event.unwrap_or_default();
    match entry.source {
        Source::Post => event,
        Source::Report => format!("{event} (report)"),
    }
}

fn table(entries: &[LedgerPost], numbers: &Numbers) -> String {
    if entries.is_empty() {
        return "No posts.".to_owned();
    }
    let all_tenants = entries.iter().any(|entry| entry.tenant.is_some());
    let rows = entries.iter().map(|entry| {
        let because = entry.reason.as_deref().map(plain);
        let because = because.map(|reason| format!(": {reason}"));
        let record = entry.record.as_ref();
        let mut cells = vec![
            minute(entry.received_at),
            entry.session_id.to_string(),
            event(entry),
            format!("{}{}", entry.state.as_str(), because.unwrap_or_default()),
            record
                .map(|record| plain(&numbers.of(record)))
                .unwrap_or_default(),
        ];
        if all_tenants {
            let tenant = entry.tenant.as_ref();
            cells.insert(1, tenant.map(ToString::to_string).unwrap_or_default());
        }
        cells
    });
    let mut header = vec!["RECEIVED", "SESSION", "EVENT", "STATE", "RECORD"];
    if all_tenants {
        header.insert(1, "TENANT");
    }
    columns(&header, rows)
}

fn shown(session: &ShownSession) -> String {
    let mut text = format!(
        "{STRONG}Session {} of {}{STRONG:#}\n",
        session.session_id, session.tenant
    );
    let _ = match &session.record {
        Some(shown) => {
            let number = shown.number.as_deref().map(plain);
            let name = number.unwrap_or_else(|| shown.record.to_string());
            let url = shown.url.as_ref();
            let url = url.map(|url| format!("\n  {url}")).unwrap_or_default();
            writeln!(text, "Record {name}{url}")
        }
        None => writeln!(text, "No record is known."),
    };
    for post in &session.posts {
        let entry = &post.post;
        let state = match entry.state {
            PostState::Failed | PostState::Unmatched => {
                format!("{FAULT}{}{FAULT:#}", entry.state.as_str())
            }
            other => other.as_str().to_owned(),
        };
        let _ = writeln!(
            text,
            "\nPost \"{}\": {state} ({})",
            event(entry),
            entry.delivery
        );
        let steps = steps(entry).into_iter();
        let rows = steps.map(|(at, what)| vec![format!("  {at}"), what]);
        let _ = writeln!(text, "{}", columns(&[], rows));
        for line in explanation(post) {
            let _ = writeln!(text, "{}", wrapped(&format!("   {line}"), 5));
        }
    }
    wrapped(&text, 0)
}

/// The explanation beneath a post: its reason, and what to do.
fn explanation(post: &ShownPost) -> Vec<String> {
    let entry = &post.post;
    let mut lines = Vec::new();
    if let (Some(reason), Some(code)) = (&entry.reason, &post.explained) {
        lines.push(format!("{}: {}", plain(reason), code.meaning));
    }
    if let Some(detail) = &entry.detail {
        lines.push(format!("ServiceNow's reason: {}", plain(detail)));
    }
    if !entry.dropped_columns.is_empty() {
        lines.push(format!(
            "ServiceNow ignored the columns {}: let the service account write them, or remove them from the tenant \
             file.",
            plain(&entry.dropped_columns.join(", "))
        ));
    }
    if let Some(reason) = &entry.row_refused {
        lines.push(format!(
            "The session's row was not written: {}. `rescue-connector doctor` says what to do (session-table).",
            plain(reason)
        ));
    }
    if let Some(code) = &post.explained {
        lines.push(format!("→ {}", code.remedy));
    }
    lines
}

/// What happened to a post, in the order of time; what follows is at the end.
fn steps(post: &LedgerPost) -> Vec<(Timestamp, String)> {
    let began = match post.source {
        Source::Post => "accepted",
        Source::Report => "made from Rescue's session report",
    };
    let mut steps = vec![(post.received_at, began.to_owned())];
    if let Some(at) = post.last_attempt_at {
        let mut tries = match post.attempts {
            0 | 1 => "the attempt began".to_owned(),
            attempts => format!("the last of {attempts} attempts began"),
        };
        if post.crashes > 0 {
            let _ = write!(tries, ", the process ended in {} of them", post.crashes);
        }
        steps.push((at, tries));
    }
    let because = post.reason.as_deref().map(plain);
    let because = because
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    if let Some(at) = post.ended_at {
        steps.push((at, format!("{}{because}", post.state.as_str())));
    }
    if let Some(at) = post.lease_until {
        let after = "if the process that delivers it has died, another one takes over after this time, once SQS returns the \
                     message again (30 minutes after the last attempt began)";
        steps.push((at, after.to_owned()));
    }
    if let Some(at) = post.not_before {
        let after =
            "no attempt begins before this time, because the last one may still take effect";
        steps.push((at, after.to_owned()));
    }
    if let Some(at) = post.next_attempt_at {
        steps.push((at, format!("next attempt{because}")));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_named_by_its_number_or_its_sys_id() {
        let id = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
        assert!(matches!(record("INC0010001"), Ok(RecordName::Number(_))));
        assert!(matches!(record(id), Ok(RecordName::Id(_))));
        assert!(matches!(
            record(&format!("case:{id}")),
            Ok(RecordName::Id(_))
        ));
        assert!(record("TASK1").is_err());
    }

    #[test]
    fn every_state_can_be_selected() {
        for state in STATES {
            assert_eq!(PostState::parse(state.as_str()), Some(state));
        }
    }
}
