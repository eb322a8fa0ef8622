//! Sessions that Rescue never posted (docs/reconciliation.md).
//!
//! `reconcile-sessions` only suspects them. Its messages are received behind every post of the session that was accepted
//! before, so what the ledger does not have by then was not posted.

use shared::aws::ledger::SessionEnd;
use shared::aws::queue::Barrier;
use shared::aws::storage_error::StorageError;
use shared::domain::session::SessionId;
use shared::domain::tenant::TenantId;
use shared::retry;
use shared::telemetry::{self, Metric};

use crate::disposition::MessageDisposition;
use crate::event::Message;
use crate::service::DeliverSession;

/// Notes that a session was missed, unless its end was posted.
pub(crate) async fn pass_barrier(
    function: &DeliverSession,
    message: &Message,
    barrier: &Barrier,
) -> MessageDisposition {
    let (tenant, session) = (&barrier.tenant, &barrier.session_id);
    match is_newly_missed(function, barrier).await {
        Ok(true) => count(tenant, session),
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(%tenant, %session, %error, "not known whether the session was posted");
            return MessageDisposition::Postponed(message.hidden_for(retry::SESSION.first));
        }
    }
    MessageDisposition::Done
}

async fn is_newly_missed(
    function: &DeliverSession,
    barrier: &Barrier,
) -> Result<bool, StorageError> {
    let (ledger, session) = (&function.ledger, &barrier.session_id);
    // The tenant may have been deleted.
    if function.tenants.get(&barrier.tenant).await?.is_none() {
        return Ok(false);
    }
    match ledger.session_end(&barrier.tenant, session).await? {
        SessionEnd::Unknown => ledger.pass_barrier(barrier).await,
        SessionEnd::Posted | SessionEnd::Reported | SessionEnd::Missed => Ok(false),
    }
}

/// Counts a session that Rescue did not post.
pub(crate) fn count(tenant: &TenantId, session: &SessionId) {
    telemetry::count(Metric::MissedSessions, Some(tenant));
    tracing::warn!(%tenant, %session, "Rescue did not post the end of this session");
}
