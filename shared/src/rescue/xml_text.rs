//! Text in XML documents of Rescue.

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::BytesRef;

/// What a reference such as `&amp;` or `&#252;` stands for. An unknown entity stays as it was written.
pub(super) fn referenced(reference: &BytesRef<'_>) -> String {
    if let Some(character) = reference.resolve_char_ref().ok().flatten() {
        return character.to_string();
    }
    let known = resolve_xml_entity(reference).map(str::to_owned);
    known.unwrap_or_else(|| format!("&{};", &**reference))
}
