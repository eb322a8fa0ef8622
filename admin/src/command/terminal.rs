//! What passes between a command and the person in front of it, apart from the answer.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::STRONG;
use crate::error::AdminError;

/// How many columns standard output has: `COLUMNS` where it is set, else those of the terminal, else 100.
pub fn terminal_width() -> u16 {
    let set = std::env::var("COLUMNS").ok();
    let terminal = || terminal_size::terminal_size_of(std::io::stdout());
    set.and_then(|columns| columns.trim().parse().ok())
        .or_else(|| terminal().map(|(columns, _)| columns.0))
        .filter(|columns| *columns > 0)
        .unwrap_or(100)
}

/// One line that says how far a command is, on a terminal; nothing anywhere else.
pub(super) struct Progress {
    on_terminal: bool,
    width: usize,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            on_terminal: std::io::stderr().is_terminal(),
            width: 0,
        }
    }

    /// Writes the line anew.
    pub(super) fn set(&mut self, text: &str) {
        if !self.on_terminal {
            return;
        }
        let width = text.chars().count();
        // Blanks wipe out what a longer line left behind.
        let covered = self.width.max(width);
        let _ = write!(std::io::stderr(), "\r{text:<covered$}");
        self.width = width;
    }

    /// So many of so many, with a bar.
    pub(super) fn bar(&mut self, what: &str, done: usize, all: usize) {
        const CELLS: usize = 30;
        let full = (done * CELLS).checked_div(all).unwrap_or(CELLS).min(CELLS);
        let (full, empty) = ("#".repeat(full), "-".repeat(CELLS - full));
        self.set(&format!("{what} [{full}{empty}] {done}/{all}"));
    }

    /// Takes the line away.
    pub(super) fn clear(&mut self) {
        if self.on_terminal && self.width > 0 {
            let _ = write!(std::io::stderr(), "\r{:1$}\r", "", self.width);
            self.width = 0;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Asks whether to go on, after saying what will be and what that may cut off.
///
/// # Errors
/// [`AdminError::NotConfirmed`], also where there is no terminal to ask at.
pub(super) fn confirm(difference: &str, warnings: &[String]) -> Result<(), AdminError> {
    let mut terminal = anstream::stderr().lock();
    write!(terminal, "{difference}")?;
    for warning in warnings {
        writeln!(terminal, "{STRONG}{warning}{STRONG:#}")?;
    }
    if !std::io::stdin().is_terminal() {
        return Err(AdminError::NotConfirmed(
            "this has to be confirmed, and there is no terminal to ask; add --yes",
        ));
    }
    write!(terminal, "Go on? [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err(AdminError::NotConfirmed("not confirmed"))
    }
}
