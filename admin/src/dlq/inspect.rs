//! Lists, shows and deletes dead letters.

use serde::Serialize;

use super::dead_letter::{DeadLetter, Filter, ShownDeadLetter};
use super::message::DeadLetterMessage;
use super::receiver::{HIDE_WHILE_READING, Receiver, message_count};
use crate::error::AdminError;
use crate::sessions::not_before;
use crate::stack::Stack;

/// The dead letters that the queue returned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetters {
    /// In the order in which the posts were accepted.
    pub dead_letters: Vec<DeadLetter>,
    /// How many more the queue counts: other consumers have received them.
    pub hidden: usize,
}

/// The dead letters that the filter selects, in the order in which the posts were accepted.
///
/// # Errors
/// When the queue cannot be read.
pub async fn list(stack: &Stack, filter: &Filter) -> Result<DeadLetters, AdminError> {
    let mut receiver = Receiver::new(stack, HIDE_WHILE_READING);
    let mut dead_letters = Vec::new();
    let read = async {
        while let Some(messages) = receiver.next().await? {
            let read = messages
                .iter()
                .map(|message| DeadLetterMessage::from(message).dead_letter);
            dead_letters.extend(read.filter(|dead_letter| filter.matches(dead_letter)));
        }
        message_count(stack, &stack.sessions_dlq_url).await
    };
    let count = read.await;
    let received = receiver.received();
    receiver.release().await?;
    dead_letters.sort_by_key(|dead_letter| dead_letter.received_at);
    Ok(DeadLetters {
        dead_letters,
        hidden: count?.saturating_sub(received),
    })
}

/// Shows one dead letter; with its content only when `reveal` is set.
///
/// # Errors
/// [`AdminError::NoSuchDeadLetter`]; otherwise when the queue cannot be read.
pub(crate) async fn show(
    stack: &Stack,
    id: &str,
    reveal: bool,
) -> Result<ShownDeadLetter, AdminError> {
    let mut receiver = Receiver::new(stack, HIDE_WHILE_READING);
    let found = receiver.find(id).await;
    receiver.release().await?;
    let found = found?;
    let message = DeadLetterMessage::from(&found);
    let key = message.post.as_ref().ok().map(|post| post.key.clone());
    Ok(ShownDeadLetter {
        not_before: not_before(stack, key.as_slice()).await.into_values().next(),
        ..message.shown(&found, reveal)
    })
}

/// The answer of `dlq delete`.
///
/// As JSON: the members of `dlq list`, and `"deleted":true`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct DeletedDeadLetter {
    #[serde(flatten)]
    pub(crate) dead_letter: DeadLetter,
    deleted: bool,
}

/// Deletes one dead letter. No other copy of the post exists.
///
/// # Errors
/// [`AdminError::NoSuchDeadLetter`]; otherwise when the queue cannot be used.
pub(crate) async fn delete(stack: &Stack, id: &str) -> Result<DeletedDeadLetter, AdminError> {
    let mut receiver = Receiver::new(stack, HIDE_WHILE_READING);
    let found = async {
        let found = receiver.find(id).await?;
        receiver.delete(&[id.to_owned()]).await?;
        Ok(DeadLetterMessage::from(&found).dead_letter)
    };
    let found: Result<DeadLetter, AdminError> = found.await;
    let deleted = receiver.is_deleted(id);
    let released = receiver.release().await;
    let dead_letter = found?;
    released?;
    if !deleted {
        let queue = format!("queue {}", stack.sessions_dlq_url);
        let reason = "the queue did not delete it".to_owned();
        return Err(AdminError::failed("sqs:DeleteMessage", &queue, reason));
    }
    Ok(DeletedDeadLetter {
        dead_letter,
        deleted,
    })
}
