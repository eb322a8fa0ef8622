//! What every AWS client of a function shares: the one HTTP client, the time-outs, and what Lambda's environment says.

use std::error::Error as _;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::result::{DispatchFailure, SdkError};
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
pub use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

/// The services that the functions call, as `AWS_ENDPOINT_URL_…` spells them.
const SERVICES: [&str; 3] = ["DYNAMODB", "SQS", "SECRETS_MANAGER"];

/// Region, credentials and endpoints of a function.
///
/// Lambda puts them into environment variables and nowhere else, so nothing else is asked: no profile, no metadata
/// service, no token exchange. The default chain of the SDK would be a quarter of a function's binary (decision 0008).
#[derive(Clone, Debug)]
pub struct Environment {
    region: Region,
    credentials: Credentials,
    endpoints: Endpoints,
    use_fips: bool,
    use_dual_stack: bool,
}

impl Environment {
    /// `required` and `optional` give the values of variables.
    pub(crate) fn read(
        mut required: impl FnMut(&'static str) -> String,
        optional: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let on = |name| optional(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        Self {
            region: Region::new(required("AWS_REGION")),
            credentials: Credentials::new(
                required("AWS_ACCESS_KEY_ID"),
                required("AWS_SECRET_ACCESS_KEY"),
                optional("AWS_SESSION_TOKEN"),
                None,
                "environment",
            ),
            endpoints: Endpoints {
                all: optional("AWS_ENDPOINT_URL"),
                own: SERVICES.map(|service| optional(&format!("AWS_ENDPOINT_URL_{service}"))),
            },
            use_fips: on("AWS_USE_FIPS_ENDPOINT"),
            use_dual_stack: on("AWS_USE_DUALSTACK_ENDPOINT"),
        }
    }

    /// Puts the SDK on the one HTTP client.
    pub fn config(self, http: &reqwest::Client) -> SdkConfig {
        settings(http)
            .region(self.region)
            .credentials_provider(SharedCredentialsProvider::new(self.credentials))
            // They hold as long as the process.
            .identity_cache(IdentityCache::no_cache())
            .service_config(self.endpoints)
            .use_fips(self.use_fips)
            .use_dual_stack(self.use_dual_stack)
            .build()
    }
}

/// An attempt may take 3 s and a call, with up to three attempts, 8 s: less than what is kept back after a write.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(8))
        .build()
}

/// Three attempts in all.
pub fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3)
}

/// What holds for every AWS client, whoever brings region and credentials along.
pub fn settings(http: &reqwest::Client) -> aws_types::sdk_config::Builder {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(crate::http::for_aws(http.clone()))
        .timeout_config(timeouts())
        .retry_config(retries())
        // Every attempt has its end, so a stream that stalls needs no watchman of its own.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SharedTimeSource::new(SystemTimeSource::new()))
}

/// `AWS_ENDPOINT_URL` and, before it, `AWS_ENDPOINT_URL_DYNAMODB` and so on.
#[derive(Clone, Debug)]
struct Endpoints {
    all: Option<String>,
    own: [Option<String>; SERVICES.len()],
}

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        if key.env() != "AWS_ENDPOINT_URL" {
            return None;
        }
        let service = key.service_id().to_ascii_uppercase().replace(' ', "_");
        let own = SERVICES.iter().zip(&self.own);
        own.filter(|(name, _)| **name == service)
            .find_map(|(_, url)| url.clone())
            .or_else(|| self.all.clone())
    }
}

/// Why an AWS call failed, in words that hold no data: the service's error code, or what became of the connection.
pub fn reason<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata,
{
    short_reason(error).to_owned()
}

/// The same with the call and what it was about: `DynamoDB GetItem, table tenants: AccessDeniedException`.
///
/// `kind` and `name` are those of the table or secret; never a value.
#[inline(never)]
pub fn failure<E, R>(kind: &str, name: &str, error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata,
{
    named_failure(std::any::type_name::<E>(), kind, name, short_reason(error))
}

fn short_reason<E, R>(error: &SdkError<E, R>) -> &str
where
    E: ProvideErrorMetadata,
{
    match error {
        SdkError::ServiceError(context) => context.err().code().unwrap_or("unknown service error"),
        SdkError::TimeoutError(_) => "time-out",
        SdkError::DispatchFailure(failure) => not_dispatched(failure),
        SdkError::ResponseError(_) => "unreadable answer",
        _ => "request could not be built",
    }
}

fn not_dispatched(failure: &DispatchFailure) -> &'static str {
    let error = failure.as_connector_error();
    error
        .and_then(|error| error.source()?.downcast_ref())
        .map_or("no connection", crate::http::transport_reason)
}

// Apart from the generic functions, so that it stands in a binary once and not for each operation.
fn named_failure(error_type: &str, kind: &str, name: &str, reason: &str) -> String {
    let (service, operation) = call_of(error_type);
    format!("{service} {operation}, {kind} {name}: {reason}")
}

/// Service and operation by the name of the operation's error type, `aws_sdk_dynamodb::operation::….::GetItemError`.
fn call_of(error_type: &str) -> (&str, &str) {
    let service = match error_type.split("::").next() {
        Some("aws_sdk_dynamodb") => "DynamoDB",
        Some("aws_sdk_secretsmanager") => "Secrets Manager",
        Some("aws_sdk_sqs") => "SQS",
        _ => "AWS",
    };
    let name = error_type.rsplit("::").next().unwrap_or_default();
    (service, name.strip_suffix("Error").unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)]) -> SdkConfig {
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let client = crate::http::client(None).expect("a client");
        Environment::read(|name| find(name).unwrap_or_default(), find).config(&client)
    }

    fn endpoint(config: &SdkConfig, service: &str) -> Option<String> {
        let key = ServiceConfigKey::builder()
            .service_id(service)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .expect("a key");
        config.service_config()?.load_config(key)
    }

    #[test]
    fn a_services_own_endpoint_wins_over_that_of_all() {
        let config = config(&[
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:2"),
        ]);
        assert_eq!(config.region(), Some(&Region::from_static("eu-west-1")));
        assert_eq!(
            endpoint(&config, "Secrets Manager").as_deref(),
            Some("http://127.0.0.1:2")
        );
        assert_eq!(
            endpoint(&config, "DynamoDB").as_deref(),
            Some("http://127.0.0.1:1")
        );
    }

    #[test]
    fn a_call_is_named_by_the_type_of_its_error() {
        let get = std::any::type_name::<aws_sdk_dynamodb::operation::get_item::GetItemError>();
        assert_eq!(call_of(get), ("DynamoDB", "GetItem"));
        type Read = aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
        let read = std::any::type_name::<Read>();
        assert_eq!(call_of(read), ("Secrets Manager", "GetSecretValue"));
        type Send = aws_sdk_sqs::operation::send_message::SendMessageError;
        assert_eq!(
            call_of(std::any::type_name::<Send>()),
            ("SQS", "SendMessage")
        );
    }

    #[test]
    fn without_endpoints_the_services_have_their_own() {
        let config = config(&[("AWS_USE_FIPS_ENDPOINT", "true")]);
        assert_eq!(endpoint(&config, "SQS"), None);
        assert_eq!(config.use_fips(), Some(true));
        assert_eq!(config.use_dual_stack(), Some(false));
    }
}
