//! The dead letters, read where they are: to receive them would hide them.

use std::collections::BTreeSet;
use std::sync::Arc;

use admin::dlq::{self, Redriven};
use admin::remedies::explain_dead_letter;
use askama::Template;
use axum::extract::State;
use serde::Deserialize;
use shared::domain::clock::Timestamp;
use shared::environment::Testing;

use super::queued::QueuedPost;
use super::{end_of_window, newest_of, queue, shown_on};
use crate::aws::MessageRef;
use crate::multicall::MulticallError;
use crate::sandbox::Sandbox;
use crate::sandbox::action::{Done, Fields, Outcome};
use crate::sandbox::mischief;
use crate::sandbox::panel::{LETTERS, Selection};

/// What the commands in a remedy begin with.
const COMMAND: &str = "rescue-connector ";

/// How many dead letters one window shows.
const ROWS: usize = 10;

#[derive(Template)]
#[template(path = "sandbox/dead_letters.html")]
pub(super) struct DeadLetters {
    letters: Vec<Letter>,
    count: usize,
    newest: Option<String>,
    older: Option<String>,
    now: Timestamp,
    cli: String,
}

struct Letter {
    id: String,
    tenant: String,
    session: String,
    since: Timestamp,
    reason: String,
    detail: Option<String>,
    /// The remedy in parts: each second one is code.
    remedy: Vec<String>,
    /// Whether the remedy is for the command line.
    needs_terminal: bool,
}

pub(super) fn read(
    sandbox: &Sandbox,
    selection: &Selection,
) -> Result<DeadLetters, MulticallError> {
    let before = end_of_window(selection, LETTERS);
    let found = sandbox
        .cloud
        .aws
        .read_queue(queue(sandbox, "SessionsDlq")?, |messages| {
            let count = messages.len();
            let letters = messages
                .skip_while(|message| before.is_some_and(|before| message.sent_at() >= before))
                .take(ROWS + 1)
                .map(|message| Letter::read(message, &sandbox.cli));
            (count, letters.collect())
        });
    let (count, mut letters): (usize, Vec<Letter>) = found.unwrap_or_default();
    let older = newest_of(&mut letters, ROWS, |letter| letter.since);
    let link = |end: &str| selection.link(&[(LETTERS, end)]);
    Ok(DeadLetters {
        letters,
        count,
        newest: before.map(|_| link("")),
        older: older.map(|end| link(&end.as_millis().to_string())),
        now: sandbox.cloud.clock.now(),
        cli: sandbox.cli.clone(),
    })
}

impl Letter {
    fn read(message: MessageRef<'_>, cli: &str) -> Self {
        let text = |name| message.attribute(name).map(str::to_owned);
        // A message that SQS moved has no attributes.
        let post = QueuedPost::read(message.body());
        let post = post.map(|post| (post.tenant.to_string(), post.session_id.to_string()));
        let (tenant, session) = post.unzip();
        let (tenant, session) = (text("tenant").or(tenant), text("session_id").or(session));
        let explained = message
            .attribute("reason")
            .map(|reason| explain_dead_letter(reason, tenant.as_deref(), message.id()));
        let (reason, remedy) = match explained {
            Some(explained) => (explained.meaning, explained.remedy),
            None => (
                "It was received too often without an end.".to_owned(),
                String::new(),
            ),
        };
        Self {
            id: message.id().to_owned(),
            tenant: tenant.unwrap_or_default(),
            session: session.unwrap_or_default(),
            since: message.sent_at(),
            reason,
            detail: text("detail"),
            needs_terminal: remedy.contains(COMMAND),
            remedy: remedy
                .replace(COMMAND, &format!("{cli} "))
                .split('`')
                .map(str::to_owned)
                .collect(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Chosen {
    id: String,
}

pub(super) async fn redrive(
    State(sandbox): State<Arc<Sandbox>>,
    Fields(Chosen { id }): Fields<Chosen>,
) -> Outcome {
    // Only a record's number would need a call to the vendors.
    let testing = Testing::default();
    let redriven = dlq::redrive_one(&sandbox.cloud.stack, &testing, &id, None).await?;
    sandbox.changed();
    Ok(Done::new(sentence(&redriven, &sandbox)))
}

pub(super) async fn redrive_all(State(sandbox): State<Arc<Sandbox>>) -> Outcome {
    let all = dlq::Filter::default();
    let redriven = dlq::redrive(&sandbox.cloud.stack, &all, |_| ()).await?;
    sandbox.changed();
    Ok(Done::new(sentence(&redriven, &sandbox)))
}

fn sentence(redriven: &Redriven, sandbox: &Sandbox) -> String {
    let (cli, now) = (&sandbox.cli, sandbox.cloud.clock.now());
    let mut text = match redriven.redriven {
        0 => "No dead letter is put back.".to_owned(),
        1 => "One dead letter is put back into the queue.".to_owned(),
        count => format!("{count} dead letters are put back into the queue."),
    };
    if let Some(latest) = redriven.later.iter().map(|post| post.not_before).max() {
        let latest = shown_on(now, latest);
        text += &format!(
            " Until {latest} an earlier attempt may still take effect, so that the delivery waits."
        );
    }
    let faults: BTreeSet<_> = mischief::active(&sandbox.cloud)
        .into_iter()
        .map(|(name, _)| format!("“{name}”"))
        .collect();
    if redriven.redriven > 0 && !faults.is_empty() {
        let faults = faults.into_iter().collect::<Vec<_>>().join(", ");
        text += &format!(" Still active: {faults}. Press “Everything works again” first.");
    }
    for left in &redriven.left {
        let which = match &left.dead_letter.session_id {
            Some(session) => format!("Session {session}"),
            None => "One without a session".to_owned(),
        };
        let because = left.because.replace(COMMAND, &format!("{cli} "));
        text += &format!(" {which} stays a dead letter: {because}.");
    }
    text
}
