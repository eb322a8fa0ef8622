//! Why a text is refused as a secret.

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
    /// Whether the text may still be right: the operator can confirm it.
    pub(crate) const fn may_be_right(&self) -> bool {
        matches!(self, Self::Quotes | Self::RiskyCharacter)
    }

    /// What to do when the text is right and there is no terminal to confirm it.
    pub(crate) const fn way_out(&self) -> &'static str {
        if self.may_be_right() {
            " If the secret is right, add --yes."
        } else {
            ""
        }
    }
}
