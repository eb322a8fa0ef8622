//! ServiceNow's tables: whether the service account may read them, and the columns in use.

use serde_json::{Map, Value};

use super::examination::Examination;
use super::finding::Finding;
use super::probe::Probe;
use crate::domain::record::Table;
use crate::domain::tenant::{Chat, ConsoleSessions};

pub(super) const USERS: &str = "sys_user";

/// The columns that deliveries and PINs read of a record.
const RECORD_COLUMNS: [&str; 5] = ["sys_id", "number", "state", "active", "correlation_id"];

impl Examination {
    pub(super) async fn read_incident(&self) -> Finding {
        match self.incident().await {
            Ok(answer) => self.of_records(answer, Table::Incident),
            Err(finding) => finding.because_of("servicenow-access"),
        }
    }

    pub(super) async fn read_case(&self) -> Finding {
        match self.case().await {
            Ok(answer) if answer.is_invalid_table() => {
                Finding::skipped("this instance has no cases")
            }
            Ok(answer) => self.of_records(answer, Table::Case),
            Err(finding) => self.unread(finding).await,
        }
    }

    /// Whether Customer Service Management is there.
    pub(super) async fn case_plugin(&self) -> Finding {
        let needed = self.file().sessions.console_sessions == ConsoleSessions::Case;
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
    fn written_columns(&self, table: Table) -> impl Iterator<Item = &str> {
        let sessions = &self.file().sessions;
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
            Table::Case => self.file().sessions.console_sessions == ConsoleSessions::Case,
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
pub fn rights(table: Table) -> String {
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
