//! Cold starts: a new process for each invocation, all programs in turn.

use std::time::Duration;

use crate::endpoints::Endpoints;
use crate::error::BenchResult;
use crate::figures::{ColdStart, Kind, Spread};
use crate::process::Process;
use crate::programs::Program;
use crate::say;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Process starts of a program.
    pub(crate) starts: usize,
    /// Process starts of a program in Node.js or Python; these take a hundred times as long.
    pub(crate) peers: usize,
}

impl Plan {
    /// Whether a program starts in this round. Fewer starts are spread over all rounds.
    fn takes_part(&self, program: &Program, round: usize) -> bool {
        let starts = match program.kind {
            Kind::Floor | Kind::Ours => self.starts,
            Kind::Node | Kind::Python => self.peers.min(self.starts),
        };
        (round + 1) * starts / self.starts > round * starts / self.starts
    }
}

#[derive(Default)]
struct Starts {
    ready: Vec<Duration>,
    answer: Vec<Duration>,
    total: Vec<Duration>,
    processor: Vec<Duration>,
}

/// Measures every program; the results in the order of the programs.
pub(crate) async fn measure(
    programs: &[Program],
    endpoints: &Endpoints,
    plan: &Plan,
) -> BenchResult<Vec<ColdStart>> {
    let mut all: Vec<Starts> = programs.iter().map(|_| Starts::default()).collect();
    // The first start reads from disk and signs in to services. It does not count.
    for program in programs {
        start(program, endpoints, &mut Starts::default()).await?;
    }
    for round in 0..plan.starts {
        say(&format!(
            "{:?}: cold start {} of {}",
            endpoints.transport(),
            round + 1,
            plan.starts
        ));
        for nth in 0..programs.len() {
            // Each round has another order, so that no program always follows the same one.
            let nth = (nth + round) % programs.len();
            if let Some((program, starts)) = programs.get(nth).zip(all.get_mut(nth))
                && plan.takes_part(program, round)
            {
                start(program, endpoints, starts).await?;
            }
        }
        endpoints.forget().await?;
    }
    all.iter_mut().map(Starts::spread).collect()
}

async fn start(program: &Program, endpoints: &Endpoints, starts: &mut Starts) -> BenchResult<()> {
    let settings = endpoints.settings(program);
    let event = endpoints.event(program)?;
    let before = endpoints.done(program);
    let mut process = Process::start(program, &settings).await?;
    let invocation = process.invoke(event.payload.clone()).await?;
    let checked = endpoints.check(&event, &invocation.answer);
    checked.map_err(|error| process.failure(&error.to_string()))?;
    if endpoints.done(program) != before.map(|before| before + 1) {
        return Err(process.failure("the work was not done"));
    }
    starts.ready.push(invocation.ready);
    starts.answer.push(invocation.took);
    starts.total.push(invocation.ready + invocation.took);
    let processor = invocation.processor;
    starts
        .processor
        .push(processor.ok_or_else(|| process.failure("no processor time"))?);
    process.end().await
}

impl Starts {
    fn spread(&mut self) -> BenchResult<ColdStart> {
        let spread = |all: &mut Vec<Duration>| Spread::of(all).ok_or("nothing was measured");
        Ok(ColdStart {
            ready: spread(&mut self.ready)?,
            answer: spread(&mut self.answer)?,
            total: spread(&mut self.total)?,
            processor: spread(&mut self.processor)?,
        })
    }
}
