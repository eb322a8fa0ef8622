//! Posts that wait for their tenant's re-authorisation, until `wake.rs` makes them visible (decision 0006).
//!
//! Their messages are hidden for up to an hour: hidden for less, they would reach 400 receives before
//! `reauthorization_wait` ends. The ledger keeps their receipt handles, with which a wake-up makes them visible at once.
//! The cost: one write for each message and hour.

use std::time::Duration;

use futures::future::join_all;
use shared::aws::queue::{PackedPost, Post};
use shared::domain::session::Digest;

use crate::event::Message;
use crate::service::DeliverSession;

/// Stores the receipt handles of messages that are about to be hidden. Never fails: without its handle, a message comes
/// back when its visibility time-out ends.
pub(crate) async fn store_receipt_handles(
    function: &DeliverSession,
    hidden: &[&Message],
    delay: Duration,
) {
    let until = function.clock.now().plus(delay);
    let mut posts: Vec<(Post, Vec<String>)> = Vec::new();
    for message in hidden {
        let Ok(packed) = PackedPost::read(&message.body) else {
            continue;
        };
        let post = packed.outline();
        let same = |digest: &Digest| *digest == post.digest;
        let handle = message.receipt_handle.clone();
        match posts.iter_mut().find(|(post, _)| same(&post.digest)) {
            // Redriving may have doubled the post; a message that stays hidden would block its group.
            Some((_, handles)) => handles.push(handle),
            None => posts.push((post, vec![handle])),
        }
    }
    let writes = posts.into_iter().map(async |(post, handles)| {
        let ledger = &function.ledger;
        if let Err(error) = ledger.await_authorization(&post, until, handles).await {
            tracing::warn!(tenant = %post.tenant, session = %post.session_id, %error,
                "the post cannot be woken before it comes back by itself");
        }
    });
    join_all(writes).await;
}
