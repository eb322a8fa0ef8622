//! Which session a post is about.

use crate::domain::session::{Fields, SessionId};
use crate::rescue::post_to_url::parse_error::ParseError;

/// Why a post names no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionIdError {
    /// `SessionID` is absent or blank.
    #[error("there is no SessionID")]
    Missing,
    /// It is not `[A-Za-z0-9_-]{1,64}`.
    #[error("the SessionID is not 1 to 64 of A-Z a-z 0-9 _ -")]
    Invalid,
}

/// The session that a post is about.
///
/// # Errors
/// When the post has no `SessionID`, or one of another form.
pub fn session_id(fields: &Fields) -> Result<SessionId, SessionIdError> {
    let text = fields.find("SessionID").ok_or(SessionIdError::Missing)?;
    SessionId::parse(text).ok_or(SessionIdError::Invalid)
}

/// The wrapper of the shallowest session, from depth, session id and wrapper of each.
///
/// # Errors
/// When different sessions are equally deep.
pub(super) fn shallowest_session<W>(
    found: impl Iterator<Item = (usize, String, W)>,
) -> Result<Option<W>, ParseError> {
    let mut best: Option<(usize, String, W)> = None;
    let mut several = false;
    for (depth, id, wrapper) in found {
        match &best {
            Some((least, ..)) if depth > *least => {}
            Some((least, known, _)) if depth == *least => several |= *known != id,
            _ => (best, several) = (Some((depth, id, wrapper)), false),
        }
    }
    if several {
        return Err(ParseError::SeveralSessions);
    }
    Ok(best.map(|(_, _, wrapper)| wrapper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_is_missing_or_invalid_or_there() {
        let id = |values: &[&str]| {
            let mut fields = Fields::default();
            for value in values {
                fields.insert("sessionid", (*value).to_owned());
            }
            session_id(&fields)
        };
        assert_eq!(
            id(&[" 70112233 "]).map(String::from),
            Ok("70112233".to_owned())
        );
        assert_eq!(id(&[]), Err(SessionIdError::Missing));
        assert_eq!(id(&[""]), Err(SessionIdError::Missing));
        assert_eq!(id(&["1^ORnumber"]), Err(SessionIdError::Invalid));
        assert_eq!(id(&["1", "2"]), Err(SessionIdError::Invalid));
    }
}
