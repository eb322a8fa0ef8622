//! The dead-letter queue: what could not be delivered, looked at and put back (design 5.4).
//!
//! Whoever receives a message hides it from everybody else for a while. Looking therefore hides letters for a short
//! time only, and gives every one of them back at once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
};
use serde::Serialize;
use serde_json::Value;
use shared::clock::Timestamp;
use shared::queue::{MESSAGE_LIMIT, Post};
use shared::session::Event;
use shared::tenant::TenantId;

use crate::error::AdminError;
use crate::stack::Stack;
use crate::tenant;

/// SQS takes and gives no more at once.
const BATCH: usize = 10;

/// Letters that are looked at stay hidden so long when giving them back fails.
const LOOKING: Duration = Duration::from_secs(60);

/// When a queue shows nothing but letters that were seen already this often in a row, everything was seen.
const REPEATS: usize = 50;

/// The same for letters that are put back; every one of a round is done with well before.
const REDRIVING: Duration = Duration::from_secs(300);

/// A round of putting back holds no more letters, and no more bytes of them, in memory.
const ROUND: usize = 2_000;
const ROUND_BYTES: usize = 128 * 1024 * 1024;

/// One dead letter of [`list`].
///
/// As JSON: `{"id","tenant","session_id","reason","received_at"}`. `tenant` and `session_id` are null where the letter
/// does not say so, `reason` is null for what SQS moved by itself after 400 receives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// SQS's id of the message; putting it back and failing again gives another one.
    pub id: String,
    /// Whose post it is.
    pub tenant: Option<String>,
    /// Which session it tells of.
    pub session_id: Option<String>,
    /// Why it was not delivered: a code of the error table.
    pub reason: Option<String>,
    /// When the post was accepted.
    pub received_at: Timestamp,
}

/// Every dead letter that can be seen now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letters {
    /// In the order in which the posts were accepted.
    pub letters: Vec<Letter>,
    /// How many more the queue says it holds: somebody else is looking at them.
    pub hidden: usize,
}

/// What the queue holds, in the order in which the posts were accepted.
///
/// # Errors
/// When the queue cannot be read.
pub async fn list(stack: &Stack) -> Result<Letters, AdminError> {
    let mut taken = Taken::new(stack, LOOKING);
    let mut letters = Vec::new();
    let looked = async {
        while let Some(messages) = taken.more().await? {
            letters.extend(messages.iter().map(|message| Opened::from(message).letter));
        }
        hidden(stack).await
    };
    let looked = looked.await;
    let seen = taken.len();
    taken.give_back().await?;
    letters.sort_by_key(|letter| letter.received_at);
    Ok(Letters {
        letters,
        hidden: looked?.saturating_sub(seen),
    })
}

/// What `dlq show` answers.
///
/// As JSON: what `dlq list` has of the letter, and `{"sent_at","encoding","redrivable","event","delivery","bytes",
/// "content"}`. `event` and `delivery` only of a post; `content` only when it is asked for: a post's fields as an
/// object, anything else as a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The letter.
    #[serde(flatten)]
    pub letter: Letter,
    /// When it was put into the dead-letter queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// `message`: a message of the sessions queue. `text`, `base64`, `gzip+base64`: what Rescue posted and nobody could
    /// read.
    pub encoding: String,
    /// Whether it can be put back.
    pub redrivable: bool,
    /// Which moment of the session it tells of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
    /// The post's digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
    /// The length of the message.
    pub bytes: usize,
    /// What was posted: personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Value>,
}

/// One letter; with its content only when that is to be revealed.
///
/// # Errors
/// [`AdminError::NoSuchLetter`]; otherwise when the queue cannot be read.
pub async fn show(stack: &Stack, id: &str, reveal: bool) -> Result<Shown, AdminError> {
    let mut taken = Taken::new(stack, LOOKING);
    let found = async {
        while let Some(messages) = taken.more().await? {
            let found = messages
                .iter()
                .find(|message| message.message_id() == Some(id));
            if let Some(message) = found {
                return Ok(Some(Opened::from(message).shown(message, reveal)));
            }
        }
        Ok(None)
    };
    let found: Result<Option<Shown>, AdminError> = found.await;
    taken.give_back().await?;
    found?.ok_or_else(|| AdminError::NoSuchLetter(id.to_owned()))
}

/// Which letters are put back.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those of this tenant.
    pub tenant: Option<TenantId>,
    /// Only those of this session.
    pub session: Option<String>,
}

impl Filter {
    fn matches(&self, letter: &Letter) -> bool {
        let tenant = self.tenant.as_ref();
        tenant.is_none_or(|tenant| letter.tenant.as_deref() == Some(tenant.as_str()))
            && (self.session.is_none() || self.session == letter.session_id)
    }
}

/// What `dlq redrive` answers.
///
/// As JSON: `{"redriven","left":[{"id","tenant","session_id","reason","received_at","because"}]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Redriven {
    /// How many went back.
    pub redriven: usize,
    /// Those that were asked for and stay.
    pub left: Vec<Left>,
}

/// A letter that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// The letter.
    #[serde(flatten)]
    pub letter: Letter,
    /// Why.
    pub because: &'static str,
}

const NO_POST: &str = "it is no post that deliver-session could read";
const NO_TENANT: &str = "there is no such tenant; apply its tenant file first";
const ALREADY: &str = "the same post was put back in this run; wait and see what becomes of it";

/// Puts letters back into the sessions queue: each is sent first, in the order in which the posts were accepted, under
/// a fresh deduplication id, in the group in which `session-details` would send it, and deleted then. An interruption
/// in between leaves a letter that was sent already; sending it again writes nothing twice.
///
/// # Errors
/// When a queue cannot be used; what was put back until then is back.
pub async fn redrive(
    stack: &Stack,
    filter: &Filter,
    mut progress: impl FnMut(usize),
) -> Result<Redriven, AdminError> {
    let mut done = Redriven::default();
    let mut taken = Taken::new(stack, REDRIVING);
    let worked = async {
        let (mut tenants, mut seen) = (BTreeMap::new(), BTreeSet::new());
        loop {
            let (round, exhausted) = collect(&mut taken, filter, &mut seen, &mut done.left).await?;
            let (round, orphans) = with_tenant(stack, round, &mut tenants).await?;
            done.left.extend(orphans);
            for batch in round.chunks(BATCH) {
                let (sent, refused) = send(stack, batch).await?;
                taken.delete(&sent).await?;
                done.redriven += sent.len();
                progress(done.redriven);
                // What comes later may be of the same session, and must not overtake.
                if let Some(refused) = refused {
                    return Err(refused);
                }
            }
            // What SQS moved by itself kept its group: once the first ones are deleted, it shows those behind them.
            if exhausted && round.is_empty() {
                return Ok(());
            }
        }
    };
    let worked: Result<(), AdminError> = worked.await;
    let given_back = taken.give_back().await;
    worked?;
    given_back?;
    done.left.sort_by_key(|left| left.letter.received_at);
    Ok(done)
}

/// The next letters that can go back, in the order in which they were accepted. The second value: there are no more.
async fn collect(
    taken: &mut Taken<'_>,
    filter: &Filter,
    seen: &mut BTreeSet<String>,
    left: &mut Vec<Left>,
) -> Result<(Vec<Opened>, bool), AdminError> {
    let (mut round, mut bytes) = (Vec::new(), 0);
    while round.len() < ROUND && bytes < ROUND_BYTES {
        let Some(messages) = taken.more().await? else {
            return Ok((in_order(round), true));
        };
        for message in &messages {
            let mut opened = Opened::from(message);
            if !filter.matches(&opened.letter) {
                continue;
            }
            match &opened.post {
                None => left.push(opened.left(NO_POST)),
                // One that fails again at once must not be put back for ever.
                Some(post) if !seen.insert(post.digest.clone()) => left.push(opened.left(ALREADY)),
                Some(_) => {
                    opened.body = message.body().unwrap_or_default().to_owned();
                    bytes += opened.body.len();
                    round.push(opened);
                }
            }
        }
    }
    Ok((in_order(round), false))
}

fn in_order(mut round: Vec<Opened>) -> Vec<Opened> {
    round.sort_by_key(|opened| opened.letter.received_at);
    round
}

/// Letters of a tenant that does not exist would be back within seconds.
async fn with_tenant(
    stack: &Stack,
    round: Vec<Opened>,
    tenants: &mut BTreeMap<TenantId, bool>,
) -> Result<(Vec<Opened>, Vec<Left>), AdminError> {
    let (mut known, mut orphans) = (Vec::new(), Vec::new());
    for opened in round {
        let Some(post) = &opened.post else { continue };
        let exists = match tenants.get(&post.tenant) {
            Some(exists) => *exists,
            None => {
                let exists = tenant::exists(stack, &post.tenant).await?;
                tenants.insert(post.tenant.clone(), exists);
                exists
            }
        };
        if exists {
            known.push(opened);
        } else {
            orphans.push(opened.left(NO_TENANT));
        }
    }
    Ok((known, orphans))
}

/// Sends letters to the sessions queue: those that it took, and why it did not take the others.
async fn send(
    stack: &Stack,
    letters: &[Opened],
) -> Result<(Vec<String>, Option<AdminError>), AdminError> {
    let queue = format!("queue {}", stack.sessions_queue_url);
    let mut sent = Vec::new();
    // A batch has no more bytes than a message.
    for some in by_size(letters) {
        let mut request = stack
            .sqs
            .send_message_batch()
            .queue_url(&stack.sessions_queue_url);
        for (index, opened) in some.iter().enumerate() {
            let Some(post) = &opened.post else { continue };
            let entry = SendMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .message_body(&opened.body)
                .message_group_id(&post.group)
                .message_deduplication_id(uuid::Uuid::new_v4().to_string())
                .build()
                .map_err(|error| incomplete("sqs:SendMessage", stack, &error))?;
            request = request.entries(entry);
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let error = AdminError::aws("sqs:SendMessage", &queue, &error);
                return Ok((sent, Some(error)));
            }
        };
        let taken = answer.successful().iter();
        let taken = taken.filter_map(|entry| entry.id().parse::<usize>().ok());
        sent.extend(taken.filter_map(|index| Some(some.get(index)?.letter.id.clone())));
        if let Some(refused) = answer.failed().first() {
            let error = AdminError::failed("sqs:SendMessage", &queue, refused.code().to_owned());
            return Ok((sent, Some(error)));
        }
    }
    Ok((sent, None))
}

fn by_size(letters: &[Opened]) -> Vec<&[Opened]> {
    let (mut batches, mut rest) = (Vec::new(), letters);
    while !rest.is_empty() {
        let mut bytes = 0;
        let fitting = rest.iter().take_while(|opened| {
            bytes += opened.body.len();
            bytes <= MESSAGE_LIMIT
        });
        let (batch, others) = rest.split_at(fitting.count().max(1));
        batches.push(batch);
        rest = others;
    }
    batches
}

/// How many letters the queue says it holds, whoever is looking at them.
async fn hidden(stack: &Stack) -> Result<usize, AdminError> {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let answer = stack
        .sqs
        .get_queue_attributes()
        .queue_url(&stack.sessions_dlq_url)
        .set_attribute_names(Some(names.to_vec()))
        .send()
        .await
        .map_err(|error| failed("sqs:GetQueueAttributes", stack, &error))?;
    let counts = answer.attributes.unwrap_or_default();
    let count = |name| counts.get(name)?.parse::<usize>().ok();
    Ok(names.iter().filter_map(count).sum())
}

/// A letter that was read.
struct Opened {
    letter: Letter,
    encoding: String,
    post: Option<Opening>,
    /// Only of what is put back.
    body: String,
}

/// What is needed of a post to send it again.
struct Opening {
    tenant: TenantId,
    group: String,
    event: Event,
    digest: String,
}

impl From<&Message> for Opened {
    fn from(message: &Message) -> Self {
        let attribute = |name: &str| {
            let value = message.message_attributes()?.get(name)?;
            value.string_value().map(str::to_owned)
        };
        // What SQS moved by itself has no attributes and is a message.
        let encoding = attribute("encoding").unwrap_or_else(|| "message".to_owned());
        let post = (encoding == "message")
            .then(|| Post::decode(message.body().unwrap_or_default()).ok())
            .flatten();
        let received_at = attribute("received_at")
            .and_then(|text| Timestamp::parse(&text))
            .or(sent_at(message));
        let letter = Letter {
            id: message.message_id().unwrap_or_default().to_owned(),
            tenant: attribute("tenant")
                .or_else(|| post.as_ref().map(|post| post.tenant.to_string())),
            session_id: attribute("session_id")
                .or_else(|| post.as_ref().map(|post| post.session_id.to_string())),
            reason: attribute("reason"),
            // The post itself says when it was accepted; the letter may only know when it was queued.
            received_at: post
                .as_ref()
                .map(|post| post.received_at)
                .or(received_at)
                .unwrap_or(Timestamp::from_millis(0)),
        };
        Self {
            letter,
            encoding,
            post: post.map(|post| Opening {
                group: post.group(),
                event: post.event,
                digest: post.digest.to_string(),
                tenant: post.tenant,
            }),
            body: String::new(),
        }
    }
}

impl Opened {
    fn left(&self, because: &'static str) -> Left {
        Left {
            letter: self.letter.clone(),
            because,
        }
    }

    fn shown(self, message: &Message, reveal: bool) -> Shown {
        let body = message.body().unwrap_or_default();
        Shown {
            sent_at: sent_at(message),
            redrivable: self.post.is_some(),
            event: self.post.as_ref().map(|post| post.event),
            delivery: self.post.as_ref().map(|post| post.digest.clone()),
            bytes: body.len(),
            content: reveal.then(|| content(&self.encoding, body)),
            encoding: self.encoding,
            letter: self.letter,
        }
    }
}

/// What was posted, as readable as it gets.
fn content(encoding: &str, body: &str) -> Value {
    let bytes = match encoding {
        "message" => {
            let fields = Post::decode(body).ok().map(|post| post.fields);
            let fields = fields.and_then(|fields| serde_json::to_value(fields).ok());
            return fields.unwrap_or_else(|| Value::String(body.to_owned()));
        }
        "base64" | "gzip+base64" => shared::queue::raw_body(encoding, body),
        _ => None,
    };
    Value::String(bytes.map_or_else(
        || body.to_owned(),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    ))
}

fn sent_at(message: &Message) -> Option<Timestamp> {
    let attributes = message.attributes()?;
    let millis = attributes.get(&MessageSystemAttributeName::SentTimestamp)?;
    millis.parse().ok().map(Timestamp::from_millis)
}

/// Messages of the dead-letter queue that were received and are given back unless they are deleted.
struct Taken<'a> {
    stack: &'a Stack,
    hide: Duration,
    seen: HashSet<String>,
    /// Receipt handles by message id.
    handles: HashMap<String, String>,
}

impl<'a> Taken<'a> {
    fn new(stack: &'a Stack, hide: Duration) -> Self {
        Self {
            stack,
            hide,
            seen: HashSet::new(),
            handles: HashMap::new(),
        }
    }

    fn len(&self) -> usize {
        self.seen.len()
    }

    /// The next messages; `None` when the queue shows no more. Those that come back, because the time for which they
    /// were hidden is over, are not shown twice.
    async fn more(&mut self) -> Result<Option<Vec<Message>>, AdminError> {
        for _ in 0..REPEATS {
            let answer = self
                .stack
                .sqs
                .receive_message()
                .queue_url(&self.stack.sessions_dlq_url)
                .max_number_of_messages(10)
                .visibility_timeout(i32::try_from(self.hide.as_secs()).unwrap_or(i32::MAX))
                // Asks all of the queue's servers: an empty answer to a short poll means nothing.
                .wait_time_seconds(1)
                .message_attribute_names("All")
                .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
                .send()
                .await
                .map_err(|error| failed("sqs:ReceiveMessage", self.stack, &error))?;
            let mut messages = answer.messages.unwrap_or_default();
            if messages.is_empty() {
                return Ok(None);
            }
            messages.retain(|message| {
                let id = message.message_id().unwrap_or_default().to_owned();
                let handle = message.receipt_handle().unwrap_or_default().to_owned();
                self.handles.insert(id.clone(), handle);
                self.seen.insert(id)
            });
            if !messages.is_empty() {
                return Ok(Some(messages));
            }
        }
        Ok(None)
    }

    async fn delete(&mut self, ids: &[String]) -> Result<(), AdminError> {
        let mut request = self
            .stack
            .sqs
            .delete_message_batch()
            .queue_url(&self.stack.sessions_dlq_url);
        for (index, id) in ids.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(self.handles.get(id).map_or("", String::as_str))
                .build()
                .map_err(|error| incomplete("sqs:DeleteMessage", self.stack, &error))?;
            request = request.entries(entry);
        }
        if ids.is_empty() {
            return Ok(());
        }
        let answer = request
            .send()
            .await
            .map_err(|error| failed("sqs:DeleteMessage", self.stack, &error))?;
        // One that is not deleted is given back; putting it back once more writes nothing twice.
        for entry in answer.successful() {
            if let Some(id) = entry
                .id()
                .parse::<usize>()
                .ok()
                .and_then(|index| ids.get(index))
            {
                self.handles.remove(id);
            }
        }
        Ok(())
    }

    /// Shows what was not deleted to everybody again.
    async fn give_back(self) -> Result<(), AdminError> {
        let handles: Vec<&String> = self.handles.values().collect();
        for some in handles.chunks(BATCH) {
            let mut request = self
                .stack
                .sqs
                .change_message_visibility_batch()
                .queue_url(&self.stack.sessions_dlq_url);
            for (index, handle) in some.iter().enumerate() {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(*handle)
                    .visibility_timeout(0)
                    .build()
                    .map_err(|error| {
                        incomplete("sqs:ChangeMessageVisibility", self.stack, &error)
                    })?;
                request = request.entries(entry);
            }
            // Those that it refuses are visible already.
            request
                .send()
                .await
                .map_err(|error| failed("sqs:ChangeMessageVisibility", self.stack, &error))?;
        }
        Ok(())
    }
}

fn failed<E, R>(
    action: &'static str,
    stack: &Stack,
    error: &aws_smithy_runtime_api::client::result::SdkError<E, R>,
) -> AdminError
where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let queue = format!("queue {}", stack.sessions_dlq_url);
    AdminError::aws(action, &queue, error)
}

fn incomplete(action: &'static str, stack: &Stack, error: &dyn std::error::Error) -> AdminError {
    let queue = format!("queue {}", stack.sessions_dlq_url);
    AdminError::failed(action, &queue, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(bytes: usize) -> Opened {
        let message = Message::builder().message_id("m").body("{}").build();
        Opened {
            body: "x".repeat(bytes),
            ..Opened::from(&message)
        }
    }

    #[test]
    fn letters_are_sent_in_batches_that_sqs_takes() {
        let sizes = |letters: &[Opened]| -> Vec<usize> {
            by_size(letters).into_iter().map(<[Opened]>::len).collect()
        };
        assert_eq!(sizes(&[]), [] as [usize; 0]);
        assert_eq!(sizes(&[opened(10), opened(10)]), [2]);
        let full = [
            opened(MESSAGE_LIMIT),
            opened(1),
            opened(MESSAGE_LIMIT - 1),
            opened(1),
        ];
        assert_eq!(sizes(&full), [1, 2, 1]);
    }

    #[test]
    fn what_sqs_moved_by_itself_is_a_letter_without_a_reason() {
        let message = Message::builder()
            .message_id("m")
            .body("{}")
            .attributes(MessageSystemAttributeName::SentTimestamp, "1000")
            .build();
        let letter = Opened::from(&message).letter;
        assert_eq!((letter.reason, letter.tenant), (None, None));
        assert_eq!(letter.received_at, Timestamp::from_millis(1000));
    }

    #[test]
    fn content_is_shown_as_readable_as_it_gets() {
        assert_eq!(content("text", "odd"), "odd");
        assert_eq!(content("base64", "b2Rk"), "odd");
        assert_eq!(content("base64", "not base64"), "not base64");
        assert_eq!(content("message", "{}"), "{}");
    }
}
