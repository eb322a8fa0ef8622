//! Rotation: schedules, what is due, and the AWSPENDING version that a rotation starts with.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::domain::clock::Timestamp;
use uuid::Uuid;

use super::refusal::{invalid_parameter, invalid_request};
use super::secret::{CURRENT, DAY, PENDING, Rotation, Secrets, Unfinished, Version};
use super::versions::check_token;
use crate::aws::refusal::{AwsRefusal, AwsResult};

/// How long after a failed rotation all its steps run again. Secrets Manager does not publish its own delay.
pub const ROTATION_RETRY: Duration = Duration::from_secs(600);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RotateSecret {
    secret_id: String,
    client_request_token: Option<String>,
    #[serde(rename = "RotationLambdaARN")]
    rotation_lambda_arn: Option<String>,
    rotation_rules: Option<Map<String, Value>>,
    rotate_immediately: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CancelRotateSecret {
    secret_id: String,
}

pub(super) fn rotate(secrets: &mut Secrets, request: RotateSecret, now: Timestamp) -> AwsResult {
    let token = check_token(request.client_request_token.as_deref())?;
    let secret = secrets.live(&request.secret_id, now)?;
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
    let mut answer = secret.identity();
    if at_once {
        answer["VersionId"] = json!(token);
    }
    Ok(answer)
}

pub(super) fn cancel(
    secrets: &mut Secrets,
    request: &CancelRotateSecret,
    now: Timestamp,
) -> AwsResult {
    let secret = secrets.live(&request.secret_id, now)?;
    if let Some(rotation) = &mut secret.rotation {
        rotation.enabled = false;
        rotation.next_at = None;
        rotation.unfinished = None;
    }
    let pending = secret.holder(PENDING);
    let mut answer = secret.identity();
    if let Some(pending) = pending {
        answer["VersionId"] = json!(pending);
    }
    Ok(answer)
}

/// The time between two rotations: `AutomaticallyAfterDays`, or `ScheduleExpression` in its `rate(…)` form.
/// `None` where no schedule is given, and for `cron(…)`, which is stored but never due here.
fn check_rules(rules: &Map<String, Value>) -> Result<Option<Duration>, AwsRefusal> {
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
        (None, None) => Ok(None),
        (None, Some(text)) if text.starts_with("cron(") && text.ends_with(')') => Ok(None),
        (None, Some(text)) => parse_rate(text).map_or_else(wrong, |every| Ok(Some(every))),
    }
}

/// `rate(1 day)`, `rate(10 days)`, `rate(4 hours)`: at most every four hours, singular for one.
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

/// A rotation to run now.
pub(super) struct DueRotation {
    secret: String,
    pub(super) function_arn: String,
    pub(super) token: String,
}

/// The rotations to run now, each marked so that no second tick runs it too.
pub(super) fn due(secrets: &mut Secrets, now: Timestamp) -> Vec<DueRotation> {
    let mut due = Vec::new();
    for secret in secrets.secrets.values_mut().filter(|s| s.deleted.is_none()) {
        let current = secret.holder(CURRENT);
        let pending = secret
            .holder(PENDING)
            .filter(|pending| Some(pending) != current.as_ref());
        let Some(rotation) = secret.rotation.as_mut().filter(|r| r.enabled) else {
            continue;
        };
        let scheduled = rotation.next_at.is_some_and(|at| at <= now);
        let token = match &rotation.unfinished {
            Some(unfinished) if unfinished.retry_at <= now => unfinished.token.clone(),
            // A pending version of an earlier rotation is finished before another begins.
            None if scheduled => pending.unwrap_or_else(|| Uuid::new_v4().to_string()),
            _ => continue,
        };
        let failures = rotation.unfinished.as_ref().map_or(0, |u| u.failures);
        rotation.unfinished = Some(Unfinished {
            token: token.clone(),
            retry_at: now.plus(ROTATION_RETRY),
            failures,
        });
        due.push(DueRotation {
            secret: secret.name.clone(),
            function_arn: rotation.function_arn.clone(),
            token,
        });
    }
    due
}

/// Creates the empty AWSPENDING version that `createSecret` fills; the secret's ARN, or `None` when it is gone.
pub(super) fn begin_version(
    secrets: &mut Secrets,
    due: &DueRotation,
    now: Timestamp,
) -> Option<String> {
    let secret = secrets.live(&due.secret, now).ok()?;
    if !secret.versions.contains_key(&due.token) {
        let empty = Version::empty(now);
        secret.versions.insert(due.token.clone(), empty);
        secret.attach(PENDING, &due.token);
    }
    Some(secret.arn.clone())
}

pub(super) fn ended(
    secrets: &mut Secrets,
    due: &DueRotation,
    result: Result<(), String>,
    now: Timestamp,
) {
    let Some(secret) = secrets.secrets.get_mut(&due.secret) else {
        return;
    };
    let current = secret.holder(CURRENT).as_ref() == Some(&due.token);
    let Some(rotation) = &mut secret.rotation else {
        return;
    };
    match result {
        Ok(()) => {
            rotation.unfinished = None;
            if current {
                rotation.last_at = Some(now);
            }
            rotation.next_at = rotation.every.map(|every| now.plus(every));
        }
        Err(reason) => {
            let secret = &due.secret;
            tracing::warn!(secret, reason, "rotation failed and will be tried again");
            if let Some(unfinished) = &mut rotation.unfinished {
                unfinished.failures += 1;
                unfinished.retry_at = now.plus(ROTATION_RETRY);
            }
        }
    }
}
