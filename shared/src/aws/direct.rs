//! Calls of AWS operations without the SDK's clients.
//!
//! A client of the SDK brings its service's rules for endpoints and a list of AWS partitions, and parses that list, JSON and
//! regular expressions, as soon as it is made. The functions make all their calls through this module instead. The operations,
//! their signatures and their retries are the SDK's (decisions 0014 and 0020).

mod endpoint;
mod operations;

use aws_runtime::auth::sigv4;
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::recursion_detection::RecursionDetectionInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::service_clock_skew::ServiceClockSkewInterceptor;
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_smithy_runtime::client::defaults::{DefaultPluginParams, default_plugins};
use aws_smithy_runtime::client::orchestrator::AuthSchemeAndEndpointOrchestrationV2;
use aws_smithy_runtime::client::orchestrator::invoke;
use aws_smithy_runtime::client::retries::classifiers::HttpStatusCodeClassifier;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{CreateUnhandledError as _, SdkError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::{RuntimePlugins, StaticRuntimePlugin};
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::operation::BuildError;
use aws_types::region::SigningRegion;
use aws_types::{SdkConfig, SigningName};

use self::endpoint::endpoint_resolver;
pub(crate) use self::endpoint::{DYNAMODB, SECRETS_MANAGER, SQS, ServiceName, endpoint};
pub use self::operations::Operation;

/// Calls operations of one service.
#[derive(Clone, Debug)]
pub struct DirectClient {
    service: &'static str,
    plugins: RuntimePlugins,
}

impl DirectClient {
    /// Calls DynamoDB.
    pub fn dynamodb(aws: &SdkConfig) -> Self {
        Self::new(aws, &DYNAMODB, aws_sdk_dynamodb::meta::PKG_VERSION)
    }

    /// Calls Secrets Manager.
    pub fn secrets_manager(aws: &SdkConfig) -> Self {
        let version = aws_sdk_secretsmanager::meta::PKG_VERSION;
        Self::new(aws, &SECRETS_MANAGER, version)
    }

    /// Calls SQS.
    pub fn sqs(aws: &SdkConfig) -> Self {
        Self::new(aws, &SQS, aws_sdk_sqs::meta::PKG_VERSION)
    }

    fn new(aws: &SdkConfig, service: &ServiceName, version: &'static str) -> Self {
        let ServiceName { id, prefix, .. } = *service;
        let mut layer = Layer::new("DirectClient");
        layer.store_put(AuthSchemeAndEndpointOrchestrationV2);
        layer.store_put(ApiMetadata::new(prefix, version));
        layer.store_put(SigningName::from_static(prefix));
        layer.store_or_unset(aws.region().cloned().map(SigningRegion::from));
        layer.store_or_unset(aws.region().cloned());
        layer.store_or_unset(aws.retry_config().cloned());
        layer.store_or_unset(aws.timeout_config().cloned());
        layer.store_or_unset(aws.stalled_stream_protection());
        let region = aws.region().map(AsRef::as_ref);
        let mut components = RuntimeComponentsBuilder::new("DirectClient");
        components.set_http_client(aws.http_client());
        components.set_sleep_impl(aws.sleep_impl());
        components.set_time_source(aws.time_source());
        components.set_identity_cache(aws.identity_cache());
        if let Some(credentials) = aws.credentials_provider() {
            components.set_identity_resolver(sigv4::SCHEME_ID, credentials);
        }
        components.set_endpoint_resolver(Some(endpoint_resolver(aws, service)));
        components.set_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(
            vec![sigv4::SCHEME_ID],
        )));
        components.push_auth_scheme(sigv4::SigV4AuthScheme::new());
        components.push_retry_classifier(HttpStatusCodeClassifier::default());
        components.push_interceptor(ServiceClockSkewInterceptor::new());
        components.push_interceptor(RequestInfoInterceptor::new());
        components.push_interceptor(UserAgentInterceptor::new());
        components.push_interceptor(InvocationIdInterceptor::new());
        components.push_interceptor(SharedInterceptor::permanent(
            RecursionDetectionInterceptor::new(),
        ));
        let defaults = DefaultPluginParams::new()
            .with_retry_partition_name(format!("{prefix}-{}", region.unwrap_or_default()))
            .with_behavior_version(BehaviorVersion::latest())
            .with_is_aws_sdk(true);
        let own = StaticRuntimePlugin::new()
            .with_config(layer.freeze())
            .with_runtime_components(components);
        Self {
            service: id,
            plugins: RuntimePlugins::new()
                .with_client_plugins(default_plugins(defaults))
                .with_client_plugin(own),
        }
    }

    /// Calls an operation. `input` is what the input's builder returns.
    ///
    /// Nothing is added to it: where the SDK's client makes a token that the input lacks, as for `PutSecretValue`, the caller
    /// has to give one.
    ///
    /// # Errors
    /// As the operation of the SDK's client.
    pub async fn call<O: Operation>(
        &self,
        input: Result<O::Input, BuildError>,
    ) -> Result<O::Output, CallError<O>> {
        let input = Input::erase(input.map_err(SdkError::construction_failure)?);
        let plugins = self.plugins.clone().with_operation_plugin(O::default());
        let answer = invoke(self.service, O::NAME, input, &plugins).await;
        let output = answer.map_err(|error| {
            error.map_service_error(|error| {
                let unknown = |error| O::Error::create_unhandled_error(Box::new(error), None);
                error.downcast().unwrap_or_else(unknown)
            })
        })?;
        let wrong = |_| SdkError::construction_failure("the output of another operation");
        output.downcast().map_err(wrong)
    }
}

/// Why a call failed.
pub type CallError<O> = SdkError<<O as Operation>::Error, HttpResponse>;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use aws_sdk_dynamodb::operation::delete_item::{DeleteItem, DeleteItemInput};
    use aws_sdk_dynamodb::operation::get_item::{GetItem, GetItemInput};
    use aws_sdk_dynamodb::operation::put_item::{PutItem, PutItemInput};
    use aws_sdk_dynamodb::operation::query::{Query, QueryInput};
    use aws_sdk_dynamodb::operation::scan::{Scan, ScanInput};
    use aws_sdk_dynamodb::operation::update_item::{self, UpdateItem, UpdateItemInput};
    use aws_sdk_secretsmanager::operation::describe_secret::{DescribeSecret, DescribeSecretInput};
    use aws_sdk_secretsmanager::operation::get_secret_value::{
        self, GetSecretValue, GetSecretValueInput,
    };
    use aws_sdk_secretsmanager::operation::put_secret_value::{
        PutSecretValue, PutSecretValueInput,
    };
    use aws_sdk_secretsmanager::operation::update_secret_version_stage::{
        UpdateSecretVersionStage, UpdateSecretVersionStageInput,
    };
    use aws_sdk_sqs::operation::change_message_visibility_batch::{
        ChangeMessageVisibilityBatch, ChangeMessageVisibilityBatchInput,
    };
    use aws_sdk_sqs::operation::delete_message_batch::{
        DeleteMessageBatch, DeleteMessageBatchInput,
    };
    use aws_sdk_sqs::operation::send_message::{self, SendMessage, SendMessageInput};
    use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep};
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
    use aws_smithy_types::timeout::TimeoutConfig;
    use aws_types::region::Region;

    use super::*;
    use crate::aws::item::text_value;

    /// Records requests and answers each with this status and body.
    #[derive(Clone, Debug)]
    struct Recorder {
        requests: Arc<Mutex<Vec<HttpRequest>>>,
        answer: (u16, &'static str),
    }

    impl HttpConnector for Recorder {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            self.requests.lock().expect("no panic").push(request);
            let (status, body) = self.answer;
            let response = http::Response::builder().status(status);
            let response = response.body(SdkBody::from(body)).expect("a response");
            HttpConnectorFuture::ready(Ok(response.try_into().expect("a response")))
        }
    }

    /// Repeats at once.
    #[derive(Debug)]
    struct NoSleep;

    impl AsyncSleep for NoSleep {
        fn sleep(&self, _: Duration) -> Sleep {
            Sleep::new(std::future::ready(()))
        }
    }

    impl Recorder {
        fn answering(status: u16, body: &'static str) -> Self {
            Self {
                requests: Arc::default(),
                answer: (status, body),
            }
        }

        /// The configuration of a function, with this instead of the HTTP client.
        fn config(&self) -> SdkConfig {
            let client = crate::http::client(None).expect("a client");
            let connector = SharedHttpConnector::new(self.clone());
            let keys = Credentials::new("key", "secret", Some("token".to_owned()), None, "test");
            crate::aws::sdk::settings(&client)
                .region(Region::from_static("eu-west-1"))
                .credentials_provider(SharedCredentialsProvider::new(keys))
                .http_client(http_client_fn(move |_, _| connector.clone()))
                .timeout_config(TimeoutConfig::disabled())
                .sleep_impl(SharedAsyncSleep::new(NoSleep))
                .build()
        }

        /// What the requests have in common: all but times, ids and signatures.
        fn sent(&self) -> Vec<Vec<String>> {
            let requests = self.requests.lock().expect("no panic");
            requests.iter().map(comparable).collect()
        }
    }

    fn comparable(request: &HttpRequest) -> Vec<String> {
        let header = |name: &str, value: &str| match name {
            "authorization" => {
                let (_, signed) = value.split_once("SignedHeaders=").expect("signed headers");
                signed.split(',').next().unwrap_or_default().to_owned()
            }
            "amz-sdk-invocation-id" | "x-amz-date" | "user-agent" | "x-amz-user-agent" => {
                String::new()
            }
            _ => value.to_owned(),
        };
        let headers = request.headers().iter();
        let mut all: Vec<_> = headers
            .map(|(name, value)| format!("{name}: {}", header(name, value)))
            .collect();
        all.sort();
        all.push(format!("{} {}", request.method(), request.uri()));
        let body = request.body().bytes().unwrap_or_default();
        all.push(String::from_utf8_lossy(body).into_owned());
        all
    }

    fn message() -> send_message::builders::SendMessageInputBuilder {
        SendMessageInput::builder()
            .queue_url("https://sqs.eu-west-1.amazonaws.com/1/sessions.fifo")
            .message_body("a note")
            .message_group_id("group")
    }

    fn update() -> update_item::builders::UpdateItemInputBuilder {
        UpdateItemInput::builder()
            .table_name("sessions")
            .key("session", text_value("acme#1"))
            .update_expression("SET #state = :state")
            .condition_expression("attribute_not_exists(#state)")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", text_value("waiting"))
    }

    fn secret() -> get_secret_value::builders::GetSecretValueInputBuilder {
        GetSecretValueInput::builder().secret_id("acme/token")
    }

    /// Both answers to a call, and what both clients sent: ours first, then the SDK's.
    macro_rules! both {
        ($sdk:ident::$ours:ident, $operation:ident, $input:expr, $answer:expr) => {{
            let (status, body) = $answer;
            let (ours, sdk) = (
                Recorder::answering(status, body),
                Recorder::answering(status, body),
            );
            let direct = DirectClient::$ours(&ours.config());
            let client = $sdk::Client::new(&sdk.config());
            let input = $input;
            let answers = (
                direct.call::<$operation>(input.clone().build()).await,
                input.send_with(&client).await,
            );
            (answers, (ours.sent(), sdk.sent()))
        }};
    }

    /// Each operation with what its input has at least.
    #[tokio::test]
    async fn a_call_sends_what_the_sdks_client_sends() {
        macro_rules! assert_same {
            ($sdk:ident::$ours:ident, $operation:ident, $input:expr) => {
                let (answers, sent) = both!($sdk::$ours, $operation, $input, (200, "{}"));
                assert_eq!(answers.0.expect("an answer"), answers.1.expect("an answer"));
                assert_eq!(sent.0, sent.1);
                assert_eq!(sent.0.len(), 1);
            };
        }
        assert_same!(aws_sdk_sqs::sqs, SendMessage, message());
        let input = DeleteMessageBatchInput::builder().queue_url("https://sqs.test/1/queue");
        assert_same!(aws_sdk_sqs::sqs, DeleteMessageBatch, input);
        let input =
            ChangeMessageVisibilityBatchInput::builder().queue_url("https://sqs.test/1/queue");
        assert_same!(aws_sdk_sqs::sqs, ChangeMessageVisibilityBatch, input);
        let input = GetItemInput::builder().table_name("tenants");
        assert_same!(aws_sdk_dynamodb::dynamodb, GetItem, input);
        let input = PutItemInput::builder().table_name("credentials");
        assert_same!(aws_sdk_dynamodb::dynamodb, PutItem, input);
        let input = DeleteItemInput::builder().table_name("credentials");
        assert_same!(aws_sdk_dynamodb::dynamodb, DeleteItem, input);
        assert_same!(aws_sdk_dynamodb::dynamodb, UpdateItem, update());
        let input = QueryInput::builder().table_name("sessions");
        assert_same!(aws_sdk_dynamodb::dynamodb, Query, input);
        let input = ScanInput::builder().table_name("tenants");
        assert_same!(aws_sdk_dynamodb::dynamodb, Scan, input);
        assert_same!(
            aws_sdk_secretsmanager::secrets_manager,
            GetSecretValue,
            secret()
        );
        // Without a token the SDK's client makes one, and `DirectClient` does not.
        let input = PutSecretValueInput::builder().client_request_token("token");
        assert_same!(
            aws_sdk_secretsmanager::secrets_manager,
            PutSecretValue,
            input
        );
        let input = DescribeSecretInput::builder().secret_id("acme/token");
        assert_same!(
            aws_sdk_secretsmanager::secrets_manager,
            DescribeSecret,
            input
        );
        let input = UpdateSecretVersionStageInput::builder().secret_id("acme/token");
        assert_same!(
            aws_sdk_secretsmanager::secrets_manager,
            UpdateSecretVersionStage,
            input
        );
    }

    #[tokio::test]
    async fn a_failed_call_is_repeated_as_often_as_by_the_sdks_client() {
        macro_rules! assert_same {
            ($sdk:ident::$ours:ident, $operation:ident, $input:expr, $failures:expr) => {
                for failure in $failures {
                    let (answers, sent) = both!($sdk::$ours, $operation, $input, failure);
                    let errors = (
                        answers.0.expect_err("refused"),
                        answers.1.expect_err("refused"),
                    );
                    assert_eq!(errors.0.code(), errors.1.code(), "{failure:?}");
                    assert_eq!(
                        format!("{:?}", errors.0.into_service_error()),
                        format!("{:?}", errors.1.into_service_error())
                    );
                    assert_eq!(sent.0.len(), sent.1.len(), "{failure:?}");
                    assert!(!sent.0.is_empty());
                }
            };
        }
        let refused = r#"{"__type": "com.amazonaws.sqs#InvalidMessageContents"}"#;
        let throttled = r#"{"__type": "com.amazonaws.sqs#RequestThrottled"}"#;
        let failures = [(503, "{}"), (400, throttled), (400, refused)];
        assert_same!(aws_sdk_sqs::sqs, SendMessage, message(), failures);
        let refused = r#"{"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
                          "Item": {"owner": {"S": "another"}}}"#;
        let throttled = r#"{"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}"#;
        let failures = [(500, "{}"), (400, throttled), (400, refused)];
        assert_same!(aws_sdk_dynamodb::dynamodb, UpdateItem, update(), failures);
        let missing = r#"{"__type": "ResourceNotFoundException"}"#;
        let failures = [(500, "{}"), (400, missing)];
        assert_same!(
            aws_sdk_secretsmanager::secrets_manager,
            GetSecretValue,
            secret(),
            failures
        );
    }

    #[tokio::test]
    async fn a_call_goes_to_the_region_of_the_configuration_and_nowhere_without_one() {
        let recorder = Recorder::answering(200, "{}");
        let in_region = |name| {
            let aws = recorder.config().into_builder();
            DirectClient::sqs(&aws.region(Region::from_static(name)).build())
        };
        let sqs = in_region("cn-north-1");
        let sent = sqs.call::<SendMessage>(message().build()).await;
        sent.expect("sent");
        let sqs = in_region("evil.test/");
        let refused = sqs.call::<SendMessage>(message().build()).await;
        refused.expect_err("no region has such a name");
        let requests = recorder.requests.lock().expect("no panic");
        let uris: Vec<_> = requests.iter().map(HttpRequest::uri).collect();
        assert_eq!(uris, ["https://sqs.cn-north-1.amazonaws.com.cn/"]);
    }
}
