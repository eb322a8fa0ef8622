//! The connector's own tables, secrets and queues in AWS.

pub mod credentials;
pub mod direct;
pub mod item;
pub mod ledger;
pub mod queue;
pub mod sdk;
pub mod secret_store;
pub mod single_flight;
pub mod storage_error;
pub mod tenants;
