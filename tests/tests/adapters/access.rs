//! Access tokens: one grant at a time and tenant (docs/architecture.md#rule-5 and docs/architecture.md#rule-6).

use std::time::Duration;

use futures::future::{join_all, try_join_all};
use local::aws::{Effect, InjectedAwsFault as AwsFault, Service};
use local::servicenow::RefreshAnswer;
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use shared::aws::credentials::{AccessToken, Pause};
use shared::aws::secret_store::TokenVersion;
use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::domain::secret::Secret;
use shared::domain::secret_name::SecretName;
use shared::domain::tenant::TenantFile;
use shared::retry::{LONGEST_RETRY_AFTER, REAUTHORIZATION_PAUSE};
use shared::token::access::{AccessError, AccessTokens};
use tests::injected::{denied, json, page, rate_limited, retry_after};
use tests::{Case, until};

use super::{
    CLIENT_ID, CLIENT_SECRET, Parts, SERVICE_ACCOUNT, SERVICE_ACCOUNT_PASSWORD, acme, instance,
};

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

/// A tenant, and the access tokens of one process.
struct Process {
    parts: Parts,
    file: TenantFile,
    tokens: AccessTokens,
}

impl Process {
    async fn start() -> Self {
        Self::start_with("").await
    }

    /// `more`: additional lines for the section `[servicenow]`.
    async fn start_with(more: &str) -> Self {
        let parts = Parts::start().await;
        Self {
            file: parts.tenant(more).await,
            tokens: parts.access_tokens(),
            parts,
        }
    }

    /// From now on a refresh grant is answered so.
    fn answer_refreshes(&self, answer: RefreshAnswer) {
        let servicenow = &self.parts.servicenow;
        servicenow.configure(|rules| rules.refresh_answer = answer);
    }

    /// The next request to the token endpoint fails so.
    fn fault(&self, action: FaultAction) {
        let fault = InjectedFault::on(RequestMatcher::of("POST", "/oauth_token.do"));
        self.parts.servicenow.fault(fault.then(action));
    }

    /// Requests to the token endpoint so far.
    fn grants_requested(&self) -> usize {
        let servicenow = &self.parts.servicenow;
        let requests = servicenow.requests_matching("POST", "/oauth_token.do");
        requests.len()
    }

    /// Access tokens of other processes.
    fn others(&self, count: usize) -> Vec<AccessTokens> {
        (0..count).map(|_| self.parts.access_tokens()).collect()
    }

    async fn get(&self, refused: Option<&Secret>) -> Result<Secret, AccessError> {
        get(&self.tokens, &self.file, refused).await
    }

    async fn token(&self) -> Secret {
        self.get(None).await.expect("a token")
    }

    async fn no_token(&self) -> AccessError {
        self.get(None).await.expect_err("no token")
    }

    /// A hundred requests at once, spread over the processes, get one token.
    async fn one_for_a_hundred(&self, processes: &[AccessTokens], refused: Option<&Secret>) {
        let processes = processes.iter().cycle().take(100);
        let gets = processes.map(|process| get(process, &self.file, refused));
        let mut tokens = try_join_all(gets).await.expect("tokens");
        tokens.dedup();
        assert_eq!(tokens.len(), 1, "one token for all");
    }

    async fn stored(&self) -> TokenVersion {
        let secret_store = self.parts.secret_store();
        secret_store.token(&acme()).await.expect("read")
    }

    /// The pause that holds now.
    async fn pause(&self) -> Option<Pause> {
        let credentials = self.parts.credentials();
        let pause = credentials.tenant_pause_now(&acme()).await.expect("read");
        pause.pause_at(self.parts.clock.now())
    }

    /// Tries the tenant's credentials again on request.
    async fn retry(&self, tokens: &AccessTokens) -> Result<(), AccessError> {
        let (queues, file) = (self.parts.queues(), &self.file);
        tokens
            .retry_authorization(&queues, file, &instance(file), NEVER)
            .await
    }

    async fn shared(&self) -> Option<AccessToken> {
        let credentials = self.parts.credentials();
        credentials.access_token(&acme()).await.expect("read")
    }

    /// Removes everything that a secret of the tenant holds.
    async fn empty_secret(&self, name: &str) {
        let secrets = &self.parts.stack.secrets;
        let emptied = secrets
            .put_secret_value()
            .secret_id(format!("rescue-connector/acme/{name}"))
            .secret_string("{}");
        emptied.send().await.expect("emptied");
    }
}

/// docs/architecture.md#rule-5: at any concurrency, an access token is obtained once and shared. ServiceNow may answer a
/// refresh with the same refresh token, another one, or none.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_in_five_processes_are_one_grant_with_and_without_a_new_refresh_token() {
    for answer in [
        RefreshAnswer::Same,
        RefreshAnswer::Absent,
        RefreshAnswer::Replaced,
    ] {
        let process = Process::start().await;
        process.answer_refreshes(answer);
        let processes = process.others(5);
        let servicenow = &process.parts.servicenow;
        for round in 1..=3 {
            let _case = Case::of((answer, round));
            process.one_for_a_hundred(&processes, None).await;
            let grants = servicenow.grants();
            assert_eq!(
                (grants.refresh_token, grants.refused),
                (round, 0),
                "{answer:?}"
            );
            process.parts.advance(A_TOKENS_LIFE);
        }
        let stored = process.stored().await.token.refresh_token.expect("kept");
        let expires_at = servicenow.refresh_token_expires_at(stored.expose());
        assert!(expires_at.is_some(), "{answer:?}");
    }
}

/// docs/architecture.md#rule-6: a refresh token is never lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_refresh_token_is_stored_before_the_access_token_is_shared() {
    let process = Process::start().await;
    process.answer_refreshes(RefreshAnswer::Replaced);
    let before = process.stored().await;
    let mark = process.parts.aws.journal().mark();
    process.token().await;
    let calls = process.parts.aws.journal().since(mark);
    let place = |wanted: &dyn Fn(&local::aws::AwsCall) -> bool| calls.iter().position(wanted);
    let stored = place(&|call| call.operation == "UpdateSecretVersionStage").expect("stored");
    let shared = place(&|call| {
        call.operation == "UpdateItem" && call.request.to_string().contains("acme#servicenow")
    });
    assert!(stored < shared.expect("shared"), "{calls:?}");
    let after = process.stored().await.token;
    assert_ne!(after.refresh_token, before.token.refresh_token);
    assert_eq!(after.source.as_deref(), Some("refresh"));
    assert_eq!(after.issued_at, Some(process.parts.clock.now()));
}

/// docs/architecture.md#rule-6: a refresh token is never lost, although the old one is invalid by the time storing the new one fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_refresh_token_survives_while_secrets_manager_fails_for_a_moment() {
    for operation in ["PutSecretValue", "UpdateSecretVersionStage"] {
        for effect in [Effect::DropBefore, Effect::DropAfter] {
            let process = Process::start().await;
            process.answer_refreshes(RefreshAnswer::Replaced);
            let fault = AwsFault::once(Service::SecretsManager, operation, effect.clone());
            process.parts.aws.inject(fault.times(2));
            process.token().await;
            process.parts.advance(A_TOKENS_LIFE);
            let next = get(&process.parts.access_tokens(), &process.file, None).await;
            next.unwrap_or_else(|error| panic!("{operation} {effect:?}: {error}"));
        }
    }
}

/// docs/architecture.md#rule-5: a `401` invalidates only the token that was refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_not_given_again_and_another_one_is_kept() {
    let process = Process::start().await;
    let (file, servicenow) = (&process.file, &process.parts.servicenow);
    let other = process.parts.access_tokens();
    let first = process.token().await;
    assert_eq!(get(&other, file, None).await.as_ref(), Ok(&first));
    let second = process.get(Some(&first)).await.expect("another");
    assert_ne!(first, second);
    assert_eq!(servicenow.grants().refresh_token, 2);
    for tokens in [&process.tokens, &other, &process.parts.access_tokens()] {
        for refused in [Some(&first), None] {
            assert_eq!(get(tokens, file, refused).await.as_ref(), Ok(&second));
        }
    }
    assert_eq!(servicenow.grants().refresh_token, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_refusals_of_one_token_are_one_grant() {
    let process = Process::start().await;
    let processes = process.others(5);
    let first = get(&processes[0], &process.file, None).await;
    let first = first.expect("a token");
    process.one_for_a_hundred(&processes, Some(&first)).await;
    assert_eq!(process.parts.servicenow.grants().refresh_token, 2);
}

/// docs/architecture.md#rule-6: any 4xx of the token endpoint is permanent.
#[tokio::test(flavor = "multi_thread")]
async fn a_4xx_of_the_token_endpoint_needs_a_person() {
    for action in [
        FaultAction::Unauthorized,
        json(400, r#"{"error":"invalid_grant","error_description":"x"}"#),
        json(401, r#"{"error":"invalid_client"}"#),
        json(403, r#"{"error":"server_error"}"#),
        json(401, "{}"),
    ] {
        let process = Process::start().await;
        process.fault(action.clone());
        let refused = process.no_token().await;
        assert_matches!(refused, AccessError::ReauthorizationNeeded(_), "{action:?}");
        assert!(refused.to_string().contains("reauthorization-needed"));
        assert_eq!(process.grants_requested(), 1, "{action:?}: no hammering");
    }
}

/// docs/architecture.md#rule-6: network, 5xx, 429 and HTML are transient.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_refusal_of_the_token_endpoint_is_tried_again_later() {
    let page = |code| page(code, "\n<html><body>Blocked</body></html>");
    let process = Process::start().await;
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
        (rate_limited(120), Some(Duration::from_secs(120))),
        (rate_limited(u64::MAX), Some(LONGEST_RETRY_AFTER)),
        (
            // Ten minutes after the clock's start.
            retry_after("Wed, 14 May 2025 10:12:11 GMT"),
            Some(Duration::from_millis(599_993)),
        ),
    ] {
        process.fault(action.clone());
        let failed = process.no_token().await;
        let AccessError::Transient { retry_after, .. } = failed else {
            panic!("{action:?} {failed}");
        };
        assert_eq!(retry_after, expected, "{action:?}");
    }
    process.token().await;
}

/// An empty `access_token` in a 200 is no token, nor is one that no header can carry: it is neither shared nor sent.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_usable_access_token_is_no_grant() {
    let process = Process::start().await;
    let long = format!("{{\"access_token\":\"{}\"}}", "x".repeat(20_000));
    for body in [
        r#"{"access_token":"","expires_in":1799}"#,
        r#"{"access_token":" ","expires_in":1799}"#,
        r#"{"access_token":"AT\r\nX-Other: 1","expires_in":1799}"#,
        r#"{"access_token":"AT","refresh_token":"R T","expires_in":1799}"#,
        long.as_str(),
    ] {
        process.fault(json(200, body));
        let failed = process.no_token().await;
        assert_matches!(failed, AccessError::Transient { .. }, "{body:.80}");
        assert_eq!(process.shared().await, None, "{body:.80}");
    }
    process.token().await;
}

/// An empty `refresh_token` is none: the one that was used stays.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_refresh_token_takes_the_place_of_none() {
    let process = Process::start().await;
    let before = process.stored().await;
    let body = r#"{"access_token":"AT","refresh_token":"","expires_in":1799}"#;
    process.fault(json(200, body));
    process.token().await;
    assert_eq!(process.stored().await.version_id, before.version_id);
}

/// No lifetime is believed beyond ten years, and no time is too late to be written down.
#[tokio::test(flavor = "multi_thread")]
async fn a_lifetime_of_thousands_of_years_is_cut_to_ten() {
    let process = Process::start().await;
    for expires_in in ["999999999999", "18446744073709551615", "\"999999999999\""] {
        let body = format!(r#"{{"access_token":"AT","expires_in":{expires_in}}}"#);
        process.fault(json(200, &body));
        let tokens = process.parts.access_tokens();
        get(&tokens, &process.file, None).await.expect("a token");
        let shared = process.shared().await.expect("shared");
        let left = shared.expires_at.since(process.parts.clock.now());
        let ten_years = Duration::from_secs(10 * 366 * 24 * 3600);
        assert!(left <= ten_years, "{expires_in}: {left:?}");
        let credentials = process.parts.credentials();
        let forgotten = credentials.forget_access_token(&acme()).await;
        forgotten.expect("forgotten");
    }
}

/// No answer is read without an end: a token is in the first few kilobytes or nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn an_endless_answer_of_the_token_endpoint_is_no_grant() {
    let process = Process::start().await;
    let padding = " ".repeat(4 * 1024 * 1024);
    let body = format!(r#"{{"access_token":"AT","expires_in":1799{padding}}}"#);
    process.fault(json(200, &body));
    let failed = process.no_token().await;
    assert!(failed.to_string().contains("too long"), "{failed}");
    assert_matches!(failed, AccessError::Transient { .. });
    process.token().await;
}

/// docs/architecture.md#rule-5: secrets are re-read once when refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_secret_that_changed_is_read_again_once_it_is_refused() {
    let process = Process::start().await;
    let parts = &process.parts;
    let first = process.token().await;
    parts.servicenow.add_registry(CLIENT_ID, "a-new-secret");
    let name = SecretName::OauthClientSecret;
    parts.set_secret(name, "a-new-secret").await;
    let before = process.grants_requested();
    process.get(Some(&first)).await.expect("a token");
    let requested = process.grants_requested() - before;
    assert_eq!(requested, 2, "refused, read again, granted");

    parts.servicenow.add_registry(CLIENT_ID, "unknown-secret");
    parts.advance(A_TOKENS_LIFE);
    let before = process.grants_requested();
    let refused = process.no_token().await;
    assert_matches!(refused, AccessError::ReauthorizationNeeded(_));
    let requested = process.grants_requested() - before;
    assert_eq!(requested, 1, "the same secret is not sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_grant_that_hands_out_the_refused_token_needs_a_person() {
    let process = Process::start_with("grant = \"password\"").await;
    let first = process.token().await;
    assert_eq!(process.parts.servicenow.grants().password, 1);
    let refused = process.get(Some(&first)).await.expect_err("refused");
    assert_matches!(refused, AccessError::ReauthorizationNeeded(_));
}

#[tokio::test(flavor = "multi_thread")]
async fn client_credentials_are_a_grant_of_their_own() {
    let process = Process::start_with("grant = \"client_credentials\"").await;
    let servicenow = &process.parts.servicenow;
    servicenow.configure(|rules| rules.client_credentials_enabled = true);
    servicenow.set_application_user(CLIENT_ID, SERVICE_ACCOUNT);
    process.token().await;
    let grants = servicenow.grants();
    assert_eq!((grants.client_credentials, grants.refresh_token), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_token_or_secret_needs_a_person_and_makes_no_call() {
    let process = Process::start().await;
    process.empty_secret("token").await;
    let refused = process.no_token().await;
    assert_matches!(refused, AccessError::ReauthorizationNeeded(_));
    assert_eq!(process.grants_requested(), 0);
}

/// docs/architecture.md#rule-4: a paused tenant is not called.
#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_requested_for_a_tenant_that_was_paused_meanwhile() {
    let process = Process::start().await;
    let pause = Pause {
        until: process.parts.clock.now().plus(Duration::from_secs(3600)),
        reason: ErrorCode::ReauthorizationNeeded,
    };
    let set = process.parts.credentials().set_pause(&acme(), pause).await;
    set.expect("written");
    assert_eq!(process.no_token().await, AccessError::Paused(pause));
    assert_eq!(process.grants_requested(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_a_minute_before_it_expires() {
    let process = Process::start().await;
    let first = process.token().await;
    process.parts.advance(1730);
    assert_eq!(process.token().await, first);
    process.parts.advance(20);
    assert_ne!(process.token().await, first);
}

/// docs/architecture.md#rule-5: a lease has an owner; a process that waits for it looks again.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_waits_for_the_lease_takes_the_token_that_comes() {
    let process = Process::start().await;
    process.fault(FaultAction::Delay(Duration::from_millis(700)));
    let processes = process.others(3);
    let gets = processes
        .iter()
        .map(|tokens| get(tokens, &process.file, None));
    let tokens = join_all(gets).await;
    assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
    assert!(tokens[0].is_ok());
    assert_eq!(process.grants_requested(), 1);
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
        let process = Process::start().await;
        process.parts.aws.inject(AwsFault::any(service, denied()));
        let failed = process.no_token().await;
        assert_matches!(failed, AccessError::Storage(_), "{service:?}");
        let text = failed.to_string();
        let named = text.starts_with(call) && text.ends_with(": AccessDeniedException");
        assert!(named, "{text}");
        process.token().await;
    }
}

/// docs/architecture.md#rule-5: secrets are read again once; a process that read them before they were set does not pause the tenant again.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_was_not_set_yet_is_found_as_soon_as_it_is() {
    let process = Process::start_with("grant = \"password\"").await;
    process.empty_secret("credentials").await;
    let missing = process.no_token().await;
    assert_matches!(missing, AccessError::ReauthorizationNeeded(_));
    for (name, value) in [
        (SecretName::OauthClientSecret, CLIENT_SECRET),
        (SecretName::ServiceAccountPassword, SERVICE_ACCOUNT_PASSWORD),
    ] {
        process.parts.set_secret(name, value).await;
    }
    process.parts.advance(31);
    process.token().await;
}

/// Without the table it is not known whether the settings that were refused still hold.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_pauses_no_tenant_whose_settings_cannot_be_read() {
    let process = Process::start().await;
    let servicenow = &process.parts.servicenow;
    servicenow.add_registry(CLIENT_ID, "another-secret");
    process.fault(FaultAction::Delay(Duration::from_millis(700)));
    let unreadable = async {
        until(|| process.grants_requested() == 1).await;
        let fault = AwsFault::once(Service::DynamoDb, "GetItem", denied());
        process.parts.aws.inject(fault);
    };
    let (failed, ()) = tokio::join!(process.no_token(), unreadable);
    assert_matches!(failed, AccessError::Storage(_), "{failed}");
    assert_eq!(process.pause().await, None);
}

/// The tenant needs re-authorisation since two minutes ago.
async fn paused_for_two_minutes(process: &Process) -> Pause {
    let pause = Pause {
        until: process.parts.clock.now().plus(REAUTHORIZATION_PAUSE),
        reason: ErrorCode::ReauthorizationNeeded,
    };
    let set = process.parts.credentials().set_pause(&acme(), pause).await;
    set.expect("written");
    process.parts.advance(120);
    pause
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_retries_at_once_one_requests_a_token_which_ends_the_pause() {
    let process = Process::start().await;
    paused_for_two_minutes(&process).await;
    process.fault(FaultAction::Delay(Duration::from_millis(300)));
    let processes = process.others(5);
    let retries = processes.iter().map(|tokens| process.retry(tokens));
    assert_eq!(join_all(retries).await, vec![Ok(()); 5]);
    assert_eq!(process.grants_requested(), 1);
    assert_eq!(process.pause().await, None);
    let token = process.token().await;
    let shared = process.shared().await.expect("shared");
    assert_eq!(shared.token, token);
    assert_eq!(process.grants_requested(), 1);
}

/// The password grant hands out the current token for as long as it lives, also when ServiceNow refuses it.
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_whose_token_is_not_accepted_leaves_the_pause_as_it_was() {
    let process = Process::start_with("grant = \"password\"").await;
    let pause = paused_for_two_minutes(&process).await;
    let tables = || InjectedFault::on(RequestMatcher::of("GET", "/api/now/"));
    for (action, is_refusal) in [
        (FaultAction::Unauthorized, true),
        (page(401, "<html>"), false),
        (FaultAction::status(503), false),
    ] {
        process.parts.servicenow.fault(tables().then(action));
        let retried = process.retry(&process.tokens).await;
        let failed = retried.expect_err("not accepted");
        let refused = matches!(failed, AccessError::ReauthorizationNeeded(_));
        assert_eq!(refused, is_refusal, "{failed}");
        assert_eq!(process.pause().await, Some(pause));
        assert_eq!(process.shared().await, None);
        // A second attempt within a minute is none.
        let requested = process.grants_requested();
        assert_eq!(process.retry(&process.tokens).await, Ok(()));
        assert_eq!(process.grants_requested(), requested);
        process.parts.advance(61);
    }
    assert_eq!(process.retry(&process.tokens).await, Ok(()));
    assert_eq!(process.pause().await, None);
}
