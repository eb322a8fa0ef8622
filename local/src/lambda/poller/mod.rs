//! Lambda's event source for an SQS queue: receives batches, invokes, deletes what the function finished.
//!
//! SQS itself keeps a FIFO queue's later messages of a group back while earlier ones are in flight, so batches may run side
//! by side.
//! Source: Lambda developer guide, "Using Lambda with Amazon SQS"; docs/vendors.md#sqs-fifo.

mod event;
mod failures;
mod mapping;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use tokio::sync::{Semaphore, watch};

use self::mapping::EventSourceMapping;
use super::function::PAYLOAD_LIMIT;
use super::pool::Lambda;

/// SQS's limit for a FIFO queue, and for a standard queue without a batching window.
const LARGEST_BATCH: usize = 10;

/// Shorter than Lambda's 20 s: pausing and stopping wait for a running poll.
const LONG_POLL: Duration = Duration::from_secs(1);

/// After a failed receive.
const RECEIVE_RETRY: Duration = Duration::from_millis(500);

/// A running event source mapping. It ends when dropped; a batch in progress is finished.
pub struct Poller {
    mapping: Arc<EventSourceMapping>,
    state: watch::Sender<PollerState>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PollerState {
    Running,
    Paused,
    Stopped,
}

impl Poller {
    /// A poller that receives nothing before [`Poller::resume`] or [`Poller::poll_once`]. `batch_size` is cut to 1 to 10,
    /// `maximum_concurrency` to 1 to 1000.
    pub fn paused(
        client: Client,
        queue_url: impl Into<String>,
        queue_arn: impl Into<String>,
        lambda: Lambda,
        batch_size: usize,
        maximum_concurrency: u32,
    ) -> Self {
        let maximum_concurrency = maximum_concurrency.clamp(1, 1000);
        Self::of(EventSourceMapping {
            client,
            queue_url: queue_url.into(),
            queue_arn: queue_arn.into(),
            lambda,
            batch_size: batch_size.clamp(1, LARGEST_BATCH),
            maximum_concurrency,
            event_limit: PAYLOAD_LIMIT,
            slots: Arc::new(Semaphore::new(maximum_concurrency as usize)),
        })
    }

    fn of(mapping: EventSourceMapping) -> Self {
        let mapping = Arc::new(mapping);
        let (state, receiver) = watch::channel(PollerState::Paused);
        tokio::spawn(poll(Arc::clone(&mapping), receiver));
        Self { mapping, state }
    }

    /// Stops receiving; returns when the batches in progress are done.
    pub async fn pause(&self) {
        self.change(PollerState::Running, PollerState::Paused);
        self.until_idle().await;
    }

    /// Polls again, unless it was stopped.
    pub fn resume(&self) {
        self.change(PollerState::Paused, PollerState::Running);
    }

    /// Ends polling; returns when the batches in progress are done.
    pub async fn stop(&self) {
        self.state.send_replace(PollerState::Stopped);
        self.until_idle().await;
    }

    /// Receives one batch without waiting, processes it, and returns its number of messages. Also while paused.
    pub async fn poll_once(&self) -> usize {
        let Ok(_slot) = self.mapping.slots.acquire().await else {
            return 0;
        };
        let messages = self.mapping.receive(Duration::ZERO).await;
        let messages = messages.unwrap_or_default();
        let count = messages.len();
        self.mapping.process(messages).await;
        count
    }

    fn change(&self, from: PollerState, to: PollerState) {
        self.state.send_if_modified(|state| {
            let changed = *state == from;
            if changed {
                *state = to;
            }
            changed
        });
    }

    async fn until_idle(&self) {
        let all = self.mapping.maximum_concurrency;
        // Never closed, so this only waits.
        let _all = self.mapping.slots.acquire_many(all).await;
    }
}

async fn poll(mapping: Arc<EventSourceMapping>, mut state: watch::Receiver<PollerState>) {
    loop {
        let running = state.wait_for(|state| *state != PollerState::Paused).await;
        if running.is_ok_and(|state| *state == PollerState::Stopped) || state.has_changed().is_err()
        {
            return;
        }
        let Ok(slot) = Arc::clone(&mapping.slots).acquire_owned().await else {
            return;
        };
        // It may have been paused while all slots were taken.
        if *state.borrow() != PollerState::Running {
            continue;
        }
        match mapping.receive(LONG_POLL).await {
            Some(messages) if messages.is_empty() => {}
            Some(messages) => {
                let mapping = Arc::clone(&mapping);
                tokio::spawn(async move {
                    mapping.process(messages).await;
                    drop(slot);
                });
            }
            None => {
                drop(slot);
                tokio::time::sleep(RECEIVE_RETRY).await;
            }
        }
    }
}
