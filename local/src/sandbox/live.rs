//! The stream of server-sent events that keeps a page up to date.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::extract::{Query, State};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::Stream;
use serde_json::json;

use super::panel::{Panel, Selection};
use super::{Sandbox, server};
use crate::aws::Mark as AwsMark;
use crate::cloud::OPERATOR;
use crate::simulator::Mark;

/// How often the stack is asked whether anything has changed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The page is rendered again after this time, also when nothing was seen to change: a call is seen when it comes in, and time
/// itself changes some states.
const RENDER_EVERY: Duration = Duration::from_millis(500);

/// A state of the stack, to see whether it has changed.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Revision {
    servicenow: Mark,
    rescue: Mark,
    changes: usize,
    offset_seconds: i64,
}

impl Revision {
    fn of(sandbox: &Sandbox) -> Self {
        Self {
            servicenow: sandbox.cloud.servicenow.mark(),
            rescue: sandbox.cloud.rescue.mark(),
            changes: sandbox.changes.load(Ordering::Relaxed),
            offset_seconds: sandbox.cloud.clock.offset_seconds(),
        }
    }
}

/// What one browser has been sent.
struct Connection {
    sandbox: Arc<Sandbox>,
    selection: Selection,
    waiting: VecDeque<Event>,
    /// The digest of each panel's content.
    sent: BTreeMap<&'static str, u64>,
    rendered: Option<(Revision, AwsMark, Instant)>,
}

/// `panel` events of `{"id","html"}`, and `clock` events of `{"now"}` (milliseconds).
pub(super) async fn events(
    State(sandbox): State<Arc<Sandbox>>,
    Query(pairs): Query<BTreeMap<String, String>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let connection = Connection {
        sandbox,
        selection: Selection::of(pairs),
        waiting: VecDeque::new(),
        sent: BTreeMap::new(),
        rendered: None,
    };
    let events = futures::stream::unfold(connection, async |mut connection| {
        let event = connection.next().await;
        Some((Ok(event), connection))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

impl Connection {
    async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return event;
            }
            if self.rendered.is_some() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            if self.is_due() {
                self.render().await;
            }
        }
    }

    fn is_due(&self) -> bool {
        let Some((revision, mark, at)) = &self.rendered else {
            return true;
        };
        let journal = self.sandbox.cloud.aws.journal();
        at.elapsed() >= RENDER_EVERY
            || *revision != Revision::of(&self.sandbox)
            || journal.has_others(*mark, OPERATOR)
    }

    async fn render(&mut self) {
        // Before the panels are read: what changes meanwhile makes the next rendering due.
        let revision = Revision::of(&self.sandbox);
        let mark = self.sandbox.cloud.aws.journal().mark();
        let now = self.sandbox.cloud.clock.now().as_millis();
        let moved = self
            .rendered
            .is_none_or(|(before, ..)| before.offset_seconds != revision.offset_seconds);
        if moved {
            self.send("clock", &json!({ "now": now }));
        }
        let panels = server::panels(&self.sandbox, &self.selection).await;
        panels.into_iter().for_each(|panel| self.offer(panel));
        self.rendered = Some((revision, mark, Instant::now()));
    }

    /// Sends a panel, unless the browser has it.
    fn offer(&mut self, panel: Panel) {
        let mut hasher = DefaultHasher::new();
        panel.html.hash(&mut hasher);
        let digest = hasher.finish();
        if self.sent.insert(panel.id, digest) != Some(digest) {
            self.send("panel", &json!({"id": panel.id, "html": panel.html}));
        }
    }

    fn send(&mut self, name: &str, data: &serde_json::Value) {
        let event = Event::default().event(name).data(data.to_string());
        self.waiting.push_back(event);
    }
}
