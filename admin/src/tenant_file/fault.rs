//! What is wrong with a tenant file, and where.

use std::ops::Range;

/// One fault of a tenant file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxFault {
    /// The line, counted from 1.
    pub line: usize,
    /// The character within the line, counted from 1.
    pub column: usize,
    /// The key with its tables (`servicenow.instance`); empty when the file is not TOML.
    pub key: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl SyntaxFault {
    pub(super) fn new(text: &str, at: &Range<usize>, key: &str, message: &str) -> Self {
        let before = text.get(..at.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            key: key.to_owned(),
            message: message.to_owned(),
        }
    }
}

impl std::fmt::Display for SyntaxFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let separator = if self.key.is_empty() { "" } else { ": " };
        let (line, column, key) = (self.line, self.column, &self.key);
        write!(
            f,
            "line {line}, column {column}: {key}{separator}{}",
            self.message
        )
    }
}

/// All faults of a tenant file, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct SyntaxFaults(pub Vec<SyntaxFault>);
