//! Every test that needs the embedded cloud, in one binary.

mod faults;
mod flows;
