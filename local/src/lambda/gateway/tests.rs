//! The HTTP API as a sender and a function see it.

use serde_json::{Value, json};

use super::*;
use crate::lambda::pool::Lambda;
use crate::lambda::testing::{exchange, function};
use crate::template::ACCOUNT;

async fn gateway(keys: &[&str]) -> Gateway {
    let lambda = Lambda::start(function());
    let routes = keys.iter().map(|key| Route::new(key, lambda.clone()));
    let routes = routes.collect::<Result<_, _>>().expect("valid route keys");
    Gateway::start(0, routes).await.expect("a free port")
}

/// Sends `head` as it is, then the headers `connection` and `content-length`, then the body. Returns the answer's head
/// and body.
async fn send(gateway: &Gateway, head: &str, body: &[u8]) -> (String, String) {
    let address = gateway.address().to_string();
    let length = body.len();
    let head = format!("{head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    let request = [head.as_bytes(), body].concat();
    let answer = tokio::task::spawn_blocking(move || exchange(&address, request)).await;
    let answer = answer.expect("the exchange ends");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head.to_owned(), body.to_owned())
}

fn head(request: &str) -> String {
    format!("{request} HTTP/1.1\r\nhost: acme.test\r\ncontent-type: text/plain")
}

async fn event(gateway: &Gateway, head: &str, body: &[u8]) -> Value {
    let (head, body) = send(gateway, head, body).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head} {body}");
    let mut answer: Value = serde_json::from_str(&body).expect("JSON");
    answer["event"].take()
}

async fn assert_answers(gateway: &Gateway, request: &str, body: &[u8], status: u16, message: &str) {
    let (head, body) = send(gateway, &head(request), body).await;
    let status = format!("HTTP/1.1 {status}");
    assert!(head.starts_with(&status), "{request}: {head}");
    assert!(head.contains("apigw-requestid: "), "{request}: {head}");
    assert_eq!(body, json!({"message": message}).to_string(), "{request}");
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
    for (name, value) in [
        ("x-two", "1,2"),
        ("content-length", "17"),
        ("x-forwarded-for", "127.0.0.1"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    assert!(headers.get("cookie").is_none());
    for (name, value) in [
        ("accountId", ACCOUNT),
        ("domainName", "acme.test:8080"),
        ("routeKey", key),
        ("stage", "$default"),
    ] {
        assert_eq!(context[name], value, "{name}");
    }
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
    let headers = &event["headers"];
    assert_eq!(headers["host"], "[ a\"<b");
    assert_eq!(headers["x-forwarded-proto"], "https, http");
    assert_eq!(headers["x-forwarded-for"], "192.0.2.7, 127.0.0.1");
    let port = gateway.address().port().to_string();
    assert_eq!(headers["x-forwarded-port"], port.as_str());
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

#[tokio::test]
async fn a_request_without_a_route_is_not_found() {
    let gateway = gateway(&["POST /pins/{tenant}"]).await;
    for request in [
        "GET /pins/acme",
        "POST /pins",
        "POST /pins/",
        "POST /pins/acme/x",
    ] {
        assert_answers(&gateway, request, b"", 404, "Not Found").await;
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
        let event = event(&gateway, &head(request), b"").await;
        assert_eq!(event["routeKey"], key, "{request}");
    }
}

#[tokio::test]
async fn a_function_that_fails_is_an_internal_server_error() {
    let gateway = gateway(&["GET /pins"]).await;
    let request = "GET /pins?do=fail";
    assert_answers(&gateway, request, b"", 500, "Internal Server Error").await;
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_an_unavailable_service() {
    let route = Route::new("GET /pins", Lambda::start(function())).expect("a route");
    let timeout = Duration::from_millis(300);
    let gateway = Gateway::start_with(0, vec![route], timeout).await;
    let gateway = gateway.expect("a free port");
    let request = "GET /pins?do=hang";
    assert_answers(&gateway, request, b"", 503, "Service Unavailable").await;
}

#[tokio::test]
async fn a_body_over_ten_megabytes_and_an_event_over_six_are_too_large() {
    let gateway = gateway(&["POST /pins"]).await;
    for length in [BODY_LIMIT + 1, PAYLOAD_LIMIT] {
        let body = vec![b'x'; length];
        assert_answers(
            &gateway,
            "POST /pins",
            &body,
            413,
            "Request Entity Too Large",
        )
        .await;
    }
}

#[tokio::test]
async fn the_first_page_links_to_the_sandbox_for_requests_that_name_the_api_itself() {
    let gateway = gateway(&["POST /pins"]).await;
    assert_answers(&gateway, "GET /", b"", 404, "Not Found").await;
    let sandbox = "http://127.0.0.1:9/key/";
    gateway.set_sandbox(SandboxLink::new(sandbox, &gateway.url()));
    let port = gateway.address().port();
    for host in ["127.0.0.1", "localhost"] {
        let head = format!("GET / HTTP/1.1\r\nhost: {host}:{port}");
        let (head, body) = send(&gateway, &head, b"").await;
        assert!(head.starts_with("HTTP/1.1 200"), "{host}: {head}");
        assert!(body.contains(&format!("href=\"{sandbox}\"")), "{body}");
    }
    for request in ["GET /", "POST /", "GET /pins"] {
        assert_answers(&gateway, request, b"", 404, "Not Found").await;
    }
}
