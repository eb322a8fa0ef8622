//! What the checks of a tenant share: the tenant, the clients, and answers that several checks need.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use super::finding::Finding;
use super::probe::Probe;
use super::reader::Reader;
use super::runner::NamedCheck;
use crate::aws::credentials::{CredentialsTable, TenantPause};
use crate::aws::queue::Queues;
use crate::aws::secret_store::{SecretStore, TenantSecrets, TokenSecret};
use crate::aws::tenants::{ManagedTenant, Reconciliation, Tenant};
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::tenant::{TenantFile, TenantId};
use crate::domain::time_budget::TimeBudget;
use crate::environment::Testing;
use crate::rescue::api::RescueClient;
use crate::rescue::authcodes::Authcodes;
use crate::servicenow::client::ServiceNowClient;
use crate::token::access::AccessTokens;
use crate::wiring::VendorWiring;

/// What is checked beside the tenant.
#[derive(Clone, Debug, Default)]
pub struct Technicians {
    /// The technician to sign in to Rescue, and to look up in ServiceNow.
    pub signed_in: Option<String>,
    /// The e-mail addresses of technicians to look up in ServiceNow.
    pub listed: Option<Vec<String>>,
}

/// The context of all checks. A cell holds an answer that several checks need.
///
/// It is made for one run. Its access tokens and authcodes are read anew, so that a check sees what every other process
/// sees.
#[derive(Debug)]
pub struct Examination {
    /// The tenant.
    pub tenant: Tenant,
    /// Whom remedies are for.
    pub reader: Reader,
    /// Calls ServiceNow as deliveries do.
    pub servicenow: ServiceNowClient,
    /// Since when its sessions are compared with Rescue's report.
    pub(super) reconciliation: Reconciliation,
    pub(super) named: Technicians,
    pub(super) http: reqwest::Client,
    pub(super) secret_store: Arc<SecretStore>,
    pub(super) credentials: Arc<CredentialsTable>,
    pub(super) access: Arc<AccessTokens>,
    /// Has the posts that wait for a re-authorisation.
    pub(super) queues: Queues,
    pub(super) authcodes: Authcodes,
    pub(super) rescue: RescueClient,
    pub(super) clock: Clock,
    pub(super) testing: Testing,
    pub(super) deadline: Timestamp,
    pub(super) reached: OnceCell<Result<Probe, Finding>>,
    pub(super) authorized: OnceCell<Result<(), Finding>>,
    pub(super) incident: OnceCell<Result<Probe, Finding>>,
    pub(super) case: OnceCell<Result<Probe, Finding>>,
    pub(super) secrets_read: OnceCell<Result<Arc<TenantSecrets>, Finding>>,
    pub(super) token_read: OnceCell<Result<TokenSecret, Finding>>,
    pub(super) pause_read: OnceCell<Result<TenantPause, Finding>>,
}

impl Examination {
    /// Calls to Rescue and ServiceNow end within `calls`.
    pub fn new(
        vendors: VendorWiring,
        queues: Queues,
        tenant: ManagedTenant,
        reader: Reader,
        named: Technicians,
        calls: Duration,
    ) -> Self {
        let (access, rescue) = (vendors.access_tokens(), vendors.rescue());
        Self {
            tenant: tenant.tenant,
            reconciliation: tenant.reconciliation,
            reader,
            named,
            authcodes: vendors.authcodes(&rescue),
            rescue,
            servicenow: vendors.servicenow(&access),
            deadline: vendors.clock.now().plus(calls),
            http: vendors.http,
            secret_store: vendors.secret_store,
            credentials: vendors.credentials,
            access,
            queues,
            clock: vendors.clock,
            testing: vendors.testing,
            reached: OnceCell::new(),
            authorized: OnceCell::new(),
            incident: OnceCell::new(),
            case: OnceCell::new(),
            secrets_read: OnceCell::new(),
            token_read: OnceCell::new(),
            pause_read: OnceCell::new(),
        }
    }

    /// The checks that need neither an operator's rights nor the stack, in the order of a report.
    // Inlined: what they await is then compiled once, beside the other calls of the program (decision 0008).
    #[inline]
    pub fn checks(&self) -> Vec<NamedCheck<'_>> {
        vec![
            ("configuration", Box::pin(self.configuration())),
            ("tenant-enabled", Box::pin(async { self.tenant_enabled() })),
            ("keys", Box::pin(async { self.keys() })),
            ("secrets", Box::pin(self.secrets())),
            ("rescue-host", Box::pin(self.rescue_host())),
            ("rescue-sign-in", Box::pin(self.rescue_sign_in())),
            ("rescue-api-token", Box::pin(self.rescue_api_token())),
            ("missed-sessions", Box::pin(self.missed_sessions())),
            ("servicenow-reachable", Box::pin(self.reachable())),
            ("servicenow-access", Box::pin(self.servicenow_access())),
            ("servicenow-user", Box::pin(self.servicenow_user())),
            ("read-incident", Box::pin(self.read_incident())),
            ("read-case", Box::pin(self.read_case())),
            ("read-tables", Box::pin(self.read_tables())),
            ("session-table", Box::pin(self.session_table())),
            ("read-user", Box::pin(self.read_user())),
            ("read-work-notes", Box::pin(self.read_work_notes())),
            ("read-attachments", Box::pin(self.read_attachments())),
            ("email", Box::pin(self.email())),
            ("case-plugin", Box::pin(self.case_plugin())),
            ("rate-limit", Box::pin(self.rate_limit())),
            ("refresh-token", Box::pin(self.refresh_token())),
            ("paused", Box::pin(self.paused())),
            ("technicians", Box::pin(self.technicians())),
        ]
    }

    /// Whether an access token is being obtained now, which must not be interrupted
    /// ([`AccessTokens::is_obtaining`]).
    pub fn is_obtaining(&self) -> bool {
        self.access.is_obtaining()
    }

    /// The time until which Rescue and ServiceNow may be called.
    pub fn budget(&self) -> TimeBudget {
        TimeBudget::until(self.clock.clone(), self.deadline)
    }

    /// The tenant's settings.
    pub fn file(&self) -> &TenantFile {
        &self.tenant.file
    }

    /// The tenant.
    pub fn id(&self) -> &TenantId {
        &self.tenant.file.tenant
    }

    /// The time, which tests shift.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
