//! Reads that show what a client hides: status, headers and shape of an answer.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_types::date_time::Format;
use reqwest::{RequestBuilder, Response, header};
use serde_json::{Map, Value};
use shared::domain::clock::Timestamp;
use shared::domain::instance::Instance;
use shared::domain::secret::Secret;
use shared::http::{BodyError, LONGEST_ANSWER};
use shared::servicenow::refusal;
use shared::token::access::AccessError;

use super::Doctor;
use super::finding::Finding;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(8);

/// An answer, whatever it is.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) status: u16,
    headers: header::HeaderMap,
    pub(crate) json: Option<Value>,
    pub(crate) took: Duration,
    /// When it came, on this computer's clock.
    pub(crate) at: Timestamp,
}

impl Probe {
    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What the other side's clock said.
    pub(crate) fn date(&self) -> Option<Timestamp> {
        self.header("date").and_then(http_date)
    }

    /// The first row of a list; `None` when there is no row.
    pub(crate) fn first_row(&self) -> Option<&Map<String, Value>> {
        self.rows().first()?.as_object()
    }

    /// The rows of a list.
    pub(crate) fn rows(&self) -> &[Value] {
        let rows = self.json.as_ref().and_then(|json| json.get("result"));
        rows.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Whether it is a list, with or without rows.
    pub(crate) fn is_list(&self) -> bool {
        let result = self.json.as_ref().and_then(|json| json.get("result"));
        self.status == 200 && result.is_some_and(Value::is_array)
    }

    /// Why ServiceNow refused, as far as its words are configuration.
    pub(crate) fn reason(&self) -> String {
        let text = |name: &str| {
            let text = self.json.as_ref().and_then(|json| json.pointer(name));
            text.and_then(Value::as_str).unwrap_or_default()
        };
        refusal::reason(text("/error/message"), text("/error/detail"))
    }

    /// ServiceNow's message that there is no such table (docs/vendors.md#refusals).
    pub(crate) fn is_invalid_table(&self) -> bool {
        let message = self
            .json
            .as_ref()
            .and_then(|json| json.pointer("/error/message"));
        let text = message.and_then(Value::as_str).unwrap_or_default();
        self.status == 400 && text.starts_with("Invalid table")
    }
}

/// The time of a `Date` header.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    let date = aws_smithy_types::DateTime::from_str(text.trim(), Format::HttpDate).ok()?;
    date.to_millis().ok().map(Timestamp::from_millis)
}

impl Doctor<'_> {
    /// Sends a request and takes any answer; otherwise says why there is none.
    pub(crate) async fn ask(&self, request: RequestBuilder) -> Result<Probe, String> {
        let began = tokio::time::Instant::now();
        let sent = async {
            let answer: Response = request.timeout(ANSWER).send().await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            let at = self.now();
            let took = began.elapsed();
            let body = shared::http::body(answer, LONGEST_ANSWER).await?;
            Ok::<_, BodyError>(Probe {
                status,
                headers,
                json: serde_json::from_slice(&body).ok(),
                took,
                at,
            })
        };
        sent.await.map_err(|error| error.to_string())
    }

    /// The tenant's instance, where it is one that may be called.
    pub(crate) fn instance(&self) -> Result<Instance, Finding> {
        let settings = &self.tenant.file.servicenow;
        Instance::parse(
            &settings.instance,
            settings.allow_host.as_deref(),
            self.options.testing.allow_loopback,
        )
        .map_err(|error| {
            Finding::failed(
                format!("servicenow.instance {error}"),
                "Correct servicenow.instance in the tenant file and apply it again.",
            )
        })
    }

    /// Reads rows of the Table API in the service account's name. A token that is refused is replaced once.
    pub(crate) async fn rows(&self, path: &str, query: &[(&str, &str)]) -> Result<Probe, Finding> {
        let instance = self.instance()?;
        let file = &self.tenant.file;
        let no_access = |error: AccessError| Finding::of_access(&error, file, self.now());
        let token = self.token(&instance, None).await.map_err(no_access)?;
        let answer = self.get(&instance, path, query, &token).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        let token = self
            .token(&instance, Some(token))
            .await
            .map_err(no_access)?;
        let answer = self.get(&instance, path, query, &token).await?;
        if answer.status == 401 {
            let reason = "ServiceNow refuses a token that it has just granted".to_owned();
            return Err(no_access(AccessError::ReauthorizationNeeded(reason)));
        }
        Ok(answer)
    }

    /// The token that is shared, or a new one. Goes on when the check that wants it is cut off: ServiceNow may have
    /// given another refresh token in place of the stored one, which has to be kept (see [`super::examine`]).
    async fn token(
        &self,
        instance: &Instance,
        refused: Option<Secret>,
    ) -> Result<Secret, AccessError> {
        let (access, deadline) = (Arc::clone(&self.access), self.deadline);
        let (file, instance) = (self.tenant.file.clone(), instance.clone());
        let getting = tokio::spawn(async move {
            access
                .get(&file, &instance, refused.as_ref(), deadline)
                .await
        });
        getting.await.unwrap_or_else(|_| {
            Err(AccessError::Transient {
                reason: "getting a token was interrupted".to_owned(),
                retry_after: None,
            })
        })
    }

    async fn get(
        &self,
        instance: &Instance,
        path: &str,
        query: &[(&str, &str)],
        token: &Secret,
    ) -> Result<Probe, Finding> {
        let unreached = |reason: &str| {
            Finding::failed(
                format!("ServiceNow: {reason}"),
                "See servicenow-reachable, and try again in a minute.",
            )
        };
        let url = instance.base().join(path);
        let url = url.map_err(|_| unreached("the instance's URL is odd"))?;
        let request = self
            .http
            .get(url)
            .query(query)
            .header(header::ACCEPT, "application/json")
            .bearer_auth(token.expose());
        let asked = self.ask(request).await;
        asked.map_err(|reason| unreached(&reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_header_is_read_to_the_second() {
        let at = http_date("Thu, 01 Jan 2026 00:00:01 GMT");
        assert_eq!(at, Timestamp::parse("2026-01-01T00:00:01Z"));
        assert_eq!(http_date("yesterday"), None);
    }
}
