//! What columns take, and who may write and read them.

use serde_json::{Value, json};

use super::super::{Column, Created, Table};
use super::{Bench, incident, table};

/// The column after a `PATCH` with this value.
async fn after(bench: &Bench, record: &Created, column: &str, value: Value) -> Value {
    let answer = bench.patch(record, &json!({column: value})).await;
    assert_eq!(answer.status, 200);
    answer.result()[column].take()
}

#[tokio::test]
async fn a_value_of_another_kind_is_dropped_and_the_column_keeps_what_it_has() {
    let (bench, record) = Bench::with_incident();
    for column in [Column::date_time("u_from"), Column::boolean("u_vip")] {
        bench.instance.add_column("incident", column);
    }
    for (column, value, wrong) in [
        ("time_worked", "1970-01-01 00:28:51", "1731"),
        ("u_from", "2025-05-14 10:02:11", "2025-05-14T10:02:11Z"),
        ("state", "2", "In Progress"),
        ("u_vip", "true", "yes"),
    ] {
        let stored = after(&bench, &record, column, json!(value)).await;
        assert_eq!(stored, value, "{column}");
        let kept = after(&bench, &record, column, json!(wrong)).await;
        assert_eq!(kept, value, "{column}");
    }
    let number = after(&bench, &record, "u_vip", json!(0)).await;
    assert_eq!(number, "false", "numbers and truths arrive as texts");
    let caller = after(&bench, &record, "caller_id", json!("Paul Martin")).await;
    assert_eq!(caller, "");
    let emptied = after(&bench, &record, "time_worked", json!("")).await;
    assert_eq!(emptied, "");
}

#[tokio::test]
async fn a_timer_reads_raw_and_displayed() {
    let bench = Bench::new();
    let worked = [("time_worked", "1970-01-02 04:23:17")];
    let record = bench.instance.add_incident(&worked);
    let path = incident(&record);
    let parameters = "sysparm_fields=time_worked&sysparm_display_value=all";
    let shown =
        json!({"value": "1970-01-02 04:23:17", "display_value": "1 Day 4 Hours 23 Minutes"});
    assert_eq!(bench.read(&path, parameters).await["time_worked"], shown);
}

#[tokio::test]
async fn a_date_time_is_read_in_utc_and_displayed_in_the_users_zone() {
    let (bench, record) = Bench::with_incident();
    bench.configure(|rules| rules.user_zone_hours = -7);
    let parameters = "sysparm_fields=opened_at&sysparm_display_value=all";
    let shown = json!({"value": "2025-05-14 10:02:11", "display_value": "2025-05-14 03:02:11"});
    assert_eq!(
        bench.read(&incident(&record), parameters).await["opened_at"],
        shown
    );
}

#[tokio::test]
async fn a_column_is_kept_from_writers_and_readers_in_one_table_or_in_all() {
    let (bench, record) = Bench::with_incident();
    let problem = bench.instance.add_record("problem", &[]);
    let path = format!("{}/{}", table("problem"), problem.sys_id);
    let body = json!({"correlation_id": "rescue:1", "short_description": "x"});
    let write = async || {
        let incident = bench.patch(&record, &body).await.result();
        let problem = bench.change(&path, &body).await.result();
        [incident, problem].map(|mut row| row["correlation_id"].take())
    };
    bench.configure(|rules| rules.unwritable_columns = ["problem.correlation_id".into()].into());
    assert_eq!(write().await, [json!("rescue:1"), json!("")]);
    bench.configure(|rules| rules.unwritable_columns.clear());
    assert_eq!(write().await, [json!("rescue:1"), json!("rescue:1")]);

    let readable = async || {
        let parameters = "sysparm_query=correlation_id=rescue:1&sysparm_fields=correlation_id";
        let mut seen = Vec::new();
        for name in ["incident", "problem"] {
            let rows = bench.read(&table(name), parameters).await;
            seen.push(rows[0].get("correlation_id").is_some());
        }
        seen
    };
    for (listed, seen) in [
        ("incident.correlation_id", [false, true]),
        ("task.correlation_id", [false, false]),
        ("correlation_id", [false, false]),
        ("interaction.correlation_id", [true, true]),
    ] {
        bench.configure(|rules| rules.unreadable_columns = [listed.to_owned()].into());
        assert_eq!(readable().await, seen, "{listed}");
    }
}

#[tokio::test]
async fn a_column_that_a_table_has_already_stays_as_it_is() {
    let (bench, record) = Bench::with_incident();
    bench.instance.add_column("incident", "time_worked");
    let worked = after(&bench, &record, "time_worked", json!("1731")).await;
    assert_eq!(worked, "");
}

#[tokio::test]
async fn added_columns_may_be_unique() {
    let bench = Bench::new();
    let visits = Table::of_its_own("x_acme_visit", "VIS").with(Column::sized("u_key", 3).unique());
    bench.instance.add_table(visits);
    let insert = async |key: &str| {
        let body = json!({"u_key": key});
        bench.post(&table("x_acme_visit"), &body).await.status
    };
    assert_eq!(insert("abc").await, 201);
    assert_eq!(insert("abcd").await, 403, "what is stored is compared");
    assert_eq!(insert("abd").await, 201);
}
