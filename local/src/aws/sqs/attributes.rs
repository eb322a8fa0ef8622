//! Creating queues, and reading and setting their attributes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use shared::domain::clock::Timestamp;

use super::message::MessageState;
use super::queue::{Queue, Queues, parse_redrive};
use super::receive::LONGEST_POLL;
use super::refusal::{invalid_parameter, no_such_queue, plain, refuse, unknown_attribute};
use crate::aws::arn;
use crate::aws::refusal::{AwsRefusal, AwsResult};

/// Name, least, most and default.
const NUMBERS: [(&str, u64, u64, &str); 5] = [
    ("DelaySeconds", 0, 900, "0"),
    ("MaximumMessageSize", 1024, 1_048_576, "1048576"),
    ("MessageRetentionPeriod", 60, 1_209_600, "345600"),
    ("ReceiveMessageWaitTimeSeconds", 0, LONGEST_POLL, "0"),
    ("VisibilityTimeout", 0, 43_200, "30"),
];
const FIFO_ONLY: [&str; 4] = [
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
];
const OTHERS: [&str; 6] = [
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "Policy",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetQueueAttributes {
    #[serde(default)]
    attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SetQueueAttributes {
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateQueue {
    pub(super) queue_name: String,
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct QueueName {
    queue_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListQueues {
    #[serde(default)]
    queue_name_prefix: String,
}

pub(super) fn get(
    queues: &mut Queues,
    name: &str,
    request: GetQueueAttributes,
    now: Timestamp,
) -> AwsResult {
    let queue = queues.named(name)?;
    let count = |state| {
        let matching = queue.messages.values().filter(|m| m.state(now) == state);
        matching.count().to_string()
    };
    let seconds = |at: Timestamp| at.as_secs().to_string();
    let computed = [
        ("QueueArn", arn::queue(name)),
        ("ApproximateNumberOfMessages", count(MessageState::Visible)),
        (
            "ApproximateNumberOfMessagesNotVisible",
            count(MessageState::InFlight),
        ),
        (
            "ApproximateNumberOfMessagesDelayed",
            count(MessageState::Delayed),
        ),
        ("CreatedTimestamp", seconds(queue.created_at)),
        ("LastModifiedTimestamp", seconds(queue.changed_at)),
    ];
    let mut all = queue.attributes.clone();
    all.extend(computed.map(|(name, value)| (name.to_owned(), value)));
    for wanted in &request.attribute_names {
        if wanted != "All" && !all.contains_key(wanted) && !is_known_attribute(wanted) {
            return Err(unknown_attribute(wanted));
        }
    }
    if !request.attribute_names.iter().any(|wanted| wanted == "All") {
        all.retain(|name, _| request.attribute_names.contains(name));
    }
    Ok(if all.is_empty() {
        json!({})
    } else {
        json!({"Attributes": all})
    })
}

pub(super) fn set(
    queues: &mut Queues,
    name: &str,
    request: SetQueueAttributes,
    now: Timestamp,
) -> AwsResult {
    let fifo = queues.named(name)?.fifo();
    check(queues, name, fifo, &request.attributes)?;
    let queue = queues.named(name)?;
    queue.changed_at = now;
    for (key, value) in request.attributes {
        if key == "RedrivePolicy" && value.is_empty() {
            queue.attributes.remove(&key);
        } else {
            queue.attributes.insert(key, value);
        }
    }
    Ok(json!({}))
}

pub(super) fn get_url(queues: &Queues, request: &QueueName) -> AwsResult {
    if !queues.queues.contains_key(&request.queue_name) {
        return Err(no_such_queue());
    }
    Ok(json!({"QueueUrl": queues.url(&request.queue_name)}))
}

pub(super) fn create(queues: &mut Queues, request: CreateQueue, now: Timestamp) -> AwsResult {
    let name = request.queue_name;
    let given = request.attributes;
    let fifo = given.get("FifoQueue").is_some_and(|v| v == "true");
    let plain_name = name.strip_suffix(".fifo").unwrap_or(&name);
    let legal = !plain_name.is_empty() && name.len() <= 80 && is_identifier(plain_name);
    if !legal || fifo != name.ends_with(".fifo") {
        return Err(invalid_parameter(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length. \
             The name of a FIFO queue can only end with .fifo and must.",
        ));
    }
    check(queues, &name, fifo, &given)?;
    if let Some(queue) = queues.queues.get(&name) {
        if let Some((key, _)) = given.iter().find(|(key, value)| !queue.has(key, value)) {
            return Err(refuse(
                "QueueNameExists",
                "QueueAlreadyExists",
                &format!(
                    "A queue already exists with the same name and a different value for attribute {key}"
                ),
            ));
        }
    } else {
        let fifo_defaults = [
            ("ContentBasedDeduplication", "false"),
            ("DeduplicationScope", "queue"),
            ("FifoThroughputLimit", "perQueue"),
        ];
        let numbers = NUMBERS.iter().map(|(key, _, _, default)| (*key, *default));
        let defaults = numbers.chain(fifo_defaults.into_iter().filter(|_| fifo));
        let mut attributes: BTreeMap<String, String> = defaults
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        attributes.extend(given);
        queues
            .queues
            .insert(name.clone(), Queue::new(attributes, now));
    }
    Ok(json!({"QueueUrl": queues.url(&name)}))
}

pub(super) fn list(queues: &Queues, request: &ListQueues) -> Value {
    let names = queues.queues.keys();
    let urls: Vec<String> = names
        .filter(|name| name.starts_with(&request.queue_name_prefix))
        .map(|name| queues.url(name))
        .collect();
    if urls.is_empty() {
        json!({})
    } else {
        json!({"QueueUrls": urls})
    }
}

/// Letters, digits, hyphens and underscores, as in the names of queues and the ids of batch entries.
pub(super) fn is_identifier(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn check(
    queues: &Queues,
    queue: &str,
    fifo: bool,
    attributes: &BTreeMap<String, String>,
) -> Result<(), AwsRefusal> {
    for (name, value) in attributes {
        let number = NUMBERS.iter().find(|(known, ..)| known == name);
        let legal = match name.as_str() {
            "FifoQueue" => fifo && value == "true",
            "ContentBasedDeduplication" if fifo => value == "true" || value == "false",
            "DeduplicationScope" if fifo => value == "queue" || value == "messageGroup",
            "FifoThroughputLimit" if fifo => value == "perQueue" || value == "perMessageGroupId",
            "RedrivePolicy" => {
                value.is_empty()
                    || parse_redrive(value).is_some_and(|redrive| {
                        redrive.target != queue
                            && redrive.target.ends_with(".fifo") == fifo
                            && queues.queues.contains_key(&redrive.target)
                            && (1..=1000).contains(&redrive.max_receive_count)
                    })
            }
            other => match number {
                Some((_, least, most, _)) => value
                    .parse::<u64>()
                    .is_ok_and(|n| (*least..=*most).contains(&n)),
                None if OTHERS.contains(&other) => true,
                None => return Err(unknown_attribute(other)),
            },
        };
        if !legal {
            return Err(plain(
                "InvalidAttributeValue",
                &format!("Invalid value for the parameter {name}."),
            ));
        }
    }
    Ok(())
}

fn is_known_attribute(name: &str) -> bool {
    FIFO_ONLY.contains(&name)
        || OTHERS.contains(&name)
        || NUMBERS.iter().any(|(known, ..)| *known == name)
}
