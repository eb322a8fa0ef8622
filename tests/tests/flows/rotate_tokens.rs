//! `rotate-tokens`: a refresh token is never lost and never expires unnoticed (docs/architecture.md#rule-6).

use std::time::Duration;

use local::demo_tenant::{SERVICE_ACCOUNT, TENANT};
use local::rescue::Phase;
use local::servicenow::User;
use local::simulator::{FaultAction, RequestMatcher};
use serde_json::json;
use shared::aws::credentials::Pause;
use shared::aws::secret_store::TokenSecret;
use shared::domain::error::ErrorCode;
use shared::domain::secret::Secret;
use tests::World;
use tests::settings::with_line;
use tests::tokens::demo;

const DAY: u64 = 24 * 3600;

#[tokio::test(flavor = "multi_thread")]
async fn a_daily_rotation_looks_whether_the_token_works_and_renews_it_from_half_of_its_life_on() {
    let world = World::start().await;
    let before = world.current_token().await;
    world.rotate().await;
    assert_eq!(world.cloud.servicenow.grants().refresh_token, 0, "not due");

    world.rotate_tomorrow().await;
    let looked = world.current_token().await;
    assert_ne!(looked.version_id, before.version_id);
    assert_eq!(looked.token.refresh_token, before.token.refresh_token);
    assert_eq!(looked.token.expires_at, before.token.expires_at);
    assert_eq!(looked.token.source, before.token.source);
    assert_eq!(looked.token.derived_from, Some(before.version_id));
    let grants = world.cloud.servicenow.grants();
    assert_eq!((grants.refresh_token, grants.password), (1, 0));
    world.assert_nothing_is_pending().await;

    world.cloud.travel(Duration::from_secs(49 * DAY));
    world.rotate().await;
    let renewed = world.current_token().await.token;
    let now = world.cloud.clock.now();
    assert_eq!(renewed.source.as_deref(), Some("rotation"));
    let age = now.since(renewed.issued_at.expect("known"));
    assert!(age < Duration::from_secs(30), "{age:?}");
    let left = renewed.expires_at.expect("known").since(now);
    assert!(left > Duration::from_secs(100 * DAY - 30), "{left:?}");
    assert_eq!(world.cloud.servicenow.grants().password, 1);
    world.working_token().await;
    world.assert_nothing_is_pending().await;

    let days = world.metric("rotate-tokens", "RefreshTokenDaysLeft");
    assert_eq!(days.len(), 2, "{days:?}");
    assert!(days[0] > 98.9 && days[0] < 99.0, "{days:?}");
    assert!(days[1] > 99.9, "{days:?}");
    assert_eq!(world.metric("rotate-tokens", "RotationSucceeded").len(), 2);
    assert!(world.metric("rotate-tokens", "RotationFailed").is_empty());
}

/// A token's lifetime is the one that its sender stated, and not the tenant file's.
#[tokio::test(flavor = "multi_thread")]
async fn a_lifetime_that_was_handed_over_outlives_every_renewal() {
    let world = World::start().await;
    let body = json!({"refresh_token": world.refresh_token(), "expires_in": 30 * DAY});
    assert_eq!(world.hand_over(&body).await.status, 200);
    for _ in 0..3 {
        world.cloud.travel(Duration::from_secs(16 * DAY));
        world.rotate().await;
        let renewed = world.current_token().await.token;
        assert_eq!(renewed.source.as_deref(), Some("rotation"));
        let now = world.cloud.clock.now();
        let left = renewed.expires_at.expect("known").since(now);
        let days = Duration::from_secs(30 * DAY);
        assert!(
            left <= days && left > days - Duration::from_secs(60),
            "{left:?}"
        );
    }
    // A token that is set by hand lives as long as the tenant file says.
    let token = Secret::from(world.refresh_token());
    let name = shared::domain::secret_name::SecretName::RefreshToken;
    let set = admin::secrets::set(&world.cloud.stack, &demo(), name, &token).await;
    set.expect("set");
    world.cloud.travel(Duration::from_secs(51 * DAY));
    world.rotate().await;
    let renewed = world.current_token().await.token;
    let now = world.cloud.clock.now();
    let left = renewed.expires_at.expect("known").since(now);
    assert!(left > Duration::from_secs(99 * DAY), "{left:?}");
}

/// No number from outside is believed beyond ten years.
#[tokio::test(flavor = "multi_thread")]
async fn a_lifetime_of_thousands_of_years_does_not_end_a_rotation() {
    let world = World::start().await;
    let instance = &world.cloud.servicenow;
    instance.configure(|rules| rules.claimed_expires_in = Some(999_999_999_999));
    let before = world.current_token().await.version_id;
    world.rotate_tomorrow().await;
    assert_ne!(world.current_token().await.version_id, before);
    assert_eq!(world.metric("rotate-tokens", "RotationSucceeded").len(), 1);
    world.assert_nothing_is_pending().await;
}

/// docs/architecture.md#rule-5: the access token of a rotation is shared with every process.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_shares_its_access_token_and_resumes_deliveries() {
    let world = World::start().await;
    let pause = Pause {
        until: world.cloud.clock.now().plus(Duration::from_secs(2 * DAY)),
        reason: ErrorCode::ReauthorizationNeeded,
    };
    let set = world.credentials().set_pause(&demo(), pause).await;
    set.expect("written");
    world.rotate_tomorrow().await;
    let tenant_pause = world.credentials().tenant_pause_now(&demo()).await;
    let tenant_pause = tenant_pause.expect("read");
    assert_eq!(tenant_pause.pause_at(world.cloud.clock.now()), None);

    let incident = world.incident();
    world
        .post_and_deliver(&world.session(&incident), Phase::Start)
        .await;
    assert_eq!(world.notes(&incident).len(), 1);
    assert_eq!(world.cloud.servicenow.grants().refresh_token, 1);
}

/// `token rotate` renews now, due or not; the secret carries the request.
#[tokio::test(flavor = "multi_thread")]
async fn a_requested_renewal_happens_once_although_it_is_not_due() {
    let world = World::start().await;
    world.request_renewal().await;
    world.rotate_tomorrow().await;
    let renewed = world.current_token().await.token;
    assert!(!renewed.renew_now);
    assert_eq!(renewed.source.as_deref(), Some("rotation"));
    world.rotate_tomorrow().await;
    let grants = world.cloud.servicenow.grants();
    assert_eq!((grants.password, grants.refresh_token), (1, 1));
}

/// The password grant answers with the same refresh token or with another one (docs/vendors.md#token-lifetimes).
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_revoked_is_repaired_with_the_service_accounts_password() {
    let world = World::start().await;
    let before = world.working_token().await;
    world.cloud.servicenow.revoke(before.expose());
    world.rotate_tomorrow().await;
    assert_ne!(world.working_token().await, before);
    world.assert_nothing_is_pending().await;
}

/// docs/architecture.md#rule-6: any 4xx is permanent: metric, log, pause, no hammering.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_nothing_repairs_needs_a_person_and_is_tried_once_an_hour_and_once_per_request()
 {
    let world = World::start().await;
    world.remove_password().await;
    let revoked = world.working_token().await;
    world.cloud.servicenow.revoke(revoked.expose());
    world.rotate_tomorrow().await;
    let requests = world.token_requests();
    assert_eq!(requests, 1);
    world.request_renewal().await;
    let tenant_pause = world.credentials().tenant_pause_now(&demo()).await;
    let pause = tenant_pause
        .expect("read")
        .pause_at(world.cloud.clock.now());
    assert_eq!(
        pause.map(|pause| pause.reason),
        Some(ErrorCode::ReauthorizationNeeded)
    );
    let logged = world.lines_of("rotate-tokens", "reauthorization-needed");
    assert!(
        logged
            .iter()
            .any(|line| line.contains("registry") || line.contains("Registry")),
        "{logged:?}"
    );
    assert_eq!(world.metric("rotate-tokens", "RotationFailed").len(), 1);
    assert_eq!(
        world.metric("rotate-tokens", "ReauthorizationNeeded").len(),
        1
    );
    let current = world.current_token().await.token.refresh_token;
    assert_eq!(current, Some(revoked));

    for _ in 0..6 {
        world.cloud.travel(Duration::from_secs(601));
        world.rotate().await;
    }
    let more = world.token_requests() - requests;
    assert!((1..=3).contains(&more), "{more} in an hour");
    assert!(!world.current_token().await.token.renew_now);

    let body = json!({"refresh_token": world.refresh_token()});
    let answer = world.hand_over(&body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    world.rotate_tomorrow().await;
    world.working_token().await;
    world.assert_nothing_is_pending().await;
}

/// docs/architecture.md#rule-6: wrong passwords lock accounts.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_refused_is_tried_once_an_hour_and_once_per_request() {
    let world = World::start().await;
    let account = User::service_account(SERVICE_ACCOUNT, "changed");
    world.cloud.servicenow.add_user(account);
    let refresh =
        RequestMatcher::of("POST", "/oauth_token.do").body_containing("grant_type=refresh_token");
    world.inject_always(refresh, FaultAction::status(503));
    let passwords = || {
        let requests = world.cloud.servicenow.requests().into_iter();
        let of_password = requests.filter(|request| request.text().contains("grant_type=password"));
        of_password.count()
    };
    let rotate_after = async |seconds: u64| {
        world.cloud.travel(Duration::from_secs(seconds));
        world.rotate().await;
    };
    rotate_after(60 * DAY).await;
    assert_eq!(passwords(), 1);
    for _ in 0..4 {
        rotate_after(601).await;
    }
    assert_eq!(passwords(), 1, "four more rotations within the hour");
    world.request_renewal().await;
    rotate_after(601).await;
    assert_eq!(passwords(), 2, "a request");
    assert!(!world.current_token().await.token.renew_now);
    for _ in 0..4 {
        rotate_after(601).await;
    }
    assert_eq!(passwords(), 2, "the hour begins with the request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_refused_does_not_harm_a_token_that_works() {
    let world = World::start().await;
    let before = world.working_token().await;
    let account = User::service_account(SERVICE_ACCOUNT, "changed");
    world.cloud.servicenow.add_user(account);
    world.cloud.travel(Duration::from_secs(60 * DAY));
    world.rotate().await;
    assert_eq!(world.working_token().await, before);
    let grants = world.cloud.servicenow.grants();
    assert_eq!((grants.refused, grants.refresh_token), (1, 1));
    assert_eq!(world.metric("rotate-tokens", "RotationSucceeded").len(), 1);
}

/// docs/architecture.md#rule-6: a replaced token is current before anything else happens.
#[tokio::test(flavor = "multi_thread")]
async fn a_health_check_that_replaces_the_token_keeps_the_new_one_and_its_end() {
    let world = World::start().await;
    world.replace_refresh_tokens();
    let before = world.current_token().await.token;
    world.rotate_tomorrow().await;
    let after = world.current_token().await.token;
    assert_ne!(after.refresh_token, before.refresh_token);
    let (after, before) = (after.expires_at, before.expires_at);
    assert_eq!(after, before, "nothing says that it lives longer");
    world.working_token().await;
    world.assert_nothing_is_pending().await;
    world.rotate_tomorrow().await;
    world.working_token().await;
}

/// docs/architecture.md#rule-6: network, 5xx, 429 and HTML are transient.
#[tokio::test(flavor = "multi_thread")]
async fn a_transient_failure_fails_the_step_and_changes_nothing() {
    let world = World::start().await;
    let before = world.current_token().await;
    for action in [
        FaultAction::status(503),
        FaultAction::Html,
        FaultAction::DropBefore,
    ] {
        world.inject_once(RequestMatcher::of("POST", "/oauth_token.do"), action);
    }
    world.cloud.travel(Duration::from_secs(DAY + 1));
    for failures in 1..=3 {
        world.rotate().await;
        let failed = world.metric("rotate-tokens", "RotationFailed");
        assert_eq!(failed.len(), failures);
        assert_eq!(world.current_token().await.version_id, before.version_id);
        world.cloud.travel(Duration::from_secs(601));
    }
    let tenant_pause = world.credentials().tenant_pause_now(&demo()).await;
    assert_eq!(tenant_pause.expect("read").pause, None);
    world.rotate().await;
    assert_ne!(world.current_token().await.version_id, before.version_id);
    world.assert_nothing_is_pending().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_without_a_token_rotates_well_and_stays_empty() {
    let world = World::start().await;
    world.set_token(|_| TokenSecret::default()).await;
    world.rotate_tomorrow().await;
    assert_eq!(world.token_requests(), 0);
    assert_eq!(world.current_token().await.token, TokenSecret::default());
    world.assert_nothing_is_pending().await;
    assert_eq!(world.metric("rotate-tokens", "RotationSucceeded").len(), 1);
    let days = world.metric("rotate-tokens", "RefreshTokenDaysLeft");
    assert!(days.is_empty(), "{days:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_whose_grant_needs_no_refresh_token_or_that_is_gone_rotates_unchanged() {
    let world = World::start().await;
    let before = world.current_token().await.token;
    let grant = "grant = \"password\"";
    world
        .change_settings(|file| with_line(&file, "servicenow", grant))
        .await;
    world.rotate_tomorrow().await;
    assert_eq!(world.current_token().await.token, before);

    let stack = &world.cloud.stack;
    let delete = stack
        .dynamodb
        .delete_item()
        .table_name(&stack.tenants_table);
    let key = aws_sdk_dynamodb::types::AttributeValue::S(TENANT.to_owned());
    delete.key("tenant", key).send().await.expect("deleted");
    world.rotate_tomorrow().await;
    assert_eq!(world.current_token().await.token, before);
    assert_eq!(world.token_requests(), 0);
    assert_eq!(world.metric("rotate-tokens", "RotationSucceeded").len(), 2);
}

/// A hand-over between two steps wins.
#[tokio::test(flavor = "multi_thread")]
async fn a_hand_over_in_between_is_not_overtaken_by_the_rotation() {
    let world = World::start().await;
    let pending = TokenSecret {
        derived_from: Some(world.current_token().await.version_id),
        ..world.current_token().await.token
    };
    for pending in [pending, TokenSecret::default()] {
        let version = world.begin_rotation(&pending).await;
        for step in ["create_secret", "set_secret", "test_secret"] {
            world.step(step, &version).await.expect(step);
        }
        let body = json!({"refresh_token": world.refresh_token(), "expires_in": 4_320_000});
        let answer = world.hand_over(&body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let handed_over = world.current_token().await;
        for _ in 0..2 {
            let finished = world.step("finish_secret", &version).await;
            finished.expect("ends well");
            let current = world.current_token().await;
            assert_eq!(current.version_id, handed_over.version_id);
            world.assert_nothing_is_pending().await;
        }
        for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
            world.step(step, &version).await.expect("a repetition");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_may_be_repeated_and_its_spelling_does_not_matter() {
    let world = World::start().await;
    let current = world.current_token().await;
    let pending = TokenSecret {
        derived_from: Some(current.version_id.clone()),
        ..current.token
    };
    let version = world.begin_rotation(&pending).await;
    for step in [
        "createSecret",
        "create_secret",
        "set_secret",
        "setSecret",
        "testSecret",
        "test_secret",
    ] {
        for _ in 0..2 {
            world.step(step, &version).await.expect(step);
        }
    }
    assert_eq!(world.current_token().await.version_id, current.version_id);
    for step in [
        "finishSecret",
        "finish_secret",
        "createSecret",
        "testSecret",
        "finishSecret",
    ] {
        world.step(step, &version).await.expect(step);
        assert_eq!(world.current_token().await.version_id, version);
        world.assert_nothing_is_pending().await;
    }
    world.rotate_tomorrow().await;
    let current = world.current_token().await.version_id;
    assert_ne!(current, version, "the next rotation succeeds");
}

/// Secrets Manager's trial run: a pending version that nothing has filled, or that holds no access token.
#[tokio::test(flavor = "multi_thread")]
async fn a_trial_run_of_test_secret_passes_without_a_call() {
    let world = World::start().await;
    let version = world.begin_rotation(&TokenSecret::default()).await;
    world.step("testSecret", &version).await.expect("passes");
    let mut token = world.current_token().await.token;
    token.source = Some("trial".to_owned());
    let version = world.begin_rotation(&token).await;
    world.step("testSecret", &version).await.expect("passes");
    assert!(world.cloud.servicenow.requests().is_empty());
}

/// `testSecret` uses the access token that came with the pending value and never refreshes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_pending_token_that_does_not_work_is_not_promoted() {
    let world = World::start().await;
    let current = world.current_token().await;
    let pending = TokenSecret {
        derived_from: Some(current.version_id.clone()),
        access_token: Some(Secret::from("never-granted")),
        access_token_until: Some(world.cloud.clock.now().plus(Duration::from_secs(900))),
        ..current.token
    };
    let version = world.begin_rotation(&pending).await;
    world
        .step("createSecret", &version)
        .await
        .expect("is there");
    let failed = world.step("testSecret", &version).await;
    assert!(failed.is_err_and(|error| error.contains("rotation-postponed")));
    assert_eq!(world.token_requests(), 0, "never a refresh");
    assert_eq!(world.current_token().await.version_id, current.version_id);

    world.cloud.travel(Duration::from_secs(901));
    for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
        let ended = world.step(step, &version).await;
        ended.expect("given up, and ends well");
    }
    assert_eq!(world.current_token().await.version_id, current.version_id);
    world.assert_nothing_is_pending().await;
    world.rotate_tomorrow().await;
    assert_ne!(world.current_token().await.version_id, current.version_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_not_of_a_rotation_of_a_token_secret_is_refused() {
    let world = World::start().await;
    let name = world.token_secret();
    let version = world.begin_rotation(&TokenSecret::default()).await;
    let event = |step: &str, secret: &str, version: &str| json!({"Step": step, "SecretId": secret, "ClientRequestToken": version});
    let create = |secret: &str, version: &str| event("createSecret", secret, version);
    let credentials = name.replace("/token", "/credentials");
    for (event, expected) in [
        (json!({}), "not-a-rotation"),
        (json!([]), "not-a-rotation"),
        (event("dropSecret", &name, &version), "not-a-rotation"),
        (create(&credentials, &version), "not-a-rotation"),
        (create("another/secret", &version), "not-a-rotation"),
        (create(&name, ""), "not-a-rotation"),
        (create(&name, &version.replace('-', "_")), "not-in-rotation"),
    ] {
        let failed = world.event(&event).await.expect_err("refused");
        assert!(failed.contains(expected), "{event} {failed}");
    }
    let plain = uuid::Uuid::new_v4().to_string();
    let token = TokenSecret::default();
    world.put_token(&plain, &token, "SOMETHING").await;
    let failed = world
        .step("createSecret", &plain)
        .await
        .expect_err("refused");
    assert!(failed.contains("not AWSPENDING"), "{failed}");
    world.cancel_rotation().await;
    let failed = world
        .step("createSecret", &version)
        .await
        .expect_err("refused");
    assert!(failed.contains("does not rotate"), "{failed}");
    assert!(world.cloud.servicenow.requests().is_empty());
}

/// docs/architecture.md#rule-6: three years without a human.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_with_a_service_account_runs_for_three_years_without_a_human() {
    let world = World::start().await;
    let mut records = Vec::new();
    for fortnight in 0..=78 {
        world.cloud.travel(Duration::from_secs(14 * DAY));
        world.rotate().await;
        if fortnight % 6 == 0 {
            let incident = world.incident();
            world
                .post_and_deliver(&world.session(&incident), Phase::Start)
                .await;
            records.push(incident);
            world.working_token().await;
            world.assert_nothing_is_pending().await;
        }
    }
    for incident in &records {
        assert_eq!(world.notes(incident).len(), 1);
    }
    let grants = world.cloud.servicenow.grants();
    assert_eq!(grants.refused, 0);
    assert!((15..=25).contains(&grants.password), "{grants:?}");
    assert!(world.metric("rotate-tokens", "RotationFailed").is_empty());
    let days = world.metric("rotate-tokens", "RefreshTokenDaysLeft");
    assert!(days.iter().all(|days| *days > 35.0), "{days:?}");
    assert!(world.lines_of("rotate-tokens", "expires within").is_empty());
    assert!(world.dead_letters().is_empty());
}

/// docs/architecture.md#rule-6, without a password: a warning at 14, 7 and 1 days; then messages wait, and none is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_without_a_service_account_is_warned_and_its_messages_wait_for_a_hand_over() {
    let world = World::start().await;
    world.remove_password().await;
    let logged_warnings = |text: &str| world.lines_of("rotate-tokens", text).len();
    let mut counts = Vec::new();
    for day in 1..=101 {
        world.cloud.travel(Duration::from_secs(DAY + 60));
        if day < 80 && day % 20 != 0 {
            continue;
        }
        world.rotate().await;
        counts.push((
            day,
            logged_warnings("expires within 14 days"),
            logged_warnings("expires within 7 days"),
            logged_warnings("expires within a day"),
        ));
    }
    let first = |which: fn(&(i32, usize, usize, usize)) -> usize| {
        counts.iter().find(|day| which(day) > 0).map(|day| day.0)
    };
    assert_eq!(first(|day| day.1), Some(86), "{counts:?}");
    assert_eq!(first(|day| day.2), Some(93), "{counts:?}");
    assert_eq!(first(|day| day.3), Some(99), "{counts:?}");
    assert!(logged_warnings("reauthorization-needed") > 0);

    let incidents: Vec<_> = (0..3).map(|_| world.incident()).collect();
    for incident in &incidents {
        world.post(&world.session(incident), Phase::Start).await;
    }
    world.deliver().await;
    for _ in 0..5 {
        world.deliver_after(DAY).await;
        world.rotate().await;
    }
    for incident in &incidents {
        assert!(world.notes(incident).is_empty());
    }
    assert!(world.dead_letters().is_empty());

    let body = json!({"refresh_token": world.refresh_token()});
    let answer = world.hand_over(&body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    world.deliver_after(59).await;
    for incident in &incidents {
        assert_eq!(world.notes(incident).len(), 1, "none lost, none doubled");
    }
    assert!(world.dead_letters().is_empty());
    world.rotate_tomorrow().await;
    world.working_token().await;
    world.assert_nothing_is_pending().await;
}
