//! A tenant's settings as a JSON document with the tables and keys of the tenant file: their names, their rules, and how
//! they are changed.

mod change;
mod document;
mod keys;
mod rules;

pub use self::change::{Author, ChangeError, SettingsChange, change};
pub use self::document::{differences, document, dotted};
pub use self::keys::{KEYS, TABLE_KEYS, ValueKind};
pub use self::rules::{Rules, SettingFault, duration};
