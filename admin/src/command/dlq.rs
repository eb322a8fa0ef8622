//! `rescue-connector dlq …`

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{ArgGroup, Args, Subcommand};
use shared::session::SessionId;
use shared::tenant::TenantId;

use super::sessions::session_id;
use super::terminal::Progress;
use super::{Global, STRONG, columns, remark, tenant_id};
use crate::dlq::{Filter, Letter, Redriven, Shown, list, redrive, show};
use crate::error::AdminError;
use crate::plain::plain;
use crate::stack::Need;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List what could not be delivered, with the reasons
    #[command(after_help = "Example:\n  rescue-connector dlq list")]
    List,
    /// Show one letter; what was posted only with --reveal
    #[command(
        after_help = "Example:\n  rescue-connector dlq show 2f9e6b1c-6a0e-4a51-9d3b-0c7f3f1d9a11"
    )]
    Show {
        /// The letter's id, as `dlq list` shows it
        id: String,
        /// Show what was posted, too: personal data
        #[arg(long)]
        reveal: bool,
    },
    /// Put letters back into the queue, in the order in which the posts were accepted
    #[command(
        after_help = "Examples:\n  rescue-connector dlq redrive --tenant acme\n  \
                            rescue-connector dlq redrive --tenant acme --session 123456789"
    )]
    Redrive(Redrive),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["tenant", "session", "all"]))]
pub(super) struct Redrive {
    /// Only letters of this tenant
    #[arg(long, value_parser = tenant_id)]
    tenant: Option<TenantId>,
    /// Only letters of this session
    #[arg(long, value_name = "ID", value_parser = session_id)]
    session: Option<SessionId>,
    /// Every letter
    #[arg(long, conflicts_with_all = ["tenant", "session"])]
    all: bool,
}

impl Command {
    pub(super) async fn run(self, global: &Global) -> Result<ExitCode, AdminError> {
        match self {
            Self::List => {
                let stack = global.stack(&[Need::SessionsDlqUrl]).await?;
                let found = list(&stack).await?;
                global.answer(&found.letters, |letters| table(letters))?;
                if found.hidden > 0 {
                    remark(&format!(
                        "note: the queue says that it holds {} more; somebody else may be looking at them, or they stand \
                         behind others of their session",
                        found.hidden
                    ));
                }
            }
            Self::Show { id, reveal } => {
                let stack = global.stack(&[Need::SessionsDlqUrl]).await?;
                global.answer(&show(&stack, &id, reveal).await?, shown)?;
            }
            Self::Redrive(asked) => {
                let needs = [
                    Need::TenantsTable,
                    Need::SessionsQueueUrl,
                    Need::SessionsDlqUrl,
                ];
                let stack = global.stack(&needs).await?;
                let filter = Filter {
                    tenant: asked.tenant,
                    session: asked.session.map(|session| session.to_string()),
                };
                let mut progress = Progress::new();
                progress.set("Looking for letters …");
                let done = redrive(&stack, &filter, |done| {
                    progress.set(&format!("{done} letters are back"));
                })
                .await;
                progress.clear();
                global.answer(&done?, redriven)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn row(letter: &Letter) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
    vec![
        letter.id.clone(),
        text(&letter.tenant),
        text(&letter.session_id),
        text(&letter.reason),
        letter.received_at.to_string(),
    ]
}

fn table(letters: &[Letter]) -> String {
    if letters.is_empty() {
        return "There are no dead letters.".to_owned();
    }
    let header = ["ID", "TENANT", "SESSION", "REASON", "RECEIVED"];
    columns(&header, letters.iter().map(row))
}

fn shown(letter: &Shown) -> String {
    let redrivable = if letter.redrivable {
        "yes"
    } else {
        "no: it is no post that deliver-session could read"
    };
    let rows = [
        ("tenant", letter.letter.tenant.clone()),
        ("session", letter.letter.session_id.clone()),
        ("event", letter.event.map(|event| event.to_string())),
        ("reason", letter.letter.reason.clone()),
        ("received", Some(letter.letter.received_at.to_string())),
        ("dead since", letter.sent_at.map(|at| at.to_string())),
        ("delivery", letter.delivery.clone()),
        ("encoding", Some(letter.encoding.clone())),
        ("bytes", Some(letter.bytes.to_string())),
        ("can go back", Some(redrivable.to_owned())),
    ];
    let rows = rows
        .into_iter()
        .filter_map(|(name, value)| Some(vec![name.to_owned(), value?]));
    let mut text = columns(&["LETTER", &letter.letter.id], rows);
    match &letter.content {
        None => text.push_str("\n\n--reveal shows what was posted."),
        Some(serde_json::Value::String(content)) => {
            let _ = write!(text, "\n\n{}", plain(content));
        }
        Some(content) => {
            let content = serde_json::to_string_pretty(content).unwrap_or_default();
            let _ = write!(text, "\n\n{}", plain(&content));
        }
    }
    text
}

fn redriven(done: &Redriven) -> String {
    let mut text = format!(
        "{STRONG}{} letters went back into the queue.{STRONG:#}",
        done.redriven
    );
    if !done.left.is_empty() {
        let rows = done.left.iter().map(|left| {
            let mut cells = row(&left.letter);
            cells.push(left.because.to_owned());
            cells
        });
        let header = ["ID", "TENANT", "SESSION", "REASON", "RECEIVED", "BECAUSE"];
        let _ = write!(
            text,
            "\n\n{} stay:\n{}",
            done.left.len(),
            columns(&header, rows)
        );
    }
    text
}
