//! The sessions queue, its dead-letter queue and the queue of `reconcile-sessions`: the messages, their encoding, and the SQS
//! calls.

mod codec;
mod dead_letter;
mod message;
mod queues;
mod reconcile;

pub use self::codec::{MESSAGE_LIMIT, UNPACKED_LIMIT};
pub use self::dead_letter::{DeadLetter, raw_body};
pub use self::message::{Barrier, DecodeError, PackedPost, Post, QueueMessage, WakeRequest};
pub use self::queues::{QueueError, Queues};
pub use self::reconcile::{ReconcileQueue, ReconcileRequest};
