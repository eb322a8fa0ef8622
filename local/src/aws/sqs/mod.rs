//! SQS, standard and FIFO, as the function code meets it: order, group blocking, deduplication, visibility, redrive.
//!
//! Why it is written by hand: `docs/decisions/0003-own-sqs-and-secrets-manager.md`. Limits: docs/vendors.md#sqs-fifo.

mod attributes;
mod message;
mod queue;
mod receive;
mod redrive;
mod refusal;
mod send;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::domain::clock::{Clock, Timestamp};
use tokio::sync::Notify;

use self::attributes::{CreateQueue, SetQueueAttributes, is_identifier};
use self::queue::{Queues, name_in_url};
use self::refusal::prefixed;
use self::send::SendMessage;
use super::error::Error;
use super::refusal::{AwsRefusal, AwsResult, read};
use crate::lock::lock;
use crate::state_file::{load, save};

pub(crate) use self::message::MessageRef;
pub use self::message::{MessageState, MessageView};
pub use self::queue::{DEDUPLICATION_WINDOW, QueueView};

/// The size limit of a message with its attributes, and of a batch, in bytes.
const LARGEST_MESSAGE: usize = 1_048_576;
const LARGEST_BATCH: usize = 10;
/// A long poll checks this often, because moving the clock notifies no waiter.
const POLL_STEP: Duration = Duration::from_millis(50);
const READ_ONLY: [&str; 4] = [
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListMessageMoveTasks",
    "ListQueues",
];

/// The queues of the embedded cloud.
pub(super) struct Sqs {
    queues: Mutex<Queues>,
    changed: Notify,
    clock: Clock,
    file: Option<PathBuf>,
}

/// A request about one queue.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OnQueue<T> {
    queue_url: String,
    #[serde(flatten)]
    request: T,
}

#[derive(Deserialize)]
struct Batch<T> {
    #[serde(rename = "Entries", default = "Vec::new")]
    entries: Vec<BatchEntry<T>>,
}

#[derive(Deserialize)]
struct BatchEntry<T> {
    #[serde(rename = "Id")]
    id: String,
    #[serde(flatten)]
    request: T,
}

/// An operation on the named queue.
type Operation<T> = fn(&mut Queues, &str, T, Timestamp) -> AwsResult;

impl Sqs {
    pub(super) fn start(
        endpoint: &str,
        clock: Clock,
        file: Option<PathBuf>,
    ) -> Result<Self, Error> {
        let mut queues: Queues = load(file.as_deref())?;
        endpoint.clone_into(&mut queues.endpoint);
        Ok(Self {
            queues: Mutex::new(queues),
            changed: Notify::new(),
            clock,
            file,
        })
    }

    pub(super) fn url(&self, name: &str) -> String {
        lock(&self.queues).url(name)
    }

    pub(super) fn view(&self, name: &str) -> Option<QueueView> {
        let now = self.clock.now();
        let mut queues = lock(&self.queues);
        let queue = queues.queues.get_mut(name)?;
        queue.expire(now);
        Some(queue.view(now))
    }

    pub(super) fn read<T>(
        &self,
        name: &str,
        read: impl FnOnce(&mut dyn ExactSizeIterator<Item = MessageRef<'_>>) -> T,
    ) -> Option<T> {
        let now = self.clock.now();
        let mut queues = lock(&self.queues);
        let queue = queues.queues.get_mut(name)?;
        queue.expire(now);
        let messages = queue.messages.values().rev();
        Some(read(&mut messages.map(|message| message.borrowed(now))))
    }

    /// Creates the queue or gives it these attributes.
    pub(super) fn provision(
        &self,
        name: &str,
        mut attributes: BTreeMap<String, String>,
    ) -> Result<(), AwsRefusal> {
        let now = self.clock.now();
        let mut queues = lock(&self.queues);
        if queues.queues.contains_key(name) {
            attributes.remove("FifoQueue");
            attributes::set(&mut queues, name, SetQueueAttributes { attributes }, now)?;
        } else {
            let request = CreateQueue {
                queue_name: name.to_owned(),
                attributes,
            };
            attributes::create(&mut queues, request, now)?;
        }
        self.save(&queues)
    }

    pub(super) async fn call(&self, operation: &str, request: Value) -> AwsResult {
        if operation == "ReceiveMessage" {
            return self.receive(read(request)?).await;
        }
        let now = self.clock.now();
        let mut queues = lock(&self.queues);
        let queues = &mut *queues;
        let answer = match operation {
            "SendMessage" => on_queue(queues, request, now, send::send),
            "SendMessageBatch" => {
                let batch: OnQueue<Batch<SendMessage>> = read(request)?;
                let name = name_in_url(&batch.queue_url);
                let queue = queues.named(name)?;
                queue.expire(now);
                check_batch(&batch.request)?;
                check_sizes(&batch.request)?;
                for entry in &batch.request.entries {
                    send::check_kind(queue, &entry.request)?;
                }
                Ok(each(queues, name, batch.request, now, send::send))
            }
            "DeleteMessage" => on_queue(queues, request, now, receive::delete),
            "DeleteMessageBatch" => on_batch(queues, request, now, receive::delete),
            "ChangeMessageVisibility" => on_queue(queues, request, now, receive::change_visibility),
            "ChangeMessageVisibilityBatch" => {
                on_batch(queues, request, now, receive::change_visibility)
            }
            "GetQueueAttributes" => on_queue(queues, request, now, attributes::get),
            "SetQueueAttributes" => on_queue(queues, request, now, attributes::set),
            "GetQueueUrl" => attributes::get_url(queues, &read(request)?),
            "CreateQueue" => attributes::create(queues, read(request)?, now),
            "DeleteQueue" => on_queue(queues, request, now, |queues, name, _: Nothing, _| {
                queues.queues.remove(name);
                Ok(json!({}))
            }),
            "ListQueues" => Ok(attributes::list(queues, &read(request)?)),
            "PurgeQueue" => on_queue(queues, request, now, |queues, name, _: Nothing, _| {
                queues.named(name)?.messages.clear();
                Ok(json!({}))
            }),
            "StartMessageMoveTask" => redrive::start_move(queues, read(request)?, now),
            "ListMessageMoveTasks" => Ok(redrive::list_moves(queues, &read(request)?)),
            _ => Err(prefixed("UnsupportedOperation", "Operation not supported.")),
        }?;
        if !READ_ONLY.contains(&operation) {
            self.save(queues)?;
            self.changed.notify_waiters();
        }
        Ok(answer)
    }

    async fn receive(&self, call: OnQueue<receive::ReceiveMessage>) -> AwsResult {
        let (started, name) = (Instant::now(), name_in_url(&call.queue_url));
        let wait = call.request.check(lock(&self.queues).named(name)?)?;
        loop {
            let changed = self.changed.notified();
            let messages = self.receive_now(name, &call.request)?;
            let waited = started.elapsed();
            if !messages.is_empty() {
                return Ok(json!({"Messages": messages}));
            }
            if waited >= wait {
                return Ok(json!({}));
            }
            let _ = tokio::time::timeout(POLL_STEP.min(wait - waited), changed).await;
        }
    }

    fn receive_now(
        &self,
        name: &str,
        request: &receive::ReceiveMessage,
    ) -> Result<Vec<Value>, AwsRefusal> {
        let mut queues = lock(&self.queues);
        let (messages, changed) = receive::receive(&mut queues, name, request, self.clock.now())?;
        if changed {
            self.save(&queues)?;
            self.changed.notify_waiters();
        }
        Ok(messages)
    }

    fn save(&self, queues: &Queues) -> Result<(), AwsRefusal> {
        Ok(save(self.file.as_deref(), queues)?)
    }
}

/// The request of an operation that needs nothing but the queue.
#[derive(Deserialize)]
struct Nothing {}

fn on_queue<T: DeserializeOwned>(
    queues: &mut Queues,
    request: Value,
    now: Timestamp,
    operation: Operation<T>,
) -> AwsResult {
    let call: OnQueue<T> = read(request)?;
    let name = name_in_url(&call.queue_url);
    queues.named(name)?.expire(now);
    operation(queues, name, call.request, now)
}

fn on_batch<T: DeserializeOwned>(
    queues: &mut Queues,
    request: Value,
    now: Timestamp,
    operation: Operation<T>,
) -> AwsResult {
    let batch: OnQueue<Batch<T>> = read(request)?;
    let name = name_in_url(&batch.queue_url);
    queues.named(name)?.expire(now);
    check_batch(&batch.request)?;
    Ok(each(queues, name, batch.request, now, operation))
}

/// Performs the entries of a batch one by one; an entry that is refused does not stop the others.
fn each<T>(
    queues: &mut Queues,
    name: &str,
    batch: Batch<T>,
    now: Timestamp,
    operation: Operation<T>,
) -> Value {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in batch.entries {
        match operation(queues, name, entry.request, now) {
            Ok(mut answer) => {
                answer["Id"] = json!(entry.id);
                successful.push(answer);
            }
            Err(refusal) => failed.push(refusal.batch_entry(&entry.id)),
        }
    }
    json!({"Successful": successful, "Failed": failed})
}

fn check_batch<T>(batch: &Batch<T>) -> Result<(), AwsRefusal> {
    let mut seen = BTreeSet::new();
    for BatchEntry { id, .. } in &batch.entries {
        if !(1..=80).contains(&id.len()) || !is_identifier(id) {
            return Err(prefixed(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. \
                 It can be at most 80 letters long.",
            ));
        }
        if !seen.insert(id) {
            let problem = format!("Id {id} repeated.");
            return Err(prefixed("BatchEntryIdsNotDistinct", &problem));
        }
    }
    match seen.len() {
        0 => Err(prefixed(
            "EmptyBatchRequest",
            "There should be at least one entry in the request.",
        )),
        1..=LARGEST_BATCH => Ok(()),
        count => {
            let problem = format!(
                "Maximum number of entries per request are {LARGEST_BATCH}. You have sent {count}."
            );
            Err(prefixed("TooManyEntriesInBatchRequest", &problem))
        }
    }
}

fn check_sizes(batch: &Batch<SendMessage>) -> Result<(), AwsRefusal> {
    let size: usize = batch.entries.iter().map(|e| e.request.size()).sum();
    if size <= LARGEST_MESSAGE {
        return Ok(());
    }
    let problem = format!(
        "Batch requests cannot be longer than {LARGEST_MESSAGE} bytes. You have sent {size} bytes."
    );
    Err(prefixed("BatchRequestTooLong", &problem))
}
