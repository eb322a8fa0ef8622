//! What two or more functions of Rescue Connector need.
//!
//! Domain types ([`tenant`], [`session`], [`record`], [`tracking`], [`clock`], [`secret`], [`retry`], [`error`]) import
//! nothing but the standard library, serde and hashes. Adapters import the domain; functions import both.

pub mod api;
pub mod aws;
pub mod clock;
pub mod credentials;
pub mod environment;
pub mod error;
pub mod http;
pub mod ledger;
pub mod queue;
pub mod record;
mod remembered;
pub mod rescue;
pub mod retry;
pub mod secret;
pub mod servicenow;
pub mod session;
pub mod single_flight;
pub mod telemetry;
pub mod tenant;
pub mod tenants;
pub mod tracking;
pub mod uncut;
pub mod vault;
