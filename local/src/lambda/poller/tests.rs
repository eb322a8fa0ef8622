//! The poller against a queue that is scripted.

use std::collections::VecDeque;
use std::sync::Mutex;

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use super::*;
use crate::lambda::testing::function;
use crate::lock::lock;

const ARN: &str = "arn:aws:sqs:eu-central-1:000000000000:sessions.fifo";
const URL: &str = "http://127.0.0.1:1/q";
const PATIENCE: Duration = Duration::from_secs(20);

/// A queue that hands out batches as they are given and records what was deleted.
#[derive(Clone, Debug, Default)]
struct Queue(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    batches: VecDeque<Vec<Value>>,
    received: Vec<Value>,
    deleted: Vec<String>,
}

impl Queue {
    fn of(messages: Vec<Value>) -> Self {
        let queue = Self::default();
        queue.give(messages);
        queue
    }

    fn give(&self, messages: Vec<Value>) {
        lock(&self.0).batches.push_back(messages);
    }

    fn deleted(&self) -> Vec<String> {
        lock(&self.0).deleted.clone()
    }

    fn receives(&self) -> usize {
        lock(&self.0).received.len()
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
    Poller::paused(queue.client(), URL, ARN, lambda, 10, 2)
}

#[tokio::test]
async fn a_finished_batch_is_deleted() {
    let queue = Queue::of(vec![message("1"), message("2")]);
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
    let mut failing = message("2");
    failing["Body"] = "fail".into();
    let queue = Queue::of(vec![message("1"), failing, message("3")]);
    assert_eq!(poller(&queue).poll_once().await, 3);
    assert_eq!(queue.deleted(), ["handle-1", "handle-3"]);
}

#[tokio::test]
async fn after_a_failure_the_rest_of_its_group_waits_although_it_comes_in_a_later_invocation() {
    let large = |id: &str, group: &str, text: &str| {
        let mut message = message(id);
        message["Body"] = text.repeat(1000).into();
        message["Attributes"]["MessageGroupId"] = group.into();
        message
    };
    let queue = Queue::of(vec![
        large("1", "a", "fail"),
        large("2", "a", "fine"),
        large("3", "b", "fine"),
    ]);
    let small = Poller::of(EventSourceMapping {
        client: queue.client(),
        queue_url: URL.to_owned(),
        queue_arn: ARN.to_owned(),
        lambda: Lambda::start(function()),
        batch_size: 10,
        maximum_concurrency: 1,
        event_limit: 6000,
        slots: Arc::new(Semaphore::new(1)),
    });
    assert_eq!(small.poll_once().await, 3);
    assert_eq!(queue.deleted(), ["handle-3"]);
}

#[tokio::test]
async fn nothing_is_deleted_when_the_function_fails() {
    let queue = Queue::of(vec![message("1")]);
    let mut function = function();
    function.command = vec!["/nonexistent/bootstrap".into()];
    let lambda = Lambda::start(function);
    let poller = Poller::paused(queue.client(), URL, ARN, lambda, 10, 1);
    assert_eq!(poller.poll_once().await, 1);
    assert!(queue.deleted().is_empty());
}

#[tokio::test]
async fn a_paused_poller_receives_nothing_until_it_is_resumed() {
    let queue = Queue::of(vec![message("1")]);
    let poller = poller(&queue);
    poller.resume();
    until(|| queue.deleted() == ["handle-1"]).await;

    poller.pause().await;
    let receives = queue.receives();
    queue.give(vec![message("2")]);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(queue.receives(), receives);

    poller.resume();
    until(|| queue.deleted() == ["handle-1", "handle-2"]).await;
    poller.stop().await;
    poller.resume();
    let receives = queue.receives();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(queue.receives(), receives);
}

#[tokio::test]
async fn a_dropped_poller_ends() {
    let queue = Queue::default();
    let poller = poller(&queue);
    poller.resume();
    until(|| queue.receives() > 0).await;
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
