//! Authorises a request's sender, takes the token over, and notes the outcome.

use std::time::Duration;

use shared::api::authorize::authorize;
use shared::aws::tenants::KeyScope;
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::time_budget::TimeBudget;

use crate::event::Command;
use crate::note::{self, HandOverOutcome};
use crate::resume::resume_deliveries;
use crate::service::ReceiveToken;
use crate::token_hand_over::{StoredToken, take_in_time};

/// Kept back for sharing the access token, ending the tenant's pause, and waking the posts that wait.
const SHARING: Duration = Duration::from_secs(2);
/// The longest time for a note.
const NOTE: Duration = Duration::from_secs(8);

/// Does what the request asks for.
///
/// # Errors
/// `unauthorized`, `tenant-disabled`, `invalid-request`, and what [`take_in_time`] says.
pub(crate) async fn act(
    function: &ReceiveToken,
    command: &Command,
    budget: &TimeBudget,
) -> Result<StoredToken, Problem> {
    let (tenants, id) = (&function.tenants, &command.tenant);
    let tenant = authorize(tenants, id, &command.key, KeyScope::Token, budget).await?;
    let file = &tenant.file;
    let hand_over = command.hand_over(file)?;
    let outcome = take_in_time(function, file, &hand_over, &budget.keep_back(SHARING)).await;
    if let Ok(stored) = &outcome {
        resume_deliveries(function, file, stored, budget.left().max(SHARING)).await;
    }
    let noted = match &outcome {
        Ok(stored) => HandOverOutcome::Stored {
            expires_at: stored.expires_at,
        },
        Err(problem) if problem.code == ErrorCode::TokenRefused => HandOverOutcome::Refused,
        Err(_) => return outcome,
    };
    note::write(function, file, &hand_over, noted, budget.at_most(NOTE)).await;
    outcome
}
