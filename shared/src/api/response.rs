//! Responses of the HTTP functions.

use http::{HeaderValue, Response, StatusCode, header};
use lambda_http::Body;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use serde_json::Value;

use crate::domain::error::Problem;

/// The response of an HTTP function: text in UTF-8, or no body.
#[derive(Debug)]
pub struct HttpResponse(pub Response<Body>);

impl From<HttpResponse> for ApiGatewayV2httpResponse {
    fn from(HttpResponse(response): HttpResponse) -> Self {
        let (parts, body) = response.into_parts();
        let mut response = Self::default();
        response.status_code = parts.status.as_u16().into();
        response.headers = parts.headers;
        response.body = Some(body).filter(|body| !matches!(body, Body::Empty));
        response
    }
}

/// A response without a body.
pub fn empty(status: StatusCode) -> HttpResponse {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    HttpResponse(response)
}

/// A response of JSON, which no cache may store.
pub fn json(status: StatusCode, body: &Value) -> HttpResponse {
    response(status, "application/json", body.to_string())
}

/// A refusal (RFC 9457), with `Retry-After` and `WWW-Authenticate` where its status requires them.
pub fn refusal(problem: &Problem, request_id: &str) -> HttpResponse {
    let status =
        StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = problem.body(request_id);
    let mut response = response(status, "application/problem+json", body);
    let headers = response.0.headers_mut();
    if let Some(seconds) = problem.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> HttpResponse {
    let mut response = Response::new(Body::Text(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    HttpResponse(response)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::authorize::unauthorized;
    use crate::domain::error::ErrorCode;

    #[test]
    fn an_answer_has_its_status_headers_and_body_and_no_body_where_it_is_empty() {
        let answer = ApiGatewayV2httpResponse::from(json(StatusCode::CREATED, &json!({"a": 1})));
        let answer = serde_json::to_value(answer).expect("JSON");
        assert_eq!(
            (&answer["statusCode"], &answer["body"]),
            (&json!(201), &json!(r#"{"a":1}"#))
        );
        assert_eq!(answer["headers"]["content-type"], "application/json");
        assert_eq!(answer["isBase64Encoded"], false);
        let answer = ApiGatewayV2httpResponse::from(empty(StatusCode::NO_CONTENT));
        let answer = serde_json::to_value(answer).expect("JSON");
        assert_eq!(
            (&answer["statusCode"], answer["body"].as_str()),
            (&json!(204), None)
        );
    }

    #[test]
    fn a_refusal_says_in_its_headers_when_to_try_again() {
        let throttled = Problem::new(ErrorCode::PinRateExceeded, "Press again.");
        let HttpResponse(response) = refusal(&throttled, "r-1");
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(response.headers().contains_key(header::RETRY_AFTER));
        let HttpResponse(response) = refusal(&unauthorized(), "r-1");
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }
}
