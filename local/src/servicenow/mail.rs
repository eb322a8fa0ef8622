//! An e-mail of the instance.

use serde::{Deserialize, Serialize};
use shared::domain::clock::Timestamp;

/// An e-mail that the instance has taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Its `sys_id` in `sys_email`.
    pub id: String,
    /// The recipients.
    pub to: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The plain text, empty when there was none.
    pub text: String,
    /// The HTML text, empty when there was none.
    pub html: String,
    /// The table of the record that it belongs to, empty without one.
    pub table_name: String,
    /// The `sys_id` of the record that it belongs to, empty without one.
    pub table_record_id: String,
    /// `send-ready`, or what became of it: `sent`, `send-failed`, `send-ignored`.
    pub outcome: String,
    /// When the instance took it.
    pub at: Timestamp,
}
