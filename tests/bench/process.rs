//! A process of a program, started as Lambda starts it.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::endpoints::Settings;
use crate::error::BenchResult;
use crate::figures::Kind;
use crate::memory;
use crate::programs::Program;
use crate::runtime_api::{ProcessEvent, Response, RuntimeApi};

/// The time limit of an invocation.
const INVOCATION_LIMIT: Duration = Duration::from_secs(60);
/// Bytes of output that an error shows.
const TAIL: usize = 4000;

/// A running process. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    id: u32,
    api: RuntimeApi,
    output: Output,
    started: Instant,
    first_request_at: Option<Instant>,
}

/// One invocation of a process.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    pub(crate) answer: Bytes,
    /// Process start → its first request for work; the same for all its invocations.
    pub(crate) ready: Duration,
    /// The invocation handed over → its answer.
    pub(crate) took: Duration,
    /// The invocation handed over → the next request for work.
    pub(crate) cycle: Duration,
    /// Processor time of all threads until the answer; only of the first invocation.
    pub(crate) processor: Option<Duration>,
}

impl Process {
    /// Starts a program with these settings. Of this process's environment it gets `PATH` only.
    pub(crate) async fn start(program: &Program, settings: &Settings) -> BenchResult<Self> {
        let name = label(program);
        let api = RuntimeApi::start(&program.function, settings.timeout).await?;
        let output = Output::new()?;
        let (file, arguments) = program
            .command
            .split_first()
            .ok_or("a program without a command")?;
        let mut command = Command::new(file);
        command
            .args(arguments)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("TZ", ":UTC")
            .env("LANG", "en_US.UTF-8")
            .env("AWS_DEFAULT_REGION", local::aws::REGION)
            .envs(&settings.variables)
            .env("_HANDLER", "bootstrap")
            .env("AWS_LAMBDA_FUNCTION_NAME", &program.function)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env(
                "AWS_LAMBDA_LOG_GROUP_NAME",
                format!("/aws/lambda/{}", program.function),
            )
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "bench/[$LATEST]")
            .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .stdin(Stdio::null())
            .stdout(output.writer()?)
            .stderr(output.writer()?)
            .kill_on_drop(true);
        let started = Instant::now();
        let child = command
            .spawn()
            .map_err(|error| format!("{name} does not start: {error}"))?;
        let id = child.id().ok_or("a process without an id")?;
        api.meter(id);
        Ok(Self {
            name,
            child,
            id,
            api,
            output,
            started,
            first_request_at: None,
        })
    }

    /// Hands over an event and waits until the process asks for the next one.
    pub(crate) async fn invoke(&mut self, event: Bytes) -> BenchResult<Invocation> {
        let invoked =
            tokio::time::timeout(INVOCATION_LIMIT, self.invoke_without_limit(event)).await;
        let invoked = invoked.unwrap_or_else(|_| Err("it takes too long".into()));
        invoked.map_err(|error| self.failure(&error.to_string()))
    }

    async fn invoke_without_limit(&mut self, event: Bytes) -> BenchResult<Invocation> {
        self.api.hand_over(event)?;
        let mut handed_over = None;
        let mut answered: Option<Response> = None;
        loop {
            let event = tokio::select! {
                biased;
                event = self.api.next_event() => event?,
                status = self.child.wait() => return Err(format!("it has ended: {}", status?).into()),
            };
            match event {
                ProcessEvent::InitFailed(error) => {
                    return Err(format!("it could not start: {}", text(&error)).into());
                }
                ProcessEvent::HandedOver(at) => handed_over = Some(at),
                ProcessEvent::Answered(answer) => answered = Some(answer),
                ProcessEvent::NextInvocation(at) => {
                    let first = *self.first_request_at.get_or_insert(at);
                    let Some((handed_over, answer)) = handed_over.zip(answered.take()) else {
                        continue;
                    };
                    return Ok(Invocation {
                        answer: answer
                            .body
                            .map_err(|error| format!("it reports {}", text(&error)))?,
                        ready: first - self.started,
                        took: answer.at - handed_over,
                        cycle: at - handed_over,
                        processor: answer.processor,
                    });
                }
            }
        }
    }

    /// An error about this process, with the end of its output.
    pub(crate) fn failure(&self, what: &str) -> Box<dyn std::error::Error + Send + Sync> {
        format!("{}: {what}\n{}", self.name, self.output.tail()).into()
    }

    /// The largest resident set so far, in bytes.
    pub(crate) fn peak_memory(&self) -> BenchResult<u64> {
        match memory::peak(&[self.id]) {
            0 => Err(self.failure("it has ended")),
            peak => Ok(peak),
        }
    }

    /// Kills the process and waits until it is gone.
    pub(crate) async fn end(mut self) -> BenchResult<()> {
        Ok(self.child.kill().await?)
    }
}

/// `session-details (node)`
pub(crate) fn label(program: &Program) -> String {
    let whose = match program.kind {
        Kind::Floor => "floor",
        Kind::Ours => "ours",
        Kind::Node => "node",
        Kind::Python => "python",
    };
    format!("{} ({whose})", program.function)
}

/// Processor time of all running threads of a process.
pub(crate) fn processor_time(process: u32) -> BenchResult<Duration> {
    let mut total = 0;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        // The first number: nanoseconds on a processor (Linux, Documentation/scheduler/sched-stats.rst).
        let statistics = fs::read_to_string(task?.path().join("schedstat"))?;
        let spent = statistics.split_whitespace().next();
        total += spent.ok_or("schedstat is empty")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(total))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file for a process's output: a full pipe would block the process. Removed on drop.
#[derive(Debug)]
struct Output(PathBuf);

impl Output {
    fn new() -> BenchResult<Self> {
        let file = format!("bench-{}.log", Uuid::new_v4());
        let output = Self(std::env::temp_dir().join(file));
        File::create_new(&output.0)?;
        Ok(output)
    }

    fn writer(&self) -> BenchResult<File> {
        Ok(File::options().append(true).open(&self.0)?)
    }

    fn tail(&self) -> String {
        let printed = fs::read(&self.0).unwrap_or_default();
        text(&printed[printed.len().saturating_sub(TAIL)..])
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // The file is in the folder for temporary files: one that stays does no harm.
        let _ = fs::remove_file(&self.0);
    }
}
