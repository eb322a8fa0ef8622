//! Measures the released functions beside the floor of the platform and beside the same work in Node.js and Python, and
//! writes docs/benchmarks.md.

mod calls;
mod chart;
mod cold;
mod endpoints;
mod error;
mod events;
mod figures;
mod growth;
mod machine;
mod memory;
mod outcome;
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
use crate::figures::{Kind, Row, Transport};
use crate::outcome::Outcome;
use crate::programs::Program;
use crate::report::Measured;
use crate::tls::Authority;

/// Measures cold starts, warm invocations, memory and sizes of the released functions, in one run and side by side
/// with the floor of the platform and with the same work in Node.js and Python.
#[derive(Clone, Debug, Parser)]
#[command(
    after_help = "Example: cargo run --release -p tests --bin bench -- --quick --only session-details"
)]
struct Arguments {
    /// Measure little, to try the benchmark itself.
    #[arg(long)]
    quick: bool,
    /// Measure only programs that do the work of this function, `bare` or `one-call`; may be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Leave out Node.js and Python.
    #[arg(long)]
    without_peers: bool,
    /// Only build the functions, and fail when one of them is larger than it may be.
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
    /// So many of them follow one another before it is the next process's turn.
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

/// Invocations before those that count: Node.js compiles what is called often.
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

fn run(arguments: &Arguments) -> Outcome<()> {
    say("Building the programs");
    let mut programs = programs::build(programs::Options {
        peers: !arguments.without_peers && !arguments.sizes,
    })?;
    if arguments.sizes {
        return sizes::hold(folder(&programs));
    }
    programs.retain(|program| arguments.wants(program));
    if programs.is_empty() {
        return Err("there is no program of that name".into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(measure(arguments, &programs))
}

async fn measure(arguments: &Arguments, programs: &[Program]) -> Outcome<()> {
    let folder = folder(programs);
    let whole = arguments.only.is_empty();
    let mut measured = Measured {
        machine: machine::described(),
        rows: rows(arguments, programs, folder).await?,
        ..Measured::default()
    };
    if whole {
        say("Sizes and calls");
        measured.sizes = sizes::measure(folder)?;
        measured.calls = calls::count(folder).await;
        say("Growth");
        let sizes = match arguments.quick {
            true => growth::QUICK_SIZES,
            false => growth::SIZES,
        };
        measured.growth = growth::measure(folder, &sizes).await?;
        say("Soak");
        let sessions = match arguments.quick {
            true => soak::QUICK_SESSIONS,
            false => soak::SESSIONS,
        };
        measured.soak = Some(soak::run(folder, sessions).await?);
    }
    // Figures of a part, of a few measurements, or against endpoints that are not optimised are not for readers.
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
async fn rows(arguments: &Arguments, programs: &[Program], folder: &Path) -> Outcome<Vec<Row>> {
    let authority = Authority::new()?;
    let mut rows = Vec::new();
    for transport in [Transport::Plain, Transport::Tls] {
        let endpoints = Endpoints::start(transport, &authority, folder).await?;
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

/// Where the functions' programs are.
fn folder(programs: &[Program]) -> &Path {
    let ours = |program: &&Program| matches!(program.kind, Kind::Floor | Kind::Ours);
    let ours = programs.iter().find(ours);
    let file = ours.and_then(|program| program.file.as_deref());
    file.and_then(Path::parent).unwrap_or(Path::new("."))
}

/// Says how far the benchmark is.
pub(crate) fn say(line: &str) {
    // Nobody can be told that standard error is gone.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
