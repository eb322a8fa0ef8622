//! The sessions queue and its dead-letter queue: the messages, their encoding, and the SQS calls.

mod codec;
mod dead_letter;
mod message;
mod queues;

pub use self::codec::{MESSAGE_LIMIT, UNPACKED_LIMIT};
pub use self::dead_letter::{DeadLetter, raw_body};
pub use self::message::{DecodeError, PackedPost, Post, QueueMessage, WakeRequest};
pub use self::queues::{QueueError, Queues};
