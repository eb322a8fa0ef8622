//! `deliver-session`: takes posts from the queue and writes each to the right ServiceNow record, exactly once.

mod age;
mod append;
mod attempt;
mod batch;
mod create;
mod dead_letter;
mod event;
mod failure;
mod group;
mod lookup;
mod message;
mod note;
mod note_texts;
mod outcome;
mod pause;
mod post;
mod resolve;
mod service;
mod timeouts;
mod verdict;
mod wake;
mod write;

use std::pin::pin;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::select;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use shared::aws::credentials::CredentialsTable;
use shared::aws::ledger::Ledger;
use shared::aws::queue::Queues;
use shared::aws::secret_store::SecretStore;
use shared::aws::tenants::TenantsTable;
use shared::domain::clock::Clock;
use shared::domain::time_budget::TimeBudget;
use shared::environment::EnvironmentReader;
use shared::retry::ServiceNowTimeouts;
use shared::servicenow::client::ServiceNowClient;
use shared::telemetry;
use shared::token::access::AccessTokens;

use crate::batch::Batch;
pub use crate::event::{SqsBatchResponse, SqsEvent};
pub use crate::service::DeliverSession;
pub use crate::timeouts::Timeouts;

/// Delivers one batch: groups side by side, the messages of a group in order. Finished messages are deleted at once;
/// unfinished ones are hidden for as long as they have to wait, and reported.
///
/// # Errors
/// Never: every failure becomes an outcome of its message.
pub async fn handle(
    function: &DeliverSession,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Error> {
    let deadline = function.clock.deadline(event.context.deadline);
    let budget = TimeBudget::until(function.clock.clone(), deadline);
    let groups = event::groups(event.payload, function.clock.now());
    let batch = Batch::new(budget);
    let delivering = group::deliver_all(function, &batch, &groups);
    select(
        pin!(delivering),
        pin!(batch.delete_finished(&function.queues)),
    )
    .await;
    Ok(event::response(groups, |message| {
        batch.is_finished(message)
    }))
}

/// Runs the function: clients from the environment, once, then one batch after the other.
///
/// # Errors
/// Names every variable that is missing; otherwise what the Lambda runtime says when it ends.
pub async fn run() -> Result<(), Error> {
    let mut environment = EnvironmentReader::process();
    let tenants_table = environment.required("TENANTS_TABLE");
    let sessions_table = environment.required("SESSIONS_TABLE");
    let credentials_table = environment.required("CREDENTIALS_TABLE");
    let sessions_url = environment.required("SESSIONS_QUEUE_URL");
    let dead_letters_url = environment.required("SESSIONS_DLQ_URL");
    let secret_prefix = environment.secret_prefix();
    let metrics_namespace = environment.required("METRICS_NAMESPACE");
    let aws = environment.aws();
    let testing = environment.testing();
    environment.finish()?;
    telemetry::start_metrics(metrics_namespace);
    let clock = Clock::system(testing.clock_offset_seconds);
    let http = shared::http::client(testing.ca_file.as_deref())?;
    let aws = aws.config(&http);
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let vault = Arc::new(SecretStore::new(
        aws_sdk_secretsmanager::Client::new(&aws),
        secret_prefix,
        clock.clone(),
    ));
    let credentials = Arc::new(CredentialsTable::new(
        dynamodb.clone(),
        credentials_table,
        clock.clone(),
    ));
    let access = AccessTokens::new(
        http.clone(),
        Arc::clone(&vault),
        Arc::clone(&credentials),
        clock.clone(),
        ServiceNowTimeouts::QUEUE,
    );
    let function = DeliverSession {
        tenants: TenantsTable::new(dynamodb.clone(), tenants_table, clock.clone()),
        ledger: Ledger::new(dynamodb, sessions_table, clock.clone()),
        credentials,
        vault,
        servicenow: ServiceNowClient::new(
            http,
            Arc::new(access),
            clock.clone(),
            testing.allow_loopback,
            ServiceNowTimeouts::QUEUE,
        ),
        queues: Queues::new(
            aws_sdk_sqs::Client::new(&aws),
            sessions_url,
            dead_letters_url,
        ),
        clock,
        timeouts: Timeouts::default(),
    };
    let function = &function;
    // In a box, because the compiler lays out nested futures in one another and gives up at some depth.
    let answer = |event: LambdaEvent<Box<RawValue>>| {
        async move {
            let batch = serde_json::from_str(event.payload.get())?;
            handle(function, LambdaEvent::new(batch, event.context)).await
        }
        .boxed_local()
    };
    lambda_runtime::run(service_fn(answer)).await
}
