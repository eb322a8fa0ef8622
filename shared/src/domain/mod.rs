//! Types of the domain: tenants, sessions, records, time, secrets, errors. Imports no other part of this crate.

mod checked_text;
pub mod clock;
pub mod error;
pub mod instance;
pub mod plain_text;
pub mod record;
pub mod record_number;
pub mod record_tables;
pub mod secret;
pub mod secret_fault;
pub mod secret_name;
pub mod session;
pub mod tenant;
pub mod time_budget;
pub mod tracking;
