//! `rotate-tokens`: the four steps of Secrets Manager's rotation, which keep each tenant's refresh token alive.
//!
//! Every step may be repeated, and may come after a process that died anywhere: `docs/decisions/0005-refresh-tokens.md`.

mod create;
mod event;
mod expiry;
mod failure;
mod finish;
mod versions;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use shared::aws::credentials::{AccessToken, CredentialsTable, token_lease_key};
use shared::aws::queue::Queues;
use shared::aws::secret_store::{SecretStore, TokenSecret};
use shared::aws::single_flight::{FlightLimits, SingleFlight};
use shared::aws::tenants::TenantsTable;
use shared::domain::clock::{Clock, Timestamp};
use shared::domain::error::ErrorCode;
use shared::domain::instance::Instance;
use shared::domain::tenant::{TenantFile, TenantId};
use shared::retry::ServiceNowTimeouts;
use shared::telemetry::{self, Metric};
use shared::token::grants::{Grants, TOKEN_LEASE, audience};
use shared::wiring::Wiring;

use crate::event::{Command, Step};
pub use crate::failure::StepFailure;
use crate::versions::TokenVersions;
pub use crate::versions::Versions;

/// What the function works with, built once per process.
#[derive(Debug)]
pub struct RotateTokens {
    /// How tenants are set up.
    pub tenants: TenantsTable,
    /// What is current, and what an administrator set.
    pub vault: Arc<SecretStore>,
    /// The versions of a rotation.
    pub versions: Versions,
    /// Who is paused, and what is shared.
    pub credentials: Arc<CredentialsTable>,
    /// Where tokens come from.
    pub grants: Grants,
    /// One at a time.
    pub flights: SingleFlight,
    /// Where messages wait for a token.
    pub queues: Queues,
    /// The time.
    pub clock: Clock,
    /// `ALLOW_LOOPBACK`, only for tests.
    pub allow_loopback: bool,
}

/// How long ServiceNow is waited for.
const PATIENCE: ServiceNowTimeouts = ServiceNowTimeouts::QUEUE;
/// Kept back of the invocation for storing what came of the last call.
const STORING_NEEDS: Duration = Duration::from_secs(20);

/// Takes one step: event → parse → decide → act → reply.
///
/// # Errors
/// As [`StepFailure`] says; Secrets Manager tries the rotation again.
pub async fn handle(function: &RotateTokens, event: LambdaEvent<Value>) -> Result<(), StepFailure> {
    let deadline = function.clock.deadline(event.context.deadline);
    match Command::read(&event.payload, function.versions.prefix()) {
        Ok(command) => {
            let outcome = step(function, &command, deadline).await;
            outcome.inspect_err(|failure| failed(&command, failure))
        }
        Err(failure) => {
            telemetry::count(Metric::RotationFailed, None);
            tracing::error!(%failure, "not a rotation of a token secret");
            Err(failure)
        }
    }
}

async fn step(
    function: &RotateTokens,
    command: &Command,
    deadline: Timestamp,
) -> Result<(), StepFailure> {
    let trial = command.step == Step::Test;
    let standing = function.versions.standing(command, trial).await?;
    match (command.step, standing) {
        (Step::Create, TokenVersions::Pending) => create::create(function, command, deadline).await,
        (Step::Test, TokenVersions::Pending) => test(function, command, deadline).await,
        (Step::Finish, TokenVersions::Pending | TokenVersions::Current) => {
            finish::finish(function, command, deadline).await
        }
        // ServiceNow itself made the token: there is nothing to set.
        (Step::Set, _) | (_, TokenVersions::Current | TokenVersions::Ended) => Ok(()),
    }
}

/// Tries what is pending with the access token that came with it. A refresh could replace the refresh token, and
/// nothing here could store that.
async fn test(
    function: &RotateTokens,
    command: &Command,
    deadline: Timestamp,
) -> Result<(), StepFailure> {
    let Some(pending) = function.versions.value(command).await? else {
        return Ok(());
    };
    let Some((token, until)) = pending.access_token.zip(pending.access_token_until) else {
        return Ok(());
    };
    let id = &command.tenant;
    let tenant = function.tenants.get(id).await?;
    let Some(file) = tenant.as_ref().map(|tenant| &tenant.file) else {
        return Ok(());
    };
    if until <= function.clock.now() {
        tracing::warn!(tenant = %id, "the rotation took so long that its token cannot be tested; the next one starts anew");
        return function.versions.end(command).await;
    }
    let timeout = PATIENCE.read.min(function.left(deadline));
    let instance = function.instance(file)?;
    let proved = function.grants.prove(&instance, &token, timeout).await;
    proved.map_err(|error| StepFailure::Transient(error.to_string()))
}

/// A failed step is logged and counted once, here.
fn failed(command: &Command, failure: &StepFailure) {
    let (tenant, step) = (&command.tenant, command.step.as_str());
    telemetry::count(Metric::RotationFailed, Some(tenant));
    match failure {
        StepFailure::ReauthorizationNeeded(reason) => {
            telemetry::count(Metric::ReauthorizationNeeded, Some(tenant));
            tracing::error!(%tenant, step, code = ErrorCode::ReauthorizationNeeded.as_str(), reason,
                likely = expiry::LIKELY_CAUSES, "{}", ErrorCode::ReauthorizationNeeded.entry().title);
        }
        StepFailure::Event(_) | StepFailure::Guard(_) => {
            tracing::error!(%tenant, step, reason = %failure, "rotation step refused");
        }
        StepFailure::Transient(reason) => {
            tracing::warn!(%tenant, step, reason, "rotation step failed; the whole rotation is tried again");
        }
    }
}

impl RotateTokens {
    /// Whatever touches a refresh token holds the tenant's token lease.
    async fn holding_the_lease<T>(
        &self,
        tenant: &TenantId,
        deadline: Timestamp,
        work: impl Future<Output = Result<T, StepFailure>>,
    ) -> Result<T, StepFailure> {
        let limits = FlightLimits {
            lease: TOKEN_LEASE,
            wait: PATIENCE.lease.min(self.left(deadline)),
        };
        let look = || async { Ok::<_, StepFailure>(None) };
        let key = token_lease_key(tenant);
        let done = self.flights.run(&key, limits, look, work).await?;
        done.ok_or_else(|| {
            StepFailure::Transient("another process has the token for too long".into())
        })
    }

    fn left(&self, deadline: Timestamp) -> Duration {
        deadline
            .since(self.clock.now())
            .saturating_sub(STORING_NEEDS)
    }

    fn instance(&self, file: &TenantFile) -> Result<Instance, StepFailure> {
        let servicenow = &file.servicenow;
        let allow_host = servicenow.allow_host.as_deref();
        Instance::parse(&servicenow.instance, allow_host, self.allow_loopback)
            .map_err(|error| StepFailure::Transient(format!("the instance {error}")))
    }

    /// The token is good: shares what it came with, so that deliveries that wait for it go on.
    async fn resume_deliveries(
        &self,
        file: &TenantFile,
        token: &TokenSecret,
    ) -> Result<(), StepFailure> {
        let access = token.access_token.clone().zip(token.access_token_until);
        let Some((access, until)) = access else {
            return Ok(());
        };
        // A step that is repeated late must not put an old token in front of a newer one.
        let known = self.credentials.access_token(&file.tenant).await?;
        let known = known.map(|known| known.expires_at);
        if until > self.clock.now() && known.is_none_or(|known| known <= until) {
            let access = AccessToken {
                audience: audience(file, &self.instance(file)?),
                token: access,
                expires_at: until,
            };
            if self.grants.share(&file.tenant, &access).await {
                self.queues.wake_if_possible(&file.tenant).await;
            }
        }
        Ok(())
    }
}

/// Runs the function: clients from the environment, once, then one step after the other.
///
/// # Errors
/// Names every variable that is missing; otherwise what the Lambda runtime says when it ends.
pub async fn run() -> Result<(), Error> {
    let mut wiring = Wiring::from_environment()?;
    let vendors = wiring.vendors(PATIENCE);
    let secret_prefix = wiring.environment.secret_prefix();
    let function = RotateTokens {
        tenants: wiring.tenants(),
        grants: vendors.grants(),
        versions: Versions::new(wiring.secrets_manager(), secret_prefix),
        flights: SingleFlight::new(Arc::clone(&vendors.credentials)),
        vault: vendors.secret_store,
        credentials: vendors.credentials,
        queues: wiring.sessions_queue(),
        clock: vendors.clock,
        allow_loopback: vendors.testing.allow_loopback,
    };
    wiring.finish()?;
    lambda_runtime::run(service_fn(|event| handle(&function, event))).await
}
