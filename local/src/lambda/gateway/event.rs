//! The event of payload format 2.0.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;
use uuid::Uuid;

use crate::template::ACCOUNT;

/// A request that a route takes.
pub(super) struct RoutedRequest<'r> {
    pub(super) id: &'r str,
    pub(super) sender: SocketAddr,
    pub(super) gateway: SocketAddr,
    pub(super) route_key: &'r str,
    /// Decoded.
    pub(super) path: &'r str,
    pub(super) path_parameters: BTreeMap<String, String>,
    pub(super) parts: &'r Parts,
    pub(super) body: &'r [u8],
}

impl RoutedRequest<'_> {
    pub(super) fn event(&self) -> Value {
        let now = OffsetDateTime::now_utc();
        let headers = &self.parts.headers;
        let content_type = header_text(headers, &header::CONTENT_TYPE);
        let (body, is_base64_encoded) = encode(content_type.as_deref(), self.body);
        let host = header_text(headers, &header::HOST);
        let host = host.unwrap_or_else(|| self.gateway.to_string());
        let query = self.parts.uri.query().unwrap_or_default();
        let mut event = json!({
            "version": "2.0",
            "routeKey": self.route_key,
            "rawPath": self.path,
            "rawQueryString": query,
            "cookies": cookies(headers),
            "headers": self.event_headers(now),
            "queryStringParameters": query_parameters(query),
            "pathParameters": self.path_parameters,
            "requestContext": {
                "accountId": ACCOUNT,
                "apiId": "local",
                "domainName": host,
                "domainPrefix": host.split('.').next(),
                "http": {
                    "method": self.parts.method.as_str(),
                    "path": self.path,
                    "protocol": format!("{:?}", self.parts.version),
                    "sourceIp": self.sender.ip(),
                    "userAgent": header_text(headers, &header::USER_AGENT).unwrap_or_default(),
                },
                "requestId": self.id,
                "routeKey": self.route_key,
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

    fn event_headers(&self, now: OffsetDateTime) -> BTreeMap<String, String> {
        let sent = &self.parts.headers;
        let names = sent.keys().filter(|name| *name != header::COOKIE);
        let mut headers: BTreeMap<String, String> = names
            .filter_map(|name| Some((name.to_string(), header_text(sent, name)?)))
            .collect();
        // Payload format 2.0 combines duplicate headers: behind a proxy, a function may see
        // `x-forwarded-proto: https, http`.
        for (name, value) in [
            ("x-forwarded-for", self.sender.ip().to_string()),
            ("x-forwarded-port", self.gateway.port().to_string()),
            ("x-forwarded-proto", "http".to_owned()),
        ] {
            let value = match headers.get(name) {
                Some(before) => format!("{before}, {value}"),
                None => value,
            };
            headers.insert(name.to_owned(), value);
        }
        let root = Uuid::new_v4().simple().to_string();
        let root = root.get(..24).unwrap_or_default();
        let trace = format!("Root=1-{:08x}-{root}", now.unix_timestamp());
        headers.entry("x-amzn-trace-id".to_owned()).or_insert(trace);
        headers
    }
}

/// An HTTP API decodes the path and cuts it at a decoded question mark.
pub(super) fn decoded_path(raw: &str) -> String {
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
fn header_text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values = headers.get_all(name).iter();
    let texts = values.map(|value| String::from_utf8_lossy(value.as_bytes()));
    let texts: Vec<_> = texts.collect();
    (!texts.is_empty()).then(|| texts.join(","))
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::COOKIE).iter();
    values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
        .map(|cookie| String::from_utf8_lossy(cookie).trim().to_owned())
        .filter(|cookie| !cookie.is_empty())
        .collect()
}

/// Several values of one name are joined by commas.
fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        parameters.entry(name.into_owned()).or_default().push(value);
    }
    let parameters = parameters.into_iter();
    parameters
        .map(|(name, values)| (name, values.join(",")))
        .collect()
}

/// `21/Apr/2020:15:08:21 +0000`
fn common_log_time(moment: OffsetDateTime) -> String {
    let format =
        format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    moment.format(&format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_and_text_that_are_utf_8_come_as_text() {
        let text = (Some("a=1".to_owned()), false);
        let base64 = (Some("YT0x".to_owned()), true);
        for (kind, expected) in [
            (Some("application/json"), &text),
            (Some("Application/JSON; charset=utf-8"), &text),
            (Some("text/xml"), &text),
            (Some("application/x-www-form-urlencoded"), &base64),
            (Some("application/xml"), &base64),
            (Some(""), &base64),
            (Some("image/png"), &base64),
            (None, &base64),
        ] {
            assert_eq!(encode(kind, b"a=1"), *expected, "{kind:?}");
        }
        let not_utf_8 = encode(Some("text/plain"), b"caf\xe9");
        assert_eq!(not_utf_8, (Some("Y2Fm6Q==".to_owned()), true));
        assert_eq!(encode(Some("application/xml"), b""), (None, false));
    }

    #[test]
    fn a_path_is_decoded_and_cut_at_a_decoded_question_mark() {
        assert_eq!(decoded_path("/a%20b/%C3%A9/100%/%zz"), "/a b/é/100%/%zz");
        assert_eq!(decoded_path("/me%3Fadmin=true"), "/me");
    }

    #[test]
    fn a_time_is_written_as_in_a_common_log() {
        let moment = OffsetDateTime::from_unix_timestamp(1_587_481_701).expect("in range");
        assert_eq!(common_log_time(moment), "21/Apr/2020:15:08:21 +0000");
    }
}
