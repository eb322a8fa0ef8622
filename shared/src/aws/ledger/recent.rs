//! A tenant's posts of the last day.

use serde::Serialize;

use crate::aws::item::{self, text_value};
use crate::aws::ledger::posts::{PostState, state};
use crate::aws::ledger::table::{BY_TENANT, Ledger};
use crate::aws::storage_error::StorageError;
use crate::domain::clock::Timestamp;
use crate::domain::tenant::TenantId;

/// How many posts are looked at: some 250 KB of the index.
const READ: i32 = 1_000;

/// A tenant's newest posts, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecentPosts {
    /// When the newest post was accepted.
    pub last_received_at: Option<Timestamp>,
    /// The posts of the last day by their state.
    pub last_day: PostCounts,
    /// Whether the last day had more posts than were counted.
    pub more: bool,
}

/// Posts by their state. A post that is being delivered counts as waiting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each is a state of the ledger")]
pub struct PostCounts {
    pub delivered: u32,
    pub waiting: u32,
    pub failed: u32,
    pub unmatched: u32,
    pub ignored: u32,
}

impl Ledger {
    /// Counts a tenant's posts that were accepted since then, with one query: at most the newest thousand.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn recent_posts(
        &self,
        tenant: &TenantId,
        since: Timestamp,
    ) -> Result<RecentPosts, StorageError> {
        let query = self
            .query()
            .index_name(BY_TENANT)
            .key_condition_expression("tenant = :tenant")
            .expression_attribute_values(":tenant", text_value(tenant))
            .scan_index_forward(false)
            .limit(READ);
        let answer = self.find(query).await?;
        let received_at = |entry| item::timestamp(entry, "received_at");
        let mut posts = RecentPosts {
            last_received_at: answer.items().first().and_then(received_at),
            more: answer.last_evaluated_key().is_some()
                && answer.items().last().and_then(received_at) >= Some(since),
            ..RecentPosts::default()
        };
        let recent = answer
            .items()
            .iter()
            .take_while(|entry| received_at(entry) >= Some(since));
        for entry in recent {
            let counts = &mut posts.last_day;
            let count = match state(entry) {
                Some(PostState::Delivered) => &mut counts.delivered,
                Some(PostState::Delivering | PostState::Waiting) => &mut counts.waiting,
                Some(PostState::Failed) => &mut counts.failed,
                Some(PostState::Unmatched) => &mut counts.unmatched,
                Some(PostState::Ignored) => &mut counts.ignored,
                None => continue,
            };
            *count += 1;
        }
        Ok(posts)
    }
}
