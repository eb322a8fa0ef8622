//! What the checks share: the tenant, the clients, and answers that several checks need.

use std::sync::Arc;
use std::time::Duration;

use shared::aws::credentials::CredentialsTable;
use shared::aws::secret_store::SecretStore;
use shared::aws::tenants::Tenant;
use shared::domain::clock::Timestamp;
use shared::domain::tenant::TenantId;
use shared::domain::time_budget::TimeBudget;
use shared::rescue::api::RescueClient;
use shared::rescue::authcodes::Authcodes;
use shared::servicenow::client::ServiceNowClient;
use shared::token::access::AccessTokens;
use tokio::sync::OnceCell;

use super::finding::Finding;
use super::posts::Posts;
use super::probe::Probe;
use super::report::Options;
use crate::error::AdminError;
use crate::records;
use crate::stack::Stack;
use crate::token::TokenStatus;

/// No call starts later than this after the beginning.
const CALLS: Duration = Duration::from_secs(17);

/// The context of all checks. A cell holds an answer that several checks need.
pub(crate) struct Doctor<'a> {
    pub(super) stack: &'a Stack,
    pub(super) options: &'a Options,
    pub(super) tenant: Tenant,
    pub(super) http: reqwest::Client,
    pub(super) secret_store: Arc<SecretStore>,
    pub(super) credentials: Arc<CredentialsTable>,
    pub(super) access: Arc<AccessTokens>,
    pub(super) authcodes: Authcodes,
    pub(super) rescue: RescueClient,
    pub(super) servicenow: ServiceNowClient,
    pub(super) deadline: Timestamp,
    pub(super) reached: OnceCell<Result<Probe, Finding>>,
    pub(super) incident: OnceCell<Result<Probe, Finding>>,
    pub(super) case: OnceCell<Result<Probe, Finding>>,
    pub(super) token_status: OnceCell<Result<TokenStatus, Finding>>,
    pub(super) posts: OnceCell<Result<Posts, Finding>>,
}

impl<'a> Doctor<'a> {
    pub(super) fn new(
        stack: &'a Stack,
        tenant: Tenant,
        options: &'a Options,
    ) -> Result<Self, AdminError> {
        let vendors = records::vendors(stack, &options.testing)?;
        let (access, rescue) = (vendors.access_tokens(), vendors.rescue());
        Ok(Self {
            stack,
            options,
            tenant,
            authcodes: vendors.authcodes(&rescue),
            rescue,
            servicenow: vendors.servicenow(&access),
            http: vendors.http,
            secret_store: vendors.secret_store,
            credentials: vendors.credentials,
            access,
            deadline: stack.clock.now().plus(CALLS),
            reached: OnceCell::new(),
            incident: OnceCell::new(),
            case: OnceCell::new(),
            token_status: OnceCell::new(),
            posts: OnceCell::new(),
        })
    }

    pub(super) fn budget(&self) -> TimeBudget {
        TimeBudget::until(self.stack.clock.clone(), self.deadline)
    }

    pub(super) fn id(&self) -> &TenantId {
        &self.tenant.file.tenant
    }

    pub(super) fn now(&self) -> Timestamp {
        self.stack.clock.now()
    }
}
