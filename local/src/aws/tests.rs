//! The embedded AWS as the real SDK clients see it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::types::RotationRulesType;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchError as BatchError;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageAttributeValue,
    MessageSystemAttributeName as SystemAttribute, QueueAttributeName as QueueAttribute,
    SendMessageBatchRequestEntry,
};
use reqwest::Method;
use shared::domain::clock::{Clock, Timestamp};
use shared::http::{client, for_aws};

use super::{Aws, Effect, InjectedAwsFault, MessageState, Options, QueueView, Service};
use crate::sandbox_link::SandboxLink;
use crate::template::Template;

const FIFO: &str = "work.fifo";
const SECRET: &str = "acme/token";
const TOKEN_1: &str = "11111111-1111-1111-1111-111111111111";
const TOKEN_2: &str = "22222222-2222-2222-2222-222222222222";
const TOKEN_3: &str = "33333333-3333-3333-3333-333333333333";
const ROTATE: &str = "arn:aws:lambda:us-east-1:000000000000:function:rotate";

/// Of one attribute, `reason` = `outcome-unknown`.
const ATTRIBUTES_MD5: &str = "d675ff1177d6ac227c2b8f76ad70796f";

macro_rules! client {
    ($sdk:ident, $aws:expr) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new("us-east-1"))
                .credentials_provider(Credentials::new("local", "local", None, None, "static"))
                .retry_config(RetryConfig::disabled())
                .endpoint_url($aws.endpoint())
                .http_client(for_aws(client(None).expect("a client")))
                .build(),
        )
    };
}

struct Bench {
    aws: Aws,
    clock: Clock,
    sqs: aws_sdk_sqs::Client,
    secrets: aws_sdk_secretsmanager::Client,
    dynamodb: aws_sdk_dynamodb::Client,
}

async fn bench_in(data: Option<PathBuf>) -> Bench {
    let clock = Clock::manual(Timestamp::parse("2026-03-01T09:00:00Z").expect("a date"));
    let options = Options {
        port: None,
        data,
        clock: clock.clone(),
    };
    let aws = Aws::start(options).await.expect("the cloud starts");
    Bench {
        sqs: client!(aws_sdk_sqs, aws),
        secrets: client!(aws_sdk_secretsmanager, aws),
        dynamodb: client!(aws_sdk_dynamodb, aws),
        aws,
        clock,
    }
}

/// With the queue [`FIFO`], whose URL is returned.
async fn bench_with_queue() -> (Bench, String) {
    let b = bench_in(None).await;
    let url = b.queue(FIFO, &[]).await;
    (b, url)
}

/// With the secret [`SECRET`], whose first version is [`TOKEN_1`].
async fn bench_with_secret(value: &str) -> Bench {
    let b = bench_in(None).await;
    b.create_secret(value).await;
    b
}

impl Bench {
    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Creates a FIFO queue with a visibility time-out of 30 s.
    async fn queue(&self, name: &str, attributes: &[(QueueAttribute, &str)]) -> String {
        let request = self.sqs.create_queue().queue_name(name);
        let mut request = request.attributes(QueueAttribute::FifoQueue, "true");
        for (key, value) in attributes {
            request = request.attributes(key.clone(), *value);
        }
        let created = request.send().await.expect("the queue is created");
        created.queue_url.expect("it has a URL")
    }

    fn view(&self, queue: &str) -> QueueView {
        self.aws.queue(queue).expect("the queue is there")
    }

    /// Sends `body` to `group` with `body` as its deduplication id, and returns the message id.
    async fn send(&self, url: &str, group: &str, body: &str) -> String {
        let request = self.sqs.send_message().queue_url(url).message_body(body);
        let request = request
            .message_group_id(group)
            .message_deduplication_id(body);
        let sent = request.send().await.expect("the message is taken");
        sent.message_id.expect("it has an id")
    }

    async fn receive(&self, url: &str) -> Vec<Message> {
        let request = self.sqs.receive_message().queue_url(url);
        let request = request
            .max_number_of_messages(10)
            .message_system_attribute_names(SystemAttribute::All)
            .message_attribute_names("All");
        let received = request.send().await.expect("receiving works");
        received.messages.unwrap_or_default()
    }

    async fn hide(&self, url: &str, message: &Message, seconds: i32) -> Result<(), String> {
        let request = self.sqs.change_message_visibility().queue_url(url);
        let request = request
            .set_receipt_handle(message.receipt_handle.clone())
            .visibility_timeout(seconds);
        request.send().await.map(drop).map_err(|e| code(&e))
    }

    async fn delete(&self, url: &str, message: &Message) -> Result<(), String> {
        let request = self.sqs.delete_message().queue_url(url);
        let request = request.set_receipt_handle(message.receipt_handle.clone());
        request.send().await.map(drop).map_err(|e| code(&e))
    }

    async fn create_secret(&self, value: &str) {
        let request = self.secrets.create_secret().name(SECRET);
        let request = request.client_request_token(TOKEN_1).secret_string(value);
        request.send().await.expect("the secret is created");
    }

    async fn put(&self, token: &str, value: &str, label: &str) -> Result<(), String> {
        let request = self.secrets.put_secret_value().secret_id(SECRET);
        let request = request
            .client_request_token(token)
            .secret_string(value)
            .version_stages(label);
        request.send().await.map(drop).map_err(|e| code(&e))
    }

    async fn value(&self, label: &str) -> Result<String, String> {
        let request = self.secrets.get_secret_value().secret_id(SECRET);
        let got = request.version_stage(label).send().await;
        got.map(|got| got.secret_string.unwrap_or_default())
            .map_err(|e| code(&e))
    }

    async fn assert_value(&self, label: &str, value: &str, why: &str) {
        assert_eq!(
            self.value(label).await,
            Ok(value.to_owned()),
            "{label}: {why}"
        );
    }

    async fn move_label(
        &self,
        label: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(), String> {
        let request = self.secrets.update_secret_version_stage();
        let request = request
            .secret_id(SECRET)
            .version_stage(label)
            .set_remove_from_version_id(from.map(str::to_owned))
            .set_move_to_version_id(to.map(str::to_owned));
        request.send().await.map(drop).map_err(|e| code(&e))
    }
}

fn code(error: &impl ProvideErrorMetadata) -> String {
    error.code().unwrap_or("no answer").to_owned()
}

fn refused<T>(code: &str) -> Result<T, String> {
    Err(code.to_owned())
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(Message::body).collect()
}

fn attribute<'m>(message: &'m Message, name: &SystemAttribute) -> &'m str {
    let attributes = message.attributes.as_ref();
    let attributes = attributes.expect("attributes were requested");
    attributes.get(name).map_or("", String::as_str)
}

fn entry(id: &str, group: &str, body: &str) -> SendMessageBatchRequestEntry {
    let entry = SendMessageBatchRequestEntry::builder().id(id);
    let entry = entry.message_group_id(group).message_deduplication_id(id);
    entry.message_body(body).build().expect("complete")
}

#[tokio::test]
async fn one_receive_gives_several_messages_of_a_group_in_order() {
    let (b, url) = bench_with_queue().await;
    for body in ["a1", "a2", "a3"] {
        b.send(&url, "a", body).await;
    }
    b.send(&url, "b", "b1").await;
    let received = b.receive(&url).await;
    assert_eq!(bodies(&received), ["a1", "a2", "a3", "b1"]);
    for (name, value) in [
        (SystemAttribute::MessageGroupId, "a"),
        (SystemAttribute::MessageDeduplicationId, "a1"),
        (SystemAttribute::ApproximateReceiveCount, "1"),
        (SystemAttribute::SentTimestamp, "1772355600000"),
        (
            SystemAttribute::ApproximateFirstReceiveTimestamp,
            "1772355600000",
        ),
    ] {
        assert_eq!(attribute(&received[0], &name), value, "{name:?}");
    }
    let sequence = |message| attribute(message, &SystemAttribute::SequenceNumber);
    let sequences: Vec<&str> = received.iter().map(sequence).collect();
    assert!(
        sequences.is_sorted() && sequences[0].len() == 20,
        "{sequences:?}"
    );
}

#[tokio::test]
async fn a_group_waits_while_any_of_its_messages_is_in_flight() {
    let (b, url) = bench_with_queue().await;
    b.send(&url, "a", "a1").await;
    b.send(&url, "a", "a2").await;
    let both = b.receive(&url).await;
    b.send(&url, "a", "a3").await;
    b.send(&url, "b", "b1").await;
    let free = b.receive(&url).await;
    assert_eq!(bodies(&free), ["b1"], "a is blocked, b is not");
    b.delete(&url, &both[0]).await.expect("the first is done");
    assert!(b.receive(&url).await.is_empty(), "a2 is still in flight");
    b.hide(&url, &both[1], 0)
        .await
        .expect("a2 is visible again");
    assert_eq!(bodies(&b.receive(&url).await), ["a2", "a3"]);
}

#[tokio::test]
async fn a_message_set_back_does_not_overtake_or_free_its_group() {
    let (b, url) = bench_with_queue().await;
    b.send(&url, "a", "a1").await;
    b.send(&url, "a", "a2").await;
    let both = b.receive(&url).await;
    b.hide(&url, &both[0], 0)
        .await
        .expect("a1 is visible again");
    assert!(
        b.receive(&url).await.is_empty(),
        "a2 is in flight and blocks a1"
    );
}

#[tokio::test]
async fn the_same_deduplication_id_stores_nothing_until_five_minutes_have_passed() {
    let (b, url) = bench_with_queue().await;
    let first = b.send(&url, "a", "post").await;
    let second = b.send(&url, "a", "post").await;
    assert_eq!(second, first, "the original id is answered");
    let received = b.receive(&url).await;
    b.delete(&url, &received[0]).await.expect("done");
    b.advance(299);
    let third = b.send(&url, "a", "post").await;
    assert_eq!(third, first, "a deleted message's id still counts");
    assert_eq!(b.view(FIFO).messages.len(), 0);
    b.advance(1);
    assert_ne!(b.send(&url, "a", "post").await, first);
    assert_eq!(b.view(FIFO).bodies(), ["post"]);
}

#[tokio::test]
async fn a_message_received_too_often_goes_to_the_dead_letter_queue_and_frees_its_group() {
    let b = bench_in(None).await;
    let dlq = b.queue("dead.fifo", &[]).await;
    let dlq_arn = "arn:aws:sqs:us-east-1:000000000000:dead.fifo";
    let policy = format!(r#"{{"deadLetterTargetArn":"{dlq_arn}","maxReceiveCount":2}}"#);
    let attributes = [(QueueAttribute::RedrivePolicy, policy.as_str())];
    let url = b.queue(FIFO, &attributes).await;
    b.send(&url, "a", "a1").await;
    for count in ["1", "2"] {
        let received = b.receive(&url).await;
        let counted = attribute(&received[0], &SystemAttribute::ApproximateReceiveCount);
        assert_eq!(counted, count);
        b.advance(30);
    }
    b.send(&url, "a", "a2").await;
    assert_eq!(bodies(&b.receive(&url).await), ["a2"]);
    let dead_letters = b.receive(&dlq).await;
    assert_eq!(bodies(&dead_letters), ["a1"]);
    assert_eq!(
        attribute(&dead_letters[0], &SystemAttribute::MessageGroupId),
        "a"
    );
    let shown = b.hide(&dlq, &dead_letters[0], 0).await;
    shown.expect("the dead letter is visible again");

    let task = b.sqs.start_message_move_task().source_arn(dlq_arn);
    let task = task.send().await.expect("the move starts");
    assert!(task.task_handle.is_some());
    assert_eq!(b.view("dead.fifo").messages.len(), 0);
    let back = b.view(FIFO);
    assert_eq!(back.bodies(), ["a2", "a1"]);
    assert_eq!(back.messages[1].receive_count, 0);
}

#[tokio::test]
async fn visibility_counts_from_now_and_ends_twelve_hours_after_the_receive() {
    let (b, url) = bench_with_queue().await;
    b.send(&url, "a", "a1").await;
    let received = b.receive(&url).await;
    b.advance(20);
    b.hide(&url, &received[0], 100).await.expect("extended");
    b.advance(99);
    let view = b.view(FIFO);
    assert_eq!((view.visible(), view.in_flight()), (0, 1));
    assert_eq!(view.messages[0].hidden_for, Duration::from_secs(1));
    // 119 s of the 12 h have passed.
    for seconds in [43_200, 43_201] {
        let hidden = b.hide(&url, &received[0], seconds).await;
        assert_eq!(hidden, refused("InvalidParameterValue"), "{seconds}");
    }
    b.advance(1);
    assert_eq!(b.view(FIFO).messages[0].state, MessageState::Visible);
}

#[tokio::test]
async fn a_stale_receipt_handle_is_refused() {
    let (b, url) = bench_with_queue().await;
    b.send(&url, "a", "a1").await;
    let stale = b.receive(&url).await;
    b.advance(30);
    let invalid = refused("InvalidParameterValue");
    assert_eq!(b.delete(&url, &stale[0]).await, invalid);
    let fresh = b.receive(&url).await;
    assert_eq!(b.delete(&url, &stale[0]).await, invalid);
    assert_eq!(b.hide(&url, &stale[0], 5).await, invalid);
    let nonsense = Message::builder().receipt_handle("nonsense").build();
    assert_eq!(
        b.delete(&url, &nonsense).await,
        refused("ReceiptHandleIsInvalid")
    );
    for expected in ["the latest handle works", "and deleting is idempotent"] {
        b.delete(&url, &fresh[0]).await.expect(expected);
    }
}

#[tokio::test]
async fn a_clock_that_is_moved_over_http_ends_the_waiting_of_messages() {
    let (b, url) = bench_with_queue().await;
    b.send(&url, "a", "x").await;
    let received = b.receive(&url).await;
    b.hide(&url, &received[0], 3600).await.expect("hidden");
    assert!(b.receive(&url).await.is_empty());
    let before = b.clock.now();
    let post = client(None)
        .expect("a client")
        .post(format!("{}/clock", b.aws.endpoint()))
        .body(r#"{"advance_seconds": 3600}"#);
    assert_eq!(post.send().await.expect("an answer").status(), 200);
    assert_eq!(b.clock.now().since(before), Duration::from_secs(3600));
    assert_eq!(b.receive(&url).await.len(), 1);
}

#[tokio::test]
async fn sends_that_sqs_refuses_are_refused() {
    let (b, url) = bench_with_queue().await;
    let send = || b.sqs.send_message().queue_url(&url).message_body("x");
    let full = || send().message_group_id("a").message_deduplication_id("x");
    for (case, request, expected) in [
        (
            "no group",
            send().message_deduplication_id("x"),
            "MissingParameter",
        ),
        (
            "no deduplication id",
            send().message_group_id("a"),
            "InvalidParameterValue",
        ),
        (
            "a control character",
            full().message_body("a\u{1}b"),
            "InvalidMessageContents",
        ),
        (
            "not a character",
            full().message_body("\u{FFFF}"),
            "InvalidMessageContents",
        ),
        (
            "too large",
            full().message_body("x".repeat(1_048_577)),
            "InvalidParameterValue",
        ),
        (
            "a space",
            full().message_group_id("with space"),
            "InvalidParameterValue",
        ),
    ] {
        assert_eq!(
            code(&request.send().await.expect_err(case)),
            expected,
            "{case}"
        );
    }
    let elsewhere = full().queue_url("http://127.0.0.1/0/none.fifo");
    let error = elsewhere.send().await.expect_err("no queue");
    assert!(error.into_service_error().is_queue_does_not_exist());
    assert_eq!(b.view(FIFO).messages.len(), 0);
    let largest = full().message_body("x".repeat(1_048_576));
    largest.send().await.expect("1 MiB fits");
}

/// A message of a FIFO queue has the delay of its queue
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
#[tokio::test]
async fn a_message_of_a_standard_queue_may_be_delayed_by_a_quarter_of_an_hour_and_one_of_a_fifo_queue_not_at_all()
 {
    let (b, fifo) = bench_with_queue().await;
    let created = b.sqs.create_queue().queue_name("plain").send().await;
    let standard = created.expect("created").queue_url.expect("a URL");
    let send = |url: &str, delay: i32| {
        let request = b.sqs.send_message().queue_url(url).message_body("x");
        request.delay_seconds(delay)
    };
    send(&standard, 900).send().await.expect("taken");
    b.advance(899);
    assert_eq!(b.view("plain").messages[0].state, MessageState::Delayed);
    assert!(b.receive(&standard).await.is_empty());
    b.advance(1);
    assert_eq!(bodies(&b.receive(&standard).await), ["x"]);
    let in_fifo = |delay| {
        send(&fifo, delay)
            .message_group_id("a")
            .message_deduplication_id("x")
    };
    for (case, refused) in [
        ("too long", send(&standard, 901)),
        ("in a FIFO queue", in_fifo(1)),
    ] {
        let error = refused.send().await.expect_err(case);
        assert_eq!(code(&error), "InvalidParameterValue", "{case}");
    }
    in_fifo(0).send().await.expect("none is allowed");
}

#[tokio::test]
async fn batches_over_ten_or_one_mebibyte_or_without_a_group_are_refused_whole() {
    let (b, url) = bench_with_queue().await;
    let batch = async |entries: Vec<SendMessageBatchRequestEntry>| {
        let request = b.sqs.send_message_batch().queue_url(&url);
        let sent = request.set_entries(Some(entries)).send().await;
        sent.map_err(|error| error.into_service_error())
    };
    let eleven = (0..11).map(|n| entry(&n.to_string(), "a", &n.to_string()));
    let large = "x".repeat(600_000);
    let mut groupless = entry("1", "a", "x");
    groupless.message_group_id = None;
    let is_groupless = |error: &BatchError| code(error) == "MissingParameter";
    type IsExpected = fn(&BatchError) -> bool;
    let cases: [(&str, _, IsExpected); 4] = [
        (
            "eleven",
            eleven.collect(),
            BatchError::is_too_many_entries_in_batch_request,
        ),
        (
            "1.2 MB",
            vec![entry("1", "a", &large), entry("2", "b", &large)],
            BatchError::is_batch_request_too_long,
        ),
        ("no group", vec![groupless], is_groupless),
        (
            "one id",
            vec![entry("1", "a", "x"), entry("1", "a", "y")],
            BatchError::is_batch_entry_ids_not_distinct,
        ),
    ];
    for (case, entries, is_expected) in cases {
        let error = batch(entries).await.expect_err(case);
        assert!(is_expected(&error), "{case}: {error:?}");
    }
    assert_eq!(b.view(FIFO).messages.len(), 0);

    let mixed = batch(vec![entry("good", "a", "x"), entry("bad", "a", "\u{0}")]).await;
    let mixed = mixed.expect("mixed");
    assert_eq!(mixed.successful[0].id, "good");
    let failed = (mixed.failed[0].id.as_str(), mixed.failed[0].code.as_str());
    assert_eq!(failed, ("bad", "InvalidMessageContents"));
    let handle = b.receive(&url).await[0].receipt_handle.clone();
    let delete = DeleteMessageBatchRequestEntry::builder().id("1");
    let delete = delete.set_receipt_handle(handle).build();
    let deletes = b.sqs.delete_message_batch().queue_url(&url);
    let deletes = deletes.entries(delete.expect("complete"));
    assert_eq!(deletes.send().await.expect("deleted").successful.len(), 1);
    assert_eq!(b.view(FIFO).messages.len(), 0);
}

#[tokio::test]
async fn message_attributes_come_back_with_the_digest_sqs_computes() {
    let (b, url) = bench_with_queue().await;
    let reason = MessageAttributeValue::builder().data_type("String");
    let reason = reason.string_value("outcome-unknown").build();
    let request = b.sqs.send_message().queue_url(&url).message_body("hello");
    let request = request.message_group_id("a").message_deduplication_id("1");
    let request = request.message_attributes("reason", reason.expect("complete"));
    let sent = request.send().await.expect("sent");
    assert_eq!(
        sent.md5_of_message_body(),
        Some("5d41402abc4b2a76b9719d911017c592")
    );
    let received = b.receive(&url).await;
    let attributes = received[0].message_attributes.as_ref().expect("attributes");
    assert_eq!(attributes["reason"].string_value(), Some("outcome-unknown"));
    let received_md5 = received[0].md5_of_message_attributes();
    assert_eq!(received_md5, sent.md5_of_message_attributes());
    // Computed by the published algorithm in another language.
    assert_eq!(received_md5, Some(ATTRIBUTES_MD5));
    let stored = &b.view(FIFO).messages[0];
    assert_eq!(stored.attributes["reason"], "outcome-unknown");
}

#[tokio::test]
async fn a_long_poll_ends_with_a_send_and_with_a_moved_clock() {
    let (b, url) = bench_with_queue().await;
    let poll = || {
        let request = b.sqs.receive_message().queue_url(&url);
        request.wait_time_seconds(10).send()
    };
    let shortly = || tokio::time::sleep(Duration::from_millis(30));
    let started = Instant::now();
    let (received, _) = tokio::join!(poll(), async {
        shortly().await;
        b.send(&url, "a", "a1").await
    });
    assert_eq!(bodies(received.expect("received").messages()), ["a1"]);
    let (received, ()) = tokio::join!(poll(), async {
        shortly().await;
        b.advance(30);
    });
    assert_eq!(bodies(received.expect("received again").messages()), ["a1"]);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn messages_older_than_the_retention_are_gone() {
    let b = bench_in(None).await;
    let retention = [(QueueAttribute::MessageRetentionPeriod, "60")];
    let url = b.queue(FIFO, &retention).await;
    b.send(&url, "a", "old").await;
    b.advance(59);
    b.send(&url, "a", "young").await;
    b.advance(1);
    assert_eq!(bodies(&b.receive(&url).await), ["young"]);
    let request = b.sqs.get_queue_attributes().queue_url(&url);
    let got = request.attribute_names(QueueAttribute::All).send().await;
    let attributes = got.expect("attributes").attributes.expect("some");
    assert_eq!(
        attributes[&QueueAttribute::ApproximateNumberOfMessagesNotVisible],
        "1"
    );
    let arn = &attributes[&QueueAttribute::QueueArn];
    assert_eq!(arn, "arn:aws:sqs:us-east-1:000000000000:work.fifo");
}

#[tokio::test]
async fn a_put_moves_current_and_previous_follows() {
    let b = bench_with_secret("one").await;
    b.put(TOKEN_2, "two", "AWSCURRENT").await.expect("put");
    b.assert_value("AWSCURRENT", "two", "put").await;
    b.assert_value("AWSPREVIOUS", "one", "current before").await;
    b.put(TOKEN_3, "three", "AWSCURRENT").await.expect("put");
    b.assert_value("AWSPREVIOUS", "two", "current before").await;
    let described = b.secrets.describe_secret().secret_id(SECRET).send().await;
    let described = described.expect("described");
    let stages = described.version_ids_to_stages.expect("stages");
    assert!(
        !stages.contains_key(TOKEN_1),
        "without a label it is not shown"
    );
    assert_eq!(stages[TOKEN_3], ["AWSCURRENT"]);
}

#[tokio::test]
async fn the_same_token_with_another_value_is_refused() {
    let b = bench_with_secret("one").await;
    for expected in ["put", "the same again is the same"] {
        b.put(TOKEN_2, "two", "AWSPENDING").await.expect(expected);
    }
    let other = b.put(TOKEN_2, "other", "AWSPENDING").await;
    assert_eq!(other, refused("ResourceExistsException"));
    b.assert_value("AWSPENDING", "two", "unchanged").await;
    b.assert_value("AWSCURRENT", "one", "unchanged").await;
    let short = b.put("short", "x", "AWSPENDING").await;
    assert_eq!(short, refused("InvalidParameterException"));
}

#[tokio::test]
async fn a_label_moves_only_away_from_the_version_that_has_it() {
    let b = bench_with_secret("one").await;
    b.put(TOKEN_2, "two", "proved")
        .await
        .expect("a private label");
    b.put(TOKEN_3, "three", "other").await.expect("another");
    for (from, to) in [
        (None, Some(TOKEN_2)),
        (Some(TOKEN_3), Some(TOKEN_2)),
        (Some(TOKEN_1), None),
    ] {
        let moved = b.move_label("AWSCURRENT", from, to).await;
        assert_eq!(
            moved,
            refused("InvalidParameterException"),
            "{from:?} {to:?}"
        );
    }
    b.assert_value("AWSCURRENT", "one", "nothing has moved")
        .await;
    let moved = b
        .move_label("AWSCURRENT", Some(TOKEN_1), Some(TOKEN_2))
        .await;
    moved.expect("moved");
    b.assert_value("AWSCURRENT", "two", "moved").await;
    b.assert_value("AWSPREVIOUS", "one", "moved").await;
    b.assert_value("proved", "two", "other labels stay").await;
    let removed = b.move_label("proved", Some(TOKEN_2), None).await;
    removed.expect("removed");
    assert_eq!(
        b.value("proved").await,
        refused("ResourceNotFoundException")
    );
}

#[tokio::test]
async fn a_deleted_secret_can_be_restored_until_its_recovery_window_ends() {
    let b = bench_with_secret("one").await;
    let delete = || {
        let request = b.secrets.delete_secret().secret_id(SECRET);
        request.recovery_window_in_days(7).send()
    };
    delete().await.expect("deleted");
    assert_eq!(
        b.value("AWSCURRENT").await,
        refused("InvalidRequestException")
    );
    let again = b.secrets.create_secret().name(SECRET).secret_string("x");
    let error = again.send().await.expect_err("the name is taken");
    assert!(error.into_service_error().is_invalid_request_exception());
    let restored = b.secrets.restore_secret().secret_id(SECRET).send().await;
    restored.expect("restored");
    b.assert_value("AWSCURRENT", "one", "restored").await;
    delete().await.expect("deleted again");
    b.advance(7 * 86_400);
    assert_eq!(
        b.value("AWSCURRENT").await,
        refused("ResourceNotFoundException")
    );
}

#[tokio::test]
async fn a_rotation_starts_with_an_empty_version_and_is_retried_whole_with_the_same_token() {
    let b = bench_with_secret("one").await;
    let steps: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let (seen, secrets) = (steps.clone(), b.secrets.clone());
    b.aws.set_rotation_function(Arc::new(move |_, event| {
        let (seen, secrets) = (seen.clone(), secrets.clone());
        Box::pin(async move {
            let event: BTreeMap<String, String> =
                serde_json::from_str(&event).map_err(|e| e.to_string())?;
            let (id, token) = (&event["SecretId"], &event["ClientRequestToken"]);
            let first_try = {
                let mut seen = seen.lock().map_err(|e| e.to_string())?;
                seen.push((event["Step"].clone(), token.clone()));
                seen.len() <= 2
            };
            match event["Step"].as_str() {
                "createSecret" => {
                    let pending = secrets.get_secret_value().secret_id(id);
                    let pending = pending.version_stage("AWSPENDING").send().await;
                    if pending.is_err() {
                        let put = secrets.put_secret_value().secret_id(id);
                        let put = put
                            .client_request_token(token)
                            .secret_string("renewed")
                            .version_stages("AWSPENDING");
                        put.send().await.map_err(|e| code(&e))?;
                    }
                }
                "setSecret" if first_try => return Err("not yet".to_owned()),
                "finishSecret" => {
                    let moved = secrets.update_secret_version_stage().secret_id(id);
                    let moved = moved
                        .version_stage("AWSCURRENT")
                        .remove_from_version_id(TOKEN_1)
                        .move_to_version_id(token);
                    moved.send().await.map_err(|e| code(&e))?;
                }
                _ => {}
            }
            Ok(())
        })
    }));
    let rules = RotationRulesType::builder().schedule_expression("rate(1 day)");
    let request = b.secrets.rotate_secret().secret_id(SECRET);
    let request = request
        .rotation_lambda_arn(ROTATE)
        .rotation_rules(rules.build())
        .client_request_token(TOKEN_2);
    request.send().await.expect("the rotation starts");
    b.aws.tick().await;
    b.assert_value("AWSCURRENT", "one", "it failed half-way")
        .await;
    b.assert_value("AWSPENDING", "renewed", "it failed half-way")
        .await;
    b.clock.advance(super::ROTATION_RETRY);
    b.aws.tick().await;
    b.assert_value("AWSCURRENT", "renewed", "the second try")
        .await;
    let steps = steps.lock().expect("steps").clone();
    let (names, tokens): (Vec<String>, Vec<String>) = steps.into_iter().unzip();
    let whole = ["createSecret", "setSecret", "testSecret", "finishSecret"];
    assert_eq!(names, [&["createSecret", "setSecret"], &whole[..]].concat());
    assert!(tokens.iter().all(|token| token == TOKEN_2), "{tokens:?}");
    let described = b.secrets.describe_secret().secret_id(SECRET).send().await;
    let described = described.expect("described");
    assert_eq!(described.rotation_enabled, Some(true));
    let next = described.next_rotation_date.expect("scheduled").secs();
    assert_eq!(next - b.clock.now().as_secs(), 86_400);
}

#[tokio::test]
async fn a_rotation_schedule_alone_rotates_nothing_until_it_is_due() {
    let b = bench_with_secret("{}").await;
    let calls: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = calls.clone();
    b.aws.set_rotation_function(Arc::new(move |arn, _| {
        seen.lock().expect("calls").push(arn);
        Box::pin(async { Ok(()) })
    }));
    let rotate = |expression: &str| {
        let rules = RotationRulesType::builder().schedule_expression(expression);
        let request = b.secrets.rotate_secret().secret_id(SECRET);
        let request = request
            .rotation_lambda_arn(ROTATE)
            .rotation_rules(rules.build());
        request.rotate_immediately(false).send()
    };
    let error = rotate("rate(1 days)").await;
    let error = error.expect_err("one day is singular");
    assert_eq!(code(&error), "InvalidParameterException");
    rotate("rate(10 days)").await.expect("scheduled");
    b.aws.tick().await;
    b.advance(10 * 86_400 - 1);
    b.aws.tick().await;
    assert!(calls.lock().expect("calls").is_empty());
    b.advance(1);
    b.aws.tick().await;
    assert_eq!(calls.lock().expect("calls").len(), 4);
}

#[tokio::test]
async fn scripted_faults_hit_the_next_calls_and_the_journal_keeps_them_all() {
    let (b, url) = bench_with_queue().await;
    let mark = b.aws.journal().mark();
    let send = |id: &str| {
        let send = b.sqs.send_message().queue_url(&url).message_group_id("a");
        send.message_deduplication_id(id).message_body(id).send()
    };
    let inject = |effect| b.aws.inject(InjectedAwsFault::any(Service::Sqs, effect));
    let error = "ServiceUnavailable".to_owned();
    let refuse = Effect::Refuse { status: 503, error };
    let refuse = InjectedAwsFault::once(Service::Sqs, "SendMessage", refuse);
    b.aws.inject(refuse.times(2));
    for case in ["first", "second"] {
        let error = send("1").await.expect_err(case);
        assert_eq!(code(&error), "ServiceUnavailable", "{case}");
    }
    inject(Effect::DropBefore);
    assert!(send("2").await.is_err());
    assert_eq!(b.view(FIFO).bodies().len(), 0);
    inject(Effect::DropAfter);
    assert!(send("3").await.is_err());
    let stored = b.view(FIFO);
    assert_eq!(stored.bodies(), ["3"], "done, although the answer was lost");
    inject(Effect::Hang(Duration::from_millis(60)));
    let started = Instant::now();
    send("4").await.expect("late");
    assert!(started.elapsed() >= Duration::from_millis(60));
    let journal = b.aws.journal();
    assert_eq!(journal.count(mark, Service::Sqs, "SendMessage"), 5);
    assert_eq!(journal.count_service(mark, Service::SecretsManager), 0);
    let statuses: Vec<Option<u16>> = journal.since(mark).iter().map(|call| call.status).collect();
    assert_eq!(statuses, [Some(503), Some(503), None, None, Some(200)]);
    assert_eq!(journal.since(mark)[4].request["MessageBody"], "4");
}

#[tokio::test]
async fn a_fault_of_every_call_spares_one_caller_until_it_is_cleared() {
    let (b, url) = bench_with_queue().await;
    // The bench signs as `local`.
    let error = "InternalError".to_owned();
    let refuse = Effect::Refuse { status: 500, error };
    let fault = InjectedAwsFault::any(Service::Sqs, refuse).always();
    b.aws.inject(fault.clone().sparing("local"));
    let count = || b.sqs.get_queue_attributes().queue_url(&url).send();
    count().await.expect("spared");
    b.aws.clear_faults();
    b.aws.inject(fault.sparing("another"));
    for expected in 1..=3 {
        assert_eq!(code(&count().await.expect_err("refused")), "InternalError");
        assert_eq!(b.aws.faults()[0].1, expected);
    }
    b.aws.clear_faults();
    count().await.expect("cleared");
}

#[tokio::test]
async fn a_template_is_provisioned_and_survives_a_restart() {
    let folder = std::env::temp_dir().join(format!("rescue-connector-{}", uuid::Uuid::new_v4()));
    let template = template();
    let acme = || AttributeValue::S("acme".to_owned());
    {
        let b = bench_in(Some(folder.clone())).await;
        let resources = b.aws.provision(&template).await.expect("provisioned");
        let url = &resources.queues["SessionsQueue"].url;
        b.send(url, "a", "kept").await;
        b.create_secret("one").await;
        let put = b.dynamodb.put_item().table_name("TenantsTable");
        let put = put.item("tenant", acme()).send().await;
        put.expect("the item is stored");
        let ttl = b.dynamodb.describe_time_to_live();
        let ttl = ttl.table_name("SessionsTable").send().await;
        let ttl = ttl.expect("described").time_to_live_description;
        assert_eq!(
            ttl.expect("a description").attribute_name(),
            Some("expires_at")
        );
    }
    let b = bench_in(Some(folder.clone())).await;
    let mark = b.aws.journal().mark();
    let resources = b.aws.provision(&template).await.expect("provisioned again");
    let calls = b.aws.journal().since(mark);
    assert!(calls.is_empty(), "no call came over the endpoint");
    let queue = &resources.queues["SessionsQueue"];
    assert!(queue.url.starts_with(b.aws.endpoint()));
    let view = b.view(&queue.name);
    assert_eq!(view.bodies(), ["kept"]);
    assert_eq!(view.attributes["VisibilityTimeout"], "1800");
    b.assert_value("AWSCURRENT", "one", "kept").await;
    let got = b.dynamodb.get_item().key("tenant", acme());
    let got = got.table_name(&resources.tables["TenantsTable"]);
    assert!(got.send().await.expect("read").item.is_some());
    let query = b.dynamodb.query().table_name("SessionsTable");
    let query = query
        .index_name("by-tenant")
        .key_condition_expression("tenant = :t")
        .expression_attribute_values(":t", acme());
    assert_eq!(query.send().await.expect("the index is there").count, 0);
    assert_eq!(b.aws.journal().count(mark, Service::DynamoDb, "Query"), 1);

    let function = template.function("DeliverSessionFunction").expect("there");
    let environment = resources.environment(function).expect("resolved");
    assert_eq!(environment["SESSIONS_QUEUE_URL"], queue.url);
    assert_eq!(environment["SESSIONS_TABLE"], "SessionsTable");
    assert_eq!(environment["SECRET_PREFIX"], "rescue-connector");
    std::fs::remove_dir_all(folder).expect("removed");
}

fn template() -> Template {
    Template::parse(include_str!("../fixtures/template.yaml")).expect("a template")
}

#[tokio::test]
async fn a_stacks_outputs_are_described_in_the_query_protocol() {
    let b = bench_in(None).await;
    b.aws.provision(&template()).await.expect("provisioned");
    let url = "http://127.0.0.1:1/?a&b";
    b.aws.set_output("rescue-connector", "ApiUrl", url);
    let describe = async |stack: &str| {
        let request = client(None).expect("a client").post(b.aws.endpoint());
        let request = request
            .header("authorization", "AWS4-HMAC-SHA256 Credential=local")
            .form(&[("Action", "DescribeStacks"), ("StackName", stack)]);
        let answer = request.send().await.expect("answered");
        (answer.status(), answer.text().await.expect("text"))
    };
    let (_, answer) = describe("rescue-connector").await;
    for (key, value) in [
        ("ApiUrl", "http://127.0.0.1:1/?a&amp;b"),
        ("TenantsTable", "TenantsTable"),
    ] {
        let output = format!("<OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue>");
        assert!(answer.contains(&output), "{output}: {answer}");
    }
    let (status, answer) = describe("other").await;
    assert_eq!(status, 400);
    assert!(answer.contains("<Code>ValidationError</Code>"), "{answer}");
}

#[tokio::test]
async fn the_first_page_links_to_the_sandbox_for_requests_that_name_the_embedded_aws_itself() {
    let aws = bench_in(None).await.aws;
    let sandbox = "http://127.0.0.1:9/key/";
    let client = crate::simulator::plain_client().expect("a client");
    let send = async |method: Method, host: &str| {
        let request = client.request(method, aws.endpoint()).header("host", host);
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        (status, response.text().await.expect("a body"))
    };
    let own = aws.endpoint().trim_start_matches("http://");
    let unknown = (404, r#"{"__type":"UnknownOperationException"}"#.to_owned());
    assert_eq!(send(Method::GET, own).await, unknown);
    aws.set_sandbox(SandboxLink::new(sandbox, aws.endpoint()));
    let (status, page) = send(Method::GET, own).await;
    assert_eq!(status, 200);
    assert!(page.contains(&format!("href=\"{sandbox}\"")), "{page}");
    assert_eq!(send(Method::GET, "rebound.test").await, unknown);
    assert_eq!(send(Method::POST, own).await, unknown);
}
