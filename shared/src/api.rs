//! What the HTTP functions have in common: the loop, requests, API keys, JSON bodies and responses.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Response, StatusCode, header};
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::{Body, Context, Error, LambdaEvent, lambda_runtime, service_fn};
use serde_json::{Map, Value};

use crate::aws::tenants::{KeyKind, KeyScope, Tenant, TenantsTable};
use crate::domain::clock::Clock;
use crate::domain::error::{ErrorCode, Problem};
use crate::domain::secret::Secret;
use crate::domain::tenant::TenantId;
use crate::domain::time_budget::TimeBudget;

/// Responds to one request after the other with `handle`.
///
/// # Errors
/// What the Lambda runtime says when it ends.
pub async fn run<H, F>(handle: H) -> Result<(), Error>
where
    H: Fn(HttpRequest) -> F,
    F: Future<Output = HttpResponse>,
{
    let handle = &handle;
    let respond = |event: LambdaEvent<Value>| async move {
        let request = HttpRequest::new(event.payload, &event.context);
        // Boxed: the type of all nested futures is deeper than the compiler follows.
        let response = Box::pin(handle(request)).await;
        Ok::<_, Error>(ApiGatewayV2httpResponse::from(response))
    };
    lambda_runtime::run(service_fn(respond)).await
}

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

/// The one refusal of an unknown tenant, a wrong key and a missing scope.
pub fn unauthorized() -> Problem {
    Problem::new(
        ErrorCode::Unauthorized,
        "Send \"Authorization: Bearer KEY\" with an API key of this tenant that has the scope for this route.",
    )
}

/// Reading the table of tenants takes no longer, so that time is left for the work itself.
const READING_TENANT: Duration = Duration::from_secs(8);

/// The tenant, where it is switched on and the key has that scope.
///
/// # Errors
/// `unauthorized`, `tenant-disabled`, `storage-unavailable`.
pub async fn authorize(
    tenants: &TenantsTable,
    id: &TenantId,
    key: &Secret,
    scope: KeyScope,
    budget: &TimeBudget,
) -> Result<Arc<Tenant>, Problem> {
    let time = budget.at_most(READING_TENANT).left();
    let found = tenants.authenticate(id, KeyKind::Api, key, time).await;
    let found = found.map_err(|error| {
        tracing::warn!(tenant = %id, %error, "tenant not readable");
        Problem::new(ErrorCode::StorageUnavailable, "Try again in half a minute.")
    })?;
    let (tenant, _) = found
        .filter(|(_, key)| key.scopes.contains(&scope))
        .ok_or_else(unauthorized)?;
    if tenant.file.enabled {
        Ok(tenant)
    } else {
        let detail = format!("Switch it on: rescue-connector tenant enable {id}");
        Err(Problem::new(ErrorCode::TenantDisabled, detail))
    }
}

/// An object of a JSON body, read member by member. A problem names a member's path and never its value: problems are
/// logged, and a value may be a secret.
#[derive(Clone, Debug)]
pub struct JsonObject {
    path: String,
    members: Map<String, Value>,
}

impl JsonObject {
    /// Reads a body.
    ///
    /// # Errors
    /// `invalid-request` when it is not a JSON object.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let value = serde_json::from_slice(body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let detail = format!(
                "Send a JSON object. The body stops being one at line {line}, column {column}."
            );
            Problem::new(ErrorCode::InvalidRequest, detail)
        })?;
        match value {
            Value::Object(members) => Ok(Self {
                path: String::new(),
                members,
            }),
            _ => Err(invalid("Send a JSON object.")),
        }
    }

    /// The member's path, as problems name it.
    pub fn path(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }

    /// Whether there is such a member, with any value.
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// A member that is an object; an empty one where it is absent or `null`.
    ///
    /// # Errors
    /// `invalid-request` when it is anything else.
    pub fn object(&self, name: &str) -> Result<Self, Problem> {
        let members = match self.members.get(name) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(members)) => members.clone(),
            Some(_) => return Err(self.wrong(name, "has to be an object")),
        };
        Ok(Self {
            path: format!("{}{name}.", self.path),
            members,
        })
    }

    /// A member that is a text, without the blanks around it; `None` where it is absent, `null` or blank.
    ///
    /// # Errors
    /// `invalid-request` when it is anything else.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
            Some(_) => Err(self.wrong(name, "has to be a text")),
        }
    }

    /// A text that the request cannot do without.
    ///
    /// # Errors
    /// `invalid-request` when it is absent, blank or anything else.
    pub fn required(&self, name: &str) -> Result<&str, Problem> {
        self.text(name)?
            .ok_or_else(|| self.wrong(name, "is missing"))
    }

    /// A member that is `true` or `false`.
    ///
    /// # Errors
    /// `invalid-request` when it is anything else.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.wrong(name, "has to be true or false")),
        }
    }

    /// A member that is a whole number of one or more, as a number or as a text.
    ///
    /// # Errors
    /// `invalid-request` when it is anything else.
    pub fn count(&self, name: &str) -> Result<Option<u64>, Problem> {
        let count = match self.members.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        match count {
            Some(count) if count > 0 => Ok(Some(count)),
            _ => Err(self.wrong(name, "has to be a whole number of one or more")),
        }
    }

    /// The members' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// `invalid-request`, about one member.
    pub fn wrong(&self, name: &str, what: &str) -> Problem {
        invalid(&format!("{} {what}.", self.path(name)))
    }
}

fn invalid(detail: &str) -> Problem {
    Problem::new(ErrorCode::InvalidRequest, detail)
}

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
    use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
    use serde_json::json;

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
            "rawPath": "/sessiondetails/acme/k-1",
            "rawQueryString": "event=ended&event=started&a=%C3%A4+b",
            "headers": {"content-type": "text/xml", "x-two": "1,2"},
            "pathParameters": {"tenant": "acme", "key": "k-1"},
            "requestContext": {"http": {"method": "POST", "path": "/sessiondetails/acme/k-1"}},
            "body": "YT0x",
            "isBase64Encoded": true,
        }));
        assert_eq!(request.method(), "POST");
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
            assert_eq!((request.method(), request.body.len()), ("", 0));
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
    fn what_is_wrong_with_a_body_is_named_by_its_path_and_never_by_its_value() {
        let body = br#"{"a": {"b": 7, "secret": ["hunter2"]}, "n": "12"}"#;
        let root = JsonObject::parse(body).expect("an object");
        assert_eq!(root.count("n"), Ok(Some(12)));
        let inner = root.object("a").expect("an object");
        for (problem, expected) in [
            (inner.required("c").expect_err("absent"), "a.c is missing."),
            (
                inner.text("secret").expect_err("a list"),
                "a.secret has to be a text.",
            ),
            (
                root.object("n").expect_err("a text"),
                "n has to be an object.",
            ),
            (
                inner.flag("b").expect_err("a number"),
                "a.b has to be true or false.",
            ),
        ] {
            assert_eq!(problem, Problem::new(ErrorCode::InvalidRequest, expected));
        }
        let broken = JsonObject::parse(br#"{"refresh_token": "hunter2"#).expect_err("broken");
        assert!(!broken.detail.contains("hunter2"), "{}", broken.detail);
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
