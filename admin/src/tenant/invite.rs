//! Makes the one-time set-up link for a tenant's ServiceNow administrator.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use shared::aws::tenants::{Invitation, ManagedBy, ManagedTenant};
use shared::domain::clock::Timestamp;
use shared::domain::secret::{Secret, serialize_exposed};
use shared::domain::tenant::{TenantFile, TenantId};
use shared::settings::Rules;

use super::plan::plan;
use super::provision::{create_missing_secrets, schedule_rotation};
use super::table::{changing, read, write};
use crate::error::AdminError;
use crate::random::random;
use crate::stack::Stack;

/// The answer of `tenant invite`.
///
/// As JSON: `{"tenant","setup_link","expires_at"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetUpLink {
    /// The tenant.
    pub tenant: TenantId,
    /// `{ApiUrl}/#{tenant}.{code}`, shown once and stored nowhere.
    #[serde(serialize_with = "serialize_exposed")]
    pub setup_link: Secret,
    /// From then on the link is refused.
    pub expires_at: Timestamp,
    /// Whether the tenant was created for it.
    #[serde(skip)]
    pub created: bool,
    /// Further effects that the operator should know of.
    #[serde(skip)]
    pub notes: Vec<String>,
}

/// Makes a set-up link, which ends an earlier one. A tenant that does not exist yet is created first, managed in ServiceNow,
/// with its secrets and rotation schedule; it needs the address of its instance.
///
/// # Errors
/// [`AdminError::NeedsInstance`], [`AdminError::InvalidSettings`], [`AdminError::NoApiUrl`], [`AdminError::Conflict`];
/// otherwise when AWS refuses.
pub async fn invite(
    stack: &Stack,
    id: &TenantId,
    instance: Option<&str>,
    valid_for: Duration,
    allow_loopback: bool,
) -> Result<SetUpLink, AdminError> {
    let api_url = stack.api_url.as_deref().ok_or(AdminError::NoApiUrl)?;
    let before = read(stack, id).await?;
    let mut notes = Vec::new();
    let tenant = match (&before, instance) {
        (Some(before), None) => before.clone(),
        (Some(before), Some(instance)) => {
            let own = &before.tenant.file.servicenow.instance;
            if own.trim_end_matches('/') != instance.trim_end_matches('/') {
                return Err(AdminError::OtherInstance(id.clone(), own.clone()));
            }
            before.clone()
        }
        (None, None) => return Err(AdminError::NeedsInstance(id.clone())),
        (None, Some(instance)) => {
            let file = new_file(id, instance, allow_loopback)?;
            let plan = plan(stack, &file, false).await?;
            notes = create_missing_secrets(stack, &plan).await?;
            notes.extend(schedule_rotation(stack, &plan).await?);
            ManagedTenant::new(file, ManagedBy::ServiceNow)
        }
    };
    let now = stack.clock.now();
    let (invitation, code) = Invitation::generate(&random()?, now.plus(valid_for));
    let expires_at = invitation.expires_at;
    let who = stack.principal().await;
    let change = changing(&who, stack, vec!["/invitation".to_owned()]);
    let after = tenant.changed(change, |tenant| tenant.invitation = Some(invitation));
    write(stack, before.as_ref(), &after).await?;
    let link = format!("{}/#{id}.{}", api_url.trim_end_matches('/'), code.expose());
    Ok(SetUpLink {
        tenant: id.clone(),
        setup_link: Secret::from(link),
        expires_at,
        created: before.is_none(),
        notes,
    })
}

/// The settings of a tenant of which only the instance is known.
fn new_file(id: &TenantId, instance: &str, allow_loopback: bool) -> Result<TenantFile, AdminError> {
    let document = json!({
        "tenant": id,
        "rescue": {"company_id": ""},
        "servicenow": {"instance": instance},
    });
    let rules = Rules {
        may_be_incomplete: true,
        allow_loopback,
    };
    let faults = document
        .as_object()
        .map(|document| rules.faults(document))
        .unwrap_or_default();
    if !faults.is_empty() {
        return Err(AdminError::InvalidSettings(faults));
    }
    Ok(serde_json::from_value(document)?)
}
