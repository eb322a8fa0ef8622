//! A tenant file as a JSON document.

use std::collections::BTreeMap;

use json_patch::jsonptr::PointerBuf;
use serde_json::{Map, Value};

use crate::domain::tenant::{HumanDuration, TenantFile};

/// The settings of a tenant under the tables and keys of the tenant file, every default included, with durations such as
/// `13 days`.
pub fn document(file: &TenantFile) -> Map<String, Value> {
    // Every key of the settings is a string and every value has a JSON form, so this cannot fail.
    let mut document = serde_json::to_value(file).unwrap_or_default();
    for (path, span) in [
        ("rescue.reconcile_after", file.rescue.reconcile_after),
        (
            "servicenow.refresh_token_lifetime",
            file.servicenow.refresh_token_lifetime,
        ),
        (
            "sessions.reauthorization_wait",
            file.sessions.reauthorization_wait,
        ),
    ] {
        if let Ok(value) = pointer(path).resolve_mut(&mut document) {
            *value = Value::String(duration_text(span));
        }
    }
    match document {
        Value::Object(tables) => tables,
        _ => Map::new(),
    }
}

/// The settings that differ, with their values before and after, sorted by pointer. A list is one value; a value that is
/// absent is null.
pub fn differences(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Vec<(PointerBuf, Value, Value)> {
    let mut values = BTreeMap::new();
    collect_values(before, 0, &PointerBuf::root(), &mut values);
    collect_values(after, 1, &PointerBuf::root(), &mut values);
    let differing = values.into_iter().filter(|(_, [old, new])| old != new);
    let owned = |value: Option<&Value>| value.cloned().unwrap_or_default();
    differing
        .map(|(pointer, [old, new])| (pointer, owned(old), owned(new)))
        .collect()
}

/// Adds a table's values, as those before (`side` 0) or after (1).
fn collect_values<'a>(
    table: &'a Map<String, Value>,
    side: usize,
    parent: &PointerBuf,
    values: &mut BTreeMap<PointerBuf, [Option<&'a Value>; 2]>,
) {
    for (name, value) in table {
        let pointer = parent.with_trailing_token(name.as_str());
        match value {
            // A table that is named without settings is switched on.
            Value::Object(inner) if inner.is_empty() && *parent == "/tables" => {
                values.entry(pointer).or_default()[side] = Some(value);
            }
            Value::Object(inner) => collect_values(inner, side, &pointer, values),
            value => values.entry(pointer).or_default()[side] = Some(value),
        }
    }
}

fn duration_text(span: HumanDuration) -> String {
    let seconds = span.duration().as_secs();
    let (count, unit) = [(86_400, "day"), (3_600, "hour"), (60, "minute")]
        .into_iter()
        .find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit))
        .map_or((seconds, "second"), |(unit, name)| (seconds / unit, name));
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// The pointer to a setting that is written with dots: `sessions.publish`.
pub(super) fn pointer(path: &str) -> PointerBuf {
    PointerBuf::from_tokens(path.split('.'))
}

/// A setting as people write it: `sessions.publish`.
pub fn dotted(pointer: &PointerBuf) -> String {
    let names: Vec<_> = pointer
        .tokens()
        .map(|name| name.decoded().into_owned())
        .collect();
    names.join(".")
}
