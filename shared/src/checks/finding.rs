//! The result of a check, without its id.

use std::time::Duration;

use super::reader::capital;
use super::report::{Check, Status};
use crate::domain::plain_text::one_line;

/// How a check ended, what was found, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Finding {
    pub status: Status,
    /// Holds no secret.
    pub seen: String,
    pub remedy: Option<String>,
}

impl Finding {
    /// No fault.
    pub fn ok(seen: impl Into<String>) -> Self {
        Self {
            status: Status::Ok,
            seen: seen.into(),
            remedy: None,
        }
    }

    /// Not checked.
    pub fn skipped(seen: impl Into<String>) -> Self {
        Self {
            status: Status::Skipped,
            ..Self::ok(seen)
        }
    }

    /// A fault that does not stop anything yet.
    pub fn warning(seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            status: Status::Warning,
            seen: seen.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// A fault.
    pub fn failed(seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            status: Status::Failed,
            ..Self::warning(seen, remedy)
        }
    }

    pub(crate) fn unfinished(after: Duration) -> Self {
        Self::failed(
            format!("no answer within {} s", after.as_millis().div_ceil(1000)),
            "A service answers too slowly. Correct what the other checks report, then try again in a minute.",
        )
    }

    /// The result of a check that depends on the failed check `other`.
    pub fn because_of(&self, other: &str) -> Self {
        match self.status {
            Status::Ok | Status::Skipped => self.clone(),
            Status::Warning | Status::Failed => {
                Self::skipped(format!("cannot be checked while {other} fails"))
            }
        }
    }

    /// One finding of several about the same matter: the worst status, with everything that has it. `None` for none.
    pub(crate) fn worst(findings: Vec<Self>) -> Option<Self> {
        let status = findings.iter().map(|finding| finding.status).max()?;
        let worst = findings
            .into_iter()
            .filter(|finding| finding.status == status);
        worst.reduce(|mut all, finding| {
            all.seen = format!("{}; {}", all.seen, finding.seen);
            if let Some(remedy) = finding.remedy.filter(|remedy| {
                !all.remedy
                    .iter()
                    .any(|known| known.contains(remedy.as_str()))
            }) {
                all.remedy = Some(
                    all.remedy
                        .map_or(remedy.clone(), |known| format!("{known} {remedy}")),
                );
            }
            all
        })
    }

    /// Removes control characters, which vendors' texts and files may contain.
    pub(crate) fn into_check(self, id: &'static str) -> Check {
        Check {
            id,
            status: self.status,
            seen: one_line(&self.seen),
            remedy: self.remedy.as_deref().map(one_line),
        }
    }
}

/// A clause as a sentence.
pub fn sentence(clause: &str) -> String {
    let mut text = capital(clause);
    if !text.ends_with(['.', '?']) {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_control_characters_is_harmless() {
        let check = Finding::ok("Ana\u{1b}[2J\r\nRuiz\u{202e}").into_check("servicenow-user");
        assert_eq!(check.seen, "Ana [2J  Ruiz ");
        let check = Finding::failed("x", "ask \u{9b}2J").into_check("servicenow-user");
        assert_eq!(check.remedy.as_deref(), Some("ask  2J"));
    }
}
