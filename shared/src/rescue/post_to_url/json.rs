//! JSON objects.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::domain::session::{Fields, documented_name};
use crate::rescue::post_to_url::parse_error::{MAX_DEPTH, MAX_FIELDS, ParseError};
use crate::rescue::post_to_url::session::shallowest_session;
use crate::rescue::post_to_url::text::trimmed;

/// The fields of the session in a JSON text.
pub(super) fn fields(text: &str) -> Result<Fields, ParseError> {
    let read = |text: &str| {
        let mut fields = Fields::default();
        let object = object_text(text, MAX_DEPTH).ok_or(ParseError::MalformedJson)?;
        insert_members(&mut fields, &object, MAX_DEPTH)?;
        Ok(fields)
    };
    match read(text) {
        Err(ParseError::MalformedJson) => {
            read(&escape_control_characters(text).ok_or(ParseError::MalformedJson)?)
        }
        outcome => outcome,
    }
}

/// Adds an object's members. Where the session id is in a nested object, adds that object's members in its place.
fn insert_members(fields: &mut Fields, object: &str, levels: usize) -> Result<(), ParseError> {
    let malformed = |_| ParseError::MalformedJson;
    let levels = levels.checked_sub(1).ok_or(ParseError::TooDeep)?;
    let Members(members) = serde_json::from_str(object).map_err(malformed)?;
    if members.len() > MAX_FIELDS {
        return Err(ParseError::TooManyFields);
    }
    let wrapped = match session_id_of(&members) {
        Some(_) => None,
        None => {
            let mut objects = objects_among(&members, levels);
            if objects.len() > 1 {
                let found = objects.into_iter().filter_map(|(index, object)| {
                    let (depth, id) = session_in(&object, levels)?;
                    Some((depth, id, (index, object)))
                });
                shallowest_session(found)?
            } else {
                objects.pop()
            }
        }
    };
    for (index, (LossyString(key), value)) in members.into_iter().enumerate() {
        if wrapped.as_ref().is_none_or(|(at, _)| *at != index) {
            let key = trimmed(&key);
            let is_documented = documented_name(key).is_some();
            fields.insert(key, value_text(value, is_documented).map_err(malformed)?);
        }
    }
    wrapped.map_or(Ok(()), |(_, inner)| insert_members(fields, &inner, levels))
}

/// The depth of the session id in an object, and the id.
fn session_in(object: &str, levels: usize) -> Option<(usize, String)> {
    let levels = levels.checked_sub(1)?;
    let Members(members) = serde_json::from_str(object).ok()?;
    if let Some(id) = session_id_of(&members) {
        return Some((0, id));
    }
    objects_among(&members, levels)
        .iter()
        .filter_map(|(_, object)| session_in(object, levels))
        .min()
        .map(|(depth, id)| (depth + 1, id))
}

fn session_id_of(members: &[(LossyString, &RawValue)]) -> Option<String> {
    members
        .iter()
        .filter(|(LossyString(key), _)| documented_name(trimmed(key)) == Some("SessionID"))
        .filter_map(|(_, value)| value_text(value, true).ok())
        .map(|id| trimmed(&id).to_owned())
        .find(|id| !id.is_empty())
}

/// The objects among an object's members, each with the member's index. A documented variable is never taken for an
/// object: a chat is untrusted text.
fn objects_among<'a>(
    members: &[(LossyString, &'a RawValue)],
    levels: usize,
) -> Vec<(usize, Cow<'a, str>)> {
    members
        .iter()
        .enumerate()
        .filter(|(_, (LossyString(key), _))| documented_name(trimmed(key)).is_none())
        .filter_map(|(index, (_, value))| Some((index, object_text(value.get(), levels)?)))
        .collect()
}

/// The object that a value holds: the value itself, the only element of a list, or JSON in a string.
fn object_text(value: &str, levels: usize) -> Option<Cow<'_, str>> {
    if value.starts_with('{') {
        return Some(Cow::Borrowed(value));
    }
    let levels = levels.checked_sub(1)?;
    match value.bytes().next()? {
        b'[' => match serde_json::from_str(value).ok()? {
            FirstElements(elements) => match elements.as_slice() {
                [only] => object_text(only.get(), levels),
                _ => None,
            },
        },
        b'"' => {
            let LossyString(text) = serde_json::from_str(value).ok()?;
            let text = trimmed(&text);
            if !text.starts_with(['{', '[', '"']) {
                return None;
            }
            let is_json = |text: &str| serde_json::from_str::<IgnoredAny>(text).is_ok();
            let object = if is_json(text) {
                object_text(text, levels)?.into_owned()
            } else {
                let text = escape_control_characters(text).filter(|text| is_json(text))?;
                object_text(&text, levels)?.into_owned()
            };
            Some(Cow::Owned(object))
        }
        _ => None,
    }
}

/// Escapes raw control characters in strings, as RFC 8259 (section 7) requires; `None` when there are none.
fn escape_control_characters(json: &str) -> Option<String> {
    let mut text = String::with_capacity(json.len() + 64);
    let (mut in_string, mut escaped, mut changed) = (false, false, false);
    for c in json.chars() {
        if in_string && !escaped && c < ' ' {
            changed = true;
            let _ = write!(text, "\\u{:04x}", u32::from(c));
            continue;
        }
        in_string ^= c == '"' && !escaped;
        escaped = in_string && c == '\\' && !escaped;
        text.push(c);
    }
    changed.then_some(text)
}

/// A value as text. Numbers keep the digits they were sent with: a long session id exceeds a float's precision.
fn value_text(value: &RawValue, is_documented: bool) -> Result<String, serde_json::Error> {
    Ok(match value.get() {
        "null" => String::new(),
        text if text.starts_with('"') => serde_json::from_str::<LossyString>(text)?.0,
        list if list.starts_with('[') => match serde_json::from_str(list)? {
            FirstElements(elements) => match elements.as_slice() {
                [only] if !only.get().starts_with(['{', '[']) => value_text(only, is_documented)?,
                _ => compact(list),
            },
        },
        object if object.starts_with('{') => compact(object),
        number if is_documented => integer_text(number).unwrap_or_else(|| number.to_owned()),
        plain => plain.to_owned(),
    })
}

/// A whole number that was written with an exponent or a decimal point, as some programs write floats.
fn integer_text(number: &str) -> Option<String> {
    let value: f64 = number
        .contains(['.', 'e', 'E'])
        .then(|| number.parse())?
        .ok()?;
    let is_exact = value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0;
    is_exact.then(|| (value as i64).to_string())
}

/// JSON without white space between its tokens.
fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    json.chars()
        .filter(|&c| {
            if in_string {
                in_string = escaped || c != '"';
                escaped = c == '\\' && !escaped;
                return true;
            }
            in_string = c == '"';
            !c.is_ascii_whitespace()
        })
        .collect()
}

/// A JSON string, also one that was cut within a surrogate pair: the sender limits a chat's length.
struct LossyString(String);

impl<'de> Deserialize<'de> for LossyString {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LossyVisitor;
        impl Visitor<'_> for LossyVisitor {
            type Value = LossyString;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<LossyString, E> {
                Ok(LossyString(String::from_utf8_lossy(bytes).into_owned()))
            }
            fn visit_str<E>(self, text: &str) -> Result<LossyString, E> {
                Ok(LossyString(text.to_owned()))
            }
        }
        deserializer.deserialize_bytes(LossyVisitor)
    }
}

/// The members of an object in the order sent, repeated keys included; at most [`MAX_FIELDS`] and one.
struct Members<'a>(Vec<(LossyString, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collector;
        impl<'de> Visitor<'de> for Collector {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while members.len() <= MAX_FIELDS {
                    let Some(member) = map.next_entry()? else {
                        return Ok(Members(members));
                    };
                    members.push(member);
                }
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collector)
    }
}

/// The first two elements of an array: enough to recognise a list of one.
struct FirstElements<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for FirstElements<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collector;
        impl<'de> Visitor<'de> for Collector {
            type Value = FirstElements<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<FirstElements<'de>, A::Error> {
                let mut elements = Vec::new();
                while elements.len() < 2 {
                    let Some(element) = seq.next_element()? else {
                        return Ok(FirstElements(elements));
                    };
                    elements.push(element);
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(FirstElements(elements))
            }
        }
        deserializer.deserialize_seq(Collector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rescue::post_to_url::session::{SessionIdError, session_id};

    fn read(text: &str) -> Fields {
        fields(text).expect("a JSON object")
    }

    #[test]
    fn raw_control_characters_in_json_strings_are_kept() {
        let fields = read(include_str!(
            "../../../fixtures/post_to_url/json_raw_control_characters.json"
        ));
        assert_eq!(
            fields.get("Notes"),
            Some("first line\nsecond\tcolumn\r\nthird")
        );
        let body = "{\t\"SessionID\":\r\n\"1\",\"Note\":\"a \\\"quote\\\" \n\\\\\u{1}\",\"more\":{\"x\": \"\t\"}}";
        let fields = read(body);
        assert_eq!(fields.get("Notes"), Some("a \"quote\" \n\\\u{1}"));
        assert_eq!(fields.find("more"), Some("{\"x\":\"\\u0009\"}"));
        let inner = read(r#"{"session": "{\"SessionID\": 1, \"Note\": \"a\nb\"}"}"#);
        assert_eq!(inner.get("Notes"), Some("a\nb"), "raw in the inner text");
    }

    #[test]
    fn the_session_is_unwrapped_from_what_holds_its_id() {
        let flat = read(r#"{"SessionID": "1", "CField1": "INC0010001"}"#);
        let session = r#"{"sessionid": 1, "cfield1": "INC0010001"}"#;
        let quoted = serde_json::Value::from(session).to_string();
        let twice = serde_json::Value::from(quoted.as_str()).to_string();
        for body in [
            session.to_owned(),
            quoted.clone(),
            twice,
            format!("[{session}]"),
            format!("[[{session}]]"),
            format!("[{quoted}]"),
            format!("{{\"data\": {{\"sessions\": [{session}]}}}}"),
            format!("{{\"data\": {{\"session\": {quoted}}}}}"),
            format!("{{\"SessionID\": null, \"session\": {session}}}"),
        ] {
            assert_eq!(read(&body), flat, "{body}");
        }
        let kept = |body: String, key: &str| {
            let fields = read(&body);
            assert_eq!(fields.fields, flat.fields, "{body}");
            fields.find(key).map(str::to_owned)
        };
        let siblings =
            format!("{{\"technician\": {{\"id\": 7}}, \"session\": {session}, \"survey\": {{}}}}");
        assert_eq!(
            kept(siblings.clone(), "technician").as_deref(),
            Some(r#"{"id":7}"#)
        );
        assert_eq!(kept(siblings, "survey").as_deref(), Some("{}"));
        let deeper = format!(
            "{{\"a\": {{\"b\": {{\"sessionid\": 2}}}}, \"session\": {quoted}, \"list\": [1, 2]}}"
        );
        assert_eq!(
            kept(deeper.clone(), "a").as_deref(),
            Some(r#"{"b":{"sessionid":2}}"#)
        );
        assert_eq!(kept(deeper, "list").as_deref(), Some("[1,2]"));
        // A chat is untrusted text, also where it looks like a session.
        let chat = "{\"chatlog\": \"{\\\"sessionid\\\": 2}\", \"kind\": \"x\"}".to_owned();
        let chat = read(&chat);
        assert_eq!(session_id(&chat), Err(SessionIdError::Missing));
        let chat = read("{\"sessionid\": 1, \"text\": \"{\\\"sessionid\\\": 2}\"}");
        assert_eq!(chat.get("SessionID"), Some("1"));
        assert_eq!(chat.find("text"), Some(r#"{"sessionid": 2}"#));
    }

    #[test]
    fn numbers_and_lists_of_one_are_read_as_their_value() {
        for id in [
            "94000004",
            "94000004.0",
            "9.4000004e7",
            "9.4000004E+7",
            "[94000004]",
            "[\"94000004\"]",
        ] {
            let body = format!("{{\"SessionID\": {id}, \"ratio\": 1.0}}");
            let fields = read(&body);
            assert_eq!(fields.get("SessionID"), Some("94000004"), "{id}");
            assert_eq!(fields.find("ratio"), Some("1.0"));
        }
        let odd = read(
            r#"{"SessionID": 1, "WorkTime": 1.5, "CField1": "1e5", "CField2": 1e400, "CField3": 5e-1}"#,
        );
        for (name, value) in [
            ("WorkTime", "1.5"),
            ("CField1", "1e5"),
            ("CField2", "1e400"),
            ("CField3", "5e-1"),
        ] {
            assert_eq!(odd.get(name), Some(value));
        }
    }

    #[test]
    fn json_values_become_text_as_they_were_written() {
        let fields = read(include_str!(
            "../../../fixtures/post_to_url/json_flat_pascal.json"
        ));
        assert_eq!(fields.get("SessionID"), Some("70112233"));
        assert_eq!(fields.get("CField5"), Some(""));
        assert_eq!(fields.find("reconnected"), Some("true"));
        assert_eq!(
            fields.find("customer"),
            Some(r#"{"Device":{"Name":"DESKTOP-7","Cores":8},"Tags":["a b","c"]}"#)
        );
        let fields =
            read(r#"{"SessionID": 12345678901234567890123, "Note": "cut \ud83d", "ratio": 1.50}"#);
        assert_eq!(fields.get("SessionID"), Some("12345678901234567890123"));
        assert!(
            fields
                .get("Notes")
                .is_some_and(|note| note.starts_with("cut \u{FFFD}"))
        );
        assert_eq!(fields.find("ratio"), Some("1.50"));
    }

    #[test]
    fn json_keys_that_come_twice_keep_both_texts() {
        assert_eq!(
            read(include_str!(
                "../../../fixtures/post_to_url/json_duplicate_keys.json"
            ))
            .get("Notes"),
            Some("first\nsecond\nfirst")
        );
    }
}
