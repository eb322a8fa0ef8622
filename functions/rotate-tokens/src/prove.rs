//! `testSecret`: proves the pending token by a read.

use shared::domain::time_budget::TimeBudget;
use shared::token::rotation::Rotation;

use crate::failure::StepFailure;
use crate::service::{PATIENCE, RotateTokens};

/// Proves the pending token with the access token that came with it. A refresh may answer with another refresh token,
/// and this step has no place to store one.
pub(crate) async fn prove(
    function: &RotateTokens,
    rotation: &Rotation<'_>,
    budget: &TimeBudget,
) -> Result<(), StepFailure> {
    let Some(pending) = rotation.value().await? else {
        return Ok(());
    };
    let Some((token, until)) = pending.access_token.zip(pending.access_token_until) else {
        return Ok(());
    };
    let id = rotation.tenant;
    let tenant = function.tenants.get(id).await?;
    let Some(file) = tenant.as_ref().map(|tenant| &tenant.file) else {
        return Ok(());
    };
    if until <= function.clock.now() {
        tracing::warn!(tenant = %id, "the rotation took so long that its token cannot be tested; the next one starts anew");
        return Ok(rotation.end().await?);
    }
    let timeout = PATIENCE.read.min(budget.left());
    let instance = function.instance(file)?;
    let proved = function.grants.prove(&instance, &token, timeout).await;
    proved.map_err(|error| StepFailure::Transient(error.to_string()))
}
