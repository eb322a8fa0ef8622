//! Receives the messages of the dead-letter queue and makes them visible again.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    MessageSystemAttributeName, QueueAttributeName,
};

use crate::error::AdminError;
use crate::stack::Stack;

/// The most messages that one SQS call takes or returns.
pub(super) const BATCH: usize = 10;

/// How long messages that are only read stay hidden when making them visible again fails.
pub(super) const HIDE_WHILE_READING: Duration = Duration::from_secs(60);

/// How long messages that are put back stay hidden: longer than sending and deleting a round takes.
pub(super) const HIDE_WHILE_REDRIVING: Duration = Duration::from_secs(300);

/// After this many receives in a row without a new message, all messages have been received.
const REPEATS: usize = 50;

/// How many messages a queue holds, hidden ones included.
pub(crate) async fn message_count(stack: &Stack, queue_url: &str) -> Result<usize, AdminError> {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let request = stack.sqs.get_queue_attributes().queue_url(queue_url);
    let answer = request
        .set_attribute_names(Some(names.to_vec()))
        .send()
        .await;
    let queue = format!("queue {queue_url}");
    let answer =
        answer.map_err(|error| AdminError::aws("sqs:GetQueueAttributes", &queue, &error))?;
    let counts = answer.attributes.unwrap_or_default();
    let count = |name| counts.get(name)?.parse::<usize>().ok();
    Ok(names.iter().filter_map(count).sum())
}

/// Receives messages of the dead-letter queue. [`Receiver::release`] makes visible what was not deleted.
pub(super) struct Receiver<'a> {
    stack: &'a Stack,
    queue: String,
    hide: Duration,
    seen: HashSet<String>,
    /// Receipt handles of the messages that are not deleted, by message id.
    handles: HashMap<String, String>,
}

impl<'a> Receiver<'a> {
    pub(super) fn new(stack: &'a Stack, hide: Duration) -> Self {
        Self {
            stack,
            queue: format!("queue {}", stack.sessions_dlq_url),
            hide,
            seen: HashSet::new(),
            handles: HashMap::new(),
        }
    }

    /// How many different messages were received.
    pub(super) fn received(&self) -> usize {
        self.seen.len()
    }

    pub(super) fn is_deleted(&self, id: &str) -> bool {
        !self.handles.contains_key(id)
    }

    /// The next messages; `None` when the queue returns no new ones. A message that becomes visible again meanwhile is
    /// returned once.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Message>>, AdminError> {
        for _ in 0..REPEATS {
            let answer = self
                .stack
                .sqs
                .receive_message()
                .queue_url(&self.stack.sessions_dlq_url)
                .max_number_of_messages(10)
                .visibility_timeout(i32::try_from(self.hide.as_secs()).unwrap_or(i32::MAX))
                // A long poll queries all SQS servers: an empty answer to a short poll proves nothing.
                .wait_time_seconds(1)
                .message_attribute_names("All")
                .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
                .send()
                .await
                .map_err(|error| AdminError::aws("sqs:ReceiveMessage", &self.queue, &error))?;
            let mut messages = answer.messages.unwrap_or_default();
            if messages.is_empty() {
                return Ok(None);
            }
            messages.retain(|message| {
                let id = message.message_id().unwrap_or_default().to_owned();
                let handle = message.receipt_handle().unwrap_or_default().to_owned();
                self.handles.insert(id.clone(), handle);
                self.seen.insert(id)
            });
            if !messages.is_empty() {
                return Ok(Some(messages));
            }
        }
        Ok(None)
    }

    /// # Errors
    /// [`AdminError::NoSuchDeadLetter`], or when SQS refuses.
    pub(super) async fn find(&mut self, id: &str) -> Result<Message, AdminError> {
        while let Some(messages) = self.next().await? {
            let mut messages = messages.into_iter();
            if let Some(message) = messages.find(|message| message.message_id() == Some(id)) {
                return Ok(message);
            }
        }
        Err(AdminError::NoSuchDeadLetter(id.to_owned()))
    }

    /// Deletes received messages. A message that SQS does not delete is released later; redriving it again writes
    /// nothing twice.
    pub(super) async fn delete(&mut self, ids: &[String]) -> Result<(), AdminError> {
        if ids.is_empty() {
            return Ok(());
        }
        let entries = ids.iter().enumerate().map(|(index, id)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(self.handles.get(id).map_or("", String::as_str))
                .build()
        });
        let entries: Vec<_> = entries.collect::<Result<_, _>>().map_err(|error| {
            AdminError::failed("sqs:DeleteMessage", &self.queue, error.to_string())
        })?;
        let request = self.stack.sqs.delete_message_batch();
        let answer = request
            .queue_url(&self.stack.sessions_dlq_url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(|error| AdminError::aws("sqs:DeleteMessage", &self.queue, &error))?;
        let deleted = answer.successful().iter();
        for index in deleted.filter_map(|entry| entry.id().parse::<usize>().ok()) {
            if let Some(id) = ids.get(index) {
                self.handles.remove(id);
            }
        }
        Ok(())
    }

    /// Makes every message that was not deleted visible to other consumers.
    pub(super) async fn release(self) -> Result<(), AdminError> {
        let action = "sqs:ChangeMessageVisibility";
        let handles: Vec<&String> = self.handles.values().collect();
        for batch in handles.chunks(BATCH) {
            let entries = batch.iter().enumerate().map(|(index, handle)| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(*handle)
                    .visibility_timeout(0)
                    .build()
            });
            let entries: Vec<_> = entries
                .collect::<Result<_, _>>()
                .map_err(|error| AdminError::failed(action, &self.queue, error.to_string()))?;
            // SQS refuses an entry only when its message is visible already.
            self.stack
                .sqs
                .change_message_visibility_batch()
                .queue_url(&self.stack.sessions_dlq_url)
                .set_entries(Some(entries))
                .send()
                .await
                .map_err(|error| AdminError::aws(action, &self.queue, &error))?;
        }
        Ok(())
    }
}
