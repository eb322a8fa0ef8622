//! The sessions queue and its dead-letter queue: the message, and what is done with messages.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry,
    DeleteMessageBatchRequestEntry, MessageAttributeValue,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc::{CRC_32_ISO_HDLC, Crc, NoTable};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::domain::clock::{LONGEST_INVOCATION, Timestamp};
use crate::domain::error::ErrorCode;
use crate::domain::session::{Digest, Event, Fields, SessionId};
use crate::domain::tenant::TenantId;

/// What the queue takes, 1 MiB, less what the attributes may need (docs/vendors.md#sqs-fifo).
pub const MESSAGE_LIMIT: usize = 1024 * 1024 - 8 * 1024;

/// No post's fields are longer than this as JSON, in bytes: a Lambda function is called with 6 MB at most, and what is
/// accepted must fit into the memory of the function that delivers it (decision 0009).
pub const UNPACKED_LIMIT: usize = 16 * 1024 * 1024;

/// No raw body unpacks to more than this: API Gateway passes 10 MB at most.
const RAW_LIMIT: usize = 64 * 1024 * 1024;

/// SQS hides a message for at most 12 hours after it was received, which an invocation may be late for.
const LONGEST_VISIBILITY: Duration = Duration::from_secs(12 * 3600 - LONGEST_INVOCATION.as_secs());

/// One post on its way to ServiceNow: the queue message, version 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Whose post it is.
    pub tenant: TenantId,
    /// Which session it tells of.
    pub session_id: SessionId,
    /// Which moment.
    pub event: Event,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// What identifies it.
    pub digest: Digest,
    /// What was posted.
    pub fields: Fields,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Wire {
    v: u32,
    tenant: TenantId,
    session_id: SessionId,
    event: Event,
    received_at: Timestamp,
    digest: Digest,
    /// Both maps of the fields, unless they are compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fields: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    unknown_fields: BTreeMap<String, String>,
    /// The fields as gzip-compressed JSON in base64, where they would not fit otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compressed: Option<String>,
}

/// A message that is not a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It says another version than 1.
    #[error("the message has an unknown version")]
    UnknownVersion,
    /// It is not what this connector writes.
    #[error("the message is malformed")]
    Malformed,
    /// Its fields are longer than [`UNPACKED_LIMIT`].
    #[error("the message unpacks to more than {UNPACKED_LIMIT} bytes")]
    TooLarge,
}

/// A post whose fields are still packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedPost {
    wire: Wire,
    size: usize,
}

impl PackedPost {
    /// Reads a message's text and unpacks nothing.
    ///
    /// # Errors
    /// When it is not a post of version 1.
    pub fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct Versioned {
            v: serde_json::Value,
        }
        let Versioned { v } = serde_json::from_str(text).map_err(|_| DecodeError::Malformed)?;
        if v != 1 {
            return Err(DecodeError::UnknownVersion);
        }
        let wire: Wire = serde_json::from_str(text).map_err(|_| DecodeError::Malformed)?;
        let size = match &wire.compressed {
            None => text.len(),
            Some(packed) => unpacked_size(packed).ok_or(DecodeError::Malformed)?,
        };
        Ok(Self { wire, size })
    }

    /// How many bytes unpacking makes of it at most.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// The whole post.
    ///
    /// # Errors
    /// When its fields cannot be read, or are longer than [`UNPACKED_LIMIT`]; nothing is unpacked beyond that.
    pub fn unpack(mut self) -> Result<Post, DecodeError> {
        if self.size > UNPACKED_LIMIT {
            return Err(DecodeError::TooLarge);
        }
        let fields = match self.wire.compressed.take() {
            None => self.wire.fields.take().map(|fields| Fields {
                fields,
                unknown_fields: std::mem::take(&mut self.wire.unknown_fields),
            }),
            Some(packed) => gunzip(&packed, self.size)
                .and_then(|fields| String::from_utf8(fields).ok())
                .and_then(|fields| serde_json::from_str(&fields).ok()),
        };
        let fields = fields.ok_or(DecodeError::Malformed)?;
        Ok(self.post(fields))
    }

    /// The post without its fields, as the ledger knows it.
    pub fn outline(self) -> Post {
        self.post(Fields::default())
    }

    fn post(self, fields: Fields) -> Post {
        Post {
            tenant: self.wire.tenant,
            session_id: self.wire.session_id,
            event: self.wire.event,
            received_at: self.wire.received_at,
            digest: self.wire.digest,
            fields,
        }
    }
}

/// Not a post but a request to look after the posts of a tenant that wait for its re-authorisation, because it has
/// new credentials.
///
/// They are hidden for up to an hour, and SQS shows nothing sooner than asked, unless somebody who has a message's
/// receipt handle says so. Only `deliver-session` does, so whoever ends a tenant's pause asks it to, in the same queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WakeRequest {
    v: u32,
    /// Whose posts.
    #[serde(rename = "wake")]
    pub tenant: TenantId,
    /// Posts accepted before then have been looked after already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
}

impl WakeRequest {
    /// All of a tenant's posts, or those accepted at or after `from`.
    pub const fn new(tenant: TenantId, from: Option<Timestamp>) -> Self {
        Self { v: 1, tenant, from }
    }
}

/// What a message of the sessions queue says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueMessage {
    /// A post to deliver.
    Post(Box<PackedPost>),
    /// A request to wake the posts that wait for a re-authorisation.
    Wake(WakeRequest),
}

impl QueueMessage {
    /// Reads a message's text, in one of the two formats that [`Post::encode`] describes.
    ///
    /// # Errors
    /// When it is neither of version 1.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        // A post goes first: it may be long, and nearly every message is one.
        match PackedPost::read(text) {
            Ok(packed) => Ok(Self::Post(Box::new(packed))),
            Err(DecodeError::Malformed) => serde_json::from_str(text)
                .map(Self::Wake)
                .map_err(|_| DecodeError::Malformed),
            Err(unknown) => Err(unknown),
        }
    }
}

impl DecodeError {
    /// Its line of the error table.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::UnknownVersion => ErrorCode::UnknownVersion,
            Self::Malformed => ErrorCode::MalformedMessage,
            Self::TooLarge => ErrorCode::BodyTooLarge,
        }
    }
}

impl Post {
    /// The message's text, compressed only where it would not fit otherwise. `None`: it does not fit at all, or its
    /// fields are longer than [`UNPACKED_LIMIT`], so that it could not be delivered.
    ///
    /// The queue's messages are JSON objects with their version in `v`; a reader counts every other version as unknown.
    /// * A post: `{"v":1,"tenant","session_id","event","received_at","digest","fields","unknown_fields"}`, or with
    ///   `"compressed"` (gzip, base64) in place of the last two. Group `{tenant}#{session id}`, deduplicated by digest.
    /// * A [`WakeRequest`]: `{"v":1,"wake":"{tenant}"}`, with `"from"` (RFC 3339) where it goes on. Group `{tenant}#*`, which no
    ///   session can have; never deduplicated.
    pub fn encode(&self) -> Option<String> {
        let wire = |fields: Option<Fields>, compressed| {
            let (fields, unknown_fields) = match fields {
                Some(fields) => (Some(fields.fields), fields.unknown_fields),
                None => (None, BTreeMap::new()),
            };
            Wire {
                v: 1,
                tenant: self.tenant.clone(),
                session_id: self.session_id.clone(),
                event: self.event,
                received_at: self.received_at,
                digest: self.digest.clone(),
                fields,
                unknown_fields,
                compressed,
            }
        };
        // Nothing large is copied before it is known to fit.
        if write_json(&self.fields, MESSAGE_LIMIT, std::io::sink()).is_some() {
            let plain = serde_json::to_string(&wire(Some(self.fields.clone()), None)).ok()?;
            let plain = sendable(plain);
            if plain.len() <= MESSAGE_LIMIT {
                return Some(plain);
            }
        }
        let encoder = GzEncoder::new(Vec::new(), Compression::default());
        let packed = write_json(&self.fields, UNPACKED_LIMIT, encoder)?;
        let packed = STANDARD.encode(packed.finish().ok()?);
        let packed = serde_json::to_string(&wire(None, Some(packed))).ok()?;
        (packed.len() <= MESSAGE_LIMIT).then_some(packed)
    }

    /// Reads a message's text.
    ///
    /// # Errors
    /// When it is not a post of version 1.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        PackedPost::read(text)?.unpack()
    }

    /// The message group: start before end, and no session blocks another.
    pub fn group(&self) -> String {
        format!("{}#{}", self.tenant, self.session_id)
    }
}

/// What a gzip stream says at its end about its length (RFC 1952, section 2.3.1). It may be wrong: a reader is to hold
/// the stream to it.
fn unpacked_size(packed: &str) -> Option<usize> {
    let end = STANDARD
        .decode(packed.get(packed.len().checked_sub(8)?..)?)
        .ok()?;
    let size = u32::from_le_bytes(*end.last_chunk()?);
    usize::try_from(size).ok()
}

/// Unpacks `limit` bytes at most; `None` when there are more, or it is not gzip (RFC 1952, without optional members, as
/// [`GzEncoder`] writes it) in base64.
///
/// The gzip reader of `flate2` brings 16 KB of checksum tables that no zip makes smaller; this checksum needs no table.
fn gunzip(packed: &str, limit: usize) -> Option<Vec<u8>> {
    const DEFLATE_WITHOUT_OPTIONS: [u8; 4] = [0x1f, 0x8b, 8, 0];
    let packed = STANDARD.decode(packed).ok()?;
    let (head, rest) = packed.split_at_checked(10)?;
    let (deflated, &[c0, c1, c2, c3, s0, s1, s2, s3]) = rest.split_last_chunk::<8>()?;
    if !head.starts_with(&DEFLATE_WITHOUT_OPTIONS) {
        return None;
    }
    let mut text = Vec::new();
    let more = u64::try_from(limit).ok()?.saturating_add(1);
    DeflateDecoder::new(deflated)
        .take(more)
        .read_to_end(&mut text)
        .ok()?;
    let checksum = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC).checksum(&text);
    let size = u32::from_le_bytes([s0, s1, s2, s3]);
    let intact = checksum == u32::from_le_bytes([c0, c1, c2, c3])
        && u32::try_from(text.len()).is_ok_and(|length| length == size);
    (text.len() <= limit && intact).then_some(text)
}

/// Writes fields as JSON of `limit` bytes at most; `None` when there are more.
fn write_json<W: std::io::Write>(fields: &Fields, limit: usize, writer: W) -> Option<W> {
    let mut limited = std::io::BufWriter::new(Limited {
        left: limit,
        writer,
    });
    serde_json::to_writer(&mut limited, fields).ok()?;
    Some(limited.into_inner().ok()?.writer)
}

/// A writer that fails when more is written than is allowed.
struct Limited<W> {
    left: usize,
    writer: W,
}

impl<W: std::io::Write> std::io::Write for Limited<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.left = self
            .left
            .checked_sub(bytes.len())
            .ok_or(std::io::ErrorKind::FileTooLarge)?;
        self.writer.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writer.flush()
    }
}

fn gzip_base64(bytes: &[u8]) -> Option<String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).ok()?;
    Some(STANDARD.encode(encoder.finish().ok()?))
}

/// Escapes the two characters that JSON lets stand and SQS refuses (docs/vendors.md#sqs-fifo).
fn sendable(json: String) -> String {
    if json.contains(['\u{fffe}', '\u{ffff}']) {
        json.replace('\u{fffe}', "\\ufffe")
            .replace('\u{ffff}', "\\uffff")
    } else {
        json
    }
}

/// Whether SQS takes a text as it is.
fn is_sendable(text: &str) -> bool {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    !text.is_empty() && text.chars().all(allowed)
}

/// Something that cannot be delivered, on its way to the dead-letter queue.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    body: String,
    encoding: &'static str,
    reason: ErrorCode,
    tenant: Option<String>,
    session_id: Option<String>,
    received_at: Timestamp,
    content_type: Option<String>,
    event: Option<Event>,
    detail: Option<String>,
}

/// No longer `Content-Type` is kept with a body; longer ones tell nothing about it.
const LONGEST_CONTENT_TYPE: usize = 256;

impl DeadLetter {
    /// A queue message, kept as it is.
    pub fn message(
        body: String,
        reason: ErrorCode,
        post: Option<&Post>,
        received_at: Timestamp,
    ) -> Self {
        Self {
            body,
            encoding: "message",
            reason,
            tenant: post.map(|post| post.tenant.to_string()),
            session_id: post.map(|post| post.session_id.to_string()),
            received_at,
            content_type: None,
            event: None,
            detail: None,
        }
    }

    /// The same with the vendor's reason, as far as that is configuration.
    #[must_use]
    pub fn with_detail(mut self, detail: Option<String>) -> Self {
        self.detail = detail;
        self
    }

    /// What an authenticated sender posted and nobody could read: as it came where that is text, else in base64,
    /// compressed first where it would not fit. `None`: it does not fit at all.
    pub fn raw(
        body: &[u8],
        reason: ErrorCode,
        tenant: &TenantId,
        received_at: Timestamp,
    ) -> Option<Self> {
        let fits = |text: &str| text.len() <= MESSAGE_LIMIT;
        let text = std::str::from_utf8(body)
            .ok()
            .filter(|text| is_sendable(text) && fits(text));
        let (body, encoding) = match text {
            Some(text) => (text.to_owned(), "text"),
            None if body.len() <= MESSAGE_LIMIT / 4 * 3 => (STANDARD.encode(body), "base64"),
            None => (gzip_base64(body).filter(|text| fits(text))?, "gzip+base64"),
        };
        Some(Self {
            body,
            encoding,
            reason,
            tenant: Some(tenant.to_string()),
            session_id: None,
            received_at,
            content_type: None,
            event: None,
            detail: None,
        })
    }

    /// With what its URL and its headers said about a body, so that it can be read once more. A `Content-Type` that SQS
    /// would refuse is left out: it would cost the whole letter.
    #[must_use]
    pub fn posted_as(mut self, content_type: Option<&str>, event: Option<Event>) -> Self {
        self.content_type = content_type
            .filter(|text| is_sendable(text) && text.len() <= LONGEST_CONTENT_TYPE)
            .map(str::to_owned);
        self.event = event;
        self
    }
}

/// The bytes that [`DeadLetter::raw`] kept in an encoding; `None` when they are not in it.
pub fn raw_body(encoding: &str, body: &str) -> Option<Vec<u8>> {
    match encoding {
        "text" => Some(body.as_bytes().to_vec()),
        "base64" => STANDARD.decode(body).ok(),
        "gzip+base64" => gunzip(body, RAW_LIMIT),
        _ => None,
    }
}

/// The queue cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct QueueError(pub String);

impl QueueError {
    /// A call that failed, with the queue's name: `SQS SendMessage, queue sessions.fifo: AccessDenied`.
    fn of<E, R>(url: &str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        let name = url.rsplit('/').next().unwrap_or_default();
        Self(crate::aws::sdk::failure("queue", name, error))
    }
}

/// The two queues.
#[derive(Clone, Debug)]
pub struct Queues {
    sqs: aws_sdk_sqs::Client,
    sessions_url: String,
    dead_letters_url: String,
}

impl Queues {
    /// The queues at these URLs.
    pub const fn new(
        sqs: aws_sdk_sqs::Client,
        sessions_url: String,
        dead_letters_url: String,
    ) -> Self {
        Self {
            sqs,
            sessions_url,
            dead_letters_url,
        }
    }

    /// Stores a post, whose text is `message`. When this returns, SQS has it. It is sent until `patience` has passed
    /// ([`crate::aws::sdk::repeat`]); SQS takes what it has already got for a repeat.
    ///
    /// # Errors
    /// When SQS did not say that it has it.
    pub async fn send(
        &self,
        post: &Post,
        message: String,
        patience: Duration,
    ) -> Result<(), QueueError> {
        let request = self
            .sqs
            .send_message()
            .queue_url(&self.sessions_url)
            .message_body(message)
            .message_group_id(post.group())
            .message_deduplication_id(post.digest.as_str());
        send_patiently(request, &self.sessions_url, patience).await
    }

    /// Stores a dead letter with its reason, as a group of its own and never taken for a repeat.
    ///
    /// # Errors
    /// When SQS did not say that it has it.
    pub async fn send_dead_letter(&self, letter: DeadLetter) -> Result<(), QueueError> {
        self.dead_letter(letter)?
            .send()
            .await
            .map_err(|error| QueueError::of(&self.dead_letters_url, &error))?;
        Ok(())
    }

    /// The same for a letter that exists nowhere else: it is sent until `patience` has passed, and kept once.
    ///
    /// # Errors
    /// When SQS did not say that it has it.
    pub async fn send_dead_letter_patiently(
        &self,
        letter: DeadLetter,
        patience: Duration,
    ) -> Result<(), QueueError> {
        let letter = self.dead_letter(letter)?;
        send_patiently(letter, &self.dead_letters_url, patience).await
    }

    fn dead_letter(&self, letter: DeadLetter) -> Result<SendMessageFluentBuilder, QueueError> {
        let fresh = uuid::Uuid::new_v4().to_string();
        let mut request = self
            .sqs
            .send_message()
            .queue_url(&self.dead_letters_url)
            .message_body(letter.body)
            .message_group_id(&fresh)
            .message_deduplication_id(&fresh);
        let attributes = [
            ("reason", Some(letter.reason.as_str().to_owned())),
            ("encoding", Some(letter.encoding.to_owned())),
            ("received_at", Some(letter.received_at.to_string())),
            ("tenant", letter.tenant),
            ("session_id", letter.session_id),
            ("content_type", letter.content_type),
            ("event", letter.event.map(|event| event.as_str().to_owned())),
            ("detail", letter.detail),
        ];
        for (name, value) in attributes {
            let Some(value) = value else { continue };
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
                .map_err(|error| QueueError(error.to_string()))?;
            request = request.message_attributes(name, value);
        }
        Ok(request)
    }

    /// Makes the posts of a tenant come back within a minute that wait because it had to be authorised again. For
    /// whoever has just ended its pause; needs `sqs:SendMessage` on the sessions queue.
    ///
    /// # Errors
    /// When SQS did not say that it has the request; the posts come back within an hour all the same.
    pub async fn wake(&self, tenant: &TenantId) -> Result<(), QueueError> {
        self.send_wake(&WakeRequest::new(tenant.clone(), None))
            .await
    }

    /// The same for whoever can do nothing about a failure but say so.
    pub async fn wake_if_possible(&self, tenant: &TenantId) {
        if let Err(error) = self.wake(tenant).await {
            tracing::warn!(%tenant, %error, "posts that wait for a token come back within an hour");
        }
    }

    /// The same for part of a tenant's posts.
    ///
    /// # Errors
    /// When SQS did not say that it has the request.
    pub async fn send_wake(&self, wake: &WakeRequest) -> Result<(), QueueError> {
        let body = serde_json::to_string(wake).map_err(|error| QueueError(error.to_string()))?;
        self.sqs
            .send_message()
            .queue_url(&self.sessions_url)
            .message_body(body)
            .message_group_id(format!("{}#*", wake.tenant))
            .message_deduplication_id(uuid::Uuid::new_v4().to_string())
            .send()
            .await
            .map_err(|error| QueueError::of(&self.sessions_url, &error))?;
        Ok(())
    }

    /// Hides messages (receipt handles) from now on for the time beside them, ten at most.
    ///
    /// # Errors
    /// When SQS took none or not all of them; those become visible when their present time-out ends.
    pub async fn postpone(&self, messages: &[(String, Duration)]) -> Result<(), QueueError> {
        let messages = messages
            .iter()
            .map(|(handle, delay)| (handle.as_str(), *delay));
        match self.set_visibility(messages).await?.first() {
            None => Ok(()),
            Some(failed) => Err(QueueError(failed.code().to_owned())),
        }
    }

    /// Deletes messages (receipt handles), ten at most. Deleting twice does no harm.
    ///
    /// # Errors
    /// When SQS took none or not all of them.
    pub async fn delete(&self, receipt_handles: &[String]) -> Result<(), QueueError> {
        let mut request = self
            .sqs
            .delete_message_batch()
            .queue_url(&self.sessions_url);
        for (index, receipt_handle) in receipt_handles.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(receipt_handle)
                .build()
                .map_err(|error| QueueError(error.to_string()))?;
            request = request.entries(entry);
        }
        let answer = request
            .send()
            .await
            .map_err(|error| QueueError::of(&self.sessions_url, &error))?;
        match answer.failed.first() {
            None => Ok(()),
            Some(failed) => Err(QueueError(failed.code.clone())),
        }
    }

    /// Shows messages (receipt handles) at once, ten at most. One that is no longer hidden under its handle, because it
    /// came back by itself or is done with, is left alone. How many are shown.
    ///
    /// # Errors
    /// When SQS failed at one of them at least.
    pub async fn make_visible(&self, receipt_handles: &[String]) -> Result<usize, QueueError> {
        let messages = receipt_handles
            .iter()
            .map(|handle| (handle.as_str(), Duration::ZERO));
        let failed = self.set_visibility(messages).await?;
        // What SQS says of a handle that is not the message's present one is the sender's fault.
        match failed.iter().find(|failed| !failed.sender_fault()) {
            None => Ok(receipt_handles.len() - failed.len()),
            Some(failed) => Err(QueueError(failed.code().to_owned())),
        }
    }

    /// Hides messages for so long from now on; those that SQS refused.
    async fn set_visibility(
        &self,
        messages: impl Iterator<Item = (&str, Duration)>,
    ) -> Result<Vec<BatchResultErrorEntry>, QueueError> {
        let mut request = self
            .sqs
            .change_message_visibility_batch()
            .queue_url(&self.sessions_url);
        for (index, (receipt_handle, delay)) in messages.enumerate() {
            let seconds = delay.min(LONGEST_VISIBILITY).as_secs_f64().ceil();
            #[expect(clippy::cast_possible_truncation, reason = "at most 12 hours")]
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(receipt_handle)
                .visibility_timeout(seconds as i32)
                .build()
                .map_err(|error| QueueError(error.to_string()))?;
            request = request.entries(entry);
        }
        let answer = request
            .send()
            .await
            .map_err(|error| QueueError::of(&self.sessions_url, &error))?;
        Ok(answer.failed)
    }
}

async fn send_patiently(
    request: SendMessageFluentBuilder,
    url: &str,
    patience: Duration,
) -> Result<(), QueueError> {
    crate::aws::sdk::repeat(patience, async || request.clone().send().await)
        .await
        .map_err(|error| QueueError::of(url, &error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(chat: &str) -> Post {
        let (tenant, session_id) = (
            TenantId::parse("acme").expect("valid"),
            SessionId::parse("7").expect("valid"),
        );
        let mut fields = Fields::default();
        fields.insert("ChatLog", chat.to_owned());
        fields.insert("tsurvey0", "5".to_owned());
        let digest = Digest::of(&tenant, &session_id, Event::Started, &fields);
        Post {
            tenant,
            session_id,
            event: Event::Started,
            received_at: Timestamp::from_millis(1),
            digest,
            fields,
        }
    }

    #[test]
    fn a_post_reads_back_what_it_wrote() {
        let post = post("hello");
        let text = post.encode().expect("fits");
        assert_eq!(Post::decode(&text), Ok(post));
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(json["v"], 1);
        assert_eq!(json["event"], "started");
        assert_eq!(json["fields"]["ChatLog"], "hello");
        assert_eq!(json["unknown_fields"]["tsurvey0"], "5");
    }

    #[test]
    fn a_post_of_two_megabytes_is_compressed_and_not_cut() {
        let post = post(&"10:02 AM Ana: hello again\n".repeat(80_000));
        let text = post.encode().expect("compresses well");
        assert!(text.len() < MESSAGE_LIMIT / 10, "{}", text.len());
        assert_eq!(Post::decode(&text), Ok(post));
    }

    #[test]
    fn a_post_that_could_not_be_delivered_is_not_encoded() {
        // Three bytes in UTF-8 for one in windows-1252, and six in JSON for a control character.
        for (chat, fits) in [
            ("\u{2039}".repeat(5_500_000), true),
            ("\u{2039}".repeat(5_600_000), false),
            ("\u{1}".repeat(2_900_000), false),
        ] {
            let post = post(&chat);
            let text = post.encode();
            assert_eq!(text.is_some(), fits, "{}", chat.len());
            let Some(text) = text else { continue };
            let packed = PackedPost::read(&text).expect("a post");
            assert!(packed.size() > text.len() && packed.size() <= UNPACKED_LIMIT);
            assert_eq!(packed.unpack(), Ok(post));
        }
    }

    /// Bombs of a few kilobytes: only this connector writes to the queue, but what it wrote before may stand there.
    #[test]
    fn a_message_is_not_unpacked_beyond_what_is_allowed_or_what_it_says() {
        let message = |packed: &str| {
            let mut json: serde_json::Value =
                serde_json::from_str(&post("x").encode().expect("fits")).expect("JSON");
            json["compressed"] = packed.into();
            Post::decode(&json.to_string())
        };
        let bomb = vec![b' '; UNPACKED_LIMIT + 1];
        let mut packed = STANDARD
            .decode(gzip_base64(&bomb).expect("packed"))
            .expect("base64");
        assert_eq!(
            message(&STANDARD.encode(&packed)),
            Err(DecodeError::TooLarge)
        );
        let size = packed.len() - 4;
        packed[size..].copy_from_slice(&1_u32.to_le_bytes());
        for packed in [STANDARD.encode(&packed), String::new(), "AAAA".to_owned()] {
            assert_eq!(message(&packed), Err(DecodeError::Malformed));
        }
        assert_eq!(DecodeError::TooLarge.code(), ErrorCode::BodyTooLarge);
    }

    #[test]
    fn characters_that_sqs_refuses_are_escaped() {
        let post = post("a\u{ffff}b\u{fffe}c\u{1}d");
        let text = post.encode().expect("fits");
        assert!(is_sendable(&text));
        assert_eq!(Post::decode(&text), Ok(post));
    }

    #[test]
    fn an_unknown_version_is_told_from_a_malformed_message() {
        let text = post("x").encode().expect("fits");
        assert_eq!(
            Post::decode(&text.replace("\"v\":1", "\"v\":2")),
            Err(DecodeError::UnknownVersion)
        );
        assert_eq!(Post::decode("{}"), Err(DecodeError::Malformed));
        assert_eq!(Post::decode("not JSON"), Err(DecodeError::Malformed));
        assert_eq!(Post::decode("{\"v\":1}"), Err(DecodeError::Malformed));
    }

    #[test]
    fn a_wake_up_is_told_from_a_post_by_its_shape_and_has_a_version_too() {
        let tenant = TenantId::parse("acme").expect("valid");
        let all = WakeRequest::new(tenant.clone(), None);
        let text = serde_json::to_string(&all).expect("JSON");
        assert_eq!(text, r#"{"v":1,"wake":"acme"}"#);
        assert_eq!(QueueMessage::decode(&text), Ok(QueueMessage::Wake(all)));
        let rest = WakeRequest::new(tenant, Some(Timestamp::from_millis(1)));
        let text = serde_json::to_string(&rest).expect("JSON");
        assert_eq!(QueueMessage::decode(&text), Ok(QueueMessage::Wake(rest)));
        let later = text.replace("\"v\":1", "\"v\":2");
        assert_eq!(
            QueueMessage::decode(&later),
            Err(DecodeError::UnknownVersion)
        );
        assert_eq!(Post::decode(&text), Err(DecodeError::Malformed));
        let post = post("hello");
        let text = post.encode().expect("fits");
        let Ok(QueueMessage::Post(packed)) = QueueMessage::decode(&text) else {
            panic!("not a post: {text}");
        };
        let outline = packed.clone().outline();
        assert_eq!(outline.group(), post.group());
        assert_eq!(outline.digest, post.digest);
        assert!(outline.fields.is_empty());
        assert_eq!(packed.unpack(), Ok(post));
    }

    #[test]
    fn a_content_type_that_sqs_would_refuse_does_not_cost_the_letter() {
        let tenant = TenantId::parse("acme").expect("valid");
        let now = Timestamp::from_millis(0);
        let kept = |content_type: &str| {
            let letter =
                DeadLetter::raw(b"odd", ErrorCode::MalformedBody, &tenant, now).expect("fits");
            letter.posted_as(Some(content_type), None).content_type
        };
        assert_eq!(
            kept("text/xml; charset=\"ä\"").as_deref(),
            Some("text/xml; charset=\"ä\"")
        );
        for refused in ["", "a\u{1}b", "a\u{ffff}", &"a".repeat(257)] {
            assert_eq!(kept(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn a_raw_body_is_kept_as_it_came_or_in_base64() {
        let (tenant, now) = (
            TenantId::parse("acme").expect("valid"),
            Timestamp::from_millis(0),
        );
        let raw = |body: &[u8]| {
            DeadLetter::raw(body, ErrorCode::MalformedBody, &tenant, now).expect("fits")
        };
        assert_eq!(
            (raw(b"odd").body.as_str(), raw(b"odd").encoding),
            ("odd", "text")
        );
        assert_eq!(
            (raw(b"\xff\0").body.as_str(), raw(b"\xff\0").encoding),
            ("/wA=", "base64")
        );
        assert_eq!(raw(&vec![0; 3_000_000]).encoding, "gzip+base64");
        for bytes in [b"odd".to_vec(), b"\xff\0".to_vec(), vec![0; 3_000_000]] {
            let letter = raw(&bytes);
            assert_eq!(raw_body(letter.encoding, &letter.body), Some(bytes));
        }
        assert_eq!(raw_body("base64", "?"), None);
    }
}
