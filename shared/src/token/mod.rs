//! The life of a refresh token: granted, shared, renewed, stored, never lost.

pub mod access;
pub mod grants;
pub mod oauth;
pub mod uninterrupted;
