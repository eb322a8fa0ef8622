//! Lambda's event source for an SQS FIFO queue: receives batches, invokes, deletes what the function finished.
//!
//! SQS itself keeps a group's later messages back while earlier ones are in flight, so batches may run side by side.
//! Source: Lambda developer guide, "Using Lambda with Amazon SQS"; protocols, part C.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{DEFAULT_REGION, Lambda, PAYLOAD_LIMIT};

/// SQS hands out no more at once from a FIFO queue.
const LARGEST_BATCH: usize = 10;

/// Shorter than Lambda's 20 s, because pausing and stopping wait for it.
const LONG_POLL: Duration = Duration::from_secs(1);

/// After a failed receive.
const RECEIVE_RETRY: Duration = Duration::from_millis(500);

/// A running event source mapping. It ends when dropped; a batch in progress is finished.
pub struct Poller {
    mapping: Arc<Mapping>,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Paused,
    Stopped,
}

struct Mapping {
    client: Client,
    queue_url: String,
    queue_arn: String,
    lambda: Lambda,
    batch_size: usize,
    maximum_concurrency: u32,
    slots: Arc<Semaphore>,
}

impl Poller {
    /// Starts polling. `batch_size` is cut to 1 to 10, `maximum_concurrency` is at least one invocation at a time.
    pub fn start(
        client: Client,
        queue_url: impl Into<String>,
        queue_arn: impl Into<String>,
        lambda: Lambda,
        batch_size: usize,
        maximum_concurrency: u32,
    ) -> Self {
        let poller = Self::paused(
            client,
            queue_url,
            queue_arn,
            lambda,
            batch_size,
            maximum_concurrency,
        );
        poller.resume();
        poller
    }

    /// As [`Poller::start`], but nothing is received before [`Poller::resume`] or [`Poller::poll_once`].
    pub fn paused(
        client: Client,
        queue_url: impl Into<String>,
        queue_arn: impl Into<String>,
        lambda: Lambda,
        batch_size: usize,
        maximum_concurrency: u32,
    ) -> Self {
        let maximum_concurrency = maximum_concurrency.clamp(1, 1000);
        let mapping = Arc::new(Mapping {
            client,
            queue_url: queue_url.into(),
            queue_arn: queue_arn.into(),
            lambda,
            batch_size: batch_size.clamp(1, LARGEST_BATCH),
            maximum_concurrency,
            slots: Arc::new(Semaphore::new(maximum_concurrency as usize)),
        });
        let (state, receiver) = watch::channel(State::Paused);
        tokio::spawn(poll(Arc::clone(&mapping), receiver));
        Self { mapping, state }
    }

    /// Receives no more; returns when the batches in progress are done.
    pub async fn pause(&self) {
        self.state.send_if_modified(|state| {
            let running = *state == State::Running;
            if running {
                *state = State::Paused;
            }
            running
        });
        self.quiet().await;
    }

    /// Polls again, unless it was stopped.
    pub fn resume(&self) {
        self.state.send_if_modified(|state| {
            let paused = *state == State::Paused;
            if paused {
                *state = State::Running;
            }
            paused
        });
    }

    /// Ends polling for good; returns when the batches in progress are done.
    pub async fn stop(&self) {
        self.state.send_replace(State::Stopped);
        self.quiet().await;
    }

    /// Receives one batch without waiting, processes it, and says how many messages it had. Also while paused.
    pub async fn poll_once(&self) -> usize {
        let Ok(_slot) = self.mapping.slots.acquire().await else {
            return 0;
        };
        let messages = self.mapping.receive(Duration::ZERO).await;
        let messages = messages.unwrap_or_default();
        let count = messages.len();
        self.mapping.process(messages).await;
        count
    }

    async fn quiet(&self) {
        let all = self.mapping.maximum_concurrency;
        // Never closed, so this only waits.
        let _all = self.mapping.slots.acquire_many(all).await;
    }
}

async fn poll(mapping: Arc<Mapping>, mut state: watch::Receiver<State>) {
    loop {
        let running = state.wait_for(|state| *state != State::Paused).await;
        if running.is_ok_and(|state| *state == State::Stopped) || state.has_changed().is_err() {
            return;
        }
        let Ok(slot) = Arc::clone(&mapping.slots).acquire_owned().await else {
            return;
        };
        // It may have been paused while all slots were taken.
        if *state.borrow() != State::Running {
            continue;
        }
        match mapping.receive(LONG_POLL).await {
            Some(messages) if messages.is_empty() => {}
            Some(messages) => {
                tokio::spawn(Arc::clone(&mapping).process_in(slot, messages));
            }
            None => {
                drop(slot);
                tokio::time::sleep(RECEIVE_RETRY).await;
            }
        }
    }
}

impl Mapping {
    /// `None` when the queue could not be asked, which is logged.
    async fn receive(&self, wait: Duration) -> Option<Vec<Message>> {
        let received = self
            .client
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(i32::try_from(self.batch_size).unwrap_or(1))
            .wait_time_seconds(i32::try_from(wait.as_secs()).unwrap_or(0))
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await;
        match received {
            Ok(received) => Some(received.messages.unwrap_or_default()),
            Err(error) => {
                let error = DisplayErrorContext(&error);
                tracing::warn!(queue = self.queue_arn, %error, "cannot receive");
                None
            }
        }
    }

    async fn process_in(self: Arc<Self>, slot: OwnedSemaphorePermit, messages: Vec<Message>) {
        self.process(messages).await;
        drop(slot);
    }

    async fn process(&self, messages: Vec<Message>) {
        let mut failed_groups = HashSet::new();
        for batch in self.split(messages) {
            let batch: Vec<Record> = batch
                .into_iter()
                .filter(|record| {
                    record
                        .group()
                        .is_none_or(|group| !failed_groups.contains(group))
                })
                .collect();
            if batch.is_empty() {
                continue;
            }
            let finished = self.invoke(&batch).await;
            for record in &batch {
                if !finished.contains(record.message_id.as_str()) {
                    failed_groups.extend(record.group().map(str::to_owned));
                }
            }
            self.delete(&batch, &finished).await;
        }
    }

    /// The ids of the messages that the function is done with.
    async fn invoke<'batch>(&self, batch: &'batch [Record]) -> HashSet<&'batch str> {
        let Ok(event) = serde_json::to_vec(&Event { records: batch }) else {
            return HashSet::new();
        };
        let invocation = self.lambda.invoke(event).await;
        let request_id = invocation.request_id;
        let ids: Vec<&str> = batch
            .iter()
            .map(|record| record.message_id.as_str())
            .collect();
        match invocation.result {
            Err(error) => {
                tracing::warn!(function = self.lambda.name(), request_id, %error, "the batch failed");
                HashSet::new()
            }
            Ok(response) => match failures(&response, &ids) {
                Ok(failed) => ids.into_iter().filter(|id| !failed.contains(*id)).collect(),
                Err(reason) => {
                    tracing::warn!(function = self.lambda.name(), request_id, %reason, "the batch counts as failed");
                    HashSet::new()
                }
            },
        }
    }

    async fn delete(&self, batch: &[Record], finished: &HashSet<&str>) {
        let entries: Vec<_> = batch
            .iter()
            .filter(|record| finished.contains(record.message_id.as_str()))
            .enumerate()
            .filter_map(|(number, record)| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(number.to_string())
                    .receipt_handle(&record.receipt_handle)
                    .build()
                    .ok()
            })
            .collect();
        if entries.is_empty() {
            return;
        }
        let deleted = self
            .client
            .delete_message_batch()
            .queue_url(&self.queue_url)
            .set_entries(Some(entries))
            .send()
            .await;
        match deleted {
            Ok(deleted) => {
                for refused in deleted.failed() {
                    let (code, message) = (refused.code(), refused.message().unwrap_or_default());
                    tracing::warn!(queue = self.queue_arn, code, message, "cannot delete");
                }
            }
            Err(error) => {
                let error = DisplayErrorContext(&error);
                tracing::warn!(queue = self.queue_arn, %error, "cannot delete");
            }
        }
    }

    /// Batches that each fit into one invocation, in order.
    fn split(&self, messages: Vec<Message>) -> Vec<Vec<Record>> {
        let mut batches: Vec<Vec<Record>> = Vec::new();
        let mut size = 0;
        for message in messages {
            let record = Record::new(message, &self.queue_arn);
            let length = serde_json::to_vec(&record).map_or(0, |json| json.len()) + 1;
            match batches.last_mut() {
                Some(batch) if size + length + EVENT_FRAME <= PAYLOAD_LIMIT => {
                    batch.push(record);
                    size += length;
                }
                Some(_) | None => {
                    batches.push(vec![record]);
                    size = length;
                }
            }
        }
        batches
    }
}

/// `{"Records":[]}`
const EVENT_FRAME: usize = 14;

#[derive(Serialize)]
struct Event<'batch> {
    #[serde(rename = "Records")]
    records: &'batch [Record],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    message_id: String,
    receipt_handle: String,
    body: String,
    attributes: BTreeMap<String, String>,
    message_attributes: BTreeMap<String, Attribute>,
    md5_of_body: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    md5_of_message_attributes: Option<String>,
    event_source: &'static str,
    #[serde(rename = "eventSourceARN")]
    event_source_arn: String,
    aws_region: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attribute {
    #[serde(skip_serializing_if = "Option::is_none")]
    string_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
    string_list_values: [String; 0],
    binary_list_values: [String; 0],
    data_type: String,
}

impl Record {
    fn new(message: Message, queue_arn: &str) -> Self {
        let region = queue_arn
            .split(':')
            .nth(3)
            .filter(|region| !region.is_empty());
        let attributes = message.attributes.unwrap_or_default().into_iter();
        let message_attributes = message.message_attributes.unwrap_or_default().into_iter();
        Self {
            message_id: message.message_id.unwrap_or_default(),
            receipt_handle: message.receipt_handle.unwrap_or_default(),
            body: message.body.unwrap_or_default(),
            attributes: attributes
                .map(|(name, value)| (name.as_str().to_owned(), value))
                .collect(),
            message_attributes: message_attributes
                .map(|(name, value)| {
                    let attribute = Attribute {
                        string_value: value.string_value,
                        binary_value: value.binary_value.map(|value| STANDARD.encode(value)),
                        string_list_values: [],
                        binary_list_values: [],
                        data_type: value.data_type,
                    };
                    (name, attribute)
                })
                .collect(),
            md5_of_body: message.md5_of_body.unwrap_or_default(),
            md5_of_message_attributes: message.md5_of_message_attributes,
            event_source: "aws:sqs",
            event_source_arn: queue_arn.to_owned(),
            aws_region: region.unwrap_or(DEFAULT_REGION).to_owned(),
        }
    }

    fn group(&self) -> Option<&str> {
        self.attributes.get("MessageGroupId").map(String::as_str)
    }
}

/// Why a response makes the whole batch fail.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Misreported {
    #[error("the response is not the JSON of a batch response")]
    InvalidJson,
    #[error("an item has no itemIdentifier")]
    NoIdentifier,
    #[error("an itemIdentifier names no message of the batch")]
    UnknownIdentifier,
}

/// The ids that a `ReportBatchItemFailures` response names, read as Lambda reads it (protocols, part C).
fn failures(response: &[u8], ids: &[&str]) -> Result<HashSet<String>, Misreported> {
    if response.trim_ascii().is_empty() {
        return Ok(HashSet::new());
    }
    let response: Value = serde_json::from_slice(response).map_err(|_| Misreported::InvalidJson)?;
    let items = match &response {
        Value::Null => return Ok(HashSet::new()),
        Value::Object(response) => match response.get("batchItemFailures") {
            None | Some(Value::Null) => return Ok(HashSet::new()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(Misreported::InvalidJson),
        },
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(Misreported::InvalidJson);
        }
    };
    items
        .iter()
        .map(|item| match item.get("itemIdentifier") {
            Some(Value::String(id)) if id.is_empty() => Err(Misreported::NoIdentifier),
            Some(Value::String(id)) if ids.contains(&id.as_str()) => Ok(id.clone()),
            Some(Value::String(_)) => Err(Misreported::UnknownIdentifier),
            Some(_) | None => Err(Misreported::NoIdentifier),
        })
        .collect()
}
