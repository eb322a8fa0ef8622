//! Authorises a request's sender and does what is asked for.

use shared::api::response::HttpResponse;
use shared::domain::error::Problem;
use shared::domain::time_budget::TimeBudget;

use crate::event::{Action, Command, wanted_checks};
use crate::service::TenantSettings;
use crate::{enrolment, secrets, settings, status, tenant, webhook_keys};

/// Does what the request asks for, in time for an answer.
///
/// # Errors
/// What the part that is asked for says; `storage-unavailable` when it takes too long.
pub(crate) async fn act_in_time(
    function: &TenantSettings,
    command: &Command,
    budget: TimeBudget,
) -> Result<HttpResponse, Problem> {
    let answer = tokio::time::timeout(budget.left(), act(function, command, &budget)).await;
    answer.unwrap_or_else(|_| Err(tenant::storage_unavailable()))
}

async fn act(
    function: &TenantSettings,
    command: &Command,
    budget: &TimeBudget,
) -> Result<HttpResponse, Problem> {
    let tenant = async || tenant::authorized(function, command).await;
    match &command.action {
        Action::Enrol => enrolment::enrol(function, command).await,
        Action::ReadSettings => settings::read(function, &tenant().await?).await,
        Action::ChangeSettings { version } => {
            settings::change(function, command, &tenant().await?, version.as_deref()).await
        }
        Action::SetSecret { name } => secrets::set(function, command, tenant().await?, name).await,
        Action::AddWebhookKey => webhook_keys::add(function, command, tenant().await?).await,
        Action::RetireWebhookKey { id } => {
            webhook_keys::retire(function, command, tenant().await?, id).await
        }
        Action::ReadStatus { checks, technician } => {
            let tenant = tenant().await?;
            let wanted = wanted_checks(checks.as_deref(), technician.as_deref())?;
            status::read(function, &tenant, wanted, budget).await
        }
    }
}
