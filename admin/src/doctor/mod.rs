//! Checks everything a tenant needs, and says what to do about each fault (`rescue-connector doctor`).
//!
//! Nothing is changed, but for what the connector does itself: a grant or a sign-in that is missing is obtained and
//! shared by its rules (docs/architecture.md#rule-5), and `--write-to` writes one note. Checks run at once, each on its own; what they
//! have in common is asked once.

mod deployment;
mod finding;
mod posts;
mod probe;
mod rescue;
mod servicenow;
pub mod technicians;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use serde::Serialize;
use shared::aws::credentials::CredentialsTable;
use shared::aws::secret_store::SecretStore;
use shared::aws::tenants::Tenant;
use shared::domain::clock::Timestamp;
use shared::domain::record::RecordNumber;
use shared::domain::secret::Secret;
use shared::domain::tenant::TenantId;
use shared::environment::Testing;
use shared::rescue::api::RescueClient;
use shared::rescue::authcodes::Authcodes;
use shared::servicenow::client::ServiceNowClient;
use shared::token::access::AccessTokens;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use self::finding::Finding;
use self::posts::Posts;
use self::probe::Probe;
use crate::error::AdminError;
use crate::stack::Stack;
use crate::{records, tenant, token};

/// No call starts later than this after the beginning.
const CALLS: Duration = Duration::from_secs(17);

/// A check that has not ended by then has failed.
const CHECKS: Duration = Duration::from_secs(25);

/// A grant that is under way is waited for until then: cutting it off may lose a refresh token.
const ALL: Duration = Duration::from_secs(29);

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It was not made, and why.
    Skipped,
    /// All is well.
    Ok,
    /// It works, and may not for long, or not in all cases.
    Warning,
    /// It does not work.
    Failed,
}

/// One check: what was looked at, what was seen, and what to do about it.
///
/// The ids are stable; scripts may rely on them:
///
/// | id | looks at |
/// |---|---|
/// | `configuration` | the tenant file: complete for its grant, hosts that may be called |
/// | `tenant-enabled` | whether the tenant is switched on |
/// | `keys` | webhook and API keys |
/// | `secrets` | the secrets that the tenant's settings need |
/// | `rescue-host` | whether Rescue's host answers |
/// | `rescue-sign-in` | single sign-on as `--technician` |
/// | `rescue-api-token` | the API token, where there is one |
/// | `servicenow-reachable` | whether the instance answers and is awake |
/// | `servicenow-access` | whether there is an access token that ServiceNow takes |
/// | `servicenow-user` | the service account: there, active, not locked |
/// | `read-incident`, `read-case`, `read-user` | reading each table in use, and the columns in use |
/// | `read-work-notes` | reading notes back, without which an unknown outcome cannot be settled |
/// | `read-attachments` | reading attachments, where long notes and chats go |
/// | `write-note` | one test note on `--write-to` |
/// | `email` | the Email API's rights |
/// | `case-plugin` | whether cases exist on the instance |
/// | `rate-limit` | what ServiceNow shows of its limits |
/// | `clock` | this computer's clock against ServiceNow's and AWS's |
/// | `refresh-token` | how long it lives yet |
/// | `rotation` | the schedule that renews it, and its last success |
/// | `webhook` | the URL of `--webhook-url` |
/// | `api` | whether the HTTP API and its function answer |
/// | `queue`, `dead-letters` | how many messages wait, of all tenants, and what of this tenant's was given up |
/// | `waiting-posts` | the tenant's posts that are not delivered yet, by reason |
/// | `paused` | whether deliveries are paused as a whole |
/// | `last-post` | when Rescue last posted anything |
/// | `unended-sessions` | sessions that started and never ended |
/// | `record-references` | sessions that named no record, or named one in a way that is not believed |
/// | `technicians` | each e-mail address of `--technicians`, and of `--technician`, against ServiceNow's users |
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name.
    pub id: &'static str,
    /// How it ended.
    pub status: Status,
    /// What was seen. Holds no secret.
    pub seen: String,
    /// What to do about it; null when nothing has to be done.
    pub remedy: Option<String>,
}

/// What `doctor` answers: `{"tenant","checks":[{"id","status":"ok|warning|failed|skipped","seen","remedy"}]}`, always
/// all checks in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The tenant.
    pub tenant: TenantId,
    /// Every check.
    pub checks: Vec<Check>,
}

impl Report {
    /// The worst that was seen.
    pub fn worst(&self) -> Status {
        let statuses = self.checks.iter().map(|check| check.status);
        statuses.max().unwrap_or(Status::Skipped)
    }

    /// How many checks ended like that.
    pub fn count(&self, status: Status) -> usize {
        let checks = self.checks.iter();
        checks.filter(|check| check.status == status).count()
    }
}

/// What is looked at beyond what every tenant has.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whom to sign in as.
    pub technician: Option<String>,
    /// The record that gets a test note.
    pub write_to: Option<RecordNumber>,
    /// One of the URLs that Rescue posts to. It holds a key.
    pub webhook_url: Option<Secret>,
    /// The e-mail addresses of technicians.
    pub technicians: Option<Vec<String>>,
    /// The variables that are only for tests.
    pub testing: Testing,
}

/// What the checks work with. What several of them need is asked for once.
pub(crate) struct Doctor<'a> {
    stack: &'a Stack,
    options: &'a Options,
    tenant: Tenant,
    http: reqwest::Client,
    vault: Arc<SecretStore>,
    credentials: Arc<CredentialsTable>,
    access: Arc<AccessTokens>,
    authcodes: Authcodes,
    rescue: RescueClient,
    servicenow: ServiceNowClient,
    deadline: Timestamp,
    reached: OnceCell<Result<Probe, Finding>>,
    incident: OnceCell<Result<Probe, Finding>>,
    case: OnceCell<Result<Probe, Finding>>,
    token_status: OnceCell<Result<token::TokenStatus, Finding>>,
    posts: OnceCell<Result<Posts, Finding>>,
}

/// Makes every check of a tenant at once and tells of each as it ends. Ends within 30 s.
///
/// # Errors
/// [`AdminError::NoSuchTenant`], or when the tenants' table cannot be read; everything else is a check that failed.
pub async fn examine(
    stack: &Stack,
    id: &TenantId,
    options: &Options,
    mut ended: impl FnMut(&Check),
) -> Result<Report, AdminError> {
    let began = Instant::now();
    let tenant = tenant::read_existing(stack, id).await?;
    let doctor = Doctor::new(stack, tenant, options)?;
    let checks = doctor.checks().into_iter().enumerate();
    let mut running: FuturesUnordered<_> = checks
        .map(|(place, (id, check))| async move {
            let finding = timeout_at(began + CHECKS, check)
                .await
                .unwrap_or_else(|_| Finding::unfinished(CHECKS));
            (place, finding.into_check(id))
        })
        .collect();
    let mut checks = Vec::new();
    while let Some((place, check)) = running.next().await {
        ended(&check);
        checks.push((place, check));
    }
    while doctor.access.is_obtaining() && began.elapsed() < ALL {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    checks.sort_by_key(|(place, _)| *place);
    Ok(Report {
        tenant: id.clone(),
        checks: checks.into_iter().map(|(_, check)| check).collect(),
    })
}

type Checks<'a> = Vec<(&'static str, BoxFuture<'a, Finding>)>;

impl<'a> Doctor<'a> {
    fn new(stack: &'a Stack, tenant: Tenant, options: &'a Options) -> Result<Self, AdminError> {
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
            vault: vendors.secret_store,
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

    /// Every check, in the order of the report.
    fn checks(&self) -> Checks<'_> {
        vec![
            ("configuration", Box::pin(async { self.configuration() })),
            ("tenant-enabled", Box::pin(async { self.tenant_enabled() })),
            ("keys", Box::pin(async { self.keys() })),
            ("secrets", Box::pin(self.secrets())),
            ("rescue-host", Box::pin(self.rescue_host())),
            ("rescue-sign-in", Box::pin(self.rescue_sign_in())),
            ("rescue-api-token", Box::pin(self.rescue_api_token())),
            ("servicenow-reachable", Box::pin(self.reachable())),
            ("servicenow-access", Box::pin(self.servicenow_access())),
            ("servicenow-user", Box::pin(self.servicenow_user())),
            ("read-incident", Box::pin(self.read_incident())),
            ("read-case", Box::pin(self.read_case())),
            ("read-user", Box::pin(self.read_user())),
            ("read-work-notes", Box::pin(self.read_work_notes())),
            ("read-attachments", Box::pin(self.read_attachments())),
            ("write-note", Box::pin(self.write_note())),
            ("email", Box::pin(self.email())),
            ("case-plugin", Box::pin(self.case_plugin())),
            ("rate-limit", Box::pin(self.rate_limit())),
            ("clock", Box::pin(self.clock())),
            ("refresh-token", Box::pin(self.refresh_token())),
            ("rotation", Box::pin(self.rotation())),
            ("webhook", Box::pin(self.webhook())),
            ("api", Box::pin(self.api())),
            ("queue", Box::pin(self.queue())),
            ("dead-letters", Box::pin(self.dead_letters())),
            ("waiting-posts", Box::pin(self.waiting_posts())),
            ("paused", Box::pin(self.paused())),
            ("last-post", Box::pin(self.last_post())),
            ("unended-sessions", Box::pin(self.unended_sessions())),
            ("record-references", Box::pin(self.record_references())),
            ("technicians", Box::pin(self.technicians())),
        ]
    }

    fn id(&self) -> &TenantId {
        &self.tenant.file.tenant
    }

    fn now(&self) -> Timestamp {
        self.stack.clock.now()
    }
}
