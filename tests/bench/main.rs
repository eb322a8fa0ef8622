//! Measures the released functions beside the floor of the platform and beside the same work in Node.js and Python, and
//! writes docs/benchmarks.md.

mod calls;
mod chart;
mod error;
mod figures;
mod growth;
mod machine;
mod memory;
mod report;
mod sizes;
mod soak;

fn main() {}
