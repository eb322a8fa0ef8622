//! How far a tenant's sessions have been compared with Rescue's report.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reports::ReportRun;
use crate::aws::credentials::CredentialsTable;
use crate::aws::storage_error::StorageError;
use crate::domain::clock::Timestamp;
use crate::domain::tenant::TenantId;

/// Outlives a tenant whose reconciliation is switched off for a year.
const PROGRESS_KEPT: Duration = Duration::from_secs(400 * 24 * 3600);

/// The key of a tenant's progress in the credentials table.
pub fn reconciled_key(tenant: &TenantId) -> String {
    format!("{tenant}#reconciled")
}

/// The key of the lease for comparing a tenant's sessions.
pub fn reconcile_lease_key(tenant: &TenantId) -> String {
    format!("{tenant}#lease#reconcile")
}

/// How far a tenant's sessions have been compared. Written by the holder of [`reconcile_lease_key`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReconcileProgress {
    /// The sessions that ended before have been compared.
    pub compared_until: Option<Timestamp>,
    /// The reports that are still to be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<ReconcileRun>,
    /// The last run that has ended, with or without success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<EndedRun>,
    /// Why the last run came to nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<ReconcileFailure>,
}

/// A run that needs several reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileRun {
    /// What is still to be read of a part of the period.
    pub reports: ReportRun,
    /// The end of the period.
    pub until: Timestamp,
    /// The version of the tenant with which the run began. After a change of the settings it begins again.
    pub tenant_version: u64,
    /// When the schedule asked for the run. A message of another schedule does not continue it.
    pub scheduled_at: Timestamp,
    /// When a report was read last, or it became known what to ask for instead.
    pub stepped_at: Timestamp,
}

/// A run that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedRun {
    /// When the schedule asked for it. No message of that schedule or an earlier one begins another run.
    pub scheduled_at: Timestamp,
    /// When it ended.
    pub at: Timestamp,
}

/// Why a run came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileFailure {
    /// When.
    pub at: Timestamp,
    /// A sentence for the operator, without secrets.
    pub reason: String,
}

impl ReconcileProgress {
    /// The tenant's progress.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn read(table: &CredentialsTable, tenant: &TenantId) -> Result<Self, StorageError> {
        table.value(&reconciled_key(tenant)).await
    }

    /// Stores it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn store(
        &self,
        table: &CredentialsTable,
        tenant: &TenantId,
    ) -> Result<(), StorageError> {
        let key = reconciled_key(tenant);
        table.put_value(key, PROGRESS_KEPT, self).await
    }
}
