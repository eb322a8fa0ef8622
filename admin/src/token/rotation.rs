//! The rotation of a token secret as Secrets Manager describes it.

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::primitives::DateTime;
use aws_sdk_secretsmanager::types::RotationRulesType;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::domain::clock::Timestamp;

use crate::error::AdminError;
use crate::secrets_manager;
use crate::stack::Stack;

/// The rotation of the token secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rotation {
    /// Whether there is any.
    pub enabled: bool,
    /// How often the token is looked at: `rate(1 day)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// When a rotation last succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_rotated_at: Option<Timestamp>,
    /// When the next one is due; Secrets Manager may give a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_rotation_at: Option<Timestamp>,
    /// The version whose label `AWSPENDING` keeps every rotation from beginning: no rotation of the connector made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<String>,
}

impl From<&DescribeSecretOutput> for Rotation {
    fn from(described: &DescribeSecretOutput) -> Self {
        if described.rotation_enabled() != Some(true) {
            return Self::default();
        }
        let schedule = described
            .rotation_rules()
            .and_then(RotationRulesType::schedule_expression);
        Self {
            enabled: true,
            schedule: schedule.map(str::to_owned),
            last_rotated_at: described.last_rotated_date().and_then(moment),
            next_rotation_at: described.next_rotation_date().and_then(moment),
            blocked_by: None,
        }
    }
}

fn moment(at: &DateTime) -> Option<Timestamp> {
    at.to_millis().ok().map(Timestamp::from_millis)
}

/// The version that has `AWSPENDING` without being current, and that no rotation of this connector made. Secrets Manager
/// begins no rotation beside it
/// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html>).
///
/// What a rotation makes says which version it was made from (`derived_from`) or repeats the current value; a version
/// without a value is one that a rotation is about to fill.
pub(super) async fn foreign_pending(
    stack: &Stack,
    secret: &str,
    described: &DescribeSecretOutput,
    current: &Map<String, Value>,
) -> Result<Option<String>, AdminError> {
    let versions = described.version_ids_to_stages().into_iter().flatten();
    let has = |labels: &[String], label: &str| labels.iter().any(|own| own == label);
    let mut pending = versions
        .filter(|(_, labels)| has(labels, "AWSPENDING") && !has(labels, "AWSCURRENT"))
        .map(|(version, _)| version.clone());
    let Some(version) = pending.next() else {
        return Ok(None);
    };
    let Some(text) = secrets_manager::read_version(stack, secret, &version).await? else {
        return Ok(None);
    };
    let json: Option<Map<String, Value>> = serde_json::from_str(&text).ok();
    let ours = json.is_some_and(|json| json.contains_key("derived_from") || json == *current);
    Ok((!ours).then_some(version))
}
