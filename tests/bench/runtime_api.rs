//! The Lambda runtime API for one process, with exact times.
//!
//! Source: AWS Lambda developer guide, "Using the Lambda runtime API". Every time is taken when the head of a request
//! has been read, or just before an answer is written.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::error::BenchResult;
use crate::process;

#[derive(Debug)]
pub(crate) enum ProcessEvent {
    /// The process asks for work.
    NextInvocation(Instant),
    /// An event was written to the process.
    HandedOver(Instant),
    Answered(Response),
    /// The process reports that it cannot start.
    InitFailed(Bytes),
}

/// A process's response to an invocation.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) at: Instant,
    /// Processor time of all threads until `at`; only in the first response.
    pub(crate) processor: Option<Duration>,
    /// The response, or the error that the process reports.
    pub(crate) body: Result<Bytes, Bytes>,
}

/// A running runtime API. Ends on drop.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    /// `AWS_LAMBDA_RUNTIME_API`
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    work: mpsc::UnboundedSender<Bytes>,
    events: mpsc::UnboundedReceiver<ProcessEvent>,
    _connections: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    function_arn: String,
    /// From the start of an invocation to its deadline.
    timeout: Duration,
    work: Mutex<mpsc::UnboundedReceiver<Bytes>>,
    events: mpsc::UnboundedSender<ProcessEvent>,
    /// Whether the first response has come.
    metered: AtomicBool,
    process: OnceLock<u32>,
}

impl RuntimeApi {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) async fn start(function: &str, timeout: Duration) -> BenchResult<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (work, next) = mpsc::unbounded_channel();
        let (sender, events) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            function_arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{function}"),
            timeout,
            work: Mutex::new(next),
            events: sender,
            metered: AtomicBool::new(false),
            process: OnceLock::new(),
        });
        let mut connections = JoinSet::new();
        connections.spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            work,
            events,
            _connections: connections,
        })
    }

    /// Sets the process whose processor time is read at its first response.
    pub(crate) fn meter(&self, process: u32) {
        // An API serves one process, so this is set once.
        let _ = self.shared.process.set(process);
    }

    /// Hands over an event, when the process asks for work.
    pub(crate) fn hand_over(&self, event: Bytes) -> BenchResult<()> {
        Ok(self.work.send(event)?)
    }

    pub(crate) async fn next_event(&mut self) -> BenchResult<ProcessEvent> {
        let event = self.events.recv().await;
        event.ok_or_else(|| "the runtime API has ended".into())
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task, and so with the API.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, Arc::clone(&shared)));
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Otherwise delayed acknowledgements add to the times.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let (at, shared) = (Instant::now(), Arc::clone(&shared));
        async move { shared.answer(at, request).await }
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // The connection fails when the process ends, which `Process` notices.
    let _ = connection.await;
}

impl Shared {
    async fn answer(
        &self,
        at: Instant,
        request: Request<Incoming>,
    ) -> Result<hyper::Response<Full<Bytes>>, hyper::Error> {
        let path = request.uri().path().to_owned();
        let Some(path) = path.strip_prefix("/2018-06-01/runtime/") else {
            return Ok(status(StatusCode::NOT_FOUND));
        };
        if path == "invocation/next" && request.method() == Method::GET {
            return Ok(self.next(at).await);
        }
        let of_process = self.processor_time();
        let body = request.into_body().collect().await?.to_bytes();
        let answered = |body| {
            ProcessEvent::Answered(Response {
                at,
                processor: of_process,
                body,
            })
        };
        let event = match path.rsplit_once('/') {
            Some(("init", "error")) => ProcessEvent::InitFailed(body),
            Some((_, "response")) => answered(Ok(body)),
            Some((_, "error")) => answered(Err(body)),
            _ => return Ok(status(StatusCode::NOT_FOUND)),
        };
        self.emit(event);
        Ok(status(StatusCode::ACCEPTED))
    }

    async fn next(&self, at: Instant) -> hyper::Response<Full<Bytes>> {
        self.emit(ProcessEvent::NextInvocation(at));
        let Some(event) = self.work.lock().await.recv().await else {
            return status(StatusCode::GONE);
        };
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH);
        let deadline = deadline.map_or(0, |now| (now + self.timeout).as_millis());
        let response = hyper::Response::builder()
            .header(header::CONTENT_TYPE, "application/json")
            .header("Lambda-Runtime-Aws-Request-Id", Uuid::new_v4().to_string())
            .header("Lambda-Runtime-Deadline-Ms", deadline.to_string())
            .header("Lambda-Runtime-Invoked-Function-Arn", &self.function_arn)
            .header("Lambda-Runtime-Trace-Id", trace())
            .body(Full::new(event));
        self.emit(ProcessEvent::HandedOver(Instant::now()));
        response.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
    }

    /// Read before the process's first response is acknowledged: until then the process waits.
    fn processor_time(&self) -> Option<Duration> {
        if self.metered.swap(true, Ordering::Relaxed) {
            return None;
        }
        process::processor_time(*self.process.get()?).ok()
    }

    fn emit(&self, event: ProcessEvent) {
        // The receiver is gone when the process is being ended.
        let _ = self.events.send(event);
    }
}

/// A new trace id for each invocation, as on Lambda: the runtime puts it into the process's environment.
fn trace() -> String {
    let root = Uuid::new_v4().simple().to_string();
    let parent = Uuid::new_v4().simple().to_string();
    let (root, parent) = (root.split_at(24).0, parent.split_at(16).0);
    format!("Root=1-5759e988-{root};Parent={parent};Sampled=0")
}

fn status(code: StatusCode) -> hyper::Response<Full<Bytes>> {
    let mut response = hyper::Response::new(Full::new(Bytes::from_static(br#"{"status":"OK"}"#)));
    *response.status_mut() = code;
    response
}
