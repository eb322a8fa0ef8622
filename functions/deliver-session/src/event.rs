//! The SQS event → groups of messages, each in order. A message's text is read when its turn comes: a batch must not
//! unpack to more than fits.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use shared::clock::Timestamp;

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
            .get("MessageGroupId")
            .cloned()
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
    let sent = record
        .attributes
        .get("SentTimestamp")
        .and_then(|millis| millis.parse().ok());
    let body = record.body.unwrap_or_default();
    Message {
        id: record.message_id.unwrap_or_default(),
        receipt_handle: record.receipt_handle.unwrap_or_default(),
        queued_at: sent.map_or(now, Timestamp::from_millis),
        received: record
            .attributes
            .get("ApproximateReceiveCount")
            .and_then(|count| count.parse().ok())
            .unwrap_or(1),
        body,
    }
}
