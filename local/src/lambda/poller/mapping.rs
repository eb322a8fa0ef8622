//! An event source mapping: receives batches of a queue, invokes the function, deletes what it finished.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use tokio::sync::Semaphore;

use super::event::{EventRecord, event, split};
use super::failures::failures;
use crate::lambda::pool::Lambda;

pub(super) struct EventSourceMapping {
    pub(super) client: Client,
    pub(super) queue_url: String,
    pub(super) queue_arn: String,
    pub(super) lambda: Lambda,
    pub(super) batch_size: usize,
    pub(super) maximum_concurrency: u32,
    /// An event has this many bytes at most.
    pub(super) event_limit: usize,
    /// One permit for each batch that may be in progress.
    pub(super) slots: Arc<Semaphore>,
}

impl EventSourceMapping {
    /// `None` when the receive failed, which is logged.
    pub(super) async fn receive(&self, wait: Duration) -> Option<Vec<Message>> {
        let received = self
            .client
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(i32::try_from(self.batch_size).unwrap_or(1))
            .wait_time_seconds(i32::try_from(wait.as_secs()).unwrap_or(0))
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await;
        match received {
            Ok(received) => Some(received.messages.unwrap_or_default()),
            Err(error) => {
                let error = DisplayErrorContext(&error);
                tracing::warn!(queue = self.queue_arn, %error, "cannot receive");
                None
            }
        }
    }

    /// Invokes the function with these messages, several times when one event would exceed `event_limit`. After a
    /// failure the rest of the message's group stays in the queue.
    pub(super) async fn process(&self, messages: Vec<Message>) {
        let mut failed_groups: HashSet<String> = HashSet::new();
        for mut batch in split(messages, &self.queue_arn, self.event_limit) {
            batch.retain(|record| {
                record
                    .group()
                    .is_none_or(|group| !failed_groups.contains(group))
            });
            if batch.is_empty() {
                continue;
            }
            let finished = self.invoke(&batch).await;
            let (finished, failed): (Vec<&EventRecord>, Vec<&EventRecord>) = batch
                .iter()
                .partition(|record| finished.contains(record.id()));
            let groups = failed.iter().filter_map(|record| record.group());
            failed_groups.extend(groups.map(str::to_owned));
            self.delete(&finished).await;
        }
    }

    /// The ids of the messages that the function has processed.
    async fn invoke<'batch>(&self, batch: &'batch [EventRecord]) -> HashSet<&'batch str> {
        let event = event(batch).to_string();
        let invocation = self.lambda.invoke(event.into_bytes()).await;
        let (function, request_id) = (self.lambda.name(), invocation.request_id);
        let ids: Vec<&str> = batch.iter().map(EventRecord::id).collect();
        match invocation.result {
            Err(error) => {
                tracing::warn!(function, request_id, %error, "the batch failed");
                HashSet::new()
            }
            Ok(response) => match failures(&response, &ids) {
                Ok(failed) => ids.into_iter().filter(|id| !failed.contains(*id)).collect(),
                Err(reason) => {
                    tracing::warn!(function, request_id, %reason, "the batch counts as failed");
                    HashSet::new()
                }
            },
        }
    }

    async fn delete(&self, records: &[&EventRecord]) {
        let entries = records.iter().enumerate().filter_map(|(number, record)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .set_receipt_handle(record.receipt_handle().map(str::to_owned))
                .build()
                .ok()
        });
        let entries: Vec<_> = entries.collect();
        if entries.is_empty() {
            return;
        }
        let request = self.client.delete_message_batch();
        let request = request
            .queue_url(&self.queue_url)
            .set_entries(Some(entries));
        match request.send().await {
            Ok(deleted) => {
                for refused in deleted.failed() {
                    let (code, message) = (refused.code(), refused.message().unwrap_or_default());
                    tracing::warn!(queue = self.queue_arn, code, message, "cannot delete");
                }
            }
            Err(error) => {
                let error = DisplayErrorContext(&error);
                tracing::warn!(queue = self.queue_arn, %error, "cannot delete");
            }
        }
    }
}
