//! Sets the secrets of an administrator, one at a time.

use aws_sdk_secretsmanager::operation::put_secret_value::{PutSecretValue, PutSecretValueInput};
use aws_sdk_secretsmanager::operation::update_secret_version_stage::{
    UpdateSecretVersionStage, UpdateSecretVersionStageInput,
};
use serde_json::{Map, Value};

use super::{CURRENT, CURRENT_VERSION, STAGED, SecretStore, SecretStoreError, tenant_secrets_name};
use crate::domain::secret::Secret;
use crate::domain::secret_name::SecretName;
use crate::domain::tenant::TenantId;

/// How often a secret is set again when another one was set at the same moment.
const ATTEMPTS: usize = 5;

impl SecretStore {
    /// The secrets that are set, read now.
    ///
    /// # Errors
    /// As [`SecretStoreError`] says.
    pub async fn names_set(&self, tenant: &TenantId) -> Result<Vec<SecretName>, SecretStoreError> {
        let name = tenant_secrets_name(&self.prefix, tenant);
        let (json, ..) = self
            .read::<Map<String, Value>>(&name, CURRENT_VERSION)
            .await?;
        Ok(names(&json))
    }

    /// Sets one secret and keeps all others, also one that is set at the same moment. The secrets that are set then.
    ///
    /// # Errors
    /// As [`SecretStoreError`] says; what was set stays set then.
    pub async fn set(
        &self,
        tenant: &TenantId,
        name: SecretName,
        value: &Secret,
    ) -> Result<Vec<SecretName>, SecretStoreError> {
        let secret = tenant_secrets_name(&self.prefix, tenant);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let read = self
                .read::<Map<String, Value>>(&secret, CURRENT_VERSION)
                .await?;
            let (mut json, read_version, _) = read;
            let text = Value::String(value.expose().to_owned());
            let replaced = json.insert(name.key().to_owned(), text.clone());
            if replaced == Some(text) {
                // Secrets Manager keeps a hundred versions of a secret; a repeat adds none.
                return Ok(names(&json));
            }
            let replaced = self.replace(&secret, &read_version, &json).await;
            match replaced {
                Ok(()) => {
                    self.forget(tenant);
                    return Ok(names(&json));
                }
                // What another one has set in between must not get lost.
                Err(_) if attempt < ATTEMPTS && self.is_overtaken(&secret, &read_version).await => {
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes `json` current, provided that the version that was read still is.
    async fn replace(
        &self,
        secret: &str,
        read_version: &str,
        json: &Map<String, Value>,
    ) -> Result<(), SecretStoreError> {
        let text = Value::Object(json.clone()).to_string();
        let input = PutSecretValueInput::builder()
            .secret_id(secret)
            .client_request_token(uuid::Uuid::new_v4().to_string())
            .secret_string(text)
            .version_stages(STAGED);
        let put = self.secrets.call::<PutSecretValue>(input.build()).await;
        let put = put.map_err(|error| SecretStoreError::unavailable(secret, &error))?;
        let new_version = put.version_id().unwrap_or_default();
        let input = UpdateSecretVersionStageInput::builder()
            .secret_id(secret)
            .version_stage(CURRENT)
            .remove_from_version_id(read_version)
            .move_to_version_id(new_version);
        let moved = self.secrets.call::<UpdateSecretVersionStage>(input.build());
        match moved.await {
            Ok(_) => Ok(()),
            // The SDK may have sent this twice, and the first time had taken effect without an answer.
            Err(_) if self.current_version(secret).await.as_deref() == Some(new_version) => Ok(()),
            Err(error) => Err(SecretStoreError::unavailable(secret, &error)),
        }
    }

    async fn is_overtaken(&self, secret: &str, read_version: &str) -> bool {
        let current = self.current_version(secret).await;
        current.is_some_and(|version| version != read_version)
    }

    async fn current_version(&self, secret: &str) -> Option<String> {
        let read = self
            .read::<Map<String, Value>>(secret, CURRENT_VERSION)
            .await;
        read.ok().map(|(_, version, _)| version)
    }
}

/// The secrets that a secret's JSON holds.
fn names(json: &Map<String, Value>) -> Vec<SecretName> {
    let held = |name: &SecretName| {
        let value = json.get(name.key()).and_then(Value::as_str);
        value.is_some_and(|text| !text.is_empty())
    };
    SecretName::ALL.into_iter().filter(held).collect()
}
