//! What two or more functions of Rescue Connector need, by shelf.
//!
//! [`domain`] imports nothing of this crate. [`aws`], [`token`], [`rescue`] and [`servicenow`] are the adapters, each may
//! import those before it and what stands beside the shelves: [`http`], [`retry`], [`environment`] and [`telemetry`].

pub mod api;
pub mod aws;
mod cache;
pub mod domain;
pub mod environment;
pub mod http;
pub mod rescue;
pub mod retry;
pub mod servicenow;
pub mod telemetry;
pub mod token;
pub mod wiring;
