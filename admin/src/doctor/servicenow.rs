//! ServiceNow: whether it answers, and what the service account may do.

use serde_json::{Map, Value};
use shared::domain::record::Table;
use shared::domain::tenant::{Chat, ConsoleSessions};
use shared::servicenow::client::{CallError, Columns, DisplayValue};
use shared::servicenow::query::Query;

use super::context::Doctor;
use super::finding::Finding;
use super::probe::Probe;
use crate::json_name::json_name;

const USERS: &str = "sys_user";

/// The columns that deliveries and PINs read of a record.
const RECORD_COLUMNS: [&str; 5] = ["sys_id", "number", "state", "active", "correlation_id"];

/// The role of the Email API (docs/vendors.md#e-mails).
const EMAIL_ROLE: &str = "email_api_send";

/// Below this share of an hourly limit deliveries may soon be refused.
const HEADROOM_WARNS: u64 = 10;

impl Doctor<'_> {
    /// The instance's answer to a request without credentials; sent once.
    pub(crate) async fn reached(&self) -> &Result<Probe, Finding> {
        let reach = || async {
            let instance = self.instance()?;
            let host = instance.base().host_str().unwrap_or_default();
            let invalid = || {
                Finding::failed(
                    format!("{host}: the URL is not valid"),
                    "Correct servicenow.instance in the tenant file and apply it again.",
                )
            };
            let url = instance
                .base()
                .join("api/now/v2/table/incident")
                .map_err(|_| invalid())?;
            let request = self
                .http
                .get(url)
                .query(&[("sysparm_limit", "1")])
                .header(reqwest::header::ACCEPT, "application/json");
            self.ask(request).await.map_err(|reason| {
                Finding::failed(
                    format!("{host}: {reason}"),
                    "Check servicenow.instance in the tenant file: it is the address at which users open ServiceNow. \
                     If it is right, check that the instance is up, and that its IP access list admits the connector.",
                )
            })
        };
        self.reached.get_or_init(reach).await
    }

    /// Whether the instance answers and does not hibernate.
    pub(crate) async fn reachable(&self) -> Finding {
        let answer = match self.reached().await {
            Ok(answer) => answer,
            Err(finding) => return finding.clone(),
        };
        let instance = self.tenant.file.servicenow.instance.trim_end_matches('/');
        match (answer.status, &answer.json) {
            (300..=399, _) => Finding::failed(
                format!("{instance} leads somewhere else ({})", answer.status),
                "Correct servicenow.instance in the tenant file: the connector follows no redirects, because they would \
                 receive its token.",
            ),
            (503, _) => Finding::failed(
                format!("{instance} answers 503"),
                "The instance is in maintenance or overloaded. Deliveries wait and resume by themselves. Ask the instance's administrator.",
            ),
            (200..=299, None) => Finding::failed(
                format!(
                    "{instance} answers with a page instead of data: it hibernates or is in maintenance"
                ),
                "Wake a developer instance at developer.servicenow.com; for any other, ask its administrator.",
            ),
            (status, None) => Finding::failed(
                format!("{instance} answers {status} with a page"),
                "Check servicenow.instance in the tenant file: there may be no ServiceNow instance of that name, or \
                 a VPN or access list may refuse the connector.",
            ),
            (status @ 500..=599, _) => Finding::failed(
                format!("{instance} answers {status}"),
                "The instance fails. Deliveries wait and resume by themselves. Ask the instance's administrator.",
            ),
            (_, Some(_)) => Finding::ok(format!(
                "{instance} is awake and answers in {} ms",
                answer.took.as_millis()
            )),
        }
    }

    /// Whether ServiceNow accepts the access token. A new one is requested only when none is shared, or it is refused.
    pub(crate) async fn servicenow_access(&self) -> Finding {
        let grant = json_name(&self.tenant.file.servicenow.grant);
        match self.incident().await {
            Ok(answer) if answer.status < 500 && answer.json.is_some() => {
                Finding::ok(format!("granted by {grant}, and accepted"))
            }
            Ok(answer) => Finding::failed(
                format!(
                    "an access token exists, but ServiceNow answers {} without data",
                    answer.status
                ),
                "See servicenow-reachable, and try again in a minute.",
            ),
            Err(finding) => finding.clone(),
        }
    }

    /// The service account as ServiceNow knows it.
    pub(crate) async fn servicenow_user(&self) -> Finding {
        let account = self.tenant.file.servicenow.service_account.trim();
        if account.is_empty() {
            return Finding::skipped(
                "servicenow.service_account is not set, so the author is seen only in the notes",
            );
        }
        if !is_searchable(account) {
            return Finding::skipped(
                "the name in servicenow.service_account has characters that cannot be searched for",
            );
        }
        let query = format!("user_name={account}");
        let answer = self
            .table(USERS, &query, "sys_id,user_name,name,active,locked_out")
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(finding) => return self.unread(&finding).await,
        };
        let text = |row: &Map<String, Value>, name: &str| {
            row.get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        // ServiceNow ignores query terms that it does not know and answers with other rows.
        let rows = answer.rows().iter().filter_map(Value::as_object);
        let row = rows
            .into_iter()
            .find(|row| text(row, "user_name").eq_ignore_ascii_case(account));
        let Some(row) = row else {
            return Finding::warning(
                format!("{account} does not exist, or may not be read"),
                format!(
                    "Check that servicenow.service_account in the tenant file is the User ID of the account, and give \
                     it read access to {USERS}."
                ),
            );
        };
        let unlock = format!(
            "Open the user {account} in ServiceNow, and make it active and not locked out."
        );
        if text(row, "active") == "false" {
            return Finding::failed(format!("{account} is inactive"), unlock);
        }
        if text(row, "locked_out") == "true" {
            return Finding::failed(format!("{account} is locked out"), unlock);
        }
        Finding::ok(format!("{account} ({}) is active", text(row, "name")))
    }

    pub(crate) async fn read_incident(&self) -> Finding {
        match self.incident().await {
            Ok(answer) => self.of_records(answer, Table::Incident),
            Err(finding) => finding.because_of("servicenow-access"),
        }
    }

    pub(crate) async fn read_case(&self) -> Finding {
        match self.case().await {
            Ok(answer) if answer.is_invalid_table() => {
                Finding::skipped("this instance has no cases")
            }
            Ok(answer) => self.of_records(answer, Table::Case),
            Err(finding) => self.unread(finding).await,
        }
    }

    /// Whether Customer Service Management is there.
    pub(crate) async fn case_plugin(&self) -> Finding {
        let needed = self.tenant.file.sessions.console_sessions == ConsoleSessions::Case;
        match self.case().await {
            Ok(answer) if answer.is_invalid_table() && needed => Finding::failed(
                "not installed, and console_sessions = \"case\" needs it: no record can be created",
                "Activate the plugin Customer Service Management (com.sn_customerservice) in ServiceNow, or set \
                 console_sessions to \"incident\" in the tenant file.",
            ),
            Ok(answer) if answer.is_invalid_table() => {
                Finding::ok("not installed; the tenant works with incidents only")
            }
            Ok(_) => Finding::ok("installed"),
            Err(finding) => self.unread(finding).await,
        }
    }

    pub(crate) async fn read_user(&self) -> Finding {
        let answer = match self
            .table(USERS, "active=true", "sys_id,user_name,email,name")
            .await
        {
            Ok(answer) => answer,
            Err(finding) => return self.unread(&finding).await,
        };
        let remedy = "Let the service account read sys_user with sys_id, email and name: without it new records have \
                      no caller and no assignee, and customers get no e-mail.";
        if !answer.is_list() {
            return Finding::warning(format!("sys_user: {}", refusal(&answer)), remedy);
        }
        match answer.first_row() {
            None => Finding::warning("no active user may be read", remedy),
            Some(row) => match absent(row, ["email", "name"]).as_slice() {
                [] => Finding::ok("users and their e-mail addresses"),
                missing => {
                    Finding::warning(format!("users without {}", missing.join(", ")), remedy)
                }
            },
        }
    }

    /// Whether notes can be read back. Otherwise nothing is written after an unknown outcome (docs/architecture.md#rule-2).
    pub(crate) async fn read_work_notes(&self) -> Finding {
        let answer = match self.incident().await {
            Ok(answer) => answer,
            Err(finding) => return finding.because_of("servicenow-access"),
        };
        match answer.first_row() {
            None => Finding::skipped("cannot be checked without an incident that may be read"),
            Some(row) if row.contains_key("work_notes") => {
                Finding::ok("work_notes can be read back")
            }
            Some(_) => Finding::failed(
                "work_notes may not be read: a note with an unknown outcome (a time-out) is not retried but \
                 dead-lettered as outcome-unknown",
                "Give the service account the role itil, or a read access rule (ACL) on the field work_notes of incident \
                 (and of task, where it comes from).",
            ),
        }
    }

    pub(crate) async fn read_attachments(&self) -> Finding {
        let query = [("sysparm_limit", "1")];
        let answer = match self.rows("api/now/attachment", &query).await {
            Ok(answer) => answer,
            Err(finding) => return self.unread(&finding).await,
        };
        if answer.is_list() {
            return Finding::ok("attachments can be looked up");
        }
        let remedy = "Let the service account read and create sys_attachment: long notes and chats go there.";
        let seen = format!("sys_attachment: {}", refusal(&answer));
        match self.tenant.file.sessions.chat {
            Chat::Attachment => Finding::failed(seen, remedy),
            Chat::Note | Chat::Omit => Finding::warning(seen, remedy),
        }
    }

    /// Writes one note, reads it back, and checks its author.
    pub(crate) async fn write_note(&self) -> Finding {
        let Some(number) = &self.options.write_to else {
            return Finding::skipped(
                "only a test note proves write access: --write-to NUMBER (an incident or case)",
            );
        };
        if let Err(access) = self.incident().await {
            return access.because_of("servicenow-access");
        }
        let (file, client, name) = (&self.tenant.file, &self.servicenow, number.as_str());
        let found = client
            .find(
                file,
                self.deadline,
                number.table().name(),
                &Query::number(number),
            )
            .await;
        let record = match found {
            Err(error) => return self.of_call(&error, number.table()),
            Ok(found) => match (found.rows.as_slice(), found.incomparable) {
                ([row], false) => row
                    .get("sys_id")
                    .and_then(|id| shared::domain::record::SysId::parse(id)),
                _ => None,
            },
        };
        let Some(sys_id) = record else {
            return Finding::failed(
                format!("{name} does not exist, or may not be read"),
                "Name an existing record, or give the service account the right to read it.",
            );
        };
        let record = shared::domain::record::RecordRef {
            table: number.table(),
            sys_id,
        };
        let proof = uuid::Uuid::new_v4().simple().to_string();
        let text = format!(
            "Rescue Connector: a test note by `rescue-connector doctor` ({proof}). The connector may write to this \
             record; nothing else was changed."
        );
        let columns = Columns::from([("work_notes".to_owned(), text)]);
        let written = client.update(file, self.deadline, &record, &columns, &proof);
        if let Err(error) = written.await {
            return self.of_call(&error, record.table);
        }
        let names = ["work_notes", "sys_updated_by"];
        let row = client
            .read(file, self.deadline, &record, &names, DisplayValue::Shown)
            .await;
        let row = match row {
            Ok(row) => row.unwrap_or_default(),
            Err(error) => {
                return Finding::warning(
                    format!("{name} accepted the note, and then could not be read: {error}"),
                    "Look at the record: the test note should be there. Then try again.",
                );
            }
        };
        let account = file.servicenow.service_account.trim();
        match (row.get("work_notes"), row.get("sys_updated_by")) {
            (None, _) => Finding::warning(
                format!("{name} accepted the note, which may not be read back"),
                "See read-work-notes. Look at the record: the test note should be there.",
            ),
            (Some(notes), _) if !notes.contains(&proof) => Finding::failed(
                format!("{name} was changed, but ServiceNow silently dropped the note"),
                "Give the service account a write access rule (ACL) on the field work_notes: ServiceNow ignores values for \
                 fields that may not be written.",
            ),
            (_, Some(by)) if !account.is_empty() && by != account => Finding::warning(
                format!("{name} has the test note; it was written by {by}, not by {account}"),
                "Correct servicenow.service_account in the tenant file, or the user that the token was granted for (the \
                 registry's OAuth Application User, or the user who handed the token over).",
            ),
            (_, by) => {
                let by = by
                    .map(|by| format!(", written by {by}"))
                    .unwrap_or_default();
                Finding::ok(format!("{name} has the test note{by}"))
            }
        }
    }

    fn of_call(&self, error: &CallError, table: Table) -> Finding {
        match error {
            CallError::Access(error) => Finding::of_access(error, &self.tenant.file, self.now())
                .because_of("servicenow-access"),
            CallError::Refused { status, message } => Finding::failed(
                format!("{table} refuses the test note: {status} {message}"),
                format!(
                    "{} If it has this role, a business rule or a data policy refuses notes: see the instance's system log.",
                    rights(table)
                ),
            ),
            CallError::NotFound => Finding::failed(
                format!("{table}: the record may not be read"),
                rights(table),
            ),
            CallError::Unknown { reason, .. } => Finding::warning(
                format!("it is not known whether the test note was written: {reason}"),
                "Look at the record, then try again; see servicenow-reachable.",
            ),
            other => Finding::failed(
                other.to_string(),
                "See servicenow-reachable, and try again in a minute.",
            ),
        }
    }

    /// The rights for the Email API, as far as they can be checked without sending an e-mail.
    pub(crate) async fn email(&self) -> Finding {
        let notifications = &self.tenant.file.notifications;
        if !notifications.email_technician && !notifications.email_customer {
            return Finding::ok("no e-mails are sent: both notifications are switched off");
        }
        let remedy = format!(
            "Check in ServiceNow that the service account has the role {EMAIL_ROLE}, and that an access rule exists (type \
             record, operation create, name sys_email, requiring that role; a security_admin makes it). Then press the \
             PIN button once: the answer says whether ServiceNow accepted each e-mail."
        );
        let account = self.tenant.file.servicenow.service_account.trim();
        let unproved = "only sending an e-mail proves that e-mails may be sent";
        if account.is_empty() || !is_searchable(account) {
            return Finding::warning(unproved, remedy);
        }
        let query = format!("user.user_name={account}^role.name={EMAIL_ROLE}");
        let answer = self
            .table("sys_user_has_role", &query, "user.user_name,role.name")
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(finding) => return self.unread(&finding).await,
        };
        let is = |row: &Value, name: &str, wanted: &str| {
            let text = row.get(name).and_then(Value::as_str);
            text.is_some_and(|text| text.eq_ignore_ascii_case(wanted))
        };
        let has_role = answer
            .rows()
            .iter()
            .any(|row| is(row, "user.user_name", account) && is(row, "role.name", EMAIL_ROLE));
        if has_role {
            Finding::warning(
                format!("{account} has the role {EMAIL_ROLE}; the access rule cannot be checked"),
                remedy,
            )
        } else if answer.is_list() {
            Finding::warning(
                format!("{account} seems not to have the role {EMAIL_ROLE}; {unproved}"),
                remedy,
            )
        } else {
            Finding::warning(unproved, remedy)
        }
    }

    /// The hourly limits that ServiceNow returns.
    pub(crate) async fn rate_limit(&self) -> Finding {
        let answer = match self.incident().await {
            Ok(answer) => answer,
            Err(finding) => return finding.because_of("servicenow-access"),
        };
        let number = |name: &str| {
            answer
                .header(name)
                .and_then(|text| text.trim().parse::<u64>().ok())
        };
        let (limit, left) = (number("x-ratelimit-limit"), number("x-ratelimit-remaining"));
        let remedy = "Ask the instance's administrator for a separate rate limit rule for the service account (System \
                      Web Services, Rate Limit Rules). Posts wait meanwhile; none is lost.";
        if answer.status == 429 {
            let limit = limit
                .map(|limit| format!(" ({limit} an hour)"))
                .unwrap_or_default();
            return Finding::failed(
                format!("ServiceNow limits the request rate now{limit}"),
                remedy,
            );
        }
        match (limit, left) {
            (Some(limit), Some(left))
                if left.saturating_mul(100) < limit.saturating_mul(HEADROOM_WARNS) =>
            {
                Finding::warning(
                    format!("{left} of {limit} requests an hour are left"),
                    remedy,
                )
            }
            (Some(limit), Some(left)) => {
                Finding::ok(format!("{left} of {limit} requests an hour are left"))
            }
            (Some(limit), None) => Finding::ok(format!("{limit} requests an hour are allowed")),
            (None, _) => Finding::ok("ServiceNow returns no limit for this account"),
        }
    }

    /// The failure of one read, unless every read fails.
    async fn unread(&self, finding: &Finding) -> Finding {
        match self.incident().await {
            Ok(_) => finding.clone(),
            Err(access) => access.because_of("servicenow-access"),
        }
    }

    /// One incident with the columns in use; read once.
    pub(crate) async fn incident(&self) -> &Result<Probe, Finding> {
        let ask = || self.records(Table::Incident);
        self.incident.get_or_init(ask).await
    }

    async fn case(&self) -> &Result<Probe, Finding> {
        let ask = || self.records(Table::Case);
        self.case.get_or_init(ask).await
    }

    async fn records(&self, table: Table) -> Result<Probe, Finding> {
        let mut columns: Vec<&str> = RECORD_COLUMNS.to_vec();
        columns.push("work_notes");
        columns.extend(self.written_columns(table));
        self.table(table.name(), "", &columns.join(",")).await
    }

    /// Reads a few rows of a table.
    async fn table(&self, table: &str, query: &str, columns: &str) -> Result<Probe, Finding> {
        let path = format!("api/now/v2/table/{table}");
        let mut parameters = vec![
            ("sysparm_fields", columns),
            ("sysparm_limit", "2"),
            ("sysparm_exclude_reference_link", "true"),
        ];
        if !query.is_empty() {
            parameters.push(("sysparm_query", query));
        }
        self.rows(&path, &parameters).await
    }

    /// The columns that the tenant file names: written beside notes, and on records that are created.
    fn written_columns(&self, table: Table) -> impl Iterator<Item = &str> {
        let sessions = &self.tenant.file.sessions;
        let creates = matches!(
            (sessions.console_sessions, table),
            (ConsoleSessions::Incident, Table::Incident) | (ConsoleSessions::Case, Table::Case)
        );
        let new_record = sessions.new_record.columns.keys().filter(move |_| creates);
        sessions
            .columns
            .values()
            .chain(new_record)
            .map(String::as_str)
    }

    fn of_records(&self, answer: &Probe, table: Table) -> Finding {
        let needed = match table {
            Table::Incident => true,
            Table::Case => self.tenant.file.sessions.console_sessions == ConsoleSessions::Case,
        };
        if !answer.is_list() {
            let seen = format!("{table}: {}", refusal(answer));
            return if needed {
                Finding::failed(seen, rights(table))
            } else {
                Finding::warning(
                    seen,
                    format!("If the tenant works with cases: {}", rights(table)),
                )
            };
        }
        let Some(row) = answer.first_row() else {
            let seen = format!(
                "no record of {table} was returned: there is none, or the account may not read any"
            );
            return if needed {
                Finding::warning(seen, rights(table))
            } else {
                Finding::skipped(seen)
            };
        };
        let missing = absent(row, RECORD_COLUMNS);
        if !missing.is_empty() {
            return Finding::failed(
                format!("{table} without {}", missing.join(", ")),
                format!(
                    "{} The connector finds records by these columns.",
                    rights(table)
                ),
            );
        }
        // For incidents, read-work-notes checks this.
        if table == Table::Case && needed && !row.contains_key("work_notes") {
            return Finding::failed(
                format!(
                    "{table} without work_notes: a note with an unknown outcome is dead-lettered"
                ),
                "Give the service account a read access rule (ACL) on the field work_notes of sn_customerservice_case.",
            );
        }
        let unknown = absent(row, self.written_columns(table));
        if !unknown.is_empty() {
            return Finding::warning(
                format!(
                    "{table} has no column {}, or it may not be read",
                    unknown.join(", ")
                ),
                "Correct sessions.columns and sessions.new_record.columns in the tenant file: ServiceNow silently ignores \
                 columns that it does not know.",
            );
        }
        Finding::ok(format!("{table} and the columns in use"))
    }
}

/// Whether a user's name is safe in an encoded query, which has no escapes (docs/vendors.md#query-traps).
fn is_searchable(user_name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._@-+".contains(&b);
    user_name.bytes().all(plain)
}

/// The columns that a row lacks: ServiceNow leaves out columns that may not be read (docs/vendors.md#query-traps).
fn absent<'n>(row: &Map<String, Value>, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let names = names.into_iter();
    names.filter(|name| !row.contains_key(*name)).collect()
}

/// Which rights a table needs.
fn rights(table: Table) -> String {
    match table {
        Table::Incident => {
            "Give the service account the role itil, or sn_incident_read and sn_incident_write."
        }
        Table::Case => "Give the service account the role sn_customerservice_agent.",
    }
    .to_owned()
}

/// Why an answer is no list. Of the vendor's text only configuration is repeated.
fn refusal(answer: &Probe) -> String {
    match answer.status {
        status @ (400 | 403) => format!("{status}, {}", answer.reason()),
        429 => "429, too many requests".to_owned(),
        200 => "the answer is no list".to_owned(),
        status => status.to_string(),
    }
}
