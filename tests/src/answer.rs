//! Requests to the HTTP API, and its responses.

use serde_json::Value;

/// A response of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`, empty without one.
    pub content_type: String,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// Whether `Idempotent-Replayed` is `true`.
    pub replayed: bool,
    /// The body.
    pub body: String,
}

impl HttpAnswer {
    /// Posts a body, with or without a `Content-Type`.
    ///
    /// # Panics
    /// When the HTTP API does not answer.
    pub async fn to_post(url: &str, content_type: Option<&str>, body: impl Into<Vec<u8>>) -> Self {
        let mut request = client().post(url).body(body.into());
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        Self::to(request).await
    }

    /// Gets a page, as a browser does.
    ///
    /// # Panics
    /// When the HTTP API does not answer.
    pub async fn to_get(url: &str) -> Self {
        Self::to(client().get(url)).await
    }

    /// Sends any request.
    ///
    /// # Panics
    /// When the HTTP API does not answer.
    pub async fn to(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("the HTTP API answers");
        let header = |name: &str| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        Self {
            status: response.status().as_u16(),
            content_type: header("content-type").unwrap_or_default(),
            retry_after: header("retry-after"),
            replayed: header("idempotent-replayed").is_some_and(|value| value == "true"),
            body: response.text().await.expect("a body"),
        }
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When the body is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// Checks the status and code of a refusal.
    ///
    /// # Panics
    /// When one of them differs.
    pub fn assert_refused(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.code().as_str()),
            (status, code),
            "{self:?}"
        );
    }

    /// The stable code of a refusal.
    ///
    /// # Panics
    /// When the response is no problem of RFC 9457.
    pub fn code(&self) -> String {
        assert_eq!(self.content_type, "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{self:?}");
        for name in ["title", "detail", "request_id"] {
            assert!(
                problem[name].as_str().is_some_and(|text| !text.is_empty()),
                "{name} is missing: {self:?}"
            );
        }
        problem["code"].as_str().expect("a code").to_owned()
    }
}

pub(crate) fn client() -> reqwest::Client {
    shared::http::client(None).expect("a client")
}
