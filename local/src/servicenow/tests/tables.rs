//! Which tables there are, and what is theirs: numbers, states, people, roles.

use serde_json::json;

use super::super::{Column, Created, Options, Simulator, Table, User};
use super::{Bench, NO_RECORD, table};

const VISITS: &str = "x_acme_visit";
const SESSIONS: &str = "x_rescue_conn_session";

#[tokio::test]
async fn every_table_of_tasks_numbers_its_records_and_closes_them_by_its_own_states() {
    let bench = Bench::new();
    bench
        .instance
        .grant_role("svc.rescue", "sn_hr_core.case_writer");
    for (name, number, person, state, open, closed) in [
        (
            "problem",
            "PRB0040001",
            "opened_by",
            ("101", "New"),
            "106",
            "107",
        ),
        (
            "change_request",
            "CHG0030001",
            "requested_by",
            ("-5", "New"),
            "0",
            "4",
        ),
        (
            "sc_task",
            "SCTASK0010001",
            "assigned_to",
            ("1", "Open"),
            "2",
            "7",
        ),
        (
            "interaction",
            "IMS0000001",
            "opened_for",
            ("new", "New"),
            "on_hold",
            "closed_abandoned",
        ),
        (
            "sn_hr_core_case",
            "HRC0001001",
            "subject_person",
            ("10", "Ready"),
            "18",
            "3",
        ),
    ] {
        let paul = bench.add_paul();
        let created = bench.post(&table(name), &json!({(person): paul})).await;
        assert_eq!(created.status, 201, "{name}");
        let row = created.result();
        assert_eq!(
            (&row["number"], &row["active"]),
            (&json!(number), &json!("true"))
        );
        assert_eq!(row[person]["value"], paul.as_str(), "{name}");
        let sys_id = row["sys_id"].as_str().expect("a sys_id");
        let path = format!("{}/{sys_id}", table(name));
        let both = "sysparm_fields=state&sysparm_display_value=all";
        let shown = json!({"state": {"value": state.0, "display_value": state.1}});
        assert_eq!(bench.read(&path, both).await, shown, "{name}");
        for (state, active) in [(open, "true"), (closed, "false")] {
            let body = json!({"state": state, "work_notes": "x"});
            let changed = bench.change(&path, &body).await.result();
            assert_eq!(changed["active"], active, "{name} {state}");
        }
        assert_eq!(bench.instance.work_notes(name, sys_id).len(), 2, "{name}");
    }
}

#[tokio::test]
async fn a_query_on_task_finds_the_records_of_every_table_that_extends_it() {
    let bench = Bench::new();
    let visits =
        Table::of_tasks("x_acme_visit", "VIS").with(Column::reference("guest", "sys_user"));
    bench.instance.add_table(visits);
    bench
        .instance
        .add_table(Table::of_its_own("x_acme_note", "NOTE"));
    for name in ["problem", "interaction", VISITS, "x_acme_note"] {
        bench
            .instance
            .add_record(name, &[("short_description", "x")]);
    }
    let query = "sysparm_query=short_description=x&sysparm_fields=sys_class_name,number";
    let found = bench.read(&table("task"), query).await;
    let expected = json!([
        {"sys_class_name": "problem", "number": "PRB0040001"},
        {"sys_class_name": VISITS, "number": "VIS0001001"},
    ]);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_table_that_is_not_installed_is_invalid() {
    let bench = Bench::new();
    let hr = "sn_hr_core_case";
    bench.instance.add_record(hr, &[("short_description", "x")]);
    bench.configure(|rules| rules.missing_tables = [hr.to_owned()].into());
    let answer = bench.get(&table(hr)).await;
    assert_eq!(answer.status, 400);
    let message = answer.json()["error"]["message"].take();
    assert_eq!(message, "Invalid table sn_hr_core_case");
    let query = "sysparm_query=short_description=x";
    assert_eq!(bench.read(&table("task"), query).await, json!([]));
    bench.configure(|rules| rules.missing_tables.clear());
    assert_eq!(bench.get(&table(hr)).await.status, 403, "no role for it");
}

#[tokio::test]
async fn a_table_of_its_own_has_work_notes_and_no_correlation() {
    let bench = Bench::new();
    let visits = Table::of_its_own(VISITS, "VIS")
        .with(Column::reference("guest", "sys_user"))
        .with_default("state", "draft")
        .with_choice("state", "draft", "Draft")
        .closed_in(&["done"]);
    bench.instance.add_table(visits);
    let paul = bench.add_paul();
    let body = json!({"guest": paul, "work_notes": "one", "correlation_id": "rescue:1"});
    let row = bench.post(&table(VISITS), &body).await.result();
    assert_eq!(row["number"], "VIS0001001");
    assert_eq!(row.get("correlation_id"), None);
    let sys_id = row["sys_id"].as_str().expect("a sys_id");
    assert_eq!(bench.instance.work_notes(VISITS, sys_id), ["one"]);
    let displayed = |column| bench.instance.displayed(VISITS, sys_id, column);
    assert_eq!(displayed("state"), "Draft");
    assert_eq!(displayed("guest"), "Paul Martin");
    assert_eq!(displayed("nonsense"), "");
    let path = format!("{}/{sys_id}", table(VISITS));
    let closed = bench.change(&path, &json!({"state": "done"})).await;
    assert_eq!(closed.result()["active"], "false");
}

#[tokio::test]
async fn a_custom_table_answers_the_roles_it_names_only() {
    let bench = Bench::new();
    let visits = Table::of_tasks(VISITS, "VIS").for_roles(&["itil"], &["x_acme.writer"]);
    bench.instance.add_table(visits);
    assert_eq!(bench.get(&table(VISITS)).await.status, 200);
    assert_eq!(bench.post(&table(VISITS), &json!({})).await.status, 403);
    bench.instance.grant_role("svc.rescue", "x_acme.writer");
    assert_eq!(bench.post(&table(VISITS), &json!({})).await.status, 201);
}

#[tokio::test]
async fn the_prefix_of_a_tables_numbers_is_configuration() {
    let bench = Bench::new();
    bench.instance.add_incident(&[]);
    bench.instance.set_number_prefix("incident", "ACMEINC");
    bench.instance.set_number_prefix("interaction", "CALL");
    assert_eq!(bench.instance.add_incident(&[]).number, "ACMEINC0010002");
    let interaction = bench.instance.add_record("interaction", &[]);
    assert_eq!(interaction.number, "CALL0000001");
}

/// A connector with the app installed, and an incident.
fn with_app() -> (Bench, Created) {
    let (bench, record) = Bench::with_incident();
    bench.instance.install_app();
    (bench, record)
}

#[tokio::test]
async fn a_session_row_is_stored_raw_and_displayed_as_on_a_form() {
    let (bench, record) = with_app();
    let paul = bench.add_paul();
    let body = json!({
        "session": "70112233", "record": record.sys_id, "technician": paul, "technician_name": "Ana Ruiz",
        "started_at": "2025-05-14 10:02:11", "work_time": "1970-01-01 01:28:51", "transmitted": "102197",
        "state": "ended", "source": "report", "pin": true,
    });
    let created = bench.post(&table(SESSIONS), &body).await;
    assert_eq!(created.status, 201);
    let rows = bench.instance.records(SESSIONS);
    let sys_id = &rows[0]["sys_id"];
    for (column, raw, shown) in [
        ("session", "70112233", "70112233"),
        ("record", record.sys_id.as_str(), record.number.as_str()),
        ("technician", &paul, "Paul Martin"),
        ("started_at", "2025-05-14 10:02:11", "2025-05-14 10:02:11"),
        ("work_time", "1970-01-01 01:28:51", "1 Hour 28 Minutes"),
        ("transmitted", "102197", "102,197"),
        ("state", "ended", "Ended"),
        ("source", "report", "Session report"),
        ("pin", "true", "true"),
    ] {
        assert_eq!(rows[0][column], raw, "{column}");
        let on_a_form = bench.instance.displayed(SESSIONS, sys_id, column);
        let expected = match column {
            "work_time" => "1 Hour 28 Minutes 51 Seconds",
            _ => shown,
        };
        assert_eq!(on_a_form, expected, "{column}");
        let path = format!("{}/{sys_id}", table(SESSIONS));
        let fields = format!("sysparm_fields={column}&sysparm_exclude_reference_link=true");
        let read = async |display: &str| {
            let parameters = format!("{fields}&sysparm_display_value={display}");
            bench.read(&path, &parameters).await[column].take()
        };
        assert_eq!(read("false").await, raw, "{column}");
        assert_eq!(read("true").await, shown, "{column}");
        let both = json!({"display_value": shown, "value": raw});
        assert_eq!(read("all").await, both, "{column}");
    }
}

#[tokio::test]
async fn sessions_need_the_app_and_its_role() {
    let bench = Bench::new();
    assert_eq!(bench.get(&table(SESSIONS)).await.status, 400);
    bench.instance.install_app();
    let itil = User::service_account("svc.rescue", "passw0rd").with_roles(&["itil"]);
    bench.instance.add_user(itil);
    assert_eq!(bench.get(&table(SESSIONS)).await.status, 403);
    let row = json!({"session": "1"});
    assert_eq!(bench.post(&table(SESSIONS), &row).await.status, 403);
    bench
        .instance
        .grant_role("svc.rescue", "x_rescue_conn.agent");
    assert_eq!(bench.get(&table(SESSIONS)).await.status, 200);
    assert_eq!(bench.post(&table(SESSIONS), &row).await.status, 403);
    bench
        .instance
        .grant_role("svc.rescue", "x_rescue_conn.connector");
    assert_eq!(bench.post(&table(SESSIONS), &row).await.status, 201);
}

#[tokio::test]
async fn a_unique_index_refuses_a_second_record_and_ignores_letter_case() {
    let (bench, _) = with_app();
    let insert = async |session: &str| {
        let row = json!({"session": session});
        bench.post(&table(SESSIONS), &row).await
    };
    let first = insert("AbC").await.result();
    for duplicate in ["AbC", "aBc"] {
        let refused = insert(duplicate).await;
        assert_eq!(refused.status, 403);
        let error = refused.json()["error"].take();
        assert_eq!(error["message"], "Operation Failed");
        let detail = format!("Error during insert of {SESSIONS} ({duplicate})");
        assert_eq!(error["detail"], detail);
    }
    assert_eq!(insert("abd").await.status, 201);
    for _ in 0..2 {
        assert_eq!(insert("").await.status, 201, "no value is no duplicate");
    }
    assert_eq!(bench.instance.records(SESSIONS).len(), 4);

    let sys_id = first["sys_id"].as_str().expect("a sys_id");
    let path = format!("{}/{sys_id}", table(SESSIONS));
    let again = json!({"session": "abc", "state": "ended"});
    assert_eq!(bench.change(&path, &again).await.status, 200, "its own");
    let refused = bench.change(&path, &json!({"session": "ABD"})).await;
    assert_eq!(refused.status, 403);
    let detail = refused.json()["error"]["detail"].take();
    assert_eq!(detail, format!("Error during update of {SESSIONS} (abc)"));
    let query = "sysparm_query=session=ABC&sysparm_fields=session";
    let found = bench.read(&table(SESSIONS), query).await;
    assert_eq!(found, json!([{"session": "abc"}]), "queries ignore it too");
}

#[tokio::test]
async fn a_reference_to_a_record_of_another_table_is_stored_and_shows_nothing() {
    let (bench, _) = with_app();
    let interaction = bench.instance.add_record("interaction", &[]).sys_id;
    let body = json!({"session": "1", "record": interaction, "interaction": interaction, "technician": NO_RECORD});
    let row = bench.post(&table(SESSIONS), &body).await.result();
    let sys_id = row["sys_id"].as_str().expect("a sys_id");
    let displayed = |column| bench.instance.displayed(SESSIONS, sys_id, column);
    assert_eq!(row["record"]["value"], interaction.as_str());
    assert_eq!(displayed("record"), "", "an interaction is no task");
    assert_eq!(displayed("interaction"), "IMS0000001");
    assert_eq!(displayed("technician"), "");
}

#[test]
fn added_tables_columns_and_prefixes_outlive_a_restart_with_a_data_file() {
    let id = super::super::state::new_sys_id();
    let file = std::env::temp_dir().join(format!("instance-{id}.json"));
    let start = || {
        let options = Options {
            data: Some(file.clone()),
            ..Options::new(super::Clock::system(0))
        };
        Simulator::start(options).expect("starts")
    };
    let first = start();
    first.install_app();
    first.add_table(Table::of_tasks(VISITS, "VIS"));
    first.add_column(VISITS, Column::duration("u_stay"));
    first.set_number_prefix(VISITS, "V");
    drop(first);
    let second = start();
    let stay = [("u_stay", "1970-01-01 02:00:00")];
    let visit = second.add_record(VISITS, &stay);
    assert_eq!(visit.number, "V0001001");
    assert_eq!(second.displayed(VISITS, &visit.sys_id, "u_stay"), "2 Hours");
    second.add_record(SESSIONS, &[("session", "1")]);
    second.install_app();
    assert_eq!(second.records(SESSIONS).len(), 1);
    std::fs::remove_file(&file).expect("was written");
}
