//! `generate-pin`: a PIN for a technician and a record, tied to the record, e-mailed, and given once per press.

#[cfg_attr(not(test), expect(dead_code, reason = "nothing sends e-mails yet"))]
mod mail;
mod words;

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
