//! Finding and reading rows.

use serde_json::Value;

use super::call::Call;
use super::columns::{Columns, columns, one_row, value};
use super::error::CallError;
use super::instance::TenantInstance;
use crate::domain::record::{RecordRef, SysId};
use crate::servicenow::query::Query;

/// ServiceNow ignores letter case when it compares, so other rows may come before the requested one: sessions `AbCdEf01`
/// and `aBcDeF01` match one query.
const MANY_ROWS: &str = "100";

/// What a query found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundRecord {
    /// The rows that match the query exactly.
    pub rows: Vec<Columns>,
    /// A row came without the queried column, which the service account may not read: the requested row may exist
    /// although it is not in `rows`.
    pub incomparable: bool,
}

/// Which form of the values a read returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisplayValue {
    /// As stored; journals read empty.
    Raw,
    /// As shown to people; journals read as their whole history.
    Shown,
}

impl TenantInstance<'_> {
    /// The rows of a table that match the query.
    ///
    /// ServiceNow drops the parts of a query that it does not understand and answers with other rows
    /// (docs/vendors.md#query-traps); those are left out here.
    ///
    /// # Errors
    /// [`CallError`]; never `Unknown`.
    pub async fn find(&self, table: &str, query: &Query) -> Result<FoundRecord, CallError> {
        let call = Call::get(format!("api/now/v2/table/{table}"))
            .query("sysparm_query", query.text())
            .query(
                "sysparm_fields",
                &format!("sys_id,number,{}", query.column()),
            )
            .query("sysparm_limit", MANY_ROWS);
        self.rows(&call, query).await
    }

    /// Whether rows of a table have a column that the service account may read. An empty table counts as one that has
    /// it: nothing was written to it.
    ///
    /// # Errors
    /// [`CallError`]; never `Unknown`.
    pub async fn has_column(&self, table: &str, column: &str) -> Result<bool, CallError> {
        let call = Call::get(format!("api/now/v2/table/{table}"))
            .query("sysparm_fields", &format!("sys_id,{column}"))
            .query("sysparm_no_count", "true")
            .query("sysparm_limit", "10");
        let Value::Array(rows) = value(&self.call(&call).await?) else {
            return Err(CallError::unknown("an answer without a list").of_a_read());
        };
        let (mut is_empty, mut is_there) = (true, false);
        for row in rows.into_iter().map(columns) {
            is_empty = false;
            is_there |= row.contains_key(column);
        }
        Ok(is_empty || is_there)
    }

    pub(super) async fn rows(&self, call: &Call, query: &Query) -> Result<FoundRecord, CallError> {
        let Value::Array(rows) = value(&self.call(call).await?) else {
            return Err(CallError::unknown("an answer without a list").of_a_read());
        };
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

    /// The columns of a record; those that the service account may not read are left out. `None`: no such record.
    ///
    /// # Errors
    /// [`CallError`]; never `Unknown`.
    pub async fn read(
        &self,
        record: &RecordRef,
        names: &[&str],
        display: DisplayValue,
    ) -> Result<Option<Columns>, CallError> {
        let row = (record.table.as_str(), &record.sys_id);
        self.read_row(row, names, display).await
    }

    /// [`TenantInstance::read`] for a row of any table, by the table's name.
    ///
    /// # Errors
    /// [`CallError`]; never `Unknown`.
    pub async fn read_row(
        &self,
        (table, sys_id): (&str, &SysId),
        names: &[&str],
        display: DisplayValue,
    ) -> Result<Option<Columns>, CallError> {
        let shown = if display == DisplayValue::Shown {
            "true"
        } else {
            "false"
        };
        let call = Call::get(format!("api/now/v2/table/{table}/{sys_id}"))
            .query("sysparm_fields", &format!("sys_id,{}", names.join(",")))
            .query("sysparm_display_value", shown);
        let row = match self.call(&call).await {
            Ok(row) => one_row(&row).map_err(CallError::of_a_read)?,
            Err(CallError::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        if row.get("sys_id").is_none_or(|id| *id != sys_id.as_str()) {
            return Err(CallError::unknown("another record was answered").of_a_read());
        }
        Ok(Some(row))
    }
}
