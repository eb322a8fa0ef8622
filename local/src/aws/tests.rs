//! The embedded AWS as the real SDK clients see it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageAttributeValue, MessageSystemAttributeName,
    QueueAttributeName, SendMessageBatchRequestEntry,
};
use shared::domain::clock::{Clock, Timestamp};
use shared::http::{client, for_aws};

use super::{Aws, Effect, InjectedAwsFault, MessageState, Options, Service};
use crate::template::Template;

const FIFO: &str = "work.fifo";
const TOKEN_1: &str = "11111111-1111-1111-1111-111111111111";
const TOKEN_2: &str = "22222222-2222-2222-2222-222222222222";
const TOKEN_3: &str = "33333333-3333-3333-3333-333333333333";

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

async fn bench_in(data: Option<std::path::PathBuf>) -> Bench {
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

async fn bench() -> Bench {
    bench_in(None).await
}

impl Bench {
    /// Creates a FIFO queue with a visibility time-out of 30 s.
    async fn queue(&self, name: &str, attributes: &[(QueueAttributeName, &str)]) -> String {
        let mut request = self
            .sqs
            .create_queue()
            .queue_name(name)
            .attributes(QueueAttributeName::FifoQueue, "true");
        for (key, value) in attributes {
            request = request.attributes(key.clone(), *value);
        }
        let created = request.send().await.expect("the queue is created");
        created.queue_url.expect("it has a URL")
    }

    /// Sends `body` to `group` with `body` as its deduplication id, and returns the message id.
    async fn send(&self, url: &str, group: &str, body: &str) -> String {
        let sent = self
            .sqs
            .send_message()
            .queue_url(url)
            .message_group_id(group)
            .message_deduplication_id(body)
            .message_body(body)
            .send()
            .await
            .expect("the message is taken");
        sent.message_id.expect("it has an id")
    }

    async fn receive(&self, url: &str) -> Vec<Message> {
        let received = self
            .sqs
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await
            .expect("receiving works");
        received.messages.unwrap_or_default()
    }

    async fn hide(&self, url: &str, message: &Message, seconds: i32) -> Result<(), String> {
        let changed = self
            .sqs
            .change_message_visibility()
            .queue_url(url)
            .set_receipt_handle(message.receipt_handle.clone())
            .visibility_timeout(seconds)
            .send()
            .await;
        changed.map(drop).map_err(|e| code(&e))
    }

    async fn delete(&self, url: &str, message: &Message) -> Result<(), String> {
        let deleted = self
            .sqs
            .delete_message()
            .queue_url(url)
            .set_receipt_handle(message.receipt_handle.clone())
            .send()
            .await;
        deleted.map(drop).map_err(|e| code(&e))
    }

    async fn create_secret(&self, name: &str, token: &str, value: &str) {
        self.secrets
            .create_secret()
            .name(name)
            .client_request_token(token)
            .secret_string(value)
            .send()
            .await
            .expect("the secret is created");
    }

    async fn put(&self, name: &str, token: &str, value: &str, label: &str) -> Result<(), String> {
        let put = self
            .secrets
            .put_secret_value()
            .secret_id(name)
            .client_request_token(token)
            .secret_string(value)
            .version_stages(label)
            .send()
            .await;
        put.map(drop).map_err(|e| code(&e))
    }

    async fn value(&self, name: &str, label: &str) -> Result<String, String> {
        let got = self
            .secrets
            .get_secret_value()
            .secret_id(name)
            .version_stage(label)
            .send()
            .await;
        got.map(|got| got.secret_string.unwrap_or_default())
            .map_err(|e| code(&e))
    }

    async fn move_label(
        &self,
        name: &str,
        label: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(), String> {
        let moved = self
            .secrets
            .update_secret_version_stage()
            .secret_id(name)
            .version_stage(label)
            .set_remove_from_version_id(from.map(str::to_owned))
            .set_move_to_version_id(to.map(str::to_owned))
            .send()
            .await;
        moved.map(drop).map_err(|e| code(&e))
    }
}

fn code(error: &impl ProvideErrorMetadata) -> String {
    error.code().unwrap_or("no answer").to_owned()
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(Message::body).collect()
}

fn attribute(message: &Message, name: MessageSystemAttributeName) -> &str {
    let attributes = message
        .attributes
        .as_ref()
        .expect("attributes were requested");
    attributes.get(&name).map_or("", String::as_str)
}

fn entry(id: &str, group: &str, body: &str) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder()
        .id(id)
        .message_group_id(group)
        .message_deduplication_id(id)
        .message_body(body)
        .build()
        .expect("complete")
}

#[tokio::test]
async fn one_receive_gives_several_messages_of_a_group_in_order() {
    let b = bench().await;
    let url = b.queue(FIFO, &[]).await;
    for body in ["a1", "a2", "a3"] {
        b.send(&url, "a", body).await;
    }
    b.send(&url, "b", "b1").await;
    let received = b.receive(&url).await;
    assert_eq!(bodies(&received), ["a1", "a2", "a3", "b1"]);
    let first = &received[0];
    assert_eq!(
        attribute(first, MessageSystemAttributeName::MessageGroupId),
        "a"
    );
    assert_eq!(
        attribute(first, MessageSystemAttributeName::MessageDeduplicationId),
        "a1"
    );
    assert_eq!(
        attribute(first, MessageSystemAttributeName::ApproximateReceiveCount),
        "1"
    );
    assert_eq!(
        attribute(first, MessageSystemAttributeName::SentTimestamp),
        "1772355600000"
    );
    assert_eq!(
        attribute(
            first,
            MessageSystemAttributeName::ApproximateFirstReceiveTimestamp
        ),
        "1772355600000"
    );
    let sequences: Vec<&str> = received
        .iter()
        .map(|m| attribute(m, MessageSystemAttributeName::SequenceNumber))
        .collect();
    assert!(
        sequences.is_sorted() && sequences[0].len() == 20,
        "{sequences:?}"
    );
}

#[tokio::test]
async fn a_group_waits_while_any_of_its_messages_is_in_flight() {
    let b = bench().await;
    let url = b.queue(FIFO, &[]).await;
    b.send(&url, "a", "a1").await;
    b.send(&url, "a", "a2").await;
    let both = b.receive(&url).await;
    b.send(&url, "a", "a3").await;
    b.send(&url, "b", "b1").await;
    assert_eq!(
        bodies(&b.receive(&url).await),
        ["b1"],
        "a is blocked, b is not"
    );
    b.delete(&url, &both[0]).await.expect("the first is done");
    assert!(b.receive(&url).await.is_empty(), "a2 is still in flight");
    b.hide(&url, &both[1], 0)
        .await
        .expect("the second is given back");
    assert_eq!(bodies(&b.receive(&url).await), ["a2", "a3"]);
}

#[tokio::test]
async fn a_message_set_back_does_not_overtake_or_free_its_group() {
    let b = bench().await;
    let url = b.queue(FIFO, &[]).await;
    b.send(&url, "a", "a1").await;
    b.send(&url, "a", "a2").await;
    let both = b.receive(&url).await;
    b.hide(&url, &both[0], 0).await.expect("given back");
    assert!(
        b.receive(&url).await.is_empty(),
        "a2 is in flight and blocks a1"
    );
}

#[tokio::test]
async fn the_same_deduplication_id_stores_nothing_until_five_minutes_have_passed() {
    let b = bench().await;
    let url = b.queue(FIFO, &[]).await;
    let first = b.send(&url, "a", "post").await;
    assert_eq!(
        b.send(&url, "a", "post").await,
        first,
        "the original id is answered"
    );
    let received = b.receive(&url).await;
    b.delete(&url, &received[0]).await.expect("done");
    b.clock.advance(Duration::from_secs(299));
    assert_eq!(
        b.send(&url, "a", "post").await,
        first,
        "a deleted message is remembered too"
    );
    assert_eq!(b.aws.queue(FIFO).expect("there").messages.len(), 0);
    b.clock.advance(Duration::from_secs(1));
    assert_ne!(b.send(&url, "a", "post").await, first);
    assert_eq!(b.aws.queue(FIFO).expect("there").bodies(), ["post"]);
}

#[tokio::test]
async fn a_message_received_too_often_goes_to_the_dead_letter_queue_and_frees_its_group() {
    let b = bench().await;
    let dlq = b.queue("dead.fifo", &[]).await;
    let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead.fifo","maxReceiveCount":2}"#;
    let url = b
        .queue(FIFO, &[(QueueAttributeName::RedrivePolicy, policy)])
        .await;
    b.send(&url, "a", "a1").await;
    for count in ["1", "2"] {
        let received = b.receive(&url).await;
        assert_eq!(
            attribute(
                &received[0],
                MessageSystemAttributeName::ApproximateReceiveCount
            ),
            count
        );
        b.clock.advance(Duration::from_secs(30));
    }
    b.send(&url, "a", "a2").await;
    assert_eq!(bodies(&b.receive(&url).await), ["a2"]);
    let dead = b.receive(&dlq).await;
    assert_eq!(bodies(&dead), ["a1"]);
    assert_eq!(
        attribute(&dead[0], MessageSystemAttributeName::MessageGroupId),
        "a"
    );
    b.hide(&dlq, &dead[0], 0).await.expect("given back");

    let source = "arn:aws:sqs:us-east-1:000000000000:dead.fifo";
    let task = b
        .sqs
        .start_message_move_task()
        .source_arn(source)
        .send()
        .await;
    assert!(task.expect("the move starts").task_handle.is_some());
    assert_eq!(b.aws.queue("dead.fifo").expect("there").messages.len(), 0);
    let back = b.aws.queue(FIFO).expect("there");
    assert_eq!(back.bodies(), ["a2", "a1"]);
    assert_eq!(back.messages[1].receive_count, 0);
}

#[tokio::test]
async fn visibility_counts_from_now_and_ends_twelve_hours_after_the_receive() {
    let b = bench().await;
    let url = b.queue(FIFO, &[]).await;
    b.send(&url, "a", "a1").await;
    let received = b.receive(&url).await;
    b.clock.advance(Duration::from_secs(20));
    b.hide(&url, &received[0], 100).await.expect("extended");
    b.clock.advance(Duration::from_secs(99));
    let view = b.aws.queue(FIFO).expect("there");
    assert_eq!((view.visible(), view.in_flight()), (0, 1));
    assert_eq!(view.messages[0].hidden_for, Duration::from_secs(1));
    let too_long = b.hide(&url, &received[0], 43_200).await;
    assert_eq!(
        too_long,
        Err("InvalidParameterValue".to_owned()),
        "119 s of the 12 h are gone"
    );
    assert_eq!(
        b.hide(&url, &received[0], 43_201).await,
        Err("InvalidParameterValue".to_owned())
    );
    b.clock.advance(Duration::from_secs(1));
    assert_eq!(
        b.aws.queue(FIFO).expect("there").messages[0].state,
        MessageState::Visible
    );
}

#[tokio::test]
async fn a_stale_receipt_handle_is_refused() {
    let b = bench().await;
    let url = b.queue(FIFO, &[]).await;
    b.send(&url, "a", "a1").await;
    let stale = b.receive(&url).await;
    b.clock.advance(Duration::from_secs(30));
    assert_eq!(
        b.delete(&url, &stale[0]).await,
        Err("InvalidParameterValue".to_owned())
    );
    let fresh = b.receive(&url).await;
    assert_eq!(
        b.delete(&url, &stale[0]).await,
        Err("InvalidParameterValue".to_owned())
    );
    assert_eq!(
        b.hide(&url, &stale[0], 5).await,
        Err("InvalidParameterValue".to_owned())
    );
    let nonsense = Message::builder().receipt_handle("nonsense").build();
    assert_eq!(
        b.delete(&url, &nonsense).await,
        Err("ReceiptHandleIsInvalid".to_owned())
    );
    b.delete(&url, &fresh[0])
        .await
        .expect("the latest handle works");
    b.delete(&url, &fresh[0])
        .await
        .expect("and deleting is idempotent");
}

#[tokio::test]
async fn sends_that_sqs_refuses_are_refused() {
    let b = bench().await;
    let url = b.queue(FIFO, &[]).await;
    let send = || b.sqs.send_message().queue_url(&url).message_body("x");
    let refused = send()
        .message_deduplication_id("x")
        .send()
        .await
        .expect_err("no group");
    assert_eq!(code(&refused), "MissingParameter");
    let refused = send()
        .message_group_id("a")
        .send()
        .await
        .expect_err("no deduplication id");
    assert_eq!(code(&refused), "InvalidParameterValue");
    let full = || send().message_group_id("a").message_deduplication_id("x");
    let refused = full()
        .message_body("a\u{1}b")
        .send()
        .await
        .expect_err("a control character");
    assert_eq!(code(&refused), "InvalidMessageContents");
    let refused = full()
        .message_body("\u{FFFF}")
        .send()
        .await
        .expect_err("not a character");
    assert_eq!(code(&refused), "InvalidMessageContents");
    let refused = full()
        .message_body("x".repeat(1_048_577))
        .send()
        .await
        .expect_err("too large");
    assert_eq!(code(&refused), "InvalidParameterValue");
    let refused = full()
        .message_group_id("with space")
        .send()
        .await
        .expect_err("a space");
    assert_eq!(code(&refused), "InvalidParameterValue");
    let refused = full()
        .queue_url("http://127.0.0.1/0/none.fifo")
        .send()
        .await
        .expect_err("no queue");
    assert!(refused.into_service_error().is_queue_does_not_exist());
    assert_eq!(b.aws.queue(FIFO).expect("there").messages.len(), 0);
    full()
        .message_body("x".repeat(1_048_576))
        .send()
        .await
        .expect("1 MiB fits");
}

#[tokio::test]
async fn batches_over_ten_or_one_mebibyte_or_without_a_group_are_refused_whole() {
    let b = bench().await;
    let url = b.queue(FIFO, &[]).await;
    let batch = |entries: Vec<SendMessageBatchRequestEntry>| {
        b.sqs
            .send_message_batch()
            .queue_url(&url)
            .set_entries(Some(entries))
            .send()
    };
    let eleven = (0..11)
        .map(|n| entry(&n.to_string(), "a", &n.to_string()))
        .collect();
    let refused = batch(eleven).await.expect_err("eleven");
    assert!(
        refused
            .into_service_error()
            .is_too_many_entries_in_batch_request()
    );
    let large = "x".repeat(600_000);
    let refused = batch(vec![entry("1", "a", &large), entry("2", "b", &large)]).await;
    assert!(
        refused
            .expect_err("1.2 MB")
            .into_service_error()
            .is_batch_request_too_long()
    );
    let mut groupless = entry("1", "a", "x");
    groupless.message_group_id = None;
    assert_eq!(
        code(&batch(vec![groupless]).await.expect_err("no group")),
        "MissingParameter"
    );
    let refused = batch(vec![entry("1", "a", "x"), entry("1", "a", "y")]).await;
    assert!(
        refused
            .expect_err("one id")
            .into_service_error()
            .is_batch_entry_ids_not_distinct()
    );
    assert_eq!(b.aws.queue(FIFO).expect("there").messages.len(), 0);

    let mixed = batch(vec![entry("good", "a", "x"), entry("bad", "a", "\u{0}")])
        .await
        .expect("mixed");
    assert_eq!(mixed.successful[0].id, "good");
    assert_eq!(
        (mixed.failed[0].id.as_str(), mixed.failed[0].code.as_str()),
        ("bad", "InvalidMessageContents")
    );
    let received = b.receive(&url).await;
    let delete = DeleteMessageBatchRequestEntry::builder()
        .id("1")
        .set_receipt_handle(received[0].receipt_handle.clone())
        .build();
    let deletes = b
        .sqs
        .delete_message_batch()
        .queue_url(&url)
        .entries(delete.expect("complete"));
    assert_eq!(deletes.send().await.expect("deleted").successful.len(), 1);
    assert_eq!(b.aws.queue(FIFO).expect("there").messages.len(), 0);
}

#[tokio::test]
async fn message_attributes_come_back_with_the_digest_sqs_computes() {
    let b = bench().await;
    let url = b.queue(FIFO, &[]).await;
    let reason = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("outcome-unknown")
        .build();
    let sent = b
        .sqs
        .send_message()
        .queue_url(&url)
        .message_group_id("a")
        .message_deduplication_id("1")
        .message_body("hello")
        .message_attributes("reason", reason.expect("complete"))
        .send()
        .await
        .expect("sent");
    assert_eq!(
        sent.md5_of_message_body(),
        Some("5d41402abc4b2a76b9719d911017c592")
    );
    let received = b.receive(&url).await;
    let attributes = received[0].message_attributes.as_ref().expect("attributes");
    assert_eq!(attributes["reason"].string_value(), Some("outcome-unknown"));
    assert_eq!(
        received[0].md5_of_message_attributes(),
        sent.md5_of_message_attributes()
    );
    // Computed by the published algorithm in another language.
    assert_eq!(sent.md5_of_message_attributes(), Some(ATTRIBUTES_MD5));
    assert_eq!(
        b.aws.queue(FIFO).expect("there").messages[0].attributes["reason"],
        "outcome-unknown"
    );
}

#[tokio::test]
async fn a_long_poll_ends_with_a_send_and_with_a_moved_clock() {
    let b = bench().await;
    let url = b.queue(FIFO, &[]).await;
    let poll = || {
        b.sqs
            .receive_message()
            .queue_url(&url)
            .wait_time_seconds(10)
            .send()
    };
    let started = Instant::now();
    let (received, _) = tokio::join!(poll(), async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        b.send(&url, "a", "a1").await
    });
    assert_eq!(bodies(received.expect("received").messages()), ["a1"]);
    let (received, ()) = tokio::join!(poll(), async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        b.clock.advance(Duration::from_secs(30));
    });
    assert_eq!(bodies(received.expect("received again").messages()), ["a1"]);
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn messages_older_than_the_retention_are_gone() {
    let b = bench().await;
    let url = b
        .queue(FIFO, &[(QueueAttributeName::MessageRetentionPeriod, "60")])
        .await;
    b.send(&url, "a", "old").await;
    b.clock.advance(Duration::from_secs(59));
    b.send(&url, "a", "young").await;
    b.clock.advance(Duration::from_secs(1));
    assert_eq!(bodies(&b.receive(&url).await), ["young"]);
    let counts = b.sqs.get_queue_attributes().queue_url(&url);
    let counts = counts
        .attribute_names(QueueAttributeName::All)
        .send()
        .await
        .expect("attributes");
    let counts = counts.attributes.expect("some");
    assert_eq!(
        counts[&QueueAttributeName::ApproximateNumberOfMessagesNotVisible],
        "1"
    );
    assert_eq!(
        counts[&QueueAttributeName::QueueArn],
        "arn:aws:sqs:us-east-1:000000000000:work.fifo"
    );
}

#[tokio::test]
async fn a_put_moves_current_and_previous_follows() {
    let b = bench().await;
    b.create_secret("acme/token", TOKEN_1, "one").await;
    b.put("acme/token", TOKEN_2, "two", "AWSCURRENT")
        .await
        .expect("put");
    assert_eq!(
        b.value("acme/token", "AWSCURRENT").await,
        Ok("two".to_owned())
    );
    assert_eq!(
        b.value("acme/token", "AWSPREVIOUS").await,
        Ok("one".to_owned())
    );
    b.put("acme/token", TOKEN_3, "three", "AWSCURRENT")
        .await
        .expect("put");
    assert_eq!(
        b.value("acme/token", "AWSPREVIOUS").await,
        Ok("two".to_owned())
    );
    let described = b
        .secrets
        .describe_secret()
        .secret_id("acme/token")
        .send()
        .await
        .expect("described");
    let stages = described.version_ids_to_stages.expect("stages");
    assert!(
        !stages.contains_key(TOKEN_1),
        "without a label it is not shown"
    );
    assert_eq!(stages[TOKEN_3], ["AWSCURRENT"]);
}

#[tokio::test]
async fn the_same_token_with_another_value_is_refused() {
    let b = bench().await;
    b.create_secret("acme/token", TOKEN_1, "one").await;
    b.put("acme/token", TOKEN_2, "two", "AWSPENDING")
        .await
        .expect("put");
    b.put("acme/token", TOKEN_2, "two", "AWSPENDING")
        .await
        .expect("the same again is the same");
    let refused = b.put("acme/token", TOKEN_2, "other", "AWSPENDING").await;
    assert_eq!(refused, Err("ResourceExistsException".to_owned()));
    assert_eq!(
        b.value("acme/token", "AWSPENDING").await,
        Ok("two".to_owned())
    );
    assert_eq!(
        b.value("acme/token", "AWSCURRENT").await,
        Ok("one".to_owned())
    );
    let short = b.put("acme/token", "short", "x", "AWSPENDING").await;
    assert_eq!(short, Err("InvalidParameterException".to_owned()));
}

#[tokio::test]
async fn a_label_moves_only_away_from_the_version_that_has_it() {
    let b = bench().await;
    let name = "acme/token";
    b.create_secret(name, TOKEN_1, "one").await;
    b.put(name, TOKEN_2, "two", "proved")
        .await
        .expect("a private label");
    b.put(name, TOKEN_3, "three", "other")
        .await
        .expect("another");
    let invalid = Err("InvalidParameterException".to_owned());
    assert_eq!(
        b.move_label(name, "AWSCURRENT", None, Some(TOKEN_2)).await,
        invalid
    );
    assert_eq!(
        b.move_label(name, "AWSCURRENT", Some(TOKEN_3), Some(TOKEN_2))
            .await,
        invalid
    );
    assert_eq!(
        b.move_label(name, "AWSCURRENT", Some(TOKEN_1), None).await,
        invalid
    );
    assert_eq!(
        b.value(name, "AWSCURRENT").await,
        Ok("one".to_owned()),
        "nothing has moved"
    );
    b.move_label(name, "AWSCURRENT", Some(TOKEN_1), Some(TOKEN_2))
        .await
        .expect("moved");
    assert_eq!(b.value(name, "AWSCURRENT").await, Ok("two".to_owned()));
    assert_eq!(b.value(name, "AWSPREVIOUS").await, Ok("one".to_owned()));
    assert_eq!(
        b.value(name, "proved").await,
        Ok("two".to_owned()),
        "other labels stay"
    );
    b.move_label(name, "proved", Some(TOKEN_2), None)
        .await
        .expect("removed");
    assert_eq!(
        b.value(name, "proved").await,
        Err("ResourceNotFoundException".to_owned())
    );
}

#[tokio::test]
async fn a_deleted_secret_can_be_restored_until_its_recovery_window_ends() {
    let b = bench().await;
    b.create_secret("acme/token", TOKEN_1, "one").await;
    let delete = || {
        b.secrets
            .delete_secret()
            .secret_id("acme/token")
            .recovery_window_in_days(7)
            .send()
    };
    delete().await.expect("deleted");
    assert_eq!(
        b.value("acme/token", "AWSCURRENT").await,
        Err("InvalidRequestException".to_owned())
    );
    let again = b
        .secrets
        .create_secret()
        .name("acme/token")
        .secret_string("x")
        .send()
        .await;
    assert!(
        again
            .expect_err("the name is taken")
            .into_service_error()
            .is_invalid_request_exception()
    );
    b.secrets
        .restore_secret()
        .secret_id("acme/token")
        .send()
        .await
        .expect("restored");
    assert_eq!(
        b.value("acme/token", "AWSCURRENT").await,
        Ok("one".to_owned())
    );
    delete().await.expect("deleted again");
    b.clock.advance(Duration::from_secs(7 * 86_400));
    assert_eq!(
        b.value("acme/token", "AWSCURRENT").await,
        Err("ResourceNotFoundException".to_owned())
    );
}

#[tokio::test]
async fn a_rotation_starts_with_an_empty_version_and_is_retried_whole_with_the_same_token() {
    let b = bench().await;
    b.create_secret("acme/token", TOKEN_1, "one").await;
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
                    let pending = secrets
                        .get_secret_value()
                        .secret_id(id)
                        .version_stage("AWSPENDING");
                    if pending.send().await.is_err() {
                        let put = secrets
                            .put_secret_value()
                            .secret_id(id)
                            .client_request_token(token);
                        let put = put
                            .secret_string("renewed")
                            .version_stages("AWSPENDING")
                            .send()
                            .await;
                        put.map_err(|e| code(&e))?;
                    }
                }
                "setSecret" if first_try => return Err("not yet".to_owned()),
                "finishSecret" => {
                    let moved = secrets.update_secret_version_stage().secret_id(id);
                    let moved = moved
                        .version_stage("AWSCURRENT")
                        .remove_from_version_id(TOKEN_1);
                    moved
                        .move_to_version_id(token)
                        .send()
                        .await
                        .map_err(|e| code(&e))?;
                }
                _ => {}
            }
            Ok(())
        })
    }));
    let rules = aws_sdk_secretsmanager::types::RotationRulesType::builder()
        .schedule_expression("rate(1 day)")
        .build();
    b.secrets
        .rotate_secret()
        .secret_id("acme/token")
        .rotation_lambda_arn("arn:aws:lambda:us-east-1:000000000000:function:rotate")
        .rotation_rules(rules)
        .client_request_token(TOKEN_2)
        .send()
        .await
        .expect("the rotation starts");
    b.aws.tick().await;
    assert_eq!(
        b.value("acme/token", "AWSCURRENT").await,
        Ok("one".to_owned()),
        "it failed half-way"
    );
    assert_eq!(
        b.value("acme/token", "AWSPENDING").await,
        Ok("renewed".to_owned())
    );
    b.clock.advance(super::ROTATION_RETRY);
    b.aws.tick().await;
    assert_eq!(
        b.value("acme/token", "AWSCURRENT").await,
        Ok("renewed".to_owned())
    );
    let names: Vec<String> = steps
        .lock()
        .expect("steps")
        .iter()
        .map(|(step, _)| step.clone())
        .collect();
    let whole = ["createSecret", "setSecret", "testSecret", "finishSecret"];
    assert_eq!(names, [&["createSecret", "setSecret"], &whole[..]].concat());
    assert!(
        steps
            .lock()
            .expect("steps")
            .iter()
            .all(|(_, token)| token == TOKEN_2)
    );
    let described = b
        .secrets
        .describe_secret()
        .secret_id("acme/token")
        .send()
        .await
        .expect("described");
    assert_eq!(described.rotation_enabled, Some(true));
    assert_eq!(
        described.next_rotation_date.expect("scheduled").secs() - b.clock.now().as_secs(),
        86_400
    );
}

#[tokio::test]
async fn a_rotation_schedule_alone_rotates_nothing_until_it_is_due() {
    let b = bench().await;
    b.create_secret("acme/token", TOKEN_1, "{}").await;
    let calls: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = calls.clone();
    b.aws.set_rotation_function(Arc::new(move |arn, _| {
        seen.lock().expect("calls").push(arn);
        Box::pin(async { Ok(()) })
    }));
    let rotate = |expression: &str| {
        let rules = aws_sdk_secretsmanager::types::RotationRulesType::builder();
        b.secrets
            .rotate_secret()
            .secret_id("acme/token")
            .rotation_lambda_arn("arn:aws:lambda:us-east-1:000000000000:function:rotate")
            .rotation_rules(rules.schedule_expression(expression).build())
            .rotate_immediately(false)
            .send()
    };
    let refused = rotate("rate(1 days)")
        .await
        .expect_err("one day is singular");
    assert_eq!(code(&refused), "InvalidParameterException");
    rotate("rate(10 days)").await.expect("scheduled");
    b.aws.tick().await;
    b.clock.advance(Duration::from_secs(10 * 86_400 - 1));
    b.aws.tick().await;
    assert!(calls.lock().expect("calls").is_empty());
    b.clock.advance(Duration::from_secs(1));
    b.aws.tick().await;
    assert_eq!(calls.lock().expect("calls").len(), 4);
}

#[tokio::test]
async fn scripted_faults_hit_the_next_calls_and_the_journal_keeps_them_all() {
    let b = bench().await;
    let url = b.queue(FIFO, &[]).await;
    let mark = b.aws.journal().mark();
    let send = |id: &str| {
        let send = b.sqs.send_message().queue_url(&url).message_group_id("a");
        send.message_deduplication_id(id).message_body(id).send()
    };
    let refuse = Effect::Refuse {
        status: 503,
        error: "ServiceUnavailable".to_owned(),
    };
    b.aws
        .inject(InjectedAwsFault::once(Service::Sqs, "SendMessage", refuse).times(2));
    assert_eq!(
        code(&send("1").await.expect_err("first")),
        "ServiceUnavailable"
    );
    assert_eq!(
        code(&send("1").await.expect_err("second")),
        "ServiceUnavailable"
    );
    b.aws
        .inject(InjectedAwsFault::any(Service::Sqs, Effect::DropBefore));
    assert!(send("2").await.is_err());
    assert_eq!(b.aws.queue(FIFO).expect("there").bodies().len(), 0);
    b.aws
        .inject(InjectedAwsFault::any(Service::Sqs, Effect::DropAfter));
    assert!(send("3").await.is_err());
    assert_eq!(
        b.aws.queue(FIFO).expect("there").bodies(),
        ["3"],
        "done, although the answer was lost"
    );
    b.aws.inject(InjectedAwsFault::any(
        Service::Sqs,
        Effect::Hang(Duration::from_millis(60)),
    ));
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
async fn a_template_is_provisioned_and_survives_a_restart() {
    let folder = std::env::temp_dir().join(format!("rescue-connector-{}", uuid::Uuid::new_v4()));
    let template = Template::parse(include_str!("../fixtures/template.yaml")).expect("a template");
    {
        let b = bench_in(Some(folder.clone())).await;
        let resources = b.aws.provision(&template).await.expect("provisioned");
        let url = &resources.queues["SessionsQueue"].url;
        b.send(url, "a", "kept").await;
        b.create_secret("acme/token", TOKEN_1, "one").await;
        let item = b.dynamodb.put_item().table_name("TenantsTable");
        let item = item
            .item("tenant", AttributeValue::S("acme".to_owned()))
            .send()
            .await;
        item.expect("the item is stored");
        let ttl = b
            .dynamodb
            .describe_time_to_live()
            .table_name("SessionsTable")
            .send()
            .await;
        let ttl = ttl
            .expect("described")
            .time_to_live_description
            .expect("a description");
        assert_eq!(ttl.attribute_name(), Some("expires_at"));
    }
    let b = bench_in(Some(folder.clone())).await;
    let mark = b.aws.journal().mark();
    let resources = b.aws.provision(&template).await.expect("provisioned again");
    assert!(
        b.aws.journal().since(mark).is_empty(),
        "no call came over the endpoint"
    );
    let queue = &resources.queues["SessionsQueue"];
    assert!(queue.url.starts_with(b.aws.endpoint()));
    let view = b.aws.queue(&queue.name).expect("there");
    assert_eq!(view.bodies(), ["kept"]);
    assert_eq!(view.attributes["VisibilityTimeout"], "1800");
    assert_eq!(
        b.value("acme/token", "AWSCURRENT").await,
        Ok("one".to_owned())
    );
    let got = b
        .dynamodb
        .get_item()
        .table_name(&resources.tables["TenantsTable"]);
    let got = got
        .key("tenant", AttributeValue::S("acme".to_owned()))
        .send()
        .await;
    assert!(got.expect("read").item.is_some());
    let query = b
        .dynamodb
        .query()
        .table_name("SessionsTable")
        .index_name("by-tenant");
    let query = query.key_condition_expression("tenant = :t");
    let query = query.expression_attribute_values(":t", AttributeValue::S("acme".to_owned()));
    assert_eq!(query.send().await.expect("the index is there").count, 0);
    assert_eq!(b.aws.journal().count(mark, Service::DynamoDb, "Query"), 1);

    let function = template.function("DeliverSessionFunction").expect("there");
    let environment = resources.environment(function).expect("resolved");
    assert_eq!(environment["SESSIONS_QUEUE_URL"], queue.url);
    assert_eq!(environment["SESSIONS_TABLE"], "SessionsTable");
    assert_eq!(environment["SECRET_PREFIX"], "rescue-connector");
    std::fs::remove_dir_all(folder).expect("removed");
}

#[tokio::test]
async fn a_stacks_outputs_are_described_in_the_query_protocol() {
    let b = bench().await;
    let template = Template::parse(include_str!("../fixtures/template.yaml")).expect("a template");
    b.aws.provision(&template).await.expect("provisioned");
    b.aws
        .set_output("rescue-connector", "ApiUrl", "http://127.0.0.1:1/?a&b");
    let describe = |stack: &str| {
        client(None)
            .expect("a client")
            .post(b.aws.endpoint())
            .header("authorization", "AWS4-HMAC-SHA256 Credential=local")
            .form(&[("Action", "DescribeStacks"), ("StackName", stack)])
            .send()
    };
    let answer = describe("rescue-connector")
        .await
        .expect("answered")
        .text()
        .await
        .expect("text");
    assert!(
        answer.contains(
            "<OutputKey>ApiUrl</OutputKey><OutputValue>http://127.0.0.1:1/?a&amp;b</OutputValue>"
        ),
        "{answer}"
    );
    assert!(
        answer
            .contains("<OutputKey>TenantsTable</OutputKey><OutputValue>TenantsTable</OutputValue>")
    );
    let missing = describe("other").await.expect("answered");
    assert_eq!(missing.status(), 400);
    assert!(
        missing
            .text()
            .await
            .expect("text")
            .contains("<Code>ValidationError</Code>")
    );
}
