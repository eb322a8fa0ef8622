//! Calls of AWS operations without the SDK's clients.
//!
//! A client of the SDK parses its list of AWS partitions, JSON and regular expressions, as soon as it is made: for an endpoint
//! that follows from the region's name nearly everywhere. A process makes its first calls through this module instead. The
//! operations, their signatures and their retries are the SDK's (decision 0014).

use std::error::Error;
use std::fmt::Debug;

use aws_runtime::auth::sigv4;
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::recursion_detection::RecursionDetectionInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::service_clock_skew::ServiceClockSkewInterceptor;
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_sdk_dynamodb::operation::get_item;
use aws_sdk_sqs::operation::{change_message_visibility_batch, delete_message_batch, send_message};
use aws_smithy_runtime::client::defaults::{DefaultPluginParams, default_plugins};
use aws_smithy_runtime::client::orchestrator::AuthSchemeAndEndpointOrchestrationV2;
use aws_smithy_runtime::client::orchestrator::endpoints::StaticUriEndpointResolver;
use aws_smithy_runtime::client::orchestrator::invoke;
use aws_smithy_runtime::client::retries::classifiers::HttpStatusCodeClassifier;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::endpoint::SharedEndpointResolver;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{CreateUnhandledError, SdkError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::{
    RuntimePlugin, RuntimePlugins, StaticRuntimePlugin,
};
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::operation::BuildError;
use aws_types::endpoint_config::{EndpointUrl, UseDualStack, UseFips};
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;
use aws_types::{SdkConfig, SigningName};

/// How AWS names a service.
#[derive(Debug)]
pub(crate) struct ServiceName {
    /// In the SDK, and in the names of variables.
    id: &'static str,
    /// In endpoints and signatures.
    prefix: &'static str,
}

pub(crate) const DYNAMODB: ServiceName = ServiceName {
    id: "DynamoDB",
    prefix: "dynamodb",
};
pub(crate) const SQS: ServiceName = ServiceName {
    id: "SQS",
    prefix: "sqs",
};
pub(crate) const SECRETS_MANAGER: ServiceName = ServiceName {
    id: "Secrets Manager",
    prefix: "secretsmanager",
};

/// The endpoint of a service, where it follows without the list of partitions.
pub(crate) fn known_endpoint(aws: &SdkConfig, service: &ServiceName) -> Option<String> {
    simple_endpoint(aws, endpoint_url(aws, service.id), service.prefix)
}

/// Calls operations of one service.
#[derive(Clone, Debug)]
pub struct DirectClient {
    service: &'static str,
    plugins: RuntimePlugins,
}

impl DirectClient {
    /// Calls DynamoDB.
    pub fn dynamodb(aws: &SdkConfig) -> Self {
        use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, ResolveEndpoint as _};
        let version = aws_sdk_dynamodb::meta::PKG_VERSION;
        Self::new(aws, &DYNAMODB, version, || {
            DefaultResolver::new().into_shared_resolver()
        })
    }

    /// Calls SQS.
    pub fn sqs(aws: &SdkConfig) -> Self {
        use aws_sdk_sqs::config::endpoint::{DefaultResolver, ResolveEndpoint as _};
        Self::new(aws, &SQS, aws_sdk_sqs::meta::PKG_VERSION, || {
            DefaultResolver::new().into_shared_resolver()
        })
    }

    fn new(
        aws: &SdkConfig,
        service: &ServiceName,
        version: &'static str,
        by_partition: fn() -> SharedEndpointResolver,
    ) -> Self {
        let ServiceName { id, prefix } = *service;
        let mut layer = Layer::new("DirectClient");
        layer.store_put(AuthSchemeAndEndpointOrchestrationV2);
        layer.store_put(ApiMetadata::new(prefix, version));
        layer.store_put(SigningName::from_static(prefix));
        layer.store_or_unset(aws.region().cloned().map(SigningRegion::from));
        layer.store_or_unset(aws.region().cloned());
        layer.store_or_unset(aws.use_fips().map(UseFips));
        layer.store_or_unset(aws.use_dual_stack().map(UseDualStack));
        layer.store_or_unset(aws.retry_config().cloned());
        layer.store_or_unset(aws.timeout_config().cloned());
        layer.store_or_unset(aws.stalled_stream_protection());
        let url = endpoint_url(aws, id);
        layer.store_or_unset(url.clone().map(EndpointUrl));
        let region = aws.region().map(AsRef::as_ref);
        let endpoint = match simple_endpoint(aws, url, prefix) {
            Some(url) => SharedEndpointResolver::new(StaticUriEndpointResolver::uri(url)),
            None => by_partition(),
        };
        let mut components = RuntimeComponentsBuilder::new("DirectClient");
        components.set_http_client(aws.http_client());
        components.set_sleep_impl(aws.sleep_impl());
        components.set_time_source(aws.time_source());
        components.set_identity_cache(aws.identity_cache());
        if let Some(credentials) = aws.credentials_provider() {
            components.set_identity_resolver(sigv4::SCHEME_ID, credentials);
        }
        components.set_endpoint_resolver(Some(endpoint));
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

/// An operation of the SDK, with its types.
#[expect(missing_docs, reason = "the names say it")]
pub trait Operation: RuntimePlugin + Default + 'static {
    const NAME: &'static str;
    type Input: Debug + Send + Sync + 'static;
    type Output: Debug + Send + Sync + 'static;
    type Error: Error + CreateUnhandledError + Send + Sync + 'static;
}

impl Operation for get_item::GetItem {
    const NAME: &'static str = "GetItem";
    type Input = get_item::GetItemInput;
    type Output = get_item::GetItemOutput;
    type Error = get_item::GetItemError;
}

impl Operation for send_message::SendMessage {
    const NAME: &'static str = "SendMessage";
    type Input = send_message::SendMessageInput;
    type Output = send_message::SendMessageOutput;
    type Error = send_message::SendMessageError;
}

impl Operation for delete_message_batch::DeleteMessageBatch {
    const NAME: &'static str = "DeleteMessageBatch";
    type Input = delete_message_batch::DeleteMessageBatchInput;
    type Output = delete_message_batch::DeleteMessageBatchOutput;
    type Error = delete_message_batch::DeleteMessageBatchError;
}

impl Operation for change_message_visibility_batch::ChangeMessageVisibilityBatch {
    const NAME: &'static str = "ChangeMessageVisibilityBatch";
    type Input = change_message_visibility_batch::ChangeMessageVisibilityBatchInput;
    type Output = change_message_visibility_batch::ChangeMessageVisibilityBatchOutput;
    type Error = change_message_visibility_batch::ChangeMessageVisibilityBatchError;
}

/// The endpoint that a variable or the configuration sets, in the SDK's order.
fn endpoint_url(aws: &SdkConfig, service: &str) -> Option<String> {
    let common = || aws.endpoint_url().map(str::to_owned);
    if aws.get_origin("endpoint_url").is_client_config() {
        return common();
    }
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let own = aws
        .service_config()
        .and_then(|config| config.load_config(key));
    own.or_else(common)
}

/// The endpoint where it follows without the list of partitions; never with FIPS or dual stack.
fn simple_endpoint(aws: &SdkConfig, url: Option<String>, prefix: &str) -> Option<String> {
    if aws.use_fips() == Some(true) || aws.use_dual_stack() == Some(true) {
        return None;
    }
    url.or_else(|| of_region(prefix, aws.region()?.as_ref()))
}

/// The endpoint in a region of the partition `aws`, for names such as `eu-west-1`. Regions of other partitions have other
/// names (`us-gov-west-1`, `cn-north-1`, `us-iso-east-1`).
///
/// Source: the pattern of the partition `aws` in the SDK's `partitions.json`.
fn of_region(prefix: &str, region: &str) -> Option<String> {
    let mut parts = region.split('-');
    let area = parts.next()?;
    let (direction, number) = (parts.next()?, parts.next()?);
    let known = ["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"].contains(&area)
        && parts.next().is_none()
        && !direction.is_empty()
        && direction.bytes().all(|byte| byte.is_ascii_lowercase())
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit());
    known.then(|| format!("https://{prefix}.{region}.amazonaws.com"))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use aws_sdk_sqs::operation::send_message::{SendMessage, SendMessageInput};
    use aws_smithy_runtime_api::client::endpoint::{EndpointResolverParams, ResolveEndpoint as _};
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
    use aws_types::region::Region;

    use super::*;

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

    #[tokio::test]
    async fn a_call_sends_what_the_sdks_client_sends() {
        let (ours, sdk) = (
            Recorder::answering(200, r#"{"MessageId": "m-1"}"#),
            Recorder::answering(200, r#"{"MessageId": "m-1"}"#),
        );
        let sqs = DirectClient::sqs(&ours.config());
        let sent = sqs.call::<SendMessage>(message().build()).await;
        assert_eq!(sent.expect("sent").message_id(), Some("m-1"));
        let client = aws_sdk_sqs::Client::new(&sdk.config());
        message().send_with(&client).await.expect("sent");
        assert_eq!(ours.sent(), sdk.sent());

        let read = || get_item::GetItemInput::builder().table_name("tenants");
        let (ours, sdk) = (
            Recorder::answering(200, "{}"),
            Recorder::answering(200, "{}"),
        );
        let dynamodb = DirectClient::dynamodb(&ours.config());
        let found = dynamodb.call::<get_item::GetItem>(read().build()).await;
        assert_eq!(found.expect("read").item(), None);
        let client = aws_sdk_dynamodb::Client::new(&sdk.config());
        read().send_with(&client).await.expect("read");
        assert_eq!(ours.sent(), sdk.sent());
    }

    #[tokio::test]
    async fn a_failed_call_is_repeated_as_often_as_by_the_sdks_client() {
        for (status, body) in [
            (503, "{}"),
            (400, r#"{"__type": "com.amazonaws.sqs#RequestThrottled"}"#),
            (
                400,
                r#"{"__type": "com.amazonaws.sqs#InvalidMessageContents"}"#,
            ),
        ] {
            let (ours, sdk) = (
                Recorder::answering(status, body),
                Recorder::answering(status, body),
            );
            let sqs = DirectClient::sqs(&ours.config());
            let failed = sqs.call::<SendMessage>(message().build()).await;
            let failed = failed.expect_err("refused");
            let client = aws_sdk_sqs::Client::new(&sdk.config());
            let expected = message().send_with(&client).await.expect_err("refused");
            assert_eq!(failed.code(), expected.code());
            let (ours, sdk) = (ours.sent(), sdk.sent());
            assert_eq!(ours.len(), sdk.len(), "{body}");
            assert!(!ours.is_empty());
        }
    }

    fn aws(region: &'static str) -> aws_types::sdk_config::Builder {
        SdkConfig::builder().region(Region::from_static(region))
    }

    /// The URL that the SDK chooses.
    async fn by_sdk(region: &str) -> (String, String) {
        use aws_sdk_dynamodb::config::endpoint as dynamodb;
        use aws_sdk_dynamodb::config::endpoint::ResolveEndpoint as _;
        use aws_sdk_sqs::config::endpoint as sqs;
        use aws_sdk_sqs::config::endpoint::ResolveEndpoint as _;
        let params = dynamodb::Params::builder().region(region).build();
        let resolver = dynamodb::DefaultResolver::new().into_shared_resolver();
        let params = EndpointResolverParams::new(params.expect("parameters"));
        let first = resolver.resolve_endpoint(&params).await;
        let params = sqs::Params::builder().region(region).build();
        let resolver = sqs::DefaultResolver::new().into_shared_resolver();
        let params = EndpointResolverParams::new(params.expect("parameters"));
        let second = resolver.resolve_endpoint(&params).await;
        let url = |endpoint: aws_smithy_types::endpoint::Endpoint| endpoint.url().to_owned();
        (
            url(first.expect("an endpoint")),
            url(second.expect("an endpoint")),
        )
    }

    #[tokio::test]
    async fn the_endpoint_of_a_region_is_the_one_that_the_sdk_chooses() {
        for region in [
            "af-south-1",
            "ap-east-1",
            "ap-northeast-1",
            "ap-southeast-7",
            "ca-west-1",
            "eu-central-1",
            "eu-west-1",
            "il-central-1",
            "me-south-1",
            "mx-central-1",
            "sa-east-1",
            "us-east-1",
            "us-west-2",
        ] {
            let ours = |prefix| of_region(prefix, region).expect(region);
            assert_eq!((ours("dynamodb"), ours("sqs")), by_sdk(region).await);
        }
    }

    #[test]
    fn regions_of_other_partitions_and_unknown_ones_are_left_to_the_sdk() {
        for region in [
            "cn-north-1",
            "cn-northwest-1",
            "eu-isoe-west-1",
            "eusc-de-east-1",
            "us-gov-west-1",
            "us-iso-east-1",
            "us-isob-east-1",
            "us-isof-south-1",
            "aws-global",
            "local",
            "eu",
            "eu-west",
            "eu-west-",
            "eu-west-1x",
            "eu-west-1.evil.test/",
            "eu--1",
            "",
        ] {
            assert_eq!(of_region("sqs", region), None, "{region}");
        }
    }

    #[test]
    fn fips_and_dual_stack_are_left_to_the_sdk_even_with_an_endpoint() {
        let url = || Some("http://127.0.0.1:1".to_owned());
        for aws in [
            aws("eu-west-1").use_fips(true),
            aws("eu-west-1").use_dual_stack(true),
        ] {
            let aws = aws.build();
            assert_eq!(simple_endpoint(&aws, None, "sqs"), None);
            assert_eq!(simple_endpoint(&aws, url(), "sqs"), None);
        }
        let aws = aws("cn-north-1").use_fips(false).build();
        assert_eq!(simple_endpoint(&aws, url(), "sqs"), url());
        assert_eq!(simple_endpoint(&aws, None, "sqs"), None);
    }

    #[tokio::test]
    async fn in_a_region_of_another_partition_a_call_goes_where_the_sdk_sends_it() {
        let recorder = Recorder::answering(200, "{}");
        let aws = recorder.config().into_builder();
        let aws = aws.region(Region::from_static("cn-north-1")).build();
        let sqs = DirectClient::sqs(&aws);
        sqs.call::<SendMessage>(message().build())
            .await
            .expect("sent");
        let requests = recorder.requests.lock().expect("no panic");
        let uris: Vec<_> = requests.iter().map(HttpRequest::uri).collect();
        assert_eq!(uris, ["https://sqs.cn-north-1.amazonaws.com.cn/"]);
    }
}
