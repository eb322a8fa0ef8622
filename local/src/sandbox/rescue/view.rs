//! How the column looks.

use askama::Template;

use super::super::Sandbox;
use super::super::panel::{FORMAT, POST, Panel, SESSION, SESSIONS, Selection};
use super::super::shell::quoted;
use super::console::{Console, ConsoleSession, Post, PostState};
use super::{format_named, url};
use crate::lock::lock;
use crate::multicall::MulticallError;
use crate::rescue::{Format, Payload, Phase};

/// How many sessions the list shows at a time.
const WINDOW: usize = 15;
/// How many chat messages the console shows, the newest.
const MESSAGES: usize = 10;

pub(in crate::sandbox) fn panels(
    sandbox: &Sandbox,
    selection: &Selection,
) -> Result<Vec<Panel>, MulticallError> {
    let newest = sandbox.cloud.servicenow.newest_records(0, WINDOW);
    let numbers = newest.iter().map(|record| record.raw("number"));
    let numbers = numbers.filter(|number| !number.is_empty()).collect();
    let console = lock(&sandbox.console);
    let column = Column::new(sandbox, selection, &console, numbers);
    Ok(vec![Panel::render("panel-rescue", &column)?])
}

#[derive(Template)]
#[template(path = "sandbox/rescue.html")]
struct Column<'a> {
    sandbox: &'a Sandbox,
    selection: &'a Selection,
    console: &'a Console,
    /// The numbers of the newest records.
    record_numbers: Vec<&'a str>,
    /// The newest first.
    window: Vec<&'a ConsoleSession>,
    newest: Option<String>,
    older: Option<String>,
    session: Option<&'a ConsoleSession>,
    post: Option<&'a Post>,
    /// In which format the post is shown.
    format: Format,
}

impl<'a> Column<'a> {
    fn new(
        sandbox: &'a Sandbox,
        selection: &'a Selection,
        console: &'a Console,
        record_numbers: Vec<&'a str>,
    ) -> Self {
        let newest_first = || console.sessions().iter().rev();
        let selected =
            |session: &&ConsoleSession| Some(&*session.session.id) == selection.get(SESSION);
        let session = newest_first()
            .find(selected)
            .or_else(|| newest_first().next());
        let posts = || {
            session
                .into_iter()
                .flat_map(|session| session.posts.iter().rev())
        };
        let selected = |post: &&Post| Some(&*post.id.to_string()) == selection.get(POST);
        let post = posts().find(selected).or_else(|| posts().next());
        let shown_as = selection
            .get(FORMAT)
            .and_then(|name| format_named(name).ok());

        // The window starts at a session, so that new ones do not move it.
        let first =
            |session: &ConsoleSession| Some(&*session.session.id) == selection.get(SESSIONS);
        let first = newest_first().position(first).unwrap_or(0);
        let window = newest_first().skip(first).take(WINDOW);
        let older = newest_first().nth(first + WINDOW);
        Self {
            sandbox,
            selection,
            console,
            record_numbers,
            window: window.collect(),
            newest: (first > 0).then(|| selection.link(&[(SESSIONS, "")])),
            older: older.map(|older| selection.link(&[(SESSIONS, &older.session.id)])),
            session,
            post,
            format: shown_as
                .or(post.map(|post| post.format))
                .unwrap_or_default(),
        }
    }

    fn is_selected(&self, session: &ConsoleSession) -> bool {
        let selected = self.session.map(|selected| &selected.session.id);
        selected == Some(&session.session.id)
    }

    fn is_post(&self, post: &Post) -> bool {
        self.post.is_some_and(|selected| selected.id == post.id)
    }

    fn session_link(&self, session: &ConsoleSession) -> String {
        let changes = [
            (SESSION, session.session.id.as_str()),
            (POST, ""),
            (FORMAT, ""),
        ];
        self.selection.link(&changes)
    }

    /// With the session, because a selection of nothing is that of the newest session.
    fn post_link(&self, session: &ConsoleSession, post: &Post, format: Option<&Format>) -> String {
        let format = format.map(Format::to_string).unwrap_or_default();
        let changes = [
            (SESSION, session.session.id.as_str()),
            (POST, &post.id.to_string()),
            (FORMAT, &format),
        ];
        self.selection.link(&changes)
    }

    fn is_in_progress(&self) -> bool {
        self.session
            .is_some_and(|session| session.ended_at.is_none())
    }

    /// What presses one of this column's buttons.
    fn command(&self, action: &str, fields: &[(&str, &str)]) -> String {
        let action = format!("rescue/{action}");
        self.sandbox.form_command(&action, fields)
    }

    /// Runs a command twice at once.
    fn twice(&self, command: &str) -> String {
        format!("for i in 1 2; do {command} & done; wait")
    }

    /// Another one for each format, so that what is typed stays with its format.
    fn body_id(&self, post: &Post) -> String {
        format!("body-{}-{}", post.id, self.format as u8)
    }

    /// The post in the selected format.
    fn payload(&self, post: &Post) -> Payload {
        post.payload_as(self.format)
    }

    /// What posts it.
    fn post_command(&self, post: &Post) -> String {
        let payload = self.payload(post);
        format!(
            "curl -i {} -H {} --data-raw {}",
            quoted(url(self.sandbox, post.moment.phase)),
            quoted(&format!("content-type: {}", payload.content_type)),
            quoted(&payload.body)
        )
    }
}

impl ConsoleSession {
    fn customer(&self) -> &str {
        self.field("CField0")
    }

    fn record_number(&self) -> &str {
        self.field("CField1")
    }

    fn field(&self, name: &str) -> &str {
        self.session.fields.get(name).map_or("", String::as_str)
    }

    /// What else the session was started with.
    fn other_fields(&self) -> Vec<(&str, &str)> {
        let fields = self.session.fields.iter();
        let fields = fields.filter(|(name, _)| !["CField0", "CField1"].contains(&name.as_str()));
        let tracking = ("Tracking0", self.session.tracking0.as_str());
        let fields = fields.map(|(name, value)| (name.as_str(), value.as_str()));
        let fields = fields.chain([tracking]);
        fields.filter(|(_, value)| !value.is_empty()).collect()
    }

    /// The newest messages.
    fn chat(&self) -> &[String] {
        let chat = &self.session.chat;
        &chat[chat.len().saturating_sub(MESSAGES)..]
    }
}

impl Post {
    fn event(&self) -> &'static str {
        match self.moment.phase {
            Phase::Start => "started",
            Phase::End => "ended",
        }
    }

    fn is_held(&self) -> bool {
        matches!(self.state, PostState::Held)
    }

    /// The state and its colour.
    fn state(&self) -> (String, &'static str) {
        match &self.state {
            PostState::Held => ("held back".to_owned(), "wait"),
            PostState::Sending => ("being posted".to_owned(), "wait"),
            PostState::Answered { status, .. } => {
                let colour = if (200..300).contains(status) {
                    "good"
                } else {
                    "bad"
                };
                (format!("answered {status}"), colour)
            }
            PostState::Failed(_) => ("no answer".to_owned(), "bad"),
        }
    }

    /// What Rescue got in return.
    fn answer(&self) -> &str {
        match &self.state {
            PostState::Held | PostState::Sending => "",
            PostState::Answered { body, .. } => body,
            PostState::Failed(sentence) => sentence,
        }
    }
}
