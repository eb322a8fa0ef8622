//! A message of a queue, its attributes and their digests.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use shared::domain::clock::Timestamp;

/// One message of a [`QueueView`](super::QueueView).
#[derive(Clone, Debug)]
pub struct MessageView {
    /// `MessageId`.
    pub id: String,
    /// The body.
    pub body: String,
    /// `MessageGroupId`.
    pub group: Option<String>,
    /// `MessageDeduplicationId`.
    pub deduplication_id: Option<String>,
    /// Message attributes of type String and Number; binary ones in base64.
    pub attributes: BTreeMap<String, String>,
    /// `ApproximateReceiveCount`.
    pub receive_count: u32,
    /// When the queue accepted it.
    pub sent_at: Timestamp,
    /// How long ago that was.
    pub age: Duration,
    /// How long it stays hidden; zero when it is visible.
    pub hidden_for: Duration,
    /// Whether a consumer can receive it.
    pub state: MessageState,
}

/// One message of a queue, where it is.
#[derive(Clone, Copy)]
pub(crate) struct MessageRef<'a> {
    message: &'a Message,
    now: Timestamp,
}

impl<'a> MessageRef<'a> {
    pub(crate) fn id(self) -> &'a str {
        &self.message.id
    }

    /// A message attribute of type String or Number.
    pub(crate) fn attribute(self, name: &str) -> Option<&'a str> {
        let attribute = self.message.attributes.get(name)?;
        attribute.string_value.as_deref()
    }

    pub(crate) fn group(self) -> Option<&'a str> {
        self.message.group.as_deref()
    }

    pub(crate) fn body(self) -> &'a str {
        &self.message.body
    }

    /// When the queue accepted it.
    pub(crate) fn sent_at(self) -> Timestamp {
        self.message.sent_at
    }

    /// Whether a consumer could receive it, unless its group is blocked.
    pub(crate) fn is_visible(self) -> bool {
        self.message.state(self.now) == MessageState::Visible
    }
}

/// Whether a consumer can receive a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// It can be received, unless its group is blocked.
    Visible,
    /// A consumer has received it and not finished.
    InFlight,
    /// It has not been visible yet.
    Delayed,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
    pub(super) group: Option<String>,
    pub(super) deduplication_id: Option<String>,
    pub(super) attributes: BTreeMap<String, Attribute>,
    pub(super) trace: Option<String>,
    pub(super) sent_at: Timestamp,
    /// Retention counts from here. A move to a FIFO dead-letter queue starts it anew.
    pub(super) kept_since: Timestamp,
    pub(super) visible_at: Timestamp,
    pub(super) receive_count: u32,
    pub(super) first_received_at: Option<Timestamp>,
    pub(super) receipt: Option<Receipt>,
    /// The ARN of the queue from which a redrive policy moved it.
    pub(super) dead_letter_source: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Receipt {
    pub(super) nonce: String,
    pub(super) at: Timestamp,
}

impl Message {
    pub(super) fn state(&self, now: Timestamp) -> MessageState {
        if self.visible_at <= now {
            MessageState::Visible
        } else if self.receipt.is_some() {
            MessageState::InFlight
        } else {
            MessageState::Delayed
        }
    }

    pub(super) const fn borrowed(&self, now: Timestamp) -> MessageRef<'_> {
        MessageRef { message: self, now }
    }

    pub(super) fn view(&self, now: Timestamp) -> MessageView {
        let attributes = self.attributes.iter().map(|(name, attribute)| {
            let text = attribute.string_value.as_ref();
            let text = text.or(attribute.binary_value.as_ref()).cloned();
            (name.clone(), text.unwrap_or_default())
        });
        MessageView {
            id: self.id.clone(),
            body: self.body.clone(),
            group: self.group.clone(),
            deduplication_id: self.deduplication_id.clone(),
            attributes: attributes.collect(),
            receive_count: self.receive_count,
            sent_at: self.sent_at,
            age: now.since(self.sent_at),
            hidden_for: self.visible_at.since(now),
            state: self.state(now),
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attribute {
    pub(super) data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) string_value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) binary_value: Option<String>,
}

impl Attribute {
    /// Type and value in bytes, as the size limit counts them.
    pub(super) fn size(&self) -> usize {
        let text = self.string_value.as_ref().map_or(0, String::len);
        self.data_type.len() + text + self.binary().map_or(0, |bytes| bytes.len())
    }

    fn binary(&self) -> Option<Vec<u8>> {
        BASE64.decode(self.binary_value.as_ref()?).ok()
    }
}

/// Twenty digits that grow with every message, as SQS prints them.
pub(super) fn sequence_number(sequence: u64) -> String {
    format!("188{sequence:017}")
}

pub(super) fn md5_hex(bytes: &[u8]) -> String {
    hex::encode(md5::compute(bytes).0)
}

/// The digest the SDKs compare (SQS developer guide, "Calculating the MD5 message digest for message attributes").
pub(super) fn attributes_md5(attributes: &BTreeMap<String, Attribute>) -> String {
    let mut digested = Vec::new();
    let mut put = |bytes: &[u8], transport: Option<u8>| {
        digested.extend(transport);
        digested.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        digested.extend(bytes);
    };
    for (name, attribute) in attributes {
        put(name.as_bytes(), None);
        put(attribute.data_type.as_bytes(), None);
        match &attribute.string_value {
            Some(text) => put(text.as_bytes(), Some(1)),
            None if attribute.binary_value.is_some() => {
                put(&attribute.binary().unwrap_or_default(), Some(2));
            }
            None => {}
        }
    }
    md5_hex(&digested)
}
