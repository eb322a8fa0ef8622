//! Secrets Manager as the function code meets it: versions, staging labels, rotation in four steps.
//!
//! Why it is written by hand: `docs/decisions/0003-own-sqs-and-secrets-manager.md`. Facts: docs/vendors.md#secrets-manager-rotation.

mod manage;
mod refusal;
mod rotation;
mod secret;
mod versions;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use serde_json::{Value, json};
use shared::domain::clock::Clock;

use self::rotation::DueRotation;
use self::secret::Secrets;
use super::error::Error;
use super::refusal::{AwsRefusal, AwsResult, read};
use crate::lock::lock;
use crate::state_file::{load, save};

pub use self::rotation::ROTATION_RETRY;

/// Invokes a rotation function: its ARN and the event as JSON text in, an error text out when it failed.
pub type RotationFunction =
    Arc<dyn Fn(String, String) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

pub(super) struct SecretsManager {
    secrets: Mutex<Secrets>,
    rotation_function: Mutex<Option<RotationFunction>>,
    /// At most one tick runs at a time.
    ticking: tokio::sync::Mutex<()>,
    clock: Clock,
    file: Option<PathBuf>,
}

impl SecretsManager {
    pub(super) fn start(clock: Clock, file: Option<PathBuf>) -> Result<Self, Error> {
        Ok(Self {
            secrets: Mutex::new(load(file.as_deref())?),
            rotation_function: Mutex::new(None),
            ticking: tokio::sync::Mutex::new(()),
            clock,
            file,
        })
    }

    pub(super) fn set_rotation_function(&self, function: RotationFunction) {
        *lock(&self.rotation_function) = Some(function);
    }

    /// Answers a call. `RotateSecret` only marks the rotation as due; the caller starts [`SecretsManager::tick`] in the
    /// background, as the real service does not wait for it either.
    pub(super) fn call(&self, operation: &str, request: Value) -> AwsResult {
        let now = self.clock.now();
        let mut secrets = lock(&self.secrets);
        let answer = match operation {
            "CreateSecret" => manage::create(&mut secrets, read(request)?, now),
            "GetSecretValue" => versions::get(&mut secrets, &read(request)?, now),
            "PutSecretValue" => versions::put(&mut secrets, read(request)?, now),
            "UpdateSecret" => manage::update(&mut secrets, read(request)?, now),
            "UpdateSecretVersionStage" => versions::move_label(&mut secrets, &read(request)?, now),
            "DescribeSecret" => manage::describe(&mut secrets, &read(request)?, now),
            "ListSecretVersionIds" => versions::list(&mut secrets, &read(request)?, now),
            "ListSecrets" => manage::list(&mut secrets, &read(request)?, now),
            "DeleteSecret" => manage::delete(&mut secrets, &read(request)?, now),
            "RestoreSecret" => manage::restore(&mut secrets, &read(request)?, now),
            "RotateSecret" => rotation::rotate(&mut secrets, read(request)?, now),
            "CancelRotateSecret" => rotation::cancel(&mut secrets, &read(request)?, now),
            "TagResource" => manage::tag(&mut secrets, read(request)?, now),
            "UntagResource" => manage::untag(&mut secrets, &read(request)?, now),
            _ => Err(AwsRefusal::new("UnknownOperationException", "")),
        }?;
        save(self.file.as_deref(), &*secrets)?;
        Ok(answer)
    }

    /// Runs every rotation that is due, one after the other, to its end.
    pub(super) async fn tick(&self) {
        let _ticking = self.ticking.lock().await;
        let Some(function) = lock(&self.rotation_function).clone() else {
            return;
        };
        let due = rotation::due(&mut lock(&self.secrets), self.clock.now());
        for rotation in due {
            let result = self.run(&function, &rotation).await;
            let mut secrets = lock(&self.secrets);
            rotation::ended(&mut secrets, &rotation, result, self.clock.now());
            if let Err(error) = save(self.file.as_deref(), &*secrets) {
                tracing::error!(%error, "the secrets could not be written to disk");
            }
        }
    }

    async fn run(&self, function: &RotationFunction, due: &DueRotation) -> Result<(), String> {
        let arn = rotation::begin_version(&mut lock(&self.secrets), due, self.clock.now());
        let Some(arn) = arn else {
            return Err("the secret is gone".to_owned());
        };
        for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
            let event = json!({"Step": step, "SecretId": arn, "ClientRequestToken": due.token});
            function(due.function_arn.clone(), event.to_string())
                .await
                .map_err(|e| format!("{step}: {e}"))?;
        }
        Ok(())
    }
}
