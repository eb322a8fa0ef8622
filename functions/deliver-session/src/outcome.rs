//! What becomes of a message, whoever has handled it.

use std::time::Duration;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeliveryOutcome {
    /// It leaves the queue.
    Done,
    /// It stays hidden in the queue for that long.
    Postponed(Duration),
    /// The same, because its tenant has to be authorised again.
    Unauthorized(Duration),
    /// It has to be handled while nothing else is, after so many deaths.
    Alone(u32),
}
