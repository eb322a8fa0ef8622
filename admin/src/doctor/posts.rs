//! The tenant's latest posts in the delivery ledger.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use shared::aws::ledger::PostState;
use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::domain::tenant::TenantId;

use crate::remedies::explain;

pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);

/// Older sessions are not checked.
const SESSIONS: Duration = Duration::from_secs(7 * 24 * 3600);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Post {
    pub(super) session: String,
    event: String,
    state: String,
    reason: String,
    pub(super) received_at: Timestamp,
}

/// The tenant's latest posts, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Posts {
    pub(super) posts: Vec<Post>,
    /// Whether older posts were not read.
    pub(super) more: bool,
}

/// The number of posts by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reasons(BTreeMap<String, usize>);

impl Reasons {
    pub(super) fn of<'p>(posts: impl Iterator<Item = &'p Post>) -> Self {
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

    pub(super) fn has(&self, code: ErrorCode) -> bool {
        self.0.contains_key(code.as_str())
    }

    /// Meaning and remedy of each reason.
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
    pub(super) fn in_state(&self, state: PostState) -> impl Iterator<Item = &Post> {
        let state = state.as_str();
        self.posts.iter().filter(move |post| post.state == state)
    }

    pub(crate) fn failed(&self) -> Reasons {
        Reasons::of(self.in_state(PostState::Failed))
    }

    /// The sessions that started more than a day and less than a week ago and never ended, oldest first.
    pub(super) fn unended(&self, now: Timestamp) -> Vec<&str> {
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

    /// Counts the sessions of the last week, those of them without a reference, and those with an unsigned `Tracking0`.
    pub(super) fn references(&self, now: Timestamp) -> (usize, usize, usize) {
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

/// Reads a post's item.
pub(super) fn post(item: &HashMap<String, AttributeValue>) -> Option<Post> {
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

    /// Posts of a session, an event, some hours ago and with a reason.
    fn posts<const N: usize>(posts: [(&str, &str, u64, &str); N]) -> Posts {
        let post = |(session, event, hours_ago, reason): (&str, &str, u64, &str)| Post {
            session: session.to_owned(),
            event: event.to_owned(),
            state: "waiting".to_owned(),
            reason: reason.to_owned(),
            received_at: now().minus(Duration::from_secs(hours_ago * 3600)),
        };
        Posts {
            posts: posts.map(post).into(),
            more: false,
        }
    }

    #[test]
    fn a_session_is_unended_between_a_day_and_a_week() {
        let posts = posts([
            ("young", "started", 23, ""),
            ("twice", "started", 25, ""),
            ("over", "ended", 30, ""),
            ("over", "started", 31, ""),
            ("twice", "started", 40, ""),
            ("oldest", "started", 167, ""),
            ("forgotten", "started", 169, ""),
        ]);
        assert_eq!(posts.unended(now()), ["oldest", "twice"]);
    }

    #[test]
    fn sessions_are_counted_once_however_often_they_post() {
        let reason = ErrorCode::NoReference.as_str();
        let posts = posts([
            ("a", "ended", 1, reason),
            ("a", "started", 2, reason),
            ("b", "ended", 3, ErrorCode::TrackingNotBelieved.as_str()),
            ("c", "ended", 4, ""),
            ("old", "ended", 24 * 8, reason),
        ]);
        assert_eq!(posts.references(now()), (3, 1, 1));
    }

    #[test]
    fn reasons_are_counted_and_named() {
        let posts = posts([
            ("a", "ended", 1, "servicenow-unavailable"),
            ("b", "ended", 1, ""),
            ("c", "ended", 1, "servicenow-unavailable"),
        ]);
        let reasons = Reasons::of(posts.in_state(PostState::Waiting));
        assert_eq!(reasons.len(), 3);
        assert_eq!(
            reasons.to_string(),
            "1 × no reason yet, 2 × servicenow-unavailable"
        );
    }
}
