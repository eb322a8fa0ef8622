//! What every AWS client shares: the one HTTP client, the time-outs, the SDK's own region and credentials.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};

/// Reads region, credentials and endpoint as the SDK does everywhere, and puts the SDK on the one HTTP client.
pub async fn config(client: &reqwest::Client) -> SdkConfig {
    loader(client).load().await
}

/// The same before anything of the environment is read, for whoever brings region, credentials and endpoint along.
///
/// An attempt may take 3 s and a call, with up to three attempts, 8 s: less than what is kept back after a write.
pub fn loader(client: &reqwest::Client) -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(8))
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(crate::http::for_aws(client.clone()))
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
}

/// A failed AWS call, in words that hold no data: the operation and the service's error code.
pub fn reason<E, R>(error: &aws_smithy_runtime_api::client::result::SdkError<E, R>) -> String
where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata,
{
    use aws_smithy_runtime_api::client::result::SdkError;
    match error {
        SdkError::ServiceError(context) => context
            .err()
            .code()
            .unwrap_or("unknown service error")
            .to_owned(),
        SdkError::TimeoutError(_) => "time-out".to_owned(),
        SdkError::DispatchFailure(_) => "no connection".to_owned(),
        SdkError::ResponseError(_) => "unreadable answer".to_owned(),
        _ => "request could not be built".to_owned(),
    }
}
