//! The queues and the tenant's pause.

use shared::aws::tenants::StorageError;

use super::context::Doctor;
use super::finding::Finding;
use crate::dlq::message_count;
use crate::error::AdminError;

/// So many messages of the 100 000 that may wait at once are alarming (docs/architecture.md#rule-4).
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
                "Look at waiting-posts of each tenant: put right the one that cannot be delivered, or disable it.",
            )
        } else if count >= MANY_MESSAGES / 6 {
            Finding::warning(
                seen,
                "Look at waiting-posts of each tenant, and at the log of deliver-session.",
            )
        } else {
            Finding::ok(seen)
        }
    }

    /// What was given up: all tenants' messages, and this tenant's posts.
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
            _ => format!("{seen}; posts of this tenant that were given up: {failed}"),
        };
        let id = self.id();
        if failed.len() > 0 && count > 0 {
            Finding::warning(
                seen,
                format!(
                    "{} Once that is put right, `rescue-connector dlq redrive --tenant {id}` sends them again; \
                     `rescue-connector dlq list --tenant {id}` shows each message.",
                    failed.explained(id)
                ),
            )
        } else if count > 0 {
            Finding::warning(
                seen,
                "`rescue-connector dlq list` shows whose they are, and why; once the cause is put right, `rescue-connector dlq \
                 redrive --all` sends them again.",
            )
        } else {
            Finding::ok(seen)
        }
    }
    /// Whether deliveries are paused as a whole.
    pub(crate) async fn paused(&self) -> Finding {
        match self.credentials.tenant_pause_now(self.id()).await {
            Ok(standing) => match standing.pause_at(self.now()) {
                None => Finding::ok("no"),
                Some(pause) => Finding::of_pause(&pause, &self.tenant.file, self.now()),
            },
            Err(error) => self.storage("dynamodb:GetItem", &error),
        }
    }

    /// A call to the credentials table that failed.
    pub(crate) fn storage(&self, action: &'static str, error: &StorageError) -> Finding {
        let table = format!("table {}", self.stack.credentials_table);
        AdminError::failed(action, &table, error.reason().to_owned()).into()
    }
}
