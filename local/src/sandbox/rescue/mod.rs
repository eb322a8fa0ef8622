//! The column Rescue: the technician's console.
//!
//! Rescue posts a session's start and end on its own; here a person can also hold posts back, change them and repeat them.

mod console;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use serde::Deserialize;

use super::Sandbox;
use super::action::{Done, Fields, Outcome, Refused};
use super::panel::{FORMAT, POST, SESSION};
use crate::demo_tenant::TECHNICIAN;
use crate::lock::lock;
use crate::rescue::{Format, Phase, Session};

pub(super) use self::console::Console;
pub(super) use self::view::panels;

pub(super) fn routes() -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/rescue/pin", post(enter_pin))
        .route("/rescue/start", post(start))
        .route("/rescue/settings", post(change_settings))
        .route("/rescue/chat", post(chat))
        .route("/rescue/end", post(end))
        .route("/rescue/post-now", post(post_now))
        .route("/rescue/post-again", post(post_again))
}

#[derive(Deserialize)]
struct PinEntry {
    #[serde(default)]
    pin: String,
}

async fn enter_pin(
    State(sandbox): State<Arc<Sandbox>>,
    Fields(entry): Fields<PinEntry>,
) -> Outcome {
    let session = console::enter_pin(&sandbox.cloud.rescue, &entry.pin)?;
    Ok(started(&sandbox, session))
}

#[derive(Deserialize)]
struct NewSession {
    #[serde(default)]
    record_number: String,
    #[serde(default)]
    customer: String,
}

async fn start(State(sandbox): State<Arc<Sandbox>>, Fields(new): Fields<NewSession>) -> Outcome {
    let customer = limited("A customer's name", new.customer.trim(), 64)?;
    let record_number = limited("A record number", new.record_number.trim(), 512)?;
    let session = sandbox.cloud.rescue.start_session(TECHNICIAN);
    let session = session.ok_or_else(|| Refused::input("Rescue has no such technician."))?;
    let session = session
        .with_customer(customer)
        .with_field("CField1", record_number);
    Ok(started(&sandbox, session))
}

fn started(sandbox: &Arc<Sandbox>, session: Session) -> Done {
    let id = session.id.clone();
    let post = lock(&sandbox.console).start(&sandbox.cloud.rescue, session);
    let where_is = send_unless_held(sandbox, post);
    shown(format!("Session {id} has started. {where_is}"), &id)
}

/// Has the page show a session and its newest post.
fn shown(message: String, session: &str) -> Done {
    let done = Done::new(message).selecting(SESSION, session);
    done.selecting(POST, "").selecting(FORMAT, "")
}

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    format: String,
    hold: Option<String>,
}

async fn change_settings(
    State(sandbox): State<Arc<Sandbox>>,
    Fields(settings): Fields<Settings>,
) -> Outcome {
    let format = format_named(&settings.format)?;
    let holding = settings.hold.is_some();
    lock(&sandbox.console).set(format, holding);
    sandbox.changed();
    Ok(Done::new(match holding {
        true => format!("Rescue holds its posts back; their format is {format}."),
        false => format!("Rescue posts at once; the format is {format}."),
    }))
}

#[derive(Deserialize)]
struct ChatMessage {
    #[serde(default)]
    session: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    message: String,
}

async fn chat(State(sandbox): State<Arc<Sandbox>>, Fields(chat): Fields<ChatMessage>) -> Outcome {
    let text = limited("A chat message", chat.message.trim(), 2_000)?;
    if text.is_empty() {
        return Err(Refused::input("Type a chat message."));
    }
    let by_technician = chat.from != "Customer";
    let now = sandbox.cloud.clock.now();
    lock(&sandbox.console).say(&chat.session, by_technician, text, now)?;
    sandbox.changed();
    Ok(Done::new("The message is in the chat."))
}

#[derive(Deserialize)]
struct SessionEnd {
    #[serde(default)]
    session: String,
    #[serde(default)]
    note: String,
}

async fn end(State(sandbox): State<Arc<Sandbox>>, Fields(end): Fields<SessionEnd>) -> Outcome {
    // Browsers send the line breaks of a text area as they like.
    let note = end.note.replace("\r\n", "\n");
    let note = limited("A note", note.trim(), 100_000)?;
    let now = sandbox.cloud.clock.now();
    let post = lock(&sandbox.console).end(&sandbox.cloud.rescue, &end.session, note, now)?;
    let where_is = send_unless_held(&sandbox, post);
    let message = format!("Session {} has ended. {where_is}", end.session);
    Ok(shown(message, &end.session))
}

#[derive(Deserialize)]
struct HeldPost {
    #[serde(default)]
    post: String,
}

async fn post_now(State(sandbox): State<Arc<Sandbox>>, Fields(held): Fields<HeldPost>) -> Outcome {
    let now = sandbox.cloud.clock.now();
    let post = lock(&sandbox.console).release(&held.post, now)?;
    send(&sandbox, post);
    Ok(Done::new("Rescue posts it now.").selecting(POST, held.post))
}

#[derive(Deserialize)]
struct Repetition {
    #[serde(default)]
    post: String,
    #[serde(default)]
    format: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    times: String,
}

async fn post_again(
    State(sandbox): State<Arc<Sandbox>>,
    Fields(again): Fields<Repetition>,
) -> Outcome {
    let format = format_named(&again.format)?;
    let body = again.body.replace("\r\n", "\n");
    let body = limited("A changed body", &body, BODY)?;
    let times = if again.times == "2" { 2 } else { 1 };
    let now = sandbox.cloud.clock.now();
    let posts = lock(&sandbox.console).repeat(&again.post, format, body, times, now)?;
    for post in &posts {
        send(&sandbox, *post);
    }
    let newest = posts.last().map(u64::to_string).unwrap_or_default();
    let message = match times {
        1 => "Rescue posts it again.",
        _ => "Rescue posts it twice at once. One note is all that may come of it.",
    };
    Ok(Done::new(message)
        .selecting(POST, newest)
        .selecting(FORMAT, ""))
}

/// The most characters of a body that a person has changed: the console keeps it.
const BODY: usize = 256 * 1024;

fn format_named(name: &str) -> Result<Format, Refused> {
    let known = Format::ALL
        .into_iter()
        .find(|known| known.to_string() == name);
    known.ok_or_else(|| {
        let names = Format::ALL.map(|format| format.to_string());
        Refused::input(format!("The formats are: {}.", names.join(", ")))
    })
}

fn limited<'t>(name: &str, text: &'t str, most: usize) -> Result<&'t str, Refused> {
    if text.chars().count() > most {
        let message = format!("{name} has at most {most} characters.");
        return Err(Refused::input(message));
    }
    Ok(text)
}

/// Sends a post unless it is held back, and says which of both it is.
fn send_unless_held(sandbox: &Arc<Sandbox>, post: Option<u64>) -> &'static str {
    match post {
        Some(post) => {
            send(sandbox, post);
            "Rescue posts it."
        }
        None => {
            sandbox.changed();
            "Its post is held back."
        }
    }
}

/// Posts in the background, because the connector may be slow.
fn send(sandbox: &Arc<Sandbox>, post: u64) {
    sandbox.changed();
    let sandbox = Arc::clone(sandbox);
    tokio::spawn(async move {
        let Some((phase, payload)) = lock(&sandbox.console).outgoing(post) else {
            return;
        };
        let url = url(&sandbox, phase);
        let outcome = sandbox.cloud.rescue.send(url, &payload).await;
        lock(&sandbox.console).answered(post, outcome);
        sandbox.changed();
    });
}

/// Where Rescue posts this moment to.
fn url(sandbox: &Sandbox, phase: Phase) -> &str {
    match phase {
        Phase::Start => sandbox.webhook_urls.started.expose(),
        Phase::End => sandbox.webhook_urls.ended.expose(),
    }
}
