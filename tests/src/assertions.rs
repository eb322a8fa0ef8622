//! Assertions about texts.

/// # Panics
/// When the text lacks one of the expected parts.
#[track_caller]
pub fn assert_contains(text: &str, expected: &[&str]) {
    for part in expected {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
}
