//! HTML forms.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use crate::domain::session::Fields;
use crate::rescue::post_to_url::parse_error::{MAX_FIELDS, ParseError};
use crate::rescue::post_to_url::text::{EncodedBody, trimmed};

/// The fields of a form.
pub(super) fn fields(body: &EncodedBody<'_>) -> Result<Fields, ParseError> {
    // A browser percent-encodes these in a key. Unencoded, they start JSON or XML with a wrong Content-Type.
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
            let part = form_decoded(part.unwrap_or_default());
            body.charset.decode(part).into_owned()
        };
        fields.insert(trimmed(&text(key)), text(value));
    }
    has_a_pair
        .then_some(fields)
        .ok_or(ParseError::MalformedForm)
}

/// HTML character references of the characters that a form leaves unencoded or separates its parameters with.
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

/// A form that was escaped as HTML on its way, without that escaping; `None` for any other form. Some are escaped twice.
///
/// In an unescaped form, `&amp;` cannot occur: browsers percent-encode its `;`.
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

/// Decodes to bytes: `form_urlencoded` replaces what is not UTF-8, and values may be windows-1252.
fn form_decoded(part: &[u8]) -> Cow<'_, [u8]> {
    if part.contains(&b'+') {
        let spaced: Vec<u8> = part
            .iter()
            .map(|&b| if b == b'+' { b' ' } else { b })
            .collect();
        Cow::Owned(percent_decode(&spaced).collect())
    } else {
        percent_decode(part).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Fields {
        fields(&EncodedBody::new(None, body.as_bytes(), None)).expect("a form")
    }

    #[test]
    fn a_form_that_was_escaped_as_html_is_read_completely() {
        let right = read("SessionID=1&Note=It's+R%26D+%3Cb%3E&CField1=INC0010001");
        for body in [
            "SessionID=1&amp;Note=It's+R%26D+%3Cb%3E&amp;CField1=INC0010001",
            "SessionID=1&amp;Note=It&#39;s+R%26D+%3Cb%3E&amp;CField1=INC0010001",
            "SessionID=1&AMP;Note=It&#x27;s+R%26D+%3Cb%3E&#38;CField1=INC0010001",
            "SessionID=1&amp;amp;Note=It&amp;#39;s+R%26D+%3Cb%3E&amp;amp;CField1=INC0010001&amp;amp;",
        ] {
            assert_eq!(read(body), right, "{body}");
        }
        // What a browser sends is never unescaped.
        let sent = read("SessionID=1&Note=a%26amp%3Bb&quot=1&lt=2&amp=3");
        assert_eq!(sent.get("Notes"), Some("a&amp;b"));
        assert_eq!(sent.find("amp"), Some("3"));
    }

    #[test]
    fn a_percent_sign_without_two_hexadecimal_digits_stands_for_itself() {
        assert_eq!(
            read("Note=100%+%4+%zz%41").get("Notes"),
            Some("100% %4 %zzA")
        );
    }
}
