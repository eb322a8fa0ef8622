//! `rescue-connector doctor` against the embedded cloud (docs/command-line.md): one set-up that is right, and many that are
//! broken in one place each.

use admin::doctor::{Check, Options, Report, Status, examine, technicians};
use admin::stack::Stack;
use aws_sdk_dynamodb::types::AttributeValue;
use local::aws::Service;
use local::demo_tenant::{self, CLIENT_ID, COMPANY_ID, SERVICE_ACCOUNT, TECHNICIAN, TENANT};
use local::rescue::Phase;
use local::servicenow::User;
use local::simulator::{FaultAction, RequestMatcher};
use serde_json::{Value, json};
use shared::aws::credentials::Pause;
use shared::domain::clock::Clock;
use shared::domain::error::ErrorCode;
use shared::domain::secret::Secret;
use shared::domain::secret_name::SecretName;
use shared::domain::tenant::TenantId;
use std::time::Duration;
use tests::World;
use tests::injected::rate_limited;
use tests::settings::{console_sessions, with_line, with_rows_and_problems};
use tests::tokens::demo;

use super::command_line::CommandLine;

const DAY: u64 = 24 * 3600;
const HOUR: u64 = 3600;

/// A report with assertions about its checks.
#[derive(Debug)]
struct Examined(Report);

impl Examined {
    #[track_caller]
    fn check(&self, id: &str) -> &Check {
        let found = self.0.checks.iter().find(|check| check.id == id);
        found.unwrap_or_else(|| panic!("no check {id}"))
    }

    #[track_caller]
    fn assert_status(&self, id: &str, status: Status) {
        let check = self.check(id);
        assert_eq!(check.status, status, "{check:#?}");
    }

    /// Asserts a part of what the check has seen.
    #[track_caller]
    fn assert_seen(&self, id: &str, expected: &str) {
        let check = self.check(id);
        assert!(check.seen.contains(expected), "{expected}: {check:#?}");
    }

    /// Asserts the check's status and a part of its remedy.
    #[track_caller]
    fn assert_found(&self, id: &str, status: Status, remedy: &str) {
        self.assert_status(id, status);
        let check = self.check(id);
        let text = check.remedy.as_deref().unwrap_or_default();
        assert!(text.contains(remedy), "{remedy} is missing: {check:#?}");
    }

    #[track_caller]
    fn assert_failed(&self, id: &str, remedy: &str) {
        self.assert_found(id, Status::Failed, remedy);
    }

    #[track_caller]
    fn assert_warning(&self, id: &str, remedy: &str) {
        self.assert_found(id, Status::Warning, remedy);
    }

    /// Asserts which checks have this status.
    #[track_caller]
    fn assert_all(&self, status: Status, expected: &[&str]) {
        let checks = self.0.checks.iter();
        let these = checks.filter(|check| check.status == status);
        let ids: Vec<_> = these.map(|check| check.id).collect();
        assert_eq!(ids, expected, "{self:#?}");
    }
}

async fn doctor(world: &World) -> Examined {
    doctor_with(world, &world.doctor_options()).await
}

async fn doctor_with(world: &World, options: &Options) -> Examined {
    doctor_of(&world.cloud.stack, &demo(), options).await
}

async fn doctor_of(stack: &Stack, tenant: &TenantId, options: &Options) -> Examined {
    let mut reported = Vec::new();
    let report = examine(stack, tenant, options, |check| reported.push(check.clone())).await;
    let report = report.expect("the tenant is there");
    assert_eq!(
        reported.len(),
        report.checks.len(),
        "each check is reported once"
    );
    assert!(report.checks.iter().all(|check| reported.contains(check)));
    Examined(report)
}

/// Delivers a session's start and end to its record.
async fn deliver_a_session(world: &World) {
    let record = world.incident();
    let session = world.session(&record);
    world.post(&session, Phase::Start).await;
    world.post_and_deliver(&session, Phase::End).await;
    assert_eq!(world.notes(&record).len(), 2);
}

/// Sets a secret of the demo's tenant.
async fn set(world: &World, name: SecretName, value: &str) {
    let (stack, value) = (&world.cloud.stack, Secret::from(value));
    let set = admin::secrets::set(stack, &demo(), name, &value).await;
    set.expect("set");
}

/// A world without faults, and options for all checks.
async fn healthy() -> (World, Options) {
    let world = World::with_settings(|file| with_rows_and_problems(&file)).await;
    world.schedule_rotation().await;
    world.cloud.servicenow.add_case(&[]);
    world.cloud.servicenow.add_record("problem", &[]);
    deliver_a_session(&world).await;
    let record = world.incident();
    let options = Options {
        technician: Some(TECHNICIAN.to_owned()),
        write_to: Some(record.number.clone()),
        webhook_url: Some(world.ended.clone()),
        technicians: Some(technicians::read(&format!("E-mail\n{TECHNICIAN}\n"))),
        ..world.doctor_options()
    };
    (world, options)
}

/// Only the Email API's rights, which no check can prove, are a warning.
#[tokio::test(flavor = "multi_thread")]
async fn without_faults_no_check_fails() {
    let (world, options) = healthy().await;
    let report = doctor_with(&world, &options).await;
    report.assert_all(Status::Failed, &[]);
    report.assert_all(Status::Warning, &["email"]);
    report.assert_all(Status::Skipped, &["rescue-api-token", "missed-sessions"]);
    assert_eq!(report.0.worst(), Status::Warning);
    assert_eq!(world.cloud.servicenow.violations(), Vec::<String>::new());
    assert_eq!(world.cloud.rescue.violations(), Vec::<String>::new());
    let documented = include_str!("../../../shared/src/checks/report.rs");
    for check in report.0.checks {
        let id = format!("`{}`", check.id);
        let row = |line: &str| line.starts_with("/// | `") && line.contains(&id);
        assert!(documented.lines().any(row), "{id} is not documented");
        let remedy = check.remedy.is_some();
        assert_eq!(remedy, check.status >= Status::Warning, "{check:?}");
    }
}

/// docs/architecture.md#rule-5: a shared token is used, and a new authcode is shared, because it invalidates the previous one.
#[tokio::test(flavor = "multi_thread")]
async fn it_requests_no_second_token_and_shares_its_sign_in() {
    let (world, options) = healthy().await;
    let record = world.incident();
    world.pin(&tests::request(&record)).await;
    let (grants, before) = (
        world.cloud.servicenow.grants(),
        world.cloud.rescue.sign_ins(),
    );
    doctor_with(&world, &options).await;
    assert_eq!(world.cloud.servicenow.grants(), grants);
    let after = world.cloud.rescue.sign_ins();
    assert_eq!(
        after.granted,
        before.granted + 1,
        "the sign-in is a real one"
    );
    // Another process takes the doctor's authcode from the table.
    world.cloud.travel(Duration::from_secs(5));
    world.pin(&tests::request(&world.incident())).await;
    assert_eq!(world.cloud.rescue.sign_ins(), after);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_token_that_is_refused_is_replaced_once() {
    let (world, options) = healthy().await;
    world.cloud.servicenow.revoke_access_tokens();
    let before = world.cloud.servicenow.grants();
    let report = doctor_with(&world, &options).await;
    report.assert_all(Status::Failed, &[]);
    let (granted, after) = (before.refresh_token, world.cloud.servicenow.grants());
    assert_eq!(after.refresh_token, granted + 1, "{before:?} {after:?}");
}

/// The binary: signs for people, exit code 0.
#[tokio::test(flavor = "multi_thread")]
async fn the_table_has_a_line_for_each_check_and_no_secret() {
    let world = World::start().await;
    world.schedule_rotation().await;
    let rescue = world.cloud.rescue.url();
    let rescue = format!("base_url = \"{rescue}\"");
    world
        .change_settings(|file| with_line(&file, "rescue", &rescue))
        .await;
    world.cloud.servicenow.add_case(&[]);
    let record = world.incident();
    let operator = CommandLine::by_outputs(&world);
    let mut arguments = vec!["doctor", TENANT, "--technician", TECHNICIAN];
    arguments.extend(["--write-to", &record.number, "--webhook-url", "-"]);
    let ended = operator.run_with(&arguments, world.ended.expose()).await;
    assert_eq!(ended.code, Some(0), "{}", ended.all());
    ended.assert_stdout(&[
        "✓ servicenow-access",
        "✓ rescue-sign-in",
        "✓ write-note",
        "✓ webhook",
        "! last-post",
        "✓ technicians",
        "- rescue-api-token",
        "    → ",
        "Tenant demo: nothing fails, 2 warnings",
    ]);
    let key = world.ended.expose().rsplit('/').next().expect("a key");
    let key = key.split('?').next().expect("a key");
    for secret in [
        key,
        demo_tenant::CLIENT_SECRET,
        "demo-sso-password",
        "demo-service-account-password",
    ] {
        assert!(!ended.all().contains(secret), "{}", ended.all());
    }
    assert_eq!(world.notes(&record).len(), 1);
}

/// `{"tenant","checks":[{"id","status","seen","remedy"}]}`; exit code 1 where a check fails.
#[tokio::test(flavor = "multi_thread")]
async fn scripts_get_json_and_an_exit_code() {
    let world = World::start().await;
    let rescue = world.cloud.rescue.url();
    // Tests call only the simulators.
    let off = |file: String| {
        let file = with_line(&file, "rescue", &format!("base_url = \"{rescue}\""));
        format!("enabled = false\n{file}")
    };
    world.change_settings(off).await;
    let operator = CommandLine::by_outputs(&world);
    let ended = operator.run(&["doctor", TENANT, "--output", "json"]).await;
    let report: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let checks = report["checks"].as_array().expect("checks");
    assert_eq!(report["tenant"], TENANT);
    assert_eq!(report.as_object().map(serde_json::Map::len), Some(2));
    assert_eq!(checks.len(), 35);
    assert_eq!(checks[0]["id"], "configuration");
    for check in checks {
        let names: Vec<&String> = check.as_object().expect("an object").keys().collect();
        assert_eq!(names, ["id", "remedy", "seen", "status"], "{check}");
        let status = check["status"].as_str().expect("a word");
        assert!(["ok", "warning", "failed", "skipped"].contains(&status));
        let has_remedy = ["warning", "failed"].contains(&status);
        assert_eq!(check["remedy"].is_string(), has_remedy);
    }
    assert_eq!(checks[1]["id"], "tenant-enabled");
    assert_eq!(checks[1]["status"], "failed");
    assert_eq!(ended.code, Some(1));
    let unknown = ["doctor", "unknown"];
    operator
        .fails(&unknown, &["there is no tenant unknown"])
        .await;
    let missing = ["doctor", TENANT, "--technicians", "missing.csv"];
    operator
        .fails(&missing, &["missing.csv cannot be read"])
        .await;
    let wrong_usage = [
        &["doctor"][..],
        &["doctor", TENANT, "--technician", "no-address"],
        &["doctor", TENANT, "--write-to", "12345"],
    ];
    operator.refuses_usage(&wrong_usage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hibernating_a_missing_and_a_redirecting_instance_differ() {
    let world = World::start().await;
    for (answer, remedy) in [
        (FaultAction::Html, "Wake a developer instance"),
        (
            FaultAction::status(404),
            "no ServiceNow instance of that name",
        ),
        (FaultAction::status(301), "follows no redirect"),
    ] {
        world.cloud.servicenow.clear_faults();
        world.inject_always(RequestMatcher::any(), answer.clone());
        let report = doctor(&world).await;
        report.assert_failed("servicenow-reachable", remedy);
        if answer == FaultAction::Html {
            report.assert_seen("servicenow-reachable", "hibernates");
            report.assert_status("servicenow-access", Status::Failed);
        }
    }
}

/// Checks that need a token are skipped instead of failing, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_client_secret_fails_once_and_names_every_cause() {
    let world = World::start().await;
    let instance = &world.cloud.servicenow;
    instance.add_registry(CLIENT_ID, "another-secret");
    let report = doctor(&world).await;
    report.assert_failed("servicenow-access", "secrets set demo oauth-client-secret");
    report.assert_failed("servicenow-access", "Hand over a new refresh token");
    for id in ["incident", "case", "user", "attachments"] {
        report.assert_status(&format!("read-{id}"), Status::Skipped);
    }
    report.assert_status("servicenow-user", Status::Skipped);
    assert_eq!(
        instance.grants().refused,
        1,
        "one refusal stops further requests"
    );
    // The refusal has paused the tenant, by the connector's own rule.
    let report = doctor(&world).await;
    report.assert_failed("paused", "secrets set demo oauth-client-secret");
    report.assert_failed("servicenow-access", "Setting a secret ends the pause");
    assert_eq!(instance.grants().refused, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_missing_secret_is_named() {
    let world = World::start().await;
    let file = demo_tenant::file(&world.cloud).replace("tenant = \"demo\"", "tenant = \"acme\"");
    world.cloud.apply(&file, &[]).await.expect("applied");
    let acme = TenantId::parse("acme").expect("valid");
    let report = doctor_of(&world.cloud.stack, &acme, &world.doctor_options()).await;
    for name in ["oauth-client-secret", "refresh-token", "sso-password"] {
        report.assert_failed("secrets", &format!("secrets set acme {name}"));
        report.assert_seen("secrets", name);
    }
    report.assert_failed("refresh-token", "Hand over a new one");
    let file = file.replace("client_id", "grant = \"password\"\nclient_id");
    let secrets = [(SecretName::RescueApiToken, "token")];
    world.cloud.apply(&file, &secrets).await.expect("applied");
    let report = doctor_of(&world.cloud.stack, &acme, &world.doctor_options()).await;
    let missing = "not set: oauth-client-secret, service-account-password";
    assert_eq!(report.check("secrets").seen, missing);
    report.assert_status("refresh-token", Status::Skipped);
    report.assert_status("rotation", Status::Skipped);
}

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_or_unsuitable_secrets_are_found() {
    let world = World::start().await;
    let store = async |json: Value| {
        let put = world.cloud.stack.secrets.put_secret_value();
        let put = put.secret_id("rescue-connector/demo/credentials");
        let put = put.secret_string(json.to_string());
        put.send().await.expect("stored");
    };
    store(json!({"sso-password": "p", "oauth-client-secret": "s"})).await;
    let report = doctor(&world).await;
    report.assert_failed("secrets", "which creates one");
    store(json!({"sso-password": "p", "oauth-client-secret": "a&b", "tracking-key": "k"})).await;
    let report = doctor(&world).await;
    report.assert_warning("secrets", "another client secret");
    assert!(!format!("{report:?}").contains("a&b"));
    store(json!({"sso-password": "p", "oauth-client-secret": "s", "tracking-key": "k"})).await;
    let report = doctor(&world).await;
    report.assert_warning("secrets", "service-account-password");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_switched_off_fails() {
    let world = World::with_settings(|file| format!("enabled = false\n{file}")).await;
    let report = doctor(&world).await;
    report.assert_failed("tenant-enabled", "enabled = true");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_rescue_host_is_found() {
    let world = World::start().await;
    let mut options = world.doctor_options();
    options.testing.rescue_endpoint_url = Some("http://127.0.0.1:1".to_owned());
    options.technician = Some(TECHNICIAN.to_owned());
    let report = doctor_with(&world, &options).await;
    report.assert_failed("rescue-host", "rescue.account");
    report.assert_failed("rescue-sign-in", "See rescue-host");
    report.assert_seen("rescue-host", "the connection is refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_cause_of_a_refused_sign_in_has_its_own_remedy() {
    let domains = "technician_domains = [\"acme.test\"]";
    let world = World::with_settings(|file| with_line(&file, "rescue", domains)).await;
    let rescue = &world.cloud.rescue;
    let examined = async |technician: &str| {
        let technician = Some(technician.to_owned());
        let options = world.doctor_options();
        doctor_with(
            &world,
            &Options {
                technician,
                ..options
            },
        )
        .await
    };
    let report = examined("ana.ruiz@elsewhere.test").await;
    report.assert_failed("rescue-sign-in", "technician_domains");
    assert_eq!(rescue.sign_ins().granted + rescue.sign_ins().refused, 0);

    rescue.set_company(COMPANY_ID, "changed");
    let report = examined(TECHNICIAN).await;
    report.assert_failed("rescue-sign-in", "secrets set demo sso-password");
    rescue.set_company(COMPANY_ID, "demo-sso-password");

    rescue.configure(|rules| rules.deny_request_authcode = true);
    let report = examined(TECHNICIAN).await;
    report.assert_failed("rescue-sign-in", "rescue-api-token");
    report.assert_failed("rescue-sign-in", "temporary");
    rescue.configure(|rules| rules.deny_request_authcode = false);

    rescue.configure(|rules| rules.ip_restricted = true);
    let report = examined(TECHNICIAN).await;
    report.assert_failed("rescue-sign-in", "IP addresses");
    rescue.configure(|rules| rules.ip_restricted = false);

    rescue.change_technician(TECHNICIAN, |technician| technician.seat = false);
    let report = examined(TECHNICIAN).await;
    report.assert_failed("rescue-sign-in", "technician licence");
    rescue.change_technician(TECHNICIAN, |technician| {
        technician.seat = true;
        technician.email = "other.user@acme.test".to_owned();
    });
    let report = examined(TECHNICIAN).await;
    report.assert_warning("rescue-sign-in", "should be the same");

    world
        .change_settings(|file| file.replace(COMPANY_ID, "999"))
        .await;
    let report = examined(TECHNICIAN).await;
    report.assert_failed("rescue-sign-in", "rescue.company_id");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_token_is_checked_with_rescue() {
    let world = World::start().await;
    let set = async |token: &str| set(&world, SecretName::RescueApiToken, token).await;
    set("an-old-token").await;
    let report = doctor(&world).await;
    report.assert_failed("rescue-api-token", "secrets set demo rescue-api-token");
    set(&world.cloud.rescue.issue_api_token(TECHNICIAN)).await;
    let with_technician = Options {
        technician: Some(TECHNICIAN.to_owned()),
        ..world.doctor_options()
    };
    let report = doctor_with(&world, &with_technician).await;
    report.assert_status("rescue-api-token", Status::Ok);
    // With an API token no technician is signed in for a PIN, so the doctor does not sign in either.
    report.assert_status("rescue-sign-in", Status::Skipped);
    assert_eq!(world.cloud.rescue.sign_ins().granted, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_rights_are_named_by_table_and_column() {
    let (world, options) = healthy().await;
    let instance = &world.cloud.servicenow;
    instance.configure(|rules| rules.unreadable_columns = ["work_notes".to_owned()].into());
    let report = doctor_with(&world, &options).await;
    report.assert_failed("read-work-notes", "itil");
    report.assert_seen("read-work-notes", "outcome-unknown");
    report.assert_warning("write-note", "read-work-notes");

    instance.configure(|rules| rules.unreadable_columns = ["correlation_id".to_owned()].into());
    let report = doctor_with(&world, &options).await;
    report.assert_failed("read-incident", "finds records by these columns");

    instance.configure(|rules| {
        rules.unreadable_columns.clear();
        rules.unreadable_tables = ["incident".to_owned(), "sys_user".to_owned()].into();
    });
    let report = doctor_with(&world, &options).await;
    report.assert_failed("read-incident", "sn_incident_read");
    report.assert_warning("read-user", "sys_user");
    report.assert_status("servicenow-access", Status::Ok);

    instance.configure(|rules| {
        rules.unreadable_tables.clear();
        rules.unwritable_tables = ["incident".to_owned()].into();
    });
    let report = doctor_with(&world, &options).await;
    report.assert_failed("write-note", "sn_incident_write");

    instance.configure(|rules| {
        rules.unwritable_tables.clear();
        rules.unwritable_columns = ["work_notes".to_owned()].into();
    });
    let report = doctor_with(&world, &options).await;
    report.assert_failed("write-note", "write access rule");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cause_of_a_refused_test_note_is_named() {
    let (world, options) = healthy().await;
    world.cloud.servicenow.configure(|rules| {
        let rule = ("incident".to_owned(), "Lock closed records".to_owned());
        rules.aborting_rules.extend([rule]);
        rules.unreadable_tables = ["sys_user".to_owned()].into();
    });
    let report = doctor_with(&world, &options).await;
    report.assert_status("write-note", Status::Failed);
    report.assert_seen(
        "write-note",
        "aborted by Business Rule 'Lock closed records'",
    );
    let unreadable = "Field(s) present in the query do not have permission to be read";
    report.assert_seen("read-user", unreadable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_record_gets_no_test_note() {
    let world = World::start().await;
    let options = Options {
        write_to: Some("INC9999999".to_owned()),
        ..world.doctor_options()
    };
    world.incident();
    let report = doctor_with(&world, &options).await;
    report.assert_failed("write-note", "Name an existing record");
    let patched = world.cloud.servicenow.requests_matching("PATCH", "");
    assert_eq!(patched.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_does_not_exist_is_found_before_values_are_dropped() {
    let world = World::with_settings(|file| {
        file.replace(demo_tenant::TYPED_COLUMN, "WorkTime = \"u_minutes\"")
    })
    .await;
    world.incident();
    let report = doctor(&world).await;
    report.assert_warning("read-incident", "sessions.columns");
    report.assert_seen("read-incident", "u_minutes");
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_need_their_plugin() {
    let world = World::start().await;
    let instance = &world.cloud.servicenow;
    instance.configure(|rules| rules.cases_installed = false);
    let report = doctor(&world).await;
    report.assert_status("case-plugin", Status::Ok);
    report.assert_status("read-case", Status::Skipped);
    world
        .change_settings(|file| console_sessions(&file, "case"))
        .await;
    let report = doctor(&world).await;
    report.assert_failed("case-plugin", "com.sn_customerservice");
}

async fn change_service_account(world: &World, name: &str) {
    let change = |file: String| file.replace(SERVICE_ACCOUNT, name);
    world.change_settings(change).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_that_is_locked_or_unknown_is_found() {
    let world = World::start().await;
    let instance = &world.cloud.servicenow;
    let users = instance.records("sys_user");
    let mut users = users.iter();
    let account = users.find(|user| user["user_name"] == SERVICE_ACCOUNT);
    let sys_id = &account.expect("there")["sys_id"];
    let report = doctor(&world).await;
    report.assert_status("servicenow-user", Status::Ok);
    // ServiceNow refuses a locked account's tokens without a reason.
    instance.set_field("sys_user", sys_id, "locked_out", "true");
    let report = doctor(&world).await;
    report.assert_failed("servicenow-access", "svc.rescue is active, not locked out");
    instance.set_field("sys_user", sys_id, "locked_out", "false");
    let client_secret = demo_tenant::CLIENT_SECRET;
    set(&world, SecretName::OauthClientSecret, client_secret).await;
    // The token may belong to another user than the tenant file names.
    let other = instance.add_user(User::service_account("svc.other", "p"));
    change_service_account(&world, "svc.other").await;
    for (column, value, seen) in [
        ("locked_out", "true", "locked out"),
        ("active", "false", "inactive"),
    ] {
        instance.set_field("sys_user", &other, column, value);
        let report = doctor(&world).await;
        report.assert_failed("servicenow-user", "Open the user svc.other");
        report.assert_seen("servicenow-user", seen);
    }
    change_service_account(&world, "svc.unknown").await;
    let report = doctor(&world).await;
    report.assert_warning("servicenow-user", "User ID");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_by_another_user_is_noticed() {
    let (world, options) = healthy().await;
    let instance = &world.cloud.servicenow;
    instance.add_user(User::service_account("svc.other", "p"));
    change_service_account(&world, "svc.other").await;
    let report = doctor_with(&world, &options).await;
    report.assert_warning("write-note", "servicenow.service_account");
}

/// 14 days left warn, 0 fail.
#[tokio::test(flavor = "multi_thread")]
async fn an_expiring_refresh_token_is_a_warning() {
    let world = World::start().await;
    let report = doctor(&world).await;
    report.assert_status("refresh-token", Status::Ok);
    world.cloud.travel(Duration::from_secs(90 * DAY));
    let report = doctor(&world).await;
    report.assert_warning("refresh-token", "token rotate demo");
    world.cloud.travel(Duration::from_secs(11 * DAY));
    let report = doctor(&world).await;
    report.assert_failed("refresh-token", "Hand over a new one");
}

/// A missing rotation schedule is ✗ when the grant needs a refresh token.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_rotation_fails_and_an_overdue_one_too() {
    let world = World::start().await;
    world.cancel_rotation().await;
    let report = doctor(&world).await;
    report.assert_failed("rotation", "RotateTokensFunctionArn");
    world.schedule_rotation().await;
    let report = doctor(&world).await;
    report.assert_status("rotation", Status::Ok);
    world.cloud.travel(Duration::from_secs(12 * DAY));
    let report = doctor(&world).await;
    report.assert_failed("rotation", "log of rotate-tokens");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_url_is_right_wrong_or_of_another_tenant() {
    let world = World::start().await;
    let examined = async |url: &str| {
        let webhook_url = Some(Secret::from(url));
        let options = world.doctor_options();
        doctor_with(
            &world,
            &Options {
                webhook_url,
                ..options
            },
        )
        .await
    };
    let url = world.ended.expose();
    let report = examined(url).await;
    report.assert_status("webhook", Status::Ok);
    let wrong = url.replace("?event", "x?event");
    let report = examined(&wrong).await;
    report.assert_failed("webhook", "keys rotate demo webhook");
    for other in [url.replace("/demo/", "/other/"), "not a URL".to_owned()] {
        examined(&other)
            .await
            .assert_failed("webhook", "Paste the URL");
    }
    let abroad = url.replace("http://127.0.0.1", "http://rescue.acme.test");
    let report = examined(&abroad).await;
    report.assert_seen("webhook", "https://");
    let gone = format!("http://127.0.0.1:1/integration/api/servicenow/sessiondetails/{TENANT}/k");
    let report = examined(&gone).await;
    report.assert_failed("webhook", "ApiUrl");
    let shown = format!("{report:?}");
    assert!(!shown.contains("/sessiondetails/"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_api_that_does_not_answer_is_found() {
    let world = World::start().await;
    let mut stack = world.cloud.stack.clone();
    stack.api_url = Some("http://127.0.0.1:1".to_owned());
    let report = doctor_of(&stack, &demo(), &world.doctor_options()).await;
    report.assert_failed("api", "deployed");
    // Another server answers there.
    stack.api_url = Some(world.cloud.rescue.url());
    let report = doctor_of(&stack, &demo(), &world.doctor_options()).await;
    report.assert_failed("api", "Deploy the current template");
    stack.api_url = None;
    let report = doctor_of(&stack, &demo(), &world.doctor_options()).await;
    report.assert_status("api", Status::Skipped);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_reported_with_its_reason_and_its_end() {
    let world = World::start().await;
    let now = world.cloud.clock.now();
    let pause = Pause {
        until: now.plus(Duration::from_secs(600)),
        reason: ErrorCode::ServiceNowThrottled,
    };
    let credentials = world.cloud.stack.credentials();
    credentials.set_pause(&demo(), pause).await.expect("paused");
    let report = doctor(&world).await;
    report.assert_warning("paused", "resume by themselves");
    report.assert_seen("paused", "(10 min): servicenow-throttled");
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_that_wait_are_counted_by_reason() {
    let world = World::start().await;
    let record = world.incident();
    world.inject_always(
        RequestMatcher::of("PATCH", "/incident"),
        FaultAction::status(503),
    );
    world
        .post_and_deliver(&world.session(&record), Phase::Start)
        .await;
    let report = doctor(&world).await;
    report.assert_warning("waiting-posts", "retried by themselves");
    let waiting = &report.check("waiting-posts").seen;
    assert_eq!(waiting, "1: 1 × servicenow-unavailable");
    assert_eq!(report.check("queue").seen, "messages of all tenants: 1");
}

/// A tenant without authorisation delays its posts for days: the check fails.
#[tokio::test(flavor = "multi_thread")]
async fn posts_that_wait_for_a_new_token_fail() {
    let world = World::start().await;
    let record = world.incident();
    let instance = &world.cloud.servicenow;
    instance.add_registry(CLIENT_ID, "another-secret");
    world
        .post_and_deliver(&world.session(&record), Phase::Start)
        .await;
    let report = doctor(&world).await;
    report.assert_failed("waiting-posts", "servicenow-access");
    report.assert_seen("waiting-posts", "reauthorization-needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_posts_are_a_warning_with_their_reason() {
    let world = World::start().await;
    let session = world.console_session().with_field("CField1", "INC9999999");
    world.post_and_deliver(&session, Phase::Start).await;
    assert_eq!(world.dead_letters().len(), 1);
    let report = doctor(&world).await;
    report.assert_warning("dead-letters", "dlq redrive --tenant demo");
    report.assert_seen("dead-letters", "1 × record-not-found");
    for remedy in [
        "record-not-found: The record does not exist",
        "rescue-connector dlq redrive ID --record NUMBER",
        "rescue-connector dlq list --tenant demo",
    ] {
        report.assert_warning("dead-letters", remedy);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_posts_and_sessions_without_an_end_are_noticed() {
    let world = World::start().await;
    let report = doctor(&world).await;
    report.assert_warning("last-post", "each technician group");
    let record = world.incident();
    let session = world.session(&record);
    world.post_and_deliver(&session, Phase::Start).await;
    let report = doctor(&world).await;
    report.assert_status("last-post", Status::Ok);
    report.assert_status("unended-sessions", Status::Ok);
    world.cloud.travel(Duration::from_secs(25 * HOUR));
    let report = doctor(&world).await;
    report.assert_warning("unended-sessions", "technician ends the session");
    report.assert_seen("unended-sessions", &session.id);
    world.cloud.travel(Duration::from_secs(7 * DAY));
    let report = doctor(&world).await;
    report.assert_warning("last-post", "A group without them");
    report.assert_status("unended-sessions", Status::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_never_name_a_record_are_noticed() {
    let world = World::with_settings(|file| console_sessions(&file, "ignore")).await;
    world
        .post_and_deliver(&world.console_session(), Phase::Start)
        .await;
    let report = doctor(&world).await;
    report.assert_warning("record-references", "PIN button");
    let forged = world.console_session().with_tracking0("inc:0f1e:abc");
    world.post_and_deliver(&forged, Phase::Start).await;
    let report = doctor(&world).await;
    report.assert_warning("record-references", "require_signed_tracking");
}

/// More than a minute warns, more than five fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_noticed() {
    let world = World::start().await;
    let report = doctor(&world).await;
    report.assert_status("clock", Status::Ok);
    report.assert_seen("clock", "AWS's, as ServiceNow's");
    for (seconds, status) in [(90, Status::Warning), (400, Status::Failed)] {
        let mut stack = world.cloud.stack.clone();
        stack.clock = Clock::system(seconds);
        let report = doctor_of(&stack, &demo(), &world.doctor_options()).await;
        report.assert_found("clock", status, "NTP");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_is_shown_before_and_when_it_is_reached() {
    let world = World::start().await;
    let headers = [
        ("x-ratelimit-limit", "1000"),
        ("x-ratelimit-remaining", "42"),
        ("content-type", "application/json"),
    ];
    let nearly_limited = FaultAction::Status {
        code: 200,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        body: json!({"result": []}).to_string(),
    };
    let incidents = || RequestMatcher::of("GET", "/table/incident?");
    world.inject_always(incidents(), nearly_limited);
    let report = doctor(&world).await;
    report.assert_warning("rate-limit", "Rate Limit Rules");
    report.assert_seen("rate-limit", "42 of 1000");
    world.cloud.servicenow.clear_faults();
    world.inject_always(incidents(), rate_limited(1800));
    let report = doctor(&world).await;
    report.assert_failed("rate-limit", "Rate Limit Rules");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_technician_has_exactly_one_active_user() {
    let world = World::start().await;
    let instance = &world.cloud.servicenow;
    for name in ["twin.1", "twin.2"] {
        let sys_id = instance.add_user(User::service_account(name, "p"));
        instance.set_field("sys_user", &sys_id, "email", "twin@acme.test");
    }
    let left = instance.add_user(User::new("left@acme.test", "Left"));
    instance.set_field("sys_user", &left, "active", "false");
    let file = format!(
        "Name;E-mail\nAna;{TECHNICIAN}\nTwin;twin@acme.test\nLeft;left@acme.test\nBen;ben@acme.test\n\
         Odd;a^active=false@acme.test\n"
    );
    let options = Options {
        technicians: Some(technicians::read(&file)),
        ..world.doctor_options()
    };
    let report = doctor_with(&world, &options).await;
    report.assert_failed("technicians", "surplus users");
    assert_eq!(
        report.check("technicians").seen,
        "1 of 5 have exactly one active user; without an active user: left@acme.test, ben@acme.test; with several \
         active users: twin@acme.test; not an e-mail address that can be searched for: a^active=false@acme.test"
    );
    let domains = "technician_domains = [\"other.test\"]";
    world
        .change_settings(|file| with_line(&file, "rescue", domains))
        .await;
    let report = doctor_with(&world, &options).await;
    report.assert_failed("technicians", "technician_domains");
}

/// A failure of AWS names the permission that is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_is_named() {
    let world = World::start().await;
    for (service, action, id) in [
        (Service::Sqs, "sqs:GetQueueAttributes", "queue"),
        (
            Service::SecretsManager,
            "secretsmanager:DescribeSecret",
            "rotation",
        ),
        (Service::DynamoDb, "dynamodb:Query", "last-post"),
    ] {
        let (_, operation) = action.split_once(':').expect("an action");
        for _ in 0..2 {
            world.refuse_aws(service, operation, "AccessDeniedException");
        }
        let report = doctor(&world).await;
        report.assert_failed(id, &format!("permission {action}"));
        world.cloud.aws.clear_faults();
    }
}

/// A slow table fails only its own check.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_does_not_answer_fails_alone() {
    let world = World::start().await;
    world.incident();
    world.inject_always(
        RequestMatcher::of("GET", "/table/sys_user?"),
        FaultAction::DropBefore,
    );
    let report = doctor(&world).await;
    report.assert_failed("read-user", "See servicenow-reachable");
    for id in ["servicenow-access", "read-incident", "case-plugin"] {
        report.assert_status(id, Status::Ok);
    }
}

/// The settings in the table may be older than the present rules of a tenant file.
#[tokio::test(flavor = "multi_thread")]
async fn settings_and_keys_in_the_table_are_checked_again() {
    let world = World::start().await;
    let stack = &world.cloud.stack;
    let table = || stack.tenants_table.clone();
    let key = || AttributeValue::S(TENANT.to_owned());
    let item = stack.dynamodb.get_item().table_name(table());
    let item = item.key("tenant", key()).send().await.expect("readable");
    let item = item.item.expect("there");
    let put = async |change: &dyn Fn(&mut Value), keys: Option<&str>| {
        let mut config =
            serde_json::from_str(item["config"].as_s().expect("a text")).expect("JSON");
        change(&mut config);
        let mut item = item.clone();
        item.insert("config".to_owned(), AttributeValue::S(config.to_string()));
        if let Some(keys) = keys {
            item.insert("keys".to_owned(), AttributeValue::S(keys.to_owned()));
        }
        let put = stack.dynamodb.put_item().table_name(table());
        put.set_item(Some(item)).send().await.expect("written");
    };
    let invalid = |config: &mut Value| {
        config["servicenow"]["client_id"] = json!("");
        config["rescue"]["base_url"] = json!("http://rescue.acme.test");
    };
    put(&invalid, None).await;
    let report = doctor(&world).await;
    report.assert_failed("configuration", "tenant apply");
    report.assert_seen("configuration", "client_id is empty");
    report.assert_seen("configuration", "must start with https://");

    let outdated = |config: &mut Value| config["debug"] = json!({"logging": true});
    put(&outdated, Some("[]")).await;
    let report = doctor(&world).await;
    report.assert_warning("configuration", "tenant apply");
    report.assert_failed("keys", "keys rotate demo webhook");
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_on_cases_have_to_be_readable_if_cases_are_created() {
    let of_incidents = "caller_field = \"CField2\"\ncolumns = { category = \"software\" }\n";
    let cases = |file: String| console_sessions(&file, "case").replace(of_incidents, "");
    let world = World::with_settings(cases).await;
    world.cloud.servicenow.add_case(&[]);
    let instance = &world.cloud.servicenow;
    instance.configure(|rules| rules.unreadable_columns = ["work_notes".to_owned()].into());
    let report = doctor(&world).await;
    report.assert_failed("read-case", "access rule");
    instance.configure(|rules| {
        rules.unreadable_columns.clear();
        rules.unreadable_tables = ["sn_customerservice_case".to_owned()].into();
    });
    let report = doctor(&world).await;
    report.assert_failed("read-case", "sn_customerservice_agent");
}
