//! The PIN code that lets a customer into a session.

use std::fmt;

use crate::domain::secret::Secret;

/// A PIN code: six digits whose leading zeros count. It lets its holder join a session, so `Debug` redacts it.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(Secret);

impl Pin {
    /// Reads a PIN; `None` unless it is six digits (the vendor's page of requestPINCode).
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| Self(Secret::from(text)))
    }

    /// The digits. A PIN leaves the program only where this is called.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
