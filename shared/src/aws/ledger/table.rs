//! The ledger's table: its keys and its conditional updates.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

use crate::aws::item::{self, Item, number_value, text_value};
use crate::aws::queue::Post;
use crate::aws::storage_error::StorageError;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::session::SessionId;
use crate::domain::tenant::TenantId;

/// The index of each tenant's posts by the time at which they were accepted.
pub const BY_TENANT: &str = "by-tenant";

/// How long an entry is kept.
const ENTRY_LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);

/// The answer to a conditional update.
pub(super) enum ConditionalUpdate {
    /// It was written. Holds the values that the update returns.
    Written(Item),
    /// The condition failed. Holds the item as it is.
    Refused(Item),
}

/// The delivery ledger.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(super) dynamodb: aws_sdk_dynamodb::Client,
    pub(super) table: String,
    pub(super) clock: Clock,
}

impl Ledger {
    /// The ledger in `table`.
    pub const fn new(dynamodb: aws_sdk_dynamodb::Client, table: String, clock: Clock) -> Self {
        Self {
            dynamodb,
            table,
            clock,
        }
    }

    /// An update of the item with that key.
    pub(super) fn update(&self, key: Item) -> UpdateItemFluentBuilder {
        self.dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key))
    }

    /// An update of a post, conditional on its lease holder.
    pub(super) fn update_owned(&self, post: &Post, owner: &str) -> UpdateItemFluentBuilder {
        self.update(post_key(post))
            .condition_expression("#owner = :owner AND attribute_exists(lease_until)")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text_value(owner))
    }

    /// Sends an update that has a condition.
    pub(super) async fn send_conditional(
        &self,
        update: UpdateItemFluentBuilder,
    ) -> Result<ConditionalUpdate, StorageError> {
        let update = update
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update.send().await {
            Ok(answer) => Ok(ConditionalUpdate::Written(
                answer.attributes.unwrap_or_default(),
            )),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => Ok(
                    ConditionalUpdate::Refused(failed.item().cloned().unwrap_or_default()),
                ),
                _ => Err(StorageError::of(&self.table, &error)),
            },
        }
    }
}

pub(super) fn post_key(post: &Post) -> Item {
    key(
        &post.tenant,
        &post.session_id,
        format!("post#{}", post.digest),
    )
}

pub(super) fn record_key(tenant: &TenantId, session: &SessionId) -> Item {
    key(tenant, session, "record".to_owned())
}

fn key(tenant: &TenantId, session: &SessionId, entry: String) -> Item {
    HashMap::from([
        (
            "session".to_owned(),
            text_value(format!("{tenant}#{session}")),
        ),
        ("entry".to_owned(), text_value(entry)),
    ])
}

/// When an entry that is written now expires, as DynamoDB's time to live.
pub(super) fn expires_at(now: Timestamp) -> AttributeValue {
    number_value(now.plus(ENTRY_LIFETIME).as_secs())
}

/// Whether an entry has expired: DynamoDB deletes it up to some days later.
pub(super) fn has_expired(entry: &Item, now: Timestamp) -> bool {
    item::number(entry, "expires_at").is_some_and(|expires_at: i64| expires_at < now.as_secs())
}
