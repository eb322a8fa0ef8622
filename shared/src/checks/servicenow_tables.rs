//! ServiceNow's tables: whether the service account may read them, and the columns in use.

use serde_json::{Map, Value};

use super::examination::Examination;
use super::finding::Finding;
use super::probe::Probe;
use crate::domain::record::TableName;
use crate::domain::tenant::{Chat, ConsoleSessions};

pub(super) const USERS: &str = "sys_user";

/// The setting by its name in words.
const TABLES: &str = "the tables that the tenant works with (tables)";

/// Columns of a session row that the connector reads and writes.
const SESSION_COLUMNS: [&str; 6] = [
    "sys_id",
    "session",
    "record",
    "state",
    "started_at",
    "work_time",
];

/// The column by which a created record is found.
const CORRELATION_ID: &str = "correlation_id";

/// The columns that deliveries and PINs read of a record.
const RECORD_COLUMNS: [&str; 5] = ["sys_id", "number", "state", "active", CORRELATION_ID];

impl Examination {
    pub(super) async fn read_incident(&self) -> Finding {
        match self.incident().await {
            Ok(answer) => self.of_records(answer, &TableName::incident(), true),
            Err(finding) => finding.because_of("servicenow-access"),
        }
    }

    pub(super) async fn read_case(&self) -> Finding {
        match self.case().await {
            Ok(answer) if answer.is_invalid_table() => {
                Finding::skipped("this instance has no cases")
            }
            Ok(answer) => self.of_records(
                answer,
                &TableName::case(),
                self.creates_in(&TableName::case()),
            ),
            Err(finding) => self.unread(finding).await,
        }
    }

    /// Whether Customer Service Management is there.
    pub(super) async fn case_plugin(&self) -> Finding {
        let needed = self.creates_in(&TableName::case());
        match self.case().await {
            Ok(answer) if answer.is_invalid_table() && needed => Finding::failed(
                "not installed, and console_sessions = \"case\" needs it: no record can be created",
                format!(
                    "Activate the plugin Customer Service Management (com.sn_customerservice) in ServiceNow, or set \
                     console_sessions to \"incident\" in the {}.",
                    self.reader.choose("tenant file", "connector's settings")
                ),
            ),
            Ok(answer) if answer.is_invalid_table() => {
                Finding::ok("not installed; the tenant works with incidents only")
            }
            Ok(_) => Finding::ok("installed"),
            Err(finding) => self.unread(finding).await,
        }
    }

    pub(super) async fn read_user(&self) -> Finding {
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
    pub(super) async fn read_work_notes(&self) -> Finding {
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

    pub(super) async fn read_attachments(&self) -> Finding {
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
        match self.file().sessions.chat {
            Chat::Attachment => Finding::failed(seen, remedy),
            Chat::Note | Chat::Omit => Finding::warning(seen, remedy),
        }
    }

    /// The failure of one read, unless every read fails.
    pub(super) async fn unread(&self, finding: &Finding) -> Finding {
        match self.incident().await {
            Ok(_) => finding.clone(),
            Err(access) => access.because_of("servicenow-access"),
        }
    }

    /// One incident with the columns in use, or why there is no answer; read once.
    pub async fn incident(&self) -> &Result<Probe, Finding> {
        let ask = || self.records(TableName::incident());
        self.incident.get_or_init(ask).await
    }

    async fn case(&self) -> &Result<Probe, Finding> {
        let ask = || self.records(TableName::case());
        self.case.get_or_init(ask).await
    }

    async fn records(&self, table: TableName) -> Result<Probe, Finding> {
        let (read, written) = (RECORD_COLUMNS.join(","), self.written_columns(&table));
        let columns = format!("{read},work_notes,{}", written.join(","));
        self.table(table.as_str(), "", columns.trim_end_matches(','))
            .await
    }

    /// Reading the tables that the tenant works with besides incidents and cases.
    pub(super) async fn read_tables(&self) -> Finding {
        let tables = self.file().record_tables();
        let (incident, case) = (TableName::incident(), TableName::case());
        let others = tables.iter().map(|table| table.name.clone());
        let others = others.filter(|name| *name != incident && *name != case);
        let mut findings = Vec::new();
        for table in others {
            findings.push(match self.records(table.clone()).await {
                Ok(answer) if answer.is_invalid_table() => Finding::failed(
                    format!("{table} does not exist on this instance: its posts are refused"),
                    format!(
                        "Activate the application that brings {table}. If this tenant does not need it: {}",
                        self.reader.change("take it out of", TABLES)
                    ),
                ),
                Ok(answer) => self.of_records(&answer, &table, true),
                Err(finding) => self.unread(&finding).await,
            });
        }
        Finding::worst(findings)
            .unwrap_or_else(|| Finding::skipped("the tenant works with incidents and cases only"))
    }

    /// Reading the table of the session rows.
    pub(super) async fn session_table(&self) -> Finding {
        let table = &self.file().sessions.session_table;
        if table.is_empty() {
            return Finding::skipped("no rows are written: sessions.session_table is empty");
        }
        let answer = match self.table(table, "", &SESSION_COLUMNS.join(",")).await {
            Ok(answer) => answer,
            Err(finding) => return self.unread(&finding).await,
        };
        // The app may be built for a scope of the company's own.
        let scope = table.trim_end_matches("_session");
        let rights =
            format!("Give the service account the role {scope}.connector, which the app brings.");
        if answer.is_invalid_table() {
            return Finding::failed(
                format!(
                    "{table} does not exist on this instance: sessions get their notes and no rows"
                ),
                format!(
                    "Install the app in ServiceNow. If this tenant wants no rows: {}",
                    self.reader.change(
                        "empty",
                        "the table of the sessions (sessions.session_table)"
                    )
                ),
            );
        }
        if !answer.is_list() {
            return Finding::failed(format!("{table}: {}", refusal(&answer)), rights);
        }
        match answer.first_row().map(|row| absent(row, SESSION_COLUMNS)) {
            None => Finding::ok(format!("{table}, which has no row yet that may be read")),
            Some(missing) if missing.is_empty() => Finding::ok(format!("{table} and its columns")),
            Some(missing) => Finding::warning(
                format!("{table} without {}", missing.join(", ")),
                format!("{rights} If it has this role, update the app."),
            ),
        }
    }

    /// Whether sessions without a record get one in this table.
    fn creates_in(&self, table: &TableName) -> bool {
        matches!(&self.file().sessions.console_sessions, ConsoleSessions::Create(name) if name == table)
    }

    /// Reads a few rows of a table.
    pub(super) async fn table(
        &self,
        table: &str,
        query: &str,
        columns: &str,
    ) -> Result<Probe, Finding> {
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
    fn written_columns(&self, table: &TableName) -> Vec<String> {
        let sessions = &self.file().sessions;
        let beside_notes = sessions.written_columns().map(|(_, column)| column.name);
        let mut columns: Vec<String> = beside_notes.collect();
        if self.creates_in(table) {
            columns.extend(sessions.new_record.columns.keys().cloned());
        }
        columns
    }

    fn of_records(&self, answer: &Probe, table: &TableName, needed: bool) -> Finding {
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
        let is_always_on = [TableName::incident(), TableName::case()].contains(table);
        let mut missing = absent(row, RECORD_COLUMNS);
        // Other tables may lack them: only created records are found by their correlation_id.
        missing.retain(|column| is_always_on || !["active", CORRELATION_ID].contains(column));
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
        if *table != TableName::incident() && needed && !row.contains_key("work_notes") {
            return Finding::failed(
                format!(
                    "{table} without work_notes: a note with an unknown outcome is dead-lettered"
                ),
                format!(
                    "Give the service account a read access rule (ACL) on the field work_notes of {table}."
                ),
            );
        }
        if !row.contains_key(CORRELATION_ID) && self.creates_in(table) {
            return Finding::warning(
                format!(
                    "{table} without {CORRELATION_ID}: a creation with an unknown outcome is dead-lettered"
                ),
                format!(
                    "Add the column {CORRELATION_ID} to {table}, a text of 100 characters, or let the account read it."
                ),
            );
        }
        let written = self.written_columns(table);
        let unknown = absent(row, written.iter().map(String::as_str));
        if !unknown.is_empty() {
            return Finding::warning(
                format!(
                    "{table} has no column {}, or it may not be read",
                    unknown.join(", ")
                ),
                format!(
                    "{} ServiceNow silently ignores columns that it does not know.",
                    self.reader
                        .correct("the columns (sessions.columns, sessions.new_record.columns)")
                ),
            );
        }
        Finding::ok(format!("{table} and the columns in use"))
    }
}

/// The columns that a row lacks: ServiceNow leaves out columns that may not be read (docs/vendors.md#query-traps).
fn absent<'n>(row: &Map<String, Value>, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let names = names.into_iter();
    names.filter(|name| !row.contains_key(*name)).collect()
}

/// Which rights a table needs.
pub fn rights(table: &TableName) -> String {
    match table.as_str() {
        "incident" => {
            "Give the service account the role itil, or sn_incident_read and sn_incident_write."
        }
        "sn_customerservice_case" => "Give the service account the role sn_customerservice_agent.",
        "sn_hr_core_case" => "Give the service account the role sn_hr_core.case_writer.",
        "problem" | "change_request" | "sc_req_item" | "sc_task" | "interaction" => {
            "Give the service account the role itil."
        }
        _ => {
            return format!("Give the service account a role that may read and write {table}.");
        }
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
