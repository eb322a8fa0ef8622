//! Reading and writing versions, and moving staging labels.

use serde::Deserialize;
use serde_json::{Value, json};
use shared::domain::clock::Timestamp;

use super::refusal::{invalid_parameter, invalid_request, no_such_value};
use super::secret::{CURRENT, Content, Secrets, seconds};
use crate::aws::refusal::{AwsRefusal, AwsResult};

const LARGEST_VALUE: usize = 65_536;
const MOST_LABELS: usize = 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetSecretValue {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutSecretValue {
    secret_id: String,
    client_request_token: Option<String>,
    secret_string: Option<String>,
    secret_binary: Option<String>,
    version_stages: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateSecretVersionStage {
    secret_id: String,
    version_stage: String,
    remove_from_version_id: Option<String>,
    move_to_version_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListSecretVersionIds {
    secret_id: String,
    #[serde(default)]
    include_deprecated: bool,
}

pub(super) fn get(secrets: &mut Secrets, request: &GetSecretValue, now: Timestamp) -> AwsResult {
    let secret = secrets.live(&request.secret_id, now)?;
    let label = request.version_stage.as_deref();
    let id = match (&request.version_id, label) {
        (Some(id), label) => {
            let version = secret.versions.get(id);
            let version = version.ok_or_else(|| no_such_value("VersionId", id))?;
            if label.is_some_and(|label| !version.labels.contains(label)) {
                return Err(invalid_request(
                    "You provided a VersionStage that is not associated to the provided VersionId.",
                ));
            }
            id.clone()
        }
        (None, label) => {
            let label = label.unwrap_or(CURRENT);
            let holder = secret.holder(label);
            holder.ok_or_else(|| no_such_value("staging label", label))?
        }
    };
    let missing = || match label {
        Some(label) if request.version_id.is_none() => no_such_value("staging label", label),
        _ => no_such_value("VersionId", &id),
    };
    let version = secret.versions.get(&id).ok_or_else(missing)?;
    let value = version.value.clone().ok_or_else(missing)?;
    let mut answer = json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": id,
        "VersionStages": version.labels,
        "CreatedDate": seconds(version.created_at),
    });
    match value {
        Content::Text(text) => answer["SecretString"] = json!(text),
        Content::Binary(encoded) => answer["SecretBinary"] = json!(encoded),
    }
    // The service keeps only the day of the last access.
    let day = now.as_millis() / 86_400_000 * 86_400_000;
    secret.accessed_at = Some(Timestamp::from_millis(day));
    Ok(answer)
}

pub(super) fn put(secrets: &mut Secrets, request: PutSecretValue, now: Timestamp) -> AwsResult {
    let token = check_token(request.client_request_token.as_deref())?;
    let value = content(request.secret_string, request.secret_binary)?
        .ok_or_else(|| invalid_request("You must provide either SecretString or SecretBinary."))?;
    let labels = request.version_stages;
    let labels = labels.unwrap_or_else(|| vec![CURRENT.to_owned()]);
    if !(1..=MOST_LABELS).contains(&labels.len()) {
        return Err(invalid_parameter(
            "VersionStages must have 1 to 20 members.",
        ));
    }
    labels.iter().try_for_each(|label| check_label(label))?;
    let secret = secrets.live(&request.secret_id, now)?;
    secret.put(&token, value, &labels, now)?;
    Ok(json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": token,
        "VersionStages": secret.labels_of(&token),
    }))
}

pub(super) fn move_label(
    secrets: &mut Secrets,
    request: &UpdateSecretVersionStage,
    now: Timestamp,
) -> AwsResult {
    let label = request.version_stage.as_str();
    check_label(label)?;
    let secret = secrets.live(&request.secret_id, now)?;
    let holder = secret.holder(label);
    let from = request.remove_from_version_id.as_ref();
    let to = request.move_to_version_id.as_ref();
    for id in [from, to].into_iter().flatten() {
        if !secret.versions.contains_key(id) {
            return Err(no_such_value("VersionId", id));
        }
    }
    if let Some(from) = from
        && holder.as_ref() != Some(from)
    {
        let place = match &holder {
            Some(holder) => format!("currently attached to version {holder}"),
            None => "not attached to any version".to_owned(),
        };
        return Err(invalid_parameter(&format!(
            "The parameter RemoveFromVersionId is invalid. Staging label {label} is {place}."
        )));
    }
    match (from, to) {
        (None, None) => {
            return Err(invalid_parameter(
                "You must provide RemoveFromVersionId, MoveToVersionId or both.",
            ));
        }
        (Some(_), None) if label == CURRENT => {
            return Err(invalid_parameter(
                "You can't remove the staging label AWSCURRENT without moving it to another version.",
            ));
        }
        (Some(_), None) => secret.detach(label),
        (from, Some(to)) => {
            if let (None, Some(holder)) = (from, &holder)
                && holder != to
            {
                return Err(invalid_parameter(&format!(
                    "The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to \
                     version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
                )));
            }
            secret.attach(label, to);
        }
    }
    secret.changed_at = now;
    Ok(secret.identity())
}

pub(super) fn list(
    secrets: &mut Secrets,
    request: &ListSecretVersionIds,
    now: Timestamp,
) -> AwsResult {
    let secret = secrets.existing(&request.secret_id, now)?;
    let versions: Vec<Value> = secret
        .versions
        .iter()
        .filter(|(_, v)| request.include_deprecated || !v.labels.is_empty())
        .map(|(id, v)| {
            json!({"VersionId": id, "VersionStages": v.labels, "CreatedDate": seconds(v.created_at)})
        })
        .collect();
    Ok(json!({"ARN": secret.arn, "Name": secret.name, "Versions": versions}))
}

pub(super) fn check_token(token: Option<&str>) -> Result<String, AwsRefusal> {
    match token {
        Some(token) if (32..=64).contains(&token.len()) => Ok(token.to_owned()),
        Some(_) => Err(invalid_parameter(
            "ClientRequestToken must be 32-64 characters long.",
        )),
        None => Err(invalid_request(
            "You must provide a ClientRequestToken value. We recommend a UUID-type value.",
        )),
    }
}

pub(super) fn content(
    text: Option<String>,
    binary: Option<String>,
) -> Result<Option<Content>, AwsRefusal> {
    let value = match (text, binary) {
        (Some(_), Some(_)) => {
            return Err(invalid_parameter(
                "You can't specify both a binary secret value and a string secret value in the same secret.",
            ));
        }
        (Some(text), None) => Content::Text(text),
        (None, Some(encoded)) => Content::Binary(encoded),
        (None, None) => return Ok(None),
    };
    let length = match &value {
        Content::Text(text) => text.len(),
        Content::Binary(encoded) => encoded.len() / 4 * 3,
    };
    if length == 0 || length > LARGEST_VALUE {
        return Err(invalid_parameter("A secret value has 1 to 65536 bytes."));
    }
    Ok(Some(value))
}

fn check_label(label: &str) -> Result<(), AwsRefusal> {
    if (1..=256).contains(&label.len()) {
        return Ok(());
    }
    Err(invalid_parameter(
        "A staging label has 1 to 256 characters.",
    ))
}
