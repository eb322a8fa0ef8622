//! A message of the dead-letter queue: its attributes, and the post in it.

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use serde_json::Value;
use shared::aws::queue::{DecodeError, Post, QueueMessage, raw_body};
use shared::domain::clock::Timestamp;
use shared::domain::session::{Digest, Event, Source};
use shared::domain::tenant::TenantId;
use shared::rescue::post_to_url;

use super::dead_letter::{DeadLetter, RemainingDeadLetter, ShownDeadLetter};
use crate::remedies::explain_dead_letter;
use crate::sessions::PostKey;

/// A message of the dead-letter queue, decoded.
pub(super) struct DeadLetterMessage {
    pub(super) dead_letter: DeadLetter,
    pub(super) encoding: String,
    /// The post, or why it cannot be put back.
    pub(super) post: Result<RedrivablePost, String>,
    /// The message to send; empty unless made by [`DeadLetterMessage::to_send`].
    pub(super) body: String,
}

/// The parts of a post that sending it again needs.
pub(super) struct RedrivablePost {
    pub(super) key: PostKey,
    pub(super) group: String,
    event: Event,
    source: Source,
}

fn attribute(message: &Message, name: &str) -> Option<String> {
    let value = message.message_attributes()?.get(name)?;
    value.string_value().map(str::to_owned)
}

/// When the post was accepted; when the message was queued if it has no such attribute.
fn accepted_at(message: &Message) -> Option<Timestamp> {
    attribute(message, "received_at")
        .and_then(|text| Timestamp::parse(&text))
        .or(sent_at(message))
}

/// Decodes the post. A body that `session-details` could not read is parsed again by this release, with its original
/// `Content-Type` and event.
fn post(message: &Message, encoding: &str) -> Result<Post, String> {
    let body = message.body().unwrap_or_default();
    if encoding == "message" {
        let unreadable =
            |error: DecodeError| format!("deliver-session cannot read it as a post: {error}");
        return match QueueMessage::decode(body) {
            Ok(QueueMessage::Wake(_) | QueueMessage::Barrier(_)) => Err(
                "it is no post; the connector sent it to itself, and it may be deleted".to_owned(),
            ),
            Ok(QueueMessage::Post(packed)) => packed.unpack().map_err(unreadable),
            Err(error) => Err(unreadable(error)),
        };
    }
    let unreadable = |error: String| format!("this release cannot read the body either: {error}");
    let bytes = raw_body(encoding, body)
        .ok_or_else(|| unreadable(format!("it is not in the encoding {encoding}")))?;
    let tenant = attribute(message, "tenant");
    let tenant = tenant.and_then(|tenant| TenantId::parse(&tenant));
    let tenant = tenant.ok_or_else(|| "it does not name its tenant".to_owned())?;
    let content_type = attribute(message, "content_type");
    let fields = post_to_url::parse(content_type.as_deref(), &bytes);
    let fields = fields.map_err(|error| unreadable(error.to_string()))?;
    let session_id = post_to_url::session_id(&fields);
    let session_id = session_id.map_err(|error| unreadable(error.to_string()))?;
    let event = attribute(message, "event").and_then(|event| Event::parse(&event));
    let event = event.unwrap_or_else(|| Event::from_content(&fields));
    Ok(Post {
        digest: Digest::of(&tenant, &session_id, event, &fields),
        tenant,
        session_id,
        event,
        received_at: accepted_at(message).unwrap_or(Timestamp::from_millis(0)),
        fields,
        source: Source::Post,
    })
}

impl From<&Message> for DeadLetterMessage {
    fn from(message: &Message) -> Self {
        // A message that SQS moved has no attributes.
        let encoding = attribute(message, "encoding").unwrap_or_else(|| "message".to_owned());
        let post = post(message, &encoding);
        Self::new(message, encoding, post)
    }
}

impl DeadLetterMessage {
    /// Decodes a message and prepares the body that puts it back.
    pub(super) fn to_send(message: &Message) -> Self {
        let encoding = attribute(message, "encoding").unwrap_or_else(|| "message".to_owned());
        let (post, body) = match post(message, &encoding) {
            Ok(post) if encoding == "message" => {
                (Ok(post), message.body().unwrap_or_default().to_owned())
            }
            Ok(post) => match post.encode() {
                Some(body) => (Ok(post), body),
                None => (
                    Err("it does not fit into one queue message, even compressed".to_owned()),
                    String::new(),
                ),
            },
            Err(unreadable) => (Err(unreadable), String::new()),
        };
        Self {
            body,
            ..Self::new(message, encoding, post)
        }
    }

    fn new(message: &Message, encoding: String, post: Result<Post, String>) -> Self {
        let known = post.as_ref().ok();
        let dead_letter = DeadLetter {
            id: message.message_id().unwrap_or_default().to_owned(),
            tenant: attribute(message, "tenant")
                .or_else(|| known.map(|post| post.tenant.to_string())),
            session_id: attribute(message, "session_id")
                .or_else(|| known.map(|post| post.session_id.to_string())),
            reason: attribute(message, "reason"),
            detail: attribute(message, "detail"),
            // The attributes may only say when the message was queued.
            received_at: known
                .map(|post| post.received_at)
                .or_else(|| accepted_at(message))
                .unwrap_or(Timestamp::from_millis(0)),
        };
        Self {
            dead_letter,
            encoding,
            post: post.map(|post| RedrivablePost {
                group: post.group(),
                event: post.event,
                source: post.source,
                key: PostKey {
                    tenant: post.tenant,
                    session: post.session_id,
                    digest: post.digest.to_string(),
                },
            }),
            body: String::new(),
        }
    }

    pub(super) fn remaining(&self, because: &str) -> RemainingDeadLetter {
        RemainingDeadLetter {
            dead_letter: self.dead_letter.clone(),
            because: because.to_owned(),
        }
    }

    pub(super) fn shown(self, message: &Message, reveal: bool) -> ShownDeadLetter {
        let body = message.body().unwrap_or_default();
        let post = self.post.as_ref().ok();
        let tenant = self.dead_letter.tenant.as_deref();
        let reason = self.dead_letter.reason.as_deref();
        ShownDeadLetter {
            sent_at: sent_at(message),
            redrivable: post.is_some(),
            event: post.map(|post| post.event),
            source: post.map(|post| post.source).unwrap_or_default(),
            delivery: post.map(|post| post.key.digest.clone()),
            explained: reason
                .map(|reason| explain_dead_letter(reason, tenant, &self.dead_letter.id)),
            unreadable: self.post.as_ref().err().cloned(),
            not_before: None,
            bytes: body.len(),
            content: reveal.then(|| content(&self.encoding, body)),
            encoding: self.encoding,
            dead_letter: self.dead_letter,
        }
    }
}

/// What was posted: decoded as far as possible.
pub(super) fn content(encoding: &str, body: &str) -> Value {
    let bytes = match encoding {
        "message" => {
            let fields = Post::decode(body).ok().map(|post| post.fields);
            let fields = fields.and_then(|fields| serde_json::to_value(fields).ok());
            return fields.unwrap_or_else(|| Value::String(body.to_owned()));
        }
        "base64" | "gzip+base64" => raw_body(encoding, body),
        _ => None,
    };
    Value::String(bytes.map_or_else(
        || body.to_owned(),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    ))
}

fn sent_at(message: &Message) -> Option<Timestamp> {
    let attributes = message.attributes()?;
    let millis = attributes.get(&MessageSystemAttributeName::SentTimestamp)?;
    millis.parse().ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::MessageAttributeValue;

    use super::*;

    /// A body that `session-details` could not read, as it stores it.
    fn raw(body: &str, attributes: &[(&str, &str)]) -> Message {
        let mut message = Message::builder().message_id("m").body(body);
        let fixed = [
            ("encoding", "text"),
            ("tenant", "acme"),
            ("received_at", "2026-01-01T00:00:00.000Z"),
        ];
        for (name, value) in fixed.iter().chain(attributes) {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(*value)
                .build();
            message = message.message_attributes(*name, value.expect("complete"));
        }
        message.build()
    }

    #[test]
    fn a_body_that_an_earlier_release_could_not_read_becomes_a_post() {
        let message = raw("SessionID=7&Notes=hi", &[("event", "ended")]);
        let opened = DeadLetterMessage::to_send(&message);
        let sent = Post::decode(&opened.body).expect("a post");
        assert_eq!(sent.tenant.as_str(), "acme");
        assert_eq!((sent.session_id.as_str(), sent.event), ("7", Event::Ended));
        assert_eq!(sent.received_at, opened.dead_letter.received_at);
        assert_eq!(opened.dead_letter.session_id.as_deref(), Some("7"));
        // Without an event in the URL the content says it, as it does for session-details.
        let opened = DeadLetterMessage::to_send(&raw("SessionID=7&WorkTime=12", &[]));
        let sent = Post::decode(&opened.body).expect("a post");
        assert_eq!(sent.event, Event::Ended);
    }

    #[test]
    fn the_content_type_that_a_body_came_with_decides_how_it_is_read() {
        let message = raw(
            "U2Vzc2lvbklEPTcmTm90ZXM9JWU0",
            &[
                ("encoding", "base64"),
                (
                    "content_type",
                    "application/x-www-form-urlencoded; charset=iso-8859-1",
                ),
            ],
        );
        let sent = Post::decode(&DeadLetterMessage::to_send(&message).body).expect("a post");
        assert_eq!(sent.fields.get("Notes"), Some("ä"));
    }

    #[test]
    fn a_body_that_this_release_cannot_read_says_why() {
        let why = |message: &Message| {
            let opened = DeadLetterMessage::to_send(message);
            opened.post.err().expect("no post")
        };
        for (body, expected) in [
            ("{\"odd\": ", "not a JSON object"),
            ("Notes=x", "no SessionID"),
            ("SessionID=a b", "the SessionID is not"),
        ] {
            let text = why(&raw(body, &[]));
            assert!(text.starts_with("this release cannot read"), "{text}");
            assert!(text.contains(expected), "{expected}: {text}");
        }
        let text = why(&raw("?", &[("encoding", "base64")]));
        assert!(text.contains("not in the encoding base64"), "{text}");
        let text = why(&raw("SessionID=7", &[("tenant", "Not A Name")]));
        assert!(text.contains("its tenant"), "{text}");
        let message = Message::builder().message_id("m").body("{}").build();
        let text = why(&message);
        assert!(text.contains("cannot read it as a post"), "{text}");
    }

    /// SQS moves every message that is received too often.
    #[test]
    fn a_message_of_the_connector_to_itself_is_no_post() {
        for body in [
            r#"{"v":1,"tenant":"acme","barrier":"7"}"#,
            r#"{"v":1,"wake":"acme"}"#,
        ] {
            let message = Message::builder().message_id("m").body(body).build();
            let opened = DeadLetterMessage::to_send(&message);
            let why = opened.post.as_ref().err().expect("no post");
            assert!(why.contains("to itself"), "{why}");
            let shown = opened.shown(&message, true);
            assert_eq!((shown.redrivable, shown.event), (false, None));
            assert_eq!(shown.content, Some(body.into()));
        }
    }

    #[test]
    fn a_message_that_sqs_moved_is_a_dead_letter_without_a_reason() {
        let message = Message::builder()
            .message_id("m")
            .body("{}")
            .attributes(MessageSystemAttributeName::SentTimestamp, "1000")
            .build();
        let dead_letter = DeadLetterMessage::from(&message).dead_letter;
        assert_eq!((dead_letter.reason, dead_letter.tenant), (None, None));
        assert_eq!(dead_letter.received_at, Timestamp::from_millis(1000));
    }

    #[test]
    fn content_is_decoded_as_far_as_possible() {
        assert_eq!(content("text", "odd"), "odd");
        assert_eq!(content("base64", "b2Rk"), "odd");
        assert_eq!(content("base64", "not base64"), "not base64");
        assert_eq!(content("message", "{}"), "{}");
    }
}
