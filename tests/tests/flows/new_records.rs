//! `console_sessions`: records that the connector creates.

use std::collections::BTreeMap;
use std::time::Duration;

use local::demo_tenant::{CUSTOMER, TECHNICIAN};
use local::rescue::{Phase, Session};
use local::servicenow::User;
use tests::settings::console_sessions;
use tests::{Case, World, assert_contains};

const CASES: &str = "sn_customerservice_case";

fn creating_cases(file: String) -> String {
    console_sessions(&file, "case")
}

/// The only record that was created for a session.
fn created(world: &World, table: &str, session: &Session) -> BTreeMap<String, String> {
    let correlation_id = format!("rescue:{}", session.id);
    let rows = world.servicenow().records(table).into_iter();
    let mut rows: Vec<_> = rows
        .filter(|row| row.get("correlation_id") == Some(&correlation_id))
        .collect();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

fn user(world: &World, email: &str) -> String {
    let users = world.servicenow().records("sys_user");
    let found = users.iter().find(|row| row["email"] == email);
    found.expect("the user")["sys_id"].clone()
}

/// docs/architecture.md#rule-3: `console_sessions` comes last.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_without_a_record_becomes_an_incident_with_both_notes() {
    let world = World::start().await;
    let session = world.console_session().with_field("CField2", CUSTOMER);
    world.post(&session, Phase::Start).await;
    world.post_and_deliver(&session, Phase::End).await;
    let row = created(&world, "incident", &session);
    assert_eq!(row["caller_id"], user(&world, CUSTOMER));
    assert_eq!(row["assigned_to"], user(&world, TECHNICIAN));
    assert_eq!(row["category"], "software");
    assert_eq!(row["correlation_display"], "LogMeIn Rescue");
    assert!(row["short_description"].contains(&session.id), "{row:?}");
    assert!(row["short_description"].contains("Paul Martin"), "{row:?}");
    let notes = world.servicenow().work_notes("incident", &row["sys_id"]);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(
        world
            .servicenow()
            .comments("incident", &row["sys_id"])
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_without_a_record_becomes_a_case_with_its_contact() {
    let world = World::with_settings(creating_cases).await;
    let contact = world
        .servicenow()
        .add_contact("carla@customer.test", "Carla Conti");
    let session = world
        .console_session()
        .with_field("CField2", "carla@customer.test");
    world.post(&session, Phase::Start).await;
    world.post_and_deliver(&session, Phase::End).await;
    let row = created(&world, CASES, &session);
    assert_eq!(row["contact"], contact);
    assert_eq!(
        world.servicenow().work_notes(CASES, &row["sys_id"]).len(),
        2
    );
    assert!(world.servicenow().records("incident").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_case_plugin_a_session_is_given_up_and_nothing_is_created() {
    let world = World::with_settings(creating_cases).await;
    world
        .servicenow()
        .configure(|rules| rules.cases_installed = false);
    let session = world.console_session();
    world.post_and_deliver(&session, Phase::Start).await;
    let dead_letters = world.dead_letters();
    assert_eq!(dead_letters.len(), 1);
    assert_eq!(dead_letters[0].reason, "servicenow-refused");
    assert!(world.servicenow().records("incident").is_empty());
}

/// The note names a person who is missing, inactive or found twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_is_not_found_exactly_once_is_left_out() {
    let world = World::start().await;
    let servicenow = world.servicenow();
    let twin = |name: &str| {
        servicenow.add_user(User::new(name, "Twin"));
        let sys_id = user(&world, name);
        servicenow.set_field("sys_user", &sys_id, "email", "twin@acme.test");
    };
    twin("twin.one@acme.test");
    twin("twin.two@acme.test");
    let gone = servicenow.add_user(User::new("gone@acme.test", "Gone"));
    servicenow.set_field("sys_user", &gone, "active", "false");
    let posts = [
        (
            "unknown@acme.test",
            "No customer with the e-mail address unknown@acme.test",
        ),
        (
            "gone@acme.test",
            "No customer with the e-mail address gone@acme.test",
        ),
        (
            "twin@acme.test",
            "Several customers have the e-mail address twin@acme.test",
        ),
        (
            "a^active=false@acme.test",
            "No customer with the e-mail address",
        ),
        (
            "javascript:x@acme.test",
            "No customer with the e-mail address",
        ),
    ];
    for (email, remark) in posts {
        let _case = Case::of(email);
        let session = world.console_session().with_field("CField2", email);
        let session = session.with_field("TechEmail", email);
        world.post_and_deliver(&session, Phase::Start).await;
        let row = created(&world, "incident", &session);
        for column in ["caller_id", "assigned_to"] {
            assert!(
                row.get(column).is_none_or(String::is_empty),
                "{email}: {row:?}"
            );
        }
        let notes = servicenow.work_notes("incident", &row["sys_id"]);
        assert_eq!(notes.len(), 1);
        assert!(notes[0].contains(remark), "{email}: {notes:?}");
        assert_contains(&notes[0], &["technician's e-mail address"]);
    }
    assert!(
        servicenow.violations().is_empty(),
        "{:?}",
        servicenow.violations()
    );
}

/// A service account that may not read people still creates records.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_created_where_people_cannot_be_read() {
    let world = World::start().await;
    world.servicenow().configure(|rules| {
        rules.unreadable_tables.insert("sys_user".to_owned());
    });
    let session = world.console_session().with_field("CField2", CUSTOMER);
    world.post_and_deliver(&session, Phase::Start).await;
    let row = created(&world, "incident", &session);
    assert!(row.get("caller_id").is_none_or(String::is_empty));
    assert!(world.dead_letters().is_empty());
}

/// docs/architecture.md#rule-3: the `correlation_id` is searched before a record is created.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_missing_in_the_ledger_is_found_by_its_correlation_id() {
    let world = World::start().await;
    let session = world.console_session();
    world.post_and_deliver(&session, Phase::Start).await;
    // After ninety days the ledger's entries have expired.
    world.cloud.travel(Duration::from_secs(91 * 24 * 3600));
    world.post_and_deliver(&session, Phase::End).await;
    let row = created(&world, "incident", &session);
    assert_eq!(
        world
            .servicenow()
            .work_notes("incident", &row["sys_id"])
            .len(),
        2
    );
}
