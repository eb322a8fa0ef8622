//! Lists, disables, enables, exports and deletes tenants.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use serde::Serialize;
use shared::aws::item::Item;
use shared::aws::ledger::{BY_TENANT, PostState};
use shared::aws::secret_store::{tenant_secrets_name, token_secret_name};
use shared::aws::tenants::{HistoryEntry, KeyScope, ManagedTenant, Tenant};
use shared::domain::clock::Timestamp;
use shared::domain::tenant::{Grant, Publish, TenantFile, TenantId};

use crate::error::AdminError;
use crate::secrets_manager;
use crate::stack::Stack;
use crate::tenant::table::{change, read_existing, read_managed, resource};

/// One tenant of [`list`].
///
/// As JSON: `{"tenant","enabled","instance","grant","publish","version","disabled_at"}`; `disabled_at` only while it is
/// switched off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ListedTenant {
    pub(crate) tenant: TenantId,
    pub(crate) enabled: bool,
    pub(crate) instance: String,
    pub(crate) grant: Grant,
    pub(crate) publish: Publish,
    pub(crate) version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) disabled_at: Option<Timestamp>,
}

impl From<Tenant> for ListedTenant {
    fn from(tenant: Tenant) -> Self {
        Self {
            tenant: tenant.file.tenant,
            enabled: tenant.file.enabled,
            instance: tenant.file.servicenow.instance,
            grant: tenant.file.servicenow.grant,
            publish: tenant.file.sessions.publish,
            version: tenant.version,
            disabled_at: tenant.disabled_at,
        }
    }
}

/// The tenants of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tenants {
    /// Sorted by name.
    pub(crate) listed: Vec<ListedTenant>,
    /// The names of tenants whose items this release cannot read.
    pub(crate) unreadable: Vec<String>,
}

/// The items of the tenants' table.
async fn items(stack: &Stack) -> Result<Vec<Item>, AdminError> {
    let scan = stack.dynamodb.scan().table_name(&stack.tenants_table);
    let items = scan.consistent_read(true).into_paginator().items().send();
    let items = items.collect::<Result<Vec<_>, _>>().await;
    items.map_err(|error| AdminError::aws("dynamodb:Scan", &resource(stack), &error))
}

/// The settings of every tenant that this release can read.
pub(crate) async fn files(stack: &Stack) -> Result<Vec<TenantFile>, AdminError> {
    let items = items(stack).await?;
    let tenants = items.iter().filter_map(Tenant::from_item);
    Ok(tenants.map(|tenant| tenant.file).collect())
}

/// Every tenant of the deployment, sorted by name.
pub(crate) async fn list(stack: &Stack) -> Result<Tenants, AdminError> {
    let items = items(stack).await?;
    let mut tenants = Tenants::default();
    for item in &items {
        match Tenant::from_item(item) {
            Some(tenant) => tenants.listed.push(tenant.into()),
            None => {
                let name = item.get("tenant").and_then(|name| name.as_s().ok());
                tenants.unreadable.extend(name.cloned());
            }
        }
    }
    tenants.listed.sort_by(|a, b| a.tenant.cmp(&b.tenant));
    tenants.unreadable.sort();
    Ok(tenants)
}

/// At most three tenants whose names resemble a missing one, the most similar first.
pub(crate) async fn similar_names(
    stack: &Stack,
    missing: &TenantId,
) -> Result<Vec<TenantId>, AdminError> {
    let names = list(stack).await?.listed.into_iter();
    Ok(most_similar(names.map(|listed| listed.tenant), missing))
}

fn most_similar(names: impl Iterator<Item = TenantId>, missing: &TenantId) -> Vec<TenantId> {
    let mut scored: Vec<(f64, TenantId)> = names
        .map(|name| {
            let score = strsim::jaro_winkler(name.as_str(), missing.as_str());
            (score, name)
        })
        .filter(|(score, _)| *score >= 0.8)
        .collect();
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    scored.into_iter().map(|(_, name)| name).take(3).collect()
}

/// The answer of `tenant disable` and `tenant enable`.
///
/// As JSON: `{"tenant","enabled","version","disabled_at"}`; `disabled_at` only when it is switched off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SwitchedTenant {
    pub(crate) tenant: TenantId,
    pub(crate) enabled: bool,
    pub(crate) version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) disabled_at: Option<Timestamp>,
    #[serde(skip)]
    pub(crate) changed: bool,
}

/// Switches a tenant on or off, unless it is already. Every function knows within 60 s.
///
/// # Errors
/// [`AdminError::NoSuchTenant`], [`AdminError::Conflict`]; otherwise when AWS refuses.
pub(crate) async fn switch(
    stack: &Stack,
    id: &TenantId,
    enabled: bool,
) -> Result<SwitchedTenant, AdminError> {
    let before = read_managed(stack, id).await?;
    let (after, changed) = switched(stack, before, enabled).await?;
    Ok(SwitchedTenant {
        tenant: id.clone(),
        enabled,
        version: after.version,
        disabled_at: after.disabled_at,
        changed,
    })
}

async fn switched(
    stack: &Stack,
    before: ManagedTenant,
    enabled: bool,
) -> Result<(Tenant, bool), AdminError> {
    if before.tenant.file.enabled == enabled {
        return Ok((before.tenant, false));
    }
    let pointers = vec!["/enabled".to_owned()];
    let after = change(stack, &before, pointers, |after| {
        after.tenant.file.enabled = enabled;
    });
    Ok((after.await?.tenant, true))
}

/// Who changed a tenant, the oldest change first.
///
/// As JSON: `[{"time","version","who","pointers"}]`.
///
/// # Errors
/// [`AdminError::NoSuchTenant`]; otherwise when AWS refuses.
pub(crate) async fn history(stack: &Stack, id: &TenantId) -> Result<Vec<HistoryEntry>, AdminError> {
    Ok(read_managed(stack, id).await?.history)
}

/// The settings of a tenant. Applying them as a file changes nothing.
///
/// # Errors
/// [`AdminError::NoSuchTenant`]; otherwise when AWS refuses.
pub async fn export(stack: &Stack, id: &TenantId) -> Result<TenantFile, AdminError> {
    Ok(read_existing(stack, id).await?.file)
}

/// How long deleting waits for the posts of a tenant by default.
pub(crate) const DRAIN_WAIT: Duration = Duration::from_secs(900);

/// After this time every function knows that a tenant is disabled (it caches tenants for 60 s), and the posts that it was
/// accepting are in the queue.
const SETTLED: Duration = Duration::from_secs(70);

/// Older posts are in neither queue: both keep messages for 14 days.
const OLDEST_POST: Duration = Duration::from_secs(29 * 24 * 3600);

/// The longest recovery window of Secrets Manager.
const RECOVERY_DAYS: i64 = 30;

/// The intervals at which the ledger is read: the first, and the longest.
const FIRST_INTERVAL: Duration = Duration::from_millis(200);
const LONGEST_INTERVAL: Duration = Duration::from_secs(10);

/// What deleting still waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Draining {
    /// Posts that are being delivered, or wait for another attempt.
    pub(crate) posts: usize,
    /// The time until no function accepts posts.
    pub(crate) settling: Duration,
}

impl Draining {
    const fn is_over(self) -> bool {
        self.posts == 0 && self.settling.is_zero()
    }
}

/// The answer of `tenant delete`.
///
/// As JSON: `{"tenant","deleted":true,"posts_left","secrets_restorable_until"}`; the last only when there were secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct DeletedTenant {
    pub(crate) tenant: TenantId,
    pub(crate) deleted: bool,
    /// Undelivered posts: they become dead letters with the reason `tenant-deleted`.
    pub(crate) posts_left: usize,
    /// Deleted items of the credentials table.
    #[serde(skip)]
    pub(crate) credentials_deleted: usize,
    /// Until then, applying a file with the same tenant name restores the secrets without their values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secrets_restorable_until: Option<Timestamp>,
}

/// Deletes a tenant: switches it off, waits until its posts are delivered, cancels the rotation, deletes both secrets and
/// the credentials obtained with them, and deletes its item last, so that an interrupted run can be repeated.
///
/// Queued posts without an attempt are not in the ledger, and deleting does not wait for them; after `SETTLED` they exist
/// only when deliveries lag behind. `wait` is the longest time to wait for posts; zero does not wait.
///
/// # Errors
/// [`AdminError::StillDelivering`] when the time is over (only the switch took effect); [`AdminError::NoSuchTenant`],
/// [`AdminError::Conflict`], or when AWS refuses.
pub(crate) async fn delete(
    stack: &Stack,
    id: &TenantId,
    wait: Duration,
    mut progress: impl FnMut(Draining),
) -> Result<DeletedTenant, AdminError> {
    let before = read_managed(stack, id).await?;
    // ServiceNow may change the tenant until its keys and its set-up link are gone.
    let pointers = vec![
        "/enabled".to_owned(),
        "/keys".to_owned(),
        "/invitation".to_owned(),
    ];
    let closed = change(stack, &before, pointers, |after| {
        after.tenant.file.enabled = false;
        after.invitation = None;
        after
            .tenant
            .keys
            .retain(|key| !key.scopes.contains(&KeyScope::Settings));
    });
    let tenant = closed.await?.tenant;
    let left = drain(stack, &tenant, wait, &mut progress).await?;
    let names = [
        tenant_secrets_name(&stack.secret_prefix, id),
        token_secret_name(&stack.secret_prefix, id),
    ];
    secrets_manager::cancel_rotation(stack, &names[1]).await?;
    let mut restorable = None;
    for name in &names {
        let until = secrets_manager::delete(stack, name, RECOVERY_DAYS).await?;
        restorable = restorable.max(until);
    }
    // Another tenant of the same name must not use these credentials.
    let credentials_deleted = delete_credentials(stack, id).await?;
    remove(stack, &tenant).await?;
    Ok(DeletedTenant {
        credentials_deleted,
        tenant: id.clone(),
        deleted: true,
        posts_left: left.posts,
        secrets_restorable_until: restorable,
    })
}

/// Deletes a tenant's items of the credentials table and returns their number. The table has no index by tenant, so it is
/// scanned for keys that begin with the tenant's name.
async fn delete_credentials(stack: &Stack, id: &TenantId) -> Result<usize, AdminError> {
    let table = format!("table {}", stack.credentials_table);
    let keys = stack
        .dynamodb
        .scan()
        .table_name(&stack.credentials_table)
        .filter_expression("begins_with(credential, :tenant)")
        .expression_attribute_values(":tenant", AttributeValue::S(format!("{id}#")))
        .projection_expression("credential")
        .consistent_read(true)
        .into_paginator()
        .items()
        .send();
    let keys = keys.collect::<Result<Vec<_>, _>>().await;
    let keys = keys.map_err(|error| AdminError::aws("dynamodb:Scan", &table, &error))?;
    let count = keys.len();
    for key in keys {
        let request = stack.dynamodb.delete_item().set_key(Some(key));
        let deleted = request.table_name(&stack.credentials_table).send().await;
        deleted.map_err(|error| AdminError::aws("dynamodb:DeleteItem", &table, &error))?;
    }
    Ok(count)
}

async fn drain(
    stack: &Stack,
    tenant: &Tenant,
    wait: Duration,
    progress: &mut impl FnMut(Draining),
) -> Result<Draining, AdminError> {
    let id = &tenant.file.tenant;
    let began = tokio::time::Instant::now();
    let mut pause = FIRST_INTERVAL;
    loop {
        let now = stack.clock.now();
        let off_for = tenant
            .disabled_at
            .map_or(Duration::ZERO, |then| now.since(then));
        let left = Draining {
            posts: undelivered(stack, id, now).await?,
            settling: SETTLED.saturating_sub(off_for),
        };
        if left.is_over() || wait.is_zero() {
            return Ok(left);
        }
        progress(left);
        let remaining = wait.saturating_sub(began.elapsed());
        if remaining.is_zero() {
            return Err(AdminError::StillDelivering {
                tenant: id.clone(),
                posts: left.posts,
                waited: wait.as_secs(),
            });
        }
        tokio::time::sleep(pause.min(remaining)).await;
        pause = (pause * 2).min(LONGEST_INTERVAL);
    }
}

/// How many posts of a tenant are being delivered or wait. The index is eventually consistent.
async fn undelivered(stack: &Stack, id: &TenantId, now: Timestamp) -> Result<usize, AdminError> {
    let oldest = now.minus(OLDEST_POST).to_string();
    let pages = stack
        .dynamodb
        .query()
        .table_name(&stack.sessions_table)
        .index_name(BY_TENANT)
        .key_condition_expression("tenant = :tenant AND received_at >= :oldest")
        .filter_expression("#state IN (:waiting, :delivering)")
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":tenant", AttributeValue::S(id.to_string()))
        .expression_attribute_values(":oldest", AttributeValue::S(oldest))
        .expression_attribute_values(":waiting", state(PostState::Waiting))
        .expression_attribute_values(":delivering", state(PostState::Delivering))
        .select(Select::Count)
        .into_paginator()
        .send();
    let pages = pages.collect::<Result<Vec<_>, _>>().await;
    let table = format!("table {}", stack.sessions_table);
    let pages = pages.map_err(|error| AdminError::aws("dynamodb:Query", &table, &error))?;
    let counts = pages
        .iter()
        .map(|page| usize::try_from(page.count()).unwrap_or(0));
    Ok(counts.sum())
}

fn state(state: PostState) -> AttributeValue {
    AttributeValue::S(state.as_str().to_owned())
}

/// Deletes the tenant's item if its version is still the one that was read.
async fn remove(stack: &Stack, tenant: &Tenant) -> Result<(), AdminError> {
    let id = &tenant.file.tenant;
    let answer = stack
        .dynamodb
        .delete_item()
        .table_name(&stack.tenants_table)
        .key("tenant", AttributeValue::S(id.to_string()))
        // The SDK may send the request twice; the second one finds no item.
        .condition_expression("attribute_not_exists(tenant) OR #version = :read")
        .expression_attribute_names("#version", "version")
        .expression_attribute_values(":read", AttributeValue::N(tenant.version.to_string()))
        .send()
        .await;
    match answer {
        Ok(_) => Ok(()),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
        {
            Err(AdminError::Conflict(id.clone()))
        }
        Err(error) => Err(AdminError::aws(
            "dynamodb:DeleteItem",
            &resource(stack),
            &error,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> TenantId {
        TenantId::parse(text).expect("valid")
    }

    #[test]
    fn a_mistyped_name_leads_to_the_nearest_ones() {
        let names = ["acme", "acme-test", "globex", "initech"];
        let near = |missing: &str| most_similar(names.into_iter().map(id), &id(missing));
        assert_eq!(near("amce"), [id("acme")]);
        assert_eq!(near("acme-tset"), [id("acme-test"), id("acme")]);
        assert_eq!(near("globx"), [id("globex")]);
        assert_eq!(near("zz"), []);
    }

    #[test]
    fn draining_is_over_when_no_post_waits_and_none_is_accepted() {
        let draining = |posts, seconds| Draining {
            posts,
            settling: Duration::from_secs(seconds),
        };
        assert!(draining(0, 0).is_over());
        assert!(!draining(1, 0).is_over());
        assert!(!draining(0, 1).is_over());
    }
}
