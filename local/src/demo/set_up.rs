//! A tenant without a file: its administrator does everything in ServiceNow, from the set-up link on.

use std::time::Duration;

use admin::tenant::invite;
use serde_json::{Value, json};
use shared::domain::secret::Secret;
use shared::domain::secret_name::SecretName;
use shared::domain::tenant::TenantId;

use super::{Demo, Tenant, say, title};
use crate::app::{App, webhook_urls};
use crate::demo_tenant::{COMPANY_ID, SSO_PASSWORD};
use crate::multicall::MulticallError;
use crate::rescue::{Format, Phase, Session};
use crate::servicenow::{Created, User};

pub(super) const TENANT: &str = "globex";
const CLIENT_ID: &str = "rescue-connector-globex";
const CLIENT_SECRET: &str = "globex-client-secret";
const SERVICE_ACCOUNT: &str = "svc.globex";
const SERVICE_ACCOUNT_PASSWORD: &str = "globex-service-account-password";

/// How long the set-up link works.
const VALID_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// Functions keep settings and keys for 60 s (docs/architecture.md#rule-5).
const KNOWN_EVERYWHERE: Duration = Duration::from_secs(61);

/// The tenant as its administrator has set it up.
pub(super) struct SetUp {
    pub(super) tenant: Tenant,
    /// The incident of its session, with three work notes.
    pub(super) incident: Created,
    /// The refresh token that was handed over.
    pub(super) refresh_token: String,
}

impl Demo {
    /// From the set-up link to a session whose end is posted with changed settings.
    pub(super) async fn set_up(&self) -> Result<SetUp, MulticallError> {
        title("8. A second tenant, set up in ServiceNow alone")?;
        let instance = &self.cloud.servicenow;
        instance.add_registry(CLIENT_ID, CLIENT_SECRET);
        let account = User::service_account(SERVICE_ACCOUNT, SERVICE_ACCOUNT_PASSWORD);
        instance.add_user(account);
        let description = [("short_description", "Screen stays black")];
        let incident = instance.add_incident(&description);

        let mut tenant = self.enrol().await?;
        let refresh_token = self.enter_settings(&tenant.app).await?;
        let session = self.first_session(&tenant, &incident).await?;
        self.change_settings(&mut tenant, session, &incident)
            .await?;
        Ok(SetUp {
            tenant,
            incident,
            refresh_token,
        })
    }

    /// The operator's part, and the exchange of the link.
    async fn enrol(&self) -> Result<Tenant, MulticallError> {
        let instance = self.cloud.servicenow.url();
        let id = TenantId::parse(TENANT).ok_or("the tenant's name is refused")?;
        let invited = invite(&self.cloud.stack, &id, Some(&instance), VALID_FOR, true);
        let link = invited.await?.setup_link;
        let parts = link.expose().split_once(&format!("/#{TENANT}."));
        let (api, code) = parts.ok_or("the set-up link has another form")?;
        let code = Secret::from(code);
        say(&format!(
            "The operator runs \"tenant invite {TENANT}\" and hands the set-up link over: the operator's only step."
        ))?;
        let enrol = || App::enrol(api, TENANT, &code, &instance);
        let enrolled = enrol().await?.json("enrolment")?;
        if enrol().await?.status != 401 {
            return Err("the set-up link worked twice".into());
        }
        say(
            "With the link ServiceNow gets an API key and two webhook URLs. The link does not work a second time.",
        )?;
        let key = enrolled["api_key"].as_str().ok_or("no API key")?;
        Ok(Tenant {
            urls: webhook_urls(&enrolled)?,
            app: App::new(api, TENANT, Secret::from(key)),
        })
    }

    /// Settings, secrets and the refresh token, which is returned.
    async fn enter_settings(&self, app: &App) -> Result<String, MulticallError> {
        let (fresh, tag) = app.settings().await?;
        let settings = json!({
            "rescue": {"company_id": COMPANY_ID},
            "servicenow": {"client_id": CLIENT_ID, "service_account": SERVICE_ACCOUNT},
        });
        app.patch(&tag, &settings).await?.succeeded("settings")?;
        if app.patch(&tag, &settings).await?.status != 412 {
            return Err("settings that had changed in between were overwritten".into());
        }
        let secrets = [
            (SecretName::SsoPassword, SSO_PASSWORD),
            (SecretName::OauthClientSecret, CLIENT_SECRET),
            (SecretName::ServiceAccountPassword, SERVICE_ACCOUNT_PASSWORD),
        ];
        for (name, value) in secrets {
            app.set_secret(name.as_str(), value).await?;
        }
        let (shown, _) = app.settings().await?;
        let set = |name: SecretName| shown["secrets"][name.as_str()]["set"] == true;
        if fresh["managed_by"] != "servicenow" || !secrets.iter().all(|(name, _)| set(*name)) {
            return Err(format!("the settings are not as they were entered: {shown}").into());
        }
        say(
            "The administrator enters the Rescue company, the OAuth client and three secrets, among them the service \
             account's password. A change that began with older settings is refused and overwrites nothing.",
        )?;
        self.hand_over(app, TENANT, CLIENT_ID, SERVICE_ACCOUNT)
            .await
    }

    /// A PIN by the new API key, and its session's start by the new webhook URL.
    async fn first_session(
        &self,
        tenant: &Tenant,
        incident: &Created,
    ) -> Result<Session, MulticallError> {
        let session = self.session_of_pin(tenant, incident).await?;
        self.post(tenant, &session, Format::JsonFlat, Phase::Start)
            .await?;
        self.delivered().await?;
        self.expect_notes("incident", &incident.sys_id, 2)?;
        if !self.last_note(incident).contains("Technician:") {
            return Err("with publish \"all\" the note names no technician".into());
        }
        say(&format!(
            "{} has a note about the PIN, and one about the session with all its data.",
            incident.number
        ))?;
        Ok(session)
    }

    /// Settings and webhook URLs that are changed in ServiceNow, and what the next posts become.
    async fn change_settings(
        &self,
        tenant: &mut Tenant,
        session: Session,
        incident: &Created,
    ) -> Result<(), MulticallError> {
        let (before, tag) = tenant.app.settings().await?;
        let change = json!({"sessions": {
            "publish": "selected",
            "fields": ["Note"],
            "console_sessions": "incident",
        }});
        let changed = tenant.app.patch(&tag, &change).await?;
        changed.succeeded("settings")?;
        let old_key = before["webhook_keys"][0]["id"].as_str();
        let renewed = tenant.app.post("webhook-keys", &Value::Null).await?;
        let retired = std::mem::replace(&mut tenant.urls, webhook_urls(&renewed)?);
        tenant
            .app
            .retire(old_key.ok_or("no webhook key is listed")?)
            .await?;
        say(
            "The administrator chooses that notes hold only what the technician writes, and that a session without a record \
             gets a new incident; then renews the webhook URLs and retires the old ones.",
        )?;
        say(
            "(The demo moves the clock forward by 61 seconds: a change takes effect within a minute.)",
        )?;
        self.cloud.travel(KNOWN_EVERYWHERE);

        let session = session.with_note("Replaced the video cable.");
        let rescue = &self.cloud.rescue;
        let payload = rescue.payload(&session, Format::JsonFlat, Phase::End);
        let refused = rescue.send(retired.ended.expose(), &payload).await?;
        if refused.status != 404 {
            return Err(format!("a retired webhook URL answered {}", refused.status).into());
        }
        self.post(tenant, &session, Format::JsonFlat, Phase::End)
            .await?;
        let console = self.session()?.with_note("Answered a question.");
        self.post(tenant, &console, Format::JsonFlat, Phase::End)
            .await?;
        self.delivered().await?;
        self.expect_notes("incident", &incident.sys_id, 3)?;
        let note = self.last_note(incident);
        if !note.contains("Replaced the video cable.") || note.contains("Technician:") {
            return Err(format!("the note does not follow the changed settings: {note}").into());
        }
        let created = self.created_for(&console)?;
        self.expect_notes("incident", &created.sys_id, 1)?;
        say(&format!(
            "The new URLs work, the old ones do not. {} has what the technician wrote, and the session without a record is on \
             {}.",
            incident.number, created.number
        ))?;
        Ok(())
    }

    pub(super) fn last_note(&self, incident: &Created) -> String {
        let notes = self
            .cloud
            .servicenow
            .work_notes("incident", &incident.sys_id);
        notes.last().cloned().unwrap_or_default()
    }
}
