//! Makes and retires the keys of the URLs that Rescue posts to.

use lambda_http::http::StatusCode;
use serde_json::json;
use shared::api::response::{self, HttpResponse};
use shared::aws::tenants::{KeyKind, LIVE_KEYS, ManagedTenant, TenantKey, WebhookUrls};
use shared::domain::error::{ErrorCode, Problem};

use crate::event::Command;
use crate::service::TenantSettings;
use crate::tenant::{Attempt, by, random, too_many_keys, update};

/// Adds a key. The URLs are in this answer alone.
///
/// # Errors
/// `too-many-keys`, `storage-unavailable`.
pub(crate) async fn add(
    function: &TenantSettings,
    command: &Command,
    tenant: ManagedTenant,
) -> Result<HttpResponse, Problem> {
    let now = function.clock.now();
    let (key, text) = TenantKey::generate(KeyKind::Webhook, Vec::new(), &random()?, now);
    let edit = |before: &ManagedTenant, _| {
        if before.tenant.keys.contains(&key) {
            return Ok(None);
        }
        if before.keys(KeyKind::Webhook).count() >= LIVE_KEYS {
            return Err(too_many_keys("webhook"));
        }
        let change = by(function, command, vec![format!("/keys/{}", key.id)]);
        let next = before.changed(change, |tenant| tenant.tenant.keys.push(key.clone()));
        Ok(Some(next))
    };
    update(function, tenant, edit).await?;
    let urls = WebhookUrls::new(Some(&command.api_url), &command.tenant, &text);
    let answer = json!({"id": key.id, "webhook_urls": urls});
    Ok(response::json(StatusCode::CREATED, &answer))
}

/// Retires a key; every function refuses it within 60 s.
///
/// # Errors
/// `not-found`, `last-key`, `storage-unavailable`.
pub(crate) async fn retire(
    function: &TenantSettings,
    command: &Command,
    tenant: ManagedTenant,
    id: &str,
) -> Result<HttpResponse, Problem> {
    let edit = |before: &ManagedTenant, attempt: Attempt| {
        let is_live = before.keys(KeyKind::Webhook).any(|key| key.id == id);
        if attempt.is_repeat && !is_live {
            return Ok(None);
        }
        if !is_live {
            return Err(Problem::new(
                ErrorCode::NotFound,
                "There is no such webhook key.",
            ));
        }
        if before.keys(KeyKind::Webhook).count() == 1 {
            let detail = "Make a new webhook key first, and set its URLs in Rescue.";
            return Err(Problem::new(ErrorCode::LastKey, detail));
        }
        let change = by(function, command, vec![format!("/keys/{id}")]);
        let next = before.changed(change, |tenant| {
            tenant.tenant.keys.retain(|key| key.id != id)
        });
        Ok(Some(next))
    };
    update(function, tenant, edit).await?;
    Ok(response::empty(StatusCode::NO_CONTENT))
}
