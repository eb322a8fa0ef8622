//! The one-time code of a set-up link.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::key::{key_text, sha256_of};
use crate::domain::clock::Timestamp;
use crate::domain::secret::Secret;

/// What a tenant keeps of a set-up link. The code itself is stored nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// SHA-256 of the code, as hexadecimal digits.
    sha256: String,
    /// From then on the code is refused.
    pub expires_at: Timestamp,
}

impl Invitation {
    /// An invitation from 32 random bytes, and its code, which is shown once.
    pub fn generate(random: &[u8; 32], expires_at: Timestamp) -> (Self, Secret) {
        let (code, sha256) = key_text(random);
        (Self { sha256, expires_at }, code)
    }

    /// Whether the code is right and valid. Takes the same time for every code, and for a tenant without an invitation.
    pub fn accepts(invitation: Option<&Self>, code: &Secret, now: Timestamp) -> bool {
        let presented = sha256_of(code.expose());
        let (expected, is_valid) = invitation.map_or_else(
            || ("0".repeat(presented.len()), false),
            |invitation| (invitation.sha256.clone(), now < invitation.expires_at),
        );
        let is_right = bool::from(expected.as_bytes().ct_eq(presented.as_bytes()));
        is_right & is_valid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_code_is_accepted_and_only_until_it_expires() {
        let expires_at = Timestamp::from_millis(1_000);
        let (invitation, code) = Invitation::generate(&[7; 32], expires_at);
        let accepts = |invitation: Option<&Invitation>, code: &Secret, now| {
            Invitation::accepts(invitation, code, Timestamp::from_millis(now))
        };
        assert!(accepts(Some(&invitation), &code, 999));
        assert!(!accepts(Some(&invitation), &code, 1_000), "expired");
        assert!(
            !accepts(Some(&invitation), &Secret::from("other"), 999),
            "wrong"
        );
        assert!(!accepts(None, &code, 999), "used, or never made");
        let stored = serde_json::to_string(&invitation).expect("JSON");
        assert!(!stored.contains(code.expose()), "{stored}");
    }
}
