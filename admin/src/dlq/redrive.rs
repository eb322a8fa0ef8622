//! Puts dead letters back into the sessions queue.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use serde::Serialize;
use shared::aws::queue::MESSAGE_LIMIT;
use shared::domain::clock::Timestamp;
use shared::domain::record::RecordRef;
use shared::domain::session::{Digest, SessionId, note_marker};
use shared::domain::tenant::{TenantFile, TenantId};
use shared::environment::Testing;

use super::dead_letter::{Filter, RemainingDeadLetter};
use super::message::DeadLetterMessage;
use super::receiver::{BATCH, HIDE_WHILE_REDRIVING, Receiver};
use crate::error::AdminError;
use crate::records::{Records, record_number};
use crate::sessions::{self, PostKey, not_before};
use crate::stack::Stack;
use crate::tenant::table;

/// How many messages, and bytes of them, one round holds in memory.
const ROUND: usize = 2_000;
const ROUND_BYTES: usize = 128 * 1024 * 1024;

/// The answer of `dlq redrive`.
///
/// As JSON: `{"redriven","left":[{"id","tenant","session_id","reason","received_at","because"}],"record":{"number",
/// "table","sys_id"},"later":[{"id","session_id","not_before"}]}`. `record` only when one was named; `later` only when
/// posts have to wait.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Redriven {
    /// How many were put back.
    pub redriven: usize,
    /// Those that were selected and stay in the dead-letter queue.
    pub left: Vec<RemainingDeadLetter>,
    /// The record that the session belongs to from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<NamedRecord>,
    /// Those that were put back and have to wait.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<DelayedPost>,
}

/// A record that the operator named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamedRecord {
    /// Its number in ServiceNow.
    pub number: String,
    /// Its table and `sys_id`.
    #[serde(flatten)]
    pub record: RecordRef,
}

/// A post that was put back and has to wait until its earlier attempt can no longer take effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DelayedPost {
    /// The dead letter's id.
    pub id: String,
    /// Rescue's id of the session.
    pub session_id: SessionId,
    /// When deliveries may begin.
    pub not_before: Timestamp,
}

const NO_TENANT: &str = "there is no such tenant; apply its tenant file first";
const WRITTEN: &str =
    "its note is on the session's present record already; put it back without --record";
const UNREADABLE_NOTES: &str = "its note may be on the session's present record, whose work notes cannot be read; check that record first";
const REPEATED: &str = "this run has put the same post back already; `rescue-connector sessions show` says whether it failed again, \
                        and why";

/// Puts dead letters back into the sessions queue, in the order in which the posts were accepted. Each is sent with a
/// new deduplication id, in the group that `session-details` uses, and deleted afterwards. An interrupted run may send a
/// message twice; deliveries write it once.
///
/// # Errors
/// When a queue cannot be used; what was put back before stays put back.
pub async fn redrive(
    stack: &Stack,
    filter: &Filter,
    mut progress: impl FnMut(usize),
) -> Result<Redriven, AdminError> {
    let mut done = Redriven::default();
    let mut receiver = Receiver::new(stack, HIDE_WHILE_REDRIVING);
    let redriven = async {
        let (mut tenants, mut seen) = (BTreeMap::new(), BTreeSet::new());
        loop {
            let (round, exhausted) =
                collect(&mut receiver, filter, &mut seen, &mut done.left).await?;
            let (round, orphans) = with_tenant(stack, round, &mut tenants).await?;
            done.left.extend(orphans);
            done.later.extend(delayed(stack, &round).await);
            for batch in round.chunks(BATCH) {
                let (sent, refused) = send(stack, batch).await;
                receiver.delete(&sent).await?;
                done.redriven += sent.len();
                progress(done.redriven);
                // The next messages may belong to the same session and must not overtake.
                if let Some(refused) = refused {
                    return Err(refused);
                }
            }
            // SQS returns messages of a group one after another: deleting the first makes the next ones available.
            if exhausted && round.is_empty() {
                return Ok(());
            }
        }
    };
    let redriven: Result<(), AdminError> = redriven.await;
    let released = receiver.release().await;
    redriven?;
    released?;
    done.left.sort_by_key(|left| left.dead_letter.received_at);
    Ok(done)
}

/// Puts one dead letter back as `redrive` does. With a `number` that record is looked up in ServiceNow first and
/// becomes the record of the session in the ledger.
///
/// # Errors
/// [`AdminError::NoSuchDeadLetter`]; [`AdminError::UnknownNumber`], [`AdminError::NoSuchRecord`] and [`AdminError::ServiceNow`], with nothing changed;
/// otherwise when a queue or a table cannot be used.
pub async fn redrive_one(
    stack: &Stack,
    testing: &Testing,
    id: &str,
    number: Option<&str>,
) -> Result<Redriven, AdminError> {
    let mut receiver = Receiver::new(stack, HIDE_WHILE_REDRIVING);
    let redriven = async {
        let message = DeadLetterMessage::to_send(&receiver.find(id).await?);
        let mut done = Redriven::default();
        let post = match &message.post {
            Ok(post) => &post.key,
            Err(unreadable) => {
                done.left.push(message.remaining(unreadable));
                return Ok(done);
            }
        };
        let tenant = match table::read_existing(stack, &post.tenant).await {
            Ok(tenant) => tenant.file,
            Err(AdminError::NoSuchTenant(_)) => {
                done.left.push(message.remaining(NO_TENANT));
                return Ok(done);
            }
            Err(error) => return Err(error),
        };
        if let Some(number) = number {
            let records = Records::new(stack, testing)?;
            let number = record_number(&tenant, number)?;
            let record = records.find(&tenant, &number).await?;
            if let Some(because) = conflict(stack, &records, &tenant, post, &record).await? {
                done.left.push(message.remaining(because));
                return Ok(done);
            }
            sessions::assign(stack, &post.tenant, &post.session, &record).await?;
            let number = number.as_str().to_owned();
            done.record = Some(NamedRecord { number, record });
        }
        let messages = [message];
        done.later = delayed(stack, &messages).await;
        let (sent, refused) = send(stack, &messages).await;
        receiver.delete(&sent).await?;
        done.redriven = sent.len();
        refused.map_or(Ok(done), Err)
    };
    let redriven: Result<Redriven, AdminError> = redriven.await;
    let released = receiver.release().await;
    let done = redriven?;
    released?;
    Ok(done)
}

/// Why a post may not go to another record: an earlier attempt may have written its note to the present one.
async fn conflict(
    stack: &Stack,
    records: &Records,
    tenant: &TenantFile,
    post: &PostKey,
    record: &RecordRef,
) -> Result<Option<&'static str>, AdminError> {
    let Some(digest) = Digest::parse(&post.digest) else {
        return Ok(None);
    };
    let present = sessions::possibly_written_record(stack, post).await?;
    let Some(present) = present.filter(|present| present != record) else {
        return Ok(None);
    };
    let marker = note_marker(&post.session, &digest);
    Ok(match records.has_note(tenant, &present, &marker).await {
        Some(true) => Some(WRITTEN),
        Some(false) => None,
        None => Some(UNREADABLE_NOTES),
    })
}

/// The posts that have to wait. Empty when the ledger cannot be read: this is only information.
async fn delayed(stack: &Stack, messages: &[DeadLetterMessage]) -> Vec<DelayedPost> {
    let posts = || {
        messages
            .iter()
            .filter_map(|message| Some((message, &message.post.as_ref().ok()?.key)))
    };
    let keys: Vec<PostKey> = posts().map(|(_, key)| key.clone()).collect();
    let moments = not_before(stack, &keys).await;
    let delayed = posts().filter_map(|(message, key)| {
        Some(DelayedPost {
            id: message.dead_letter.id.clone(),
            session_id: key.session.clone(),
            not_before: *moments.get(&key.digest)?,
        })
    });
    delayed.collect()
}

/// The next messages that can be put back, in the order in which the posts were accepted, and whether the queue returned
/// all it holds.
async fn collect(
    receiver: &mut Receiver<'_>,
    filter: &Filter,
    seen: &mut BTreeSet<String>,
    left: &mut Vec<RemainingDeadLetter>,
) -> Result<(Vec<DeadLetterMessage>, bool), AdminError> {
    let (mut round, mut bytes, mut exhausted) = (Vec::new(), 0, false);
    while round.len() < ROUND && bytes < ROUND_BYTES && !exhausted {
        let messages = receiver.next().await?;
        exhausted = messages.is_none();
        for message in &messages.unwrap_or_default() {
            let message = DeadLetterMessage::to_send(message);
            if !filter.matches(&message.dead_letter) {
                continue;
            }
            match &message.post {
                Err(unreadable) => left.push(message.remaining(unreadable)),
                // A post that fails again during the run is not put back a second time.
                Ok(post) if !seen.insert(post.key.digest.clone()) => {
                    left.push(message.remaining(REPEATED));
                }
                Ok(_) => {
                    bytes += message.body.len();
                    round.push(message);
                }
            }
        }
    }
    round.sort_by_key(|message| message.dead_letter.received_at);
    Ok((round, exhausted))
}

/// Separates the messages of tenants that do not exist: they would fail again at once.
async fn with_tenant(
    stack: &Stack,
    round: Vec<DeadLetterMessage>,
    tenants: &mut BTreeMap<TenantId, bool>,
) -> Result<(Vec<DeadLetterMessage>, Vec<RemainingDeadLetter>), AdminError> {
    let (mut known, mut orphans) = (Vec::new(), Vec::new());
    for message in round {
        let Ok(post) = &message.post else { continue };
        let tenant = &post.key.tenant;
        if !tenants.contains_key(tenant) {
            tenants.insert(tenant.clone(), table::exists(stack, tenant).await?);
        }
        if tenants.get(tenant) == Some(&true) {
            known.push(message);
        } else {
            orphans.push(message.remaining(NO_TENANT));
        }
    }
    Ok((known, orphans))
}

/// Sends messages to the sessions queue. Returns the ids of those that it accepted, and why it refused the others.
async fn send(stack: &Stack, messages: &[DeadLetterMessage]) -> (Vec<String>, Option<AdminError>) {
    let queue = format!("queue {}", stack.sessions_queue_url);
    let failed = |reason| AdminError::failed("sqs:SendMessage", &queue, reason);
    let mut sent = Vec::new();
    for batch in by_size(messages) {
        let posts = batch.iter().enumerate();
        let posts = posts
            .filter_map(|(index, message)| Some((index, message, message.post.as_ref().ok()?)));
        let entries = posts.map(|(index, message, post)| {
            SendMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .message_body(&message.body)
                .message_group_id(&post.group)
                .message_deduplication_id(uuid::Uuid::new_v4().to_string())
                .build()
        });
        let entries = match entries.collect::<Result<Vec<_>, _>>() {
            Ok(entries) => entries,
            Err(error) => return (sent, Some(failed(error.to_string()))),
        };
        let request = stack.sqs.send_message_batch().set_entries(Some(entries));
        let answer = match request.queue_url(&stack.sessions_queue_url).send().await {
            Ok(answer) => answer,
            Err(error) => {
                return (
                    sent,
                    Some(AdminError::aws("sqs:SendMessage", &queue, &error)),
                );
            }
        };
        let accepted = answer.successful().iter();
        let accepted = accepted.filter_map(|entry| entry.id().parse::<usize>().ok());
        sent.extend(accepted.filter_map(|index| Some(batch.get(index)?.dead_letter.id.clone())));
        if let Some(refused) = answer.failed().first() {
            return (sent, Some(failed(refused.code().to_owned())));
        }
    }
    (sent, None)
}

/// Splits messages so that no batch is larger than one message may be.
pub(super) fn by_size(messages: &[DeadLetterMessage]) -> Vec<&[DeadLetterMessage]> {
    let (mut batches, mut rest) = (Vec::new(), messages);
    while !rest.is_empty() {
        let mut bytes = 0;
        let fitting = rest.iter().take_while(|message| {
            bytes += message.body.len();
            bytes <= MESSAGE_LIMIT
        });
        let (batch, others) = rest.split_at(fitting.count().max(1));
        batches.push(batch);
        rest = others;
    }
    batches
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::Message;

    use super::*;

    fn message(bytes: usize) -> DeadLetterMessage {
        let read = Message::builder().message_id("m").body("{}").build();
        DeadLetterMessage {
            body: "x".repeat(bytes),
            ..DeadLetterMessage::from(&read)
        }
    }

    #[test]
    fn messages_are_sent_in_batches_that_sqs_accepts() {
        let sizes = |messages: &[DeadLetterMessage]| -> Vec<usize> {
            by_size(messages)
                .into_iter()
                .map(<[DeadLetterMessage]>::len)
                .collect()
        };
        assert_eq!(sizes(&[]), [] as [usize; 0]);
        assert_eq!(sizes(&[message(10), message(10)]), [2]);
        let full = [
            message(MESSAGE_LIMIT),
            message(1),
            message(MESSAGE_LIMIT - 1),
            message(1),
        ];
        assert_eq!(sizes(&full), [1, 2, 1]);
    }
}
