//! The checks of a tenant's status, which are those of `rescue-connector doctor` for a reader without a command line
//! (docs/doctor.md).

use std::sync::Arc;
use std::time::Duration;

use local::demo_tenant::{self, CLIENT_ID, CLIENT_SECRET, COMPANY_ID, TECHNICIAN};
use local::rescue::Phase;
use local::servicenow::Created;
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use serde_json::{Value, json};
use shared::aws::credentials::Pause;
use shared::aws::tenants::{Change, KeyScope, ManagedBy, TenantsTable};
use shared::checks::examination::{Examination, Technicians};
use shared::checks::reader::Reader;
use shared::checks::report::Status;
use shared::checks::runner::run;
use shared::domain::error::ErrorCode;
use shared::domain::tenant::TenantId;
use shared::retry::ServiceNowTimeouts;
use shared::wiring::VendorWiring;
use tests::World;
use tests::settings::with_rows_and_problems;
use tests::settings_app::SettingsApp;
use tests::tokens::demo;

/// A tenant's checks are made again after this.
const BETWEEN_CHECKS: Duration = Duration::from_secs(11);

/// A check by its name.
#[track_caller]
fn check<'a>(checks: &'a [Value], name: &str) -> &'a Value {
    let found = checks.iter().find(|check| check["check"] == name);
    found.unwrap_or_else(|| panic!("no check {name}"))
}

/// Asserts a check's result and a part of what has to be done.
#[track_caller]
fn assert_found(checks: &[Value], name: &str, result: &str, remedy: &str) {
    let check = check(checks, name);
    assert_eq!(check["result"], result, "{check}");
    let text = check["remedy"].as_str().unwrap_or_default();
    assert!(text.contains(remedy), "{remedy} is missing: {check}");
}

/// The checks with one of these results.
fn with<'a>(checks: &'a [Value], result: &str) -> Vec<&'a str> {
    let found = checks.iter().filter(|check| check["result"] == result);
    found
        .map(|check| check["check"].as_str().expect("a name"))
        .collect()
}

/// An administrator has no command line, no tenant file and no AWS.
fn assert_no_command(checks: &[Value]) {
    for check in checks {
        let text = format!("{} {}", check["seen"], check["remedy"]);
        for word in [
            "`",
            "rescue-connector",
            "tenant file",
            "this computer",
            " --",
            "your role",
        ] {
            assert!(!text.contains(word), "{word}: {check}");
        }
    }
}

async fn healthy() -> World {
    let world = World::with_settings(|file| with_rows_and_problems(&file)).await;
    world.incident();
    world.cloud.servicenow.add_case(&[]);
    world.cloud.servicenow.add_record("problem", &[]);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn without_faults_no_check_fails_and_each_has_a_name_a_result_and_what_was_seen() {
    let world = healthy().await;
    let app = SettingsApp::of_the_demo(&world).await;
    let checks = app.checks(TECHNICIAN).await;
    assert_eq!(with(&checks, "failed"), Vec::<&str>::new(), "{checks:#?}");
    assert_eq!(with(&checks, "warning"), ["email"], "no check can prove it");
    assert_eq!(
        with(&checks, "skipped"),
        ["rescue-api-token", "missed-sessions"]
    );
    assert_no_command(&checks);
    for check in &checks {
        let names: Vec<&String> = check.as_object().expect("an object").keys().collect();
        assert_eq!(names, ["check", "remedy", "result", "seen"], "{check}");
        let has_remedy = check["result"] == "warning";
        assert_eq!(check["remedy"].is_string(), has_remedy, "{check}");
    }
    assert_eq!(world.cloud.servicenow.violations(), Vec::<String>::new());
    assert_eq!(world.cloud.rescue.violations(), Vec::<String>::new());
    let written = world.cloud.servicenow.requests_matching("PATCH", "");
    assert_eq!(written.len(), 0, "a check writes nothing");
}

/// Every check of the status is one of `doctor`'s, with the same words.
#[tokio::test(flavor = "multi_thread")]
async fn the_checks_are_those_of_doctor() {
    let world = healthy().await;
    world.schedule_rotation().await;
    let app = SettingsApp::of_the_demo(&world).await;
    let options = admin::doctor::Options {
        technician: Some(TECHNICIAN.to_owned()),
        ..world.doctor_options()
    };
    let report = admin::doctor::examine(&world.cloud.stack, &demo(), &options, |_| {})
        .await
        .expect("there");
    let of_doctor = |name: &str| report.checks.iter().find(|check| check.id == name);
    let checks = app.checks(TECHNICIAN).await;
    for check in &checks {
        let name = check["check"].as_str().expect("a name");
        let same = of_doctor(name).unwrap_or_else(|| panic!("{name} is not doctor's"));
        assert_eq!(check["result"], json!(same.status), "{check} {same:?}");
        let measured = ["rescue-host", "servicenow-reachable"].contains(&name);
        // Texts about what was not looked at name the reader's own means.
        if !measured && same.status != Status::Skipped {
            assert_eq!(check["seen"], json!(same.seen));
        }
    }
    let made = |name: &str| checks.iter().any(|check| check["check"] == name);
    for only in [
        "write-note",
        "clock",
        "rotation",
        "webhook",
        "api",
        "queue",
        "last-post",
    ] {
        assert!(of_doctor(only).is_some() && !made(only), "{only}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_are_made_on_request_alone_and_only_for_an_address() {
    let world = healthy().await;
    let app = SettingsApp::of_the_demo(&world).await;
    assert_eq!(app.status().await.get("checks"), None);
    let without = app.status_with("checks=false").await;
    assert_eq!(without.json().get("checks"), None);
    for query in ["checks=yes", "checks=", "checks=true&technician=ana"] {
        let refused = app.status_with(query).await;
        refused.assert_refused(400, "invalid-request");
    }
    assert_eq!(world.cloud.servicenow.requests().len(), 0);
    let nameless = app.status_with("checks=true").await.json();
    let checks = nameless["checks"].as_array().expect("checks");
    assert_eq!(
        with(checks, "skipped"),
        [
            "rescue-sign-in",
            "rescue-api-token",
            "missed-sessions",
            "technicians"
        ]
    );
    assert_no_command(checks);
    assert_eq!(world.cloud.rescue.sign_ins().granted, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_sign_in_says_what_to_do_in_servicenow_and_in_rescue() {
    let world = healthy().await;
    let app = SettingsApp::of_the_demo(&world).await;
    world.cloud.rescue.set_company(COMPANY_ID, "changed");
    let checks = app.checks(TECHNICIAN).await;
    assert_eq!(with(&checks, "failed"), ["rescue-sign-in"]);
    let remedy = "among the secrets of the connector's settings (sso-password)";
    assert_found(&checks, "rescue-sign-in", "failed", remedy);
    assert_no_command(&checks);

    // Both know the new password at once.
    assert_eq!(app.set_secret("sso-password", "changed").await.status, 204);
    world.cloud.travel(BETWEEN_CHECKS);
    let checks = app.checks(TECHNICIAN).await;
    assert_eq!(with(&checks, "failed"), Vec::<&str>::new(), "{checks:#?}");

    world.cloud.travel(BETWEEN_CHECKS);
    let checks = app.checks("unknown@acme.test").await;
    assert_found(&checks, "rescue-sign-in", "failed", "SSO id");
    assert_found(
        &checks,
        "technicians",
        "failed",
        "Create or activate the user",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_the_service_account_lacks_are_named() {
    let world = healthy().await;
    let app = SettingsApp::of_the_demo(&world).await;
    world.cloud.servicenow.configure(|rules| {
        rules.unreadable_columns = ["work_notes".to_owned()].into();
        rules.unreadable_tables = ["sn_customerservice_case".to_owned()].into();
    });
    let checks = app.checks(TECHNICIAN).await;
    assert_found(&checks, "read-work-notes", "failed", "role itil");
    assert_found(&checks, "read-case", "warning", "sn_customerservice_agent");
    assert_eq!(check(&checks, "servicenow-access")["result"], "ok");
    assert_no_command(&checks);
}

/// A token that is refused pauses the tenant, as for a delivery; a second look asks ServiceNow for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_tried_once_and_its_remedy_is_in_servicenow() {
    let world = healthy().await;
    let app = SettingsApp::of_the_demo(&world).await;
    let instance = &world.cloud.servicenow;
    instance.revoke(&world.refresh_token());
    for _ in 0..2 {
        let query = format!("checks=true&technician={TECHNICIAN}");
        let status = app.status_with(&query).await.json();
        assert_eq!(status["token"]["state"], "reauthorization-needed");
        assert_eq!(status["paused"]["reason"], "reauthorization-needed");
        let checks = status["checks"].as_array().cloned().expect("checks");
        let remedy = "Hand over a new refresh token with the token set-up";
        assert_found(&checks, "servicenow-access", "failed", remedy);
        assert_eq!(check(&checks, "read-incident")["result"], "skipped");
        assert_no_command(&checks);
        assert_eq!(instance.grants().refused, 1);
        world.cloud.travel(BETWEEN_CHECKS);
    }
}

/// A post of an incident waits, because ServiceNow refuses the client's secret.
async fn wait_for_a_correction(world: &World) -> Created {
    world
        .cloud
        .servicenow
        .add_registry(CLIENT_ID, "another-secret");
    let incident = world.incident();
    world.post(&world.session(&incident), Phase::End).await;
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 0);
    incident
}

/// No request tells the connector of a correction that is made in ServiceNow alone.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_correction_in_servicenow_a_check_resumes_the_deliveries() {
    let world = healthy().await;
    let app = SettingsApp::of_the_demo(&world).await;
    let incident = wait_for_a_correction(&world).await;
    let paused = app.status().await;
    assert_eq!(paused["paused"]["reason"], "reauthorization-needed");

    world
        .cloud
        .servicenow
        .add_registry(CLIENT_ID, CLIENT_SECRET);
    world.cloud.travel(Duration::from_secs(61));
    let status = app.status_with("checks=true").await.json();
    assert_eq!(status["paused"], Value::Null, "{status:#}");
    let checks = status["checks"].as_array().expect("checks");
    assert_eq!(with(checks, "failed"), Vec::<&str>::new(), "{checks:#?}");
    // Without being woken it would be hidden for most of an hour.
    world.deliver().await;
    world.deliver_after(60).await;
    assert_eq!(world.notes(&incident).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_correction_in_servicenow_doctor_resumes_the_deliveries() {
    let world = healthy().await;
    world.schedule_rotation().await;
    let incident = wait_for_a_correction(&world).await;
    world
        .cloud
        .servicenow
        .add_registry(CLIENT_ID, CLIENT_SECRET);
    world.cloud.travel(Duration::from_secs(61));
    let options = admin::doctor::Options {
        write_to: Some(incident.number.clone()),
        ..world.doctor_options()
    };
    let report = admin::doctor::examine(&world.cloud.stack, &demo(), &options, |_| {})
        .await
        .expect("there");
    for name in ["servicenow-access", "paused", "write-note"] {
        let check = report.checks.iter().find(|check| check.id == name);
        assert_eq!(
            check.map(|check| check.status),
            Some(Status::Ok),
            "{check:?}"
        );
    }
    world.deliver().await;
    world.deliver_after(60).await;
    assert_eq!(
        world.notes(&incident).len(),
        2,
        "the test note and the post"
    );
}

/// Refused passwords lock accounts.
#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_are_checked_once_a_minute_and_the_pause_stays_as_it_was() {
    let world = healthy().await;
    let app = SettingsApp::of_the_demo(&world).await;
    wait_for_a_correction(&world).await;
    let until = app.status().await["paused"]["until"].clone();
    let instance = &world.cloud.servicenow;
    for (wait, refused) in [(30, 1), (31, 2), (30, 2), (31, 3)] {
        world.cloud.travel(Duration::from_secs(wait));
        let status = app.status_with("checks=true").await.json();
        assert_eq!(status["paused"]["until"], until, "{status:#}");
        let checks = status["checks"].as_array().expect("checks");
        let remedy = "Hand over a new refresh token with the token set-up";
        assert_found(checks, "servicenow-access", "failed", remedy);
        assert_found(checks, "paused", "failed", "make the checks again");
        assert_no_command(checks);
        assert_eq!(instance.grants().refused, refused);
    }
    let counted = world.metric("tenant-settings", "ReauthorizationNeeded");
    assert_eq!(counted, Vec::<f64>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_requests_no_token_while_servicenow_throttles_or_does_not_answer() {
    let world = healthy().await;
    let app = SettingsApp::of_the_demo(&world).await;
    let stack = &world.cloud.stack;
    for reason in [
        ErrorCode::ServiceNowUnavailable,
        ErrorCode::ServiceNowThrottled,
    ] {
        let until = stack.clock.now().plus(Duration::from_secs(1800));
        let pause = Pause { until, reason };
        let paused = stack.credentials().set_pause(&demo(), pause).await;
        paused.expect("written");
        let status = app.status_with("checks=true").await.json();
        assert_eq!(status["paused"]["reason"], reason.as_str());
        let requested = world
            .cloud
            .servicenow
            .requests_matching("POST", "/oauth_token.do");
        assert_eq!(requested.len(), 0, "{reason}");
        world.cloud.travel(BETWEEN_CHECKS);
    }
}

/// Checks take up to 24 s of an execution, of which all tenants have a limited number.
#[tokio::test(flavor = "multi_thread")]
async fn one_request_at_a_time_makes_the_checks_of_a_tenant() {
    let world = healthy().await;
    let app = SettingsApp::of_the_demo(&world).await;
    let query = "checks=true";
    let (one, two) = tokio::join!(app.status_with(query), app.status_with(query));
    let (made, refused) = if one.status == 200 {
        (one, two)
    } else {
        (two, one)
    };
    assert_eq!(made.status, 200, "{made:?}");
    refused.assert_refused(429, "checks-in-progress");
    assert_eq!(refused.retry_after.as_deref(), Some("10"), "{refused:?}");
    world.cloud.travel(Duration::from_secs(9));
    let soon = app.status_with(query).await;
    soon.assert_refused(429, "checks-in-progress");
    app.status().await;
    world.cloud.travel(Duration::from_secs(2));
    assert_eq!(app.status_with(query).await.status, 200);
}

/// A tenant that has only been invited: everything that is missing is named, and nothing is called without an address.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_not_set_up_yet_is_told_what_is_missing() {
    let world = World::start().await;
    let file = demo_tenant::file(&world.cloud).replace("tenant = \"demo\"", "tenant = \"acme\"");
    world.cloud.apply(&file, &[]).await.expect("applied");
    let acme = TenantId::parse("acme").expect("valid");
    let key = world.api_key_of(&acme, KeyScope::Settings).await;
    let app = SettingsApp {
        world: &world,
        tenant: acme.to_string(),
        key: key.expose().to_owned(),
    };
    let checks = app.checks(TECHNICIAN).await;
    assert_found(
        &checks,
        "secrets",
        "failed",
        "Then hand a refresh token over",
    );
    assert_found(&checks, "refresh-token", "failed", "with the token set-up");
    assert_found(&checks, "rescue-sign-in", "failed", "SSO password");
    assert_no_command(&checks);
}

/// The token set-up hands the OAuth client over, so the client is not asked for before.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_without_a_token_is_told_of_the_token_set_up_alone() {
    let world = World::start().await;
    let file = demo_tenant::file(&world.cloud).replace("tenant = \"demo\"", "tenant = \"acme\"");
    world.cloud.apply(&file, &[]).await.expect("applied");
    let acme = TenantId::parse("acme").expect("valid");
    let tenants = world.cloud.stack.tenants();
    let before = tenants.read(&acme).await.expect("read").expect("there");
    let change = Change {
        who: "a test",
        at: world.cloud.clock.now(),
        pointers: vec!["/servicenow/client_id".to_owned()],
    };
    let after = before.changed(change, |after| {
        after.tenant.file.servicenow.client_id = String::new();
    });
    let written = tenants.write(Some(&before), &after).await;
    written.expect("written");
    let key = world.api_key_of(&acme, KeyScope::Settings).await;
    let app = SettingsApp {
        world: &world,
        tenant: acme.to_string(),
        key: key.expose().to_owned(),
    };
    let checks = app.checks(TECHNICIAN).await;
    assert_eq!(check(&checks, "configuration")["result"], "ok");
    let secrets = check(&checks, "secrets")["seen"].to_string();
    assert!(!secrets.contains("oauth-client-secret"), "{secrets}");
    assert!(secrets.contains("refresh-token"), "{secrets}");
    assert_found(&checks, "servicenow-access", "failed", "token set-up");
}

/// The same code with two seconds in place of twenty.
#[tokio::test(flavor = "multi_thread")]
async fn a_rescue_that_does_not_answer_costs_no_other_check_its_result() {
    let world = healthy().await;
    let silent = FaultAction::Delay(Duration::from_secs(60));
    let faults = InjectedFault::on(RequestMatcher::any())
        .always()
        .then(silent);
    world.cloud.rescue.fault(faults);
    let stack = &world.cloud.stack;
    let vendors = VendorWiring {
        http: shared::http::client(None).expect("TLS"),
        tenants: Arc::new(TenantsTable::new(
            stack.table_calls.clone(),
            stack.tenants_table.clone(),
            stack.clock.clone(),
        )),
        secret_store: Arc::new(stack.secret_store()),
        credentials: Arc::new(stack.credentials()),
        clock: stack.clock.clone(),
        timeouts: ServiceNowTimeouts::HTTP,
        testing: world.testing(),
    };
    let tenant = stack.tenants().read(&demo()).await.expect("read");
    let limit = Duration::from_secs(2);
    let examination = Examination::new(
        vendors,
        stack.queues(),
        tenant.expect("there"),
        Reader::Administrator {
            managed_by: ManagedBy::ServiceNow,
        },
        Technicians {
            signed_in: Some(TECHNICIAN.to_owned()),
            listed: None,
        },
        // Calls may take longer than the checks here.
        limit * 10,
    );
    let checks = run(examination.checks(), limit, |_| {}).await;
    let of = |status| {
        let found = checks.iter().filter(move |check| check.status == status);
        found.map(|check| check.id).collect::<Vec<_>>()
    };
    assert_eq!(of(Status::Failed), ["rescue-host", "rescue-sign-in"]);
    assert_eq!(of(Status::Warning), ["email"]);
    assert_eq!(of(Status::Skipped), ["rescue-api-token", "missed-sessions"]);
    for check in checks.iter().filter(|check| check.status == Status::Failed) {
        assert_eq!(check.seen, "no answer within 2 s");
    }
}
