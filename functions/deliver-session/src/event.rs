//! The SQS event → groups of messages, each in order. Bodies stay packed: a whole batch unpacked may exceed the memory.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::domain::clock::Timestamp;
use shared::retry;

/// The members of an SQS event that the function reads (Lambda developer guide, "Using Lambda with Amazon SQS"). The type
/// of `aws_lambda_events` has every member, which is 16 KB of code.
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

/// The messages that stay in the queue.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsBatchResponse {
    batch_item_failures: Vec<BatchItemFailure>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchItemFailure {
    item_identifier: String,
}

/// One message of the queue.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) receipt_handle: String,
    pub(crate) body: String,
    /// When the queue first took it; waiting is measured from here.
    pub(crate) queued_at: Timestamp,
    /// How often it was received, this time included.
    pub(crate) received: u32,
}

impl Message {
    /// How long the message is hidden that has to wait for `delay`. The more often it was received, the longer: SQS
    /// dead-letters it after 400 receives, and the code gives it up with a reason before.
    pub(crate) fn hidden_for(&self, delay: Duration) -> Duration {
        match self.received / 4 {
            0 => delay,
            often => delay.max(retry::SESSION.after(often)),
        }
    }
}

/// The messages of one group, in order.
pub(crate) type Group = Vec<Message>;

/// Reads a batch. Messages of a group stay in order.
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

/// Reports the messages that are not finished.
pub(crate) fn response(
    groups: Vec<Group>,
    is_finished: impl Fn(&Message) -> bool,
) -> SqsBatchResponse {
    SqsBatchResponse {
        batch_item_failures: groups
            .into_iter()
            .flatten()
            .filter(|message| !is_finished(message))
            .map(|message| BatchItemFailure {
                item_identifier: message.id,
            })
            .collect(),
    }
}
