//! Changes one setting of a tenant.

use json_patch::jsonptr::PointerBuf;
use serde_json::{Value, json};
use shared::aws::tenants::ManagedBy;
use shared::domain::tenant::TenantId;
use shared::settings::{self, Author, ChangeError, KEYS, Rules, ValueKind, dotted};

use super::accounts::tell_apart;
use super::apply::{Applied, execute};
use super::plan::Plan;
use super::table::read_managed;
use crate::error::AdminError;
use crate::stack::Stack;

/// Changes one setting without confirmation, also of a tenant that is managed in ServiceNow.
///
/// # Errors
/// [`AdminError::Pointer`], [`AdminError::InvalidSettings`], [`AdminError::NeedsReportNodes`], [`AdminError::NoSuchTenant`];
/// otherwise as [`apply`](super::apply()).
pub async fn set(
    stack: &Stack,
    id: &TenantId,
    pointer: &str,
    value: &str,
    allow_loopback: bool,
) -> Result<Applied, AdminError> {
    let plan = setting_plan(stack, id, pointer, value, allow_loopback).await?;
    execute(stack, &plan).await
}

/// What changes when a setting gets a value, also of a tenant that is managed in ServiceNow. `null` is the setting's
/// default; a text needs no quotes.
///
/// # Errors
/// [`AdminError::Pointer`], [`AdminError::InvalidSettings`], [`AdminError::NeedsReportNodes`], [`AdminError::NoSuchTenant`];
/// otherwise when AWS refuses.
pub(crate) async fn setting_plan(
    stack: &Stack,
    id: &TenantId,
    pointer: &str,
    value: &str,
    allow_loopback: bool,
) -> Result<Plan, AdminError> {
    let wrong = || AdminError::Pointer(pointer.to_owned());
    let parsed = PointerBuf::parse(pointer).map_err(|_| wrong())?;
    let value = value_of(&dotted(&parsed), value);
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
        Ok(change) => {
            let plan = Plan::new(Some(before), change.file, false);
            tell_apart(stack, &plan).await?;
            Ok(plan)
        }
        Err(ChangeError::Invalid(faults)) => Err(AdminError::InvalidSettings(faults)),
        Err(ChangeError::OperatorOnly(_)) => Err(wrong()),
    }
}

/// The value of a setting as it is typed: JSON where the setting is no text.
fn value_of(path: &str, typed: &str) -> Value {
    let json = serde_json::from_str(typed).ok();
    let is_text = |kind: &ValueKind| {
        matches!(
            kind,
            ValueKind::Text | ValueKind::Duration | ValueKind::OneOf(_)
        )
    };
    let in_a_map = |known: &str| {
        path.strip_prefix(known)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    let takes_text = KEYS.iter().any(|(known, kind)| {
        (*known == path && is_text(kind)) || (matches!(kind, ValueKind::Map) && in_a_map(known))
    });
    match json {
        Some(json @ (Value::Null | Value::String(_))) => json,
        Some(json) if !takes_text => json,
        _ => Value::String(typed.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_needs_no_quotes_and_everything_else_is_json() {
        for (path, typed, expected) in [
            ("rescue.company_id", "112938", json!("112938")),
            ("rescue.company_id", "\"112938\"", json!("112938")),
            ("servicenow.client_id", "true", json!("true")),
            ("sessions.publish", "none", json!("none")),
            ("sessions.new_record.columns.impact", "1", json!("1")),
            (
                "sessions.new_record.columns",
                "{\"impact\": \"1\"}",
                json!({"impact": "1"}),
            ),
            ("enabled", "false", json!(false)),
            (
                "rescue.technician_domains",
                "[\"acme.test\"]",
                json!(["acme.test"]),
            ),
            ("servicenow.allow_host", "null", json!(null)),
        ] {
            assert_eq!(value_of(path, typed), expected, "{path} {typed}");
        }
    }
}
