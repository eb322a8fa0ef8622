//! The sessions queue and its dead-letter queue (docs/architecture.md#where-state-lives, docs/architecture.md#rule-4).

use std::time::Duration;

use local::aws::{Effect, InjectedAwsFault, Service};
use shared::aws::queue::{DeadLetter, Post};
use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::domain::session::Event;
use tests::injected::denied;

use super::{Parts, acme, post};

const A_MINUTE: Duration = Duration::from_secs(60);

impl Parts {
    fn messages(&self, url: &str) -> Vec<local::aws::MessageView> {
        let name = url.rsplit_once('/').expect("a queue's URL").1;
        self.aws.queue(name).expect("the queue exists").messages
    }

    fn waiting(&self) -> Vec<local::aws::MessageView> {
        self.messages(&self.stack.sessions_queue_url)
    }

    fn dead_letters(&self) -> Vec<local::aws::MessageView> {
        self.messages(&self.stack.sessions_dlq_url)
    }

    async fn send(&self, post: &Post) {
        let message = post.encode().expect("fits");
        let queues = self.queues();
        queues.send(post, message, A_MINUTE).await.expect("sent");
    }

    /// Receives all visible messages and returns their receipt handles.
    async fn receive(&self) -> Vec<String> {
        let answer = self
            .sqs
            .receive_message()
            .queue_url(&self.stack.sessions_queue_url)
            .max_number_of_messages(10)
            .send()
            .await
            .expect("received");
        let handle = |message: &aws_sdk_sqs::types::Message| {
            message.receipt_handle().expect("a handle").to_owned()
        };
        answer.messages().iter().map(handle).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_a_message_of_its_sessions_group_with_its_digest_as_deduplication_id() {
    let parts = Parts::start().await;
    let (first, second) = (post("7", "hello"), post("7", "goodbye"));
    for post in [&first, &second, &first] {
        parts.send(post).await;
    }
    let messages = parts.waiting();
    assert_eq!(messages.len(), 2);
    for (message, post) in messages.iter().zip([first, second]) {
        assert_eq!(message.group.as_deref(), Some("acme#7"));
        let digest = post.digest.as_str().to_owned();
        assert_eq!(message.deduplication_id, Some(digest));
        assert_eq!(Post::decode(&message.body), Ok(post));
    }
}

/// Among them characters that JSON allows and SQS refuses.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_with_any_characters_is_accepted_by_the_queue() {
    let parts = Parts::start().await;
    let odd = post(
        "7",
        "a\u{0}b\u{1}c\u{b}d\u{fffe}e\u{ffff}f\u{1f600}g\u{7f}\u{85}h\r\n\t",
    );
    parts.send(&odd).await;
    assert_eq!(Post::decode(&parts.waiting()[0].body), Ok(odd));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_has_reason_tenant_session_and_time_as_attributes() {
    let parts = Parts::start().await;
    let given_up = post("7", "hello");
    let text = given_up.encode().expect("fits");
    let received_at = Timestamp::from_millis(1_747_216_900_000);
    let dead_letter = DeadLetter::message(
        text.clone(),
        ErrorCode::OutcomeUnknown,
        Some(&given_up),
        received_at,
    );
    let raw = DeadLetter::raw(b"\xffodd", ErrorCode::MalformedBody, &acme(), received_at);
    let queues = parts.queues();
    queues.send_dead_letter(dead_letter).await.expect("sent");
    let raw = raw.expect("fits");
    let raw = raw.posted_as(Some("text/xml; charset=utf-16"), Some(Event::Ended));
    let sent = queues.send_dead_letter_patiently(raw, A_MINUTE).await;
    sent.expect("sent");

    let dead_letters = parts.dead_letters();
    assert_eq!(dead_letters.len(), 2);
    let attribute = |index: usize, name: &str| dead_letters[index].attributes.get(name).cloned();
    assert_eq!(dead_letters[0].body, text);
    for (name, value) in [
        ("reason", "outcome-unknown"),
        ("encoding", "message"),
        ("received_at", "2025-05-14T10:01:40.000Z"),
        ("tenant", "acme"),
        ("session_id", "7"),
    ] {
        assert_eq!(attribute(0, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(dead_letters[1].body, "/29kZA==");
    assert_eq!(attribute(1, "reason").as_deref(), Some("malformed-body"));
    assert_eq!(attribute(1, "encoding").as_deref(), Some("base64"));
    assert_eq!(attribute(1, "session_id"), None);
    let content_type = attribute(1, "content_type");
    assert_eq!(content_type.as_deref(), Some("text/xml; charset=utf-16"));
    assert_eq!(attribute(1, "event").as_deref(), Some("ended"));
    assert_eq!(attribute(0, "content_type"), None);
}

/// SQS deduplicates the repeated message.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_whose_answer_was_lost_is_stored_once() {
    let parts = Parts::start().await;
    let lost = InjectedAwsFault::once(Service::Sqs, "SendMessage", Effect::DropAfter);
    parts.aws.inject(lost.times(5));
    let now = Timestamp::from_millis(0);
    let dead_letter =
        DeadLetter::raw(b"odd", ErrorCode::MalformedBody, &acme(), now).expect("fits");
    let queues = parts.queues();
    let sent = queues
        .send_dead_letter_patiently(dead_letter, A_MINUTE)
        .await;
    sent.expect("sent");
    assert_eq!(parts.dead_letters().len(), 1);
}

/// Every dead letter has a deduplication id and a group of its own (docs/architecture.md#rule-4).
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_is_sent_twice_is_two_messages_in_two_groups() {
    let parts = Parts::start().await;
    for _ in 0..2 {
        let dead_letter = DeadLetter::message(
            "{}".to_owned(),
            ErrorCode::MalformedMessage,
            None,
            Timestamp::from_millis(0),
        );
        parts
            .queues()
            .send_dead_letter(dead_letter)
            .await
            .expect("sent");
    }
    let dead_letters = parts.dead_letters();
    assert_eq!(dead_letters.len(), 2);
    assert_ne!(dead_letters[0].group, dead_letters[1].group);
}

/// docs/architecture.md#rule-4: the visibility of every unfinished message is set explicitly.
#[tokio::test(flavor = "multi_thread")]
async fn each_message_is_hidden_for_its_own_time_and_twelve_hours_at_most() {
    let parts = Parts::start().await;
    for session in ["1", "2", "3", "4"] {
        parts.send(&post(session, "hello")).await;
    }
    let handles = parts.receive().await;
    let delays = [
        Duration::ZERO,
        Duration::from_millis(29_001),
        Duration::from_secs(3600),
        Duration::from_secs(13 * 3600),
    ];
    let postponed: Vec<_> = handles.into_iter().zip(delays).collect();
    assert_eq!(postponed.len(), 4);
    parts.queues().postpone(&postponed).await.expect("hidden");
    let hidden: Vec<u64> = parts
        .waiting()
        .iter()
        .map(|message| message.hidden_for.as_secs())
        .collect();
    // SQS counts the twelve hours from the receipt; an invocation may last up to 15 minutes.
    assert_eq!(hidden, [0, 30, 3600, 12 * 3600 - 900]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_hidden_is_reported_and_the_others_are_hidden() {
    let parts = Parts::start().await;
    parts.send(&post("1", "hello")).await;
    let handle = parts.receive().await.remove(0);
    let messages = [("no handle".to_owned(), A_MINUTE), (handle, A_MINUTE)];
    let outcome = parts.queues().postpone(&messages).await;
    outcome.expect_err("one of them is unknown");
    assert_eq!(parts.waiting()[0].hidden_for, A_MINUTE);
}

/// Decision 0006.
#[tokio::test(flavor = "multi_thread")]
async fn messages_become_visible_by_their_present_receipt_handles_only() {
    let parts = Parts::start().await;
    parts.send(&post("1", "hello")).await;
    parts.send(&post("2", "hello")).await;
    let stale = parts.receive().await;
    parts.advance(1800);
    let live = parts.receive().await;
    let handles = [stale, live, vec!["no handle".to_owned()]].concat();
    let shown = parts.queues().make_visible(&handles).await;
    assert_eq!(shown.expect("no error"), 2);
    let visible = parts.waiting();
    assert!(visible.iter().all(|message| message.hidden_for.is_zero()));

    let fault = InjectedAwsFault::once(Service::Sqs, "ChangeMessageVisibilityBatch", denied());
    parts.aws.inject(fault);
    let refused = parts.queues().make_visible(&handles).await;
    refused.expect_err("SQS did nothing");
}

/// Decision 0006: the group is none that a session can have, and the message is never deduplicated.
#[tokio::test(flavor = "multi_thread")]
async fn every_wake_request_is_a_message_in_its_tenants_own_group() {
    let parts = Parts::start().await;
    for _ in 0..2 {
        parts.queues().wake(&acme()).await.expect("sent");
    }
    let messages = parts.waiting();
    assert_eq!(messages.len(), 2);
    for message in messages {
        assert_eq!(message.body, "{\"v\":1,\"wake\":\"acme\"}");
        assert_eq!(message.group.as_deref(), Some("acme#*"));
    }
}
