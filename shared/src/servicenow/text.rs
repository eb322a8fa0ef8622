//! Neutralising untrusted text: chat and custom fields come from customers (docs/vendors.md#work-notes).

/// Text of any number of lines that ServiceNow shows without interpreting it.
///
/// The brackets of `[code]` and `[/code]` (any letter case, blanks within), `<`, `>` and the parenthesis of a forged note
/// marker become look-alikes. Control characters other than line feed and tab, bidirectional controls and invisible
/// characters are removed; every kind of line break becomes a line feed. Takes linear time and at most three times the
/// memory of `text`.
pub fn neutralise(text: &str) -> String {
    defuse(&visible(text))
}

/// Neutralised text on one line: every run of blanks with a line break or tab in it becomes one space.
pub fn single_line(text: &str) -> String {
    // Lines are joined before they are defused: `[code` and `]` could stand on two.
    let text = visible(text);
    let parts = text
        .split(['\n', '\t'])
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let mut line = String::with_capacity(text.len());
    for part in parts {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(part);
    }
    defuse(&line)
}

/// Neutralised text for a column, which ServiceNow would evaluate if it began with `javascript:`.
pub fn column_value(text: &str) -> String {
    const SCRIPT: &str = "javascript";
    let text = neutralise(text.trim()).trim().to_owned();
    let mut visible = text.char_indices().filter(|(_, c)| !c.is_whitespace());
    let script = SCRIPT.chars().all(|expected| {
        visible
            .next()
            .is_some_and(|(_, c)| c.eq_ignore_ascii_case(&expected))
    });
    match visible.next() {
        Some((at, ':')) if script => {
            let (before, after) = text.split_at(at);
            format!("{before}：{}", after.trim_start_matches(':'))
        }
        _ => text,
    }
}

/// At most `limit` characters; a cut text ends in `…`.
pub fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Line feeds as the only line breaks, no invisible characters, look-alikes of `<` and `>`.
fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\r' => {
                characters.next_if_eq(&'\n');
                visible.push('\n');
            }
            '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => visible.push('\n'),
            '\t' => visible.push(c),
            '<' => visible.push('‹'),
            '>' => visible.push('›'),
            _ if c.is_control() || is_invisible(c) => {}
            _ => visible.push(c),
        }
    }
    visible
}

fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{61C}'
            | '\u{180E}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{FFFE}'..='\u{FFFF}'
            | '\u{E0000}'..='\u{E007F}'
    )
}

/// Replaces the brackets of `[code]` tags, and the parenthesis of forged note markers.
pub fn defuse(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['[', '(']) {
        let (before, tail) = rest.split_at(at);
        harmless.push_str(before);
        if let Some(inner) = code_tag(tail) {
            harmless.push('［');
            harmless.push_str(inner);
            harmless.push('］');
            rest = tail.get(inner.len() + 2..).unwrap_or_default();
        } else {
            let (bracket, after) = tail.split_at(1);
            harmless.push_str(if is_marker(tail) { "（" } else { bracket });
            rest = after;
        }
    }
    harmless.push_str(rest);
    harmless
}

/// The text between the brackets, when a text begins with a `[code]` or `[/code]` tag.
fn code_tag(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let name = inner.trim_start();
    let name = name.strip_prefix('/').unwrap_or(name).trim_start();
    let end = strip_word(name, "code")?.trim_start();
    end.starts_with(']')
        .then(|| inner.get(..inner.len() - end.len()))?
}

/// Whether a text begins like [`crate::domain::session::note_marker`] does.
fn is_marker(text: &str) -> bool {
    let id = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    text.strip_prefix('(')
        .and_then(|inner| strip_word(inner.trim_start(), "rescue"))
        .and_then(|rest| rest.strip_prefix(char::is_whitespace))
        .map(|rest| rest.trim_start())
        .and_then(|rest| {
            rest.find(|c| !id(c))
                .filter(|end| (1..=64).contains(end))
                .and_then(|end| rest.get(end..))
        })
        .is_some_and(|rest| rest.trim_start().starts_with('·'))
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(word.len())?;
    start.eq_ignore_ascii_case(word).then_some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::*;
    use crate::domain::session::{Digest, SessionId, note_marker};

    #[test]
    fn a_code_tag_is_neutralised_in_every_spelling() {
        for (hostile, shown) in [
            ("[code]x[/code]", "［code］x［/code］"),
            ("[CoDe ]x[ / CODE\t]", "［CoDe ］x［ / CODE\t］"),
            ("[co\u{200B}de]", "［code］"),
            ("[\u{202E}code\u{0}]", "［code］"),
            ("[[code]]", "[［code］]"),
            ("[co[code]de]", "[co［code］de]"),
            ("[codeine] [1] [", "[codeine] [1] ["),
        ] {
            assert_eq!(neutralise(hostile), shown);
        }
    }

    #[test]
    fn markup_control_and_invisible_characters_are_neutralised() {
        assert_eq!(
            neutralise("<b>a\r\nb\rc\td\u{7}\u{1b}[0m\u{85}e"),
            "‹b›a\nb\nc\td[0m\ne"
        );
        assert_eq!(neutralise("a\u{202E}b\u{2066}c\u{FEFF}d\u{200F}e"), "abcde");
        assert_eq!(neutralise("ça va – 5 € 👍"), "ça va – 5 € 👍");
    }

    #[test]
    fn a_forged_marker_is_neutralised() {
        let session = SessionId::parse("70112233").expect("valid");
        let digest = Digest::parse(&"0123456789abcdef".repeat(4)).expect("valid");
        let marker = note_marker(&session, &digest);
        assert_eq!(
            neutralise(&format!("see {marker}")),
            "see （Rescue 70112233 · 0123456789abcdef)"
        );
        assert!(!neutralise(&marker.replace("70112233", "\u{200B}70112233")).contains(&marker));
        assert_eq!(
            neutralise("(Rescue me · please) (Rescued)"),
            "（Rescue me · please) (Rescued)"
        );
    }

    #[test]
    fn a_single_line_neutralises_a_tag_that_spans_two_lines() {
        assert_eq!(single_line(" a\r\n\t b \u{2028}c "), "a b c");
        assert_eq!(single_line("[code\n]"), "［code ］");
    }

    #[test]
    fn a_column_value_is_never_a_script() {
        for script in [
            "javascript:gs.log(1)",
            " \u{200B}JavaScript :gs.log(1)",
            "java\nscript::gs",
        ] {
            let value = column_value(script);
            assert!(value.contains('：') && !value.contains(':'), "{value}");
        }
        assert_eq!(
            column_value(" the javascript: protocol "),
            "the javascript: protocol"
        );
        assert_eq!(column_value("javascript"), "javascript");
    }

    #[test]
    fn hostile_text_takes_no_more_time_than_other_text() {
        // Quadratic work on this much would take minutes.
        for piece in ["[", "(", "[ ", "(rescue ", "[/code", "(rescue a", "( "] {
            let text = piece.repeat(300_000 / piece.len());
            assert!(neutralise(&text).len() >= text.len());
        }
    }

    proptest! {
        #[test]
        fn neutralising_twice_changes_nothing_more(text in "([\\[\\](/ code·\n\r<>\u{200B}]|code|Rescue 1|\\PC|\\pC){0,40}") {
            let once = neutralise(&text);
            prop_assert_eq!(neutralise(&once), once.clone());
            let squeezed: String = once.to_lowercase().split_whitespace().collect();
            prop_assert!(!squeezed.contains("[code]") && !squeezed.contains("[/code]"), "{}", once);
            prop_assert!(!once.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
            let line = single_line(&text);
            prop_assert!(!line.contains(['\n', '\t']));
            prop_assert_eq!(line.trim(), &line);
        }
    }
}
