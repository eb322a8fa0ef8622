//! What the types of checked text have in common.

/// Gives a type that wraps a `String` and has `parse` its text, `Display`, and the conversions that serde uses.
macro_rules! checked_text {
    ($name:ident, $rule:literal) => {
        impl $name {
            /// The text, which keeps the type's rule.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(checked: $name) -> Self {
                checked.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text).ok_or($rule)
            }
        }
    };
}

/// Whether a text is that many lower-case hexadecimal digits.
pub(super) fn is_lower_case_hex(text: &str, digits: usize) -> bool {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == digits && text.bytes().all(hex)
}

pub(super) use checked_text;
