//! An API Gateway HTTP API: loopback HTTP in, payload format 2.0 to a function, and its answer back.
//!
//! Source: API Gateway developer guide, "AWS Lambda proxy integrations for HTTP APIs"; docs/vendors.md#lambda-and-http-apis.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use uuid::Uuid;

use super::function::PAYLOAD_LIMIT;
use super::pool::Lambda;
use crate::template::ACCOUNT;

/// API Gateway's limit for a request's body.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// A refused body is read up to here, so that its sender receives the answer.
const DRAIN_LIMIT: usize = 8 * BODY_LIMIT;

/// API Gateway's integration time-out.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// The gateway could not be started.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// A route key that is not `METHOD /path`, `ANY /path` or `$default`.
    #[error("{0:?} is no route: METHOD /path with {{variables}}, ANY /path or $default")]
    Route(String),
    /// The port cannot be listened on.
    #[error("cannot listen on port {port}: {source}")]
    Listen {
        /// The port.
        port: u16,
        /// Why.
        source: std::io::Error,
    },
}

/// A route and the function behind it.
pub struct Route {
    key: String,
    method: Option<Method>,
    path: Option<Vec<Segment>>,
    lambda: Lambda,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Debug)]
enum Segment {
    Literal(String),
    Variable(String),
    Greedy(String),
}

impl Route {
    /// Reads a route key as API Gateway writes it: `POST /a/{b}`, `ANY /a/{rest+}`, `$default`.
    pub fn new(key: &str, lambda: Lambda) -> Result<Self, GatewayError> {
        let refused = || GatewayError::Route(key.to_owned());
        if key == "$default" {
            return Ok(Self {
                key: key.to_owned(),
                method: None,
                path: None,
                lambda,
            });
        }
        let (method, path) = key.split_once(' ').ok_or_else(refused)?;
        let method = match method {
            "ANY" => None,
            method => Some(method.parse().map_err(|_| refused())?),
        };
        let path = path.strip_prefix('/').ok_or_else(refused)?;
        Ok(Self {
            key: key.to_owned(),
            method,
            path: Some(path.split('/').map(Segment::parse).collect()),
            lambda,
        })
    }

    /// The path's variables when this route takes the request.
    fn matches(&self, method: &Method, path: &str) -> Option<BTreeMap<String, String>> {
        if self.method.as_ref().is_some_and(|own| own != method) {
            return None;
        }
        let mut variables = BTreeMap::new();
        let Some(segments) = &self.path else {
            return Some(variables);
        };
        let mut parts = path.strip_prefix('/')?.split('/');
        for segment in segments {
            let part = parts.next()?;
            match segment {
                Segment::Literal(literal) if literal == part => {}
                Segment::Variable(name) if !part.is_empty() => {
                    variables.insert(name.clone(), part.to_owned());
                }
                Segment::Greedy(name) if !part.is_empty() => {
                    let rest: Vec<&str> = std::iter::once(part).chain(parts.by_ref()).collect();
                    variables.insert(name.clone(), rest.join("/"));
                }
                Segment::Literal(_) | Segment::Variable(_) | Segment::Greedy(_) => return None,
            }
        }
        parts.next().is_none().then_some(variables)
    }

    /// The most specific route comes first: literal before variable before greedy, then a method before `ANY`.
    fn rank(&self) -> impl Ord + use<> {
        let kinds = self.path.as_ref().map(|path| {
            path.iter()
                .map(|segment| match segment {
                    Segment::Literal(_) => 0,
                    Segment::Variable(_) => 1,
                    Segment::Greedy(_) => 2,
                })
                .collect::<Vec<u8>>()
        });
        (kinds.is_none(), kinds, self.method.is_none())
    }
}

impl Segment {
    fn parse(text: &str) -> Self {
        match text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
        {
            None => Self::Literal(text.to_owned()),
            Some(name) => match name.strip_suffix('+') {
                None => Self::Variable(name.to_owned()),
                Some(name) => Self::Greedy(name.to_owned()),
            },
        }
    }
}

/// A running HTTP API on loopback. It ends when dropped.
pub struct Gateway {
    address: SocketAddr,
    server: AbortHandle,
}

struct Api {
    address: SocketAddr,
    routes: Vec<Route>,
    integration_timeout: Duration,
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
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let api = Arc::new(Api {
            address,
            routes,
            integration_timeout,
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
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let request_id = STANDARD.encode(&Uuid::new_v4().as_bytes()[..11]);
    let mut response = api.answer(&request_id, peer, request).await;
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("apigw-requestid", value);
    }
    response
}

impl Api {
    async fn answer(&self, request_id: &str, peer: SocketAddr, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let Some(body) = read(body).await else {
            return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        };
        let path = decoded_path(parts.uri.path());
        let matching = self
            .routes
            .iter()
            .find_map(|route| Some((route, route.matches(&parts.method, &path)?)));
        let Some((route, path_parameters)) = matching else {
            return message(StatusCode::NOT_FOUND, "Not Found");
        };

        let matched = (route, &path_parameters);
        let event = self.event(request_id, peer, matched, &path, &parts, &body);
        let event = event.to_string().into_bytes();
        if event.len() > PAYLOAD_LIMIT {
            return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        }
        let invocation = tokio::time::timeout(self.integration_timeout, route.lambda.invoke(event));
        match invocation.await {
            Err(_) => message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
            Ok(invocation) => match invocation.result {
                Err(error) => {
                    tracing::warn!(route = route.key, %error, "the function failed");
                    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
                }
                Ok(answer) => reply(&answer).unwrap_or_else(|| {
                    tracing::warn!(route = route.key, "the function's answer is not a response");
                    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
                }),
            },
        }
    }

    fn event(
        &self,
        request_id: &str,
        peer: SocketAddr,
        (route, path_parameters): (&Route, &BTreeMap<String, String>),
        path: &str,
        parts: &Parts,
        body: &[u8],
    ) -> Value {
        let now = OffsetDateTime::now_utc();
        let content_type = text(&parts.headers, &header::CONTENT_TYPE);
        let (body, is_base64_encoded) = encode(content_type.as_deref(), body);
        let host = text(&parts.headers, &header::HOST).unwrap_or_else(|| self.address.to_string());
        let query = parts.uri.query().unwrap_or_default();
        let mut event = json!({
            "version": "2.0",
            "routeKey": route.key,
            "rawPath": path,
            "rawQueryString": query,
            "cookies": cookies(&parts.headers),
            "headers": self.headers(parts, peer, now),
            "queryStringParameters": query_parameters(query),
            "pathParameters": path_parameters,
            "requestContext": {
                "accountId": ACCOUNT,
                "apiId": "local",
                "domainName": host,
                "domainPrefix": host.split('.').next(),
                "http": {
                    "method": parts.method.as_str(),
                    "path": path,
                    "protocol": format!("{:?}", parts.version),
                    "sourceIp": peer.ip(),
                    "userAgent": text(&parts.headers, &header::USER_AGENT).unwrap_or_default(),
                },
                "requestId": request_id,
                "routeKey": route.key,
                "stage": "$default",
                "time": common_log_time(now),
                "timeEpoch": now.unix_timestamp() * 1000 + i64::from(now.millisecond()),
            },
            "body": body,
            "isBase64Encoded": is_base64_encoded,
        });
        if let Some(event) = event.as_object_mut() {
            // API Gateway leaves these out when they are empty.
            for name in ["cookies", "queryStringParameters", "pathParameters", "body"] {
                let empty = [json!([]), json!({}), Value::Null];
                if event.get(name).is_some_and(|value| empty.contains(value)) {
                    event.remove(name);
                }
            }
        }
        event
    }

    fn headers(
        &self,
        parts: &Parts,
        peer: SocketAddr,
        now: OffsetDateTime,
    ) -> BTreeMap<String, String> {
        let names = parts.headers.keys().filter(|name| *name != header::COOKIE);
        let mut headers: BTreeMap<String, String> = names
            .map(|name| {
                let value = text(&parts.headers, name).unwrap_or_default();
                (name.as_str().to_owned(), value)
            })
            .collect();
        let root = Uuid::new_v4().simple().to_string();
        let trace = format!(
            "Root=1-{:08x}-{}",
            now.unix_timestamp(),
            root.get(..24).unwrap_or_default()
        );
        // Payload format 2.0 combines duplicate headers: behind a proxy, a function may see
        // `x-forwarded-proto: https, http`.
        for (name, value) in [
            ("x-forwarded-for", peer.ip().to_string()),
            ("x-forwarded-port", self.address.port().to_string()),
            ("x-forwarded-proto", "http".to_owned()),
        ] {
            let value = match headers.get(name) {
                Some(before) => format!("{before}, {value}"),
                None => value,
            };
            headers.insert(name.to_owned(), value);
        }
        headers.entry("x-amzn-trace-id".to_owned()).or_insert(trace);
        headers
    }
}

/// `None` when the body is larger than API Gateway takes.
async fn read(body: Body) -> Option<Vec<u8>> {
    let mut chunks = body.into_data_stream();
    let mut kept = Vec::new();
    let mut seen = 0;
    while let Some(Ok(chunk)) = chunks.next().await {
        seen += Bytes::len(&chunk);
        if seen <= BODY_LIMIT {
            kept.extend_from_slice(&chunk);
        } else if seen > DRAIN_LIMIT {
            break;
        }
    }
    (seen <= BODY_LIMIT).then_some(kept)
}

/// An HTTP API decodes the path and cuts it at a decoded question mark.
fn decoded_path(raw: &str) -> String {
    let decoded = percent_decode_str(raw).decode_utf8_lossy();
    decoded.split('?').next().unwrap_or_default().to_owned()
}

/// Text for `application/json` and `text/*`, base64 for everything else and for what is not UTF-8.
fn encode(content_type: Option<&str>, body: &[u8]) -> (Option<String>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    let kind = content_type.unwrap_or_default().split(';').next();
    let kind = kind.unwrap_or_default().trim().to_ascii_lowercase();
    let textual = kind == "application/json" || kind.starts_with("text/");
    match std::str::from_utf8(body) {
        Ok(body) if textual => (Some(body.to_owned()), false),
        Ok(_) | Err(_) => (Some(STANDARD.encode(body)), true),
    }
}

/// All values of a header, joined by commas.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let first = values.next()?.into_owned();
    Some(values.fold(first, |all, value| format!("{all},{value}")))
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|value| {
            let value = String::from_utf8_lossy(value.as_bytes());
            value
                .split(';')
                .map(|cookie| cookie.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .filter(|cookie| !cookie.is_empty())
        .collect()
}

fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        parameters
            .entry(name.into_owned())
            .and_modify(|all| {
                all.push(',');
                all.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    parameters
}

/// `21/Apr/2020:15:08:21 +0000`
fn common_log_time(moment: OffsetDateTime) -> String {
    let month = moment.month().to_string();
    format!(
        "{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000",
        moment.day(),
        month.get(..3).unwrap_or_default(),
        moment.year(),
        moment.hour(),
        moment.minute(),
        moment.second()
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionResponse {
    status_code: u16,
    #[serde(default)]
    headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: Option<bool>,
}

/// The function's answer as a response; `None` when it is not one that API Gateway takes.
fn reply(answer: &[u8]) -> Option<Response> {
    let value: Value = serde_json::from_slice(answer).ok()?;
    if value.get("statusCode").is_none() {
        // Without a status code the answer itself is the body.
        let headers = [(header::CONTENT_TYPE, "application/json")];
        return Some((headers, answer.to_vec()).into_response());
    }
    let answer: FunctionResponse = serde_json::from_value(value).ok()?;
    let status = StatusCode::from_u16(answer.status_code).ok()?;
    let body = answer.body.unwrap_or_default();
    let body = match answer.is_base64_encoded {
        Some(true) => STANDARD.decode(body).ok()?,
        Some(false) | None => body.into_bytes(),
    };

    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers.unwrap_or_default() {
        let value = match value {
            Value::String(value) => value,
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        let name: HeaderName = name.parse().ok()?;
        // The server counts the bytes itself.
        if name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING {
            headers.insert(name, HeaderValue::from_str(&value).ok()?);
        }
    }
    for cookie in answer.cookies.unwrap_or_default() {
        headers.append(header::SET_COOKIE, HeaderValue::from_str(&cookie).ok()?);
    }
    headers
        .entry(header::CONTENT_TYPE)
        .or_insert(HeaderValue::from_static("text/plain; charset=utf-8"));
    Some((status, headers, Body::from(body)).into_response())
}

fn message(status: StatusCode, message: &str) -> Response {
    (status, axum::Json(serde_json::json!({"message": message}))).into_response()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lambda::testing::{exchange, function};

    async fn gateway(keys: &[&str]) -> Gateway {
        let lambda = Lambda::start(function());
        let routes = keys.iter().map(|key| Route::new(key, lambda.clone()));
        let routes = routes.collect::<Result<_, _>>().expect("valid route keys");
        Gateway::start(0, routes).await.expect("a free port")
    }

    /// Head and body of the answer to a request given as it goes over the wire, without its `connection` header.
    async fn send(gateway: &Gateway, head: &str, body: &[u8]) -> (String, String) {
        let address = gateway.address().to_string();
        let mut request = format!(
            "{head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        let answer = tokio::task::spawn_blocking(move || exchange(&address, request)).await;
        let answer = answer.expect("the exchange ends");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        (head.to_owned(), body.to_owned())
    }

    async fn event(gateway: &Gateway, head: &str, body: &[u8]) -> Value {
        let (head, body) = send(gateway, head, body).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head} {body}");
        let mut answer: Value = serde_json::from_str(&body).expect("JSON");
        answer["event"].take()
    }

    #[tokio::test]
    async fn an_event_has_the_shape_of_payload_format_two() {
        let key = "POST /integration/api/servicenow/sessiondetails/{tenant}/{key}";
        let gateway = gateway(&[key]).await;
        let head = "POST /integration/api/servicenow/sessiondetails/acme/k%2D1?event=ended&a=1&a=2%203 HTTP/1.1\r\n\
                    Host: acme.test:8080\r\nContent-Type: application/json; charset=utf-8\r\nX-Two: 1\r\nX-Two: 2\r\n\
                    Cookie: one=1; two=2\r\nUser-Agent: post-to-url";
        let mut event = event(&gateway, head, br#"{"SessionID":"1"}"#).await;

        let context = event["requestContext"].take();
        let headers = event["headers"].take();
        assert_eq!(
            event,
            json!({
                "version": "2.0",
                "routeKey": key,
                "rawPath": "/integration/api/servicenow/sessiondetails/acme/k-1",
                "rawQueryString": "event=ended&a=1&a=2%203",
                "queryStringParameters": {"event": "ended", "a": "1,2 3"},
                "pathParameters": {"tenant": "acme", "key": "k-1"},
                "cookies": ["one=1", "two=2"],
                "headers": null,
                "requestContext": null,
                "body": "{\"SessionID\":\"1\"}",
                "isBase64Encoded": false,
            })
        );
        assert_eq!(headers["x-two"], "1,2");
        assert_eq!(headers["content-length"], "17");
        assert_eq!(headers["x-forwarded-for"], "127.0.0.1");
        assert!(headers.get("cookie").is_none());
        assert_eq!(context["accountId"], ACCOUNT);
        assert_eq!(context["domainName"], "acme.test:8080");
        assert_eq!(context["routeKey"], key);
        assert_eq!(context["stage"], "$default");
        assert_eq!(
            context["http"],
            json!({
                "method": "POST",
                "path": "/integration/api/servicenow/sessiondetails/acme/k-1",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "post-to-url",
            })
        );
        assert_eq!(context["requestId"].as_str().map(str::len), Some(16));
        assert!(context["timeEpoch"].as_i64() > Some(1_700_000_000_000));
        let time = context["time"].as_str().expect("a time");
        assert!(time.ends_with(" +0000") && time.len() == 26, "{time}");
    }

    #[tokio::test]
    async fn what_a_sender_and_a_proxy_wrote_reaches_the_function_as_it_is() {
        let gateway = gateway(&["GET /pins"]).await;
        let head = "GET /pins?x=a+b%20%22%3C&%zz&='{}|\\^` HTTP/1.1\r\nHost: [ a\"<b\r\n\
                    X-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.7";
        let event = event(&gateway, head, b"").await;
        assert_eq!(event["rawQueryString"], "x=a+b%20%22%3C&%zz&='{}|\\^`");
        assert_eq!(event["queryStringParameters"]["x"], "a b \"<");
        assert_eq!(event["headers"]["host"], "[ a\"<b");
        assert_eq!(event["headers"]["x-forwarded-proto"], "https, http");
        assert_eq!(event["headers"]["x-forwarded-for"], "192.0.2.7, 127.0.0.1");
        let port = event["headers"]["x-forwarded-port"].as_str();
        assert_eq!(port, Some(gateway.address().port().to_string().as_str()));
    }

    #[tokio::test]
    async fn a_request_without_body_query_and_variables_leaves_them_out() {
        let gateway = gateway(&["GET /health"]).await;
        let event = event(&gateway, "GET /health HTTP/1.1\r\nhost: acme.test", b"").await;
        for absent in ["body", "queryStringParameters", "pathParameters", "cookies"] {
            assert!(event.get(absent).is_none(), "{absent}");
        }
        assert_eq!(event["rawQueryString"], "");
        assert_eq!(event["isBase64Encoded"], false);
    }

    #[test]
    fn only_json_and_text_that_are_utf_8_come_as_text() {
        let plain = |kind| encode(Some(kind), b"a=1");
        let text = (Some("a=1".to_owned()), false);
        let base64 = (Some("YT0x".to_owned()), true);
        for kind in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "text/xml",
        ] {
            assert_eq!(plain(kind), text, "{kind}");
        }
        for kind in [
            "application/x-www-form-urlencoded",
            "application/xml",
            "",
            "image/png",
        ] {
            assert_eq!(plain(kind), base64, "{kind}");
        }
        assert_eq!(encode(None, b"a=1"), base64);
        assert_eq!(
            encode(Some("text/plain"), b"caf\xe9"),
            (Some("Y2Fm6Q==".to_owned()), true)
        );
        assert_eq!(encode(Some("application/xml"), b""), (None, false));
    }

    #[test]
    fn a_path_is_decoded_and_cut_at_a_decoded_question_mark() {
        assert_eq!(decoded_path("/a%20b/%C3%A9/100%/%zz"), "/a b/é/100%/%zz");
        assert_eq!(decoded_path("/me%3Fadmin=true"), "/me");
    }

    #[tokio::test]
    async fn a_request_without_a_route_is_not_found() {
        let gateway = gateway(&["POST /pins/{tenant}"]).await;
        for request in [
            "GET /pins/acme",
            "POST /pins",
            "POST /pins/",
            "POST /pins/acme/x",
        ] {
            let head = format!("{request} HTTP/1.1\r\nhost: acme.test");
            let (head, body) = send(&gateway, &head, b"").await;
            assert!(head.starts_with("HTTP/1.1 404"), "{request}: {head}");
            assert_eq!(body, r#"{"message":"Not Found"}"#);
            assert!(head.contains("apigw-requestid: "), "{head}");
        }
    }

    #[tokio::test]
    async fn the_most_specific_route_takes_a_request() {
        let gateway = gateway(&[
            "$default",
            "ANY /{rest+}",
            "ANY /pins/{tenant}",
            "GET /pins/{tenant}",
            "GET /pins/new",
        ])
        .await;
        for (request, key) in [
            ("GET /pins/new", "GET /pins/new"),
            ("GET /pins/acme", "GET /pins/{tenant}"),
            ("PUT /pins/acme", "ANY /pins/{tenant}"),
            ("GET /pins/acme/log", "ANY /{rest+}"),
            ("GET /", "$default"),
        ] {
            let head = format!("{request} HTTP/1.1\r\nhost: acme.test");
            assert_eq!(event(&gateway, &head, b"").await["routeKey"], key);
        }
    }

    #[test]
    fn a_route_key_that_is_none_is_refused() {
        for key in ["", "POST", "POST pins", "P\u{f6}ST /pins"] {
            let route = Route::new(key, Lambda::start(function()));
            assert!(matches!(route, Err(GatewayError::Route(_))), "{key}");
        }
    }

    #[tokio::test]
    async fn a_function_that_fails_is_an_internal_server_error() {
        let gateway = gateway(&["GET /pins"]).await;
        let head = "GET /pins?do=fail HTTP/1.1\r\nhost: acme.test";
        let (head, body) = send(&gateway, head, b"").await;
        assert!(head.starts_with("HTTP/1.1 500"), "{head}");
        assert_eq!(body, r#"{"message":"Internal Server Error"}"#);
    }

    #[tokio::test]
    async fn a_function_that_takes_too_long_is_an_unavailable_service() {
        let route = Route::new("GET /pins", Lambda::start(function())).expect("a route");
        let patience = Duration::from_millis(300);
        let gateway = Gateway::start_with(0, vec![route], patience).await;
        let gateway = gateway.expect("a free port");
        let head = "GET /pins?do=hang HTTP/1.1\r\nhost: acme.test";
        let (head, body) = send(&gateway, head, b"").await;
        assert!(head.starts_with("HTTP/1.1 503"), "{head}");
        assert_eq!(body, r#"{"message":"Service Unavailable"}"#);
    }

    #[tokio::test]
    async fn a_body_over_ten_megabytes_and_an_event_over_six_are_too_large() {
        let gateway = gateway(&["POST /pins"]).await;
        let head = "POST /pins HTTP/1.1\r\nhost: acme.test\r\ncontent-type: text/plain";
        for length in [BODY_LIMIT + 1, PAYLOAD_LIMIT] {
            let (head, body) = send(&gateway, head, &vec![b'x'; length]).await;
            assert!(head.starts_with("HTTP/1.1 413"), "{head}");
            assert_eq!(body, r#"{"message":"Request Entity Too Large"}"#);
        }
    }

    async fn replied(answer: Value) -> Option<(StatusCode, HeaderMap, Vec<u8>)> {
        let response = reply(answer.to_string().as_bytes())?;
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.ok()?;
        Some((parts.status, parts.headers, body.to_vec()))
    }

    #[tokio::test]
    async fn an_answer_becomes_status_headers_cookies_and_body() {
        let answer = json!({
            "statusCode": 201,
            "headers": {"Content-Type": "application/problem+json", "Retry-After": 30, "Content-Length": "99"},
            "cookies": ["one=1", "two=2"],
            "body": "AP8=",
            "isBase64Encoded": true,
        });
        let (status, headers, body) = replied(answer).await.expect("a response");
        assert_eq!(status, StatusCode::CREATED);
        assert_eq!(headers["content-type"], "application/problem+json");
        assert_eq!(headers["retry-after"], "30");
        assert!(headers.get("content-length").is_none());
        let cookies: Vec<_> = headers.get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(cookies, ["one=1", "two=2"]);
        assert_eq!(body, [0, 255]);
    }

    #[tokio::test]
    async fn an_answer_without_status_code_is_the_body() {
        let (status, headers, body) = replied(json!({"ok": true})).await.expect("a response");
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(body, br#"{"ok":true}"#);
    }

    #[tokio::test]
    async fn an_answer_that_is_no_response_is_refused() {
        for answer in [
            json!({"statusCode": "ok"}),
            json!({"statusCode": 99}),
            json!({"statusCode": 200, "body": {"not": "text"}}),
            json!({"statusCode": 200, "body": "%", "isBase64Encoded": true}),
            json!({"statusCode": 200, "headers": {"a b": "1"}}),
            json!({"statusCode": 200, "headers": {"a": "1\n2"}}),
        ] {
            assert!(replied(answer.clone()).await.is_none(), "{answer}");
        }
        assert!(reply(b"<html>").is_none());
    }
}
