//! Authenticates a request's sender and queues the post.

use shared::aws::tenants::KeyKind;
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::time_budget::TimeBudget;
use shared::telemetry::{self, Metric};

use crate::event::{Action, Command};
use crate::reply::Reply;
use crate::service::SessionDetails;
use crate::{accept, event};

const TOO_MANY_POSTS: &str = "Send the same post again in a minute. The operator raises the limit with the stack's \
    parameter PostsPerMinute.";

/// Does what the request asks for.
///
/// # Errors
/// `not-found` for a wrong tenant or key; `storage-unavailable`, `too-many-posts`, and what [`accept`] and the parser say.
pub(crate) async fn act(
    function: &SessionDetails,
    command: Command,
    budget: &TimeBudget,
) -> Result<Reply, Problem> {
    let Command {
        tenant,
        key,
        action,
    } = command;
    let (tenants, kind) = (&function.tenants, KeyKind::Webhook);
    let found = tenants.authenticate(&tenant, kind, &key, budget.left());
    let (known, _) = found
        .await
        .map_err(|error| {
            tracing::warn!(%tenant, %error, "tenant not readable");
            event::send_again(ErrorCode::StorageUnavailable)
        })?
        .ok_or_else(event::not_found)?;
    let Action::Accept(delivery) = action else {
        return Ok(Reply::Authenticated);
    };
    if !known.file.enabled {
        telemetry::count(Metric::PostIgnored, Some(&tenant));
        return Ok(Reply::Ignored);
    }
    let now = function.clock.now();
    if !function.quota.admits(&tenant, now) {
        telemetry::count(Metric::TooManyPosts, Some(&tenant));
        return Err(Problem::new(ErrorCode::TooManyPosts, TOO_MANY_POSTS));
    }
    match delivery.parse(tenant.clone(), now) {
        Ok(post) => accept::queue(function, post, delivery.bytes.len(), budget)
            .await
            .map(Reply::Accepted),
        Err(problem) => {
            Err(accept::dead_letter(function, &tenant, &delivery, problem, budget).await)
        }
    }
}
