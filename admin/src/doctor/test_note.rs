//! The test note: whether the service account may write to a record.

use shared::checks::finding::Finding;
use shared::checks::servicenow_tables::rights;
use shared::domain::record::{RecordRef, SysId, TableName};
use shared::servicenow::client::{CallError, Columns, DisplayValue};
use shared::servicenow::query::Query;

use super::context::Doctor;
use crate::records::record_number;

impl Doctor<'_> {
    /// Writes one note, reads it back, and checks its author.
    pub(crate) async fn write_note(&self) -> Finding {
        let Some(number) = &self.options.write_to else {
            return Finding::skipped(
                "only a test note proves write access: --write-to NUMBER of a record",
            );
        };
        if let Err(access) = self.examination.incident().await {
            return access.because_of("servicenow-access");
        }
        let file = self.examination.file();
        let number = match record_number(file, number) {
            Ok(number) => number,
            Err(unknown) => {
                return Finding::failed(unknown.to_string(), "Name a record by its number.");
            }
        };
        let name = number.as_str();
        let instance = self
            .examination
            .servicenow
            .for_tenant(file, self.examination.budget());
        let found = instance
            .find(number.table().as_str(), &Query::number(&number))
            .await;
        let record = match found {
            Err(error) => return self.of_call(&error, number.table()),
            Ok(found) => match (found.rows.as_slice(), found.incomparable) {
                ([row], false) => row.get("sys_id").and_then(|id| SysId::parse(id)),
                _ => None,
            },
        };
        let Some(sys_id) = record else {
            return Finding::failed(
                format!("{name} does not exist, or may not be read"),
                "Name an existing record, or give the service account the right to read it.",
            );
        };
        let record = RecordRef {
            table: number.table().clone(),
            sys_id,
        };
        let proof = uuid::Uuid::new_v4().simple().to_string();
        let text = format!(
            "Rescue Connector: a test note by `rescue-connector doctor` ({proof}). The connector may write to this \
             record; nothing else was changed."
        );
        let columns = Columns::from([("work_notes".to_owned(), text)]);
        let written = instance.update(&record, &columns, &proof);
        if let Err(error) = written.await {
            return self.of_call(&error, &record.table);
        }
        let names = ["work_notes", "sys_updated_by"];
        let row = instance.read(&record, &names, DisplayValue::Shown).await;
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

    fn of_call(&self, error: &CallError, table: &TableName) -> Finding {
        match error {
            CallError::Access(error) => self
                .examination
                .of_access(error)
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
}
