//! Names of enum values as JSON has them.

use serde::Serialize;

/// The JSON text of an enum's value, without quotes.
pub(crate) fn json_name(value: &impl Serialize) -> String {
    let name = serde_json::to_value(value).ok();
    name.and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default()
}
