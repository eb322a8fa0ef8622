//! The newest lines of the functions' logs.

use std::sync::Mutex;

use shared::domain::clock::Timestamp;

use crate::events::{Line, read};
use crate::lock::lock;
use crate::recent::Recent;

/// How many lines are kept.
const LINES: usize = 1_000;

/// The newest lines of the functions' logs, without metrics.
pub(super) struct FunctionLog(Mutex<Recent<Logged>>);

#[derive(Clone)]
pub(super) struct Logged {
    /// When it came, on the stack's clock: the line's own time is the machine's.
    pub(super) at: Timestamp,
    pub(super) line: Line,
}

impl Default for FunctionLog {
    fn default() -> Self {
        let mut lines = Recent::default();
        lines.keep(LINES);
        Self(Mutex::new(lines))
    }
}

impl FunctionLog {
    pub(super) fn push(&self, at: Timestamp, function: &str, line: &str) {
        if let Some(line) = read(function, line) {
            lock(&self.0).push(Logged { at, line });
        }
    }

    /// The newest lines of a function, or of all, the newest first.
    pub(super) fn newest(&self, function: Option<&str>, limit: usize) -> Vec<Logged> {
        let lines = lock(&self.0);
        let lines = lines.iter().rev();
        let lines = lines.filter(|logged| function.is_none_or(|name| logged.line.function == name));
        lines.take(limit).cloned().collect()
    }
}
