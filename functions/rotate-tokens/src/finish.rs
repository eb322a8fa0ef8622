//! `finishSecret`: makes the pending token current, unless another one came in between.

use shared::aws::secret_store::TokenSecret;
use shared::domain::clock::Timestamp;
use shared::telemetry::{self, Metric};

use crate::event::Command;
use crate::expiry;
use crate::failure::StepFailure;
use crate::{RotateTokens, TokenVersions};

/// Ends the rotation. A repeated step does again what follows from the token being current.
pub(crate) async fn finish(
    function: &RotateTokens,
    command: &Command,
    deadline: Timestamp,
) -> Result<(), StepFailure> {
    let id = &command.tenant;
    let work = async {
        let ended = promoted(function, command).await?;
        function.versions.end(command).await?;
        if let Ended::Promoted { token, wish: true } = &ended {
            request_renewal_again(function, command, token).await?;
        }
        Ok(ended)
    };
    let current = match function.holding_the_lease(id, deadline, work).await? {
        Ended::Promoted { token, .. } => {
            telemetry::count(Metric::RotationSucceeded, Some(id));
            token
        }
        Ended::GivenUp(current) => current,
    };
    expiry::record(id, &current, function.clock.now());
    if let Some(tenant) = function.tenants.get(id).await? {
        function.resume_deliveries(&tenant.file, &current).await?;
    }
    Ok(())
}

/// How a rotation ended.
enum Ended {
    /// Its token is current.
    Promoted {
        token: TokenSecret,
        /// A wish to renew came in between, and is not fulfilled by it.
        wish: bool,
    },
    /// Another token is.
    GivenUp(TokenSecret),
}

/// A wish that came while the rotation was under way is kept for the next one.
async fn request_renewal_again(
    function: &RotateTokens,
    command: &Command,
    promoted: &TokenSecret,
) -> Result<(), StepFailure> {
    let wished = TokenSecret {
        renew_now: true,
        derived_from: Some(command.version.clone()),
        ..promoted.clone()
    };
    let vault = &function.vault;
    let replaced = vault.replace_token(&command.tenant, &command.version, &wished);
    Ok(replaced.await.map(drop)?)
}

/// The token that is current in the end. Holds the token lease: a token that was replaced while it was in use must
/// not be overtaken.
async fn promoted(function: &RotateTokens, command: &Command) -> Result<Ended, StepFailure> {
    let id = &command.tenant;
    let current = function.grants.settled(id).await?;
    if current.version_id == command.version {
        return Ok(Ended::Promoted {
            token: current.token,
            wish: false,
        });
    }
    let pending = function.versions.value(command).await?;
    let pending = pending.ok_or(StepFailure::Guard(
        "createSecret has not filled the version",
    ))?;
    let of_version = pending.derived_from.as_ref() == Some(&current.version_id);
    // A wish that came in between is another version of the same token.
    let follows = of_version || pending.made_from == Some(current.token.origin());
    if !follows && pending != current.token {
        tracing::info!(tenant = %id, "another token came in between: it stays, and the rotation's own is given up");
        return Ok(Ended::GivenUp(current.token));
    }
    let renewed = pending.expires_at > current.token.expires_at;
    let wish = current.token.renew_now && !of_version && !renewed;
    let ended = |token| Ended::Promoted { token, wish };
    let moved = function
        .vault
        .make_current(id, &current.version_id, &command.version);
    match moved.await {
        Ok(()) => {
            tracing::info!(tenant = %id, "rotation finished");
            Ok(ended(pending))
        }
        // An operator may have set another token, in the console as well.
        Err(error) => match function.versions.standing(command, false).await? {
            TokenVersions::Current => Ok(ended(pending)),
            TokenVersions::Pending | TokenVersions::Ended => Err(error.into()),
        },
    }
}
