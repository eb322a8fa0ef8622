//! SQS, standard and FIFO, as the function code meets it: order, group blocking, deduplication, visibility, redrive.
//!
//! Why it is written by hand: `docs/decisions/0003-own-sqs-and-secrets-manager.md`. Limits: docs/vendors.md#sqs-fifo.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use shared::domain::clock::{Clock, Timestamp};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{ACCOUNT, Error, REGION, Refusal, load, read, save};

/// No message, no batch and no message's attributes are larger together, in bytes.
pub const LARGEST_MESSAGE: usize = 1_048_576;
/// How often deduplication ids that are too old are thrown away.
const SWEPT_EVERY: Duration = Duration::from_secs(5);

const fn never() -> Timestamp {
    Timestamp::from_millis(0)
}

/// A deduplication id is remembered this long after the message was accepted.
pub const DEDUPLICATION_WINDOW: Duration = Duration::from_secs(300);
/// No message is hidden longer than this after it was received.
pub const LONGEST_VISIBILITY: Duration = Duration::from_secs(12 * 3600);

const BATCH: usize = 10;
const LONGEST_POLL: u64 = 20;
/// A long poll looks this often whether the clock has been moved.
const POLL_STEP: Duration = Duration::from_millis(50);
const NUMBERS: [(&str, u64, u64, &str); 5] = [
    ("DelaySeconds", 0, 900, "0"),
    ("MaximumMessageSize", 1024, 1_048_576, "1048576"),
    ("MessageRetentionPeriod", 60, 1_209_600, "345600"),
    ("ReceiveMessageWaitTimeSeconds", 0, LONGEST_POLL, "0"),
    ("VisibilityTimeout", 0, 43_200, "30"),
];
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

/// A queue as it stands, for assertions. Looking changes nothing.
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

/// One message of a [`QueueView`].
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
    /// When the queue took it.
    pub sent_at: Timestamp,
    /// How long ago that was.
    pub age: Duration,
    /// How long it stays hidden; zero when it is visible.
    pub hidden_for: Duration,
    /// Where it is in its life.
    pub state: MessageState,
}

/// Where a message is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// It can be received, unless its group is blocked.
    Visible,
    /// Somebody has received it and not finished.
    InFlight,
    /// It has not been visible yet.
    Delayed,
}

/// The queues of the embedded cloud.
pub(super) struct Sqs {
    state: Mutex<State>,
    changed: Notify,
    endpoint: String,
    clock: Clock,
    file: Option<PathBuf>,
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    queues: BTreeMap<String, Queue>,
    next_sequence: u64,
    moves: Vec<MoveTask>,
}

#[derive(Serialize, Deserialize)]
struct Queue {
    attributes: BTreeMap<String, String>,
    created_at: Timestamp,
    changed_at: Timestamp,
    messages: BTreeMap<u64, Message>,
    accepted: BTreeMap<String, Accepted>,
    /// When deduplication ids that are too old were last thrown away.
    #[serde(skip, default = "never")]
    swept_at: Timestamp,
}

/// What a deduplication id stands for while it is remembered.
#[derive(Clone, Serialize, Deserialize)]
struct Accepted {
    message_id: String,
    sequence: u64,
    at: Timestamp,
}

#[derive(Clone, Serialize, Deserialize)]
struct Message {
    id: String,
    body: String,
    group: Option<String>,
    deduplication_id: Option<String>,
    attributes: BTreeMap<String, Attribute>,
    trace: Option<String>,
    sent_at: Timestamp,
    /// Retention counts from here: a FIFO queue's message starts anew when it is moved to a dead-letter queue.
    kept_since: Timestamp,
    visible_at: Timestamp,
    receive_count: u32,
    first_received_at: Option<Timestamp>,
    receipt: Option<Receipt>,
    dead_letter_source: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Receipt {
    nonce: String,
    at: Timestamp,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    string_value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct MoveTask {
    handle: String,
    source: String,
    destination: Option<String>,
    moved: usize,
    started_at: Timestamp,
}

struct Redrive {
    target: String,
    max_receive_count: u32,
}

impl Accepted {
    /// Whether the deduplication id still swallows messages.
    fn holds(&self, now: Timestamp) -> bool {
        now.since(self.at) < DEDUPLICATION_WINDOW
    }
}

impl Message {
    fn in_flight(&self, now: Timestamp) -> bool {
        self.receipt.is_some() && self.visible_at > now
    }

    fn state(&self, now: Timestamp) -> MessageState {
        if self.visible_at <= now {
            MessageState::Visible
        } else if self.receipt.is_some() {
            MessageState::InFlight
        } else {
            MessageState::Delayed
        }
    }
}

impl Queue {
    fn fifo(&self) -> bool {
        self.attributes
            .get("FifoQueue")
            .is_some_and(|v| v == "true")
    }

    fn number(&self, name: &str) -> u64 {
        self.attributes
            .get(name)
            .and_then(|value| value.parse().ok())
            .unwrap_or(0)
    }

    fn seconds(&self, name: &str) -> Duration {
        Duration::from_secs(self.number(name))
    }

    fn redrive(&self) -> Option<Redrive> {
        parse_redrive(self.attributes.get("RedrivePolicy")?)
    }

    fn expire(&mut self, now: Timestamp) {
        let retention = self.seconds("MessageRetentionPeriod");
        while let Some(oldest) = self.messages.first_entry() {
            if now.since(oldest.get().kept_since) < retention {
                break;
            }
            oldest.remove();
        }
        // Looking at every id on every call would make a long run slow; what is kept too long is not believed.
        if now.since(self.swept_at) >= SWEPT_EVERY || self.swept_at > now {
            self.swept_at = now;
            self.accepted.retain(|_, accepted| accepted.holds(now));
        }
    }
}

impl State {
    fn queue(&mut self, url: &str) -> Result<(String, &mut Queue), Refusal> {
        let name = url.rsplit('/').next().unwrap_or_default().to_owned();
        match self.queues.get_mut(&name) {
            Some(queue) => Ok((name, queue)),
            None => Err(no_such_queue()),
        }
    }

    fn sequence(&mut self) -> u64 {
        self.next_sequence += 1;
        self.next_sequence
    }
}

impl Sqs {
    pub(super) fn start(
        endpoint: &str,
        clock: Clock,
        file: Option<PathBuf>,
    ) -> Result<Self, Error> {
        Ok(Self {
            state: Mutex::new(load(file.as_deref())?),
            changed: Notify::new(),
            endpoint: endpoint.to_owned(),
            clock,
            file,
        })
    }

    pub(super) fn url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.endpoint)
    }

    pub(super) fn view(&self, name: &str) -> Option<QueueView> {
        let now = self.clock.now();
        let mut state = self.lock();
        let queue = state.queues.get_mut(name)?;
        queue.expire(now);
        let messages = queue.messages.values().map(|m| MessageView {
            id: m.id.clone(),
            body: m.body.clone(),
            group: m.group.clone(),
            deduplication_id: m.deduplication_id.clone(),
            attributes: m
                .attributes
                .iter()
                .map(|(name, a)| {
                    let text = a.string_value.clone().or_else(|| a.binary_value.clone());
                    (name.clone(), text.unwrap_or_default())
                })
                .collect(),
            receive_count: m.receive_count,
            sent_at: m.sent_at,
            age: now.since(m.sent_at),
            hidden_for: m.visible_at.since(now),
            state: m.state(now),
        });
        Some(QueueView {
            messages: messages.collect(),
            attributes: queue.attributes.clone(),
        })
    }

    /// Creates the queue or gives it these attributes.
    pub(super) fn provision(
        &self,
        name: &str,
        attributes: BTreeMap<String, String>,
    ) -> Result<(), Refusal> {
        let exists = self.lock().queues.contains_key(name);
        if exists {
            let changeable = attributes
                .into_iter()
                .filter(|(key, _)| key != "FifoQueue")
                .collect();
            self.set_attributes(SetQueueAttributes {
                queue_url: self.url(name),
                attributes: changeable,
            })?;
        } else {
            self.create(CreateQueue {
                queue_name: name.to_owned(),
                attributes,
            })?;
        }
        Ok(())
    }

    pub(super) async fn call(&self, operation: &str, request: Value) -> Result<Value, Refusal> {
        match operation {
            "SendMessage" => self.send(read(request)?),
            "SendMessageBatch" => self.send_batch(read(request)?),
            "ReceiveMessage" => self.receive(read(request)?).await,
            "DeleteMessage" => self.delete(&read(request)?),
            "DeleteMessageBatch" => self.delete_batch(read(request)?),
            "ChangeMessageVisibility" => self.change_visibility(&read(request)?),
            "ChangeMessageVisibilityBatch" => self.change_visibility_batch(read(request)?),
            "GetQueueAttributes" => self.get_attributes(&read(request)?),
            "SetQueueAttributes" => self.set_attributes(read(request)?),
            "GetQueueUrl" => self.get_url(&read(request)?),
            "CreateQueue" => self.create(read(request)?),
            "DeleteQueue" => self.delete_queue(&read(request)?),
            "ListQueues" => Ok(self.list(&read(request)?)),
            "PurgeQueue" => self.purge(&read(request)?),
            "StartMessageMoveTask" => self.start_move(read(request)?),
            "ListMessageMoveTasks" => Ok(self.list_moves(&read(request)?)),
            _ => Err(refuse(
                "UnsupportedOperation",
                "AWS.SimpleQueueService.UnsupportedOperation",
                "Operation not supported.",
            )),
        }
    }

    fn send(&self, request: SendMessage) -> Result<Value, Refusal> {
        let now = self.clock.now();
        let mut state = self.lock();
        let (name, queue) = state.queue(&request.queue_url)?;
        queue.expire(now);
        check_message(queue, &request.entry)?;
        let size = request.entry.size();
        if size > usize::try_from(queue.number("MaximumMessageSize")).unwrap_or(LARGEST_MESSAGE) {
            return Err(too_large(queue.number("MaximumMessageSize")));
        }
        let answer = accept(&mut state, &name, request.entry, now);
        self.save(&state)?;
        self.changed.notify_waiters();
        Ok(answer)
    }

    fn send_batch(&self, request: SendMessageBatch) -> Result<Value, Refusal> {
        let now = self.clock.now();
        let mut state = self.lock();
        let (name, queue) = state.queue(&request.queue_url)?;
        queue.expire(now);
        check_batch(request.entries.iter().map(|e| e.id.as_str()))?;
        let size: usize = request.entries.iter().map(|e| e.message.size()).sum();
        if size > LARGEST_MESSAGE {
            return Err(refuse(
                "BatchRequestTooLong",
                "AWS.SimpleQueueService.BatchRequestTooLong",
                &format!(
                    "Batch requests cannot be longer than {LARGEST_MESSAGE} bytes. You have sent {size} bytes."
                ),
            ));
        }
        // What the queue's kind demands is refused for the whole batch, what is wrong with one message for that one.
        for entry in &request.entries {
            check_fifo(queue, &entry.message)?;
        }
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in request.entries {
            let (_, queue) = state.queue(&request.queue_url)?;
            match check_contents(queue, &entry.message) {
                Ok(()) => {
                    let mut answer = accept(&mut state, &name, entry.message, now);
                    answer["Id"] = json!(entry.id);
                    successful.push(answer);
                }
                Err(refusal) => failed.push(refusal.batch_entry(&entry.id)),
            }
        }
        self.save(&state)?;
        self.changed.notify_waiters();
        Ok(batch_answer(successful, failed))
    }

    async fn receive(&self, request: ReceiveMessage) -> Result<Value, Refusal> {
        let (started, wait) = (Instant::now(), self.check_receive(&request)?);
        loop {
            let changed = self.changed.notified();
            let messages = self.take(&request)?;
            let waited = started.elapsed();
            if !messages.is_empty() {
                return Ok(json!({"Messages": messages}));
            }
            if waited >= wait {
                return Ok(json!({}));
            }
            // Whichever comes first; a moved clock rings no bell.
            let _ = tokio::time::timeout(POLL_STEP.min(wait - waited), changed).await;
        }
    }

    fn check_receive(&self, request: &ReceiveMessage) -> Result<Duration, Refusal> {
        let mut state = self.lock();
        let (_, queue) = state.queue(&request.queue_url)?;
        between("MaxNumberOfMessages", request.max_number_of_messages, 1, 10)?;
        between(
            "WaitTimeSeconds",
            request.wait_time_seconds,
            0,
            LONGEST_POLL,
        )?;
        between(
            "VisibilityTimeout",
            request.visibility_timeout,
            0,
            LONGEST_VISIBILITY.as_secs(),
        )?;
        for name in request.system_attributes() {
            if name != "All" && !SYSTEM_ATTRIBUTES.contains(&name) {
                return Err(refuse(
                    "InvalidAttributeName",
                    "InvalidAttributeName",
                    &format!("Unknown Attribute {name}."),
                ));
            }
        }
        let default = queue.number("ReceiveMessageWaitTimeSeconds");
        let wait = request
            .wait_time_seconds
            .and_then(|n| u64::try_from(n).ok());
        Ok(Duration::from_secs(wait.unwrap_or(default)))
    }

    fn take(&self, request: &ReceiveMessage) -> Result<Vec<Value>, Refusal> {
        let now = self.clock.now();
        let mut state = self.lock();
        let (name, queue) = state.queue(&request.queue_url)?;
        queue.expire(now);
        let most = request.max_number_of_messages.unwrap_or(1);
        let hide = request
            .visibility_timeout
            .and_then(|n| u64::try_from(n).ok())
            .map_or_else(|| queue.seconds("VisibilityTimeout"), Duration::from_secs);
        let (fifo, redrive) = (queue.fifo(), queue.redrive());
        let mut blocked: HashSet<String> = queue
            .messages
            .values()
            .filter(|m| fifo && m.in_flight(now))
            .filter_map(|m| m.group.clone())
            .collect();
        let (mut taken, mut dead) = (Vec::new(), Vec::new());
        for (sequence, message) in &mut queue.messages {
            if i64::try_from(taken.len()).is_ok_and(|n| n >= most) {
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
            if redrive
                .as_ref()
                .is_some_and(|r| message.receive_count >= r.max_receive_count)
            {
                dead.push(*sequence);
                continue;
            }
            let nonce = Uuid::new_v4().simple().to_string();
            let handle = BASE64.encode(format!("{name}|{sequence}|{nonce}"));
            message.receive_count += 1;
            message.first_received_at.get_or_insert(now);
            message.visible_at = now.plus(hide);
            message.receipt = Some(Receipt { nonce, at: now });
            taken.push(request.show(*sequence, message, &handle));
        }
        if let Some(redrive) = redrive {
            bury(&mut state, &name, &redrive.target, &dead, now);
        }
        if !(taken.is_empty() && dead.is_empty()) {
            self.save(&state)?;
        }
        if !dead.is_empty() {
            self.changed.notify_waiters();
        }
        Ok(taken)
    }

    fn delete(&self, request: &DeleteMessage) -> Result<Value, Refusal> {
        let now = self.clock.now();
        let mut state = self.lock();
        let (name, queue) = state.queue(&request.queue_url)?;
        queue.expire(now);
        delete(queue, &name, &request.receipt_handle, now)?;
        self.save(&state)?;
        self.changed.notify_waiters();
        Ok(json!({}))
    }

    fn delete_batch(&self, request: DeleteMessageBatch) -> Result<Value, Refusal> {
        let now = self.clock.now();
        let mut state = self.lock();
        let (name, queue) = state.queue(&request.queue_url)?;
        queue.expire(now);
        check_batch(request.entries.iter().map(|e| e.id.as_str()))?;
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in request.entries {
            match delete(queue, &name, &entry.receipt_handle, now) {
                Ok(()) => successful.push(json!({"Id": entry.id})),
                Err(refusal) => failed.push(refusal.batch_entry(&entry.id)),
            }
        }
        self.save(&state)?;
        self.changed.notify_waiters();
        Ok(batch_answer(successful, failed))
    }

    fn change_visibility(&self, request: &ChangeMessageVisibility) -> Result<Value, Refusal> {
        let now = self.clock.now();
        let mut state = self.lock();
        let (name, queue) = state.queue(&request.queue_url)?;
        queue.expire(now);
        hide(
            queue,
            &name,
            &request.receipt_handle,
            request.visibility_timeout,
            now,
        )?;
        self.save(&state)?;
        self.changed.notify_waiters();
        Ok(json!({}))
    }

    fn change_visibility_batch(
        &self,
        request: ChangeMessageVisibilityBatch,
    ) -> Result<Value, Refusal> {
        let now = self.clock.now();
        let mut state = self.lock();
        let (name, queue) = state.queue(&request.queue_url)?;
        queue.expire(now);
        check_batch(request.entries.iter().map(|e| e.id.as_str()))?;
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in request.entries {
            match hide(
                queue,
                &name,
                &entry.receipt_handle,
                entry.visibility_timeout,
                now,
            ) {
                Ok(()) => successful.push(json!({"Id": entry.id})),
                Err(refusal) => failed.push(refusal.batch_entry(&entry.id)),
            }
        }
        self.save(&state)?;
        self.changed.notify_waiters();
        Ok(batch_answer(successful, failed))
    }

    fn get_attributes(&self, request: &GetQueueAttributes) -> Result<Value, Refusal> {
        let now = self.clock.now();
        let mut state = self.lock();
        let (name, queue) = state.queue(&request.queue_url)?;
        queue.expire(now);
        let count = |state| {
            let matching = queue.messages.values().filter(|m| m.state(now) == state);
            matching.count().to_string()
        };
        let mut all = queue.attributes.clone();
        all.extend([
            ("QueueArn".to_owned(), arn(&name)),
            (
                "ApproximateNumberOfMessages".to_owned(),
                count(MessageState::Visible),
            ),
            (
                "ApproximateNumberOfMessagesNotVisible".to_owned(),
                count(MessageState::InFlight),
            ),
            (
                "ApproximateNumberOfMessagesDelayed".to_owned(),
                count(MessageState::Delayed),
            ),
            (
                "CreatedTimestamp".to_owned(),
                queue.created_at.as_secs().to_string(),
            ),
            (
                "LastModifiedTimestamp".to_owned(),
                queue.changed_at.as_secs().to_string(),
            ),
        ]);
        for wanted in &request.attribute_names {
            if wanted != "All" && !all.contains_key(wanted) && !known_attribute(wanted) {
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

    fn set_attributes(&self, request: SetQueueAttributes) -> Result<Value, Refusal> {
        let mut state = self.lock();
        let (name, queue) = state.queue(&request.queue_url)?;
        let fifo = queue.fifo();
        check_attributes(&state, &name, fifo, &request.attributes)?;
        let (_, queue) = state.queue(&request.queue_url)?;
        queue.changed_at = self.clock.now();
        for (key, value) in request.attributes {
            if key == "RedrivePolicy" && value.is_empty() {
                queue.attributes.remove(&key);
            } else {
                queue.attributes.insert(key, value);
            }
        }
        self.save(&state)?;
        Ok(json!({}))
    }

    fn get_url(&self, request: &QueueName) -> Result<Value, Refusal> {
        if !self.lock().queues.contains_key(&request.queue_name) {
            return Err(no_such_queue());
        }
        Ok(json!({"QueueUrl": self.url(&request.queue_name)}))
    }

    fn create(&self, request: CreateQueue) -> Result<Value, Refusal> {
        let name = request.queue_name;
        let fifo = request
            .attributes
            .get("FifoQueue")
            .is_some_and(|v| v == "true");
        let plain = name.strip_suffix(".fifo").unwrap_or(&name);
        let legal = !plain.is_empty()
            && name.len() <= 80
            && plain
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !legal || fifo != name.ends_with(".fifo") {
            return Err(invalid_parameter(
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length. \
                 The name of a FIFO queue can only end with .fifo and must.",
            ));
        }
        let mut state = self.lock();
        check_attributes(&state, &name, fifo, &request.attributes)?;
        if let Some(queue) = state.queues.get(&name) {
            if let Some((key, _)) = request
                .attributes
                .iter()
                .find(|(key, value)| queue.attributes.get(*key) != Some(*value))
            {
                return Err(refuse(
                    "QueueNameExists",
                    "QueueAlreadyExists",
                    &format!(
                        "A queue already exists with the same name and a different value for attribute {key}"
                    ),
                ));
            }
            return Ok(json!({"QueueUrl": self.url(&name)}));
        }
        let now = self.clock.now();
        let mut attributes: BTreeMap<String, String> = NUMBERS
            .iter()
            .map(|(key, _, _, default)| ((*key).to_owned(), (*default).to_owned()))
            .collect();
        if fifo {
            attributes.insert("ContentBasedDeduplication".to_owned(), "false".to_owned());
            attributes.insert("DeduplicationScope".to_owned(), "queue".to_owned());
            attributes.insert("FifoThroughputLimit".to_owned(), "perQueue".to_owned());
        }
        attributes.extend(request.attributes);
        state.queues.insert(
            name.clone(),
            Queue {
                attributes,
                created_at: now,
                changed_at: now,
                messages: BTreeMap::new(),
                accepted: BTreeMap::new(),
                swept_at: never(),
            },
        );
        self.save(&state)?;
        Ok(json!({"QueueUrl": self.url(&name)}))
    }

    fn delete_queue(&self, request: &QueueUrl) -> Result<Value, Refusal> {
        let mut state = self.lock();
        let (name, _) = state.queue(&request.queue_url)?;
        state.queues.remove(&name);
        self.save(&state)?;
        Ok(json!({}))
    }

    fn list(&self, request: &ListQueues) -> Value {
        let urls: Vec<String> = self
            .lock()
            .queues
            .keys()
            .filter(|name| name.starts_with(&request.queue_name_prefix))
            .map(|name| self.url(name))
            .collect();
        if urls.is_empty() {
            json!({})
        } else {
            json!({"QueueUrls": urls})
        }
    }

    fn purge(&self, request: &QueueUrl) -> Result<Value, Refusal> {
        let mut state = self.lock();
        let (_, queue) = state.queue(&request.queue_url)?;
        queue.messages.clear();
        self.save(&state)?;
        Ok(json!({}))
    }

    fn start_move(&self, request: StartMessageMoveTask) -> Result<Value, Refusal> {
        let now = self.clock.now();
        let mut state = self.lock();
        let source = name_of(&state, &request.source_arn)?;
        let is_dead_letter_queue = state
            .queues
            .values()
            .any(|queue| queue.redrive().is_some_and(|r| r.target == source));
        if !is_dead_letter_queue {
            return Err(invalid_parameter(
                "Source queue must be configured as a Dead Letter Queue.",
            ));
        }
        let destination = match &request.destination_arn {
            Some(arn) => Some(name_of(&state, arn)?),
            None => None,
        };
        let moved = move_back(&mut state, &source, destination.as_deref(), now);
        let handle = BASE64.encode(format!("{{\"taskId\":\"{}\"}}", Uuid::new_v4()));
        state.moves.push(MoveTask {
            handle: handle.clone(),
            source: request.source_arn,
            destination: request.destination_arn,
            moved,
            started_at: now,
        });
        self.save(&state)?;
        self.changed.notify_waiters();
        Ok(json!({"TaskHandle": handle}))
    }

    fn list_moves(&self, request: &ListMessageMoveTasks) -> Value {
        let state = self.lock();
        let tasks = state
            .moves
            .iter()
            .rev()
            .filter(|t| t.source == request.source_arn);
        let results: Vec<Value> = tasks
            .take(10)
            .map(|task| {
                let mut shown = json!({
                    "TaskHandle": task.handle,
                    "Status": "COMPLETED",
                    "SourceArn": task.source,
                    "ApproximateNumberOfMessagesMoved": task.moved,
                    "ApproximateNumberOfMessagesToMove": task.moved,
                    "StartedTimestamp": task.started_at.as_millis(),
                });
                if let Some(destination) = &task.destination {
                    shown["DestinationArn"] = json!(destination);
                }
                shown
            })
            .collect();
        json!({"Results": results})
    }

    fn save(&self, state: &State) -> Result<(), Refusal> {
        save(self.file.as_deref(), state)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `arn:aws:sqs:…` of a queue.
pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

/// Stores a message that has passed every check, unless its deduplication id is still remembered.
fn accept(state: &mut State, name: &str, entry: Entry, now: Timestamp) -> Value {
    let sequence = state.sequence();
    let mut answer = json!({"MD5OfMessageBody": md5_hex(entry.message_body.as_bytes())});
    if !entry.message_attributes.is_empty() {
        answer["MD5OfMessageAttributes"] = json!(attributes_md5(&entry.message_attributes));
    }
    let Some(queue) = state.queues.get_mut(name) else {
        return answer;
    };
    let fifo = queue.fifo();
    let deduplication_id = entry.message_deduplication_id.or_else(|| {
        // Only reached where the queue asks for it: the checks refuse a FIFO message without an id otherwise.
        fifo.then(|| hex::encode(Sha256::digest(entry.message_body.as_bytes())))
    });
    let id = Uuid::new_v4().to_string();
    let accepted = Accepted {
        message_id: id.clone(),
        sequence,
        at: now,
    };
    if let Some(deduplication_id) = &deduplication_id {
        let per_group = queue
            .attributes
            .get("DeduplicationScope")
            .is_some_and(|scope| scope == "messageGroup");
        let group = entry.message_group_id.as_deref().filter(|_| per_group);
        let key = format!("{}|{deduplication_id}", group.unwrap_or_default());
        let earlier = queue.accepted.get(&key);
        if let Some(earlier) = earlier.filter(|earlier| earlier.holds(now)) {
            answer["MessageId"] = json!(earlier.message_id);
            answer["SequenceNumber"] = json!(sequence_number(earlier.sequence));
            return answer;
        }
        queue.accepted.insert(key, accepted);
    }
    answer["MessageId"] = json!(id);
    if fifo {
        answer["SequenceNumber"] = json!(sequence_number(sequence));
    }
    let delay = entry
        .delay_seconds
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map_or_else(|| queue.seconds("DelaySeconds"), Duration::from_secs);
    queue.messages.insert(
        sequence,
        Message {
            id,
            body: entry.message_body,
            group: entry.message_group_id,
            deduplication_id,
            attributes: entry.message_attributes,
            trace: entry
                .message_system_attributes
                .get("AWSTraceHeader")
                .and_then(|a| a.string_value.clone()),
            sent_at: now,
            kept_since: now,
            visible_at: now.plus(delay),
            receive_count: 0,
            first_received_at: None,
            receipt: None,
            dead_letter_source: None,
        },
    );
    answer
}

/// Moves messages that were received too often to the dead-letter queue.
fn bury(state: &mut State, source: &str, target: &str, dead: &[u64], now: Timestamp) {
    for sequence in dead {
        let removed = state
            .queues
            .get_mut(source)
            .and_then(|queue| queue.messages.remove(sequence));
        let next = state.sequence();
        if let (Some(mut message), Some(queue)) = (removed, state.queues.get_mut(target)) {
            message.receipt = None;
            message.visible_at = now;
            message.dead_letter_source = Some(arn(source));
            if queue.fifo() {
                message.kept_since = now;
            }
            queue.messages.insert(next, message);
        }
    }
}

/// Moves what is visible in a dead-letter queue to `destination`, or to where each message came from.
/// A moved message is a new one: new id, new time, never received.
fn move_back(state: &mut State, source: &str, destination: Option<&str>, now: Timestamp) -> usize {
    let Some(queue) = state.queues.get_mut(source) else {
        return 0;
    };
    queue.expire(now);
    let visible: Vec<u64> = queue
        .messages
        .iter()
        .filter(|(_, message)| message.visible_at <= now)
        .map(|(sequence, _)| *sequence)
        .collect();
    let mut moved = 0;
    for sequence in visible {
        let found = state
            .queues
            .get(source)
            .and_then(|q| q.messages.get(&sequence));
        let target = destination.map(str::to_owned).or_else(|| {
            let arn = found?.dead_letter_source.as_deref()?;
            arn.rsplit(':').next().map(str::to_owned)
        });
        let Some(target) = target.filter(|name| state.queues.contains_key(name)) else {
            continue;
        };
        let removed = state
            .queues
            .get_mut(source)
            .and_then(|queue| queue.messages.remove(&sequence));
        let next = state.sequence();
        if let (Some(message), Some(queue)) = (removed, state.queues.get_mut(&target)) {
            let fresh = Message {
                id: Uuid::new_v4().to_string(),
                sent_at: now,
                kept_since: now,
                visible_at: now,
                receive_count: 0,
                first_received_at: None,
                receipt: None,
                dead_letter_source: None,
                ..message
            };
            queue.messages.insert(next, fresh);
            moved += 1;
        }
    }
    moved
}

/// The message a receipt handle is about, when it is still there, and whether that handle is its latest.
fn find<'q>(
    queue: &'q mut Queue,
    name: &str,
    handle: &str,
    now: Timestamp,
) -> Result<Option<(u64, &'q mut Message, bool)>, Refusal> {
    let text = BASE64
        .decode(handle)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or_else(|| invalid_handle(handle))?;
    let mut parts = text.split('|');
    let (Some(owner), Some(sequence), Some(nonce)) = (
        parts.next(),
        parts.next().and_then(|n| n.parse::<u64>().ok()),
        parts.next(),
    ) else {
        return Err(invalid_handle(handle));
    };
    if owner != name {
        return Err(invalid_handle(handle));
    }
    Ok(queue.messages.get_mut(&sequence).map(|message| {
        let latest = message.receipt.as_ref().is_some_and(|r| r.nonce == nonce);
        let live = latest && message.in_flight(now);
        (sequence, message, live)
    }))
}

fn delete(queue: &mut Queue, name: &str, handle: &str, now: Timestamp) -> Result<(), Refusal> {
    let fifo = queue.fifo();
    let Some((sequence, _, live)) = find(queue, name, handle, now)? else {
        return Ok(());
    };
    if fifo && !live {
        return Err(invalid_parameter(&format!(
            "Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
        )));
    }
    queue.messages.remove(&sequence);
    Ok(())
}

fn hide(
    queue: &mut Queue,
    name: &str,
    handle: &str,
    seconds: Option<i64>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let seconds = seconds.ok_or_else(|| missing("VisibilityTimeout"))?;
    between(
        "VisibilityTimeout",
        Some(seconds),
        0,
        LONGEST_VISIBILITY.as_secs(),
    )?;
    let until = now.plus(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
    let gone = || {
        invalid_parameter(&format!(
            "Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not \
             available for visibility timeout change."
        ))
    };
    let (_, message, live) = find(queue, name, handle, now)?.ok_or_else(gone)?;
    let received_at = message.receipt.as_ref().map(|receipt| receipt.at);
    let Some(received_at) = received_at.filter(|_| live) else {
        return Err(gone());
    };
    if until.since(received_at) > LONGEST_VISIBILITY {
        return Err(invalid_parameter(&format!(
            "Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the \
             message is beyond the limit [{} seconds].",
            LONGEST_VISIBILITY.as_secs()
        )));
    }
    message.visible_at = until;
    Ok(())
}

fn check_message(queue: &Queue, entry: &Entry) -> Result<(), Refusal> {
    check_fifo(queue, entry)?;
    check_contents(queue, entry)
}

fn check_fifo(queue: &Queue, entry: &Entry) -> Result<(), Refusal> {
    let parameter = |name: &str, value: &str| {
        let legal = (1..=128).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic());
        if legal {
            return Ok(());
        }
        Err(invalid_parameter(&format!(
            "Value {value} for parameter {name} is invalid. Reason: {name} can only include alphanumeric and \
             punctuation characters. 1 to 128 in length."
        )))
    };
    let not_for_this_kind = |name: &str, value: &str| {
        invalid_parameter(&format!(
            "Value {value} for parameter {name} is invalid. Reason: The request include parameter that is not \
             valid for this queue type"
        ))
    };
    if let Some(group) = &entry.message_group_id {
        parameter("MessageGroupId", group)?;
    }
    if let Some(id) = &entry.message_deduplication_id {
        parameter("MessageDeduplicationId", id)?;
    }
    if !queue.fifo() {
        return match &entry.message_deduplication_id {
            Some(id) => Err(not_for_this_kind("MessageDeduplicationId", id)),
            None => between("DelaySeconds", entry.delay_seconds, 0, 900),
        };
    }
    if entry.message_group_id.is_none() {
        return Err(missing("MessageGroupId"));
    }
    let by_content = queue
        .attributes
        .get("ContentBasedDeduplication")
        .is_some_and(|v| v == "true");
    if entry.message_deduplication_id.is_none() && !by_content {
        return Err(invalid_parameter(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ));
    }
    match entry.delay_seconds {
        Some(delay) if delay != 0 => Err(not_for_this_kind("DelaySeconds", &delay.to_string())),
        _ => Ok(()),
    }
}

fn check_contents(queue: &Queue, entry: &Entry) -> Result<(), Refusal> {
    if entry.message_body.is_empty() {
        return Err(missing("MessageBody"));
    }
    let largest = queue.number("MaximumMessageSize");
    if u64::try_from(entry.size()).is_ok_and(|size| size > largest) {
        return Err(too_large(largest));
    }
    let texts = entry
        .message_attributes
        .values()
        .filter_map(|a| a.string_value.as_deref());
    if texts
        .chain([entry.message_body.as_str()])
        .any(|text| !text.chars().all(allowed))
    {
        return Err(refuse(
            "InvalidMessageContents",
            "InvalidMessageContents",
            "Invalid binary character was found in the message body, the set of allowed characters is \
             #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        ));
    }
    if entry.message_attributes.len() > 10 {
        return Err(invalid_parameter(
            "Number of message attributes exceeds the allowed maximum [10].",
        ));
    }
    for (name, attribute) in &entry.message_attributes {
        let legal_name = (1..=256).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        let kind = attribute.data_type.split('.').next().unwrap_or_default();
        let full = |value: &Option<String>| value.as_ref().is_some_and(|v| !v.is_empty());
        let legal_value = match kind {
            "String" => full(&attribute.string_value),
            "Number" => attribute
                .string_value
                .as_ref()
                .is_some_and(|v| v.parse::<f64>().is_ok()),
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

fn check_batch<'a>(ids: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
    let batch_error = |code: &str, message: &str| {
        Err(refuse(
            code,
            &format!("AWS.SimpleQueueService.{code}"),
            message,
        ))
    };
    let (mut seen, mut count) = (BTreeSet::new(), 0);
    for id in ids {
        count += 1;
        let legal = (1..=80).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !legal {
            return batch_error(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. \
                 It can be at most 80 letters long.",
            );
        }
        if !seen.insert(id) {
            return batch_error("BatchEntryIdsNotDistinct", &format!("Id {id} repeated."));
        }
    }
    match count {
        0 => batch_error(
            "EmptyBatchRequest",
            "There should be at least one entry in the request.",
        ),
        1..=BATCH => Ok(()),
        _ => batch_error(
            "TooManyEntriesInBatchRequest",
            &format!("Maximum number of entries per request are {BATCH}. You have sent {count}."),
        ),
    }
}

fn check_attributes(
    state: &State,
    queue: &str,
    fifo: bool,
    attributes: &BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let wrong = |name: &str| {
        Err(refuse(
            "InvalidAttributeValue",
            "InvalidAttributeValue",
            &format!("Invalid value for the parameter {name}."),
        ))
    };
    for (name, value) in attributes {
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
                            && state.queues.contains_key(&redrive.target)
                            && (1..=1000).contains(&redrive.max_receive_count)
                    })
            }
            number if NUMBERS.iter().any(|(known, ..)| *known == number) => {
                NUMBERS.iter().any(|(known, least, most, _)| {
                    *known == number
                        && value
                            .parse::<u64>()
                            .is_ok_and(|n| (*least..=*most).contains(&n))
                })
            }
            other if known_attribute(other) && !FIFO_ONLY.contains(&other) => true,
            other => return Err(unknown_attribute(other)),
        };
        if !legal {
            return wrong(name);
        }
    }
    Ok(())
}

const FIFO_ONLY: [&str; 4] = [
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
];

fn known_attribute(name: &str) -> bool {
    FIFO_ONLY.contains(&name)
        || NUMBERS.iter().any(|(known, ..)| *known == name)
        || [
            "KmsDataKeyReusePeriodSeconds",
            "KmsMasterKeyId",
            "Policy",
            "RedriveAllowPolicy",
            "RedrivePolicy",
            "SqsManagedSseEnabled",
        ]
        .contains(&name)
}

/// `{"deadLetterTargetArn": "…", "maxReceiveCount": 5}`; the count may be a string.
fn parse_redrive(policy: &str) -> Option<Redrive> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let count = policy.get("maxReceiveCount")?;
    let count = count.as_u64().or_else(|| count.as_str()?.parse().ok())?;
    let arn = policy.get("deadLetterTargetArn")?.as_str()?;
    Some(Redrive {
        target: arn.rsplit(':').next()?.to_owned(),
        max_receive_count: u32::try_from(count).ok()?,
    })
}

fn name_of(state: &State, queue_arn: &str) -> Result<String, Refusal> {
    let name = queue_arn.rsplit(':').next().unwrap_or_default();
    if arn(name) == queue_arn && state.queues.contains_key(name) {
        return Ok(name.to_owned());
    }
    Err(refuse(
        "ResourceNotFoundException",
        "ResourceNotFoundException",
        "The resource that you specified for the SourceArn or DestinationArn parameter doesn't exist.",
    ))
}

fn between(name: &str, value: Option<i64>, least: u64, most: u64) -> Result<(), Refusal> {
    let legal = |n: i64| u64::try_from(n).is_ok_and(|n| (least..=most).contains(&n));
    match value {
        Some(n) if !legal(n) => Err(invalid_parameter(&format!(
            "Value {n} for parameter {name} is invalid. Reason: Must be between {least} and {most}, if provided."
        ))),
        _ => Ok(()),
    }
}

/// Twenty digits that grow with every message, as SQS prints them.
fn sequence_number(sequence: u64) -> String {
    format!("188{sequence:017}")
}

fn md5_hex(bytes: &[u8]) -> String {
    hex::encode(md5::compute(bytes).0)
}

/// The digest the SDKs compare (SQS developer guide, "Calculating the MD5 message digest for message attributes").
fn attributes_md5(attributes: &BTreeMap<String, Attribute>) -> String {
    let mut digested = Vec::new();
    let mut put = |bytes: &[u8], transport: Option<u8>| {
        digested.extend(transport);
        digested.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        digested.extend(bytes);
    };
    for (name, attribute) in attributes {
        put(name.as_bytes(), None);
        put(attribute.data_type.as_bytes(), None);
        match (&attribute.string_value, &attribute.binary_value) {
            (Some(text), _) => put(text.as_bytes(), Some(1)),
            (None, Some(encoded)) => put(&BASE64.decode(encoded).unwrap_or_default(), Some(2)),
            (None, None) => {}
        }
    }
    md5_hex(&digested)
}

fn batch_answer(successful: Vec<Value>, failed: Vec<Value>) -> Value {
    json!({"Successful": successful, "Failed": failed})
}

fn refuse(kind: &str, query_code: &str, message: &str) -> Refusal {
    Refusal::new(kind, message).query_code(query_code)
}

fn no_such_queue() -> Refusal {
    refuse(
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
        "The specified queue does not exist.",
    )
}

fn missing(parameter: &str) -> Refusal {
    refuse(
        "MissingRequiredParameterException",
        "MissingParameter",
        &format!("The request must contain the parameter {parameter}."),
    )
}

fn invalid_parameter(message: &str) -> Refusal {
    refuse(
        "InvalidParameterValueException",
        "InvalidParameterValue",
        message,
    )
}

fn invalid_handle(handle: &str) -> Refusal {
    refuse(
        "ReceiptHandleIsInvalid",
        "ReceiptHandleIsInvalid",
        &format!("The input receipt handle \"{handle}\" is not a valid receipt handle."),
    )
}

fn unknown_attribute(name: &str) -> Refusal {
    refuse(
        "InvalidAttributeName",
        "InvalidAttributeName",
        &format!("Unknown Attribute {name}."),
    )
}

fn too_large(limit: u64) -> Refusal {
    invalid_parameter(&format!(
        "One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage {
    queue_url: String,
    #[serde(flatten)]
    entry: Entry,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessageBatch {
    queue_url: String,
    #[serde(default)]
    entries: Vec<BatchEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchEntry {
    id: String,
    #[serde(flatten)]
    message: Entry,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
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

impl Entry {
    /// Body and attributes (name, type and value), as the size limit counts them.
    fn size(&self) -> usize {
        let attributes = self.message_attributes.iter().map(|(name, attribute)| {
            let text = attribute.string_value.as_ref().map_or(0, String::len);
            let binary = attribute
                .binary_value
                .as_ref()
                .map_or(0, |encoded| BASE64.decode(encoded).map_or(0, |b| b.len()));
            name.len() + attribute.data_type.len() + text + binary
        });
        self.message_body.len() + attributes.sum::<usize>()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiveMessage {
    queue_url: String,
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

impl ReceiveMessage {
    fn system_attributes(&self) -> impl Iterator<Item = &str> {
        self.attribute_names
            .iter()
            .chain(&self.message_system_attribute_names)
            .map(String::as_str)
    }

    /// A message as the answer shows it: only the attributes that were asked for.
    fn show(&self, sequence: u64, message: &Message, handle: &str) -> Value {
        let mut shown = json!({
            "MessageId": message.id,
            "ReceiptHandle": handle,
            "Body": message.body,
            "MD5OfBody": md5_hex(message.body.as_bytes()),
        });
        let first_received = message
            .first_received_at
            .map(|at| at.as_millis().to_string());
        let fifo = message.deduplication_id.is_some();
        let system = [
            ("SenderId", Some(ACCOUNT.to_owned())),
            (
                "SentTimestamp",
                Some(message.sent_at.as_millis().to_string()),
            ),
            (
                "ApproximateReceiveCount",
                Some(message.receive_count.to_string()),
            ),
            ("ApproximateFirstReceiveTimestamp", first_received),
            ("SequenceNumber", fifo.then(|| sequence_number(sequence))),
            ("MessageGroupId", message.group.clone()),
            ("MessageDeduplicationId", message.deduplication_id.clone()),
            ("AWSTraceHeader", message.trace.clone()),
            (
                "DeadLetterQueueSourceArn",
                message.dead_letter_source.clone(),
            ),
        ];
        let system: Map<String, Value> = system
            .into_iter()
            .filter(|(name, _)| {
                self.system_attributes()
                    .any(|wanted| wanted == "All" || wanted == *name)
            })
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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteMessage {
    queue_url: String,
    receipt_handle: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteMessageBatch {
    queue_url: String,
    #[serde(default)]
    entries: Vec<DeleteEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteEntry {
    id: String,
    receipt_handle: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeMessageVisibility {
    queue_url: String,
    receipt_handle: String,
    visibility_timeout: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeMessageVisibilityBatch {
    queue_url: String,
    #[serde(default)]
    entries: Vec<VisibilityEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VisibilityEntry {
    id: String,
    receipt_handle: String,
    visibility_timeout: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetQueueAttributes {
    queue_url: String,
    #[serde(default)]
    attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetQueueAttributes {
    queue_url: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueueName {
    queue_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueueUrl {
    queue_url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateQueue {
    queue_name: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListQueues {
    #[serde(default)]
    queue_name_prefix: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StartMessageMoveTask {
    source_arn: String,
    destination_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListMessageMoveTasks {
    source_arn: String,
}
