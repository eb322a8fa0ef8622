//! Exchanges the one-time code of a set-up link for an API key and the webhook URLs.

use lambda_http::http::StatusCode;
use serde_json::json;
use shared::api::authorize::unauthorized;
use shared::api::response::{self, HttpResponse};
use shared::aws::tenants::{
    Invitation, KeyKind, KeyScope, LIVE_KEYS, ManagedTenant, TenantKey, WebhookUrls,
};
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::instance::Instance;

use crate::event::Command;
use crate::service::TenantSettings;
use crate::tenant::{by, random, read, too_many_keys, update};

const SCOPES: [KeyScope; 3] = [KeyScope::Pin, KeyScope::Token, KeyScope::Settings];

/// Enrols an instance. The code is used up and the keys are live in one write; a refused request leaves it valid.
///
/// # Errors
/// `unauthorized` for a wrong, used or expired code and an unknown tenant alike; `instance-mismatch`, `too-many-keys`,
/// `invalid-request`, `storage-unavailable`.
pub(crate) async fn enrol(
    function: &TenantSettings,
    command: &Command,
) -> Result<HttpResponse, Problem> {
    let found = read(function, &command.tenant).await?;
    let invitation = found.as_ref().and_then(|found| found.invitation.as_ref());
    let is_valid = Invitation::accepts(invitation, &command.key, function.clock.now());
    let tenant = found.filter(|_| is_valid).ok_or_else(unauthorized)?;
    let instance = command.instance()?;
    let now = function.clock.now();
    let (api, api_key) = TenantKey::generate(KeyKind::Api, SCOPES.to_vec(), &random()?, now);
    let (webhook, webhook_key) = TenantKey::generate(KeyKind::Webhook, Vec::new(), &random()?, now);
    let edit = |before: &ManagedTenant, _| {
        if before.tenant.keys.contains(&api) {
            return Ok(None);
        }
        let invitation = before.invitation.as_ref();
        if !Invitation::accepts(invitation, &command.key, function.clock.now()) {
            return Err(unauthorized());
        }
        if !is_instance_of(function, before, &instance) {
            let detail = format!(
                "The link is for {}.",
                before.tenant.file.servicenow.instance
            );
            return Err(Problem::new(ErrorCode::InstanceMismatch, detail));
        }
        for (kind, name) in [(KeyKind::Api, "API"), (KeyKind::Webhook, "webhook")] {
            if before.keys(kind).count() >= LIVE_KEYS {
                return Err(too_many_keys(name));
            }
        }
        let mut pointers = vec!["/invitation".to_owned()];
        pointers.extend([&api, &webhook].map(|key| format!("/keys/{}", key.id)));
        let change = by(function, command, pointers);
        Ok(Some(before.changed(change, |tenant| {
            tenant.invitation = None;
            tenant.tenant.keys.extend([api.clone(), webhook.clone()]);
        })))
    };
    update(function, tenant, edit).await?;
    let answer = json!({
        "api_key": api_key.expose(),
        "key_id": api.id,
        "scopes": api.scopes,
        "webhook_urls": WebhookUrls::new(Some(&command.api_url), &command.tenant, &webhook_key),
    });
    Ok(response::json(StatusCode::CREATED, &answer))
}

/// Whether the text names the tenant's instance, however it is written.
fn is_instance_of(function: &TenantSettings, tenant: &ManagedTenant, text: &str) -> bool {
    let settings = &tenant.tenant.file.servicenow;
    let parse = |text: &str| {
        let allow_host = settings.allow_host.as_deref();
        Instance::parse(text, allow_host, function.rules.allow_loopback).ok()
    };
    parse(text).is_some_and(|instance| parse(&settings.instance) == Some(instance))
}
