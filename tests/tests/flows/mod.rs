//! What the functions do when all is well, one file per function.

mod closed_records;
mod deliver_session;
mod new_records;
mod publishing;
mod resolution;
