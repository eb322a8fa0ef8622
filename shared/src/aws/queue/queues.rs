//! The SQS calls on the two queues.

use std::time::Duration;

use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::operation::change_message_visibility_batch::{
    ChangeMessageVisibilityBatch, ChangeMessageVisibilityBatchInput,
};
use aws_sdk_sqs::operation::delete_message_batch::{DeleteMessageBatch, DeleteMessageBatchInput};
use aws_sdk_sqs::operation::send_message::builders::SendMessageInputBuilder;
use aws_sdk_sqs::operation::send_message::{SendMessage, SendMessageInput};
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry,
    DeleteMessageBatchRequestEntry, MessageAttributeValue,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde::Serialize;

use crate::aws::direct::DirectClient;
use crate::aws::queue::dead_letter::DeadLetter;
use crate::aws::queue::message::{Barrier, Post, WakeRequest};
use crate::domain::clock::LONGEST_INVOCATION;
use crate::domain::tenant::TenantId;

/// SQS hides a message for at most 12 hours after it was received; an invocation may set the time-out that much later.
const LONGEST_VISIBILITY: Duration = Duration::from_secs(12 * 3600 - LONGEST_INVOCATION.as_secs());

/// A call to SQS failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct QueueError(pub String);

impl QueueError {
    /// Names the call and the queue: `SQS SendMessage, queue sessions.fifo: AccessDenied`.
    pub(super) fn of<E, R>(url: &str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        let name = url.rsplit('/').next().unwrap_or_default();
        Self(crate::aws::sdk::failure("queue", name, error).to_string())
    }
}

/// The sessions queue and its dead-letter queue.
#[derive(Clone, Debug)]
pub struct Queues {
    sqs: DirectClient,
    sessions_url: String,
    dead_letters_url: String,
}

impl Queues {
    /// The queues at these URLs.
    pub const fn new(sqs: DirectClient, sessions_url: String, dead_letters_url: String) -> Self {
        Self {
            sqs,
            sessions_url,
            dead_letters_url,
        }
    }

    /// Sends a post, whose body is `message`, until SQS confirms it or `time_limit` has passed
    /// ([`crate::aws::sdk::repeat`]). SQS drops repeats by the digest.
    ///
    /// # Errors
    /// When SQS did not confirm it.
    pub async fn send(
        &self,
        post: &Post,
        message: String,
        time_limit: Duration,
    ) -> Result<(), QueueError> {
        let message = SendMessageInput::builder()
            .queue_url(&self.sessions_url)
            .message_body(message)
            .message_group_id(post.group())
            .message_deduplication_id(post.digest.as_str());
        self.send_patiently(message, &self.sessions_url, time_limit)
            .await
    }

    /// Sends a dead letter, in a message group of its own and never deduplicated.
    ///
    /// # Errors
    /// When SQS did not confirm it.
    pub async fn send_dead_letter(&self, dead_letter: DeadLetter) -> Result<(), QueueError> {
        let message = self.dead_letter(dead_letter)?;
        self.sqs
            .call::<SendMessage>(message.build())
            .await
            .map_err(|error| QueueError::of(&self.dead_letters_url, &error))?;
        Ok(())
    }

    /// Sends a dead letter whose content is stored nowhere else, until SQS confirms it or `time_limit` has passed.
    /// Repeats are deduplicated.
    ///
    /// # Errors
    /// When SQS did not confirm it.
    pub async fn send_dead_letter_patiently(
        &self,
        dead_letter: DeadLetter,
        time_limit: Duration,
    ) -> Result<(), QueueError> {
        let message = self.dead_letter(dead_letter)?;
        self.send_patiently(message, &self.dead_letters_url, time_limit)
            .await
    }

    fn dead_letter(&self, dead_letter: DeadLetter) -> Result<SendMessageInputBuilder, QueueError> {
        let (body, attributes) = dead_letter.into_parts();
        let fresh = uuid::Uuid::new_v4().to_string();
        let mut message = SendMessageInput::builder()
            .queue_url(&self.dead_letters_url)
            .message_body(body)
            .message_group_id(&fresh)
            .message_deduplication_id(&fresh);
        for (name, value) in attributes {
            let Some(value) = value else { continue };
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
                .map_err(|error| QueueError(error.to_string()))?;
            message = message.message_attributes(name, value);
        }
        Ok(message)
    }

    /// Requests delivery, within a minute, of the posts that wait for the tenant's re-authorisation. The caller has ended
    /// the tenant's pause. Needs `sqs:SendMessage` on the sessions queue.
    ///
    /// # Errors
    /// When SQS did not confirm the request; the posts become visible within an hour all the same.
    pub async fn wake(&self, tenant: &TenantId) -> Result<(), QueueError> {
        self.send_wake(&WakeRequest::new(tenant.clone(), None))
            .await
    }

    /// [`Queues::wake`] for a caller that can only log a failure.
    pub async fn wake_if_possible(&self, tenant: &TenantId) {
        if let Err(error) = self.wake(tenant).await {
            tracing::warn!(%tenant, %error, "posts that wait for a token are delivered within an hour");
        }
    }

    /// Sends a wake request.
    ///
    /// # Errors
    /// When SQS did not confirm it.
    pub async fn send_wake(&self, wake: &WakeRequest) -> Result<(), QueueError> {
        self.send_to_group(wake, format!("{}#*", wake.tenant)).await
    }

    /// Sends a barrier into its session's message group.
    ///
    /// # Errors
    /// When SQS did not confirm it.
    pub async fn send_barrier(&self, barrier: &Barrier) -> Result<(), QueueError> {
        let group = format!("{}#{}", barrier.tenant, barrier.session_id);
        self.send_to_group(barrier, group).await
    }

    /// Sends a message that is no post, and is never deduplicated.
    async fn send_to_group(
        &self,
        message: &impl Serialize,
        group: String,
    ) -> Result<(), QueueError> {
        let body = serde_json::to_string(message).map_err(|error| QueueError(error.to_string()))?;
        let message = SendMessageInput::builder()
            .queue_url(&self.sessions_url)
            .message_body(body)
            .message_group_id(group)
            .message_deduplication_id(uuid::Uuid::new_v4().to_string());
        self.sqs
            .call::<SendMessage>(message.build())
            .await
            .map_err(|error| QueueError::of(&self.sessions_url, &error))?;
        Ok(())
    }

    /// Sets the visibility time-out of up to ten messages (receipt handles).
    ///
    /// # Errors
    /// When SQS refused one of them; it becomes visible when its present time-out ends.
    pub async fn postpone(&self, messages: &[(String, Duration)]) -> Result<(), QueueError> {
        let messages = messages
            .iter()
            .map(|(handle, delay)| (handle.as_str(), *delay));
        match self.set_visibility(messages).await?.first() {
            None => Ok(()),
            Some(failed) => Err(QueueError(failed.code().to_owned())),
        }
    }

    /// Deletes up to ten messages (receipt handles). Idempotent.
    ///
    /// # Errors
    /// When SQS did not delete one of them.
    pub async fn delete(&self, receipt_handles: &[String]) -> Result<(), QueueError> {
        let mut request = DeleteMessageBatchInput::builder().queue_url(&self.sessions_url);
        for (index, receipt_handle) in receipt_handles.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(receipt_handle)
                .build()
                .map_err(|error| QueueError(error.to_string()))?;
            request = request.entries(entry);
        }
        let answer = self
            .sqs
            .call::<DeleteMessageBatch>(request.build())
            .await
            .map_err(|error| QueueError::of(&self.sessions_url, &error))?;
        match answer.failed.first() {
            None => Ok(()),
            Some(failed) => Err(QueueError(failed.code.clone())),
        }
    }

    /// Makes up to ten messages (receipt handles) visible now, and returns how many. Skips messages whose receipt handle
    /// has expired: they are visible already, received again or deleted.
    ///
    /// # Errors
    /// When SQS failed at one of them.
    pub async fn make_visible(&self, receipt_handles: &[String]) -> Result<usize, QueueError> {
        let messages = receipt_handles
            .iter()
            .map(|handle| (handle.as_str(), Duration::ZERO));
        let failed = self.set_visibility(messages).await?;
        // SQS reports an expired receipt handle as the sender's fault.
        match failed.iter().find(|failed| !failed.sender_fault()) {
            None => Ok(receipt_handles.len() - failed.len()),
            Some(failed) => Err(QueueError(failed.code().to_owned())),
        }
    }

    /// Returns the messages that SQS refused.
    async fn set_visibility(
        &self,
        messages: impl Iterator<Item = (&str, Duration)>,
    ) -> Result<Vec<BatchResultErrorEntry>, QueueError> {
        let mut request =
            ChangeMessageVisibilityBatchInput::builder().queue_url(&self.sessions_url);
        for (index, (receipt_handle, delay)) in messages.enumerate() {
            let seconds = delay.min(LONGEST_VISIBILITY).as_secs_f64().ceil();
            #[expect(clippy::cast_possible_truncation, reason = "at most 12 hours")]
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(receipt_handle)
                .visibility_timeout(seconds as i32)
                .build()
                .map_err(|error| QueueError(error.to_string()))?;
            request = request.entries(entry);
        }
        let answer = self
            .sqs
            .call::<ChangeMessageVisibilityBatch>(request.build())
            .await
            .map_err(|error| QueueError::of(&self.sessions_url, &error))?;
        Ok(answer.failed)
    }

    async fn send_patiently(
        &self,
        message: SendMessageInputBuilder,
        url: &str,
        time_limit: Duration,
    ) -> Result<(), QueueError> {
        let call = async || self.sqs.call::<SendMessage>(message.clone().build()).await;
        crate::aws::sdk::repeat(time_limit, call)
            .await
            .map_err(|error| QueueError::of(url, &error))?;
        Ok(())
    }
}
