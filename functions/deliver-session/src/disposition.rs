//! What happens to a message after it was handled.

use std::time::Duration;

/// What happens to a message after it was handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageDisposition {
    /// It leaves the queue.
    Done,
    /// It stays hidden in the queue for that long.
    Postponed(Duration),
    /// It stays hidden for that long, because its tenant has to be authorised again.
    Unauthorized(Duration),
    /// It has to be handled while the process handles nothing else, after so many crashes.
    Alone(u32),
}
