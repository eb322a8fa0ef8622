//! One program for all: it starts itself as each of the functions.

use std::future::Future;

/// The error of a command.
pub type MulticallError = Box<dyn std::error::Error + Send + Sync>;

/// Runs as the function of that name until the runtime API ends.
///
/// # Errors
/// When there is no such function, or it does not start.
pub fn run(function: &str) -> Result<(), MulticallError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    shared::telemetry::init();
    match function {
        "session-details" => runtime.block_on(session_details::run()),
        "deliver-session" => runtime.block_on(deliver_session::run()),
        "generate-pin" => runtime.block_on(generate_pin::run()),
        "receive-token" => runtime.block_on(receive_token::run()),
        "tenant-settings" => runtime.block_on(tenant_settings::run()),
        "rotate-tokens" => runtime.block_on(rotate_tokens::run()),
        "reconcile-sessions" => runtime.block_on(reconcile_sessions::run()),
        other => Err(format!("there is no function {other}").into()),
    }
}

/// Runs a command on a runtime with several threads.
///
/// # Errors
/// The error of `task`, or why there is no runtime.
pub fn block_on<T>(
    task: impl Future<Output = Result<T, MulticallError>>,
) -> Result<T, MulticallError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(task)
}
