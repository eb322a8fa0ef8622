//! What several commands declare: the values of arguments, and the examples of a help text.

use shared::domain::record_number::is_prefix;
use shared::domain::session::SessionId;
use shared::domain::tenant::TenantId;

/// The end of a help text with one example.
pub(super) fn example(command: &str) -> String {
    format!("Example:\n  rescue-connector {command}")
}

/// The end of a help text with several examples.
pub(super) fn examples<const N: usize>(commands: [&str; N]) -> String {
    let lines = commands.map(|command| format!("\n  rescue-connector {command}"));
    format!("Examples:{}", lines.concat())
}

pub(super) fn session_id(text: &str) -> Result<SessionId, String> {
    SessionId::parse(text).ok_or_else(|| "a session id is 1 to 64 of A-Z a-z 0-9 _ -".to_owned())
}

/// A text that may be a record number. Its prefix is compared when the tenant is known
/// ([`crate::records::record_number`]).
pub(super) fn record_number(text: &str) -> Result<String, String> {
    let text = text.trim();
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (before, _) = text.split_at(text.len() - digits);
    let prefix = before
        .trim_start_matches([' ', '#'])
        .trim_end_matches([' ', '#', '-']);
    if digits >= 4 && is_prefix(prefix) {
        Ok(text.to_owned())
    } else {
        Err("a record number looks like INC0012345 or CS0001234".to_owned())
    }
}

pub(super) fn tenant_id(text: &str) -> Result<TenantId, String> {
    TenantId::parse(text).ok_or_else(|| "a tenant's name is 2 to 40 of a-z 0-9 -".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_number_has_a_prefix_and_digits() {
        for text in [
            "INC0010001",
            "acmeinc0010001",
            "INC 0010001",
            "inc-0010001",
            "#INC0010001",
        ] {
            assert_eq!(record_number(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            "n/a",
            "10001",
            "INC1^active=true",
            "INC123",
            "see INC0010001",
        ] {
            assert!(record_number(text).is_err(), "{text}");
        }
    }
}
