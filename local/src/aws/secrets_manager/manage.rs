//! Creating, describing, listing, tagging and deleting secrets.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use shared::domain::clock::Timestamp;

use super::refusal::{invalid_parameter, invalid_request, no_such_secret};
use super::secret::{CURRENT, DAY, Deletion, Secret, Secrets, new_arn, seconds};
use super::versions::{check_token, content};
use crate::aws::refusal::{AwsRefusal, AwsResult};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SecretId {
    secret_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateSecret {
    name: String,
    client_request_token: Option<String>,
    secret_string: Option<String>,
    secret_binary: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateSecret {
    secret_id: String,
    client_request_token: Option<String>,
    secret_string: Option<String>,
    secret_binary: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListSecrets {
    #[serde(default)]
    filters: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
    #[serde(default)]
    include_planned_deletion: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    key: String,
    #[serde(default)]
    values: Vec<String>,
}

const FILTERS: [&str; 3] = ["name", "tag-key", "tag-value"];

impl Filter {
    /// Values are prefixes; one that begins with `!` excludes.
    fn matches(&self, secret: &Secret) -> bool {
        let texts: Vec<&String> = match self.key.as_str() {
            "tag-key" => secret.tags.keys().collect(),
            "tag-value" => secret.tags.values().collect(),
            _ => vec![&secret.name],
        };
        self.values
            .iter()
            .any(|value| match value.strip_prefix('!') {
                Some(prefix) => !texts.iter().any(|text| text.starts_with(prefix)),
                None => texts.iter().any(|text| text.starts_with(value.as_str())),
            })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteSecret {
    secret_id: String,
    recovery_window_in_days: Option<i64>,
    #[serde(default)]
    force_delete_without_recovery: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagResource {
    secret_id: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UntagResource {
    secret_id: String,
    #[serde(default)]
    tag_keys: Vec<String>,
}

pub(super) fn describe(secrets: &mut Secrets, request: &SecretId, now: Timestamp) -> AwsResult {
    Ok(secrets.existing(&request.secret_id, now)?.describe())
}

pub(super) fn restore(secrets: &mut Secrets, request: &SecretId, now: Timestamp) -> AwsResult {
    let secret = secrets.existing(&request.secret_id, now)?;
    secret.deleted = None;
    Ok(secret.identity())
}

pub(super) fn create(secrets: &mut Secrets, request: CreateSecret, now: Timestamp) -> AwsResult {
    let name = request.name;
    let legal = (1..=512).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/_+=.@-".contains(&b));
    if !legal {
        return Err(invalid_parameter(
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        ));
    }
    let token = check_token(request.client_request_token.as_deref())?;
    let value = content(request.secret_string, request.secret_binary)?;
    if let Some(secret) = secrets.find(&name, now) {
        if secret.deleted.is_some() {
            return Err(invalid_request(
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            ));
        }
        let version = secret.versions.get(&token);
        if value.is_some() && version.is_some_and(|version| version.value == value) {
            return Ok(json!({"ARN": secret.arn, "Name": name, "VersionId": token}));
        }
        return Err(AwsRefusal::new(
            "ResourceExistsException",
            &format!("The operation failed because the secret {name} already exists."),
        ));
    }
    let tags = request.tags.into_iter().map(|tag| (tag.key, tag.value));
    let mut secret = Secret {
        arn: new_arn(&name),
        name: name.clone(),
        description: request.description,
        kms_key_id: request.kms_key_id,
        tags: tags.collect(),
        created_at: now,
        changed_at: now,
        accessed_at: None,
        deleted: None,
        versions: BTreeMap::new(),
        rotation: None,
    };
    let mut answer = secret.identity();
    if let Some(value) = value {
        secret.put(&token, value, &[CURRENT.to_owned()], now)?;
        answer["VersionId"] = json!(token);
    }
    secrets.secrets.insert(name, secret);
    Ok(answer)
}

pub(super) fn update(secrets: &mut Secrets, request: UpdateSecret, now: Timestamp) -> AwsResult {
    let value = content(request.secret_string, request.secret_binary)?;
    let secret = secrets.live(&request.secret_id, now)?;
    let mut answer = secret.identity();
    if let Some(value) = value {
        let token = check_token(request.client_request_token.as_deref())?;
        secret.put(&token, value, &[CURRENT.to_owned()], now)?;
        answer["VersionId"] = json!(token);
    }
    if request.description.is_some() {
        secret.description = request.description;
    }
    if request.kms_key_id.is_some() {
        secret.kms_key_id = request.kms_key_id;
    }
    secret.changed_at = now;
    Ok(answer)
}

pub(super) fn list(secrets: &mut Secrets, request: &ListSecrets, now: Timestamp) -> AwsResult {
    secrets.remove_deleted(now);
    let mut filters = request.filters.iter();
    if let Some(filter) = filters.find(|filter| !FILTERS.contains(&filter.key.as_str())) {
        let problem = format!("The filter {} is not supported here.", filter.key);
        return Err(invalid_parameter(&problem));
    }
    let start = request
        .next_token
        .as_deref()
        .unwrap_or("0")
        .parse::<usize>();
    let start = start.map_err(|_| {
        AwsRefusal::new(
            "InvalidNextTokenException",
            "The NextToken value is invalid.",
        )
    })?;
    let secrets = secrets.secrets.values();
    let matching: Vec<&Secret> = secrets
        .filter(|s| s.deleted.is_none() || request.include_planned_deletion)
        .filter(|s| request.filters.iter().all(|filter| filter.matches(s)))
        .collect();
    let most = request.max_results.unwrap_or(100).clamp(1, 100);
    let page = matching.iter().skip(start).take(most).map(|secret| {
        let mut entry = secret.describe();
        let fields = entry.as_object_mut();
        if let Some(stages) = fields.and_then(|fields| fields.remove("VersionIdsToStages")) {
            entry["SecretVersionsToStages"] = stages;
        }
        entry
    });
    let page: Vec<Value> = page.collect();
    let mut answer = json!({"SecretList": page});
    if start + most < matching.len() {
        answer["NextToken"] = json!((start + most).to_string());
    }
    Ok(answer)
}

pub(super) fn delete(secrets: &mut Secrets, request: &DeleteSecret, now: Timestamp) -> AwsResult {
    if request.force_delete_without_recovery && request.recovery_window_in_days.is_some() {
        return Err(invalid_parameter(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        ));
    }
    let days = request.recovery_window_in_days.unwrap_or(30);
    let days = u32::try_from(days)
        .ok()
        .filter(|days| (7..=30).contains(days));
    let days = days.ok_or_else(|| {
        invalid_parameter(
            "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
        )
    })?;
    let found = secrets.find(&request.secret_id, now);
    if request.force_delete_without_recovery {
        // Idempotent: forcing the deletion of an unknown secret succeeds.
        let (name, arn) = found.map_or_else(
            || (request.secret_id.clone(), new_arn(&request.secret_id)),
            |secret| (secret.name.clone(), secret.arn.clone()),
        );
        secrets.secrets.remove(&name);
        return Ok(json!({"ARN": arn, "Name": name, "DeletionDate": seconds(now)}));
    }
    let secret = found.ok_or_else(no_such_secret)?;
    if secret.deleted.is_some() {
        return Err(invalid_request(
            "You can't perform this operation on the secret because it was already scheduled for deletion.",
        ));
    }
    let gone_at = now.plus(DAY * days);
    secret.deleted = Some(Deletion { at: now, gone_at });
    Ok(json!({"ARN": secret.arn, "Name": secret.name, "DeletionDate": seconds(gone_at)}))
}

pub(super) fn tag(secrets: &mut Secrets, request: TagResource, now: Timestamp) -> AwsResult {
    let secret = secrets.live(&request.secret_id, now)?;
    let tags = request.tags.into_iter().map(|tag| (tag.key, tag.value));
    secret.tags.extend(tags);
    Ok(json!({}))
}

pub(super) fn untag(secrets: &mut Secrets, request: &UntagResource, now: Timestamp) -> AwsResult {
    let secret = secrets.live(&request.secret_id, now)?;
    secret.tags.retain(|key, _| !request.tag_keys.contains(key));
    Ok(json!({}))
}
