//! The command line itself: one file per group of commands.

mod arguments;
mod completions;
mod dlq;
mod doctor;
mod global;
mod keys;
mod layout;
mod secrets;
mod sessions;
mod style;
mod tenant;
mod terminal;
mod token;
mod when;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use self::arguments::{example, examples};
pub use self::global::Deployment;
use self::global::Global;
pub use self::layout::{terminal_width, wrapped};
use self::terminal::{complain, usage};
use crate::error::AdminError;

/// Looks after the tenants of a Rescue Connector.
#[derive(Debug, Parser)]
#[command(
    name = "rescue-connector",
    version,
    disable_help_flag = true,
    after_help = examples(["tenant apply acme.toml --dry-run", "doctor acme", "dlq list --output json"]),
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    group: Group,
}

#[derive(Debug, Subcommand)]
enum Group {
    /// Create, change and show tenants
    #[command(subcommand, after_help = example("tenant apply acme.toml --dry-run"))]
    Tenant(tenant::Command),
    /// Renew the keys that Rescue and ServiceNow use
    #[command(subcommand, after_help = example("keys rotate acme webhook"))]
    Keys(keys::Command),
    /// Set the secrets of a tenant
    #[command(subcommand, after_help = example("secrets set acme sso-password"))]
    Secrets(secrets::Command),
    /// Show or renew the refresh token of a tenant
    #[command(subcommand, after_help = example("token status acme"))]
    Token(token::Command),
    /// Check everything a tenant needs, and say how to correct each fault
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(doctor::Command),
    /// Show the outcome of sessions: the delivery ledger
    #[command(subcommand, after_help = example("sessions list acme --state failed --since yesterday"))]
    Sessions(sessions::Command),
    /// Show posts that could not be delivered, and put them back
    #[command(subcommand, after_help = example("dlq redrive --tenant acme"))]
    Dlq(dlq::Command),
    /// Write a shell's completion script for this program
    Completions(completions::Command),
}

/// Runs one command on the deployment that its options and the environment name: arguments in (the program's name
/// first), exit code out. 0: done, 1: it failed, 2: wrong usage.
#[cfg(feature = "deployed")]
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match parse(arguments) {
        Ok(cli) => execute(cli).await,
        Err(code) => code,
    }
}

/// The same on a given deployment, which is awaited after the arguments are parsed. `--stack` has no effect.
pub async fn run_on<E: std::fmt::Display>(
    deployment: impl Future<Output = Result<Deployment, E>>,
    arguments: impl IntoIterator<Item = OsString>,
) -> ExitCode {
    let mut cli = match parse(arguments) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    match deployment.await {
        Ok(deployment) => cli.global.deployment = Some(deployment),
        Err(error) => {
            complain(&error.to_string());
            return ExitCode::FAILURE;
        }
    }
    execute(cli).await
}

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, ExitCode> {
    let cli = Cli::try_parse_from(arguments).map_err(|error| usage(&error))?;
    match &cli.group {
        Group::Keys(command) if command.has_webhook_scope() => Err(usage(&Cli::command().error(
            clap::error::ErrorKind::ArgumentConflict,
            "--scope is for API keys; a webhook key only accepts posts",
        ))),
        _ => Ok(cli),
    }
}

async fn execute(cli: Cli) -> ExitCode {
    let done = match cli.group {
        Group::Tenant(command) => command.run(&cli.global).await,
        Group::Keys(command) => command.run(&cli.global).await,
        Group::Secrets(command) => command.run(&cli.global).await,
        Group::Token(command) => command.run(&cli.global).await,
        Group::Doctor(command) => command.run(&cli.global).await,
        Group::Sessions(command) => command.run(&cli.global).await,
        Group::Dlq(command) => command.run(&cli.global).await,
        Group::Completions(command) => command.run(&mut Cli::command()),
    };
    match done {
        Ok(code) => code,
        // The reader, such as `head`, closed the pipe.
        Err(AdminError::Terminal(error)) if error.kind() == ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&error.to_string());
            if let AdminError::NoSuchTenant(missing) = &error {
                cli.global.suggest(missing).await;
            }
            ExitCode::FAILURE
        }
    }
}

/// Reports a panic in place of Rust's own message and ends the process with exit code 1. For [`std::panic::set_hook`].
pub fn report_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    complain(&format!(
        "rescue-connector stopped because of a bug ({}). What it wrote before stays. Run the same command again; \
         if it fails again, report this line and the command, without secrets.",
        place.unwrap_or_default()
    ));
    std::process::exit(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_help_has_an_example_and_the_global_options_under_one_heading() {
        let mut root = Cli::command();
        root.build();
        root.clone().debug_assert();
        let mut open = vec![root];
        while let Some(command) = open.pop() {
            if command.get_name() == "help" {
                continue;
            }
            let help = command.clone().render_help().to_string();
            assert!(help.contains("Example"), "{help}");
            let (own, global) = help.split_once("Global options:").expect("a heading");
            for option in ["--output <", "--stack <", "--help"] {
                assert!(global.contains(option), "{option}: {help}");
                assert!(!own.contains(option), "{option}: {help}");
            }
            open.extend(command.get_subcommands().cloned());
        }
    }

    #[test]
    fn the_reference_has_every_command_with_an_example() {
        let reference = include_str!("../../../docs/command-line.md");
        let mut open = vec![(String::new(), Cli::command())];
        while let Some((path, command)) = open.pop() {
            if command.get_subcommands().next().is_none() {
                let heading = format!("### `{path}");
                assert!(reference.contains(&heading), "{heading}");
                let example = format!("\nrescue-connector {path}");
                assert!(reference.contains(&example), "{example}");
            }
            let below = command
                .get_subcommands()
                .filter(|command| command.get_name() != "help");
            open.extend(below.map(|below| {
                let path = format!("{path} {}", below.get_name());
                (path.trim().to_owned(), below.clone())
            }));
        }
    }

    #[test]
    fn wrong_usage_and_help_have_different_exit_codes() {
        let code = |arguments: &[&str]| {
            Cli::try_parse_from([&["rescue-connector"], arguments].concat())
                .expect_err("no command")
                .exit_code()
        };
        assert_eq!(code(&["--help"]), 0);
        assert_eq!(code(&["tenant", "apply", "--help"]), 0);
        assert_eq!(code(&[]), 2);
        assert_eq!(code(&["tenant", "show", "NOT A NAME"]), 2);
        assert_eq!(code(&["tenant", "apply", "a.toml", "--output", "xml"]), 2);
    }

    #[test]
    fn an_unknown_secret_is_wrong_usage_and_the_names_are_listed() {
        let arguments = ["rescue-connector", "secrets", "set", "acme", "password"];
        let error = Cli::try_parse_from(arguments).expect_err("unknown");
        assert_eq!(error.exit_code(), 2);
        let text = error.to_string();
        for name in shared::domain::secret_name::SecretName::ALL {
            assert!(text.contains(name.as_str()), "{text}");
        }
    }
}
