//! The Table, Attachment and Email APIs: the meaning of every odd answer (docs/architecture.md#rule-2,
//! docs/architecture.md#rule-3, docs/architecture.md#rule-9).

use std::sync::Arc;
use std::time::Duration;

use local::servicenow::Created;
use local::simulator::{FaultAction, InjectedFault, RecordedRequest, RequestMatcher};
use shared::aws::credentials::AccessToken;
use shared::domain::record::{RecordRef, SysId, TableName};
use shared::domain::record_number::RecordNumber;
use shared::domain::record_tables::RecordTables;
use shared::domain::secret::Secret;
use shared::domain::tenant::TenantFile;
use shared::domain::time_budget::TimeBudget;
use shared::retry::ServiceNowTimeouts;
use shared::servicenow::client::{
    CallError, Columns, DisplayValue, Email, ServiceNowClient, TenantInstance,
};
use shared::servicenow::query::Query;
use shared::token::access::AccessError;
use tests::injected::{json, page, rate_limited, redirect, retry_after};

use super::{Parts, post};

const INSERT_REFUSED: &str = "ACL Exception Insert Failed due to security constraints";

struct Instance {
    parts: Parts,
    file: TenantFile,
    client: ServiceNowClient,
    incident: Created,
}

impl Instance {
    async fn start() -> Self {
        let parts = Parts::start().await;
        let file = parts.tenant("").await;
        let incident = parts.servicenow.add_incident(&[]);
        Self {
            client: parts.client(),
            file,
            incident,
            parts,
        }
    }

    /// A client with these time-outs, which may call loopback addresses or not.
    fn client_with(&self, allow_loopback: bool, timeouts: ServiceNowTimeouts) -> ServiceNowClient {
        let (http, clock) = (self.parts.http.clone(), self.parts.clock.clone());
        let access = Arc::new(self.parts.access_tokens());
        ServiceNowClient::new(http, access, clock, allow_loopback, timeouts)
    }

    fn record(&self) -> RecordRef {
        record(TableName::incident(), &self.incident)
    }

    fn budget(&self, seconds: u64) -> TimeBudget {
        TimeBudget::lasting(self.parts.clock.clone(), Duration::from_secs(seconds))
    }

    /// The tenant's instance, for 300 seconds.
    fn connection(&self) -> TenantInstance<'_> {
        self.client.for_tenant(&self.file, self.budget(300))
    }

    fn fault(&self, method: &str, action: FaultAction) {
        let fault = InjectedFault::on(RequestMatcher::of(method, "/api/now/"));
        self.parts.servicenow.fault(fault.then(action));
    }

    fn fault_always(&self, method: &str, action: FaultAction) {
        let fault = InjectedFault::on(RequestMatcher::of(method, "/api/now/")).always();
        self.parts.servicenow.fault(fault.then(action));
    }

    /// Writes a note as `file` says.
    async fn write_as(&self, file: &TenantFile) -> Result<(), CallError> {
        let columns = Columns::from([("work_notes".to_owned(), "a note".to_owned())]);
        self.client
            .for_tenant(file, self.budget(300))
            .update(&self.record(), &columns, "a note")
            .await
            .map(drop)
    }

    async fn write(&self) -> Result<(), CallError> {
        self.write_as(&self.file).await
    }

    async fn send_email(&self) -> Result<(), CallError> {
        let record = self.record();
        let email = Email {
            to: "paul@acme.test",
            subject: "Remote support session for INC0010001",
            text: "PIN code: 048213\nGrüße",
            html: "<p>PIN code: <strong>048213</strong></p>",
            record: &record,
        };
        self.connection().send_email(&email).await
    }

    fn mails(&self) -> usize {
        self.parts.servicenow.mails().len()
    }

    async fn find(&self) -> Result<Vec<Columns>, CallError> {
        let number =
            RecordNumber::parse(&self.incident.number, &RecordTables::default()).expect("valid");
        let query = Query::number(&number);
        self.connection()
            .find("incident", &query)
            .await
            .map(|found| found.rows)
    }

    async fn read(
        &self,
        names: &[&str],
        display: DisplayValue,
    ) -> Result<Option<Columns>, CallError> {
        self.connection().read(&self.record(), names, display).await
    }

    fn notes(&self) -> usize {
        let notes = self
            .parts
            .servicenow
            .work_notes("incident", &self.incident.sys_id);
        notes.len()
    }

    /// Requests of that method to the APIs.
    fn requests(&self, method: &str) -> Vec<RecordedRequest> {
        self.parts.servicenow.requests_matching(method, "/api/now/")
    }
}

fn record(table: TableName, created: &Created) -> RecordRef {
    RecordRef {
        table,
        sys_id: SysId::parse(&created.sys_id).expect("valid"),
    }
}

fn unavailable(reason: &str, retry_after: Option<u64>) -> CallError {
    CallError::Unavailable {
        reason: reason.to_owned(),
        retry_after: retry_after.map(Duration::from_secs),
        timed_out: false,
    }
}

fn refused(status: u16, message: &str) -> CallError {
    CallError::Refused {
        status,
        message: message.to_owned(),
    }
}

fn throttled(retry_after: Option<u64>) -> CallError {
    CallError::Throttled {
        retry_after: retry_after.map(Duration::from_secs),
    }
}

/// The answers that leave a write's outcome unknown, and whether the simulator committed it.
fn unknown_outcomes() -> Vec<(FaultAction, bool)> {
    let another_record = r#"{"result":{"sys_id":"ffffffffffffffffffffffffffffffff"}}"#;
    vec![
        (FaultAction::Html, false),
        (FaultAction::TruncatedJson, true),
        (FaultAction::MixedJson, true),
        (FaultAction::CommitThenDrop, true),
        (FaultAction::DropBefore, false),
        (FaultAction::Accepted, false),
        (FaultAction::Cancelled { committed: true }, true),
        (FaultAction::Cancelled { committed: false }, false),
        (FaultAction::status(500), false),
        (FaultAction::status(502), false),
        (FaultAction::status(504), false),
        (json(200, ""), false),
        (json(200, "{}"), false),
        (json(200, r#"{"result":[]}"#), false),
        (json(200, another_record), false),
    ]
}

/// docs/architecture.md#rule-2: every call succeeds, has no effect or is unknown.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_proves_nothing_is_unknown() {
    let instance = Instance::start().await;
    for (action, takes_effect) in unknown_outcomes() {
        let before = instance.notes();
        instance.fault("PATCH", action.clone());
        let outcome = instance.write().await.expect_err("no proof");
        assert_matches!(outcome, CallError::Unknown { .. }, "{action:?}");
        assert!(!outcome.timed_out(), "{action:?}");
        assert_eq!(
            instance.notes() - before,
            usize::from(takes_effect),
            "{action:?}: it is sent once"
        );
    }
    instance.write().await.expect("done");
    assert_eq!(instance.parts.servicenow.pending_faults(), 0);
}

/// docs/architecture.md#rule-2: only a write without effect is repeated without a check.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_refused_had_no_effect() {
    let instance = Instance::start().await;
    let acl =
        r#"{"error":{"message":"Operation Failed","detail":"ACL Exception"},"status":"failure"}"#;
    let full = FaultAction::RateLimited { retry_after: None };
    for (action, expected) in [
        (json(403, acl), refused(403, "ACL Exception")),
        (json(400, "{}"), refused(400, "another message")),
        (json(400, "<html>"), unavailable("400 with a page", None)),
        (json(404, "{}"), CallError::NotFound),
        (FaultAction::status(503), unavailable("503", None)),
        (retry_after("90"), unavailable("503", Some(90))),
        (full, throttled(None)),
        (rate_limited(1800), throttled(Some(1800))),
    ] {
        instance.fault("PATCH", action.clone());
        assert_eq!(instance.write().await, Err(expected), "{action:?}");
    }
    assert_eq!(instance.notes(), 0);
}

/// A business rule's refusal names the rule in its detail; the name is kept, its identifier is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_business_rule_that_aborts_a_write_is_a_refusal() {
    let instance = Instance::start().await;
    instance.parts.servicenow.configure(|rules| {
        let rule = ("incident".to_owned(), "Reject everything".to_owned());
        rules.aborting_rules.extend([rule]);
    });
    let rule = refused(403, "aborted by Business Rule 'Reject everything'");
    assert_eq!(instance.write().await, Err(rule));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_is_never_unknown() {
    let instance = Instance::start().await;
    let mut actions = unknown_outcomes();
    // An empty list is what an instance answers when nothing matches.
    actions.retain(|(action, _)| *action != json(200, r#"{"result":[]}"#));
    for (action, _) in actions {
        instance.fault("GET", action.clone());
        let found = instance.find().await;
        assert_matches!(found, Err(CallError::Unavailable { .. }), "find {action:?}");
        instance.fault("GET", action.clone());
        let read = instance.read(&["number"], DisplayValue::Raw).await;
        assert_matches!(read, Err(CallError::Unavailable { .. }), "read {action:?}");
    }
    assert_eq!(instance.find().await.expect("found").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_has_no_effect() {
    let instance = Instance::start().await;
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let mut unreachable = instance.file.clone();
    unreachable.servicenow.instance = format!("http://127.0.0.1:{port}");
    let token = AccessToken {
        token: Secret::from("a-token"),
        expires_at: instance.parts.clock.now().plus(Duration::from_secs(1800)),
        audience: format!(
            "http://127.0.0.1:{port}/ {}",
            unreachable.servicenow.client_id
        ),
    };
    let shared = instance.parts.credentials();
    let shared = shared.share_access_token(&unreachable.tenant, &token).await;
    shared.expect("written");
    let outcome = instance.write_as(&unreachable).await;
    assert_matches!(outcome, Err(CallError::Unavailable { .. }));
}

/// docs/architecture.md#rule-5: a token that is refused is renewed once.
#[tokio::test(flavor = "multi_thread")]
async fn a_401_gets_another_token_and_sends_the_call_once_more() {
    let instance = Instance::start().await;
    instance.write().await.expect("written");
    instance.parts.servicenow.revoke_access_tokens();
    instance.write().await.expect("written with another token");
    assert_eq!(instance.parts.servicenow.grants().refresh_token, 2);
    assert_eq!(instance.notes(), 2);
    assert_eq!(instance.requests("PATCH").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_401_for_a_fresh_token_too_needs_re_authorisation() {
    let instance = Instance::start().await;
    instance.fault_always("PATCH", FaultAction::Unauthorized);
    let outcome = instance.write().await;
    assert_matches!(
        outcome,
        Err(CallError::Access(AccessError::ReauthorizationNeeded(_)))
    );
    assert_eq!(instance.requests("PATCH").len(), 2);
    assert_eq!(instance.notes(), 0);
}

/// A 401 with a page may come from the instance's login or from a gateway: another token is tried once, and the tenant's
/// credentials count as valid.
#[tokio::test(flavor = "multi_thread")]
async fn a_401_that_is_a_page_gets_another_token_once() {
    let instance = Instance::start().await;
    let page = || page(401, "<html>Sign in</html>");
    instance.write().await.expect("written");
    instance.fault("PATCH", page());
    instance.write().await.expect("written with another token");
    assert_eq!(instance.parts.servicenow.grants().refresh_token, 2);
    assert_eq!(instance.requests("PATCH").len(), 3);

    instance.fault_always("PATCH", page());
    let unavailable = unavailable("401 with a page", None);
    assert_eq!(instance.write().await, Err(unavailable));
    assert_eq!(
        instance.requests("PATCH").len(),
        5,
        "another token is tried once"
    );
    assert_eq!(instance.notes(), 2);
}

/// The password grant returns the same token until it expires: a page that refuses it proves nothing about it.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_refuses_the_only_token_needs_no_re_authorisation() {
    let mut instance = Instance::start().await;
    instance.file = instance.parts.tenant("grant = \"password\"").await;
    instance.write().await.expect("written");
    // Without a content type.
    let blocked = FaultAction::Status {
        code: 401,
        headers: Vec::new(),
        body: "<html>Blocked</html>".to_owned(),
    };
    instance.fault("PATCH", blocked);
    let outcome = instance.write().await;
    assert_matches!(
        outcome,
        Err(CallError::Access(AccessError::Transient { .. }))
    );
    instance.write().await.expect("the tenant is not paused");
}

/// RFC 9110, section 10.2.3: `Retry-After` is a number of seconds or a date, in any of the three forms of 5.6.7.
#[tokio::test(flavor = "multi_thread")]
async fn a_date_in_retry_after_is_honoured_up_to_a_day() {
    let instance = Instance::start().await;
    let day = Duration::from_secs(24 * 3600);
    // The clock shows 2025-05-14T10:02:11.007Z.
    let soon = Duration::from_millis(599_993);
    for (value, expected) in [
        ("Wed, 14 May 2025 10:12:11 GMT", Some(soon)),
        ("Wednesday, 14-May-25 10:12:11 GMT", Some(soon)),
        ("Wed May 14 10:12:11 2025", Some(soon)),
        ("Fri, 27 Nov 2026 12:00:00 GMT", Some(day)),
        ("Wed, 14 May 2025 09:00:00 GMT", Some(Duration::ZERO)),
        ("90", Some(Duration::from_secs(90))),
        ("86401", Some(day)),
        ("18446744073709551616", None),
        ("-1", None),
        ("in a minute", None),
    ] {
        instance.fault("PATCH", retry_after(value));
        let Err(CallError::Unavailable { retry_after, .. }) = instance.write().await else {
            panic!("{value}");
        };
        assert_eq!(retry_after, expected, "{value}");
    }
}

/// Answers are limited to 8 MB and to the number of values that a record has: beyond it, a write is unknown and a read
/// unavailable.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_an_end_is_not_read_to_its_end() {
    let instance = Instance::start().await;
    let long = format!(
        r#"{{"result":{{"sys_id":"{}"}}}}"#,
        "x".repeat(8 * 1024 * 1024)
    );
    let many = format!(r#"{{"result":[{}{{}}]}}"#, "{},".repeat(1_000_000));
    let deep = format!(
        r#"{{"result":[{}{{}}]}}"#,
        r#"{"a":{"a":{"a":{}}}},"#.repeat(100_000)
    );
    for (body, expected) in [
        (long, "the answer is too long"),
        (many, "the answer has too many values"),
        (deep, "the answer has too many values"),
    ] {
        instance.fault("PATCH", json(200, &body));
        let outcome = instance.write().await.expect_err("no proof");
        assert_matches!(outcome, CallError::Unknown { .. });
        assert_eq!(outcome.to_string(), expected);
        instance.fault("GET", json(200, &body));
        let outcome = instance.find().await.expect_err("nothing read");
        assert_matches!(outcome, CallError::Unavailable { .. });
        assert_eq!(outcome.to_string(), expected);
    }
    let commas = "one, [two], {three}, \\\" four, ".repeat(20_000);
    let notes = format!(
        r#"{{"result":{{"sys_id":"{}","work_notes":"{commas}"}}}}"#,
        instance.incident.sys_id
    );
    instance.fault("GET", json(200, &notes));
    let row = instance.read(&["work_notes"], DisplayValue::Shown).await;
    let row = row.expect("read").expect("a record");
    assert!(row["work_notes"].len() > 500_000, "text is no structure");
}

/// docs/architecture.md#rule-9: no cookies.
#[tokio::test(flavor = "multi_thread")]
async fn received_cookies_are_never_sent() {
    let instance = Instance::start().await;
    for _ in 0..3 {
        instance.write().await.expect("written");
        instance.find().await.expect("found");
    }
    let requests = instance.parts.servicenow.requests();
    assert!(requests.len() > 6);
    let with_cookie = requests
        .iter()
        .filter(|request| request.header("cookie").is_some());
    assert_eq!(with_cookie.count(), 0);
    assert!(instance.parts.servicenow.violations().is_empty());
}

/// docs/architecture.md#rule-9: no redirects, neither of calls nor of grants.
#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_not_followed() {
    let instance = Instance::start().await;
    let elsewhere = Parts::start().await;
    let table = format!("{}/api/now/v2/table/incident", elsewhere.servicenow.url());
    for code in [301, 302, 307, 308] {
        let redirect = redirect(code, &table);
        instance.fault("PATCH", redirect.clone());
        instance.write().await.expect_err("nothing was written");
        let grants = InjectedFault::on(RequestMatcher::path("/oauth_token.do"));
        instance.parts.servicenow.fault(grants.then(redirect));
        instance.parts.advance(1801);
        instance.write().await.expect_err("there is no token");
        instance.write().await.expect("written");
    }
    assert!(elsewhere.servicenow.requests().is_empty());
}

/// docs/architecture.md#rule-3: each row is compared with the query.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_do_not_match_the_query_are_left_out() {
    let instance = Instance::start().await;
    instance.parts.servicenow.add_incident(&[]);
    assert_eq!(instance.find().await.expect("found").len(), 1);

    // The account may not read the column: ServiceNow drops the condition and answers with other rows.
    instance.parts.servicenow.configure(|rules| {
        rules.unreadable_columns.insert("number".to_owned());
    });
    assert_eq!(instance.find().await.expect("answered"), []);

    let other = r#"{"result":[{"sys_id":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","number":"INC9999999"},"text",null]}"#;
    instance.fault("GET", json(200, other));
    assert_eq!(instance.find().await.expect("answered"), []);
}

/// A row without file name or record proves nothing: the attachment may exist.
#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_that_cannot_be_compared_may_exist() {
    let instance = Instance::start().await;
    let post = post("7", "hello");
    let name = shared::domain::session::attachment_name(&post.session_id, &post.digest);
    let (ours, another) = (instance.incident.sys_id.as_str(), "1".repeat(32));
    for (row, expected) in [
        (
            format!(r#"{{"file_name":"{name}","table_sys_id":"{ours}"}}"#),
            Some(true),
        ),
        (
            format!(r#"{{"file_name":"{name}","table_sys_id":"{another}"}}"#),
            Some(false),
        ),
        (format!(r#"{{"table_sys_id":"{ours}"}}"#), None),
        (format!(r#"{{"file_name":"{name}"}}"#), None),
        (
            format!(r#"{{"file_name":"{name}","table_sys_id":""}}"#),
            None,
        ),
    ] {
        instance.fault("GET", json(200, &format!(r#"{{"result":[{row}]}}"#)));
        let (record, connection) = (instance.record(), instance.connection());
        let query = Query::attachment(&record, &post.session_id, &post.digest);
        let answer = connection.has_attachment(&query, &record);
        assert_eq!(answer.await.expect("answered"), expected, "{row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_of_another_record_is_not_this_records() {
    let instance = Instance::start().await;
    let post = post("7", "hello");
    let other = instance.parts.servicenow.add_incident(&[]);
    let has = async |record: RecordRef| {
        let query = Query::attachment(&record, &post.session_id, &post.digest);
        let connection = instance.connection();
        let answer = connection.has_attachment(&query, &record);
        answer.await.expect("answered")
    };
    assert_eq!(has(instance.record()).await, Some(false));
    let name = shared::domain::session::attachment_name(&post.session_id, &post.digest);
    instance
        .connection()
        .attach(&instance.record(), &name, "Grüße".to_owned())
        .await
        .expect("attached");
    assert_eq!(has(instance.record()).await, Some(true));
    assert_eq!(
        has(record(TableName::incident(), &other)).await,
        Some(false)
    );
    let attachments = instance
        .parts
        .servicenow
        .attachments(&instance.incident.sys_id);
    assert_eq!(attachments, [(name, "Grüße".to_owned())]);
}

/// An answer with another file or an empty one is a refusal: a repetition would only add files.
#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_counts_when_the_answer_shows_the_file() {
    let instance = Instance::start().await;
    let attach = async || {
        let (record, text) = (instance.record(), "hello".to_owned());
        let connection = instance.connection();
        connection.attach(&record, "rescue-7.txt", text).await
    };
    attach().await.expect("attached");
    for other in [
        r#"{"result":{"sys_id":"1","file_name":"other.txt","size_bytes":"5"}}"#,
        r#"{"result":{"sys_id":"1","file_name":"rescue-7.txt","size_bytes":"0"}}"#,
    ] {
        instance.fault("POST", json(201, other));
        let outcome = attach().await;
        assert_matches!(outcome, Err(CallError::Refused { .. }), "{other}");
    }
    instance.fault(
        "POST",
        json(201, r#"{"result":{"file_name":"rescue-7.txt"}}"#),
    );
    let outcome = attach().await;
    assert_matches!(outcome, Err(CallError::Unknown { .. }));
    instance.parts.servicenow.configure(|rules| {
        rules.unwritable_tables.insert("sys_attachment".to_owned());
    });
    assert_eq!(attach().await, Err(refused(403, INSERT_REFUSED)));
}

/// The answer to a write shows the written columns, as stored and as displayed.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_asks_for_what_it_writes_in_the_same_call() {
    let instance = Instance::start().await;
    instance.write().await.expect("written");
    let [request]: [_; 1] = instance.requests("PATCH").try_into().expect("one request");
    assert_eq!(
        request.parameter("sysparm_fields"),
        Some("sys_id,number,work_notes")
    );
    assert_eq!(request.parameter("sysparm_display_value"), Some("all"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_created_record_is_the_one_that_is_found() {
    let instance = Instance::start().await;
    let session = post("7", "hello").session_id;
    let columns = Columns::from([
        ("short_description".to_owned(), "Remote support".to_owned()),
        ("correlation_id".to_owned(), session.correlation_id()),
    ]);
    let connection = instance.connection();
    for table in RecordTables::default().iter() {
        let created = connection
            .create(&table.name, &columns, "a note")
            .await
            .expect("created");
        assert!(created.number.starts_with(&table.number_prefix));
        let query = Query::correlation_id(&session);
        let found = connection
            .find(table.name.as_str(), &query)
            .await
            .expect("found");
        assert_eq!(found.rows.len(), 1);
        assert_eq!(found.rows[0]["sys_id"], created.record.sys_id.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_does_not_exist_reads_as_none() {
    let instance = Instance::start().await;
    let sys_id = instance.incident.sys_id.clone();
    let read = instance.read(&["number"], DisplayValue::Raw).await;
    let row = read.expect("read").expect("a record");
    assert_eq!(row["number"], instance.incident.number);
    instance.parts.servicenow.configure(|rules| {
        rules.hidden_records.insert(sys_id);
    });
    let read = instance.read(&["number"], DisplayValue::Raw).await;
    assert_eq!(read, Ok(None));
}

/// Journals read empty as stored, and as their whole history as shown.
#[tokio::test(flavor = "multi_thread")]
async fn work_notes_are_read_as_shown() {
    let instance = Instance::start().await;
    instance.write().await.expect("written");
    let raw = instance.read(&["work_notes"], DisplayValue::Raw).await;
    let raw = raw.expect("read").expect("a record");
    assert_eq!(raw.get("work_notes").map_or("", String::as_str), "");
    let shown = instance.read(&["work_notes"], DisplayValue::Shown).await;
    let shown = shown.expect("read").expect("a record");
    assert!(shown["work_notes"].contains("a note"), "{shown:?}");
}

/// docs/architecture.md#rule-9: instances are in a ServiceNow domain, or allowed by name.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_outside_the_servicenow_domains_is_not_called() {
    let instance = Instance::start().await;
    instance.write().await.expect("the token is there now");
    let before = instance.parts.servicenow.requests().len();
    for host in [
        "https://acme.service-now.com.evil.test",
        "https://169.254.169.254",
        "http://acme.service-now.com",
        "https://user@acme.service-now.com",
    ] {
        let mut file = instance.file.clone();
        file.servicenow.instance = host.to_owned();
        let outcome = instance.write_as(&file).await;
        assert_matches!(outcome, Err(CallError::Misconfigured(_)), "{host}");
    }
    let strict = instance.client_with(false, ServiceNowTimeouts::QUEUE);
    let outcome = strict
        .for_tenant(&instance.file, instance.budget(300))
        .update(&instance.record(), &Columns::new(), "a note")
        .await;
    assert_matches!(
        outcome,
        Err(CallError::Misconfigured(_)),
        "loopback without ALLOW_LOOPBACK"
    );
    assert_eq!(instance.parts.servicenow.requests().len(), before);
}

/// docs/architecture.md#rule-4: no write starts with less than 75 s left.
#[tokio::test(flavor = "multi_thread")]
async fn no_call_starts_with_less_than_seventy_five_seconds_left() {
    let instance = Instance::start().await;
    let columns = Columns::from([("work_notes".to_owned(), "a note".to_owned())]);
    let write = async |seconds: u64| {
        let budget = instance.budget(seconds);
        let connection = instance.client.for_tenant(&instance.file, budget);
        let record = instance.record();
        connection.update(&record, &columns, "a note").await
    };
    assert_eq!(write(74).await, Err(CallError::OutOfTime));
    assert_eq!(instance.requests("PATCH").len(), 0);
    write(75).await.expect("written");
}

/// An e-mail belongs to its record, and the URL holds no part of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_email_is_handed_over_with_both_texts_and_its_record() {
    let instance = Instance::start().await;
    instance.send_email().await.expect("taken");

    let [request]: [_; 1] = instance.requests("POST").try_into().expect("one request");
    assert_eq!(request.path, "/api/now/v1/email");
    assert_eq!(request.raw_query, "");
    assert_eq!(request.header("accept"), Some("application/json"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    let authorization = request.authorization.as_deref().unwrap_or_default();
    assert!(authorization.starts_with("Bearer "));
    assert_eq!(
        request.json(),
        serde_json::json!({
            "to": ["paul@acme.test"],
            "subject": "Remote support session for INC0010001",
            "text": "PIN code: 048213\nGrüße",
            "html": "<p>PIN code: <strong>048213</strong></p>",
            "table_name": "incident",
            "table_record_id": instance.incident.sys_id,
        })
    );
    let mails = instance.parts.servicenow.mails();
    assert_eq!(mails[0].to, ["paul@acme.test"]);
    assert_eq!(mails[0].table_record_id, instance.incident.sys_id);
}

/// E-mails are sent at most once, and an unknown outcome is reported as unknown.
#[tokio::test(flavor = "multi_thread")]
async fn an_email_whose_answer_proves_nothing_is_unknown_and_not_sent_again() {
    let instance = Instance::start().await;
    let without_id = [
        r#"{"result":{}}"#,
        r#"{"result":{"id":""}}"#,
        r#"{"result":{"id":null}}"#,
    ];
    let without_id = without_id.map(|body| (json(200, body), false));
    for (action, takes_effect) in unknown_outcomes().into_iter().chain(without_id) {
        let before = (instance.mails(), instance.requests("POST").len());
        instance.fault("POST", action.clone());
        let outcome = instance.send_email().await.expect_err("no proof");
        assert_matches!(outcome, CallError::Unknown { .. }, "{action:?}");
        assert!(!outcome.timed_out(), "{action:?}");
        let sent = (
            instance.mails() - before.0,
            instance.requests("POST").len() - before.1,
        );
        assert_eq!(sent, (usize::from(takes_effect), 1), "{action:?}");
        let shown = format!("{outcome} {outcome:?}");
        assert!(!shown.contains("048213"), "{shown}");
    }
    assert_eq!(instance.parts.servicenow.pending_faults(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_that_was_refused_was_not_sent() {
    let instance = Instance::start().await;
    for (action, expected) in [
        (json(400, "{}"), refused(400, "another message")),
        (json(403, "{}"), refused(403, "another message")),
        (json(404, "{}"), CallError::NotFound),
        (json(403, "<html>"), unavailable("403 with a page", None)),
        (FaultAction::status(503), unavailable("503", None)),
        (rate_limited(1800), throttled(Some(1800))),
    ] {
        instance.fault("POST", action.clone());
        assert_eq!(instance.send_email().await, Err(expected), "{action:?}");
    }
    // The role is not enough without an access rule that asks for it (docs/vendors.md#e-mails).
    let allow = |allowed: bool| {
        let instance = &instance.parts.servicenow;
        instance.configure(|rules| rules.email_acl = allowed);
    };
    allow(false);
    let refused = refused(403, INSERT_REFUSED);
    assert_eq!(instance.send_email().await, Err(refused));
    assert_eq!(instance.mails(), 0);
    allow(true);
    instance.send_email().await.expect("taken");
}

/// ServiceNow may send the e-mail after the time-out.
#[tokio::test(flavor = "multi_thread")]
async fn an_email_that_times_out_is_unknown() {
    let mut instance = Instance::start().await;
    let timeouts = ServiceNowTimeouts {
        write: Duration::from_millis(200),
        ..ServiceNowTimeouts::HTTP
    };
    instance.client = instance.client_with(true, timeouts);
    let slow = FaultAction::CommitThenDelay(Duration::from_millis(600));
    instance.fault("POST", slow);
    let outcome = instance.send_email().await.expect_err("no answer");
    assert_matches!(outcome, CallError::Unknown { .. });
    assert!(outcome.timed_out(), "{outcome:?}");
    assert_eq!(instance.mails(), 1);
}

/// docs/architecture.md#rule-5: a token that is refused is renewed once; the refused call had no effect.
#[tokio::test(flavor = "multi_thread")]
async fn an_email_with_a_refused_token_is_sent_once_with_another() {
    let instance = Instance::start().await;
    instance.send_email().await.expect("taken");
    instance.parts.servicenow.revoke_access_tokens();
    instance.send_email().await.expect("taken");
    assert_eq!(instance.mails(), 2);
    assert_eq!(instance.requests("POST").len(), 3);
}

/// The people of a record are read with it, by fields over its references.
#[tokio::test(flavor = "multi_thread")]
async fn the_people_of_a_record_are_read_with_the_record() {
    let instance = Instance::start().await;
    let simulator = &instance.parts.servicenow;
    let names = ["caller_id.email", "caller_id.name"];
    let person = |email: &str, name: &str| {
        let record = ("sys_id".to_owned(), instance.incident.sys_id.clone());
        let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Ok(Some(Columns::from([
            record,
            of("caller_id.email", email),
            of("caller_id.name", name),
        ])))
    };
    let no_caller = instance.read(&names, DisplayValue::Raw).await;
    assert_eq!(no_caller, person("", ""));

    let paul = simulator.add_user(local::servicenow::User::new(
        "paul@acme.test",
        "Paul Martin",
    ));
    simulator.set_field("incident", &instance.incident.sys_id, "caller_id", &paul);
    let caller = instance.read(&names, DisplayValue::Raw).await;
    assert_eq!(caller, person("paul@acme.test", "Paul Martin"));

    simulator.configure(|rules| {
        rules.hidden_records.insert(paul);
    });
    let hidden = instance.read(&names, DisplayValue::Raw).await;
    assert_eq!(hidden, person("", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_names_a_contact_or_a_consumer() {
    let instance = Instance::start().await;
    let simulator = &instance.parts.servicenow;
    let paul = simulator.add_contact("paul@acme.test", "Paul Martin");
    let rosa = simulator.add_consumer("rosa@acme.test", "Rosa Diaz");
    let names = [
        "contact.email",
        "contact.name",
        "consumer.email",
        "consumer.name",
    ];
    for (column, person, expected) in [
        ("contact", paul, ["paul@acme.test", "Paul Martin", "", ""]),
        ("consumer", rosa, ["", "", "rosa@acme.test", "Rosa Diaz"]),
    ] {
        let case = simulator.add_case(&[(column, &person)]);
        let record = record(TableName::case(), &case);
        let connection = instance.connection();
        let read = connection.read(&record, &names, DisplayValue::Raw);
        let row = read.await.expect("read").expect("a record");
        assert_eq!(names.map(|name| row[name].as_str()), expected, "{column}");
    }
}
