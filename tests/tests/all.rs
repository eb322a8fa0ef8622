//! All tests with the embedded cloud, in one binary.
#![expect(clippy::expect_used, reason = "what tests share fails as a test does")]

/// Asserts that a value matches a pattern, and shows the value when it does not.
macro_rules! assert_matches {
    ($value:expr, $pattern:pat) => {
        assert_matches!($value, $pattern, "")
    };
    ($value:expr, $pattern:pat, $($context:tt)+) => {{
        let value = &$value;
        assert!(matches!(value, $pattern), "{} {value:?}", format_args!($($context)+));
    }};
}

mod adapters;
mod faults;
mod flows;
mod secrecy;
mod template;
