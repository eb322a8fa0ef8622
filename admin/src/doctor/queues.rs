//! The queues.

use shared::checks::finding::Finding;

use super::context::Doctor;
use crate::dlq::message_count;

/// The alarm's threshold; at most 100 000 messages may wait at once (docs/architecture.md#rule-4).
const MANY_MESSAGES: usize = 60_000;

impl Doctor<'_> {
    /// How many messages of all tenants wait.
    pub(crate) async fn queue(&self) -> Finding {
        let count = match message_count(self.stack, &self.stack.sessions_queue_url).await {
            Ok(count) => count,
            Err(error) => return error.into(),
        };
        let seen = format!("messages of all tenants: {count}");
        if count >= MANY_MESSAGES {
            Finding::failed(
                format!("{seen}, of the 100000 that may wait at once"),
                "Check waiting-posts of each tenant: correct the one whose posts cannot be delivered, or disable it.",
            )
        } else if count >= MANY_MESSAGES / 6 {
            Finding::warning(
                seen,
                "Check waiting-posts of each tenant, and the log of deliver-session.",
            )
        } else {
            Finding::ok(seen)
        }
    }

    /// The dead letters of all tenants, and this tenant's failed posts.
    pub(crate) async fn dead_letters(&self) -> Finding {
        let count = match message_count(self.stack, &self.stack.sessions_dlq_url).await {
            Ok(count) => count,
            Err(error) => return error.into(),
        };
        let failed = match self.posts().await {
            Ok(posts) => posts.failed(),
            Err(finding) => return finding.because_of("last-post"),
        };
        let seen = format!("messages of all tenants: {count}");
        let seen = match failed.len() {
            0 => format!("{seen}, none known to be of this tenant"),
            _ => format!("{seen}; failed posts of this tenant: {failed}"),
        };
        let id = self.id();
        if failed.len() > 0 && count > 0 {
            Finding::warning(
                seen,
                format!(
                    "{} After the correction, `rescue-connector dlq redrive --tenant {id}` puts them back; \
                     `rescue-connector dlq list --tenant {id}` shows each message.",
                    failed.explained(id)
                ),
            )
        } else if count > 0 {
            Finding::warning(
                seen,
                "`rescue-connector dlq list` shows their tenants and reasons; after the correction, `rescue-connector dlq \
                 redrive --all` puts them back.",
            )
        } else {
            Finding::ok(seen)
        }
    }
}
