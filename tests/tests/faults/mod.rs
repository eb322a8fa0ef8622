//! What the functions do when something fails.

mod batches;
mod exactly_once;
mod giving_up;
mod rotation;
mod session_details;
mod waiting;
mod waking;
