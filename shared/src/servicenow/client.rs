//! The Table, Attachment and Email APIs (docs/vendors.md#table-api, docs/vendors.md#attachments): a handful of calls, each of which ends as done, as
//! without effect, or as unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::clock::{Clock, Timestamp};
use crate::domain::instance::Instance;
use crate::domain::record::{RecordRef, SysId, Table};
use crate::domain::secret::Secret;
use crate::domain::tenant::TenantFile;
use crate::http::{LONGEST_ANSWER, body, has_too_many_values};
use crate::http::{retry_after, transport_reason};
use crate::retry::ServiceNowTimeouts;
use crate::servicenow::query::Query;
use crate::servicenow::refusal;
use crate::telemetry::{self, Metric};
use crate::token::access::{AccessError, AccessTokens, RefusedToken};

/// Columns of a record by name; values as ServiceNow writes them, always texts.
pub type Columns = BTreeMap<String, String>;

/// Why a call did not succeed, by what the caller can do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No effect: ServiceNow limits the rate. Wait that long.
    #[error("429")]
    Throttled {
        /// What `Retry-After` asked for.
        retry_after: Option<Duration>,
    },
    /// No effect: nobody was reached, or a read was not answered properly. Try again.
    #[error("{reason}")]
    Unavailable {
        /// What happened.
        reason: String,
        /// What `Retry-After` asked for.
        retry_after: Option<Duration>,
        /// It was a time-out.
        timed_out: bool,
    },
    /// A write may have taken effect. Look before writing again.
    #[error("{reason}")]
    Unknown {
        /// What happened.
        reason: String,
        /// It was a time-out.
        timed_out: bool,
    },
    /// No effect, and none the next time either.
    #[error("{status} {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Why, as far as the words are the instance's configuration ([`refusal::reason`]).
        message: String,
    },
    /// The write was confirmed, and its answer shows work notes without the one that was written: ServiceNow dropped it.
    /// Look before writing again.
    #[error(
        "ServiceNow confirmed the write and does not show the note; the service account may lack the right to write \
         work_notes"
    )]
    NoteNotVisible,
    /// No effect: the record does not exist, or may not be seen.
    #[error("404")]
    NotFound,
    /// No effect: there is no token to call with.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// No effect: the tenant lacks a setting or a secret, or has a wrong one.
    #[error("{0}")]
    Misconfigured(String),
    /// No effect: too little of the invocation is left to start a call.
    #[error("too little time is left")]
    OutOfTime,
}

impl CallError {
    /// Whether ServiceNow let the call run into a time-out.
    pub const fn timed_out(&self) -> bool {
        matches!(
            self,
            Self::Unknown {
                timed_out: true,
                ..
            } | Self::Unavailable {
                timed_out: true,
                ..
            }
        )
    }

    /// The same failure of a call that writes nothing: what is unknown about it does not matter.
    fn of_a_read(self) -> Self {
        match self {
            Self::Unknown { reason, timed_out } => Self::Unavailable {
                reason,
                retry_after: None,
                timed_out,
            },
            other => other,
        }
    }
}

/// A record that was just created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedRecord {
    /// The record.
    pub record: RecordRef,
    /// Its number, where ServiceNow showed it.
    pub number: String,
    /// What the answer shows of what was written.
    pub written: WrittenRecord,
}

/// What the answer to a write shows of what was written. ServiceNow ignores values for fields that an access rule or a
/// data policy protects, and answers with success all the same (vendor's article KB2971488).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenRecord {
    /// Whether the work note is there; `None` where the answer has no work notes, which the service account may then
    /// not read, or where none were written.
    note: Option<bool>,
    /// The columns, work notes apart, that do not show what was written, or that the answer leaves out.
    pub dropped: BTreeSet<String>,
}

impl WrittenRecord {
    /// Whether the note was seen. False: the answer has no work notes to see it in.
    ///
    /// # Errors
    /// [`CallError::NoteNotVisible`] when the answer shows work notes without it.
    pub const fn note_seen(&self) -> Result<bool, CallError> {
        match self.note {
            Some(true) => Ok(true),
            Some(false) => Err(CallError::NoteNotVisible),
            None => Ok(false),
        }
    }
}

/// An e-mail that an instance is to send. It cannot be printed: its texts may hold what only the recipient may know.
#[derive(Clone, Copy)]
pub struct Email<'a> {
    /// The one recipient's address.
    pub to: &'a str,
    /// The subject.
    pub subject: &'a str,
    /// The plain text.
    pub text: &'a str,
    /// The HTML text.
    pub html: &'a str,
    /// The record that the e-mail belongs to, and shows up on.
    pub record: &'a RecordRef,
}

/// What a query found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundRecord {
    /// The rows that are what was asked for.
    pub rows: Vec<Columns>,
    /// A row came without the column that was asked for, which the service account may then not read: what was not
    /// found may be there all the same.
    pub incomparable: bool,
}

/// Calls a tenant's instance. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServiceNowClient {
    http: reqwest::Client,
    access: Arc<AccessTokens>,
    clock: Clock,
    allow_loopback: bool,
    patience: ServiceNowTimeouts,
}

/// How values are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisplayValue {
    /// As stored; journals read empty.
    Raw,
    /// As shown to people; journals read as their whole history.
    Shown,
}

impl ServiceNowClient {
    /// A client by way of these.
    pub const fn new(
        http: reqwest::Client,
        access: Arc<AccessTokens>,
        clock: Clock,
        allow_loopback: bool,
        patience: ServiceNowTimeouts,
    ) -> Self {
        Self {
            http,
            access,
            clock,
            allow_loopback,
            patience,
        }
    }

    /// Changes columns of a record; `work_notes` appends. `proof` is a text of the note by which its answer shows it.
    ///
    /// # Errors
    /// As [`CallError`] says; never `NoteNotVisible`.
    pub async fn update(
        &self,
        tenant: &TenantFile,
        deadline: Timestamp,
        record: &RecordRef,
        columns: &Columns,
        proof: &str,
    ) -> Result<WrittenRecord, CallError> {
        let row = (record.table.name(), &record.sys_id);
        self.update_row(tenant, deadline, row, columns, proof).await
    }

    /// The same for a row of any table, by the table's name.
    ///
    /// # Errors
    /// As [`CallError`] says; never `NoteNotVisible`.
    pub async fn update_row(
        &self,
        tenant: &TenantFile,
        deadline: Timestamp,
        (table, sys_id): (&str, &SysId),
        columns: &Columns,
        proof: &str,
    ) -> Result<WrittenRecord, CallError> {
        let path = format!("api/now/v2/table/{table}/{sys_id}");
        let call = Call::write(Method::PATCH, path, columns);
        let answer = self.call(tenant, deadline, &call).await?;
        let row = WrittenRow::parse(&answer)?;
        if row.stored("sys_id") != sys_id.as_str() {
            return Err(unknown("another record was answered"));
        }
        Ok(row.compare(columns, proof))
    }

    /// Creates a record; `proof` as in [`ServiceNowClient::update`].
    ///
    /// # Errors
    /// As [`CallError`] says; never `NoteNotVisible`.
    pub async fn create(
        &self,
        tenant: &TenantFile,
        deadline: Timestamp,
        table: Table,
        columns: &Columns,
        proof: &str,
    ) -> Result<CreatedRecord, CallError> {
        let path = format!("api/now/v2/table/{table}");
        let call = Call::write(Method::POST, path, columns);
        let answer = self.call(tenant, deadline, &call).await?;
        let row = WrittenRow::parse(&answer)?;
        let sys_id = SysId::parse(&row.stored("sys_id"));
        let sys_id = sys_id.ok_or_else(|| unknown("the created record's sys_id is missing"))?;
        Ok(CreatedRecord {
            record: RecordRef { table, sys_id },
            number: row.stored("number"),
            written: row.compare(columns, proof),
        })
    }

    /// The rows of a table that are what the query asked for, two at most: whoever needs one has to know of a second.
    ///
    /// ServiceNow drops what it does not understand of a query and answers with other rows (docs/vendors.md#query-traps); those
    /// are left out here.
    ///
    /// # Errors
    /// As [`CallError`] says; never `Unknown`.
    pub async fn find(
        &self,
        tenant: &TenantFile,
        deadline: Timestamp,
        table: &str,
        query: &Query,
    ) -> Result<FoundRecord, CallError> {
        let call = Call::get(format!("api/now/v2/table/{table}"))
            .query("sysparm_query", query.text())
            .query(
                "sysparm_fields",
                &format!("sys_id,number,{}", query.column()),
            )
            .query("sysparm_limit", MANY_ROWS);
        self.rows(tenant, deadline, &call, query).await
    }

    /// Whether a record has an attachment of that name. `None`: the name or the record of some attachment cannot be read,
    /// so it may have.
    ///
    /// # Errors
    /// As [`ServiceNowClient::find`].
    pub async fn has_attachment(
        &self,
        tenant: &TenantFile,
        deadline: Timestamp,
        query: &Query,
        record: &RecordRef,
    ) -> Result<Option<bool>, CallError> {
        let call = Call::get("api/now/attachment".to_owned())
            .query("sysparm_query", query.text())
            .query("sysparm_limit", "2");
        let found = self.rows(tenant, deadline, &call, query).await?;
        let records = || found.rows.iter().map(|row| row.get("table_sys_id"));
        let attached = records().any(|id| id.is_some_and(|id| id == record.sys_id.as_str()));
        let unreadable = records().any(|id| id.is_none_or(String::is_empty));
        Ok((attached || !(found.incomparable || unreadable)).then_some(attached))
    }

    async fn rows(
        &self,
        tenant: &TenantFile,
        deadline: Timestamp,
        call: &Call,
        query: &Query,
    ) -> Result<FoundRecord, CallError> {
        match value(&self.call(tenant, deadline, call).await?) {
            Value::Array(rows) => {
                let mut found = FoundRecord::default();
                for row in rows.into_iter().map(columns) {
                    match row.get(query.column()) {
                        Some(value) if query.matches(value) => found.rows.push(row),
                        Some(_) => {}
                        None => found.incomparable = true,
                    }
                }
                Ok(found)
            }
            _ => Err(unknown("an answer without a list").of_a_read()),
        }
    }

    /// The columns of a record; those that the service account may not read are left out. `None`: no such record.
    ///
    /// # Errors
    /// As [`CallError`] says; never `Unknown`.
    pub async fn read(
        &self,
        tenant: &TenantFile,
        deadline: Timestamp,
        record: &RecordRef,
        names: &[&str],
        display: DisplayValue,
    ) -> Result<Option<Columns>, CallError> {
        let row = (record.table.name(), &record.sys_id);
        self.read_row(tenant, deadline, row, names, display).await
    }

    /// The same for a row of any table, by the table's name.
    ///
    /// # Errors
    /// As [`CallError`] says; never `Unknown`.
    pub async fn read_row(
        &self,
        tenant: &TenantFile,
        deadline: Timestamp,
        (table, sys_id): (&str, &SysId),
        names: &[&str],
        display: DisplayValue,
    ) -> Result<Option<Columns>, CallError> {
        let call = Call::get(format!("api/now/v2/table/{table}/{sys_id}"))
            .query("sysparm_fields", &format!("sys_id,{}", names.join(",")))
            .query(
                "sysparm_display_value",
                if display == DisplayValue::Shown {
                    "true"
                } else {
                    "false"
                },
            );
        match self.call(tenant, deadline, &call).await {
            Ok(row) => {
                let row = one_row(&row).map_err(CallError::of_a_read)?;
                if row.get("sys_id").is_some_and(|id| *id == sys_id.as_str()) {
                    Ok(Some(row))
                } else {
                    Err(unknown("another record was answered").of_a_read())
                }
            }
            Err(CallError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Attaches a text file to a record. An answer that shows another or an empty file counts as a refusal: nothing that
    /// is done again would help.
    ///
    /// # Errors
    /// As [`CallError`] says.
    pub async fn attach(
        &self,
        tenant: &TenantFile,
        deadline: Timestamp,
        record: &RecordRef,
        name: &str,
        text: String,
    ) -> Result<(), CallError> {
        let empty = text.is_empty();
        let call = Call::new(
            Method::POST,
            "api/now/attachment/file".to_owned(),
            Some(("text/plain; charset=utf-8", text.into_bytes())),
        )
        .query("table_name", record.table.name())
        .query("table_sys_id", record.sys_id.as_str())
        .query("file_name", name);
        let file = one_row(&self.call(tenant, deadline, &call).await?)?;
        if file.get("sys_id").is_none_or(String::is_empty) {
            return Err(unknown("the attachment's sys_id is missing"));
        }
        let another = file.get("file_name").is_some_and(|shown| shown != name);
        if another || (!empty && file.get("size_bytes").is_some_and(|size| size == "0")) {
            return Err(CallError::Refused {
                status: 201,
                message: "another file was answered".to_owned(),
            });
        }
        Ok(())
    }

    /// Hands an e-mail over to the instance, which sends it later: success is no proof that it left.
    ///
    /// The service account needs the role `email_api_send` and an access rule made for it (docs/vendors.md#e-mails); otherwise
    /// the e-mail is `Refused` with 403.
    ///
    /// # Errors
    /// As [`CallError`] says.
    pub async fn send_email(
        &self,
        tenant: &TenantFile,
        deadline: Timestamp,
        email: &Email<'_>,
    ) -> Result<(), CallError> {
        #[derive(Serialize)]
        struct Body<'a> {
            to: [&'a str; 1],
            subject: &'a str,
            text: &'a str,
            html: &'a str,
            table_name: &'a str,
            table_record_id: &'a str,
        }
        let body = Body {
            to: [email.to],
            subject: email.subject,
            text: email.text,
            html: email.html,
            table_name: email.record.table.name(),
            table_record_id: email.record.sys_id.as_str(),
        };
        let call = Call::json(Method::POST, "api/now/v1/email".to_owned(), &body);
        let taken = one_row(&self.call(tenant, deadline, &call).await?)?;
        if taken.get("id").is_none_or(String::is_empty) {
            return Err(unknown("the e-mail's id is missing"));
        }
        Ok(())
    }

    /// Sends a call, with another token once more when the first one is refused. The answer is its `result`.
    async fn call(
        &self,
        tenant: &TenantFile,
        deadline: Timestamp,
        call: &Call,
    ) -> Result<Box<RawValue>, CallError> {
        let instance = Instance::parse(
            &tenant.servicenow.instance,
            tenant.servicenow.allow_host.as_deref(),
            self.allow_loopback,
        )
        .map_err(|error| CallError::Misconfigured(format!("the instance {error}")))?;
        // A token may have to be obtained first, which must not be cut off either.
        self.enough_time(deadline)?;
        let access = &self.access;
        let token = access.get_after(tenant, &instance, None, deadline).await?;
        let page = match self.send(&instance, deadline, call, &token).await {
            Err(Answer::Unauthorized { page }) => page,
            Err(Answer::Failed(error)) => return Err(error),
            Ok(result) => return Ok(result),
        };
        let refused = RefusedToken {
            token: &token,
            by_servicenow: !page,
        };
        let token = access
            .get_after(tenant, &instance, Some(refused), deadline)
            .await?;
        self.send(&instance, deadline, call, &token)
            .await
            .map_err(|answer| match answer {
                Answer::Failed(error) => error,
                Answer::Unauthorized { page: true } => page_instead(401, None),
                Answer::Unauthorized { page: false } => {
                    let reason = "ServiceNow refuses a token that it just granted".to_owned();
                    telemetry::count(Metric::ReauthorizationNeeded, Some(&tenant.tenant));
                    CallError::Access(AccessError::ReauthorizationNeeded(reason))
                }
            })
    }

    async fn send(
        &self,
        instance: &Instance,
        deadline: Timestamp,
        call: &Call,
        token: &Secret,
    ) -> Result<Box<RawValue>, Answer> {
        let left = self.enough_time(deadline)?;
        let mut url = instance
            .base()
            .join(&call.path)
            .map_err(|_| unknown("the instance's URL is odd"))?;
        if !call.query.is_empty() {
            let pairs = call.query.iter();
            url.query_pairs_mut()
                .extend_pairs(pairs.map(|(name, value)| (*name, value.as_str())));
        }
        let read = call.method == Method::GET;
        let mut request = self
            .http
            .request(call.method.clone(), url)
            .header(header::ACCEPT, "application/json")
            .bearer_auth(token.expose())
            .timeout(left.min(if read {
                self.patience.read
            } else {
                self.patience.write
            }));
        if let Some((content_type, body)) = &call.body {
            request = request
                .header(header::CONTENT_TYPE, *content_type)
                .body(body.clone());
        }
        let outcome = async {
            let answer = request
                .send()
                .await
                .map_err(|error| transport_error(&error))?;
            let (status, asked_delay) = (
                answer.status(),
                retry_after(answer.headers(), self.clock.now()),
            );
            let body = body(answer, LONGEST_ANSWER)
                .await
                .map_err(|error| CallError::Unknown {
                    timed_out: error.is_timeout(),
                    reason: error.to_string(),
                })?;
            read_answer(status, asked_delay, &body)
        };
        outcome.await.map_err(|answer| match answer {
            Answer::Failed(error) if read => Answer::Failed(error.of_a_read()),
            answer => answer,
        })
    }
}

impl ServiceNowClient {
    /// What is left, provided that a call may start at all.
    fn enough_time(&self, deadline: Timestamp) -> Result<Duration, CallError> {
        let left = deadline.since(self.clock.now());
        if left < self.patience.needs {
            Err(CallError::OutOfTime)
        } else {
            Ok(left)
        }
    }
}

/// A call before it has a token.
struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<(&'static str, Vec<u8>)>,
}

impl Call {
    const fn new(method: Method, path: String, body: Option<(&'static str, Vec<u8>)>) -> Self {
        Self {
            method,
            path,
            query: Vec::new(),
            body,
        }
    }

    fn json(method: Method, path: String, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self::new(method, path, Some(("application/json", body)))
    }

    /// A call whose answer has rows.
    fn get(path: String) -> Self {
        Self::new(Method::GET, path, None).with_plain_references()
    }

    /// A call whose answer is the row that was written, with what was written, both as stored and as shown: journals
    /// are only shown.
    fn write(method: Method, path: String, columns: &Columns) -> Self {
        let mut fields = "sys_id,number".to_owned();
        for column in columns.keys() {
            fields.push(',');
            fields.push_str(column);
        }
        Self::json(method, path, columns)
            .with_plain_references()
            .query("sysparm_fields", &fields)
            .query("sysparm_display_value", "all")
    }

    fn with_plain_references(self) -> Self {
        self.query("sysparm_exclude_reference_link", "true")
    }

    fn query(mut self, name: &'static str, value: &str) -> Self {
        self.query.push((name, value.to_owned()));
        self
    }
}

enum Answer {
    Unauthorized {
        /// It was a page instead of JSON.
        page: bool,
    },
    Failed(CallError),
}

impl From<CallError> for Answer {
    fn from(error: CallError) -> Self {
        Self::Failed(error)
    }
}

/// ServiceNow ignores letter case when it compares, so other rows may stand before the one that was asked for: sessions
/// `AbCdEf01` and `aBcDeF01` answer to one query.
const MANY_ROWS: &str = "100";

/// Reads an answer: a status alone proves nothing (docs/decisions/0002-exactly-once.md). The result is left as it came: what
/// a long-lived record shows may be long, and little of it matters.
fn read_answer(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Result<Box<RawValue>, Answer> {
    #[derive(Deserialize)]
    struct Envelope {
        result: Option<Box<RawValue>>,
        error: Option<ErrorBody>,
    }
    #[derive(Default, Deserialize)]
    struct ErrorBody {
        #[serde(default)]
        message: Value,
        #[serde(default)]
        detail: Value,
    }
    let failed = |error| Err(Answer::Failed(error));
    let too_many = has_too_many_values(body);
    let envelope = if too_many {
        None
    } else {
        serde_json::from_slice::<Envelope>(body).ok()
    };
    // A page comes from something in front of the instance, which says nothing about the record or the token.
    let page = envelope.is_none() && !body.trim_ascii().is_empty();
    match status.as_u16() {
        200 | 201 => match envelope {
            Some(Envelope {
                result: Some(result),
                error: None,
            }) => Ok(result),
            Some(Envelope { error: Some(_), .. }) => {
                failed(unknown("an answer that ends in an error"))
            }
            None if too_many => failed(unknown("the answer has too many values")),
            _ => failed(unknown("an answer that is not the expected JSON")),
        },
        408 => failed(unknown("408")),
        401 => Err(Answer::Unauthorized { page }),
        429 => failed(CallError::Throttled { retry_after }),
        status @ 400..=499 if page => failed(page_instead(status, retry_after)),
        404 => failed(CallError::NotFound),
        503 => failed(CallError::Unavailable {
            reason: "503".to_owned(),
            retry_after,
            timed_out: false,
        }),
        400..=499 => {
            let error = envelope
                .and_then(|envelope| envelope.error)
                .unwrap_or_default();
            let (message, detail) = (text(error.message), text(error.detail));
            failed(CallError::Refused {
                status: status.as_u16(),
                message: refusal::reason(&message, &detail),
            })
        }
        other => failed(unknown(&other.to_string())),
    }
}

/// A page in the place of ServiceNow's own answer.
fn page_instead(status: u16, retry_after: Option<Duration>) -> CallError {
    CallError::Unavailable {
        reason: format!("{status} with a page"),
        retry_after,
        timed_out: false,
    }
}

fn unknown(reason: &str) -> CallError {
    CallError::Unknown {
        reason: reason.to_owned(),
        timed_out: false,
    }
}

fn transport_error(error: &reqwest::Error) -> Answer {
    if error.is_connect() || error.is_builder() {
        let reason = transport_reason(error).to_owned();
        return Answer::Failed(CallError::Unavailable {
            reason,
            retry_after: None,
            timed_out: false,
        });
    }
    let reason = transport_reason(error).to_owned();
    Answer::Failed(CallError::Unknown {
        reason,
        timed_out: error.is_timeout(),
    })
}

/// A result that has been read before, so that it is JSON.
fn value(result: &RawValue) -> Value {
    serde_json::from_str(result.get()).unwrap_or_default()
}

fn one_row(result: &RawValue) -> Result<Columns, CallError> {
    match value(result) {
        row @ Value::Object(_) => Ok(columns(row)),
        _ => Err(unknown("an answer without a record")),
    }
}

/// A row with every value as text: a reference's value, a shown value, a scalar.
fn columns(row: Value) -> Columns {
    let Value::Object(row) = row else {
        return Columns::new();
    };
    // Collecting would sort, which is four kilobytes of code.
    let mut columns = Columns::new();
    columns.extend(row.into_iter().map(|(name, value)| (name, text(value))));
    columns
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Object(mut parts) => match parts
            .remove("value")
            .or_else(|| parts.remove("display_value"))
        {
            Some(Value::String(text)) => text,
            _ => String::new(),
        },
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// So much of the displayed work notes is read, in bytes: the newest note stands first.
const NEWEST_NOTES: usize = 64 * 1024;

/// The answer to a write, each value as it came.
struct WrittenRow<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> WrittenRow<'a> {
    fn parse(result: &'a RawValue) -> Result<Self, CallError> {
        let row = serde_json::from_str(result.get());
        row.map(Self)
            .map_err(|_| unknown("an answer without a record"))
    }

    /// A column's stored value; empty when it is not there.
    fn stored(&self, column: &str) -> String {
        self.0
            .get(column)
            .map_or_else(String::new, |raw| text(value(raw)))
    }

    /// What of the columns, and of the note with the text `proof`, the answer shows.
    fn compare(&self, columns: &Columns, proof: &str) -> WrittenRecord {
        let (mut note, mut dropped) = (None, BTreeSet::new());
        for (column, sent) in columns {
            let shown = self.0.get(column.as_str()).copied();
            if column == "work_notes" {
                note = shown
                    .and_then(newest_notes)
                    .map(|notes| notes.contains(proof));
            } else if !shown.is_some_and(|shown| took(sent, shown)) {
                dropped.insert(column.clone());
            }
        }
        WrittenRecord { note, dropped }
    }
}

/// A value beside what is shown to people.
#[derive(Deserialize)]
struct Both<'a> {
    #[serde(borrow)]
    display_value: Option<&'a RawValue>,
}

/// A text that is shorter was not cut to its column's size: `1` is not the beginning of `10`.
const SHORTEST_CUT: usize = 16;

/// Whether a column shows what was sent, as stored or as people see it; a text may have been cut to the column's size.
fn took(sent: &str, shown: &RawValue) -> bool {
    let display = serde_json::from_str::<Both<'_>>(shown.get()).ok();
    let display = display.and_then(|both| both.display_value);
    [Some(shown), display].into_iter().flatten().any(|shown| {
        let (sent, shown) = (sent.trim(), text(value(shown)));
        let shown = shown.trim();
        sent == shown || (shown.len() >= SHORTEST_CUT && sent.starts_with(shown))
    })
}

/// The beginning of the displayed work notes.
fn newest_notes(notes: &RawValue) -> Option<String> {
    let both = serde_json::from_str::<Both<'_>>(notes.get()).ok();
    let shown = both.map_or(Some(notes), |both| both.display_value)?.get();
    let inner = shown.strip_prefix('"')?;
    if shown.len() <= NEWEST_NOTES {
        return serde_json::from_str(shown).ok();
    }
    // The longest escape, of a character in two halves, has twelve bytes.
    (0..12).find_map(|less| {
        let beginning = inner.get(..NEWEST_NOTES - less)?;
        serde_json::from_str(&format!("\"{beginning}\"")).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Result<Box<RawValue>, Answer> {
        read_answer(
            StatusCode::from_u16(status).expect("a status"),
            None,
            body.as_bytes(),
        )
    }

    fn error(status: u16, body: &str) -> CallError {
        match read(status, body) {
            Err(Answer::Failed(error)) => error,
            Err(Answer::Unauthorized { .. }) => panic!("unauthorised"),
            Ok(value) => panic!("{value}"),
        }
    }

    #[test]
    fn only_a_result_without_an_error_is_a_success() {
        assert!(read(200, r#"{"result":{"sys_id":"1"}}"#).is_ok());
        for (status, body) in [
            (200, "<html>hibernating</html>"),
            (200, r#"{"result":{"sys_id":"#),
            (
                200,
                r#"{"result":{},"error":{"message":"Transaction cancelled"},"status":"failure"}"#,
            ),
            (202, ""),
            (500, r#"{"error":{"message":"x"}}"#),
            (502, "<html>"),
            (504, ""),
        ] {
            assert!(
                matches!(error(status, body), CallError::Unknown { .. }),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn a_refusal_keeps_its_reason_and_nothing_else() {
        let refused = |body: &str| match error(403, body) {
            CallError::Refused {
                status: 403,
                message,
            } => message,
            other => panic!("{other:?}"),
        };
        let policy = r#"{"error":{"message":"Operation Failed","detail":"Data Policy Exception: The following fields are mandatory: Business service"},"status":"failure"}"#;
        assert_eq!(
            refused(policy),
            "Data Policy Exception: The following fields are mandatory: Business service"
        );
        for odd in [
            r#"{"error":{"message":"Operation Failed","detail":null}}"#,
            r#"{"error":{"message":"Operation Failed","detail":{"to":"Ana"}}}"#,
            r#"{"error":{"message":"Operation Failed"}}"#,
        ] {
            assert_eq!(refused(odd), "Operation Failed", "{odd}");
        }
        for without in ["{}", r#"{"error":{}}"#, ""] {
            assert_eq!(refused(without), "another message", "{without}");
        }
    }

    fn written(answer: &str, columns: &[(&str, &str)]) -> WrittenRecord {
        let result = read(200, answer).unwrap_or_else(|_| panic!("{answer}"));
        let columns = columns
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let row = WrittenRow::parse(&result).expect("a row");
        row.compare(&columns, "(Rescue 7 · 0123)")
    }

    /// The answers are those that clients of the Table API report; with `sysparm_display_value=all` each value is an
    /// object, and some instances answer plain values all the same.
    #[test]
    fn a_note_counts_when_the_answer_shows_it() {
        let note = |shown: &str| {
            let answer = format!(r#"{{"result":{{"sys_id":"1"{shown}}}}}"#);
            written(&answer, &[("work_notes", "text")]).note_seen()
        };
        for there in [
            r#","work_notes":{"display_value":"2025 - A (Work notes)\nx (Rescue 7 · 0123)\n\n","value":""}"#,
            r#","work_notes":{"value":"","display_value":"(Rescue 7 \u00b7 0123)"}"#,
            r#","work_notes":"x (Rescue 7 · 0123)""#,
        ] {
            assert_eq!(note(there), Ok(true), "{there}");
        }
        for missing in [
            r#","work_notes":"""#,
            r#","work_notes":{"display_value":"","value":""}"#,
            r#","work_notes":{"display_value":"an older note (Rescue 7 · 9999)","value":""}"#,
        ] {
            assert_eq!(note(missing), Err(CallError::NoteNotVisible), "{missing}");
        }
        for unreadable in ["", r#","work_notes":null"#, r#","work_notes":{"value":""}"#] {
            assert_eq!(note(unreadable), Ok(false), "{unreadable}");
        }
    }

    #[test]
    fn of_a_long_history_the_beginning_is_read_wherever_it_is_cut() {
        let history = "🙂\u{1}\"ü\n".repeat(40_000);
        let escaped: String = history
            .encode_utf16()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect();
        for shift in 0..24 {
            let head = format!("{}(Rescue 7 · 0123)", "a".repeat(shift));
            let plain = serde_json::to_string(&format!("{head}{history}")).expect("JSON");
            for shown in [plain, format!("\"{head}{escaped}\"")] {
                let answer =
                    format!(r#"{{"result":{{"work_notes":{{"display_value":{shown}}}}}}}"#);
                let seen = written(&answer, &[("work_notes", "text")]).note_seen();
                assert_eq!(seen, Ok(true), "{shift}");
            }
        }
        let late = format!("{}(Rescue 7 · 0123)", "a".repeat(NEWEST_NOTES));
        let answer = format!(r#"{{"result":{{"work_notes":"{late}"}}}}"#);
        let seen = written(&answer, &[("work_notes", "text")]).note_seen();
        assert_eq!(seen, Err(CallError::NoteNotVisible));
    }

    #[test]
    fn a_column_took_when_it_shows_what_was_sent() {
        let dropped = |sent: &str, shown: &str| {
            let answer = format!(r#"{{"result":{{"sys_id":"1"{shown}}}}}"#);
            !written(&answer, &[("u_x", sent)]).dropped.is_empty()
        };
        for (sent, shown) in [
            ("2", r#","u_x":{"display_value":"In Progress","value":"2"}"#),
            (
                "In Progress",
                r#","u_x":{"display_value":"In Progress","value":"2"}"#,
            ),
            ("2", r#","u_x":"2""#),
            ("28", r#","u_x":28"#),
            (
                "a text that was cut to its column's size",
                r#","u_x":{"display_value":"a text that was cut","value":"a text that was cut"}"#,
            ),
            (" padded ", r#","u_x":"padded""#),
            ("", r#","u_x":"""#),
        ] {
            assert!(!dropped(sent, shown), "{sent} {shown}");
        }
        for (sent, shown) in [
            ("2", r#","u_x":{"display_value":"Closed","value":"7"}"#),
            ("2", r#","u_x":{"display_value":"","value":""}"#),
            ("2", r#","u_x":"""#),
            ("2", r#","u_x":null"#),
            ("10", r#","u_x":"1""#),
            ("2", ""),
        ] {
            assert!(dropped(sent, shown), "{sent} {shown}");
        }
    }

    #[test]
    fn what_had_no_effect_is_told_from_what_may_have_had_one() {
        assert!(matches!(error(503, ""), CallError::Unavailable { .. }));
        assert!(matches!(
            error(429, ""),
            CallError::Throttled { retry_after: None }
        ));
        assert!(matches!(error(404, "{}"), CallError::NotFound));
        for (body, by_page) in [("", false), ("{}", false), ("<html>Sign in</html>", true)] {
            let refused = read(401, body);
            assert!(
                matches!(refused, Err(Answer::Unauthorized { page }) if page == by_page),
                "{body}"
            );
        }
        for status in [403, 404] {
            let error = error(status, "<html>Access denied by a gateway</html>");
            assert!(matches!(error, CallError::Unavailable { .. }), "{status}");
        }
        assert!(matches!(error(408, ""), CallError::Unknown { .. }));
    }
}
