//! The Table, Attachment and Email APIs (docs/vendors.md#table-api, docs/vendors.md#attachments). Each call succeeds,
//! has no effect, or has an unknown outcome ([`CallError`]).

mod answer;
mod attachments;
mod call;
mod columns;
mod email;
mod error;
mod instance;
mod reading;
mod writing;

pub use self::columns::Columns;
pub use self::email::Email;
pub use self::error::CallError;
pub use self::instance::{ServiceNowClient, TenantInstance};
pub use self::reading::{DisplayValue, FoundRecord};
pub use self::writing::{CreatedRecord, WrittenRecord};
