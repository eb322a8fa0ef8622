//! What the functions do when something else fails.

mod session_details;
