//! The tenant's settings, keys and secrets.

use std::time::Duration;

use serde_json::{Map, Value};
use shared::aws::secret_store::{tenant_secrets_name, token_secret_name};
use shared::aws::tenants::{KeyKind, KeyScope};
use shared::domain::secret_fault::CLIENT_SECRET_RISKY;
use shared::domain::secret_name::SecretName;
use shared::domain::tenant::{Grant, Publish};
use shared::rescue::host::Host;

use super::context::Doctor;
use super::finding::Finding;
use crate::error::AdminError;
use crate::secrets_manager::{self, Found, TRACKING_KEY};

/// Two keys of one kind are for a change, which takes less time than this.
const KEY_CHANGE: Duration = Duration::from_secs(14 * 24 * 3600);

impl Doctor<'_> {
    /// Checks the applied settings: an earlier release may have accepted an incomplete file.
    pub(crate) fn configuration(&self) -> Finding {
        let file = &self.tenant.file;
        let (rescue, servicenow, sessions) = (&file.rescue, &file.servicenow, &file.sessions);
        let mut faults = Vec::new();
        if servicenow.client_id.trim().is_empty() {
            faults.push("servicenow.client_id is empty".to_owned());
        }
        if servicenow.grant == Grant::Password && servicenow.service_account.trim().is_empty() {
            faults.push("the password grant needs servicenow.service_account".to_owned());
        }
        if let Err(finding) = self.instance() {
            faults.push(finding.seen);
        }
        if let Err(error) = Host::of(rescue, self.options.testing.allow_loopback) {
            faults.push(format!("rescue.base_url {error}"));
        }
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(&rescue.company_id) {
            faults.push("rescue.company_id must be digits".to_owned());
        }
        if !faults.is_empty() {
            return Finding::failed(
                faults.join("; "),
                "Correct this in the tenant file and apply it again with `rescue-connector tenant apply FILE`.",
            );
        }
        let mut warnings = Vec::new();
        if sessions.publish == Publish::Selected && sessions.fields.is_empty() {
            warnings.push("publish is \"selected\" and fields is empty: notes are nearly empty");
        }
        if servicenow.grant == Grant::RefreshToken && servicenow.service_account.trim().is_empty() {
            warnings.push(
                "servicenow.service_account is not set: the connector cannot renew the refresh token by itself",
            );
        }
        if file.debug.logging || file.debug.rescue_api {
            warnings.push("debug logging is on: switch it off unless support needs it");
        }
        if warnings.is_empty() {
            Finding::ok(format!("complete, version {}", self.tenant.version))
        } else {
            Finding::warning(
                warnings.join("; "),
                "Change this in the tenant file and apply it again with `rescue-connector tenant apply FILE`.",
            )
        }
    }

    pub(crate) fn tenant_enabled(&self) -> Finding {
        if self.tenant.file.enabled {
            return Finding::ok("switched on");
        }
        let since = self.tenant.disabled_at;
        let since = since.map(|at| format!(" since {at}")).unwrap_or_default();
        Finding::failed(
            format!("switched off{since}: posts are ignored, PINs are refused"),
            format!(
                "Switch it on with `rescue-connector tenant enable {}`, and set enabled = true in the tenant file, so \
                 that it stays on when the file is applied again.",
                self.id()
            ),
        )
    }

    pub(crate) fn keys(&self) -> Finding {
        let id = self.id();
        let of = |kind: KeyKind| self.tenant.keys.iter().filter(move |key| key.kind == kind);
        let (webhook, api) = (of(KeyKind::Webhook).count(), of(KeyKind::Api).count());
        for (count, kind, what) in [
            (webhook, "webhook", "Rescue cannot post anything"),
            (api, "api", "ServiceNow cannot ask for a PIN"),
        ] {
            if count == 0 {
                return Finding::failed(
                    format!("there is no {kind} key: {what}"),
                    format!("Create one with `rescue-connector keys rotate {id} {kind}`."),
                );
            }
        }
        let may = |scope: KeyScope| of(KeyKind::Api).any(|key| key.scopes.contains(&scope));
        let seen = format!("{webhook} for webhooks, {api} for the API");
        if !may(KeyScope::Pin) || !may(KeyScope::Token) {
            let (scope, what) = if may(KeyScope::Pin) {
                ("token", "hand over a token")
            } else {
                ("pin", "ask for a PIN")
            };
            return Finding::warning(
                format!("no API key may be used to {what}"),
                format!(
                    "If ServiceNow needs it, run `rescue-connector keys rotate {id} api --scope {scope}`."
                ),
            );
        }
        let newest = |kind| of(kind).map(|key| key.created_at).max();
        for (count, kind) in [(webhook, KeyKind::Webhook), (api, KeyKind::Api)] {
            let old = newest(kind).is_some_and(|at| self.now().since(at) > KEY_CHANGE);
            if count > 1 && old {
                return Finding::warning(
                    format!("{seen}; two of a kind have been live for more than 14 days"),
                    format!(
                        "When the older one is no longer used, run `rescue-connector keys retire {id} ID` \
                         (`tenant show {id}` lists the ids)."
                    ),
                );
            }
        }
        Finding::ok(seen)
    }

    /// Whether the secrets that the settings need are set.
    pub(crate) async fn secrets(&self) -> Finding {
        let (id, prefix) = (self.id(), &self.stack.secret_prefix);
        let names = [
            tenant_secrets_name(prefix, id),
            token_secret_name(prefix, id),
        ];
        let (credentials, token) = tokio::join!(
            secrets_manager::read(self.stack, &names[0]),
            secrets_manager::read(self.stack, &names[1])
        );
        let mut objects = Vec::new();
        for (name, read) in names.into_iter().zip([credentials, token]) {
            match read {
                Ok(Found::Value(content)) => objects.push(content.json),
                Ok(Found::Nothing | Found::Deleted) => {
                    return AdminError::NoSecret(name).into();
                }
                Err(error) => return error.into(),
            }
        }
        let token = objects.pop().unwrap_or_default();
        let credentials = objects.pop().unwrap_or_default();
        self.of_secrets(&credentials, &token)
    }

    fn of_secrets(&self, credentials: &Map<String, Value>, token: &Map<String, Value>) -> Finding {
        let (id, grant) = (self.id(), self.tenant.file.servicenow.grant);
        let set = |name: SecretName| {
            let json = if name == SecretName::RefreshToken {
                token
            } else {
                credentials
            };
            secrets_manager::holds(json, name.key())
        };
        let mut needed = Vec::new();
        if !(secrets_manager::holds(token, "client_secret")
            && secrets_manager::holds(token, "client_id"))
        {
            needed.push(SecretName::OauthClientSecret);
        }
        match grant {
            Grant::RefreshToken => needed.push(SecretName::RefreshToken),
            Grant::Password => needed.push(SecretName::ServiceAccountPassword),
            Grant::ClientCredentials => {}
        }
        if !set(SecretName::RescueApiToken) {
            needed.push(SecretName::SsoPassword);
        }
        let missing: Vec<&str> = needed
            .iter()
            .filter(|name| !set(**name))
            .map(|name| name.as_str())
            .collect();
        if !missing.is_empty() {
            let commands: Vec<String> = missing
                .iter()
                .map(|name| format!("`rescue-connector secrets set {id} {name}`"))
                .collect();
            let hand_over = if missing.contains(&SecretName::RefreshToken.as_str()) {
                " Better hand a refresh token over on the token set-up page in ServiceNow."
            } else {
                ""
            };
            return Finding::failed(
                format!("not set: {}", missing.join(", ")),
                format!("Set it: {}.{hand_over}", commands.join(", ")),
            );
        }
        if !secrets_manager::holds(credentials, TRACKING_KEY) {
            return Finding::failed(
                "the key that signs Tracking0 is missing: no PIN can be tied to its record",
                "Apply the tenant file again with `rescue-connector tenant apply FILE`, which creates one.",
            );
        }
        let name = SecretName::OauthClientSecret;
        let secret = credentials.get(name.key()).and_then(Value::as_str);
        if secret.is_some_and(|secret| secret.contains(CLIENT_SECRET_RISKY)) {
            return Finding::warning(
                "oauth-client-secret has one of the characters ^ & < > ?, which ServiceNow does not always accept",
                format!(
                    "Give the Application Registry record another client secret, and run `rescue-connector secrets set \
                     {id} {}`.",
                    name.as_str()
                ),
            );
        }
        if grant == Grant::RefreshToken && !set(SecretName::ServiceAccountPassword) {
            return Finding::warning(
                "service-account-password is not set: the connector cannot renew the refresh token by itself",
                format!(
                    "`rescue-connector secrets set {id} service-account-password`, or hand over a new refresh token \
                     from ServiceNow before the old one expires."
                ),
            );
        }
        Finding::ok("all secrets that the settings need are set")
    }
}
