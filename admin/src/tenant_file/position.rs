//! Where a setting stands in a tenant file.

use std::ops::Range;

use shared::settings::SettingFault;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The place of a fault, and the setting's key with its tables. A setting that is missing has the place of the table that
/// should hold it, or of the first line.
pub(super) fn position(document: &DeTable<'_>, fault: &SettingFault) -> (Range<usize>, String) {
    let mut at = 0..0;
    let mut key = String::new();
    let mut table = Some(document);
    let mut entries: Option<&[Spanned<DeValue<'_>>]> = None;
    for token in fault.pointer.tokens() {
        let name = token.decoded();
        if let Some(entry) = entries.and_then(|entries| entries.get(name.parse::<usize>().ok()?)) {
            at = entry.span();
            break;
        }
        if !key.is_empty() {
            key.push('.');
        }
        key.push_str(&name);
        let Some((spanned, value)) = table.and_then(|table| table.get_key_value(name.as_ref()))
        else {
            continue;
        };
        at = if fault.about_name {
            spanned.span()
        } else {
            value.span()
        };
        table = value.get_ref().as_table();
        entries = value.get_ref().as_array().map(|entries| &**entries);
    }
    (at, key)
}
