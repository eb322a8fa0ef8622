//! A refresh token that Secrets Manager would not take, kept until it does (decision 0005).

use std::time::Duration;

use super::CredentialsTable;
use crate::aws::secret_store::TokenSecret;
use crate::aws::storage_error::StorageError;
use crate::domain::tenant::TenantId;

/// Outlives every refresh token.
const KEPT_FOR: Duration = Duration::from_secs(400 * 24 * 3600);

fn kept_token_key(tenant: &TenantId) -> String {
    format!("{tenant}#token-kept")
}

impl CredentialsTable {
    /// Keeps a token that could not be stored where it belongs. The caller holds the tenant's token lease.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn stage_token(
        &self,
        tenant: &TenantId,
        token: &TokenSecret,
    ) -> Result<(), StorageError> {
        let text = serde_json::to_string(token)
            .map_err(|_| StorageError("the token cannot be written".to_owned()))?;
        let ends = self.clock.now().plus(KEPT_FOR);
        self.put(kept_token_key(tenant), ends, [("token", text)])
            .await
    }

    /// The token that is kept, if one is.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn kept_token(&self, tenant: &TenantId) -> Result<Option<TokenSecret>, StorageError> {
        let item = self.item(&kept_token_key(tenant)).await?;
        let text = item
            .as_ref()
            .and_then(|item| item.get("token")?.as_s().ok());
        Ok(text.and_then(|text| serde_json::from_str(text).ok()))
    }

    /// Forgets the kept token: it is stored where it belongs. The item stays empty until it expires, for one operation for
    /// everything is what keeps the functions small.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn drop_kept_token(&self, tenant: &TenantId) -> Result<(), StorageError> {
        let now = self.clock.now();
        self.put(kept_token_key(tenant), now, [("token", String::new())])
            .await
    }
}
