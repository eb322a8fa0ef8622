//! Access tokens: one grant at a time and tenant (docs/architecture.md#rule-5 and docs/architecture.md#rule-6).

use std::sync::Arc;
use std::time::Duration;

use admin::secret_name::SecretName;
use futures::future::{join_all, try_join_all};
use local::aws::{Effect, InjectedAwsFault as AwsFault, Service};
use local::servicenow::RefreshAnswer;
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use shared::aws::credentials::Pause;
use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::domain::secret::Secret;
use shared::domain::tenant::TenantFile;
use shared::token::access::{AccessError, AccessTokens};

use super::{CLIENT_ID, Parts, SERVICE_ACCOUNT, acme, denied, instance};

/// Longer than an access token lives.
const A_TOKENS_LIFE: u64 = 1801;

/// No deadline.
const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

async fn get(
    tokens: &AccessTokens,
    file: &TenantFile,
    refused: Option<&Secret>,
) -> Result<Secret, AccessError> {
    tokens.get(file, &instance(file), refused, NEVER).await
}

fn token_endpoint(action: FaultAction) -> InjectedFault {
    InjectedFault::on(RequestMatcher::of("POST", "/oauth_token.do")).then(action)
}

/// Requests to the token endpoint so far.
fn grants_requested(parts: &Parts) -> usize {
    let requests = parts
        .servicenow
        .requests_matching("POST", "/oauth_token.do");
    requests.len()
}

async fn a_hundred_at_once(answer: RefreshAnswer) {
    let parts = Parts::start().await;
    let file = parts.tenant("").await;
    parts
        .servicenow
        .configure(|rules| rules.refresh_answer = answer);
    let processes: Vec<AccessTokens> = (0..5).map(|_| parts.access_tokens()).collect();
    let all = || {
        let gets = processes
            .iter()
            .cycle()
            .take(100)
            .map(|process| get(process, &file, None));
        try_join_all(gets)
    };
    for round in 1..=3 {
        let mut tokens = all().await.expect("tokens");
        tokens.dedup();
        assert_eq!(tokens.len(), 1, "one token for all");
        assert_eq!(parts.servicenow.grants().refresh_token, round);
        assert_eq!(parts.servicenow.grants().refused, 0);
        parts.advance(A_TOKENS_LIFE);
    }
    let stored = parts.vault().token(&acme()).await.expect("read").token;
    let refresh_token = stored.refresh_token.expect("kept");
    let alive = parts
        .servicenow
        .refresh_token_expires_at(refresh_token.expose());
    assert!(alive.is_some(), "{answer:?}");
}

/// docs/architecture.md#rule-5: at any concurrency, an access token is obtained once and shared.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_in_five_processes_are_one_grant() {
    a_hundred_at_once(RefreshAnswer::Same).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_are_one_grant_when_no_refresh_token_comes_back() {
    a_hundred_at_once(RefreshAnswer::Absent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_are_one_grant_when_the_refresh_token_is_replaced() {
    a_hundred_at_once(RefreshAnswer::Replaced).await;
}

/// docs/architecture.md#rule-6: a refresh token is never lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_refresh_token_is_stored_before_the_access_token_is_shared() {
    let parts = Parts::start().await;
    let file = parts.tenant("").await;
    let rules = |rules: &mut local::servicenow::Rules| {
        rules.refresh_answer = RefreshAnswer::Replaced;
    };
    parts.servicenow.configure(rules);
    let before = parts.vault().token(&acme()).await.expect("read");
    let mark = parts.aws.journal().mark();
    get(&parts.access_tokens(), &file, None)
        .await
        .expect("a token");
    let calls = parts.aws.journal().since(mark);
    let place = |wanted: &dyn Fn(&local::aws::AwsCall) -> bool| calls.iter().position(wanted);
    let stored = place(&|call| call.operation == "UpdateSecretVersionStage").expect("stored");
    let shared = place(&|call| {
        call.operation == "UpdateItem" && call.request.to_string().contains("acme#servicenow")
    });
    assert!(stored < shared.expect("shared"), "{calls:?}");
    let after = parts.vault().token(&acme()).await.expect("read");
    assert_ne!(after.token.refresh_token, before.token.refresh_token);
    assert_eq!(after.token.source.as_deref(), Some("refresh"));
    assert_eq!(after.token.issued_at, Some(parts.clock.now()));
}

/// docs/architecture.md#rule-6: a refresh token is never lost, although the old one is dead by the time storing the new one fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_refresh_token_survives_while_secrets_manager_fails_for_a_moment() {
    for operation in ["PutSecretValue", "UpdateSecretVersionStage"] {
        for effect in [Effect::DropBefore, Effect::DropAfter] {
            let parts = Parts::start().await;
            let file = parts.tenant("").await;
            parts
                .servicenow
                .configure(|rules| rules.refresh_answer = RefreshAnswer::Replaced);
            let fault = AwsFault::once(Service::SecretsManager, operation, effect.clone());
            parts.aws.inject(fault.times(2));
            let tokens = parts.access_tokens();
            get(&tokens, &file, None).await.expect("a token");
            parts.advance(A_TOKENS_LIFE);
            let next = get(&parts.access_tokens(), &file, None).await;
            next.unwrap_or_else(|error| panic!("{operation} {effect:?}: {error}"));
        }
    }
}

/// docs/architecture.md#rule-5: a `401` invalidates only the token that was refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_not_given_again_and_another_one_is_kept() {
    let parts = Parts::start().await;
    let file = parts.tenant("").await;
    let (one, other) = (parts.access_tokens(), parts.access_tokens());
    let first = get(&one, &file, None).await.expect("a token");
    assert_eq!(get(&other, &file, None).await.as_ref(), Ok(&first));
    let second = get(&one, &file, Some(&first)).await.expect("another");
    assert_ne!(first, second);
    assert_eq!(parts.servicenow.grants().refresh_token, 2);
    for process in [&one, &other, &parts.access_tokens()] {
        assert_eq!(
            get(process, &file, Some(&first)).await.as_ref(),
            Ok(&second)
        );
        assert_eq!(get(process, &file, None).await.as_ref(), Ok(&second));
    }
    assert_eq!(parts.servicenow.grants().refresh_token, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_refusals_of_one_token_are_one_grant() {
    let parts = Parts::start().await;
    let file = parts.tenant("").await;
    let processes: Vec<AccessTokens> = (0..5).map(|_| parts.access_tokens()).collect();
    let first = get(&processes[0], &file, None).await.expect("a token");
    let gets = processes
        .iter()
        .cycle()
        .take(100)
        .map(|process| get(process, &file, Some(&first)));
    let mut tokens = try_join_all(gets).await.expect("tokens");
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    assert_eq!(parts.servicenow.grants().refresh_token, 2);
}

/// docs/architecture.md#rule-6: any 4xx of the token endpoint is permanent.
#[tokio::test(flavor = "multi_thread")]
async fn a_4xx_of_the_token_endpoint_needs_a_person() {
    let json = |code: u16, body: &str| FaultAction::Status {
        code,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_owned(),
    };
    for action in [
        FaultAction::Unauthorized,
        json(400, r#"{"error":"invalid_grant","error_description":"x"}"#),
        json(401, r#"{"error":"invalid_client"}"#),
        json(403, r#"{"error":"server_error"}"#),
        json(401, "{}"),
    ] {
        let parts = Parts::start().await;
        let file = parts.tenant("").await;
        parts.servicenow.fault(token_endpoint(action.clone()));
        let tokens = parts.access_tokens();
        let refused = get(&tokens, &file, None).await.expect_err("refused");
        assert!(
            matches!(refused, AccessError::ReauthorizationNeeded(_)),
            "{action:?} {refused}"
        );
        assert!(refused.to_string().contains("reauthorization-needed"));
        assert_eq!(grants_requested(&parts), 1, "no hammering");
    }
}

/// docs/architecture.md#rule-6: network, 5xx, 429 and HTML are transient.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_refusal_of_the_token_endpoint_is_tried_again_later() {
    let page = |code: u16| FaultAction::Status {
        code,
        headers: vec![("content-type".to_owned(), "text/html".to_owned())],
        body: "\n<html><body>Blocked</body></html>".to_owned(),
    };
    let parts = Parts::start().await;
    let file = parts.tenant("").await;
    let tokens = parts.access_tokens();
    for (action, expected) in [
        (FaultAction::status(500), None),
        (FaultAction::status(502), None),
        (FaultAction::status(503), None),
        (page(401), None),
        (page(403), None),
        (FaultAction::Html, None),
        (FaultAction::DropBefore, None),
        (FaultAction::text("{\"expires_in\": 1800}"), None),
        (FaultAction::RateLimited { retry_after: None }, None),
        (
            FaultAction::RateLimited {
                retry_after: Some(120),
            },
            Some(Duration::from_secs(120)),
        ),
        (
            FaultAction::RateLimited {
                retry_after: Some(u64::MAX),
            },
            Some(shared::retry::LONGEST_RETRY_AFTER),
        ),
        (
            FaultAction::Status {
                code: 503,
                // Ten minutes after the clock's start.
                headers: vec![(
                    "retry-after".to_owned(),
                    "Wed, 14 May 2025 10:12:11 GMT".to_owned(),
                )],
                body: String::new(),
            },
            Some(Duration::from_millis(599_993)),
        ),
    ] {
        parts.servicenow.fault(token_endpoint(action.clone()));
        let failed = get(&tokens, &file, None).await.expect_err("no token");
        let AccessError::Transient { retry_after, .. } = failed else {
            panic!("{action:?} {failed}");
        };
        assert_eq!(retry_after, expected, "{action:?}");
    }
    get(&tokens, &file, None).await.expect("a token");
}

fn answers(body: &str) -> FaultAction {
    FaultAction::Status {
        code: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_owned(),
    }
}

/// An empty `access_token` in a 200 is no token, nor is one that no header can carry: it is neither shared nor sent.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_usable_access_token_is_no_grant() {
    let parts = Parts::start().await;
    let file = parts.tenant("").await;
    let tokens = parts.access_tokens();
    let long = format!("{{\"access_token\":\"{}\"}}", "x".repeat(20_000));
    for body in [
        r#"{"access_token":"","expires_in":1799}"#,
        r#"{"access_token":" ","expires_in":1799}"#,
        r#"{"access_token":"AT\r\nX-Other: 1","expires_in":1799}"#,
        r#"{"access_token":"AT","refresh_token":"R T","expires_in":1799}"#,
        long.as_str(),
    ] {
        parts.servicenow.fault(token_endpoint(answers(body)));
        let failed = get(&tokens, &file, None).await.expect_err("no token");
        assert!(
            matches!(failed, AccessError::Transient { .. }),
            "{body:.80} {failed}"
        );
        let shared = parts.credentials().access_token(&acme()).await;
        assert_eq!(shared.expect("read"), None, "{body:.80}");
    }
    get(&tokens, &file, None).await.expect("a token");
}

/// An empty `refresh_token` is none: the one that was used stays.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_refresh_token_takes_the_place_of_none() {
    let parts = Parts::start().await;
    let file = parts.tenant("").await;
    let before = parts.vault().token(&acme()).await.expect("read");
    let body = r#"{"access_token":"AT","refresh_token":"","expires_in":1799}"#;
    parts.servicenow.fault(token_endpoint(answers(body)));
    get(&parts.access_tokens(), &file, None)
        .await
        .expect("a token");
    let after = parts.vault().token(&acme()).await.expect("read");
    assert_eq!(after.version_id, before.version_id);
}

/// No lifetime is believed beyond ten years, and no time is too late to be written down.
#[tokio::test(flavor = "multi_thread")]
async fn a_lifetime_of_thousands_of_years_is_cut_to_ten() {
    let parts = Parts::start().await;
    let file = parts.tenant("").await;
    for expires_in in ["999999999999", "18446744073709551615", "\"999999999999\""] {
        let body = format!(r#"{{"access_token":"AT","expires_in":{expires_in}}}"#);
        parts.servicenow.fault(token_endpoint(answers(&body)));
        let tokens = parts.access_tokens();
        get(&tokens, &file, None).await.expect("a token");
        let shared = parts.credentials().access_token(&acme()).await;
        let shared = shared.expect("read").expect("shared");
        let left = shared.expires_at.since(parts.clock.now());
        assert!(
            left <= Duration::from_secs(10 * 366 * 24 * 3600),
            "{left:?}"
        );
        let forgotten = parts.credentials().forget_access_token(&acme()).await;
        forgotten.expect("forgotten");
    }
}

/// No answer is read without an end: a token is in the first few kilobytes or nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn an_endless_answer_of_the_token_endpoint_is_no_grant() {
    let parts = Parts::start().await;
    let file = parts.tenant("").await;
    let padding = " ".repeat(4 * 1024 * 1024);
    let body = format!(r#"{{"access_token":"AT","expires_in":1799{padding}}}"#);
    parts.servicenow.fault(token_endpoint(answers(&body)));
    let tokens = parts.access_tokens();
    let failed = get(&tokens, &file, None).await.expect_err("no token");
    assert!(failed.to_string().contains("too long"), "{failed}");
    assert!(matches!(failed, AccessError::Transient { .. }), "{failed}");
    get(&tokens, &file, None).await.expect("a token");
}

/// docs/architecture.md#rule-5: secrets are re-read once when refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_secret_that_changed_is_read_again_once_it_is_refused() {
    let parts = Parts::start().await;
    let file = parts.tenant("").await;
    let tokens = parts.access_tokens();
    let first = get(&tokens, &file, None).await.expect("a token");
    parts.servicenow.add_registry(CLIENT_ID, "a-new-secret");
    parts
        .set_secret(SecretName::OauthClientSecret, "a-new-secret")
        .await;
    let before = grants_requested(&parts);
    get(&tokens, &file, Some(&first)).await.expect("a token");
    assert_eq!(
        grants_requested(&parts) - before,
        2,
        "refused, read again, granted"
    );

    parts.servicenow.add_registry(CLIENT_ID, "unknown-secret");
    parts.advance(A_TOKENS_LIFE);
    let before = grants_requested(&parts);
    let refused = get(&tokens, &file, None).await.expect_err("refused");
    assert!(
        matches!(refused, AccessError::ReauthorizationNeeded(_)),
        "{refused}"
    );
    assert_eq!(
        grants_requested(&parts) - before,
        1,
        "the same secret is not sent again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_grant_that_hands_out_the_refused_token_needs_a_person() {
    let parts = Parts::start().await;
    let file = parts.tenant("grant = \"password\"").await;
    let tokens = parts.access_tokens();
    let first = get(&tokens, &file, None).await.expect("a token");
    assert_eq!(parts.servicenow.grants().password, 1);
    let refused = get(&tokens, &file, Some(&first))
        .await
        .expect_err("refused");
    assert!(
        matches!(refused, AccessError::ReauthorizationNeeded(_)),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn client_credentials_are_a_grant_of_their_own() {
    let parts = Parts::start().await;
    let file = parts.tenant("grant = \"client_credentials\"").await;
    parts
        .servicenow
        .configure(|rules| rules.client_credentials_enabled = true);
    parts
        .servicenow
        .set_application_user(CLIENT_ID, SERVICE_ACCOUNT);
    let tokens = parts.access_tokens();
    get(&tokens, &file, None).await.expect("a token");
    let grants = parts.servicenow.grants();
    assert_eq!((grants.client_credentials, grants.refresh_token), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_token_or_secret_needs_a_person_and_makes_no_call() {
    let parts = Parts::start().await;
    let file = parts.tenant("").await;
    parts
        .stack
        .secrets
        .put_secret_value()
        .secret_id("rescue-connector/acme/token")
        .secret_string("{}")
        .send()
        .await
        .expect("emptied");
    let refused = get(&parts.access_tokens(), &file, None).await;
    let refused = refused.expect_err("nothing to ask with");
    assert!(
        matches!(refused, AccessError::ReauthorizationNeeded(_)),
        "{refused}"
    );
    assert_eq!(grants_requested(&parts), 0);
}

/// docs/architecture.md#rule-4: a paused tenant is not called.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_was_paused_meanwhile_is_not_asked_for_a_token() {
    let parts = Parts::start().await;
    let file = parts.tenant("").await;
    let pause = Pause {
        until: parts.clock.now().plus(Duration::from_secs(3600)),
        reason: ErrorCode::ReauthorizationNeeded,
    };
    let set = parts.credentials().set_pause(&acme(), pause).await;
    set.expect("written");
    let paused = get(&parts.access_tokens(), &file, None).await;
    assert_eq!(paused, Err(AccessError::Paused(pause)));
    assert_eq!(grants_requested(&parts), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_a_minute_before_it_expires() {
    let parts = Parts::start().await;
    let file = parts.tenant("").await;
    let tokens = parts.access_tokens();
    let first = get(&tokens, &file, None).await.expect("a token");
    parts.advance(1730);
    assert_eq!(get(&tokens, &file, None).await, Ok(first.clone()));
    parts.advance(20);
    assert_ne!(get(&tokens, &file, None).await, Ok(first));
}

/// docs/architecture.md#rule-5: a lease has an owner; a process that waits for it looks again.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_waits_for_the_lease_takes_the_token_that_comes() {
    let parts = Parts::start().await;
    let file = parts.tenant("").await;
    let slow = token_endpoint(FaultAction::Delay(Duration::from_millis(700)));
    parts.servicenow.fault(slow);
    let processes: Vec<Arc<AccessTokens>> =
        (0..3).map(|_| Arc::new(parts.access_tokens())).collect();
    let gets = processes.iter().map(|process| get(process, &file, None));
    let tokens = join_all(gets).await;
    assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
    assert!(tokens[0].is_ok());
    assert_eq!(grants_requested(&parts), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_secrets_that_cannot_be_read_are_no_reason_for_a_new_authorisation() {
    for (service, call) in [
        (
            Service::DynamoDb,
            "DynamoDB GetItem, table CredentialsTable",
        ),
        (
            Service::SecretsManager,
            "Secrets Manager GetSecretValue, secret rescue-connector/acme/token",
        ),
    ] {
        let parts = Parts::start().await;
        let file = parts.tenant("").await;
        parts.aws.inject(AwsFault::any(service, denied()));
        let tokens = parts.access_tokens();
        let failed = get(&tokens, &file, None).await.expect_err("no token");
        assert!(
            matches!(failed, AccessError::Storage(_)),
            "{service:?} {failed}"
        );
        let said = failed.to_string();
        assert!(
            said.starts_with(call) && said.ends_with(": AccessDeniedException"),
            "{said}"
        );
        get(&tokens, &file, None).await.expect("a token");
    }
}

/// docs/architecture.md#rule-5: secrets are read again once; a process that read them before they were set does not pause the tenant again.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_was_not_set_yet_is_found_as_soon_as_it_is() {
    let parts = Parts::start().await;
    let file = parts.tenant("grant = \"password\"").await;
    let emptied = parts
        .stack
        .secrets
        .put_secret_value()
        .secret_id("rescue-connector/acme/credentials")
        .secret_string("{}");
    emptied.send().await.expect("written");
    let tokens = parts.access_tokens();
    let missing = get(&tokens, &file, None).await.expect_err("nothing is set");
    assert!(
        matches!(missing, AccessError::ReauthorizationNeeded(_)),
        "{missing}"
    );
    parts
        .set_secret(SecretName::OauthClientSecret, super::CLIENT_SECRET)
        .await;
    parts
        .set_secret(
            SecretName::ServiceAccountPassword,
            super::SERVICE_ACCOUNT_PASSWORD,
        )
        .await;
    parts.advance(31);
    get(&tokens, &file, None).await.expect("a token");
}
