//! The PIN itself: sign in once, wait for one's turn, renew a sign-in that somebody else has ended.

use std::time::Duration;

use shared::aws::credentials::Authcode;
use shared::domain::clock::Timestamp;
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::tenant::TenantFile;
use shared::rescue::api::{PinFields, RescueError, RescueRefusal};
use shared::rescue::authcodes::RescueCredential;
use shared::rescue::pin::Pin;

use crate::GeneratePin;
use crate::event::PinRequestBody;
use crate::problems;

/// Rescue gives a technician one PIN per second (docs/vendors.md#pin-codes).
const TURN: Duration = Duration::from_secs(1);
/// No attempt starts with less than this left.
const ATTEMPT_NEEDS: Duration = Duration::from_millis(500);

/// A PIN for that technician, asked for until `until`.
///
/// # Errors
/// What Rescue's refusals mean (infra/openapi.yaml).
pub(crate) async fn get(
    function: &GeneratePin,
    tenant: &TenantFile,
    request: &PinRequestBody,
    tracking: &str,
    until: Timestamp,
) -> Result<Pin, Problem> {
    let started = function.clock.now();
    let left = || until.since(function.clock.now());
    let fields = PinFields {
        custom: request.custom_fields(),
        tracking0: tracking.to_owned(),
        require_console: tenant.rescue.require_console,
        node_id: request.node_id.clone(),
    };
    let (mut refused, mut before) = (None, None);
    loop {
        let access = function
            .authcodes
            .get(tenant, &request.sso_id, refused.as_ref(), until);
        let problem = match access.await {
            Err(error) => problems::of_sign_in(error, tenant, request),
            Ok(access) => {
                let asked = function
                    .rescue
                    .pin(tenant, access.secret(), &fields, left());
                match asked.await {
                    Ok(pin) => return Ok(pin),
                    Err(error) => {
                        let problem = problems::of_pin(&error, request);
                        if renewable(&error, &access, refused.is_some(), started) {
                            refused = Some(access.secret().clone());
                            before = Some(problem);
                            continue;
                        }
                        problem
                    }
                }
            }
        };
        // A technician who may not even sign in any more is what the refusal of the old sign-in said.
        let problem = match before.take() {
            Some(before)
                if problem.code == ErrorCode::TechnicianNotRecognised
                    && before.code == ErrorCode::TechnicianDisabled =>
            {
                before
            }
            _ => problem,
        };
        let wait = TURN + (function.jitter)();
        if !problems::is_turn(&problem) || left() < wait + ATTEMPT_NEEDS {
            return Err(problem);
        }
        tokio::time::sleep(wait).await;
    }
}

/// Whether that answer can mean that the sign-in is not good any more, and another one is allowed: once per request, and
/// then as long as it is older than the request. A younger one that does not work is somebody else's doing.
fn renewable(
    error: &RescueError,
    access: &RescueCredential,
    renewed: bool,
    started: Timestamp,
) -> bool {
    let RescueError::Refused(refusal) = error else {
        return false;
    };
    let older = |code: &Authcode| code.obtained_at < started;
    match (refusal, access) {
        (RescueRefusal::InvalidSecretAuthCode, RescueCredential::ApiToken(_)) => !renewed,
        (RescueRefusal::InvalidSecretAuthCode, RescueCredential::SignedIn(code)) => {
            !renewed || older(code)
        }
        // The user that it was made for may not be the one who has the SSO id now.
        (
            RescueRefusal::UserIsDeleted
            | RescueRefusal::UserDeletedOrDisabled
            | RescueRefusal::NotLoggedIn,
            RescueCredential::SignedIn(code),
        ) => older(code),
        _ => false,
    }
}
