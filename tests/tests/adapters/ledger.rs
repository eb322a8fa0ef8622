//! Claims in the delivery ledger (docs/architecture.md#rule-2).

use std::collections::BTreeSet;
use std::time::Duration;

use local::aws::{Effect, InjectedAwsFault, Service};
use shared::aws::ledger::{
    ClaimedPost, CreationClaim, Ledger, OutcomeDetails, PostClaim, PostState, WaitingPost,
};
use shared::aws::queue::Post;
use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::domain::record::{RecordRef, SysId, Table};
use shared::domain::tenant::TenantId;

use super::{Parts, acme, post};

const LEASE: Duration = Duration::from_secs(370);
const FRESH: ClaimedPost = ClaimedPost {
    known: false,
    look_first: false,
    attempts: 0,
    deaths: 0,
    suspect: false,
    reason: None,
};
/// After the death of a process that handled no other post.
const TAKEN_OVER: ClaimedPost = ClaimedPost {
    known: true,
    look_first: true,
    deaths: 1,
    suspect: true,
    ..FRESH
};

async fn claim(parts: &Parts, ledger: &Ledger, owner: &str) -> PostClaim {
    let until = parts.clock.now().plus(LEASE);
    let claim = ledger.claim(&post("7", "hello"), owner, until, true).await;
    claim.expect("the table answers")
}

async fn complete(ledger: &Ledger, owner: &str, state: PostState) -> bool {
    let left = WaitingPost {
        next_attempt_at: Timestamp::from_millis(0),
        reason: (state == PostState::Failed).then_some(ErrorCode::ServiceNowRefused),
        look_first: false,
        attempts: 1,
    };
    complete_as(ledger, owner, state, left).await
}

async fn complete_as(ledger: &Ledger, owner: &str, state: PostState, left: WaitingPost) -> bool {
    let details = OutcomeDetails::default();
    let post = post("7", "hello");
    let ended = ledger.complete(&post, owner, state, left, details);
    ended.await.expect("the table answers")
}

async fn release(ledger: &Ledger, owner: &str, next_attempt_at: Timestamp) -> bool {
    let waiting = WaitingPost {
        next_attempt_at,
        reason: Some(ErrorCode::OutcomeUnknown),
        look_first: true,
        attempts: 3,
    };
    let post = post("7", "hello");
    let released = ledger.release(&post, owner, waiting, BTreeSet::new());
    released.await.expect("the table answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claimed_post_is_locked_until_the_lease_ends() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    let until = parts.clock.now().plus(LEASE);
    assert_eq!(claim(&parts, &ledger, "a").await, PostClaim::Started(FRESH));
    parts.advance(1);
    assert_eq!(claim(&parts, &ledger, "b").await, PostClaim::Locked(until));
    let other = post("7", "another text");
    let claimed = ledger
        .claim(&other, "b", until, true)
        .await
        .expect("answered");
    assert_eq!(claimed, PostClaim::Started(FRESH), "another post is free");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_claims_at_once_one_starts() {
    let parts = Parts::start().await;
    let owners: Vec<String> = (0..20).map(|owner| owner.to_string()).collect();
    let ledger = parts.ledger();
    let claims = owners.iter().map(|owner| claim(&parts, &ledger, owner));
    let claims = futures::future::join_all(claims).await;
    let started = |claim: &&PostClaim| matches!(claim, PostClaim::Started(_));
    assert_eq!(claims.iter().filter(started).count(), 1, "{claims:?}");
}

/// docs/architecture.md#rule-2: completing and releasing are conditional on the owner.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_whose_claim_was_taken_over_changes_nothing() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    claim(&parts, &ledger, "a").await;
    parts.advance(LEASE.as_secs() + 1);
    let taken_over = ClaimedPost {
        attempts: 1,
        ..TAKEN_OVER
    };
    assert_eq!(
        claim(&parts, &ledger, "b").await,
        PostClaim::Started(taken_over)
    );
    let until = parts.clock.now().plus(LEASE);
    assert!(!complete(&ledger, "a", PostState::Failed).await);
    assert!(!release(&ledger, "a", parts.clock.now()).await);
    assert_eq!(claim(&parts, &ledger, "c").await, PostClaim::Locked(until));
    assert!(complete(&ledger, "b", PostState::Delivered).await);
    assert!(!release(&ledger, "b", parts.clock.now()).await);
    assert!(!complete(&ledger, "a", PostState::Failed).await);
    assert_eq!(
        claim(&parts, &ledger, "c").await,
        PostClaim::Completed(PostState::Delivered)
    );
}

/// Processing deaths are counted in the ledger.
#[tokio::test(flavor = "multi_thread")]
async fn every_death_is_counted_and_an_attempt_that_ended_is_none() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    claim(&parts, &ledger, "0").await;
    for deaths in 1..=5 {
        parts.advance(LEASE.as_secs() + 1);
        let PostClaim::Started(started) = claim(&parts, &ledger, &deaths.to_string()).await else {
            panic!("locked after {deaths} deaths");
        };
        assert_eq!((started.deaths, started.look_first), (deaths, true));
    }
    assert!(release(&ledger, "5", parts.clock.now()).await);
    let PostClaim::Started(started) = claim(&parts, &ledger, "6").await else {
        panic!("locked");
    };
    assert_eq!(started.deaths, 5);
}

/// A process handles ten sessions at once, and one of them at most is the cause of its death.
#[tokio::test(flavor = "multi_thread")]
async fn a_death_counts_only_against_a_post_that_was_handled_alone() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    let hello = post("7", "hello");
    let claim = async |owner: &str, alone: bool| {
        let until = parts.clock.now().plus(LEASE);
        match ledger.claim(&hello, owner, until, alone).await {
            Ok(PostClaim::Started(started)) => {
                (started.deaths, started.suspect, started.look_first)
            }
            other => panic!("{owner}: {other:?}"),
        }
    };
    let die = || parts.advance(LEASE.as_secs() + 1);
    assert_eq!(claim("a", false).await, (0, false, false));
    die();
    assert_eq!(claim("b", false).await, (0, true, true), "among others");
    // It is released, to be handled alone.
    assert!(release(&ledger, "b", parts.clock.now()).await);
    assert_eq!(claim("c", true).await, (0, true, true));
    die();
    assert_eq!(claim("d", false).await, (1, true, true), "alone");
    die();
    // The claim's answer is lost, and the SDK repeats the claim.
    let lost = InjectedAwsFault::once(Service::DynamoDb, "UpdateItem", Effect::DropAfter);
    parts.aws.inject(lost);
    assert_eq!(claim("e", true).await, (1, true, true), "among others");
    die();
    assert_eq!(claim("f", true).await, (2, true, true), "alone");
}

/// `attempts` counts every attempt, the present one included.
#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_is_counted_when_it_begins() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    let attempts = async || {
        let stack = &parts.stack;
        let items = stack.dynamodb.scan().table_name(&stack.sessions_table);
        let items = items.send().await.expect("read");
        items.items()[0]["attempts"]
            .as_n()
            .expect("a number")
            .clone()
    };
    claim(&parts, &ledger, "a").await;
    assert_eq!(attempts().await, "1");
    for (owner, death) in [("b", "2"), ("c", "3")] {
        parts.advance(LEASE.as_secs() + 1);
        claim(&parts, &ledger, owner).await;
        assert_eq!(attempts().await, death);
    }
    let left = WaitingPost {
        next_attempt_at: parts.clock.now(),
        reason: None,
        look_first: false,
        attempts: 3,
    };
    assert!(complete_as(&ledger, "c", PostState::Delivered, left).await);
    assert_eq!(attempts().await, "3");
}

/// A dead letter with an unknown outcome is not delivered again before ServiceNow can have committed the write.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_post_is_not_claimed_before_its_outcome_can_be_looked_for() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    claim(&parts, &ledger, "a").await;
    let then = parts.clock.now().plus(Duration::from_secs(70));
    let left = WaitingPost {
        next_attempt_at: then,
        reason: Some(ErrorCode::ServiceNowUnavailable),
        look_first: true,
        attempts: 1,
    };
    assert!(complete_as(&ledger, "a", PostState::Failed, left).await);
    parts.advance(69);
    assert_eq!(claim(&parts, &ledger, "b").await, PostClaim::Locked(then));
    // Nor after it waits for a re-authorisation, which a claim may end early.
    await_authorization(&parts, "7", "handle").await;
    assert!(matches!(
        claim(&parts, &ledger, "b").await,
        PostClaim::Locked(_)
    ));
    parts.advance(1);
    let PostClaim::Started(started) = claim(&parts, &ledger, "b").await else {
        panic!("locked");
    };
    assert!(started.look_first);
}

/// One of a session's posts creates the record, also when the queue delivers two of them at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_sessions_record_is_created_under_a_claim_that_one_post_holds() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    let (one, other) = (post("7", "hello"), post("7", "another text"));
    let until = parts.clock.now().plus(LEASE);
    let claim = async |post: &Post, known: Option<&RecordRef>| {
        let until = parts.clock.now().plus(LEASE);
        let claim = ledger.claim_creation(post, until, known).await;
        claim.expect("answered")
    };
    let started = |look_first| CreationClaim::Started { look_first };
    assert_eq!(claim(&one, None).await, started(false));
    assert_eq!(claim(&other, None).await, CreationClaim::Locked(until));
    assert_eq!(claim(&one, None).await, started(false), "the next attempt");
    let session = &one.session_id;
    let known = ledger.record(&acme(), session).await.expect("read");
    assert_eq!(known, None, "it is not made yet");
    parts.advance(LEASE.as_secs() + 1);
    assert_eq!(claim(&other, None).await, started(true), "after a death");
    let record = |digit: char| RecordRef {
        table: Table::Incident,
        sys_id: SysId::parse(&digit.to_string().repeat(32)).expect("valid"),
    };
    let (first, second) = (record('1'), record('2'));
    let remember = async |record: &RecordRef| {
        let written = ledger.remember_record(&acme(), session, record).await;
        written.expect("written");
    };
    remember(&first).await;
    assert_eq!(
        claim(&one, None).await,
        CreationClaim::Exists(first.clone())
    );
    // A closed record is replaced once.
    assert_eq!(claim(&one, Some(&first)).await, started(false));
    assert!(matches!(
        claim(&other, Some(&first)).await,
        CreationClaim::Locked(_)
    ));
    remember(&second).await;
    assert_eq!(
        claim(&other, Some(&first)).await,
        CreationClaim::Exists(second)
    );
    parts.advance(90 * 24 * 3600 + 1);
    assert!(matches!(
        claim(&one, None).await,
        CreationClaim::Started { .. }
    ));
    let known = ledger.record(&acme(), session).await.expect("read");
    assert_eq!(known, None, "it has expired");
    assert!(matches!(
        claim(&other, None).await,
        CreationClaim::Locked(_)
    ));
}

/// docs/architecture.md#rule-4: `failed` and `unmatched` posts may be claimed again; others are complete.
#[tokio::test(flavor = "multi_thread")]
async fn only_failed_and_unmatched_posts_can_be_claimed_again() {
    for (state, again) in [
        (PostState::Failed, true),
        (PostState::Unmatched, true),
        (PostState::Delivered, false),
        (PostState::Ignored, false),
    ] {
        let parts = Parts::start().await;
        let ledger = parts.ledger();
        claim(&parts, &ledger, "a").await;
        assert!(complete(&ledger, "a", state).await);
        parts.advance(3600);
        let expected = if again {
            PostClaim::Started(ClaimedPost {
                known: true,
                // Only a dead letter's attempts are reset.
                attempts: u32::from(state == PostState::Unmatched),
                reason: (state == PostState::Failed).then_some(ErrorCode::ServiceNowRefused),
                ..FRESH
            })
        } else {
            PostClaim::Completed(state)
        };
        assert_eq!(claim(&parts, &ledger, "b").await, expected, "{state:?}");
    }
}

/// docs/architecture.md#rule-2: an unknown outcome stays in the entry when the post is sent again.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_post_starts_anew_and_still_looks_first() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    claim(&parts, &ledger, "a").await;
    assert!(release(&ledger, "a", parts.clock.now()).await);
    claim(&parts, &ledger, "b").await;
    let left = WaitingPost {
        next_attempt_at: parts.clock.now(),
        reason: Some(ErrorCode::OutcomeUnknown),
        look_first: true,
        attempts: 5,
    };
    assert!(complete_as(&ledger, "b", PostState::Failed, left).await);
    let anew = ClaimedPost {
        known: true,
        look_first: true,
        reason: Some(ErrorCode::OutcomeUnknown),
        ..FRESH
    };
    assert_eq!(claim(&parts, &ledger, "c").await, PostClaim::Started(anew));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_post_is_not_claimed_before_its_time() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    claim(&parts, &ledger, "a").await;
    let then = parts.clock.now().plus(Duration::from_secs(70));
    assert!(release(&ledger, "a", then).await);
    parts.advance(69);
    assert_eq!(claim(&parts, &ledger, "b").await, PostClaim::Locked(then));
    parts.advance(1);
    let started = ClaimedPost {
        known: true,
        look_first: true,
        attempts: 3,
        reason: Some(ErrorCode::OutcomeUnknown),
        ..FRESH
    };
    assert_eq!(
        claim(&parts, &ledger, "b").await,
        PostClaim::Started(started)
    );
}

/// docs/architecture.md#rule-2: the owner keeps a claim whose answer was lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_a_claim_does_not_lock_its_owner_out() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    let lost = || InjectedAwsFault::once(Service::DynamoDb, "UpdateItem", Effect::DropAfter);
    parts.aws.inject(lost());
    let until = parts.clock.now().plus(LEASE);
    assert_eq!(claim(&parts, &ledger, "a").await, PostClaim::Started(FRESH));
    assert_eq!(claim(&parts, &ledger, "b").await, PostClaim::Locked(until));

    parts.advance(LEASE.as_secs() + 1);
    parts.aws.inject(lost());
    let taken_over = ClaimedPost {
        attempts: 1,
        ..TAKEN_OVER
    };
    assert_eq!(
        claim(&parts, &ledger, "b").await,
        PostClaim::Started(taken_over)
    );
    assert!(complete(&ledger, "b", PostState::Delivered).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_completing_is_a_completed_post() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    claim(&parts, &ledger, "a").await;
    let fault = InjectedAwsFault::once(Service::DynamoDb, "UpdateItem", Effect::DropAfter);
    parts.aws.inject(fault);
    assert!(
        complete(&ledger, "a", PostState::Delivered).await,
        "its own write"
    );
    assert_eq!(
        claim(&parts, &ledger, "b").await,
        PostClaim::Completed(PostState::Delivered)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_releasing_is_a_released_post() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    claim(&parts, &ledger, "a").await;
    let fault = InjectedAwsFault::once(Service::DynamoDb, "UpdateItem", Effect::DropAfter);
    parts.aws.inject(fault);
    let then = parts.clock.now().plus(Duration::from_secs(30));
    assert!(release(&ledger, "a", then).await, "its own write");
    assert_eq!(claim(&parts, &ledger, "b").await, PostClaim::Locked(then));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_cannot_be_written_starts_no_claim() {
    let parts = Parts::start().await;
    let fault = InjectedAwsFault::any(Service::DynamoDb, super::denied());
    parts.aws.inject(fault);
    let until = parts.clock.now().plus(LEASE);
    let claim = parts
        .ledger()
        .claim(&post("7", "hello"), "a", until, true)
        .await;
    claim.expect_err("no claim");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sessions_record_is_stored_for_ninety_days() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    let session = post("7", "hello").session_id;
    assert_eq!(ledger.record(&acme(), &session).await.expect("read"), None);
    let record = RecordRef {
        table: Table::Case,
        sys_id: SysId::parse("0f1e2d3c4b5a69788796a5b4c3d2e1f0").expect("valid"),
    };
    ledger
        .remember_record(&acme(), &session, &record)
        .await
        .expect("written");
    let ninety_days = 90 * 24 * 3600;
    parts.advance(ninety_days);
    assert_eq!(
        ledger.record(&acme(), &session).await.expect("read"),
        Some(record)
    );
    parts.advance(1);
    assert_eq!(ledger.record(&acme(), &session).await.expect("read"), None);
}

/// DynamoDB deletes expired items up to two days late.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_entry_counts_as_absent() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    claim(&parts, &ledger, "a").await;
    assert!(release(&ledger, "a", parts.clock.now()).await);
    claim(&parts, &ledger, "b").await;
    assert!(complete(&ledger, "b", PostState::Delivered).await);
    parts.advance(90 * 24 * 3600 + 1);
    assert_eq!(claim(&parts, &ledger, "c").await, PostClaim::Started(FRESH));
}

/// docs/architecture.md#where-state-lives: no chat, no notes, no personal data beyond ids.
#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_holds_no_text_of_a_person() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    let secret = post("7", "a confidential text");
    let until = parts.clock.now().plus(LEASE);
    ledger
        .claim(&secret, "a", until, true)
        .await
        .expect("claimed");
    let calls = parts.aws.journal().calls();
    assert!(calls.iter().any(|call| call.operation == "UpdateItem"));
    for call in calls {
        let request = call.request.to_string();
        assert!(!request.contains("confidential"), "{request}");
    }
}

async fn await_authorization(parts: &Parts, session: &str, handle: &str) {
    let until = parts.clock.now().plus(Duration::from_secs(3600));
    let waiting = post(session, "hello");
    let handles = vec![handle.to_owned()];
    parts
        .ledger()
        .await_authorization(&waiting, until, handles)
        .await
        .expect("the table answers");
}

/// The receipt handles of all posts that wait for acme's re-authorisation.
async fn waiting_handles(parts: &Parts) -> Vec<String> {
    let from = Timestamp::from_millis(0);
    let found = parts.ledger();
    let found = found.waiting_for_authorization(&acme(), from, None).await;
    let found = found.expect("the index answers");
    assert!(found.rest.is_none());
    found.receipt_handles
}

/// Decision 0006: the claiming process has found no pause.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_waits_for_a_token_can_be_claimed_at_any_time() {
    let parts = Parts::start().await;
    await_authorization(&parts, "7", "one").await;
    await_authorization(&parts, "7", "two").await;
    assert_eq!(waiting_handles(&parts).await, ["two"], "the latest counts");
    let ledger = parts.ledger();
    let fresh = ClaimedPost {
        reason: Some(ErrorCode::ReauthorizationNeeded),
        ..FRESH
    };
    assert_eq!(claim(&parts, &ledger, "a").await, PostClaim::Started(fresh));
    assert!(waiting_handles(&parts).await.is_empty());
    assert!(complete(&ledger, "a", PostState::Delivered).await);
}

/// Decision 0006: attempts, deaths and unknown outcomes stay in the entry.
#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_token_keeps_the_attempts_of_a_post() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    claim(&parts, &ledger, "a").await;
    parts.advance(LEASE.as_secs() + 1);
    claim(&parts, &ledger, "b").await;
    assert!(release(&ledger, "b", parts.clock.now()).await);
    await_authorization(&parts, "7", "handle").await;
    assert_eq!(waiting_handles(&parts).await, ["handle"]);
    let started = ClaimedPost {
        attempts: 3,
        reason: Some(ErrorCode::ReauthorizationNeeded),
        ..TAKEN_OVER
    };
    assert_eq!(
        claim(&parts, &ledger, "c").await,
        PostClaim::Started(started)
    );
}

/// docs/architecture.md#rule-2 and docs/architecture.md#rule-4: claims and waiting times are not overwritten.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_is_claimed_or_waits_for_another_reason_does_not_wait_for_a_token() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    claim(&parts, &ledger, "a").await;
    await_authorization(&parts, "7", "handle").await;
    let until = parts.clock.now().plus(LEASE);
    assert_eq!(claim(&parts, &ledger, "b").await, PostClaim::Locked(until));

    let then = parts.clock.now().plus(Duration::from_secs(70));
    assert!(release(&ledger, "a", then).await);
    await_authorization(&parts, "7", "handle").await;
    assert_eq!(claim(&parts, &ledger, "b").await, PostClaim::Locked(then));
    assert!(waiting_handles(&parts).await.is_empty());
    parts.advance(70);
    claim(&parts, &ledger, "b").await;
    assert!(complete(&ledger, "b", PostState::Delivered).await);
    await_authorization(&parts, "7", "handle").await;
    assert_eq!(
        claim(&parts, &ledger, "c").await,
        PostClaim::Completed(PostState::Delivered)
    );
}

/// Decision 0006: a post whose process died is woken too. Its death counts, and the next lease holder checks first.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_whose_process_died_waits_for_a_token_and_keeps_its_death() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    claim(&parts, &ledger, "a").await;
    parts.advance(LEASE.as_secs() + 1);
    await_authorization(&parts, "7", "handle").await;
    assert_eq!(waiting_handles(&parts).await, ["handle"]);
    let PostClaim::Started(started) = claim(&parts, &ledger, "b").await else {
        panic!("the lease is over");
    };
    assert_eq!((started.deaths, started.look_first), (1, true));
    assert!(waiting_handles(&parts).await.is_empty());
}

/// docs/architecture.md#rule-4: a dead letter that is sent again starts anew, whether its tenant is authorised or not.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_post_that_is_sent_again_waits_for_a_token_and_then_starts_anew() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    claim(&parts, &ledger, "a").await;
    parts.advance(LEASE.as_secs() + 1);
    claim(&parts, &ledger, "b").await;
    assert!(complete(&ledger, "b", PostState::Failed).await);
    await_authorization(&parts, "7", "handle").await;
    assert_eq!(waiting_handles(&parts).await, ["handle"]);
    let anew = ClaimedPost {
        known: true,
        reason: Some(ErrorCode::ReauthorizationNeeded),
        ..FRESH
    };
    assert_eq!(claim(&parts, &ledger, "c").await, PostClaim::Started(anew));
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_that_wait_for_a_token_are_found_in_order_page_by_page_and_by_tenant() {
    let parts = Parts::start().await;
    let ledger = parts.ledger();
    let until = parts.clock.now().plus(Duration::from_secs(3600));
    let mut foreign = post("1", "hello");
    foreign.tenant = TenantId::parse("other").expect("valid");
    let handles = vec!["foreign".to_owned()];
    let written = ledger.await_authorization(&foreign, until, handles).await;
    written.expect("the table answers");
    // Written in reverse, so that only the index can order them.
    for nth in (0..250_u32).rev() {
        let mut waiting = post(&nth.to_string(), "hello");
        waiting.received_at = parts.clock.now().plus(Duration::from_millis(nth.into()));
        let handles = vec![nth.to_string()];
        let written = ledger.await_authorization(&waiting, until, handles).await;
        written.expect("the table answers");
    }
    let (mut found, mut rest, mut pages) = (Vec::new(), None, 0);
    loop {
        let from = parts.clock.now().plus(Duration::from_millis(10));
        let page = ledger.waiting_for_authorization(&acme(), from, rest).await;
        let page = page.expect("the index answers");
        found.extend(page.receipt_handles);
        pages += 1;
        rest = page.rest;
        let Some(rest) = &rest else { break };
        let last: u32 = found.last().expect("some").parse().expect("a number");
        let at = parts.clock.now().plus(Duration::from_millis(last.into()));
        assert_eq!(rest.from, at, "where another process can continue");
    }
    let expected: Vec<String> = (10..250).map(|nth| nth.to_string()).collect();
    assert_eq!(found, expected);
    assert_eq!(pages, 2);
}
