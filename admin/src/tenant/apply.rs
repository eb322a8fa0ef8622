//! Applies a tenant file.

use serde::Serialize;
use shared::aws::tenants::{
    Change as TenantChange, KeyKind, KeyScope, ManagedBy, ManagedTenant, TenantKey, WebhookUrls,
};
use shared::domain::secret::{Secret, serialize_exposed_option};
use shared::domain::tenant::{TenantFile, TenantId};

use super::accounts::note_account;
use super::plan::{Change, Plan, plan};
use super::provision::{create_missing_secrets, schedule_rotation};
use super::shown_key::KeySummary;
use super::table::{changing, write};
use crate::deliveries::resume_deliveries;
use crate::error::AdminError;
use crate::random::random;
use crate::stack::Stack;

/// How a tenant file is applied.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApplyOptions {
    /// Return what would change and write nothing.
    pub dry_run: bool,
    /// Apply the file also to a tenant whose settings are changed in ServiceNow, which ends that.
    pub take_over: bool,
}

/// What applying a tenant file did. Serialised it is the answer of `tenant apply --output json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Applied {
    pub tenant: TenantId,
    /// What differed.
    pub changes: Vec<Change>,
    /// Only when the tenant was created; shown once and stored nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_urls: Option<WebhookUrls>,
    /// Only when the tenant was created; shown once and stored nowhere.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_exposed_option"
    )]
    pub api_key: Option<Secret>,
    pub keys: Vec<KeySummary>,
    /// Further effects that the operator should know of.
    #[serde(skip)]
    pub notes: Vec<String>,
    /// A step after writing the tenant failed; applying the file again repeats it.
    #[serde(skip)]
    pub incomplete: Option<String>,
}

/// Creates or changes a tenant without confirmation. Applying the same file again changes nothing and completes an
/// interrupted run.
///
/// # Errors
/// [`AdminError::Conflict`] when another operator changed the tenant in the meantime; [`AdminError::NeedsReportNodes`];
/// otherwise when AWS refuses.
pub async fn apply(
    stack: &Stack,
    file: &TenantFile,
    options: ApplyOptions,
) -> Result<Applied, AdminError> {
    let plan = plan(stack, file, options.take_over).await?;
    if options.dry_run {
        Ok(preview(&plan))
    } else {
        execute(stack, &plan).await
    }
}

/// The answer of a dry run.
pub(crate) fn preview(plan: &Plan) -> Applied {
    Applied {
        tenant: plan.after.tenant.clone(),
        changes: plan.changes.clone(),
        webhook_urls: None,
        api_key: None,
        keys: plan.before.as_ref().map(summaries).unwrap_or_default(),
        notes: Vec::new(),
        incomplete: None,
    }
}

/// Writes a plan. The Rescue account is noted first, so that a later change of another tenant sees it. The secrets come next:
/// nothing uses them without the tenant. The tenant with the hashes of its keys
/// follows. The rotation schedule comes last: its failure must not keep the new keys from being shown.
///
/// # Errors
/// As [`apply`].
pub(crate) async fn execute(stack: &Stack, plan: &Plan) -> Result<Applied, AdminError> {
    let account = note_account(stack, plan).await?;
    let mut notes = create_missing_secrets(stack, plan).await?;
    notes.extend(account);
    let who = stack.principal().await;
    let mut pointers: Vec<_> = plan.changes.iter().map(Change::pointer).collect();
    pointers.extend(plan.takes_over.then(|| "/managed_by".to_owned()));
    let (tenant, new_keys) = next_tenant(plan, changing(&who, stack, pointers))?;
    if !plan.is_empty() {
        write(stack, plan.before.as_ref(), &tenant).await?;
    }
    let mut incomplete = None;
    let other_instance = |change: &Change| change.path.starts_with("servicenow.");
    if !plan.creates() && plan.changes.iter().any(other_instance) {
        // Access tokens and pauses of the earlier settings do not apply to the new ones.
        let id = &tenant.tenant.file.tenant;
        let resumed = async {
            stack.credentials().forget_access_token(id).await?;
            resume_deliveries(stack, id).await
        };
        if let Err(error) = resumed.await {
            incomplete = Some(format!("the tenant may stay paused: {error}"));
        }
    }
    match schedule_rotation(stack, plan).await {
        Ok(Some(note)) => notes.push(note),
        Ok(None) => {}
        Err(error) => incomplete = Some(format!("the rotation schedule is not set: {error}")),
    }
    Ok(Applied {
        tenant: tenant.tenant.file.tenant.clone(),
        changes: plan.changes.clone(),
        webhook_urls: new_keys.as_ref().map(|keys| {
            WebhookUrls::new(
                stack.api_url.as_deref(),
                &tenant.tenant.file.tenant,
                &keys.webhook,
            )
        }),
        api_key: new_keys.map(|keys| keys.api),
        keys: summaries(&tenant),
        notes,
        incomplete,
    })
}

pub(super) struct NewKeys {
    pub(super) webhook: Secret,
    pub(super) api: Secret,
}

/// The tenant to write; with its keys when it is new.
pub(super) fn next_tenant(
    plan: &Plan,
    change: TenantChange<'_>,
) -> Result<(ManagedTenant, Option<NewKeys>), AdminError> {
    let file = plan.after.clone();
    let now = change.at;
    match &plan.before {
        Some(before) if plan.is_empty() => Ok((before.clone(), None)),
        Some(before) => {
            let next = before.changed(change, |next| {
                next.tenant.file = file;
                if plan.takes_over {
                    next.managed_by = ManagedBy::File;
                    next.invitation = None;
                }
            });
            Ok((next, None))
        }
        None => {
            let (webhook, webhook_text) =
                TenantKey::generate(KeyKind::Webhook, Vec::new(), &random()?, now);
            let scopes = vec![KeyScope::Pin, KeyScope::Token];
            let (api, api_text) = TenantKey::generate(KeyKind::Api, scopes, &random()?, now);
            let new = ManagedTenant::new(file, ManagedBy::File);
            let tenant = new.changed(change, |next| next.tenant.keys = vec![webhook, api]);
            let keys = NewKeys {
                webhook: webhook_text,
                api: api_text,
            };
            Ok((tenant, Some(keys)))
        }
    }
}

pub(super) fn summaries(tenant: &ManagedTenant) -> Vec<KeySummary> {
    tenant.tenant.keys.iter().map(KeySummary::from).collect()
}
