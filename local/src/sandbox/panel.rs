//! The parts of the page, and what one browser has selected.

use std::collections::BTreeMap;

use askama::Template;

use crate::markup::escaped;
use crate::multicall::MulticallError;

/// A part of the page that is sent again when it has changed.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    /// The id of the element whose content it is.
    pub(super) id: &'static str,
    pub(super) html: String,
}

impl Panel {
    pub(super) fn render(id: &'static str, content: &impl Template) -> Result<Self, askama::Error> {
        let html = content.render()?;
        Ok(Self { id, html })
    }

    /// What stands in the place of a panel that cannot be read.
    pub(super) fn unreadable(id: &'static str, error: &MulticallError) -> Self {
        let text = escaped(&error.to_string());
        let html = format!("<p class=\"bad\">This part cannot be read: {text}</p>");
        Self { id, html }
    }
}

/// What one browser has selected: the query of the page's address.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection(BTreeMap<String, String>);

/// The selected record, as `table:sys_id`.
pub(super) const RECORD: &str = "record";
/// What the column ServiceNow shows.
pub(super) const VIEW: &str = "view";
/// How many of the newest rows the list in the column ServiceNow leaves out.
pub(super) const SKIPPED: &str = "skipped";
/// The selected session of Rescue's console.
pub(super) const SESSION: &str = "session";
/// The first session of the window of sessions.
pub(super) const SESSIONS: &str = "sessions";
/// The selected post of that session.
pub(super) const POST: &str = "post";
/// The format in which that post is shown.
pub(super) const FORMAT: &str = "format";
/// The end of the window of posts.
pub(super) const BEFORE: &str = "before";
/// The end of the window of dead letters.
pub(super) const LETTERS: &str = "letters";
/// The function whose log is shown.
pub(super) const FUNCTION: &str = "function";

const KEYS: [&str; 10] = [
    RECORD, VIEW, SKIPPED, SESSION, SESSIONS, POST, FORMAT, BEFORE, LETTERS, FUNCTION,
];

impl Selection {
    /// Pairs that name nothing to select are left out.
    pub(super) fn of(pairs: BTreeMap<String, String>) -> Self {
        let known = pairs
            .into_iter()
            .filter(|(key, value)| KEYS.contains(&key.as_str()) && !value.is_empty());
        Self(known.collect())
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The address of the page with some of the selection changed; an empty value ends a selection.
    pub(super) fn link(&self, changes: &[(&str, &str)]) -> String {
        let mut pairs = self.0.clone();
        for (key, value) in changes {
            pairs.insert((*key).to_owned(), (*value).to_owned());
        }
        pairs.retain(|_, value| !value.is_empty());
        let mut query = form_urlencoded::Serializer::for_suffix(String::from("?"), 1);
        query.extend_pairs(pairs).finish()
    }

    /// The address of the page with a record's form, also where ServiceNow shows something else now.
    pub(super) fn form_link(&self, record: &str) -> String {
        self.link(&[(RECORD, record), (VIEW, ""), (SKIPPED, "")])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_changes_one_selection_and_keeps_the_others() {
        let pairs = [("record", "incident:1"), ("unknown", "x"), ("view", "")];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let selection = Selection::of(pairs.into());
        assert_eq!(selection.get(RECORD), Some("incident:1"));
        assert_eq!(selection.link(&[]), "?record=incident%3A1");
        let both = selection.link(&[(SESSION, "7&8")]);
        assert_eq!(both, "?record=incident%3A1&session=7%268");
        assert_eq!(selection.link(&[(RECORD, "")]), "?");
    }
}
