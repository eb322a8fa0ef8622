//! The Lambda function `tenant-settings`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::telemetry::init();
    tenant_settings::run().await
}
