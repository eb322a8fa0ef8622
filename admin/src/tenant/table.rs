//! Reads and writes the tenants table.

use shared::aws::tenants::{Change, ManagedTenant, ReadTenantError, Tenant, WriteTenantError};
use shared::domain::tenant::TenantId;

use crate::error::AdminError;
use crate::stack::Stack;

/// What the functions need of a tenant, as the table holds it now.
///
/// # Errors
/// [`AdminError::NoSuchTenant`], or when the table cannot be read.
pub(crate) async fn read_existing(stack: &Stack, id: &TenantId) -> Result<Tenant, AdminError> {
    Ok(read_managed(stack, id).await?.tenant)
}

/// The whole tenant, as the table holds it now.
///
/// # Errors
/// As [`read_existing`].
pub(crate) async fn read_managed(
    stack: &Stack,
    id: &TenantId,
) -> Result<ManagedTenant, AdminError> {
    read(stack, id)
        .await?
        .ok_or_else(|| AdminError::NoSuchTenant(id.clone()))
}

pub(crate) async fn exists(stack: &Stack, id: &TenantId) -> Result<bool, AdminError> {
    Ok(read(stack, id).await?.is_some())
}

pub(super) async fn read(
    stack: &Stack,
    id: &TenantId,
) -> Result<Option<ManagedTenant>, AdminError> {
    let tenant = stack.tenants().read(id).await;
    tenant.map_err(|error| not_read(stack, error))
}

/// Why a tenant was not read, for the operator.
pub(super) fn not_read(stack: &Stack, error: ReadTenantError) -> AdminError {
    match error {
        ReadTenantError::Aws(error) => {
            AdminError::aws("dynamodb:GetItem", &resource(stack), &*error)
        }
        ReadTenantError::Unreadable(id) => AdminError::UnreadableTenant(id),
    }
}

/// Changes a tenant, provided that the table still holds `before`; its history gets an entry. The tenant after it.
///
/// # Errors
/// [`AdminError::Conflict`] when it does not; otherwise when DynamoDB refuses.
pub(crate) async fn change(
    stack: &Stack,
    before: &ManagedTenant,
    pointers: Vec<String>,
    edit: impl FnOnce(&mut ManagedTenant),
) -> Result<ManagedTenant, AdminError> {
    let after = before.changed(changing(&stack.principal().await, stack, pointers), edit);
    write(stack, Some(before), &after).await?;
    Ok(after)
}

/// A change by the operator.
pub(super) fn changing<'a>(who: &'a str, stack: &Stack, pointers: Vec<String>) -> Change<'a> {
    Change {
        who,
        at: stack.clock.now(),
        pointers,
    }
}

/// Writes a tenant, provided that the table still holds `before`.
///
/// # Errors
/// As [`change`].
pub(super) async fn write(
    stack: &Stack,
    before: Option<&ManagedTenant>,
    after: &ManagedTenant,
) -> Result<(), AdminError> {
    let written = stack.tenants().write(before, after).await;
    written.map_err(|error| match error {
        WriteTenantError::Conflict(id) => AdminError::Conflict(id),
        WriteTenantError::Aws(error) => {
            AdminError::aws("dynamodb:UpdateItem", &resource(stack), &*error)
        }
        WriteTenantError::Json(error) => error.into(),
    })
}

/// The table as AWS failures name it.
pub(crate) fn resource(stack: &Stack) -> String {
    format!("table {}", stack.tenants_table)
}
