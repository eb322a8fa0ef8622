//! The calls of Secrets Manager that commands make: secrets are created, repaired and changed, never shown.

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use shared::domain::clock::Timestamp;

use crate::error::AdminError;
use crate::stack::Stack;

/// The key of the credentials secret that signs `Tracking0`.
pub(crate) const TRACKING_KEY: &str = "tracking-key";

/// The connector's staging label: a new value waits under it until it becomes `AWSCURRENT`.
const STAGED: &str = "CONNECTOR";

const NOT_FOUND: &str = "ResourceNotFoundException";

/// The answer about a secret that waits for its deletion.
const INVALID_REQUEST: &str = "InvalidRequestException";

/// What Secrets Manager holds under a name.
pub(crate) enum Found {
    /// Nothing, or a secret without a value.
    Nothing,
    /// A secret with a current value.
    Value(StoredSecret),
    /// A secret that waits for its deletion and can be restored.
    Deleted,
}

/// The current value of a secret.
pub(crate) struct StoredSecret {
    pub(crate) json: Map<String, Value>,
    /// The version that was read.
    pub(crate) version_id: String,
}

pub(crate) async fn read(stack: &Stack, name: &str) -> Result<Found, AdminError> {
    let answer = stack
        .secrets
        .get_secret_value()
        .secret_id(name)
        .send()
        .await;
    match answer {
        Ok(answer) => {
            let json = answer
                .secret_string()
                .and_then(|text| serde_json::from_str(text).ok())
                .ok_or_else(|| AdminError::MalformedSecret(name.to_owned()))?;
            let version_id = answer.version_id().unwrap_or_default().to_owned();
            Ok(Found::Value(StoredSecret { json, version_id }))
        }
        Err(error) if is_one_of(&error, &[NOT_FOUND]) => Ok(Found::Nothing),
        Err(error) if is_one_of(&error, &[INVALID_REQUEST]) => Ok(Found::Deleted),
        Err(error) => Err(failed("secretsmanager:GetSecretValue", name, &error)),
    }
}

/// What a version holds; `None` as long as it holds nothing. What is no text is an empty one.
pub(crate) async fn read_version(
    stack: &Stack,
    name: &str,
    version_id: &str,
) -> Result<Option<String>, AdminError> {
    let answer = stack
        .secrets
        .get_secret_value()
        .secret_id(name)
        .version_id(version_id)
        .send()
        .await;
    match answer {
        Ok(answer) => Ok(Some(answer.secret_string().unwrap_or_default().to_owned())),
        Err(error) if is_one_of(&error, &[NOT_FOUND]) => Ok(None),
        Err(error) => Err(failed("secretsmanager:GetSecretValue", name, &error)),
    }
}

/// The value of a secret that `tenant apply` has made.
pub(crate) async fn read_existing(stack: &Stack, name: &str) -> Result<StoredSecret, AdminError> {
    match read(stack, name).await? {
        Found::Value(content) => Ok(content),
        Found::Nothing | Found::Deleted => Err(AdminError::NoSecret(name.to_owned())),
    }
}

/// Makes a secret unless there is one, even one without a value or one that waits for its deletion. Whether it was
/// made.
pub(crate) async fn create_new(
    stack: &Stack,
    name: &str,
    json: &Map<String, Value>,
) -> Result<bool, AdminError> {
    let answer = stack
        .secrets
        .create_secret()
        .name(name)
        .description("Rescue Connector")
        .secret_string(serde_json::to_string(json)?)
        .send()
        .await;
    match answer {
        Ok(_) => Ok(true),
        Err(error) if is_one_of(&error, &["ResourceExistsException", INVALID_REQUEST]) => Ok(false),
        Err(error) => Err(failed("secretsmanager:CreateSecret", name, &error)),
    }
}

/// Gives a secret that reads as nothing its first value.
pub(crate) async fn create(
    stack: &Stack,
    name: &str,
    json: &Map<String, Value>,
) -> Result<(), AdminError> {
    if create_new(stack, name, json).await? {
        return Ok(());
    }
    // A secret without a value reads as nothing and still exists.
    put(stack, name, json, "AWSCURRENT").await.map(drop)
}

pub(crate) async fn restore(stack: &Stack, name: &str) -> Result<(), AdminError> {
    let answer = stack.secrets.restore_secret().secret_id(name).send().await;
    answer
        .map(drop)
        .map_err(|error| failed("secretsmanager:RestoreSecret", name, &error))
}

/// What `DescribeSecret` says about a secret; `None` when it does not exist.
pub(crate) async fn describe_if_exists(
    stack: &Stack,
    name: &str,
) -> Result<Option<DescribeSecretOutput>, AdminError> {
    match stack.secrets.describe_secret().secret_id(name).send().await {
        Ok(described) => Ok(Some(described)),
        Err(error) if is_one_of(&error, &[NOT_FOUND]) => Ok(None),
        Err(error) => Err(failed("secretsmanager:DescribeSecret", name, &error)),
    }
}

/// What `DescribeSecret` says about a secret that `tenant apply` has made.
pub(crate) async fn describe(
    stack: &Stack,
    name: &str,
) -> Result<DescribeSecretOutput, AdminError> {
    let described = describe_if_exists(stack, name).await?;
    described.ok_or_else(|| AdminError::NoSecret(name.to_owned()))
}

/// Ends the rotation of a secret; one that is not there, or waits for its deletion, has none.
pub(crate) async fn cancel_rotation(stack: &Stack, name: &str) -> Result<(), AdminError> {
    let answer = stack
        .secrets
        .cancel_rotate_secret()
        .secret_id(name)
        .send()
        .await;
    match answer {
        Ok(_) => Ok(()),
        Err(error) if is_one_of(&error, &[NOT_FOUND, INVALID_REQUEST]) => Ok(()),
        Err(error) => Err(failed("secretsmanager:CancelRotateSecret", name, &error)),
    }
}

/// Removes a secret, and tells until when it can be restored. `None`: it is not there, or waits for its deletion
/// already.
pub(crate) async fn delete(
    stack: &Stack,
    name: &str,
    recovery_days: i64,
) -> Result<Option<Timestamp>, AdminError> {
    let answer = stack
        .secrets
        .delete_secret()
        .secret_id(name)
        .recovery_window_in_days(recovery_days)
        .send()
        .await;
    match answer {
        Ok(answer) => Ok(answer
            .deletion_date()
            .and_then(|at| at.to_millis().ok())
            .map(Timestamp::from_millis)),
        Err(error) if is_one_of(&error, &[NOT_FOUND, INVALID_REQUEST]) => Ok(None),
        Err(error) => Err(failed("secretsmanager:DeleteSecret", name, &error)),
    }
}

/// Makes `json` current, provided that the version that was `read` still is: what was stored in between is not
/// lost.
pub(crate) async fn replace(
    stack: &Stack,
    name: &str,
    read: &StoredSecret,
    json: &Map<String, Value>,
) -> Result<(), AdminError> {
    let version_id = put(stack, name, json, STAGED).await?;
    let answer = stack
        .secrets
        .update_secret_version_stage()
        .secret_id(name)
        .version_stage("AWSCURRENT")
        .remove_from_version_id(&read.version_id)
        .move_to_version_id(version_id)
        .send()
        .await;
    answer
        .map(drop)
        .map_err(|error| failed("secretsmanager:UpdateSecretVersionStage", name, &error))
}

async fn put(
    stack: &Stack,
    name: &str,
    json: &Map<String, Value>,
    label: &str,
) -> Result<String, AdminError> {
    let answer = stack
        .secrets
        .put_secret_value()
        .secret_id(name)
        .secret_string(serde_json::to_string(json)?)
        .version_stages(label)
        .send()
        .await;
    answer
        .map(|answer| answer.version_id().unwrap_or_default().to_owned())
        .map_err(|error| failed("secretsmanager:PutSecretValue", name, &error))
}

/// Whether a JSON object holds a text under a name.
pub(crate) fn holds(json: &Map<String, Value>, key: &str) -> bool {
    json.get(key)
        .and_then(Value::as_str)
        .is_some_and(|text| !text.is_empty())
}

/// The object with a tracking key, made where it was missing; everything else stays. The second value says whether
/// it was made.
pub(crate) fn with_tracking_key(
    mut json: Map<String, Value>,
    random: &[u8; 32],
) -> (Map<String, Value>, bool) {
    let missing = !holds(&json, TRACKING_KEY);
    if missing {
        let key = URL_SAFE_NO_PAD.encode(random);
        json.insert(TRACKING_KEY.to_owned(), Value::String(key));
    }
    (json, missing)
}

/// Whether Secrets Manager refused a call with one of these error codes.
fn is_one_of<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, codes: &[&str]) -> bool {
    let code = error.as_service_error().and_then(|error| error.code());
    code.is_some_and(|code| codes.contains(&code))
}

pub(crate) fn failed<E, R>(action: &str, name: &str, error: &SdkError<E, R>) -> AdminError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    AdminError::aws(action, &format!("secret {name}"), error)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn a_missing_tracking_key_is_made_and_nothing_else_touched() {
        let before = object(json!({"sso-password": "a", "unknown": 1}));
        let (after, made) = with_tracking_key(before, &[7; 32]);
        assert!(made);
        assert_eq!(after.get("sso-password"), Some(&json!("a")));
        assert_eq!(after.get("unknown"), Some(&json!(1)));
        let key = after.get(TRACKING_KEY).and_then(Value::as_str);
        assert_eq!(key.map(str::len), Some(43));
        let (again, made) = with_tracking_key(after.clone(), &[8; 32]);
        assert!(!made);
        assert_eq!(again, after);
    }
}
