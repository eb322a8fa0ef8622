//! Leases and pauses in the credentials table (design 5.4, 5.5).

use std::time::Duration;

use shared::credentials::{AccessToken, Pause, token_lease_key};
use shared::error::Code;
use shared::secret::Secret;

use super::{Parts, acme};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_one_owners_until_it_ends() {
    let parts = Parts::start().await;
    let credentials = parts.credentials();
    let key = token_lease_key(&acme());
    let take = async |owner: &str| {
        let taken = credentials.take_lease(&key, owner, MINUTE).await;
        taken.expect("the table answers")
    };
    assert!(take("a").await);
    assert!(!take("b").await);
    assert!(take("a").await, "whoever has it may ask again");
    parts.advance(60);
    assert!(!take("b").await);
    parts.advance(1);
    assert!(take("b").await);
    assert!(!take("a").await);
}

/// Design 5.5: a lease with an owner.
#[tokio::test(flavor = "multi_thread")]
async fn only_its_owner_gives_a_lease_back() {
    let parts = Parts::start().await;
    let credentials = parts.credentials();
    let key = token_lease_key(&acme());
    let take = async |owner: &str| {
        let taken = credentials.take_lease(&key, owner, MINUTE).await;
        taken.expect("the table answers")
    };
    assert!(take("a").await);
    parts.advance(61);
    assert!(take("b").await);
    credentials.give_lease_back(&key, "a").await;
    assert!(!take("c").await, "a's lease had ended long ago");
    credentials.give_lease_back(&key, "b").await;
    assert!(take("c").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_a_lease_at_once_one_gets_it() {
    let parts = Parts::start().await;
    let credentials = parts.credentials();
    let key = token_lease_key(&acme());
    let owners: Vec<String> = (0..20).map(|owner| owner.to_string()).collect();
    let takes = owners
        .iter()
        .map(|owner| credentials.take_lease(&key, owner, MINUTE));
    let taken = futures::future::try_join_all(takes).await.expect("answers");
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
}

/// Design 5.4: a pause is known to every process within 30 s.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_known_to_every_process_within_thirty_seconds() {
    let parts = Parts::start().await;
    let (one, other) = (parts.credentials(), parts.credentials());
    assert_eq!(other.pause(&acme()).await.expect("read"), None);
    let pause = Pause {
        until: parts.clock.now().plus(10 * MINUTE),
        reason: Code::ServiceNowThrottled,
    };
    one.set_pause(&acme(), pause).await.expect("written");
    assert_eq!(one.pause(&acme()).await.expect("read"), Some(pause));
    assert_eq!(other.pause_now(&acme()).await.expect("read"), Some(pause));

    let third = parts.credentials();
    assert_eq!(third.pause(&acme()).await.expect("read"), Some(pause));
    parts.advance(30);
    let mark = parts.aws.journal().mark();
    for _ in 0..10 {
        assert_eq!(other.pause(&acme()).await.expect("read"), Some(pause));
    }
    let reads = parts.aws.journal().since(mark).len();
    assert_eq!(reads, 1, "one read in 30 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_ends_at_its_time_and_when_somebody_removes_it() {
    let parts = Parts::start().await;
    let (one, other) = (parts.credentials(), parts.credentials());
    let pause = Pause {
        until: parts.clock.now().plus(Duration::from_secs(20)),
        reason: Code::ServiceNowUnavailable,
    };
    one.set_pause(&acme(), pause).await.expect("written");
    parts.advance(20);
    assert_eq!(one.pause(&acme()).await.expect("read"), None);
    assert_eq!(other.pause(&acme()).await.expect("read"), None);

    let longer = Pause {
        until: parts.clock.now().plus(60 * MINUTE),
        reason: Code::ReauthorizationNeeded,
    };
    parts.tenant("").await;
    one.set_pause(&acme(), longer).await.expect("written");
    parts
        .set_secret(admin::secrets::SecretName::OauthClientSecret, "new")
        .await;
    parts.advance(30);
    assert_eq!(one.pause(&acme()).await.expect("read"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_is_shared_with_its_end() {
    let parts = Parts::start().await;
    let (one, other) = (parts.credentials(), parts.credentials());
    assert_eq!(other.access_token(&acme()).await.expect("read"), None);
    let token = AccessToken {
        token: Secret::from("a-token"),
        expires_at: parts.clock.now().plus(MINUTE),
    };
    one.share_access_token(&acme(), &token)
        .await
        .expect("written");
    assert_eq!(
        other.access_token(&acme()).await.expect("read"),
        Some(token)
    );
}
