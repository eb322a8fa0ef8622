//! The dead-letter queue: what could not be delivered, looked at and put back (docs/architecture.md#rule-4).
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
use shared::aws::queue::{MESSAGE_LIMIT, Post, raw_body};
use shared::domain::clock::Timestamp;
use shared::domain::record::{RecordNumber, RecordRef};
use shared::domain::session::{Digest, Event, SessionId, note_marker};
use shared::domain::tenant::TenantId;
use shared::environment::Testing;
use shared::rescue::post_to_url;

use crate::error::AdminError;
use crate::records::Records;
use crate::remedies::{Explained, explain_letter};
use crate::sessions::{self, PostKey, not_before};
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
/// As JSON: `{"id","tenant","session_id","reason","detail","received_at"}`. `tenant` and `session_id` are null where the
/// letter does not say so, `reason` is null for what SQS moved by itself after 400 receives, `detail` is there only where
/// the vendor said something.
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
    /// What the vendor said about it, as far as that is configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
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

/// What the queue holds and the filter lets through, in the order in which the posts were accepted.
///
/// # Errors
/// When the queue cannot be read.
pub async fn list(stack: &Stack, filter: &Filter) -> Result<Letters, AdminError> {
    let mut taken = Taken::new(stack, LOOKING);
    let mut letters = Vec::new();
    let looked = async {
        while let Some(messages) = taken.more().await? {
            let opened = messages.iter().map(|message| Opened::from(message).letter);
            letters.extend(opened.filter(|letter| filter.matches(letter)));
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
/// "content","meaning","remedy","unreadable","not_before"}`. `event` and `delivery` only of a post; `content` only when it
/// is asked for: a post's fields as an object, anything else as a text. `meaning` and `remedy` explain the reason,
/// `unreadable` says why the letter cannot be put back, `not_before` until when its outcome is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The letter.
    #[serde(flatten)]
    pub letter: Letter,
    /// When it was put into the dead-letter queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// `message`: a message of the sessions queue. `text`, `base64`, `gzip+base64`: what Rescue posted and
    /// `session-details` could not read.
    pub encoding: String,
    /// Whether it can be put back.
    pub redrivable: bool,
    /// Which moment of the session it tells of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
    /// The post's digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
    /// The reason in words, and what to do about it.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub explained: Option<Explained>,
    /// Why it cannot be put back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// No attempt begins before then: an earlier one may still take effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
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
                let opened = Opened::from(message);
                let key = opened.post.as_ref().ok().map(Opening::key);
                return Ok(Some((opened.shown(message, reveal), key)));
            }
        }
        Ok(None)
    };
    let found: Result<Option<(Shown, Option<PostKey>)>, AdminError> = found.await;
    taken.give_back().await?;
    let (mut shown, key) = found?.ok_or_else(|| AdminError::NoSuchLetter(id.to_owned()))?;
    shown.not_before = not_before(stack, key.as_slice()).await.into_values().next();
    Ok(shown)
}

/// Deletes one letter for good: what was posted is nowhere else.
///
/// # Errors
/// [`AdminError::NoSuchLetter`]; otherwise when the queue cannot be used.
pub async fn delete(stack: &Stack, id: &str) -> Result<Deleted, AdminError> {
    let mut taken = Taken::new(stack, LOOKING);
    let deleted = async {
        let Some(opened) = taken.find(id).await? else {
            return Err(AdminError::NoSuchLetter(id.to_owned()));
        };
        taken.delete(&[id.to_owned()]).await?;
        Ok(opened.letter)
    };
    let deleted = deleted.await;
    let gone = !taken.handles.contains_key(id);
    let given_back = taken.give_back().await;
    let letter = deleted?;
    given_back?;
    if !gone {
        return Err(AdminError::failed(
            "sqs:DeleteMessage",
            &format!("queue {}", stack.sessions_dlq_url),
            "the queue did not delete it".to_owned(),
        ));
    }
    Ok(Deleted {
        letter,
        deleted: true,
    })
}

/// What `dlq delete` answers.
///
/// As JSON: what `dlq list` has of the letter, and `"deleted":true`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deleted {
    /// The letter.
    #[serde(flatten)]
    pub letter: Letter,
    /// Always true.
    pub deleted: bool,
}

/// Which letters are listed or put back.
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
/// As JSON: `{"redriven","left":[{"id","tenant","session_id","reason","received_at","because"}],"record":{"number",
/// "table","sys_id"},"later":[{"id","session_id","not_before"}]}`. `record` only where one was named; `later` only where
/// posts went back that are not tried at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Redriven {
    /// How many went back.
    pub redriven: usize,
    /// Those that were asked for and stay.
    pub left: Vec<Left>,
    /// The record that the session belongs to from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<NamedRecord>,
    /// Those that went back and are not tried at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<Later>,
}

/// A record that a person named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamedRecord {
    /// Its number.
    pub number: String,
    /// The record.
    #[serde(flatten)]
    pub record: RecordRef,
}

/// A post that went back, and may not be tried before its earlier attempt can no longer take effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Later {
    /// The id that the letter had.
    pub id: String,
    /// Which session it tells of.
    pub session_id: SessionId,
    /// When it is tried.
    pub not_before: Timestamp,
}

/// A letter that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// The letter.
    #[serde(flatten)]
    pub letter: Letter,
    /// Why.
    pub because: String,
}

const NO_TENANT: &str = "there is no such tenant; apply its tenant file first";
const TOO_LARGE: &str = "it does not fit into one queue message, even compressed";
const WRITTEN: &str =
    "its note is on the session's present record already; put it back without --record";
const UNSEEN: &str = "its note may be on the session's present record, whose work notes cannot be read; look there first";
const ALREADY: &str = "this run has put the same post back already; `rescue-connector sessions show` says whether it was given up again, \
                       and why";

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
            done.later.extend(later(stack, &round).await);
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

/// Puts one letter back as [`redrive`] does. With a `number`, that record is looked up in ServiceNow first, and becomes
/// the one that the letter's session belongs to in the ledger, so that all posts of the session go there.
///
/// # Errors
/// [`AdminError::NoSuchLetter`]; [`AdminError::NoSuchRecord`] and [`AdminError::ServiceNow`], with nothing changed;
/// otherwise when a queue or a table cannot be used.
pub async fn redrive_one(
    stack: &Stack,
    testing: &Testing,
    id: &str,
    number: Option<&RecordNumber>,
) -> Result<Redriven, AdminError> {
    let mut taken = Taken::new(stack, REDRIVING);
    let worked = async {
        let Some(opened) = taken.find(id).await? else {
            return Err(AdminError::NoSuchLetter(id.to_owned()));
        };
        let mut done = Redriven::default();
        let (tenant, session) = match &opened.post {
            Ok(post) => (post.tenant.clone(), post.session.clone()),
            Err(unreadable) => {
                done.left.push(opened.left(unreadable));
                return Ok(done);
            }
        };
        let tenant = match tenant::read_existing(stack, &tenant).await {
            Ok(tenant) => tenant.file,
            Err(AdminError::NoSuchTenant(_)) => {
                done.left.push(opened.left(NO_TENANT));
                return Ok(done);
            }
            Err(error) => return Err(error),
        };
        if let Some(number) = number {
            let records = Records::new(stack, testing)?;
            let record = records.find(&tenant, number).await?;
            if let Ok(post) = &opened.post
                && let Some(digest) = Digest::parse(&post.digest)
                && let Some(before) = sessions::may_be_on(stack, &post.key()).await?
                && before != record
            {
                let marker = note_marker(&post.session, &digest);
                let because = match records.has_note(&tenant, &before, &marker).await {
                    Some(true) => Some(WRITTEN),
                    Some(false) => None,
                    None => Some(UNSEEN),
                };
                if let Some(because) = because {
                    done.left.push(opened.left(because));
                    return Ok(done);
                }
            }
            sessions::assign(stack, &tenant.tenant, &session, &record).await?;
            done.record = Some(NamedRecord {
                number: number.as_str().to_owned(),
                record,
            });
        }
        let letters = [opened];
        done.later = later(stack, &letters).await;
        let (sent, refused) = send(stack, &letters).await?;
        taken.delete(&sent).await?;
        done.redriven = sent.len();
        refused.map_or(Ok(done), Err)
    };
    let worked: Result<Redriven, AdminError> = worked.await;
    let given_back = taken.give_back().await;
    let done = worked?;
    given_back?;
    Ok(done)
}

/// Those that are not tried at once. A ledger that cannot be read says nothing about any.
async fn later(stack: &Stack, letters: &[Opened]) -> Vec<Later> {
    let posts = letters
        .iter()
        .filter_map(|letter| letter.post.as_ref().ok());
    let keys: Vec<PostKey> = posts.map(Opening::key).collect();
    let moments = not_before(stack, &keys).await;
    let letters = letters.iter().filter_map(|opened| {
        let post = opened.post.as_ref().ok()?;
        Some(Later {
            id: opened.letter.id.clone(),
            session_id: post.session.clone(),
            not_before: *moments.get(&post.digest)?,
        })
    });
    letters.collect()
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
            let opened = Opened::to_send(message);
            if !filter.matches(&opened.letter) {
                continue;
            }
            match &opened.post {
                Err(unreadable) => left.push(opened.left(unreadable)),
                // One that fails again at once must not be put back for ever.
                Ok(post) if !seen.insert(post.digest.clone()) => left.push(opened.left(ALREADY)),
                Ok(_) => {
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
        let Ok(post) = &opened.post else { continue };
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
            let Ok(post) = &opened.post else { continue };
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
    /// The post, or why it cannot be put back.
    post: Result<Opening, String>,
    /// The message to send; only of what is put back.
    body: String,
}

/// What is needed of a post to send it again.
struct Opening {
    tenant: TenantId,
    session: SessionId,
    group: String,
    event: Event,
    digest: String,
}

impl Opening {
    fn key(&self) -> PostKey {
        PostKey {
            tenant: self.tenant.clone(),
            session: self.session.clone(),
            digest: self.digest.clone(),
        }
    }
}

fn attribute(message: &Message, name: &str) -> Option<String> {
    let value = message.message_attributes()?.get(name)?;
    value.string_value().map(str::to_owned)
}

/// When the letter says that it was accepted, or SQS that it was queued.
fn accepted_at(message: &Message) -> Option<Timestamp> {
    attribute(message, "received_at")
        .and_then(|text| Timestamp::parse(&text))
        .or(sent_at(message))
}

/// The post of a letter. What `session-details` could not read is read again, by the present release and with the
/// `Content-Type` and the event that it came with.
fn post(message: &Message, encoding: &str) -> Result<Post, String> {
    let body = message.body().unwrap_or_default();
    if encoding == "message" {
        return Post::decode(body)
            .map_err(|error| format!("it is no post that deliver-session could read: {error}"));
    }
    let unreadable =
        |error: String| format!("this release cannot read what was posted either: {error}");
    let bytes = raw_body(encoding, body)
        .ok_or_else(|| unreadable(format!("it is not in the encoding {encoding}")))?;
    let tenant = attribute(message, "tenant");
    let tenant = tenant.and_then(|tenant| TenantId::parse(&tenant));
    let tenant = tenant.ok_or_else(|| "it does not say whose post it is".to_owned())?;
    let content_type = attribute(message, "content_type");
    let fields = post_to_url::parse(content_type.as_deref(), &bytes);
    let fields = fields.map_err(|error| unreadable(error.to_string()))?;
    let session_id = post_to_url::session_id(&fields);
    let session_id = session_id.map_err(|error| unreadable(error.to_string()))?;
    let event = attribute(message, "event").and_then(|event| Event::parse(&event));
    let event = event.unwrap_or_else(|| Event::from_content(&fields));
    Ok(Post {
        digest: Digest::of(&tenant, &session_id, event, &fields),
        tenant,
        session_id,
        event,
        received_at: accepted_at(message).unwrap_or(Timestamp::from_millis(0)),
        fields,
    })
}

impl From<&Message> for Opened {
    fn from(message: &Message) -> Self {
        // What SQS moved by itself has no attributes and is a message.
        let encoding = attribute(message, "encoding").unwrap_or_else(|| "message".to_owned());
        let post = post(message, &encoding);
        Self::new(message, encoding, post)
    }
}

impl Opened {
    /// A letter with the message that is sent to put it back.
    fn to_send(message: &Message) -> Self {
        let encoding = attribute(message, "encoding").unwrap_or_else(|| "message".to_owned());
        let (post, body) = match post(message, &encoding) {
            Ok(post) if encoding == "message" => {
                (Ok(post), message.body().unwrap_or_default().to_owned())
            }
            Ok(post) => match post.encode() {
                Some(body) => (Ok(post), body),
                None => (Err(TOO_LARGE.to_owned()), String::new()),
            },
            Err(unreadable) => (Err(unreadable), String::new()),
        };
        Self {
            body,
            ..Self::new(message, encoding, post)
        }
    }

    fn new(message: &Message, encoding: String, post: Result<Post, String>) -> Self {
        let known = post.as_ref().ok();
        let letter = Letter {
            id: message.message_id().unwrap_or_default().to_owned(),
            tenant: attribute(message, "tenant")
                .or_else(|| known.map(|post| post.tenant.to_string())),
            session_id: attribute(message, "session_id")
                .or_else(|| known.map(|post| post.session_id.to_string())),
            reason: attribute(message, "reason"),
            detail: attribute(message, "detail"),
            // The post itself says when it was accepted; the letter may only know when it was queued.
            received_at: known
                .map(|post| post.received_at)
                .or_else(|| accepted_at(message))
                .unwrap_or(Timestamp::from_millis(0)),
        };
        Self {
            letter,
            encoding,
            post: post.map(|post| Opening {
                group: post.group(),
                event: post.event,
                digest: post.digest.to_string(),
                session: post.session_id,
                tenant: post.tenant,
            }),
            body: String::new(),
        }
    }

    fn left(&self, because: &str) -> Left {
        Left {
            letter: self.letter.clone(),
            because: because.to_owned(),
        }
    }

    fn shown(self, message: &Message, reveal: bool) -> Shown {
        let body = message.body().unwrap_or_default();
        let post = self.post.as_ref().ok();
        let tenant = self.letter.tenant.as_deref();
        let reason = self.letter.reason.as_deref();
        Shown {
            sent_at: sent_at(message),
            redrivable: post.is_some(),
            event: post.map(|post| post.event),
            delivery: post.map(|post| post.digest.clone()),
            explained: reason.map(|reason| explain_letter(reason, tenant, &self.letter.id)),
            unreadable: self.post.as_ref().err().cloned(),
            not_before: None,
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
        "base64" | "gzip+base64" => raw_body(encoding, body),
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

    /// The letter of that id, with the message that puts it back.
    async fn find(&mut self, id: &str) -> Result<Option<Opened>, AdminError> {
        while let Some(messages) = self.more().await? {
            let found = messages
                .iter()
                .find(|message| message.message_id() == Some(id));
            if let Some(message) = found {
                return Ok(Some(Opened::to_send(message)));
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
    use aws_sdk_sqs::types::MessageAttributeValue;

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

    /// What `session-details` could not read, as it keeps it.
    fn raw(body: &str, attributes: &[(&str, &str)]) -> Message {
        let mut message = Message::builder().message_id("m").body(body);
        let fixed = [
            ("encoding", "text"),
            ("tenant", "acme"),
            ("received_at", "2026-01-01T00:00:00.000Z"),
        ];
        for (name, value) in fixed.iter().chain(attributes) {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(*value)
                .build();
            message = message.message_attributes(*name, value.expect("complete"));
        }
        message.build()
    }

    #[test]
    fn a_body_that_an_earlier_release_could_not_read_becomes_a_post() {
        let message = raw("SessionID=7&Notes=hi", &[("event", "ended")]);
        let opened = Opened::to_send(&message);
        let sent = Post::decode(&opened.body).expect("a post");
        assert_eq!(sent.tenant.as_str(), "acme");
        assert_eq!((sent.session_id.as_str(), sent.event), ("7", Event::Ended));
        assert_eq!(sent.received_at, opened.letter.received_at);
        assert_eq!(opened.letter.session_id.as_deref(), Some("7"));
        // Without an event in the URL the content says it, as it does for session-details.
        let opened = Opened::to_send(&raw("SessionID=7&WorkTime=12", &[]));
        let sent = Post::decode(&opened.body).expect("a post");
        assert_eq!(sent.event, Event::Ended);
    }

    #[test]
    fn the_content_type_that_a_body_came_with_decides_how_it_is_read() {
        let message = raw(
            "U2Vzc2lvbklEPTcmTm90ZXM9JWU0",
            &[
                ("encoding", "base64"),
                (
                    "content_type",
                    "application/x-www-form-urlencoded; charset=iso-8859-1",
                ),
            ],
        );
        let sent = Post::decode(&Opened::to_send(&message).body).expect("a post");
        assert_eq!(sent.fields.get("Notes"), Some("ä"));
    }

    #[test]
    fn what_this_release_cannot_read_either_says_why() {
        let why = |message: &Message| {
            let opened = Opened::to_send(message);
            opened.post.err().expect("no post")
        };
        for (body, words) in [
            ("{\"odd\": ", "not a JSON object"),
            ("Notes=x", "no SessionID"),
            ("SessionID=a b", "the SessionID is not"),
        ] {
            let text = why(&raw(body, &[]));
            assert!(text.starts_with("this release cannot read"), "{text}");
            assert!(text.contains(words), "{words}: {text}");
        }
        let text = why(&raw("?", &[("encoding", "base64")]));
        assert!(text.contains("not in the encoding base64"), "{text}");
        let text = why(&raw("SessionID=7", &[("tenant", "Not A Name")]));
        assert!(text.contains("whose post"), "{text}");
        let message = Message::builder().message_id("m").body("{}").build();
        let text = why(&message);
        assert!(
            text.contains("no post that deliver-session could read"),
            "{text}"
        );
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
