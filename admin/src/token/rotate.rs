//! Renewing a tenant's refresh token now.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use shared::aws::secret_store::token_secret_name;
use shared::domain::clock::Timestamp;
use shared::domain::tenant::{Grant, TenantId};
use shared::token::store::TokenStore;

use super::rotation::foreign_pending;
use super::status::{DAY, token_of};
use crate::error::AdminError;
use crate::secrets::holding_the_token;
use crate::secrets_manager;
use crate::stack::Stack;
use crate::tenant::table;

/// How long `token rotate` waits: the four steps of a rotation take seconds unless ServiceNow is slow.
pub const ROTATION_WAIT: Duration = Duration::from_secs(90);

/// What `token rotate` answers. No token is in it.
///
/// As JSON: `{"tenant","renewed","expires_at","days_left"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rotated {
    /// The tenant.
    pub tenant: TenantId,
    /// Whether the token lives longer now. If not, it works, but nothing could move its end.
    pub renewed: bool,
    /// When the token that is current now stops working.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Whole days until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<u64>,
}

/// Renews a tenant's refresh token now, due or not, and waits for it, no longer than `patience` ([`ROTATION_WAIT`]).
///
/// The request goes into the token secret, where the rotation function finds it; then a rotation is begun.
///
/// # Errors
/// [`AdminError::NoSuchTenant`], [`AdminError::NoToken`], [`AdminError::NoTokenYet`], [`AdminError::NoRotation`],
/// [`AdminError::ForeignPending`] or [`AdminError::TokenInUse`]: nothing was changed. [`AdminError::NotRenewed`], or
/// when AWS refuses: a token that was staged before may have become current. [`AdminError::RotationBusy`] and
/// [`AdminError::RotationUnfinished`]: the request is kept, and Secrets Manager keeps trying.
pub async fn rotate(
    stack: &Stack,
    id: &TenantId,
    patience: Duration,
) -> Result<Rotated, AdminError> {
    let file = table::read_existing(stack, id).await?.file;
    if file.servicenow.grant != Grant::RefreshToken {
        return Err(AdminError::NoToken(id.clone()));
    }
    let secret = token_secret_name(&stack.secret_prefix, id);
    let json = secrets_manager::read_existing(stack, &secret).await?.json;
    let before = token_of(json.clone(), &secret)?;
    if before.refresh_token.is_none() {
        return Err(AdminError::NoTokenYet(id.clone()));
    }
    let described = secrets_manager::describe(stack, &secret).await?;
    if described.rotation_enabled() != Some(true) {
        return Err(AdminError::NoRotation(secret));
    }
    if let Some(version) = foreign_pending(stack, &secret, &described, &json).await? {
        return Err(AdminError::ForeignPending { secret, version });
    }
    holding_the_token(stack, id, request_renewal(stack, id)).await?;
    let version = begin_rotation(stack, id, &secret).await?;
    wait(stack, id, &secret, &version, patience).await?;
    let now = stack.clock.now();
    let after = token_of(
        secrets_manager::read_existing(stack, &secret).await?.json,
        &secret,
    )?;
    let left = after.expires_at.map(|expires_at| expires_at.since(now));
    Ok(Rotated {
        tenant: id.clone(),
        renewed: after.expires_at > before.expires_at,
        expires_at: after.expires_at,
        days_left: left.map(|left| left.as_secs() / DAY.as_secs()),
    })
}

/// Asks the next rotation to renew the token. The caller holds the token lease.
async fn request_renewal(stack: &Stack, id: &TenantId) -> Result<(), AdminError> {
    let (secrets, credentials) = (stack.secret_store(), stack.credentials());
    let tokens = TokenStore::new(Arc::new(secrets), Arc::new(credentials));
    let current = tokens.promote_staged(id).await?;
    Ok(tokens.request_renewal(id, &current).await?)
}

/// Begins a rotation; the version that it is going to make.
async fn begin_rotation(stack: &Stack, id: &TenantId, secret: &str) -> Result<String, AdminError> {
    let version = uuid::Uuid::new_v4().to_string();
    let answer = stack
        .secrets
        .rotate_secret()
        .secret_id(secret)
        .client_request_token(&version)
        .rotate_immediately(true)
        .send()
        .await;
    match answer {
        Ok(_) => Ok(version),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_invalid_request_exception()) =>
        {
            Err(AdminError::RotationBusy(id.clone()))
        }
        Err(error) => Err(secrets_manager::failed(
            "secretsmanager:RotateSecret",
            secret,
            &error,
        )),
    }
}

/// The first and the longest delay between two looks at a rotation.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(2);

/// Waits until a version is current, or was given up because another token was stored meanwhile.
async fn wait(
    stack: &Stack,
    id: &TenantId,
    secret: &str,
    version: &str,
    patience: Duration,
) -> Result<(), AdminError> {
    let began = tokio::time::Instant::now();
    let (mut pause, mut was_pending) = (FIRST_DELAY, false);
    loop {
        let described = secrets_manager::describe(stack, secret).await?;
        let labels = described
            .version_ids_to_stages()
            .and_then(|versions| versions.get(version));
        let has = |label: &str| labels.is_some_and(|labels| labels.iter().any(|has| has == label));
        let pending = has("AWSPENDING");
        if has("AWSCURRENT") || (was_pending && !pending) {
            return Ok(());
        }
        was_pending |= pending;
        if began.elapsed() >= patience {
            return Err(AdminError::RotationUnfinished {
                tenant: id.clone(),
                waited: patience.as_secs(),
            });
        }
        tokio::time::sleep(pause.min(patience)).await;
        pause = (pause * 2).min(LONGEST_DELAY);
    }
}
