//! `cargo run`: the embedded cloud, and the story of what the connector does.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use local::{demo, multicall, up};

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
    /// Plays the story and ends: sessions start and end, ServiceNow fails in between, every note arrives once.
    Demo,
    /// Keeps everything running with a demo tenant, and prints its URLs and commands to try.
    #[command(after_help = "Example: cargo run -- up --data .local --port 8400")]
    Up {
        /// Keep tables, queues, secrets and the simulated instance in this folder for the next time.
        #[arg(long)]
        data: Option<PathBuf>,
        /// The first of four ports: HTTP API, AWS, ServiceNow, Rescue.
        #[arg(long, default_value_t = 8400)]
        port: u16,
        /// What the functions log: ERROR, WARN, INFO, DEBUG or TRACE.
        #[arg(long, default_value = "INFO")]
        log_level: String,
        /// Leave out Rescue's limit of one PIN per second and technician.
        #[arg(long)]
        unlimited_pins: bool,
        /// Leave out the limit of posts per minute and tenant.
        #[arg(long)]
        unlimited_posts: bool,
    },
    /// Runs as one of the functions; the embedded cloud starts itself this way.
    #[command(hide = true)]
    Function { name: String },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Some(Command::Function { name }) => multicall::run(&name),
        None | Some(Command::Demo) => multicall::wait(demo::play()),
        Some(Command::Up {
            data,
            port,
            log_level,
            unlimited_pins,
            unlimited_posts,
        }) => multicall::wait(up::run(
            data,
            port,
            log_level,
            unlimited_pins,
            unlimited_posts,
        )),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
