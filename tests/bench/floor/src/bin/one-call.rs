//! A handler that only sends the body it gets to the sessions queue: the floor under `session-details`.

use aws_sdk_sqs::Client;
use lambda_http::{Body, Error, Request, Response, service_fn};
use shared::environment::EnvironmentReader;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let mut environment = EnvironmentReader::process();
    let queue = environment.required("SESSIONS_QUEUE_URL");
    let aws = environment.aws();
    let testing = environment.testing();
    environment.finish()?;
    let http = shared::http::client(testing.ca_file.as_deref())?;
    let sqs = Client::new(&aws.config(&http));
    lambda_http::run(service_fn(|request| send(&sqs, &queue, request))).await
}

async fn send(sqs: &Client, queue: &str, request: Request) -> Result<Response<Body>, Error> {
    let body = String::from_utf8_lossy(request.body()).into_owned();
    // The same body is sent again and again, and SQS must not take it for a repeat.
    let message = sqs.send_message().queue_url(queue).message_body(body);
    message
        .message_group_id("one-call")
        .message_deduplication_id(uuid::Uuid::new_v4().to_string())
        .send()
        .await?;
    Ok(Response::new(Body::from(r#"{"status":"accepted"}"#)))
}
