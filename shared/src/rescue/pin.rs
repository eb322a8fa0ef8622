//! The PIN code that lets a customer into a session.

use std::fmt;

use crate::domain::secret::Secret;

/// A PIN code: six digits whose leading zeros count. Its holder can join a session, so it shows nowhere by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(Secret);

impl Pin {
    /// Reads a PIN; `None` unless it is six digits, as the vendor's page of requestPINCode shows it.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| Self(Secret::from(text)))
    }

    /// The digits. Every caller of this is a place where a PIN leaves the program.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
