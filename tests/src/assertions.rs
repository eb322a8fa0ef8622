//! Assertions about texts, and which case of a table an assertion is about.

use std::fmt::Debug;

/// # Panics
/// When the text lacks one of the expected parts.
#[track_caller]
pub fn assert_contains(text: &str, expected: &[&str]) {
    for part in expected {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
}

/// A case of a test's table. A test that fails during the case prints it.
#[derive(Debug)]
pub struct Case(String);

impl Case {
    /// The case that these values make.
    #[must_use]
    pub fn of(case: impl Debug) -> Self {
        Self(format!("{case:?}"))
    }
}

impl Drop for Case {
    #[expect(
        clippy::print_stderr,
        reason = "the test runner shows it with the failure"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("case: {}", self.0);
        }
    }
}
