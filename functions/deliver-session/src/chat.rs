//! The entries of a chat, each on a line of its own.

/// Puts every entry of a chat on a line of its own: many chats arrive without line breaks.
///
/// Only the blank before an entry changes. A chat with line breaks stays as it is.
pub(crate) fn chat_lines(chat: &str) -> String {
    let mut lines = String::with_capacity(chat.len());
    let mut written = 0;
    if !chat.trim().contains('\n') {
        let mut stamps: Vec<Stamp> = chat
            .match_indices(':')
            .filter_map(|(colon, _)| Stamp::around(chat, colon))
            .collect();
        // All entries have the same kind of stamp; other stamps are part of the conversation.
        let start = chat.len() - chat.trim_start().len();
        let first = stamps.first().filter(|first| first.at == start);
        let has_seconds = first.is_some_and(|first| first.has_seconds);
        stamps.retain(|stamp| stamp.has_seconds == has_seconds && stamp.at > start);
        // Where entries follow one another without a blank, a stamp after a blank is part of a sentence: "at 10:30 AM".
        let blanks_separate = stamps.iter().all(|stamp| stamp.follows_blank);
        for stamp in stamps {
            let starts_an_entry = !stamp.follows_blank || blanks_separate && stamp.has_speaker;
            if starts_an_entry {
                let entry = chat.get(written..stamp.at).unwrap_or_default();
                lines.push_str(entry.trim_end_matches(' '));
                lines.push('\n');
                written = stamp.at;
            }
        }
    }
    lines.push_str(chat.get(written..).unwrap_or_default());
    lines
}

/// A whole time of day in a chat with something after it, such as `10:02 AM Ana` or `10:02:11 AM Ana`.
struct Stamp {
    at: usize,
    has_seconds: bool,
    follows_blank: bool,
    /// A name or the start of a sentence follows.
    has_speaker: bool,
}

impl Stamp {
    /// The stamp whose first colon is at `colon`; `None` when it is no stamp, or part of a longer time or a range.
    fn around(chat: &str, colon: usize) -> Option<Self> {
        const BLANKS: [char; 3] = [' ', '\u{a0}', '\u{202f}'];
        let (before, after) = chat.split_at_checked(colon)?;
        let sixty = |text: &'_ str| (number(text.get(1..3)?)? < 60).then_some(3);
        let minutes_end = sixty(after)?;
        let rest = after.get(minutes_end..)?;
        let has_seconds = rest.starts_with(':');
        let rest = if has_seconds {
            rest.get(sixty(rest)?..)?
        } else {
            rest
        };
        let half = rest.strip_prefix(BLANKS)?;
        let entry = half
            .strip_prefix("AM")
            .or_else(|| half.strip_prefix("PM"))?;
        let entry = entry.strip_prefix(BLANKS)?.trim_start();
        let initial = entry.chars().next()?;
        let speaks = |word: &str| word.ends_with(':');
        let has_speaker = initial.is_alphabetic()
            && (!initial.is_ascii_lowercase() || entry.split(' ').next().is_some_and(speaks));

        if before
            .trim_end_matches(|c: char| c.is_ascii_digit())
            .ends_with([':', '-', '–', '=', '@'])
        {
            return None;
        }
        // "call 1159:03 AM" is "call 115" and "9:03 AM": digits that no hour has belong to the text before.
        let at = [2, 1].into_iter().find_map(|digits| {
            let at = colon.checked_sub(digits)?;
            (1..=12).contains(&number(before.get(at..)?)?).then_some(at)
        })?;
        let previous = before.get(..at)?.chars().next_back();
        Some(Self {
            at,
            has_seconds,
            follows_blank: previous.is_none_or(|c| c.is_whitespace() || "([\"'".contains(c)),
            has_speaker,
        })
    }
}

fn number(digits: &str) -> Option<u8> {
    let all_digits = digits.bytes().all(|b| b.is_ascii_digit());
    all_digits.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};
    use shared::rescue::post_to_url;

    use super::*;

    #[test]
    fn a_time_inside_a_chat_is_never_broken() {
        let body = include_bytes!("../../../shared/fixtures/post_to_url/json_chat_with_times.json");
        let fields = post_to_url::parse(None, body).expect("readable");
        let chat = fields.get("ChatLog").expect("a chat");
        assert_eq!(chat_lines(chat), chat);
        for unchanged in [
            "9:45 AM A: boot 11/27/2026, 8:15:32 AM",
            "9:45 AM A: boot 8:15:32 AM System Model: X 8:15:33 AM",
            "9:45 AM A: at 8:15 AM and 9:00 PM, or 10:00 AMish",
            "9:45 AM A: first\nsecond 9:46 AM Paul: ok9:47 AM A: done",
            "9:45 AM A: 1:2:3:45 AM Paul",
            "9:45 AM A: until9:46 AM",
        ] {
            assert_eq!(chat_lines(unchanged), unchanged);
        }
        assert_eq!(
            chat_lines(
                "9:45 AM A: boot 8:15:32 AM9:46 AM Paul: at 9 AM, 8:15:33 PM10:02 PM A: done"
            ),
            "9:45 AM A: boot 8:15:32 AM\n9:46 AM Paul: at 9 AM, 8:15:33 PM\n10:02 PM A: done"
        );
        assert_eq!(
            chat_lines("9:45:01 AM A: hi 9:45:02 AM paul: ok 10:02:11 PM 李雷: 8:00 AM X"),
            "9:45:01 AM A: hi\n9:45:02 AM paul: ok\n10:02:11 PM 李雷: 8:00 AM X"
        );
    }

    #[test]
    fn chat_entries_that_run_together_are_set_apart() {
        let lines = |chat: &str| {
            chat_lines(chat)
                .split('\n')
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            lines("9:59 AM A: hi10:00 AM B: code 5210:01 AM A: ok1:02 PM B: bye"),
            [
                "9:59 AM A: hi",
                "10:00 AM B: code 52",
                "10:01 AM A: ok",
                "1:02 PM B: bye"
            ]
        );
        assert_eq!(
            lines("9:59 AM A: hi 10:00 AM B: yes"),
            ["9:59 AM A: hi", "10:00 AM B: yes"]
        );
        assert_eq!(
            lines("9:59 AM A: at 10:30 AM?10:00 AM B: yes"),
            ["9:59 AM A: at 10:30 AM?", "10:00 AM B: yes"]
        );
        assert_eq!(
            lines("9:59 AM A: at 10:30 AM?\n10:00 AM B: yes"),
            ["9:59 AM A: at 10:30 AM?", "10:00 AM B: yes"]
        );
        assert_eq!(
            lines("call 1159:03\u{202f}AM A: hi"),
            ["call 115", "9:03\u{202f}AM A: hi"]
        );
        assert_eq!(
            lines("ratio 3:4, 25:99 AM, 10:5 AM, é:é, :"),
            ["ratio 3:4, 25:99 AM, 10:5 AM, é:é, :"]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_split_chat_joined_again_is_the_chat(
            chat in "(1?[0-9]:[0-5][0-9](:[0-5][0-9])?|[ \u{a0}]|[AP]M|Ana: |paul: |[0-9]{1,3}|\n|\\PC){0,30}",
        ) {
            let lines = chat_lines(&chat);
            if chat.trim().contains('\n') {
                prop_assert_eq!(&lines, &chat);
            }
            let joined = |text: &str| text.replace(['\n', ' '], "");
            prop_assert_eq!(joined(&lines), joined(&chat));
            if !chat.contains('\n') {
                let is_stamp = |line: &str| line.starts_with(|c: char| c.is_ascii_digit());
                prop_assert!(lines.split('\n').skip(1).all(is_stamp), "{lines:?}");
            }
        }
    }
}
