//! Moves to the dead-letter queue and back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::domain::clock::Timestamp;
use uuid::Uuid;

use super::message::Message;
use super::queue::{MoveTask, Queues};
use super::refusal::{invalid_parameter, plain};
use crate::aws::arn;
use crate::aws::refusal::AwsResult;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StartMessageMoveTask {
    source_arn: String,
    destination_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListMessageMoveTasks {
    source_arn: String,
}

/// Moves messages that were received too often to the dead-letter queue.
pub(super) fn dead_letter(
    queues: &mut Queues,
    source: &str,
    target: &str,
    exhausted: &[u64],
    now: Timestamp,
) {
    for sequence in exhausted {
        let Some(mut message) = remove(queues, source, *sequence) else {
            continue;
        };
        let next = queues.next_sequence();
        if let Some(queue) = queues.queues.get_mut(target) {
            message.receipt = None;
            message.visible_at = now;
            message.dead_letter_source = Some(arn::queue(source));
            if queue.fifo() {
                message.kept_since = now;
            }
            queue.messages.insert(next, message);
        }
    }
}

pub(super) fn start_move(
    queues: &mut Queues,
    request: StartMessageMoveTask,
    now: Timestamp,
) -> AwsResult {
    let name_of = |queues: &Queues, arn: &str| {
        queues.name_by_arn(arn).ok_or_else(|| {
            plain(
                "ResourceNotFoundException",
                "The resource that you specified for the SourceArn or DestinationArn parameter doesn't exist.",
            )
        })
    };
    let source = name_of(queues, &request.source_arn)?;
    let is_dead_letter_queue = queues
        .queues
        .values()
        .any(|queue| queue.redrive().is_some_and(|r| r.target == source));
    if !is_dead_letter_queue {
        return Err(invalid_parameter(
            "Source queue must be configured as a Dead Letter Queue.",
        ));
    }
    let destination = match &request.destination_arn {
        Some(arn) => Some(name_of(queues, arn)?),
        None => None,
    };
    let moved = move_back(queues, &source, destination.as_deref(), now);
    let handle = BASE64.encode(format!("{{\"taskId\":\"{}\"}}", Uuid::new_v4()));
    queues.moves.push(MoveTask {
        handle: handle.clone(),
        source: request.source_arn,
        destination: request.destination_arn,
        moved,
        started_at: now,
    });
    Ok(json!({"TaskHandle": handle}))
}

pub(super) fn list_moves(queues: &Queues, request: &ListMessageMoveTasks) -> Value {
    let tasks = queues.moves.iter().rev();
    let tasks = tasks.filter(|task| task.source == request.source_arn);
    let results = tasks.take(10).map(|task| {
        let mut shown = json!({
            "TaskHandle": task.handle,
            "Status": "COMPLETED",
            "SourceArn": task.source,
            "ApproximateNumberOfMessagesMoved": task.moved,
            "ApproximateNumberOfMessagesToMove": task.moved,
            "StartedTimestamp": task.started_at.as_millis(),
        });
        if let Some(destination) = &task.destination {
            shown["DestinationArn"] = json!(destination);
        }
        shown
    });
    json!({"Results": results.collect::<Value>()})
}

/// Moves the visible messages of a dead-letter queue to `destination`, or to the queue each came from.
/// A moved message is a new one: new id, new time, never received.
fn move_back(
    queues: &mut Queues,
    source: &str,
    destination: Option<&str>,
    now: Timestamp,
) -> usize {
    let Some(queue) = queues.queues.get_mut(source) else {
        return 0;
    };
    queue.expire(now);
    let visible = queue.messages.iter();
    let visible = visible.filter(|(_, message)| message.visible_at <= now);
    let visible: Vec<(u64, Option<String>)> = visible
        .map(|(sequence, message)| {
            let origin = message.dead_letter_source.as_deref();
            let origin = origin.and_then(|arn| arn.rsplit(':').next());
            (*sequence, destination.or(origin).map(str::to_owned))
        })
        .collect();
    let mut moved = 0;
    for (sequence, target) in visible {
        let Some(target) = target.filter(|name| queues.queues.contains_key(name)) else {
            continue;
        };
        let removed = remove(queues, source, sequence);
        let next = queues.next_sequence();
        if let (Some(message), Some(queue)) = (removed, queues.queues.get_mut(&target)) {
            let fresh = Message {
                id: Uuid::new_v4().to_string(),
                sent_at: now,
                kept_since: now,
                visible_at: now,
                receive_count: 0,
                first_received_at: None,
                receipt: None,
                dead_letter_source: None,
                ..message
            };
            queue.messages.insert(next, fresh);
            moved += 1;
        }
    }
    moved
}

fn remove(queues: &mut Queues, name: &str, sequence: u64) -> Option<Message> {
    queues.queues.get_mut(name)?.messages.remove(&sequence)
}
