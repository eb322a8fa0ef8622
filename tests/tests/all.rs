//! Every test that needs the embedded cloud, in one binary.
#![expect(
    clippy::expect_used,
    reason = "what helps a test fails as the test does"
)]

mod faults;
mod flows;
