//! What the functions do when all is well, one file per function.

mod deliver_session;
mod session_details;
