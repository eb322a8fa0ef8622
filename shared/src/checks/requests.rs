//! Requests that show what a client hides: status, headers and shape of an answer.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{RequestBuilder, Response, header};

use super::examination::Examination;
use super::finding::Finding;
use super::probe::Probe;
use crate::domain::instance::Instance;
use crate::domain::secret::Secret;
use crate::domain::tenant::Grant;
use crate::http::{BodyError, LONGEST_ANSWER};
use crate::token::access::AccessError;
use crate::token::grants::grant_request;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(8);

impl Examination {
    /// Sends a request and returns any answer.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn send(&self, request: RequestBuilder) -> Result<Probe, String> {
        let timeout = ANSWER.min(self.budget().left());
        let began = tokio::time::Instant::now();
        let sent = async {
            let answer: Response = request.timeout(timeout).send().await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            let at = self.now();
            let took = began.elapsed();
            let body = crate::http::body(answer, LONGEST_ANSWER).await?;
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

    /// The tenant's instance, if the connector may call it.
    pub(crate) fn instance(&self) -> Result<Instance, Finding> {
        let settings = &self.tenant.file.servicenow;
        Instance::parse(
            &settings.instance,
            settings.allow_host.as_deref(),
            self.testing.allow_loopback,
        )
        .map_err(|error| {
            Finding::failed(
                format!("servicenow.instance {error}"),
                self.reader
                    .correct_as_operator("the instance's address (servicenow.instance)"),
            )
        })
    }

    /// Reads rows of the Table API as the service account. A refused token is replaced once.
    pub(crate) async fn rows(&self, path: &str, query: &[(&str, &str)]) -> Result<Probe, Finding> {
        let instance = self.instance()?;
        self.authorized().await.clone()?;
        let no_access = |error: AccessError| self.of_access(&error);
        let mut refused = None;
        for _ in 0..2 {
            let token = self.token(&instance, refused).await.map_err(no_access)?;
            let answer = self.get(&instance, path, query, &token).await?;
            if answer.status != 401 {
                return Ok(answer);
            }
            refused = Some(token);
        }
        let reason = "ServiceNow refuses a token that it has just granted".to_owned();
        Err(no_access(AccessError::ReauthorizationNeeded(reason)))
    }

    /// Whether a token can be asked for. The credentials of a tenant that is paused for re-authorisation are tried again.
    pub(super) async fn authorized(&self) -> &Result<(), Finding> {
        let authorize = || async {
            let instance = self.instance()?;
            self.has_credentials().await?;
            let (access, queues) = (Arc::clone(&self.access), self.queues.clone());
            let (file, deadline) = (self.tenant.file.clone(), self.deadline);
            let retrying = async move {
                let retry = access.retry_authorization(&queues, &file, &instance, deadline);
                retry.await
            };
            let retried = uninterrupted(retrying).await;
            retried.map_err(|error| self.of_access(&error))
        };
        self.authorized.get_or_init(authorize).await
    }

    /// Whether everything is set that a token is asked for with. Asking without it would pause the tenant's deliveries.
    async fn has_credentials(&self) -> Result<(), Finding> {
        let (Ok(secrets), Ok(token)) = tokio::join!(self.tenant_secrets(), self.token_secret())
        else {
            return Ok(());
        };
        let grant = self.file().servicenow.grant;
        if grant == Grant::RefreshToken && token.refresh_token.is_none() {
            let seen = "no refresh token was handed over yet";
            return Err(Finding::failed(seen, self.reader.hand_over(self.id())));
        }
        let request = grant_request(self.file(), grant, secrets, Some(token));
        request.map(drop).map_err(|error| {
            Finding::failed(
                error.to_string(),
                "See what the checks configuration and secrets say.",
            )
        })
    }

    /// The shared access token, or a new one.
    async fn token(
        &self,
        instance: &Instance,
        refused: Option<Secret>,
    ) -> Result<Secret, AccessError> {
        let (access, deadline) = (Arc::clone(&self.access), self.deadline);
        let (file, instance) = (self.tenant.file.clone(), instance.clone());
        uninterrupted(async move {
            access
                .get(&file, &instance, refused.as_ref(), deadline)
                .await
        })
        .await
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
        let answer = self.send(request).await;
        answer.map_err(|reason| unreached(&reason))
    }
}

/// Gets a token, also when the check that needs it times out: ServiceNow may have issued another refresh token, which has to be
/// stored (see [`Examination::is_obtaining`]).
async fn uninterrupted<T: Send + 'static>(
    getting: impl Future<Output = Result<T, AccessError>> + Send + 'static,
) -> Result<T, AccessError> {
    tokio::spawn(getting).await.unwrap_or_else(|_| {
        Err(AccessError::Transient {
            reason: "getting a token was interrupted".to_owned(),
            retry_after: None,
        })
    })
}
