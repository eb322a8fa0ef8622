//! What two or more functions of Rescue Connector need.
//!
//! [`domain`] imports nothing of this crate. The adapters [`aws`], [`token`], [`rescue`] and [`servicenow`] import those
//! before them, and [`http`], [`retry`], [`environment`] and [`telemetry`]. [`reconciliation`] compares what [`rescue`] reports
//! with what [`aws`] has stored. [`wiring`] makes the adapters from the
//! environment, [`checks`] tries out with them what a tenant needs, and [`api`] is what the HTTP functions have in common.

pub mod api;
pub mod aws;
pub mod cache;
pub mod checks;
pub mod domain;
pub mod environment;
pub mod http;
pub mod reconciliation;
pub mod rescue;
pub mod retry;
pub mod servicenow;
pub mod settings;
pub mod telemetry;
pub mod token;
pub mod wiring;
