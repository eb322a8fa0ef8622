//! Creating and changing records, and checking that the answer shows what was written.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::call::Call;
use super::columns::{Columns, text, value};
use super::error::CallError;
use super::instance::TenantInstance;
use crate::domain::record::{RecordRef, SysId, TableName};

/// A record that was just created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedRecord {
    /// Its table and `sys_id`.
    pub record: RecordRef,
    /// Empty where the answer does not show it.
    pub number: String,
    /// What the answer shows.
    pub written: WrittenRecord,
}

/// What the answer shows of a write. ServiceNow ignores values for fields that an access rule or a data policy protects,
/// and still answers with success (vendor's article KB2971488).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenRecord {
    /// Whether the answer shows the note; `None` where no note was written, or where the answer has no work notes because
    /// the service account may not read them.
    note: Option<bool>,
    /// The columns, except work notes, that are missing in the answer or show another value than the written one.
    pub dropped: BTreeSet<String>,
}

impl WrittenRecord {
    /// Whether the answer shows the note. False: the answer has no work notes.
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

impl TenantInstance<'_> {
    /// Changes columns of a record; `work_notes` appends. The note counts as shown when the answer contains `proof`.
    ///
    /// # Errors
    /// [`CallError`]; never `NoteNotVisible`.
    pub async fn update(
        &self,
        record: &RecordRef,
        columns: &Columns,
        proof: &str,
    ) -> Result<WrittenRecord, CallError> {
        let row = (record.table.as_str(), &record.sys_id);
        self.update_row(row, columns, proof).await
    }

    /// [`TenantInstance::update`] for a row of any table, by the table's name.
    ///
    /// # Errors
    /// [`CallError`]; never `NoteNotVisible`.
    pub async fn update_row(
        &self,
        (table, sys_id): (&str, &SysId),
        columns: &Columns,
        proof: &str,
    ) -> Result<WrittenRecord, CallError> {
        let path = format!("api/now/v2/table/{table}/{sys_id}");
        let answer = self
            .call(&Call::write(Method::PATCH, path, columns))
            .await?;
        let row = WrittenRow::parse(&answer)?;
        if row.stored("sys_id") != sys_id.as_str() {
            return Err(CallError::unknown("another record was answered"));
        }
        Ok(row.compare(columns, proof))
    }

    /// Creates a record; `proof` as in [`TenantInstance::update`].
    ///
    /// # Errors
    /// [`CallError`]; never `NoteNotVisible`.
    pub async fn create(
        &self,
        table: &TableName,
        columns: &Columns,
        proof: &str,
    ) -> Result<CreatedRecord, CallError> {
        let path = format!("api/now/v2/table/{table}");
        let answer = self.call(&Call::write(Method::POST, path, columns)).await?;
        let row = WrittenRow::parse(&answer)?;
        let sys_id = SysId::parse(&row.stored("sys_id"))
            .ok_or_else(|| CallError::unknown("the created record's sys_id is missing"))?;
        Ok(CreatedRecord {
            record: RecordRef {
                table: table.clone(),
                sys_id,
            },
            number: row.stored("number"),
            written: row.compare(columns, proof),
        })
    }
}

/// How much of the displayed work notes is read, in bytes; the newest note comes first.
const NEWEST_NOTES: usize = 64 * 1024;

/// The answer to a write, with raw values.
struct WrittenRow<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> WrittenRow<'a> {
    fn parse(result: &'a RawValue) -> Result<Self, CallError> {
        let row = serde_json::from_str(result.get());
        row.map(Self)
            .map_err(|_| CallError::unknown("an answer without a record"))
    }

    /// A column's stored value; empty when it is missing.
    fn stored(&self, column: &str) -> String {
        self.0
            .get(column)
            .map_or_else(String::new, |raw| text(value(raw)))
    }

    /// Compares the answer with the written columns.
    fn compare(&self, columns: &Columns, proof: &str) -> WrittenRecord {
        let (mut note, mut dropped) = (None, BTreeSet::new());
        for (column, sent) in columns {
            let shown = self.0.get(column.as_str()).copied();
            if column == "work_notes" {
                note = shown
                    .and_then(newest_notes)
                    .map(|notes| notes.contains(proof));
            } else if !shown.is_some_and(|shown| shows(sent, shown)) {
                dropped.insert(column.clone());
            }
        }
        WrittenRecord { note, dropped }
    }
}

/// A value with `sysparm_display_value=all`.
#[derive(Deserialize)]
struct ValueForms<'a> {
    #[serde(borrow)]
    display_value: Option<&'a RawValue>,
}

/// A shorter value is not a text cut to its column's size: `1` is not `10` cut.
const SHORTEST_CUT: usize = 16;

/// Whether a column shows the sent value, as stored or as displayed, perhaps cut to the column's size.
fn shows(sent: &str, shown: &RawValue) -> bool {
    let display = serde_json::from_str::<ValueForms<'_>>(shown.get()).ok();
    let display = display.and_then(|value| value.display_value);
    [Some(shown), display].into_iter().flatten().any(|shown| {
        let (sent, shown) = (sent.trim(), text(value(shown)));
        let shown = shown.trim();
        sent == shown || (shown.len() >= SHORTEST_CUT && sent.starts_with(shown))
    })
}

/// The beginning of the displayed work notes.
fn newest_notes(notes: &RawValue) -> Option<String> {
    let pair = serde_json::from_str::<ValueForms<'_>>(notes.get()).ok();
    let shown = pair.map_or(Some(notes), |value| value.display_value)?.get();
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
    use crate::servicenow::client::answer::read_answer;

    fn written(answer: &str, columns: &[(&str, &str)]) -> WrittenRecord {
        let result = read_answer(http::StatusCode::OK, None, answer.as_bytes());
        let result = result.unwrap_or_else(|_| panic!("{answer}"));
        let columns = columns
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let row = WrittenRow::parse(&result).expect("a row");
        row.compare(&columns, "(Rescue 7 · 0123)")
    }

    /// The answers are those that clients of the Table API report; with `sysparm_display_value=all` each value is an
    /// object, but some instances answer plain values.
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
}
