//! Being written.

pub mod instance;
