//! Reads and changes a tenant's settings.

use lambda_http::http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value, json};
use shared::api::response::{self, HttpResponse};
use shared::aws::tenants::{KeyKind, ManagedBy, ManagedTenant};
use shared::domain::clock::Timestamp;
use shared::domain::error::{ErrorCode, FieldError, Problem};
use shared::domain::record_tables::RecordTables;
use shared::domain::secret_name::SecretName;
use shared::domain::tenant::{Reconcile, TenantFile};
use shared::settings::{self, Author, ChangeError, SettingsChange};

use crate::access::change_access;
use crate::event::{Command, settings_changed, version};
use crate::problems::invalid;
use crate::secrets::set_at;
use crate::service::TenantSettings;
use crate::tenant::{Overtaken, by, storage_unavailable, write};

/// The answer of `GET` and `PATCH`. It holds no secret's value.
#[derive(Serialize)]
struct Settings<'a> {
    version: u64,
    managed_by: ManagedBy,
    settings: Map<String, Value>,
    /// The tables that the tenant works with, built-in values filled in.
    tables: RecordTables,
    secrets: Map<String, Value>,
    webhook_keys: Vec<WebhookKey<'a>>,
}

#[derive(Serialize)]
struct WebhookKey<'a> {
    id: &'a str,
    created_at: Timestamp,
}

/// The settings, every default included, and which secrets are set.
///
/// # Errors
/// `storage-unavailable`; `tenant-misconfigured` for a tenant of an earlier release without its secret.
pub(crate) async fn read(
    function: &TenantSettings,
    tenant: &ManagedTenant,
) -> Result<HttpResponse, Problem> {
    let set = set_at(function, tenant).await?;
    let names = SecretName::ALL
        .into_iter()
        .filter(|name| *name != SecretName::RefreshToken);
    let mut secrets = Map::new();
    for name in names {
        let at = set.get(&name);
        let state = json!({"set": at.is_some(), "changed_at": at.copied().flatten()});
        secrets.insert(name.to_string(), state);
    }
    let keys = tenant.keys(KeyKind::Webhook);
    let settings = Settings {
        version: tenant.tenant.version,
        managed_by: tenant.managed_by,
        settings: settings::document(&tenant.tenant.file),
        tables: tenant.tenant.file.record_tables(),
        secrets,
        webhook_keys: keys
            .map(|key| WebhookKey {
                id: &key.id,
                created_at: key.created_at,
            })
            .collect(),
    };
    let mut answer = response::json(StatusCode::OK, &json!(settings));
    let tag = HeaderValue::from_str(&format!("\"{}\"", tenant.tenant.version));
    if let Ok(tag) = tag {
        answer.0.headers_mut().insert(header::ETAG, tag);
    }
    Ok(answer)
}

/// Applies a merge patch to the version of the settings that the sender has read.
///
/// # Errors
/// `managed-by-file`, `if-match-required`, `settings-changed`, `invalid-request`, `operator-only`, `invalid-settings`,
/// `storage-unavailable`.
pub(crate) async fn change(
    function: &TenantSettings,
    command: &Command,
    before: &ManagedTenant,
    if_match: Option<&str>,
) -> Result<HttpResponse, Problem> {
    if before.managed_by == ManagedBy::File {
        let detail = "Ask the operator of the connector to change the tenant file.";
        return Err(Problem::new(ErrorCode::ManagedByFile, detail));
    }
    let read_version = version(if_match)?;
    let patch = command.patch()?;
    if read_version != Some(before.tenant.version) {
        return Err(settings_changed());
    }
    let file = &before.tenant.file;
    let change = settings::change(file, &patch, Author::ServiceNow, function.rules);
    let SettingsChange { file, pointers } = change.map_err(refusal)?;
    if pointers.is_empty() {
        return read(function, before).await;
    }
    let changes = |table: &str| pointers.iter().any(|pointer| pointer.starts_with(table));
    if changes("/rescue/") {
        tell_apart(function, &file).await?;
    }
    let changes_access = changes("/servicenow/");
    let after = before.changed(by(function, command, pointers), |tenant| {
        tenant.tenant.file = file
    });
    let store = async {
        let written = write(function, before, &after).await;
        written.map_err(|overtaken| match overtaken {
            Overtaken::Yes => settings_changed(),
            Overtaken::No(problem) => problem,
        })
    };
    if changes_access {
        change_access(function, &command.tenant, store).await?;
    } else {
        store.await?;
    }
    read(function, &after).await
}

/// Notes the tenant's Rescue account, and refuses settings that do not tell its sessions from those of another tenant of the
/// same account. Who the other tenant is stands in the log alone.
///
/// # Errors
/// `invalid-settings`; `storage-unavailable` where it cannot be known and sessions are compared.
async fn tell_apart(function: &TenantSettings, file: &TenantFile) -> Result<(), Problem> {
    let tenant = &file.tenant;
    match function.accounts.conflict(file).await {
        Ok(None) => Ok(()),
        Ok(Some(other)) => {
            tracing::warn!(%tenant, %other, "settings refused: both tenants have the same Rescue account");
            Err(invalid(vec![FieldError {
                pointer: "/rescue/report_nodes".to_owned(),
                detail: "must name the technicians, technician groups or channels whose sessions are this tenant's: \
                         another tenant of this connector has the same Rescue account"
                    .to_owned(),
            }]))
        }
        Err(error) if file.rescue.reconcile == Reconcile::Off => {
            tracing::warn!(%tenant, %error, "the tenant's Rescue account is not noted");
            Ok(())
        }
        Err(error) => {
            tracing::error!(%tenant, %error, "the tenants of the Rescue account are not known");
            Err(storage_unavailable())
        }
    }
}

/// An answer names no more wrong settings.
const MOST_ERRORS: usize = 50;

fn refusal(error: ChangeError) -> Problem {
    match error {
        ChangeError::OperatorOnly(pointers) => {
            let detail = format!(
                "Ask the operator of the connector to change {}.",
                pointers.join(", ")
            );
            let errors = pointers.into_iter().map(|pointer| FieldError {
                detail: match pointer.as_str() {
                    "/rescue/technician_domains" => "only the operator can add a domain",
                    _ => "only the operator can change this",
                }
                .to_owned(),
                pointer,
            });
            let mut problem = Problem::new(ErrorCode::OperatorOnly, detail);
            problem.errors = errors.collect();
            problem
        }
        ChangeError::Invalid(faults) => {
            let errors = faults
                .into_iter()
                .take(MOST_ERRORS)
                .map(|fault| FieldError {
                    pointer: fault.pointer.to_string(),
                    detail: fault.message,
                });
            invalid(errors.collect())
        }
    }
}
