//! The Lambda function `reconcile-sessions`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::init();
    reconcile_sessions::run().await
}
