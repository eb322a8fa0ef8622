//! `rescue-connector sessions …`

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use clap::{Args, Subcommand};
use shared::clock::Timestamp;
use shared::ledger::State;
use shared::session::SessionId;
use shared::tenant::TenantId;

use super::{FAULT, Global, STRONG, columns, remark, tenant_id};
use crate::error::AdminError;
use crate::sessions::{Entry, Filter, RecordFilter, Shown, list, show};
use crate::stack::Need;
use crate::tenant_file::length;

const STATES: [State; 6] = [
    State::Delivering,
    State::Waiting,
    State::Delivered,
    State::Ignored,
    State::Unmatched,
    State::Failed,
];

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List a tenant's posts, the newest first
    #[command(
        after_help = "Examples:\n  rescue-connector sessions list acme --state failed --since \"2 days\"\n  \
                            rescue-connector sessions list acme --record incident:0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    )]
    List(List),
    /// Show what became of one session, step by step
    #[command(after_help = "Example:\n  rescue-connector sessions show acme 123456789")]
    Show {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
        /// Rescue's session id
        #[arg(value_name = "ID", value_parser = session_id)]
        session: SessionId,
    },
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// The tenant
    #[arg(value_parser = tenant_id)]
    tenant: TenantId,
    /// Only posts in this state
    #[arg(long, value_parser = states())]
    state: Option<State>,
    /// Only posts accepted since then: "2 hours", "7 days", or a date-time (RFC 3339)
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Since>,
    /// Only posts of this session
    #[arg(long, value_name = "ID", value_parser = session_id)]
    session: Option<SessionId>,
    /// Only posts of sessions that belong to this record: its sys_id, or table:sys_id
    #[arg(long, value_parser = record)]
    record: Option<RecordFilter>,
    /// So many at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Since {
    Ago(std::time::Duration),
    Then(Timestamp),
}

fn states() -> impl clap::builder::TypedValueParser<Value = State> {
    PossibleValuesParser::new(STATES.map(State::as_str))
        .try_map(|word| State::parse(&word).ok_or("no state"))
}

pub(super) fn session_id(text: &str) -> Result<SessionId, String> {
    SessionId::parse(text).ok_or_else(|| "a session id is 1 to 64 of A-Z a-z 0-9 _ -".to_owned())
}

fn since(text: &str) -> Result<Since, String> {
    Timestamp::parse(text)
        .map(Since::Then)
        .or_else(|| length(text).map(|span| Since::Ago(span.duration())))
        .ok_or_else(|| "write \"2 hours\", \"7 days\" or 2026-01-31T00:00:00Z".to_owned())
}

fn record(text: &str) -> Result<RecordFilter, String> {
    RecordFilter::parse(text).ok_or_else(|| {
        "the ledger knows records by sys_id: 32 lower-case hexadecimal digits, or incident:… or case:… with them; \
         ServiceNow shows it in the record's URL"
            .to_owned()
    })
}

impl Command {
    pub(super) async fn run(self, global: &Global) -> Result<ExitCode, AdminError> {
        let stack = global
            .stack(&[Need::TenantsTable, Need::SessionsTable])
            .await?;
        match self {
            Self::List(asked) => {
                let filter = Filter {
                    state: asked.state,
                    since: asked.since.map(|since| match since {
                        Since::Ago(ago) => stack.clock.now().minus(ago),
                        Since::Then(then) => then,
                    }),
                    session: asked.session,
                    record: asked.record,
                    limit: asked.limit,
                };
                let listed = list(&stack, &asked.tenant, &filter).await?;
                global.answer(&listed.entries, |entries| table(entries))?;
                if listed.more {
                    remark(&format!(
                        "note: there are more than {}; --limit shows more, --since and --state fewer",
                        asked.limit
                    ));
                }
            }
            Self::Show { tenant, session } => {
                global.answer(&show(&stack, &tenant, &session).await?, shown)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn event(entry: &Entry) -> String {
    entry
        .event
        .map(|event| event.to_string())
        .unwrap_or_default()
}

fn table(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return "No posts.".to_owned();
    }
    let rows = entries.iter().map(|entry| {
        vec![
            entry.received_at.to_string(),
            entry.session_id.to_string(),
            event(entry),
            entry.state.as_str().to_owned(),
            entry.reason.clone().unwrap_or_default(),
            entry
                .record
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        ]
    });
    let header = ["RECEIVED", "SESSION", "EVENT", "STATE", "REASON", "RECORD"];
    columns(&header, rows)
}

fn shown(session: &Shown) -> String {
    let mut text = format!(
        "{STRONG}Session {} of {}{STRONG:#}\n",
        session.session_id, session.tenant
    );
    let _ = match &session.record {
        Some(shown) => writeln!(
            text,
            "Record {}{}",
            shown.record,
            shown
                .url
                .as_ref()
                .map(|url| format!("\n  {url}"))
                .unwrap_or_default()
        ),
        None => writeln!(text, "No record is known."),
    };
    for post in &session.posts {
        let state = match post.state {
            State::Failed | State::Unmatched => format!("{FAULT}{}{FAULT:#}", post.state.as_str()),
            other => other.as_str().to_owned(),
        };
        let _ = writeln!(
            text,
            "\nPost \"{}\": {state} ({})",
            event(post),
            post.delivery
        );
        let steps = steps(post).into_iter();
        let rows = steps.map(|(at, what)| vec![format!("  {at}"), what]);
        let mut steps = comfy_table::Table::new();
        steps
            .load_style(comfy_table::presets::NOTHING)
            .add_rows(rows);
        let _ = writeln!(text, "{}", steps.trim_fmt());
    }
    text
}

/// What happened to a post, in the order of time; what is to come at the end.
fn steps(post: &Entry) -> Vec<(Timestamp, String)> {
    let mut steps = vec![(post.received_at, "accepted".to_owned())];
    if let Some(at) = post.last_attempt_at {
        let mut tries = match post.attempts {
            0 | 1 => "the attempt began".to_owned(),
            attempts => format!("the last of {attempts} attempts began"),
        };
        if post.deaths > 0 {
            let _ = write!(tries, ", {} ended the process", post.deaths);
        }
        steps.push((at, tries));
    }
    let because = post
        .reason
        .as_ref()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    if let Some(at) = post.ended_at {
        steps.push((at, format!("{}{because}", post.state.as_str())));
    }
    if let Some(at) = post.next_attempt_at {
        steps.push((at, format!("is tried again{because}")));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_length_of_time_ago_or_a_date_time() {
        assert!(matches!(since("2 hours"), Ok(Since::Ago(ago)) if ago.as_secs() == 7_200));
        assert!(matches!(since("90m"), Ok(Since::Ago(ago)) if ago.as_secs() == 5_400));
        assert!(matches!(since("2026-01-31T00:00:00Z"), Ok(Since::Then(_))));
        assert!(since("yesterday").is_err());
    }

    #[test]
    fn every_state_can_be_asked_for() {
        for state in STATES {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
    }
}
