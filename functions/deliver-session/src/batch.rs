//! What the groups of one batch share: the deadline, the memory, and what is done already (decision 0009).

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use shared::aws::queue::Queues;
use shared::domain::clock::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::event::Message;

/// The posts of a batch that are being delivered unpack to no more than this, in bytes, with what is made of them.
const ROOM: usize = 48 * 1024 * 1024;

/// A post's fields, their JSON, and the note or attachment that is made of them.
const COPIES: usize = 3;

/// Room is given out in pieces of this size.
const PIECE: usize = 1024;

/// Messages that are done with are deleted after this, unless the batch has ended by then.
const PROMPTLY: Duration = Duration::from_secs(1);

/// One batch.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) deadline: Timestamp,
    room: Semaphore,
    done: Mutex<Done>,
}

#[derive(Debug, Default)]
struct Done {
    ids: HashSet<String>,
    /// The receipt handles of those that are not deleted yet.
    handles: Vec<String>,
}

impl Batch {
    pub(crate) fn new(deadline: Timestamp) -> Self {
        Self {
            deadline,
            room: Semaphore::new(ROOM / PIECE),
            done: Mutex::default(),
        }
    }

    /// Room for a post that unpacks to that many bytes, once there is some. A large post gets all of it. `None` never.
    pub(crate) async fn room(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        let pieces = bytes.saturating_mul(COPIES).min(ROOM).div_ceil(PIECE);
        let pieces = u32::try_from(pieces).ok()?;
        self.room.acquire_many(pieces).await.ok()
    }

    /// The message leaves the queue.
    pub(crate) fn finish(&self, message: &Message) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.ids.insert(message.id.clone());
        done.handles.push(message.receipt_handle.clone());
    }

    pub(crate) fn is_finished(&self, message: &Message) -> bool {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.ids.contains(&message.id)
    }

    /// Deletes what is done with as long as the batch lasts, so that the next message of a group does not wait for the
    /// slowest group. Lambda deletes it once more, or the rest, when the batch has ended.
    pub(crate) async fn delete_finished(&self, queues: &Queues) -> Infallible {
        loop {
            tokio::time::sleep(PROMPTLY).await;
            let handles = {
                let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut done.handles)
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

    #[tokio::test]
    async fn small_posts_go_side_by_side_and_the_largest_by_itself() {
        let batch = Batch::new(Timestamp::from_millis(0));
        let mut small = Vec::new();
        for _ in 0..10 {
            small.push(batch.room(1024 * 1024).now_or_never().expect("at once"));
        }
        let mut largest = std::pin::pin!(batch.room(shared::aws::queue::UNPACKED_LIMIT));
        assert!(largest.as_mut().now_or_never().is_none());
        small.clear();
        let largest = largest.now_or_never().expect("now there is room");
        assert!(batch.room(1).now_or_never().is_none());
        drop(largest);
        assert!(batch.room(1).now_or_never().is_some());
        assert!(batch.room(usize::MAX).now_or_never().is_some());
    }
}
