//! The harness of the tests: a world with the functions' real binaries, the embedded AWS and the simulators.
#![expect(clippy::expect_used, reason = "the harness fails as a test does")]

mod answer;
mod assertions;
pub mod bars;
mod binaries;
pub mod calls;
mod commands;
mod deliveries;
mod faults;
pub mod injected;
mod pin_requests;
pub mod reconciliation;
pub mod reported;
pub mod session_rows;
pub mod settings;
pub mod settings_app;
pub mod tokens;
mod world;

pub use answer::HttpAnswer;
pub use assertions::{Case, assert_contains};
pub use binaries::folder;
pub use deliveries::{LEASE, until};
pub use pin_requests::request;
pub use world::{DeadLetter, LedgerEntry, World};
