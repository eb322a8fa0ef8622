//! `receive-token`: takes a refresh token from ServiceNow, proves that it works, and stores it.

use lambda_http::Error;
use shared::environment::Reader;

/// Runs the function.
///
/// # Errors
/// Names every variable that is missing; otherwise what the Lambda runtime says when it ends.
pub async fn run() -> Result<(), Error> {
    let environment = Reader::process();
    environment.finish()?;
    Err("this function does nothing yet".into())
}
