//! One message: decode it, wait for memory, and deliver its post.

use shared::aws::credentials::TenantPause;
use shared::aws::queue::QueueMessage;

use crate::batch::Batch;
use crate::disposition::MessageDisposition;
use crate::event::Message;
use crate::post::PostDelivery;
use crate::service::DeliverSession;
use crate::{dead_letter, missed, wake};

/// Delivers a message, or decides how long it waits. `alone`: the process handles no other group meanwhile.
pub(crate) async fn deliver(
    function: &DeliverSession,
    batch: &Batch,
    message: &Message,
    alone: bool,
) -> MessageDisposition {
    let packed = match QueueMessage::decode(&message.body) {
        Ok(QueueMessage::Post(packed)) => packed,
        Ok(QueueMessage::Wake(request)) => {
            return wake::wake(function, message, &request, &batch.budget).await;
        }
        Ok(QueueMessage::Barrier(barrier)) => {
            return missed::pass_barrier(function, message, &barrier).await;
        }
        Err(error) => {
            return dead_letter::send(function, message, None, error.code(), None).await;
        }
    };
    let outline = packed.clone();
    let _room = batch.reserve_memory(packed.size()).await;
    let (post, unreadable) = match packed.unpack() {
        Ok(post) => (post, None),
        Err(error) => (outline.outline(), Some(error.code())),
    };
    let delivery = PostDelivery {
        function,
        message,
        post: &post,
        unreadable,
        budget: &batch.budget,
        alone,
        owner: uuid::Uuid::new_v4().to_string(),
        tenant: None,
        tenant_pause: TenantPause::default(),
    };
    delivery.run().await
}
