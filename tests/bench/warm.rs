//! Warm invocations: one process of each program, in turns of one block of invocations.

use std::time::Duration;

use crate::endpoints::Endpoints;
use crate::error::BenchResult;
use crate::events::Event;
use crate::figures::{Warm, quantile};
use crate::process::{Invocation, Process};
use crate::programs::Program;
use crate::say;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Invocations that do not count, before the others.
    pub(crate) warm_up: usize,
    /// Invocations that count, rounded down to whole blocks.
    pub(crate) invocations: usize,
    /// Invocations in a row.
    pub(crate) block: usize,
}

/// The figures of one process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) warm: Warm,
    /// In bytes.
    pub(crate) peak_memory: u64,
    /// After a post with 2 MB of chat, where the function takes posts.
    pub(crate) peak_memory_large: Option<u64>,
}

struct Runner<'a> {
    program: &'a Program,
    endpoints: &'a Endpoints,
    process: Process,
    took: Vec<Duration>,
    /// The sum over all invocations, each until the next request for work.
    cycles: Duration,
}

/// Measures every program; the results in the order of the programs.
pub(crate) async fn measure(
    programs: &[Program],
    endpoints: &Endpoints,
    plan: &Plan,
) -> BenchResult<Vec<Measured>> {
    let mut runners = Vec::new();
    for program in programs {
        let mut runner = Runner {
            program,
            endpoints,
            process: Process::start(program, &endpoints.settings(program)).await?,
            took: Vec::new(),
            cycles: Duration::ZERO,
        };
        runner.block(plan.warm_up).await?;
        runner.took.clear();
        runner.cycles = Duration::ZERO;
        runners.push(runner);
    }
    let block = plan.block.max(1);
    let blocks = (plan.invocations / block).max(1);
    for round in 0..blocks {
        say(&format!(
            "{:?}: warm block {} of {blocks}",
            endpoints.transport(),
            round + 1
        ));
        for runner in &mut runners {
            runner.block(block).await?;
        }
    }
    let mut measured = Vec::new();
    for runner in runners {
        measured.push(runner.end().await?);
    }
    Ok(measured)
}

impl Runner<'_> {
    async fn block(&mut self, invocations: usize) -> BenchResult<()> {
        let before = self.endpoints.done(self.program);
        for _ in 0..invocations {
            let event = self.endpoints.event(self.program)?;
            let invocation = self.invoke(&event).await?;
            self.took.push(invocation.took);
            self.cycles += invocation.cycle;
        }
        if self.endpoints.done(self.program) != before.map(|before| before + invocations) {
            return Err(self.process.failure("not all work was done"));
        }
        self.endpoints.forget().await
    }

    async fn invoke(&mut self, event: &Event) -> BenchResult<Invocation> {
        let invocation = self.process.invoke(event.payload.clone()).await?;
        let checked = self.endpoints.check(event, &invocation.answer);
        checked.map_err(|error| self.process.failure(&error.to_string()))?;
        Ok(invocation)
    }

    async fn end(mut self) -> BenchResult<Measured> {
        let peak_memory = self.process.peak_memory()?;
        let peak_memory_large = match self.endpoints.large_event(self.program)? {
            None => None,
            Some(event) => {
                self.invoke(&event).await?;
                Some(self.process.peak_memory()?)
            }
        };
        self.process.end().await?;
        self.took.sort_unstable();
        let quantile = |part| quantile(&self.took, part).ok_or("nothing was measured");
        #[expect(clippy::cast_precision_loss, reason = "a run has few invocations")]
        let invocations = self.took.len() as f64;
        Ok(Measured {
            warm: Warm {
                median: quantile(0.5)?,
                p90: quantile(0.9)?,
                p99: quantile(0.99)?,
                per_second: invocations / self.cycles.as_secs_f64(),
            },
            peak_memory,
            peak_memory_large,
        })
    }
}
