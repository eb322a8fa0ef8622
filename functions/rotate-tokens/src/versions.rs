//! The versions of a token secret as a rotation sees them: its own, and which labels they carry.

use std::collections::HashMap;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use shared::aws::secret_store::{TokenSecret, token_secret_name};
use shared::domain::tenant::TenantId;

use crate::event::Command;
use crate::failure::StepFailure;

const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";
/// Stays on the version of the last rotation that ended, so that a repeated step knows it and ends well.
const ENDED: &str = "CONNECTOR-ENDED";

/// Where the version of a rotation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenVersions {
    /// It waits for the next step.
    Pending,
    /// It is current.
    Current,
    /// The rotation has ended: it was current, or another token came in between.
    Ended,
}

/// The labels of a secret's versions.
#[derive(Clone, Debug)]
pub(crate) struct Labels {
    rotates: Option<bool>,
    by_version: HashMap<String, Vec<String>>,
}

impl Labels {
    fn has(&self, version: &str, label: &str) -> bool {
        self.by_version
            .get(version)
            .is_some_and(|labels| labels.iter().any(|own| own == label))
    }

    fn holder(&self, label: &str) -> Option<&str> {
        let mut versions = self.by_version.keys();
        versions
            .find(|version| self.has(version, label))
            .map(String::as_str)
    }
}

/// Reads and labels versions.
#[derive(Debug)]
pub struct Versions {
    client: Client,
    prefix: String,
}

impl Versions {
    /// Versions of the secrets named `{prefix}/{tenant}/token`.
    pub const fn new(client: Client, prefix: String) -> Self {
        Self { client, prefix }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    fn name(&self, tenant: &TenantId) -> String {
        token_secret_name(&self.prefix, tenant)
    }

    /// Names the call and the secret.
    fn unavailable<E, R>(&self, tenant: &TenantId, error: &SdkError<E, R>) -> StepFailure
    where
        E: ProvideErrorMetadata,
    {
        StepFailure::Transient(shared::aws::sdk::failure(
            "secret",
            &self.name(tenant),
            error,
        ))
    }

    /// Where the command's version stands, provided that the secret rotates and that this version is a rotation's.
    ///
    /// When a schedule is set without rotating at once, Secrets Manager runs `testSecret` alone to try the function
    /// out, and may say by then that the secret does not rotate.
    ///
    /// # Errors
    /// `Failure::Guard` otherwise.
    pub(crate) async fn standing(
        &self,
        command: &Command,
        tried: bool,
    ) -> Result<TokenVersions, StepFailure> {
        let labels = self.labels(&command.tenant).await?;
        let version = command.version.as_str();
        match labels.rotates {
            Some(true) => {}
            Some(false) | None if tried => {}
            Some(false) | None => return Err(StepFailure::Guard("the secret does not rotate")),
        }
        if !labels.by_version.contains_key(version) {
            return Err(StepFailure::Guard("the secret has no such version"));
        }
        if labels.has(version, CURRENT) {
            return Ok(TokenVersions::Current);
        }
        if labels.has(version, ENDED) {
            self.end(command).await?;
            return Ok(TokenVersions::Ended);
        }
        if labels.has(version, PENDING) {
            return Ok(TokenVersions::Pending);
        }
        Err(StepFailure::Guard("the version is not AWSPENDING"))
    }

    async fn labels(&self, tenant: &TenantId) -> Result<Labels, StepFailure> {
        let described = self
            .client
            .describe_secret()
            .secret_id(self.name(tenant))
            .send()
            .await
            .map_err(|error| self.unavailable(tenant, &error))?;
        Ok(Labels {
            rotates: described.rotation_enabled,
            by_version: described.version_ids_to_stages.unwrap_or_default(),
        })
    }

    /// What the command's version holds; `None` as long as it holds nothing.
    pub(crate) async fn value(
        &self,
        command: &Command,
    ) -> Result<Option<TokenSecret>, StepFailure> {
        let answer = self
            .client
            .get_secret_value()
            .secret_id(self.name(&command.tenant))
            .version_id(&command.version)
            .send()
            .await;
        match answer {
            Ok(answer) => answer
                .secret_string()
                .and_then(|text| serde_json::from_str(text).ok())
                .map(Some)
                .ok_or(StepFailure::Guard("the version does not hold a token")),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_resource_not_found_exception()) =>
            {
                Ok(None)
            }
            Err(error) => Err(self.unavailable(&command.tenant, &error)),
        }
    }

    /// Fills the command's version, as `AWSPENDING`.
    pub(crate) async fn fill(
        &self,
        command: &Command,
        token: &TokenSecret,
    ) -> Result<(), StepFailure> {
        let text = serde_json::to_string(token)
            .map_err(|_| StepFailure::Guard("the token cannot be written"))?;
        self.client
            .put_secret_value()
            .secret_id(self.name(&command.tenant))
            .client_request_token(&command.version)
            .set_rotation_token(command.rotation_token.clone())
            .secret_string(text)
            .version_stages(PENDING)
            .send()
            .await
            .map(drop)
            .map_err(|error| self.unavailable(&command.tenant, &error))
    }

    /// Ends the rotation, whether its version is current or given up. `AWSPENDING` must not stay behind on a version
    /// that is not current, or Secrets Manager refuses the next rotation; and what is current may be replaced any time.
    pub(crate) async fn end(&self, command: &Command) -> Result<(), StepFailure> {
        let labels = self.labels(&command.tenant).await?;
        let version = command.version.as_str();
        // In this order: a version without any label would be unknown to a repeated step.
        if !labels.has(version, ENDED) {
            let former = labels.holder(ENDED);
            self.relabel(command, ENDED, former, Some(version)).await?;
        }
        if labels.has(version, PENDING) {
            self.relabel(command, PENDING, Some(version), None).await?;
        }
        Ok(())
    }

    async fn relabel(
        &self,
        command: &Command,
        label: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(), StepFailure> {
        self.client
            .update_secret_version_stage()
            .secret_id(self.name(&command.tenant))
            .version_stage(label)
            .set_remove_from_version_id(from.map(str::to_owned))
            .set_move_to_version_id(to.map(str::to_owned))
            .send()
            .await
            .map(drop)
            .map_err(|error| self.unavailable(&command.tenant, &error))
    }
}
