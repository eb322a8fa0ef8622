//! The SQS event → groups of messages, each in order. A message's text is read when its turn comes: a batch must not
//! unpack to more than fits.

use serde::{Deserialize, Serialize};
use shared::domain::clock::Timestamp;

/// What Lambda hands to the function: as much of an SQS event as is read here (Lambda developer guide, "Using Lambda with
/// Amazon SQS"). The type of `aws_lambda_events` has every member, which is 16 KB of code.
#[derive(Debug, Deserialize)]
pub struct SqsEvent {
    #[serde(rename = "Records")]
    records: Vec<SqsMessage>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SqsMessage {
    message_id: String,
    receipt_handle: String,
    body: String,
    attributes: Attributes,
}

/// Numbers come as texts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    message_group_id: Option<String>,
    sent_timestamp: Option<String>,
    approximate_receive_count: Option<String>,
}

/// The answer: the messages that stay in the queue.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsBatchResponse {
    pub(crate) batch_item_failures: Vec<BatchItemFailure>,
}

/// One of them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchItemFailure {
    pub(crate) item_identifier: String,
}

/// One message of the queue.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) receipt_handle: String,
    pub(crate) body: String,
    /// When the queue first took it: what waiting is measured from.
    pub(crate) queued_at: Timestamp,
    /// How often it was received, this time included.
    pub(crate) received: u32,
}

/// The messages of one group, in order.
pub(crate) type Group = Vec<Message>;

/// Reads a batch. Messages of a group stay in order; groups are independent of one another.
pub(crate) fn groups(event: SqsEvent, now: Timestamp) -> Vec<Group> {
    let mut groups: Vec<(String, Group)> = Vec::new();
    for record in event.records {
        let group = record
            .attributes
            .message_group_id
            .clone()
            .unwrap_or_default();
        let message = message(record, now);
        match groups.iter_mut().find(|(name, _)| *name == group) {
            Some((_, messages)) => messages.push(message),
            None => groups.push((group, vec![message])),
        }
    }
    groups.into_iter().map(|(_, messages)| messages).collect()
}

fn message(record: SqsMessage, now: Timestamp) -> Message {
    let number = |text: Option<String>| text?.parse().ok();
    Message {
        id: record.message_id,
        receipt_handle: record.receipt_handle,
        queued_at: number(record.attributes.sent_timestamp).map_or(now, Timestamp::from_millis),
        received: number(record.attributes.approximate_receive_count)
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(1),
        body: record.body,
    }
}
