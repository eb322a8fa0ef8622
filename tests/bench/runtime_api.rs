//! The Lambda runtime API for one process, with as little between the process and the clock as will do.
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
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::outcome::Outcome;
use crate::process;

/// What the process did.
#[derive(Debug)]
pub(crate) enum Report {
    /// It asks for work.
    Asked(Instant),
    /// It was given work.
    HandedOver(Instant),
    /// It has answered.
    Answered(Answer),
    /// It could not start.
    InitFailed(Bytes),
}

/// An answer to an invocation.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) at: Instant,
    /// Of all threads until then; only with the first answer.
    pub(crate) processor: Option<Duration>,
    /// What it answered, or what it calls its error.
    pub(crate) body: Result<Bytes, Bytes>,
}

/// A running runtime API. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    /// `AWS_LAMBDA_RUNTIME_API`
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    work: mpsc::UnboundedSender<Bytes>,
    reports: mpsc::UnboundedReceiver<Report>,
    _connections: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    function_arn: String,
    /// How far ahead the deadline of an invocation is.
    timeout: Duration,
    work: Mutex<mpsc::UnboundedReceiver<Bytes>>,
    reports: mpsc::UnboundedSender<Report>,
    /// Whether the first answer has come.
    metered: AtomicBool,
    process: OnceLock<u32>,
}

impl RuntimeApi {
    /// Listens on a free port of 127.0.0.1. An invocation's deadline is the time-out ahead.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) async fn start(function: &str, timeout: Duration) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (work, next) = mpsc::unbounded_channel();
        let (reporting, reports) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            function_arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{function}"),
            timeout,
            work: Mutex::new(next),
            reports: reporting,
            metered: AtomicBool::new(false),
            process: OnceLock::new(),
        });
        let mut connections = JoinSet::new();
        connections.spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            work,
            reports,
            _connections: connections,
        })
    }

    /// The process whose processor time is read at its first answer.
    pub(crate) fn meter(&self, process: u32) {
        // Set once: an API serves one process.
        let _ = self.shared.process.set(process);
    }

    /// Hands over an event: at once when the process waits, otherwise as soon as it asks.
    ///
    /// # Errors
    /// When the API has ended.
    pub(crate) fn hand_over(&self, event: Bytes) -> Outcome<()> {
        Ok(self.work.send(event)?)
    }

    /// What the process does next.
    ///
    /// # Errors
    /// When the API has ended.
    pub(crate) async fn report(&mut self) -> Outcome<Report> {
        let report = self.reports.recv().await;
        report.ok_or_else(|| "the runtime API has ended".into())
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    // Connections end with this task, and so with the API.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, Arc::clone(&shared)));
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Without it the times would be those of delayed acknowledgements.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let (at, shared) = (Instant::now(), Arc::clone(&shared));
        async move { shared.answer(at, request).await }
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // An error is the end of the process, which its owner sees for itself.
    let _ = connection.await;
}

impl Shared {
    async fn answer(
        &self,
        at: Instant,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, hyper::Error> {
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
            Report::Answered(Answer {
                at,
                processor: of_process,
                body,
            })
        };
        let report = match path.rsplit_once('/') {
            Some(("init", "error")) => Report::InitFailed(body),
            Some((_, "response")) => answered(Ok(body)),
            Some((_, "error")) => answered(Err(body)),
            _ => return Ok(status(StatusCode::NOT_FOUND)),
        };
        self.tell(report);
        Ok(status(StatusCode::ACCEPTED))
    }

    async fn next(&self, at: Instant) -> Response<Full<Bytes>> {
        self.tell(Report::Asked(at));
        let Some(event) = self.work.lock().await.recv().await else {
            return status(StatusCode::GONE);
        };
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH);
        let deadline = deadline.map_or(0, |now| (now + self.timeout).as_millis());
        let response = Response::builder()
            .header(header::CONTENT_TYPE, "application/json")
            .header("Lambda-Runtime-Aws-Request-Id", Uuid::new_v4().to_string())
            .header("Lambda-Runtime-Deadline-Ms", deadline.to_string())
            .header("Lambda-Runtime-Invoked-Function-Arn", &self.function_arn)
            .header("Lambda-Runtime-Trace-Id", trace())
            .body(Full::new(event));
        self.tell(Report::HandedOver(Instant::now()));
        response.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
    }

    /// Read while the process waits for the answer to its first answer, so that it does nothing else meanwhile.
    fn processor_time(&self) -> Option<Duration> {
        if self.metered.swap(true, Ordering::Relaxed) {
            return None;
        }
        process::processor_time(*self.process.get()?).ok()
    }

    fn tell(&self, report: Report) {
        // Nobody listens any more when the process is being ended.
        let _ = self.reports.send(report);
    }
}

/// Another one for each invocation, as on Lambda: the runtime puts it into the process's environment.
fn trace() -> String {
    let root = Uuid::new_v4().simple().to_string();
    let parent = Uuid::new_v4().simple().to_string();
    let (root, parent) = (root.split_at(24).0, parent.split_at(16).0);
    format!("Root=1-5759e988-{root};Parent={parent};Sampled=0")
}

fn status(code: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(br#"{"status":"OK"}"#)));
    *response.status_mut() = code;
    response
}
