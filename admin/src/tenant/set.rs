//! Changes one setting of a tenant.

use json_patch::jsonptr::PointerBuf;
use serde_json::{Value, json};
use shared::aws::tenants::ManagedBy;
use shared::domain::tenant::TenantId;
use shared::settings::{self, Author, ChangeError, Rules};

use super::plan::Plan;
use super::table::read_managed;
use crate::error::AdminError;
use crate::stack::Stack;

/// What changes when a setting gets a value, whoever manages the tenant. `null` is the setting's default; a text needs no
/// quotes.
///
/// # Errors
/// [`AdminError::Pointer`], [`AdminError::InvalidSettings`], [`AdminError::NoSuchTenant`]; otherwise when AWS refuses.
pub(crate) async fn setting_plan(
    stack: &Stack,
    id: &TenantId,
    pointer: &str,
    value: &str,
    allow_loopback: bool,
) -> Result<Plan, AdminError> {
    let wrong = || AdminError::Pointer(pointer.to_owned());
    let parsed = PointerBuf::parse(pointer).map_err(|_| wrong())?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    let names: Vec<_> = parsed.tokens().collect();
    let patch = names
        .iter()
        .rfold(value, |inner, name| json!({name.decoded(): inner}));
    let patch = patch
        .as_object()
        .filter(|_| !parsed.is_root())
        .ok_or_else(wrong)?;
    let before = read_managed(stack, id).await?;
    let rules = Rules {
        may_be_incomplete: before.managed_by == ManagedBy::ServiceNow,
        allow_loopback,
    };
    match settings::change(&before.tenant.file, patch, Author::Operator, rules) {
        Ok(change) => Ok(Plan::new(Some(before), change.file, false)),
        Err(ChangeError::Invalid(faults)) => Err(AdminError::InvalidSettings(faults)),
        Err(ChangeError::OperatorOnly(_)) => Err(wrong()),
    }
}
