//! The tenant's settings, keys and secrets.

use std::sync::Arc;
use std::time::Duration;

use super::examination::Examination;
use super::finding::Finding;
use super::reader::{Reader, capital};
use crate::aws::secret_store::{TenantSecrets, TokenSecret};
use crate::aws::tenants::{KeyKind, KeyScope, ManagedBy};
use crate::domain::secret::Secret;
use crate::domain::secret_fault::CLIENT_SECRET_RISKY;
use crate::domain::secret_name::SecretName;
use crate::domain::tenant::{Grant, Publish, TenantFile};
use crate::rescue::host::Host;

/// Two keys of one kind are for a change, which takes less time than this.
const KEY_CHANGE: Duration = Duration::from_secs(14 * 24 * 3600);

impl Examination {
    /// How to change the settings that a check has named. An administrator cannot correct `addresses`
    /// (docs/decisions/0013-settings-from-servicenow.md).
    fn change(&self, verb: &str, addresses: bool) -> String {
        let administrator = if addresses {
            "Ask the operator of the connector to correct the addresses, and correct the rest in the connector's settings."
                .to_owned()
        } else {
            self.reader.change(verb, "this")
        };
        self.reader.choose(
            capital(&format!(
                "{verb} this in the tenant file and apply it again with `rescue-connector tenant apply FILE`."
            )),
            administrator,
        )
    }

    /// Checks the applied settings: an earlier release may have accepted an incomplete file.
    pub(super) async fn configuration(&self) -> Finding {
        let file = self.file();
        let (rescue, servicenow, sessions) = (&file.rescue, &file.servicenow, &file.sessions);
        let mut faults = Vec::new();
        let mut addresses = false;
        let token = self.token_secret().await.as_ref().ok();
        let awaits_client = token.is_some_and(|token| awaits_client(file, token));
        let brings_client = brings_client(servicenow.grant, token);
        if servicenow.client_id.trim().is_empty() && !brings_client && !awaits_client {
            faults.push("servicenow.client_id is empty".to_owned());
        }
        if servicenow.grant == Grant::Password && servicenow.service_account.trim().is_empty() {
            faults.push("the password grant needs servicenow.service_account".to_owned());
        }
        if let Err(finding) = self.instance() {
            faults.push(finding.seen);
            addresses = true;
        }
        if let Err(error) = Host::of(rescue, self.testing.allow_loopback) {
            faults.push(format!("rescue.base_url {error}"));
            addresses = true;
        }
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(&rescue.company_id) {
            faults.push("rescue.company_id must be digits".to_owned());
        }
        if !faults.is_empty() {
            return Finding::failed(faults.join("; "), self.change("correct", addresses));
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
            Finding::warning(warnings.join("; "), self.change("change", false))
        }
    }

    pub(super) fn tenant_enabled(&self) -> Finding {
        if self.file().enabled {
            return Finding::ok("switched on");
        }
        let since = self.tenant.disabled_at;
        let since = since.map(|at| format!(" since {at}")).unwrap_or_default();
        let remedy = match self.reader {
            Reader::Operator => format!(
                "Switch it on with `rescue-connector tenant enable {}`, and set enabled = true in the tenant file, so \
                 that it stays on when the file is applied again.",
                self.id()
            ),
            Reader::Administrator {
                managed_by: ManagedBy::ServiceNow,
            } => "Switch it on in the connector's settings.".to_owned(),
            Reader::Administrator {
                managed_by: ManagedBy::File,
            } => "Ask the operator of the connector to switch it on.".to_owned(),
        };
        Finding::failed(
            format!("switched off{since}: posts are ignored, PINs are refused"),
            remedy,
        )
    }

    pub(super) fn keys(&self) -> Finding {
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
                    self.reader.choose(
                        format!("Create one with `rescue-connector keys rotate {id} {kind}`."),
                        "Make new webhook URLs in the connector's settings, and set them in Rescue.",
                    ),
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
                self.reader.choose(
                    format!(
                        "If ServiceNow needs it, run `rescue-connector keys rotate {id} api --scope {scope}`."
                    ),
                    "If ServiceNow needs it, ask the operator of the connector for a set-up link.",
                ),
            );
        }
        let newest = |kind| of(kind).map(|key| key.created_at).max();
        for (count, kind) in [(webhook, KeyKind::Webhook), (api, KeyKind::Api)] {
            let old = newest(kind).is_some_and(|at| self.now().since(at) > KEY_CHANGE);
            if count > 1 && old {
                return Finding::warning(
                    format!("{seen}; two of a kind have been live for more than 14 days"),
                    self.reader.choose(
                        format!(
                            "When the older one is no longer used, run `rescue-connector keys retire {id} ID` \
                             (`tenant show {id}` lists the ids)."
                        ),
                        match kind {
                            KeyKind::Webhook => {
                                "When the older webhook URLs are no longer used, retire them in the connector's \
                                 settings."
                            }
                            KeyKind::Api => {
                                "When the older key is no longer used, ask the operator of the connector to retire it."
                            }
                        },
                    ),
                );
            }
        }
        Finding::ok(seen)
    }

    /// What an administrator set, read now; read once.
    pub(super) async fn tenant_secrets(&self) -> &Result<Arc<TenantSecrets>, Finding> {
        let read = async || {
            self.secret_store.forget(self.id());
            let secrets = self.secret_store.tenant_secrets(self.id()).await;
            secrets.map_err(|error| self.of_secret(&error))
        };
        self.secrets_read.get_or_init(read).await
    }

    /// Whether the secrets that the settings need are set.
    pub(super) async fn secrets(&self) -> Finding {
        let read = tokio::join!(self.tenant_secrets(), self.token_secret());
        match read {
            (Ok(secrets), Ok(token)) => self.of_secrets(secrets, token),
            (Err(finding), _) | (_, Err(finding)) => finding.clone(),
        }
    }

    fn of_secrets(&self, secrets: &TenantSecrets, token: &TokenSecret) -> Finding {
        let (id, grant) = (self.id(), self.file().servicenow.grant);
        let set = |name: SecretName| {
            holds(match name {
                SecretName::SsoPassword => &secrets.sso_password,
                SecretName::OauthClientSecret => &secrets.oauth_client_secret,
                SecretName::ServiceAccountPassword => &secrets.service_account_password,
                SecretName::RescueApiToken => &secrets.rescue_api_token,
                SecretName::RefreshToken => &token.refresh_token,
            })
        };
        let mut needed = Vec::new();
        if !brings_client(grant, Some(token)) && !awaits_client(self.file(), token) {
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
            let hands_over = missing.contains(&SecretName::RefreshToken.as_str());
            let remedy = match self.reader {
                Reader::Operator => {
                    let commands: Vec<String> = missing
                        .iter()
                        .map(|name| format!("`rescue-connector secrets set {id} {name}`"))
                        .collect();
                    let hand_over = if hands_over {
                        " Better hand a refresh token over on the token set-up page in ServiceNow."
                    } else {
                        ""
                    };
                    format!("Set it: {}.{hand_over}", commands.join(", "))
                }
                Reader::Administrator { .. } if missing.len() == 1 && hands_over => {
                    self.reader.hand_over(id)
                }
                Reader::Administrator { .. } => {
                    let hand_over = if hands_over {
                        " Then hand a refresh token over with the token set-up."
                    } else {
                        ""
                    };
                    format!("Set it among the secrets of the connector's settings.{hand_over}")
                }
            };
            return Finding::failed(format!("not set: {}", missing.join(", ")), remedy);
        }
        if !holds(&secrets.tracking_key) {
            return Finding::failed(
                "the key that signs Tracking0 is missing: no PIN can be tied to its record",
                self.reader.choose(
                    "Apply the tenant file again with `rescue-connector tenant apply FILE`, which creates one.",
                    "Ask the operator of the connector to apply the tenant again, which creates one.",
                ),
            );
        }
        let secret = secrets.oauth_client_secret.as_ref();
        if secret.is_some_and(|secret| secret.expose().contains(CLIENT_SECRET_RISKY)) {
            return Finding::warning(
                "oauth-client-secret has one of the characters ^ & < > ?, which ServiceNow does not always accept",
                format!(
                    "Give the Application Registry record another client secret, and set it {}.",
                    self.reader.by_setting(id, SecretName::OauthClientSecret)
                ),
            );
        }
        if grant == Grant::RefreshToken && !set(SecretName::ServiceAccountPassword) {
            return Finding::warning(
                "service-account-password is not set: the connector cannot renew the refresh token by itself",
                format!(
                    "Set it {}, or hand over a new refresh token from ServiceNow before the old one expires.",
                    self.reader
                        .by_setting(id, SecretName::ServiceAccountPassword)
                ),
            );
        }
        Finding::ok("all secrets that the settings need are set")
    }
}

/// Whether the token set-up is still to come, which hands the OAuth client over together with the token.
fn awaits_client(file: &TenantFile, token: &TokenSecret) -> bool {
    let settings = &file.servicenow;
    let is_refresh = settings.grant == Grant::RefreshToken;
    is_refresh && settings.client_id.trim().is_empty() && token.refresh_token.is_none()
}

/// Whether the grant uses the OAuth client that the token was handed over with, so that the settings need none.
fn brings_client(grant: Grant, token: Option<&TokenSecret>) -> bool {
    grant == Grant::RefreshToken
        && token.is_some_and(|token| {
            let has_id = token.client_id.as_ref().is_some_and(|id| !id.is_empty());
            has_id && holds(&token.client_secret)
        })
}

/// Whether a secret is set and not empty.
fn holds(secret: &Option<Secret>) -> bool {
    secret
        .as_ref()
        .is_some_and(|secret| !secret.expose().is_empty())
}
