//! Resumes a tenant's deliveries.

use shared::domain::tenant::TenantId;

use crate::error::AdminError;
use crate::stack::Stack;

/// Ends the tenant's pause, and wakes its posts when they may have waited for a re-authorisation.
///
/// # Errors
/// When the credentials table or the queue cannot be used.
pub(crate) async fn resume_deliveries(stack: &Stack, id: &TenantId) -> Result<(), AdminError> {
    if stack.credentials().end_pause(id).await? {
        let queue = || format!("queue {}", stack.sessions_queue_url);
        let woken = stack.queues().wake(id).await;
        woken.map_err(|error| AdminError::failed("sqs:SendMessage", &queue(), error.0))?;
    }
    Ok(())
}
