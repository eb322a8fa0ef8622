//! `rescue-connector dlq …`

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{ArgGroup, Args, Subcommand};
use shared::domain::record::RecordNumber;
use shared::domain::session::SessionId;
use shared::domain::tenant::TenantId;

use super::arguments::{record_number, session_id, tenant_id};
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
    /// List what could not be delivered, with the reasons
    #[command(after_help = "Examples:\n  rescue-connector dlq list\n  \
                            rescue-connector dlq list --tenant acme --output json")]
    List {
        /// Only letters of this tenant
        #[arg(long, value_parser = tenant_id)]
        tenant: Option<TenantId>,
    },
    /// Show one letter and what to do about it; what was posted only with --reveal
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
    ///
    /// What session-details could not read is read again by this release. With --record the posts of the letter's session
    /// go to that record from now on.
    #[command(
        after_help = "Examples:\n  rescue-connector dlq redrive --tenant acme\n  \
                            rescue-connector dlq redrive --tenant acme --session 123456789\n  \
                            rescue-connector dlq redrive 2f9e6b1c-6a0e-4a51-9d3b-0c7f3f1d9a11 --record INC0010001"
    )]
    Redrive(Redrive),
    /// Delete one letter for good: what was posted is nowhere else
    #[command(
        after_help = "Example:\n  rescue-connector dlq delete 2f9e6b1c-6a0e-4a51-9d3b-0c7f3f1d9a11"
    )]
    Delete {
        /// The letter's id, as `dlq list` shows it
        id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["id", "tenant", "session", "all"]))]
pub(super) struct Redrive {
    /// Only this letter, by the id that `dlq list` shows
    #[arg(conflicts_with_all = ["tenant", "session", "all"])]
    id: Option<String>,
    /// The record that the letter's session belongs to, by its number
    #[arg(long, value_name = "NUMBER", value_parser = record_number, conflicts_with_all = ["tenant", "session", "all"])]
    record: Option<RecordNumber>,
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
            Self::List { tenant } => {
                let stack = global.stack(&[Need::SessionsDlqUrl]).await?;
                let filter = Filter {
                    tenant,
                    session: None,
                };
                let found = list(&stack, &filter).await?;
                global.answer(&found.letters, |letters| {
                    table(letters, filter.tenant.as_ref())
                })?;
                if found.hidden > 0 {
                    remark(&format!(
                        "note: the queue says that it holds {} more; another program may be looking at them, or they stand \
                         behind others of their session",
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
            Self::Redrive(asked) => return asked.run(global).await,
            Self::Delete { id, yes } => {
                let stack = global
                    .stack(&[Need::SessionsDlqUrl, Need::SessionsTable])
                    .await?;
                if !yes {
                    let letter = show(&stack, &id, false).await?.letter;
                    confirm("", &[format!("{} is deleted for good", described(&letter))])?;
                }
                let done = delete(&stack, &id).await?;
                global.answer(&done, |done| {
                    wrapped(&format!("{} is deleted.", described(&done.letter)), 0)
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
        progress.set("Looking for letters …");
        let done = match &self.id {
            Some(id) => redrive_one(&stack, &global.testing()?, id, self.record.as_ref()).await,
            None => {
                let filter = Filter {
                    tenant: self.tenant,
                    session: self.session.map(|session| session.to_string()),
                };
                redrive(&stack, &filter, |done| {
                    progress.set(&format!("{} back", letters(done)));
                })
                .await
            }
        };
        progress.clear();
        let done = done?;
        global.answer(&done, redriven)?;
        // A letter that was named and stays is a failure; of many that were not, some may stay.
        let stays = self.id.is_some() && done.redriven == 0;
        Ok(if stays {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

fn row(letter: &DeadLetter) -> Vec<String> {
    let text = |text: &Option<String>| text.as_deref().map_or("–".to_owned(), plain);
    let reason = match &letter.detail {
        Some(detail) => format!("{}: {}", text(&letter.reason), plain(detail)),
        None => text(&letter.reason),
    };
    vec![
        letter.id.clone(),
        text(&letter.tenant),
        text(&letter.session_id),
        reason,
        minute(letter.received_at),
    ]
}

/// A letter in a sentence.
fn described(letter: &DeadLetter) -> String {
    let of = |what: &str, text: &Option<String>| {
        let text = text.as_deref().map(plain);
        text.map(|text| format!(" {what} {text}"))
            .unwrap_or_default()
    };
    format!(
        "Letter {}{}{}{}",
        letter.id,
        of("of tenant", &letter.tenant),
        of("about session", &letter.session_id),
        of("with the reason", &letter.reason)
    )
}

fn letters(count: usize) -> String {
    match count {
        1 => "1 letter is".to_owned(),
        count => format!("{count} letters are"),
    }
}

fn table(letters: &[DeadLetter], tenant: Option<&TenantId>) -> String {
    if letters.is_empty() {
        return match tenant {
            None => "There are no dead letters.".to_owned(),
            Some(tenant) => format!("There are no dead letters of tenant {tenant}."),
        };
    }
    let header = ["ID", "TENANT", "SESSION", "REASON", "RECEIVED"];
    columns(&header, letters.iter().map(row))
}

fn shown(letter: &ShownDeadLetter) -> String {
    let redrivable = match &letter.unreadable {
        None => "yes".to_owned(),
        Some(why) => format!("no: {why}"),
    };
    let explained = letter.explained.as_ref();
    let quoted = |text: &Option<String>| text.as_deref().map(plain);
    let rows = [
        ("tenant", quoted(&letter.letter.tenant)),
        ("session", quoted(&letter.letter.session_id)),
        ("event", letter.event.map(|event| event.to_string())),
        ("reason", quoted(&letter.letter.reason)),
        ("meaning", explained.map(|code| code.meaning.clone())),
        ("detail", quoted(&letter.letter.detail)),
        ("to do", explained.map(|code| code.remedy.clone())),
        ("received", Some(letter.letter.received_at.to_string())),
        ("dead since", letter.sent_at.map(|at| at.to_string())),
        (
            "not before",
            letter
                .not_before
                .map(|at| format!("{at}: an earlier attempt may take effect until then")),
        ),
        ("delivery", letter.delivery.clone()),
        ("encoding", Some(plain(&letter.encoding))),
        ("bytes", Some(letter.bytes.to_string())),
        ("can go back", Some(redrivable)),
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
        (0, 0) => "No letter is of that kind; nothing went back. `rescue-connector dlq list` shows what there is.".to_owned(),
        (0, _) => "No letter went back into the queue.".to_owned(),
        (1, _) => "1 letter went back into the queue.".to_owned(),
        (count, _) => format!("{count} letters went back into the queue."),
    };
    let _ = write!(text, "{STRONG}{back}{STRONG:#}");
    for later in &done.later {
        let _ = write!(
            text,
            "\nThe post of session {} is tried from {} on: an earlier attempt may take effect until then.",
            later.session_id, later.not_before
        );
    }
    if !done.left.is_empty() {
        let rows = done.left.iter().map(|left| {
            let mut cells = row(&left.letter);
            cells.push(plain(&left.because));
            cells
        });
        let header = ["ID", "TENANT", "SESSION", "REASON", "RECEIVED", "BECAUSE"];
        let stay = match done.left.len() {
            1 => "1 letter stays".to_owned(),
            count => format!("{count} letters stay"),
        };
        let _ = write!(text, "\n\n{stay}:\n{}", columns(&header, rows));
    }
    wrapped(&text, 0)
}

#[cfg(test)]
mod tests {
    use shared::domain::clock::Timestamp;

    use super::*;
    use crate::dlq::RemainingDeadLetter;

    #[test]
    fn how_many_went_back_and_how_many_stay_is_said_in_numbers_that_agree() {
        let left = |count: usize| {
            let letter = DeadLetter {
                id: "1".to_owned(),
                tenant: None,
                session_id: None,
                reason: Some("\u{1b}[2J".to_owned()),
                detail: None,
                received_at: Timestamp::from_millis(0),
            };
            let because = "it does not say whose post it is".to_owned();
            vec![RemainingDeadLetter { letter, because }; count]
        };
        for (back, stay, words) in [
            (0, 0, "No letter is of that kind"),
            (0, 1, "1 letter stays:"),
            (1, 0, "1 letter went back"),
            (1, 2, "2 letters stay:"),
            (2, 1, "2 letters went back"),
        ] {
            let text = redriven(&Redriven {
                redriven: back,
                left: left(stay),
                ..Redriven::default()
            });
            assert!(text.contains(words), "{words}: {text}");
            assert!(!text.contains("\u{1b}[2J"), "{text}");
        }
    }
}
