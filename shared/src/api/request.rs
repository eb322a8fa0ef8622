//! A request of the HTTP API.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_http::Context;
use serde_json::Value;

use crate::domain::clock::Clock;
use crate::domain::secret::Secret;
use crate::domain::time_budget::TimeBudget;

/// A request, as an HTTP API hands it to a function: an event of payload format 2.0 (API Gateway developer guide, "AWS
/// Lambda proxy integrations for HTTP APIs").
///
/// Every event can be read: a member that is missing or malformed counts as absent. `lambda_http` is not used for this,
/// because it builds a URI from the event and panics at characters that a URI does not allow. No `Debug`: path, headers
/// and body hold secrets.
pub struct HttpRequest {
    /// The invocation's id, which responses and logs name.
    pub id: String,
    /// The body's bytes, decoded where the event has them as base64.
    pub body: Vec<u8>,
    deadline: u64,
    method: String,
    route: String,
    domain: String,
    path: Value,
    query: String,
    headers: Value,
}

impl HttpRequest {
    /// Reads an event.
    pub fn new(mut event: Value, context: &Context) -> Self {
        let text = |value: Option<&mut Value>| match value.map(Value::take) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let body = text(event.get_mut("body"));
        let is_base64 = event.get("isBase64Encoded").and_then(Value::as_bool) == Some(true);
        let decoded = is_base64.then(|| STANDARD.decode(&body).ok()).flatten();
        let take = |value: Option<&mut Value>| value.map(Value::take).unwrap_or_default();
        Self {
            id: context.request_id.clone(),
            deadline: context.deadline,
            body: decoded.unwrap_or_else(|| body.into_bytes()),
            method: text(event.pointer_mut("/requestContext/http/method")),
            route: text(event.get_mut("routeKey")),
            domain: text(event.pointer_mut("/requestContext/domainName")),
            path: take(event.get_mut("pathParameters")),
            query: text(event.get_mut("rawQueryString")),
            headers: take(event.get_mut("headers")),
        }
    }

    /// The time until Lambda ends the invocation.
    pub fn budget(&self, clock: &Clock) -> TimeBudget {
        TimeBudget::until(clock.clone(), clock.deadline(self.deadline))
    }

    /// The method, such as `POST`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path of the route, with the names of its variables: `/integration/api/servicenow/token/{tenant}`.
    pub fn route(&self) -> &str {
        let (_, path) = self.route.split_once(' ').unwrap_or_default();
        path
    }

    /// The address of the HTTP API that the request was sent to, without a slash at its end.
    pub fn api_url(&self) -> String {
        // Only the embedded stack is reached without TLS.
        let scheme = self
            .header("x-forwarded-proto")
            .filter(|scheme| *scheme == "http");
        format!("{}://{}", scheme.unwrap_or("https"), self.domain)
    }

    /// A variable of the route's path.
    pub fn path(&self, name: &str) -> Option<&str> {
        self.path.get(name)?.as_str()
    }

    /// The first value of a parameter of the query.
    pub fn query(&self, name: &str) -> Option<String> {
        let mut parameters = form_urlencoded::parse(self.query.as_bytes());
        let (_, value) = parameters.find(|(known, _)| known == name)?;
        Some(value.into_owned())
    }

    /// A header by its lower-case name; several of that name are joined by commas.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.as_str()
    }

    /// The key of `Authorization: Bearer …`; the scheme in any letter case.
    pub fn bearer(&self) -> Option<Secret> {
        let (scheme, key) = self.header("authorization")?.trim().split_once(' ')?;
        let key = key.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then(|| Secret::from(key))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
    use serde_json::{Map, json};

    use super::*;

    fn read(event: Value) -> HttpRequest {
        HttpRequest::new(event, &Context::default())
    }

    #[test]
    fn an_api_key_comes_as_a_bearer_token_and_in_no_other_way() {
        let bearer = |value: &str| read(json!({"headers": {"authorization": value}})).bearer();
        assert_eq!(bearer("bearer  k-1 "), Some(Secret::from("k-1")));
        for refused in ["k-1", "Basic k-1", "Bearer", "Bearer ", "", "\u{fffd}"] {
            assert_eq!(bearer(refused), None, "{refused}");
        }
        assert_eq!(read(json!({})).bearer(), None);
    }

    #[test]
    fn a_request_has_what_the_event_says() {
        let request = read(json!({
            "version": "2.0",
            "routeKey": "POST /sessiondetails/{tenant}/{key}",
            "rawPath": "/sessiondetails/acme/k-1",
            "rawQueryString": "event=ended&event=started&a=%C3%A4+b",
            "headers": {"content-type": "text/xml", "x-two": "1,2"},
            "pathParameters": {"tenant": "acme", "key": "k-1"},
            "requestContext": {
                "domainName": "api.acme.test",
                "http": {"method": "POST", "path": "/sessiondetails/acme/k-1"},
            },
            "body": "YT0x",
            "isBase64Encoded": true,
        }));
        assert_eq!(request.method(), "POST");
        assert_eq!(request.route(), "/sessiondetails/{tenant}/{key}");
        assert_eq!(request.api_url(), "https://api.acme.test");
        assert_eq!(
            (request.path("tenant"), request.path("key")),
            (Some("acme"), Some("k-1"))
        );
        assert_eq!(request.query("event").as_deref(), Some("ended"));
        assert_eq!(request.query("a").as_deref(), Some("ä b"));
        assert_eq!(request.header("content-type"), Some("text/xml"));
        assert_eq!(request.body, b"a=1");
        let plain = read(json!({"body": "YT0x", "isBase64Encoded": false}));
        assert_eq!(plain.body, b"YT0x");
    }

    #[test]
    fn what_an_event_lacks_is_absent_and_what_is_not_base64_stays_as_it_is() {
        for event in [
            json!(null),
            json!([]),
            json!({}),
            json!({"headers": null, "pathParameters": [], "requestContext": 7, "body": {}, "rawQueryString": null}),
            json!({"headers": {"content-type": ["text/xml"]}, "pathParameters": {"tenant": 7}}),
        ] {
            let request = read(event);
            assert_eq!((request.method(), request.route()), ("", ""));
            assert!(request.body.is_empty());
            assert_eq!(
                (request.path("tenant"), request.query("event")),
                (None, None)
            );
            assert_eq!(request.header("content-type"), None);
        }
        let request = read(json!({"body": "not base64", "isBase64Encoded": true}));
        assert_eq!(request.body, b"not base64");
    }

    /// Any JSON value, and any text where a request has one.
    fn events() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        let value = leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
            ]
        });
        let shaped = (any::<[String; 4]>(), any::<bool>(), value.clone());
        let shaped = shaped.prop_map(|([query, host, proto, body], is_base64, odd)| {
            json!({
                "rawPath": odd,
                "rawQueryString": query,
                "headers": {"host": host, "x-forwarded-proto": proto, "authorization": host},
                "pathParameters": {"tenant": proto, "key": odd},
                "requestContext": {"http": {"method": "POST"}, "domainName": host},
                "body": body,
                "isBase64Encoded": is_base64,
            })
        });
        prop_oneof![value, shaped]
    }

    proptest! {
        #[test]
        fn no_event_panics_the_reader(event in events()) {
            let request = read(event);
            request.query("event");
            request.bearer();
            request.path("tenant");
        }
    }
}
