//! The text of a body's bytes.

use std::borrow::Cow;

use yore::CodePage as _;
use yore::code_pages::CP1252;

/// The encodings that are read. The tables of all encodings would slow a cold start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    Utf8,
    Windows1252,
    Undeclared,
}

impl Charset {
    /// The charset of that name; `None` for an unknown one, and for UTF-16, which the bytes show.
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

    pub(super) fn decode(self, bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
        // windows-1252 leaves these bytes undefined. Valid UTF-8 with one of them was declared wrongly.
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
                .map_or_else(|_| Cow::Owned(self.decode_lossily(bytes)), Cow::Borrowed),
            Cow::Owned(bytes) => Cow::Owned(
                String::from_utf8(bytes)
                    .unwrap_or_else(|error| self.decode_lossily(error.as_bytes())),
            ),
        }
    }

    /// The text of bytes that are not valid UTF-8. Invalid bytes become U+FFFD or, where no charset is declared, their
    /// letters in windows-1252. Without a declared charset, a text without multi-byte UTF-8 is windows-1252.
    fn decode_lossily(self, bytes: &[u8]) -> String {
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
                (None, [byte]) if self == Self::Undeclared => (windows_1252_letter(*byte), 1),
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

/// The letter of a byte in windows-1252; `None` where it is no letter.
fn windows_1252_letter(byte: u8) -> Option<char> {
    let character = windows_1252(&[byte]).chars().next();
    character.filter(|c| c.is_alphabetic())
}

/// The character whose two surrogates are at the start, three bytes each: CESU-8 (Unicode Technical Report 26).
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

/// The text of a UTF-16 body: it starts with a byte order mark or with an ASCII character of two bytes (RFC 4627,
/// section 3; XML 1.0, appendix F).
pub(super) fn utf_16_text(body: &[u8]) -> Option<String> {
    match body {
        [0xFF, 0xFE, rest @ ..] => Some(utf_16(rest, u16::from_le_bytes)),
        [0xFE, 0xFF, rest @ ..] => Some(utf_16(rest, u16::from_be_bytes)),
        [1..=0x7F, 0, ..] => Some(utf_16(body, u16::from_le_bytes)),
        [0, 1..=0x7F, ..] => Some(utf_16(body, u16::from_be_bytes)),
        _ => None,
    }
}

/// The text of UTF-16 bytes. Unpaired surrogates and a last odd byte become U+FFFD.
fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, rest) = bytes.as_chunks();
    let units = pairs.iter().map(|pair| unit(*pair));
    char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .chain(rest.iter().map(|_| char::REPLACEMENT_CHARACTER))
        .collect()
}

/// A body without the blanks and byte order marks before it.
pub(super) struct EncodedBody<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) charset: Charset,
}

impl<'a> EncodedBody<'a> {
    pub(super) fn new(content_type: Option<&str>, body: &'a [u8], known: Option<Charset>) -> Self {
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

    /// The whole body as text.
    pub(super) fn text(&self) -> Cow<'a, str> {
        self.charset.decode(Cow::Borrowed(self.bytes))
    }
}

/// A text without blanks, byte order marks and NUL characters at its ends.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0'))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn bytes_declared_utf_8_are_decoded_as_the_encoding_standard_says(bytes in vec(any::<u8>(), 0..40)) {
            let right = String::from_utf8_lossy(&bytes);
            if !bytes.contains(&0xED) {
                prop_assert_eq!(Charset::Utf8.decode(Cow::Borrowed(&bytes)), right);
            }
        }

        #[test]
        fn utf_16_is_decoded_as_the_encoding_standard_says(units in vec(any::<[u8; 2]>(), 0..30)) {
            let bytes = units.concat();
            prop_assert_eq!(utf_16(&bytes, u16::from_le_bytes), encoding_rs::UTF_16LE.decode_without_bom_handling(&bytes).0);
            prop_assert_eq!(utf_16(&bytes, u16::from_be_bytes), encoding_rs::UTF_16BE.decode_without_bom_handling(&bytes).0);
        }
    }
}
