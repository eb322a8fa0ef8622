//! Writes to the terminal and asks for confirmation. Untrusted texts cannot move the cursor, and lines fit its width.

use std::io::{self, BufRead as _, ErrorKind, IsTerminal as _, Write as _};
use std::process::ExitCode;

use super::layout::wrapped;
use super::style::{FAULT, STRONG};
use crate::error::AdminError;
use crate::plain::harmless;

/// Writes an answer for people to standard output.
///
/// # Errors
/// When standard output fails.
pub(super) fn say(text: &str) -> io::Result<()> {
    writeln!(anstream::stdout().lock(), "{}", harmless(text))
}

/// Writes a line beside the answer to standard error. A failure is ignored.
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

/// Prints help to standard output and wrong usage to standard error. Both quote untrusted arguments.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render().ansi().to_string();
    let text = text.trim_end();
    if error.use_stderr() {
        remark(text);
    } else if let Err(error) = say(text)
        && error.kind() != ErrorKind::BrokenPipe
    {
        return ExitCode::FAILURE;
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// One line with a command's progress. It appears on a terminal only.
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

    /// Replaces the line.
    pub(super) fn set(&mut self, text: &str) {
        if !self.on_terminal {
            return;
        }
        let text = harmless(text);
        let width = text.chars().count();
        // Blanks cover the rest of a longer line.
        let covered = self.width.max(width);
        let _ = write!(io::stderr(), "\r{text:<covered$}");
        self.width = width;
    }

    /// Shows `done` of `all` as a bar.
    pub(super) fn bar(&mut self, what: &str, done: usize, all: usize) {
        const CELLS: usize = 30;
        let full = (done * CELLS).checked_div(all).unwrap_or(CELLS).min(CELLS);
        let (full, empty) = ("#".repeat(full), "-".repeat(CELLS - full));
        self.set(&format!("{what} [{full}{empty}] {done}/{all}"));
    }

    /// Removes the line.
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

/// Shows a difference and warnings, and asks the operator to confirm.
///
/// # Errors
/// [`AdminError::NotConfirmed`], also when standard input is no terminal.
pub(super) fn confirm(difference: &str, warnings: &[String]) -> Result<(), AdminError> {
    let mut terminal = anstream::stderr().lock();
    write!(terminal, "{}", harmless(difference))?;
    for warning in warnings {
        let warning = wrapped(&format!("{STRONG}{warning}{STRONG:#}"), 0);
        writeln!(terminal, "{}", harmless(&warning))?;
    }
    if !io::stdin().is_terminal() {
        return Err(AdminError::NotConfirmed(
            "this has to be confirmed, and standard input is no terminal; add --yes",
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
