//! The operator's command line of Rescue Connector, and what it does as functions for the embedded stack.

mod command;
pub mod dlq;
pub mod doctor;
mod error;
pub mod folder;
pub mod keys;
pub mod lifecycle;
mod plain;
pub mod records;
mod remedies;
pub mod secret_text;
pub mod secrets;
pub mod sessions;
pub mod stack;
pub mod tenant;
pub mod tenant_file;
pub mod token;
mod vault;

pub use command::{report_panic, run};
pub use error::AdminError;
