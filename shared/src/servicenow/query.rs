//! Encoded queries that hold only values of a known kind.
//!
//! ServiceNow has no escape for `^`, drops conditions that it does not understand, and runs `javascript:` values
//! (docs/vendors.md#query-traps). A query is therefore built from types with whitelisted characters, and the caller
//! compares each row of the answer with the query.

use crate::domain::record::RecordRef;
use crate::domain::record_number::RecordNumber;
use crate::domain::session::{Digest, SessionId, attachment_name};

/// An e-mail address that is safe in a query: letters, digits and `. _ % + - '`, one `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Reads an address; `None` when it is not one or has other characters.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.split_once('@')?;
        let local_allowed = |b: u8| b.is_ascii_alphanumeric() || b"._%+-'".contains(&b);
        let domain_allowed = |b: u8| b.is_ascii_alphanumeric() || b".-".contains(&b);
        let plausible = text.len() <= 254
            && !local.is_empty()
            && domain.contains('.')
            && local.bytes().all(local_allowed)
            && domain.bytes().all(domain_allowed);
        plausible.then(|| Self(text.to_owned()))
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One encoded query, and the column whose value in the answer has to match it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    text: String,
    column: &'static str,
    value: String,
}

impl Query {
    /// The record of that number.
    pub fn number(number: &RecordNumber) -> Self {
        Self::equal("number", number.as_str(), "")
    }

    /// The record that the connector created for that session.
    pub fn correlation_id(session: &SessionId) -> Self {
        Self::equal("correlation_id", &session.correlation_id(), "")
    }

    /// The record that the connector created for that post because the session's own record was closed.
    pub fn follow_up_correlation_id(session: &SessionId, digest: &Digest) -> Self {
        let value = format!("{}:{}", session.correlation_id(), digest.short());
        Self::equal("correlation_id", &value, "")
    }

    /// The row of that session in a table of sessions.
    pub fn session(session: &SessionId) -> Self {
        Self::equal("session", session.as_str(), "")
    }

    /// The active people of that address.
    pub fn active_email(email: &Email) -> Self {
        Self::equal("email", email.as_str(), "^active=true")
    }

    /// The attachment that belongs to a post.
    pub fn attachment(record: &RecordRef, session: &SessionId, digest: &Digest) -> Self {
        let suffix = format!(
            "^table_name={}^table_sys_id={}",
            record.table, record.sys_id
        );
        Self::equal("file_name", &attachment_name(session, digest), &suffix)
    }

    fn equal(column: &'static str, value: &str, suffix: &str) -> Self {
        Self {
            text: format!("{column}={value}{suffix}"),
            column,
            value: value.to_owned(),
        }
    }

    /// The value of `sysparm_query`, not yet percent-encoded.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The value that [`Self::column`] of a found row has to have; [`Self::matches`] compares them.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The queried column, which the answer has to contain.
    pub const fn column(&self) -> &'static str {
        self.column
    }

    /// Whether a value of the answer matches the query. ServiceNow ignores letter case; here it counts, except in e-mail
    /// addresses.
    pub fn matches(&self, answered: &str) -> bool {
        if self.column == "email" {
            answered.eq_ignore_ascii_case(&self.value)
        } else {
            answered == self.value
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record_tables::RecordTables;

    #[test]
    fn an_answer_is_compared_letter_by_letter_except_for_addresses() {
        let session = |id: &str| SessionId::parse(id).expect("valid");
        let query = Query::correlation_id(&session("AbCdEf01"));
        assert!(query.matches("rescue:AbCdEf01"));
        assert!(!query.matches("rescue:aBcDeF01"));
        let number = RecordNumber::parse("inc0010001", &RecordTables::default()).expect("valid");
        assert!(Query::number(&number).matches("INC0010001"));
        assert!(!Query::number(&number).matches("inc0010001"));
        let email = Email::parse("Ana.Ruiz@acme.test").expect("valid");
        assert!(Query::active_email(&email).matches("ana.ruiz@ACME.test"));
    }

    #[test]
    fn an_address_with_query_syntax_is_refused() {
        assert!(Email::parse("o'brien+x@acme.test").is_some());
        for refused in [
            "",
            "a@b",
            "a^active=false@acme.test",
            "javascript:x@acme.test",
            "a,b@acme.test",
            "a@b@acme.test",
        ] {
            assert!(Email::parse(refused).is_none(), "{refused}");
        }
    }
}
