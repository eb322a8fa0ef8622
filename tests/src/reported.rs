//! Posts that are made from Rescue's session report, and barriers, in the sessions queue.

use local::rescue::Session;
use shared::aws::queue::{Barrier, Post};
use shared::domain::clock::Timestamp;
use shared::domain::session::{Digest, Event, Fields, SessionId, Source};

use crate::World;
use crate::tokens::demo;

/// A moment as a report's fields hold it: `2025-05-14 10:02:11 UTC`.
pub fn reported(at: Timestamp) -> String {
    format!("{} UTC", stored(at))
}

/// A moment as ServiceNow stores it: `2025-05-14 10:02:11`.
pub fn stored(at: Timestamp) -> String {
    at.to_string()
        .chars()
        .take(19)
        .map(|c| if c == 'T' { ' ' } else { c })
        .collect()
}

/// # Panics
/// When the session's id is none.
pub fn session_id(session: &Session) -> SessionId {
    SessionId::parse(&session.id).expect("an id")
}

impl World {
    /// The post that is made of a session's row in the report.
    pub fn report_post(&self, session: &Session) -> Post {
        let (tenant, session_id) = (demo(), session_id(session));
        let ended_at = session.picked_up_at.plus(session.lasted);
        let technician = &session.technician;
        let of_row = [
            ("SessionID", session.id.clone()),
            ("TechID", technician.node_id.clone()),
            ("TechName", technician.name.clone()),
            ("TechEmail", technician.email.clone()),
            ("Tracking0", session.tracking0.clone()),
            ("WaitingTime", session.waiting_seconds.to_string()),
            ("PickupTime", reported(session.picked_up_at)),
            ("ClosingTime", reported(ended_at)),
            ("WorkTime", session.lasted.as_secs().to_string()),
            ("Platform", session.platform.clone()),
        ];
        let mut fields = Fields::default();
        for (name, value) in of_row {
            fields.fields.insert(name.to_owned(), value);
        }
        fields.fields.extend(session.fields.clone());
        fields.insert("Status", "Closed by technician".to_owned());
        Post {
            digest: Digest::of_report(&tenant, &session_id),
            tenant,
            session_id,
            event: Event::Ended,
            received_at: self.cloud.clock.now(),
            fields,
            source: Source::Report,
        }
    }

    /// Queues the post of a session's row in the report, in the session's group.
    pub async fn report(&self, session: &Session) {
        let post = self.report_post(session);
        self.report_in_group(&post, &post.group()).await;
    }

    /// Queues a post, in a group that may not be its session's.
    ///
    /// # Panics
    /// When it is too long for the queue.
    pub async fn report_in_group(&self, post: &Post, group: &str) {
        let body = post.encode().expect("fits");
        self.enqueue(&body, group).await;
    }

    /// Queues a session's barrier.
    ///
    /// # Panics
    /// When SQS refuses it.
    pub async fn send_barrier(&self, session: &Session) {
        let barrier = Barrier::new(demo(), session_id(session));
        let sent = self.cloud.stack.queues().send_barrier(&barrier).await;
        sent.expect("SQS takes the barrier");
    }

    /// How many sessions were counted as missed.
    pub fn missed_sessions(&self) -> usize {
        self.metric("deliver-session", "MissedSessions").len()
    }

    /// The ledger's entry of the post that was made from the report.
    ///
    /// # Panics
    /// When the session has none or several.
    pub async fn report_entry(&self, session: &Session) -> crate::LedgerEntry {
        let mut entries = self.posts(session).await;
        entries.retain(|entry| entry.get("source").map(String::as_str) == Some("report"));
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries.remove(0)
    }
}
