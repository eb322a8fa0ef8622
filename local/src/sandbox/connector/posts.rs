//! The posts on their way: those of the ledger, and those in the sessions queue that the ledger does not know yet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use admin::remedies::explain;
use admin::sessions::{Filter, LedgerPost, PostKey, known, list_all};
use askama::Template;
use shared::aws::ledger::PostState;
use shared::domain::clock::Timestamp;
use shared::domain::record::RecordRef;
use shared::domain::session::{Event, Source};

use super::queued::QueuedPost;
use super::{end_of_window, newest_of, queue, shown_on};
use crate::demo_tenant::TENANT;
use crate::multicall::MulticallError;
use crate::sandbox::Sandbox;
use crate::sandbox::panel::{BEFORE, Selection};

/// How many posts one window shows.
const ROWS: usize = 25;

/// A post is in the queue no later than this after it was accepted, unless it was put back.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(60);

/// When SQS returns a message whose delivery has ended without a word: the queue's visibility time-out.
const RETURNED_AFTER: Duration = Duration::from_secs(1_800);

/// A delivery that takes longer than this may be one that has died.
const LONG: Duration = Duration::from_secs(10);

const IN_QUEUE: &str = "in the queue";
const DELIVERING: &str = "being delivered";
const WAITING: &str = "waiting";

/// Why a post is still in the queue.
const BEHIND: &str = "Waits for the session’s earlier post.";

#[derive(Template)]
#[template(path = "sandbox/posts.html")]
pub(super) struct Posts {
    rows: Vec<Row>,
    /// What the last thing was that happened; `None` in older windows.
    news: Option<News>,
    /// How many messages the sessions queue holds.
    in_queue: usize,
    newest: Option<String>,
    older: Option<String>,
    now: Timestamp,
    cli: String,
}

struct Row {
    tenant: String,
    session: String,
    digest: String,
    event: String,
    accepted: Timestamp,
    state: &'static str,
    /// Whether it stays in this state for a while.
    is_settled: bool,
    /// The class of the state's colour.
    class: &'static str,
    attempts: u32,
    /// When something last happened to it.
    moved: Timestamp,
    sentences: Vec<String>,
    next: Option<Next>,
    record: Option<RecordLink>,
}

#[derive(Clone)]
struct RecordLink {
    /// `table:sys_id`
    key: String,
    number: String,
    /// Selects it, and leads to its work notes.
    link: String,
}

/// What became of a post.
#[derive(Default)]
struct News {
    /// Empty while its delivery goes on.
    text: String,
    class: &'static str,
    record: Option<RecordLink>,
}

/// What happens to a post next, and when.
struct Next {
    what: &'static str,
    at: Timestamp,
}

pub(super) async fn read(
    sandbox: &Sandbox,
    selection: &Selection,
) -> Result<Posts, MulticallError> {
    let stack = &sandbox.cloud.stack;
    let before = end_of_window(selection, BEFORE);
    // One more than the window has, to know whether there is another window.
    let filter = Filter {
        before,
        limit: ROWS + 1,
        ..Filter::default()
    };
    let ledger = list_all(stack, &filter).await?.posts;
    let (in_queue, mut queued) = waiting_in_queue(sandbox, &ledger, before)?;
    if !queued.is_empty() {
        let keys = queued.iter().map(|post| PostKey {
            tenant: post.tenant.clone(),
            session: post.session_id.clone(),
            digest: post.digest.to_string(),
        });
        let known = known(stack, &keys.collect::<Vec<_>>()).await?;
        queued.retain(|post| !known.contains(&post.digest.to_string()));
    }
    let now = sandbox.cloud.clock.now();
    let mut rows: Vec<Row> = queued.into_iter().map(Row::queued).collect();
    rows.extend(ledger.into_iter().map(|post| {
        let record = post.record.as_ref();
        let record = record.map(|record| named(sandbox, selection, record));
        Row::of_ledger(post, record, now)
    }));
    let older = newest_of(&mut rows, ROWS, |row| row.accepted);
    say_what_holds_up(&mut rows);
    let moved_last = rows.iter().max_by_key(|row| row.moved);
    let news = moved_last.map(Row::news).unwrap_or_default();
    let link = |end: &str| selection.link(&[(BEFORE, end)]);
    Ok(Posts {
        rows,
        news: before.is_none().then_some(news),
        in_queue,
        newest: before.map(|_| link("")),
        older: older.map(|end| link(&end.as_millis().to_string())),
        now,
        cli: sandbox.cli.clone(),
    })
}

/// How many messages the sessions queue holds, and the newest posts in it that belong into the window and are not among
/// `ledger`, which has the window's posts of the ledger. No message is copied, and the older ones are not looked at.
fn waiting_in_queue(
    sandbox: &Sandbox,
    ledger: &[LedgerPost],
    before: Option<Timestamp>,
) -> Result<(usize, Vec<QueuedPost>), MulticallError> {
    let listed: BTreeSet<&str> = ledger.iter().map(|post| post.delivery.as_str()).collect();
    let begin = ledger.get(ROWS).map(|post| post.received_at);
    let in_window = |post: &QueuedPost| {
        before.is_none_or(|before| post.received_at < before)
            && begin.is_none_or(|begin| post.received_at >= begin)
            && !listed.contains(post.digest.to_string().as_str())
    };
    let found = sandbox
        .cloud
        .aws
        .read_queue(queue(sandbox, "SessionsQueue")?, |messages| {
            let count = messages.len();
            let posts = messages
                .skip_while(|message| {
                    before.is_some_and(|before| message.sent_at() > before.plus(ACCEPTED_WITHIN))
                })
                .take_while(|message| begin.is_none_or(|begin| message.sent_at() >= begin))
                .filter_map(|message| QueuedPost::read(message.body()))
                .filter(in_window);
            (count, posts.take(ROWS + 1).collect())
        });
    Ok(found.unwrap_or_default())
}

/// Says of posts in the queue that an earlier one of their session is not done: a session's posts are delivered in order.
fn say_what_holds_up(rows: &mut [Row]) {
    let mut unfinished = BTreeMap::new();
    for row in rows.iter_mut().rev() {
        let session = (row.tenant.clone(), row.session.clone());
        let earlier = unfinished.get(&session).copied();
        if row.state == IN_QUEUE && earlier.is_some() {
            row.sentences.push(BEHIND.to_owned());
            // It waits as the earlier one does.
            row.is_settled = earlier == Some(true);
        }
        if [IN_QUEUE, DELIVERING, WAITING].contains(&row.state) {
            unfinished.entry(session).or_insert(row.state == WAITING);
        }
    }
}

fn named(sandbox: &Sandbox, selection: &Selection, record: &RecordRef) -> RecordLink {
    let key = record.to_string();
    let servicenow = &sandbox.cloud.servicenow;
    let row = servicenow.record(record.table.as_str(), record.sys_id.as_str());
    let number = row.and_then(|mut row| row.remove("number"));
    let link = selection.form_link(&key) + "#work-notes";
    RecordLink {
        number: number.unwrap_or_else(|| key.clone()),
        key,
        link,
    }
}

fn event(event: Option<Event>, source: Source) -> String {
    let event = event.map(|event| event.to_string()).unwrap_or_default();
    match source {
        Source::Post => event,
        Source::Report => format!("{event} (from Rescue’s report)"),
    }
}

impl Row {
    fn queued(post: QueuedPost) -> Self {
        Self {
            tenant: post.tenant.to_string(),
            session: post.session_id.to_string(),
            digest: post.digest.to_string(),
            event: event(Some(post.event), post.source),
            accepted: post.received_at,
            state: IN_QUEUE,
            class: "wait",
            is_settled: false,
            attempts: 0,
            moved: post.received_at,
            sentences: Vec::new(),
            next: None,
            record: None,
        }
    }

    fn of_ledger(post: LedgerPost, record: Option<RecordLink>, now: Timestamp) -> Self {
        let tenant = post.tenant.map_or_else(String::new, |id| id.to_string());
        let (state, class) = match post.state {
            PostState::Delivering => (DELIVERING, "wait"),
            PostState::Waiting => (WAITING, "wait"),
            PostState::Delivered => ("delivered", "good"),
            PostState::Ignored => ("ignored", "good"),
            PostState::Unmatched => ("unmatched", "bad"),
            PostState::Failed => ("failed", "bad"),
        };
        let next = |what| move |at| Next { what, at };
        let next = match post.state {
            PostState::Waiting => post.next_attempt_at.map(next("Next attempt")),
            PostState::Delivering => post
                .last_attempt_at
                .filter(|began| now.since(*began) >= LONG)
                .map(|began| began.plus(RETURNED_AFTER))
                .map(next("If its process has died, another one takes over")),
            _ => None,
        };
        let mut sentences = Vec::new();
        if let Some(reason) = &post.reason {
            let meaning = explain(reason, Some(&tenant)).meaning;
            // What made it wait may be over.
            sentences.push(match post.state {
                PostState::Waiting => format!("At the last attempt: {meaning}"),
                _ => meaning,
            });
        }
        if let Some(detail) = &post.detail {
            sentences.push(format!("ServiceNow’s reason: {detail}"));
        }
        if !post.dropped_columns.is_empty() {
            let columns = post.dropped_columns.join(", ");
            sentences.push(format!("ServiceNow ignored: {columns}."));
        }
        if let Some(reason) = &post.row_refused {
            sentences.push(format!("The session’s row was not written: {reason}"));
        }
        Self {
            tenant,
            session: post.session_id.to_string(),
            digest: post.delivery,
            event: event(post.event, post.source),
            accepted: post.received_at,
            state,
            class,
            is_settled: post.state != PostState::Delivering,
            attempts: post.attempts,
            moved: post
                .last_attempt_at
                .max(Some(post.received_at))
                .unwrap_or(post.received_at),
            sentences,
            next,
            record,
        }
    }

    fn news(&self) -> News {
        if !self.is_settled {
            return News::default();
        }
        let (session, event, state) = (&self.session, &self.event, self.state);
        let mut text = format!("Session {session} {event}: {state}.");
        if self.class != "good" {
            text.extend(
                self.sentences
                    .iter()
                    .take(1)
                    .flat_map(|sentence| [" ", sentence]),
            );
        }
        News {
            text,
            class: self.class,
            record: self.record.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::aws::ledger::Ledger;
    use shared::aws::queue::Post;
    use shared::domain::session::{Digest, Fields, SessionId};
    use shared::domain::tenant::TenantId;

    use super::*;
    use crate::cloud::TEMPLATE;
    use crate::sandbox::testing::sandbox;
    use crate::template::Template;

    #[test]
    fn a_message_returns_after_the_queues_visibility_time_out() {
        let template = Template::parse(TEMPLATE).expect("the template");
        let queue = template.queue("SessionsQueue").expect("the queue");
        assert_eq!(queue.visibility_timeout, RETURNED_AFTER);
    }

    /// A post that was accepted so many milliseconds after the first.
    fn post(sandbox: &Sandbox, millis: u64) -> Post {
        let tenant = TenantId::parse(TENANT).expect("valid");
        let session_id = SessionId::parse(&(100 + millis).to_string()).expect("valid");
        let fields = Fields::default();
        let first = sandbox.cloud.clock.now().minus(Duration::from_secs(1));
        Post {
            digest: Digest::of(&tenant, &session_id, Event::Ended, &fields),
            tenant,
            session_id,
            event: Event::Ended,
            received_at: first.plus(Duration::from_millis(millis)),
            fields,
            source: Source::Post,
        }
    }

    async fn send(sandbox: &Sandbox, post: &Post) {
        let stack = &sandbox.cloud.stack;
        let send = stack.sqs.send_message();
        let send = send.queue_url(&stack.sessions_queue_url);
        let send = send
            .message_group_id(post.group())
            .message_deduplication_id(post.digest.to_string())
            .message_body(post.encode().expect("fits"));
        send.send().await.expect("sent");
    }

    async fn claim(sandbox: &Sandbox, post: &Post) {
        let stack = &sandbox.cloud.stack;
        let (table, clock) = (stack.sessions_table.clone(), stack.clock.clone());
        let lease = clock.now().plus(Duration::from_secs(300));
        let ledger = Ledger::new(stack.table_calls.clone(), table, clock);
        let claimed = ledger.claim(post, "test", lease, false).await;
        claimed.expect("claimed");
    }

    async fn rows(sandbox: &Sandbox, selection: &Selection) -> Vec<(String, &'static str)> {
        let posts = read(sandbox, selection).await.expect("read");
        let rows = posts.rows.into_iter();
        rows.map(|row| (row.session, row.state)).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_post_is_in_the_queue_until_the_ledger_knows_it() {
        let sandbox = sandbox().await;
        let now = Selection::default();
        assert_eq!(rows(&sandbox, &now).await, []);
        let posts = [post(&sandbox, 1), post(&sandbox, 2)];
        for post in &posts {
            send(&sandbox, post).await;
        }
        let states = |second, first| [("102".to_owned(), second), ("101".to_owned(), first)];
        let waiting = "in the queue";
        assert_eq!(rows(&sandbox, &now).await, states(waiting, waiting));
        claim(&sandbox, &posts[0]).await;
        let expected = states(waiting, "being delivered");
        assert_eq!(rows(&sandbox, &now).await, expected);
    }

    #[test]
    fn a_post_behind_a_waiting_one_of_its_session_says_so_and_is_news() {
        let row = |session: &str, state, millis| Row {
            tenant: TENANT.to_owned(),
            session: session.to_owned(),
            digest: String::new(),
            event: "ended".to_owned(),
            accepted: Timestamp::from_millis(millis),
            state,
            is_settled: state != IN_QUEUE,
            class: "wait",
            attempts: 0,
            moved: Timestamp::from_millis(millis),
            sentences: Vec::new(),
            next: None,
            record: None,
        };
        let mut rows = [
            row("8", IN_QUEUE, 3),
            row("7", IN_QUEUE, 2),
            row("7", WAITING, 1),
        ];
        say_what_holds_up(&mut rows);
        let news = rows.each_ref().map(|row| row.news().text);
        let behind = format!("Session 7 ended: in the queue. {BEHIND}");
        assert_eq!(news, ["", &behind, "Session 7 ended: waiting."]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn windows_show_each_post_of_queue_and_ledger_once() {
        let sandbox = sandbox().await;
        for millis in 0..60 {
            let post = post(&sandbox, 10 * millis);
            send(&sandbox, &post).await;
            if millis % 3 == 0 {
                claim(&sandbox, &post).await;
            }
        }
        let (mut selection, mut seen) = (Selection::default(), Vec::new());
        loop {
            let posts = read(&sandbox, &selection).await.expect("read");
            assert!(posts.rows.len() <= ROWS);
            assert_eq!(posts.in_queue, 60);
            assert_eq!(posts.newest.is_some(), !seen.is_empty());
            seen.extend(posts.rows.into_iter().map(|row| row.session));
            let Some(older) = posts.older else { break };
            let pairs = form_urlencoded::parse(older.trim_start_matches('?').as_bytes());
            selection = Selection::of(pairs.into_owned().collect());
        }
        seen.sort();
        let sessions = seen.len();
        seen.dedup();
        assert_eq!((seen.len(), sessions), (60, 60));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_post_of_the_queue_that_the_ledger_knows_from_before_is_not_listed_twice() {
        let sandbox = sandbox().await;
        let old = post(&sandbox, 0);
        claim(&sandbox, &old).await;
        for millis in 1..=30 {
            claim(&sandbox, &post(&sandbox, 10 * millis)).await;
        }
        let again = Post {
            received_at: sandbox.cloud.clock.now(),
            ..old
        };
        send(&sandbox, &again).await;
        let rows = rows(&sandbox, &Selection::default()).await;
        assert_eq!(rows.len(), ROWS);
        assert!(rows.iter().all(|(_, state)| *state == "being delivered"));
    }
}
