//! `cargo run`: the embedded cloud and the demo.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Parser, Subcommand};
use local::cloud::Ports;
use local::{cli, demo, multicall, up};

/// Runs Rescue Connector on this machine, with simulators of Rescue and ServiceNow. Without a command it plays the
/// demo and ends.
#[derive(Parser)]
#[command(version, after_help = "Example: cargo run -- up --data .local")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Plays the demo and ends: sessions start and end, ServiceNow fails in between, every note arrives once.
    Demo,
    /// Keeps everything running with a demo tenant, and prints the address of a page to play with and commands to try.
    #[command(after_help = "Example: cargo run -- up --data .local --port 8400")]
    Up {
        /// Keep tables, queues, secrets and the simulated instance in this folder for the next time.
        #[arg(long)]
        data: Option<PathBuf>,
        /// The first of five ports in a row: HTTP API, AWS, ServiceNow, Rescue, sandbox.
        #[arg(long, default_value = "8400")]
        port: Ports,
        /// Open the sandbox in the browser.
        #[arg(long)]
        open: bool,
        /// Show the functions' log lines of this level and above.
        #[arg(long, value_name = "LEVEL", default_value = "INFO", ignore_case = true, value_parser = log_level())]
        log_level: String,
        /// Write the functions' logs and metrics as JSON to standard error.
        #[arg(long)]
        logs: bool,
        /// Leave out Rescue's limit of one PIN per second and technician.
        #[arg(long)]
        unlimited_pins: bool,
        /// Leave out the limit of posts per minute and tenant.
        #[arg(long)]
        unlimited_posts: bool,
    },
    /// Runs the operator's command line on the cloud of `up`.
    #[command(
        disable_help_flag = true,
        after_help = "Examples:\n  cargo run -- cli --help\n  cargo run -- cli tenant show demo\n  \
                      cargo run -- cli --port 9000 sessions list demo"
    )]
    Cli {
        /// The first of the ports that `up` was given.
        #[arg(long, default_value = "8400")]
        port: Ports,
        /// A command of rescue-connector.
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "COMMAND"
        )]
        arguments: Vec<OsString>,
    },
    /// Runs as one of the functions; the embedded cloud starts itself this way.
    #[command(hide = true)]
    Function { name: String },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Some(Command::Function { name }) => multicall::run(&name),
        None | Some(Command::Demo) => multicall::block_on(demo::play()),
        Some(Command::Up {
            data,
            port,
            log_level,
            logs,
            unlimited_pins,
            unlimited_posts,
            open,
        }) => multicall::block_on(up::run(up::UpOptions {
            data,
            ports: port,
            log_level,
            logs,
            unlimited_pins,
            unlimited_posts,
            open,
        })),
        Some(Command::Cli { port, arguments }) => {
            return multicall::block_on(async move { Ok(cli::run(port, arguments).await) })
                .unwrap_or(ExitCode::FAILURE);
        }
    };
    match outcome {
        Err(error) if !is_closed_pipe(error.as_ref()) => {
            // When standard error is closed too, the exit code alone tells of the failure.
            let _ = writeln!(anstream::stderr().lock(), "error: {error}");
            ExitCode::FAILURE
        }
        Ok(()) | Err(_) => ExitCode::SUCCESS,
    }
}

fn log_level() -> impl clap::builder::TypedValueParser<Value = String> {
    PossibleValuesParser::new(["ERROR", "WARN", "INFO", "DEBUG", "TRACE"])
        .map(|level| level.to_ascii_uppercase())
}

/// Whether the reader of standard output has closed it, as `head` does.
fn is_closed_pipe(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
