//! The measured figures of the report.

use std::time::Duration;

/// The kind of a measured program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A handler that does nothing, or makes one call: the cost of the platform.
    Floor,
    /// One of the connector's functions.
    Ours,
    /// The same function in Node.js.
    Node,
    /// The same function in Python.
    Python,
}

/// Over plain HTTP, or with a TLS handshake for each host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Plain,
    Tls,
}

/// Median and quartiles of many measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) lower_quartile: Duration,
    pub(crate) median: Duration,
    pub(crate) upper_quartile: Duration,
}

impl Spread {
    /// Sorts the measurements. `None` without any.
    pub(crate) fn of(all: &mut [Duration]) -> Option<Self> {
        all.sort_unstable();
        Some(Self {
            lower_quartile: quantile(all, 0.25)?,
            median: quantile(all, 0.5)?,
            upper_quartile: quantile(all, 0.75)?,
        })
    }
}

/// The measurement that this part of the sorted ones does not exceed. `None` without any.
pub(crate) fn quantile(sorted: &[Duration], part: f64) -> Option<Duration> {
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

/// Process starts of one program, each with one invocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ColdStart {
    /// Process start → the first request for work.
    pub(crate) ready: Spread,
    /// The invocation handed over → its answer.
    pub(crate) answer: Spread,
    /// `ready` and `answer` together: without the time between them.
    pub(crate) total: Spread,
    /// Processor time of all threads from process start to the first answer.
    pub(crate) processor: Spread,
}

/// Invocations of one running process, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Warm {
    pub(crate) median: Duration,
    pub(crate) p90: Duration,
    pub(crate) p99: Duration,
    /// Invocations of one environment in a second.
    pub(crate) per_second: f64,
}

/// Everything about one program over one transport.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// `bare`, `one-call`, or a function's name.
    pub(crate) function: String,
    pub(crate) kind: Kind,
    pub(crate) transport: Transport,
    pub(crate) cold: ColdStart,
    pub(crate) warm: Warm,
    /// The largest resident set of the process, in bytes, after the warm invocations (a post of 4 KB).
    pub(crate) peak_memory: u64,
    /// The same after one post with 2 MB of chat, where the function takes posts.
    pub(crate) peak_memory_large: Option<u64>,
}

/// A program's size, in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Size {
    pub(crate) program: String,
    pub(crate) binary: u64,
    /// The size of the uploaded zip file.
    pub(crate) zip: u64,
}
