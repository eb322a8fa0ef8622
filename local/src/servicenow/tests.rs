//! One test for each oddity of an instance, over HTTP.

mod columns;
mod faults;
mod pages;
mod tables;
mod tokens;

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared::domain::clock::{Clock, Timestamp};

use super::{Created, Options, Rules, Simulator, User};
use crate::simulator::plain_client;

const INCIDENTS: &str = "/api/now/v2/table/incident";
const EMAIL: &str = "/api/now/v1/email";
const NO_RECORD: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

struct Bench {
    instance: Simulator,
    clock: Clock,
    client: reqwest::Client,
    token: String,
}

struct Reply {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    fn result(&self) -> Value {
        self.json()["result"].take()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Bench {
    fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_millis(1_747_216_931_007));
        let instance = Simulator::start(Options::new(clock.clone())).expect("starts");
        instance.add_registry("client", "s3cret");
        instance.add_user(User::service_account("svc.rescue", "passw0rd"));
        let token = instance.issue_access_token("client", "svc.rescue");
        Self {
            instance,
            clock,
            client: plain_client().expect("client"),
            token,
        }
    }

    fn with_incident() -> (Self, Created) {
        let bench = Self::new();
        let record = bench.instance.add_incident(&[]);
        (bench, record)
    }

    fn add_paul(&self) -> String {
        let paul = User::new("paul@acme.test", "Paul Martin");
        self.instance.add_user(paul)
    }

    fn configure(&self, change: impl FnOnce(&mut Rules)) {
        self.instance.configure(change);
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn work_notes(&self, record: &Created) -> Vec<String> {
        self.instance.work_notes("incident", &record.sys_id)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.instance.url())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, self.url(path));
        request
            .bearer_auth(&self.token)
            .header("accept", "application/json")
    }

    async fn get(&self, path: &str) -> Reply {
        reply(self.request(Method::GET, path)).await
    }

    /// The result of reading a list or a record with these parameters.
    async fn read(&self, path: &str, parameters: &str) -> Value {
        self.get(&format!("{path}?{parameters}")).await.result()
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        reply(self.request(Method::POST, path).json(body)).await
    }

    async fn patch(&self, record: &Created, body: &Value) -> Reply {
        self.change(&incident(record), body).await
    }

    async fn change(&self, path: &str, body: &Value) -> Reply {
        reply(self.request(Method::PATCH, path).json(body)).await
    }

    async fn grant(&self, fields: &[(&str, &str)]) -> Reply {
        let client = [("client_id", "client"), ("client_secret", "s3cret")];
        // The endpoint reads the first of two fields of one name.
        let fields = [fields, &client].concat();
        reply(self.client.post(self.url("/oauth_token.do")).form(&fields)).await
    }
}

async fn reply(request: RequestBuilder) -> Reply {
    let response = request.send().await.expect("an answer");
    Reply {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.expect("a body"),
    }
}

fn incident(record: &Created) -> String {
    format!("{INCIDENTS}/{}", record.sys_id)
}

fn table(name: &str) -> String {
    format!("/api/now/v2/table/{name}")
}

fn attachment_of(sys_id: &str) -> String {
    format!(
        "/api/now/attachment/file?table_name=incident&table_sys_id={sys_id}&file_name=rescue-1.txt"
    )
}

#[tokio::test]
async fn an_empty_list_is_404_in_v1_only() {
    let bench = Bench::new();
    assert_eq!(bench.get("/api/now/v1/table/incident").await.status, 404);
    for path in [INCIDENTS, "/api/now/table/incident"] {
        let answer = bench.get(path).await;
        assert_eq!((answer.status, answer.result()), (200, json!([])), "{path}");
        assert_eq!(answer.header("x-total-count"), Some("0"), "{path}");
    }
}

#[tokio::test]
async fn a_misspelt_field_in_a_query_returns_every_record() {
    let bench = Bench::new();
    let correlated = [("correlation_id", "rescue:1")];
    let wanted = bench.instance.add_incident(&correlated);
    bench.instance.add_incident(&[]);
    let fields = "sysparm_fields=number,nonsense";
    let query = format!("{fields}&sysparm_query=correlation_id=rescue:1");
    let misspelt = format!("{fields}&sysparm_query=corelation_id=rescue:1");
    let count = async |query: &str| bench.read(INCIDENTS, query).await.as_array().map(Vec::len);
    let found = bench.read(INCIDENTS, &query).await;
    assert_eq!(found, json!([{"number": wanted.number}]));
    assert_eq!(count(&misspelt).await, Some(2));
    assert_eq!(count("correlation_id=rescue:1").await, Some(1));
    bench.configure(|rules| rules.unreadable_columns = ["correlation_id".into()].into());
    assert_eq!(count(&query).await, Some(2), "unreadable is unknown");
    bench.configure(|rules| rules.invalid_query_returns_no_rows = true);
    assert_eq!(count(&query).await, Some(0));
}

#[tokio::test]
async fn scripts_in_queries_and_cookies_are_violations() {
    let bench = Bench::new();
    let script = "sysparm_query=caller_id%3Djavascript:gs.getUserID()";
    bench.read(INCIDENTS, script).await;
    let request = bench.request(Method::GET, INCIDENTS);
    let answer = reply(request.header("cookie", "JSESSIONID=1")).await;
    let cookie = answer.header("set-cookie").expect("a cookie");
    assert!(cookie.contains("JSESSIONID"), "{cookie}");
    assert_eq!(bench.instance.violations().len(), 2);
}

#[tokio::test]
async fn the_limit_counts_records_before_hidden_ones_are_taken_away() {
    let (bench, hidden) = Bench::with_incident();
    bench.instance.add_incident(&[]);
    bench.configure(|rules| rules.hidden_records = [hidden.sys_id.clone()].into());
    let limited = "sysparm_fields=number&sysparm_limit=1";
    assert_eq!(bench.read(INCIDENTS, limited).await, json!([]));
    let second = format!("{limited}&sysparm_offset=1");
    let second = bench.read(INCIDENTS, &second).await;
    assert_eq!(second, json!([{"number": "INC0010002"}]));
    let answer = bench.get(&incident(&hidden)).await;
    assert_eq!(answer.status, 404);
    assert_eq!(
        answer.json()["error"]["detail"],
        "Record doesn't exist or ACL restricts the record retrieval"
    );
    let patched = bench.patch(&hidden, &json!({"work_notes": "x"})).await;
    assert_eq!(patched.status, 404);
}

#[tokio::test]
async fn a_created_record_answers_201_with_its_location_number_and_texts_only() {
    let bench = Bench::new();
    let caller = bench.add_paul();
    let long = "x".repeat(200);
    let body = json!({
        "short_description": long, "caller_id": caller, "urgency": 2, "nonsense": "dropped",
        "sys_id": NO_RECORD, "sys_created_by": "me",
    });
    let answer = bench.post(INCIDENTS, &body).await;
    assert_eq!(answer.status, 201);
    let record = answer.result();
    let sys_id = record["sys_id"].as_str().expect("a sys_id");
    assert_ne!(sys_id, NO_RECORD);
    let location = answer.header("location").expect("a location");
    assert!(location.ends_with(sys_id), "{location}");
    for (column, value) in [
        ("number", "INC0010001"),
        ("urgency", "2"),
        ("active", "true"),
        ("opened_at", "2025-05-14 10:02:11"),
        ("sys_created_by", "svc.rescue"),
        ("short_description", &long[..160]),
        ("assigned_to", ""),
    ] {
        assert_eq!(record[column], value, "{column}");
    }
    assert_eq!(record.get("nonsense"), None);
    let link = bench.url(&format!("/api/now/table/sys_user/{caller}"));
    assert_eq!(record["caller_id"], json!({"link": link, "value": caller}));
}

#[tokio::test]
async fn of_an_array_only_the_first_member_is_created() {
    let bench = Bench::new();
    let body = json!([{"category": "a"}, {"category": "b"}]);
    let answer = bench.post(INCIDENTS, &body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.result()["category"], "a");
    assert_eq!(bench.instance.records("incident").len(), 1);
}

#[tokio::test]
async fn references_and_choices_are_shown_as_the_parameters_say() {
    let bench = Bench::new();
    let caller = bench.add_paul();
    let columns = [("caller_id", caller.as_str()), ("state", "2")];
    let path = incident(&bench.instance.add_incident(&columns));
    let read = async |display: &str| {
        let fields = "sysparm_fields=state,caller_id,caller_id.email";
        bench.read(&path, &format!("{fields}&{display}")).await
    };
    assert_eq!(
        read("sysparm_exclude_reference_link=true").await,
        json!({"state": "2", "caller_id": caller, "caller_id.email": "paul@acme.test"})
    );
    let shown = read("sysparm_display_value=true&sysparm_exclude_reference_link=true").await;
    assert_eq!(shown["state"], "In Progress");
    assert_eq!(shown["caller_id"], "Paul Martin");
    let both = read("sysparm_display_value=all").await;
    let state = json!({"display_value": "In Progress", "value": "2"});
    assert_eq!(both["state"], state);
    assert_eq!(both["caller_id"]["value"], caller.as_str());
}

#[tokio::test]
async fn a_field_over_a_reference_has_a_flat_key_and_is_empty_where_the_reference_is() {
    let bench = Bench::new();
    let paul = bench.instance.add_contact("paul@acme.test", "Paul Martin");
    let rosa = bench.instance.add_consumer("rosa@acme.test", "Rosa Diaz");
    let fields = "sysparm_fields=contact.email,contact.name,consumer.email,\
                  consumer.nonsense,nonsense.email,number.email";
    let read = async |columns: &[(&str, &str)]| {
        let case = bench.instance.add_case(columns).sys_id;
        let path = format!("/api/now/v2/table/sn_customerservice_case/{case}");
        bench.read(&path, fields).await
    };
    assert_eq!(
        read(&[("contact", &paul)]).await,
        json!({"contact.email": "paul@acme.test", "contact.name": "Paul Martin", "consumer.email": ""})
    );
    assert_eq!(
        read(&[("consumer", &rosa)]).await,
        json!({"contact.email": "", "contact.name": "", "consumer.email": "rosa@acme.test"})
    );
    let unknown = read(&[("contact", NO_RECORD)]).await;
    assert_eq!(unknown["contact.email"], json!(""));
}

#[tokio::test]
async fn what_a_caller_may_not_read_cannot_be_read_over_a_reference_either() {
    let bench = Bench::new();
    let paul = bench.add_paul();
    let record = bench.instance.add_incident(&[("caller_id", &paul)]);
    let path = incident(&record);
    let read = || bench.read(&path, "sysparm_fields=caller_id.email,caller_id.name");
    let empty = json!({"caller_id.email": "", "caller_id.name": ""});

    bench.configure(|rules| rules.hidden_records = [paul.clone()].into());
    assert_eq!(read().await, empty, "a hidden row");
    bench.configure(|rules| {
        rules.hidden_records.clear();
        rules.unreadable_tables.insert("sys_user".into());
    });
    assert_eq!(read().await, empty, "a table");
    bench.configure(|rules| {
        rules.unreadable_tables.clear();
        rules.unreadable_columns.insert("email".into());
    });
    let without_email = json!({"caller_id.name": "Paul Martin"});
    assert_eq!(read().await, without_email, "a column");
    bench.configure(|rules| rules.unreadable_columns = ["caller_id".into()].into());
    assert_eq!(read().await, json!({}), "the reference");
}

#[tokio::test]
async fn a_reference_over_a_reference_is_shown_as_a_reference() {
    let bench = Bench::new();
    let caller = bench.add_paul();
    let parent = bench.instance.add_incident(&[("caller_id", &caller)]);
    let columns = [("parent", parent.sys_id.as_str()), ("assigned_to", &caller)];
    let path = incident(&bench.instance.add_incident(&columns));
    let fields = "sysparm_fields=parent.opened_by,parent.number,assigned_to.active";
    let parameters = format!("{fields}&sysparm_display_value=all");
    let shown = bench.read(&path, &parameters).await;
    let number = json!({"display_value": parent.number, "value": parent.number});
    assert_eq!(shown["parent.number"], number);
    assert!(shown["parent.opened_by"].get("value").is_some(), "{shown}");
    assert_eq!(shown["assigned_to.active"]["value"], "true");
}

#[tokio::test]
async fn a_work_note_appends_reads_empty_raw_and_as_a_history_when_displayed() {
    let (bench, record) = Bench::with_incident();
    let first = bench.patch(&record, &json!({"work_notes": "one"})).await;
    assert_eq!(first.status, 200);
    assert_eq!(first.result()["work_notes"], "");
    bench.advance(1);
    let both = json!({"work_notes": "two", "comments": "hello"});
    bench.patch(&record, &both).await;
    assert_eq!(bench.work_notes(&record), ["one", "two"]);
    let comments = bench.instance.comments("incident", &record.sys_id);
    assert_eq!(comments, ["hello"]);
    let path = incident(&record);
    let read = || {
        bench.read(
            &path,
            "sysparm_fields=work_notes&sysparm_display_value=true",
        )
    };
    assert_eq!(
        read().await["work_notes"],
        "2025-05-14 10:02:12 - Rescue Connector (Work notes)\ntwo\n\n\
         2025-05-14 10:02:11 - Rescue Connector (Work notes)\none\n\n"
    );
    bench.configure(|rules| rules.unreadable_columns = ["work_notes".into()].into());
    assert_eq!(read().await, json!({}), "an unreadable column is left out");
    bench.patch(&record, &json!({"work_notes": "three"})).await;
    assert_eq!(bench.work_notes(&record).len(), 3, "and can be written");
}

#[tokio::test]
async fn closing_a_record_makes_it_inactive_and_opening_it_active() {
    let (bench, record) = Bench::with_incident();
    for (state, active) in [(json!(7), "false"), (json!("2"), "true")] {
        let answer = bench.patch(&record, &json!({"state": state})).await;
        assert_eq!(answer.result()["active"], active, "{state}");
    }
}

#[tokio::test]
async fn missing_and_wrong_headers_are_refused() {
    let bench = Bench::new();
    let post = |accept: &str, content_type: Option<&str>, body: Vec<u8>| {
        let request = bench.client.post(bench.url(INCIDENTS)).body(body);
        let request = request.bearer_auth(&bench.token).header("accept", accept);
        reply(match content_type {
            Some(content_type) => request.header("content-type", content_type),
            None => request,
        })
    };
    let json = "application/json";
    for (accept, content_type, status) in [
        (json, None, 400),
        (json, Some("text/plain"), 415),
        ("text/csv", Some(json), 406),
    ] {
        let answer = post(accept, content_type, b"{}".to_vec()).await;
        assert_eq!(answer.status, status, "{accept} {content_type:?}");
    }
    let malformed = post(json, Some(json), b"{".to_vec()).await;
    assert_eq!(malformed.status, 400);
    assert_eq!(malformed.json()["status"], "failure");
    let large = post(json, Some(json), vec![b' '; 10_485_761]).await;
    assert_eq!(large.status, 400);
    assert!(large.text.contains("10485760"), "{}", large.text);
    assert!(bench.instance.records("incident").is_empty());
}

#[tokio::test]
async fn the_case_table_is_missing_without_its_plugin() {
    let bench = Bench::new();
    let case = bench.instance.add_case(&[]);
    assert_eq!(case.number, "CS0001001");
    let path = "/api/now/v2/table/sn_customerservice_case";
    assert_eq!(bench.get(path).await.status, 200);
    bench.configure(|rules| rules.cases_installed = false);
    let answer = bench.get(path).await;
    assert_eq!(answer.status, 400);
    let message = answer.json()["error"]["message"].take();
    assert_eq!(message, "Invalid table sn_customerservice_case");
}

#[tokio::test]
async fn a_contact_is_found_among_the_users_too() {
    let bench = Bench::new();
    let sys_id = bench.instance.add_contact("paul@acme.test", "Paul Martin");
    for table in ["sys_user", "customer_contact"] {
        let path = format!("/api/now/v2/table/{table}");
        let query = "sysparm_query=email=paul@acme.test^active=true&sysparm_fields=sys_id";
        let found = bench.read(&path, query).await;
        assert_eq!(found, json!([{"sys_id": sys_id}]), "{table}");
    }
}

#[tokio::test]
async fn roles_rules_and_denied_tables_refuse_with_the_documented_bodies() {
    let (bench, record) = Bench::with_incident();
    let note = json!({"work_notes": "x"});
    bench.configure(|rules| {
        rules.aborting_rules = [("incident".into(), "Freeze".into())].into();
    });
    let aborted = bench.patch(&record, &note).await;
    assert_eq!(aborted.status, 403);
    let detail = "Operation against file 'incident' was aborted by Business Rule 'Freeze^";
    assert!(aborted.text.contains(detail), "{}", aborted.text);
    bench.configure(|rules| rules.unwritable_tables = ["incident".into()].into());
    let denied = bench.patch(&record, &note).await;
    assert_eq!(denied.status, 403);
    let detail = "ACL Exception Update Failed due to security constraints";
    assert_eq!(denied.json()["error"]["detail"], detail);
    bench.configure(|rules| rules.unreadable_tables = ["incident".into()].into());
    let unread = bench.get(INCIDENTS).await;
    assert_eq!(unread.status, 403);
    let message = unread.json()["error"]["message"].take();
    assert_eq!(message, "Insufficient rights to query records");
    assert!(bench.work_notes(&record).is_empty());

    let mut bench = Bench::new();
    let reader = User {
        user_name: "reader".into(),
        ..User::new("reader@acme.test", "Reader")
    };
    let reader = reader.with_roles(&["sn_incident_read"]);
    bench.instance.add_user(reader);
    bench.token = bench.instance.issue_access_token("client", "reader");
    assert_eq!(bench.get(INCIDENTS).await.status, 200);
    assert_eq!(bench.post(INCIDENTS, &note).await.status, 403);
}

#[tokio::test]
async fn records_are_not_deleted() {
    let (bench, record) = Bench::with_incident();
    let deleted = reply(bench.request(Method::DELETE, &incident(&record))).await;
    assert_eq!(deleted.status, 405);
    assert!(bench.instance.record("incident", &record.sys_id).is_some());
    assert_eq!(bench.instance.violations().len(), 1);
}

#[tokio::test]
async fn an_attachment_is_stored_listed_and_read_back() {
    let (bench, record) = Bench::with_incident();
    let text = "10:02 AM Ana: hello";
    let upload = |sys_id: &str| {
        let request = bench.request(Method::POST, &attachment_of(sys_id));
        request.body(text)
    };
    let typed = |sys_id: &str| reply(upload(sys_id).header("content-type", "text/plain"));
    let untyped = reply(upload(&record.sys_id)).await;
    assert_eq!(untyped.status, 400, "Content-Type is mandatory");
    assert_eq!(typed(NO_RECORD).await.status, 404);
    let stored = typed(&record.sys_id).await;
    assert_eq!(stored.status, 201);
    let stored = stored.result();
    assert_eq!(stored["file_name"], "rescue-1.txt");
    assert_eq!(stored["size_bytes"], "19");
    let query = format!(
        "sysparm_query=table_name=incident^table_sys_id={}^file_name=rescue-1.txt",
        record.sys_id
    );
    let found = bench.read("/api/now/attachment", &query).await;
    assert_eq!(found[0]["sys_id"], stored["sys_id"]);
    let sys_id = stored["sys_id"].as_str().expect("a sys_id");
    let path = format!("/api/now/attachment/{sys_id}/file");
    assert_eq!(bench.get(&path).await.text, text);
    let attachments = bench.instance.attachments(&record.sys_id);
    assert_eq!(attachments, [("rescue-1.txt".to_owned(), text.to_owned())]);
}

#[tokio::test]
async fn an_email_needs_the_role_and_an_access_rule_and_200_means_accepted_only() {
    let (bench, record) = Bench::with_incident();
    let mail = json!({
        "to": ["paul@acme.test"], "subject": "Your PIN", "text": "012345",
        "table_name": "incident", "table_record_id": record.sys_id,
    });
    let taken = bench.post(EMAIL, &mail).await;
    assert_eq!(taken.status, 200);
    let id = taken.result()["id"].as_str().expect("an id").to_owned();
    let path = format!("{EMAIL}/{id}");
    for outcome in ["send-ready", "sent"] {
        let status = bench.read(&path, "sysparm_fields=id,type").await;
        assert_eq!(status, json!({"id": id, "type": outcome}));
    }
    assert_eq!(bench.instance.mails()[0].subject, "Your PIN");
    let not_a_list = json!({"to": "paul@acme.test"});
    assert_eq!(bench.post(EMAIL, &not_a_list).await.status, 400);
    bench.configure(|rules| rules.email_acl = false);
    assert_eq!(bench.post(EMAIL, &mail).await.status, 403);
    assert_eq!(bench.instance.mails().len(), 1);
}

#[tokio::test]
async fn records_and_tokens_outlive_a_restart_with_a_data_file() {
    let file = std::env::temp_dir().join(format!("instance-{}.json", super::state::new_sys_id()));
    let clock = Clock::manual(Timestamp::from_millis(0));
    let start = |port| {
        let options = Options {
            port,
            data: Some(file.clone()),
            ..Options::new(clock.clone())
        };
        Simulator::start(options).expect("starts")
    };
    let first = start(None);
    first.add_registry("client", "s3cret");
    first.add_user(User::service_account("svc.rescue", "passw0rd"));
    let refresh = first.issue_refresh_token("client", "svc.rescue");
    let record = first.add_incident(&[]);
    first.set_field("incident", &record.sys_id, "work_notes", "kept");
    let url = first.url();
    let port = url.rsplit(':').next().expect("a port").parse();
    drop(first);
    let second = start(Some(port.expect("a number")));
    assert_eq!(second.work_notes("incident", &record.sys_id), ["kept"]);
    assert!(second.refresh_token_expires_at(&refresh).is_some());
    assert_eq!(second.add_incident(&[]).number, "INC0010002");
    second.add_user(User::service_account("svc.rescue", "another"));
    assert_eq!(second.records("sys_user").len(), 1);
    std::fs::remove_file(&file).expect("was written");
}

#[test]
fn a_damaged_data_file_is_named() {
    let file = std::env::temp_dir().join(format!("instance-{}.json", super::state::new_sys_id()));
    std::fs::write(&file, "{").expect("written");
    let options = Options {
        data: Some(file.clone()),
        ..Options::new(Clock::system(0))
    };
    let error = Simulator::start(options).expect_err("damaged").to_string();
    assert!(error.contains(&file.display().to_string()), "{error}");
    std::fs::remove_file(file).expect("removed");
}
