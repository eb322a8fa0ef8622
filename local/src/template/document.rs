//! A template's YAML as JSON.

use serde_json::{Value, json};
use serde_yaml_ng::Value as Yaml;

use super::error::Error;

/// A scalar as text, a list of scalars joined by commas; `None` for everything else.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Array(items) => {
            let texts: Option<Vec<String>> = items.iter().map(text).collect();
            Some(texts?.join(","))
        }
        Value::Null | Value::Object(_) => None,
    }
}

pub(super) fn is_true(value: &Value) -> bool {
    text(value).is_some_and(|text| text == "true")
}

/// The items of a list; none for everything else.
pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A template as it is written, as JSON: `!Ref X` is `{"Ref": "X"}`.
///
/// # Errors
/// When it is not YAML.
pub fn document(source: &str) -> Result<Value, Error> {
    Ok(plain(serde_yaml_ng::from_str::<Yaml>(source)?))
}

/// YAML with short tags as JSON with the functions' long names.
fn plain(value: Yaml) -> Value {
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(truth) => Value::Bool(truth),
        Yaml::Number(number) => serde_json::to_value(number).unwrap_or_default(),
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => items.into_iter().map(plain).collect(),
        Yaml::Mapping(map) => {
            let entries = map.into_iter().map(|(key, value)| {
                let key = text(&plain(key)).unwrap_or_default();
                (key, plain(value))
            });
            Value::Object(entries.collect())
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = match tag.trim_start_matches('!') {
                short @ ("Ref" | "Condition") => short.to_owned(),
                short => format!("Fn::{short}"),
            };
            json!({name: plain(tagged.value)})
        }
    }
}
