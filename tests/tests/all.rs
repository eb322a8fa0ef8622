//! All tests with the embedded cloud, in one binary.
#![expect(clippy::expect_used, reason = "what tests share fails as a test does")]

mod adapters;
mod faults;
mod flows;
mod secrecy;
mod template;
