//! The Lambda function `rotate-tokens`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::init();
    rotate_tokens::run().await
}
