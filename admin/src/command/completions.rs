//! `rescue-connector completions`

use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

use super::arguments::example;
use crate::error::AdminError;

#[derive(Debug, Args)]
#[command(after_help = example("completions bash > ~/.local/share/bash-completion/completions/rescue-connector"))]
pub(super) struct Command {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Command {
    pub(super) fn run(self, cli: &mut clap::Command) -> Result<ExitCode, AdminError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, cli, "rescue-connector", &mut script);
        std::io::stdout().write_all(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}
