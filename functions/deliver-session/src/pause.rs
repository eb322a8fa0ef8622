//! Pausing a tenant: its messages are postponed by every process without a call to ServiceNow.

use std::time::Duration;

use shared::aws::credentials::Pause;
use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::domain::tenant::TenantId;
use shared::retry;
use shared::telemetry::{self, Metric};

use crate::service::DeliverSession;

/// Pauses a tenant after an attempt that began at `began`.
pub(crate) async fn pause(
    function: &DeliverSession,
    tenant: &TenantId,
    reason: ErrorCode,
    length: Duration,
    began: Timestamp,
) {
    if reason == ErrorCode::ReauthorizationNeeded && authorized_since(function, tenant, began).await
    {
        return;
    }
    telemetry::count_reason(Metric::TenantPaused, reason, Some(tenant));
    let credentials = &function.credentials;
    let paused = if reason == ErrorCode::ServiceNowThrottled {
        credentials.throttle(tenant, length).await
    } else {
        let until = function.clock.now().plus(length);
        credentials.set_pause(tenant, Pause { until, reason }).await
    };
    if let Err(error) = paused {
        tracing::warn!(%tenant, %error, "other processes do not know of the pause");
    }
}

/// Counts time-outs and late answers: a few in a row pause the tenant.
pub(crate) async fn count_timeout(
    function: &DeliverSession,
    tenant: &TenantId,
    late: bool,
    began: Timestamp,
) {
    if !late {
        function.timeouts.answered(tenant);
    } else if function.timeouts.timed_out(tenant) {
        let reason = ErrorCode::ServiceNowUnavailable;
        pause(function, tenant, reason, retry::TIMEOUT_PAUSE, began).await;
    }
}

/// Whether the tenant was authorised again after the attempt began: a new token ended the pause that the holder of the
/// token lease had set.
async fn authorized_since(function: &DeliverSession, tenant: &TenantId, began: Timestamp) -> bool {
    let pause = function.credentials.tenant_pause_now(tenant).await;
    let now = function.clock.now();
    pause.is_ok_and(|pause| {
        !pause.is_unauthorized_at(now)
            && pause
                .authorized_since
                .is_some_and(|since| began <= since && since <= now)
    })
}
