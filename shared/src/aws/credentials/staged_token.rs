//! A refresh token that Secrets Manager did not take, staged here until it does (docs/decisions/0012-token-life.md).

use std::time::Duration;

use super::CredentialsTable;
use crate::aws::secret_store::TokenSecret;
use crate::aws::storage_error::StorageError;
use crate::domain::tenant::TenantId;

/// Outlives every refresh token.
const STAGED_FOR: Duration = Duration::from_secs(400 * 24 * 3600);

fn staged_token_key(tenant: &TenantId) -> String {
    format!("{tenant}#token-kept")
}

impl CredentialsTable {
    /// Stages a token. The caller holds the tenant's token lease.
    pub(crate) async fn stage_token(
        &self,
        tenant: &TenantId,
        token: &TokenSecret,
    ) -> Result<(), StorageError> {
        let text = serde_json::to_string(token)
            .map_err(|_| StorageError::Other("the token cannot be written".to_owned()))?;
        let ends = self.clock.now().plus(STAGED_FOR);
        let key = staged_token_key(tenant);
        self.put(key, ends, [("token", text)]).await
    }

    /// The token that is staged here, if one is.
    pub(crate) async fn staged_token(
        &self,
        tenant: &TenantId,
    ) -> Result<Option<TokenSecret>, StorageError> {
        let item = self.item(&staged_token_key(tenant)).await?;
        let token = item.as_ref().and_then(|item| super::text(item, "token"));
        Ok(token.and_then(|text| serde_json::from_str(text).ok()))
    }

    /// Empties the item until it expires: a deletion is one operation more in every function.
    pub(crate) async fn drop_staged_token(&self, tenant: &TenantId) -> Result<(), StorageError> {
        let (key, now) = (staged_token_key(tenant), self.clock.now());
        self.put(key, now, [("token", String::new())]).await
    }
}
