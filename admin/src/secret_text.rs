//! The one place that looks at a secret when it comes in, by hand or from a program. What PowerShell, editors and copying add is dropped where that
//! is certain; a text that cannot be the secret is refused, and one that looks like a mistake is asked about.

use serde_json::Value;
use shared::domain::secret::Secret;

use crate::secrets::SecretName;

/// Longer than any secret of these. Secrets Manager takes 65 536 bytes for all of a tenant's secrets together
/// (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>).
pub(crate) const LIMIT: usize = 60 * 1024;

/// Characters that ServiceNow's client secrets must not have.
pub(crate) const CLIENT_SECRET_TABOO: [char; 5] = ['^', '&', '<', '>', '?'];

/// Why a text is not taken as a secret. Its text quotes nothing of the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    /// There is nothing, or there are blanks only.
    #[error("The secret is empty.")]
    Empty,
    /// More than [`LIMIT`].
    #[error("The secret has more than 60 KB, which no {} has. Check which file was given.", .0.as_str())]
    TooLong(SecretName),
    /// Neither UTF-8 nor UTF-16 with a byte order mark.
    #[error(
        "The secret is not a UTF-8 text. Save the file as UTF-8, or type the secret at the hidden prompt."
    )]
    NotText,
    /// A line end with something behind it.
    #[error("The secret has several lines. Give one line with nothing but {}.", .0.as_str())]
    Lines(SecretName),
    /// A tab, an escape or another control character.
    #[error(
        "The secret has a control character (a tab, for example), which copying may have added. Copy it again, or type \
         it at the hidden prompt."
    )]
    Control,
    /// The token endpoint's whole answer, or another JSON object.
    #[error(
        "This is a JSON object, not the secret alone. Give the value of its member {0} without quotes, for example \
         with `jq -r {path}`.", path = jq_path(.0)
    )]
    Json(String),
    /// A JSON object without the secret's member.
    #[error("This is a JSON object, and it has no member {0}. Give nothing but the secret.")]
    OtherJson(&'static str),
    /// A blank before or behind what never has one.
    #[error("The secret begins or ends with a blank, which {} never has. Copy it again without the blank.", .0.as_str())]
    Blanks(SecretName),
    /// Quotes around it.
    #[error("The secret stands in quotes, which count as part of it. Leave the quotes out.")]
    Quotes,
    /// A character that ServiceNow does not take in a client secret.
    #[error(
        "The client secret has one of the characters ^ & < > ?, which ServiceNow does not take everywhere. Give the \
         Application Registry record another client secret."
    )]
    Taboo,
}

/// jq reads a hyphen in a bare path as a minus.
fn jq_path(member: &str) -> String {
    if member.contains('-') {
        format!("'.[\"{member}\"]'")
    } else {
        format!(".{member}")
    }
}

impl SecretFault {
    /// Whether the text may be right all the same, so that a person can be asked.
    pub(crate) const fn may_be_meant(&self) -> bool {
        matches!(self, Self::Quotes | Self::Taboo)
    }

    /// What to do where it is meant so and no person can be asked.
    pub(crate) const fn way_out(&self) -> &'static str {
        if self.may_be_meant() {
            " If it is meant so, add --yes."
        } else {
            ""
        }
    }
}

/// A text without what PowerShell and editors add to it: a byte order mark, and one line end behind it. UTF-16 with a byte
/// order mark, which PowerShell writes into files, is understood. `None`: neither UTF-8 nor that.
pub(crate) fn text(bytes: &[u8]) -> Option<String> {
    let text = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok()?.to_owned(),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        all => std::str::from_utf8(all).ok()?.to_owned(),
    };
    let end = text.strip_suffix('\n');
    let end = end.map(|text| text.strip_suffix('\r').unwrap_or(text));
    Some(end.map_or(text.clone(), str::to_owned))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (units, rest) = bytes.as_chunks::<2>();
    let units = units.iter().copied().map(unit);
    let text: Option<String> = char::decode_utf16(units).map(Result::ok).collect();
    text.filter(|_| rest.is_empty())
}

/// Takes a secret as it came in.
///
/// # Errors
/// The text's fault, with the secret where it [may be meant](SecretFault::may_be_meant) all the same.
pub(crate) fn read(
    name: SecretName,
    bytes: &[u8],
) -> Result<Secret, (SecretFault, Option<Secret>)> {
    let refused = |fault| Err((fault, None));
    if bytes.len() > LIMIT {
        return refused(SecretFault::TooLong(name));
    }
    let Some(text) = text(bytes) else {
        return refused(SecretFault::NotText);
    };
    match fault(name, &text) {
        None => Ok(Secret::from(text)),
        Some(fault) if fault.may_be_meant() => Err((fault, Some(Secret::from(text)))),
        Some(fault) => refused(fault),
    }
}

fn fault(name: SecretName, text: &str) -> Option<SecretFault> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Some(SecretFault::Empty);
    }
    if let Ok(Value::Object(members)) = serde_json::from_str(trimmed) {
        let own = name.member();
        let named = members.keys().find(|member| member.as_str() == own);
        let named = named.or_else(|| members.keys().find(|member| *member == name.as_str()));
        let fault = |member: &String| SecretFault::Json(member.clone());
        return Some(named.map_or(SecretFault::OtherJson(own), fault));
    }
    if text.contains(['\n', '\r']) {
        return Some(SecretFault::Lines(name));
    }
    if text.contains(char::is_control) {
        return Some(SecretFault::Control);
    }
    if trimmed != text && !name.is_password() {
        return Some(SecretFault::Blanks(name));
    }
    let quoted = |open: char, close: char| {
        let inner = trimmed.strip_prefix(open);
        inner.is_some_and(|inner| inner.ends_with(close))
    };
    let pairs = [('"', '"'), ('\'', '\''), ('`', '`'), ('“', '”'), ('„', '“')];
    if pairs.iter().any(|(open, close)| quoted(*open, *close)) {
        return Some(SecretFault::Quotes);
    }
    let taboo = name == SecretName::OauthClientSecret && text.contains(CLIENT_SECRET_TABOO);
    taboo.then_some(SecretFault::Taboo)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(name: SecretName, bytes: &[u8]) -> String {
        let secret = read(name, bytes).unwrap_or_else(|(fault, _)| panic!("{fault}: {bytes:?}"));
        secret.expose().to_owned()
    }

    fn refused(name: SecretName, bytes: &[u8]) -> SecretFault {
        let (fault, meant) = read(name, bytes).expect_err("a fault");
        assert_eq!(meant.is_some(), fault.may_be_meant(), "{fault}");
        let text = fault.to_string();
        assert!(text.ends_with('.') && !text.contains("tr0ub"), "{text}");
        fault
    }

    #[test]
    fn one_line_end_and_a_byte_order_mark_are_no_part_of_a_secret() {
        let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(bytes).collect()
        };
        for bytes in [
            b"tr0ub".to_vec(),
            b"tr0ub\n".to_vec(),
            b"tr0ub\r\n".to_vec(),
            b"\xef\xbb\xbftr0ub\r\n".to_vec(),
            utf16("\u{feff}tr0ub\r\n", u16::to_le_bytes),
            utf16("\u{feff}tr0ub", u16::to_be_bytes),
        ] {
            assert_eq!(taken(SecretName::RefreshToken, &bytes), "tr0ub");
        }
        assert_eq!(
            taken(SecretName::SsoPassword, " a^b&c \"d\" é漢🔑 \n".as_bytes()),
            " a^b&c \"d\" é漢🔑 "
        );
    }

    #[test]
    fn a_whole_answer_is_refused_and_the_member_is_named() {
        let answer = br#"{"access_token":"a","refresh_token":"tr0ub","expires_in":1799}"#;
        let fault = refused(SecretName::RefreshToken, answer);
        assert_eq!(fault, SecretFault::Json("refresh_token".to_owned()));
        assert!(fault.to_string().contains("jq -r .refresh_token"));
        let spread = b"\xef\xbb\xbf{\n  \"client_secret\": \"tr0ub\"\n}\n";
        let fault = refused(SecretName::OauthClientSecret, spread);
        assert_eq!(fault, SecretFault::Json("client_secret".to_owned()));
        let own = br#"{"sso-password": "tr0ub"}"#;
        let fault = refused(SecretName::SsoPassword, own);
        assert_eq!(fault, SecretFault::Json("sso-password".to_owned()));
        assert!(fault.to_string().contains(r#"jq -r '.["sso-password"]'"#));
        // A member that is not there cannot be taken out.
        let fault = refused(SecretName::RefreshToken, br#"{"access_token":"a"}"#);
        assert_eq!(fault, SecretFault::OtherJson("refresh_token"));
    }

    #[test]
    fn what_cannot_be_the_secret_is_refused() {
        let name = SecretName::RefreshToken;
        for (bytes, fault) in [
            (&b""[..], SecretFault::Empty),
            (b"\n", SecretFault::Empty),
            (b"  \r\n", SecretFault::Empty),
            (b"\xef\xbb\xbf", SecretFault::Empty),
            (b"tr0ub\xff", SecretFault::NotText),
            (b"\xff\xfet", SecretFault::NotText),
            (b"tr0ub\n\n", SecretFault::Lines(name)),
            (b"tr0ub\nother", SecretFault::Lines(name)),
            (b"tr0ub\rother", SecretFault::Lines(name)),
            (b"tr0ub\t", SecretFault::Control),
            (b"tr0ub\x1b[0m", SecretFault::Control),
            ("tr0ub\u{9b}".as_bytes(), SecretFault::Control),
            (b"tr0ub ", SecretFault::Blanks(name)),
            (&[b'x'; LIMIT + 1], SecretFault::TooLong(name)),
        ] {
            assert_eq!(refused(name, bytes), fault, "{bytes:?}");
        }
        assert_eq!(taken(name, &[b'x'; LIMIT]).len(), LIMIT);
    }

    #[test]
    fn quotes_and_what_servicenow_does_not_take_everywhere_may_be_meant() {
        for quoted in ["\"tr0ub\"", "'tr0ub'\n", "“tr0ub”", "`tr0ub`"] {
            let fault = refused(SecretName::SsoPassword, quoted.as_bytes());
            assert_eq!(fault, SecretFault::Quotes);
        }
        for taboo in CLIENT_SECRET_TABOO {
            let text = format!("tr0{taboo}ub");
            let fault = refused(SecretName::OauthClientSecret, text.as_bytes());
            assert_eq!(fault, SecretFault::Taboo);
            assert_eq!(taken(SecretName::SsoPassword, text.as_bytes()), text);
        }
        let (_, meant) = read(SecretName::SsoPassword, b"'a'\n").expect_err("quotes");
        assert_eq!(meant.as_ref().map(Secret::expose), Some("'a'"));
    }
}
