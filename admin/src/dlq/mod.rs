//! The dead-letter queue: what could not be delivered, shown and put back (docs/architecture.md#rule-4).
//!
//! Receiving a message hides it from other consumers. Commands that only read hide messages briefly and make all of
//! them visible again at once.

mod dead_letter;
mod inspect;
mod message;
mod receiver;
mod redrive;

pub(crate) use self::dead_letter::ShownDeadLetter;
pub use self::dead_letter::{DeadLetter, Filter, RemainingDeadLetter};
pub use self::inspect::{DeadLetters, list};
pub(crate) use self::inspect::{delete, show};
pub(crate) use self::receiver::message_count;
pub use self::redrive::{DelayedPost, NamedRecord, Redriven, redrive, redrive_one};
