//! LogMeIn Rescue: what it posts to us, and its API (docs/vendors.md).

pub mod api;
pub mod authcodes;
pub mod host;
pub mod pin;
pub mod post_to_url;
pub mod report;
mod xml_text;
