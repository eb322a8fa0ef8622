//! A function that can be invoked, and the pool of its execution environments.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc, oneshot};
use uuid::Uuid;

use super::environment::Environment;
use super::function::{Function, FunctionError, Invocation, Output, PAYLOAD_LIMIT};
use crate::lock::lock;
use crate::recent::Recent;

/// How long an answer waits, at the most, for the process to ask for its next invocation. On a busy machine that takes a
/// while, and an immediate next invocation would start a second process.
const SETTLE: Duration = Duration::from_secs(1);

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

    /// Invokes synchronously, in a free environment or a new one; waits when all are busy.
    ///
    /// As in AWS, the invocation runs to its end when the caller stops waiting.
    pub async fn invoke(&self, payload: Vec<u8>) -> Invocation {
        let request_id = Uuid::new_v4().to_string();
        let (sender, receiver) = oneshot::channel();
        let run = Arc::clone(&self.0).run(request_id.clone(), payload, sender);
        tokio::spawn(run);
        receiver
            .await
            .unwrap_or_else(|_| Invocation::refused(request_id, shut_down()))
    }

    /// Kills every process. A running invocation ends as `Runtime.ExitError`.
    pub async fn kill(&self) {
        let environments = {
            let mut pool = lock(&self.0.pool);
            pool.generation += 1;
            pool.idle.clear();
            let running = pool.all.iter().filter_map(Weak::upgrade);
            running.collect::<Vec<_>>()
        };
        futures::future::join_all(environments.iter().map(|environment| environment.kill())).await;
    }

    /// Sets a variable for the processes that start from now on; [`Lambda::recycle`] replaces the present ones.
    pub fn set_environment(&self, key: impl Into<String>, value: impl Into<String>) {
        let mut pool = lock(&self.0.pool);
        pool.variables.insert(key.into(), value.into());
    }

    /// Later invocations get a new process. A running one ends in its old process.
    pub fn recycle(&self) {
        let mut pool = lock(&self.0.pool);
        pool.generation += 1;
        pool.idle.clear();
    }

    /// Every line that the processes wrote so far, standard output and standard error, in the order of reading.
    ///
    /// A line may be read a moment after the answer it precedes: see [`Lambda::wrote`].
    pub fn output(&self) -> Vec<String> {
        self.0.output.lines.borrow().iter().cloned().collect()
    }

    /// Drops the lines so far, so that a long run needs no more memory than a short one.
    pub fn forget_output(&self) {
        self.0.output.lines.send_modify(Recent::clear);
    }

    /// Keeps no more than so many of the newest lines from now on.
    pub(crate) fn keep_output(&self, newest: usize) {
        self.0.output.lines.send_modify(|lines| lines.keep(newest));
    }

    /// Waits until some line holds `text`; `false` when none does `within` that time.
    pub async fn wrote(&self, text: &str, within: Duration) -> bool {
        let mut lines = self.0.output.lines.subscribe();
        let found = lines.wait_for(|lines| lines.iter().any(|line| line.contains(text)));
        matches!(tokio::time::timeout(within, found).await, Ok(Ok(_)))
    }

    /// Also sends every new line to this channel, with the function's name.
    pub fn echo(&self, lines: mpsc::UnboundedSender<(String, String)>) {
        *lock(&self.0.output.echo) = Some(lines);
    }

    /// How many processes were started so far.
    pub fn starts(&self) -> usize {
        self.0.starts.load(Ordering::SeqCst)
    }

    /// The ids of the processes that are running.
    pub fn processes(&self) -> Vec<u32> {
        let pool = lock(&self.0.pool);
        let running = pool.all.iter().filter_map(Weak::upgrade);
        let ids = running.filter_map(|environment| environment.pid());
        ids.collect()
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
        // The caller may have stopped waiting; the invocation runs to its end.
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

        // So that an immediate next invocation finds the environment free.
        let at_once = environment.ready_again(&request_id, SETTLE).await;
        answer(invocation);
        let left = self.function.timeout.saturating_sub(duration);
        if at_once || environment.ready_again(&request_id, left).await {
            self.return_to_pool(environment);
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
        // A shutdown before the environment was listed did not kill it.
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

    fn return_to_pool(&self, environment: Arc<Environment>) {
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::SystemTime;

    use serde_json::{Value, json};

    use super::*;
    use crate::lambda::testing::{function, function_with_init};

    const PATIENCE: Duration = Duration::from_secs(20);

    async fn invoke(lambda: &Lambda, event: Value) -> Invocation {
        lambda.invoke(event.to_string().into_bytes()).await
    }

    fn answer(invocation: &Invocation) -> Value {
        let bytes = invocation.result.as_ref().expect("the function answers");
        serde_json::from_slice(bytes).expect("it answers JSON")
    }

    fn error(invocation: &Invocation) -> &FunctionError {
        invocation.result.as_ref().expect_err("the function fails")
    }

    fn lambda() -> Lambda {
        Lambda::start(function())
    }

    #[tokio::test]
    async fn an_answer_comes_back_and_the_next_invocation_is_warm() {
        let lambda = lambda();
        let first = invoke(&lambda, json!({"number": 1})).await;
        let second = invoke(&lambda, json!({"number": 2})).await;

        let (one, two) = (answer(&first), answer(&second));
        assert_eq!(one["event"], json!({"number": 1}));
        assert_eq!(two["event"], json!({"number": 2}));
        assert_eq!(one["process"], two["process"]);
        assert_eq!(one["request_id"], first.request_id);
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:echo";
        assert_eq!(one["arn"], arn);
        let trace = one["trace"].as_str().expect("a trace id");
        assert!(trace.starts_with("Root=1-"), "{trace}");
        assert!(trace.ends_with(";Sampled=0"), "{trace}");
        assert_eq!((first.cold, second.cold, lambda.starts()), (true, false, 1));
        assert!(first.init.is_some() && second.init.is_none());
    }

    #[tokio::test]
    async fn the_deadline_is_the_time_out_away() {
        let lambda = lambda();
        let one = answer(&invoke(&lambda, json!({})).await);
        let deadline = Duration::from_millis(one["deadline"].as_u64().expect("milliseconds"));
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .expect("after 1970");
        let left = deadline.saturating_sub(now);
        assert!(
            left > Duration::from_secs(20) && left <= Duration::from_secs(30),
            "{left:?}"
        );
    }

    #[tokio::test]
    async fn a_function_s_own_error_keeps_its_type_and_its_process() {
        let lambda = lambda();
        let failed = invoke(&lambda, json!({"do": "fail"})).await;
        let expected = FunctionError::new("tenant-misconfigured", "no company id");
        assert_eq!(*error(&failed), expected);
        assert!(!invoke(&lambda, json!({})).await.cold);
    }

    #[tokio::test]
    async fn a_time_out_kills_the_process_and_the_next_invocation_starts_another() {
        let mut function = function();
        function.timeout = Duration::from_millis(500);
        let lambda = Lambda::start(function);
        let hung = invoke(&lambda, json!({"do": "hang"})).await;
        assert_eq!(error(&hung).error_type, "Sandbox.Timedout");
        let id = &hung.request_id;
        let message = format!("RequestId: {id} Error: Task timed out after 0.50 seconds");
        assert_eq!(error(&hung).message, message);
        assert!(lambda.processes().is_empty());

        assert!(invoke(&lambda, json!({})).await.cold);
        assert_eq!(lambda.starts(), 2);
    }

    #[tokio::test]
    async fn a_crash_in_the_middle_ends_the_invocation_as_an_exit_error() {
        let lambda = lambda();
        let crashed = invoke(&lambda, json!({"do": "crash"})).await;
        assert_eq!(error(&crashed).error_type, "Runtime.ExitError");
        let message = &error(&crashed).message;
        let reason = "Error: Runtime exited with error: exit status 3";
        assert!(message.ends_with(reason), "{message}");
        assert!(answer(&invoke(&lambda, json!({})).await)["process"].is_u64());
        assert_eq!(lambda.starts(), 2);
    }

    #[tokio::test]
    async fn killing_ends_an_invocation_in_progress() {
        let lambda = lambda();
        let warm = invoke(&lambda, json!({})).await;
        assert!(warm.cold);
        let hanging = lambda.clone();
        let hung = tokio::spawn(async move { invoke(&hanging, json!({"do": "hang"})).await });
        while lambda.0.free.available_permits() == 2 {
            tokio::task::yield_now().await;
        }
        lambda.kill().await;
        let hung = hung.await.expect("it ends");
        let message = &error(&hung).message;
        assert!(message.ends_with("signal: killed"), "{message}");
        assert!(lambda.processes().is_empty());
        assert!(invoke(&lambda, json!({})).await.cold);
    }

    #[tokio::test]
    async fn an_exit_before_the_first_invocation_is_reported_with_its_output() {
        let lambda = Lambda::start(function_with_init("exit"));
        let failed = invoke(&lambda, json!({})).await;
        assert_eq!(error(&failed).error_type, "Runtime.ExitError");
        let line = "TENANTS_TABLE is missing".to_owned();
        assert!(lambda.output().contains(&line));
    }

    #[tokio::test]
    async fn an_init_error_that_the_process_reports_is_the_invocation_s_error() {
        let lambda = Lambda::start(function_with_init("report"));
        let failed = invoke(&lambda, json!({})).await;
        let expected = FunctionError::new("configuration", "SESSIONS_TABLE is missing");
        assert_eq!(*error(&failed), expected);
    }

    #[tokio::test]
    async fn a_program_that_does_not_exist_is_an_invalid_entrypoint() {
        let mut function = function();
        function.command = vec!["/nonexistent/bootstrap".into()];
        let failed = invoke(&Lambda::start(function), json!({})).await;
        assert_eq!(error(&failed).error_type, "Runtime.InvalidEntrypoint");
    }

    #[tokio::test]
    async fn two_environments_work_at_the_same_time() {
        let folder = std::env::temp_dir().join(Uuid::new_v4().to_string());
        std::fs::create_dir(&folder).expect("a new folder");
        let lambda = lambda();
        let event = json!({"do": "meet", "folder": folder});
        let (one, two) = tokio::join!(invoke(&lambda, event.clone()), invoke(&lambda, event));
        std::fs::remove_dir_all(&folder).expect("it can be removed");
        assert_ne!(answer(&one)["process"], answer(&two)["process"]);
        assert_eq!(lambda.starts(), 2);
    }

    #[tokio::test]
    async fn an_invocation_waits_when_every_environment_is_busy() {
        let mut function = function();
        function.max_environments = 1;
        let lambda = Lambda::start(function);
        let (one, two) = tokio::join!(invoke(&lambda, json!({})), invoke(&lambda, json!({})));
        assert_eq!(answer(&one)["process"], answer(&two)["process"]);
        assert_eq!(lambda.starts(), 1);
    }

    #[tokio::test]
    async fn a_process_sees_its_own_variables_and_not_those_of_this_program() {
        let lambda = lambda();
        lambda.set_environment("TENANTS_TABLE", "tenants");
        let variables = answer(&invoke(&lambda, json!({"do": "environment"})).await);
        for (name, value) in [
            ("TENANTS_TABLE", "tenants"),
            ("AWS_LAMBDA_FUNCTION_NAME", "echo"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
            ("AWS_REGION", "us-east-1"),
        ] {
            assert_eq!(variables[name], value, "{name}");
        }
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        assert!(variables.get("CARGO_MANIFEST_DIR").is_none());

        lambda.set_environment("TENANTS_TABLE", "others");
        let variables = answer(&invoke(&lambda, json!({"do": "environment"})).await);
        assert_eq!(variables["TENANTS_TABLE"], "tenants");
        lambda.recycle();
        let renewed = invoke(&lambda, json!({"do": "environment"})).await;
        assert_eq!(answer(&renewed)["TENANTS_TABLE"], "others");
        assert!(renewed.cold);
    }

    #[tokio::test]
    async fn an_invocation_runs_to_its_end_when_its_caller_stops_waiting() {
        let lambda = lambda();
        answer(&invoke(&lambda, json!({})).await);
        let brief = Duration::from_millis(20);
        let gave_up = tokio::time::timeout(brief, invoke(&lambda, json!({"do": "print"}))).await;
        assert!(gave_up.is_err());
        assert!(lambda.wrote("to standard output", PATIENCE).await);
        assert!(lambda.wrote("to standard error", PATIENCE).await);
    }

    #[tokio::test]
    async fn an_event_or_an_answer_over_six_megabytes_is_refused() {
        let lambda = lambda();
        let too_large = invoke(&lambda, json!({"do": "fill"})).await;
        let error_type = &error(&too_large).error_type;
        assert_eq!(error_type, "Function.ResponseSizeTooLarge");
        let refused = lambda.invoke(vec![b' '; PAYLOAD_LIMIT + 1]).await;
        assert_eq!(error(&refused).error_type, "RequestEntityTooLarge");
    }

    #[tokio::test]
    async fn a_shut_down_function_has_no_processes_and_takes_no_invocations() {
        let lambda = lambda();
        answer(&invoke(&lambda, json!({})).await);
        assert_eq!(lambda.processes().len(), 1);
        lambda.shutdown().await;
        assert!(lambda.processes().is_empty());
        let refused = invoke(&lambda, json!({})).await;
        assert_eq!(error(&refused).error_type, "ServiceException");
    }

    #[tokio::test]
    async fn a_process_without_its_runtime_api_ends() {
        let api = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = api.local_addr().expect("it is bound").to_string();
        let function = function();
        let (program, arguments) = function.command.split_first().expect("a program");
        let mut process = tokio::process::Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(&function.environment)
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "echo")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let accepted = tokio::task::spawn_blocking(move || api.accept().map(drop)).await;
        let accepted = accepted.expect("the task ends");
        accepted.expect("it requests an invocation");
        let ended = tokio::time::timeout(PATIENCE, process.wait()).await;
        assert!(ended.expect("it ends").is_ok());
    }
}
