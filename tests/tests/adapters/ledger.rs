//! Claims in the delivery ledger (docs/architecture.md#rule-2).

use std::collections::BTreeSet;
use std::time::Duration;

use local::aws::{Effect, InjectedAwsFault, Service};
use shared::aws::ledger::{
    ClaimedPost, CreationClaim, EntryDetails, Ledger, PostClaim, PostProgress, PostState,
};
use shared::aws::queue::Post;
use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::domain::record::{RecordRef, SysId, TableName};
use shared::domain::tenant::TenantId;
use tests::LEASE;
use tests::injected::denied;

use super::{Parts, acme, post};

const NINETY_DAYS: u64 = 90 * 24 * 3600;

const FRESH: ClaimedPost = ClaimedPost {
    known: false,
    check_before_writing: false,
    attempts: 0,
    crashes: 0,
    retry_alone: false,
    reason: None,
};
/// The second attempt, after the process of the first one ended. That process handled no other post.
const TAKEN_OVER: ClaimedPost = ClaimedPost {
    known: true,
    check_before_writing: true,
    attempts: 1,
    crashes: 1,
    retry_alone: true,
    ..FRESH
};

/// One attempt, whose outcome is known.
const SETTLED: PostProgress = PostProgress {
    next_attempt_at: Timestamp::from_millis(0),
    reason: None,
    check_before_writing: false,
    attempts: 1,
};
/// Three attempts, the last one with an unknown outcome.
const UNKNOWN: PostProgress = PostProgress {
    reason: Some(ErrorCode::OutcomeUnknown),
    check_before_writing: true,
    attempts: 3,
    ..SETTLED
};

/// A ledger and the post that is claimed in it.
struct PostInLedger {
    parts: Parts,
    table: Ledger,
    post: Post,
}

impl PostInLedger {
    async fn start() -> Self {
        let parts = Parts::start().await;
        Self {
            table: parts.ledger(),
            post: post("7", "hello"),
            parts,
        }
    }

    fn in_seconds(&self, seconds: u64) -> Timestamp {
        self.parts.clock.now().plus(Duration::from_secs(seconds))
    }

    /// When a lease that is taken now ends.
    fn lease_end(&self) -> Timestamp {
        self.in_seconds(LEASE)
    }

    fn outlast_the_lease(&self) {
        self.parts.advance(LEASE + 1);
    }

    /// The next write takes effect, and its answer is lost.
    fn lose_an_answer(&self) {
        let lost = InjectedAwsFault::once(Service::DynamoDb, "UpdateItem", Effect::DropAfter);
        self.parts.aws.inject(lost);
    }

    async fn claim_as(&self, owner: &str, alone: bool) -> PostClaim {
        let claim = self.table.claim(&self.post, owner, self.lease_end(), alone);
        claim.await.expect("the table answers")
    }

    async fn claim(&self, owner: &str) -> PostClaim {
        self.claim_as(owner, true).await
    }

    /// A claim that has to succeed: what the attempt starts from.
    async fn claimed_as(&self, owner: &str, alone: bool) -> ClaimedPost {
        match self.claim_as(owner, alone).await {
            PostClaim::Started(claimed) => claimed,
            refused => panic!("{owner}: {refused:?}"),
        }
    }

    async fn claimed(&self, owner: &str) -> ClaimedPost {
        self.claimed_as(owner, true).await
    }

    async fn assert_locked(&self, owner: &str, until: Timestamp) {
        assert_eq!(self.claim(owner).await, PostClaim::Locked(until), "{owner}");
    }

    async fn assert_delivered(&self) {
        let completed = PostClaim::Completed(PostState::Delivered);
        assert_eq!(self.claim("another").await, completed);
    }

    async fn complete(&self, owner: &str, state: PostState) -> bool {
        let left = PostProgress {
            reason: (state == PostState::Failed).then_some(ErrorCode::ServiceNowRefused),
            ..SETTLED
        };
        self.complete_as(owner, state, left).await
    }

    async fn complete_as(&self, owner: &str, state: PostState, left: PostProgress) -> bool {
        let details = EntryDetails::default();
        let ended = self.table.complete(&self.post, owner, state, left, details);
        ended.await.expect("the table answers")
    }

    /// Releases the post as [`UNKNOWN`].
    async fn release(&self, owner: &str, next_attempt_at: Timestamp) -> bool {
        let waiting = PostProgress {
            next_attempt_at,
            ..UNKNOWN
        };
        let released = self
            .table
            .release(&self.post, owner, waiting, BTreeSet::new());
        released.await.expect("the table answers")
    }

    async fn release_now(&self, owner: &str) -> bool {
        self.release(owner, self.parts.clock.now()).await
    }

    async fn await_authorization(&self, handle: &str) {
        let (until, handles) = (self.in_seconds(3600), vec![handle.to_owned()]);
        let written = self.table.await_authorization(&self.post, until, handles);
        written.await.expect("the table answers");
    }

    /// The receipt handles of all posts that wait for acme's re-authorisation.
    async fn waiting_handles(&self) -> Vec<String> {
        let from = Timestamp::from_millis(0);
        let (table, acme) = (&self.table, acme());
        let found = table.waiting_for_authorization(&acme, from, None).await;
        let found = found.expect("the index answers");
        assert!(found.rest.is_none());
        found.receipt_handles
    }

    /// The record of the post's session.
    async fn record(&self) -> Option<RecordRef> {
        let session = self.table.session(&acme(), &self.post.session_id).await;
        session.expect("read").record
    }

    async fn store_record(&self, record: &RecordRef) {
        let session = &self.post.session_id;
        let written = self.table.store_record(&acme(), session, record).await;
        written.expect("written");
    }
}

fn record(digit: char) -> RecordRef {
    RecordRef {
        table: TableName::incident(),
        sys_id: SysId::parse(&digit.to_string().repeat(32)).expect("valid"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claimed_post_is_locked_until_the_lease_ends() {
    let mut ledger = PostInLedger::start().await;
    let until = ledger.lease_end();
    assert_eq!(ledger.claimed("a").await, FRESH);
    ledger.parts.advance(1);
    ledger.assert_locked("b", until).await;
    ledger.post = post("7", "another text");
    assert_eq!(ledger.claimed("b").await, FRESH, "another post is free");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_claims_at_once_one_starts() {
    let ledger = PostInLedger::start().await;
    let owners: Vec<String> = (0..20).map(|owner| owner.to_string()).collect();
    let claims = futures::future::join_all(owners.iter().map(|owner| ledger.claim(owner))).await;
    let started = |claim: &&PostClaim| matches!(claim, PostClaim::Started(_));
    assert_eq!(claims.iter().filter(started).count(), 1, "{claims:?}");
}

/// docs/architecture.md#rule-2: completing and releasing are conditional on the owner.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_whose_claim_was_taken_over_changes_nothing() {
    let ledger = PostInLedger::start().await;
    ledger.claimed("a").await;
    ledger.outlast_the_lease();
    assert_eq!(ledger.claimed("b").await, TAKEN_OVER);
    assert!(!ledger.complete("a", PostState::Failed).await);
    assert!(!ledger.release_now("a").await);
    ledger.assert_locked("c", ledger.lease_end()).await;
    assert!(ledger.complete("b", PostState::Delivered).await);
    assert!(!ledger.release_now("b").await);
    assert!(!ledger.complete("a", PostState::Failed).await);
    ledger.assert_delivered().await;
}

/// Crashes are counted in the ledger.
#[tokio::test(flavor = "multi_thread")]
async fn every_crash_is_counted_and_an_attempt_that_ended_is_none() {
    let ledger = PostInLedger::start().await;
    ledger.claimed("0").await;
    for crashes in 1..=5 {
        ledger.outlast_the_lease();
        let started = ledger.claimed(&crashes.to_string()).await;
        assert_eq!(
            (started.crashes, started.check_before_writing),
            (crashes, true)
        );
    }
    assert!(ledger.release_now("5").await);
    assert_eq!(ledger.claimed("6").await.crashes, 5);
}

/// A process handles ten sessions at once, and one of them at most is the cause of its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_counts_only_against_a_post_that_was_handled_alone() {
    let ledger = PostInLedger::start().await;
    let claim = async |owner: &str, alone: bool| {
        let started = ledger.claimed_as(owner, alone).await;
        let check = started.check_before_writing;
        (started.crashes, started.retry_alone, check)
    };
    assert_eq!(claim("a", false).await, (0, false, false));
    ledger.outlast_the_lease();
    assert_eq!(claim("b", false).await, (0, true, true), "among others");
    // It is released, to be handled alone.
    assert!(ledger.release_now("b").await);
    assert_eq!(claim("c", true).await, (0, true, true));
    ledger.outlast_the_lease();
    assert_eq!(claim("d", false).await, (1, true, true), "alone");
    ledger.outlast_the_lease();
    // The claim's answer is lost, and the SDK repeats the claim.
    ledger.lose_an_answer();
    assert_eq!(claim("e", true).await, (1, true, true), "among others");
    ledger.outlast_the_lease();
    assert_eq!(claim("f", true).await, (2, true, true), "alone");
}

/// `attempts` counts every attempt, the present one included.
#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_is_counted_when_it_begins() {
    let ledger = PostInLedger::start().await;
    let attempts = async || {
        let stack = &ledger.parts.stack;
        let items = stack.dynamodb.scan().table_name(&stack.sessions_table);
        let items = items.send().await.expect("read");
        items.items()[0]["attempts"]
            .as_n()
            .expect("a number")
            .clone()
    };
    ledger.claimed("a").await;
    assert_eq!(attempts().await, "1");
    for (owner, nth) in [("b", "2"), ("c", "3")] {
        ledger.outlast_the_lease();
        ledger.claimed(owner).await;
        assert_eq!(attempts().await, nth);
    }
    let left = PostProgress {
        attempts: 3,
        ..SETTLED
    };
    assert!(ledger.complete_as("c", PostState::Delivered, left).await);
    assert_eq!(attempts().await, "3");
}

/// A dead letter with an unknown outcome is not delivered again before ServiceNow can have committed the write.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_post_is_not_claimed_before_its_outcome_can_be_checked() {
    let ledger = PostInLedger::start().await;
    ledger.claimed("a").await;
    let then = ledger.in_seconds(70);
    let left = PostProgress {
        next_attempt_at: then,
        reason: Some(ErrorCode::ServiceNowUnavailable),
        attempts: 1,
        ..UNKNOWN
    };
    assert!(ledger.complete_as("a", PostState::Failed, left).await);
    ledger.parts.advance(69);
    ledger.assert_locked("b", then).await;
    // Nor after it waits for a re-authorisation, which a claim may end early.
    ledger.await_authorization("handle").await;
    let claim = ledger.claim("b").await;
    assert_matches!(claim, PostClaim::Locked(_));
    ledger.parts.advance(1);
    assert!(ledger.claimed("b").await.check_before_writing);
}

/// One of a session's posts creates the record, also when the queue delivers two of them at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_sessions_record_is_created_under_a_claim_that_one_post_holds() {
    let ledger = PostInLedger::start().await;
    let (one, other) = (post("7", "hello"), post("7", "another text"));
    let claim = async |post: &Post, known: Option<&RecordRef>| {
        let until = ledger.lease_end();
        let claim = ledger.table.claim_creation(post, until, known).await;
        claim.expect("answered")
    };
    let locked = async |known: Option<&RecordRef>| {
        let claim = claim(&other, known).await;
        assert_matches!(claim, CreationClaim::Locked(_));
    };
    let started = |search_before_creating| CreationClaim::Started {
        search_before_creating,
    };
    let until = ledger.lease_end();
    assert_eq!(claim(&one, None).await, started(false));
    assert_eq!(claim(&other, None).await, CreationClaim::Locked(until));
    assert_eq!(claim(&one, None).await, started(false), "the next attempt");
    assert_eq!(ledger.record().await, None, "it is not made yet");
    ledger.outlast_the_lease();
    assert_eq!(claim(&other, None).await, started(true), "after a crash");
    let (first, second) = (record('1'), record('2'));
    ledger.store_record(&first).await;
    let exists = CreationClaim::Exists(first.clone());
    assert_eq!(claim(&one, None).await, exists);
    // A closed record is replaced once.
    assert_eq!(claim(&one, Some(&first)).await, started(false));
    locked(Some(&first)).await;
    ledger.store_record(&second).await;
    let exists = CreationClaim::Exists(second);
    assert_eq!(claim(&other, Some(&first)).await, exists);
    ledger.parts.advance(NINETY_DAYS + 1);
    let anew = claim(&one, None).await;
    assert_matches!(anew, CreationClaim::Started { .. });
    assert_eq!(ledger.record().await, None, "it has expired");
    locked(None).await;
}

/// docs/architecture.md#rule-4: `failed` and `unmatched` posts may be claimed again; others are complete.
#[tokio::test(flavor = "multi_thread")]
async fn only_failed_and_unmatched_posts_can_be_claimed_again() {
    // Only a dead letter's attempts are reset.
    let failed = ClaimedPost {
        known: true,
        reason: Some(ErrorCode::ServiceNowRefused),
        ..FRESH
    };
    let unmatched = ClaimedPost {
        known: true,
        attempts: 1,
        ..FRESH
    };
    for (state, expected) in [
        (PostState::Failed, PostClaim::Started(failed)),
        (PostState::Unmatched, PostClaim::Started(unmatched)),
        (
            PostState::Delivered,
            PostClaim::Completed(PostState::Delivered),
        ),
        (PostState::Ignored, PostClaim::Completed(PostState::Ignored)),
    ] {
        let ledger = PostInLedger::start().await;
        ledger.claimed("a").await;
        assert!(ledger.complete("a", state).await, "{state:?}");
        ledger.parts.advance(3600);
        assert_eq!(ledger.claim("b").await, expected, "{state:?}");
    }
}

/// docs/architecture.md#rule-2: an unknown outcome stays in the entry when the post is sent again.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_post_starts_anew_and_is_still_checked_before_it_is_written() {
    let ledger = PostInLedger::start().await;
    ledger.claimed("a").await;
    assert!(ledger.release_now("a").await);
    ledger.claimed("b").await;
    let left = PostProgress {
        next_attempt_at: ledger.parts.clock.now(),
        attempts: 5,
        ..UNKNOWN
    };
    assert!(ledger.complete_as("b", PostState::Failed, left).await);
    let anew = ClaimedPost {
        known: true,
        check_before_writing: true,
        reason: Some(ErrorCode::OutcomeUnknown),
        ..FRESH
    };
    assert_eq!(ledger.claimed("c").await, anew);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_post_is_not_claimed_before_its_time() {
    let ledger = PostInLedger::start().await;
    ledger.claimed("a").await;
    let then = ledger.in_seconds(70);
    assert!(ledger.release("a", then).await);
    ledger.parts.advance(69);
    ledger.assert_locked("b", then).await;
    ledger.parts.advance(1);
    let started = ClaimedPost {
        known: true,
        check_before_writing: true,
        attempts: 3,
        reason: Some(ErrorCode::OutcomeUnknown),
        ..FRESH
    };
    assert_eq!(ledger.claimed("b").await, started);
}

/// docs/architecture.md#rule-2: the owner keeps a claim whose answer was lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_a_claim_does_not_lock_its_owner_out() {
    let ledger = PostInLedger::start().await;
    ledger.lose_an_answer();
    assert_eq!(ledger.claimed("a").await, FRESH);
    ledger.assert_locked("b", ledger.lease_end()).await;

    ledger.outlast_the_lease();
    ledger.lose_an_answer();
    assert_eq!(ledger.claimed("b").await, TAKEN_OVER);
    assert!(ledger.complete("b", PostState::Delivered).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_completed_or_released_although_the_answer_was_lost() {
    let ledger = PostInLedger::start().await;
    ledger.claimed("a").await;
    ledger.lose_an_answer();
    let then = ledger.in_seconds(30);
    assert!(ledger.release("a", then).await, "its own write");
    ledger.assert_locked("b", then).await;
    ledger.parts.advance(30);

    ledger.claimed("b").await;
    ledger.lose_an_answer();
    let completed = ledger.complete("b", PostState::Delivered).await;
    assert!(completed, "its own write");
    ledger.assert_delivered().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_cannot_be_written_starts_no_claim() {
    let ledger = PostInLedger::start().await;
    let fault = InjectedAwsFault::any(Service::DynamoDb, denied());
    ledger.parts.aws.inject(fault);
    let claim = ledger
        .table
        .claim(&ledger.post, "a", ledger.lease_end(), true);
    claim.await.expect_err("no claim");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sessions_record_is_stored_for_ninety_days() {
    let ledger = PostInLedger::start().await;
    assert_eq!(ledger.record().await, None);
    let record = RecordRef {
        table: TableName::case(),
        ..record('c')
    };
    ledger.store_record(&record).await;
    ledger.parts.advance(NINETY_DAYS);
    assert_eq!(ledger.record().await, Some(record));
    ledger.parts.advance(1);
    assert_eq!(ledger.record().await, None);
}

/// DynamoDB deletes expired items up to two days late.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_entry_counts_as_absent() {
    let ledger = PostInLedger::start().await;
    ledger.claimed("a").await;
    assert!(ledger.release_now("a").await);
    ledger.claimed("b").await;
    assert!(ledger.complete("b", PostState::Delivered).await);
    ledger.parts.advance(NINETY_DAYS + 1);
    assert_eq!(ledger.claimed("c").await, FRESH);
}

/// docs/architecture.md#where-state-lives: no chat, no notes, no personal data beyond ids.
#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_holds_no_text_of_a_person() {
    let mut ledger = PostInLedger::start().await;
    ledger.post = post("7", "a confidential text");
    ledger.claimed("a").await;
    let calls = ledger.parts.aws.journal().calls();
    assert!(calls.iter().any(|call| call.operation == "UpdateItem"));
    for call in calls {
        let request = call.request.to_string();
        assert!(!request.contains("confidential"), "{request}");
    }
}

/// Decision 0006: the claiming process has found no pause.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_waits_for_a_token_can_be_claimed_at_any_time() {
    let ledger = PostInLedger::start().await;
    ledger.await_authorization("one").await;
    ledger.await_authorization("two").await;
    assert_eq!(ledger.waiting_handles().await, ["two"], "the latest counts");
    let fresh = ClaimedPost {
        reason: Some(ErrorCode::ReauthorizationNeeded),
        ..FRESH
    };
    assert_eq!(ledger.claimed("a").await, fresh);
    assert!(ledger.waiting_handles().await.is_empty());
    assert!(ledger.complete("a", PostState::Delivered).await);
}

/// Decision 0006: attempts, crashes and unknown outcomes stay in the entry.
#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_token_keeps_the_attempts_of_a_post() {
    let ledger = PostInLedger::start().await;
    ledger.claimed("a").await;
    ledger.outlast_the_lease();
    ledger.claimed("b").await;
    assert!(ledger.release_now("b").await);
    ledger.await_authorization("handle").await;
    assert_eq!(ledger.waiting_handles().await, ["handle"]);
    let started = ClaimedPost {
        attempts: 3,
        reason: Some(ErrorCode::ReauthorizationNeeded),
        ..TAKEN_OVER
    };
    assert_eq!(ledger.claimed("c").await, started);
}

/// docs/architecture.md#rule-2 and docs/architecture.md#rule-4: claims and waiting times are not overwritten.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_is_claimed_or_waits_for_another_reason_does_not_wait_for_a_token() {
    let ledger = PostInLedger::start().await;
    ledger.claimed("a").await;
    ledger.await_authorization("handle").await;
    ledger.assert_locked("b", ledger.lease_end()).await;

    let then = ledger.in_seconds(70);
    assert!(ledger.release("a", then).await);
    ledger.await_authorization("handle").await;
    ledger.assert_locked("b", then).await;
    assert!(ledger.waiting_handles().await.is_empty());
    ledger.parts.advance(70);
    ledger.claimed("b").await;
    assert!(ledger.complete("b", PostState::Delivered).await);
    ledger.await_authorization("handle").await;
    ledger.assert_delivered().await;
}

/// Decision 0006: a post whose process ended is woken too. Its crash counts, and the next lease holder checks first.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_whose_process_ended_waits_for_a_token_and_its_crash_stays_counted() {
    let ledger = PostInLedger::start().await;
    ledger.claimed("a").await;
    ledger.outlast_the_lease();
    ledger.await_authorization("handle").await;
    assert_eq!(ledger.waiting_handles().await, ["handle"]);
    let started = ledger.claimed("b").await;
    assert_eq!((started.crashes, started.check_before_writing), (1, true));
    assert!(ledger.waiting_handles().await.is_empty());
}

/// docs/architecture.md#rule-4: a dead letter that is sent again starts anew, whether its tenant is authorised or not.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_post_that_is_sent_again_waits_for_a_token_and_then_starts_anew() {
    let ledger = PostInLedger::start().await;
    ledger.claimed("a").await;
    ledger.outlast_the_lease();
    ledger.claimed("b").await;
    assert!(ledger.complete("b", PostState::Failed).await);
    ledger.await_authorization("handle").await;
    assert_eq!(ledger.waiting_handles().await, ["handle"]);
    let anew = ClaimedPost {
        known: true,
        reason: Some(ErrorCode::ReauthorizationNeeded),
        ..FRESH
    };
    assert_eq!(ledger.claimed("c").await, anew);
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_that_wait_for_a_token_are_found_in_order_page_by_page_and_by_tenant() {
    let mut ledger = PostInLedger::start().await;
    let (acme, now) = (acme(), ledger.parts.clock.now());
    let at = |nth: u32| now.plus(Duration::from_millis(nth.into()));
    ledger.post.tenant = TenantId::parse("other").expect("valid");
    ledger.await_authorization("foreign").await;
    // Written in reverse, so that only the index can order them.
    for nth in (0..250).rev() {
        ledger.post = post(&nth.to_string(), "hello");
        ledger.post.received_at = at(nth);
        ledger.await_authorization(&nth.to_string()).await;
    }
    let (mut found, mut rest, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = ledger.table.waiting_for_authorization(&acme, at(10), rest);
        let page = page.await.expect("the index answers");
        found.extend(page.receipt_handles);
        pages += 1;
        rest = page.rest;
        let Some(rest) = &rest else { break };
        let last: u32 = found.last().expect("some").parse().expect("a number");
        assert_eq!(rest.from, at(last), "where another process can continue");
    }
    let expected: Vec<String> = (10..250).map(|nth| nth.to_string()).collect();
    assert_eq!(found, expected);
    assert_eq!(pages, 2);
}
