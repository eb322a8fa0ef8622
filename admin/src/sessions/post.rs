//! A post of the delivery ledger, read from its item.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Serialize, Serializer};
use shared::aws::ledger::PostState;
use shared::domain::clock::Timestamp;
use shared::domain::record::{RecordRef, SysId, TableName};
use shared::domain::session::{Event, SessionId, Source};
use shared::domain::tenant::TenantId;

pub(super) type Item = HashMap<String, AttributeValue>;

/// One post of the ledger.
///
/// As JSON: `{"tenant","session_id","delivery","event","source","state","reason","detail","dropped_columns","row_refused","attempts",
/// "deaths","received_at","last_attempt_at","lease_until","next_attempt_at","not_before","ended_at","record"}`. What is not known or
/// does not apply is left out. `tenant` is there only when the posts of all tenants are listed, `source` only when it is `report`.
/// Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerPost {
    /// Only when the posts of all tenants are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// Rescue's id of the session.
    pub session_id: SessionId,
    /// The post's digest, which the answer to Rescue contains too.
    pub delivery: String,
    /// Whether the session started or ended, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
    /// Left out of what Rescue posted.
    #[serde(skip_serializing_if = "Source::is_post")]
    pub source: Source,
    /// How far its delivery is.
    #[serde(serialize_with = "state_name")]
    pub state: PostState,
    /// Why it waits, failed or matches no record: a code of the error table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The part of the vendor's reason that is configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Columns that ServiceNow ignored while it accepted the note.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped_columns: Vec<String>,
    /// Why the session's row was not written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_refused: Option<String>,
    /// Attempts since the post was last sent, including a running one.
    pub attempts: u32,
    /// Attempts that ended the process while it handled no other post.
    #[serde(rename = "deaths")]
    pub crashes: u32,
    /// When `session-details` accepted it.
    pub received_at: Timestamp,
    /// When the last attempt began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempt_at: Option<Timestamp>,
    /// While it is being delivered: the end of the process's lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// While it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// After it failed: no attempt begins before then, because the last one may still take effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// When its delivery ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The session's record, as `table:sys_id`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "record_text"
    )]
    pub record: Option<RecordRef>,
}

fn state_name<S: Serializer>(state: &PostState, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.as_str())
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn record_text<S: Serializer>(
    record: &Option<RecordRef>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match record {
        Some(record) => serializer.collect_str(record),
        None => serializer.serialize_none(),
    }
}

/// Reads a post's item; `None` when the item is not a post or has another version's form.
pub(super) fn post(item: &Item) -> Option<LedgerPost> {
    let delivery = string(item, "entry")?.strip_prefix("post#")?.to_owned();
    let (_, session) = string(item, "session")?.split_once('#')?;
    let state = PostState::parse(string(item, "state")?)?;
    let last_attempt_at = moment(item, "claimed_at");
    let dropped = item.get("dropped_columns");
    Some(LedgerPost {
        tenant: None,
        session_id: SessionId::parse(session)?,
        delivery,
        event: string(item, "event").and_then(Event::parse),
        source: match string(item, "source") {
            Some(source) if source == Source::Report.as_str() => Source::Report,
            _ => Source::Post,
        },
        state,
        reason: string(item, "reason").map(str::to_owned),
        detail: string(item, "detail").map(str::to_owned),
        row_refused: string(item, "row_refused").map(str::to_owned),
        dropped_columns: dropped
            .and_then(|columns| columns.as_ss().ok().cloned())
            .unwrap_or_default(),
        attempts: number(item, "attempts"),
        crashes: number(item, "deaths"),
        received_at: moment(item, "received_at")?,
        last_attempt_at,
        lease_until: moment(item, "lease_until").filter(|_| state == PostState::Delivering),
        next_attempt_at: moment(item, "next_attempt_at"),
        not_before: moment(item, "not_before").filter(|_| state == PostState::Failed),
        ended_at: moment(item, "ended_at")
            // A post that was put back keeps the end of its earlier deliveries.
            .filter(|_| !matches!(state, PostState::Delivering | PostState::Waiting)),
        record: None,
    })
}

pub(super) fn record(item: &Item) -> Option<RecordRef> {
    Some(RecordRef {
        table: TableName::parse(string(item, "table")?)?,
        sys_id: SysId::parse(string(item, "sys_id")?)?,
    })
}

pub(super) fn string<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub(super) fn moment(item: &Item, name: &str) -> Option<Timestamp> {
    Timestamp::parse(string(item, name)?)
}

fn number(item: &Item, name: &str) -> u32 {
    let value = item.get(name).and_then(|value| value.as_n().ok());
    value.and_then(|text| text.parse().ok()).unwrap_or(0)
}

pub(super) fn text(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::S(value.to_string())
}
