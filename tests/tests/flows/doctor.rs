//! `rescue-connector doctor` against the embedded cloud (docs/command-line.md): one set-up that is right, and many that are
//! broken in one place each.

use admin::doctor::{Check, Options, Report, Status, examine, technicians};
use admin::secret_name::SecretName;
use admin::stack::Stack;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_secretsmanager::types::RotationRulesType;
use local::aws::{Effect, Service};
use local::demo_tenant::{self, CLIENT_ID, COMPANY_ID, SERVICE_ACCOUNT, TECHNICIAN, TENANT};
use local::rescue::Phase;
use local::servicenow::User;
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use serde_json::{Value, json};
use shared::aws::credentials::Pause;
use shared::domain::clock::Clock;
use shared::domain::error::ErrorCode;
use shared::domain::record::RecordNumber;
use shared::domain::secret::Secret;
use shared::domain::tenant::TenantId;
use shared::environment::Testing;
use std::time::Duration;
use tests::World;

use super::command_line::CommandLine;

const DAY: u64 = 24 * 3600;
const HOUR: u64 = 3600;
const TOKEN_SECRET: &str = "rescue-connector/demo/token";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:rotate-tokens";

fn tenant() -> TenantId {
    TenantId::parse(TENANT).expect("valid")
}

/// No optional checks.
fn options(world: &World) -> Options {
    Options {
        technician: None,
        write_to: None,
        webhook_url: None,
        technicians: None,
        testing: Testing {
            rescue_endpoint_url: Some(world.cloud.rescue.url()),
            allow_loopback: true,
            ..Testing::default()
        },
    }
}

async fn doctor(world: &World, options: &Options) -> Report {
    doctor_of(&world.cloud.stack, options).await
}

async fn doctor_of(stack: &Stack, options: &Options) -> Report {
    let mut told = Vec::new();
    let report = examine(stack, &tenant(), options, |check| told.push(check.clone())).await;
    let report = report.expect("the tenant is there");
    assert_eq!(told.len(), report.checks.len(), "each check is told once");
    assert!(report.checks.iter().all(|check| told.contains(check)));
    report
}

fn check<'r>(report: &'r Report, id: &str) -> &'r Check {
    let found = report.checks.iter().find(|check| check.id == id);
    found.unwrap_or_else(|| panic!("no check {id}"))
}

/// Asserts a check's status and a text of its remedy.
#[track_caller]
fn assert_found(report: &Report, id: &str, status: Status, words: &str) {
    let check = check(report, id);
    let remedy = check.remedy.as_deref().unwrap_or_default();
    assert_eq!(check.status, status, "{check:#?}");
    assert!(remedy.contains(words), "{words} is missing: {check:#?}");
}

/// The ids of the checks with this status.
fn ids(report: &Report, status: Status) -> Vec<&'static str> {
    let checks = report.checks.iter();
    let these = checks.filter(|check| check.status == status);
    these.map(|check| check.id).collect()
}

/// Puts the rotation schedule on the token secret, as `tenant apply` does in a deployed stack.
async fn schedule_rotation(world: &World) {
    let rules = RotationRulesType::builder().schedule_expression("rate(1 day)");
    let secrets = &world.cloud.stack.secrets;
    let rotation = secrets.rotate_secret().secret_id(TOKEN_SECRET);
    rotation
        .rotation_lambda_arn(FUNCTION)
        .rotation_rules(rules.build())
        .rotate_immediately(false)
        .send()
        .await
        .expect("scheduled");
}

/// Delivers a session's start and end to its record.
async fn deliver_a_session(world: &World) {
    let record = world.incident();
    let session = world.session(&record);
    world.post(&session, Phase::Start).await;
    world.post(&session, Phase::End).await;
    world.deliver().await;
    assert_eq!(world.notes(&record).len(), 2);
}

/// A world without faults, and options for all checks.
async fn healthy() -> (World, Options) {
    let world = World::start().await;
    schedule_rotation(&world).await;
    world.cloud.servicenow.add_case(&[]);
    deliver_a_session(&world).await;
    let record = world.incident();
    let options = Options {
        technician: Some(TECHNICIAN.to_owned()),
        write_to: RecordNumber::parse(&record.number),
        webhook_url: Some(world.ended.clone()),
        technicians: Some(technicians::read(&format!("E-mail\n{TECHNICIAN}\n"))),
        ..options(&world)
    };
    (world, options)
}

/// Only the Email API's rights, which no check can prove, are a warning.
#[tokio::test(flavor = "multi_thread")]
async fn without_faults_no_check_fails() {
    let (world, options) = healthy().await;
    let report = doctor(&world, &options).await;
    assert_eq!(ids(&report, Status::Failed), [""; 0], "{report:#?}");
    assert_eq!(ids(&report, Status::Warning), ["email"], "{report:#?}");
    assert_eq!(
        ids(&report, Status::Skipped),
        ["rescue-api-token"],
        "{report:#?}"
    );
    assert_eq!(report.worst(), Status::Warning);
    assert_eq!(world.cloud.servicenow.violations(), Vec::<String>::new());
    assert_eq!(world.cloud.rescue.violations(), Vec::<String>::new());
    let documented = include_str!("../../../admin/src/doctor/report.rs");
    for check in report.checks {
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
    let (grants, signed_in) = (
        world.cloud.servicenow.grants(),
        world.cloud.rescue.sign_ins(),
    );
    doctor(&world, &options).await;
    assert_eq!(world.cloud.servicenow.grants(), grants);
    let after = world.cloud.rescue.sign_ins();
    assert_eq!(
        after.granted,
        signed_in.granted + 1,
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
    let report = doctor(&world, &options).await;
    assert_eq!(ids(&report, Status::Failed), [""; 0], "{report:#?}");
    let after = world.cloud.servicenow.grants();
    assert_eq!(
        after.refresh_token,
        before.refresh_token + 1,
        "{before:?} {after:?}"
    );
}

/// The binary: signs for people, exit code 0.
#[tokio::test(flavor = "multi_thread")]
async fn the_table_has_a_line_for_each_check_and_no_secret() {
    let world = World::start().await;
    schedule_rotation(&world).await;
    let rescue = world.cloud.rescue.url();
    world
        .change_settings(|file| {
            file.replace("[rescue]", &format!("[rescue]\nbase_url = \"{rescue}\""))
        })
        .await;
    world.cloud.servicenow.add_case(&[]);
    let record = world.incident();
    let command_line = CommandLine::by_outputs(&world);
    let arguments = [
        "doctor",
        TENANT,
        "--technician",
        TECHNICIAN,
        "--write-to",
        &record.number,
        "--webhook-url",
        "-",
    ];
    let ended = command_line
        .run_with(&arguments, world.ended.expose())
        .await;
    assert_eq!(ended.code, Some(0), "{}", ended.all());
    for line in [
        "✓ servicenow-access",
        "✓ rescue-sign-in",
        "✓ write-note",
        "✓ webhook",
        "! last-post",
        "✓ technicians",
        "- rescue-api-token",
        "    → ",
        "Tenant demo: nothing fails, 2 warnings",
    ] {
        assert!(ended.stdout.contains(line), "{line}: {}", ended.stdout);
    }
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
        let file = file.replace("[rescue]", &format!("[rescue]\nbase_url = \"{rescue}\""));
        format!("enabled = false\n{file}")
    };
    world.change_settings(off).await;
    let command_line = CommandLine::by_outputs(&world);
    let ended = command_line
        .run(&["doctor", TENANT, "--output", "json"])
        .await;
    let report: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let checks = report["checks"].as_array().expect("checks");
    assert_eq!(report["tenant"], TENANT);
    assert_eq!(report.as_object().map(serde_json::Map::len), Some(2));
    assert_eq!(checks.len(), 32);
    assert_eq!(checks[0]["id"], "configuration");
    for check in checks {
        let names: Vec<&String> = check.as_object().expect("an object").keys().collect();
        assert_eq!(names, ["id", "remedy", "seen", "status"], "{check}");
        let status = check["status"].as_str().expect("a word");
        assert!(["ok", "warning", "failed", "skipped"].contains(&status));
        assert_eq!(
            check["remedy"].is_string(),
            ["warning", "failed"].contains(&status)
        );
    }
    assert_eq!(checks[1]["id"], "tenant-enabled");
    assert_eq!(checks[1]["status"], "failed");
    assert_eq!(ended.code, Some(1));
    let unknown = command_line.run(&["doctor", "unknown"]).await;
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.stderr.contains("there is no tenant unknown"),
        "{}",
        unknown.stderr
    );
    let missing = ["doctor", TENANT, "--technicians", "missing.csv"];
    let missing = command_line.run(&missing).await;
    assert_eq!(missing.code, Some(1));
    assert!(
        missing.stderr.contains("missing.csv cannot be read"),
        "{}",
        missing.stderr
    );
    for wrong in [
        &["doctor"][..],
        &["doctor", TENANT, "--technician", "no-address"],
        &["doctor", TENANT, "--write-to", "12345"],
    ] {
        assert_eq!(command_line.run(wrong).await.code, Some(2), "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hibernating_instance_differs_from_a_missing_one() {
    let world = World::start().await;
    let instance = &world.cloud.servicenow;
    instance.fault(
        InjectedFault::on(RequestMatcher::any())
            .always()
            .then(FaultAction::Html),
    );
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "servicenow-reachable",
        Status::Failed,
        "Wake a developer instance",
    );
    let seen = &check(&report, "servicenow-reachable").seen;
    assert!(seen.contains("hibernates"), "{seen}");
    assert_eq!(check(&report, "servicenow-access").status, Status::Failed);
    instance.clear_faults();
    instance.fault(
        InjectedFault::on(RequestMatcher::any())
            .always()
            .then(FaultAction::status(404)),
    );
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "servicenow-reachable",
        Status::Failed,
        "no ServiceNow instance of that name",
    );
    instance.clear_faults();
    instance.fault(
        InjectedFault::on(RequestMatcher::any())
            .always()
            .then(FaultAction::status(301)),
    );
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "servicenow-reachable",
        Status::Failed,
        "follows no redirect",
    );
}

/// Checks that need a token are skipped instead of failing, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_client_secret_fails_once_and_names_every_cause() {
    let world = World::start().await;
    world
        .cloud
        .servicenow
        .add_registry(CLIENT_ID, "another-secret");
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "servicenow-access",
        Status::Failed,
        "secrets set demo oauth-client-secret",
    );
    assert_found(
        &report,
        "servicenow-access",
        Status::Failed,
        "Hand over a new refresh token",
    );
    for id in [
        "read-incident",
        "read-case",
        "read-user",
        "read-attachments",
        "servicenow-user",
    ] {
        assert_eq!(check(&report, id).status, Status::Skipped, "{id}");
    }
    assert_eq!(
        world.cloud.servicenow.grants().refused,
        1,
        "one refusal stops further requests"
    );
    // The refusal has paused the tenant, by the connector's own rule.
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "paused",
        Status::Failed,
        "secrets set demo oauth-client-secret",
    );
    assert_found(
        &report,
        "servicenow-access",
        Status::Failed,
        "Setting a secret ends the pause",
    );
    assert_eq!(world.cloud.servicenow.grants().refused, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_missing_secret_is_named() {
    let world = World::start().await;
    let file = demo_tenant::file(&world.cloud).replace("tenant = \"demo\"", "tenant = \"acme\"");
    world.cloud.apply(&file, &[]).await.expect("applied");
    let acme = TenantId::parse("acme").expect("valid");
    let report = examine(&world.cloud.stack, &acme, &options(&world), |_| {}).await;
    let report = report.expect("there");
    for name in ["oauth-client-secret", "refresh-token", "sso-password"] {
        assert_found(
            &report,
            "secrets",
            Status::Failed,
            &format!("secrets set acme {name}"),
        );
        assert!(check(&report, "secrets").seen.contains(name));
    }
    assert_found(
        &report,
        "refresh-token",
        Status::Failed,
        "Hand over a new one",
    );
    let file = file.replace("client_id", "grant = \"password\"\nclient_id");
    world
        .cloud
        .apply(&file, &[(SecretName::RescueApiToken, "token")])
        .await
        .expect("applied");
    let report = examine(&world.cloud.stack, &acme, &options(&world), |_| {}).await;
    let report = report.expect("there");
    assert_eq!(
        check(&report, "secrets").seen,
        "not set: oauth-client-secret, service-account-password"
    );
    assert_eq!(check(&report, "refresh-token").status, Status::Skipped);
    assert_eq!(check(&report, "rotation").status, Status::Skipped);
}

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_or_unsuitable_secrets_are_found() {
    let world = World::start().await;
    let stack = &world.cloud.stack;
    let store = async |json: Value| {
        stack
            .secrets
            .put_secret_value()
            .secret_id("rescue-connector/demo/credentials")
            .secret_string(json.to_string())
            .send()
            .await
            .expect("stored");
    };
    store(json!({"sso-password": "p", "oauth-client-secret": "s"})).await;
    let report = doctor(&world, &options(&world)).await;
    assert_found(&report, "secrets", Status::Failed, "which creates one");
    store(json!({"sso-password": "p", "oauth-client-secret": "a&b", "tracking-key": "k"})).await;
    let report = doctor(&world, &options(&world)).await;
    assert_found(&report, "secrets", Status::Warning, "another client secret");
    assert!(!format!("{report:?}").contains("a&b"));
    store(json!({"sso-password": "p", "oauth-client-secret": "s", "tracking-key": "k"})).await;
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "secrets",
        Status::Warning,
        "service-account-password",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_switched_off_fails() {
    let world = World::with_settings(|file| format!("enabled = false\n{file}")).await;
    let report = doctor(&world, &options(&world)).await;
    assert_found(&report, "tenant-enabled", Status::Failed, "enabled = true");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_rescue_host_is_found() {
    let world = World::start().await;
    let mut options = options(&world);
    options.testing.rescue_endpoint_url = Some("http://127.0.0.1:1".to_owned());
    options.technician = Some(TECHNICIAN.to_owned());
    let report = doctor(&world, &options).await;
    assert_found(&report, "rescue-host", Status::Failed, "rescue.account");
    assert_found(&report, "rescue-sign-in", Status::Failed, "See rescue-host");
    let host = check(&report, "rescue-host");
    assert!(host.seen.contains("the connection is refused"), "{host:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_cause_of_a_refused_sign_in_has_its_own_remedy() {
    let world = World::with_settings(|file| {
        file.replace("[rescue]", "[rescue]\ntechnician_domains = [\"acme.test\"]")
    })
    .await;
    let rescue = &world.cloud.rescue;
    let with = |technician: &str| Options {
        technician: Some(technician.to_owned()),
        ..options(&world)
    };
    let ana = with(TECHNICIAN);
    let report = doctor(&world, &with("ana.ruiz@elsewhere.test")).await;
    assert_found(
        &report,
        "rescue-sign-in",
        Status::Failed,
        "technician_domains",
    );
    assert_eq!(rescue.sign_ins().granted + rescue.sign_ins().refused, 0);

    rescue.set_company(COMPANY_ID, "changed");
    let report = doctor(&world, &ana).await;
    assert_found(
        &report,
        "rescue-sign-in",
        Status::Failed,
        "secrets set demo sso-password",
    );
    rescue.set_company(COMPANY_ID, "demo-sso-password");

    rescue.configure(|rules| rules.deny_request_authcode = true);
    let report = doctor(&world, &ana).await;
    assert_found(
        &report,
        "rescue-sign-in",
        Status::Failed,
        "rescue-api-token",
    );
    assert_found(&report, "rescue-sign-in", Status::Failed, "temporary");
    rescue.configure(|rules| rules.deny_request_authcode = false);

    rescue.configure(|rules| rules.ip_restricted = true);
    let report = doctor(&world, &ana).await;
    assert_found(&report, "rescue-sign-in", Status::Failed, "IP addresses");
    rescue.configure(|rules| rules.ip_restricted = false);

    rescue.change_technician(TECHNICIAN, |technician| technician.seat = false);
    let report = doctor(&world, &ana).await;
    assert_found(
        &report,
        "rescue-sign-in",
        Status::Failed,
        "technician licence",
    );
    rescue.change_technician(TECHNICIAN, |technician| {
        technician.seat = true;
        technician.email = "other.user@acme.test".to_owned();
    });
    let report = doctor(&world, &ana).await;
    assert_found(
        &report,
        "rescue-sign-in",
        Status::Warning,
        "should be the same",
    );

    world
        .change_settings(|file| file.replace(COMPANY_ID, "999"))
        .await;
    let report = doctor(&world, &ana).await;
    assert_found(
        &report,
        "rescue-sign-in",
        Status::Failed,
        "rescue.company_id",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_token_is_checked_with_rescue() {
    let world = World::start().await;
    let set = async |value: &str| {
        let (stack, name) = (&world.cloud.stack, SecretName::RescueApiToken);
        let value = Secret::from(value);
        let set = admin::secrets::set(stack, &tenant(), name, &value).await;
        set.expect("set");
    };
    set("an-old-token").await;
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "rescue-api-token",
        Status::Failed,
        "secrets set demo rescue-api-token",
    );
    set(&world.cloud.rescue.issue_api_token(TECHNICIAN)).await;
    let with_technician = Options {
        technician: Some(TECHNICIAN.to_owned()),
        ..options(&world)
    };
    let report = doctor(&world, &with_technician).await;
    assert_eq!(
        check(&report, "rescue-api-token").status,
        Status::Ok,
        "{report:#?}"
    );
    // With an API token no technician is signed in for a PIN, so the doctor does not sign in either.
    assert_eq!(check(&report, "rescue-sign-in").status, Status::Skipped);
    assert_eq!(world.cloud.rescue.sign_ins().granted, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_rights_are_named_by_table_and_column() {
    let (world, options) = healthy().await;
    let instance = &world.cloud.servicenow;
    instance.configure(|rules| {
        rules.unreadable_columns = ["work_notes".to_owned()].into();
    });
    let report = doctor(&world, &options).await;
    assert_found(&report, "read-work-notes", Status::Failed, "itil");
    assert!(
        check(&report, "read-work-notes")
            .seen
            .contains("outcome-unknown")
    );
    assert_found(&report, "write-note", Status::Warning, "read-work-notes");

    instance.configure(|rules| rules.unreadable_columns = ["correlation_id".to_owned()].into());
    let report = doctor(&world, &options).await;
    assert_found(
        &report,
        "read-incident",
        Status::Failed,
        "finds records by these columns",
    );

    instance.configure(|rules| {
        rules.unreadable_columns.clear();
        rules.unreadable_tables = ["incident".to_owned(), "sys_user".to_owned()].into();
    });
    let report = doctor(&world, &options).await;
    assert_found(&report, "read-incident", Status::Failed, "sn_incident_read");
    assert_found(&report, "read-user", Status::Warning, "sys_user");
    assert_eq!(check(&report, "servicenow-access").status, Status::Ok);

    instance.configure(|rules| {
        rules.unreadable_tables.clear();
        rules.unwritable_tables = ["incident".to_owned()].into();
    });
    let report = doctor(&world, &options).await;
    assert_found(&report, "write-note", Status::Failed, "sn_incident_write");

    instance.configure(|rules| {
        rules.unwritable_tables.clear();
        rules.unwritable_columns = ["work_notes".to_owned()].into();
    });
    let report = doctor(&world, &options).await;
    assert_found(&report, "write-note", Status::Failed, "write access rule");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cause_of_a_refused_test_note_is_named() {
    let (world, options) = healthy().await;
    world.cloud.servicenow.configure(|rules| {
        let rule = ("incident".to_owned(), "Lock closed records".to_owned());
        rules.aborting_rules.extend([rule]);
        rules.unreadable_tables = ["sys_user".to_owned()].into();
    });
    let report = doctor(&world, &options).await;
    let written = check(&report, "write-note");
    assert_eq!(written.status, Status::Failed);
    assert!(
        written
            .seen
            .contains("aborted by Business Rule 'Lock closed records'"),
        "{written:?}"
    );
    let users = check(&report, "read-user");
    assert!(
        users
            .seen
            .contains("Field(s) present in the query do not have permission to be read"),
        "{users:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_record_gets_no_test_note() {
    let world = World::start().await;
    let options = Options {
        write_to: RecordNumber::parse("INC9999999"),
        ..options(&world)
    };
    world.incident();
    let report = doctor(&world, &options).await;
    assert_found(
        &report,
        "write-note",
        Status::Failed,
        "Name an existing record",
    );
    let patched = world.cloud.servicenow.requests_matching("PATCH", "");
    assert_eq!(patched.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_does_not_exist_is_found_before_values_are_dropped() {
    let world = World::with_settings(|file| {
        file.replace("WorkTime = \"time_worked\"", "WorkTime = \"u_minutes\"")
    })
    .await;
    world.incident();
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "read-incident",
        Status::Warning,
        "sessions.columns",
    );
    assert!(check(&report, "read-incident").seen.contains("u_minutes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_need_their_plugin() {
    let world = World::start().await;
    let instance = &world.cloud.servicenow;
    instance.configure(|rules| rules.cases_installed = false);
    let report = doctor(&world, &options(&world)).await;
    assert_eq!(check(&report, "case-plugin").status, Status::Ok);
    assert_eq!(check(&report, "read-case").status, Status::Skipped);
    let cases = |file: String| {
        file.replace(
            "console_sessions = \"incident\"",
            "console_sessions = \"case\"",
        )
    };
    world.change_settings(cases).await;
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "case-plugin",
        Status::Failed,
        "com.sn_customerservice",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_that_is_locked_or_unknown_is_found() {
    let world = World::start().await;
    let instance = &world.cloud.servicenow;
    let users = instance.records("sys_user");
    let account = users
        .iter()
        .find(|user| user["user_name"] == SERVICE_ACCOUNT);
    let sys_id = &account.expect("there")["sys_id"];
    let report = doctor(&world, &options(&world)).await;
    assert_eq!(check(&report, "servicenow-user").status, Status::Ok);
    // ServiceNow refuses a locked account's tokens without a reason.
    instance.set_field("sys_user", sys_id, "locked_out", "true");
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "servicenow-access",
        Status::Failed,
        "svc.rescue is active, not locked out",
    );
    instance.set_field("sys_user", sys_id, "locked_out", "false");
    admin::secrets::set(
        &world.cloud.stack,
        &tenant(),
        SecretName::OauthClientSecret,
        &Secret::from(demo_tenant::CLIENT_SECRET),
    )
    .await
    .expect("set");
    // The token may belong to another user than the tenant file names.
    let other = instance.add_user(User::service_account("svc.other", "p"));
    world
        .change_settings(|file| file.replace(SERVICE_ACCOUNT, "svc.other"))
        .await;
    for (column, value, seen) in [
        ("locked_out", "true", "locked out"),
        ("active", "false", "inactive"),
    ] {
        instance.set_field("sys_user", &other, column, value);
        let report = doctor(&world, &options(&world)).await;
        assert_found(
            &report,
            "servicenow-user",
            Status::Failed,
            "Open the user svc.other",
        );
        assert!(check(&report, "servicenow-user").seen.contains(seen));
    }
    world
        .change_settings(|file| file.replace(SERVICE_ACCOUNT, "svc.unknown"))
        .await;
    let report = doctor(&world, &options(&world)).await;
    assert_found(&report, "servicenow-user", Status::Warning, "User ID");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_by_another_user_is_noticed() {
    let (world, options) = healthy().await;
    let instance = &world.cloud.servicenow;
    instance.add_user(User::service_account("svc.other", "p"));
    world
        .change_settings(|file| file.replace(SERVICE_ACCOUNT, "svc.other"))
        .await;
    let report = doctor(&world, &options).await;
    assert_found(
        &report,
        "write-note",
        Status::Warning,
        "servicenow.service_account",
    );
}

/// 14 days left warn, 0 fail.
#[tokio::test(flavor = "multi_thread")]
async fn an_expiring_refresh_token_is_a_warning() {
    let world = World::start().await;
    let report = doctor(&world, &options(&world)).await;
    assert_eq!(check(&report, "refresh-token").status, Status::Ok);
    world.cloud.travel(Duration::from_secs(90 * DAY));
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "refresh-token",
        Status::Warning,
        "token rotate demo",
    );
    world.cloud.travel(Duration::from_secs(11 * DAY));
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "refresh-token",
        Status::Failed,
        "Hand over a new one",
    );
}

/// A missing rotation schedule is ✗ when the grant needs a refresh token.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_rotation_fails_and_an_overdue_one_too() {
    let world = World::start().await;
    let secrets = &world.cloud.stack.secrets;
    let cancel = secrets.cancel_rotate_secret().secret_id(TOKEN_SECRET);
    let _ = cancel.send().await;
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "rotation",
        Status::Failed,
        "RotateTokensFunctionArn",
    );
    schedule_rotation(&world).await;
    let report = doctor(&world, &options(&world)).await;
    assert_eq!(check(&report, "rotation").status, Status::Ok, "{report:#?}");
    world.cloud.travel(Duration::from_secs(12 * DAY));
    let report = doctor(&world, &options(&world)).await;
    assert_found(&report, "rotation", Status::Failed, "log of rotate-tokens");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_url_is_right_wrong_or_of_another_tenant() {
    let world = World::start().await;
    let with = |url: &str| Options {
        webhook_url: Some(Secret::from(url)),
        ..options(&world)
    };
    let url = world.ended.expose();
    let report = doctor(&world, &with(url)).await;
    assert_eq!(check(&report, "webhook").status, Status::Ok);
    let wrong = url.replace("?event", "x?event");
    let report = doctor(&world, &with(&wrong)).await;
    assert_found(
        &report,
        "webhook",
        Status::Failed,
        "keys rotate demo webhook",
    );
    for other in [url.replace("/demo/", "/other/"), "not a URL".to_owned()] {
        let report = doctor(&world, &with(&other)).await;
        assert_found(&report, "webhook", Status::Failed, "Paste the URL");
    }
    let abroad = url.replace("http://127.0.0.1", "http://rescue.acme.test");
    let report = doctor(&world, &with(&abroad)).await;
    assert!(check(&report, "webhook").seen.contains("https://"));
    let gone = format!("http://127.0.0.1:1/integration/api/servicenow/sessiondetails/{TENANT}/k");
    let report = doctor(&world, &with(&gone)).await;
    assert_found(&report, "webhook", Status::Failed, "ApiUrl");
    let shown = format!("{report:?}");
    assert!(!shown.contains("/sessiondetails/"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_api_that_does_not_answer_is_found() {
    let world = World::start().await;
    let mut stack = world.cloud.stack.clone();
    stack.api_url = Some("http://127.0.0.1:1".to_owned());
    let report = doctor_of(&stack, &options(&world)).await;
    assert_found(&report, "api", Status::Failed, "deployed");
    // Another server answers there.
    stack.api_url = Some(world.cloud.rescue.url());
    let report = doctor_of(&stack, &options(&world)).await;
    assert_found(
        &report,
        "api",
        Status::Failed,
        "Deploy the current template",
    );
    stack.api_url = None;
    let report = doctor_of(&stack, &options(&world)).await;
    assert_eq!(check(&report, "api").status, Status::Skipped);
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
    credentials
        .set_pause(&tenant(), pause)
        .await
        .expect("paused");
    let report = doctor(&world, &options(&world)).await;
    assert_found(&report, "paused", Status::Warning, "resume by themselves");
    let seen = &check(&report, "paused").seen;
    assert!(seen.contains("(10 min): servicenow-throttled"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_that_wait_are_counted_by_reason() {
    let world = World::start().await;
    let record = world.incident();
    world.cloud.servicenow.fault(
        InjectedFault::on(RequestMatcher::of("PATCH", "/incident"))
            .always()
            .then(FaultAction::status(503)),
    );
    world.post(&world.session(&record), Phase::Start).await;
    world.deliver().await;
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "waiting-posts",
        Status::Warning,
        "retried by themselves",
    );
    let seen = &check(&report, "waiting-posts").seen;
    assert_eq!(seen, "1: 1 × servicenow-unavailable");
    assert_eq!(check(&report, "queue").seen, "messages of all tenants: 1");
}

/// A tenant without authorisation delays its posts for days: the check fails.
#[tokio::test(flavor = "multi_thread")]
async fn posts_that_wait_for_a_new_token_fail() {
    let world = World::start().await;
    let record = world.incident();
    world
        .cloud
        .servicenow
        .add_registry(CLIENT_ID, "another-secret");
    world.post(&world.session(&record), Phase::Start).await;
    world.deliver().await;
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "waiting-posts",
        Status::Failed,
        "servicenow-access",
    );
    assert!(
        check(&report, "waiting-posts")
            .seen
            .contains("reauthorization-needed")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_posts_are_a_warning_with_their_reason() {
    let world = World::start().await;
    let session = world.console_session().with_field("CField1", "INC9999999");
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    assert_eq!(world.dead_letters().len(), 1);
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "dead-letters",
        Status::Warning,
        "dlq redrive --tenant demo",
    );
    let seen = &check(&report, "dead-letters").seen;
    assert!(seen.contains("1 × record-not-found"), "{seen}");
    let remedy = check(&report, "dead-letters").remedy.as_deref();
    for words in [
        "record-not-found: The record does not exist",
        "rescue-connector dlq redrive ID --record NUMBER",
        "rescue-connector dlq list --tenant demo",
    ] {
        assert!(remedy.is_some_and(|text| text.contains(words)), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_posts_and_sessions_without_an_end_are_noticed() {
    let world = World::start().await;
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "last-post",
        Status::Warning,
        "each technician group",
    );
    let record = world.incident();
    let session = world.session(&record);
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    let report = doctor(&world, &options(&world)).await;
    assert_eq!(check(&report, "last-post").status, Status::Ok);
    assert_eq!(check(&report, "unended-sessions").status, Status::Ok);
    world.cloud.travel(Duration::from_secs(25 * HOUR));
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "unended-sessions",
        Status::Warning,
        "technician ends the session",
    );
    assert!(
        check(&report, "unended-sessions")
            .seen
            .contains(&session.id)
    );
    world.cloud.travel(Duration::from_secs(7 * DAY));
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "last-post",
        Status::Warning,
        "A group without them",
    );
    assert_eq!(check(&report, "unended-sessions").status, Status::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_never_name_a_record_are_noticed() {
    let world = World::with_settings(|file| {
        file.replace(
            "console_sessions = \"incident\"",
            "console_sessions = \"ignore\"",
        )
    })
    .await;
    world.post(&world.console_session(), Phase::Start).await;
    world.deliver().await;
    let report = doctor(&world, &options(&world)).await;
    assert_found(&report, "record-references", Status::Warning, "PIN button");
    let forged = world.console_session().with_tracking0("inc:0f1e:abc");
    world.post(&forged, Phase::Start).await;
    world.deliver().await;
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "record-references",
        Status::Warning,
        "require_signed_tracking",
    );
}

/// More than a minute warns, more than five fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_noticed() {
    let world = World::start().await;
    let report = doctor(&world, &options(&world)).await;
    let clock = check(&report, "clock");
    assert_eq!(clock.status, Status::Ok, "{clock:?}");
    assert!(clock.seen.contains("AWS's, as ServiceNow's"), "{clock:?}");
    for (seconds, status) in [(90, Status::Warning), (400, Status::Failed)] {
        let mut stack = world.cloud.stack.clone();
        stack.clock = Clock::system(seconds);
        let report = doctor_of(&stack, &options(&world)).await;
        assert_found(&report, "clock", status, "NTP");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_is_shown_before_and_when_it_is_reached() {
    let world = World::start().await;
    let limited = |headers: &[(&str, &str)]| FaultAction::Status {
        code: 200,
        headers: headers
            .iter()
            .chain(&[("content-type", "application/json")])
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: json!({"result": []}).to_string(),
    };
    let of_incidents = || InjectedFault::on(RequestMatcher::of("GET", "/table/incident?")).always();
    let instance = &world.cloud.servicenow;
    let headers = [
        ("x-ratelimit-limit", "1000"),
        ("x-ratelimit-remaining", "42"),
    ];
    instance.fault(of_incidents().then(limited(&headers)));
    let report = doctor(&world, &options(&world)).await;
    assert_found(&report, "rate-limit", Status::Warning, "Rate Limit Rules");
    assert!(check(&report, "rate-limit").seen.contains("42 of 1000"));
    instance.clear_faults();
    let refused = FaultAction::RateLimited {
        retry_after: Some(1800),
    };
    instance.fault(of_incidents().then(refused));
    let report = doctor(&world, &options(&world)).await;
    assert_found(&report, "rate-limit", Status::Failed, "Rate Limit Rules");
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
        ..options(&world)
    };
    let report = doctor(&world, &options).await;
    assert_found(&report, "technicians", Status::Failed, "surplus users");
    assert_eq!(
        check(&report, "technicians").seen,
        "1 of 5 have exactly one active user; without an active user: left@acme.test, ben@acme.test; with several \
         active users: twin@acme.test; not an e-mail address that can be searched for: a^active=false@acme.test"
    );
    let only = |file: String| {
        file.replace(
            "[rescue]",
            "[rescue]\ntechnician_domains = [\"other.test\"]",
        )
    };
    world.change_settings(only).await;
    let report = doctor(&world, &options).await;
    assert_found(&report, "technicians", Status::Failed, "technician_domains");
}

/// A failure of AWS names the permission that is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_is_named() {
    let world = World::start().await;
    for (service, operation, id, action) in [
        (
            Service::Sqs,
            "GetQueueAttributes",
            "queue",
            "sqs:GetQueueAttributes",
        ),
        (
            Service::SecretsManager,
            "DescribeSecret",
            "rotation",
            "secretsmanager:DescribeSecret",
        ),
        (Service::DynamoDb, "Query", "last-post", "dynamodb:Query"),
    ] {
        let refused = Effect::Refuse {
            status: 400,
            error: "AccessDeniedException".to_owned(),
        };
        let fault = local::aws::InjectedAwsFault::once(service, operation, refused).times(2);
        world.cloud.aws.inject(fault);
        let report = doctor(&world, &options(&world)).await;
        assert_found(&report, id, Status::Failed, &format!("permission {action}"));
        world.cloud.aws.clear_faults();
    }
}

/// A slow table fails only its own check.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_does_not_answer_fails_alone() {
    let world = World::start().await;
    world.incident();
    world.cloud.servicenow.fault(
        InjectedFault::on(RequestMatcher::of("GET", "/table/sys_user?"))
            .always()
            .then(FaultAction::DropBefore),
    );
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "read-user",
        Status::Failed,
        "See servicenow-reachable",
    );
    for id in ["servicenow-access", "read-incident", "case-plugin"] {
        assert_eq!(check(&report, id).status, Status::Ok, "{id}");
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
    put(
        &|config| {
            config["servicenow"]["client_id"] = json!("");
            config["rescue"]["base_url"] = json!("http://rescue.acme.test");
        },
        None,
    )
    .await;
    let report = doctor(&world, &options(&world)).await;
    assert_found(&report, "configuration", Status::Failed, "tenant apply");
    let seen = &check(&report, "configuration").seen;
    assert!(seen.contains("client_id is empty"), "{seen}");
    assert!(seen.contains("must start with https://"), "{seen}");

    put(
        &|config| config["debug"] = json!({"logging": true}),
        Some("[]"),
    )
    .await;
    let report = doctor(&world, &options(&world)).await;
    assert_found(&report, "configuration", Status::Warning, "tenant apply");
    assert_found(&report, "keys", Status::Failed, "keys rotate demo webhook");
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_on_cases_have_to_be_readable_if_cases_are_created() {
    let world = World::with_settings(|file| {
        file.replace(
            "console_sessions = \"incident\"",
            "console_sessions = \"case\"",
        )
        .replace(
            "caller_field = \"CField2\"\ncolumns = { category = \"software\" }\n",
            "",
        )
    })
    .await;
    world.cloud.servicenow.add_case(&[]);
    let instance = &world.cloud.servicenow;
    let unreadable = ["work_notes".to_owned()];
    instance.configure(|rules| rules.unreadable_columns = unreadable.into());
    let report = doctor(&world, &options(&world)).await;
    assert_found(&report, "read-case", Status::Failed, "access rule");
    instance.configure(|rules| rules.unreadable_columns.clear());
    instance
        .configure(|rules| rules.unreadable_tables = ["sn_customerservice_case".to_owned()].into());
    let report = doctor(&world, &options(&world)).await;
    assert_found(
        &report,
        "read-case",
        Status::Failed,
        "sn_customerservice_agent",
    );
}
