//! Secrets Manager as the function code meets it: versions, staging labels, rotation in four steps.
//!
//! Why it is written by hand: `docs/decisions/0003-own-sqs-and-secrets-manager.md`. Facts: docs/vendors.md#secrets-manager-rotation.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::domain::clock::{Clock, Timestamp};
use uuid::Uuid;

use super::{ACCOUNT, Error, REGION, Refusal, load, read, save};

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";
const PENDING: &str = "AWSPENDING";
const LARGEST_VALUE: usize = 65_536;
const MOST_LABELS: usize = 20;
const MOST_VERSIONS: usize = 100;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long after a failed rotation the whole of it is tried again. Secrets Manager does not publish its own delay.
pub const ROTATION_RETRY: Duration = Duration::from_secs(600);

/// Invokes a rotation function: its ARN and the event as JSON text in, an error text out when it failed.
pub type RotationFunction =
    Arc<dyn Fn(String, String) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

pub(super) struct SecretsManager {
    state: Mutex<State>,
    rotation_function: Mutex<Option<RotationFunction>>,
    /// Held by the one tick that runs.
    ticking: tokio::sync::Mutex<()>,
    clock: Clock,
    file: Option<PathBuf>,
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    secrets: BTreeMap<String, Secret>,
}

#[derive(Serialize, Deserialize)]
struct Secret {
    name: String,
    arn: String,
    description: Option<String>,
    kms_key_id: Option<String>,
    tags: BTreeMap<String, String>,
    created_at: Timestamp,
    changed_at: Timestamp,
    accessed_at: Option<Timestamp>,
    deleted: Option<Deletion>,
    versions: BTreeMap<String, Version>,
    rotation: Option<Rotation>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Deletion {
    at: Timestamp,
    gone_at: Timestamp,
}

#[derive(Clone, Serialize, Deserialize)]
struct Version {
    /// `None` in the empty version that a rotation starts with.
    value: Option<Content>,
    labels: BTreeSet<String>,
    created_at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Content {
    #[serde(rename = "SecretString")]
    Text(String),
    /// In base64.
    #[serde(rename = "SecretBinary")]
    Binary(String),
}

#[derive(Clone, Serialize, Deserialize)]
struct Rotation {
    enabled: bool,
    function_arn: String,
    rules: Map<String, Value>,
    every: Option<Duration>,
    last_at: Option<Timestamp>,
    next_at: Option<Timestamp>,
    /// A rotation that has begun and not ended well, by its token.
    unfinished: Option<Unfinished>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Unfinished {
    token: String,
    retry_at: Timestamp,
    failures: u32,
}

impl Secret {
    fn version_with(&self, label: &str) -> Option<(&String, &Version)> {
        self.versions
            .iter()
            .find(|(_, version)| version.labels.contains(label))
    }

    fn holder(&self, label: &str) -> Option<String> {
        self.version_with(label).map(|(id, _)| id.clone())
    }

    /// Puts `label` on `id` alone. AWSPREVIOUS follows where AWSCURRENT was.
    fn attach(&mut self, label: &str, id: &str) {
        let former = self.holder(label);
        if former.as_deref() == Some(id) {
            return;
        }
        for version in self.versions.values_mut() {
            version.labels.remove(label);
        }
        if let Some(version) = self.versions.get_mut(id) {
            version.labels.insert(label.to_owned());
        }
        if let (CURRENT, Some(former)) = (label, former) {
            self.attach(PREVIOUS, &former);
        }
        self.drop_empty();
    }

    fn detach(&mut self, label: &str) {
        for version in self.versions.values_mut() {
            version.labels.remove(label);
        }
        self.drop_empty();
    }

    /// A version that holds nothing lives only as long as its label.
    fn drop_empty(&mut self) {
        self.versions
            .retain(|_, version| version.value.is_some() || !version.labels.is_empty());
    }

    /// Adds a version or fills an empty one. The same token with the same value changes nothing.
    fn put(
        &mut self,
        token: &str,
        value: Content,
        labels: &[String],
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if let Some(Version {
            value: Some(there), ..
        }) = self.versions.get(token)
        {
            if *there == value {
                return Ok(());
            }
            return Err(Refusal::new(
                "ResourceExistsException",
                &format!(
                    "You can't use ClientRequestToken {token} because that value is already in use for a version of \
                     secret {}.",
                    self.arn
                ),
            ));
        }
        self.make_room(now)?;
        let first = self.version_with(CURRENT).is_none();
        let version = self
            .versions
            .entry(token.to_owned())
            .or_insert_with(|| Version {
                value: None,
                labels: BTreeSet::new(),
                created_at: now,
            });
        version.value = Some(value);
        for label in labels {
            self.attach(label, token);
        }
        if first {
            self.attach(CURRENT, token);
        }
        self.changed_at = now;
        Ok(())
    }

    /// Unlabelled versions go when there are too many, but none younger than a day (docs/vendors.md#secrets-manager-rotation).
    fn make_room(&mut self, now: Timestamp) -> Result<(), Refusal> {
        while self.versions.len() >= MOST_VERSIONS {
            let oldest = self
                .versions
                .iter()
                .filter(|(_, v)| v.labels.is_empty() && now.since(v.created_at) >= DAY)
                .min_by_key(|(_, v)| v.created_at)
                .map(|(id, _)| id.clone());
            let Some(oldest) = oldest else {
                return Err(Refusal::new(
                    "LimitExceededException",
                    "You've reached the maximum number of versions for this secret.",
                ));
            };
            self.versions.remove(&oldest);
        }
        Ok(())
    }

    fn labels_of(&self, id: &str) -> Vec<&String> {
        self.versions
            .get(id)
            .map(|v| v.labels.iter().collect())
            .unwrap_or_default()
    }

    fn describe(&self) -> Value {
        let stages: BTreeMap<&String, &BTreeSet<String>> = self
            .versions
            .iter()
            .filter(|(_, version)| !version.labels.is_empty())
            .map(|(id, version)| (id, &version.labels))
            .collect();
        let mut shown = json!({
            "ARN": self.arn,
            "Name": self.name,
            "CreatedDate": seconds(self.created_at),
            "LastChangedDate": seconds(self.changed_at),
            "Tags": self.tags.iter().map(|(k, v)| json!({"Key": k, "Value": v})).collect::<Vec<_>>(),
        });
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                shown[name] = value;
            }
        };
        put(
            "VersionIdsToStages",
            (!stages.is_empty()).then(|| json!(stages)),
        );
        put("Description", self.description.as_ref().map(|d| json!(d)));
        put("KmsKeyId", self.kms_key_id.as_ref().map(|k| json!(k)));
        put(
            "LastAccessedDate",
            self.accessed_at.map(|at| json!(seconds(at))),
        );
        put("DeletedDate", self.deleted.map(|d| json!(seconds(d.at))));
        if let Some(rotation) = &self.rotation {
            put("RotationEnabled", Some(json!(rotation.enabled)));
            put("RotationLambdaARN", Some(json!(rotation.function_arn)));
            put("RotationRules", Some(json!(rotation.rules)));
            put(
                "LastRotatedDate",
                rotation.last_at.map(|at| json!(seconds(at))),
            );
            put(
                "NextRotationDate",
                rotation.next_at.map(|at| json!(seconds(at))),
            );
        }
        shown
    }
}

impl State {
    /// By name, ARN, or ARN without its random end.
    fn find(&mut self, id: &str, now: Timestamp) -> Option<&mut Secret> {
        self.secrets
            .retain(|_, secret| secret.deleted.is_none_or(|d| d.gone_at > now));
        let name = self
            .secrets
            .values()
            .find(|s| {
                s.name == id || s.arn == id || s.arn.rsplit_once('-').is_some_and(|(a, _)| a == id)
            })?
            .name
            .clone();
        self.secrets.get_mut(&name)
    }

    /// A secret that is not marked for deletion.
    fn live(&mut self, id: &str, now: Timestamp) -> Result<&mut Secret, Refusal> {
        let secret = self.find(id, now).ok_or_else(no_such_secret)?;
        if secret.deleted.is_some() {
            return Err(invalid_request(
                "You can't perform this operation on the secret because it was marked for deletion.",
            ));
        }
        Ok(secret)
    }
}

impl SecretsManager {
    pub(super) fn start(clock: Clock, file: Option<PathBuf>) -> Result<Self, Error> {
        Ok(Self {
            state: Mutex::new(load(file.as_deref())?),
            rotation_function: Mutex::new(None),
            ticking: tokio::sync::Mutex::new(()),
            clock,
            file,
        })
    }

    pub(super) fn set_rotation_function(&self, function: RotationFunction) {
        *self
            .rotation_function
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(function);
    }

    /// Answers a call. A rotation that is to begin at once is left for [`SecretsManager::tick`], which the caller
    /// starts in the background: the real service does not wait for it either.
    pub(super) fn call(&self, operation: &str, request: Value) -> Result<Value, Refusal> {
        let now = self.clock.now();
        let mut state = self.lock();
        let answer = match operation {
            "CreateSecret" => create(&mut state, read(request)?, now),
            "GetSecretValue" => get_value(&mut state, &read(request)?, now),
            "PutSecretValue" => put_value(&mut state, read(request)?, now),
            "UpdateSecret" => update(&mut state, read(request)?, now),
            "UpdateSecretVersionStage" => update_version_stage(&mut state, &read(request)?, now),
            "DescribeSecret" => {
                let request: SecretId = read(request)?;
                let secret = state
                    .find(&request.secret_id, now)
                    .ok_or_else(no_such_secret)?;
                Ok(secret.describe())
            }
            "ListSecretVersionIds" => list_versions(&mut state, &read(request)?, now),
            "ListSecrets" => list(&mut state, &read(request)?, now),
            "DeleteSecret" => delete(&mut state, &read(request)?, now),
            "RestoreSecret" => {
                let request: SecretId = read(request)?;
                let secret = state
                    .find(&request.secret_id, now)
                    .ok_or_else(no_such_secret)?;
                secret.deleted = None;
                Ok(json!({"ARN": secret.arn, "Name": secret.name}))
            }
            "RotateSecret" => rotate(&mut state, read(request)?, now),
            "CancelRotateSecret" => cancel_rotation(&mut state, &read(request)?, now),
            "TagResource" => tag(&mut state, read(request)?, now),
            "UntagResource" => untag(&mut state, &read(request)?, now),
            _ => Err(Refusal::new("UnknownOperationException", "")),
        }?;
        save(self.file.as_deref(), &*state)?;
        Ok(answer)
    }

    /// Runs every rotation that is due, one after the other, to its end.
    pub(super) async fn tick(&self) {
        let _ticking = self.ticking.lock().await;
        let function = self
            .rotation_function
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let Some(function) = function else {
            return;
        };
        for (name, function_arn, token) in self.due() {
            let outcome = self
                .rotate_once(&function, &name, &function_arn, &token)
                .await;
            self.rotated(&name, &token, outcome);
        }
    }

    /// The rotations to run now, each marked so that no second tick runs it too.
    fn due(&self) -> Vec<(String, String, String)> {
        let now = self.clock.now();
        let mut state = self.lock();
        let mut due = Vec::new();
        for secret in state.secrets.values_mut().filter(|s| s.deleted.is_none()) {
            let current = secret.holder(CURRENT);
            let left_over = secret
                .holder(PENDING)
                .filter(|pending| Some(pending) != current.as_ref());
            let Some(rotation) = secret.rotation.as_mut().filter(|r| r.enabled) else {
                continue;
            };
            let scheduled = rotation.next_at.is_some_and(|at| at <= now);
            let token = match &rotation.unfinished {
                Some(unfinished) if unfinished.retry_at <= now => unfinished.token.clone(),
                // What an earlier rotation left half-way is finished before another begins.
                None if scheduled => left_over.unwrap_or_else(|| Uuid::new_v4().to_string()),
                _ => continue,
            };
            let failures = rotation.unfinished.as_ref().map_or(0, |u| u.failures);
            rotation.unfinished = Some(Unfinished {
                token: token.clone(),
                retry_at: now.plus(ROTATION_RETRY),
                failures,
            });
            due.push((secret.name.clone(), rotation.function_arn.clone(), token));
        }
        due
    }

    async fn rotate_once(
        &self,
        function: &RotationFunction,
        name: &str,
        function_arn: &str,
        token: &str,
    ) -> Result<(), String> {
        let Some(arn) = self.begin_version(name, token) else {
            return Err("the secret is gone".to_owned());
        };
        for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
            let event = json!({"Step": step, "SecretId": arn, "ClientRequestToken": token});
            function(function_arn.to_owned(), event.to_string())
                .await
                .map_err(|e| format!("{step}: {e}"))?;
        }
        Ok(())
    }

    /// The empty AWSPENDING version that `createSecret` is to fill.
    fn begin_version(&self, name: &str, token: &str) -> Option<String> {
        let now = self.clock.now();
        let mut state = self.lock();
        let secret = state.live(name, now).ok()?;
        if !secret.versions.contains_key(token) {
            let empty = Version {
                value: None,
                labels: BTreeSet::new(),
                created_at: now,
            };
            secret.versions.insert(token.to_owned(), empty);
            secret.attach(PENDING, token);
        }
        Some(secret.arn.clone())
    }

    fn rotated(&self, name: &str, token: &str, outcome: Result<(), String>) {
        let now = self.clock.now();
        let mut state = self.lock();
        let Some(secret) = state.secrets.get_mut(name) else {
            return;
        };
        let current = secret.holder(CURRENT).as_deref() == Some(token);
        let Some(rotation) = &mut secret.rotation else {
            return;
        };
        match outcome {
            Ok(()) => {
                rotation.unfinished = None;
                if current {
                    rotation.last_at = Some(now);
                }
                rotation.next_at = rotation.every.map(|every| now.plus(every));
            }
            Err(reason) => {
                tracing::warn!(
                    secret = name,
                    reason,
                    "rotation failed and will be tried again"
                );
                if let Some(unfinished) = &mut rotation.unfinished {
                    unfinished.failures += 1;
                    unfinished.retry_at = now.plus(ROTATION_RETRY);
                }
            }
        }
        if let Err(refusal) = save(self.file.as_deref(), &*state) {
            tracing::error!(
                reason = refusal.message,
                "the secrets could not be written to disk"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn create(state: &mut State, request: CreateSecret, now: Timestamp) -> Result<Value, Refusal> {
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
    if let Some(secret) = state.find(&name, now) {
        if secret.deleted.is_some() {
            return Err(invalid_request(
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            ));
        }
        let same = value.is_some()
            && secret
                .versions
                .get(&token)
                .is_some_and(|v| v.value == value);
        if same {
            return Ok(json!({"ARN": secret.arn, "Name": name, "VersionId": token}));
        }
        return Err(Refusal::new(
            "ResourceExistsException",
            &format!("The operation failed because the secret {name} already exists."),
        ));
    }
    let mut secret = Secret {
        arn: new_arn(&name),
        name: name.clone(),
        description: request.description,
        kms_key_id: request.kms_key_id,
        tags: request
            .tags
            .into_iter()
            .map(|tag| (tag.key, tag.value))
            .collect(),
        created_at: now,
        changed_at: now,
        accessed_at: None,
        deleted: None,
        versions: BTreeMap::new(),
        rotation: None,
    };
    let mut answer = json!({"ARN": secret.arn, "Name": name});
    if let Some(value) = value {
        secret.put(&token, value, &[CURRENT.to_owned()], now)?;
        answer["VersionId"] = json!(token);
    }
    state.secrets.insert(name, secret);
    Ok(answer)
}

fn get_value(
    state: &mut State,
    request: &GetSecretValue,
    now: Timestamp,
) -> Result<Value, Refusal> {
    let secret = state.live(&request.secret_id, now)?;
    let label = request.version_stage.as_deref();
    let id = match (&request.version_id, label) {
        (Some(id), label) => {
            let version = secret
                .versions
                .get(id)
                .ok_or_else(|| no_such_value("VersionId", id))?;
            if label.is_some_and(|label| !version.labels.contains(label)) {
                return Err(invalid_request(
                    "You provided a VersionStage that is not associated to the provided VersionId.",
                ));
            }
            id.clone()
        }
        (None, label) => {
            let label = label.unwrap_or(CURRENT);
            secret
                .holder(label)
                .ok_or_else(|| no_such_value("staging label", label))?
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
    secret.accessed_at = Some(Timestamp::from_millis(
        now.as_millis() / 86_400_000 * 86_400_000,
    ));
    Ok(answer)
}

fn put_value(state: &mut State, request: PutSecretValue, now: Timestamp) -> Result<Value, Refusal> {
    let token = check_token(request.client_request_token.as_deref())?;
    let value = content(request.secret_string, request.secret_binary)?
        .ok_or_else(|| invalid_request("You must provide either SecretString or SecretBinary."))?;
    let labels = request
        .version_stages
        .unwrap_or_else(|| vec![CURRENT.to_owned()]);
    if labels.is_empty() || labels.len() > MOST_LABELS {
        return Err(invalid_parameter(
            "VersionStages must have 1 to 20 members.",
        ));
    }
    labels.iter().try_for_each(|label| check_label(label))?;
    let secret = state.live(&request.secret_id, now)?;
    secret.put(&token, value, &labels, now)?;
    Ok(json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": token,
        "VersionStages": secret.labels_of(&token),
    }))
}

fn update(state: &mut State, request: UpdateSecret, now: Timestamp) -> Result<Value, Refusal> {
    let value = content(request.secret_string, request.secret_binary)?;
    let secret = state.live(&request.secret_id, now)?;
    let mut answer = json!({"ARN": secret.arn, "Name": secret.name});
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

fn update_version_stage(
    state: &mut State,
    request: &UpdateSecretVersionStage,
    now: Timestamp,
) -> Result<Value, Refusal> {
    let label = request.version_stage.as_str();
    check_label(label)?;
    let secret = state.live(&request.secret_id, now)?;
    let holder = secret.holder(label);
    let (from, to) = (
        request.remove_from_version_id.as_ref(),
        request.move_to_version_id.as_ref(),
    );
    for id in [from, to].into_iter().flatten() {
        if !secret.versions.contains_key(id) {
            return Err(no_such_value("VersionId", id));
        }
    }
    if let Some(from) = from
        && holder.as_ref() != Some(from)
    {
        return Err(invalid_parameter(&match &holder {
            Some(holder) => format!(
                "The parameter RemoveFromVersionId is invalid. Staging label {label} is currently attached to version \
                 {holder}."
            ),
            None => format!(
                "The parameter RemoveFromVersionId is invalid. Staging label {label} is not attached to any version."
            ),
        }));
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
    Ok(json!({"ARN": secret.arn, "Name": secret.name}))
}

fn list_versions(
    state: &mut State,
    request: &ListSecretVersionIds,
    now: Timestamp,
) -> Result<Value, Refusal> {
    let secret = state
        .find(&request.secret_id, now)
        .ok_or_else(no_such_secret)?;
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

fn list(state: &mut State, request: &ListSecrets, now: Timestamp) -> Result<Value, Refusal> {
    state
        .secrets
        .retain(|_, secret| secret.deleted.is_none_or(|d| d.gone_at > now));
    if let Some(filter) = request
        .filters
        .iter()
        .find(|f| !["name", "tag-key", "tag-value"].contains(&&*f.key))
    {
        return Err(invalid_parameter(&format!(
            "The filter {} is not supported here.",
            filter.key
        )));
    }
    let start = match &request.next_token {
        Some(token) => token.parse::<usize>().map_err(|_| {
            Refusal::new(
                "InvalidNextTokenException",
                "The NextToken value is invalid.",
            )
        })?,
        None => 0,
    };
    let matching: Vec<&Secret> = state
        .secrets
        .values()
        .filter(|s| s.deleted.is_none() || request.include_planned_deletion)
        .filter(|s| request.filters.iter().all(|filter| filter.matches(s)))
        .collect();
    let most = request.max_results.unwrap_or(100).clamp(1, 100);
    let page: Vec<Value> = matching
        .iter()
        .skip(start)
        .take(most)
        .map(|secret| {
            let mut entry = secret.describe();
            if let Some(stages) = entry
                .as_object_mut()
                .and_then(|e| e.remove("VersionIdsToStages"))
            {
                entry["SecretVersionsToStages"] = stages;
            }
            entry
        })
        .collect();
    let mut answer = json!({"SecretList": page});
    if start + most < matching.len() {
        answer["NextToken"] = json!((start + most).to_string());
    }
    Ok(answer)
}

fn delete(state: &mut State, request: &DeleteSecret, now: Timestamp) -> Result<Value, Refusal> {
    if request.force_delete_without_recovery && request.recovery_window_in_days.is_some() {
        return Err(invalid_parameter(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        ));
    }
    let days = request.recovery_window_in_days.unwrap_or(30);
    let days = u64::try_from(days)
        .ok()
        .filter(|days| (7..=30).contains(days))
        .ok_or_else(|| {
            invalid_parameter(
                "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
            )
        })?;
    let found = state.find(&request.secret_id, now);
    if request.force_delete_without_recovery {
        // Forcing is idempotent: a secret that is not there is deleted too.
        let (name, arn) = found.map_or_else(
            || (request.secret_id.clone(), new_arn(&request.secret_id)),
            |secret| (secret.name.clone(), secret.arn.clone()),
        );
        state.secrets.remove(&name);
        return Ok(json!({"ARN": arn, "Name": name, "DeletionDate": seconds(now)}));
    }
    let secret = found.ok_or_else(no_such_secret)?;
    if secret.deleted.is_some() {
        return Err(invalid_request(
            "You can't perform this operation on the secret because it was already scheduled for deletion.",
        ));
    }
    let gone_at = now.plus(DAY * u32::try_from(days).unwrap_or(30));
    secret.deleted = Some(Deletion { at: now, gone_at });
    Ok(json!({"ARN": secret.arn, "Name": secret.name, "DeletionDate": seconds(gone_at)}))
}

fn rotate(state: &mut State, request: RotateSecret, now: Timestamp) -> Result<Value, Refusal> {
    let token = check_token(request.client_request_token.as_deref())?;
    let secret = state.live(&request.secret_id, now)?;
    let before = secret.rotation.as_ref();
    let function_arn = request
        .rotation_lambda_arn
        .or_else(|| before.map(|r| r.function_arn.clone()))
        .ok_or_else(|| {
            invalid_request("No Lambda rotation function ARN is associated with this secret.")
        })?;
    let rules = request
        .rotation_rules
        .or_else(|| before.map(|r| r.rules.clone()))
        .unwrap_or_default();
    let every = check_rules(&rules)?;
    let pending = secret.holder(PENDING);
    let busy = before.is_some_and(|r| r.unfinished.is_some())
        || pending.is_some() && pending != secret.holder(CURRENT);
    if busy {
        return Err(invalid_request(
            "A previous rotation isn't complete. That rotation will be reattempted.",
        ));
    }
    let at_once = request.rotate_immediately.unwrap_or(true);
    let last_at = before.and_then(|r| r.last_at);
    secret.rotation = Some(Rotation {
        enabled: true,
        function_arn,
        rules,
        every,
        last_at,
        next_at: every.map(|every| now.plus(every)),
        unfinished: at_once.then(|| Unfinished {
            token: token.clone(),
            retry_at: now,
            failures: 0,
        }),
    });
    secret.changed_at = now;
    let mut answer = json!({"ARN": secret.arn, "Name": secret.name});
    if at_once {
        answer["VersionId"] = json!(token);
    }
    Ok(answer)
}

fn cancel_rotation(
    state: &mut State,
    request: &SecretId,
    now: Timestamp,
) -> Result<Value, Refusal> {
    let secret = state.live(&request.secret_id, now)?;
    if let Some(rotation) = &mut secret.rotation {
        rotation.enabled = false;
        rotation.next_at = None;
        rotation.unfinished = None;
    }
    let pending = secret.holder(PENDING);
    let mut answer = json!({"ARN": secret.arn, "Name": secret.name});
    if let Some(pending) = pending {
        answer["VersionId"] = json!(pending);
    }
    Ok(answer)
}

fn tag(state: &mut State, request: TagResource, now: Timestamp) -> Result<Value, Refusal> {
    let secret = state.live(&request.secret_id, now)?;
    secret
        .tags
        .extend(request.tags.into_iter().map(|tag| (tag.key, tag.value)));
    Ok(json!({}))
}

fn untag(state: &mut State, request: &UntagResource, now: Timestamp) -> Result<Value, Refusal> {
    let secret = state.live(&request.secret_id, now)?;
    secret.tags.retain(|key, _| !request.tag_keys.contains(key));
    Ok(json!({}))
}

/// The time between two rotations: `AutomaticallyAfterDays`, or `ScheduleExpression` in its `rate(…)` form.
/// `None` where no schedule is given, and for `cron(…)`, which is kept but never comes due here.
fn check_rules(rules: &Map<String, Value>) -> Result<Option<Duration>, Refusal> {
    let days = rules.get("AutomaticallyAfterDays").and_then(Value::as_u64);
    let expression = rules.get("ScheduleExpression").and_then(Value::as_str);
    let wrong = || Err(invalid_parameter("The rotation schedule is not valid."));
    match (days, expression) {
        (Some(_), Some(_)) => Err(invalid_parameter(
            "You can't specify both AutomaticallyAfterDays and ScheduleExpression.",
        )),
        (Some(days), None) if (1..=1000).contains(&days) => {
            Ok(Some(DAY * u32::try_from(days).unwrap_or(1000)))
        }
        (Some(_), None) => wrong(),
        (None, Some(expression))
            if expression.starts_with("cron(") && expression.ends_with(')') =>
        {
            Ok(None)
        }
        (None, Some(expression)) => {
            parse_rate(expression).map_or_else(wrong, |every| Ok(Some(every)))
        }
        (None, None) => Ok(None),
    }
}

/// `rate(1 day)`, `rate(10 days)`, `rate(4 hours)`: no oftener than every four hours, singular for one.
fn parse_rate(expression: &str) -> Option<Duration> {
    let inner = expression.strip_prefix("rate(")?.strip_suffix(')')?;
    let (count, unit) = inner.split_once(' ')?;
    let count: u32 = count.parse().ok()?;
    let hours = match (unit, count) {
        ("day", 1) => 24,
        ("days", 2..=999) => count * 24,
        ("hours", 4..=23_976) => count,
        _ => return None,
    };
    Some(Duration::from_secs(u64::from(hours) * 3600))
}

fn check_token(token: Option<&str>) -> Result<String, Refusal> {
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

fn check_label(label: &str) -> Result<(), Refusal> {
    if (1..=256).contains(&label.len()) {
        return Ok(());
    }
    Err(invalid_parameter(
        "A staging label has 1 to 256 characters.",
    ))
}

fn content(text: Option<String>, binary: Option<String>) -> Result<Option<Content>, Refusal> {
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

/// An ARN ends in six random characters, so that a secret created again under its old name is another one.
fn new_arn(name: &str) -> String {
    let random = Uuid::new_v4().simple().to_string();
    let end: String = random.chars().take(6).collect();
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-{end}")
}

/// Dates are seconds since the epoch, with decimals.
fn seconds(at: Timestamp) -> Value {
    let millis = at.as_millis();
    let text = format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000));
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

fn no_such_secret() -> Refusal {
    Refusal::new(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.",
    )
}

fn no_such_value(what: &str, which: &str) -> Refusal {
    Refusal::new(
        "ResourceNotFoundException",
        &format!("Secrets Manager can't find the specified secret value for {what}: {which}"),
    )
}

fn invalid_request(message: &str) -> Refusal {
    Refusal::new("InvalidRequestException", message)
}

fn invalid_parameter(message: &str) -> Refusal {
    Refusal::new("InvalidParameterException", message)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SecretId {
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
struct CreateSecret {
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
struct GetSecretValue {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutSecretValue {
    secret_id: String,
    client_request_token: Option<String>,
    secret_string: Option<String>,
    secret_binary: Option<String>,
    version_stages: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateSecret {
    secret_id: String,
    client_request_token: Option<String>,
    secret_string: Option<String>,
    secret_binary: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateSecretVersionStage {
    secret_id: String,
    version_stage: String,
    remove_from_version_id: Option<String>,
    move_to_version_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListSecretVersionIds {
    secret_id: String,
    #[serde(default)]
    include_deprecated: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListSecrets {
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
struct DeleteSecret {
    secret_id: String,
    recovery_window_in_days: Option<i64>,
    #[serde(default)]
    force_delete_without_recovery: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RotateSecret {
    secret_id: String,
    client_request_token: Option<String>,
    #[serde(rename = "RotationLambdaARN")]
    rotation_lambda_arn: Option<String>,
    rotation_rules: Option<Map<String, Value>>,
    rotate_immediately: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagResource {
    secret_id: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UntagResource {
    secret_id: String,
    #[serde(default)]
    tag_keys: Vec<String>,
}
