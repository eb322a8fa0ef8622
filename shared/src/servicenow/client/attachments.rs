//! Text files attached to records.

use http::Method;

use super::call::Call;
use super::columns::one_row;
use super::error::CallError;
use super::instance::TenantInstance;
use crate::domain::record::RecordRef;
use crate::servicenow::query::Query;

impl TenantInstance<'_> {
    /// Whether a record has the attachment of that query. `None`: the service account cannot read the name or the record
    /// of some attachment, so the record may have it.
    ///
    /// # Errors
    /// [`CallError`]; never `Unknown`.
    pub async fn has_attachment(
        &self,
        query: &Query,
        record: &RecordRef,
    ) -> Result<Option<bool>, CallError> {
        let call = Call::get("api/now/attachment".to_owned())
            .query("sysparm_query", query.text())
            .query("sysparm_limit", "2");
        let found = self.rows(&call, query).await?;
        let records = || found.rows.iter().map(|row| row.get("table_sys_id"));
        let attached = records().any(|id| id.is_some_and(|id| id == record.sys_id.as_str()));
        let unreadable = records().any(|id| id.is_none_or(String::is_empty));
        Ok((attached || !(found.incomparable || unreadable)).then_some(attached))
    }

    /// Attaches a text file to a record. An answer that shows another file or an empty one counts as a refusal, because a
    /// repetition would only add files.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn attach(
        &self,
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
        .query("table_name", record.table.as_str())
        .query("table_sys_id", record.sys_id.as_str())
        .query("file_name", name);
        let file = one_row(&self.call(&call).await?)?;
        if file.get("sys_id").is_none_or(String::is_empty) {
            return Err(CallError::unknown("the attachment's sys_id is missing"));
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
}
