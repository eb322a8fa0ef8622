//! Rows of an answer, with every value as a text.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::error::CallError;

/// Columns of a record by name; values as ServiceNow writes them, always texts.
pub type Columns = BTreeMap<String, String>;

/// A result that has been read before, so that it is JSON.
pub(super) fn value(result: &RawValue) -> Value {
    serde_json::from_str(result.get()).unwrap_or_default()
}

pub(super) fn one_row(result: &RawValue) -> Result<Columns, CallError> {
    match value(result) {
        row @ Value::Object(_) => Ok(columns(row)),
        _ => Err(CallError::unknown("an answer without a record")),
    }
}

pub(super) fn columns(row: Value) -> Columns {
    let Value::Object(row) = row else {
        return Columns::new();
    };
    // Collecting would sort, which is four kilobytes of code.
    let mut columns = Columns::new();
    columns.extend(row.into_iter().map(|(name, value)| (name, text(value))));
    columns
}

pub(super) fn text(value: Value) -> String {
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
