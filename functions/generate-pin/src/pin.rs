//! The PIN itself: sign in once, wait for Rescue's rate limit, renew a sign-in that another system has ended.

use std::time::Duration;

use shared::aws::credentials::Authcode;
use shared::domain::clock::Timestamp;
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::tenant::TenantFile;
use shared::domain::time_budget::TimeBudget;
use shared::rescue::api::{PinFields, RescueError, RescueRefusal};
use shared::rescue::authcodes::RescueCredential;
use shared::rescue::pin::Pin;

use crate::event::PinRequestBody;
use crate::problems;
use crate::service::GeneratePin;

/// Rescue gives a technician one PIN per second (docs/vendors.md#pin-codes).
const RATE_LIMIT: Duration = Duration::from_secs(1);
/// No attempt starts with less than this left.
const ATTEMPT_NEEDS: Duration = Duration::from_millis(500);

/// Asks for a PIN for the request's technician until the budget is spent.
///
/// # Errors
/// What Rescue's refusals mean (infra/openapi.yaml).
pub(crate) async fn get(
    function: &GeneratePin,
    tenant: &TenantFile,
    request: &PinRequestBody,
    tracking: &str,
    budget: &TimeBudget,
) -> Result<Pin, Problem> {
    let started = function.clock.now();
    let fields = PinFields {
        custom: request.custom_fields(),
        tracking0: tracking.to_owned(),
        require_console: tenant.rescue.require_console,
        node_id: request.node_id.clone(),
    };
    let (mut refused, mut before_renewal) = (None, None);
    loop {
        let credential = function
            .authcodes
            .get(tenant, &request.sso_id, refused.as_ref(), budget);
        let problem = match credential.await {
            Err(error) => problems::of_sign_in(error, tenant, request),
            Ok(credential) => {
                let (rescue, secret) = (&function.rescue, credential.secret());
                match rescue.pin(tenant, secret, &fields, budget.left()).await {
                    Ok(pin) => return Ok(pin),
                    Err(error) => {
                        let problem = problems::of_pin(&error, request);
                        if is_renewable(&error, &credential, refused.is_some(), started) {
                            refused = Some(secret.clone());
                            before_renewal = Some(problem);
                            continue;
                        }
                        problem
                    }
                }
            }
        };
        // A disabled technician cannot sign in again; the first refusal says why.
        let problem = match before_renewal.take() {
            Some(before)
                if problem.code == ErrorCode::TechnicianNotRecognised
                    && before.code == ErrorCode::TechnicianDisabled =>
            {
                before
            }
            _ => problem,
        };
        let wait = RATE_LIMIT + (function.jitter)();
        let rate_limited = problem.code == ErrorCode::PinRateExceeded;
        if !rate_limited || !budget.allows(wait + ATTEMPT_NEEDS) {
            return Err(problem);
        }
        tokio::time::sleep(wait).await;
    }
}

/// Whether the refusal can mean that the sign-in has ended, and another sign-in is allowed: once per request, and again
/// while the authcode is older than the request. A younger one was ended by another system.
fn is_renewable(
    error: &RescueError,
    credential: &RescueCredential,
    renewed: bool,
    started: Timestamp,
) -> bool {
    let RescueError::Refused(refusal) = error else {
        return false;
    };
    let older = |code: &Authcode| code.obtained_at < started;
    match (refusal, credential) {
        (RescueRefusal::InvalidSecretAuthCode, RescueCredential::ApiToken(_)) => !renewed,
        (RescueRefusal::InvalidSecretAuthCode, RescueCredential::SignedIn(code)) => {
            !renewed || older(code)
        }
        // The SSO id may have moved to another Rescue user since.
        (
            RescueRefusal::UserIsDeleted
            | RescueRefusal::UserDeletedOrDisabled
            | RescueRefusal::NotLoggedIn,
            RescueCredential::SignedIn(code),
        ) => older(code),
        _ => false,
    }
}
