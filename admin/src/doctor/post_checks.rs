//! Checks of the tenant's posts in the delivery ledger.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use shared::aws::ledger::{BY_TENANT, PostState};
use shared::checks::finding::Finding;
use shared::domain::error::ErrorCode;
use shared::domain::tenant::ConsoleSessions;

use super::context::Doctor;
use super::posts::{DAY, Posts, Reasons, post};
use crate::error::AdminError;

/// A queue keeps messages for 14 days: no older post waits.
const LOOKED_AT: Duration = Duration::from_secs(14 * 24 * 3600);

/// How many posts one query returns, and how many queries are made: a limit for busy tenants.
const PAGE: i32 = 500;
const PAGES: usize = 10;

/// The attributes that [`post`] reads.
const PROJECTION: &str = "session_id, event, #state, reason, received_at";

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
                .index_name(BY_TENANT)
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
                    let index = format!("index {BY_TENANT} of table {}", self.stack.sessions_table);
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

    /// When Rescue last posted.
    pub(crate) async fn last_post(&self) -> Finding {
        let posts = match self.posts().await {
            Ok(posts) => posts,
            Err(finding) => return finding.clone(),
        };
        let everywhere = "In Rescue's Administration Center, Settings, Exporting session data, the two URLs have to be \
                          set for each technician group, or for all groups at once. A group without them never \
                          posts; of the other checks only missed-sessions detects it.";
        let Some(newest) = posts.posts.first() else {
            return Finding::warning("the ledger has no post of the last 90 days", everywhere);
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
                "They are delivered by themselves as soon as ServiceNow accepts the tenant's credentials again: see \
                 servicenow-access.",
            ),
            count => Finding::warning(
                format!("{at_least}{count}: {waiting}"),
                "They are retried by themselves for a day. If they still wait, see servicenow-reachable and the log of \
                 deliver-session.",
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
             Administration Center for that technician group: it is configured separately for each event.",
        )
    }

    /// Whether sessions find their records.
    pub(crate) async fn record_references(&self) -> Finding {
        let posts = match self.posts().await {
            Ok(posts) => posts,
            Err(finding) => return finding.because_of("last-post"),
        };
        let (sessions, unnamed, unbelieved) = posts.references(self.now());
        // PINs are stored for only 10 minutes, so PINs without a session cannot be found.
        let seen = format!("sessions within 7 days: {sessions}, without a record: {unnamed}");
        if unbelieved > 0 {
            return Finding::warning(
                format!("{seen}, with a Tracking0 that this connector did not sign: {unbelieved}"),
                "Another program than the PIN button fills in Tracking0. Use the button, or set require_signed_tracking = \
                 false in the tenant file if only trusted programs can fill it in.",
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
        self.examination.file().sessions.console_sessions != ConsoleSessions::Ignore
    }
}
