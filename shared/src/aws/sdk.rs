//! The configuration of all AWS clients (HTTP client, time-outs, Lambda's environment), and repeated calls.

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
use tokio::time::Instant;

use crate::retry::Backoff;

/// The services that the functions call, as spelled in `AWS_ENDPOINT_URL_…`.
const SERVICES: [&str; 3] = ["DYNAMODB", "SQS", "SECRETS_MANAGER"];

/// Region, credentials and endpoints of a function.
///
/// Lambda sets them as environment variables, so profiles, the metadata service and token exchange are not used. The
/// SDK's default chain would be a quarter of a function's binary (decision 0008).
#[derive(Clone, Debug)]
pub struct AwsEnvironment {
    region: Region,
    credentials: Credentials,
    endpoints: Endpoints,
    use_fips: bool,
    use_dual_stack: bool,
}

impl AwsEnvironment {
    /// `required` and `optional` return the values of variables.
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

    /// The SDK's configuration with this HTTP client.
    pub fn config(self, http: &reqwest::Client) -> SdkConfig {
        settings(http)
            .region(self.region)
            .credentials_provider(SharedCredentialsProvider::new(self.credentials))
            // They are valid as long as the process runs.
            .identity_cache(IdentityCache::no_cache())
            .service_config(self.endpoints)
            .use_fips(self.use_fips)
            .use_dual_stack(self.use_dual_stack)
            .build()
    }
}

/// An attempt may take 3 s, and a call of up to three attempts 8 s: less than the time that is reserved after a write.
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

/// The settings of every AWS client, without region and credentials.
pub fn settings(http: &reqwest::Client) -> aws_types::sdk_config::Builder {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(crate::http::for_aws(http.clone()))
        .timeout_config(timeouts())
        .retry_config(retries())
        // The attempt's time-out also ends a stalled stream.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SharedTimeSource::new(SystemTimeSource::new()))
}

/// `AWS_ENDPOINT_URL`, and `AWS_ENDPOINT_URL_DYNAMODB` and so on, which precede it.
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

/// The delay between two attempts of [`repeat`].
const REPEAT_DELAY: Backoff = Backoff {
    first: Duration::from_millis(50),
    longest: Duration::from_millis(500),
};

/// Error codes that a repeated call returns again: a missing right, a missing or disabled resource, an invalid request.
/// Without the prefixes of SQS (`AWS.SimpleQueueService.`, `KMS.`).
const PERMANENT: [&str; 14] = [
    "AccessDenied",
    "AccessDeniedException",
    "KmsAccessDenied",
    "NonExistentQueue",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
    "NotFoundException",
    "KmsNotFound",
    "DisabledException",
    "KmsDisabled",
    "InvalidMessageContents",
    "InvalidParameterValue",
    "UnsupportedOperation",
    "ValidationException",
];

/// Repeats a call, each time with a new signature, until it succeeds, fails permanently, or `time_limit` leaves no time for
/// another attempt. Only for idempotent calls.
///
/// The SDK itself ends after three attempts, and at once after errors that it does not count as transient: an expired
/// signature, a throttled KMS key. It corrects a wrong clock by the `Date` of each response, so the next signature has the
/// right time.
///
/// # Errors
/// The last failure; a time-out when no attempt has ended.
pub async fn repeat<T, E, R>(
    time_limit: Duration,
    call: impl AsyncFn() -> Result<T, SdkError<E, R>>,
) -> Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata,
{
    let end = Instant::now() + time_limit;
    let mut attempts = 0;
    let mut last = None;
    loop {
        match tokio::time::timeout_at(end, call()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => {
                attempts += 1;
                let next = Instant::now() + REPEAT_DELAY.after(attempts);
                if is_permanent(&error) || next >= end {
                    return Err(error);
                }
                last = Some(error);
                tokio::time::sleep_until(next).await;
            }
            Err(elapsed) => {
                return Err(last.unwrap_or_else(|| SdkError::timeout_error(elapsed)));
            }
        }
    }
}

fn is_permanent<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::DispatchFailure(failure) => failure.is_user(),
        SdkError::ServiceError(context) => context
            .err()
            .code()
            .and_then(|code| code.rsplit('.').next())
            .is_some_and(|code| PERMANENT.contains(&code)),
        _ => false,
    }
}

/// Why an AWS call failed, without data: the service's error code, or why there is no answer.
pub fn reason<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata,
{
    short_reason(error).to_owned()
}

/// [`reason`] with the call and its resource.
///
/// `kind` and `name` are those of the table, secret or queue, never a value.
#[inline(never)]
pub fn failure<E, R>(kind: &str, name: &str, error: &SdkError<E, R>) -> FailedCall
where
    E: ProvideErrorMetadata,
{
    FailedCall::new(std::any::type_name::<E>(), kind, name, short_reason(error))
}

/// A failed call of AWS, without data: `DynamoDB GetItem, table tenants: AccessDeniedException`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{service} {operation}, {resource}: {reason}")]
pub struct FailedCall {
    service: &'static str,
    operation: &'static str,
    /// `table tenants`.
    pub resource: String,
    /// The service's error code, or why there is no answer.
    pub reason: String,
}

impl FailedCall {
    // Not generic, so that a binary has it once and not for each operation.
    fn new(error_type: &'static str, kind: &str, name: &str, reason: &str) -> Self {
        let (service, operation) = call_of(error_type);
        Self {
            service,
            operation,
            resource: format!("{kind} {name}"),
            reason: reason.to_owned(),
        }
    }

    /// The call as IAM names it: `secretsmanager:GetSecretValue`.
    pub fn action(&self) -> String {
        let service = self.service.to_ascii_lowercase().replace(' ', "");
        format!("{service}:{}", self.operation)
    }
}

/// What an operator does about a failed call, as a clause. `action` and `resource` are those of the call, `reason` why it failed.
pub fn advice(action: &str, resource: &str, reason: &str) -> String {
    let advice = match reason {
        "no AWS credentials" => "sign in to AWS, or choose a profile with AWS_PROFILE",
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
            return format!("your role needs the permission {action} on {resource}");
        }
        "ResourceNotFoundException"
        | "QueueDoesNotExist"
        | "AWS.SimpleQueueService.NonExistentQueue" => "is the stack deployed in this region?",
        "ExpiredToken"
        | "ExpiredTokenException"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId" => "your AWS credentials are no longer valid, sign in again",
        reason
            if reason.contains("connection")
                || reason.contains("time-out")
                || reason.starts_with("the host") =>
        {
            "check the network and the region (AWS_REGION)"
        }
        _ => {
            "try again; if it fails again, check that resource in the AWS console and the AWS Health Dashboard"
        }
    };
    advice.to_owned()
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

/// Service and operation from the name of the operation's error type, `aws_sdk_dynamodb::operation::….::GetItemError`.
fn call_of(error_type: &'static str) -> (&'static str, &'static str) {
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
    use std::cell::Cell;

    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    type Failure = SdkError<ErrorMetadata, ()>;

    fn refused(code: &str) -> Failure {
        SdkError::service_error(ErrorMetadata::builder().code(code).build(), ())
    }

    const SOON: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn an_error_that_is_not_permanent_is_repeated_until_the_call_succeeds() {
        for code in [
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "RequestExpired",
            "RequestTimeTooSkewed",
            "KmsThrottled",
            "KMS.ThrottlingException",
            "ThrottlingException",
            "ServiceUnavailable",
            "InternalError",
            "SomethingNew",
        ] {
            let attempts = Cell::new(0);
            let call = async || {
                attempts.set(attempts.get() + 1);
                if attempts.get() < 4 {
                    Err(refused(code))
                } else {
                    Ok(attempts.get())
                }
            };
            assert_eq!(repeat(SOON, call).await.expect(code), 4);
        }
    }

    #[tokio::test]
    async fn a_permanent_error_ends_the_repetition() {
        for code in [
            "AccessDenied",
            "AccessDeniedException",
            "KMS.AccessDeniedException",
            "AWS.SimpleQueueService.NonExistentQueue",
            "QueueDoesNotExist",
            "ResourceNotFoundException",
            "KMS.DisabledException",
            "ValidationException",
        ] {
            let attempts = Cell::new(0);
            let call = async || {
                attempts.set(attempts.get() + 1);
                Err::<(), _>(refused(code))
            };
            let error = repeat(SOON, call).await.expect_err(code);
            assert_eq!((reason(&error).as_str(), attempts.get()), (code, 1));
        }
    }

    #[tokio::test]
    async fn at_the_time_limit_the_last_error_is_returned_and_a_hanging_call_ends() {
        let started = Instant::now();
        let time_limit = Duration::from_millis(400);
        let attempts = Cell::new(0);
        let call = async || {
            attempts.set(attempts.get() + 1);
            Err::<(), _>(refused("InternalError"))
        };
        let error = repeat(time_limit, call).await.expect_err("fails always");
        // After 0, 50, 150 and 350 ms; one more would come too late.
        assert_eq!(reason(&error), "InternalError");
        assert!((2..=4).contains(&attempts.get()), "{attempts:?}");
        let call = async || std::future::pending::<Result<(), Failure>>().await;
        let error = repeat(time_limit, call).await.expect_err("hangs");
        assert_eq!(reason(&error), "time-out");
        assert!(started.elapsed() < SOON);
    }

    fn config(variables: &[(&str, &str)]) -> SdkConfig {
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let client = crate::http::client(None).expect("a client");
        AwsEnvironment::read(|name| find(name).unwrap_or_default(), find).config(&client)
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
    fn a_services_own_endpoint_precedes_the_common_one() {
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
    fn a_failed_call_is_named_as_iam_names_it() {
        type Read = aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
        let error = std::any::type_name::<Read>();
        let failed = FailedCall::new(error, "secret", "acme/token", "AccessDeniedException");
        assert_eq!(failed.action(), "secretsmanager:GetSecretValue");
        assert_eq!(failed.resource, "secret acme/token");
        assert_eq!(failed.reason, "AccessDeniedException");
        assert_eq!(
            failed.to_string(),
            "Secrets Manager GetSecretValue, secret acme/token: AccessDeniedException"
        );
    }

    #[test]
    fn without_endpoint_variables_the_sdk_chooses_the_endpoint() {
        let config = config(&[("AWS_USE_FIPS_ENDPOINT", "true")]);
        assert_eq!(endpoint(&config, "SQS"), None);
        assert_eq!(config.use_fips(), Some(true));
        assert_eq!(config.use_dual_stack(), Some(false));
    }

    #[test]
    fn a_missing_permission_is_named_as_iam_names_it() {
        let advice = advice("dynamodb:GetItem", "table tenants", "AccessDeniedException");
        assert_eq!(
            advice,
            "your role needs the permission dynamodb:GetItem on table tenants"
        );
    }
}
