//! Texts that a terminal obeys nothing of: what vendors, files and strangers said may hold control characters.

/// Whether a terminal would obey the character, or show the text around it in another order: the control characters
/// C0 and C1 apart from line feed and tab (ECMA-48), and the bidirectional controls (Unicode Standard Annex 9).
pub(crate) const fn is_unruly(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' => true,
        '\u{2066}'..='\u{2069}' => true,
        _ => false,
    }
}

/// The text with U+FFFD in place of each character that a terminal would obey.
pub(crate) fn plain(text: &str) -> String {
    text.replace(is_unruly, "\u{fffd}")
}

/// The same on one line.
pub(crate) fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control() || is_unruly(c), " ")
}

/// The same for a text that the command line has coloured itself: colours and weights stay, everything else goes. The
/// texts of others in it have gone through [`plain`] before, so that the colours are the command line's own.
pub(crate) fn harmless(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = style(rest).unwrap_or(c.len_utf8());
        let (head, tail) = rest.split_at(taken);
        if taken == c.len_utf8() && is_unruly(c) {
            harmless.push('\u{fffd}');
        } else {
            harmless.push_str(head);
        }
        rest = tail;
    }
    harmless
}

/// The length of the sequence that sets colour and weight (SGR, ECMA-48 8.3.117) at the beginning of a text. One that
/// conceals is none.
fn style(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
    let (parameters, rest) = parameters.split_at(end);
    let shown = parameters.split(';').all(|parameter| parameter != "8");
    (rest.starts_with('m') && shown).then_some(2 + end + 1)
}

/// JSON with those characters as `\u` escapes: JSON itself escapes the older half of them only.
pub(crate) fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if is_unruly(c) {
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
    fn a_terminal_obeys_no_stranger() {
        assert_eq!(
            plain("a\u{1b}[2Jb\r\n\tc\u{9b}31m\u{202e}d\u{2066}"),
            "a\u{fffd}[2Jb\u{fffd}\n\tc\u{fffd}31m\u{fffd}d\u{fffd}"
        );
        assert_eq!(one_line("a\u{9b}2J\r\nb\u{202e}c"), "a 2J  b c");
    }

    #[test]
    fn only_colours_and_weights_get_through() {
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
    fn json_keeps_what_it_escapes() {
        assert_eq!(escaped("\"\u{9b}\u{202e}ü\""), "\"\\u009b\\u202eü\"");
    }
}
