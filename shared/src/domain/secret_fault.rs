//! Why a text is refused as a secret.

use serde_json::Value;

use super::secret_name::SecretName;

/// Longer than any of these secrets. Secrets Manager takes 65 536 bytes for all of a tenant's secrets together
/// (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>).
pub const LIMIT: usize = 60 * 1024;

/// Characters that ServiceNow does not always accept in a client secret.
pub const CLIENT_SECRET_RISKY: [char; 5] = ['^', '&', '<', '>', '?'];

/// Why a text is refused as a secret. The message quotes nothing of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    /// Nothing, or only blanks.
    #[error("The secret is empty.")]
    Empty,
    /// More than 60 KB.
    #[error("The secret has more than 60 KB, which no {0} has. Check which file was given.")]
    TooLong(&'static str),
    /// Neither UTF-8 nor UTF-16 with a byte order mark.
    #[error(
        "The secret is not a UTF-8 text. Save the file as UTF-8, or type the secret at the hidden prompt."
    )]
    NotText,
    /// A line end inside the text.
    #[error("The secret has several lines. Give one line with nothing but {0}.")]
    Lines(&'static str),
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
    /// A blank around a secret that never has one.
    #[error(
        "The secret begins or ends with a blank, which {0} never has. Copy it again without the blank."
    )]
    Blanks(&'static str),
    /// Quotes around it.
    #[error("The secret is in quotes, which would become part of it. Leave the quotes out.")]
    Quotes,
    /// A character that ServiceNow does not always accept in a client secret.
    #[error(
        "The client secret has one of the characters ^ & < > ?, which ServiceNow does not always accept. Give the \
         Application Registry record another client secret."
    )]
    RiskyCharacter,
}

/// A jq path; jq reads a hyphen in a bare path as a minus.
fn jq_path(member: &str) -> String {
    if member.contains('-') {
        format!("'.[\"{member}\"]'")
    } else {
        format!(".{member}")
    }
}

impl SecretFault {
    /// Why the text cannot be the secret, or may not be. `None` when nothing speaks against it.
    pub fn of(name: SecretName, text: &str) -> Option<Self> {
        if text.len() > LIMIT {
            return Some(Self::TooLong(name.as_str()));
        }
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Some(Self::Empty);
        }
        if let Ok(Value::Object(members)) = serde_json::from_str(trimmed) {
            let own = name.member();
            let named = members.keys().find(|member| member.as_str() == own);
            let named = named.or_else(|| members.keys().find(|member| *member == name.as_str()));
            let fault = |member: &String| Self::Json(member.clone());
            return Some(named.map_or(Self::OtherJson(own), fault));
        }
        if text.contains(['\n', '\r']) {
            return Some(Self::Lines(name.as_str()));
        }
        if text.contains(char::is_control) {
            return Some(Self::Control);
        }
        if trimmed != text && !name.is_password() {
            return Some(Self::Blanks(name.as_str()));
        }
        let quoted = |open: char, close: char| {
            let inner = trimmed.strip_prefix(open);
            inner.is_some_and(|inner| inner.ends_with(close))
        };
        let pairs = [('"', '"'), ('\'', '\''), ('`', '`'), ('“', '”'), ('„', '“')];
        if pairs.iter().any(|(open, close)| quoted(*open, *close)) {
            return Some(Self::Quotes);
        }
        let risky = name == SecretName::OauthClientSecret && text.contains(CLIENT_SECRET_RISKY);
        risky.then_some(Self::RiskyCharacter)
    }

    /// Whether the text may still be right: the operator can confirm it.
    pub const fn may_be_right(&self) -> bool {
        matches!(self, Self::Quotes | Self::RiskyCharacter)
    }

    /// What to do when the text is right and there is no terminal to confirm it.
    pub const fn way_out(&self) -> &'static str {
        if self.may_be_right() {
            " If the secret is right, add --yes."
        } else {
            ""
        }
    }
}
