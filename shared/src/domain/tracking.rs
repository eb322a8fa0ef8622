//! The signed `Tracking0`: it names the record that a session's PIN was requested from. Only this connector can sign it.
//!
//! Layout: `{table code}:{sys_id}:{16 hexadecimal digits of HMAC-SHA-256}`, at most 54 of Rescue's 64 characters.
//! The signature covers the layout's version, the tenant, the table and the `sys_id`.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::domain::record::{RecordRef, SysId, Table};
use crate::domain::secret::Secret;
use crate::domain::tenant::TenantId;

const VERSION: &str = "v1";

/// The `Tracking0` that ties a PIN to a record.
pub fn sign(key: &Secret, tenant: &TenantId, record: &RecordRef) -> String {
    let signature = signature(key, tenant, record);
    format!("{}:{}:{signature}", record.table.code(), record.sys_id)
}

/// The record that a `Tracking0` names, if this connector signed it for this tenant.
pub fn verify(key: &Secret, tenant: &TenantId, tracking: &str) -> Option<RecordRef> {
    let (record, presented) = parse(tracking)?;
    let expected = signature(key, tenant, &record);
    bool::from(expected.as_bytes().ct_eq(presented.as_bytes())).then_some(record)
}

/// Whether a text has the layout of a signed `Tracking0`. Does not check the signature.
pub fn looks_signed(tracking: &str) -> bool {
    parse(tracking).is_some()
}

fn parse(tracking: &str) -> Option<(RecordRef, &str)> {
    let mut parts = tracking.trim().split(':');
    let table = Table::from_code(parts.next()?)?;
    let sys_id = SysId::parse(parts.next()?)?;
    let signature = parts.next()?;
    parts
        .next()
        .is_none()
        .then_some((RecordRef { table, sys_id }, signature))
}

fn signature(key: &Secret, tenant: &TenantId, record: &RecordRef) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()) else {
        unreachable!("HMAC takes a key of any length");
    };
    mac.update(
        format!(
            "{VERSION}\n{tenant}\n{}\n{}",
            record.table.code(),
            record.sys_id
        )
        .as_bytes(),
    );
    hex::encode(mac.finalize().into_bytes())
        .split_at(16)
        .0
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> RecordRef {
        RecordRef {
            table: Table::Incident,
            sys_id: SysId::parse("0f1e2d3c4b5a69788796a5b4c3d2e1f0").expect("valid"),
        }
    }

    #[test]
    fn a_signed_tracking_names_its_record_and_fits_rescues_field() {
        let (key, tenant) = (Secret::from("key"), TenantId::parse("acme").expect("valid"));
        let tracking = sign(&key, &tenant, &record());
        assert!(tracking.len() <= 64, "{tracking}");
        assert_eq!(verify(&key, &tenant, &tracking), Some(record()));
    }

    #[test]
    fn a_tracking_that_was_altered_or_belongs_to_another_tenant_is_not_believed() {
        let (key, tenant) = (Secret::from("key"), TenantId::parse("acme").expect("valid"));
        let tracking = sign(&key, &tenant, &record());
        let other = TenantId::parse("other").expect("valid");
        assert_eq!(verify(&key, &other, &tracking), None);
        assert_eq!(verify(&Secret::from("another"), &tenant, &tracking), None);
        assert_eq!(
            verify(&key, &tenant, &tracking.replace("inc:0", "inc:1")),
            None
        );
        assert_eq!(
            verify(&key, &tenant, &tracking.replace("inc:", "case:")),
            None
        );
        assert_eq!(verify(&key, &tenant, "INC0012345"), None);
    }
}
