//! Leases and pauses in the credentials table (docs/architecture.md#rule-4 and docs/architecture.md#rule-5).

use std::time::Duration;

use shared::aws::credentials::{AccessToken, CredentialsTable, Pause, token_lease_key};
use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::domain::secret::Secret;

use super::{Parts, acme};

const MINUTE: Duration = Duration::from_secs(60);

async fn take(credentials: &CredentialsTable, owner: &str) -> bool {
    let key = token_lease_key(&acme());
    let taken = credentials.take_lease(&key, owner, MINUTE).await;
    taken.expect("the table answers")
}

/// docs/architecture.md#rule-5: a lease with an owner.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_one_owners_until_it_ends_or_its_owner_gives_it_back() {
    let parts = Parts::start().await;
    let credentials = parts.credentials();
    assert!(take(&credentials, "a").await);
    assert!(!take(&credentials, "b").await);
    assert!(take(&credentials, "a").await, "its owner may take it again");
    parts.advance(60);
    assert!(!take(&credentials, "b").await);
    parts.advance(1);
    assert!(take(&credentials, "b").await);
    assert!(!take(&credentials, "a").await);

    let key = token_lease_key(&acme());
    credentials.release_lease(&key, "a").await;
    let taken = take(&credentials, "c").await;
    assert!(!taken, "a's lease had ended long ago");
    credentials.release_lease(&key, "b").await;
    assert!(take(&credentials, "c").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_a_lease_at_once_one_gets_it() {
    let parts = Parts::start().await;
    let credentials = parts.credentials();
    let owners: Vec<String> = (0..20).map(|owner| owner.to_string()).collect();
    let takes = owners.iter().map(|owner| take(&credentials, owner));
    let taken = futures::future::join_all(takes).await;
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
}

/// The pause that holds for a process that trusts its cache.
async fn pause_of(credentials: &CredentialsTable, now: Timestamp) -> Option<Pause> {
    let tenant_pause = credentials.tenant_pause(&acme()).await.expect("read");
    tenant_pause.pause_at(now)
}

/// docs/architecture.md#rule-4: a pause is known to every process within 30 s.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_known_to_every_process_within_thirty_seconds() {
    let parts = Parts::start().await;
    let (one, other) = (parts.credentials(), parts.credentials());
    let idle = parts.credentials();
    for process in [&other, &idle] {
        assert_eq!(pause_of(process, parts.clock.now()).await, None);
    }
    let pause = Pause {
        until: parts.clock.now().plus(10 * MINUTE),
        reason: ErrorCode::ServiceNowThrottled,
    };
    one.set_pause(&acme(), pause).await.expect("written");
    assert_eq!(pause_of(&one, parts.clock.now()).await, Some(pause));
    let read = other.tenant_pause_now(&acme()).await.expect("read");
    assert_eq!(read.pause, Some(pause));

    let third = parts.credentials();
    assert_eq!(pause_of(&third, parts.clock.now()).await, Some(pause));
    parts.advance(30);
    let late = pause_of(&idle, parts.clock.now()).await;
    assert_eq!(late, Some(pause), "it had cached that there is none");
    let mark = parts.aws.journal().mark();
    for _ in 0..10 {
        assert_eq!(pause_of(&other, parts.clock.now()).await, Some(pause));
    }
    let reads = parts.aws.journal().since(mark).len();
    assert_eq!(reads, 1, "one read in 30 s");
    parts.advance(10 * 60);
    assert_eq!(pause_of(&other, parts.clock.now()).await, None, "it ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_ends_at_its_time_and_when_it_is_removed() {
    let parts = Parts::start().await;
    let (one, other) = (parts.credentials(), parts.credentials());
    let pause = Pause {
        until: parts.clock.now().plus(Duration::from_secs(20)),
        reason: ErrorCode::ServiceNowUnavailable,
    };
    one.set_pause(&acme(), pause).await.expect("written");
    parts.advance(20);
    assert_eq!(pause_of(&one, parts.clock.now()).await, None);
    assert_eq!(pause_of(&other, parts.clock.now()).await, None);

    let longer = Pause {
        until: parts.clock.now().plus(60 * MINUTE),
        reason: ErrorCode::ReauthorizationNeeded,
    };
    parts.tenant("").await;
    one.set_pause(&acme(), longer).await.expect("written");
    parts
        .set_secret(
            shared::domain::secret_name::SecretName::OauthClientSecret,
            "new",
        )
        .await;
    parts.advance(30);
    assert_eq!(pause_of(&one, parts.clock.now()).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_is_shared_with_its_end() {
    let parts = Parts::start().await;
    let (one, other) = (parts.credentials(), parts.credentials());
    assert_eq!(other.access_token(&acme()).await.expect("read"), None);
    let token = AccessToken {
        token: Secret::from("a-token"),
        expires_at: parts.clock.now().plus(MINUTE),
        audience: "https://acme.service-now.com/ client".to_owned(),
    };
    one.share_access_token(&acme(), &token)
        .await
        .expect("written");
    assert_eq!(
        other.access_token(&acme()).await.expect("read"),
        Some(token)
    );
}

/// A short pause does not cut a longer one short, and posts' ages are measured from when the tenant was authorised.
#[tokio::test(flavor = "multi_thread")]
async fn a_shorter_pause_leaves_a_longer_one_as_it_is() {
    let parts = Parts::start().await;
    let (one, other) = (parts.credentials(), parts.credentials());
    let now = parts.clock.now();
    let pause = |minutes: u32, reason| Pause {
        until: now.plus(minutes * MINUTE),
        reason,
    };
    let long = pause(60, ErrorCode::ReauthorizationNeeded);
    one.set_pause(&acme(), long).await.expect("written");
    let short = pause(1, ErrorCode::ServiceNowThrottled);
    other.set_pause(&acme(), short).await.expect("written");
    assert_eq!(pause_of(&other, parts.clock.now()).await, Some(long));
    parts.advance(600);
    other.end_pause(&acme()).await.expect("written");
    let tenant_pause = other.tenant_pause_now(&acme()).await.expect("read");
    assert_eq!(tenant_pause.pause_at(parts.clock.now()), None);
    assert_eq!(tenant_pause.authorized_since, Some(parts.clock.now()));
}

/// Decision 0006: no post misses the end of such a pause because a process has cached it.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_does_not_keep_to_a_pause_after_the_reauthorisation() {
    let parts = Parts::start().await;
    let (one, other) = (parts.credentials(), parts.credentials());
    let pause = |reason| Pause {
        until: parts.clock.now().plus(MINUTE),
        reason,
    };
    let reauthorization = pause(ErrorCode::ReauthorizationNeeded);
    let set = other.set_pause(&acme(), reauthorization).await;
    set.expect("written");
    let now = parts.clock.now();
    let tenant_pause = one.tenant_pause(&acme()).await.expect("read");
    assert!(tenant_pause.is_unauthorized_at(now));
    assert!(!tenant_pause.is_unauthorized_at(now.plus(MINUTE)));
    other.end_pause(&acme()).await.expect("written");
    let tenant_pause = one.tenant_pause(&acme()).await.expect("read");
    assert!(!tenant_pause.is_unauthorized_at(now));

    let throttled = pause(ErrorCode::ServiceNowThrottled);
    one.set_pause(&acme(), throttled).await.expect("written");
    let tenant_pause = one.tenant_pause(&acme()).await.expect("cached");
    assert!(!tenant_pause.is_unauthorized_at(now));
    assert_eq!(tenant_pause.pause_at(now), Some(throttled));
}

/// A pause of half a minute would bring every post of the tenant back to a system that is still overloaded.
#[tokio::test(flavor = "multi_thread")]
async fn the_pause_of_a_throttled_tenant_doubles_while_throttling_continues() {
    let parts = Parts::start().await;
    let (one, other) = (parts.credentials(), parts.credentials());
    let throttled = async |retry_after: u64| {
        let retry_after = Duration::from_secs(retry_after);
        // Ten posts of a batch are refused at once, and count once.
        for credentials in [&one, &one, &other] {
            let set = credentials.throttle(&acme(), retry_after).await;
            set.expect("written");
        }
        let pause = pause_of(&one, parts.clock.now()).await.expect("a pause");
        assert_eq!(pause.reason, ErrorCode::ServiceNowThrottled);
        pause.until.since(parts.clock.now()).as_secs()
    };
    let mut lengths = Vec::new();
    for _ in 0..9 {
        let length = throttled(1).await;
        lengths.push(length);
        parts.advance(length);
    }
    assert_eq!(lengths, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
    assert_eq!(throttled(7200).await, 7200, "it can only be made longer");
    parts.advance(7200);
    assert_eq!(throttled(0).await, 3600);
    // It went well for longer than the pause had been.
    parts.advance(2 * 3600 + 1);
    assert_eq!(throttled(0).await, 30);
}

/// An item of another release must not stop what depends on it.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_reads_back_and_one_that_cannot_be_read_is_the_default() {
    let parts = Parts::start().await;
    let credentials = parts.credentials();
    let numbers = async || {
        let read: Vec<u32> = credentials.value("acme#numbers").await.expect("readable");
        read
    };
    assert_eq!(numbers().await, [0_u32; 0]);
    for (stored, read) in [
        (serde_json::json!([1, 2]), vec![1, 2]),
        (serde_json::json!({}), vec![]),
    ] {
        let put = credentials.put_value("acme#numbers".to_owned(), MINUTE, &stored);
        put.await.expect("stored");
        assert_eq!(numbers().await, read, "{stored}");
    }
}
