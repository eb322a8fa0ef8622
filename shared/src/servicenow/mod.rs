//! ServiceNow: tokens, records, attachments and notes (docs/vendors.md).

pub mod access;
pub mod client;
pub mod grants;
pub mod instance;
pub mod note;
pub mod oauth;
pub mod query;
pub mod refusal;
pub mod text;
mod transport;
mod words;
