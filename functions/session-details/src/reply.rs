//! The outcome of a request → the response.

use lambda_http::http::StatusCode;
use serde_json::json;
use shared::api::response::{self, HttpResponse};
use shared::aws::queue::Post;
use shared::domain::error::Problem;

/// A request that was not refused.
pub(crate) enum Reply {
    Authenticated,
    Ignored,
    Accepted(Post),
}

/// The response.
pub(crate) fn reply(outcome: Result<Reply, Problem>, request_id: &str) -> HttpResponse {
    match outcome {
        Ok(Reply::Authenticated) => response::empty(StatusCode::NO_CONTENT),
        Ok(Reply::Ignored) => response::json(StatusCode::OK, &json!({ "status": "ignored" })),
        Ok(Reply::Accepted(post)) => response::json(
            StatusCode::OK,
            &json!({ "status": "accepted", "session_id": post.session_id, "delivery": post.digest }),
        ),
        Err(problem) => response::refusal(&problem, request_id),
    }
}
