//! Reading a Post-to-URL body: HTML form, XML or JSON, with any Content-Type (docs/vendors.md#post-to-url-formats).
//!
//! The vendor's JSON shape and the sender's Content-Type and charset are undocumented, so everything plausible is
//! read, and what can be read only in part is refused: a reference in the unread part would send the session to a new
//! record. Time grows linearly with the body and recursion ends after a few levels; memory stays a small multiple of
//! the body, which is why the number of fields, their depth and the length of XML names have limits.

use std::borrow::Cow;
use std::fmt::Write as _;

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event as XmlEvent;
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use yore::CodePage as _;
use yore::code_pages::CP1252;

use crate::domain::session::{Fields, SessionId, documented_name};

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
    /// A form as browsers send it with files.
    #[error("multipart/form-data is not read")]
    Multipart,
    /// Which of the sessions the post is about cannot be told.
    #[error("the body has more than one session")]
    SeveralSessions,
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
/// The format that the Content-Type names is tried first, then the one that the first byte suggests. Bytes of UTF-16
/// show themselves; else a byte order mark decides the encoding, then the Content-Type's `charset`, then the XML
/// declaration, and a body without any of them is UTF-8 as far as it goes and windows-1252 otherwise. Bytes that are no
/// text spoil only themselves.
///
/// The session is unwrapped from the object, list of one or JSON text that holds its id. Numbers and truth values are
/// kept as they were written, but a documented variable's whole number without its exponent and decimal point; `null`
/// becomes empty, a list of one its only value. What stands beside the session or is nested below it is kept as compact
/// JSON or, in XML, under dotted names; attributes count as elements where their element has no text.
///
/// # Errors
/// [`ParseError`] by what is wrong with the body. None of them passes when the same body comes again.
pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Fields, ParseError> {
    let wide = utf_16_text(body);
    let charset = wide.is_some().then_some(Charset::Utf8);
    let body = Body::new(
        content_type,
        wide.as_deref().map_or(body, str::as_bytes),
        charset,
    );
    let sniffed = Format::sniffed(body.bytes).ok_or(ParseError::Empty)?;
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
        Some(match body.first()? {
            b'{' | b'[' | b'"' => Self::Json,
            b'<' => Self::Xml,
            _ => Self::Form,
        })
    }

    fn read(self, body: &Body<'_>) -> Result<Fields, ParseError> {
        match self {
            Self::Form => form(body),
            Self::Xml => xml(trimmed(&body.charset.decode(Cow::Borrowed(body.bytes)))),
            Self::Json => json(trimmed(&body.charset.decode(Cow::Borrowed(body.bytes)))),
        }
    }
}

/// How bytes become text. Only what senders of this kind use: a table of every encoding would weigh on a cold start.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Charset {
    Utf8,
    Windows1252,
    Undeclared,
}

impl Charset {
    /// The charset of that name; `None` for one that is not read here, or that the bytes themselves show.
    fn named(name: &str) -> Option<Self> {
        let name = name.trim().trim_matches(['"', '\'']);
        let among = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        if among(&["utf-8", "utf8"]) {
            Some(Self::Utf8)
        } else {
            among(&["windows-1252", "cp1252", "iso-8859-1", "latin1"]).then_some(Self::Windows1252)
        }
    }

    fn of_header(content_type: &str) -> Option<Self> {
        content_type.split(';').skip(1).find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let is_charset = name.trim().eq_ignore_ascii_case("charset");
            is_charset.then(|| Self::named(value))?
        })
    }

    fn of_xml_declaration(body: &[u8]) -> Option<Self> {
        let declaration = body.strip_prefix(b"<?xml")?.split(|&b| b == b'>').next()?;
        let (_, encoding) = std::str::from_utf8(declaration)
            .ok()?
            .split_once("encoding")?;
        Self::named(encoding.split(['"', '\'']).nth(1)?)
    }

    fn decode(self, bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
        // windows-1252 leaves these bytes undefined: with one of them, what is UTF-8 was declared wrongly.
        let undefined = |b: &u8| matches!(b, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D);
        let is_utf_8 = || bytes.iter().any(undefined) && std::str::from_utf8(&bytes).is_ok();
        if self == Self::Windows1252 && !is_utf_8() {
            return match bytes {
                Cow::Borrowed(bytes) => windows_1252(bytes),
                Cow::Owned(bytes) => Cow::Owned(windows_1252(&bytes).into_owned()),
            };
        }
        match bytes {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes)
                .map_or_else(|_| Cow::Owned(self.mended(bytes)), Cow::Borrowed),
            Cow::Owned(bytes) => Cow::Owned(
                String::from_utf8(bytes).unwrap_or_else(|error| self.mended(error.as_bytes())),
            ),
        }
    }

    /// The text of bytes that are not quite UTF-8. Bad bytes become U+FFFD, or the letters that they are in windows-1252
    /// where nothing declares UTF-8; without a declaration, a text that has nothing of UTF-8 is windows-1252 throughout.
    fn mended(self, bytes: &[u8]) -> String {
        let mut text = String::with_capacity(bytes.len());
        let mut is_utf_8 = self == Self::Utf8;
        let mut rest = bytes;
        while let Some(chunk) = rest.utf8_chunks().next() {
            text.push_str(chunk.valid());
            is_utf_8 |= !chunk.valid().is_ascii();
            rest = rest.get(chunk.valid().len()..).unwrap_or_default();
            let (character, length) = match (surrogate_pair(rest), chunk.invalid()) {
                (Some(character), _) => {
                    is_utf_8 = true;
                    (Some(character), 6)
                }
                (None, []) => break,
                (None, [byte]) if self == Self::Undeclared => (letter(*byte), 1),
                (None, bad) => (None, bad.len()),
            };
            text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
            rest = rest.get(length..).unwrap_or_default();
        }
        if is_utf_8 {
            text
        } else {
            windows_1252(bytes).into_owned()
        }
    }
}

fn windows_1252(bytes: &[u8]) -> Cow<'_, str> {
    CP1252.decode_lossy(bytes)
}

/// The letter that a byte is in windows-1252.
fn letter(byte: u8) -> Option<char> {
    let character = windows_1252(&[byte]).chars().next();
    character.filter(|c| c.is_alphabetic())
}

/// The character whose two surrogates stand at the start, three bytes each, as CESU-8 writes them (Unicode Technical
/// Report 26).
fn surrogate_pair(bytes: &[u8]) -> Option<char> {
    let [
        0xED,
        a @ 0xA0..=0xAF,
        b @ 0x80..=0xBF,
        0xED,
        c @ 0xB0..=0xBF,
        d @ 0x80..=0xBF,
        ..,
    ] = bytes
    else {
        return None;
    };
    let half = |high: &u8, low: &u8| u32::from(high & 0x0F) << 6 | u32::from(low & 0x3F);
    char::from_u32(0x1_0000 + (half(a, b) << 10 | half(c, d)))
}

/// The text of a UTF-16 body: one with a byte order mark, or one that starts as no other text does, with an ASCII
/// character of two bytes (RFC 4627, section 3; XML 1.0, appendix F).
fn utf_16_text(body: &[u8]) -> Option<String> {
    match body {
        [0xFF, 0xFE, rest @ ..] => Some(utf_16(rest, u16::from_le_bytes)),
        [0xFE, 0xFF, rest @ ..] => Some(utf_16(rest, u16::from_be_bytes)),
        [1..=0x7F, 0, ..] => Some(utf_16(body, u16::from_le_bytes)),
        [0, 1..=0x7F, ..] => Some(utf_16(body, u16::from_be_bytes)),
        _ => None,
    }
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

/// A body without the blanks and byte order marks before it.
struct Body<'a> {
    bytes: &'a [u8],
    charset: Charset,
}

impl<'a> Body<'a> {
    fn new(content_type: Option<&str>, body: &'a [u8], known: Option<Charset>) -> Self {
        let (mut bytes, mut charset) = (body.trim_ascii_start(), known);
        while let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
            (bytes, charset) = (rest.trim_ascii_start(), Some(Charset::Utf8));
        }
        let charset = charset
            .or_else(|| content_type.and_then(Charset::of_header))
            .or_else(|| Charset::of_xml_declaration(bytes))
            .unwrap_or(Charset::Undeclared);
        Self { bytes, charset }
    }
}

/// A text without what is no part of it: blanks, byte order marks and the zero that ends a text in memory.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0'))
}

/// The wrapper of the session that is the least deep, from (depth, session id, wrapper).
fn only_session<W>(
    found: impl Iterator<Item = (usize, String, W)>,
) -> Result<Option<W>, ParseError> {
    let mut best: Option<(usize, String, W)> = None;
    let mut several = false;
    for (depth, id, wrapper) in found {
        match &best {
            Some((least, ..)) if depth > *least => {}
            Some((least, known, _)) if depth == *least => several |= *known != id,
            _ => (best, several) = (Some((depth, id, wrapper)), false),
        }
    }
    if several {
        return Err(ParseError::SeveralSessions);
    }
    Ok(best.map(|(_, _, wrapper)| wrapper))
}

fn form(body: &Body<'_>) -> Result<Fields, ParseError> {
    // A browser percent-encodes all of these in a key; unencoded they are JSON or XML under a wrong label.
    let bytes = body.bytes.trim_ascii_end();
    if matches!(bytes.first(), None | Some(b'{' | b'[' | b'<' | b'"')) {
        return Err(ParseError::MalformedForm);
    }
    let part_header = b"content-disposition";
    let mut windows = bytes.windows(part_header.len());
    if bytes.starts_with(b"--") && windows.any(|text| text.eq_ignore_ascii_case(part_header)) {
        return Err(ParseError::Multipart);
    }
    let once = html_unescaped(bytes);
    let twice = once.as_deref().and_then(html_unescaped);
    let bytes = twice.as_deref().or(once.as_deref()).unwrap_or(bytes);
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
        fields.insert(trimmed(&text(key)), text(value));
    }
    has_a_pair
        .then_some(fields)
        .ok_or(ParseError::MalformedForm)
}

/// How HTML writes characters that a form has outside of its percent-encoding.
const REFERENCES: [(&[u8], u8); 10] = [
    (b"&amp;", b'&'),
    (b"&#38;", b'&'),
    (b"&#x26;", b'&'),
    (b"&#39;", b'\''),
    (b"&#x27;", b'\''),
    (b"&apos;", b'\''),
    (b"&quot;", b'"'),
    (b"&#34;", b'"'),
    (b"&lt;", b'<'),
    (b"&gt;", b'>'),
];

/// A form that was escaped as HTML on its way, as some are twice; `None` when its parameters are joined by plain `&`.
///
/// No browser sends `&amp;` for an `&`: it encodes both characters.
fn html_unescaped(form: &[u8]) -> Option<Vec<u8>> {
    let is_escaped = form.split(|&b| b == b'&').skip(1).any(|pair| {
        pair.get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"amp;"))
    });
    if !is_escaped {
        return None;
    }
    let mut text = Vec::with_capacity(form.len());
    let mut rest = form;
    while let [first, after @ ..] = rest {
        let known = REFERENCES.iter().find(|(name, _)| {
            let start = rest.get(..name.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(name))
        });
        let (byte, length) = known.map_or((*first, 1), |(name, byte)| (*byte, name.len()));
        text.push(byte);
        rest = after.get(length - 1..).unwrap_or_default();
    }
    Some(text)
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
    attributes: Vec<(String, String)>,
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
                let mut attributes = Vec::new();
                let mut sent = tag.attributes();
                // Looking for repeated names takes time that grows with the square of their number.
                sent.with_checks(false);
                for attribute in sent {
                    let attribute = attribute.map_err(|_| ParseError::MalformedXml)?;
                    let key = attribute.key.into_inner();
                    // Namespaces, and what they say about types, are nothing of the session.
                    if key.contains(':') || key == "xmlns" {
                        continue;
                    }
                    if key.len() > MAX_XML_NAME || key.contains(SEPARATOR) {
                        return Err(ParseError::MalformedXml);
                    }
                    let value = attribute.normalized_value(XmlVersion::Implicit1_0);
                    let value = value.unwrap_or_else(|_| attribute.value.clone());
                    if attributes.len() == MAX_FIELDS {
                        return Err(ParseError::TooManyFields);
                    }
                    attributes.push((format!("{path}{key}{SEPARATOR}"), value.into_owned()));
                }
                open.push(Element {
                    path,
                    text: String::new(),
                    attributes,
                    has_children: false,
                });
            }
            XmlEvent::End(tag) => {
                let Some(element) = open.pop() else {
                    return Err(ParseError::MalformedXml);
                };
                root_is_closed = open.is_empty();
                let is_blank = element.text.trim().is_empty();
                let is_leaf = !element.has_children && (!is_blank || element.attributes.is_empty());
                // Beside a text of its own they tell what kind of text that is.
                if is_blank || element.has_children {
                    leaves.extend(element.attributes);
                }
                if is_leaf || !is_blank {
                    let path = if element.path.is_empty() {
                        format!("{}{SEPARATOR}", tag.local_name().into_inner())
                    } else {
                        element.path
                    };
                    leaves.push((path, element.text));
                }
                if leaves.len() > MAX_FIELDS {
                    return Err(ParseError::TooManyFields);
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

    let wrapper = wrapper_of_the_session(&leaves)?.to_owned();
    let mut fields = Fields::default();
    for (path, text) in leaves {
        let name = path.strip_prefix(&wrapper).unwrap_or(&path);
        let name = name.trim_end_matches(SEPARATOR).replace(SEPARATOR, ".");
        fields.insert(trimmed(&name), text);
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
fn wrapper_of_the_session(leaves: &[(String, String)]) -> Result<&str, ParseError> {
    let found = leaves.iter().filter_map(|(path, text)| {
        let path = path.trim_end_matches(SEPARATOR);
        let name_at = path.rfind(SEPARATOR).map_or(0, |at| at + 1);
        let (wrapper, name) = path.split_at(name_at);
        let id = text.trim();
        (documented_name(name) == Some("SessionID") && !id.is_empty()).then(|| {
            let depth = wrapper.matches(SEPARATOR).count();
            (depth, id.to_owned(), wrapper)
        })
    });
    Ok(only_session(found)?.unwrap_or_default())
}

fn json(text: &str) -> Result<Fields, ParseError> {
    let read = |text: &str| {
        let mut fields = Fields::default();
        let object = opened(text, MAX_DEPTH).ok_or(ParseError::MalformedJson)?;
        unwrap_into(&mut fields, &object, MAX_DEPTH)?;
        Ok(fields)
    };
    match read(text) {
        Err(ParseError::MalformedJson) => {
            read(&with_escaped_controls(text).ok_or(ParseError::MalformedJson)?)
        }
        outcome => outcome,
    }
}

/// Adds an object's members. Without a session id among them, the members of the object that holds it are added in its
/// place.
fn unwrap_into(fields: &mut Fields, object: &str, levels: usize) -> Result<(), ParseError> {
    let malformed = |_| ParseError::MalformedJson;
    let levels = levels.checked_sub(1).ok_or(ParseError::TooDeep)?;
    let Members(members) = serde_json::from_str(object).map_err(malformed)?;
    if members.len() > MAX_FIELDS {
        return Err(ParseError::TooManyFields);
    }
    let wrapped = match session_id_of(&members) {
        Some(_) => None,
        None => {
            let mut objects = objects_in(&members, levels);
            if objects.len() > 1 {
                let found = objects.into_iter().filter_map(|(index, object)| {
                    let (depth, id) = find_session(&object, levels)?;
                    Some((depth, id, (index, object)))
                });
                only_session(found)?
            } else {
                objects.pop()
            }
        }
    };
    for (index, (Text(key), value)) in members.into_iter().enumerate() {
        if wrapped.as_ref().is_none_or(|(at, _)| *at != index) {
            let key = trimmed(&key);
            let is_documented = documented_name(key).is_some();
            fields.insert(key, text_of(value, is_documented).map_err(malformed)?);
        }
    }
    wrapped.map_or(Ok(()), |(_, inner)| unwrap_into(fields, &inner, levels))
}

/// How deep in an object the session id is, and the id.
fn find_session(object: &str, levels: usize) -> Option<(usize, String)> {
    let levels = levels.checked_sub(1)?;
    let Members(members) = serde_json::from_str(object).ok()?;
    if let Some(id) = session_id_of(&members) {
        return Some((0, id));
    }
    objects_in(&members, levels)
        .iter()
        .filter_map(|(_, object)| find_session(object, levels))
        .min()
        .map(|(depth, id)| (depth + 1, id))
}

fn session_id_of(members: &[(Text, &RawValue)]) -> Option<String> {
    members
        .iter()
        .filter(|(Text(key), _)| documented_name(trimmed(key)) == Some("SessionID"))
        .filter_map(|(_, value)| text_of(value, true).ok())
        .map(|id| trimmed(&id).to_owned())
        .find(|id| !id.is_empty())
}

/// The objects among an object's members, each with the member's index. A documented variable is never one of them: a
/// chat is what strangers typed.
fn objects_in<'a>(members: &[(Text, &'a RawValue)], levels: usize) -> Vec<(usize, Cow<'a, str>)> {
    members
        .iter()
        .enumerate()
        .filter(|(_, (Text(key), _))| documented_name(trimmed(key)).is_none())
        .filter_map(|(index, (_, value))| Some((index, opened(value.get(), levels)?)))
        .collect()
}

/// The text of the object that a value is: itself, the only element of a list, or JSON in a string.
fn opened(value: &str, levels: usize) -> Option<Cow<'_, str>> {
    if value.starts_with('{') {
        return Some(Cow::Borrowed(value));
    }
    let levels = levels.checked_sub(1)?;
    match value.bytes().next()? {
        b'[' => match serde_json::from_str(value).ok()? {
            Elements(elements) => match elements.as_slice() {
                [only] => opened(only.get(), levels),
                _ => None,
            },
        },
        b'"' => {
            let Text(text) = serde_json::from_str(value).ok()?;
            let text = trimmed(&text);
            if !text.starts_with(['{', '[', '"']) {
                return None;
            }
            let is_json = |text: &str| serde_json::from_str::<IgnoredAny>(text).is_ok();
            let object = if is_json(text) {
                opened(text, levels)?.into_owned()
            } else {
                let text = with_escaped_controls(text).filter(|text| is_json(text))?;
                opened(&text, levels)?.into_owned()
            };
            Some(Cow::Owned(object))
        }
        _ => None,
    }
}

/// JSON whose strings have their raw control characters escaped, as RFC 8259 (section 7) wants; `None` when there are
/// none.
fn with_escaped_controls(json: &str) -> Option<String> {
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

/// A value as text. Numbers keep the digits they were sent with: a long session id does not fit a float.
fn text_of(value: &RawValue, is_documented: bool) -> Result<String, serde_json::Error> {
    Ok(match value.get() {
        "null" => String::new(),
        text if text.starts_with('"') => serde_json::from_str::<Text>(text)?.0,
        list if list.starts_with('[') => match serde_json::from_str(list)? {
            Elements(elements) => match elements.as_slice() {
                [only] if !only.get().starts_with(['{', '[']) => text_of(only, is_documented)?,
                _ => compact(list),
            },
        },
        object if object.starts_with('{') => compact(object),
        number if is_documented => whole(number).unwrap_or_else(|| number.to_owned()),
        plain => plain.to_owned(),
    })
}

/// A whole number that was written with an exponent or a decimal point, as programs write what they hold as a float.
fn whole(number: &str) -> Option<String> {
    let value: f64 = number
        .contains(['.', 'e', 'E'])
        .then(|| number.parse())?
        .ok()?;
    let is_exact = value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0;
    is_exact.then(|| (value as i64).to_string())
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
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};

    use super::*;
    use crate::domain::session::Event;

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

    /// The fields of a body that was sent as the media type given.
    fn read_as(content_type: &str, body: &[u8]) -> Fields {
        parse(Some(content_type), body).expect("a body that can be read")
    }

    fn unknown<'a>(fields: &'a Fields, key: &str) -> Option<&'a str> {
        fields.unknown_fields.get(key).map(String::as_str)
    }

    #[test]
    fn what_the_field_sent_is_read_whole() {
        for (session, content_type, body) in [
            (
                "94000001",
                "application/json; charset=utf-8",
                fixture!("json_one_bad_byte.json"),
            ),
            ("94000002", "text/xml", fixture!("xml_one_bad_byte.xml")),
            (
                "94000003",
                "application/json; charset=utf-16",
                fixture!("json_utf_16_without_mark.json"),
            ),
            (
                "94000004",
                "application/json",
                fixture!("json_raw_control_characters.json"),
            ),
            (
                "94000005",
                "application/json",
                fixture!("json_in_a_string.json"),
            ),
            (
                "94000006",
                "application/json",
                fixture!("json_session_in_a_string.json"),
            ),
            (
                "94000007",
                "application/json",
                fixture!("json_siblings.json"),
            ),
            (
                "94000008",
                "application/json",
                fixture!("json_one_element_list.json"),
            ),
            (
                "94000009",
                "application/x-www-form-urlencoded",
                fixture!("form_html_ampersands.txt"),
            ),
            (
                "94000010",
                "application/json",
                fixture!("json_chat_with_times.json"),
            ),
        ] {
            let fields = read_as(content_type, body);
            assert_eq!(fields.get("SessionID"), Some(session));
            assert_eq!(fields.get("CField1"), Some("INC0010001"), "{session}");
            assert_eq!(Event::from_content(&fields), Event::Ended, "{session}");
            assert_eq!(read(body), fields, "{session}: the body alone says enough");
        }
    }

    #[test]
    fn bad_bytes_spoil_only_themselves() {
        let json = read_as(
            "application/json; charset=utf-8",
            fixture!("json_one_bad_byte.json"),
        );
        let xml = read_as("text/xml", fixture!("xml_one_bad_byte.xml"));
        for fields in [&json, &xml] {
            assert_eq!(fields.get("TechName"), Some("Zoë Müller"));
            assert_eq!(fields.get("CField0"), Some("李雷"));
        }
        assert_eq!(json.get("ChatLog"), Some("Zoë: 你好 \u{FFFD}"));
        assert_eq!(
            xml.get("ChatLog"),
            Some("Zoë: \u{FFFD}\u{FFFD}\u{FFFD}"),
            "half of a surrogate pair"
        );
        let form = read_as(
            "application/x-www-form-urlencoded; charset=utf-8",
            b"SessionID=1&TechName=Zo%C3%AB&ChatLog=Zo%C3%AB%3A+%E4%BD%A0+%E2%80&Note=Zo%EB",
        );
        assert_eq!(form.get("TechName"), Some("Zoë"));
        assert_eq!(form.get("ChatLog"), Some("Zoë: 你 \u{FFFD}"));
        assert_eq!(form.get("Notes"), Some("Zo\u{FFFD}"));
    }

    #[test]
    fn a_letter_of_windows_1252_is_read_where_nothing_declares_utf_8() {
        let body =
            b"{\"SessionID\": 1, \"TechName\": \"Zo\xC3\xAB M\xFCller\", \"Note\": \"5 \x80\"}";
        for content_type in [
            None,
            Some("application/json"),
            Some("application/json; charset=koi8-r"),
        ] {
            let fields = parse(content_type, body).expect("JSON");
            assert_eq!(fields.get("TechName"), Some("Zoë Müller"));
            assert_eq!(fields.get("Notes"), Some("5 \u{FFFD}"));
        }
        let declared = read_as("application/json; charset=\"UTF-8\"", body);
        assert_eq!(declared.get("TechName"), Some("Zoë M\u{FFFD}ller"));
        let marked = read(&[b"\xEF\xBB\xBF", body.as_slice()].concat());
        assert_eq!(marked, declared, "a byte order mark declares it too");
    }

    #[test]
    fn characters_in_cesu_8_are_characters() {
        for content_type in ["application/json", "application/json; charset=utf-8"] {
            let fields = read_as(
                content_type,
                b"{\"SessionID\": 1, \"Note\": \"a\xED\xA0\xBD\xED\xB8\x80b\"}",
            );
            assert_eq!(fields.get("Notes"), Some("a😀b"));
        }
        let form =
            read(b"SessionID=1&Note=a%ED%A0%BD%ED%B8%80b&ChatLog=%ED%A0%BD%ED%A0%BD%ED%B8%80");
        assert_eq!(form.get("Notes"), Some("a😀b"));
        assert!(form.get("ChatLog").is_some_and(|chat| chat.ends_with('😀')));
    }

    #[test]
    fn a_declared_charset_is_believed_when_it_decodes() {
        let text = "{\"SessionID\": 1, \"Note\": \"Zoë 李\"}";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for charset in ["utf-16", "UTF-16LE", "utf-16be", "utf-8", "iso-8859-1"] {
            let content_type = format!("application/json; charset={charset}");
            for body in [little.as_slice(), &big, text.as_bytes()] {
                let note = read_as(&content_type, body).get("Notes").map(str::to_owned);
                if charset != "iso-8859-1" || body != text.as_bytes() {
                    assert_eq!(note.as_deref(), Some("Zoë 李"), "{charset}");
                }
            }
        }
        // A byte that windows-1252 leaves undefined, in a text that is UTF-8.
        let mislabelled = read_as(
            "text/xml; charset=iso-8859-1",
            "<s><sessionid>1</sessionid><note>Zoë “李”</note></s>".as_bytes(),
        );
        assert_eq!(mislabelled.get("Notes"), Some("Zoë “李”"));
        let cut = little.get(..little.len() - 1).expect("bytes");
        assert_eq!(parse(None, cut), Err(ParseError::MalformedJson));
    }

    #[test]
    fn the_charset_of_an_xml_declaration_is_believed_unless_the_header_names_another() {
        let with = |encoding: &str| {
            let mut body = format!(
                "<?xml version='1.0' encoding='{encoding}'?><s><sessionid>1</sessionid><note>"
            )
            .into_bytes();
            body.extend(b"\xC3\xA9</note></s>");
            body
        };
        let note = |content_type: &str, encoding: &str| {
            read_as(content_type, &with(encoding))
                .get("Notes")
                .map(str::to_owned)
        };
        assert_eq!(note("text/xml", "utf-8").as_deref(), Some("é"));
        assert_eq!(note("text/xml", "Windows-1252").as_deref(), Some("Ã©"));
        assert_eq!(
            note("text/xml", "utf-16").as_deref(),
            Some("é"),
            "it is not"
        );
        assert_eq!(
            note("text/xml; charset=utf-8", "Windows-1252").as_deref(),
            Some("é")
        );
        assert_eq!(
            note("text/xml; charset=latin1", "utf-8").as_deref(),
            Some("Ã©")
        );
    }

    #[test]
    fn a_byte_order_mark_may_stand_anywhere_a_blank_may() {
        let mark = "\u{FEFF}";
        for body in [
            format!("{mark}{mark}{{\"SessionID\": 1}}"),
            format!(" \r\n{mark}{{\"SessionID\": 1}}{mark}\0"),
            format!("{{\"{mark}SessionID\": 1}}"),
            format!("{mark} <session><sessionid>1</sessionid></session>{mark}"),
            format!("{mark}SessionID=1"),
            "%EF%BB%BFSessionID=1".to_owned(),
            format!("\"{mark}{{\\\"SessionID\\\": 1}}\""),
        ] {
            assert_eq!(read(body.as_bytes()), read(b"SessionID=1"), "{body}");
        }
    }

    #[test]
    fn raw_control_characters_in_json_strings_are_kept() {
        let fields = read(fixture!("json_raw_control_characters.json"));
        assert_eq!(
            fields.get("Notes"),
            Some("first line\nsecond\tcolumn\r\nthird")
        );
        let body = "{\t\"SessionID\":\r\n\"1\",\"Note\":\"a \\\"quote\\\" \n\\\\\u{1}\",\"more\":{\"x\": \"\t\"}}";
        let fields = read(body.as_bytes());
        assert_eq!(fields.get("Notes"), Some("a \"quote\" \n\\\u{1}"));
        assert_eq!(unknown(&fields, "more"), Some("{\"x\":\"\\u0009\"}"));
        let inner = read(br#"{"session": "{\"SessionID\": 1, \"Note\": \"a\nb\"}"}"#);
        assert_eq!(inner.get("Notes"), Some("a\nb"), "raw in the inner text");
    }

    #[test]
    fn the_session_is_unwrapped_from_what_holds_its_id() {
        let flat = read(b"SessionID=1&CField1=INC0010001");
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
            assert_eq!(read(body.as_bytes()), flat, "{body}");
        }
        let kept = |body: String, key: &str| {
            let fields = read(body.as_bytes());
            assert_eq!(fields.fields, flat.fields, "{body}");
            unknown(&fields, key).map(str::to_owned)
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
        // A chat is what strangers typed, also where it looks like a session.
        let chat = "{\"chatlog\": \"{\\\"sessionid\\\": 2}\", \"kind\": \"x\"}".to_owned();
        let chat = read(chat.as_bytes());
        assert_eq!(session_id(&chat), Err(SessionIdError::Missing));
        let chat = read(b"{\"sessionid\": 1, \"text\": \"{\\\"sessionid\\\": 2}\"}");
        assert_eq!(chat.get("SessionID"), Some("1"));
        assert_eq!(unknown(&chat, "text"), Some(r#"{"sessionid": 2}"#));
    }

    #[test]
    fn a_body_of_two_sessions_is_refused() {
        for body in [
            r#"{"a": {"sessionid": 1}, "b": {"sessionid": 2}}"#,
            r#"{"x": {"a": {"sessionid": 1}, "b": "{\"sessionid\": 2}"}}"#,
            "<data><a><sessionid>1</sessionid></a><b><sessionid>2</sessionid></b></data>",
        ] {
            assert_eq!(
                parse(None, body.as_bytes()),
                Err(ParseError::SeveralSessions),
                "{body}"
            );
        }
        let same = read(br#"{"session": {"sessionid": 1}, "survey": {"sessionid": "1"}}"#);
        assert_eq!(same.get("SessionID"), Some("1"));
        assert_eq!(unknown(&same, "survey"), Some(r#"{"sessionid":"1"}"#));
        let xml = "<data><survey><session><sessionid>2</sessionid></session></survey><longer_name><sessionid>1</sessionid></longer_name></data>";
        assert_eq!(
            read(xml.as_bytes()).get("SessionID"),
            Some("1"),
            "the one that is less deep"
        );
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
            let fields = read(body.as_bytes());
            assert_eq!(fields.get("SessionID"), Some("94000004"), "{id}");
            assert_eq!(unknown(&fields, "ratio"), Some("1.0"));
        }
        let odd = read(br#"{"SessionID": 1, "WorkTime": 1.5, "CField1": "1e5", "CField2": 1e400, "CField3": 5e-1}"#);
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
    fn a_form_that_was_escaped_as_html_is_read_whole() {
        let right = read(b"SessionID=1&Note=It's+R%26D+%3Cb%3E&CField1=INC0010001");
        for body in [
            "SessionID=1&amp;Note=It's+R%26D+%3Cb%3E&amp;CField1=INC0010001",
            "SessionID=1&amp;Note=It&#39;s+R%26D+%3Cb%3E&amp;CField1=INC0010001",
            "SessionID=1&AMP;Note=It&#x27;s+R%26D+%3Cb%3E&#38;CField1=INC0010001",
            "SessionID=1&amp;amp;Note=It&amp;#39;s+R%26D+%3Cb%3E&amp;amp;CField1=INC0010001&amp;amp;",
        ] {
            assert_eq!(read(body.as_bytes()), right, "{body}");
        }
        // What a browser sends is never touched.
        let sent = read(b"SessionID=1&Note=a%26amp%3Bb&quot=1&lt=2&amp=3");
        assert_eq!(sent.get("Notes"), Some("a&amp;b"));
        assert_eq!(unknown(&sent, "amp"), Some("3"));
    }

    #[test]
    fn xml_attributes_of_a_session_are_fields() {
        let flat = read(b"SessionID=1&CField1=INC0010001&Note=x");
        for body in [
            r#"<session sessionid="1" CField1="INC0010001"><note>x</note></session>"#,
            r#"<data xmlns="urn:x" xmlns:i="urn:y"><session SessionID='1' i:type="s" cfield1="INC0010001" note="x"/></data>"#,
            r#"<session><sessionid type="integer">1</sessionid><cfield1>INC0010001</cfield1><note>x</note></session>"#,
        ] {
            assert_eq!(read(body.as_bytes()), flat, "{body}");
        }
        let escaped = read(br#"<session sessionid="1" note="R&amp;D &lt;b&gt;"/>"#);
        assert_eq!(escaped.get("Notes"), Some("R&D <b>"));
    }

    #[test]
    fn namespaces_comments_and_instructions_do_not_hide_a_value() {
        let body = br#"<s:Envelope xmlns:s="urn:s"><s:Body><r:session><r:sessionid>1</r:sessionid>
            <r:note>a<!-- no -->b<![CDATA[<c>]]><?x y?>d &#233; &#x263A;</r:note></r:session></s:Body></s:Envelope>"#;
        let fields = read(body);
        assert_eq!(fields.get("SessionID"), Some("1"));
        assert_eq!(fields.get("Notes"), Some("ab<c>d é ☺"));
    }

    #[test]
    fn what_can_be_read_only_in_part_is_refused() {
        for (content_type, body, error) in [
            (
                None,
                "{\"SessionID\": 1} {\"SessionID\": 2}",
                ParseError::MalformedJson,
            ),
            (None, "{\"SessionID\": 1}, more", ParseError::MalformedJson),
            (
                None,
                "{\"SessionID\": 1, \"Note\": \"C:\\Users\"}",
                ParseError::MalformedJson,
            ),
            (None, "\"{\\\"SessionID\\\": 1\"", ParseError::MalformedJson),
            (None, "\"SessionID=1\"", ParseError::MalformedJson),
            (
                Some("text/xml"),
                "<s><sessionid>1</sessionid></s><s/>",
                ParseError::MalformedXml,
            ),
            (
                Some("text/xml"),
                "<s a=b><sessionid>1</sessionid></s>",
                ParseError::MalformedXml,
            ),
            (
                Some("multipart/form-data; boundary=x"),
                "--x\r\nContent-Disposition: form-data; name=\"SessionID\"\r\n\r\n1\r\n--x--\r\n",
                ParseError::Multipart,
            ),
            (
                None,
                "--x\r\nContent-Disposition: form-data; name=\"a=b\"\r\n\r\n1",
                ParseError::Multipart,
            ),
        ] {
            assert_eq!(parse(content_type, body.as_bytes()), Err(error), "{body}");
        }
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
        let attributes: String = (0..500_000).map(|n| format!(" k{n}=''")).collect();
        let many_attributes = format!("<s{attributes}/>");
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
            (&many_attributes, ParseError::TooManyFields),
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
        fn any_text_survives_every_wrapping_of_json(post in posts()) {
            let mut post = post;
            post.retain(|(key, _)| key != "sessionid");
            post.push(("sessionid".to_owned(), "1".to_owned()));
            let expected = Ok(expected(&post));
            let quoted = serde_json::Value::from(as_json(&post)).to_string();
            let raw = post.iter().map(|(key, value)| {
                format!("\"{key}\":\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
            });
            let raw = format!("{{{}}}", raw.collect::<Vec<_>>().join(","));
            for body in [
                raw.clone(),
                format!("{{\"sessions\":[{raw}]}}"),
                format!("[{quoted}]"),
                format!("{{\"data\":{{\"session\":{quoted}}}}}"),
                serde_json::Value::from(quoted).to_string(),
            ] {
                prop_assert_eq!(parse(None, body.as_bytes()), expected.clone(), "{}", body);
            }
        }

        #[test]
        fn a_bad_byte_spoils_nothing_around_it(before in "\\PC{0,20}", after in "\\PC{0,20}") {
            let mended = format!("{before}\u{FFFD}{after}");
            let bytes = [before.as_bytes(), b"\xFF", after.as_bytes()].concat();
            let form = form_urlencoded::byte_serialize(&bytes).collect::<String>();
            let escape = |text: &str| {
                let json = serde_json::Value::from(text).to_string();
                json.as_bytes().get(1..json.len() - 1).unwrap_or_default().to_vec()
            };
            let json = [b"{\"Note\":\"".as_slice(), &escape(&before), b"\xFF", &escape(&after), b"\",\"TechName\":\"Zo\xC3\xAB\"}"].concat();
            for (content_type, body) in [
                ("application/json; charset=utf-8", json),
                ("application/x-www-form-urlencoded; charset=utf-8", format!("Note={form}&TechName=Zo%C3%AB").into_bytes()),
            ] {
                let fields = parse(Some(content_type), &body).expect("readable");
                prop_assert_eq!(fields.get("Notes"), Some(mended.as_str()));
                prop_assert_eq!(fields.get("TechName"), Some("Zoë"));
            }
        }

        #[test]
        fn bytes_declared_utf_8_are_read_as_the_encoding_standard_reads_them(bytes in vec(any::<u8>(), 0..40)) {
            let right = String::from_utf8_lossy(&bytes);
            if !bytes.contains(&0xED) {
                prop_assert_eq!(Charset::Utf8.decode(Cow::Borrowed(&bytes)), right);
            }
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
            // What windows-1252 leaves undefined, in a text that is UTF-8, says that the declaration is wrong.
            let undefined = bytes.iter().any(|b| matches!(b, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D));
            let right = std::str::from_utf8(&bytes).ok().filter(|_| undefined).unwrap_or(&text);
            prop_assert_eq!(fields.get("Notes"), Some(right));
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
