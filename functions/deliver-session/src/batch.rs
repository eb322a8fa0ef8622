//! What the groups of one batch share: time, memory, and the list of finished messages (decision 0009).

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use shared::aws::queue::Queues;
use shared::domain::time_budget::TimeBudget;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::event::Message;

/// The memory for the posts that are being delivered and the notes made of them, in bytes.
const MEMORY: usize = 48 * 1024 * 1024;

/// A post's fields, their JSON, and the note or attachment.
const COPIES: usize = 3;

/// Memory is allotted in pieces of so many bytes.
const PIECE: usize = 1024;

/// How often finished messages are deleted while the batch lasts.
const DELETE_EVERY: Duration = Duration::from_secs(1);

/// The state that the groups of one batch share.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) budget: TimeBudget,
    room: Semaphore,
    finished: Mutex<Finished>,
}

#[derive(Debug, Default)]
struct Finished {
    ids: HashSet<String>,
    /// The receipt handles of finished messages that are not deleted yet.
    handles: Vec<String>,
}

impl Batch {
    pub(crate) fn new(budget: TimeBudget) -> Self {
        Self {
            budget,
            room: Semaphore::new(MEMORY / PIECE),
            finished: Mutex::default(),
        }
    }

    /// Waits for the memory of a post that unpacks to so many bytes. A large post gets all of it. Never `None`.
    pub(crate) async fn reserve_memory(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        let pieces = bytes.saturating_mul(COPIES).min(MEMORY).div_ceil(PIECE);
        let pieces = u32::try_from(pieces).ok()?;
        self.room.acquire_many(pieces).await.ok()
    }

    /// Marks a message that leaves the queue.
    pub(crate) fn finish(&self, message: &Message) {
        let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        finished.ids.insert(message.id.clone());
        finished.handles.push(message.receipt_handle.clone());
    }

    pub(crate) fn is_finished(&self, message: &Message) -> bool {
        let finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        finished.ids.contains(&message.id)
    }

    /// Deletes finished messages as long as the batch lasts, so that the next message of a group does not wait for the
    /// slowest group. Lambda deletes all finished messages when the batch has ended.
    pub(crate) async fn delete_finished(&self, queues: &Queues) -> Infallible {
        loop {
            tokio::time::sleep(DELETE_EVERY).await;
            let handles = {
                let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut finished.handles)
            };
            if handles.is_empty() {
                continue;
            }
            if let Err(error) = queues.delete(&handles).await {
                tracing::warn!(%error, "finished messages are deleted when their batch ends");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use shared::domain::clock::{Clock, Timestamp};

    #[tokio::test]
    async fn small_posts_go_side_by_side_and_the_largest_by_itself() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let batch = Batch::new(TimeBudget::lasting(clock, Duration::ZERO));
        let mut small = Vec::new();
        for _ in 0..10 {
            small.push(
                batch
                    .reserve_memory(1024 * 1024)
                    .now_or_never()
                    .expect("at once"),
            );
        }
        let mut largest = std::pin::pin!(batch.reserve_memory(shared::aws::queue::UNPACKED_LIMIT));
        assert!(largest.as_mut().now_or_never().is_none());
        small.clear();
        let largest = largest.now_or_never().expect("now there is room");
        assert!(batch.reserve_memory(1).now_or_never().is_none());
        drop(largest);
        assert!(batch.reserve_memory(1).now_or_never().is_some());
        assert!(batch.reserve_memory(usize::MAX).now_or_never().is_some());
    }
}
