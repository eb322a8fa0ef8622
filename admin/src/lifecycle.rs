//! The tenants of a deployment: which there are, switching them off and on, and their end.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use serde::Serialize;
use shared::aws::ledger::{BY_TENANT, PostState};
use shared::aws::secret_store::{tenant_secrets_name, token_secret_name};
use shared::aws::tenants::Tenant;
use shared::domain::clock::Timestamp;
use shared::domain::tenant::{Grant, Publish, TenantFile, TenantId};

use crate::error::AdminError;
use crate::stack::Stack;
use crate::tenant::table::{read_existing, resource, write};
use crate::vault;

/// One tenant of [`list`].
///
/// As JSON: `{"tenant","enabled","instance","grant","publish","version","disabled_at"}`; `disabled_at` only while it is
/// switched off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The tenant.
    pub tenant: TenantId,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Its ServiceNow instance.
    pub instance: String,
    /// How access tokens are obtained.
    pub grant: Grant,
    /// What of its sessions is written.
    pub publish: Publish,
    /// Counts the changes.
    pub version: u64,
    /// When it was switched off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
}

impl From<Tenant> for Listed {
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

/// Every tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tenants {
    /// Sorted by name.
    pub listed: Vec<Listed>,
    /// The names of those whose items this version cannot read.
    pub unreadable: Vec<String>,
}

/// Every tenant of the deployment, sorted by name.
///
/// # Errors
/// When the table cannot be read.
pub async fn list(stack: &Stack) -> Result<Tenants, AdminError> {
    let mut tenants = Tenants::default();
    let mut from = None;
    loop {
        let answer = stack
            .dynamodb
            .scan()
            .table_name(&stack.tenants_table)
            .consistent_read(true)
            .set_exclusive_start_key(from)
            .send()
            .await;
        let answer =
            answer.map_err(|error| AdminError::aws("dynamodb:Scan", &resource(stack), &error))?;
        for item in answer.items() {
            match Tenant::from_item(item) {
                Some(tenant) => tenants.listed.push(tenant.into()),
                None => {
                    let name = item.get("tenant").and_then(|name| name.as_s().ok());
                    tenants.unreadable.extend(name.cloned());
                }
            }
        }
        from = answer.last_evaluated_key;
        if from.is_none() {
            break;
        }
    }
    tenants.listed.sort_by(|a, b| a.tenant.cmp(&b.tenant));
    tenants.unreadable.sort();
    Ok(tenants)
}

/// The tenants whose names look most like one that does not exist, the likeliest first; three at most.
///
/// # Errors
/// When the table cannot be read.
pub async fn similar_names(stack: &Stack, missing: &TenantId) -> Result<Vec<TenantId>, AdminError> {
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

/// What `tenant disable` and `tenant enable` answer.
///
/// As JSON: `{"tenant","enabled","version","disabled_at"}`; `disabled_at` only when it is switched off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Switched {
    /// The tenant.
    pub tenant: TenantId,
    /// Whether it is switched on now.
    pub enabled: bool,
    /// Counts the changes.
    pub version: u64,
    /// When it was switched off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
    /// Whether it was not so before.
    #[serde(skip)]
    pub changed: bool,
}

/// Switches a tenant on or off; every function knows within 60 s. One that is so already is left alone.
///
/// # Errors
/// [`AdminError::NoSuchTenant`]; [`AdminError::Conflict`] when somebody else changed the tenant in the meantime;
/// otherwise when AWS refuses.
pub async fn switch(stack: &Stack, id: &TenantId, enabled: bool) -> Result<Switched, AdminError> {
    let before = read_existing(stack, id).await?;
    let (after, changed) = switched(stack, before, enabled).await?;
    Ok(Switched {
        tenant: id.clone(),
        enabled,
        version: after.version,
        disabled_at: after.disabled_at,
        changed,
    })
}

async fn switched(
    stack: &Stack,
    before: Tenant,
    enabled: bool,
) -> Result<(Tenant, bool), AdminError> {
    if before.file.enabled == enabled {
        return Ok((before, false));
    }
    let after = Tenant {
        file: TenantFile {
            enabled,
            ..before.file.clone()
        },
        version: before.version + 1,
        keys: before.keys.clone(),
        disabled_at: (!enabled).then(|| stack.clock.now()),
    };
    write(stack, Some(&before), &after).await?;
    Ok((after, true))
}

/// The settings of a tenant, for a file that changes nothing when it is applied.
///
/// # Errors
/// [`AdminError::NoSuchTenant`]; otherwise when AWS refuses.
pub async fn export(stack: &Stack, id: &TenantId) -> Result<TenantFile, AdminError> {
    Ok(read_existing(stack, id).await?.file)
}

/// How long deleting waits for the posts of a tenant, unless it is told otherwise.
pub const DRAIN_WAIT: Duration = Duration::from_secs(900);

/// Every function knows after this that a tenant is switched off: it remembers tenants for 60 s, and what it was about
/// to accept then is in the queue.
const SETTLED: Duration = Duration::from_secs(70);

/// A post that was accepted before then is neither in the queue nor in the dead-letter queue any more: both keep
/// messages for 14 days.
const OLDEST_POST: Duration = Duration::from_secs(29 * 24 * 3600);

/// The longest recovery window that Secrets Manager has.
const RECOVERY_DAYS: i64 = 30;

/// How often the ledger is looked at: at once, then less and less often.
const FIRST_LOOK: Duration = Duration::from_millis(200);
const LAST_LOOKS: Duration = Duration::from_secs(10);

/// What deleting waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Draining {
    /// Posts that are being delivered, or wait for another attempt.
    pub posts: usize,
    /// How long until no function accepts posts any more.
    pub settling: Duration,
}

impl Draining {
    const fn is_over(self) -> bool {
        self.posts == 0 && self.settling.is_zero()
    }
}

/// What `tenant delete` answers.
///
/// As JSON: `{"tenant","deleted":true,"posts_left","secrets_restorable_until"}`; the last only when there were secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deleted {
    /// The tenant.
    pub tenant: TenantId,
    /// Always true.
    pub deleted: bool,
    /// Posts that were not waited for: they become dead letters with the reason `tenant-deleted`.
    pub posts_left: usize,
    /// Entries of the credentials table that were deleted: access tokens, sign-ins, a kept refresh token, leases, PINs.
    #[serde(skip)]
    pub credentials_deleted: usize,
    /// Secrets Manager keeps the secrets until then; applying a file of that name restores them, emptied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets_restorable_until: Option<Timestamp>,
}

/// Deletes a tenant: switches it off, waits until its posts are delivered, ends the rotation, removes both secrets and
/// what was obtained with them, and removes its item last, so that an interrupted run can be repeated.
///
/// Posts that are queued and were never tried are in no ledger and cannot be waited for; after `SETTLED` there are
/// some only when deliveries are behind. `wait` is how long posts are waited for; zero does not wait at all.
///
/// # Errors
/// [`AdminError::StillDelivering`] when that was too short (the tenant is switched off then, and nothing else was
/// done); [`AdminError::NoSuchTenant`], [`AdminError::Conflict`], or when AWS refuses.
pub async fn delete(
    stack: &Stack,
    id: &TenantId,
    wait: Duration,
    mut progress: impl FnMut(Draining),
) -> Result<Deleted, AdminError> {
    let before = read_existing(stack, id).await?;
    let (tenant, _) = switched(stack, before, false).await?;
    let left = drain(stack, &tenant, wait, &mut progress).await?;
    let names = [
        tenant_secrets_name(&stack.secret_prefix, id),
        token_secret_name(&stack.secret_prefix, id),
    ];
    vault::cancel_rotation(stack, &names[1]).await?;
    let mut restorable = None;
    for name in &names {
        let until = vault::delete(stack, name, RECOVERY_DAYS).await?;
        restorable = restorable.max(until);
    }
    // What was obtained with them must not serve another tenant that takes the name.
    stack.credentials().forget_access_token(id).await?;
    let credentials_deleted = forget(stack, id).await?;
    remove(stack, &tenant).await?;
    Ok(Deleted {
        credentials_deleted,
        tenant: id.clone(),
        deleted: true,
        posts_left: left.posts,
        secrets_restorable_until: restorable,
    })
}

/// Deletes all that the credentials table holds of a tenant: its keys begin with the tenant's name. How many there were.
/// The table has no index by tenant, because no request needs one, so all of it is read.
async fn forget(stack: &Stack, id: &TenantId) -> Result<usize, AdminError> {
    let table = format!("table {}", stack.credentials_table);
    let (mut deleted, mut from) = (0, None);
    loop {
        let answer = stack
            .dynamodb
            .scan()
            .table_name(&stack.credentials_table)
            .filter_expression("begins_with(credential, :tenant)")
            .expression_attribute_values(":tenant", AttributeValue::S(format!("{id}#")))
            .projection_expression("credential")
            .consistent_read(true)
            .set_exclusive_start_key(from)
            .send()
            .await;
        let answer = answer.map_err(|error| AdminError::aws("dynamodb:Scan", &table, &error))?;
        for key in answer.items() {
            stack
                .dynamodb
                .delete_item()
                .table_name(&stack.credentials_table)
                .set_key(Some(key.clone()))
                .send()
                .await
                .map_err(|error| AdminError::aws("dynamodb:DeleteItem", &table, &error))?;
            deleted += 1;
        }
        from = answer.last_evaluated_key;
        if from.is_none() {
            return Ok(deleted);
        }
    }
}

async fn drain(
    stack: &Stack,
    tenant: &Tenant,
    wait: Duration,
    progress: &mut impl FnMut(Draining),
) -> Result<Draining, AdminError> {
    let id = &tenant.file.tenant;
    let began = tokio::time::Instant::now();
    let mut pause = FIRST_LOOK;
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
        let patience = wait.saturating_sub(began.elapsed());
        if patience.is_zero() {
            return Err(AdminError::StillDelivering {
                tenant: id.clone(),
                posts: left.posts,
                waited: wait.as_secs(),
            });
        }
        tokio::time::sleep(pause.min(patience)).await;
        pause = (pause * 2).min(LAST_LOOKS);
    }
}

/// How many posts of a tenant are being delivered or wait. The index may be a moment behind.
async fn undelivered(stack: &Stack, id: &TenantId, now: Timestamp) -> Result<usize, AdminError> {
    let (mut posts, mut from) = (0, None);
    loop {
        let answer = stack
            .dynamodb
            .query()
            .table_name(&stack.sessions_table)
            .index_name(BY_TENANT)
            .key_condition_expression("tenant = :tenant AND received_at >= :oldest")
            .filter_expression("#state IN (:waiting, :delivering)")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":tenant", AttributeValue::S(id.to_string()))
            .expression_attribute_values(
                ":oldest",
                AttributeValue::S(now.minus(OLDEST_POST).to_string()),
            )
            .expression_attribute_values(":waiting", state(PostState::Waiting))
            .expression_attribute_values(":delivering", state(PostState::Delivering))
            .select(Select::Count)
            .set_exclusive_start_key(from)
            .send()
            .await;
        let answer = answer.map_err(|error| {
            let table = format!("table {}", stack.sessions_table);
            AdminError::aws("dynamodb:Query", &table, &error)
        })?;
        posts += usize::try_from(answer.count()).unwrap_or(0);
        from = answer.last_evaluated_key;
        if from.is_none() {
            return Ok(posts);
        }
    }
}

fn state(state: PostState) -> AttributeValue {
    AttributeValue::S(state.as_str().to_owned())
}

/// Removes the tenant's item, provided that it is still the one that was read.
async fn remove(stack: &Stack, tenant: &Tenant) -> Result<(), AdminError> {
    let id = &tenant.file.tenant;
    let answer = stack
        .dynamodb
        .delete_item()
        .table_name(&stack.tenants_table)
        .key("tenant", AttributeValue::S(id.to_string()))
        // The SDK may send this twice; the second time finds nothing.
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
    fn draining_is_over_when_nothing_is_left_and_nothing_more_is_accepted() {
        let draining = |posts, seconds| Draining {
            posts,
            settling: Duration::from_secs(seconds),
        };
        assert!(draining(0, 0).is_over());
        assert!(!draining(1, 0).is_over());
        assert!(!draining(0, 1).is_over());
    }
}
