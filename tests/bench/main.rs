//! Measures the functions of the release profile, bare handlers and the same functions in Node.js and Python, and writes
//! docs/benchmarks.md.

mod chart;
mod cold;
mod endpoints;
mod error;
mod events;
mod figures;
mod growth;
mod machine;
mod memory;
mod process;
mod programs;
mod report;
mod runtime_api;
mod sizes;
mod soak;
mod tls;
mod warm;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use crate::endpoints::Endpoints;
use crate::error::BenchResult;
use crate::figures::{Row, Transport};
use crate::programs::Program;
use crate::report::Measured;
use crate::tls::Authority;

/// Measures cold starts, warm invocations, memory and sizes of the functions of the release profile, beside bare
/// handlers and beside the same functions in Node.js and Python.
#[derive(Clone, Debug, Parser)]
#[command(
    after_help = "Example: cargo run --release -p tests --bin bench -- --quick --only session-details"
)]
struct Arguments {
    /// Measure little, to test the benchmark itself.
    #[arg(long)]
    quick: bool,
    /// Measure only the programs of this function, or `bare` or `one-call`; may be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Leave out Node.js and Python.
    #[arg(long)]
    without_peers: bool,
    /// Only build the functions, and fail when a zipped binary exceeds its limit.
    #[arg(long)]
    sizes: bool,
    /// Process starts of each program, over each transport.
    #[arg(long, default_value_t = 40, value_name = "N")]
    cold_starts: usize,
    /// Process starts of each program in Node.js and Python.
    #[arg(long, default_value_t = 15, value_name = "N")]
    peer_cold_starts: usize,
    /// Invocations of each running process.
    #[arg(long, default_value_t = 600, value_name = "N")]
    warm: usize,
    /// Invocations of one process in a row, before those of the next process.
    #[arg(long, default_value_t = 50, value_name = "N")]
    block: usize,
}

impl Arguments {
    fn cold(&self) -> cold::Plan {
        let (starts, peers) = if self.quick {
            (3, 2)
        } else {
            (self.cold_starts, self.peer_cold_starts)
        };
        cold::Plan { starts, peers }
    }

    fn warm(&self) -> warm::Plan {
        if self.quick {
            return warm::Plan {
                warm_up: 5,
                invocations: 20,
                block: 10,
            };
        }
        warm::Plan {
            warm_up: WARM_UP,
            invocations: self.warm,
            block: self.block,
        }
    }

    fn wants(&self, program: &Program) -> bool {
        self.only.is_empty() || self.only.contains(&program.function)
    }
}

/// Invocations that do not count: Node.js compiles functions only after many calls.
const WARM_UP: usize = 100;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> BenchResult<()> {
    say("Building the programs");
    let functions = programs::build_functions()?;
    if arguments.sizes {
        return sizes::check(&functions);
    }
    let mut programs = programs::build(!arguments.without_peers)?;
    programs.retain(|program| arguments.wants(program));
    if programs.is_empty() {
        return Err("there is no program of that name".into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(measure(arguments, &programs, &functions))
}

/// `functions`: the folder of the functions' binaries.
async fn measure(arguments: &Arguments, programs: &[Program], functions: &Path) -> BenchResult<()> {
    let whole = arguments.only.is_empty();
    let mut measured = Measured {
        machine: machine::described(),
        rows: rows(arguments, programs, functions).await?,
        ..Measured::default()
    };
    if whole {
        say("Sizes and calls");
        measured.sizes = sizes::measure(functions)?;
        measured.calls = ::tests::calls::count(growth::options(functions)).await;
        say("Growth");
        let sizes = match arguments.quick {
            true => growth::QUICK_SIZES,
            false => growth::SIZES,
        };
        measured.growth = growth::measure(functions, &sizes).await?;
        say("Soak");
        let sessions = match arguments.quick {
            true => soak::QUICK_SESSIONS,
            false => soak::SESSIONS,
        };
        measured.soak = Some(soak::run(functions, sessions).await?);
    }
    // The page gets figures of whole runs only, and from optimised endpoints.
    let optimised = !cfg!(debug_assertions);
    if whole && optimised && !arguments.quick && !arguments.without_peers {
        say("Writing docs/benchmarks.md");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        report::write(&measured, &root)?;
    } else {
        say(&format!("{measured:#?}"));
    }
    Ok(())
}

/// Cold starts and warm invocations over both transports.
async fn rows(
    arguments: &Arguments,
    programs: &[Program],
    functions: &Path,
) -> BenchResult<Vec<Row>> {
    let authority = Authority::new()?;
    let mut rows = Vec::new();
    for transport in [Transport::Plain, Transport::Tls] {
        let endpoints = Endpoints::start(transport, &authority, functions).await?;
        let cold = cold::measure(programs, &endpoints, &arguments.cold()).await?;
        let warm = warm::measure(programs, &endpoints, &arguments.warm()).await?;
        for ((program, cold), warm) in programs.iter().zip(cold).zip(warm) {
            rows.push(Row {
                function: program.function.clone(),
                kind: program.kind,
                transport,
                cold,
                warm: warm.warm,
                peak_memory: warm.peak_memory,
                peak_memory_large: warm.peak_memory_large,
            });
        }
    }
    Ok(rows)
}

/// Prints a line about the progress.
pub(crate) fn say(line: &str) {
    // When standard error is closed, no output is left for the error.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
