//! The ledger's table: its keys and its conditional updates.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::query::builders::QueryInputBuilder;
use aws_sdk_dynamodb::operation::query::{Query, QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemInputBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItem, UpdateItemError, UpdateItemInput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

use crate::aws::direct::DirectClient;
use crate::aws::item::{self, Item, number_value, text_value};
use crate::aws::queue::Post;
use crate::aws::storage_error::StorageError;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::session::SessionId;
use crate::domain::tenant::TenantId;

/// The index of each tenant's posts by the time at which they were accepted.
pub const BY_TENANT: &str = "by-tenant";

/// How long an entry is kept.
pub const ENTRY_LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);

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
    pub(super) dynamodb: DirectClient,
    pub(super) table: String,
    pub(super) clock: Clock,
}

impl Ledger {
    /// The ledger in `table`.
    pub const fn new(dynamodb: DirectClient, table: String, clock: Clock) -> Self {
        Self {
            dynamodb,
            table,
            clock,
        }
    }

    /// An update of the item with that key.
    pub(super) fn update(&self, key: Item) -> UpdateItemInputBuilder {
        UpdateItemInput::builder()
            .table_name(&self.table)
            .set_key(Some(key))
    }

    /// An update of a post, and the beginning of its `SET` that stores where the post comes from. Rescue's own posts have no
    /// `source`.
    pub(super) fn update_with_source(&self, post: &Post) -> (UpdateItemInputBuilder, &'static str) {
        let update = self.update(post_key(post));
        if post.source.is_post() {
            return (update, "");
        }
        let update = update
            .expression_attribute_names("#source", "source")
            .expression_attribute_values(":source", text_value(post.source.as_str()));
        (update, "#source = :source, ")
    }

    /// An update of a post, conditional on its lease holder.
    pub(super) fn update_owned(&self, post: &Post, owner: &str) -> UpdateItemInputBuilder {
        self.update(post_key(post))
            .condition_expression("#owner = :owner AND attribute_exists(lease_until)")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text_value(owner))
    }

    /// Sends an update whose failed condition is an error.
    pub(super) async fn send(&self, update: UpdateItemInputBuilder) -> Result<(), StorageError> {
        let answer = self.dynamodb.call::<UpdateItem>(update.build()).await;
        answer
            .map(drop)
            .map_err(|error| StorageError::of(&self.table, &error))
    }

    /// Sends an update that has a condition.
    pub(super) async fn send_conditional(
        &self,
        update: UpdateItemInputBuilder,
    ) -> Result<ConditionalUpdate, StorageError> {
        let update = update
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match self.dynamodb.call::<UpdateItem>(update.build()).await {
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

    /// A query of the table.
    pub(super) fn query(&self) -> QueryInputBuilder {
        QueryInput::builder().table_name(&self.table)
    }

    /// Sends a query.
    pub(super) async fn find(&self, query: QueryInputBuilder) -> Result<QueryOutput, StorageError> {
        let answer = self.dynamodb.call::<Query>(query.build()).await;
        answer.map_err(|error| StorageError::of(&self.table, &error))
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

pub(super) fn barrier_key(tenant: &TenantId, session: &SessionId) -> Item {
    key(tenant, session, "barrier".to_owned())
}

pub(super) fn session_value(tenant: &TenantId, session: &SessionId) -> AttributeValue {
    text_value(format!("{tenant}#{session}"))
}

fn key(tenant: &TenantId, session: &SessionId, entry: String) -> Item {
    HashMap::from([
        ("session".to_owned(), session_value(tenant, session)),
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
