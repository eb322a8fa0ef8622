//! The loop of an HTTP function.

use lambda_http::{Error, LambdaEvent, lambda_runtime, service_fn};
use serde_json::Value;

use crate::api::request::HttpRequest;
use crate::api::response::HttpResponse;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;

/// Responds to one request after the other with `handle`.
///
/// # Errors
/// What the Lambda runtime says when it ends.
pub async fn serve<H, F>(handle: H) -> Result<(), Error>
where
    H: Fn(HttpRequest) -> F,
    F: Future<Output = HttpResponse>,
{
    let handle = &handle;
    let respond = |event: LambdaEvent<Value>| async move {
        let request = HttpRequest::new(event.payload, &event.context);
        // Boxed: the type of all nested futures is deeper than the compiler follows.
        let response = Box::pin(handle(request)).await;
        Ok::<_, Error>(ApiGatewayV2httpResponse::from(response))
    };
    lambda_runtime::run(service_fn(respond)).await
}
