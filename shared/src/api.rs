//! What the HTTP functions have in common: API keys, JSON bodies and answers (design 4.1).

use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use lambda_http::{Body, IntoResponse};
use serde_json::{Map, Value};

use crate::error::{Code, Problem};
use crate::secret::Secret;
use crate::tenant::TenantId;
use crate::tenants::{Scope, Tenant, Tenants};

/// The key of `Authorization: Bearer …`; the scheme in any letter case.
pub fn bearer(headers: &HeaderMap) -> Option<Secret> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.trim().split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then(|| Secret::from(key))
}

/// Unknown tenant, wrong key, missing scope: one and the same answer.
pub fn unauthorized() -> Problem {
    Problem::new(
        Code::Unauthorized,
        "Send \"Authorization: Bearer KEY\" with an API key of this tenant that has the scope for this route.",
    )
}

/// The tenant that the key opens for that scope, provided that it is switched on.
///
/// # Errors
/// `unauthorized`, `tenant-disabled`, `storage-unavailable`.
pub async fn authorize(
    tenants: &Tenants,
    id: &TenantId,
    key: &Secret,
    scope: Scope,
) -> Result<Arc<Tenant>, Problem> {
    let found = tenants.authenticate(id, crate::tenants::KeyKind::Api, key);
    let found = found.await.map_err(|error| {
        tracing::warn!(tenant = %id, %error, "tenant not readable");
        Problem::new(Code::StorageUnavailable, "Try again in half a minute.")
    })?;
    let (tenant, _) = found
        .filter(|(_, key)| key.scopes.contains(&scope))
        .ok_or_else(unauthorized)?;
    if tenant.file.enabled {
        Ok(tenant)
    } else {
        let detail = format!("Switch it on: rescue-connector tenant enable {id}");
        Err(Problem::new(Code::TenantDisabled, detail))
    }
}

/// An object of a JSON body, read member by member. What is wrong is named by its path, never by its value: it may be
/// a secret, and problems are logged.
#[derive(Clone, Debug)]
pub struct Object {
    path: String,
    members: Map<String, Value>,
}

impl Object {
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
            Problem::new(Code::InvalidRequest, detail)
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
    Problem::new(Code::InvalidRequest, detail)
}

/// What an HTTP function answers: a text, and no other charset than UTF-8.
///
/// The response type of `lambda_http` itself would be read once more as a stream, and decoded from its charset; every
/// decoder that there is would be part of the binary for that.
#[derive(Debug)]
pub struct Answer(pub Response<Body>);

impl IntoResponse for Answer {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        Box::pin(std::future::ready(self.0))
    }
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Answer {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    Answer(response)
}

/// An answer of JSON, which no cache may keep.
pub fn json(status: StatusCode, body: &Value) -> Answer {
    answer(status, "application/json", body.to_string())
}

/// A refusal (RFC 9457), with whatever its status asks for in the headers.
pub fn refusal(problem: &Problem, request_id: &str) -> Answer {
    let status =
        StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = answer(status, "application/problem+json", problem.body(request_id));
    let headers = answer.0.headers_mut();
    if let Some(seconds) = problem.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    answer
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Answer {
    let mut response = Response::new(Body::Text(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Answer(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(authorization: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::AUTHORIZATION,
            authorization.parse().expect("a header"),
        );
        headers
    }

    #[test]
    fn an_api_key_comes_as_a_bearer_token_and_in_no_other_way() {
        assert_eq!(bearer(&headers("bearer  k-1 ")), Some(Secret::from("k-1")));
        for refused in ["k-1", "Basic k-1", "Bearer", "Bearer "] {
            assert_eq!(bearer(&headers(refused)), None, "{refused}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }

    #[test]
    fn what_is_wrong_with_a_body_is_named_by_its_path_and_never_by_its_value() {
        let body = br#"{"a": {"b": 7, "secret": ["hunter2"]}, "n": "12"}"#;
        let root = Object::parse(body).expect("an object");
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
            assert_eq!(problem, Problem::new(Code::InvalidRequest, expected));
        }
        let broken = Object::parse(br#"{"refresh_token": "hunter2"#).expect_err("broken");
        assert!(!broken.detail.contains("hunter2"), "{}", broken.detail);
    }

    #[test]
    fn a_refusal_says_in_its_headers_when_to_try_again() {
        let throttled = Problem::new(Code::PinRateExceeded, "Press again.");
        let Answer(response) = refusal(&throttled, "r-1");
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(response.headers().contains_key(header::RETRY_AFTER));
        let Answer(response) = refusal(&unauthorized(), "r-1");
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }
}
