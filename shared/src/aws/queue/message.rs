//! The messages of the sessions queue: posts, requests to wake the posts that wait for a re-authorisation, and barriers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::aws::queue::codec::{
    MESSAGE_LIMIT, UNPACKED_LIMIT, escape_for_sqs, gunzip, gzip_base64, unpacked_size, write_json,
};
use crate::domain::clock::Timestamp;
use crate::domain::error::ErrorCode;
use crate::domain::session::{Digest, Event, Fields, SessionId, Source};
use crate::domain::tenant::TenantId;

/// One accepted post: the queue message, version 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// The tenant whose webhook URL was called.
    pub tenant: TenantId,
    /// The session that was posted.
    pub session_id: SessionId,
    /// The event as resolved from URL and content.
    pub event: Event,
    /// When `session-details` accepted it.
    pub received_at: Timestamp,
    /// The post's identity, and its deduplication id.
    pub digest: Digest,
    /// The posted variables.
    pub fields: Fields,
    /// Whether Rescue posted it.
    pub source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Wire {
    v: u32,
    tenant: TenantId,
    session_id: SessionId,
    event: Event,
    received_at: Timestamp,
    digest: Digest,
    /// Left out of what Rescue posted, so that an earlier release can read it.
    #[serde(default, skip_serializing_if = "Source::is_post")]
    source: Source,
    /// Absent where `compressed` holds both maps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fields: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    unknown_fields: BTreeMap<String, String>,
    /// [`Fields`] as JSON, gzip, base64, where plain JSON is longer than [`MESSAGE_LIMIT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compressed: Option<String>,
}

/// A message that is not a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Its `v` is not 1.
    #[error("the message has an unknown version")]
    UnknownVersion,
    /// It has none of the formats that [`Post::encode`] describes.
    #[error("the message is malformed")]
    Malformed,
    /// Its fields are longer than [`UNPACKED_LIMIT`].
    #[error("the message unpacks to more than {UNPACKED_LIMIT} bytes")]
    TooLarge,
}

/// A post whose fields are not unpacked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedPost {
    wire: Wire,
    size: usize,
}

impl PackedPost {
    /// Reads a message body without unpacking its fields.
    ///
    /// # Errors
    /// When it is not a post of version 1.
    pub fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct Versioned {
            v: serde_json::Value,
        }
        let Versioned { v } = serde_json::from_str(text).map_err(|_| DecodeError::Malformed)?;
        if v != 1 {
            return Err(DecodeError::UnknownVersion);
        }
        let wire: Wire = serde_json::from_str(text).map_err(|_| DecodeError::Malformed)?;
        let size = match &wire.compressed {
            None => text.len(),
            Some(packed) => unpacked_size(packed).ok_or(DecodeError::Malformed)?,
        };
        Ok(Self { wire, size })
    }

    /// The most bytes that [`PackedPost::unpack`] produces.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// The post with its fields.
    ///
    /// # Errors
    /// When its fields cannot be read, or are longer than [`UNPACKED_LIMIT`]; unpacking ends at that length.
    pub fn unpack(mut self) -> Result<Post, DecodeError> {
        if self.size > UNPACKED_LIMIT {
            return Err(DecodeError::TooLarge);
        }
        let fields = match self.wire.compressed.take() {
            None => self.wire.fields.take().map(|fields| Fields {
                fields,
                unknown_fields: std::mem::take(&mut self.wire.unknown_fields),
            }),
            Some(packed) => gunzip(&packed, self.size)
                .and_then(|fields| String::from_utf8(fields).ok())
                .and_then(|fields| serde_json::from_str(&fields).ok()),
        };
        let fields = fields.ok_or(DecodeError::Malformed)?;
        Ok(self.with_fields(fields))
    }

    /// The post without its fields, as the ledger stores it.
    pub fn outline(self) -> Post {
        self.with_fields(Fields::default())
    }

    fn with_fields(self, fields: Fields) -> Post {
        Post {
            tenant: self.wire.tenant,
            session_id: self.wire.session_id,
            event: self.wire.event,
            received_at: self.wire.received_at,
            digest: self.wire.digest,
            fields,
            source: self.wire.source,
        }
    }
}

/// A request to make the messages visible whose posts wait for a tenant's re-authorisation: the tenant has new
/// credentials.
///
/// Those messages are hidden for up to an hour. Only `deliver-session` may change their visibility, so the process that
/// ends the tenant's pause sends it this request, in the same queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WakeRequest {
    v: u32,
    /// The tenant that was re-authorised.
    #[serde(rename = "wake")]
    pub tenant: TenantId,
    /// Earlier requests have covered the posts accepted before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
}

impl WakeRequest {
    /// All of a tenant's posts, or those accepted at or after `from`.
    pub const fn new(tenant: TenantId, from: Option<Timestamp>) -> Self {
        Self { v: 1, tenant, from }
    }
}

/// Asks whether a session was missed. In the session's own message group it is received after every post of the session that
/// was accepted before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Barrier {
    v: u32,
    /// The tenant.
    pub tenant: TenantId,
    /// The session, whose end the ledger does not have.
    #[serde(rename = "barrier")]
    pub session_id: SessionId,
}

impl Barrier {
    /// The barrier of a session.
    pub const fn new(tenant: TenantId, session_id: SessionId) -> Self {
        Self {
            v: 1,
            tenant,
            session_id,
        }
    }
}

/// A message of the sessions queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueMessage {
    /// A post to deliver.
    Post(Box<PackedPost>),
    /// A request to wake the posts that wait for a re-authorisation.
    Wake(WakeRequest),
    /// Asks whether a session was missed.
    Barrier(Barrier),
}

impl QueueMessage {
    /// Reads a message body in one of the formats that [`Post::encode`] describes.
    ///
    /// # Errors
    /// When it is none of version 1.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        // Posts first: nearly every message is one, and it may be long.
        match PackedPost::read(text) {
            Ok(packed) => Ok(Self::Post(Box::new(packed))),
            Err(DecodeError::Malformed) => serde_json::from_str(text)
                .map(Self::Wake)
                .or_else(|_| serde_json::from_str(text).map(Self::Barrier))
                .map_err(|_| DecodeError::Malformed),
            Err(unknown) => Err(unknown),
        }
    }
}

impl DecodeError {
    /// The reason that the dead letter states.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::UnknownVersion => ErrorCode::UnknownVersion,
            Self::Malformed => ErrorCode::MalformedMessage,
            Self::TooLarge => ErrorCode::BodyTooLarge,
        }
    }
}

impl Post {
    /// The message body, compressed only where plain JSON is longer than [`MESSAGE_LIMIT`]. `None`: it is too long even
    /// compressed, or its fields are longer than [`UNPACKED_LIMIT`].
    ///
    /// The queue's messages are JSON objects with their version in `v`.
    /// * A post: `{"v":1,"tenant","session_id","event","received_at","digest","fields","unknown_fields"}`, or with
    ///   `"compressed"` (gzip, base64) in place of the last two. Group `{tenant}#{session id}`, deduplicated by digest.
    /// * A [`WakeRequest`]: `{"v":1,"wake":"{tenant}"}`, with `"from"` (RFC 3339) where it continues an earlier one. Group
    ///   `{tenant}#*`, which no session can have; never deduplicated.
    /// * A [`Barrier`]: `{"v":1,"tenant","barrier":"{session id}"}`. The session's group; never deduplicated.
    ///
    /// A post that was made from Rescue's report has `"source":"report"`.
    pub fn encode(&self) -> Option<String> {
        let wire = |fields: Option<Fields>, compressed| {
            let (fields, unknown_fields) = match fields {
                Some(fields) => (Some(fields.fields), fields.unknown_fields),
                None => (None, BTreeMap::new()),
            };
            Wire {
                v: 1,
                tenant: self.tenant.clone(),
                session_id: self.session_id.clone(),
                event: self.event,
                received_at: self.received_at,
                digest: self.digest.clone(),
                source: self.source,
                fields,
                unknown_fields,
                compressed,
            }
        };
        // Fields are copied only when they fit.
        if write_json(&self.fields, MESSAGE_LIMIT, std::io::sink()).is_some() {
            let plain = serde_json::to_string(&wire(Some(self.fields.clone()), None)).ok()?;
            let plain = escape_for_sqs(plain);
            if plain.len() <= MESSAGE_LIMIT {
                return Some(plain);
            }
        }
        let packed = gzip_base64(|encoder| write_json(&self.fields, UNPACKED_LIMIT, encoder))?;
        let packed = serde_json::to_string(&wire(None, Some(packed))).ok()?;
        (packed.len() <= MESSAGE_LIMIT).then_some(packed)
    }

    /// Reads a message body.
    ///
    /// # Errors
    /// When it is not a post of version 1.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        PackedPost::read(text)?.unpack()
    }

    /// The message group: a session's posts are delivered in order, and no session blocks another.
    pub fn group(&self) -> String {
        format!("{}#{}", self.tenant, self.session_id)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::aws::queue::codec::is_accepted_by_sqs;

    fn post(chat: &str) -> Post {
        let (tenant, session_id) = (
            TenantId::parse("acme").expect("valid"),
            SessionId::parse("7").expect("valid"),
        );
        let mut fields = Fields::default();
        fields.insert("ChatLog", chat.to_owned());
        fields.insert("tsurvey0", "5".to_owned());
        let digest = Digest::of(&tenant, &session_id, Event::Started, &fields);
        Post {
            tenant,
            session_id,
            event: Event::Started,
            received_at: Timestamp::from_millis(1),
            digest,
            fields,
            source: Source::Post,
        }
    }

    #[test]
    fn a_post_reads_back_what_it_wrote() {
        let post = post("hello");
        let text = post.encode().expect("fits");
        assert_eq!(Post::decode(&text), Ok(post));
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(json["v"], 1);
        assert_eq!(json["event"], "started");
        assert_eq!(json["fields"]["ChatLog"], "hello");
        assert_eq!(json["unknown_fields"]["tsurvey0"], "5");
    }

    /// An earlier release knows no `source`, and what it has queued has none.
    #[test]
    fn what_rescue_posted_is_encoded_without_a_source_and_read_without_one() {
        let post = post("hello");
        let text = post.encode().expect("fits");
        assert!(!text.contains("source"), "{text}");
        assert_eq!(
            Post::decode(&text).map(|post| post.source),
            Ok(Source::Post)
        );
    }

    #[test]
    fn a_post_that_was_made_from_the_report_stays_one() {
        // The second one is compressed.
        for chat in ["hello", &"10:02 AM Ana: hello again\n".repeat(80_000)] {
            let post = Post {
                source: Source::Report,
                ..post(chat)
            };
            let text = post.encode().expect("fits");
            let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(json["source"], "report");
            let packed = PackedPost::read(&text).expect("a post");
            assert_eq!(packed.clone().outline().source, Source::Report);
            assert_eq!(packed.unpack(), Ok(post));
        }
        let unknown = post("x").encode().expect("fits");
        let unknown = unknown.replacen('{', r#"{"source":"other","#, 1);
        assert_eq!(Post::decode(&unknown), Err(DecodeError::Malformed));
    }

    #[test]
    fn a_post_of_two_megabytes_is_compressed_and_not_cut() {
        let post = post(&"10:02 AM Ana: hello again\n".repeat(80_000));
        let text = post.encode().expect("compresses well");
        assert!(text.len() < MESSAGE_LIMIT / 10, "{}", text.len());
        assert_eq!(Post::decode(&text), Ok(post));
    }

    #[test]
    fn a_post_that_could_not_be_delivered_is_not_encoded() {
        // Three bytes in UTF-8 for one in windows-1252, and six in JSON for a control character.
        for (chat, fits) in [
            ("\u{2039}".repeat(5_500_000), true),
            ("\u{2039}".repeat(5_600_000), false),
            ("\u{1}".repeat(2_900_000), false),
        ] {
            let post = post(&chat);
            let text = post.encode();
            assert_eq!(text.is_some(), fits, "{}", chat.len());
            let Some(text) = text else { continue };
            let packed = PackedPost::read(&text).expect("a post");
            assert!(packed.size() > text.len() && packed.size() <= UNPACKED_LIMIT);
            assert_eq!(packed.unpack(), Ok(post));
        }
    }

    /// Zip bombs of a few kilobytes. Only this connector writes to the queue; other releases of it may have.
    #[test]
    fn a_message_is_not_unpacked_beyond_the_limit_or_its_stated_size() {
        let message = |packed: &str| {
            let mut json: serde_json::Value =
                serde_json::from_str(&post("x").encode().expect("fits")).expect("JSON");
            json["compressed"] = packed.into();
            Post::decode(&json.to_string())
        };
        let bomb = vec![b' '; UNPACKED_LIMIT + 1];
        let packed = gzip_base64(|encoder| encoder.write_all(&bomb).ok());
        let mut packed = STANDARD.decode(packed.expect("packed")).expect("base64");
        assert_eq!(
            message(&STANDARD.encode(&packed)),
            Err(DecodeError::TooLarge)
        );
        let size = packed.len() - 4;
        packed[size..].copy_from_slice(&1_u32.to_le_bytes());
        for packed in [STANDARD.encode(&packed), String::new(), "AAAA".to_owned()] {
            assert_eq!(message(&packed), Err(DecodeError::Malformed));
        }
        assert_eq!(DecodeError::TooLarge.code(), ErrorCode::BodyTooLarge);
    }

    #[test]
    fn characters_that_sqs_refuses_are_escaped() {
        let post = post("a\u{ffff}b\u{fffe}c\u{1}d");
        let text = post.encode().expect("fits");
        assert!(is_accepted_by_sqs(&text));
        assert_eq!(Post::decode(&text), Ok(post));
    }

    #[test]
    fn an_unknown_version_is_not_a_malformed_message() {
        let text = post("x").encode().expect("fits");
        assert_eq!(
            Post::decode(&text.replace("\"v\":1", "\"v\":2")),
            Err(DecodeError::UnknownVersion)
        );
        assert_eq!(Post::decode("{}"), Err(DecodeError::Malformed));
        assert_eq!(Post::decode("not JSON"), Err(DecodeError::Malformed));
        assert_eq!(Post::decode("{\"v\":1}"), Err(DecodeError::Malformed));
    }

    #[test]
    fn a_wake_request_differs_from_a_post_by_its_shape_and_has_a_version_too() {
        let tenant = TenantId::parse("acme").expect("valid");
        let all = WakeRequest::new(tenant.clone(), None);
        let text = serde_json::to_string(&all).expect("JSON");
        assert_eq!(text, r#"{"v":1,"wake":"acme"}"#);
        assert_eq!(QueueMessage::decode(&text), Ok(QueueMessage::Wake(all)));
        let rest = WakeRequest::new(tenant, Some(Timestamp::from_millis(1)));
        let text = serde_json::to_string(&rest).expect("JSON");
        assert_eq!(QueueMessage::decode(&text), Ok(QueueMessage::Wake(rest)));
        let later = text.replace("\"v\":1", "\"v\":2");
        assert_eq!(
            QueueMessage::decode(&later),
            Err(DecodeError::UnknownVersion)
        );
        assert_eq!(Post::decode(&text), Err(DecodeError::Malformed));
        let post = post("hello");
        let text = post.encode().expect("fits");
        let Ok(QueueMessage::Post(packed)) = QueueMessage::decode(&text) else {
            panic!("not a post: {text}");
        };
        let outline = packed.clone().outline();
        assert_eq!(outline.group(), post.group());
        assert_eq!(outline.digest, post.digest);
        assert!(outline.fields.is_empty());
        assert_eq!(packed.unpack(), Ok(post));
    }

    #[test]
    fn a_barrier_reads_back_what_it_wrote_and_is_nothing_else() {
        let (tenant, session) = (TenantId::parse("acme"), SessionId::parse("7"));
        let barrier = Barrier::new(tenant.expect("valid"), session.expect("valid"));
        let text = serde_json::to_string(&barrier).expect("JSON");
        assert_eq!(text, r#"{"v":1,"tenant":"acme","barrier":"7"}"#);
        assert_eq!(
            QueueMessage::decode(&text),
            Ok(QueueMessage::Barrier(barrier))
        );
        let later = text.replace("\"v\":1", "\"v\":2");
        assert_eq!(
            QueueMessage::decode(&later),
            Err(DecodeError::UnknownVersion)
        );
        let another = text.replace("barrier", "fence");
        assert_eq!(QueueMessage::decode(&another), Err(DecodeError::Malformed));
        assert_eq!(Post::decode(&text), Err(DecodeError::Malformed));
    }
}
