//! What the ledger knows of the end of a session, for sessions that Rescue's report shows.

use std::collections::HashSet;

use crate::aws::item::{self, Item, text_value};
use crate::aws::ledger::table::{
    BY_TENANT, ConditionalUpdate, Ledger, barrier_key, expires_at, session_value,
};
use crate::aws::queue::Barrier;
use crate::aws::storage_error::StorageError;
use crate::domain::clock::Timestamp;
use crate::domain::session::{Event, SessionId, Source};
use crate::domain::tenant::TenantId;

/// What the ledger knows of the end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// Rescue posted it. The post may be in any state.
    Posted,
    /// Rescue did not post it; its post was made from the report.
    Reported,
    /// Its barrier has passed, and no end was posted before.
    Missed,
    /// Nothing: its post may still be in the queue.
    Unknown,
}

impl Ledger {
    /// The sessions of which an end was accepted since then, in any state of the post. The index is eventually consistent.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn posted_ends(
        &self,
        tenant: &TenantId,
        from: Timestamp,
    ) -> Result<HashSet<SessionId>, StorageError> {
        let (mut posted, mut rest) = (HashSet::new(), None);
        loop {
            let query = self
                .query()
                .index_name(BY_TENANT)
                .key_condition_expression("tenant = :tenant AND received_at >= :from")
                .filter_expression("event = :ended")
                .projection_expression("session_id")
                .expression_attribute_values(":tenant", text_value(tenant))
                .expression_attribute_values(":from", text_value(from))
                .expression_attribute_values(":ended", text_value(Event::Ended))
                .set_exclusive_start_key(rest);
            let answer = self.find(query).await?;
            let id = |entry| SessionId::parse(item::text(entry, "session_id")?);
            posted.extend(answer.items().iter().filter_map(id));
            rest = answer.last_evaluated_key;
            if rest.is_none() {
                return Ok(posted);
            }
        }
    }

    /// What is known of a session's end.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn session_end(
        &self,
        tenant: &TenantId,
        session: &SessionId,
    ) -> Result<SessionEnd, StorageError> {
        let mut end = SessionEnd::Unknown;
        for entry in &self.entries(tenant, session).await? {
            if !is_end(entry) {
                let passed = entry.contains_key("passed_at");
                if passed && end == SessionEnd::Unknown {
                    end = SessionEnd::Missed;
                }
            } else if is_from_report(entry) {
                end = SessionEnd::Reported;
            } else {
                return Ok(SessionEnd::Posted);
            }
        }
        Ok(end)
    }

    /// Notes that a session's barrier has passed. True for the first barrier of a session.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn pass_barrier(&self, barrier: &Barrier) -> Result<bool, StorageError> {
        let now = self.clock.now();
        let update = self
            .update(barrier_key(&barrier.tenant, &barrier.session_id))
            .update_expression("SET passed_at = :now, expires_at = :expires_at")
            .condition_expression("attribute_not_exists(passed_at)")
            .expression_attribute_values(":now", text_value(now))
            .expression_attribute_values(":expires_at", expires_at(now));
        let answer = self.send_conditional(update).await?;
        Ok(matches!(answer, ConditionalUpdate::Written(_)))
    }

    /// Whether anything of a session is known: a post of it, or that it was found to be missed.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn knows(
        &self,
        tenant: &TenantId,
        session: &SessionId,
    ) -> Result<bool, StorageError> {
        Ok(!self.entries(tenant, session).await?.is_empty())
    }

    /// Whether Rescue posted an end that was accepted in that time. The index is eventually consistent.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn has_posted_ends(
        &self,
        tenant: &TenantId,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<bool, StorageError> {
        let mut rest = None;
        loop {
            let query = self
                .query()
                .index_name(BY_TENANT)
                .key_condition_expression("tenant = :tenant AND received_at BETWEEN :from AND :to")
                .expression_attribute_values(":tenant", text_value(tenant))
                .expression_attribute_values(":from", text_value(from))
                .expression_attribute_values(":to", text_value(to))
                .set_exclusive_start_key(rest);
            let answer = self.find(query).await?;
            let is_posted = |entry| is_end(entry) && !is_from_report(entry);
            if answer.items().iter().any(is_posted) {
                return Ok(true);
            }
            rest = answer.last_evaluated_key;
            if rest.is_none() {
                return Ok(false);
            }
        }
    }

    /// The entries of a session, as they are now.
    async fn entries(
        &self,
        tenant: &TenantId,
        session: &SessionId,
    ) -> Result<Vec<Item>, StorageError> {
        let (mut entries, mut rest) = (Vec::new(), None);
        loop {
            let query = self
                .query()
                .key_condition_expression("#session = :session")
                .expression_attribute_names("#session", "session")
                .expression_attribute_values(":session", session_value(tenant, session))
                .consistent_read(true)
                .set_exclusive_start_key(rest);
            let answer = self.find(query).await?;
            entries.extend(answer.items.unwrap_or_default());
            rest = answer.last_evaluated_key;
            if rest.is_none() {
                return Ok(entries);
            }
        }
    }
}

/// Whether an entry is a post of the session's end.
fn is_end(entry: &Item) -> bool {
    item::text(entry, "event") == Some(Event::Ended.as_str())
}

fn is_from_report(entry: &Item) -> bool {
    item::text(entry, "source") == Some(Source::Report.as_str())
}
