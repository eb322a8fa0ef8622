//! The command line itself: one file per group of commands.

mod completions;
mod dlq;
mod doctor;
mod keys;
mod layout;
mod secrets;
mod sessions;
mod tenant;
mod terminal;
mod token;
mod when;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{ErrorKind, Write as _};
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;
use shared::domain::clock::Timestamp;
use shared::domain::record::{RecordNumber, TypedReference};
use shared::domain::tenant::TenantId;
use shared::environment::{EnvironmentReader, Testing};

use crate::error::AdminError;
use crate::lifecycle::similar_names;
use crate::plain::escaped;
use crate::stack::{Need, Stack};

pub use self::layout::{terminal_width, wrapped};
use self::terminal::{complain, remark, say};

const ADDED: Style = AnsiColor::Green.on_default();
const REMOVED: Style = AnsiColor::Red.on_default();
const FAULT: Style = AnsiColor::Red.on_default().bold();
const STRONG: Style = Style::new().bold();

/// Looks after the tenants of a Rescue Connector.
#[derive(Debug, Parser)]
#[command(
    name = "rescue-connector",
    version,
    disable_help_flag = true,
    after_help = "Examples:\n  rescue-connector tenant apply acme.toml --dry-run\n  \
                  rescue-connector doctor acme\n  rescue-connector dlq list --output json"
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    group: Group,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// How the answer is written
    #[arg(long, value_enum, global = true, default_value_t = Output::Table)]
    output: Output,
    /// The CloudFormation stack whose outputs name what no environment variable names
    #[arg(
        long,
        value_name = "NAME",
        global = true,
        default_value = "rescue-connector"
    )]
    stack: String,
    /// Print help
    #[arg(long, short, global = true, action = ArgAction::Help)]
    help: Option<bool>,
    /// What the commands work on in place of a stack that is looked up by its name.
    #[arg(skip)]
    deployment: Option<Deployment>,
}

/// A deployment that the caller knows, and the environment variables that hold for commands on it.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its names and clients.
    pub stack: Stack,
    /// They win over the process's own.
    pub variables: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Table,
    /// For scripts
    Json,
}

#[derive(Debug, Subcommand)]
enum Group {
    /// Create, change and show tenants
    #[command(
        subcommand,
        after_help = "Example:\n  rescue-connector tenant apply acme.toml --dry-run"
    )]
    Tenant(tenant::Command),
    /// Renew the keys that Rescue and ServiceNow call with
    #[command(
        subcommand,
        after_help = "Example:\n  rescue-connector keys rotate acme webhook"
    )]
    Keys(keys::Command),
    /// Set the secrets of a tenant
    #[command(
        subcommand,
        after_help = "Example:\n  rescue-connector secrets set acme sso-password"
    )]
    Secrets(secrets::Command),
    /// Look after the refresh token of a tenant
    #[command(
        subcommand,
        after_help = "Example:\n  rescue-connector token status acme"
    )]
    Token(token::Command),
    /// Check everything a tenant needs, and say what to do about each fault
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(doctor::Command),
    /// See what became of sessions: the delivery ledger
    #[command(
        subcommand,
        after_help = "Example:\n  rescue-connector sessions list acme --state failed --since yesterday"
    )]
    Sessions(sessions::Command),
    /// See what could not be delivered, and put it back
    #[command(
        subcommand,
        after_help = "Example:\n  rescue-connector dlq redrive --tenant acme"
    )]
    Dlq(dlq::Command),
    /// Write what a shell completes this program's commands with
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

/// The same on a given deployment, which is looked for after the arguments are understood. `--stack` changes nothing.
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
    Cli::try_parse_from(arguments).map_err(|error| usage(&error))
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
        Group::Completions(command) => command.run(),
    };
    match done {
        Ok(code) => code,
        // The program that reads the answer, such as `head`, has had enough of it.
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

/// Prints what clap says: help to standard output, wrong usage to standard error. It quotes arguments, in which anything
/// may stand.
fn usage(error: &clap::Error) -> ExitCode {
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

/// Tells the person at the terminal of a fault of this program, in place of Rust's own message, and ends the process
/// with exit code 1. For [`std::panic::set_hook`].
pub fn report_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    complain(&format!(
        "rescue-connector has a fault and stopped ({}). What it had written until then stays. Run the same command again; \
         if it fails again, report this line and the command, without secrets.",
        place.unwrap_or_default()
    ));
    std::process::exit(1);
}

impl Global {
    #[cfg_attr(
        not(feature = "deployed"),
        expect(unused_variables, reason = "a given stack has every name")
    )]
    async fn stack(&self, needs: &[Need]) -> Result<Stack, AdminError> {
        if let Some(deployment) = &self.deployment {
            return Ok(deployment.stack.clone());
        }
        #[cfg(feature = "deployed")]
        return self.found(needs).await;
        #[cfg(not(feature = "deployed"))]
        Err(AdminError::NoStack(self.stack.clone()))
    }

    #[cfg(feature = "deployed")]
    async fn found(&self, needs: &[Need]) -> Result<Stack, AdminError> {
        let found = Stack::find(&self.stack, self.environment(), needs).await?;
        if let Some(error) = &found.without_outputs {
            remark(&format!(
                "note: what no variable names stays unknown (the API's address, the function that renews tokens): {error}"
            ));
        }
        Ok(found.stack)
    }

    /// The variables that are only for tests.
    fn testing(&self) -> Result<Testing, AdminError> {
        let mut environment = self.environment();
        let testing = environment.testing();
        environment.finish()?;
        Ok(testing)
    }

    /// The variables that hold for the command.
    fn environment(&self) -> EnvironmentReader<impl Fn(&str) -> Option<String>> {
        let given = self.deployment.as_ref();
        let given = given.map(|deployment| deployment.variables.clone());
        EnvironmentReader::new(move |name| {
            let given = given.as_ref().and_then(|given| given.get(name).cloned());
            given.or_else(|| std::env::var(name).ok())
        })
    }

    /// Names the tenants that may have been meant. Whoever may not list them is told nothing.
    async fn suggest(&self, missing: &TenantId) {
        let Ok(stack) = self.stack(&[Need::TenantsTable]).await else {
            return;
        };
        let names = similar_names(&stack, missing).await.unwrap_or_default();
        let names: Vec<&str> = names.iter().map(TenantId::as_str).collect();
        if !names.is_empty() {
            remark(&format!("Did you mean {}?", names.join(", ")));
        }
    }

    /// Writes the answer of a command: as JSON, or as `table` says it.
    fn answer<T: Serialize>(
        &self,
        answer: &T,
        table: impl FnOnce(&T) -> String,
    ) -> Result<(), AdminError> {
        match self.output {
            Output::Json => writeln!(std::io::stdout().lock(), "{}", json(answer)?)?,
            Output::Table => say(table(answer).trim_end())?,
        }
        Ok(())
    }
}

/// An answer as JSON that a terminal obeys nothing of. Nothing is taken out of it: it may hold what a stranger wrote.
fn json<T: Serialize>(answer: &T) -> Result<String, AdminError> {
    Ok(escaped(&serde_json::to_string_pretty(answer)?))
}

/// A moment in a table: to the minute, in UTC, in a form that `--since` takes.
fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(..16)
        .map_or(text.clone(), |text| format!("{text}Z"))
}

fn record_number(text: &str) -> Result<RecordNumber, String> {
    typed_number(text).ok_or_else(|| "a number is like INC0012345 or CS0001234".to_owned())
}

/// A record number as people type it, and as technicians may type it into Rescue: `inc-0012345`. Nothing stands beside it.
fn typed_number(text: &str) -> Option<RecordNumber> {
    let length = text.chars().filter(|c| c.is_alphanumeric()).count();
    match RecordNumber::typed(text) {
        TypedReference::Number(number) => {
            Some(number).filter(|number| number.as_str().len() == length)
        }
        TypedReference::NoReference | TypedReference::Ambiguous | TypedReference::Invalid => None,
    }
}

fn tenant_id(text: &str) -> Result<TenantId, String> {
    TenantId::parse(text).ok_or_else(|| "a tenant's name is 2 to 40 of a-z 0-9 -".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn a_record_number_is_taken_as_a_technician_may_type_it() {
        for text in [
            "INC0010001",
            "inc0010001",
            "INC 0010001",
            "inc-0010001",
            "#INC0010001",
        ] {
            let number = record_number(text).expect(text);
            assert_eq!(number.as_str(), "INC0010001", "{text}");
        }
        for text in [
            "",
            "n/a",
            "10001",
            "INC0010001 INC0010002",
            "see INC0010001",
            "INC1^active=true",
        ] {
            assert!(record_number(text).is_err(), "{text}");
        }
    }

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
    fn json_reads_back_and_holds_nothing_that_a_terminal_obeys() {
        let answer = "\u{1b}[2J \u{9b}2J \u{7f} \u{202e} ü 漢";
        let text = json(&answer).expect("JSON");
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(text.contains("\\u202e"), "{text:?}");
        assert_eq!(serde_json::from_str::<String>(&text).expect("JSON"), answer);
    }

    #[test]
    fn wrong_usage_is_told_from_help() {
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
        for name in crate::secrets::SecretName::ALL {
            assert!(text.contains(name.as_str()), "{text}");
        }
    }
}
