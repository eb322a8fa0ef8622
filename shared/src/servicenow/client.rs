//! The Table, Attachment and Email APIs (protocols B.2, B.3): a handful of calls, each of which ends as done, as
//! without effect, or as unknown.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::{Clock, Timestamp};
use crate::http::{LONGEST_ANSWER, body, has_too_many_values};
use crate::record::{RecordRef, SysId, Table};
use crate::retry::Patience;
use crate::secret::Secret;
use crate::servicenow::access::{AccessError, AccessTokens, RefusedToken};
use crate::servicenow::instance::Instance;
use crate::servicenow::query::Query;
use crate::servicenow::transport::{retry_after, transport_reason};
use crate::telemetry::{self, Metric};
use crate::tenant::TenantFile;

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
        /// ServiceNow's own message, where it is one of its standard ones: a customer's rule may name people.
        message: &'static str,
    },
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
pub struct Created {
    /// The record.
    pub record: RecordRef,
    /// Its number, where ServiceNow showed it.
    pub number: String,
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
pub struct Found {
    /// The rows that are what was asked for.
    pub rows: Vec<Columns>,
    /// A row came without the column that was asked for, which the service account may then not read: what was not
    /// found may be there all the same.
    pub incomparable: bool,
}

/// Calls a tenant's instance. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    access: Arc<AccessTokens>,
    clock: Clock,
    allow_loopback: bool,
    patience: Patience,
}

/// How values are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    /// As stored; journals read empty.
    Raw,
    /// As shown to people; journals read as their whole history.
    Shown,
}

impl Client {
    /// A client by way of these.
    pub const fn new(
        http: reqwest::Client,
        access: Arc<AccessTokens>,
        clock: Clock,
        allow_loopback: bool,
        patience: Patience,
    ) -> Self {
        Self {
            http,
            access,
            clock,
            allow_loopback,
            patience,
        }
    }

    /// Changes columns of a record; `work_notes` appends.
    ///
    /// # Errors
    /// As [`CallError`] says.
    pub async fn update(
        &self,
        tenant: &TenantFile,
        deadline: Timestamp,
        record: &RecordRef,
        columns: &Columns,
    ) -> Result<(), CallError> {
        let table = record.table.name();
        self.update_row(tenant, deadline, (table, &record.sys_id), columns)
            .await
    }

    /// The same for a row of any table, by the table's name.
    ///
    /// # Errors
    /// As [`CallError`] says.
    pub async fn update_row(
        &self,
        tenant: &TenantFile,
        deadline: Timestamp,
        (table, sys_id): (&str, &SysId),
        columns: &Columns,
    ) -> Result<(), CallError> {
        let path = format!("api/now/v2/table/{table}/{sys_id}");
        let call =
            Call::write(Method::PATCH, path, columns).query("sysparm_fields", "sys_id,number");
        let row = one_row(self.call(tenant, deadline, &call).await?)?;
        if row.get("sys_id").is_none_or(|id| *id != sys_id.as_str()) {
            return Err(unknown("another record was answered"));
        }
        Ok(())
    }

    /// Creates a record.
    ///
    /// # Errors
    /// As [`CallError`] says.
    pub async fn create(
        &self,
        tenant: &TenantFile,
        deadline: Timestamp,
        table: Table,
        columns: &Columns,
    ) -> Result<Created, CallError> {
        let path = format!("api/now/v2/table/{table}");
        let call =
            Call::write(Method::POST, path, columns).query("sysparm_fields", "sys_id,number");
        let row = one_row(self.call(tenant, deadline, &call).await?)?;
        let sys_id = row.get("sys_id").and_then(|sys_id| SysId::parse(sys_id));
        let sys_id = sys_id.ok_or_else(|| unknown("the created record's sys_id is missing"))?;
        Ok(Created {
            record: RecordRef { table, sys_id },
            number: row.get("number").cloned().unwrap_or_default(),
        })
    }

    /// The rows of a table that are what the query asked for, two at most: whoever needs one has to know of a second.
    ///
    /// ServiceNow drops what it does not understand of a query and answers with other rows (protocols B.2.1); those
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
    ) -> Result<Found, CallError> {
        let call = Call::get(format!("api/now/v2/table/{table}"))
            .query("sysparm_query", query.text())
            .query(
                "sysparm_fields",
                &format!("sys_id,number,{}", query.column()),
            )
            .query("sysparm_limit", "2");
        self.rows(tenant, deadline, &call, query).await
    }

    /// Whether a record has an attachment of that name.
    ///
    /// # Errors
    /// As [`Client::find`].
    pub async fn has_attachment(
        &self,
        tenant: &TenantFile,
        deadline: Timestamp,
        query: &Query,
        record: &RecordRef,
    ) -> Result<bool, CallError> {
        let call = Call::get("api/now/attachment".to_owned())
            .query("sysparm_query", query.text())
            .query("sysparm_limit", "2");
        let found = self.rows(tenant, deadline, &call, query).await?;
        Ok(found.rows.iter().any(|row| {
            row.get("table_sys_id")
                .is_some_and(|id| id == record.sys_id.as_str())
        }))
    }

    async fn rows(
        &self,
        tenant: &TenantFile,
        deadline: Timestamp,
        call: &Call,
        query: &Query,
    ) -> Result<Found, CallError> {
        match self.call(tenant, deadline, call).await? {
            Value::Array(rows) => {
                let mut found = Found::default();
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
        display: Display,
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
        display: Display,
    ) -> Result<Option<Columns>, CallError> {
        let call = Call::get(format!("api/now/v2/table/{table}/{sys_id}"))
            .query("sysparm_fields", &format!("sys_id,{}", names.join(",")))
            .query(
                "sysparm_display_value",
                if display == Display::Shown {
                    "true"
                } else {
                    "false"
                },
            );
        match self.call(tenant, deadline, &call).await {
            Ok(row) => {
                let row = one_row(row).map_err(CallError::of_a_read)?;
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

    /// Attaches a text file to a record.
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
        let call = Call::new(
            Method::POST,
            "api/now/attachment/file".to_owned(),
            Some(("text/plain; charset=utf-8", text.into_bytes())),
        )
        .query("table_name", record.table.name())
        .query("table_sys_id", record.sys_id.as_str())
        .query("file_name", name);
        one_row(self.call(tenant, deadline, &call).await?).map(|_| ())
    }

    /// Hands an e-mail over to the instance, which sends it later: success is no proof that it left.
    ///
    /// The service account needs the role `email_api_send` and an access rule made for it (protocols B.3); otherwise
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
        let taken = one_row(self.call(tenant, deadline, &call).await?)?;
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
    ) -> Result<Value, CallError> {
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
    ) -> Result<Value, Answer> {
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

impl Client {
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

    /// A call whose answer is the row that was written.
    fn write(method: Method, path: String, columns: &Columns) -> Self {
        Self::json(method, path, columns).with_plain_references()
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

/// ServiceNow's standard messages (protocols B.2.2).
const KNOWN_MESSAGES: [&str; 6] = [
    "Insufficient rights to query records",
    "Operation Failed",
    "Exception while reading request",
    "Invalid table",
    "User Not Authorized",
    "Bad Request",
];

/// Reads an answer as protocols B.2.1 and B.2.2 say: a status alone proves nothing.
fn read_answer(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Result<Value, Answer> {
    #[derive(Deserialize)]
    struct Envelope {
        result: Option<Value>,
        error: Option<ErrorBody>,
    }
    #[derive(Deserialize)]
    struct ErrorBody {
        #[serde(default)]
        message: String,
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
            let message = envelope.and_then(|envelope| envelope.error);
            let message = message
                .map(|error| error.message)
                .and_then(|message| KNOWN_MESSAGES.into_iter().find(|known| *known == message))
                .unwrap_or("another message");
            failed(CallError::Refused {
                status: status.as_u16(),
                message,
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

fn one_row(result: Value) -> Result<Columns, CallError> {
    match result {
        Value::Object(_) => Ok(columns(result)),
        _ => Err(unknown("an answer without a record")),
    }
}

/// A row with every value as text: a reference's value, a shown value, a scalar.
fn columns(row: Value) -> Columns {
    let Value::Object(row) = row else {
        return Columns::new();
    };
    let text = |value: Value| match value {
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
    };
    row.into_iter()
        .map(|(name, value)| (name, text(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Result<Value, Answer> {
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
    fn a_refusal_keeps_the_vendors_short_message_and_nothing_else() {
        let body = r#"{"error":{"message":"Operation Failed","detail":"ACL Exception"},"status":"failure"}"#;
        assert_eq!(
            error(403, body),
            CallError::Refused {
                status: 403,
                message: "Operation Failed"
            }
        );
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
