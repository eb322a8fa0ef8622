//! `rescue-connector dlq …`

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{ArgGroup, Args, Subcommand};
use shared::domain::session::SessionId;
use shared::domain::tenant::TenantId;

use super::arguments::{example, examples, record_number, session_id, tenant_id};
use super::global::Global;
use super::layout::{columns, minute, wrapped};
use super::style::STRONG;
use super::terminal::{Progress, confirm, remark};
use crate::dlq::{
    DeadLetter, Filter, Redriven, ShownDeadLetter, delete, list, redrive, redrive_one, show,
};
use crate::error::AdminError;
use crate::plain::plain;
use crate::stack::Need;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List dead letters with their reasons
    #[command(after_help = examples(["dlq list", "dlq list --tenant acme --output json"]))]
    List {
        /// Only dead letters of this tenant
        #[arg(long, value_parser = tenant_id)]
        tenant: Option<TenantId>,
    },
    /// Show one dead letter and what to do; the posted content only with --reveal
    #[command(after_help = example("dlq show 2f9e6b1c-6a0e-4a51-9d3b-0c7f3f1d9a11"))]
    Show {
        /// The dead letter's id, as `dlq list` shows it
        id: String,
        /// Show the posted content, too: personal data
        #[arg(long)]
        reveal: bool,
    },
    /// Put dead letters back into the queue, in the order in which the posts were accepted
    ///
    /// A body that session-details could not read is parsed again by this release. With --record all posts of the session
    /// go to that record from now on.
    #[command(after_help = examples([
        "dlq redrive --tenant acme",
        "dlq redrive --tenant acme --session 123456789",
        "dlq redrive 2f9e6b1c-6a0e-4a51-9d3b-0c7f3f1d9a11 --record INC0010001",
    ]))]
    Redrive(Redrive),
    /// Delete one dead letter: no other copy of the post exists
    #[command(after_help = example("dlq delete 2f9e6b1c-6a0e-4a51-9d3b-0c7f3f1d9a11"))]
    Delete {
        /// The dead letter's id, as `dlq list` shows it
        id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["id", "tenant", "session", "all"]))]
pub(super) struct Redrive {
    /// Only this dead letter, by the id that `dlq list` shows
    #[arg(conflicts_with_all = ["tenant", "session", "all"])]
    id: Option<String>,
    /// The number of the record that the session belongs to
    #[arg(long, value_name = "NUMBER", value_parser = record_number, conflicts_with_all = ["tenant", "session", "all"])]
    record: Option<String>,
    /// Only dead letters of this tenant
    #[arg(long, value_parser = tenant_id)]
    tenant: Option<TenantId>,
    /// Only dead letters of this session
    #[arg(long, value_name = "ID", value_parser = session_id)]
    session: Option<SessionId>,
    /// All dead letters
    #[arg(long, conflicts_with_all = ["tenant", "session"])]
    all: bool,
}

impl Command {
    pub(super) async fn run(self, global: &Global) -> Result<ExitCode, AdminError> {
        match self {
            Self::List { tenant } => {
                let stack = global.stack(&[Need::SessionsDlqUrl]).await?;
                let filter = Filter {
                    tenant,
                    session: None,
                };
                let found = list(&stack, &filter).await?;
                global.answer(&found.dead_letters, |dead_letters| {
                    table(dead_letters, filter.tenant.as_ref())
                })?;
                if found.hidden > 0 {
                    remark(&format!(
                        "note: the queue counts {} more; another consumer has received them, or they wait behind others \
                         of their session",
                        found.hidden
                    ));
                }
            }
            Self::Show { id, reveal } => {
                let stack = global
                    .stack(&[Need::SessionsDlqUrl, Need::SessionsTable])
                    .await?;
                global.answer(&show(&stack, &id, reveal).await?, shown)?;
            }
            Self::Redrive(redrive) => return redrive.run(global).await,
            Self::Delete { id, yes } => {
                let stack = global
                    .stack(&[Need::SessionsDlqUrl, Need::SessionsTable])
                    .await?;
                if !yes {
                    let dead_letter = show(&stack, &id, false).await?.dead_letter;
                    confirm(
                        "",
                        &[format!(
                            "{} is deleted, and no other copy of it exists",
                            described(&dead_letter)
                        )],
                    )?;
                }
                let done = delete(&stack, &id).await?;
                global.answer(&done, |done| {
                    wrapped(&format!("{} is deleted.", described(&done.dead_letter)), 0)
                })?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Redrive {
    async fn run(self, global: &Global) -> Result<ExitCode, AdminError> {
        let mut needs = vec![
            Need::TenantsTable,
            Need::SessionsTable,
            Need::SessionsQueueUrl,
            Need::SessionsDlqUrl,
        ];
        if self.record.is_some() {
            needs.push(Need::CredentialsTable);
        }
        let stack = global.stack(&needs).await?;
        let mut progress = Progress::new();
        progress.set("Receiving dead letters …");
        let done = match &self.id {
            Some(id) => redrive_one(&stack, &global.testing()?, id, self.record.as_deref()).await,
            None => {
                let filter = Filter {
                    tenant: self.tenant,
                    session: self.session.map(|session| session.to_string()),
                };
                redrive(&stack, &filter, |done| {
                    progress.set(&format!("{} put back", counted(done)));
                })
                .await
            }
        };
        progress.clear();
        let done = done?;
        global.answer(&done, redriven)?;
        // A dead letter that was named by its id and stays is a failure.
        let stays = self.id.is_some() && done.redriven == 0;
        Ok(if stays {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

fn row(dead_letter: &DeadLetter) -> Vec<String> {
    let text = |text: &Option<String>| text.as_deref().map_or("–".to_owned(), plain);
    let reason = match &dead_letter.detail {
        Some(detail) => format!("{}: {}", text(&dead_letter.reason), plain(detail)),
        None => text(&dead_letter.reason),
    };
    vec![
        dead_letter.id.clone(),
        text(&dead_letter.tenant),
        text(&dead_letter.session_id),
        reason,
        minute(dead_letter.received_at),
    ]
}

fn described(dead_letter: &DeadLetter) -> String {
    let of = |what: &str, text: &Option<String>| {
        let text = text.as_deref().map(plain);
        text.map(|text| format!(" {what} {text}"))
            .unwrap_or_default()
    };
    format!(
        "Dead letter {}{}{}{}",
        dead_letter.id,
        of("of tenant", &dead_letter.tenant),
        of("about session", &dead_letter.session_id),
        of("with the reason", &dead_letter.reason)
    )
}

fn counted(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} dead letter{plural}")
}

fn table(dead_letters: &[DeadLetter], tenant: Option<&TenantId>) -> String {
    if dead_letters.is_empty() {
        return match tenant {
            None => "There are no dead letters.".to_owned(),
            Some(tenant) => format!("There are no dead letters of tenant {tenant}."),
        };
    }
    let header = ["ID", "TENANT", "SESSION", "REASON", "RECEIVED"];
    columns(&header, dead_letters.iter().map(row))
}

fn shown(message: &ShownDeadLetter) -> String {
    let dead_letter = &message.dead_letter;
    let redrivable = match &message.unreadable {
        None => "yes".to_owned(),
        Some(why) => format!("no: {why}"),
    };
    let explained = message.explained.as_ref();
    let quoted = |text: &Option<String>| text.as_deref().map(plain);
    let rows = [
        ("tenant", quoted(&dead_letter.tenant)),
        ("session", quoted(&dead_letter.session_id)),
        ("event", message.event.map(|event| event.to_string())),
        (
            "source",
            (!message.source.is_post()).then(|| "Rescue's session report".to_owned()),
        ),
        ("reason", quoted(&dead_letter.reason)),
        ("meaning", explained.map(|code| code.meaning.clone())),
        ("detail", quoted(&dead_letter.detail)),
        ("to do", explained.map(|code| code.remedy.clone())),
        ("received", Some(dead_letter.received_at.to_string())),
        ("dead-lettered", message.sent_at.map(|at| at.to_string())),
        (
            "not before",
            message
                .not_before
                .map(|at| format!("{at}: until then an earlier attempt may take effect")),
        ),
        ("delivery", message.delivery.clone()),
        ("encoding", Some(plain(&message.encoding))),
        ("bytes", Some(message.bytes.to_string())),
        ("redrivable", Some(redrivable)),
    ];
    let rows = rows
        .into_iter()
        .filter_map(|(name, value)| Some(vec![name.to_owned(), value?]));
    let mut text = columns(&["DEAD LETTER", &dead_letter.id], rows);
    match &message.content {
        None => text.push_str("\n\n--reveal shows the posted content."),
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
    let mut text = String::new();
    if let Some(named) = &done.record {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "The session belongs to {} from now on: all its posts go there.",
            named.number
        );
    }
    let back = match (done.redriven, done.left.len()) {
        (0, 0) => "No dead letter matches; nothing was put back. `rescue-connector dlq list` lists all of them.".to_owned(),
        (0, _) => "No dead letter was put back into the queue.".to_owned(),
        (count, _) => format!("Put back into the queue: {}.", counted(count)),
    };
    let _ = write!(text, "{STRONG}{back}{STRONG:#}");
    for later in &done.later {
        let _ = write!(
            text,
            "\nThe post of session {} is not tried before {}: until then an earlier attempt may take effect.",
            later.session_id, later.not_before
        );
    }
    if !done.left.is_empty() {
        let rows = done.left.iter().map(|left| {
            let mut cells = row(&left.dead_letter);
            cells.push(plain(&left.because));
            cells
        });
        let header = ["ID", "TENANT", "SESSION", "REASON", "RECEIVED", "BECAUSE"];
        let stay = counted(done.left.len());
        let _ = write!(text, "\n\nNot put back: {stay}\n{}", columns(&header, rows));
    }
    wrapped(&text, 0)
}

#[cfg(test)]
mod tests {
    use shared::domain::clock::Timestamp;

    use super::*;
    use crate::dlq::RemainingDeadLetter;

    #[test]
    fn dead_letters_that_were_put_back_and_that_stay_are_counted() {
        let left = |count: usize| {
            let dead_letter = DeadLetter {
                id: "1".to_owned(),
                tenant: None,
                session_id: None,
                reason: Some("\u{1b}[2J".to_owned()),
                detail: None,
                received_at: Timestamp::from_millis(0),
            };
            let because = "it does not name its tenant".to_owned();
            let left = RemainingDeadLetter {
                dead_letter,
                because,
            };
            vec![left; count]
        };
        for (back, stay, expected) in [
            (0, 0, "No dead letter matches"),
            (0, 1, "Not put back: 1 dead letter\n"),
            (1, 0, "queue: 1 dead letter."),
            (1, 2, "Not put back: 2 dead letters\n"),
            (2, 1, "queue: 2 dead letters."),
        ] {
            let text = redriven(&Redriven {
                redriven: back,
                left: left(stay),
                ..Redriven::default()
            });
            assert!(text.contains(expected), "{expected}: {text}");
            assert!(!text.contains("\u{1b}[2J"), "{text}");
        }
    }
}
