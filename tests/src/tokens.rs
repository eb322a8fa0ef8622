//! What tests of refresh tokens do with the world: hand-overs, rotations, and a look into the token secret.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_secretsmanager::types::RotationRulesType;
use local::demo_tenant::TENANT;
use local::servicenow::RefreshAnswer;
use serde_json::{Value, json};
use shared::aws::credentials::CredentialsTable;
use shared::aws::secret_store::{TokenSecret, TokenVersion};
use shared::domain::secret::Secret;
use shared::domain::tenant::TenantId;
use uuid::Uuid;

use crate::{HttpAnswer, World};

const ROTATION_FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:rotate-tokens";
const PENDING: &str = "AWSPENDING";
const CURRENT: &str = "AWSCURRENT";

impl World {
    /// Hands a body over for the demo's tenant, with that key.
    ///
    /// # Panics
    /// When the gateway does not answer.
    pub async fn hand_over_with(&self, key: &str, body: impl Into<String>) -> HttpAnswer {
        let base = self.cloud.gateway.url();
        let request = crate::answer::client()
            .post(format!("{base}/integration/api/servicenow/token/{TENANT}"))
            .bearer_auth(key)
            .header("content-type", "application/json")
            .body(body.into());
        HttpAnswer::to(request).await
    }

    /// Hands a body over with the tenant's own key.
    pub async fn hand_over(&self, body: &Value) -> HttpAnswer {
        self.hand_over_with(self.api_key.expose(), body.to_string())
            .await
    }

    /// The name of the demo's token secret.
    pub fn token_secret(&self) -> String {
        format!("{}/{TENANT}/token", self.cloud.stack.secret_prefix)
    }

    /// Puts the rotation schedule on the token secret, as `tenant apply` does in a deployed stack.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn schedule_rotation(&self) {
        let rules = RotationRulesType::builder().schedule_expression("rate(1 day)");
        let secrets = &self.cloud.stack.secrets;
        let rotation = secrets.rotate_secret().secret_id(self.token_secret());
        let rotation = rotation.rotation_lambda_arn(ROTATION_FUNCTION);
        let rotation = rotation
            .rotation_rules(rules.build())
            .rotate_immediately(false);
        rotation.send().await.expect("scheduled");
    }

    /// Takes the rotation schedule from the token secret.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn cancel_rotation(&self) {
        let secrets = &self.cloud.stack.secrets;
        let rotation = secrets
            .cancel_rotate_secret()
            .secret_id(self.token_secret());
        rotation.send().await.expect("cancelled");
    }

    /// The version with that label; `None` when no version has it, or that one holds no value.
    ///
    /// # Panics
    /// When it holds anything else than a token.
    pub async fn labelled(&self, label: &str) -> Option<TokenVersion> {
        let secrets = &self.cloud.stack.secrets;
        let read = secrets.get_secret_value().secret_id(self.token_secret());
        let answer = read.version_stage(label).send().await.ok()?;
        let text = answer.secret_string().expect("a text");
        Some(TokenVersion {
            token: serde_json::from_str(text).expect("a token"),
            version_id: answer.version_id().expect("a version").to_owned(),
        })
    }

    /// The token that is current.
    ///
    /// # Panics
    /// When there is none.
    pub async fn current_token(&self) -> TokenVersion {
        self.labelled(CURRENT).await.expect("a current version")
    }

    /// Puts another value in place of the current one, as a person in the console does.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn set_token(&self, change: impl FnOnce(TokenSecret) -> TokenSecret) {
        let token = change(self.current_token().await.token);
        self.put_token(&Uuid::new_v4().to_string(), &token, CURRENT)
            .await;
    }

    /// Asks the next rotation to renew the token, as `token rotate` does.
    pub async fn request_renewal(&self) {
        self.set_token(|token| TokenSecret {
            renew_now: true,
            ..token
        })
        .await;
    }

    /// Makes ServiceNow answer each refresh with another refresh token, which ends the one before.
    pub fn replace_refresh_tokens(&self) {
        self.cloud
            .servicenow
            .configure(|rules| rules.refresh_answer = RefreshAnswer::Replaced);
    }

    /// Puts a version with a label.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn put_token(&self, version: &str, token: &TokenSecret, label: &str) {
        let text = serde_json::to_string(token).expect("JSON");
        let secrets = &self.cloud.stack.secrets;
        let put = secrets.put_secret_value().secret_id(self.token_secret());
        put.client_request_token(version)
            .secret_string(text)
            .version_stages(label)
            .send()
            .await
            .expect("Secrets Manager takes it");
    }

    /// The labels of every labelled version.
    ///
    /// # Panics
    /// When the secret cannot be read.
    pub async fn labels(&self) -> HashMap<String, Vec<String>> {
        let secrets = &self.cloud.stack.secrets;
        let described = secrets.describe_secret().secret_id(self.token_secret());
        let described = described.send().await.expect("the secret is there");
        described.version_ids_to_stages.unwrap_or_default()
    }

    /// Runs the rotations that are due.
    pub async fn rotate(&self) {
        self.cloud.aws.tick().await;
    }

    /// A day later, runs the rotation that is due by then.
    pub async fn rotate_tomorrow(&self) {
        self.cloud.travel(Duration::from_secs(24 * 3600 + 1));
        self.rotate().await;
    }

    /// Makes the service account one that the connector has no password of.
    ///
    /// # Panics
    /// When the secret cannot be read or written.
    pub async fn remove_password(&self) {
        let stack = &self.cloud.stack;
        let name = format!("{}/{TENANT}/credentials", stack.secret_prefix);
        let read = stack.secrets.get_secret_value().secret_id(&name);
        let read = read.send().await.expect("the secret is there");
        let text = read.secret_string().expect("a text");
        let mut json: Value = serde_json::from_str(text).expect("JSON");
        let members = json.as_object_mut().expect("an object");
        members.remove("service-account-password");
        let put = stack.secrets.put_secret_value().secret_id(&name);
        let put = put.secret_string(json.to_string());
        put.send().await.expect("set");
    }

    /// A rotation whose `createSecret` has put this value: an empty pending version, as Secrets Manager makes it first,
    /// cannot be made from outside. The version.
    ///
    /// # Panics
    /// When the version cannot be made.
    pub async fn begin_rotation(&self, token: &TokenSecret) -> String {
        let version = Uuid::new_v4().to_string();
        self.put_token(&version, token, PENDING).await;
        version
    }

    /// Runs one step of a rotation; what the function answered, or why it failed.
    ///
    /// # Errors
    /// The function's error type and message.
    pub async fn step(&self, step: &str, version: &str) -> Result<(), String> {
        let event = json!({
            "Step": step,
            "SecretId": self.token_secret(),
            "ClientRequestToken": version,
        });
        self.event(&event).await
    }

    /// Sends an event to the function that rotates.
    ///
    /// # Errors
    /// The function's error type and message.
    pub async fn event(&self, event: &Value) -> Result<(), String> {
        let function = self.function("rotate-tokens");
        let invocation = function.invoke(event.to_string().into_bytes()).await;
        invocation.result.map(drop).map_err(|e| e.to_string())
    }

    /// Asserts what every rotation leaves behind: `AWSPENDING` is on the current version or on none.
    ///
    /// # Panics
    /// When it is elsewhere.
    pub async fn assert_nothing_is_pending(&self) {
        let labels = self.labels().await;
        for (version, labels) in &labels {
            let pending = labels.iter().any(|label| label == PENDING);
            let current = labels.iter().any(|label| label == CURRENT);
            assert!(!pending || current, "{version}: {labels:?}");
        }
    }

    /// The current refresh token, provided that the instance still takes it.
    ///
    /// # Panics
    /// When the instance refuses it.
    pub async fn working_token(&self) -> Secret {
        let current = self.current_token().await.token;
        let token = current.refresh_token.expect("a refresh token");
        let expires_at = self
            .cloud
            .servicenow
            .refresh_token_expires_at(token.expose());
        assert!(
            expires_at.is_some_and(|expires_at| expires_at > self.cloud.clock.now()),
            "ServiceNow refuses the current refresh token"
        );
        token
    }

    /// The credentials table.
    pub fn credentials(&self) -> CredentialsTable {
        self.cloud.stack.credentials()
    }

    /// The lines of a function's output that hold a text.
    pub fn lines_of(&self, function: &str, text: &str) -> Vec<String> {
        let lines = self.function(function).output();
        lines
            .into_iter()
            .filter(|line| line.contains(text))
            .collect()
    }

    /// What a function has counted or measured under that name, in the order in which it did.
    pub fn metric(&self, function: &str, name: &str) -> Vec<f64> {
        let lines = self.lines_of(function, &format!("\"{name}\":"));
        let lines = lines.iter();
        let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines
            .filter_map(|line| {
                let value = &line[name];
                let first = || value.as_array()?.first()?.as_f64();
                value.as_f64().or_else(first)
            })
            .collect()
    }
}

/// The demo's tenant.
///
/// # Panics
/// Never.
pub fn demo() -> TenantId {
    TenantId::parse(TENANT).expect("a tenant's name")
}
