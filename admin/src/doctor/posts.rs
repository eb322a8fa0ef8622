//! What the ledger tells about the tenant's posts. It holds ids, states, reasons and times.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use shared::aws::ledger::PostState;
use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::domain::tenant::{ConsoleSessions, TenantId};

use super::Doctor;
use super::finding::Finding;
use crate::error::AdminError;
use crate::remedies::explain;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// As long as a message may be in a queue: nothing older waits.
const LOOKED_AT: Duration = Duration::from_secs(14 * 24 * 3600);

/// Sessions that started longer ago than this are given up.
const SESSIONS: Duration = Duration::from_secs(7 * 24 * 3600);

/// So many posts are read in one go, and so often, that a busy tenant does not make this slow or dear.
const PAGE: i32 = 500;
const PAGES: usize = 10;

/// The attributes that are read.
const PROJECTION: &str = "session_id, event, #state, reason, received_at";

/// One post.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Post {
    session: String,
    event: String,
    state: String,
    reason: String,
    received_at: Timestamp,
}

/// The tenant's latest posts, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Posts {
    posts: Vec<Post>,
    /// There are older ones within the time that is looked at.
    more: bool,
}

/// How many, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reasons(BTreeMap<String, usize>);

impl Reasons {
    fn of<'p>(posts: impl Iterator<Item = &'p Post>) -> Self {
        let mut reasons = BTreeMap::new();
        for post in posts {
            let reason = match post.reason.as_str() {
                "" => "no reason yet",
                reason => reason,
            };
            *reasons.entry(reason.to_owned()).or_default() += 1;
        }
        Self(reasons)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.values().sum()
    }

    fn has(&self, code: ErrorCode) -> bool {
        self.0.contains_key(code.as_str())
    }
}

impl Reasons {
    /// What the reasons mean, and what to do about each.
    pub(crate) fn explained(&self, tenant: &TenantId) -> String {
        let known = self.0.keys().filter(|reason| !reason.contains(' '));
        let explained = known.map(|reason| {
            let code = explain(reason, Some(tenant.as_str()));
            format!("{reason}: {} {}", code.meaning, code.remedy)
        });
        explained.collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (reason, count)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{count} × {reason}")?;
        }
        Ok(())
    }
}

impl Posts {
    fn in_state(&self, state: PostState) -> impl Iterator<Item = &Post> {
        let state = state.as_str();
        self.posts.iter().filter(move |post| post.state == state)
    }

    /// The posts that were given up, by reason.
    pub(crate) fn failed(&self) -> Reasons {
        Reasons::of(self.in_state(PostState::Failed))
    }

    /// The sessions that started more than a day and less than a week ago and never ended, oldest first.
    fn unended(&self, now: Timestamp) -> Vec<&str> {
        let ended: BTreeSet<&str> = self
            .posts
            .iter()
            .filter(|post| post.event == "ended")
            .map(|post| post.session.as_str())
            .collect();
        let started = self.posts.iter().rev().filter(|post| {
            let age = now.since(post.received_at);
            post.event == "started" && age > DAY && age <= SESSIONS
        });
        let mut seen = BTreeSet::new();
        started
            .map(|post| post.session.as_str())
            .filter(|session| !ended.contains(session) && seen.insert(*session))
            .collect()
    }

    /// The sessions of the last week, and of these how many named no record, and how many were not believed.
    fn references(&self, now: Timestamp) -> (usize, usize, usize) {
        let recent = || {
            self.posts
                .iter()
                .filter(move |post| now.since(post.received_at) <= SESSIONS)
        };
        let with = |code: ErrorCode| {
            let named: BTreeSet<_> = recent()
                .filter(|post| post.reason == code.as_str())
                .map(|post| &post.session)
                .collect();
            named.len()
        };
        let sessions: BTreeSet<_> = recent().map(|post| &post.session).collect();
        (
            sessions.len(),
            with(ErrorCode::NoReference),
            with(ErrorCode::TrackingNotBelieved),
        )
    }
}

impl Doctor<'_> {
    pub(crate) async fn posts(&self) -> &Result<Posts, Finding> {
        self.posts.get_or_init(|| self.read_posts()).await
    }

    async fn read_posts(&self) -> Result<Posts, Finding> {
        let mut posts = Posts::default();
        let oldest = self.now().minus(LOOKED_AT);
        let mut rest = None;
        for _ in 0..PAGES {
            let answer = self
                .stack
                .dynamodb
                .query()
                .table_name(&self.stack.sessions_table)
                .index_name("by-tenant")
                .key_condition_expression("tenant = :tenant")
                .projection_expression(PROJECTION)
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":tenant", AttributeValue::S(self.id().to_string()))
                .scan_index_forward(false)
                .limit(PAGE)
                .set_exclusive_start_key(rest)
                .send()
                .await
                .map_err(|error| {
                    let index = format!("index by-tenant of table {}", self.stack.sessions_table);
                    Finding::from(AdminError::aws("dynamodb:Query", &index, &error))
                })?;
            posts.posts.extend(answer.items().iter().filter_map(post));
            rest = answer.last_evaluated_key;
            let reached = posts
                .posts
                .last()
                .is_some_and(|post| post.received_at < oldest);
            if rest.is_none() || reached {
                return Ok(posts);
            }
        }
        posts.more = true;
        Ok(posts)
    }

    /// When Rescue last posted anything.
    pub(crate) async fn last_post(&self) -> Finding {
        let posts = match self.posts().await {
            Ok(posts) => posts,
            Err(finding) => return finding.clone(),
        };
        let everywhere = "In Rescue's Administration Center, Settings, Exporting session data, the two URLs have to be \
                          set for each technician group, or for all groups at once. A group that was forgotten never \
                          posts, and nothing else tells.";
        let Some(newest) = posts.posts.first() else {
            return Finding::warning(
                "no post has ever come, as far as the ledger knows (90 days)",
                everywhere,
            );
        };
        let days = self.now().since(newest.received_at).as_secs() / DAY.as_secs();
        let seen = format!("{} (session {})", newest.received_at, newest.session);
        if days >= 7 {
            Finding::warning(format!("{seen}: nothing for {days} days"), everywhere)
        } else {
            Finding::ok(seen)
        }
    }

    /// The tenant's posts that are not delivered yet.
    pub(crate) async fn waiting_posts(&self) -> Finding {
        let posts = match self.posts().await {
            Ok(posts) => posts,
            Err(finding) => return finding.because_of("last-post"),
        };
        let waiting = Reasons::of(posts.in_state(PostState::Waiting));
        let at_least = if posts.more { "at least " } else { "" };
        match waiting.len() {
            0 => Finding::ok("none"),
            count if waiting.has(ErrorCode::ReauthorizationNeeded) => Finding::failed(
                format!("{at_least}{count}: {waiting}"),
                "They are delivered by themselves as soon as ServiceNow takes the tenant's credentials again: see \
                 servicenow-access.",
            ),
            count => Finding::warning(
                format!("{at_least}{count}: {waiting}"),
                "They are tried again by themselves for a day. If they go on waiting, see servicenow-reachable and the \
                 log of deliver-session.",
            ),
        }
    }

    /// Sessions that started and never ended.
    pub(crate) async fn unended_sessions(&self) -> Finding {
        let posts = match self.posts().await {
            Ok(posts) => posts,
            Err(finding) => return finding.because_of("last-post"),
        };
        let unended = posts.unended(self.now());
        if unended.is_empty() {
            return Finding::ok("none within 7 days");
        }
        let some: Vec<&str> = unended.iter().take(5).copied().collect();
        let dots = if unended.len() > some.len() {
            ", …"
        } else {
            ""
        };
        Finding::warning(
            format!(
                "{} started more than 24 h ago and did not end: {}{dots}",
                unended.len(),
                some.join(", ")
            ),
            "If these sessions are over, check that the URL for \"technician ends the session\" is set in Rescue's \
             Administration Center for that technician group: it is typed in twice, once for each event.",
        )
    }

    /// Whether sessions find their records.
    pub(crate) async fn record_references(&self) -> Finding {
        let posts = match self.posts().await {
            Ok(posts) => posts,
            Err(finding) => return finding.because_of("last-post"),
        };
        let (sessions, unnamed, unbelieved) = posts.references(self.now());
        // PINs are kept for 10 minutes only, so which of them led to no session cannot be seen.
        let seen = format!("sessions within 7 days: {sessions}, without a record: {unnamed}");
        if unbelieved > 0 {
            return Finding::warning(
                format!("{seen}, with a Tracking0 that this connector did not sign: {unbelieved}"),
                "Something else than the PIN button fills in Tracking0. Let it use the button, or set \
                 require_signed_tracking = false in the tenant file when nobody else can fill it in.",
            );
        }
        if sessions > 0 && unnamed == sessions && !self.creates_records() {
            return Finding::warning(
                format!("{seen}: nothing was written"),
                "Let technicians start sessions with the PIN button of the record, or set console_sessions or \
                 reference_fields in the tenant file.",
            );
        }
        Finding::ok(seen)
    }

    fn creates_records(&self) -> bool {
        self.tenant.file.sessions.console_sessions != ConsoleSessions::Ignore
    }
}

fn post(item: &HashMap<String, AttributeValue>) -> Option<Post> {
    let text = |name: &str| Some(item.get(name)?.as_s().ok()?.clone());
    Some(Post {
        session: text("session_id")?,
        event: text("event").unwrap_or_default(),
        state: text("state").unwrap_or_default(),
        reason: text("reason").unwrap_or_default(),
        received_at: Timestamp::parse(&text("received_at")?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("2026-01-10T00:00:00Z").expect("valid")
    }

    fn post(session: &str, event: &str, hours_ago: u64, reason: &str) -> Post {
        Post {
            session: session.to_owned(),
            event: event.to_owned(),
            state: "waiting".to_owned(),
            reason: reason.to_owned(),
            received_at: now().minus(Duration::from_secs(hours_ago * 3600)),
        }
    }

    fn posts(posts: Vec<Post>) -> Posts {
        Posts { posts, more: false }
    }

    #[test]
    fn a_session_is_unended_after_a_day_and_forgotten_after_a_week() {
        let posts = posts(vec![
            post("young", "started", 23, ""),
            post("twice", "started", 25, ""),
            post("over", "ended", 30, ""),
            post("over", "started", 31, ""),
            post("twice", "started", 40, ""),
            post("oldest", "started", 167, ""),
            post("forgotten", "started", 169, ""),
        ]);
        assert_eq!(posts.unended(now()), ["oldest", "twice"]);
    }

    #[test]
    fn sessions_are_counted_once_however_often_they_post() {
        let reason = ErrorCode::NoReference.as_str();
        let posts = posts(vec![
            post("a", "ended", 1, reason),
            post("a", "started", 2, reason),
            post("b", "ended", 3, ErrorCode::TrackingNotBelieved.as_str()),
            post("c", "ended", 4, ""),
            post("old", "ended", 24 * 8, reason),
        ]);
        assert_eq!(posts.references(now()), (3, 1, 1));
    }

    #[test]
    fn reasons_are_counted_and_named() {
        let posts = posts(vec![
            post("a", "ended", 1, "servicenow-unavailable"),
            post("b", "ended", 1, ""),
            post("c", "ended", 1, "servicenow-unavailable"),
        ]);
        let reasons = Reasons::of(posts.in_state(PostState::Waiting));
        assert_eq!(reasons.len(), 3);
        assert_eq!(
            reasons.to_string(),
            "1 × no reason yet, 2 × servicenow-unavailable"
        );
    }
}
