//! One press of the button is one PIN, however often the request arrives and in however many processes.
//!
//! A press is an item of the credentials table, claimed with an owner and a lease. It goes `running` → `generated` (there
//! is a PIN) → `done` (and nothing more is sent). E-mails are sent only by its owner and only after `generated` was
//! written, so that nobody sends them twice.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use sha2::{Digest as _, Sha256};
use shared::aws::storage_error::StorageError;
use shared::domain::clock::{Clock, Timestamp};
use shared::domain::secret::Secret;
use shared::domain::tenant::TenantId;

use crate::event::PinRequestBody;

/// How long a key gives the same PIN.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Without a key: how soon a second press for the same technician and record is the same press.
const DOUBLE_CLICK: Duration = Duration::from_secs(3);
/// A press whose process died may be taken over after this; outlives every request.
const LEASE: Duration = Duration::from_secs(35);

const RUNNING: &str = "running";
const GENERATED: &str = "generated";
const DONE: &str = "done";

/// The presses in the credentials table.
#[derive(Clone, Debug)]
pub struct PinRequests {
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
    clock: Clock,
}

/// One press, as one request sees it.
#[derive(Clone, Debug)]
pub(crate) struct RequestClaim {
    key: String,
    request: String,
    owner: String,
    /// Whether the sender chose the key: then another request must not use it.
    keyed: bool,
    pressed_at: Timestamp,
}

/// The answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClaimAnswer {
    /// This request gets the PIN.
    Ours,
    /// Another one has got it: its answer.
    Answered(Secret),
    /// Another one is getting it, or has it and is sending e-mails about it.
    Running(Option<Secret>),
    /// The key belongs to another request.
    Reused,
}

impl RequestClaim {
    /// The press that a request belongs to.
    pub(crate) fn of(
        tenant: &TenantId,
        key: Option<&str>,
        request: &PinRequestBody,
        pressed_at: Timestamp,
    ) -> Self {
        let hashed = match key {
            Some(key) => format!("key\n{key}"),
            None => format!(
                "press\n{}\n{}\n{}\n{}",
                request.sso_id,
                request.node_id.as_deref().unwrap_or_default(),
                request.table,
                request.record_text()
            ),
        };
        Self {
            key: format!(
                "{tenant}#pin#{}",
                hex::encode(Sha256::digest(hashed.as_bytes()))
            ),
            request: request.digest(),
            owner: uuid::Uuid::new_v4().to_string(),
            keyed: key.is_some(),
            pressed_at,
        }
    }

    /// Who pressed before then pressed the same. A press that is still running is the same however long it takes.
    fn valid_until(&self, now: Timestamp) -> Timestamp {
        if self.keyed {
            now.plus(REMEMBERED)
        } else {
            self.pressed_at.plus(DOUBLE_CLICK).max(now)
        }
    }
}

impl PinRequests {
    /// The presses in `table`.
    pub const fn new(dynamodb: aws_sdk_dynamodb::Client, table: String, clock: Clock) -> Self {
        Self {
            dynamodb,
            table,
            clock,
        }
    }

    /// Claims a press for its owner.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub(crate) async fn claim(&self, press: &RequestClaim) -> Result<ClaimAnswer, StorageError> {
        let now = self.clock.now();
        let item = [
            ("state", RUNNING.to_owned()),
            ("lease_until", now.plus(LEASE).to_string()),
            ("valid_until", press.valid_until(now).to_string()),
        ];
        let answer = self
            .put(press, now, item)
            .condition_expression(
                "attribute_not_exists(credential) OR #owner = :owner \
                 OR (valid_until < :pressed_at AND (#state = :done OR lease_until < :now)) \
                 OR (#state = :running AND lease_until < :now)",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":now", text(now))
            .expression_attribute_values(":pressed_at", text(press.pressed_at))
            .expression_attribute_values(":running", text(RUNNING))
            .expression_attribute_values(":done", text(DONE))
            .expression_attribute_values(":owner", text(&press.owner))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let error = match answer {
            Ok(_) => return Ok(ClaimAnswer::Ours),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let nothing = HashMap::new();
                Ok(self.read(press, failed.item().unwrap_or(&nothing)))
            }
            _ => Err(StorageError::of(&self.table, &error)),
        }
    }

    fn read(&self, press: &RequestClaim, item: &HashMap<String, AttributeValue>) -> ClaimAnswer {
        let value = |name: &str| {
            let value = item.get(name)?.as_s().ok()?;
            Some(value.as_str())
        };
        if press.keyed && value("request") != Some(press.request.as_str()) {
            return ClaimAnswer::Reused;
        }
        let over = value("lease_until")
            .and_then(Timestamp::parse)
            .is_none_or(|then| then < self.clock.now());
        match (value("state"), value("answer")) {
            (Some(DONE), Some(answer)) => ClaimAnswer::Answered(Secret::from(answer)),
            // Whoever sent the e-mails did not live to say so.
            (Some(GENERATED), Some(answer)) if over => ClaimAnswer::Answered(Secret::from(answer)),
            (_, answer) => ClaimAnswer::Running(answer.map(Secret::from)),
        }
    }

    /// Keeps a PIN before anything is sent about it. False: somebody else has taken the press over.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub(crate) async fn generated(
        &self,
        press: &RequestClaim,
        answer: &str,
    ) -> Result<bool, StorageError> {
        self.keep(press, GENERATED, answer).await
    }

    /// Keeps the final answer.
    ///
    /// # Errors
    /// When the table cannot be written; then the answer that [`PinRequests::generated`] kept is given from now on.
    pub(crate) async fn done(
        &self,
        press: &RequestClaim,
        answer: &str,
    ) -> Result<bool, StorageError> {
        self.keep(press, DONE, answer).await
    }

    async fn keep(
        &self,
        press: &RequestClaim,
        state: &str,
        answer: &str,
    ) -> Result<bool, StorageError> {
        let now = self.clock.now();
        let item = [
            ("state", state.to_owned()),
            ("lease_until", now.plus(LEASE).to_string()),
            ("valid_until", press.valid_until(now).to_string()),
            ("answer", answer.to_owned()),
        ];
        let answer = self
            .put(press, now, item)
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(&press.owner))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(StorageError::of(&self.table, &error)),
        }
    }

    /// Frees a press that failed, so that the next request tries again.
    ///
    /// # Errors
    /// When the table cannot be written; then the press is free when its lease ends.
    pub(crate) async fn free(&self, press: &RequestClaim) -> Result<(), StorageError> {
        let answer = self
            .dynamodb
            .delete_item()
            .table_name(&self.table)
            .key("credential", text(&press.key))
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(&press.owner))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(()),
            Err(error) => Err(StorageError::of(&self.table, &error)),
        }
    }

    fn put<const N: usize>(
        &self,
        press: &RequestClaim,
        now: Timestamp,
        values: [(&str, String); N],
    ) -> aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder {
        let ends = now.plus(REMEMBERED.max(LEASE)).as_secs();
        let mut put = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .item("credential", text(&press.key))
            .item("owner", text(&press.owner))
            .item("request", text(&press.request))
            .item("expires_at", AttributeValue::N(ends.to_string()));
        for (name, value) in values {
            put = put.item(name, AttributeValue::S(value));
        }
        put
    }
}

fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}
