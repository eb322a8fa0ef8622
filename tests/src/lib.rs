//! The harness of the tests: a world with the functions' real binaries, the embedded AWS and the simulators.
#![expect(clippy::expect_used, reason = "the harness fails as a test does")]

mod answer;
pub mod bars;
mod binaries;
pub mod calls;
mod deliveries;
mod pin_requests;
pub mod tokens;
mod world;

pub use answer::HttpAnswer;
pub use binaries::folder;
pub use deliveries::{LEASE, until};
pub use pin_requests::request;
pub use world::{DeadLetter, LedgerEntry, World};
