//! The queues and what each holds.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::domain::clock::Timestamp;

use super::message::{Message, MessageState, MessageView};
use super::refusal::no_such_queue;
use crate::aws::arn;
use crate::aws::refusal::AwsRefusal;
use crate::template::ACCOUNT;

/// SQS drops a FIFO message whose deduplication id it accepted within this time.
pub const DEDUPLICATION_WINDOW: Duration = Duration::from_secs(300);
/// How often expired deduplication ids are removed. Checking all of them on every call would slow down a long run.
const SWEPT_EVERY: Duration = Duration::from_secs(5);

/// A copy of a queue, for assertions.
#[derive(Clone, Debug)]
pub struct QueueView {
    /// Its attributes, as `GetQueueAttributes` prints them, without the counters.
    pub attributes: BTreeMap<String, String>,
    /// Every message, in the order of the queue.
    pub messages: Vec<MessageView>,
}

impl QueueView {
    /// How many messages could be received now, group blocking aside.
    pub fn visible(&self) -> usize {
        self.count(MessageState::Visible)
    }

    /// How many messages were received and are neither deleted nor visible again.
    pub fn in_flight(&self) -> usize {
        self.count(MessageState::InFlight)
    }

    /// The bodies, in the order of the queue.
    pub fn bodies(&self) -> Vec<&str> {
        self.messages.iter().map(|m| m.body.as_str()).collect()
    }

    fn count(&self, state: MessageState) -> usize {
        self.messages.iter().filter(|m| m.state == state).count()
    }
}

#[derive(Default, Serialize, Deserialize)]
pub(super) struct Queues {
    pub(super) queues: BTreeMap<String, Queue>,
    next_sequence: u64,
    pub(super) moves: Vec<MoveTask>,
    #[serde(skip)]
    pub(super) endpoint: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Queue {
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) created_at: Timestamp,
    pub(super) changed_at: Timestamp,
    /// By sequence number.
    pub(super) messages: BTreeMap<u64, Message>,
    /// By deduplication scope and id.
    pub(super) accepted: BTreeMap<String, Accepted>,
    #[serde(skip)]
    swept_at: Option<Timestamp>,
}

/// The message for which a deduplication id was accepted.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Accepted {
    pub(super) message_id: String,
    pub(super) sequence: u64,
    pub(super) at: Timestamp,
}

/// A finished `StartMessageMoveTask`.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct MoveTask {
    pub(super) handle: String,
    pub(super) source: String,
    pub(super) destination: Option<String>,
    pub(super) moved: usize,
    pub(super) started_at: Timestamp,
}

pub(super) struct Redrive {
    pub(super) target: String,
    pub(super) max_receive_count: u32,
}

impl Accepted {
    pub(super) fn within_window(&self, now: Timestamp) -> bool {
        now.since(self.at) < DEDUPLICATION_WINDOW
    }
}

impl Queue {
    pub(super) fn new(attributes: BTreeMap<String, String>, now: Timestamp) -> Self {
        Self {
            attributes,
            created_at: now,
            changed_at: now,
            messages: BTreeMap::new(),
            accepted: BTreeMap::new(),
            swept_at: None,
        }
    }

    pub(super) fn has(&self, attribute: &str, value: &str) -> bool {
        let set = self.attributes.get(attribute);
        set.is_some_and(|set| set == value)
    }

    pub(super) fn fifo(&self) -> bool {
        self.has("FifoQueue", "true")
    }

    pub(super) fn number(&self, name: &str) -> u64 {
        let value = self.attributes.get(name);
        value.and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// The seconds of a request, or the queue's own attribute.
    pub(super) fn seconds_or(&self, requested: Option<i64>, attribute: &str) -> Duration {
        let requested = requested.and_then(|seconds| u64::try_from(seconds).ok());
        Duration::from_secs(requested.unwrap_or_else(|| self.number(attribute)))
    }

    pub(super) fn redrive(&self) -> Option<Redrive> {
        parse_redrive(self.attributes.get("RedrivePolicy")?)
    }

    pub(super) fn expire(&mut self, now: Timestamp) {
        let retention = self.seconds_or(None, "MessageRetentionPeriod");
        while let Some(oldest) = self.messages.first_entry() {
            if now.since(oldest.get().kept_since) < retention {
                break;
            }
            oldest.remove();
        }
        let is_due = |at| now.since(at) >= SWEPT_EVERY || at > now;
        if self.swept_at.is_none_or(is_due) {
            self.swept_at = Some(now);
            let accepted = &mut self.accepted;
            accepted.retain(|_, accepted| accepted.within_window(now));
        }
    }

    pub(super) fn view(&self, now: Timestamp) -> QueueView {
        QueueView {
            messages: self.messages.values().map(|m| m.view(now)).collect(),
            attributes: self.attributes.clone(),
        }
    }
}

impl Queues {
    pub(super) fn url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.endpoint)
    }

    pub(super) fn named(&mut self, name: &str) -> Result<&mut Queue, AwsRefusal> {
        self.queues.get_mut(name).ok_or_else(no_such_queue)
    }

    /// The name of an existing queue by its ARN.
    pub(super) fn name_by_arn(&self, queue_arn: &str) -> Option<String> {
        let name = queue_arn.rsplit(':').next().unwrap_or_default();
        (arn::queue(name) == queue_arn && self.queues.contains_key(name)).then(|| name.to_owned())
    }

    pub(super) fn next_sequence(&mut self) -> u64 {
        self.next_sequence += 1;
        self.next_sequence
    }
}

pub(super) fn name_in_url(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

/// `{"deadLetterTargetArn": "…", "maxReceiveCount": 5}`; the count may be a string.
pub(super) fn parse_redrive(policy: &str) -> Option<Redrive> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let count = policy.get("maxReceiveCount")?;
    let count = count.as_u64().or_else(|| count.as_str()?.parse().ok())?;
    let arn = policy.get("deadLetterTargetArn")?.as_str()?;
    Some(Redrive {
        target: arn.rsplit(':').next()?.to_owned(),
        max_receive_count: u32::try_from(count).ok()?,
    })
}
