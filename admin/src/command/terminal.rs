//! What passes between a command and the person in front of it. Everything that a person reads is written here, so that
//! nothing a stranger wrote moves the cursor, and lines fit the width of the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::layout::wrapped;
use super::{FAULT, STRONG};
use crate::error::AdminError;
use crate::plain::harmless;

/// Writes an answer for people to standard output.
///
/// # Errors
/// When standard output takes no more.
pub(super) fn say(text: &str) -> io::Result<()> {
    writeln!(anstream::stdout().lock(), "{}", harmless(text))
}

/// Writes a line for the person at the terminal, apart from the answer. Without a terminal there is no person to tell.
pub(super) fn remark(text: &str) {
    let text = wrapped(text, 0);
    let _ = writeln!(anstream::stderr().lock(), "{}", harmless(&text));
}

/// Says why a command failed, in whole sentences.
pub(super) fn complain(text: &str) {
    let end = if text.ends_with(['.', '?', '!', ':']) {
        ""
    } else {
        "."
    };
    remark(&format!("{FAULT}error:{FAULT:#} {text}{end}"));
}

/// One line that says how far a command is, on a terminal; nothing anywhere else.
pub(super) struct Progress {
    on_terminal: bool,
    width: usize,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            on_terminal: io::stderr().is_terminal(),
            width: 0,
        }
    }

    /// Writes the line anew.
    pub(super) fn set(&mut self, text: &str) {
        if !self.on_terminal {
            return;
        }
        let text = harmless(text);
        let width = text.chars().count();
        // Blanks wipe out what a longer line left behind.
        let covered = self.width.max(width);
        let _ = write!(io::stderr(), "\r{text:<covered$}");
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
            let _ = write!(io::stderr(), "\r{:1$}\r", "", self.width);
            self.width = 0;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Asks whether to go on, after saying what will be and what that may cut off or throw away.
///
/// # Errors
/// [`AdminError::NotConfirmed`], also where there is no terminal to ask at.
pub(super) fn confirm(difference: &str, warnings: &[String]) -> Result<(), AdminError> {
    let mut terminal = anstream::stderr().lock();
    write!(terminal, "{}", harmless(difference))?;
    for warning in warnings {
        let warning = wrapped(&format!("{STRONG}{warning}{STRONG:#}"), 0);
        writeln!(terminal, "{}", harmless(&warning))?;
    }
    if !io::stdin().is_terminal() {
        return Err(AdminError::NotConfirmed(
            "this has to be confirmed, and there is no terminal to ask; add --yes",
        ));
    }
    write!(terminal, "Go on? [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err(AdminError::NotConfirmed("not confirmed"))
    }
}
