//! Makes untrusted texts safe for a terminal: texts of vendors, files and customers may hold control characters.

use shared::domain::plain_text::is_control_character;

/// Replaces each control character with U+FFFD.
pub(crate) fn plain(text: &str) -> String {
    text.replace(is_control_character, "\u{fffd}")
}

/// Replaces control characters except colours and weights. Untrusted parts of the text have passed [`plain`], so the
/// colours are the command line's own.
pub(crate) fn harmless(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = style(rest).unwrap_or(c.len_utf8());
        let (head, tail) = rest.split_at(taken);
        if taken == c.len_utf8() && is_control_character(c) {
            harmless.push('\u{fffd}');
        } else {
            harmless.push_str(head);
        }
        rest = tail;
    }
    harmless
}

/// The length of a sequence at the beginning of the text that sets colour and weight (SGR, ECMA-48 8.3.117). A sequence
/// that conceals text does not count.
fn style(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
    let (parameters, rest) = parameters.split_at(end);
    let shown = parameters.split(';').all(|parameter| parameter != "8");
    (rest.starts_with('m') && shown).then_some(2 + end + 1)
}

/// Escapes control characters in JSON as `\u`: serde_json escapes only C0.
pub(crate) fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if is_control_character(c) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_text_has_no_control_characters() {
        assert_eq!(
            plain("a\u{1b}[2Jb\r\n\tc\u{9b}31m\u{202e}d\u{2066}"),
            "a\u{fffd}[2Jb\u{fffd}\n\tc\u{fffd}31m\u{fffd}d\u{fffd}"
        );
    }

    #[test]
    fn only_colours_and_weights_stay() {
        let own = "\u{1b}[1mstrong\u{1b}[0m \u{1b}[1;31mred\u{1b}[m ü 漢";
        assert_eq!(harmless(own), own);
        for (text, left) in [
            ("\u{1b}[2J", "\u{fffd}[2J"),
            ("\u{1b}]0;title\u{7}", "\u{fffd}]0;title\u{fffd}"),
            ("\u{1b}[8mhidden", "\u{fffd}[8mhidden"),
            ("\u{1b}[31", "\u{fffd}[31"),
            ("\u{9b}2J\u{202e}", "\u{fffd}2J\u{fffd}"),
            ("\u{1b}", "\u{fffd}"),
        ] {
            assert_eq!(harmless(text), left);
        }
    }

    #[test]
    fn json_escapes_control_characters() {
        assert_eq!(escaped("\"\u{9b}\u{202e}ü\""), "\"\\u009b\\u202eü\"");
    }
}
