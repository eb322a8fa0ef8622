//! Resumes a tenant's deliveries with a new token.

use std::time::Duration;

use shared::domain::tenant::TenantFile;
use shared::telemetry;

use crate::service::ReceiveToken;
use crate::token_hand_over::StoredToken;

/// Shares the access token that came with the refresh token, and wakes the posts that wait for it.
pub(crate) async fn resume_deliveries(
    function: &ReceiveToken,
    file: &TenantFile,
    stored: &StoredToken,
    time: Duration,
) {
    let id = &file.tenant;
    telemetry::refresh_token_days_left(stored.valid_for, id);
    tracing::info!(tenant = %id, expires_at = %stored.expires_at, own_client = stored.token.client_id.is_some(),
        "refresh token stored");
    let (grants, queues) = (&function.grants, &function.queues);
    let sharing = grants.resume_deliveries(queues, id, &stored.access);
    if tokio::time::timeout(time, sharing).await.is_err() {
        tracing::warn!(tenant = %id, "other processes do not know of the new token yet");
    }
}
