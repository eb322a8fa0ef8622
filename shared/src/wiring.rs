//! The clients of a function, each made from the environment when the function asks for it. What no function of a program
//! asks for is not linked into it.

use std::cell::OnceCell;
use std::sync::Arc;

use aws_types::SdkConfig;

use crate::aws::credentials::CredentialsTable;
use crate::aws::direct::{self, DYNAMODB, DirectClient, SECRETS_MANAGER, SQS, ServiceName};
use crate::aws::ledger::Ledger;
use crate::aws::queue::{Queues, ReconcileQueue};
use crate::aws::secret_store::SecretStore;
use crate::aws::tenants::{ManagedTenants, TenantsTable};
use crate::domain::clock::Clock;
use crate::environment::{EnvironmentReader, Testing, WrongEnvironment};
use crate::http::ClientError;
use crate::reconciliation::RescueAccounts;
use crate::rescue::api::RescueClient;
use crate::rescue::authcodes::Authcodes;
use crate::retry::ServiceNowTimeouts;
use crate::servicenow::client::ServiceNowClient;
use crate::telemetry;
use crate::token::access::AccessTokens;
use crate::token::grants::Grants;

/// Makes the clients of one process. All of them share the HTTP client, the clock and the DynamoDB client.
///
/// A missing variable reads as an empty text; [`Wiring::finish`] names all that are missing.
pub struct Wiring {
    /// The function's variables, for those that only one function reads.
    pub environment: EnvironmentReader<fn(&str) -> Option<String>>,
    testing: Testing,
    http: reqwest::Client,
    aws: SdkConfig,
    dynamodb: OnceCell<DirectClient>,
    clock: Clock,
    /// The services that the first event needs.
    called_first: Vec<&'static ServiceName>,
}

impl Wiring {
    /// Begins with what every function needs.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn from_environment() -> Result<Self, ClientError> {
        let mut environment = EnvironmentReader::process();
        let testing = environment.testing();
        let http = crate::http::client(testing.ca_file.as_deref())?;
        let aws = environment.aws().config(&http);
        Ok(Self {
            environment,
            dynamodb: OnceCell::new(),
            called_first: vec![&DYNAMODB],
            clock: Clock::system(testing.clock_offset_seconds),
            testing,
            http,
            aws,
        })
    }

    /// Ends the wiring and starts the metrics.
    ///
    /// # Errors
    /// Names every variable that is missing or wrong.
    pub fn finish(mut self) -> Result<(), WrongEnvironment> {
        let namespace = self.environment.required("METRICS_NAMESPACE");
        self.environment.finish()?;
        telemetry::start_metrics(namespace);
        Ok(())
    }

    /// The same, and begins to open connections to the services that the first event needs (decision 0015). Has to be called
    /// within the process's Tokio runtime.
    ///
    /// # Errors
    /// As [`Wiring::finish`].
    pub fn finish_and_connect(self) -> Result<(), WrongEnvironment> {
        let services = self.called_first.iter();
        let urls: Vec<_> = services
            .filter_map(|service| direct::endpoint(&self.aws, service))
            .collect();
        let http = self.http.clone();
        self.finish()?;
        crate::http::open_connections(&http, &urls);
        Ok(())
    }

    /// The process's clock, which `CLOCK_OFFSET_SECONDS` shifts in tests.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Shares the process's connections.
    pub fn dynamodb(&self) -> DirectClient {
        let make = || DirectClient::dynamodb(&self.aws);
        self.dynamodb.get_or_init(make).clone()
    }

    /// Reads `TENANTS_TABLE`.
    pub fn tenants(&mut self) -> TenantsTable {
        let table = self.environment.required("TENANTS_TABLE");
        TenantsTable::new(self.dynamodb(), table, self.clock())
    }

    /// Reads and writes whole tenants.
    pub fn managed_tenants(&mut self) -> ManagedTenants {
        let table = self.environment.required("TENANTS_TABLE");
        ManagedTenants::new(self.dynamodb(), table)
    }

    /// Reads `SESSIONS_TABLE`.
    pub fn ledger(&mut self) -> Ledger {
        let table = self.environment.required("SESSIONS_TABLE");
        Ledger::new(self.dynamodb(), table, self.clock())
    }

    /// Reads `SESSIONS_QUEUE_URL` and `SESSIONS_DLQ_URL`.
    pub fn queues(&mut self) -> Queues {
        let dead_letters = self.environment.required("SESSIONS_DLQ_URL");
        self.called_first.push(&SQS);
        self.queues_with(dead_letters)
    }

    /// Reads `SESSIONS_QUEUE_URL`; for a function that sends no dead letters.
    pub fn sessions_queue(&mut self) -> Queues {
        self.queues_with(String::new())
    }

    fn queues_with(&mut self, dead_letters: String) -> Queues {
        let sessions = self.environment.required("SESSIONS_QUEUE_URL");
        Queues::new(DirectClient::sqs(&self.aws), sessions, dead_letters)
    }

    /// Reads `RECONCILE_QUEUE_URL`.
    pub fn reconcile_queue(&mut self) -> ReconcileQueue {
        let url = self.environment.required("RECONCILE_QUEUE_URL");
        ReconcileQueue::new(DirectClient::sqs(&self.aws), url)
    }

    /// Reads `CREDENTIALS_TABLE`.
    pub fn credentials_table(&mut self) -> String {
        self.environment.required("CREDENTIALS_TABLE")
    }

    /// Reads `CREDENTIALS_TABLE`, `SECRET_PREFIX` and `TENANTS_TABLE`.
    pub fn vendors(&mut self, timeouts: ServiceNowTimeouts) -> VendorWiring {
        let (table, prefix) = (self.credentials_table(), self.environment.secret_prefix());
        self.called_first.push(&SECRETS_MANAGER);
        let credentials = CredentialsTable::new(self.dynamodb(), table, self.clock());
        let secrets = DirectClient::secrets_manager(&self.aws);
        let secret_store = SecretStore::new(secrets, prefix, self.clock());
        VendorWiring {
            http: self.http.clone(),
            tenants: Arc::new(self.tenants()),
            secret_store: Arc::new(secret_store),
            credentials: Arc::new(credentials),
            clock: self.clock(),
            timeouts,
            testing: self.testing.clone(),
        }
    }
}

/// Makes the clients of Rescue and ServiceNow, which share the tenants' secrets and credentials.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct VendorWiring {
    pub http: reqwest::Client,
    pub tenants: Arc<TenantsTable>,
    pub secret_store: Arc<SecretStore>,
    pub credentials: Arc<CredentialsTable>,
    pub clock: Clock,
    pub timeouts: ServiceNowTimeouts,
    /// The variables that only tests set.
    pub testing: Testing,
}

impl VendorWiring {
    /// Asks ServiceNow for tokens.
    pub fn grants(&self) -> Grants {
        Grants::new(
            self.http.clone(),
            Arc::clone(&self.secret_store),
            Arc::clone(&self.credentials),
            self.clock.clone(),
        )
    }

    /// The tenants' access tokens.
    pub fn access_tokens(&self) -> Arc<AccessTokens> {
        Arc::new(AccessTokens::new(
            self.http.clone(),
            Arc::clone(&self.tenants),
            Arc::clone(&self.secret_store),
            Arc::clone(&self.credentials),
            self.clock.clone(),
            self.timeouts,
        ))
    }

    /// Calls ServiceNow with these tokens.
    pub fn servicenow(&self, access: &Arc<AccessTokens>) -> ServiceNowClient {
        ServiceNowClient::new(
            self.http.clone(),
            Arc::clone(access),
            self.clock.clone(),
            self.testing.allow_loopback,
            self.timeouts,
        )
    }

    /// Calls Rescue.
    pub fn rescue(&self) -> RescueClient {
        RescueClient::new(
            self.http.clone(),
            self.testing.rescue_endpoint_url.clone(),
            self.testing.allow_loopback,
        )
    }

    /// Tells which tenants have the same Rescue account.
    pub fn rescue_accounts(&self, tenants: ManagedTenants) -> RescueAccounts {
        let allow_loopback = self.testing.allow_loopback;
        RescueAccounts::new(Arc::clone(&self.credentials), tenants, allow_loopback)
    }

    /// Signs technicians in to Rescue.
    pub fn authcodes(&self, rescue: &RescueClient) -> Authcodes {
        Authcodes::new(
            rescue.clone(),
            Arc::clone(&self.secret_store),
            Arc::clone(&self.credentials),
            self.clock.clone(),
        )
    }
}
