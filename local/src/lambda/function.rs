//! A function: its settings, the pool of its execution environments, and invoking it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, oneshot, watch};
use uuid::Uuid;

use super::PAYLOAD_LIMIT;
use super::environment::{Environment, lock};

/// The answer is held back no longer than this until the process asks for its next invocation.
const SETTLE: Duration = Duration::from_millis(50);

/// What a function runs as.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name, also in ARNs and log lines.
    pub name: String,
    /// Program and arguments. The process has to talk to the Lambda runtime API.
    pub command: Vec<OsString>,
    /// Environment variables. Those that Lambda sets itself win, except region and credentials.
    pub environment: BTreeMap<String, String>,
    /// An invocation that takes longer is ended, and its process killed.
    pub timeout: Duration,
    /// Told to the process, not enforced.
    pub memory_mb: u32,
    /// So many processes run at once; further invocations wait for a free one. At least one.
    pub max_environments: usize,
}

/// A function's failure as the caller of Lambda sees it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error_type}: {message}")]
pub struct FunctionError {
    /// The function's own error type, or the service's: `Sandbox.Timedout`, `Runtime.ExitError`,
    /// `Runtime.InvalidEntrypoint`, `Function.ResponseSizeTooLarge`, `RequestEntityTooLarge`, `ServiceException`.
    pub error_type: String,
    /// For people.
    pub message: String,
}

impl FunctionError {
    pub(crate) fn new(error_type: &str, message: impl Into<String>) -> Self {
        Self {
            error_type: error_type.to_owned(),
            message: message.into(),
        }
    }
}

/// How one invocation went.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The response's bytes, or the failure.
    pub result: Result<Vec<u8>, FunctionError>,
    /// From handing the event to the process to its answer. Without the init.
    pub duration: Duration,
    /// From starting the process to its first request for an invocation; only of a cold invocation.
    pub init: Option<Duration>,
    /// Lambda's request id.
    pub request_id: String,
    /// Whether a process was started for it.
    pub cold: bool,
}

/// A function that can be invoked. Cloning shares it; the processes end with the last clone.
#[derive(Clone)]
pub struct Lambda(Arc<Inner>);

struct Inner {
    function: Function,
    pool: Mutex<Pool>,
    free: Arc<Semaphore>,
    starts: AtomicUsize,
    output: Arc<Output>,
}

struct Pool {
    variables: BTreeMap<String, String>,
    generation: u64,
    idle: Vec<Arc<Environment>>,
    all: Vec<Weak<Environment>>,
}

impl Lambda {
    /// The function, ready to be invoked. No process is started before the first invocation.
    pub fn start(function: Function) -> Self {
        let free = Arc::new(Semaphore::new(function.max_environments.max(1)));
        let pool = Pool {
            variables: function.environment.clone(),
            generation: 0,
            idle: Vec::new(),
            all: Vec::new(),
        };
        let output = Arc::new(Output::new(&function.name));
        Self(Arc::new(Inner {
            function,
            pool: Mutex::new(pool),
            free,
            starts: AtomicUsize::new(0),
            output,
        }))
    }

    /// The function's name.
    pub fn name(&self) -> &str {
        &self.0.function.name
    }

    /// Invokes synchronously, in a free environment or a new one, waiting for either when all are busy.
    ///
    /// The invocation goes on to its end when the caller gives up waiting, as it does in AWS.
    pub async fn invoke(&self, payload: Vec<u8>) -> Invocation {
        let request_id = Uuid::new_v4().to_string();
        let (sender, receiver) = oneshot::channel();
        let run = Arc::clone(&self.0).run(request_id.clone(), payload, sender);
        tokio::spawn(run);
        receiver
            .await
            .unwrap_or_else(|_| Invocation::refused(request_id, shut_down()))
    }

    /// Kills every process now, idle or in the middle of an invocation, which ends as `Runtime.ExitError`.
    pub async fn kill(&self) {
        let environments = {
            let mut pool = lock(&self.0.pool);
            pool.generation += 1;
            pool.idle.clear();
            pool.all
                .retain(|environment| environment.strong_count() > 0);
            pool.all
                .iter()
                .filter_map(Weak::upgrade)
                .collect::<Vec<_>>()
        };
        futures::future::join_all(environments.iter().map(|environment| environment.kill())).await;
    }

    /// Sets a variable for the processes that are started from now on; [`Lambda::recycle`] makes them new.
    pub fn set_environment(&self, key: impl Into<String>, value: impl Into<String>) {
        lock(&self.0.pool)
            .variables
            .insert(key.into(), value.into());
    }

    /// Invocations from now on get a new process. One that is running ends in its old process.
    pub fn recycle(&self) {
        let mut pool = lock(&self.0.pool);
        pool.generation += 1;
        pool.idle.clear();
    }

    /// Every line that the processes wrote so far, standard output and standard error, in the order of reading.
    ///
    /// A line may be read a moment after the answer it precedes: see [`Lambda::wrote`].
    pub fn output(&self) -> Vec<String> {
        self.0.output.lines.borrow().clone()
    }

    /// Waits until some line holds `text`; `false` when none does `within` that time.
    pub async fn wrote(&self, text: &str, within: Duration) -> bool {
        let mut lines = self.0.output.lines.subscribe();
        let found = lines.wait_for(|lines| lines.iter().any(|line| line.contains(text)));
        matches!(tokio::time::timeout(within, found).await, Ok(Ok(_)))
    }

    /// Also writes every line to standard error, behind the function's name.
    pub fn echo(&self, on: bool) {
        self.0.output.echo.store(on, Ordering::Relaxed);
    }

    /// How many processes were started so far.
    pub fn starts(&self) -> usize {
        self.0.starts.load(Ordering::SeqCst)
    }

    /// The ids of the processes that are running.
    pub fn processes(&self) -> Vec<u32> {
        let pool = lock(&self.0.pool);
        let running = pool.all.iter().filter_map(Weak::upgrade);
        running
            .filter_map(|environment| environment.pid())
            .collect()
    }

    /// Ends all processes; invocations from now on are refused as `ServiceException`.
    pub async fn shutdown(&self) {
        self.0.free.close();
        self.kill().await;
    }
}

impl Inner {
    async fn run(
        self: Arc<Self>,
        request_id: String,
        payload: Vec<u8>,
        caller: oneshot::Sender<Invocation>,
    ) {
        // The caller may have given up: nobody then wants the answer, and the work is done all the same.
        let answer = |invocation| drop(caller.send(invocation));

        if payload.len() > PAYLOAD_LIMIT {
            let message = format!(
                "{} byte payload is too large for the RequestResponse invocation type (limit {PAYLOAD_LIMIT} bytes)",
                payload.len()
            );
            let error = FunctionError::new("RequestEntityTooLarge", message);
            return answer(Invocation::refused(request_id, error));
        }
        let Ok(permit) = Arc::clone(&self.free).acquire_owned().await else {
            return answer(Invocation::refused(request_id, shut_down()));
        };

        let begun = Instant::now();
        let (environment, init) = match self.take_idle() {
            Some(environment) => (environment, None),
            None => match self.start_environment(&request_id).await {
                Ok(environment) => (environment, Some(begun.elapsed())),
                Err(error) => {
                    return answer(Invocation {
                        result: Err(error),
                        duration: Duration::ZERO,
                        init: Some(begun.elapsed()),
                        request_id,
                        cold: true,
                    });
                }
            },
        };

        let begun = Instant::now();
        let result = environment.invoke(&request_id, payload).await;
        let duration = begun.elapsed();
        let invocation = Invocation {
            result,
            duration,
            init,
            request_id: request_id.clone(),
            cold: init.is_some(),
        };

        // Whoever invokes again at once finds the environment free, and not one that is about to be.
        let at_once = environment.ready_again(&request_id, SETTLE).await;
        answer(invocation);
        let left = self.function.timeout.saturating_sub(duration);
        if at_once || environment.ready_again(&request_id, left).await {
            self.give_back(environment);
        } else {
            environment.kill().await;
        }
        drop(permit);
    }

    fn take_idle(&self) -> Option<Arc<Environment>> {
        let mut pool = lock(&self.pool);
        while let Some(environment) = pool.idle.pop() {
            if environment.usable() {
                return Some(environment);
            }
        }
        None
    }

    async fn start_environment(&self, request_id: &str) -> Result<Arc<Environment>, FunctionError> {
        let (variables, generation) = {
            let pool = lock(&self.pool);
            (pool.variables.clone(), pool.generation)
        };
        let started =
            Environment::start(&self.function, &variables, generation, &self.output).await?;
        self.starts.fetch_add(1, Ordering::SeqCst);
        let environment = Arc::new(started);
        {
            let mut pool = lock(&self.pool);
            pool.all
                .retain(|environment| environment.strong_count() > 0);
            pool.all.push(Arc::downgrade(&environment));
        }
        // A shutdown that came before the environment was listed has not seen it.
        if self.free.is_closed() {
            environment.kill().await;
            return Err(shut_down());
        }
        match environment.initialised(request_id).await {
            Ok(()) => Ok(environment),
            Err(error) => {
                environment.kill().await;
                Err(error)
            }
        }
    }

    fn give_back(&self, environment: Arc<Environment>) {
        let mut pool = lock(&self.pool);
        if environment.generation == pool.generation && !self.free.is_closed() {
            pool.idle.push(environment);
        }
    }
}

impl Invocation {
    fn refused(request_id: String, error: FunctionError) -> Self {
        Self {
            result: Err(error),
            duration: Duration::ZERO,
            init: None,
            request_id,
            cold: false,
        }
    }
}

fn shut_down() -> FunctionError {
    FunctionError::new("ServiceException", "the function is shut down")
}

/// What the processes of one function wrote.
pub(crate) struct Output {
    name: String,
    echo: AtomicBool,
    lines: watch::Sender<Vec<String>>,
}

impl Output {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            echo: AtomicBool::new(false),
            lines: watch::Sender::new(Vec::new()),
        }
    }

    pub(crate) fn push(&self, line: &str) {
        if self.echo.load(Ordering::Relaxed) {
            // Nobody can be told that standard error is gone.
            let _ = writeln!(std::io::stderr().lock(), "{} | {line}", self.name);
        }
        self.lines.send_modify(|lines| lines.push(line.to_owned()));
    }
}
