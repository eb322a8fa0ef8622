//! Placeholder until merged.
/// x
#[derive(Clone, Debug)]
pub struct Instance(url::Url);
/// x
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InstanceError(String);
impl Instance {
    /// x
    ///
    /// # Errors
    /// x
    pub fn parse(
        instance: &str,
        _allow_host: Option<&str>,
        _allow_loopback: bool,
    ) -> Result<Self, InstanceError> {
        url::Url::parse(instance)
            .map(Self)
            .map_err(|e| InstanceError(e.to_string()))
    }
    /// x
    pub const fn base(&self) -> &url::Url {
        &self.0
    }
}
