//! The outcome of a request → the response.

use lambda_http::http::StatusCode;
use serde_json::{Value, json};
use shared::api::response::{self, HttpResponse};
use shared::domain::error::Problem;

use crate::token_hand_over::StoredToken;

/// The response.
pub(crate) fn reply(outcome: Result<StoredToken, Problem>, request_id: &str) -> HttpResponse {
    match outcome {
        Ok(stored) => response::json(StatusCode::OK, &answer(&stored)),
        Err(problem) => response::refusal(&problem, request_id),
    }
}

fn answer(stored: &StoredToken) -> Value {
    json!({
        "status": "stored",
        "expires_at": stored.expires_at.to_string(),
        "days_left": stored.valid_for.as_secs() / (24 * 3600),
    })
}
