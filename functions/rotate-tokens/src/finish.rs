//! `finishSecret`: makes the pending token current, unless another one came in between.

use shared::aws::credentials::AccessToken;
use shared::aws::secret_store::TokenSecret;
use shared::domain::tenant::TenantFile;
use shared::domain::time_budget::TimeBudget;
use shared::telemetry::{self, Metric};
use shared::token::grants::audience;
use shared::token::rotation::{Rotation, RotationEnd};

use crate::failure::StepFailure;
use crate::service::RotateTokens;
use crate::{expiry, lease};

/// Ends the rotation. A repeated step does again what follows from the token being current.
pub(crate) async fn finish(
    function: &RotateTokens,
    rotation: &Rotation<'_>,
    budget: &TimeBudget,
) -> Result<(), StepFailure> {
    let id = rotation.tenant;
    let work = async { Ok(rotation.finish().await?) };
    let current = match lease::holding(function, id, budget, work).await? {
        RotationEnd::Promoted(token) => {
            telemetry::count(Metric::RotationSucceeded, Some(id));
            token
        }
        RotationEnd::Superseded(current) => current,
    };
    expiry::record(id, &current, function.clock.now());
    match function.tenants.get(id).await? {
        Some(tenant) => resume_deliveries(function, &tenant.file, current).await,
        None => Ok(()),
    }
}

/// Shares the access token that came with the refresh token, so that posts that wait for it are delivered.
async fn resume_deliveries(
    function: &RotateTokens,
    file: &TenantFile,
    token: TokenSecret,
) -> Result<(), StepFailure> {
    let Some((token, expires_at)) = token.access_token.zip(token.access_token_until) else {
        return Ok(());
    };
    // A step that is repeated late must not put an old token in front of a newer one.
    let id = &file.tenant;
    let shared = function.credentials.access_token(id).await?;
    let is_newest = shared.is_none_or(|shared| shared.expires_at <= expires_at);
    if is_newest && expires_at > function.clock.now() {
        let access = AccessToken {
            audience: audience(file, &function.instance(file)?),
            token,
            expires_at,
        };
        let (grants, queues) = (&function.grants, &function.queues);
        grants.resume_deliveries(queues, id, &access).await;
    }
    Ok(())
}
