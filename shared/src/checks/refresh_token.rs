//! The refresh token's remaining life, and the tenant's pause.

use std::time::Duration;

use super::examination::Examination;
use super::finding::Finding;
use crate::aws::credentials::TenantPause;
use crate::aws::secret_store::TokenSecret;
use crate::domain::tenant::Grant;
use crate::token::status::{TokenLife, TokenState};

impl Examination {
    /// What the connector renews; read once.
    pub(super) async fn token_secret(&self) -> &Result<TokenSecret, Finding> {
        let read = async || match self.secret_store.token(self.id()).await {
            Ok(version) => Ok(version.token),
            Err(error) => Err(self.of_secret(&error)),
        };
        self.token_read.get_or_init(read).await
    }

    async fn pause(&self) -> &Result<TenantPause, Finding> {
        let read = async || {
            let pause = self.credentials.tenant_pause_now(self.id()).await;
            pause.map_err(|error| self.of_storage(&error))
        };
        self.pause_read.get_or_init(read).await
    }

    /// The time until the refresh token expires. The checks `paused` and `servicenow-access` report one that is refused.
    pub(super) async fn refresh_token(&self) -> Finding {
        let grant = self.file().servicenow.grant;
        if grant != Grant::RefreshToken {
            return Finding::skipped("the grant needs no refresh token");
        }
        let token = match self.token_secret().await {
            Ok(token) => token,
            Err(finding) => return finding.clone(),
        };
        let (id, reader) = (self.id(), self.reader);
        let life = TokenLife::of(grant, token, &TenantPause::default(), self.now());
        if life.state == TokenState::None {
            let seen = "no refresh token was handed over yet";
            return Finding::failed(seen, reader.hand_over(id));
        }
        if life.left == Some(Duration::ZERO) {
            return Finding::failed("it has expired: 0 days left", reader.hand_over(id));
        }
        let left = match (life.expires_at, life.days_left()) {
            (Some(at), Some(days)) => format!("{days} days left, until {at}"),
            _ => "its expiry is not known".to_owned(),
        };
        let secrets = self.tenant_secrets().await.as_ref();
        let has_password = secrets.is_ok_and(|secrets| secrets.service_account_password.is_some());
        let is_stuck = life.is_overdue && has_password;
        if life.state == TokenState::Healthy && life.left.is_some() && !is_stuck {
            return Finding::ok(left);
        }
        let left = if is_stuck {
            format!(
                "{left}; renewing it has not succeeded, although service-account-password is set"
            )
        } else {
            left
        };
        if is_stuck {
            let renew = reader.choose(
                format!(
                    "`rescue-connector token rotate {id}` names the reason. Often ServiceNow refuses the password: set it again \
                     with `rescue-connector secrets set {id} service-account-password`."
                ),
                "ServiceNow may refuse that password: type service-account-password again among the secrets of the \
                 connector's settings, by which the connector renews the token within a day; otherwise hand over a new one \
                 with the token set-up.",
            );
            return Finding::warning(left, renew);
        }
        let renew = reader.choose(
            format!(
                "Renew it with `rescue-connector token rotate {id}`, which needs service-account-password; otherwise \
                 hand over a new one from ServiceNow."
            ),
            "Set service-account-password among the secrets of the connector's settings, by which the connector renews \
             the token within a day; otherwise hand over a new one with the token set-up.",
        );
        Finding::warning(left, renew)
    }

    /// Whether all deliveries of the tenant are paused. Trying the credentials again may end the pause.
    pub(super) async fn paused(&self) -> Finding {
        self.authorized().await;
        match self.pause().await {
            Ok(pause) => match pause.pause_at(self.now()) {
                None => Finding::ok("no"),
                Some(pause) => self.of_pause(&pause),
            },
            Err(finding) => finding.clone(),
        }
    }
}
