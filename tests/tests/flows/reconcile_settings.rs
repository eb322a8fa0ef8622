//! The settings of reconciliation, and what an operator and an administrator see of it (docs/tenant-file.md, docs/doctor.md).

use std::time::Duration;

use admin::doctor::{Check, Status, examine};
use admin::tenant::invite;
use aws_sdk_dynamodb::types::AttributeValue;
use local::aws::{InjectedAwsFault as AwsFault, Service};
use local::demo_tenant::{COMPANY_ID, TECHNICIAN, TENANT};
use local::rescue::{Technician, TechnicianGroup};
use local::simulator::{FaultAction, RequestMatcher};
use reqwest::Method;
use serde_json::{Value, json};
use shared::aws::tenants::ManagedTenant;
use shared::domain::clock::Timestamp;
use shared::domain::secret::Secret;
use shared::domain::secret_name::SecretName;
use shared::domain::session::SessionId;
use shared::domain::tenant::TenantId;
use shared::reconciliation::{
    MissedSession, MissedSessions, MissedState, ReconcileFailure, ReconcileProgress,
};
use tests::World;
use tests::injected::denied;
use tests::reconciliation::reconciling;
use tests::settings::with_line;
use tests::settings_app::SettingsApp;
use tests::tokens::demo;

use super::command_line::CommandLine;

const HOUR: Duration = Duration::from_secs(3600);
const MUST_NAME: &str = "must name the technicians, technician groups or channels whose sessions are this tenant's: \
                         another tenant of this connector has the same Rescue account";

/// A tenant that is managed in ServiceNow.
async fn globex(world: &World) -> SettingsApp<'_> {
    let id = TenantId::parse("globex").expect("valid");
    let instance = "https://globex.service-now.com";
    let link = invite(&world.cloud.stack, &id, Some(instance), HOUR, true).await;
    let link = link.expect("a link").setup_link;
    let (_, code) = link.expose().rsplit_once('.').expect("the link's form");
    let mut app = SettingsApp {
        world,
        tenant: id.to_string(),
        key: code.to_owned(),
    };
    let body = json!({"instance": instance});
    let enrolled = app
        .call(Method::POST, "enrolment/globex", None, body)
        .await
        .json();
    enrolled["api_key"]
        .as_str()
        .expect("a key")
        .clone_into(&mut app.key);
    app
}

async fn version(app: &SettingsApp<'_>) -> u64 {
    let version = app.settings().await["version"].as_u64();
    version.expect("a version")
}

async fn tenant(world: &World, id: &str) -> ManagedTenant {
    let id = TenantId::parse(id).expect("valid");
    let found = world.cloud.stack.tenants().read(&id).await;
    found.expect("readable").expect("there")
}

/// The accounts that are noted, with their tenants.
async fn noted(world: &World) -> Vec<(String, Vec<String>)> {
    let stack = &world.cloud.stack;
    let items = stack.dynamodb.scan().table_name(&stack.credentials_table);
    let items = items.send().await.expect("readable");
    let accounts = items.items().iter().filter_map(|item| {
        let key = item["credential"].as_s().ok()?;
        let mut members = item.get("members")?.as_ss().ok()?.clone();
        members.sort();
        Some((key.clone(), members))
    });
    let mut accounts: Vec<_> = accounts.collect();
    accounts.sort();
    accounts
}

fn account(company_id: &str) -> String {
    format!("#account#https://secure.logmeinrescue.com/#{company_id}")
}

/// Forgets the accounts, as if their tenants had been written by an earlier release.
async fn forget_accounts(world: &World) {
    let stack = &world.cloud.stack;
    for (key, _) in noted(world).await {
        let delete = stack.dynamodb.delete_item();
        let delete = delete.table_name(&stack.credentials_table);
        let delete = delete.key("credential", AttributeValue::S(key));
        delete.send().await.expect("deleted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_has_to_say_whose_sessions_are_the_tenants_where_another_has_the_account()
{
    let world = World::start().await;
    let app = globex(&world).await;
    let of_the_demo = (account(COMPANY_ID), vec![TENANT.to_owned()]);
    assert_eq!(noted(&world).await, std::slice::from_ref(&of_the_demo));

    // Without the other tenant's account there is nothing to tell apart.
    let alone = json!({"rescue": {"company_id": "7", "reconcile": "watch"}});
    app.set(alone).await;
    let off = json!({"rescue": {"company_id": COMPANY_ID, "reconcile": "off"}});
    app.set(off).await;
    let both = vec![TENANT.to_owned(), "globex".to_owned()];
    let of_globex = (account("7"), vec!["globex".to_owned()]);
    assert_eq!(
        noted(&world).await,
        [(account(COMPANY_ID), both), of_globex]
    );

    let before = version(&app).await;
    let refused = app
        .patch(before, json!({"rescue": {"reconcile": "watch"}}))
        .await;
    refused.assert_refused(422, "invalid-settings");
    let answer = refused.json();
    let error = json!({"pointer": "/rescue/report_nodes", "detail": MUST_NAME});
    assert_eq!(answer["errors"], json!([error]));
    assert!(!answer.to_string().contains(TENANT), "{answer}");
    let logged = world.lines_of(
        "tenant-settings",
        "both tenants have the same Rescue account",
    );
    assert!(
        logged.iter().any(|line| line.contains("\"demo\"")),
        "{logged:?}"
    );
    assert_eq!(version(&app).await, before, "nothing was changed");

    let named = json!({"rescue": {"reconcile": "watch", "report_nodes": ["2002"]}});
    let changed = app.patch(before, named).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let written = tenant(&world, "globex").await;
    let last = written.history.last().expect("a change");
    assert_eq!(last.pointers, ["/rescue/reconcile", "/rescue/report_nodes"]);
    assert_eq!(written.reconciliation.since, Some(last.time));

    let version = changed.json()["version"].as_u64().expect("a version");
    let whole = app
        .patch(version, json!({"rescue": {"report_nodes": []}}))
        .await;
    whole.assert_refused(422, "invalid-settings");
    // What has nothing to do with the account is not refused for it.
    app.set(json!({"language": "de"})).await;
}

/// What is not known is not guessed where sessions of another tenant could be written.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_accounts_cannot_be_noted_reconciliation_cannot_be_switched_on_and_all_else_can()
{
    let world = World::start().await;
    let app = globex(&world).await;
    let fail = || {
        let fault = AwsFault::once(Service::DynamoDb, "UpdateItem", denied());
        world.cloud.aws.inject(fault);
    };
    fail();
    app.set(json!({"rescue": {"company_id": "7"}})).await;
    let logged = world.lines_of("tenant-settings", "account is not noted");
    assert_eq!(logged.len(), 1, "{logged:?}");
    let version = version(&app).await;
    let on = json!({"rescue": {"reconcile": "watch"}});
    fail();
    let refused = app.patch(version, on.clone()).await;
    refused.assert_refused(503, "storage-unavailable");
    assert_eq!(app.patch(version, on).await.status, 200);

    let operator = CommandLine::by_outputs(&world);
    operator.file(|file| file);
    fail();
    let applied = operator.succeeds(&["tenant", "apply", "acme.toml"]).await;
    applied.assert_stderr(&["note: the tenant's Rescue account is not noted yet"]);
    operator.file(|file| {
        with_line(
            &file,
            "rescue",
            "reconcile = \"watch\"\nreport_nodes = [\"2001\"]",
        )
    });
    fail();
    let apply = ["tenant", "apply", "acme.toml"];
    operator.fails(&apply, &["dynamodb:UpdateItem"]).await;
    operator.succeeds(&apply).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_is_told_which_other_tenant_has_the_rescue_account() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let apply = ["tenant", "apply", "acme.toml"];
    let set = |value| ["tenant", "set", "acme", "/rescue/reconcile", value];
    let names = [
        "tenant demo works with the same Rescue account as acme",
        "rescue.report_nodes",
    ];
    let watching = |nodes: &str| {
        operator.file(|file| {
            with_line(
                &file,
                "rescue",
                &format!("reconcile = \"watch\"\nreport_nodes = {nodes}"),
            )
        });
    };
    watching("[]");
    let mark = operator.mark();
    operator.fails(&apply, &names).await;
    operator
        .fails(&[&apply[..], &["--dry-run"]].concat(), &names)
        .await;
    operator.assert_unwritten_since(mark);
    watching("[\"2001\"]");
    operator.succeeds(&apply).await;
    let nodes = ["tenant", "set", "acme", "/rescue/report_nodes", "[]"];
    operator.fails(&nodes, &names).await;
    operator.succeeds(&set("off")).await;
    operator.succeeds(&nodes).await;
    operator.fails(&set("write"), &names).await;

    // Tenants of an earlier release are not noted for their account.
    forget_accounts(&world).await;
    operator.fails(&set("watch"), &names).await;
    operator
        .succeeds(&["tenant", "set", "acme", "/rescue/company_id", "7", "--yes"])
        .await;
    operator.succeeds(&set("watch")).await;
    let history = tenant(&world, "acme").await.history;
    let last = history.last().expect("a change");
    assert_eq!(last.pointers, ["/rescue/reconcile"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_of_a_folder_are_told_apart_before_one_of_them_is_written() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let write = |name: &str, company_id: &str, lines: &str| {
        let file = operator.named(name).replace(COMPANY_ID, company_id);
        let file = with_line(&file, "rescue", lines);
        operator.write(&format!("tenants/{name}.toml"), &file);
    };
    write("acme", "7", "reconcile = \"watch\"");
    write(
        "initech",
        "7",
        "reconcile = \"watch\"\nreport_nodes = [\"2001\"]",
    );
    write("umbrella", "8", "reconcile = \"watch\"");
    let apply = ["tenant", "apply", "tenants"];
    let applied = operator.run(&apply).await;
    assert_eq!(applied.code, Some(1), "{}", applied.stderr);
    applied.assert_stderr(&[
        "3 files: 2 created, 0 changed, 0 unchanged, 1 failed",
        "tenant initech works with the same Rescue account as acme",
    ]);
    write(
        "acme",
        "7",
        "reconcile = \"watch\"\nreport_nodes = [\"2002\"]",
    );
    operator.succeeds(&apply).await;
}

/// Switching a tenant off and on, a new set-up link and a take-over leave what is known of its sessions.
#[tokio::test(flavor = "multi_thread")]
async fn since_when_sessions_are_compared_outlives_what_operators_do() {
    let world = World::start().await;
    let app = globex(&world).await;
    app.set(json!({"rescue": {"company_id": "7", "reconcile": "write"}, "servicenow": {"client_id": "abc"}}))
        .await;
    let before = tenant(&world, "globex").await.reconciliation;
    assert!(before.since.is_some());
    let operator = CommandLine::by_outputs(&world);
    world.cloud.travel(HOUR);
    operator.succeeds(&["tenant", "invite", "globex"]).await;
    operator
        .succeeds(&["tenant", "disable", "globex", "--yes"])
        .await;
    operator.succeeds(&["tenant", "enable", "globex"]).await;
    let exported = operator.json(&["tenant", "export", "globex"]).await;
    let file = exported["toml"].as_str().expect("a file");
    operator.write(
        "globex.toml",
        &file.replace("language = \"en\"", "language = \"de\""),
    );
    let take_over = ["tenant", "apply", "globex.toml", "--take-over", "--yes"];
    operator.succeeds(&take_over).await;
    let after = tenant(&world, "globex").await;
    assert_eq!(after.reconciliation.since, before.since);
    assert_eq!(after.reconciliation.off_times.len(), 1);
}

/// What comparisons have found: technician, age in hours, state.
async fn store(world: &World, found: &[(&str, u64, MissedState)]) {
    let now = world.cloud.clock.now();
    let mut missed = MissedSessions::default();
    let sessions = found.iter().enumerate();
    let sessions = sessions.map(|(place, (technician, hours, state))| MissedSession {
        session_id: SessionId::parse(&format!("7000{place}")).expect("valid"),
        technician_id: (!technician.is_empty()).then(|| (*technician).to_owned()),
        ended_at: now.minus(HOUR * u32::try_from(*hours).expect("small")),
        state: *state,
    });
    missed.add(sessions, now);
    let stored = missed.store(&world.credentials(), &demo()).await;
    stored.expect("stored");
}

async fn compared(world: &World, until: Option<Timestamp>, failure: Option<ReconcileFailure>) {
    let progress = ReconcileProgress {
        compared_until: until,
        run: None,
        failure,
        ..ReconcileProgress::default()
    };
    let stored = progress.store(&world.credentials(), &demo()).await;
    stored.expect("stored");
}

/// The demo's world with another technician, and with sessions compared as the demo's technician.
async fn world_with(mode: &str) -> World {
    let world = World::with_settings(|file| reconciling(&file, mode)).await;
    let rescue = &world.cloud.rescue;
    rescue.set_group(TechnicianGroup::new("2002", "Field service"));
    let bo = Technician::new("4455668", "bo.lind@acme.test", "Bo Lind");
    rescue.set_technician(bo.in_group("2002"));
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_shows_the_missed_sessions_by_technician() {
    use MissedState::{Missed, Suspected, Written};
    let world = World::start().await;
    let app = SettingsApp::of_the_demo(&world).await;
    let status = app.status().await;
    assert_eq!(status["missed_sessions"], Value::Null);
    assert_eq!(status.get("reconciliation"), Some(&Value::Null));

    world
        .change_settings(|file| reconciling(&file, "watch"))
        .await;
    let nothing_yet = app.status().await;
    assert_eq!(nothing_yet["missed_sessions"], Value::Null);
    let empty = json!({"mode": "watch", "compared_until": null, "failed": null, "missed": []});
    assert_eq!(nothing_yet["reconciliation"], empty);

    let until = world.cloud.clock.now().minus(HOUR * 2);
    compared(&world, Some(until), None).await;
    assert_eq!(app.status().await["missed_sessions"], 0);
    store(
        &world,
        &[
            ("4455667", 9, Missed),
            ("4455668", 8, Missed),
            ("4455668", 7, Written),
            ("4455668", 6, Missed),
            ("", 5, Missed),
            ("4455667", 4, Suspected),
            ("4455667", 24 * 8, Missed),
        ],
    )
    .await;
    let at = world.cloud.clock.now();
    let reason = "Rescue refused getReport_v2 with NOTLOGGEDIN.".to_owned();
    compared(&world, Some(until), Some(ReconcileFailure { at, reason })).await;
    world
        .change_settings(|file| reconciling(&file, "write"))
        .await;
    let status = app.status().await;
    assert_eq!(status["missed_sessions"], 4);
    let expected = json!({
        "mode": "write",
        "compared_until": until,
        "failed": {"at": at, "reason": "Rescue refused getReport_v2 with NOTLOGGEDIN."},
        "missed": [
            {"technician_id": "4455668", "sessions": 3, "written": 1},
            {"technician_id": null, "sessions": 1, "written": 0},
            {"technician_id": "4455667", "sessions": 1, "written": 0},
        ],
    });
    assert_eq!(status["reconciliation"], expected);
    assert_eq!(world.cloud.rescue.violations(), Vec::<String>::new());
    assert_eq!(
        world.cloud.rescue.sign_ins().granted,
        0,
        "no vendor is called"
    );
}

async fn doctors(world: &World) -> Check {
    let options = world.doctor_options();
    let report = examine(&world.cloud.stack, &demo(), &options, |_| {}).await;
    let mut checks = report.expect("there").checks.into_iter();
    let check = checks.find(|check| check.id == "missed-sessions");
    check.expect("a check")
}

/// The check of the administrator's status, which sees what `doctor` does.
async fn administrators(world: &World) -> Value {
    let app = SettingsApp::of_the_demo(world).await;
    let answer = app.status_with("checks=true").await.json();
    let checks = answer["checks"].as_array().expect("checks").iter();
    let mut found = checks.filter(|check| check["check"] == "missed-sessions");
    found.next().expect("a check").clone()
}

#[track_caller]
fn assert_found(check: &Check, status: Status, seen: &str, remedy: &str) {
    assert_eq!(check.status, status, "{check:#?}");
    assert!(check.seen.contains(seen), "{seen}: {check:#?}");
    let text = check.remedy.as_deref().unwrap_or_default();
    assert!(text.contains(remedy), "{remedy}: {check:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_names_the_technicians_of_missed_sessions_and_says_what_to_do() {
    use MissedState::{Missed, Written};
    let world = world_with("watch").await;
    let until = world.cloud.clock.now();
    compared(&world, Some(until), None).await;
    let fine = doctors(&world).await;
    let seen = format!(
        "sessions that ended before {until} are compared; none of the last 7 days is missing"
    );
    assert_found(&fine, Status::Ok, &seen, "");
    assert_eq!(
        world.cloud.rescue.sign_ins().granted,
        0,
        "no names are needed"
    );

    store(
        &world,
        &[
            ("4455668", 9, Missed),
            ("4455668", 8, Missed),
            ("4455668", 7, Missed),
            ("4455667", 6, Missed),
            ("4455667", 6, Written),
            ("4455667", 6, Written),
            ("4455667", 6, Written),
            ("9", 5, Missed),
            ("", 4, Missed),
        ],
    )
    .await;
    let seen = "sessions of the last 7 days that Rescue never posted: 6 (3 of Bo Lind, 1 of Ana Ruiz, 1 without a \
                technician, 1 of technician 9)";
    let check = doctors(&world).await;
    assert_found(
        &check,
        Status::Warning,
        seen,
        "Set the webhook URLs for the technician group",
    );
    for remedy in [
        "`rescue-connector sessions reconcile demo --from \"7 days\" --write` writes these sessions once.",
        "Set rescue.reconcile to write in the tenant file and apply it again.",
    ] {
        assert_found(&check, Status::Warning, seen, remedy);
    }
    let same = administrators(&world).await;
    assert_eq!(
        (&same["result"], &same["seen"]),
        (&json!("warning"), &json!(check.seen))
    );
    assert_eq!(
        same["remedy"],
        "Set the webhook URLs for the technician group of each in Rescue's Administration Center (Settings, Exporting \
         session data). Ask the operator of the connector to set rescue.reconcile to write. The connector then writes such \
         sessions by itself."
    );
    for name in ["Bo Lind", "Ana Ruiz"] {
        assert!(!world.output().contains(name), "{name} is in a log");
    }
    assert_eq!(world.cloud.rescue.violations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_five_technicians_are_named_by_their_ids_where_rescue_does_not_tell_names() {
    let world = world_with("write").await;
    compared(&world, Some(world.cloud.clock.now()), None).await;
    let found: Vec<_> = ["1", "1", "2", "2", "3", "3", "4", "4", "5", "5", "6", "7"]
        .into_iter()
        .zip(1..)
        .map(|(technician, hours)| (technician, hours, MissedState::Missed))
        .collect();
    store(&world, &found).await;
    let hierarchy = RequestMatcher::of("POST", "/API/getHierarchy_v2.aspx");
    let faults = local::simulator::InjectedFault::on(hierarchy).always();
    world
        .cloud
        .rescue
        .fault(faults.then(FaultAction::status(503)));
    let seen = "12 (2 of technician 1, 2 of technician 2, 2 of technician 3, 2 of technician 4, 2 of technician 5, 2 of others)";
    let remedy = "The next comparison, within 6 hours, writes these sessions.";
    assert_found(&doctors(&world).await, Status::Warning, seen, remedy);

    let written: Vec<_> = found
        .iter()
        .map(|(technician, hours, _)| (*technician, *hours, MissedState::Written))
        .collect();
    store(&world, &written).await;
    let seen = "of the last 7 days 12 were written that Rescue never posted";
    assert_found(&doctors(&world).await, Status::Ok, seen, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_that_fails_or_does_not_come_is_noticed() {
    let world = world_with("watch").await;
    let check = doctors(&world).await;
    assert_found(&check, Status::Skipped, "no sessions were compared yet", "");
    // Two hours after a session's end, within 6 hours; or later where Rescue holds it up.
    world.cloud.travel(HOUR * 14);
    assert_eq!(doctors(&world).await.status, Status::Skipped);
    world.cloud.travel(HOUR * 2);
    let overdue = "no sessions were compared yet; a comparison is overdue";
    let schedule = "See the log of reconcile-sessions";
    assert_found(&doctors(&world).await, Status::Warning, overdue, schedule);
    let until = world.cloud.clock.now().minus(HOUR * 2);
    compared(&world, Some(until), None).await;
    assert_eq!(doctors(&world).await.status, Status::Ok);
    world.cloud.travel(HOUR * 14);
    assert_found(&doctors(&world).await, Status::Warning, "overdue", schedule);
    let same = administrators(&world).await;
    assert_eq!(
        same["remedy"],
        "Tell the operator of the connector that its comparisons with Rescue's report have stopped."
    );

    let at = world.cloud.clock.now();
    let reason = "rescue.report_technician cannot be signed in to Rescue: INVALID.".to_owned();
    compared(&world, Some(until), Some(ReconcileFailure { at, reason })).await;
    let seen = format!(
        "the comparison of {at} failed: rescue.report_technician cannot be signed in to Rescue: INVALID"
    );
    assert_found(
        &doctors(&world).await,
        Status::Failed,
        &seen,
        "rescue-sign-in",
    );
    store(&world, &[("4455667", 3, MissedState::Missed)]).await;
    let seen =
        format!("{seen}; sessions of the last 7 days that Rescue never posted: 1 (1 of Ana Ruiz)");
    let check = doctors(&world).await;
    assert_found(&check, Status::Failed, &seen, "Correct that.");
    assert_found(&check, Status::Failed, &seen, "Set the webhook URLs");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_check_needs_is_named() {
    let world = World::start().await;
    let check = doctors(&world).await;
    let off = "because rescue.reconcile is off. Set rescue.reconcile to watch in the tenant file and apply it again.";
    assert_found(&check, Status::Skipped, off, "");
    let same = administrators(&world).await;
    assert_eq!(same["result"], "skipped");
    let ask = "Ask the operator of the connector to set rescue.reconcile to watch.";
    assert!(same["seen"].to_string().contains(ask), "{same}");

    world
        .change_settings(|file| with_line(&file, "rescue", "reconcile = \"watch\""))
        .await;
    let seen = "rescue.report_technician is empty, and rescue-api-token is not set";
    let check = doctors(&world).await;
    for remedy in [
        "`rescue-connector secrets set demo rescue-api-token`",
        "Set rescue.report_technician to an SSO id in the tenant file and apply it again.",
    ] {
        assert_found(&check, Status::Failed, seen, remedy);
    }
    let token = Secret::from(world.cloud.rescue.issue_api_token(TECHNICIAN).as_str());
    let (stack, tenant) = (&world.cloud.stack, demo());
    let set = admin::secrets::set(stack, &tenant, SecretName::RescueApiToken, &token);
    set.await.expect("set");
    assert_eq!(doctors(&world).await.status, Status::Skipped);

    world
        .change_settings(|file| {
            let file = with_line(&file, "rescue", "reconcile = \"watch\"");
            file.replace("tenant = \"demo\"", "tenant = \"demo\"\nenabled = false")
        })
        .await;
    let off = "sessions are not compared while the tenant is switched off";
    assert_found(&doctors(&world).await, Status::Skipped, off, "");
}
