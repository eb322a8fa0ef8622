//! The Lambda function `generate-pin`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::telemetry::init();
    generate_pin::run().await
}
