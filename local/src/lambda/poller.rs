//! Lambda's event source for an SQS FIFO queue: receives batches, invokes, deletes what the function finished.
//!
//! SQS itself keeps a group's later messages back while earlier ones are in flight, so batches may run side by side.
//! Source: Lambda developer guide, "Using Lambda with Amazon SQS"; docs/vendors.md#sqs-fifo.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::function::PAYLOAD_LIMIT;
use super::pool::Lambda;
use crate::template::REGION;

/// SQS's limit for a FIFO queue.
const LARGEST_BATCH: usize = 10;

/// Shorter than Lambda's 20 s: pausing and stopping wait for a running poll.
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
    event_limit: usize,
    slots: Arc<Semaphore>,
}

impl Poller {
    /// A poller that receives nothing before [`Poller::resume`] or [`Poller::poll_once`]. `batch_size` is cut to 1 to 10,
    /// `maximum_concurrency` to 1 to 1000.
    pub fn paused(
        client: Client,
        queue_url: impl Into<String>,
        queue_arn: impl Into<String>,
        lambda: Lambda,
        batch_size: usize,
        maximum_concurrency: u32,
    ) -> Self {
        let maximum_concurrency = maximum_concurrency.clamp(1, 1000);
        Self::of(Mapping {
            client,
            queue_url: queue_url.into(),
            queue_arn: queue_arn.into(),
            lambda,
            batch_size: batch_size.clamp(1, LARGEST_BATCH),
            maximum_concurrency,
            event_limit: PAYLOAD_LIMIT,
            slots: Arc::new(Semaphore::new(maximum_concurrency as usize)),
        })
    }

    fn of(mapping: Mapping) -> Self {
        let mapping = Arc::new(mapping);
        let (state, receiver) = watch::channel(State::Paused);
        tokio::spawn(poll(Arc::clone(&mapping), receiver));
        Self { mapping, state }
    }

    /// Stops receiving; returns when the batches in progress are done.
    pub async fn pause(&self) {
        self.state.send_if_modified(|state| {
            let running = *state == State::Running;
            if running {
                *state = State::Paused;
            }
            running
        });
        self.until_idle().await;
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

    /// Ends polling; returns when the batches in progress are done.
    pub async fn stop(&self) {
        self.state.send_replace(State::Stopped);
        self.until_idle().await;
    }

    /// Receives one batch without waiting, processes it, and returns its number of messages. Also while paused.
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

    async fn until_idle(&self) {
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
    /// `None` when the receive failed, which is logged.
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
                if !finished.contains(record.id()) {
                    failed_groups.extend(record.group().map(str::to_owned));
                }
            }
            self.delete(&batch, &finished).await;
        }
    }

    /// The ids of the messages that the function has processed.
    async fn invoke<'batch>(&self, batch: &'batch [Record]) -> HashSet<&'batch str> {
        let event = event(batch).to_string();
        let invocation = self.lambda.invoke(event.into_bytes()).await;
        let request_id = invocation.request_id;
        let ids: Vec<&str> = batch.iter().map(Record::id).collect();
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
            .filter(|record| finished.contains(record.id()))
            .enumerate()
            .filter_map(|(number, record)| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(number.to_string())
                    .set_receipt_handle(record.message.receipt_handle.clone())
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
            let length = record.shown.to_string().len() + 1;
            match batches.last_mut() {
                Some(batch) if size + length + EVENT_FRAME <= self.event_limit => {
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

/// A message and how the function's event shows it.
struct Record {
    message: Message,
    shown: Value,
}

impl Record {
    fn new(message: Message, queue_arn: &str) -> Self {
        let region = queue_arn.split(':').nth(3);
        let attributes = message.attributes.iter().flatten();
        let message_attributes = message.message_attributes.iter().flatten();
        let message_attributes = message_attributes.map(|(name, attribute)| {
            let mut shown = json!({
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": attribute.data_type,
            });
            if let Some(text) = &attribute.string_value {
                shown["stringValue"] = json!(text);
            }
            if let Some(bytes) = &attribute.binary_value {
                shown["binaryValue"] = json!(STANDARD.encode(bytes));
            }
            (name.clone(), shown)
        });
        let mut shown = json!({
            "messageId": message.message_id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": attributes
                .map(|(name, value)| (name.as_str().to_owned(), json!(value)))
                .collect::<Map<String, Value>>(),
            "messageAttributes": message_attributes.collect::<Map<String, Value>>(),
            "md5OfBody": message.md5_of_body,
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": region.filter(|region| !region.is_empty()).unwrap_or(REGION),
        });
        if let Some(digest) = &message.md5_of_message_attributes {
            shown["md5OfMessageAttributes"] = json!(digest);
        }
        Self { message, shown }
    }

    fn id(&self) -> &str {
        self.message.message_id().unwrap_or_default()
    }

    fn group(&self) -> Option<&str> {
        let attributes = self.message.attributes.as_ref()?;
        let group = attributes.get(&MessageSystemAttributeName::MessageGroupId);
        group.map(String::as_str)
    }
}

fn event(records: &[Record]) -> Value {
    let shown: Vec<&Value> = records.iter().map(|record| &record.shown).collect();
    json!({"Records": shown})
}

/// Why a response makes the whole batch fail.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum ResponseError {
    #[error("the response is not the JSON of a batch response")]
    InvalidJson,
    #[error("an item has no itemIdentifier")]
    NoIdentifier,
    #[error("an itemIdentifier names no message of the batch")]
    UnknownIdentifier,
}

/// The ids that a `ReportBatchItemFailures` response names, read as Lambda reads it (docs/vendors.md#sqs-fifo).
fn failures(response: &[u8], ids: &[&str]) -> Result<HashSet<String>, ResponseError> {
    if response.trim_ascii().is_empty() {
        return Ok(HashSet::new());
    }
    let response: Value =
        serde_json::from_slice(response).map_err(|_| ResponseError::InvalidJson)?;
    let items = match &response {
        Value::Null => return Ok(HashSet::new()),
        Value::Object(response) => match response.get("batchItemFailures") {
            None | Some(Value::Null) => return Ok(HashSet::new()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(ResponseError::InvalidJson),
        },
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(ResponseError::InvalidJson);
        }
    };
    items
        .iter()
        .map(|item| match item.get("itemIdentifier") {
            Some(Value::String(id)) if id.is_empty() => Err(ResponseError::NoIdentifier),
            Some(Value::String(id)) if ids.contains(&id.as_str()) => Ok(id.clone()),
            Some(Value::String(_)) => Err(ResponseError::UnknownIdentifier),
            Some(_) | None => Err(ResponseError::NoIdentifier),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use super::*;
    use crate::lambda::testing::function;
    use crate::lock::lock;
    use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
    use aws_sdk_sqs::types::MessageAttributeValue;
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_types::body::SdkBody;

    const ARN: &str = "arn:aws:sqs:eu-central-1:000000000000:sessions.fifo";
    const PATIENCE: Duration = Duration::from_secs(20);

    /// A queue that hands out batches as they are given and remembers what was deleted.
    #[derive(Clone, Debug, Default)]
    struct Queue(Arc<Mutex<Contents>>);

    #[derive(Debug, Default)]
    struct Contents {
        batches: VecDeque<Vec<Value>>,
        received: Vec<Value>,
        deleted: Vec<String>,
    }

    impl Queue {
        fn give(&self, messages: Vec<Value>) {
            lock(&self.0).batches.push_back(messages);
        }

        fn deleted(&self) -> Vec<String> {
            lock(&self.0).deleted.clone()
        }

        fn client(&self) -> Client {
            let connector = SharedHttpConnector::new(self.clone());
            let config = aws_sdk_sqs::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new("eu-central-1"))
                .credentials_provider(Credentials::for_tests())
                .endpoint_url("http://127.0.0.1:1")
                .http_client(http_client_fn(move |_, _| connector.clone()))
                .build();
            Client::from_conf(config)
        }
    }

    impl HttpConnector for Queue {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let action = request.headers().get("x-amz-target").unwrap_or_default();
            let body = request.body().bytes().unwrap_or_default();
            let body: Value = serde_json::from_slice(body).expect("a JSON request");
            let mut queue = lock(&self.0);
            let (wait, answer) = match action {
                "AmazonSQS.ReceiveMessage" => {
                    queue.received.push(body);
                    let messages = queue.batches.pop_front().unwrap_or_default();
                    (messages.is_empty(), json!({"Messages": messages}))
                }
                "AmazonSQS.DeleteMessageBatch" => {
                    let entries = body["Entries"].as_array().expect("entries");
                    let handles = entries.iter().map(|entry| entry["ReceiptHandle"].as_str());
                    queue.deleted.extend(handles.flatten().map(str::to_owned));
                    let done = entries.iter().map(|entry| json!({"Id": entry["Id"]}));
                    let done = done.collect::<Vec<_>>();
                    (false, json!({"Successful": done, "Failed": []}))
                }
                other => panic!("{other}"),
            };
            HttpConnectorFuture::new(async move {
                if wait {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                let status = 200.try_into().expect("a status");
                Ok(HttpResponse::new(status, SdkBody::from(answer.to_string())))
            })
        }
    }

    fn message(id: &str) -> Value {
        json!({"MessageId": id, "ReceiptHandle": format!("handle-{id}"), "Body": "{}", "MD5OfBody": "md5",
               "Attributes": {"MessageGroupId": format!("group-{id}")}})
    }

    fn poller(queue: &Queue) -> Poller {
        let lambda = Lambda::start(function());
        Poller::paused(queue.client(), "http://127.0.0.1:1/q", ARN, lambda, 10, 2)
    }

    /// A poller whose invocations take no more than `event_limit` bytes.
    fn small_poller(queue: &Queue, event_limit: usize) -> Poller {
        Poller::of(Mapping {
            client: queue.client(),
            queue_url: "http://127.0.0.1:1/q".to_owned(),
            queue_arn: ARN.to_owned(),
            lambda: Lambda::start(function()),
            batch_size: 10,
            maximum_concurrency: 1,
            event_limit,
            slots: Arc::new(Semaphore::new(1)),
        })
    }

    #[tokio::test]
    async fn a_finished_batch_is_deleted() {
        let queue = Queue::default();
        queue.give(vec![message("1"), message("2")]);
        let poller = poller(&queue);
        assert_eq!(poller.poll_once().await, 2);
        assert_eq!(queue.deleted(), ["handle-1", "handle-2"]);
        assert_eq!(poller.poll_once().await, 0);
        let received = lock(&queue.0).received[0].clone();
        assert_eq!(received["MaxNumberOfMessages"], 10);
        assert_eq!(received["WaitTimeSeconds"], 0);
        assert_eq!(received["MessageSystemAttributeNames"], json!(["All"]));
        assert_eq!(received["MessageAttributeNames"], json!(["All"]));
    }

    #[tokio::test]
    async fn a_message_that_the_function_names_stays_in_the_queue() {
        let queue = Queue::default();
        let mut failing = message("2");
        failing["Body"] = "fail".into();
        queue.give(vec![message("1"), failing, message("3")]);
        assert_eq!(poller(&queue).poll_once().await, 3);
        assert_eq!(queue.deleted(), ["handle-1", "handle-3"]);
    }

    #[tokio::test]
    async fn after_a_failure_the_rest_of_its_group_waits_although_it_comes_in_a_later_invocation() {
        let queue = Queue::default();
        let large = |id: &str, group: &str, text: &str| {
            let mut message = message(id);
            message["Body"] = text.repeat(1000).into();
            message["Attributes"]["MessageGroupId"] = group.into();
            message
        };
        queue.give(vec![
            large("1", "a", "fail"),
            large("2", "a", "fine"),
            large("3", "b", "fine"),
        ]);
        assert_eq!(small_poller(&queue, 6000).poll_once().await, 3);
        assert_eq!(queue.deleted(), ["handle-3"]);
    }

    #[tokio::test]
    async fn nothing_is_deleted_when_the_function_fails() {
        let queue = Queue::default();
        queue.give(vec![message("1")]);
        let mut function = function();
        function.command = vec!["/nonexistent/bootstrap".into()];
        let lambda = Lambda::start(function);
        let poller = Poller::paused(queue.client(), "http://127.0.0.1:1/q", ARN, lambda, 10, 1);
        assert_eq!(poller.poll_once().await, 1);
        assert!(queue.deleted().is_empty());
    }

    #[tokio::test]
    async fn a_paused_poller_receives_nothing_until_it_is_resumed() {
        let queue = Queue::default();
        let poller = poller(&queue);
        poller.resume();
        queue.give(vec![message("1")]);
        until(|| queue.deleted() == ["handle-1"]).await;

        poller.pause().await;
        let asked = lock(&queue.0).received.len();
        queue.give(vec![message("2")]);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(lock(&queue.0).received.len(), asked);

        poller.resume();
        until(|| queue.deleted() == ["handle-1", "handle-2"]).await;
        poller.stop().await;
        poller.resume();
        let asked = lock(&queue.0).received.len();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(lock(&queue.0).received.len(), asked);
    }

    #[tokio::test]
    async fn a_dropped_poller_ends() {
        let queue = Queue::default();
        let poller = poller(&queue);
        poller.resume();
        until(|| !lock(&queue.0).received.is_empty()).await;
        let mapping = Arc::downgrade(&poller.mapping);
        drop(poller);
        until(|| mapping.strong_count() == 0).await;
        assert!(mapping.upgrade().is_none());
    }

    async fn until(condition: impl Fn() -> bool) {
        let met = async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, met)
            .await
            .expect("it comes true in time");
    }

    #[test]
    fn a_record_is_what_a_function_gets_from_a_queue() {
        let attribute = |kind: &str| MessageAttributeValue::builder().data_type(kind);
        let message = Message::builder()
            .message_id("m-1")
            .receipt_handle("handle-1")
            .body("{\"v\":1}")
            .md5_of_body("d41d")
            .attributes(MessageSystemAttributeName::MessageGroupId, "acme#1")
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "2")
            .message_attributes(
                "reason",
                attribute("String")
                    .string_value("unknown-version")
                    .build()
                    .expect("complete"),
            )
            .message_attributes(
                "raw",
                attribute("Binary")
                    .binary_value(aws_sdk_sqs::primitives::Blob::new(b"11"))
                    .build()
                    .expect("complete"),
            )
            .build();
        let record = Record::new(message, ARN);
        assert_eq!(record.group(), Some("acme#1"));
        let event = event(&[record]);
        assert_eq!(
            event,
            json!({"Records": [{
                "messageId": "m-1",
                "receiptHandle": "handle-1",
                "body": "{\"v\":1}",
                "attributes": {"MessageGroupId": "acme#1", "ApproximateReceiveCount": "2"},
                "messageAttributes": {
                    "reason": {"stringValue": "unknown-version", "stringListValues": [], "binaryListValues": [],
                               "dataType": "String"},
                    "raw": {"binaryValue": "MTE=", "stringListValues": [], "binaryListValues": [],
                            "dataType": "Binary"},
                },
                "md5OfBody": "d41d",
                "eventSource": "aws:sqs",
                "eventSourceARN": ARN,
                "awsRegion": "eu-central-1",
            }]})
        );
        let read: aws_lambda_events::sqs::SqsEvent =
            serde_json::from_value(event).expect("the function's own type reads it");
        assert_eq!(read.records.len(), 1);
    }

    #[tokio::test]
    async fn messages_that_do_not_fit_into_one_invocation_are_split_in_order() {
        let limit = 60_000;
        let poller = small_poller(&Queue::default(), limit);
        let messages: Vec<Message> = (0..10)
            .map(|number| {
                Message::builder()
                    .message_id(number.to_string())
                    .body("x".repeat(10_000))
                    .build()
            })
            .collect();
        let batches = poller.mapping.split(messages);
        let ids = batches.iter();
        let ids: Vec<Vec<&str>> = ids
            .map(|batch| batch.iter().map(Record::id).collect())
            .collect();
        assert_eq!(
            ids,
            [vec!["0", "1", "2", "3", "4"], vec!["5", "6", "7", "8", "9"]]
        );
        for batch in &batches {
            assert!(event(batch).to_string().len() <= limit);
        }
    }

    #[test]
    fn a_response_that_names_no_failure_is_complete_success() {
        for response in [
            "",
            "null",
            "{}",
            r#"{"batchItemFailures":null}"#,
            r#"{"batchItemFailures":[]}"#,
            r#"{"other":1}"#,
        ] {
            let failed = failures(response.as_bytes(), &["1", "2"]);
            assert_eq!(failed, Ok(HashSet::new()), "{response}");
        }
    }

    #[test]
    fn only_the_named_messages_failed() {
        let response = br#"{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"2"}]}"#;
        let failed = failures(response, &["1", "2"]);
        assert_eq!(failed, Ok(HashSet::from(["2".to_owned()])));
    }

    #[test]
    fn a_response_that_misreports_is_complete_failure() {
        for (response, reason) in [
            ("<html>", ResponseError::InvalidJson),
            ("\"done\"", ResponseError::InvalidJson),
            ("[]", ResponseError::InvalidJson),
            (r#"{"batchItemFailures":{}}"#, ResponseError::InvalidJson),
            (
                r#"{"batchItemFailures":[null]}"#,
                ResponseError::NoIdentifier,
            ),
            (
                r#"{"batchItemFailures":["1"]}"#,
                ResponseError::NoIdentifier,
            ),
            (
                r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
                ResponseError::NoIdentifier,
            ),
            (
                r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
                ResponseError::NoIdentifier,
            ),
            (
                r#"{"batchItemFailures":[{"itemIdentifier":"1"},{"messageId":"2"}]}"#,
                ResponseError::NoIdentifier,
            ),
            (
                r#"{"batchItemFailures":[{"itemIdentifier":"3"}]}"#,
                ResponseError::UnknownIdentifier,
            ),
        ] {
            let failed = failures(response.as_bytes(), &["1", "2"]);
            assert_eq!(failed, Err(reason), "{response}");
        }
    }
}
