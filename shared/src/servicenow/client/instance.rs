//! Sending a call to a tenant's instance, with a token and within a time budget.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, header};
use serde_json::value::RawValue;

use super::answer::{Unsuccessful, page_instead, read_answer, transport_error};
use super::call::Call;
use super::error::CallError;
use crate::domain::clock::Clock;
use crate::domain::instance::Instance;
use crate::domain::secret::Secret;
use crate::domain::tenant::TenantFile;
use crate::domain::time_budget::TimeBudget;
use crate::http::{LONGEST_ANSWER, body, retry_after};
use crate::retry::ServiceNowTimeouts;
use crate::telemetry::{self, Metric};
use crate::token::access::{AccessError, AccessTokens, RefusedToken};

/// Calls the tenants' instances. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServiceNowClient {
    http: reqwest::Client,
    access: Arc<AccessTokens>,
    clock: Clock,
    allow_loopback: bool,
    timeouts: ServiceNowTimeouts,
}

impl ServiceNowClient {
    /// `allow_loopback` admits `http://127.0.0.1` as an instance.
    pub const fn new(
        http: reqwest::Client,
        access: Arc<AccessTokens>,
        clock: Clock,
        allow_loopback: bool,
        timeouts: ServiceNowTimeouts,
    ) -> Self {
        Self {
            http,
            access,
            clock,
            allow_loopback,
            timeouts,
        }
    }

    /// The instance of a tenant, for calls that end with the budget.
    pub const fn for_tenant<'a>(
        &'a self,
        tenant: &'a TenantFile,
        budget: TimeBudget,
    ) -> TenantInstance<'a> {
        TenantInstance {
            client: self,
            tenant,
            budget,
        }
    }
}

/// One tenant's instance and the time that calls to it have.
#[derive(Debug)]
pub struct TenantInstance<'a> {
    client: &'a ServiceNowClient,
    tenant: &'a TenantFile,
    budget: TimeBudget,
}

impl TenantInstance<'_> {
    /// Sends a call, and once more with another token when ServiceNow refuses the first. Returns the answer's `result`.
    pub(super) async fn call(&self, call: &Call) -> Result<Box<RawValue>, CallError> {
        let (client, tenant) = (self.client, self.tenant);
        let instance = Instance::parse(
            &tenant.servicenow.instance,
            tenant.servicenow.allow_host.as_deref(),
            client.allow_loopback,
        )
        .map_err(|error| CallError::Misconfigured(format!("the instance {error}")))?;
        // Obtaining a token must not be cut off either.
        self.time_left()?;
        let (access, end) = (&client.access, self.budget.end());
        let token = access.get_after(tenant, &instance, None, end).await?;
        let page = match self.send(&instance, call, &token).await {
            Err(Unsuccessful::Unauthorized { page }) => page,
            Err(Unsuccessful::Failed(error)) => return Err(error),
            Ok(result) => return Ok(result),
        };
        let refused = RefusedToken {
            token: &token,
            by_servicenow: !page,
        };
        let token = access
            .get_after(tenant, &instance, Some(refused), end)
            .await?;
        self.send(&instance, call, &token)
            .await
            .map_err(|unsuccessful| match unsuccessful {
                Unsuccessful::Failed(error) => error,
                Unsuccessful::Unauthorized { page: true } => page_instead(401, None),
                Unsuccessful::Unauthorized { page: false } => {
                    let reason = "ServiceNow refuses a token that it just granted".to_owned();
                    telemetry::count(Metric::ReauthorizationNeeded, Some(&tenant.tenant));
                    CallError::Access(AccessError::ReauthorizationNeeded(reason))
                }
            })
    }

    async fn send(
        &self,
        instance: &Instance,
        call: &Call,
        token: &Secret,
    ) -> Result<Box<RawValue>, Unsuccessful> {
        let left = self.time_left()?;
        let mut url = instance
            .base()
            .join(&call.path)
            .map_err(|_| CallError::unknown("the instance's URL is odd"))?;
        if !call.query.is_empty() {
            let pairs = call.query.iter();
            url.query_pairs_mut()
                .extend_pairs(pairs.map(|(name, value)| (*name, value.as_str())));
        }
        let client = self.client;
        let reads = call.method == Method::GET;
        let timeout = if reads {
            client.timeouts.read
        } else {
            client.timeouts.write
        };
        let mut request = client
            .http
            .request(call.method.clone(), url)
            .header(header::ACCEPT, "application/json")
            .bearer_auth(token.expose())
            .timeout(left.min(timeout));
        if let Some((content_type, body)) = &call.body {
            request = request
                .header(header::CONTENT_TYPE, *content_type)
                .body(body.clone());
        }
        let outcome = async {
            let answer = request
                .send()
                .await
                .map_err(|error| transport_error(&error))?;
            let status = answer.status();
            let asked_delay = retry_after(answer.headers(), client.clock.now());
            let body = body(answer, LONGEST_ANSWER)
                .await
                .map_err(|error| CallError::Unknown {
                    timed_out: error.is_timeout(),
                    reason: error.to_string(),
                })?;
            read_answer(status, asked_delay, &body)
        };
        outcome.await.map_err(|unsuccessful| match unsuccessful {
            Unsuccessful::Failed(error) if reads => Unsuccessful::Failed(error.of_a_read()),
            unsuccessful => unsuccessful,
        })
    }

    /// The time left, if it suffices to start a call.
    fn time_left(&self) -> Result<Duration, CallError> {
        let left = self.budget.left();
        if left < self.client.timeouts.needs {
            Err(CallError::OutOfTime)
        } else {
            Ok(left)
        }
    }
}
