//! `receive-token`: a token that is handed over is proved before it replaces the old one (docs/architecture.md#rule-6).

use std::time::Duration;

use local::aws::Service;
use local::demo_tenant::{CLIENT_ID, SERVICE_ACCOUNT, TENANT};
use local::rescue::Phase;
use local::servicenow::{Created, User};
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use serde_json::{Value, json};
use shared::aws::credentials::{Pause, token_lease_key};
use shared::aws::tenants::KeyScope;
use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::domain::secret::Secret;
use tests::injected::{page, rate_limited};
use tests::settings::with_line;
use tests::tokens::demo;
use tests::{HttpAnswer, World, assert_contains};

/// A second OAuth client beside the demo's.
const OWN_CLIENT: &str = "handed-over-client";
const OWN_SECRET: &str = "handed-over-secret";

fn token_endpoint(action: FaultAction) -> InjectedFault {
    InjectedFault::on(RequestMatcher::of("POST", "/oauth_token.do")).then(action)
}

fn probe(action: FaultAction) -> InjectedFault {
    InjectedFault::on(RequestMatcher::of("GET", "/table/incident")).then(action)
}

/// A token other than the stored one.
fn another_token(world: &World) -> String {
    let user = User::service_account("svc.other", "other-password");
    let instance = &world.cloud.servicenow;
    instance.add_user(user);
    instance.issue_refresh_token(CLIENT_ID, "svc.other")
}

fn stored(answer: &HttpAnswer) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["status"], "stored");
}

fn refused(answer: &HttpAnswer, status: u16, code: &str) {
    answer.assert_refused(status, code);
    assert_eq!(answer.retry_after.is_some(), status == 503, "{answer:?}");
}

fn item_notes(world: &World, item: &Created) -> Vec<String> {
    let instance = &world.cloud.servicenow;
    instance.work_notes("sc_req_item", &item.sys_id)
}

/// A hand-over for a requested item.
fn for_item(token: &str, item: &Created) -> Value {
    json!({"refresh_token": token, "request_item": {"sys_id": item.sys_id}})
}

/// Hands over the token that is current already.
async fn hand_over_again(world: &World) -> HttpAnswer {
    let body = json!({"refresh_token": world.refresh_token()});
    world.hand_over(&body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_works_is_stored_with_its_end_and_used_from_then_on() {
    let world = World::start().await;
    let before = world.current_token().await;
    let new = another_token(&world);
    let body = json!({"refresh_token": new, "expires_in": 8_640_000});
    let answer = world.hand_over(&body).await;
    stored(&answer);
    assert_eq!(answer.json()["days_left"], 100);
    assert_eq!(answer.content_type, "application/json");
    let after = world.current_token().await;
    assert_ne!(after.version_id, before.version_id);
    assert_eq!(after.token.refresh_token, Some(Secret::from(new.as_str())));
    assert_eq!(after.token.source.as_deref(), Some("hand-over"));
    assert_eq!(
        (after.token.client_id, after.token.client_secret),
        (None, None)
    );
    let answer = answer.json();
    let expires_at = answer["expires_at"].as_str().and_then(Timestamp::parse);
    assert_eq!(after.token.expires_at, expires_at);
    let metrics = world.lines_of("receive-token", "RefreshTokenDaysLeft");
    assert_eq!(metrics.len(), 1, "{metrics:?}");

    let incident = world.incident();
    world
        .post_and_deliver(&world.session(&incident), Phase::Start)
        .await;
    assert_eq!(world.notes(&incident).len(), 1);
    let grants = world.cloud.servicenow.grants();
    assert_eq!(grants.refresh_token, 1, "its access token is shared");
}

/// Secrets Manager keeps a hundred versions of a secret; a repeat adds none.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_repeated_at_once_is_answered_and_stores_nothing_more() {
    let world = World::start().await;
    let body = json!({"refresh_token": another_token(&world), "expires_in": 8_640_000});
    stored(&world.hand_over(&body).await);
    let first = world.current_token().await.version_id;
    let again = world.hand_over(&body).await;
    stored(&again);
    assert_eq!(again.json()["days_left"], 99);
    assert_eq!(world.current_token().await.version_id, first);
    let longer = json!({"refresh_token": body["refresh_token"], "expires_in": 8_700_000});
    stored(&world.hand_over(&longer).await);
    assert_ne!(world.current_token().await.version_id, first, "says more");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_expires_in_the_tenant_file_says_how_long_a_token_lives() {
    let lifetime = "refresh_token_lifetime = \"30 days\"";
    let world = World::with_settings(|file| with_line(&file, "servicenow", lifetime)).await;
    let answer = hand_over_again(&world).await;
    stored(&answer);
    assert_eq!(answer.json()["days_left"], 30);
    for (seconds, days) in [(86_399, 0), (86_400, 1), (172_799, 1)] {
        let body = json!({"refresh_token": world.refresh_token(), "expires_in": seconds});
        let answer = world.hand_over(&body).await.json();
        assert_eq!(answer["days_left"], days, "{seconds}");
    }
}

/// In ServiceNow's whole answer, `expires_in` is the access token's (RFC 6749, section 5.1).
#[tokio::test(flavor = "multi_thread")]
async fn the_expires_in_of_a_whole_oauth_answer_is_the_access_tokens() {
    let world = World::start().await;
    for expires_in in [
        json!(1799),
        json!(999_999_999_999_u64),
        json!(0),
        json!("soon"),
    ] {
        let body = json!({"access_token": "AT", "refresh_token": another_token(&world),
            "scope": "useraccount", "token_type": "Bearer", "expires_in": expires_in});
        let answer = world.hand_over(&body).await;
        stored(&answer);
        let days = answer.json()["days_left"].as_u64();
        assert!(days.is_some_and(|days| days >= 99), "the tenant file's");
    }
}

/// A lifetime beyond ten years is not believed, neither ServiceNow's nor the sender's.
#[tokio::test(flavor = "multi_thread")]
async fn a_lifetime_of_thousands_of_years_does_not_end_the_function() {
    let world = World::start().await;
    let instance = &world.cloud.servicenow;
    instance.configure(|rules| rules.claimed_expires_in = Some(999_999_999_999));
    let body = json!({"refresh_token": another_token(&world)});
    let answer = world.hand_over(&body).await;
    stored(&answer);
    assert_eq!(answer.json()["days_left"], 100);
    let shared = world.credentials().access_token(&demo()).await;
    let shared = shared.expect("read").expect("shared");
    let left = shared.expires_at.since(world.cloud.clock.now());
    assert!(left < Duration::from_secs(3660 * 24 * 3600), "{left:?}");
    let body = json!({"refresh_token": another_token(&world), "expires_in": 999_999_999_999_u64});
    let answer = world.hand_over(&body).await;
    refused(&answer, 400, "invalid-request");
}

/// When ServiceNow refuses the token, the old one stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_servicenow_refuses_is_not_stored_and_the_likely_causes_are_named() {
    let world = World::start().await;
    let before = world.current_token().await;
    let bodies = [
        json!({"refresh_token": "made-up"}),
        json!({"refresh_token": world.refresh_token(), "client_id": CLIENT_ID, "client_secret": "wrong"}),
        json!({"refresh_token": world.refresh_token(), "client_id": "unknown", "client_secret": "x"}),
    ];
    for body in bodies {
        let answer = world.hand_over(&body).await;
        refused(&answer, 422, "token-refused");
        let detail = answer.json()["detail"].as_str().expect("a text").to_owned();
        assert_contains(
            &detail.to_lowercase(),
            &[
                "expired or was revoked",
                "client",
                "locked out",
                "registry",
                "old token stays",
            ],
        );
    }
    world
        .cloud
        .servicenow
        .fault(probe(FaultAction::Unauthorized));
    let unproved = json!({"refresh_token": another_token(&world)});
    refused(&world.hand_over(&unproved).await, 422, "token-refused");
    assert_eq!(world.current_token().await.version_id, before.version_id);
    let tenant_pause = world.credentials().tenant_pause_now(&demo()).await;
    let pause = tenant_pause.expect("read").pause;
    assert_eq!(pause, None, "the old token is not to blame");
    world.working_token().await;
}

/// docs/architecture.md#rule-6: network, 5xx, 429 and HTML are transient.
#[tokio::test(flavor = "multi_thread")]
async fn while_servicenow_does_not_answer_the_old_token_stays_and_a_repeat_succeeds() {
    let world = World::start().await;
    let before = world.current_token().await;
    let body = json!({"refresh_token": another_token(&world)});
    for fault in [
        token_endpoint(FaultAction::status(503)),
        token_endpoint(FaultAction::Html),
        token_endpoint(FaultAction::DropBefore),
        token_endpoint(rate_limited(60)),
        probe(FaultAction::status(500)),
        probe(FaultAction::Html),
        probe(page(401, "<html>Blocked</html>")),
        probe(FaultAction::DropBefore),
    ] {
        let case = format!("{fault:?}");
        world.cloud.servicenow.fault(fault);
        let answer = world.hand_over(&body).await;
        assert_eq!(answer.status, 503, "{case} {answer:?}");
        refused(&answer, 503, "servicenow-unavailable");
        assert_eq!(world.current_token().await.version_id, before.version_id);
    }
    stored(&world.hand_over(&body).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_answer_about_the_table_proves_a_token() {
    let world = World::start().await;
    world.cloud.servicenow.configure(|rules| {
        rules.unreadable_tables.insert("incident".to_owned());
    });
    stored(&hand_over_again(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_stores_do_not_answer_the_old_token_stays_and_a_repeat_succeeds() {
    let world = World::start().await;
    let before = world.current_token().await;
    let body = json!({"refresh_token": another_token(&world)});
    for operation in [
        "GetSecretValue",
        "PutSecretValue",
        "UpdateSecretVersionStage",
    ] {
        world.refuse_aws(Service::SecretsManager, operation, "AccessDeniedException");
        refused(&world.hand_over(&body).await, 503, "storage-unavailable");
        if operation != "UpdateSecretVersionStage" {
            assert_eq!(world.current_token().await.version_id, before.version_id);
        }
    }
    stored(&world.hand_over(&body).await);
    let (credentials, lease) = (world.credentials(), token_lease_key(&demo()));
    let taken = credentials.take_lease(&lease, "another-owner", Duration::from_secs(60));
    assert!(taken.await.expect("written"));
    refused(&world.hand_over(&body).await, 503, "storage-unavailable");
}

/// Its own client is stored with the token and used for later grants.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_its_own_client_brings_the_client_along() {
    let world = World::start().await;
    let instance = &world.cloud.servicenow;
    instance.add_registry(OWN_CLIENT, OWN_SECRET);
    let new = instance.issue_refresh_token(OWN_CLIENT, SERVICE_ACCOUNT);
    let body = json!({"refresh_token": new, "client_id": OWN_CLIENT, "client_secret": OWN_SECRET});
    stored(&world.hand_over(&body).await);
    let token = world.current_token().await.token;
    assert_eq!(token.client_id.as_deref(), Some(OWN_CLIENT));
    assert_eq!(token.client_secret, Some(Secret::from(OWN_SECRET)));

    let incident = world.incident();
    world.cloud.travel(Duration::from_secs(3600));
    world
        .post_and_deliver(&world.session(&incident), Phase::Start)
        .await;
    assert_eq!(world.notes(&incident).len(), 1);
    world.cloud.travel(Duration::from_secs(60 * 24 * 3600));
    world.rotate().await;
    let rotated = world.current_token().await.token;
    assert_eq!(rotated.source.as_deref(), Some("rotation"));
    world.working_token().await;
    assert_eq!(instance.grants().refused, 0);

    let back = world.refresh_token();
    let body = json!({"refresh_token": back, "client_id": CLIENT_ID});
    stored(&world.hand_over(&body).await);
    assert_eq!(world.current_token().await.token.client_id, None);
    assert_eq!(instance.grants().refused, 0);
}

/// Where ServiceNow replaces refresh tokens on use, the replacement is stored.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_replaced_while_it_is_proved_can_be_handed_over_again() {
    let world = World::start().await;
    let before = world.current_token().await;
    let new = another_token(&world);
    let body = json!({"refresh_token": new});
    world.replace_refresh_tokens();
    world
        .cloud
        .servicenow
        .fault(probe(FaultAction::status(503)));
    refused(&world.hand_over(&body).await, 503, "servicenow-unavailable");
    assert_eq!(world.current_token().await.version_id, before.version_id);

    for _ in 0..2 {
        stored(&world.hand_over(&body).await);
        let current = world.working_token().await;
        assert_ne!(current, Secret::from(new.as_str()));
    }
    world.rotate_tomorrow().await;
    let late = world.hand_over(&body).await;
    stored(&late);
    let days = &late.json()["days_left"];
    assert_eq!(*days, 98, "nothing says that it lives longer");
    world.working_token().await;
    assert_eq!(world.cloud.servicenow.grants().refused, 0);
}

/// A repeat writes no second note.
#[tokio::test(flavor = "multi_thread")]
async fn a_requested_item_gets_one_note_about_each_outcome() {
    let world = World::start().await;
    let item = world.cloud.servicenow.add_requested_item(&[]);
    let good = for_item(&another_token(&world), &item);
    let bad = for_item("made-up", &item);
    for _ in 0..2 {
        refused(&world.hand_over(&bad).await, 422, "token-refused");
    }
    let notes = item_notes(&world, &item);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("refuses"), "{notes:?}");
    for _ in 0..2 {
        stored(&world.hand_over(&good).await);
    }
    let notes = item_notes(&world, &item);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[1].contains("is stored"), "{notes:?}");
    let other = world.cloud.servicenow.add_requested_item(&[]);
    let again = for_item(&world.refresh_token(), &other);
    stored(&world.hand_over(&again).await);
    assert_eq!(item_notes(&world, &other).len(), 1);
    for note in notes {
        assert!(!note.contains("made-up"), "{note}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_that_cannot_be_written_never_fails_the_answer() {
    let world = World::start().await;
    let item = world.cloud.servicenow.add_requested_item(&[]);
    let body = |sys_id: &str| json!({"refresh_token": world.refresh_token(), "request_item": {"sys_id": sys_id}});
    let missing = body("0f1e2d3c4b5a69788796a5b4c3d2e1f0");
    stored(&world.hand_over(&missing).await);
    world.inject_once(
        RequestMatcher::of("PATCH", "/sc_req_item"),
        FaultAction::CommitThenDrop,
    );
    stored(&world.hand_over(&body(&item.sys_id)).await);
    stored(&world.hand_over(&body(&item.sys_id)).await);
    world.cloud.travel(Duration::from_secs(81));
    stored(&world.hand_over(&body(&item.sys_id)).await);
    assert_eq!(item_notes(&world, &item).len(), 1);

    let before = world.working_token().await;
    world.cloud.servicenow.revoke(before.expose());
    world.cloud.servicenow.revoke_access_tokens();
    let bad = for_item("made-up", &item);
    refused(&world.hand_over(&bad).await, 422, "token-refused");
    assert_eq!(item_notes(&world, &item).len(), 1);
}

/// ServiceNow drops the note silently: the log says so, and the next hand-over writes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_note_of_a_requested_item_that_servicenow_dropped_is_logged_as_missing() {
    let world = World::start().await;
    let item = world.cloud.servicenow.add_requested_item(&[]);
    let dropping = |dropped: bool| {
        world.cloud.servicenow.configure(|rules| {
            rules.unwritable_columns.clear();
            let column = dropped.then(|| "work_notes".to_owned());
            rules.unwritable_columns.extend(column);
        });
    };
    let body = for_item(&world.refresh_token(), &item);
    dropping(true);
    stored(&world.hand_over(&body).await);
    assert!(!world.output().contains("the requested item has its note"));
    assert!(world.output().contains("does not show the note"));
    dropping(false);
    stored(&world.hand_over(&body).await);
    assert_eq!(item_notes(&world, &item).len(), 1);
}

/// An unknown tenant, a wrong key and a missing scope get the same 401.
#[tokio::test(flavor = "multi_thread")]
async fn an_unauthorized_sender_learns_nothing_and_changes_nothing() {
    let world = World::start().await;
    let pin_only = world.api_key_for(KeyScope::Pin).await;
    let body = json!({"refresh_token": world.refresh_token()}).to_string();
    for key in ["wrong", "", pin_only.expose()] {
        let answer = world.hand_over_with(key, body.as_str()).await;
        refused(&answer, 401, "unauthorized");
        let answer = world.hand_over_with(key, "{").await;
        refused(&answer, 401, "unauthorized");
    }
    assert!(world.cloud.servicenow.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_switched_off_takes_no_token() {
    let world = World::start().await;
    world
        .change_settings(|file| format!("enabled = false\n{file}"))
        .await;
    let body = json!({"refresh_token": world.refresh_token()});
    refused(&world.hand_over(&body).await, 403, "tenant-disabled");
    assert_eq!(world.token_requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_a_hand_over_is_refused_by_its_path_and_never_by_its_value() {
    let world = World::start().await;
    let token = "canary-of-a-token";
    let long = "x".repeat(20_000);
    let with = |name: &str, value: Value| json!({"refresh_token": token, (name): value});
    let item = |sys_id: Value| with("request_item", json!({"sys_id": sys_id}));
    let bodies = [
        (json!({}), "refresh_token"),
        (json!({"refresh_token": ""}), "refresh_token"),
        (json!({"refresh_token": 7}), "refresh_token"),
        (json!({"refresh_token": [token]}), "refresh_token"),
        (json!({"refresh_token": long}), "refresh_token"),
        (with("client_id", json!("other")), "client_secret"),
        (with("client_secret", json!(token)), "client_id"),
        (with("client_id", json!(7)), "client_id"),
        (with("expires_in", json!(0)), "expires_in"),
        (with("expires_in", json!(-1)), "expires_in"),
        (with("expires_in", json!("soon")), "expires_in"),
        (with("expires_in", json!(u64::MAX)), "expires_in"),
        (with("request_item", json!(token)), "request_item"),
        (item(json!("x^y")), "request_item.sys_id"),
        (item(json!(7)), "request_item.sys_id"),
    ];
    for (body, path) in bodies {
        let answer = world.hand_over(&body).await;
        refused(&answer, 400, "invalid-request");
        let detail = answer.json()["detail"].to_string();
        assert!(detail.contains(path), "{path}: {detail}");
        assert!(!answer.body.contains(token), "{answer:?}");
    }
    for body in [
        "",
        "{",
        "[]",
        "null",
        "refresh_token=canary-of-a-token",
        "\u{feff}{}",
    ] {
        let answer = world.hand_over_with(world.api_key.expose(), body).await;
        refused(&answer, 400, "invalid-request");
    }
    assert!(world.cloud.servicenow.requests().is_empty());
    assert!(!world.output().contains(token));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_lacks_its_secret_has_to_be_applied() {
    let world = World::start().await;
    let secrets = &world.cloud.stack.secrets;
    let delete = secrets.delete_secret().secret_id(world.token_secret());
    let delete = delete.force_delete_without_recovery(true);
    delete.send().await.expect("deleted");
    let body = json!({"refresh_token": world.refresh_token()});
    let answer = world.hand_over(&body).await;
    refused(&answer, 500, "tenant-misconfigured");
    assert!(answer.body.contains("tenant apply"), "{answer:?}");
    assert_eq!(
        world.token_requests(),
        0,
        "nothing is used that cannot be stored"
    );
    let created = world.cloud.aws.journal().calls();
    let created = created
        .iter()
        .filter(|call| call.operation == "CreateSecret" && call.caller == "receive-token");
    assert_eq!(created.count(), 0);
}

/// docs/architecture.md#rule-6: the deliveries of a tenant that waited for a new token resume.
#[tokio::test(flavor = "multi_thread")]
async fn a_hand_over_ends_the_pause_of_a_tenant_that_needed_it() {
    let world = World::start().await;
    let until = world.cloud.clock.now().plus(Duration::from_secs(3600));
    for (reason, stays) in [
        (ErrorCode::ReauthorizationNeeded, false),
        (ErrorCode::ServiceNowThrottled, true),
    ] {
        let pause = Pause { until, reason };
        let set = world.credentials().set_pause(&demo(), pause).await;
        set.expect("written");
        stored(&hand_over_again(&world).await);
        let tenant_pause = world.credentials().tenant_pause_now(&demo()).await;
        let now = world.cloud.clock.now();
        let pause = tenant_pause.expect("read").pause_at(now);
        assert_eq!(pause.is_some(), stays, "{reason}");
    }
}

/// docs/architecture.md#rule-5: hand-overs at the same time are handled one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn hand_overs_at_the_same_time_leave_a_token_that_works() {
    let world = World::start().await;
    world.replace_refresh_tokens();
    let item = world.cloud.servicenow.add_requested_item(&[]);
    let body = for_item(&another_token(&world), &item);
    let answers = futures::future::join_all((0..4).map(|_| world.hand_over(&body))).await;
    answers.iter().for_each(stored);
    world.working_token().await;
    assert_eq!(item_notes(&world, &item).len(), 1);
    assert_eq!(world.cloud.servicenow.grants().refused, 0);
    assert!(!world.output().contains(TENANT.to_uppercase().as_str()));
}
