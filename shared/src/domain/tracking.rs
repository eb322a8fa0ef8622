//! The signed `Tracking0`: it names the record that a session's PIN was requested from. Only this connector can sign it.
//!
//! Layout: `{table's code}:{sys_id}:{16 hexadecimal digits of HMAC-SHA-256}`, at most 58 of Rescue's 64 characters.
//! The signature covers the layout's version, the tenant, the table's code and the `sys_id`.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::domain::record::{RecordRef, SysId};
use crate::domain::record_tables::RecordTables;
use crate::domain::secret::Secret;
use crate::domain::tenant::TenantId;

const VERSION: &str = "v1";

/// How many digits of the signature a `Tracking0` has.
const SIGNATURE: usize = 16;

/// Whether a text may be a table's code: 2 to 8 of a-z.
pub fn is_code(text: &str) -> bool {
    (2..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase())
}

/// The `Tracking0` that ties a PIN to a record. `None`: the record's table is not one of the tenant's.
pub fn sign(
    key: &Secret,
    tenant: &TenantId,
    tables: &RecordTables,
    record: &RecordRef,
) -> Option<String> {
    let code = &tables.get(&record.table)?.tracking_code;
    let signature = signature(key, tenant, code, &record.sys_id);
    Some(format!("{code}:{}:{signature}", record.sys_id))
}

/// The record that a `Tracking0` names, if this connector signed it for this tenant and one of its tables.
pub fn verify(
    key: &Secret,
    tenant: &TenantId,
    tables: &RecordTables,
    tracking: &str,
) -> Option<RecordRef> {
    let (code, sys_id, presented) = parse(tracking)?;
    let expected = signature(key, tenant, code, &sys_id);
    let is_genuine = bool::from(expected.as_bytes().ct_eq(presented.as_bytes()));
    let table = tables.with_code(code).filter(|_| is_genuine)?;
    Some(RecordRef {
        table: table.name.clone(),
        sys_id,
    })
}

/// Whether a text has the layout of a signed `Tracking0`. Does not check the signature.
pub fn looks_signed(tracking: &str) -> bool {
    parse(tracking).is_some()
}

fn parse(tracking: &str) -> Option<(&str, SysId, &str)> {
    let mut parts = tracking.trim().split(':');
    let (code, sys_id) = (parts.next()?, SysId::parse(parts.next()?)?);
    let signature = parts.next()?;
    (parts.next().is_none() && is_code(code)).then_some((code, sys_id, signature))
}

fn signature(key: &Secret, tenant: &TenantId, code: &str, sys_id: &SysId) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()) else {
        unreachable!("HMAC takes a key of any length");
    };
    mac.update(format!("{VERSION}\n{tenant}\n{code}\n{sys_id}").as_bytes());
    let mut digits = hex::encode(mac.finalize().into_bytes());
    digits.truncate(SIGNATURE);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::TableName;

    fn record() -> RecordRef {
        RecordRef {
            table: TableName::incident(),
            sys_id: SysId::parse("0f1e2d3c4b5a69788796a5b4c3d2e1f0").expect("valid"),
        }
    }

    fn signed(key: &Secret, tenant: &TenantId) -> String {
        sign(key, tenant, &RecordTables::default(), &record()).expect("an incident")
    }

    fn verified(key: &Secret, tenant: &TenantId, tracking: &str) -> Option<RecordRef> {
        verify(key, tenant, &RecordTables::default(), tracking)
    }

    #[test]
    fn a_signed_tracking_names_its_record_and_fits_rescues_field() {
        let (key, tenant) = (Secret::from("key"), TenantId::parse("acme").expect("valid"));
        let tracking = signed(&key, &tenant);
        assert!(tracking.len() <= 64, "{tracking}");
        assert_eq!(verified(&key, &tenant, &tracking), Some(record()));
    }

    #[test]
    fn a_tracking_that_was_altered_or_belongs_to_another_tenant_is_not_believed() {
        let (key, tenant) = (Secret::from("key"), TenantId::parse("acme").expect("valid"));
        let tracking = signed(&key, &tenant);
        let other = TenantId::parse("other").expect("valid");
        assert_eq!(verified(&key, &other, &tracking), None);
        assert_eq!(verified(&Secret::from("another"), &tenant, &tracking), None);
        assert_eq!(
            verified(&key, &tenant, &tracking.replace("inc:0", "inc:1")),
            None
        );
        assert_eq!(
            verified(&key, &tenant, &tracking.replace("inc:", "case:")),
            None
        );
        assert_eq!(verified(&key, &tenant, "INC0012345"), None);
    }

    #[test]
    fn a_tracking_of_a_release_before_is_believed() {
        let (key, tenant) = (Secret::from("key"), TenantId::parse("acme").expect("valid"));
        for (tracking, table) in [
            (
                "inc:0f1e2d3c4b5a69788796a5b4c3d2e1f0:fad97dd511dba70a",
                TableName::incident(),
            ),
            (
                "case:0f1e2d3c4b5a69788796a5b4c3d2e1f0:7dfdac2850db1408",
                TableName::case(),
            ),
        ] {
            let named = verified(&key, &tenant, tracking).map(|record| record.table);
            assert_eq!(named, Some(table), "{tracking}");
        }
    }

    #[test]
    fn a_table_that_the_tenant_does_not_work_with_is_neither_signed_nor_believed() {
        let (key, tenant) = (Secret::from("key"), TenantId::parse("acme").expect("valid"));
        let problem = RecordRef {
            table: TableName::parse("problem").expect("valid"),
            ..record()
        };
        let without = RecordTables::default();
        let settings = serde_json::json!({"problem": {}});
        let with = RecordTables::of(&serde_json::from_value(settings).expect("tables"));
        assert_eq!(sign(&key, &tenant, &without, &problem), None);
        let tracking = sign(&key, &tenant, &with, &problem).expect("one of its tables");
        assert_eq!(verify(&key, &tenant, &with, &tracking), Some(problem));
        assert_eq!(verify(&key, &tenant, &without, &tracking), None);
        assert!(looks_signed(&tracking));
    }
}
