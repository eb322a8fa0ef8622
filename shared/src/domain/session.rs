//! A Rescue session and one post about it: the vocabulary of Post-to-URL (docs/vendors.md#post-to-url).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::checked_text::{checked_text, is_lower_case_hex};
use crate::domain::tenant::TenantId;

/// Rescue's identifier of a session: `[A-Za-z0-9_-]{1,64}`. Safe in a message group id, a file name and a query.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(String);

impl SessionId {
    /// Reads a session id; `None` when it has other characters, none, or more than 64.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        ((1..=64).contains(&text.len()) && text.bytes().all(allowed)).then(|| Self(text.to_owned()))
    }

    /// The `correlation_id` of a record that the connector creates for this session.
    pub fn correlation_id(&self) -> String {
        format!("rescue:{}", self.0)
    }
}

checked_text!(SessionId, "a session id is 1 to 64 of A-Z a-z 0-9 _ -");

/// The event of a session that a post reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// The technician started the session.
    Started,
    /// The technician ended the session.
    Ended,
}

impl Event {
    /// Reads `started` or `ended`, any letter case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Started, Self::Ended]
            .into_iter()
            .find(|event| event.as_str().eq_ignore_ascii_case(text.trim()))
    }

    /// `started` or `ended`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Ended => "ended",
        }
    }

    /// The event of a post whose URL names none: a closing time or a work time means `ended`.
    pub fn from_content(fields: &Fields) -> Self {
        let filled = |name| {
            fields
                .get(name)
                .is_some_and(|value| !value.trim().is_empty())
        };
        if filled("ClosingTime") || filled("WorkTime") {
            Self::Ended
        } else {
            Self::Started
        }
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a post comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Rescue posted it.
    #[default]
    Post,
    /// Rescue did not post it; it was made from Rescue's own report.
    Report,
}

impl Source {
    /// `post` or `report`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Report => "report",
        }
    }

    /// Whether Rescue posted it.
    pub fn is_post(&self) -> bool {
        *self == Self::Post
    }
}

/// The documented variables of Post-to-URL, in the order of the vendor's list (docs/vendors.md#post-to-url-variables).
pub const VARIABLES: [&str; 22] = [
    "SessionID",
    "TechID",
    "TechSSOID",
    "TechName",
    "TechEmail",
    "TechDescr",
    "CField0",
    "CField1",
    "CField2",
    "CField3",
    "CField4",
    "CField5",
    "Tracking0",
    "ChatLog",
    "Notes",
    "WaitingTime",
    "PickupTime",
    "ClosingTime",
    "WorkTime",
    "LastActionTime",
    "Transmitted",
    "Platform",
];

/// The documented spelling of a variable in any letter case; `Note` is `Notes`. `None` for an unknown variable.
pub fn documented_name(key: &str) -> Option<&'static str> {
    if key.eq_ignore_ascii_case("note") {
        return Some("Notes");
    }
    VARIABLES
        .into_iter()
        .find(|name| name.eq_ignore_ascii_case(key))
}

/// The variables of one post: documented ones under their documented names, all others under their lower-cased key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    /// The documented variables.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// All other variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown_fields: BTreeMap<String, String>,
}

impl Fields {
    /// Adds one value under the sender's key.
    ///
    /// A repeated key (also `Note` beside `Notes`) keeps both values, a line each, unless one is empty or they are equal.
    pub fn insert(&mut self, key: &str, value: String) {
        let (map, name) = match documented_name(key) {
            Some(name) => (&mut self.fields, name.to_owned()),
            None => (&mut self.unknown_fields, key.to_lowercase()),
        };
        let present = map.entry(name).or_default();
        if present.is_empty() {
            *present = value;
        } else if !value.is_empty() && *present != value {
            present.push('\n');
            present.push_str(&value);
        }
    }

    /// The value of a documented variable, by its documented name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// The trimmed value of any variable, with `name` in any letter case. Blank counts as absent.
    pub fn find(&self, name: &str) -> Option<&str> {
        let value = match documented_name(name) {
            Some(name) => self.fields.get(name),
            None => self.unknown_fields.get(&name.to_lowercase()),
        };
        value
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// Whether the post has no variables.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.unknown_fields.is_empty()
    }
}

/// The identity of a post: SHA-256 over tenant, session id, resolved event and all fields, as 64 hexadecimal digits.
///
/// The content counts, because a session may post the same event several times, each with the chat since the last post.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// The digest of a post.
    pub fn of(tenant: &TenantId, session: &SessionId, event: Event, fields: &Fields) -> Self {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update(text.len().to_be_bytes());
            hash.update(text.as_bytes());
        };
        part(tenant.as_str());
        part(session.as_str());
        part(event.as_str());
        for (key, value) in fields.fields.iter().chain(&fields.unknown_fields) {
            part(key);
            part(value);
        }
        Self(hex::encode(hash.finalize()))
    }

    /// The digest of the one post that is made of a session from Rescue's report. It does not depend on what the report says.
    pub fn of_report(tenant: &TenantId, session: &SessionId) -> Self {
        let mut fields = Fields::default();
        fields.insert("source", Source::Report.as_str().to_owned());
        Self::of(tenant, session, Event::Ended, &fields)
    }

    /// Reads 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        is_lower_case_hex(text, 64).then(|| Self(text.to_owned()))
    }

    /// The first 16 digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..16).unwrap_or_default()
    }
}

checked_text!(Digest, "a digest is 64 lower-case hexadecimal digits");

/// The end of a note's first line. It identifies the note's post, and its format never changes.
pub fn note_marker(session: &SessionId, digest: &Digest) -> String {
    format!("(Rescue {session} · {})", digest.short())
}

/// The name of the attachment that belongs to a post.
pub fn attachment_name(session: &SessionId, digest: &Digest) -> String {
    format!("rescue-{session}-{}.txt", digest.short())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(event: Event, pairs: &[(&str, &str)]) -> Digest {
        let mut fields = Fields::default();
        for (key, value) in pairs {
            fields.insert(key, (*value).to_owned());
        }
        let tenant = TenantId::parse("acme").expect("valid");
        Digest::of(
            &tenant,
            &SessionId::parse("70112233").expect("valid"),
            event,
            &fields,
        )
    }

    #[test]
    fn the_digest_covers_the_content_and_not_the_spelling_or_order_of_keys() {
        let one = digest(
            Event::Ended,
            &[("Note", "x"), ("CHATLOG", "hi"), ("Foo", "1")],
        );
        assert_eq!(
            one,
            digest(
                Event::Ended,
                &[("foo", "1"), ("notes", "x"), ("ChatLog", "hi")]
            )
        );
        assert_ne!(
            one,
            digest(
                Event::Started,
                &[("foo", "1"), ("notes", "x"), ("ChatLog", "hi")]
            )
        );
        assert_ne!(
            one,
            digest(
                Event::Ended,
                &[("foo", "1"), ("notes", "x"), ("ChatLog", "hi!")]
            )
        );
    }

    #[test]
    fn moving_text_from_one_field_to_the_next_changes_the_digest() {
        assert_ne!(
            digest(Event::Ended, &[("CField1", "ab"), ("CField2", "c")]),
            digest(Event::Ended, &[("CField1", "a"), ("CField2", "bc")])
        );
    }

    /// The report of one session may say more of it later.
    #[test]
    fn a_session_of_the_report_has_one_digest_which_no_post_and_no_other_session_has() {
        let of = |tenant, session| {
            let (tenant, session) = (TenantId::parse(tenant), SessionId::parse(session));
            Digest::of_report(&tenant.expect("valid"), &session.expect("valid"))
        };
        let one = of("acme", "70112233");
        assert_eq!(one, of("acme", "70112233"));
        let others = [
            of("other", "70112233"),
            of("acme", "70112234"),
            digest(Event::Ended, &[]),
            digest(Event::Ended, &[("WorkTime", "1")]),
        ];
        assert!(!others.contains(&one));
    }

    #[test]
    fn note_and_notes_are_one_variable_and_neither_text_is_lost() {
        let mut fields = Fields::default();
        fields.insert("Note", "first".into());
        fields.insert("notes", String::new());
        fields.insert("NOTES", "second".into());
        assert_eq!(fields.get("Notes"), Some("first\nsecond"));
    }

    #[test]
    fn a_closing_time_or_a_work_time_means_ended() {
        let mut fields = Fields::default();
        fields.insert("WorkTime", " ".into());
        assert_eq!(Event::from_content(&fields), Event::Started);
        fields.insert("closingtime", "5/14/2025 10:31:40 AM".into());
        assert_eq!(Event::from_content(&fields), Event::Ended);
    }
}
