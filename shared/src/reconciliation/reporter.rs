//! Takes a tenant's next report from Rescue: signs in, holds the lease of the report's user, and asks.

use std::time::Duration;

use super::reports::{ReportAnswer, ReportRun};
use crate::aws::credentials::{CredentialsTable, report_lease_key};
use crate::aws::secret_store::{SecretStore, SecretStoreError};
use crate::aws::storage_error::StorageError;
use crate::domain::tenant::TenantFile;
use crate::domain::time_budget::TimeBudget;
use crate::rescue::api::{RescueClient, RescueError, RescueRefusal};
use crate::rescue::authcodes::{Authcodes, RescueCredential, SignInError};
use crate::rescue::host::HostError;
use crate::rescue::report::{BETWEEN_REPORTS, Hierarchy, ReportClient, ReportError, ReportFailure};

/// How long all calls for one report may take.
pub const ONE_REPORT: Duration = Duration::from_secs(150);

/// How long no other report is made for the user after one. A caller that waits for [`BETWEEN_REPORTS`] finds the lease ended.
const KEPT_AFTER: Duration = Duration::from_secs(65);

/// The API token's user in the lease of a report.
const API_TOKEN: &str = "the api token";

/// Why there is no report. Displayed as sentences for the operator, without secrets and without a person's name.
#[derive(Debug, thiserror::Error)]
pub enum NoReport {
    /// Another report of the same user of Rescue is being made.
    #[error("Another report is being made for the same user of Rescue.")]
    Busy,
    /// Rescue makes a report for a user, and none is known.
    #[error(
        "Reports need the secret rescue-api-token, or a technician in rescue.report_technician."
    )]
    NoUser,
    /// The tenant's `base_url` may not be called.
    #[error("rescue.base_url {0}.")]
    Host(#[from] HostError),
    /// The technician cannot be signed in.
    #[error("rescue.report_technician cannot be signed in to Rescue: {0}.")]
    SignIn(#[from] SignInError),
    /// The tenant's `report_nodes` are not in Rescue's organisation.
    #[error(
        "Rescue's organisation has no node {}; the ids of technicians, technician groups and channels are known.",
        .0.join(", ")
    )]
    UnknownNodes(Vec<String>),
    /// Rescue made no report.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The reports show no session of a time in which Rescue posted some, and nothing smaller is left to ask for.
    #[error(
        "Rescue's report shows no session of a time in which Rescue posted some: its user has to have a role that may make \
         reports of all technicians, and rescue.report_nodes has to name all of the tenant's."
    )]
    ShowsNone,
    /// The tenant's secrets cannot be read.
    #[error("{0}.")]
    Secrets(#[from] SecretStoreError),
    /// The lease cannot be written.
    #[error("{0}.")]
    Storage(#[from] StorageError),
}

impl NoReport {
    /// Whether the same call may succeed later, without a person doing something about it.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Busy | Self::Storage(_) | Self::Secrets(_) => true,
            Self::SignIn(SignInError::Storage(_) | SignInError::Busy) => true,
            Self::SignIn(SignInError::Rescue(error)) => matches!(
                error,
                RescueError::Unavailable(_)
                    | RescueError::Page(_)
                    | RescueError::Refused(RescueRefusal::Error | RescueRefusal::PollRateExceeded)
            ),
            Self::Report(error) => matches!(
                error.failure,
                ReportFailure::Unavailable(_)
                    | ReportFailure::Page(_)
                    | ReportFailure::Unreadable(_)
                    | ReportFailure::TooSoon { .. }
                    | ReportFailure::Refused(RescueRefusal::Error)
            ),
            Self::SignIn(SignInError::NotSet(_))
            | Self::NoUser
            | Self::Host(_)
            | Self::UnknownNodes(_)
            | Self::ShowsNone => false,
        }
    }
}

/// What reports are asked with.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Reporter<'a> {
    pub rescue: &'a RescueClient,
    pub authcodes: &'a Authcodes,
    pub secret_store: &'a SecretStore,
    pub credentials: &'a CredentialsTable,
}

impl Reporter<'_> {
    /// Takes the next report of a run, with the organisation where the tenant names nodes of it. The run may change although
    /// no report was made: it says what to ask next. The next report of the user can be taken after [`BETWEEN_REPORTS`].
    ///
    /// # Errors
    /// As [`NoReport`] says.
    pub async fn take(
        &self,
        tenant: &TenantFile,
        run: &mut ReportRun,
        budget: &TimeBudget,
    ) -> Result<(ReportAnswer, Option<Hierarchy>), NoReport> {
        let user = self.user(tenant).await?;
        let host = self.rescue.host(tenant)?;
        // The letter case of an SSO id may not count in Rescue: then these are reports of one user.
        let user = user.to_lowercase();
        let lease = report_lease_key(host.as_str(), &tenant.rescue.company_id, &user);
        let owner = uuid::Uuid::new_v4().simple().to_string();
        let length = ONE_REPORT + BETWEEN_REPORTS;
        if !self.credentials.take_lease(&lease, &owner, length).await? {
            return Err(NoReport::Busy);
        }
        let asked = self.ask(tenant, run, &budget.at_most(ONE_REPORT)).await;
        let rest = self.credentials.take_lease(&lease, &owner, KEPT_AFTER);
        if let Err(error) = rest.await {
            tracing::debug!(%error, "the lease of the report ends later");
        }
        asked
    }

    /// The user of Rescue whose report is taken.
    async fn user<'t>(&self, tenant: &'t TenantFile) -> Result<&'t str, NoReport> {
        let secrets = self.secret_store.tenant_secrets(&tenant.tenant).await?;
        match tenant.rescue.report_technician.as_str() {
            _ if secrets.rescue_api_token.is_some() => Ok(API_TOKEN),
            "" => Err(NoReport::NoUser),
            technician => Ok(technician),
        }
    }

    /// The API token, else the authcode of the technician; never the one that Rescue has `refused`.
    async fn credential(
        &self,
        tenant: &TenantFile,
        refused: Option<&RescueCredential>,
        budget: &TimeBudget,
    ) -> Result<RescueCredential, NoReport> {
        // No sign-in without a name is sent to Rescue.
        self.user(tenant).await?;
        let technician = tenant.rescue.report_technician.as_str();
        let refused = refused.map(RescueCredential::secret);
        let signed_in = self.authcodes.get(tenant, technician, refused, budget);
        Ok(signed_in.await?)
    }

    /// Asks with the credential, and once more with another one where it has ended. The lease is held from before the
    /// sign-in: a sign-in ends the authcode that another tenant's report of the same technician is asked with.
    async fn ask(
        &self,
        tenant: &TenantFile,
        run: &mut ReportRun,
        budget: &TimeBudget,
    ) -> Result<(ReportAnswer, Option<Hierarchy>), NoReport> {
        let credential = self.credential(tenant, None, budget).await?;
        match self.ask_with(tenant, &credential, run, budget).await {
            Err(NoReport::Report(error)) if error.is_about_the_credential() => {
                let another = self.credential(tenant, Some(&credential), budget).await?;
                self.ask_with(tenant, &another, run, budget).await
            }
            asked => asked,
        }
    }

    async fn ask_with(
        &self,
        tenant: &TenantFile,
        credential: &RescueCredential,
        run: &mut ReportRun,
        budget: &TimeBudget,
    ) -> Result<(ReportAnswer, Option<Hierarchy>), NoReport> {
        let client = ReportClient::new(self.rescue, tenant, credential, budget);
        let nodes = &tenant.rescue.report_nodes;
        let hierarchy = if nodes.is_empty() {
            None
        } else {
            let hierarchy = client.hierarchy().await?;
            let unknown = hierarchy.unknown(nodes);
            if !unknown.is_empty() {
                let unknown = unknown.into_iter().map(str::to_owned).collect();
                return Err(NoReport::UnknownNodes(unknown));
            }
            Some(hierarchy)
        };
        Ok((run.step(&client, nodes).await?, hierarchy))
    }
}
