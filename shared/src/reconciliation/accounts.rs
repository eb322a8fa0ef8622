//! Which tenants have the same Rescue account: host and company id.
//!
//! An item for each account names its tenants. It is written before a tenant is, and by the schedule of
//! `reconcile-sessions`, so it may name tenants that have left the account: each is read before it counts.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::aws::credentials::CredentialsTable;
use crate::aws::storage_error::StorageError;
use crate::aws::tenants::{ManagedTenants, ReadTenantError};
use crate::domain::tenant::{Reconcile, Rescue, TenantFile, TenantId};
use crate::rescue::host::Host;

/// Tells which tenants have the same Rescue account.
#[derive(Clone, Debug)]
pub struct RescueAccounts {
    credentials: Arc<CredentialsTable>,
    tenants: ManagedTenants,
    allow_loopback: bool,
}

/// Why it is not known which tenants have an account.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each names what failed")]
pub enum AccountsError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Tenant(#[from] ReadTenantError),
}

impl RescueAccounts {
    /// The accounts that the credentials table knows. `allow_loopback`: `ALLOW_LOOPBACK=1`, only for tests.
    pub const fn new(
        credentials: Arc<CredentialsTable>,
        tenants: ManagedTenants,
        allow_loopback: bool,
    ) -> Self {
        Self {
            credentials,
            tenants,
            allow_loopback,
        }
    }

    /// The key of a tenant's account; `None` while its company is not known.
    pub fn key(&self, rescue: &Rescue) -> Option<String> {
        let host = Host::of(rescue, self.allow_loopback).ok()?;
        let (host, company_id) = (host.as_str(), &rescue.company_id);
        // No tenant has such a name, so no tenant's deletion deletes it.
        (!company_id.is_empty()).then(|| format!("#account#{host}#{company_id}"))
    }

    /// Notes that a tenant has the account of that key. Returns every tenant that was noted for it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn note(
        &self,
        key: &str,
        tenant: &TenantId,
    ) -> Result<BTreeSet<TenantId>, StorageError> {
        let members = self.credentials.add_to_set(key, tenant.as_str()).await?;
        Ok(members
            .iter()
            .filter_map(|id| TenantId::parse(id))
            .collect())
    }

    /// Those of the named tenants that have the same account as this one.
    ///
    /// # Errors
    /// When a tenant cannot be read.
    pub async fn sharing(
        &self,
        file: &TenantFile,
        named: impl IntoIterator<Item = &TenantId>,
    ) -> Result<Vec<TenantFile>, ReadTenantError> {
        let key = self.key(&file.rescue);
        let mut sharing = Vec::new();
        for id in named {
            if *id == file.tenant || key.is_none() {
                continue;
            }
            let other = self.tenants.read(id).await?;
            let other = other.map(|other| other.tenant.file);
            sharing.extend(other.filter(|other| self.key(&other.rescue) == key));
        }
        Ok(sharing)
    }

    /// Notes the account of a tenant that is about to be written. Returns another tenant of the same account where these
    /// settings need [`Rescue::report_nodes`] because of it.
    ///
    /// # Errors
    /// As [`AccountsError`] says.
    pub async fn conflict(&self, file: &TenantFile) -> Result<Option<TenantId>, AccountsError> {
        let Some(key) = self.key(&file.rescue) else {
            return Ok(None);
        };
        let members = self.note(&key, &file.tenant).await?;
        if file.rescue.reconcile == Reconcile::Off || !file.rescue.report_nodes.is_empty() {
            return Ok(None);
        }
        // An account may have a thousand tenants, and one of them is enough.
        for member in &members {
            if let Some(other) = self.sharing(file, [member]).await?.pop() {
                return Ok(Some(other.tenant));
            }
        }
        Ok(None)
    }
}
