//! Measures the released functions beside the floor of the platform and beside the same work in Node.js and Python, and
//! writes docs/benchmarks.md.

mod figures;
mod programs;

fn main() {}
