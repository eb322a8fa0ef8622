//! Authorises a request's sender and answers the request.

use shared::api::authorize::authorize;
use shared::aws::tenants::KeyScope;
use shared::domain::error::Problem;
use shared::domain::time_budget::TimeBudget;

use crate::event::Command;
use crate::pin_request::{PinAnswer, PinRequest};
use crate::service::GeneratePin;

/// Does what the request asks for.
///
/// # Errors
/// `unauthorized`, `tenant-disabled`, `storage-unavailable`, and what the body's reader and [`PinRequest::answer`] say.
pub(crate) async fn act(
    function: &GeneratePin,
    command: &Command,
    budget: TimeBudget,
) -> Result<PinAnswer, Problem> {
    let (tenants, id) = (&function.tenants, &command.tenant);
    let tenant = authorize(tenants, id, &command.key, KeyScope::Pin, &budget).await?;
    let tables = tenant.file.record_tables();
    let (body, key) = (command.body(&tables)?, command.idempotency_key()?);
    PinRequest::new(function, &tenant.file, &tables, key, body, budget)
        .answer()
        .await
}
