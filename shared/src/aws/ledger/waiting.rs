//! Posts that wait for their tenant's re-authorisation.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::aws::item::{self, Item, number_value, text_value};
use crate::aws::ledger::posts::{PostState, state};
use crate::aws::ledger::table::{BY_TENANT, ConditionalUpdate, Ledger, expires_at, post_key};
use crate::aws::queue::Post;
use crate::aws::storage_error::StorageError;
use crate::domain::clock::Timestamp;
use crate::domain::error::ErrorCode;
use crate::domain::tenant::TenantId;

/// How many entries of the index one query reads: some 200 KB.
const PAGE_SIZE: i32 = 200;

/// A page of the posts that wait for a tenant's re-authorisation, in the order in which they were accepted.
#[derive(Debug, Default)]
pub struct ReceiptHandlePage {
    /// The receipt handles of their messages.
    pub receipt_handles: Vec<String>,
    /// Where the next query starts; `None` at the end of the index.
    pub rest: Option<NextPage>,
}

/// Where a query of the index continues.
#[derive(Clone, Debug)]
pub struct NextPage {
    /// The remaining posts were accepted at this moment or later.
    pub from: Timestamp,
    key: Item,
}

impl Ledger {
    /// Stores the receipt handles of a post's messages (one, unless the post is queued twice) that are hidden until
    /// `until` because the tenant needs re-authorisation. One write; two for a post that had ended.
    ///
    /// Of a post whose lease has expired, changes nothing else. Changes nothing while a lease is held, when the post is
    /// complete, and while it waits for another reason: after an unknown outcome it must not be claimed early.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn await_authorization(
        &self,
        post: &Post,
        until: Timestamp,
        receipt_handles: Vec<String>,
    ) -> Result<(), StorageError> {
        let now = self.clock.now();
        let handles = AttributeValue::Ss(receipt_handles);
        let (_, source) = self.update_with_source(post);
        let set = format!(
            "SET {source}#state = :waiting, reason = :reason, next_attempt_at = :until, receipt_handle = :handles, \
             event = :event, tenant = :tenant, session_id = :session_id, received_at = :received_at, \
             expires_at = :expires_at"
        );
        let update = || {
            let (update, _) = self.update_with_source(post);
            update
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":waiting", text_value(PostState::Waiting.as_str()))
                .expression_attribute_values(
                    ":reason",
                    text_value(ErrorCode::ReauthorizationNeeded),
                )
                .expression_attribute_values(":until", text_value(until))
                .expression_attribute_values(":handles", handles.clone())
                .expression_attribute_values(":event", text_value(post.event))
                .expression_attribute_values(":tenant", text_value(&post.tenant))
                .expression_attribute_values(":session_id", text_value(&post.session_id))
                .expression_attribute_values(":received_at", text_value(post.received_at))
                .expression_attribute_values(":expires_at", expires_at(now))
        };
        let first = update()
            .update_expression(&set)
            .condition_expression(
                "attribute_not_exists(#state) OR (#state = :waiting AND expires_at >= :now_seconds \
                 AND (next_attempt_at <= :now OR reason = :reason))",
            )
            .expression_attribute_values(":now", text_value(now))
            .expression_attribute_values(":now_seconds", number_value(now.as_secs()));
        let ConditionalUpdate::Refused(found) = self.send_conditional(first).await? else {
            return Ok(());
        };
        if state(&found) == Some(PostState::Delivering) {
            return self.store_handles_of_expired_lease(post, handles).await;
        }
        // An operator sent an ended post again. It may be claimed anew, and its failed attempts do not count.
        let (from, set) = match state(&found) {
            Some(PostState::Failed) => (
                PostState::Failed,
                format!("{set}, attempts = :none, deaths = :none REMOVE suspect"),
            ),
            Some(PostState::Unmatched) => (PostState::Unmatched, set),
            _ => return Ok(()),
        };
        let mut update = update()
            .update_expression(set)
            .condition_expression("#state = :from")
            .expression_attribute_values(":from", text_value(from.as_str()));
        if from == PostState::Failed {
            update = update.expression_attribute_values(":none", number_value(0));
        }
        self.send_conditional(update).await.map(drop)
    }

    /// Stores the receipt handles of a post whose lease has expired. The next claim counts the crash and checks ServiceNow
    /// before it writes, so nothing else of the entry changes.
    async fn store_handles_of_expired_lease(
        &self,
        post: &Post,
        handles: AttributeValue,
    ) -> Result<(), StorageError> {
        let update = self
            .update(post_key(post))
            .update_expression("SET receipt_handle = :handles")
            .condition_expression("#state = :delivering AND lease_until < :now")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":delivering", text_value(PostState::Delivering.as_str()))
            .expression_attribute_values(":now", text_value(self.clock.now()))
            .expression_attribute_values(":handles", handles);
        self.send_conditional(update).await.map(drop)
    }

    /// One page of the tenant's posts that were accepted at or after `from` and wait for its re-authorisation. The index
    /// is eventually consistent. A page may be empty although others follow: DynamoDB filters after it reads.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn waiting_for_authorization(
        &self,
        tenant: &TenantId,
        from: Timestamp,
        rest: Option<NextPage>,
    ) -> Result<ReceiptHandlePage, StorageError> {
        let query = self
            .query()
            .index_name(BY_TENANT)
            .key_condition_expression("tenant = :tenant AND received_at >= :from")
            .filter_expression(
                "attribute_exists(receipt_handle) \
                 AND ((#state = :waiting AND reason = :reason) OR #state = :delivering)",
            )
            .projection_expression("receipt_handle")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":tenant", text_value(tenant))
            .expression_attribute_values(":from", text_value(from))
            .expression_attribute_values(":waiting", text_value(PostState::Waiting.as_str()))
            .expression_attribute_values(":delivering", text_value(PostState::Delivering.as_str()))
            .expression_attribute_values(":reason", text_value(ErrorCode::ReauthorizationNeeded))
            .limit(PAGE_SIZE)
            .set_exclusive_start_key(rest.map(|rest| rest.key));
        let answer = self.find(query).await?;
        let handles = |item: &Item| {
            let handles = item.get("receipt_handle")?.as_ss().ok()?;
            Some(handles.clone())
        };
        Ok(ReceiptHandlePage {
            receipt_handles: answer
                .items()
                .iter()
                .filter_map(handles)
                .flatten()
                .collect(),
            rest: answer.last_evaluated_key.map(|key| NextPage {
                from: item::timestamp(&key, "received_at").unwrap_or(from),
                key,
            }),
        })
    }
}
