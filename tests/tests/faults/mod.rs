//! The functions while a vendor, AWS or a process fails.

mod batches;
mod exactly_once;
mod giving_up;
mod rotation;
mod session_details;
mod two_at_once;
mod waiting;
mod waking;
mod written;
