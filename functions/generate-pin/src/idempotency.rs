//! Idempotency: one request is one PIN, however often and in however many processes it arrives (decision 0007).
//!
//! A request is an item of the credentials table, claimed with an owner and a lease. Its state goes `running` →
//! `generated` (the PIN is stored) → `done` (the notifications are sent). Only the owner sends, and only after `generated`
//! is written, so that no notification is sent twice.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::delete_item::{DeleteItem, DeleteItemInput};
use aws_sdk_dynamodb::operation::put_item::builders::PutItemInputBuilder;
use aws_sdk_dynamodb::operation::put_item::{PutItem, PutItemError, PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use sha2::{Digest as _, Sha256};
use shared::aws::direct::{CallError, DirectClient};
use shared::aws::storage_error::StorageError;
use shared::domain::clock::{Clock, Timestamp};
use shared::domain::secret::Secret;
use shared::domain::tenant::TenantId;

use crate::event::PinRequestBody;

/// How long a key gives the same PIN.
const KEY_LIFETIME: Duration = Duration::from_secs(600);
/// Without a key: two requests for the same technician and record within this are one.
const DOUBLE_CLICK: Duration = Duration::from_secs(3);
/// After this another process may take the claim over; outlives every request.
const LEASE: Duration = Duration::from_secs(35);

const RUNNING: &str = "running";
const GENERATED: &str = "generated";
const DONE: &str = "done";

/// The requests in the credentials table.
#[derive(Clone, Debug)]
pub(crate) struct PinRequests {
    dynamodb: DirectClient,
    table: String,
    clock: Clock,
}

/// A process's claim to answer one request.
#[derive(Clone, Debug)]
pub(crate) struct RequestClaim {
    key: String,
    digest: String,
    owner: String,
    /// Whether the key is the sender's `Idempotency-Key`: then a request with another body must not use it.
    keyed: bool,
    requested_at: Timestamp,
}

/// What the table answers to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClaimAnswer {
    /// The claimant is the owner and gets the PIN.
    Started,
    /// An equal request is done; this is its answer.
    Completed(Secret),
    /// An equal request is running. With an answer: it has its PIN and sends notifications.
    InProgress(Option<Secret>),
    /// The key belongs to a request with another body.
    KeyReused,
}

impl RequestClaim {
    /// The claim of a request that arrived at `requested_at`.
    pub(crate) fn of(
        tenant: &TenantId,
        key: Option<&str>,
        body: &PinRequestBody,
        requested_at: Timestamp,
    ) -> Self {
        let hashed = match key {
            Some(key) => format!("key\n{key}"),
            // A stored key is the hash of this text. With another first word, a request that is repeated during an
            // upgrade would not find its item.
            None => format!(
                "press\n{}\n{}\n{}\n{}",
                body.sso_id,
                body.node_id.as_deref().unwrap_or_default(),
                body.table,
                body.record_text()
            ),
        };
        let hash = hex::encode(Sha256::digest(hashed.as_bytes()));
        Self {
            key: format!("{tenant}#pin#{hash}"),
            digest: body.digest(),
            owner: uuid::Uuid::new_v4().to_string(),
            keyed: key.is_some(),
            requested_at,
        }
    }

    /// Until when an equal request counts as this one. While this one is running, it always does.
    fn valid_until(&self, now: Timestamp) -> Timestamp {
        if self.keyed {
            now.plus(KEY_LIFETIME)
        } else {
            self.requested_at.plus(DOUBLE_CLICK).max(now)
        }
    }
}

impl PinRequests {
    pub(crate) const fn new(dynamodb: DirectClient, table: String, clock: Clock) -> Self {
        Self {
            dynamodb,
            table,
            clock,
        }
    }

    /// Claims a request for the claim's owner.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub(crate) async fn claim(&self, claim: &RequestClaim) -> Result<ClaimAnswer, StorageError> {
        let now = self.clock.now();
        let put = self
            .put(claim, now, RUNNING)
            .condition_expression(
                "attribute_not_exists(credential) OR #owner = :owner \
                 OR (valid_until < :requested_at AND (#state = :done OR lease_until < :now)) \
                 OR (#state = :running AND lease_until < :now)",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":now", text(now))
            .expression_attribute_values(":requested_at", text(claim.requested_at))
            .expression_attribute_values(":running", text(RUNNING))
            .expression_attribute_values(":done", text(DONE))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let error = match self.send(put).await {
            Ok(_) => return Ok(ClaimAnswer::Started),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let nothing = HashMap::new();
                Ok(self.read(claim, failed.item().unwrap_or(&nothing)))
            }
            _ => Err(StorageError::of(&self.table, &error)),
        }
    }

    fn read(&self, claim: &RequestClaim, item: &HashMap<String, AttributeValue>) -> ClaimAnswer {
        let value = |name: &str| {
            let value = item.get(name)?.as_s().ok()?;
            Some(value.as_str())
        };
        if claim.keyed && value("request") != Some(claim.digest.as_str()) {
            return ClaimAnswer::KeyReused;
        }
        let lease_ended = value("lease_until")
            .and_then(Timestamp::parse)
            .is_none_or(|until| until < self.clock.now());
        match (value("state"), value("answer")) {
            (Some(DONE), Some(answer)) => ClaimAnswer::Completed(Secret::from(answer)),
            // The owner's process ended while it was sending notifications.
            (Some(GENERATED), Some(answer)) if lease_ended => {
                ClaimAnswer::Completed(Secret::from(answer))
            }
            (_, answer) => ClaimAnswer::InProgress(answer.map(Secret::from)),
        }
    }

    /// Stores the answer with the PIN before notifications are sent. False: another process has taken the claim over.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub(crate) async fn store_pin(
        &self,
        claim: &RequestClaim,
        answer: String,
    ) -> Result<bool, StorageError> {
        self.store(claim, GENERATED, answer).await
    }

    /// Stores the final answer. False: another process has taken the claim over.
    ///
    /// # Errors
    /// When the table cannot be written; then repeats get the answer of [`PinRequests::store_pin`].
    pub(crate) async fn complete(
        &self,
        claim: &RequestClaim,
        answer: String,
    ) -> Result<bool, StorageError> {
        self.store(claim, DONE, answer).await
    }

    async fn store(
        &self,
        claim: &RequestClaim,
        state: &str,
        answer: String,
    ) -> Result<bool, StorageError> {
        let put = self
            .put(claim, self.clock.now(), state)
            .item("answer", AttributeValue::S(answer))
            .condition_expression("#owner = :owner");
        match self.send(put).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(StorageError::of(&self.table, &error)),
        }
    }

    /// Releases the claim of a request that failed, so that the next one starts anew.
    ///
    /// # Errors
    /// When the table cannot be written; then the claim ends with its lease.
    pub(crate) async fn release(&self, claim: &RequestClaim) -> Result<(), StorageError> {
        let input = DeleteItemInput::builder()
            .table_name(&self.table)
            .key("credential", text(&claim.key))
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(&claim.owner));
        match self.dynamodb.call::<DeleteItem>(input.build()).await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(()),
            Err(error) => Err(StorageError::of(&self.table, &error)),
        }
    }

    async fn send(&self, put: PutItemInputBuilder) -> Result<PutItemOutput, CallError<PutItem>> {
        self.dynamodb.call::<PutItem>(put.build()).await
    }

    /// Writes the claim's item in that state; the condition names `#owner` and `:owner`.
    fn put(&self, claim: &RequestClaim, now: Timestamp, state: &str) -> PutItemInputBuilder {
        let expires_at = now.plus(KEY_LIFETIME.max(LEASE)).as_secs();
        PutItemInput::builder()
            .table_name(&self.table)
            .item("credential", text(&claim.key))
            .item("owner", text(&claim.owner))
            .item("request", text(&claim.digest))
            .item("expires_at", AttributeValue::N(expires_at.to_string()))
            .item("state", text(state))
            .item("lease_until", text(now.plus(LEASE)))
            .item("valid_until", text(claim.valid_until(now)))
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(&claim.owner))
    }
}

fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}
