//! Sending: what SQS checks of a message, deduplication.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use shared::domain::clock::Timestamp;
use uuid::Uuid;

use super::message::{Attribute, Message, attributes_md5, md5_hex, sequence_number};
use super::queue::{Accepted, Queue, Queues};
use super::refusal::{check_range, invalid_parameter, invalid_value, missing, plain};
use crate::aws::refusal::{AwsRefusal, AwsResult};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendMessage {
    #[serde(default)]
    message_body: String,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
    delay_seconds: Option<i64>,
    #[serde(default)]
    message_attributes: BTreeMap<String, Attribute>,
    #[serde(default)]
    message_system_attributes: BTreeMap<String, Attribute>,
}

impl SendMessage {
    /// Body and attributes (name, type and value), as the size limit counts them.
    pub(super) fn size(&self) -> usize {
        let attributes = self.message_attributes.iter();
        let attributes = attributes.map(|(name, attribute)| name.len() + attribute.size());
        self.message_body.len() + attributes.sum::<usize>()
    }
}

pub(super) fn send(
    queues: &mut Queues,
    name: &str,
    request: SendMessage,
    now: Timestamp,
) -> AwsResult {
    let sequence = queues.next_sequence();
    let queue = queues.named(name)?;
    check_kind(queue, &request)?;
    check_contents(queue, &request)?;
    let mut answer = json!({"MD5OfMessageBody": md5_hex(request.message_body.as_bytes())});
    if !request.message_attributes.is_empty() {
        answer["MD5OfMessageAttributes"] = json!(attributes_md5(&request.message_attributes));
    }
    let fifo = queue.fifo();
    let deduplication_id = request.message_deduplication_id.or_else(|| {
        // Content-based deduplication: `check_kind` refuses any other FIFO message without an id.
        fifo.then(|| hex::encode(Sha256::digest(request.message_body.as_bytes())))
    });
    let id = Uuid::new_v4().to_string();
    if let Some(deduplication_id) = &deduplication_id {
        let per_group = queue.has("DeduplicationScope", "messageGroup");
        let group = request.message_group_id.as_deref().filter(|_| per_group);
        let key = format!("{}|{deduplication_id}", group.unwrap_or_default());
        let earlier = queue.accepted.get(&key);
        if let Some(earlier) = earlier.filter(|earlier| earlier.within_window(now)) {
            answer["MessageId"] = json!(earlier.message_id);
            answer["SequenceNumber"] = json!(sequence_number(earlier.sequence));
            return Ok(answer);
        }
        let accepted = Accepted {
            message_id: id.clone(),
            sequence,
            at: now,
        };
        queue.accepted.insert(key, accepted);
    }
    answer["MessageId"] = json!(id);
    if fifo {
        answer["SequenceNumber"] = json!(sequence_number(sequence));
    }
    let delay = queue.seconds_or(request.delay_seconds, "DelaySeconds");
    let trace = request.message_system_attributes.get("AWSTraceHeader");
    let message = Message {
        id,
        trace: trace.and_then(|a| a.string_value.clone()),
        body: request.message_body,
        group: request.message_group_id,
        deduplication_id,
        attributes: request.message_attributes,
        sent_at: now,
        kept_since: now,
        visible_at: now.plus(delay),
        receive_count: 0,
        first_received_at: None,
        receipt: None,
        dead_letter_source: None,
    };
    queue.messages.insert(sequence, message);
    Ok(answer)
}

/// What the queue's kind, FIFO or standard, demands. SQS refuses the whole batch for it.
pub(super) fn check_kind(queue: &Queue, request: &SendMessage) -> Result<(), AwsRefusal> {
    let check_id = |name: &str, value: &Option<String>| match value {
        Some(value)
            if !(1..=128).contains(&value.len())
                || !value.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            let reason = format!(
                "{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
            );
            Err(invalid_value(name, value, &reason))
        }
        _ => Ok(()),
    };
    let not_for_this_kind = |name: &str, value: &str| {
        let reason = "The request include parameter that is not valid for this queue type";
        invalid_value(name, value, reason)
    };
    check_id("MessageGroupId", &request.message_group_id)?;
    check_id("MessageDeduplicationId", &request.message_deduplication_id)?;
    if !queue.fifo() {
        return match &request.message_deduplication_id {
            Some(id) => Err(not_for_this_kind("MessageDeduplicationId", id)),
            None => check_range("DelaySeconds", request.delay_seconds, 0, 900),
        };
    }
    if request.message_group_id.is_none() {
        return Err(missing("MessageGroupId"));
    }
    let by_content = queue.has("ContentBasedDeduplication", "true");
    if request.message_deduplication_id.is_none() && !by_content {
        return Err(invalid_parameter(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ));
    }
    match request.delay_seconds {
        Some(delay) if delay != 0 => Err(not_for_this_kind("DelaySeconds", &delay.to_string())),
        _ => Ok(()),
    }
}

fn check_contents(queue: &Queue, request: &SendMessage) -> Result<(), AwsRefusal> {
    if request.message_body.is_empty() {
        return Err(missing("MessageBody"));
    }
    let largest = queue.number("MaximumMessageSize");
    if u64::try_from(request.size()).is_ok_and(|size| size > largest) {
        return Err(invalid_parameter(&format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {largest} bytes."
        )));
    }
    let attributes = request.message_attributes.values();
    let texts = attributes.filter_map(|a| a.string_value.as_deref());
    let mut texts = texts.chain([request.message_body.as_str()]);
    if texts.any(|text| !text.chars().all(allowed)) {
        return Err(plain(
            "InvalidMessageContents",
            "Invalid binary character was found in the message body, the set of allowed characters is \
             #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        ));
    }
    if request.message_attributes.len() > 10 {
        return Err(invalid_parameter(
            "Number of message attributes exceeds the allowed maximum [10].",
        ));
    }
    for (name, attribute) in &request.message_attributes {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let legal_name = (1..=256).contains(&name.len()) && name.bytes().all(is_legal);
        let kind = attribute.data_type.split('.').next().unwrap_or_default();
        let full = |value: &Option<String>| value.as_ref().is_some_and(|v| !v.is_empty());
        let legal_value = match kind {
            "String" => full(&attribute.string_value),
            "Number" => {
                let text = attribute.string_value.as_ref();
                text.is_some_and(|text| text.parse::<f64>().is_ok())
            }
            "Binary" => full(&attribute.binary_value),
            _ => false,
        };
        if !legal_name || !legal_value {
            return Err(invalid_parameter(&format!(
                "The message attribute '{name}' is invalid: a name of letters, digits, _, - and ., the type String, \
                 Number or Binary, and a value of that type that is not empty are needed."
            )));
        }
    }
    Ok(())
}

/// SQS's character rule (docs/vendors.md#sqs-fifo).
const fn allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}
