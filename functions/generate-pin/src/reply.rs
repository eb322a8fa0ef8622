//! The outcome of a request → the response.

use lambda_http::http::{HeaderValue, StatusCode};
use shared::api::response::{self, HttpResponse};
use shared::domain::error::Problem;

use crate::pin_request::PinAnswer;

/// The response.
pub(crate) fn reply(outcome: Result<PinAnswer, Problem>, request_id: &str) -> HttpResponse {
    match outcome {
        Ok(answer) => {
            let mut response = response::json(StatusCode::CREATED, &answer.body);
            if answer.replayed {
                let yes = HeaderValue::from_static("true");
                response.0.headers_mut().insert("idempotent-replayed", yes);
            }
            response
        }
        Err(problem) => response::refusal(&problem, request_id),
    }
}
