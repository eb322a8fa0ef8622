//! A tenant's settings as JSON and as a tenant file.

use std::fmt::Write as _;

use serde_json::Value;
use shared::domain::tenant::TenantFile;
use shared::settings::{KEYS, ValueKind, document};

/// The settings of a tenant as JSON, under the keys of the tenant file and with durations such as `13 days`.
pub fn settings(file: &TenantFile) -> Value {
    Value::Object(document(file))
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
            (ValueKind::Tables, Some(tables)) => {
                for (name, keys) in tables {
                    open = path;
                    let _ = writeln!(text, "\n[{path}.{name}]");
                    for (key, value) in keys.as_object().into_iter().flatten() {
                        let _ = writeln!(text, "{key} = {}", inline(value));
                    }
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
