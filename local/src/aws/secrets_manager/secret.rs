//! A secret, its versions and their staging labels.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::domain::clock::Timestamp;
use uuid::Uuid;

use super::refusal::{invalid_request, no_such_secret};
use crate::aws::refusal::AwsRefusal;
use crate::template::{ACCOUNT, REGION};

pub(super) const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";
pub(super) const PENDING: &str = "AWSPENDING";
const MOST_VERSIONS: usize = 100;
pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Default, Serialize, Deserialize)]
pub(super) struct Secrets {
    pub(super) secrets: BTreeMap<String, Secret>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) created_at: Timestamp,
    pub(super) changed_at: Timestamp,
    pub(super) accessed_at: Option<Timestamp>,
    pub(super) deleted: Option<Deletion>,
    pub(super) versions: BTreeMap<String, Version>,
    pub(super) rotation: Option<Rotation>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Deletion {
    pub(super) at: Timestamp,
    pub(super) gone_at: Timestamp,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Version {
    /// `None` in the empty version that a rotation starts with.
    pub(super) value: Option<Content>,
    pub(super) labels: BTreeSet<String>,
    pub(super) created_at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Content {
    #[serde(rename = "SecretString")]
    Text(String),
    /// In base64.
    #[serde(rename = "SecretBinary")]
    Binary(String),
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Rotation {
    pub(super) enabled: bool,
    pub(super) function_arn: String,
    pub(super) rules: Map<String, Value>,
    pub(super) every: Option<Duration>,
    pub(super) last_at: Option<Timestamp>,
    pub(super) next_at: Option<Timestamp>,
    /// The rotation that has begun and not succeeded.
    pub(super) unfinished: Option<Unfinished>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Unfinished {
    pub(super) token: String,
    pub(super) retry_at: Timestamp,
    pub(super) failures: u32,
}

impl Version {
    /// The version without a value that a rotation starts with.
    pub(super) const fn empty(now: Timestamp) -> Self {
        Self {
            value: None,
            labels: BTreeSet::new(),
            created_at: now,
        }
    }
}

impl Secret {
    /// `ARN` and `Name`, with which most answers begin.
    pub(super) fn identity(&self) -> Value {
        json!({"ARN": self.arn, "Name": self.name})
    }

    pub(super) fn version_with(&self, label: &str) -> Option<(&String, &Version)> {
        self.versions
            .iter()
            .find(|(_, version)| version.labels.contains(label))
    }

    pub(super) fn holder(&self, label: &str) -> Option<String> {
        self.version_with(label).map(|(id, _)| id.clone())
    }

    /// Moves `label` to `id`. AWSPREVIOUS moves to the version that had AWSCURRENT.
    pub(super) fn attach(&mut self, label: &str, id: &str) {
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

    pub(super) fn detach(&mut self, label: &str) {
        for version in self.versions.values_mut() {
            version.labels.remove(label);
        }
        self.drop_empty();
    }

    /// Removes versions without value and label.
    pub(super) fn drop_empty(&mut self) {
        self.versions
            .retain(|_, version| version.value.is_some() || !version.labels.is_empty());
    }

    /// Adds a version or sets the value of an empty one. The same token with the same value changes nothing.
    pub(super) fn put(
        &mut self,
        token: &str,
        value: Content,
        labels: &[String],
        now: Timestamp,
    ) -> Result<(), AwsRefusal> {
        if let Some(Version {
            value: Some(there), ..
        }) = self.versions.get(token)
        {
            if *there == value {
                return Ok(());
            }
            return Err(AwsRefusal::new(
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
            .or_insert_with(|| Version::empty(now));
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

    /// Removes the oldest unlabelled versions over the limit, but none younger than a day
    /// (docs/vendors.md#secrets-manager-rotation).
    pub(super) fn make_room(&mut self, now: Timestamp) -> Result<(), AwsRefusal> {
        while self.versions.len() >= MOST_VERSIONS {
            let oldest = self
                .versions
                .iter()
                .filter(|(_, v)| v.labels.is_empty() && now.since(v.created_at) >= DAY)
                .min_by_key(|(_, v)| v.created_at)
                .map(|(id, _)| id.clone());
            let Some(oldest) = oldest else {
                return Err(AwsRefusal::new(
                    "LimitExceededException",
                    "You've reached the maximum number of versions for this secret.",
                ));
            };
            self.versions.remove(&oldest);
        }
        Ok(())
    }

    pub(super) fn labels_of(&self, id: &str) -> Vec<&String> {
        self.versions
            .get(id)
            .map(|v| v.labels.iter().collect())
            .unwrap_or_default()
    }

    pub(super) fn describe(&self) -> Value {
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
        let rotation = self.rotation.as_ref();
        let stages = (!stages.is_empty()).then(|| json!(stages));
        let last_at = rotation.and_then(|rotation| rotation.last_at);
        let next_at = rotation.and_then(|rotation| rotation.next_at);
        let optional = [
            ("VersionIdsToStages", stages),
            ("Description", self.description.as_ref().map(|d| json!(d))),
            ("KmsKeyId", self.kms_key_id.as_ref().map(|k| json!(k))),
            ("LastAccessedDate", self.accessed_at.map(seconds)),
            ("DeletedDate", self.deleted.map(|d| seconds(d.at))),
            ("RotationEnabled", rotation.map(|r| json!(r.enabled))),
            ("RotationLambdaARN", rotation.map(|r| json!(r.function_arn))),
            ("RotationRules", rotation.map(|r| json!(r.rules))),
            ("LastRotatedDate", last_at.map(seconds)),
            ("NextRotationDate", next_at.map(seconds)),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                shown[name] = value;
            }
        }
        shown
    }
}

impl Secrets {
    /// Removes secrets whose recovery window has ended.
    pub(super) fn remove_deleted(&mut self, now: Timestamp) {
        self.secrets
            .retain(|_, secret| secret.deleted.is_none_or(|d| d.gone_at > now));
    }

    /// By name, ARN, or ARN without its random end.
    pub(super) fn find(&mut self, id: &str, now: Timestamp) -> Option<&mut Secret> {
        self.remove_deleted(now);
        self.secrets.values_mut().find(|s| {
            s.name == id || s.arn == id || s.arn.rsplit_once('-').is_some_and(|(a, _)| a == id)
        })
    }

    /// As [`Secrets::find`], for operations that need a secret, also one that is marked for deletion.
    pub(super) fn existing(&mut self, id: &str, now: Timestamp) -> Result<&mut Secret, AwsRefusal> {
        self.find(id, now).ok_or_else(no_such_secret)
    }

    /// A secret that is not marked for deletion.
    pub(super) fn live(&mut self, id: &str, now: Timestamp) -> Result<&mut Secret, AwsRefusal> {
        let secret = self.existing(id, now)?;
        if secret.deleted.is_some() {
            return Err(invalid_request(
                "You can't perform this operation on the secret because it was marked for deletion.",
            ));
        }
        Ok(secret)
    }
}

/// An ARN ends in six random characters: a secret that is created again under its name has another ARN.
pub(super) fn new_arn(name: &str) -> String {
    let random = Uuid::new_v4().simple().to_string();
    let end: String = random.chars().take(6).collect();
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-{end}")
}

/// Dates are seconds since the epoch, with decimals.
pub(super) fn seconds(at: Timestamp) -> Value {
    let millis = at.as_millis();
    let text = format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000));
    serde_json::from_str(&text).unwrap_or(Value::Null)
}
