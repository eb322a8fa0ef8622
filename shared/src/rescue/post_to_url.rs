//! Reading a Post-to-URL body: HTML form, XML or JSON, whatever its Content-Type says (protocols A.1.2 to A.1.4).
//!
//! The vendor's JSON shape and the sender's Content-Type and charset are undocumented, so everything plausible is
//! read. Time grows linearly with the body and nothing recurses; memory stays a small multiple of the body, which is
//! why the number of fields, their depth and the length of XML names have limits.

use std::borrow::Cow;

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event as XmlEvent;
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use yore::CodePage as _;
use yore::code_pages::CP1252;

use crate::session::{Fields, SessionId, documented_name};

/// A real post has 22 variables and some survey answers.
const MAX_FIELDS: usize = 1000;
/// How many roots are unwrapped, and how deep XML elements nest.
const MAX_DEPTH: usize = 8;
const MAX_XML_NAME: usize = 128;

/// Why a body could not be read. Its text may be shown to the sender: it quotes nothing of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// There is nothing but blanks.
    #[error("the body is empty")]
    Empty,
    /// It looks like JSON and is not, or is no object.
    #[error("the body is not a JSON object")]
    MalformedJson,
    /// It looks like XML and is not well-formed.
    #[error("the body is not well-formed XML with one root element")]
    MalformedXml,
    /// It is neither JSON nor XML, and no form either.
    #[error("the body is not an HTML form, nor JSON, nor XML")]
    MalformedForm,
    /// XML with a document type, which could define entities.
    #[error("XML with a document type definition is refused")]
    DocumentType,
    /// Deeper than any post of a session.
    #[error("the body is nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// More fields than any post of a session.
    #[error("the body has more than {MAX_FIELDS} fields")]
    TooManyFields,
}

/// Why a post names no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionIdError {
    /// There is no `SessionID`, or it is blank.
    #[error("there is no SessionID")]
    Missing,
    /// It is not `[A-Za-z0-9_-]{1,64}`.
    #[error("the SessionID is not 1 to 64 of A-Z a-z 0-9 _ -")]
    Invalid,
}

/// The session that a post is about.
///
/// # Errors
/// [`SessionIdError`] when it names none, or none that can be one.
pub fn session_id(fields: &Fields) -> Result<SessionId, SessionIdError> {
    let text = fields.find("SessionID").ok_or(SessionIdError::Missing)?;
    SessionId::parse(text).ok_or(SessionIdError::Invalid)
}

/// Every field of a Post-to-URL body, under its documented name where it has one.
///
/// The format that the Content-Type names is tried first, then the one that the first byte suggests. A byte order
/// mark decides the encoding, then the Content-Type's `charset`, then whether the bytes are UTF-8; all others are
/// windows-1252. Numbers and truth values are kept as they were written, `null` becomes empty, values that are
/// nested below the (possibly wrapped) session are kept as compact JSON or, in XML, under dotted names.
///
/// # Errors
/// [`ParseError`] by what is wrong with the body. None of them passes when the same body comes again.
pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Fields, ParseError> {
    let body = Body::new(content_type, body);
    let sniffed = Format::sniffed(&body.bytes).ok_or(ParseError::Empty)?;
    let declared = content_type.and_then(Format::declared).unwrap_or(sniffed);
    match declared.read(&body) {
        Err(_) if declared != sniffed => sniffed.read(&body),
        outcome => outcome,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Form,
    Xml,
    Json,
}

impl Format {
    fn declared(content_type: &str) -> Option<Self> {
        let media_type = content_type.split(';').next()?.to_ascii_lowercase();
        if media_type.contains("json") {
            Some(Self::Json)
        } else if media_type.contains("xml") {
            Some(Self::Xml)
        } else {
            media_type.contains("form-urlencoded").then_some(Self::Form)
        }
    }

    /// `None` for a blank body.
    fn sniffed(body: &[u8]) -> Option<Self> {
        Some(match body.trim_ascii_start().first()? {
            b'{' | b'[' => Self::Json,
            b'<' => Self::Xml,
            _ => Self::Form,
        })
    }

    fn read(self, body: &Body<'_>) -> Result<Fields, ParseError> {
        match self {
            Self::Form => form(body),
            Self::Xml => xml(&body.charset.decode(Cow::Borrowed(&body.bytes))),
            Self::Json => json(&body.charset.decode(Cow::Borrowed(&body.bytes))),
        }
    }
}

/// How bytes become text. Only what senders of this kind use: a table of every encoding would weigh on a cold start.
#[derive(Clone, Copy)]
enum Charset {
    Utf8OrWindows1252,
    Windows1252,
}

impl Charset {
    fn declared(content_type: &str) -> Self {
        let charset = content_type.split(';').skip(1).find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("charset")
                .then(|| value.trim().trim_matches(['"', '\'']).to_ascii_lowercase())
        });
        match charset.as_deref() {
            Some("windows-1252" | "cp1252" | "iso-8859-1" | "latin1") => Self::Windows1252,
            _ => Self::Utf8OrWindows1252,
        }
    }

    fn decode(self, bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
        match (self, bytes) {
            (Self::Utf8OrWindows1252, Cow::Borrowed(bytes)) => {
                std::str::from_utf8(bytes).map_or_else(|_| windows_1252(bytes), Cow::Borrowed)
            }
            (Self::Utf8OrWindows1252, Cow::Owned(bytes)) => Cow::Owned(
                String::from_utf8(bytes)
                    .unwrap_or_else(|error| windows_1252(error.as_bytes()).into_owned()),
            ),
            (Self::Windows1252, Cow::Borrowed(bytes)) => windows_1252(bytes),
            (Self::Windows1252, Cow::Owned(bytes)) => Cow::Owned(windows_1252(&bytes).into_owned()),
        }
    }
}

fn windows_1252(bytes: &[u8]) -> Cow<'_, str> {
    CP1252.decode_lossy(bytes)
}

/// The text of UTF-16 bytes; what is no character becomes U+FFFD, a byte left over too.
fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, rest) = bytes.as_chunks();
    let units = pairs.iter().map(|pair| unit(*pair));
    char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .chain(rest.iter().map(|_| char::REPLACEMENT_CHARACTER))
        .collect()
}

struct Body<'a> {
    bytes: Cow<'a, [u8]>,
    charset: Charset,
}

impl<'a> Body<'a> {
    fn new(content_type: Option<&str>, body: &'a [u8]) -> Self {
        let utf_16 = match body {
            [0xFF, 0xFE, rest @ ..] => Some(utf_16(rest, u16::from_le_bytes)),
            [0xFE, 0xFF, rest @ ..] => Some(utf_16(rest, u16::from_be_bytes)),
            _ => None,
        };
        if let Some(text) = utf_16 {
            return Self {
                bytes: Cow::Owned(text.into_bytes()),
                charset: Charset::Utf8OrWindows1252,
            };
        }
        if let Some(rest) = body.strip_prefix(b"\xEF\xBB\xBF") {
            return Self {
                bytes: Cow::Borrowed(rest),
                charset: Charset::Utf8OrWindows1252,
            };
        }
        Self {
            bytes: Cow::Borrowed(body),
            charset: content_type.map_or(Charset::Utf8OrWindows1252, Charset::declared),
        }
    }
}

fn form(body: &Body<'_>) -> Result<Fields, ParseError> {
    // A browser percent-encodes all of these in a key; unencoded they are JSON or XML under a wrong label.
    let bytes = body.bytes.trim_ascii();
    if matches!(bytes.first(), None | Some(b'{' | b'[' | b'<')) {
        return Err(ParseError::MalformedForm);
    }
    let mut fields = Fields::default();
    let mut has_a_pair = false;
    let pairs = bytes.split(|&b| b == b'&').filter(|pair| !pair.is_empty());
    for (count, pair) in pairs.enumerate() {
        if count == MAX_FIELDS {
            return Err(ParseError::TooManyFields);
        }
        let (key, value) = match pair.iter().position(|&b| b == b'=') {
            Some(at) => {
                has_a_pair |= at > 0;
                (pair.get(..at), pair.get(at + 1..))
            }
            None => (Some(pair), None),
        };
        let text = |part: Option<&[u8]>| {
            let part = percent_decoded(part.unwrap_or_default());
            body.charset.decode(part).into_owned()
        };
        fields.insert(text(key).trim(), text(value));
    }
    has_a_pair
        .then_some(fields)
        .ok_or(ParseError::MalformedForm)
}

/// Bytes, not text: `form_urlencoded` would replace what is not UTF-8, and such values are windows-1252 here.
fn percent_decoded(part: &[u8]) -> Cow<'_, [u8]> {
    if !part.iter().any(|b| matches!(b, b'%' | b'+')) {
        return Cow::Borrowed(part);
    }
    let mut decoded = Vec::with_capacity(part.len());
    let mut rest = part;
    while let [first, tail @ ..] = rest {
        rest = tail;
        decoded.push(match (first, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            _ => *first,
        });
    }
    Cow::Owned(decoded)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// An element that is open.
struct Element {
    /// Names from the root's child down to this element, each followed by [`SEPARATOR`].
    path: String,
    text: String,
    has_children: bool,
}

/// Between the names of a path; no element name has it.
const SEPARATOR: char = '/';

fn xml(text: &str) -> Result<Fields, ParseError> {
    let malformed = |_| ParseError::MalformedXml;
    let mut reader = quick_xml::Reader::from_str(text);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    // "R&D" from a sender that forgot to escape it is text, not a reason to lose the post.
    config.allow_dangling_amp = true;

    let mut open: Vec<Element> = Vec::new();
    let mut leaves: Vec<(String, String)> = Vec::new();
    let mut root_is_closed = false;
    loop {
        match reader.read_event().map_err(malformed)? {
            XmlEvent::Start(tag) => {
                let name = tag.local_name().into_inner();
                if root_is_closed || name.len() > MAX_XML_NAME || name.contains(SEPARATOR) {
                    return Err(ParseError::MalformedXml);
                }
                let path = match open.last_mut() {
                    None => String::new(),
                    Some(parent) => {
                        parent.has_children = true;
                        format!("{}{name}{SEPARATOR}", parent.path)
                    }
                };
                if open.len() == MAX_DEPTH {
                    return Err(ParseError::TooDeep);
                }
                open.push(Element {
                    path,
                    text: String::new(),
                    has_children: false,
                });
            }
            XmlEvent::End(tag) => {
                let Some(element) = open.pop() else {
                    return Err(ParseError::MalformedXml);
                };
                root_is_closed = open.is_empty();
                let is_leaf = !element.has_children;
                if is_leaf || !element.text.trim().is_empty() {
                    if leaves.len() == MAX_FIELDS {
                        return Err(ParseError::TooManyFields);
                    }
                    let path = if element.path.is_empty() {
                        format!("{}{SEPARATOR}", tag.local_name().into_inner())
                    } else {
                        element.path
                    };
                    leaves.push((path, element.text));
                }
            }
            XmlEvent::Text(content) => append(&mut open, &content.xml10_content())?,
            XmlEvent::CData(content) => append(&mut open, &content.xml10_content())?,
            XmlEvent::GeneralRef(reference) => {
                let mut buffer = [0; 4];
                let character = reference.resolve_char_ref().ok().flatten();
                match character
                    .map(|c| &*c.encode_utf8(&mut buffer))
                    .or(resolve_xml_entity(&reference))
                {
                    Some(text) => append(&mut open, text)?,
                    // Never expanded: it stays the text that it is.
                    None => append(&mut open, &format!("&{};", &*reference))?,
                }
            }
            XmlEvent::DocType(_) => return Err(ParseError::DocumentType),
            // Empty elements come as a start and an end.
            XmlEvent::Comment(_) | XmlEvent::Decl(_) | XmlEvent::PI(_) | XmlEvent::Empty(_) => {}
            XmlEvent::Eof => break,
        }
    }
    if !open.is_empty() || !root_is_closed {
        return Err(ParseError::MalformedXml);
    }

    let wrapper = wrapper_of_the_session(&leaves).to_owned();
    let mut fields = Fields::default();
    for (path, text) in leaves {
        let name = path.strip_prefix(&wrapper).unwrap_or(&path);
        let name = name.trim_end_matches(SEPARATOR).replace(SEPARATOR, ".");
        fields.insert(&name, text);
    }
    Ok(fields)
}

/// Adds text to the innermost open element; outside of the root only blanks may stand.
fn append(open: &mut [Element], text: &str) -> Result<(), ParseError> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(ParseError::MalformedXml),
    }
    Ok(())
}

/// The path below the root that the session's own elements stand in: `session/` in `<data><session><sessionid>`.
fn wrapper_of_the_session(leaves: &[(String, String)]) -> &str {
    leaves
        .iter()
        .filter_map(|(path, _)| {
            let path = path.trim_end_matches(SEPARATOR);
            let name_at = path.rfind(SEPARATOR).map_or(0, |at| at + 1);
            let (wrapper, name) = path.split_at(name_at);
            (documented_name(name) == Some("SessionID")).then_some(wrapper)
        })
        .min_by_key(|wrapper| wrapper.len())
        .unwrap_or_default()
}

fn json(text: &str) -> Result<Fields, ParseError> {
    let malformed = |_| ParseError::MalformedJson;
    let mut value: &RawValue = serde_json::from_str(text).map_err(malformed)?;
    let mut fields = Fields::default();
    for _ in 0..MAX_DEPTH {
        if value.get().starts_with('[') {
            let Elements(elements) = serde_json::from_str(value.get()).map_err(malformed)?;
            match elements.as_slice() {
                [only] => value = only,
                _ => return Err(ParseError::MalformedJson),
            }
            continue;
        }
        let Members(members) = serde_json::from_str(value.get()).map_err(malformed)?;
        if members.len() > MAX_FIELDS {
            return Err(ParseError::TooManyFields);
        }
        // Without a session id of its own, the only object among the members is what it wraps.
        let is_object = |value: &RawValue| value.get().starts_with('{');
        let names_a_session = members
            .iter()
            .any(|(Text(key), _)| documented_name(key.trim()) == Some("SessionID"));
        let mut objects = members
            .iter()
            .map(|(_, value)| *value)
            .filter(|value| is_object(value));
        let wrapped = match (objects.next(), objects.next()) {
            (Some(only), None) if !names_a_session => Some(only),
            _ => None,
        };
        for (Text(key), value) in members {
            if wrapped.is_none() || !is_object(value) {
                fields.insert(key.trim(), text_of(value).map_err(malformed)?);
            }
        }
        match wrapped {
            Some(inner) => value = inner,
            None => return Ok(fields),
        }
    }
    Err(ParseError::TooDeep)
}

/// A value as text. Numbers keep the digits they were sent with: a long session id does not fit a float.
fn text_of(value: &RawValue) -> Result<String, serde_json::Error> {
    Ok(match value.get() {
        "null" => String::new(),
        text if text.starts_with('"') => serde_json::from_str::<Text>(text)?.0,
        nested if nested.starts_with(['{', '[']) => compact(nested),
        plain => plain.to_owned(),
    })
}

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

/// A JSON string, also one that was cut in the middle of a surrogate pair, as a limit on a chat's length may do.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lossy;
        impl Visitor<'_> for Lossy {
            type Value = Text;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text, E> {
                Ok(Text(String::from_utf8_lossy(bytes).into_owned()))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }
        }
        deserializer.deserialize_bytes(Lossy)
    }
}

/// The members of an object in the order sent, repeated keys included; no more than can be accepted, and one.
struct Members<'a>(Vec<(Text, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
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
        deserializer.deserialize_map(Collect)
    }
}

/// The first two elements of an array: enough to see whether it wraps one.
struct Elements<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Elements<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Elements<'de>, A::Error> {
                let mut elements = Vec::new();
                while elements.len() < 2 {
                    let Some(element) = seq.next_element()? else {
                        return Ok(Elements(elements));
                    };
                    elements.push(element);
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Elements(elements))
            }
        }
        deserializer.deserialize_seq(Collect)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::collection::{btree_map, vec};
    use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};

    use super::*;
    use crate::session::Event;

    macro_rules! fixture {
        ($name:literal) => {
            include_bytes!(concat!("../../fixtures/post_to_url/", $name)).as_slice()
        };
    }

    fn read(body: &[u8]) -> Fields {
        parse(None, body).expect("a fixture that can be read")
    }

    fn lower_cased(value: &str) -> String {
        value.to_lowercase()
    }

    #[test]
    fn one_session_is_the_same_in_every_format() {
        let form = read(fixture!("form_ended.txt"));
        assert_eq!(form.get("SessionID"), Some("70112233"));
        assert_eq!(
            form.get("Notes"),
            Some("Reinstalled the driver.\nPrinter works again.")
        );
        assert_eq!(
            form.unknown_fields.get("csurvey0").map(String::as_str),
            Some("5")
        );
        assert_eq!(Event::from_content(&form), Event::Ended);
        assert_eq!(read(fixture!("xml_ended.xml")), form);
        assert_eq!(read(fixture!("json_flat_lower.json")), form);

        let started = read(fixture!("form_started.txt"));
        assert_eq!(Event::from_content(&started), Event::Started);
        for other in [
            fixture!("xml_started.xml"),
            fixture!("json_wrapped.json"),
            fixture!("json_array_wrapped.json"),
        ] {
            assert_eq!(read(other), started);
        }
    }

    #[test]
    fn the_encoding_does_not_change_the_text() {
        let expected = read(fixture!("json_bom.json"));
        assert_eq!(
            expected.get("ChatLog"),
            Some("10:02 AM Zoë Müller: ça marche – 5 €")
        );
        for other in [
            fixture!("form_windows_1252.txt"),
            fixture!("xml_windows_1252.xml"),
            fixture!("xml_utf_16.xml"),
            fixture!("json_windows_1252.json"),
        ] {
            assert_eq!(read(other), expected);
        }
    }

    #[test]
    fn a_charset_parameter_is_believed() {
        // Two windows-1252 characters whose bytes would also be one UTF-8 character.
        let body = b"SessionID=1&Note=\xC3\xA9";
        let form = "application/x-www-form-urlencoded";
        let note = |content_type: &str| {
            parse(Some(content_type), body)
                .expect("a form")
                .get("Notes")
                .map(lower_cased)
        };
        assert_eq!(note(form).as_deref(), Some("é"));
        assert_eq!(
            note(&format!("{form}; Charset=\"ISO-8859-1\"")).as_deref(),
            Some("ã©")
        );
    }

    #[test]
    fn a_wrong_content_type_does_not_matter() {
        for content_type in [
            "application/json",
            "text/xml",
            "application/x-www-form-urlencoded",
            "text/plain",
            ";",
        ] {
            for body in [
                fixture!("form_ended.txt"),
                fixture!("xml_ended.xml"),
                fixture!("json_flat_lower.json"),
            ] {
                assert_eq!(
                    parse(Some(content_type), body),
                    parse(None, body),
                    "{content_type}"
                );
            }
        }
    }

    #[test]
    fn json_values_become_text_as_they_were_written() {
        let fields = read(fixture!("json_flat_pascal.json"));
        assert_eq!(fields.get("SessionID"), Some("70112233"));
        assert_eq!(fields.get("CField5"), Some(""));
        let unknown = |key: &str| fields.unknown_fields.get(key).map(String::as_str);
        assert_eq!(unknown("reconnected"), Some("true"));
        assert_eq!(
            unknown("customer"),
            Some(r#"{"Device":{"Name":"DESKTOP-7","Cores":8},"Tags":["a b","c"]}"#)
        );
        let fields =
            read(br#"{"SessionID": 12345678901234567890123, "Note": "cut \ud83d", "ratio": 1.50}"#);
        assert_eq!(fields.get("SessionID"), Some("12345678901234567890123"));
        assert!(
            fields
                .get("Notes")
                .is_some_and(|note| note.starts_with("cut \u{FFFD}"))
        );
        assert_eq!(
            fields.unknown_fields.get("ratio").map(String::as_str),
            Some("1.50")
        );
    }

    #[test]
    fn json_keys_that_come_twice_keep_both_texts() {
        assert_eq!(
            read(fixture!("json_duplicate_keys.json")).get("Notes"),
            Some("first\nsecond\nfirst")
        );
    }

    #[test]
    fn xml_keeps_cdata_stray_ampersands_and_nested_elements() {
        let fields = read(fixture!("xml_cdata_nested.xml"));
        assert_eq!(
            fields.get("ChatLog"),
            Some("10:02 AM Ana Ruiz: <b>hello</b> & welcome")
        );
        assert_eq!(fields.get("Notes"), Some("R&D – &unknown; done"));
        assert_eq!(
            fields
                .unknown_fields
                .get("survey.question")
                .map(String::as_str),
            Some("5")
        );
        assert_eq!(
            fields
                .unknown_fields
                .get("survey.comment")
                .map(String::as_str),
            Some("good")
        );
    }

    #[test]
    fn a_wrapped_session_may_have_company() {
        let flat = read(b"kind=ended&SessionID=1&Note=x");
        for body in [
            r#"{"kind": "ended", "session": {"sessionid": 1, "note": "x"}}"#,
            r#"{"data": {"kind": "ended", "session": {"sessionid": "1", "note": "x"}}}"#,
            "<data><kind>ended</kind><session><sessionid>1</sessionid><note>x</note></session></data>",
        ] {
            assert_eq!(read(body.as_bytes()), flat, "{body}");
        }
    }

    #[test]
    fn an_entity_is_never_expanded() {
        let body = fixture!("xml_entity_expansion.xml");
        assert_eq!(parse(Some("text/xml"), body), Err(ParseError::DocumentType));
    }

    #[test]
    fn what_is_no_post_is_refused_by_what_is_wrong_with_it() {
        let deep_xml = "<a>".repeat(100_000);
        let deep_json = r#"{"a":"#.repeat(100) + "1" + &"}".repeat(100);
        let many = "k=v&".repeat(MAX_FIELDS + 1);
        for (body, error) in [
            ("", ParseError::Empty),
            (" \r\n", ParseError::Empty),
            ("hello", ParseError::MalformedForm),
            ("=value", ParseError::MalformedForm),
            ("{\"SessionID\": 1", ParseError::MalformedJson),
            ("[1, 2]", ParseError::MalformedJson),
            ("[{},{}]", ParseError::MalformedJson),
            ("<session><sessionid>1</session>", ParseError::MalformedXml),
            ("<session><sessionid>1", ParseError::MalformedXml),
            ("<a>1</a><b>2</b>", ParseError::MalformedXml),
            ("<a>1</a> more", ParseError::MalformedXml),
            (&deep_xml, ParseError::TooDeep),
            (&deep_json, ParseError::TooDeep),
            (&many, ParseError::TooManyFields),
        ] {
            let shown: String = body.chars().take(40).collect();
            assert_eq!(parse(None, body.as_bytes()), Err(error), "{shown}");
        }
        assert_eq!(
            parse(None, "[".repeat(1_000_000).as_bytes()),
            Err(ParseError::MalformedJson)
        );
        assert_eq!(parse(None, b"\xEF\xBB\xBF"), Err(ParseError::Empty));
    }

    #[test]
    fn an_error_never_quotes_the_body() {
        for body in [
            "{\"secret-key\": ",
            "<secret-key>",
            "secret-key",
            "[\"secret-key\"]",
        ] {
            let error = parse(None, body.as_bytes()).expect_err("malformed");
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_session_id_is_missing_or_invalid_or_there() {
        let id = |body: &str| session_id(&read(body.as_bytes()));
        assert_eq!(
            id("sessionid=+70112233+").map(String::from),
            Ok("70112233".to_owned())
        );
        assert_eq!(id("note=x"), Err(SessionIdError::Missing));
        assert_eq!(id("SessionID=&Note=x"), Err(SessionIdError::Missing));
        assert_eq!(id("SessionID=1%5EORnumber"), Err(SessionIdError::Invalid));
        assert_eq!(id("SessionID=1&SESSIONID=2"), Err(SessionIdError::Invalid));
    }

    /// Keys as senders spell them: letters and digits. Two of one map never fold into one another.
    fn posts() -> impl Strategy<Value = Vec<(String, String)>> {
        let value = vec(
            any::<char>().prop_filter("not a character of XML", |c| {
                matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
            }),
            0..40,
        );
        btree_map("[a-z][a-z0-9]{0,12}", value, 1..12).prop_map(|map| {
            map.into_iter()
                .map(|(key, value)| (key, String::from_iter(value)))
                .collect()
        })
    }

    fn expected(post: &[(String, String)]) -> Fields {
        let mut fields = Fields::default();
        for (key, value) in post {
            fields.insert(key, value.clone());
        }
        fields
    }

    fn as_form(post: &[(String, String)]) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(post)
            .finish()
    }

    fn as_json(post: &[(String, String)]) -> String {
        let members: Vec<String> = post
            .iter()
            .map(|(key, value)| format!("{}: {}", serde_json::json!(key), serde_json::json!(value)))
            .collect();
        format!(" {{ {} }}", members.join(" ,\n"))
    }

    fn as_xml(post: &[(String, String)]) -> String {
        let mut xml = String::from("<session>");
        for (key, value) in post {
            // A carriage return only survives as a reference.
            let value = quick_xml::escape::escape(value.as_str()).replace('\r', "&#13;");
            let _ = write!(xml, "<{key}>{value}</{key}>");
        }
        xml + "</session>"
    }

    proptest! {
        #[test]
        fn any_text_survives_every_format(post in posts()) {
            let expected = Ok(expected(&post));
            prop_assert_eq!(parse(None, as_form(&post).as_bytes()), expected.clone());
            prop_assert_eq!(parse(None, as_json(&post).as_bytes()), expected.clone());
            let wrapped = format!("{{\"session\":{}}}", as_json(&post));
            prop_assert_eq!(parse(None, wrapped.as_bytes()), expected.clone());
            let xml = as_xml(&post);
            prop_assert_eq!(parse(None, xml.as_bytes()), expected.clone());
            let utf_16: Vec<u8> = std::iter::once(0xFEFF).chain(xml.encode_utf16()).flat_map(u16::to_be_bytes).collect();
            prop_assert_eq!(parse(None, &utf_16), expected);
        }

        #[test]
        fn the_letter_case_of_keys_does_not_matter(post in posts()) {
            let shouted: Vec<_> = post.iter().map(|(key, value)| (key.to_uppercase(), value.clone())).collect();
            for write in [as_form, as_json, as_xml] {
                prop_assert_eq!(parse(None, write(&shouted).as_bytes()), parse(None, write(&post).as_bytes()));
            }
        }

        #[test]
        fn any_windows_1252_text_survives_a_form(bytes in vec(any::<u8>(), 0..60)) {
            let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&bytes);
            let value = form_urlencoded::byte_serialize(&bytes).collect::<String>();
            let body = format!("note={value}");
            let fields = parse(Some("application/x-www-form-urlencoded; charset=windows-1252"), body.as_bytes());
            let fields = fields.expect("a form");
            prop_assert_eq!(fields.get("Notes"), Some(&*text));
        }

        #[test]
        fn any_utf_16_is_read_as_the_encoding_standard_reads_it(units in vec(any::<[u8; 2]>(), 0..30)) {
            let bytes = units.concat();
            prop_assert_eq!(utf_16(&bytes, u16::from_le_bytes), encoding_rs::UTF_16LE.decode_without_bom_handling(&bytes).0);
            prop_assert_eq!(utf_16(&bytes, u16::from_be_bytes), encoding_rs::UTF_16BE.decode_without_bom_handling(&bytes).0);
        }

        #[test]
        fn no_bytes_make_it_panic(
            content_type in proptest::option::of("(application/|text/)?(json|xml|x-www-form-urlencoded)?(; ?charset=.*)?"),
            start in "\\PC{0,3}|\\{\"|<a>|\u{FEFF}",
            bytes in vec(any::<u8>(), 0..200),
        ) {
            let body = [start.as_bytes(), &bytes].concat();
            let _ = parse(content_type.as_deref(), &body);
        }
    }
}
