//! `deliver-session`: takes posts from the queue and writes each to the right ServiceNow record, exactly once.

mod attempt;
mod event;
mod message;
mod outcome;
mod resolve;
mod timeouts;
mod verdict;
mod wake;
mod write;

use std::sync::Arc;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use futures::future::join_all;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use shared::clock::{Clock, Timestamp};
use shared::credentials::Credentials;
use shared::environment::Reader;
use shared::ledger::Ledger;
use shared::queue::Queues;
use shared::retry::Patience;
use shared::servicenow::access::AccessTokens;
use shared::servicenow::client::Client;
use shared::telemetry;
use shared::tenants::Tenants;
use shared::vault::Vault;

use crate::event::{Group, Message};
use crate::outcome::Outcome;
pub use crate::timeouts::Timeouts;

/// What the function works with, built once per process.
#[derive(Debug)]
pub struct DeliverSession {
    /// How tenants are set up.
    pub tenants: Tenants,
    /// What became of every post.
    pub ledger: Ledger,
    /// Who is paused.
    pub credentials: Arc<Credentials>,
    /// What signs a `Tracking0`.
    pub vault: Arc<Vault>,
    /// Where notes go.
    pub servicenow: Client,
    /// Where messages wait, and where they end that cannot be delivered.
    pub queues: Queues,
    /// The time.
    pub clock: Clock,
    /// Time-outs in a row, by tenant.
    pub timeouts: Timeouts,
}

/// Takes one batch: groups side by side, the messages of a group in order. Whatever is unfinished is hidden for as
/// long as it has to wait, and reported.
///
/// # Errors
/// Never: whatever goes wrong is an answer for the message that it went wrong with.
pub async fn handle(
    function: &DeliverSession,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Error> {
    let deadline = function.clock.deadline(event.context.deadline);
    let groups = event::groups(event.payload, function.clock.now());
    let deliveries = groups
        .into_iter()
        .map(|group| deliver(function, group, deadline));
    Ok(response(join_all(deliveries).await.concat()))
}

/// Delivers one group in order; the ids of the messages that stay in the queue. The first one that has to wait makes
/// its successors wait as long. They are hidden at once: the other groups may take minutes yet.
async fn deliver(function: &DeliverSession, group: Group, deadline: Timestamp) -> Vec<String> {
    let mut unfinished = Vec::new();
    let mut waiting = None;
    let mut unauthorized = false;
    for message in group {
        if waiting.is_none() {
            waiting = match message::deliver(function, &message, deadline).await {
                Outcome::Done => None,
                Outcome::Postponed(delay) => Some(delay),
                Outcome::Unauthorized(delay) => {
                    unauthorized = true;
                    Some(delay)
                }
            };
        }
        if waiting.is_some() {
            unfinished.push(message);
        }
    }
    let Some(delay) = waiting else {
        return Vec::new();
    };
    if let Some(oldest) = unfinished.iter().map(|message| message.queued_at).min() {
        telemetry::waiting_time(function.clock.now().since(oldest));
    }
    if unauthorized {
        wake::remember(function, &unfinished, delay).await;
    }
    let hidden = |message: &Message| (message.receipt_handle.clone(), delay);
    let delays: Vec<_> = unfinished.iter().map(hidden).collect();
    if let Err(error) = function.queues.postpone(&delays).await {
        tracing::warn!(%error, "messages come back when their present visibility time-out ends");
    }
    unfinished.into_iter().map(|message| message.id).collect()
}

fn response(unfinished: Vec<String>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = unfinished
        .into_iter()
        .map(|id| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            failure
        })
        .collect();
    response
}

/// Runs the function: clients from the environment, once, then one batch after the other.
///
/// # Errors
/// Names every variable that is missing; otherwise what the Lambda runtime says when it ends.
pub async fn run() -> Result<(), Error> {
    let mut environment = Reader::process();
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
    let vault = Arc::new(Vault::new(
        aws_sdk_secretsmanager::Client::new(&aws),
        secret_prefix,
        clock.clone(),
    ));
    let credentials = Arc::new(Credentials::new(
        dynamodb.clone(),
        credentials_table,
        clock.clone(),
    ));
    let access = AccessTokens::new(
        http.clone(),
        Arc::clone(&vault),
        Arc::clone(&credentials),
        clock.clone(),
        Patience::QUEUE,
    );
    let function = DeliverSession {
        tenants: Tenants::new(dynamodb.clone(), tenants_table, clock.clone()),
        ledger: Ledger::new(dynamodb, sessions_table, clock.clone()),
        credentials,
        vault,
        servicenow: Client::new(
            http,
            Arc::new(access),
            clock.clone(),
            testing.allow_loopback,
            Patience::QUEUE,
        ),
        queues: Queues::new(
            aws_sdk_sqs::Client::new(&aws),
            sessions_url,
            dead_letters_url,
        ),
        clock,
        timeouts: Timeouts::default(),
    };
    lambda_runtime::run(service_fn(|event| handle(&function, event))).await
}
