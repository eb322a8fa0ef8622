//! One execution environment: one child process and the runtime API server that only this process talks to.
//!
//! Source: AWS Lambda developer guide, "Using the Lambda runtime API". Not imitated: the freeze between invocations,
//! the memory limit, and the second try of a failed init.

use std::collections::BTreeMap;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinHandle};
use uuid::Uuid;

use super::function::{Function, FunctionError, Output, PAYLOAD_LIMIT};
use crate::lock::lock;
use crate::template::{ACCOUNT, REGION};

/// Lambda stops an init after ten seconds and repeats it with the function's time-out. This covers both.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// How long the rest of the output is awaited: a grandchild may hold the pipes open.
const OUTPUT_LIMIT: Duration = Duration::from_millis(500);

/// A running function process. Dropping it kills the process.
pub(crate) struct Environment {
    /// Environments of an earlier generation are not used again.
    pub(crate) generation: u64,
    timeout: Duration,
    pid: Option<u32>,
    api: Arc<RuntimeApi>,
    work: mpsc::Sender<Work>,
    kill: watch::Sender<bool>,
    exit: watch::Receiver<Option<String>>,
    killed: AtomicBool,
    server: AbortHandle,
}

struct Work {
    request_id: String,
    payload: Vec<u8>,
    deadline_millis: u128,
}

#[derive(Clone, Debug)]
enum Phase {
    Initialising,
    InitFailed(FunctionError),
    Waiting,
    Busy,
}

type InvocationResult = Result<Vec<u8>, FunctionError>;

struct RuntimeApi {
    function_arn: String,
    next: tokio::sync::Mutex<mpsc::Receiver<Work>>,
    current: Mutex<Option<(String, oneshot::Sender<InvocationResult>)>>,
    phase: watch::Sender<Phase>,
}

impl Environment {
    /// Starts a process for `function` with `variables`; what it writes goes to `output`.
    pub(crate) async fn start(
        function: &Function,
        variables: &BTreeMap<String, String>,
        generation: u64,
        output: &Arc<Output>,
    ) -> Result<Self, FunctionError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.map_err(invalid_entrypoint)?;
        let address = listener.local_addr().map_err(invalid_entrypoint)?;

        let region = variables.get("AWS_REGION").map_or(REGION, String::as_str);
        let (work, next) = mpsc::channel(1);
        let name = &function.name;
        let api = Arc::new(RuntimeApi {
            function_arn: format!("arn:aws:lambda:{region}:{ACCOUNT}:function:{name}"),
            next: tokio::sync::Mutex::new(next),
            current: Mutex::new(None),
            phase: watch::Sender::new(Phase::Initialising),
        });

        let mut command = command(function, variables, region, &address.to_string())?;
        let mut child = command.spawn().map_err(invalid_entrypoint)?;
        let pid = child.id();
        let readers = [
            child.stdout.take().map(|pipe| read_lines(pipe, output)),
            child.stderr.take().map(|pipe| read_lines(pipe, output)),
        ];
        let (kill, killed) = watch::channel(false);
        let (exited, exit) = watch::channel(None);
        tokio::spawn(supervise(child, readers, killed, exited));
        let server = tokio::spawn(serve(listener, Arc::clone(&api))).abort_handle();

        Ok(Self {
            generation,
            timeout: function.timeout,
            pid,
            api,
            work,
            kill,
            exit,
            killed: AtomicBool::new(false),
            server,
        })
    }

    /// Waits until the process asks for its first invocation.
    pub(crate) async fn initialised(&self, request_id: &str) -> Result<(), FunctionError> {
        let limit = INIT_LIMIT.max(self.timeout);
        match tokio::time::timeout(limit, self.settled(request_id)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                self.kill().await;
                Err(timed_out(request_id, limit))
            }
        }
    }

    /// Hands an invocation to the waiting process. Returns its answer, its exit, or the time-out, which kills it.
    pub(crate) async fn invoke(&self, request_id: &str, payload: Vec<u8>) -> InvocationResult {
        let (sender, mut answer) = oneshot::channel();
        *lock(&self.api.current) = Some((request_id.to_owned(), sender));
        // Set before the process fetches it, so that `settled` cannot see the phase of the previous invocation.
        self.api.phase.send_replace(Phase::Busy);
        let work = Work {
            request_id: request_id.to_owned(),
            payload,
            deadline_millis: now_millis() + self.timeout.as_millis(),
        };
        if self.work.send(work).await.is_err() {
            return Err(self.exit_error(request_id).await);
        }

        tokio::select! {
            biased;
            Ok(answer) = &mut answer => answer,
            error = self.exit_error(request_id) => answer.try_recv().unwrap_or(Err(error)),
            () = tokio::time::sleep(self.timeout) => {
                lock(&self.api.current).take();
                self.kill().await;
                Err(timed_out(request_id, self.timeout))
            }
        }
    }

    /// Waits until the process asks for the next invocation; `false` when it ended, or did not ask in time.
    pub(crate) async fn ready_again(&self, request_id: &str, within: Duration) -> bool {
        let ready = tokio::time::timeout(within, self.settled(request_id)).await;
        matches!(ready, Ok(Ok(()))) && self.usable()
    }

    /// False as soon as the process is being killed or has ended.
    pub(crate) fn usable(&self) -> bool {
        !self.killed.load(Ordering::SeqCst) && self.exit.borrow().is_none()
    }

    /// The process id while the process runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.exit.borrow().is_none().then_some(self.pid).flatten()
    }

    /// SIGKILL; returns when the process is gone and all that it wrote has been read.
    pub(crate) async fn kill(&self) {
        self.killed.store(true, Ordering::SeqCst);
        self.kill.send_replace(true);
        let mut exit = self.exit.clone();
        let _gone = exit.wait_for(Option::is_some).await;
    }

    async fn settled(&self, request_id: &str) -> Result<(), FunctionError> {
        let mut phase = self.api.phase.subscribe();
        let waiting =
            phase.wait_for(|phase| matches!(phase, Phase::Waiting | Phase::InitFailed(_)));
        let phase = tokio::select! {
            biased;
            phase = waiting => phase.map_or(Phase::Waiting, |phase| phase.clone()),
            error = self.exit_error(request_id) => return Err(error),
        };
        match phase {
            Phase::InitFailed(error) => Err(error),
            Phase::Initialising | Phase::Waiting | Phase::Busy => Ok(()),
        }
    }

    async fn exit_error(&self, request_id: &str) -> FunctionError {
        let mut exit = self.exit.clone();
        let reason = match exit.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => "Runtime exited without providing a reason".to_owned(),
        };
        let message = format!("RequestId: {request_id} Error: {reason}");
        FunctionError::new("Runtime.ExitError", message)
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.kill.send_replace(true);
        self.server.abort();
    }
}

fn command(
    function: &Function,
    variables: &BTreeMap<String, String>,
    region: &str,
    runtime_api: &str,
) -> Result<Command, FunctionError> {
    let empty = || FunctionError::new("Runtime.InvalidEntrypoint", "the command is empty");
    let (program, arguments) = function.command.split_first().ok_or_else(empty)?;
    let (name, memory) = (&function.name, function.memory_mb.to_string());
    let log_stream = format!("local/[$LATEST]{}", Uuid::new_v4().simple());
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("AWS_REGION", region)
        .env("AWS_DEFAULT_REGION", region)
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("TZ", ":UTC")
        .env("LANG", "en_US.UTF-8")
        .envs(variables)
        .env("_HANDLER", "bootstrap")
        .env("AWS_LAMBDA_FUNCTION_NAME", name)
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}"))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", log_stream)
        .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // SIGKILL to this program skips this. The process then ends with its next call to the runtime API.
        .kill_on_drop(true);
    // Only this program receives Ctrl-C; it then ends its functions.
    #[cfg(unix)]
    command.process_group(0);
    Ok(command)
}

async fn supervise(
    mut child: Child,
    readers: [Option<JoinHandle<()>>; 2],
    mut kill: watch::Receiver<bool>,
    exited: watch::Sender<Option<String>>,
) {
    let ended = tokio::select! {
        status = child.wait() => Some(status),
        // Also when the environment is dropped, which closes the channel.
        _ = kill.wait_for(|kill| *kill) => None,
    };
    let status = match ended {
        Some(status) => status,
        None => {
            // Fails only when the process has just ended by itself.
            let _ = child.start_kill();
            child.wait().await
        }
    };
    let drained = futures::future::join_all(readers.into_iter().flatten());
    let _ = tokio::time::timeout(OUTPUT_LIMIT, drained).await;
    let reason = status.map_or_else(|error| error.to_string(), describe);
    exited.send_replace(Some(reason));
}

/// Why the process ended, as the Lambda service reports it.
fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return match signal {
            6 => "Runtime exited with error: signal: aborted".to_owned(),
            9 => "Runtime exited with error: signal: killed".to_owned(),
            11 => "Runtime exited with error: signal: segmentation fault".to_owned(),
            other => format!("Runtime exited with error: signal: {other}"),
        };
    }
    match status.code() {
        Some(0) | None => "Runtime exited without providing a reason".to_owned(),
        Some(code) => format!("Runtime exited with error: exit status {code}"),
    }
}

fn read_lines(
    pipe: impl AsyncRead + Unpin + Send + 'static,
    output: &Arc<Output>,
) -> JoinHandle<()> {
    let output = Arc::clone(output);
    tokio::spawn(async move {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while let Ok(1..) = pipe.read_until(b'\n', &mut line).await {
            let text = String::from_utf8_lossy(&line);
            output.push(text.trim_end_matches(['\n', '\r']));
            line.clear();
        }
    })
}

async fn serve(listener: TcpListener, api: Arc<RuntimeApi>) {
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route(
            "/2018-06-01/runtime/invocation/{request_id}/response",
            post(response),
        )
        .route(
            "/2018-06-01/runtime/invocation/{request_id}/error",
            post(error),
        )
        .route("/2018-06-01/runtime/init/error", post(init_error))
        // `response` answers oversized bodies itself.
        .layer(DefaultBodyLimit::disable())
        .with_state(api);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the runtime API server ended");
    }
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> Response {
    // Before the lock, because an abandoned request may still hold it.
    api.phase.send_if_modified(|phase| {
        let first = !matches!(phase, Phase::InitFailed(_) | Phase::Waiting);
        if first {
            *phase = Phase::Waiting;
        }
        first
    });
    let Some(work) = api.next.lock().await.recv().await else {
        // As AWS freezes an environment: the process hears nothing until it is killed.
        return std::future::pending().await;
    };
    let root = Uuid::new_v4().simple().to_string();
    let parent = Uuid::new_v4().simple().to_string();
    let trace = format!(
        "Root=1-{:08x}-{};Parent={};Sampled=0",
        now_millis() / 1000,
        root.get(..24).unwrap_or_default(),
        parent.get(..16).unwrap_or_default()
    );
    let (deadline, arn) = (work.deadline_millis.to_string(), api.function_arn.clone());
    let headers = [
        (header::CONTENT_TYPE.as_str(), "application/json".to_owned()),
        ("Lambda-Runtime-Aws-Request-Id", work.request_id),
        ("Lambda-Runtime-Deadline-Ms", deadline),
        ("Lambda-Runtime-Invoked-Function-Arn", arn),
        ("Lambda-Runtime-Trace-Id", trace),
    ];
    (headers, work.payload).into_response()
}

async fn response(
    State(api): State<Arc<RuntimeApi>>,
    Path(request_id): Path<String>,
    body: Bytes,
) -> Response {
    if body.len() > PAYLOAD_LIMIT {
        let message = format!(
            "Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
        );
        let error = FunctionError::new("Function.ResponseSizeTooLarge", message.clone());
        api.answer(&request_id, Err(error));
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        return refuse(status, "RequestEntityTooLarge", &message);
    }
    api.accept(&request_id, Ok(body.to_vec()))
}

async fn error(
    State(api): State<Arc<RuntimeApi>>,
    Path(request_id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    api.accept(&request_id, Err(reported(&headers, &body)))
}

async fn init_error(
    State(api): State<Arc<RuntimeApi>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let failed = Phase::InitFailed(reported(&headers, &body));
    api.phase.send_replace(failed);
    accepted()
}

impl RuntimeApi {
    fn accept(&self, request_id: &str, answer: InvocationResult) -> Response {
        if self.answer(request_id, answer) {
            accepted()
        } else {
            let status = StatusCode::BAD_REQUEST;
            refuse(status, "InvalidRequestID", "Invalid request ID")
        }
    }

    fn answer(&self, request_id: &str, answer: InvocationResult) -> bool {
        let waiting = lock(&self.current).take_if(|(current, _)| current.as_str() == request_id);
        waiting.is_some_and(|(_, sender)| sender.send(answer).is_ok())
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ErrorReport {
    error_type: Option<String>,
    error_message: Option<String>,
}

fn reported(headers: &HeaderMap, body: &[u8]) -> FunctionError {
    let report: ErrorReport = serde_json::from_slice(body).unwrap_or_default();
    let header = headers.get("Lambda-Runtime-Function-Error-Type");
    let from_header = header.and_then(|value| value.to_str().ok());
    let error_type = report.error_type.as_deref().or(from_header);
    let message = report.error_message.unwrap_or_default();
    FunctionError::new(error_type.unwrap_or("Runtime.Unknown"), message)
}

fn accepted() -> Response {
    let body = serde_json::json!({"status": "OK"});
    (StatusCode::ACCEPTED, axum::Json(body)).into_response()
}

fn refuse(status: StatusCode, error_type: &str, message: &str) -> Response {
    let body = serde_json::json!({"errorType": error_type, "errorMessage": message});
    (status, axum::Json(body)).into_response()
}

fn timed_out(request_id: &str, limit: Duration) -> FunctionError {
    let seconds = limit.as_secs_f64();
    let message =
        format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds");
    FunctionError::new("Sandbox.Timedout", message)
}

fn invalid_entrypoint(error: std::io::Error) -> FunctionError {
    FunctionError::new("Runtime.InvalidEntrypoint", error.to_string())
}

fn now_millis() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis())
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_process_that_is_no_longer_needed_hears_nothing_until_it_is_killed() {
        let (work, next_work) = mpsc::channel(1);
        let api = Arc::new(RuntimeApi {
            function_arn: String::new(),
            next: tokio::sync::Mutex::new(next_work),
            current: Mutex::new(None),
            phase: watch::Sender::new(Phase::Initialising),
        });
        drop(work);
        let answer = next(State(Arc::clone(&api))).now_or_never();
        assert!(answer.is_none());
        assert!(matches!(*api.phase.borrow(), Phase::Waiting));
    }
}
