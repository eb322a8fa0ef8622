//! Tenants with the same Rescue account.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::aws::storage_error::StorageError;
use shared::domain::tenant::{Reconcile, TenantFile, TenantId};
use shared::reconciliation::{AccountsError, RescueAccounts};

use super::plan::Plan;
use super::table::not_read;
use crate::error::AdminError;
use crate::lifecycle::files;
use crate::stack::Stack;

/// The settings of the other tenants with the same Rescue account. Every tenant is looked at: those of an earlier release
/// are not noted for their account.
///
/// # Errors
/// When the tenants' table cannot be read.
pub(crate) async fn sharing(
    stack: &Stack,
    file: &TenantFile,
) -> Result<Vec<TenantFile>, AdminError> {
    let accounts = accounts(stack);
    let key = accounts.key(&file.rescue);
    if key.is_none() {
        return Ok(Vec::new());
    }
    let mut others = files(stack).await?;
    others.retain(|other| other.tenant != file.tenant && accounts.key(&other.rescue) == key);
    Ok(others)
}

/// Refuses a plan whose settings do not tell the tenant's sessions from those of another tenant of the same Rescue account.
///
/// # Errors
/// [`AdminError::NeedsReportNodes`]; otherwise when the tenants' table cannot be read.
pub(super) async fn tell_apart(stack: &Stack, plan: &Plan) -> Result<(), AdminError> {
    if !claims_the_account(plan) {
        return Ok(());
    }
    let other = sharing(stack, &plan.after).await?.into_iter().next();
    other.map_or(Ok(()), |other| Err(needs_nodes(&plan.after, other.tenant)))
}

/// The same for plans that are carried out at once: the tables have none of their tenants yet. For each plan why it is refused.
pub(crate) fn tell_each_apart(stack: &Stack, plans: &[&Plan]) -> Vec<Option<AdminError>> {
    let accounts = accounts(stack);
    let mut tenants: BTreeMap<String, Vec<&TenantId>> = BTreeMap::new();
    for plan in plans {
        let key = accounts.key(&plan.after.rescue);
        let tenant = &plan.after.tenant;
        tenants
            .entry(key.unwrap_or_default())
            .or_default()
            .push(tenant);
    }
    let refusals = plans.iter().map(|plan| {
        let sharing = tenants.get(&accounts.key(&plan.after.rescue)?)?;
        let other = sharing.iter().find(|other| ***other != plan.after.tenant)?;
        claims_the_account(plan).then(|| needs_nodes(&plan.after, (*other).clone()))
    });
    refusals.collect()
}

/// Whether the plan makes every session of the Rescue account the tenant's.
fn claims_the_account(plan: &Plan) -> bool {
    let rescue = &plan.after.rescue;
    let claims = rescue.reconcile != Reconcile::Off && rescue.report_nodes.is_empty();
    claims && changes_rescue(plan)
}

/// Notes the account of a tenant that is about to be written, and looks once more for another tenant of it, which may have been
/// written since the plan was made. Of two tenants that are written at the same moment, the function refuses the comparison.
/// Where no sessions are compared, a failure is a note for the operator.
///
/// # Errors
/// As [`tell_apart`], and when the account cannot be noted.
pub(super) async fn note_account(stack: &Stack, plan: &Plan) -> Result<Option<String>, AdminError> {
    if !changes_rescue(plan) {
        return Ok(None);
    }
    let file = &plan.after;
    let error = match accounts(stack).conflict(file).await {
        Ok(None) => return Ok(None),
        Ok(Some(other)) => return Err(needs_nodes(file, other)),
        Err(AccountsError::Storage(StorageError::Call(call))) => call.into(),
        Err(AccountsError::Storage(error)) => AdminError::Lease(error),
        Err(AccountsError::Tenant(error)) => not_read(stack, error),
    };
    if file.rescue.reconcile == Reconcile::Off {
        let note = format!("the tenant's Rescue account is not noted yet: {error}");
        Ok(Some(note))
    } else {
        Err(error)
    }
}

fn changes_rescue(plan: &Plan) -> bool {
    let mut changes = plan.changes.iter();
    changes.any(|change| change.path.starts_with("rescue."))
}

/// The settings were accepted, and with them a host on this machine, which only tests have.
fn accounts(stack: &Stack) -> RescueAccounts {
    RescueAccounts::new(Arc::new(stack.credentials()), stack.tenants(), true)
}

fn needs_nodes(file: &TenantFile, other: TenantId) -> AdminError {
    AdminError::NeedsReportNodes {
        tenant: file.tenant.clone(),
        other,
    }
}
