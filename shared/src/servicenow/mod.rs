//! ServiceNow: how session details look there.

pub mod note;
pub mod text;
mod words;
