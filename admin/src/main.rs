//! `rescue-connector`: looks after the tenants of a deployment.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    std::panic::set_hook(Box::new(admin::report_panic));
    admin::run(std::env::args_os()).await
}
