//! Reads and writes the tenants table.

use aws_sdk_dynamodb::types::AttributeValue;
use shared::aws::tenants::Tenant;
use shared::domain::tenant::TenantId;

use crate::error::AdminError;
use crate::stack::Stack;

/// The tenant as the table holds it now.
///
/// # Errors
/// [`AdminError::NoSuchTenant`], or when the table cannot be read.
pub(crate) async fn read_existing(stack: &Stack, id: &TenantId) -> Result<Tenant, AdminError> {
    read(stack, id)
        .await?
        .ok_or_else(|| AdminError::NoSuchTenant(id.clone()))
}

pub(crate) async fn exists(stack: &Stack, id: &TenantId) -> Result<bool, AdminError> {
    Ok(read(stack, id).await?.is_some())
}

pub(super) async fn read(stack: &Stack, id: &TenantId) -> Result<Option<Tenant>, AdminError> {
    let answer = stack
        .dynamodb
        .get_item()
        .table_name(&stack.tenants_table)
        .key("tenant", AttributeValue::S(id.to_string()))
        .consistent_read(true)
        .send()
        .await;
    let answer =
        answer.map_err(|error| AdminError::aws("dynamodb:GetItem", &resource(stack), &error))?;
    answer
        .item()
        .map(|item| Tenant::from_item(item).ok_or_else(|| AdminError::UnreadableTenant(id.clone())))
        .transpose()
}

/// Writes a tenant, provided that the table still holds `before`.
///
/// # Errors
/// [`AdminError::Conflict`] when it does not; otherwise when DynamoDB refuses.
pub(crate) async fn write(
    stack: &Stack,
    before: Option<&Tenant>,
    after: &Tenant,
) -> Result<(), AdminError> {
    let mut put = stack
        .dynamodb
        .put_item()
        .table_name(&stack.tenants_table)
        .set_item(Some(after.to_item()?));
    put = match before {
        None => put.condition_expression("attribute_not_exists(tenant)"),
        Some(before) => put
            .condition_expression("#version = :read")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":read", AttributeValue::N(before.version.to_string())),
    };
    let Err(error) = put.send().await else {
        return Ok(());
    };
    // When the answer to a successful write is lost, the SDK's retry fails on the condition. The keys of a new tenant
    // are stored nowhere else, so the table is read again before an error is returned.
    let id = &after.file.tenant;
    if read(stack, id).await.ok().flatten().as_ref() == Some(after) {
        return Ok(());
    }
    if error
        .as_service_error()
        .is_some_and(|error| error.is_conditional_check_failed_exception())
    {
        Err(AdminError::Conflict(id.clone()))
    } else {
        Err(AdminError::aws(
            "dynamodb:PutItem",
            &resource(stack),
            &error,
        ))
    }
}

/// The table as AWS failures name it.
pub(crate) fn resource(stack: &Stack) -> String {
    format!("table {}", stack.tenants_table)
}
