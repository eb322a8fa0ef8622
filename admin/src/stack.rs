//! The tables, queues and secrets of a deployment.

use std::sync::Arc;

use shared::aws::credentials::CredentialsTable;
use shared::aws::direct::DirectClient;
use shared::aws::queue::Queues;
use shared::aws::secret_store::SecretStore;
use shared::aws::tenants::ManagedTenants;
use shared::domain::clock::Clock;
use tokio::sync::OnceCell;

/// One deployment: its names, and AWS clients.
///
/// With the feature `deployed`, `Stack::find` looks one up in AWS; the embedded stack fills the fields in itself.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Stack {
    pub tenants_table: String,
    /// The delivery ledger.
    pub sessions_table: String,
    /// Short-lived credentials, leases and pauses.
    pub credentials_table: String,
    pub sessions_queue_url: String,
    pub sessions_dlq_url: String,
    /// The first part of the secrets' names.
    pub secret_prefix: String,
    /// The address of the HTTP API; without it paths are printed instead of URLs.
    pub api_url: Option<String>,
    /// The function that rotates token secrets; without it no rotation schedule is set.
    pub rotate_tokens_function_arn: Option<String>,
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub secrets: aws_sdk_secretsmanager::Client,
    pub sqs: aws_sdk_sqs::Client,
    /// For [`Stack::queues`].
    pub queue_calls: DirectClient,
    /// For the adapters of the tables, such as [`TenantsTable`](shared::aws::tenants::TenantsTable).
    pub table_calls: DirectClient,
    /// For [`Stack::secret_store`].
    pub secret_calls: DirectClient,
    /// Who runs the commands.
    pub operator: Operator,
    /// The time; tests shift it with `CLOCK_OFFSET_SECONDS`.
    pub clock: Clock,
}

/// A name that a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// `TENANTS_TABLE`
    TenantsTable,
    /// `SESSIONS_TABLE`
    SessionsTable,
    /// `CREDENTIALS_TABLE`
    CredentialsTable,
    /// `SESSIONS_QUEUE_URL`
    SessionsQueueUrl,
    /// `SESSIONS_DLQ_URL`
    SessionsDlqUrl,
    /// The stack's output `ApiUrl`; without it paths are printed instead of URLs.
    ApiUrl,
    /// The stack's output `RotateTokensFunctionArn`; without it no rotation schedule is set.
    RotateTokensFunctionArn,
}

/// Who runs the commands, for the tenants' history: an AWS principal, which is asked for once.
#[derive(Clone, Debug, Default)]
pub struct Operator {
    aws: Option<aws_types::SdkConfig>,
    principal: Arc<OnceCell<String>>,
}

impl Operator {
    /// The author of a change whose AWS principal is not known.
    const UNKNOWN: &str = "rescue-connector";

    /// The owner of these credentials.
    pub fn of(aws: aws_types::SdkConfig) -> Self {
        Self {
            aws: Some(aws),
            principal: Arc::default(),
        }
    }

    async fn name(&self) -> String {
        let principal = async || {
            let arn = match &self.aws {
                Some(aws) => caller_arn(aws).await,
                None => None,
            };
            arn.unwrap_or_else(|| Self::UNKNOWN.to_owned())
        };
        self.principal.get_or_init(principal).await.clone()
    }
}

#[cfg(feature = "deployed")]
async fn caller_arn(aws: &aws_types::SdkConfig) -> Option<String> {
    let identity = aws_sdk_sts::Client::new(aws).get_caller_identity().send();
    identity.await.ok()?.arn
}

#[cfg(not(feature = "deployed"))]
#[expect(clippy::unused_async, reason = "as with the feature")]
async fn caller_arn(_: &aws_types::SdkConfig) -> Option<String> {
    None
}

impl Stack {
    /// Who changes something: the ARN of the operator's AWS principal.
    pub(crate) async fn principal(&self) -> String {
        self.operator.name().await
    }

    /// The tenants, as those that change them see them.
    pub fn tenants(&self) -> ManagedTenants {
        ManagedTenants::new(self.table_calls.clone(), self.tenants_table.clone())
    }

    /// The credentials table: leases, pauses and shared access tokens.
    pub fn credentials(&self) -> CredentialsTable {
        let (table, clock) = (self.credentials_table.clone(), self.clock.clone());
        CredentialsTable::new(self.table_calls.clone(), table, clock)
    }

    /// The tenants' secrets.
    pub fn secret_store(&self) -> SecretStore {
        let prefix = self.secret_prefix.clone();
        SecretStore::new(self.secret_calls.clone(), prefix, self.clock.clone())
    }

    /// The sessions queue and its dead-letter queue.
    pub fn queues(&self) -> Queues {
        let (sessions, dead_letters) = (&self.sessions_queue_url, &self.sessions_dlq_url);
        Queues::new(
            self.queue_calls.clone(),
            sessions.clone(),
            dead_letters.clone(),
        )
    }
}
