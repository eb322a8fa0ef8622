//! Commands that a person copies into a terminal.

/// A text as one word of a shell's command, also with quotes and line breaks.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_quotes_stays_one_word_of_the_shell() {
        let text = r#"it's "$(here)" \ `and`"#;
        let printed = std::process::Command::new("sh")
            .args(["-c", &format!("printf %s {}", quoted(text))])
            .output();
        let printed = printed.expect("a shell").stdout;
        assert_eq!(String::from_utf8_lossy(&printed), text);
    }
}
