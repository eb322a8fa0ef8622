//! Sending a message to the dead-letter queue.

use shared::aws::queue::{DeadLetter, Post};
use shared::domain::error::ErrorCode;
use shared::retry;
use shared::telemetry::{self, Metric};

use crate::disposition::MessageDisposition;
use crate::event::Message;
use crate::service::DeliverSession;

/// Sends a message to the dead-letter queue with its reason; `post` is `None` when the message holds none. Without
/// success the message is postponed.
pub(crate) async fn send(
    function: &DeliverSession,
    message: &Message,
    post: Option<&Post>,
    reason: ErrorCode,
    detail: Option<String>,
) -> MessageDisposition {
    let tenant = post.map(|post| &post.tenant);
    let received_at = post.map_or(message.queued_at, |post| post.received_at);
    let dead_letter =
        DeadLetter::message(message.body.clone(), reason, post, received_at).with_detail(detail);
    match function.queues.send_dead_letter(dead_letter).await {
        Ok(()) => {
            telemetry::count_reason(Metric::DeadLettered, reason, tenant);
            if post.is_none() {
                tracing::error!(
                    message_id = message.id,
                    code = reason.as_str(),
                    "message is no post; dead-lettered"
                );
            }
            MessageDisposition::Done
        }
        Err(error) => {
            tracing::error!(message_id = message.id, code = reason.as_str(), %error, "dead letter not sent; kept");
            MessageDisposition::Postponed(message.hidden_for(retry::SESSION.first))
        }
    }
}
