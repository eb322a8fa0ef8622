//! What the HTTP functions have in common: the loop, requests, API keys, JSON bodies and responses.

pub mod authorize;
pub mod json_object;
pub mod request;
pub mod response;
pub mod server;
