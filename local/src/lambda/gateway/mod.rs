//! An API Gateway HTTP API: loopback HTTP in, payload format 2.0 to a function, and its answer back.
//!
//! Source: API Gateway developer guide, "AWS Lambda proxy integrations for HTTP APIs"; docs/vendors.md#lambda-and-http-apis.

mod error;
mod event;
mod response;
mod route;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use uuid::Uuid;

use self::event::{RoutedRequest, decoded_path};
use self::response::{function_response, gateway_response};
use super::function::PAYLOAD_LIMIT;
use crate::sandbox_link::{SandboxLink, first_page};

pub use self::error::GatewayError;
pub use self::route::Route;

/// API Gateway's limit for a request's body.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// A refused body is read up to here, so that its sender receives the answer.
const DRAIN_LIMIT: usize = 8 * BODY_LIMIT;

/// API Gateway's integration time-out.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// A running HTTP API on loopback. It ends when dropped.
pub struct Gateway {
    address: SocketAddr,
    sandbox: Arc<OnceLock<SandboxLink>>,
    server: AbortHandle,
}

struct Api {
    address: SocketAddr,
    routes: Vec<Route>,
    integration_timeout: Duration,
    sandbox: Arc<OnceLock<SandboxLink>>,
}

impl Gateway {
    /// Listens on 127.0.0.1, on `port` or on a free one when that is 0.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn start(port: u16, routes: Vec<Route>) -> Result<Self, GatewayError> {
        Self::start_with(port, routes, INTEGRATION_TIMEOUT).await
    }

    async fn start_with(
        port: u16,
        mut routes: Vec<Route>,
        integration_timeout: Duration,
    ) -> Result<Self, GatewayError> {
        routes.sort_by_cached_key(Route::rank);
        let listen = |source| GatewayError::Listen { port, source };
        let listener = TcpListener::bind(("127.0.0.1", port)).await;
        let listener = listener.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let sandbox = Arc::new(OnceLock::new());
        let api = Arc::new(Api {
            address,
            routes,
            integration_timeout,
            sandbox: Arc::clone(&sandbox),
        });
        let service = Router::new()
            .fallback(handle)
            .with_state(api)
            .into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, service).await {
                tracing::error!(%error, "the HTTP API ended");
            }
        });
        Ok(Self {
            address,
            sandbox,
            server: server.abort_handle(),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:{port}`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers `GET /` with a link to the sandbox, unless a route takes it.
    pub(crate) fn set_sandbox(&self, link: SandboxLink) {
        self.sandbox.set(link).ok();
    }

    /// Stops accepting connections.
    pub fn stop(&self) {
        self.server.abort();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn handle(
    State(api): State<Arc<Api>>,
    ConnectInfo(sender): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let request_id = STANDARD.encode(&Uuid::new_v4().as_bytes()[..11]);
    let mut response = api.answer(&request_id, sender, request).await;
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("apigw-requestid", value);
    }
    response
}

impl Api {
    fn first_page(&self, request: &Parts) -> Option<Response> {
        let host = request.headers.get(header::HOST)?.to_str().ok();
        let sandbox = self.sandbox.get()?.shown_to(host)?;
        let is_first = request.method == Method::GET && request.uri.path() == "/";
        is_first.then(|| Html(first_page("HTTP API", sandbox)).into_response())
    }

    async fn answer(&self, request_id: &str, sender: SocketAddr, request: Request) -> Response {
        let too_large =
            || gateway_response(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        let (parts, body) = request.into_parts();
        let Some(body) = read(body).await else {
            return too_large();
        };
        let path = decoded_path(parts.uri.path());
        let mut routes = self.routes.iter();
        let matching = routes.find_map(|route| Some((route, route.matches(&parts.method, &path)?)));
        let Some((route, path_parameters)) = matching else {
            let page = self.first_page(&parts);
            return page.unwrap_or_else(|| gateway_response(StatusCode::NOT_FOUND, "Not Found"));
        };

        let routed = RoutedRequest {
            id: request_id,
            sender,
            gateway: self.address,
            route_key: &route.key,
            path: &path,
            path_parameters,
            parts: &parts,
            body: &body,
        };
        let event = routed.event().to_string().into_bytes();
        if event.len() > PAYLOAD_LIMIT {
            return too_large();
        }
        let invocation = tokio::time::timeout(self.integration_timeout, route.lambda.invoke(event));
        let Ok(invocation) = invocation.await else {
            return gateway_response(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
        };
        let failed =
            || gateway_response(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
        match invocation.result {
            Err(error) => {
                tracing::warn!(route = route.key, %error, "the function failed");
                failed()
            }
            Ok(answer) => function_response(&answer).unwrap_or_else(|| {
                tracing::warn!(route = route.key, "the function's answer is not a response");
                failed()
            }),
        }
    }
}

/// `None` when the body is larger than API Gateway takes.
async fn read(body: Body) -> Option<Vec<u8>> {
    let mut chunks = body.into_data_stream();
    let mut kept = Vec::new();
    let mut received = 0;
    while let Some(Ok(chunk)) = chunks.next().await {
        received += Bytes::len(&chunk);
        if received <= BODY_LIMIT {
            kept.extend_from_slice(&chunk);
        } else if received > DRAIN_LIMIT {
            break;
        }
    }
    (received <= BODY_LIMIT).then_some(kept)
}
