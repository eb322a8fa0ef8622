//! Reads and writes the tenant of a request.

use shared::api::authorize::unauthorized;
use shared::aws::tenants::{Change, KeyKind, KeyScope, ManagedTenant, WriteTenantError};
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::tenant::TenantId;
use shared::telemetry::{self, Metric};

use crate::event::Command;
use crate::service::TenantSettings;

/// How often a change is made again that another one has overtaken.
const ATTEMPTS: usize = 5;

/// The tenant as the table holds it now, for an API key with the scope `settings`. A tenant that is switched off counts too:
/// this is where it is switched on.
///
/// # Errors
/// `unauthorized`, `storage-unavailable`.
pub(crate) async fn authorized(
    function: &TenantSettings,
    command: &Command,
) -> Result<ManagedTenant, Problem> {
    let found = read(function, &command.tenant).await?;
    let is_authorized = |found: &ManagedTenant| {
        let key = found.tenant.key(KeyKind::Api, &command.key);
        key.is_some_and(|key| key.scopes.contains(&KeyScope::Settings))
    };
    found.filter(is_authorized).ok_or_else(unauthorized)
}

/// The tenant as the table holds it now.
///
/// # Errors
/// `storage-unavailable`.
pub(crate) async fn read(
    function: &TenantSettings,
    id: &TenantId,
) -> Result<Option<ManagedTenant>, Problem> {
    let found = function.tenants.read(id).await;
    found.map_err(|error| {
        tracing::error!(tenant = %id, %error, "tenant not readable");
        storage_unavailable()
    })
}

/// Changes the tenant as it is now: `edit` says how, or why not; `None` when it is done already. It is asked again when
/// another change came first, which may have been this one: an answer of DynamoDB can be lost.
///
/// # Errors
/// What `edit` says; `storage-unavailable`; `unauthorized` for a tenant that is deleted meanwhile.
pub(crate) async fn update(
    function: &TenantSettings,
    mut before: ManagedTenant,
    edit: impl Fn(&ManagedTenant, Attempt) -> Result<Option<ManagedTenant>, Problem>,
) -> Result<ManagedTenant, Problem> {
    let id = before.tenant.file.tenant.clone();
    for nth in 0..ATTEMPTS {
        let Some(after) = edit(&before, Attempt { is_repeat: nth > 0 })? else {
            return Ok(before);
        };
        match write(function, &before, &after).await {
            Ok(()) => return Ok(after),
            Err(Overtaken::Yes) => {}
            Err(Overtaken::No(problem)) => return Err(problem),
        }
        before = read(function, &id).await?.ok_or_else(unauthorized)?;
    }
    Err(storage_unavailable())
}

/// Which attempt at a change it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    /// Whether the change may have been made before.
    pub(crate) is_repeat: bool,
}

/// Why a tenant was not written.
pub(crate) enum Overtaken {
    /// Another change came first.
    Yes,
    /// The table cannot be written.
    No(Problem),
}

/// Writes the tenant, provided that it is still the one that was read, and logs the change.
pub(crate) async fn write(
    function: &TenantSettings,
    before: &ManagedTenant,
    after: &ManagedTenant,
) -> Result<(), Overtaken> {
    let id = &after.tenant.file.tenant;
    match function.tenants.write(Some(before), after).await {
        Ok(()) => {}
        Err(WriteTenantError::Conflict(_)) => return Err(Overtaken::Yes),
        Err(error) => {
            tracing::error!(tenant = %id, %error, "tenant not written");
            return Err(Overtaken::No(storage_unavailable()));
        }
    }
    telemetry::count(Metric::TenantChanged, Some(id));
    if let Some(change) = after.history.last() {
        // Without its author: logs hold no names. The history has it.
        let (version, pointers) = (change.version, &change.pointers);
        tracing::info!(tenant = %id, version, ?pointers, "tenant changed");
    }
    Ok(())
}

/// A change by the sender of a request.
pub(crate) fn by<'a>(
    function: &TenantSettings,
    command: &'a Command,
    pointers: Vec<String>,
) -> Change<'a> {
    Change {
        who: &command.author,
        at: function.clock.now(),
        pointers,
    }
}

/// Too many keys of a kind are live for another one.
pub(crate) fn too_many_keys(what: &str) -> Problem {
    let detail = format!("Two {what} keys are live. Retire the one that is not used any more.");
    Problem::new(ErrorCode::TooManyKeys, detail)
}

pub(crate) fn storage_unavailable() -> Problem {
    Problem::new(ErrorCode::StorageUnavailable, "Try again in half a minute.")
}

/// 32 bytes from the system's generator.
///
/// # Errors
/// `storage-unavailable` when the system gives none.
pub(crate) fn random() -> Result<[u8; 32], Problem> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| storage_unavailable())?;
    Ok(bytes)
}
