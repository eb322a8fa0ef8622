//! A tenant's settings as JSON and as a tenant file.

use std::fmt::Write as _;

use serde_json::Value;
use shared::domain::tenant::{HumanDuration, TenantFile};

use super::keys::{KEYS, ValueKind};

/// The settings of a tenant as JSON, under the keys of the tenant file and with durations such as `13 days`.
pub fn settings(file: &TenantFile) -> Value {
    // Every key of the settings is a string and every value has a JSON form, so this cannot fail.
    let mut settings = serde_json::to_value(file).unwrap_or_default();
    for (pointer, span) in [
        (
            "/servicenow/refresh_token_lifetime",
            file.servicenow.refresh_token_lifetime,
        ),
        (
            "/sessions/reauthorization_wait",
            file.sessions.reauthorization_wait,
        ),
    ] {
        if let Some(value) = settings.pointer_mut(pointer) {
            *value = Value::String(duration_text(span));
        }
    }
    settings
}

/// The settings of a tenant as a tenant file, every setting in the order of the reference.
pub fn to_toml(file: &TenantFile) -> String {
    let settings = settings(file);
    let mut text = String::new();
    let mut open = "";
    for (path, kind) in KEYS {
        let pointer = format!("/{}", path.replace('.', "/"));
        let Some(value) = settings.pointer(&pointer) else {
            continue;
        };
        let (table, key) = path.rsplit_once('.').unwrap_or(("", path));
        match (kind, value.as_object()) {
            (ValueKind::Map, Some(map)) if map.is_empty() => {}
            (ValueKind::Map, Some(map)) => {
                open = path;
                // Writing to a String cannot fail.
                let _ = writeln!(text, "\n[{path}]");
                for (key, value) in map {
                    let _ = writeln!(text, "{key} = {}", inline(value));
                }
            }
            _ => {
                if table != open {
                    open = table;
                    let _ = writeln!(text, "\n[{table}]");
                }
                let _ = writeln!(text, "{key} = {}", inline(value));
            }
        }
    }
    text
}

/// A value on one line.
fn inline(value: &Value) -> String {
    // A value that came from a tenant file can be written into one.
    toml::Value::try_from(value).map_or_else(|_| String::new(), |value| value.to_string())
}

fn duration_text(span: HumanDuration) -> String {
    let seconds = span.duration().as_secs();
    let (count, unit) = [(86_400, "day"), (3_600, "hour"), (60, "minute")]
        .into_iter()
        .find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit))
        .map_or((seconds, "second"), |(unit, name)| (seconds / unit, name));
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}
