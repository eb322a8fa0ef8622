//! The shared adapters against the embedded AWS and the simulated instance, on a clock that only the test moves.

mod access;
mod credentials;
mod ledger;
mod queue;
mod rescue_report;
mod secret_store;
mod servicenow_client;
mod tenants;
mod transport;

use std::sync::Arc;

use admin::stack::{Operator, Stack};
use admin::tenant::ApplyOptions;
use aws_sdk_dynamodb::config::{Credentials as AwsCredentials, Region, SharedCredentialsProvider};
use local::aws::{self, Aws, REGION};
use local::cloud::TEMPLATE;
use local::servicenow::{self, User};
use local::template::Template;
use shared::aws::credentials::CredentialsTable;
use shared::aws::direct::DirectClient;
use shared::aws::ledger::Ledger;
use shared::aws::queue::{Post, Queues};
use shared::aws::sdk::SdkConfig;
use shared::aws::secret_store::SecretStore;
use shared::aws::tenants::TenantsTable;
use shared::domain::clock::{Clock, Timestamp};
use shared::domain::instance::Instance;
use shared::domain::secret::Secret;
use shared::domain::secret_name::SecretName;
use shared::domain::session::{Digest, Event, Fields, SessionId, Source};
use shared::domain::tenant::{TenantFile, TenantId};
use shared::retry::ServiceNowTimeouts;
use shared::servicenow::client::ServiceNowClient;
use shared::token::access::AccessTokens;

const CLIENT_ID: &str = "rescue-connector";
const CLIENT_SECRET: &str = "the-client-secret";
const SERVICE_ACCOUNT: &str = "svc.rescue";
const SERVICE_ACCOUNT_PASSWORD: &str = "the-service-account-password";

/// The local stack of one test: embedded AWS, simulated ServiceNow, and the clients of both.
pub(crate) struct Parts {
    clock: Clock,
    aws: Aws,
    servicenow: servicenow::Simulator,
    stack: Stack,
    sdk: SdkConfig,
    sqs: aws_sdk_sqs::Client,
    http: reqwest::Client,
}

impl Parts {
    async fn start() -> Self {
        let clock = Clock::manual(Timestamp::from_millis(1_747_216_931_007));
        let aws = Aws::start(aws::Options {
            port: None,
            data: None,
            clock: clock.clone(),
        })
        .await
        .expect("the embedded AWS starts");
        let template = Template::parse(TEMPLATE).expect("the template");
        let resources = aws.provision(&template).await.expect("tables and queues");
        let http = shared::http::client(None).expect("a client");
        let sdk = shared::aws::sdk::settings(&http)
            .region(Region::from_static(REGION))
            .endpoint_url(aws.endpoint())
            .credentials_provider(SharedCredentialsProvider::new(AwsCredentials::new(
                "local", "local", None, None, "local",
            )))
            .build();
        let stack = Stack {
            operator: Operator::default(),
            tenants_table: resources.tables["TenantsTable"].clone(),
            sessions_table: resources.tables["SessionsTable"].clone(),
            credentials_table: resources.tables["CredentialsTable"].clone(),
            sessions_queue_url: resources.queues["SessionsQueue"].url.clone(),
            sessions_dlq_url: resources.queues["SessionsDlq"].url.clone(),
            secret_prefix: "rescue-connector".to_owned(),
            api_url: None,
            rotate_tokens_function_arn: None,
            dynamodb: aws_sdk_dynamodb::Client::new(&sdk),
            secrets: aws_sdk_secretsmanager::Client::new(&sdk),
            sqs: aws_sdk_sqs::Client::new(&sdk),
            queue_calls: DirectClient::sqs(&sdk),
            table_calls: DirectClient::dynamodb(&sdk),
            secret_calls: DirectClient::secrets_manager(&sdk),
            clock: clock.clone(),
        };
        let servicenow = servicenow::Simulator::start(servicenow::Options::new(clock.clone()))
            .expect("an instance");
        Self {
            clock,
            aws,
            servicenow,
            stack,
            sqs: aws_sdk_sqs::Client::new(&sdk),
            sdk,
            http,
        }
    }

    /// A tenant with all secrets. `more`: additional lines for the section `[servicenow]`.
    async fn tenant(&self, more: &str) -> TenantFile {
        self.servicenow.add_registry(CLIENT_ID, CLIENT_SECRET);
        self.servicenow.add_user(User::service_account(
            SERVICE_ACCOUNT,
            SERVICE_ACCOUNT_PASSWORD,
        ));
        let refresh_token = self
            .servicenow
            .issue_refresh_token(CLIENT_ID, SERVICE_ACCOUNT);
        let text = format!(
            "tenant = \"acme\"\n[rescue]\ncompany_id = \"1\"\n[servicenow]\ninstance = \"{}\"\n\
             client_id = \"{CLIENT_ID}\"\nservice_account = \"{SERVICE_ACCOUNT}\"\n{more}\n",
            self.servicenow.url()
        );
        let file = admin::tenant_file::parse(&text, true).expect("a tenant file");
        admin::tenant::apply(&self.stack, &file, ApplyOptions::default())
            .await
            .expect("the tenant is applied");
        for (name, value) in [
            (SecretName::OauthClientSecret, CLIENT_SECRET),
            (SecretName::ServiceAccountPassword, SERVICE_ACCOUNT_PASSWORD),
            (SecretName::RefreshToken, &refresh_token),
        ] {
            self.set_secret(name, value).await;
        }
        file
    }

    async fn set_secret(&self, name: SecretName, value: &str) {
        admin::secrets::set(&self.stack, &acme(), name, &Secret::from(value))
            .await
            .expect("the secret is set");
    }

    fn tenants(&self) -> TenantsTable {
        let (dynamodb, table) = (DirectClient::dynamodb(&self.sdk), &self.stack.tenants_table);
        TenantsTable::new(dynamodb, table.clone(), self.clock.clone())
    }

    fn ledger(&self) -> Ledger {
        let (calls, table) = (self.stack.table_calls.clone(), &self.stack.sessions_table);
        Ledger::new(calls, table.clone(), self.clock.clone())
    }

    fn credentials(&self) -> CredentialsTable {
        let (calls, table) = (
            self.stack.table_calls.clone(),
            &self.stack.credentials_table,
        );
        CredentialsTable::new(calls, table.clone(), self.clock.clone())
    }

    fn secret_store(&self) -> SecretStore {
        let (calls, prefix) = (self.stack.secret_calls.clone(), &self.stack.secret_prefix);
        SecretStore::new(calls, prefix.clone(), self.clock.clone())
    }

    fn queues(&self) -> Queues {
        Queues::new(
            self.stack.queue_calls.clone(),
            self.stack.sessions_queue_url.clone(),
            self.stack.sessions_dlq_url.clone(),
        )
    }

    /// The access tokens of one process.
    fn access_tokens(&self) -> AccessTokens {
        AccessTokens::new(
            self.http.clone(),
            Arc::new(self.tenants()),
            Arc::new(self.secret_store()),
            Arc::new(self.credentials()),
            self.clock.clone(),
            ServiceNowTimeouts::QUEUE,
        )
    }

    /// The ServiceNow client of one process.
    fn client(&self) -> ServiceNowClient {
        let access = Arc::new(self.access_tokens());
        let clock = self.clock.clone();
        ServiceNowClient::new(
            self.http.clone(),
            access,
            clock,
            true,
            ServiceNowTimeouts::QUEUE,
        )
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(std::time::Duration::from_secs(seconds));
    }
}

fn acme() -> TenantId {
    TenantId::parse("acme").expect("valid")
}

fn instance(file: &TenantFile) -> Instance {
    Instance::parse(&file.servicenow.instance, None, true).expect("this machine")
}

fn post(session: &str, chat: &str) -> Post {
    let session_id = SessionId::parse(session).expect("valid");
    let mut fields = Fields::default();
    fields.insert("ChatLog", chat.to_owned());
    Post {
        source: Source::Post,
        digest: Digest::of(&acme(), &session_id, Event::Ended, &fields),
        tenant: acme(),
        session_id,
        event: Event::Ended,
        received_at: Timestamp::from_millis(1_747_216_931_007),
        fields,
    }
}
