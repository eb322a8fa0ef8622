//! A loopback HTTP/1.1 server on its own thread.
//!
//! On its own thread, because a test may block its runtime while a function process talks to the simulator. hyper by hand
//! rather than a router, because a fault must be able to close the connection without an answer.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use shared::domain::clock::Clock;
use tokio::sync::oneshot;

use super::fault::{FaultAction, InjectedFaults};
use super::request::{RecordedRequest, Requests};

/// What a simulated system does with a request.
pub(crate) trait Site: Send + Sync + 'static {
    /// Performs a request and answers it.
    fn answer(&self, request: &RecordedRequest) -> SimulatorResponse;
    /// Answers a request with this system's own form of a refusal.
    fn refuse(&self, request: &RecordedRequest, refusal: RequestRefusal) -> SimulatorResponse;
    /// Records a violation of every request, also of one that a fault takes.
    fn inspect(&self, _request: &RecordedRequest) {}
    /// Adds the headers that every answer of this system has.
    fn add_headers(&self, _answer: &mut SimulatorResponse) {}
    /// What callers did that they must never do.
    fn violations(&self) -> Vec<String>;
    /// The simulator's clock.
    fn clock(&self) -> &Clock;
}

/// Refusals that both systems make, each in its own format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestRefusal {
    Unauthorized,
    RateLimited { retry_after: Option<u64> },
    Cancelled,
}

/// An HTTP answer.
#[derive(Clone, Debug)]
pub(crate) struct SimulatorResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl SimulatorResponse {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
    }

    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::new(status, "application/json;charset=UTF-8", body.to_string())
    }

    pub(crate) fn html(status: u16, title: &str) -> Self {
        let page = format!(
            "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
        );
        Self::new(status, "text/html;charset=UTF-8", page)
    }

    pub(crate) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// The record of requests and the scripted faults.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) requests: Requests,
    pub(super) faults: InjectedFaults,
}

/// A running server; it ends when this is dropped.
pub(crate) struct Server {
    pub(super) site: Arc<dyn Site>,
    pub(super) traffic: Arc<Traffic>,
    address: SocketAddr,
    running: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on loopback; `None` takes a free port.
    pub(crate) fn start(port: Option<u16>, site: Arc<dyn Site>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0)))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (running, stop) = oneshot::channel();
        let traffic = Arc::new(Traffic::default());
        let served = (Arc::clone(&site), Arc::clone(&traffic));
        let thread = std::thread::Builder::new()
            .name("simulator".to_owned())
            .spawn(move || runtime.block_on(listen(listener, served, stop)))?;
        Ok(Self {
            site,
            traffic,
            address,
            running: Some(running),
            thread: Some(thread),
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    /// Waits until the port is free, so that another server can take it at once.
    fn drop(&mut self) {
        drop(self.running.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(Err(_)) = ended {
            tracing::error!("a simulator's thread has panicked");
        }
    }
}

async fn listen(
    listener: TcpListener,
    (site, traffic): (Arc<dyn Site>, Arc<Traffic>),
    mut stop: oneshot::Receiver<Infallible>,
) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "a simulator cannot listen");
            return;
        }
    };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stop => return,
        };
        let Ok((stream, _)) = accepted else { continue };
        let _ = stream.set_nodelay(true);
        let (site, traffic) = (Arc::clone(&site), Arc::clone(&traffic));
        tokio::spawn(async move {
            let service =
                service_fn(|request| serve(Arc::clone(&site), Arc::clone(&traffic), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            // An error here is a dropped connection, by script or by the caller.
            let _ = connection.await;
        });
    }
}

/// The service's error: hyper then closes the connection without writing anything.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped by script")]
struct Dropped;

async fn serve(
    site: Arc<dyn Site>,
    traffic: Arc<Traffic>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Dropped> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    let request = read(&head, &body, site.clock());
    let index = traffic.requests.arrived(request.clone());
    site.inspect(&request);
    // In a task of its own, because hyper drops the future when the caller hangs up; the real systems
    // finish the request.
    let (worker, action) = (Arc::clone(&site), traffic.faults.take(&request));
    let work = tokio::spawn(async move { act(worker.as_ref(), &request, action).await });
    let mut answer = work.await.ok().flatten().ok_or(Dropped)?;
    site.add_headers(&mut answer);
    traffic.requests.answered(index, answer.status);
    write(answer).ok_or(Dropped)
}

/// Serves a request with the fault that is scripted for it; `None` drops the connection.
async fn act(
    site: &dyn Site,
    request: &RecordedRequest,
    action: Option<FaultAction>,
) -> Option<SimulatorResponse> {
    let Some(action) = action else {
        return Some(site.answer(request));
    };
    tracing::debug!(method = %request.method, path = %request.path, ?action, "a scripted fault");
    let given = |code, headers, body: String| SimulatorResponse {
        status: code,
        headers,
        body: body.into_bytes(),
    };
    match action {
        FaultAction::Status {
            code,
            headers,
            body,
        } => Some(given(code, headers, body)),
        FaultAction::CommitThenStatus {
            code,
            headers,
            body,
        } => {
            site.answer(request);
            Some(given(code, headers, body))
        }
        FaultAction::Delay(wait) => {
            tokio::time::sleep(wait).await;
            Some(site.answer(request))
        }
        FaultAction::CommitThenDelay(wait) => {
            let answer = site.answer(request);
            tokio::time::sleep(wait).await;
            Some(answer)
        }
        FaultAction::Html => Some(SimulatorResponse::html(200, "Your instance is hibernating")),
        FaultAction::TruncatedJson => {
            let mut answer = site.answer(request);
            answer.body.truncate(answer.body.len() / 2);
            Some(answer)
        }
        FaultAction::MixedJson => {
            let mut answer = site.answer(request);
            if answer.body.ends_with(b"}") {
                answer.body.pop();
                answer.body.push(b',');
            }
            let error = site.refuse(request, RequestRefusal::Cancelled).body;
            answer
                .body
                .extend_from_slice(error.strip_prefix(b"{").unwrap_or(&error));
            Some(answer)
        }
        FaultAction::CommitThenDrop => {
            site.answer(request);
            None
        }
        FaultAction::DropBefore => None,
        FaultAction::Accepted => Some(SimulatorResponse::new(202, "text/plain", "")),
        FaultAction::Cancelled { committed } => {
            if committed {
                site.answer(request);
            }
            Some(site.refuse(request, RequestRefusal::Cancelled))
        }
        FaultAction::RateLimited { retry_after } => {
            Some(site.refuse(request, RequestRefusal::RateLimited { retry_after }))
        }
        FaultAction::Unauthorized => Some(site.refuse(request, RequestRefusal::Unauthorized)),
    }
}

fn read(head: &http::request::Parts, body: &Bytes, clock: &Clock) -> RecordedRequest {
    let raw_query = head.uri.query().unwrap_or_default().to_owned();
    let mut authorization = None;
    let mut headers = Vec::new();
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        if name == http::header::AUTHORIZATION {
            authorization = Some(value);
        } else {
            headers.push((name.as_str().to_owned(), value));
        }
    }
    RecordedRequest {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: form_urlencoded::parse(raw_query.as_bytes())
            .into_owned()
            .collect(),
        raw_query,
        headers,
        authorization,
        body: body.to_vec(),
        at: clock.now(),
        status: None,
    }
}

fn write(answer: SimulatorResponse) -> Option<hyper::Response<Full<Bytes>>> {
    let mut builder = hyper::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        builder = builder.header(name, value);
    }
    builder.body(Full::new(Bytes::from(answer.body))).ok()
}
