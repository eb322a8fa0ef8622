//! A post in a message of the sessions queue.

use serde::Deserialize;
use shared::domain::clock::Timestamp;
use shared::domain::session::{Digest, Event, SessionId, Source};
use shared::domain::tenant::TenantId;

/// A post without its fields.
#[derive(Debug, Deserialize)]
pub(super) struct QueuedPost {
    pub(super) tenant: TenantId,
    pub(super) session_id: SessionId,
    pub(super) event: Event,
    pub(super) received_at: Timestamp,
    pub(super) digest: Digest,
    #[serde(default)]
    pub(super) source: Source,
}

/// What comes before the fields is shorter than this, in bytes.
const HEAD: usize = 1_024;

impl QueuedPost {
    /// Reads the beginning of a message: the fields, which may be long, come last. `None` for a message that is no post.
    pub(super) fn read(body: &str) -> Option<Self> {
        let head = &body[..body.floor_char_boundary(HEAD)];
        let mut ends = [",\"fields\":", ",\"compressed\":"].iter();
        let end = ends.find_map(|name| head.find(name))?;
        serde_json::from_str(&format!("{}}}", &head[..end])).ok()
    }
}

#[cfg(test)]
mod tests {
    use shared::aws::queue::{Barrier, Post, WakeRequest};
    use shared::domain::session::Fields;

    use super::*;

    #[test]
    fn a_post_is_read_from_the_beginning_of_its_message() {
        let tenant = TenantId::parse("acme").expect("valid");
        let session_id = SessionId::parse("7").expect("valid");
        // The second one is compressed.
        for chat in ["ä,\"fields\":", &"10:02 AM Ana: hello\n".repeat(100_000)] {
            let mut fields = Fields::default();
            fields.insert("ChatLog", chat.to_owned());
            let post = Post {
                digest: Digest::of(&tenant, &session_id, Event::Ended, &fields),
                tenant: tenant.clone(),
                session_id: session_id.clone(),
                event: Event::Ended,
                received_at: Timestamp::from_millis(1),
                fields,
                source: Source::Report,
            };
            let read = QueuedPost::read(&post.encode().expect("fits")).expect("a post");
            assert_eq!(read.tenant, post.tenant);
            assert_eq!(read.session_id, post.session_id);
            assert_eq!((read.event, read.source), (post.event, post.source));
            assert_eq!(read.received_at, post.received_at);
            assert_eq!(read.digest, post.digest);
        }
        let wake = WakeRequest::new(tenant.clone(), None);
        let wake = serde_json::to_string(&wake).expect("JSON");
        let barrier = Barrier::new(tenant, session_id);
        let barrier = serde_json::to_string(&barrier).expect("JSON");
        for other in [&wake, &barrier, "", "SessionID=7"] {
            assert!(QueuedPost::read(other).is_none(), "{other}");
        }
    }
}
