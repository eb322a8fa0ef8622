//! The secrets of a tenant and the rotation schedule of its refresh token.

use aws_sdk_secretsmanager::types::RotationRulesType;
use serde_json::{Map, Value};
use shared::aws::secret_store::{tenant_secrets_name, token_secret_name};
use shared::domain::tenant::{Grant, TenantId};

use super::plan::Plan;
use crate::error::AdminError;
use crate::random::random;
use crate::secrets_manager::{self, Found};
use crate::stack::Stack;

/// How often Secrets Manager starts a rotation of a token secret (docs/architecture.md#where-state-lives).
const ROTATION: &str = "rate(1 day)";

pub(super) async fn create_missing_secrets(
    stack: &Stack,
    plan: &Plan,
) -> Result<Vec<String>, AdminError> {
    let id = &plan.after.tenant;
    let mut notes = Vec::new();
    // The token secret comes first: its rotation function shows which stack owns the secrets.
    let token = token_secret_name(&stack.secret_prefix, id);
    notes.extend(create_if_missing(stack, plan, &token, &Map::new()).await?);
    let credentials = tenant_secrets_name(&stack.secret_prefix, id);
    let (fresh, _) = secrets_manager::with_tracking_key(Map::new(), &random()?);
    if let Some(note) = create_if_missing(stack, plan, &credentials, &fresh).await? {
        notes.push(note);
    } else {
        let content = secrets_manager::read_existing(stack, &credentials).await?;
        let (json, created) = secrets_manager::with_tracking_key(content.json.clone(), &random()?);
        if created {
            secrets_manager::replace(stack, &credentials, &content, &json).await?;
            notes.push(format!(
                "secret {credentials} had no tracking key; a new one is created"
            ));
        }
    }
    Ok(notes)
}

/// Creates a secret unless it exists. Returns what was done; `None` when it exists.
async fn create_if_missing(
    stack: &Stack,
    plan: &Plan,
    name: &str,
    fresh: &Map<String, Value>,
) -> Result<Option<String>, AdminError> {
    // A new tenant has no secrets, unless it was deleted before or its creation was interrupted.
    if plan.creates() {
        if secrets_manager::create_new(stack, name, fresh).await? {
            return Ok(Some(format!("secret {name} is created")));
        }
        refuse_secret_of_another_stack(stack, &plan.after.tenant).await?;
    }
    match secrets_manager::read(stack, name).await? {
        Found::Value(_) => Ok(None),
        Found::Nothing => {
            secrets_manager::create(stack, name, fresh).await?;
            Ok(Some(format!("secret {name} is created")))
        }
        Found::Deleted => {
            secrets_manager::restore(stack, name).await?;
            // A deleted tenant had the same name. The new tenant may belong to another customer, so it starts empty.
            if plan.creates() {
                let old = secrets_manager::read_existing(stack, name).await?;
                secrets_manager::replace(stack, name, &old, fresh).await?;
            }
            Ok(Some(format!(
                "secret {name} was scheduled for deletion and is restored"
            )))
        }
    }
}

pub(super) async fn schedule_rotation(
    stack: &Stack,
    plan: &Plan,
) -> Result<Option<String>, AdminError> {
    let file = &plan.after;
    if file.servicenow.grant != Grant::RefreshToken {
        return Ok(None);
    }
    let name = token_secret_name(&stack.secret_prefix, &file.tenant);
    let Some(function) = &stack.rotate_tokens_function_arn else {
        let scheduled = secrets_manager::describe(stack, &name)
            .await?
            .rotation_enabled()
            == Some(true);
        return if scheduled {
            Ok(None)
        } else {
            Err(AdminError::NoRotationFunction)
        };
    };
    if !plan.creates() && is_scheduled(stack, &name, function).await? {
        return Ok(None);
    }
    stack
        .secrets
        .rotate_secret()
        .secret_id(&name)
        .rotation_lambda_arn(function)
        .rotation_rules(
            RotationRulesType::builder()
                .schedule_expression(ROTATION)
                .build(),
        )
        .rotate_immediately(false)
        .send()
        .await
        .map_err(|error| secrets_manager::failed("secretsmanager:RotateSecret", &name, &error))?;
    Ok(Some(format!("secret {name} is rotated daily: {ROTATION}")))
}

/// Two stacks with the same prefix would overwrite and delete each other's secrets.
async fn refuse_secret_of_another_stack(
    stack: &Stack,
    tenant: &TenantId,
) -> Result<(), AdminError> {
    let secret = token_secret_name(&stack.secret_prefix, tenant);
    let Some(described) = secrets_manager::describe_if_exists(stack, &secret).await? else {
        return Ok(());
    };
    let ours = stack.rotate_tokens_function_arn.as_deref();
    let theirs = described
        .rotation_lambda_arn()
        .filter(|function| ours.is_some_and(|ours| ours != *function));
    match theirs {
        Some(function) if described.rotation_enabled() == Some(true) => {
            Err(AdminError::SecretOfAnotherStack {
                secret,
                function: function.to_owned(),
            })
        }
        _ => Ok(()),
    }
}

async fn is_scheduled(stack: &Stack, name: &str, function: &str) -> Result<bool, AdminError> {
    let described = secrets_manager::describe(stack, name).await?;
    let expression = described
        .rotation_rules()
        .and_then(RotationRulesType::schedule_expression);
    Ok(described.rotation_enabled() == Some(true)
        && described.rotation_lambda_arn() == Some(function)
        && expression == Some(ROTATION))
}
