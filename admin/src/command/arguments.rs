//! What several commands declare: the values of arguments, and the examples of a help text.

use shared::domain::record::{RecordNumber, TypedReference};
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

pub(super) fn record_number(text: &str) -> Result<RecordNumber, String> {
    typed_number(text)
        .ok_or_else(|| "a record number looks like INC0012345 or CS0001234".to_owned())
}

/// A record number as operators and technicians type it, such as `inc-0012345`. Other text is not accepted beside it.
pub(super) fn typed_number(text: &str) -> Option<RecordNumber> {
    let length = text.chars().filter(|c| c.is_alphanumeric()).count();
    match RecordNumber::typed(text) {
        TypedReference::Number(number) => {
            Some(number).filter(|number| number.as_str().len() == length)
        }
        TypedReference::NoReference | TypedReference::Ambiguous | TypedReference::Invalid => None,
    }
}

pub(super) fn tenant_id(text: &str) -> Result<TenantId, String> {
    TenantId::parse(text).ok_or_else(|| "a tenant's name is 2 to 40 of a-z 0-9 -".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_number_is_read_as_a_technician_may_type_it() {
        for text in [
            "INC0010001",
            "inc0010001",
            "INC 0010001",
            "inc-0010001",
            "#INC0010001",
        ] {
            let number = record_number(text).expect(text);
            assert_eq!(number.as_str(), "INC0010001", "{text}");
        }
        for text in [
            "",
            "n/a",
            "10001",
            "INC0010001 INC0010002",
            "see INC0010001",
            "INC1^active=true",
        ] {
            assert!(record_number(text).is_err(), "{text}");
        }
    }
}
