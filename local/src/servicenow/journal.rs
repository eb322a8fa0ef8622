//! Journal fields: written by appending, read as a history (docs/vendors.md#work-notes).

use serde::{Deserialize, Serialize};
use shared::domain::clock::Timestamp;

/// One entry of a journal field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) element_id: String,
    pub(super) element: String,
    pub(super) value: String,
    pub(super) author: String,
    pub(super) at: Timestamp,
}

/// A moment as ServiceNow writes it, in UTC.
pub(super) fn written(at: Timestamp) -> String {
    let text = at.to_string().replace('T', " ");
    text.split('.').next().unwrap_or_default().to_owned()
}

/// What a journal field shows: its entries, newest first, each under a heading.
pub(super) fn history(entries: &[Entry], element_id: &str, element: &str) -> String {
    let label = match element {
        "work_notes" => "Work notes",
        _ => "Additional comments",
    };
    entries
        .iter()
        .rev()
        .filter(|entry| entry.element_id == element_id && entry.element == element)
        .map(|entry| {
            format!(
                "{} - {} ({label})\n{}\n\n",
                written(entry.at),
                entry.author,
                entry.value
            )
        })
        .collect()
}

/// The texts between `[code]` and `[/code]`, any letter case; without an end, everything that follows.
pub(super) fn live_html(text: &str) -> Vec<String> {
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = lower.get(from..).and_then(|rest| rest.find("[code]")) {
        let start = from + start + "[code]".len();
        let end = lower.get(start..).and_then(|rest| rest.find("[/code]"));
        let end = end.map_or(lower.len(), |length| start + length);
        found.extend(text.get(start..end).map(str::to_owned));
        from = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_tags_make_live_html_in_any_letter_case() {
        assert_eq!(
            live_html("a [CODE]<b>x</b>[/Code] b [code]<i>"),
            ["<b>x</b>", "<i>"]
        );
        assert!(live_html("(code)<b>(/code) [ code]").is_empty());
    }

    #[test]
    fn the_history_is_newest_first_under_headings() {
        let entry = |text: &str, millis| Entry {
            element_id: "a".into(),
            element: "work_notes".into(),
            value: text.into(),
            author: "Rescue Service".into(),
            at: Timestamp::from_millis(millis),
        };
        let entries = [
            entry("one", 1_747_216_931_007),
            entry("two", 1_747_216_932_000),
        ];
        assert_eq!(
            history(&entries, "a", "work_notes"),
            "2025-05-14 10:02:12 - Rescue Service (Work notes)\ntwo\n\n\
             2025-05-14 10:02:11 - Rescue Service (Work notes)\none\n\n"
        );
        assert_eq!(history(&entries, "a", "comments"), "");
    }
}
