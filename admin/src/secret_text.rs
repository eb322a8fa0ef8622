//! Reads a secret from a prompt or a file. A byte order mark and one line end are dropped. A text that cannot be the
//! secret is refused; one that looks like a mistake has to be confirmed.

use shared::domain::secret::Secret;
use shared::domain::secret_fault::{LIMIT, SecretFault};
use shared::domain::secret_name::SecretName;

/// Decodes a text without its byte order mark and one line end. PowerShell writes files in UTF-16 with a byte order mark,
/// which is decoded too. `None`: neither UTF-8 nor such UTF-16.
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

/// Reads a secret from its bytes.
///
/// # Errors
/// The text's fault, with the secret if it [may still be right](SecretFault::may_be_right).
pub(crate) fn read(
    name: SecretName,
    bytes: &[u8],
) -> Result<Secret, (SecretFault, Option<Secret>)> {
    let refused = |fault| Err((fault, None));
    if bytes.len() > LIMIT {
        return refused(SecretFault::TooLong(name.as_str()));
    }
    let Some(text) = text(bytes) else {
        return refused(SecretFault::NotText);
    };
    match SecretFault::of(name, &text) {
        None => Ok(Secret::from(text)),
        Some(fault) if fault.may_be_right() => Err((fault, Some(Secret::from(text)))),
        Some(fault) => refused(fault),
    }
}

#[cfg(test)]
mod tests {
    use shared::domain::secret_fault::CLIENT_SECRET_RISKY;

    use super::*;

    fn taken(name: SecretName, bytes: &[u8]) -> String {
        let secret = read(name, bytes).unwrap_or_else(|(fault, _)| panic!("{fault}: {bytes:?}"));
        secret.expose().to_owned()
    }

    fn refused(name: SecretName, bytes: &[u8]) -> SecretFault {
        let (fault, meant) = read(name, bytes).expect_err("a fault");
        assert_eq!(meant.is_some(), fault.may_be_right(), "{fault}");
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
    fn a_whole_json_answer_is_refused_and_the_member_is_named() {
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
            (b"tr0ub\n\n", SecretFault::Lines(name.as_str())),
            (b"tr0ub\nother", SecretFault::Lines(name.as_str())),
            (b"tr0ub\rother", SecretFault::Lines(name.as_str())),
            (b"tr0ub\t", SecretFault::Control),
            (b"tr0ub\x1b[0m", SecretFault::Control),
            ("tr0ub\u{9b}".as_bytes(), SecretFault::Control),
            (b"tr0ub ", SecretFault::Blanks(name.as_str())),
            (&[b'x'; LIMIT + 1], SecretFault::TooLong(name.as_str())),
        ] {
            assert_eq!(refused(name, bytes), fault, "{bytes:?}");
        }
        assert_eq!(taken(name, &[b'x'; LIMIT]).len(), LIMIT);
    }

    #[test]
    fn quotes_and_risky_characters_may_be_right() {
        for quoted in ["\"tr0ub\"", "'tr0ub'\n", "“tr0ub”", "`tr0ub`"] {
            let fault = refused(SecretName::SsoPassword, quoted.as_bytes());
            assert_eq!(fault, SecretFault::Quotes);
        }
        for risky in CLIENT_SECRET_RISKY {
            let text = format!("tr0{risky}ub");
            let fault = refused(SecretName::OauthClientSecret, text.as_bytes());
            assert_eq!(fault, SecretFault::RiskyCharacter);
            assert_eq!(taken(SecretName::SsoPassword, text.as_bytes()), text);
        }
        let (_, meant) = read(SecretName::SsoPassword, b"'a'\n").expect_err("quotes");
        assert_eq!(meant.as_ref().map(Secret::expose), Some("'a'"));
    }
}
