//! Receiving messages, and the operations on a receipt handle: visibility and deletion.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::domain::clock::Timestamp;
use uuid::Uuid;

use super::message::{
    Attribute, Message, MessageState, Receipt, attributes_md5, md5_hex, sequence_number,
};
use super::queue::{Queue, Queues, Redrive};
use super::redrive::dead_letter;
use super::refusal::{check_range, invalid_value, missing, plain, unknown_attribute};
use crate::aws::refusal::{AwsRefusal, AwsResult};
use crate::template::ACCOUNT;

/// No message is hidden longer than this after it was received.
const LONGEST_VISIBILITY: Duration = Duration::from_secs(12 * 3600);
pub(super) const LONGEST_POLL: u64 = 20;
const SYSTEM_ATTRIBUTES: [&str; 9] = [
    "AWSTraceHeader",
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "DeadLetterQueueSourceArn",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SenderId",
    "SentTimestamp",
    "SequenceNumber",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReceiveMessage {
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteMessage {
    receipt_handle: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeVisibility {
    receipt_handle: String,
    visibility_timeout: Option<i64>,
}

impl ReceiveMessage {
    /// How long the call waits for a message.
    pub(super) fn check(&self, queue: &Queue) -> Result<Duration, AwsRefusal> {
        let most = LONGEST_VISIBILITY.as_secs();
        check_range("MaxNumberOfMessages", self.max_number_of_messages, 1, 10)?;
        check_range("WaitTimeSeconds", self.wait_time_seconds, 0, LONGEST_POLL)?;
        check_range("VisibilityTimeout", self.visibility_timeout, 0, most)?;
        for name in self.system_attributes() {
            if name != "All" && !SYSTEM_ATTRIBUTES.contains(&name) {
                return Err(unknown_attribute(name));
            }
        }
        Ok(queue.seconds_or(self.wait_time_seconds, "ReceiveMessageWaitTimeSeconds"))
    }

    fn system_attributes(&self) -> impl Iterator<Item = &str> {
        self.attribute_names
            .iter()
            .chain(&self.message_system_attribute_names)
            .map(String::as_str)
    }

    /// A message with the attributes that were requested.
    fn show(&self, sequence: u64, message: &Message, handle: &str) -> Value {
        let mut shown = json!({
            "MessageId": message.id,
            "ReceiptHandle": handle,
            "Body": message.body,
            "MD5OfBody": md5_hex(message.body.as_bytes()),
        });
        let millis = |at: Timestamp| at.as_millis().to_string();
        let fifo = message.deduplication_id.is_some();
        let receive_count = message.receive_count.to_string();
        let first_received_at = message.first_received_at.map(millis);
        let dead_letter_source = message.dead_letter_source.clone();
        let system = [
            ("SenderId", Some(ACCOUNT.to_owned())),
            ("SentTimestamp", Some(millis(message.sent_at))),
            ("ApproximateReceiveCount", Some(receive_count)),
            ("ApproximateFirstReceiveTimestamp", first_received_at),
            ("SequenceNumber", fifo.then(|| sequence_number(sequence))),
            ("MessageGroupId", message.group.clone()),
            ("MessageDeduplicationId", message.deduplication_id.clone()),
            ("AWSTraceHeader", message.trace.clone()),
            ("DeadLetterQueueSourceArn", dead_letter_source),
        ];
        let is_wanted = |name: &str| {
            let mut wanted = self.system_attributes();
            wanted.any(|wanted| wanted == "All" || wanted == name)
        };
        let system: Map<String, Value> = system
            .into_iter()
            .filter(|(name, _)| is_wanted(name))
            .filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?))))
            .collect();
        if !system.is_empty() {
            shown["Attributes"] = Value::Object(system);
        }
        let attributes: BTreeMap<String, Attribute> = message
            .attributes
            .iter()
            .filter(|(name, _)| self.wants(name))
            .map(|(name, attribute)| (name.clone(), attribute.clone()))
            .collect();
        if !attributes.is_empty() {
            shown["MD5OfMessageAttributes"] = json!(attributes_md5(&attributes));
            shown["MessageAttributes"] = json!(attributes);
        }
        shown
    }

    fn wants(&self, attribute: &str) -> bool {
        self.message_attribute_names.iter().any(|wanted| {
            let prefix = wanted.strip_suffix(".*");
            wanted == "All"
                || wanted == attribute
                || prefix.is_some_and(|p| attribute.starts_with(p))
        })
    }
}

/// The messages of one receive, and whether the queues changed.
pub(super) fn receive(
    queues: &mut Queues,
    name: &str,
    request: &ReceiveMessage,
    now: Timestamp,
) -> Result<(Vec<Value>, bool), AwsRefusal> {
    let queue = queues.named(name)?;
    queue.expire(now);
    let most = request.max_number_of_messages.unwrap_or(1);
    let hide = queue.seconds_or(request.visibility_timeout, "VisibilityTimeout");
    let (fifo, redrive) = (queue.fifo(), queue.redrive());
    let mut blocked: HashSet<String> = queue
        .messages
        .values()
        .filter(|m| fifo && m.state(now) == MessageState::InFlight)
        .filter_map(|m| m.group.clone())
        .collect();
    let (mut received, mut exhausted) = (Vec::new(), Vec::new());
    for (sequence, message) in &mut queue.messages {
        if i64::try_from(received.len()).is_ok_and(|n| n >= most) {
            break;
        }
        if let (true, Some(group)) = (fifo, &message.group) {
            if blocked.contains(group) {
                continue;
            }
            if message.visible_at > now {
                blocked.insert(group.clone());
            }
        }
        if message.visible_at > now {
            continue;
        }
        let is_exhausted = |policy: &Redrive| message.receive_count >= policy.max_receive_count;
        if redrive.as_ref().is_some_and(is_exhausted) {
            exhausted.push(*sequence);
            continue;
        }
        let nonce = Uuid::new_v4().simple().to_string();
        let handle = BASE64.encode(format!("{name}|{sequence}|{nonce}"));
        message.receive_count += 1;
        message.first_received_at.get_or_insert(now);
        message.visible_at = now.plus(hide);
        message.receipt = Some(Receipt { nonce, at: now });
        received.push(request.show(*sequence, message, &handle));
    }
    if let Some(redrive) = redrive {
        dead_letter(queues, name, &redrive.target, &exhausted, now);
    }
    let changed = !(received.is_empty() && exhausted.is_empty());
    Ok((received, changed))
}

pub(super) fn delete(
    queues: &mut Queues,
    name: &str,
    request: DeleteMessage,
    now: Timestamp,
) -> AwsResult {
    let queue = queues.named(name)?;
    let handle = &request.receipt_handle;
    let fifo = queue.fifo();
    if let Some((sequence, _, live)) = find(queue, name, handle, now)? {
        if fifo && !live {
            let reason = "The receipt handle has expired.";
            return Err(invalid_value("ReceiptHandle", handle, reason));
        }
        queue.messages.remove(&sequence);
    }
    Ok(json!({}))
}

pub(super) fn change_visibility(
    queues: &mut Queues,
    name: &str,
    request: ChangeVisibility,
    now: Timestamp,
) -> AwsResult {
    let handle = &request.receipt_handle;
    let most = LONGEST_VISIBILITY.as_secs();
    let seconds = request
        .visibility_timeout
        .ok_or_else(|| missing("VisibilityTimeout"))?;
    check_range("VisibilityTimeout", Some(seconds), 0, most)?;
    let until = now.plus(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
    let found = find(queues.named(name)?, name, handle, now)?;
    let Some((message, receipt)) = found
        .filter(|(_, _, live)| *live)
        .and_then(|(_, message, _)| message.receipt.clone().map(|receipt| (message, receipt)))
    else {
        let reason = "Message does not exist or is not available for visibility timeout change.";
        return Err(invalid_value("ReceiptHandle", handle, reason));
    };
    if until.since(receipt.at) > LONGEST_VISIBILITY {
        let reason = format!(
            "Total VisibilityTimeout for the message is beyond the limit [{most} seconds]."
        );
        let seconds = seconds.to_string();
        return Err(invalid_value("VisibilityTimeout", &seconds, &reason));
    }
    message.visible_at = until;
    Ok(json!({}))
}

/// The message of a receipt handle while the queue has it, and whether that handle is its latest and in flight.
fn find<'q>(
    queue: &'q mut Queue,
    name: &str,
    handle: &str,
    now: Timestamp,
) -> Result<Option<(u64, &'q mut Message, bool)>, AwsRefusal> {
    let text = BASE64.decode(handle).ok();
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    let parts = text.as_deref().and_then(|text| {
        let mut parts = text.split('|');
        let owner = parts.next().filter(|owner| *owner == name);
        owner.and_then(|_| Some((parts.next()?.parse().ok()?, parts.next()?)))
    });
    let Some((sequence, nonce)) = parts else {
        return Err(plain(
            "ReceiptHandleIsInvalid",
            &format!("The input receipt handle \"{handle}\" is not a valid receipt handle."),
        ));
    };
    Ok(queue.messages.get_mut(&sequence).map(|message| {
        let latest = message.receipt.as_ref().is_some_and(|r| r.nonce == nonce);
        let live = latest && message.state(now) == MessageState::InFlight;
        (sequence, message, live)
    }))
}
