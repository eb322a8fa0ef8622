//! `finishSecret`: makes the pending token current, unless another one came in between.

use shared::clock::Timestamp;
use shared::telemetry::{self, Metric};
use shared::vault::Token;

use crate::event::Command;
use crate::expiry;
use crate::failure::Failure;
use crate::{RotateTokens, Standing};

/// Ends the rotation. A repeated step does again what follows from the token being current.
pub(crate) async fn finish(
    function: &RotateTokens,
    command: &Command,
    deadline: Timestamp,
) -> Result<(), Failure> {
    let id = &command.tenant;
    let work = async {
        let current = promoted(function, command).await?;
        function.versions.end(command).await?;
        Ok(current)
    };
    let current = function.holding_the_lease(id, deadline, work).await?;
    expiry::record(id, &current, function.clock.now());
    telemetry::count(Metric::RotationSucceeded, Some(id));
    if let Some(tenant) = function.tenants.get(id).await? {
        function.flowing_again(&tenant.file, &current).await?;
    }
    Ok(())
}

/// The token that is current in the end. Holds the token lease: a token that was replaced while it was in use must
/// not be overtaken.
async fn promoted(function: &RotateTokens, command: &Command) -> Result<Token, Failure> {
    let id = &command.tenant;
    let current = function.grants.settled(id).await?;
    if current.version_id == command.version {
        return Ok(current.token);
    }
    let pending = function.versions.value(command).await?;
    let pending = pending.ok_or(Failure::Guard("createSecret has not filled the version"))?;
    let follows = pending.derived_from.as_ref() == Some(&current.version_id);
    if !follows && pending != current.token {
        tracing::info!(tenant = %id, "another token came in between: it stays, and the rotation's own is given up");
        return Ok(current.token);
    }
    let moved = function
        .vault
        .make_current(id, &current.version_id, &command.version);
    match moved.await {
        Ok(()) => {
            tracing::info!(tenant = %id, "rotation finished");
            Ok(pending)
        }
        // An operator may have set another token, in the console as well.
        Err(error) => match function.versions.standing(command, false).await? {
            Standing::Current => Ok(pending),
            Standing::Pending | Standing::Ended => Err(error.into()),
        },
    }
}
