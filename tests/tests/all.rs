//! Every test that needs the embedded cloud, in one binary.
#![expect(clippy::expect_used, reason = "a test fails so")]

mod adapters;
mod faults;
mod flows;
mod secrecy;
