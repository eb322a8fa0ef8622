//! The operator's command line of Rescue Connector, and what it does as functions for the embedded stack.

mod command;
mod deliveries;
pub mod dlq;
pub mod doctor;
mod error;
mod folder;
mod json_name;
mod keys;
pub mod lifecycle;
mod plain;
mod random;
mod records;
pub mod remedies;
mod secret_text;
pub mod secrets;
mod secrets_manager;
pub mod sessions;
pub mod stack;
#[cfg(feature = "deployed")]
mod stack_lookup;
pub mod tenant;
pub mod tenant_file;
pub mod token;

#[cfg(feature = "deployed")]
pub use command::run;
pub use command::{Deployment, report_panic, run_on, terminal_width, wrapped};
pub use error::AdminError;
