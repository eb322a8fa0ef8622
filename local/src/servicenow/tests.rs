//! One test for each oddity of an instance, over HTTP.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use shared::domain::clock::{Clock, Timestamp};

use super::{Created, Options, RefreshAnswer, Simulator, User};
use crate::simulator::{FaultAction, InjectedFault, RequestMatcher, plain_client};

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

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.instance.url());
        self.client
            .request(method, url)
            .bearer_auth(&self.token)
            .header("accept", "application/json")
    }

    async fn get(&self, path: &str) -> Reply {
        reply(self.request(Method::GET, path)).await
    }

    async fn write(&self, method: Method, path: &str, body: &Value) -> Reply {
        reply(self.request(method, path).json(body)).await
    }

    async fn patch(&self, record: &Created, body: &Value) -> Reply {
        self.write(Method::PATCH, &incident(record), body).await
    }

    async fn grant(&self, fields: &[(&str, &str)]) -> Reply {
        let fields = [
            &[("client_id", "client"), ("client_secret", "s3cret")],
            fields,
        ]
        .concat();
        reply(
            self.client
                .post(format!("{}/oauth_token.do", self.instance.url()))
                .form(&fields),
        )
        .await
    }
}

async fn reply(request: reqwest::RequestBuilder) -> Reply {
    let response = request.send().await.expect("an answer");
    Reply {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.expect("a body"),
    }
}

fn incident(record: &Created) -> String {
    format!("/api/now/v2/table/incident/{}", record.sys_id)
}

const PASSWORD: [(&str, &str); 3] = [
    ("grant_type", "password"),
    ("username", "svc.rescue"),
    ("password", "passw0rd"),
];

#[tokio::test]
async fn the_password_grant_returns_the_access_token_that_is_valid_already() {
    let bench = Bench::new();
    bench.instance.revoke_access_tokens();
    let first = bench.grant(&PASSWORD).await.json();
    assert_eq!(first["expires_in"], 1799);
    assert_eq!(
        (&first["scope"], &first["token_type"]),
        (&json!("useraccount"), &json!("Bearer"))
    );
    bench.clock.advance(Duration::from_secs(1000));
    let second = bench.grant(&PASSWORD).await.json();
    assert_eq!(second["access_token"], first["access_token"]);
    assert_eq!(second["expires_in"], 799);
    bench.clock.advance(Duration::from_secs(800));
    let third = bench.grant(&PASSWORD).await.json();
    assert_ne!(third["access_token"], first["access_token"]);
    assert_eq!(third["refresh_token"], first["refresh_token"]);
    assert_eq!(bench.instance.grants().password, 3);
}

#[tokio::test]
async fn only_a_grant_other_than_refresh_pushes_the_refresh_tokens_expiry() {
    let bench = Bench::new();
    let refresh = bench.instance.issue_refresh_token("client", "svc.rescue");
    let issued = bench
        .instance
        .refresh_token_expires_at(&refresh)
        .expect("known");
    assert_eq!(
        issued.since(bench.clock.now()),
        Duration::from_secs(8_640_000)
    );
    bench.clock.advance(Duration::from_secs(86_400));
    let answer = bench
        .grant(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)])
        .await
        .json();
    assert_eq!(answer["refresh_token"], refresh.as_str());
    assert_eq!(
        bench.instance.refresh_token_expires_at(&refresh),
        Some(issued)
    );
    bench.grant(&PASSWORD).await;
    let pushed = bench
        .instance
        .refresh_token_expires_at(&refresh)
        .expect("known");
    assert_eq!(pushed.since(issued), Duration::from_secs(86_400));
    bench.clock.advance(Duration::from_secs(8_640_000));
    let late = bench
        .grant(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)])
        .await;
    assert_eq!(late.status, 401);
}

#[tokio::test]
async fn a_refresh_can_answer_without_a_refresh_token_or_with_one_that_replaces_the_old() {
    let bench = Bench::new();
    let old = bench.instance.issue_refresh_token("client", "svc.rescue");
    let grant = [
        ("grant_type", "refresh_token"),
        ("refresh_token", old.as_str()),
    ];
    bench
        .instance
        .configure(|rules| rules.refresh_answer = RefreshAnswer::Absent);
    assert_eq!(bench.grant(&grant).await.json().get("refresh_token"), None);
    bench.instance.configure(|rules| {
        rules.refresh_answer = RefreshAnswer::Replaced;
        rules.jwt_tokens = true;
    });
    let answer = bench.grant(&grant).await.json();
    let new = answer["refresh_token"].as_str().expect("a token");
    assert!(new != old && new.len() > 2_000 && new.starts_with("eyJ"));
    assert_eq!(
        bench.grant(&grant).await.status,
        401,
        "the old one is revoked"
    );
    assert_eq!(
        bench
            .grant(&[("grant_type", "refresh_token"), ("refresh_token", new)])
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn nearly_every_refused_grant_looks_the_same() {
    let bench = Bench::new();
    let refused = [
        [
            ("grant_type", "password"),
            ("username", "svc.rescue"),
            ("password", "wrong"),
        ],
        [
            ("grant_type", "refresh_token"),
            ("refresh_token", "unknown"),
            ("scope", ""),
        ],
        [
            ("grant_type", "client_credentials"),
            ("scope", ""),
            ("x", ""),
        ],
        [
            ("grant_type", "password"),
            ("client_secret", "wrong"),
            ("username", "svc.rescue"),
        ],
    ];
    for fields in &refused {
        let answer = bench.grant(fields).await;
        assert_eq!(answer.status, 401);
        assert_eq!(
            answer.json(),
            json!({"error_description": "access_denied", "error": "server_error"})
        );
    }
    bench.instance.configure(|rules| rules.rfc_errors = true);
    let answer = bench.grant(&refused[1]).await;
    assert_eq!(answer.json()["error"], "invalid_grant");
    assert_eq!(bench.instance.grants().refused, 5);
}

#[tokio::test]
async fn client_credentials_need_the_property_and_an_application_user() {
    let bench = Bench::new();
    let grant = [("grant_type", "client_credentials")];
    assert_eq!(bench.grant(&grant).await.status, 401);
    bench
        .instance
        .configure(|rules| rules.client_credentials_enabled = true);
    assert_eq!(bench.grant(&grant).await.status, 401);
    bench.instance.set_application_user("client", "svc.rescue");
    let answer = bench.grant(&grant).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json().get("refresh_token"), None);
}

#[tokio::test]
async fn the_token_endpoint_takes_forms_only_and_no_secrets_in_its_url() {
    let bench = Bench::new();
    let url = format!("{}/oauth_token.do", bench.instance.url());
    assert_eq!(
        reply(
            bench
                .client
                .post(&url)
                .json(&json!({"grant_type": "password"}))
        )
        .await
        .status,
        400
    );
    assert!(bench.instance.violations().is_empty());
    reply(
        bench
            .client
            .post(format!("{url}?client_secret=x"))
            .form(&PASSWORD),
    )
    .await;
    assert_eq!(bench.instance.violations().len(), 1);
}

#[tokio::test]
async fn a_token_is_revoked_without_authentication_on_the_path_of_this_release() {
    let bench = Bench::new();
    let revoke = |path: &str| {
        bench.client.get(format!(
            "{}{path}?token={}",
            bench.instance.url(),
            bench.token
        ))
    };
    assert_eq!(reply(revoke("/oauth_revoke.do")).await.status, 404);
    assert_eq!(bench.get("/api/now/v2/table/incident").await.status, 200);
    assert_eq!(reply(revoke("/oauth_revoke_token.do")).await.status, 200);
    let answer = bench.get("/api/now/v2/table/incident").await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["error"]["message"], "User Not Authenticated");
    assert_eq!(answer.json()["status"], "failure");
}

#[tokio::test]
async fn an_access_token_expires_on_the_clock() {
    let bench = Bench::new();
    bench.clock.advance(Duration::from_secs(1799));
    assert_eq!(bench.get("/api/now/v2/table/incident").await.status, 200);
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.get("/api/now/v2/table/incident").await.status, 401);
}

#[tokio::test]
async fn an_empty_list_is_404_in_v1_only() {
    let bench = Bench::new();
    assert_eq!(bench.get("/api/now/v1/table/incident").await.status, 404);
    for path in ["/api/now/v2/table/incident", "/api/now/table/incident"] {
        let answer = bench.get(path).await;
        assert_eq!((answer.status, answer.result()), (200, json!([])));
        assert_eq!(answer.header("x-total-count"), Some("0"));
    }
}

#[tokio::test]
async fn a_misspelt_field_in_a_query_returns_every_record() {
    let bench = Bench::new();
    let wanted = bench
        .instance
        .add_incident(&[("correlation_id", "rescue:1")]);
    bench.instance.add_incident(&[]);
    let found = |answer: Reply| answer.result().as_array().map_or(0, Vec::len);
    let list = "/api/now/v2/table/incident?sysparm_fields=number,nonsense&sysparm_query=";
    let answer = bench.get(&format!("{list}correlation_id=rescue:1")).await;
    assert_eq!(answer.result(), json!([{"number": wanted.number}]));
    assert_eq!(
        found(bench.get(&format!("{list}corelation_id=rescue:1")).await),
        2
    );
    assert_eq!(
        found(
            bench
                .get("/api/now/v2/table/incident?correlation_id=rescue:1")
                .await
        ),
        1
    );
    bench.instance.configure(|rules| {
        rules.unreadable_columns.insert("correlation_id".into());
    });
    assert_eq!(
        found(bench.get(&format!("{list}correlation_id=rescue:1")).await),
        2,
        "unreadable is unknown"
    );
    bench
        .instance
        .configure(|rules| rules.invalid_query_returns_no_rows = true);
    assert_eq!(
        found(bench.get(&format!("{list}correlation_id=rescue:1")).await),
        0
    );
}

#[tokio::test]
async fn scripts_in_queries_and_cookies_are_violations() {
    let bench = Bench::new();
    bench
        .get("/api/now/v2/table/incident?sysparm_query=caller_id%3Djavascript:gs.getUserID()")
        .await;
    let answer = reply(
        bench
            .request(Method::GET, "/api/now/v2/table/incident")
            .header("cookie", "JSESSIONID=1"),
    )
    .await;
    assert!(
        answer
            .header("set-cookie")
            .is_some_and(|cookie| cookie.contains("JSESSIONID"))
    );
    assert_eq!(bench.instance.violations().len(), 2);
}

#[tokio::test]
async fn the_limit_counts_records_before_hidden_ones_are_taken_away() {
    let bench = Bench::new();
    let hidden = bench.instance.add_incident(&[]);
    bench.instance.add_incident(&[]);
    bench.instance.configure(|rules| {
        rules.hidden_records.insert(hidden.sys_id.clone());
    });
    let list = "/api/now/v2/table/incident?sysparm_fields=number";
    assert_eq!(
        bench.get(&format!("{list}&sysparm_limit=1")).await.result(),
        json!([])
    );
    assert_eq!(
        bench
            .get(&format!("{list}&sysparm_limit=1&sysparm_offset=1"))
            .await
            .result(),
        json!([{"number": "INC0010002"}])
    );
    let answer = bench.get(&incident(&hidden)).await;
    assert_eq!(answer.status, 404);
    assert_eq!(
        answer.json()["error"]["detail"],
        "Record doesn't exist or ACL restricts the record retrieval"
    );
    assert_eq!(
        bench
            .patch(&hidden, &json!({"work_notes": "x"}))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_created_record_answers_201_with_its_location_number_and_texts_only() {
    let bench = Bench::new();
    let caller = bench
        .instance
        .add_user(User::new("paul@acme.test", "Paul Martin"));
    let long = "x".repeat(200);
    let body = json!({
        "short_description": long, "caller_id": caller, "urgency": 2, "nonsense": "dropped",
        "sys_id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "sys_created_by": "me",
    });
    let answer = bench
        .write(Method::POST, "/api/now/v2/table/incident", &body)
        .await;
    assert_eq!(answer.status, 201);
    let record = answer.result();
    let sys_id = record["sys_id"].as_str().expect("a sys_id");
    assert_ne!(sys_id, "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
    assert!(
        answer
            .header("location")
            .is_some_and(|location| location.ends_with(sys_id))
    );
    assert_eq!(
        (&record["number"], &record["urgency"], &record["active"]),
        (&json!("INC0010001"), &json!("2"), &json!("true"))
    );
    assert_eq!(record["opened_at"], "2025-05-14 10:02:11");
    assert_eq!(record["sys_created_by"], "svc.rescue");
    assert_eq!(
        record["short_description"].as_str().map(str::len),
        Some(160)
    );
    assert_eq!(record["assigned_to"], "");
    assert_eq!(record.get("nonsense"), None);
    let link = format!("{}/api/now/table/sys_user/{caller}", bench.instance.url());
    assert_eq!(record["caller_id"], json!({"link": link, "value": caller}));
}

#[tokio::test]
async fn of_an_array_only_the_first_member_is_created() {
    let bench = Bench::new();
    let answer = bench
        .write(
            Method::POST,
            "/api/now/v2/table/incident",
            &json!([{"category": "a"}, {"category": "b"}]),
        )
        .await;
    assert_eq!(
        (answer.status, answer.result()["category"].take()),
        (201, json!("a"))
    );
    assert_eq!(bench.instance.records("incident").len(), 1);
}

#[tokio::test]
async fn references_and_choices_are_shown_as_asked() {
    let bench = Bench::new();
    let caller = bench
        .instance
        .add_user(User::new("paul@acme.test", "Paul Martin"));
    let record = bench
        .instance
        .add_incident(&[("caller_id", &caller), ("state", "2")]);
    let path = format!(
        "{}?sysparm_fields=state,caller_id,caller_id.email",
        incident(&record)
    );
    let plain = bench
        .get(&format!("{path}&sysparm_exclude_reference_link=true"))
        .await
        .result();
    assert_eq!(
        plain,
        json!({"state": "2", "caller_id": caller, "caller_id.email": "paul@acme.test"})
    );
    let shown = bench
        .get(&format!(
            "{path}&sysparm_display_value=true&sysparm_exclude_reference_link=true"
        ))
        .await
        .result();
    assert_eq!(
        (&shown["state"], &shown["caller_id"]),
        (&json!("In Progress"), &json!("Paul Martin"))
    );
    let both = bench
        .get(&format!("{path}&sysparm_display_value=all"))
        .await
        .result();
    assert_eq!(
        both["state"],
        json!({"display_value": "In Progress", "value": "2"})
    );
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
        let path = format!("/api/now/v2/table/sn_customerservice_case/{case}?{fields}");
        bench.get(&path).await.result()
    };
    assert_eq!(
        read(&[("contact", &paul)]).await,
        json!({"contact.email": "paul@acme.test", "contact.name": "Paul Martin", "consumer.email": ""})
    );
    assert_eq!(
        read(&[("consumer", &rosa)]).await,
        json!({"contact.email": "", "contact.name": "", "consumer.email": "rosa@acme.test"})
    );
    let gone = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
    assert_eq!(read(&[("contact", gone)]).await["contact.email"], json!(""));
}

#[tokio::test]
async fn what_a_caller_may_not_read_cannot_be_read_over_a_reference_either() {
    let bench = Bench::new();
    let paul = bench
        .instance
        .add_user(User::new("paul@acme.test", "Paul Martin"));
    let record = bench.instance.add_incident(&[("caller_id", &paul)]);
    let path = format!(
        "{}?sysparm_fields=caller_id.email,caller_id.name",
        incident(&record)
    );
    let empty = json!({"caller_id.email": "", "caller_id.name": ""});

    bench.instance.configure(|rules| {
        rules.hidden_records.insert(paul.clone());
    });
    assert_eq!(bench.get(&path).await.result(), empty, "a hidden row");
    bench.instance.configure(|rules| {
        rules.hidden_records.clear();
        rules.unreadable_tables.insert("sys_user".into());
    });
    assert_eq!(bench.get(&path).await.result(), empty, "a table");
    bench.instance.configure(|rules| {
        rules.unreadable_tables.clear();
        rules.unreadable_columns.insert("email".into());
    });
    let without_email = json!({"caller_id.name": "Paul Martin"});
    assert_eq!(bench.get(&path).await.result(), without_email, "a column");
    bench.instance.configure(|rules| {
        rules.unreadable_columns = ["caller_id".into()].into();
    });
    assert_eq!(bench.get(&path).await.result(), json!({}), "the reference");
}

#[tokio::test]
async fn a_reference_over_a_reference_is_shown_as_a_reference() {
    let bench = Bench::new();
    let caller = bench
        .instance
        .add_user(User::new("paul@acme.test", "Paul Martin"));
    let parent = bench.instance.add_incident(&[("caller_id", &caller)]);
    let record = bench
        .instance
        .add_incident(&[("parent", &parent.sys_id), ("assigned_to", &caller)]);
    let path = format!(
        "{}?sysparm_fields=parent.opened_by,parent.number,assigned_to.active&sysparm_display_value=all",
        incident(&record)
    );
    let shown = bench.get(&path).await.result();
    assert_eq!(
        shown["parent.number"],
        json!({"display_value": parent.number, "value": parent.number})
    );
    assert!(shown["parent.opened_by"].get("value").is_some(), "{shown}");
    assert_eq!(shown["assigned_to.active"]["value"], "true");
}

#[tokio::test]
async fn a_work_note_appends_reads_empty_raw_and_as_a_history_when_displayed() {
    let bench = Bench::new();
    let record = bench.instance.add_incident(&[]);
    let first = bench.patch(&record, &json!({"work_notes": "one"})).await;
    assert_eq!(
        (first.status, first.result()["work_notes"].take()),
        (200, json!(""))
    );
    bench.clock.advance(Duration::from_secs(1));
    bench
        .patch(&record, &json!({"work_notes": "two", "comments": "hello"}))
        .await;
    assert_eq!(
        bench.instance.work_notes("incident", &record.sys_id),
        ["one", "two"]
    );
    assert_eq!(
        bench.instance.comments("incident", &record.sys_id),
        ["hello"]
    );
    let path = format!(
        "{}?sysparm_fields=work_notes&sysparm_display_value=true",
        incident(&record)
    );
    assert_eq!(
        bench.get(&path).await.result()["work_notes"],
        "2025-05-14 10:02:12 - Rescue Connector (Work notes)\ntwo\n\n\
         2025-05-14 10:02:11 - Rescue Connector (Work notes)\none\n\n"
    );
    bench.instance.configure(|rules| {
        rules.unreadable_columns.insert("work_notes".into());
    });
    assert_eq!(
        bench.get(&path).await.result(),
        json!({}),
        "an unreadable column is left out"
    );
    bench.patch(&record, &json!({"work_notes": "three"})).await;
    assert_eq!(
        bench.instance.work_notes("incident", &record.sys_id).len(),
        3,
        "and can be written"
    );
}

#[tokio::test]
async fn closing_a_record_makes_it_inactive_and_opening_it_active() {
    let bench = Bench::new();
    let record = bench.instance.add_incident(&[]);
    assert_eq!(
        bench.patch(&record, &json!({"state": 7})).await.result()["active"],
        "false"
    );
    assert_eq!(
        bench.patch(&record, &json!({"state": "2"})).await.result()["active"],
        "true"
    );
}

#[tokio::test]
async fn missing_and_wrong_headers_are_refused() {
    let bench = Bench::new();
    let url = format!("{}/api/now/v2/table/incident", bench.instance.url());
    let post = || bench.client.post(&url).bearer_auth(&bench.token);
    let json = "application/json";
    assert_eq!(
        reply(post().header("accept", json).body("{}")).await.status,
        400
    );
    assert_eq!(
        reply(
            post()
                .header("accept", json)
                .header("content-type", "text/plain")
                .body("{}")
        )
        .await
        .status,
        415
    );
    assert_eq!(
        reply(
            post()
                .header("accept", "text/csv")
                .header("content-type", json)
                .body("{}")
        )
        .await
        .status,
        406
    );
    let malformed = reply(
        post()
            .header("accept", json)
            .header("content-type", json)
            .body("{"),
    )
    .await;
    assert_eq!(
        (malformed.status, malformed.json()["status"].take()),
        (400, json!("failure"))
    );
    let large = vec![b' '; 10_485_761];
    let large = reply(
        post()
            .header("accept", json)
            .header("content-type", json)
            .body(large),
    )
    .await;
    assert!(
        large.status == 400 && large.text.contains("10485760"),
        "{}",
        large.text
    );
    assert!(bench.instance.records("incident").is_empty());
}

#[tokio::test]
async fn the_case_table_is_missing_without_its_plugin() {
    let bench = Bench::new();
    let case = bench.instance.add_case(&[]);
    assert_eq!(case.number, "CS0001001");
    let path = "/api/now/v2/table/sn_customerservice_case";
    assert_eq!(bench.get(path).await.status, 200);
    bench
        .instance
        .configure(|rules| rules.cases_installed = false);
    let answer = bench.get(path).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json()["error"]["message"],
        "Invalid table sn_customerservice_case"
    );
}

#[tokio::test]
async fn a_contact_is_found_among_the_users_too() {
    let bench = Bench::new();
    let sys_id = bench.instance.add_contact("paul@acme.test", "Paul Martin");
    for table in ["sys_user", "customer_contact"] {
        let path = format!(
            "/api/now/v2/table/{table}?sysparm_query=email=paul@acme.test^active=true&sysparm_fields=sys_id"
        );
        assert_eq!(
            bench.get(&path).await.result(),
            json!([{"sys_id": sys_id}]),
            "{table}"
        );
    }
}

#[tokio::test]
async fn roles_rules_and_denied_tables_refuse_with_the_documented_bodies() {
    let bench = Bench::new();
    let record = bench.instance.add_incident(&[]);
    let note = json!({"work_notes": "x"});
    bench.instance.configure(|rules| {
        rules
            .aborting_rules
            .insert("incident".into(), "Freeze".into());
    });
    let aborted = bench.patch(&record, &note).await;
    assert_eq!(aborted.status, 403);
    assert!(
        aborted
            .text
            .contains("Operation against file 'incident' was aborted by Business Rule 'Freeze^")
    );
    bench.instance.configure(|rules| {
        rules.unwritable_tables.insert("incident".into());
    });
    let denied = bench.patch(&record, &note).await;
    assert_eq!(denied.status, 403);
    assert_eq!(
        denied.json()["error"]["detail"],
        "ACL Exception Update Failed due to security constraints"
    );
    bench.instance.configure(|rules| {
        rules.unreadable_tables.insert("incident".into());
    });
    let unread = bench.get("/api/now/v2/table/incident").await;
    assert_eq!(
        (unread.status, unread.json()["error"]["message"].take()),
        (403, json!("Insufficient rights to query records"))
    );
    assert!(
        bench
            .instance
            .work_notes("incident", &record.sys_id)
            .is_empty()
    );

    let reader = Bench::new();
    reader.instance.add_user(
        User {
            user_name: "reader".into(),
            ..User::new("reader@acme.test", "Reader")
        }
        .with_roles(&["sn_incident_read"]),
    );
    let token = reader.instance.issue_access_token("client", "reader");
    let reader = Bench { token, ..reader };
    assert_eq!(reader.get("/api/now/v2/table/incident").await.status, 200);
    assert_eq!(
        reader
            .write(Method::POST, "/api/now/v2/table/incident", &note)
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn records_are_not_deleted() {
    let bench = Bench::new();
    let record = bench.instance.add_incident(&[]);
    assert_eq!(
        reply(bench.request(Method::DELETE, &incident(&record)))
            .await
            .status,
        405
    );
    assert!(bench.instance.record("incident", &record.sys_id).is_some());
    assert_eq!(bench.instance.violations().len(), 1);
}

#[tokio::test]
async fn an_attachment_is_stored_listed_and_read_back() {
    let bench = Bench::new();
    let record = bench.instance.add_incident(&[]);
    let file = |sys_id: &str| {
        format!(
            "/api/now/attachment/file?table_name=incident&table_sys_id={sys_id}&file_name=rescue-1.txt"
        )
    };
    let upload = |sys_id: &str| {
        bench
            .request(Method::POST, &file(sys_id))
            .body("10:02 AM Ana: hello")
    };
    assert_eq!(
        reply(upload(&record.sys_id)).await.status,
        400,
        "Content-Type is mandatory"
    );
    let typed = |sys_id: &str| upload(sys_id).header("content-type", "text/plain");
    assert_eq!(
        reply(typed("0f1e2d3c4b5a69788796a5b4c3d2e1f0"))
            .await
            .status,
        404
    );
    let stored = reply(typed(&record.sys_id)).await;
    assert_eq!(stored.status, 201);
    let stored = stored.result();
    assert_eq!(
        (&stored["file_name"], &stored["size_bytes"]),
        (&json!("rescue-1.txt"), &json!("19"))
    );
    let query = format!(
        "table_name=incident^table_sys_id={}^file_name=rescue-1.txt",
        record.sys_id
    );
    let found = bench
        .get(&format!("/api/now/attachment?sysparm_query={query}"))
        .await
        .result();
    assert_eq!(found[0]["sys_id"], stored["sys_id"]);
    let path = format!(
        "/api/now/attachment/{}/file",
        stored["sys_id"].as_str().expect("a sys_id")
    );
    assert_eq!(bench.get(&path).await.text, "10:02 AM Ana: hello");
    assert_eq!(
        bench.instance.attachments(&record.sys_id),
        [("rescue-1.txt".to_owned(), "10:02 AM Ana: hello".to_owned())]
    );
}

#[tokio::test]
async fn an_email_needs_the_role_and_an_access_rule_and_200_means_accepted_only() {
    let bench = Bench::new();
    let record = bench.instance.add_incident(&[]);
    let mail = json!({
        "to": ["paul@acme.test"], "subject": "Your PIN", "text": "012345",
        "table_name": "incident", "table_record_id": record.sys_id,
    });
    let taken = bench.write(Method::POST, "/api/now/v1/email", &mail).await;
    assert_eq!(taken.status, 200);
    let id = taken.result()["id"].as_str().expect("an id").to_owned();
    let status = format!("/api/now/v1/email/{id}?sysparm_fields=id,type");
    assert_eq!(
        bench.get(&status).await.result(),
        json!({"id": id, "type": "send-ready"})
    );
    assert_eq!(bench.get(&status).await.result()["type"], "sent");
    assert_eq!(bench.instance.mails()[0].subject, "Your PIN");
    assert_eq!(
        bench
            .write(
                Method::POST,
                "/api/now/v1/email",
                &json!({"to": "paul@acme.test"})
            )
            .await
            .status,
        400
    );
    bench.instance.configure(|rules| rules.email_acl = false);
    assert_eq!(
        bench
            .write(Method::POST, "/api/now/v1/email", &mail)
            .await
            .status,
        403
    );
    assert_eq!(bench.instance.mails().len(), 1);
}

#[tokio::test]
async fn a_dropped_connection_has_no_answer_and_may_have_taken_effect() {
    let bench = Bench::new();
    let record = bench.instance.add_incident(&[]);
    let note = |text: &str| {
        bench
            .request(Method::PATCH, &incident(&record))
            .json(&json!({"work_notes": text}))
    };
    let patches = || RequestMatcher::of("PATCH", "/table/incident");
    bench
        .instance
        .fault(InjectedFault::on(patches()).then(FaultAction::CommitThenDrop));
    bench
        .instance
        .fault(InjectedFault::on(patches()).then(FaultAction::DropBefore));
    assert!(note("kept").send().await.is_err());
    assert!(note("lost").send().await.is_err());
    assert_eq!(reply(note("after")).await.status, 200);
    assert_eq!(
        bench.instance.work_notes("incident", &record.sys_id),
        ["kept", "after"]
    );
    let statuses: Vec<_> = bench
        .instance
        .requests_matching("PATCH", "incident")
        .iter()
        .map(|r| r.status)
        .collect();
    assert_eq!(statuses, [None, None, Some(200)]);
    assert_eq!(bench.instance.pending_faults(), 0);
}

#[tokio::test]
async fn faults_that_took_effect_and_those_that_did_not_answer_as_the_instance_does() {
    let bench = Bench::new();
    let record = bench.instance.add_incident(&[]);
    let faults = [
        (FaultAction::Cancelled { committed: true }, 500, true),
        (FaultAction::Cancelled { committed: false }, 500, false),
        (
            FaultAction::RateLimited {
                retry_after: Some(1200),
            },
            429,
            false,
        ),
        (FaultAction::RateLimited { retry_after: None }, 429, false),
        (FaultAction::Unauthorized, 401, false),
        (FaultAction::Html, 200, false),
        (FaultAction::Accepted, 202, false),
        (FaultAction::TruncatedJson, 200, true),
        (FaultAction::MixedJson, 200, true),
        (
            FaultAction::CommitThenStatus {
                code: 502,
                headers: Vec::new(),
                body: String::new(),
            },
            502,
            true,
        ),
        (FaultAction::status(503), 503, false),
    ];
    for (action, status, effect) in faults {
        let before = bench.instance.work_notes("incident", &record.sys_id).len();
        bench.instance.fault(
            InjectedFault::on(RequestMatcher::any().body_containing("work_notes"))
                .then(action.clone()),
        );
        let answer = bench.patch(&record, &json!({"work_notes": "x"})).await;
        assert_eq!(answer.status, status, "{action:?}");
        let after = bench.instance.work_notes("incident", &record.sys_id).len();
        assert_eq!(after - before, usize::from(effect), "{action:?}");
        match action {
            FaultAction::RateLimited {
                retry_after: Some(_),
            } => {
                assert_eq!(answer.header("retry-after"), Some("1200"));
                assert_eq!(answer.header("x-ratelimit-reset"), Some("1747218131"));
            }
            FaultAction::RateLimited { retry_after: None } => {
                assert_eq!(answer.header("retry-after"), None)
            }
            FaultAction::TruncatedJson | FaultAction::Html => {
                assert!(
                    serde_json::from_str::<Value>(&answer.text).is_err(),
                    "{}",
                    answer.text
                );
            }
            FaultAction::MixedJson => {
                let body = answer.json();
                assert!(
                    body["result"].is_object() && body["error"].is_object(),
                    "{body}"
                );
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_write_goes_on_after_its_caller_has_hung_up() {
    let bench = Bench::new();
    let record = bench.instance.add_incident(&[]);
    bench.instance.fault(
        InjectedFault::on(RequestMatcher::of("PATCH", ""))
            .then(FaultAction::Delay(Duration::from_millis(200))),
    );
    let request = bench
        .request(Method::PATCH, &incident(&record))
        .json(&json!({"work_notes": "late"}));
    assert!(
        request
            .timeout(Duration::from_millis(50))
            .send()
            .await
            .expect_err("no answer")
            .is_timeout()
    );
    assert!(
        bench
            .instance
            .work_notes("incident", &record.sys_id)
            .is_empty()
    );
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        bench.instance.work_notes("incident", &record.sys_id),
        ["late"]
    );
}

#[tokio::test]
async fn a_fault_can_let_requests_through_first_and_come_several_times() {
    let bench = Bench::new();
    bench.instance.fault(
        InjectedFault::on(RequestMatcher::path("incident?x=1"))
            .after(1)
            .times(2)
            .then(FaultAction::status(503)),
    );
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(bench.get("/api/now/v2/table/incident?x=1").await.status);
    }
    assert_eq!(statuses, [200, 503, 503, 200]);
}

#[tokio::test]
async fn the_record_of_requests_keeps_the_authorization_apart() {
    let bench = Bench::new();
    bench.get("/api/now/v2/table/incident").await;
    let mark = bench.instance.mark();
    bench
        .get("/api/now/v2/table/incident?sysparm_query=number%3DINC1")
        .await;
    let since = bench.instance.since(mark);
    assert_eq!(since.len(), 1);
    assert_eq!(since[0].parameter("sysparm_query"), Some("number=INC1"));
    assert_eq!(since[0].header("authorization"), None);
    assert_eq!(
        since[0].authorization,
        Some(format!("Bearer {}", bench.token))
    );
    assert_eq!(
        (since[0].status, since[0].at),
        (Some(200), bench.clock.now())
    );
}

#[tokio::test]
async fn records_and_tokens_outlive_a_restart_with_a_data_file() {
    let file = std::env::temp_dir().join(format!("instance-{}.json", super::state::new_sys_id()));
    let clock = Clock::manual(Timestamp::from_millis(0));
    let start = |port| {
        Simulator::start(Options {
            port,
            data: Some(file.clone()),
            ..Options::new(clock.clone())
        })
        .expect("starts")
    };
    let first = start(None);
    first.add_registry("client", "s3cret");
    first.add_user(User::service_account("svc.rescue", "passw0rd"));
    let refresh = first.issue_refresh_token("client", "svc.rescue");
    let record = first.add_incident(&[]);
    first.set_field("incident", &record.sys_id, "work_notes", "kept");
    let port = first
        .url()
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok());
    drop(first);
    assert!(port.is_some());
    let second = start(port);
    assert_eq!(second.work_notes("incident", &record.sys_id), ["kept"]);
    assert!(second.refresh_token_expires_at(&refresh).is_some());
    assert_eq!(second.add_incident(&[]).number, "INC0010002");
    second.add_user(User::service_account("svc.rescue", "another"));
    assert_eq!(second.records("sys_user").len(), 1);
    std::fs::remove_file(&file).expect("was written");
}

#[tokio::test]
async fn a_person_reads_a_record_with_its_notes_attachments_and_e_mails_in_a_browser() {
    let bench = Bench::new();
    let record = bench
        .instance
        .add_incident(&[("short_description", "Printer <b>does not</b> print")]);
    bench
        .patch(&record, &json!({"work_notes": "<script>first</script>"}))
        .await;
    let file = bench
        .request(
            Method::POST,
            &format!(
                "/api/now/attachment/file?table_name=incident&table_sys_id={}&file_name=chat.txt",
                record.sys_id
            ),
        )
        .header("content-type", "text/plain")
        .body("the chat");
    assert_eq!(reply(file).await.status, 201);
    let mail = json!({"to": ["paul@acme.test"], "subject": "Your PIN", "text": "See http://127.0.0.1/x?Code=1 now",
                      "table_name": "incident", "table_record_id": record.sys_id});
    bench.write(Method::POST, "/api/now/v1/email", &mail).await;
    let browser = |path: String| reply(bench.client.get(bench.instance.url() + &path));

    let sys_id = &record.sys_id;
    for link in [
        format!("/incident.do?sys_id={sys_id}"),
        format!("/nav_to.do?uri=incident.do%3Fsys_id%3D{sys_id}"),
        format!("/nav_to.do?uri=%2Fincident.do%3Fsys_id%3D{sys_id}"),
    ] {
        let page = browser(link).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), Some("text/html;charset=UTF-8"));
        for part in [
            record.number.as_str(),
            "Printer &lt;b&gt;does not&lt;/b&gt; print",
            "&lt;script&gt;first&lt;/script&gt;",
            "chat.txt",
        ] {
            assert!(page.text.contains(part), "{part}: {}", page.text);
        }
        assert!(!page.text.contains("<script>"), "{}", page.text);
        let file = page
            .text
            .split('"')
            .find(|part| part.starts_with("/sys_attachment.do"));
        let file = browser(file.expect("a link").to_owned()).await;
        assert_eq!(file.text, "the chat");
        assert_eq!(
            file.header("content-type"),
            Some("text/plain;charset=UTF-8")
        );
    }
    let home = browser("/".to_owned()).await.text;
    assert!(
        home.contains(&format!("/incident.do?sys_id={sys_id}")),
        "{home}"
    );
    let mails = browser(super::MAILS_PATH.to_owned()).await.text;
    for part in [
        "Your PIN",
        "paul@acme.test",
        "<a href=\"http://127.0.0.1/x?Code=1\">",
    ] {
        assert!(mails.contains(part), "{part}: {mails}");
    }
    let unknown = browser(format!("/incident.do?sys_id={}", "0".repeat(32))).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn a_browsers_cookie_on_a_page_is_no_violation_and_on_the_api_it_is() {
    let bench = Bench::new();
    let cookie = |path: &str| {
        let url = bench.instance.url() + path;
        reply(bench.client.get(url).header("cookie", "JSESSIONID=1"))
    };
    cookie("/").await;
    cookie(super::MAILS_PATH).await;
    assert_eq!(bench.instance.violations(), [""; 0]);
    cookie("/api/now/v2/table/incident").await;
    assert_eq!(bench.instance.violations().len(), 1);
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
