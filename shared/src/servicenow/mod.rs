//! ServiceNow: records, attachments and notes (docs/vendors.md).

pub mod client;
pub mod query;
pub mod refusal;
pub mod text;
