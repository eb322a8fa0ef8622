//! Texts of vendors, files and customers without the characters that a terminal interprets.

/// Whether a terminal interprets the character: the control characters C0 and C1 except line feed and tab (ECMA-48), and
/// the bidirectional controls (Unicode Standard Annex 9), which reorder text.
pub const fn is_control_character(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' => true,
        '\u{2066}'..='\u{2069}' => true,
        _ => false,
    }
}

/// Replaces each control character with a blank, also line feed and tab.
pub fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control() || is_control_character(c), " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_control_characters() {
        assert_eq!(one_line("a\u{9b}2J\r\nb\u{202e}c"), "a 2J  b c");
    }
}
