//! 300 days: refresh tokens are renewed without a person, and sessions still reach their records.

use std::time::Duration;

use serde_json::json;

use super::set_up::{self, SetUp};
use super::{Demo, say, title};
use crate::app::App;
use crate::demo_tenant::{CLIENT_ID, SERVICE_ACCOUNT, TENANT};
use crate::multicall::MulticallError;
use crate::rescue::{Format, Phase};
use crate::servicenow::Created;

/// Three times as long as a refresh token lives.
const DAYS: u64 = 300;

impl Demo {
    /// Hands the service account's refresh token over, and returns it.
    pub(super) async fn hand_over(
        &self,
        app: &App,
        tenant: &str,
        client_id: &str,
        service_account: &str,
    ) -> Result<String, MulticallError> {
        let instance = &self.cloud.servicenow;
        let token = instance.issue_refresh_token(client_id, service_account);
        let answer = app
            .post("token", &json!({ "refresh_token": token }))
            .await?;
        say(&format!(
            "ServiceNow hands over a refresh token for {tenant}: {}, {} days left.",
            answer["status"].as_str().unwrap_or_default(),
            answer["days_left"]
        ))?;
        Ok(token)
    }

    /// Both tenants, the one of a file with its incident and the one that was set up in ServiceNow.
    pub(super) async fn token_life(
        &self,
        printer: &Created,
        set_up: &SetUp,
    ) -> Result<(), MulticallError> {
        title("10. One token hand-over lasts: 300 days later")?;
        let instance = &self.cloud.servicenow;
        let app = &self.tenant.app;
        let token = self
            .hand_over(app, TENANT, CLIENT_ID, SERVICE_ACCOUNT)
            .await?;
        let before = instance.grants();
        let days = Duration::from_secs(DAYS * 24 * 3600);
        let runs = self.cloud.aws.pass_time(days).await;
        let grants = instance.grants();
        let lives = |token: &str| {
            let expires_at = instance.refresh_token_expires_at(token);
            expires_at.is_some_and(|expires_at| expires_at > self.cloud.clock.now())
        };
        if !lives(&token) || !lives(&set_up.refresh_token) || grants.refused != before.refused {
            return Err("a refresh token was not renewed".into());
        }
        say(&format!(
            "Secrets Manager's schedule ran {runs} times for each tenant. Each run tested the token, {} of them renewed it \
             with the service account's password.",
            grants.password - before.password
        ))?;
        let status = set_up.tenant.app.status().await?;
        let token = &status["token"];
        if token["state"] != "healthy" || token["renews_itself"] != true {
            return Err(format!("the status shows another token: {status}").into());
        }
        say(&format!(
            "ServiceNow shows the token of {} as healthy: {} days left, and it renews itself.",
            set_up::TENANT,
            token["days_left"]
        ))?;

        let session = self.session()?.with_field("CField1", &printer.number);
        let session = session.with_note("Checked the printer again, 300 days later.");
        self.post(&self.tenant, &session, Format::JsonFlat, Phase::End)
            .await?;
        let incident = &set_up.incident;
        let session = self.session_of_pin(&set_up.tenant, incident).await?;
        let session = session.with_note("Checked the screen again, 300 days later.");
        self.post(&set_up.tenant, &session, Format::JsonFlat, Phase::End)
            .await?;
        self.delivered().await?;
        self.expect_notes("incident", &printer.sys_id, 3)?;
        // The note about the PIN, and that of the session.
        self.expect_notes("incident", &incident.sys_id, 5)?;
        say(&format!(
            "New sessions of both tenants still reach {} and {}.",
            printer.number, incident.number
        ))?;
        Ok(())
    }
}
