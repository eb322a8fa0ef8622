//! What a function answers, as an HTTP response.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionResponse {
    status_code: u16,
    headers: Option<BTreeMap<String, Value>>,
    cookies: Option<Vec<String>>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

/// The function's answer as a response; `None` when it is not one that API Gateway takes.
pub(super) fn function_response(answer: &[u8]) -> Option<Response> {
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
    let content_type = headers.entry(header::CONTENT_TYPE);
    content_type.or_insert(HeaderValue::from_static("text/plain; charset=utf-8"));
    Some((status, headers, Body::from(body)).into_response())
}

/// API Gateway's own answer.
pub(super) fn gateway_response(status: StatusCode, message: &str) -> Response {
    (status, axum::Json(json!({"message": message}))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn responded(answer: Value) -> Option<(StatusCode, HeaderMap, Vec<u8>)> {
        let response = function_response(answer.to_string().as_bytes())?;
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
        let (status, headers, body) = responded(answer).await.expect("a response");
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
        let responded = responded(json!({"ok": true})).await;
        let (status, headers, body) = responded.expect("a response");
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(body, br#"{"ok":true}"#);
    }

    #[test]
    fn an_answer_that_is_no_response_is_refused() {
        for answer in [
            "<html>",
            r#"{"statusCode": "ok"}"#,
            r#"{"statusCode": 99}"#,
            r#"{"statusCode": 200, "body": {"not": "text"}}"#,
            r#"{"statusCode": 200, "body": "%", "isBase64Encoded": true}"#,
            r#"{"statusCode": 200, "headers": {"a b": "1"}}"#,
            r#"{"statusCode": 200, "headers": {"a": "1\n2"}}"#,
        ] {
            let response = function_response(answer.as_bytes());
            assert!(response.is_none(), "{answer}");
        }
    }
}
