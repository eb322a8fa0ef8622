//! The tables, queues and secrets of a deployment.

use shared::aws::credentials::CredentialsTable;
use shared::aws::queue::Queues;
use shared::domain::clock::Clock;

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

impl Stack {
    /// The credentials table: leases, pauses and shared access tokens.
    pub fn credentials(&self) -> CredentialsTable {
        let (table, clock) = (self.credentials_table.clone(), self.clock.clone());
        CredentialsTable::new(self.dynamodb.clone(), table, clock)
    }

    /// The sessions queue and its dead-letter queue.
    pub fn queues(&self) -> Queues {
        let (sessions, dead_letters) = (&self.sessions_queue_url, &self.sessions_dlq_url);
        Queues::new(self.sqs.clone(), sessions.clone(), dead_letters.clone())
    }
}
