//! Reading a Post-to-URL body: HTML form, XML or JSON, with any Content-Type (docs/vendors.md#post-to-url-formats).
//!
//! The vendor documents neither its JSON shape nor the Content-Type and charset it sends, so every plausible form is
//! read. A body that can be read only in part is refused: a reference in the unread part would send the session to a new
//! record. Time grows linearly with the body, and recursion is limited. The number of fields, their depth and the length
//! of XML names are limited, so that memory stays a small multiple of the body.

mod form;
mod json;
mod parse_error;
mod session;
#[cfg(test)]
mod tests;
mod text;
mod xml;

pub use self::parse_error::ParseError;
pub use self::session::{SessionIdError, session_id};
use self::text::{Charset, EncodedBody, trimmed, utf_16_text};
use crate::domain::session::Fields;

/// Every field of a Post-to-URL body, under its documented name where it has one.
///
/// * Format: the one that the Content-Type names, else the one that the first byte suggests.
/// * Encoding: UTF-16 where the bytes show it; then a byte order mark, the Content-Type's `charset` and the XML
///   declaration, in this order; else UTF-8, and windows-1252 for bytes that are not UTF-8. Undecodable bytes become
///   U+FFFD.
/// * Session: taken out of the object, list of one or JSON text that holds its id. What stands beside the session or
///   nested below it becomes compact JSON or, in XML, fields with dotted names. Attributes count as elements where their
///   element has no text.
/// * Values: numbers and booleans as written, but a documented variable's whole number without exponent and decimal
///   point; `null` becomes empty, a list of one its only value.
///
/// # Errors
/// [`ParseError`], each time for the same body.
pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Fields, ParseError> {
    let wide = utf_16_text(body);
    let charset = wide.is_some().then_some(Charset::Utf8);
    let body = EncodedBody::new(
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

    fn read(self, body: &EncodedBody<'_>) -> Result<Fields, ParseError> {
        match self {
            Self::Form => form::fields(body),
            Self::Xml => xml::fields(trimmed(&body.text())),
            Self::Json => json::fields(trimmed(&body.text())),
        }
    }
}
