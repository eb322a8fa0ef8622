//! The tenants' secrets (docs/architecture.md#rule-5 and docs/architecture.md#rule-6).

use local::aws::{Effect, InjectedAwsFault, Service};
use shared::aws::secret_store::{SecretStore, SecretStoreError, TokenSecret};
use shared::domain::secret::Secret;
use shared::domain::secret_name::SecretName;
use tests::injected::denied;

use super::{CLIENT_SECRET, Parts, acme};

async fn client_secret(secret_store: &SecretStore) -> Secret {
    let credentials = secret_store.tenant_secrets(&acme()).await.expect("read");
    credentials.oauth_client_secret.clone().expect("set")
}

fn with(token: &TokenSecret, refresh_token: &str) -> TokenSecret {
    TokenSecret {
        refresh_token: Some(Secret::from(refresh_token)),
        ..token.clone()
    }
}

/// docs/architecture.md#rule-5: secrets are cached 5 min.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_read_again_after_five_minutes_or_when_they_were_refused() {
    let parts = Parts::start().await;
    parts.tenant("").await;
    let secret_store = parts.secret_store();
    let old = Secret::from(CLIENT_SECRET);
    assert_eq!(client_secret(&secret_store).await, old);
    parts
        .set_secret(SecretName::OauthClientSecret, "second")
        .await;
    let mark = parts.aws.journal().mark();
    parts.advance(299);
    assert_eq!(client_secret(&secret_store).await, old);
    assert!(parts.aws.journal().since(mark).is_empty());
    parts.advance(1);
    assert_eq!(client_secret(&secret_store).await, Secret::from("second"));

    parts
        .set_secret(SecretName::OauthClientSecret, "third")
        .await;
    assert_eq!(client_secret(&secret_store).await, Secret::from("second"));
    secret_store.forget(&acme());
    assert_eq!(client_secret(&secret_store).await, Secret::from("third"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_secret_is_distinguished_from_an_unreachable_one() {
    let parts = Parts::start().await;
    let secret_store = parts.secret_store();
    let missing = secret_store.token(&acme()).await.expect_err("missing");
    assert_matches!(missing, SecretStoreError::Missing(_));
    parts.tenant("").await;
    parts
        .aws
        .inject(InjectedAwsFault::any(Service::SecretsManager, denied()));
    let failed = secret_store.token(&acme()).await.expect_err("unreachable");
    assert_matches!(failed, SecretStoreError::Unavailable(_));
    secret_store.token(&acme()).await.expect("read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_token_is_current_for_every_process() {
    let parts = Parts::start().await;
    parts.tenant("").await;
    let (one, other) = (parts.secret_store(), parts.secret_store());
    for next in ["second", "third", "fourth"] {
        let read = one.token(&acme()).await.expect("read");
        let token = with(&read.token, next);
        one.replace_token(&acme(), &read.version_id, &token)
            .await
            .expect("replaced");
        let current = other.token(&acme()).await.expect("read");
        assert_eq!(current.token, token);
        assert_ne!(current.version_id, read.version_id);
    }
}

/// docs/architecture.md#rule-5: `AWSCURRENT` moves from the version that was read, or not at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_another_process_stored_meanwhile_is_not_overwritten() {
    let parts = Parts::start().await;
    parts.tenant("").await;
    let (one, other) = (parts.secret_store(), parts.secret_store());
    let read = one.token(&acme()).await.expect("read");
    let theirs = with(&read.token, "theirs");
    other
        .replace_token(&acme(), &read.version_id, &theirs)
        .await
        .expect("replaced");
    let late = with(&read.token, "late");
    let late = one.replace_token(&acme(), &read.version_id, &late).await;
    late.expect_err("the version read is not current");
    let current = one.token(&acme()).await.expect("read");
    assert_eq!(current.token, theirs);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_an_operator_set_meanwhile_is_not_overwritten() {
    let parts = Parts::start().await;
    parts.tenant("").await;
    let secret_store = parts.secret_store();
    let read = secret_store.token(&acme()).await.expect("read");
    parts.set_secret(SecretName::RefreshToken, "by-hand").await;
    let late = with(&read.token, "late");
    let late = secret_store
        .replace_token(&acme(), &read.version_id, &late)
        .await;
    late.expect_err("the version read is not current");
    let current = secret_store.token(&acme()).await.expect("read").token;
    assert_eq!(current.refresh_token, Some(Secret::from("by-hand")));
}

/// docs/architecture.md#rule-6: a refresh token is never lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_while_replacing_a_token_stores_it_all_the_same() {
    for operation in ["PutSecretValue", "UpdateSecretVersionStage"] {
        let parts = Parts::start().await;
        parts.tenant("").await;
        let secret_store = parts.secret_store();
        let read = secret_store.token(&acme()).await.expect("read");
        let fault = InjectedAwsFault::once(Service::SecretsManager, operation, Effect::DropAfter);
        parts.aws.inject(fault);
        let token = with(&read.token, "second");
        let replaced = secret_store
            .replace_token(&acme(), &read.version_id, &token)
            .await;
        let current = secret_store.token(&acme()).await.expect("read").token;
        assert_eq!(current, token, "{operation}");
        replaced.expect(operation);
    }
}
