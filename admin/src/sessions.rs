//! The delivery ledger as an operator reads it: what became of a tenant's posts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use futures::stream::{self, StreamExt as _};
use serde::{Serialize, Serializer};
use shared::aws::ledger::{BY_TENANT, Ledger, PostState};
use shared::domain::clock::Timestamp;
use shared::domain::record::{RecordRef, SysId, Table};
use shared::domain::session::{Event, SessionId};
use shared::domain::tenant::TenantId;

use crate::error::AdminError;
use crate::lifecycle;
use crate::remedies::{Explained, explain};
use crate::stack::Stack;
use crate::tenant::read_existing;

type Item = HashMap<String, AttributeValue>;

/// So many tenants' posts are read at the same time.
const AT_ONCE: usize = 8;

/// `BatchGetItem` takes no more keys.
const BATCH: usize = 100;

/// One post of the ledger.
///
/// As JSON: `{"tenant","session_id","delivery","event","state","reason","detail","dropped_columns","attempts","deaths",
/// "received_at","last_attempt_at","lease_until","next_attempt_at","not_before","ended_at","record"}`. What is not known or
/// does not apply is left out, `tenant` unless all tenants' posts are listed. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Whose post it is; only where all tenants' posts are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// The session that the post tells of.
    pub session_id: SessionId,
    /// The post's digest, which the answer to Rescue named too.
    pub delivery: String,
    /// Which moment the post tells of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
    /// What became of it.
    #[serde(serialize_with = "word")]
    pub state: PostState,
    /// Why it waits, failed or matches nothing: a code of the error table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the vendor said about it, as far as that is configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Columns that ServiceNow did not take, although it took the note.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped_columns: Vec<String>,
    /// Attempts since the post was last sent, with the one that is under way.
    pub attempts: u32,
    /// Those of them that ended the process.
    pub deaths: u32,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// When an attempt last began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempt_at: Option<Timestamp>,
    /// While it is being delivered: until when its process has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// While it waits: when it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// After it was given up: no attempt begins before then, because the last one may still take effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// When it was done with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The record that its session belongs to, as `table:sys_id`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "text_option"
    )]
    pub record: Option<RecordRef>,
}

fn word<S: Serializer>(state: &PostState, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.as_str())
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn text_option<S: Serializer>(
    record: &Option<RecordRef>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match record {
        Some(record) => serializer.collect_str(record),
        None => serializer.serialize_none(),
    }
}

/// Which posts [`list`] is asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those in this state.
    pub state: Option<PostState>,
    /// Only those accepted then or later.
    pub since: Option<Timestamp>,
    /// Only those of this session.
    pub session: Option<SessionId>,
    /// Only those of sessions that belong to this record.
    pub record: Option<RecordFilter>,
    /// So many at most; 0 stands for all.
    pub limit: usize,
}

impl Filter {
    const fn is_reached(&self, count: usize) -> bool {
        self.limit != 0 && count >= self.limit
    }
}

/// A record by its `sys_id`, with or without its table: the ledger knows no numbers, see [`crate::records`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFilter {
    table: Option<Table>,
    sys_id: SysId,
}

impl From<RecordRef> for RecordFilter {
    fn from(record: RecordRef) -> Self {
        Self {
            table: Some(record.table),
            sys_id: record.sys_id,
        }
    }
}

impl RecordFilter {
    /// Reads `sys_id` or `table:sys_id`.
    pub fn parse(text: &str) -> Option<Self> {
        let (table, sys_id) = match text.split_once(':') {
            Some((table, sys_id)) => (Some(Table::from_name(table)?), sys_id),
            None => (None, text),
        };
        SysId::parse(sys_id).map(|sys_id| Self { table, sys_id })
    }

    fn matches(&self, record: &RecordRef) -> bool {
        self.sys_id == record.sys_id && self.table.is_none_or(|table| table == record.table)
    }
}

/// Some posts of a tenant.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// The newest first.
    pub entries: Vec<Entry>,
    /// Whether there may be more than were asked for.
    pub more: bool,
}

/// The posts of a tenant, the newest first, each with the record that its session belongs to.
///
/// # Errors
/// [`AdminError::NoSuchTenant`] when the ledger knows nothing of it either (it keeps what it knows of a deleted tenant
/// for 90 days); otherwise when AWS refuses.
pub async fn list(stack: &Stack, tenant: &TenantId, filter: &Filter) -> Result<Listed, AdminError> {
    let mut listed = Listed::default();
    let mut records = BTreeMap::new();
    let mut from = None;
    loop {
        let (items, rest) = match &filter.session {
            Some(session) => (
                newest_first(session_items(stack, tenant, session).await?),
                None,
            ),
            None => page(stack, tenant, filter, from).await?,
        };
        let mut entries: Vec<Entry> = items.iter().filter_map(entry).collect();
        entries.retain(|entry| {
            filter.state.is_none_or(|state| state == entry.state)
                && filter.since.is_none_or(|since| since <= entry.received_at)
        });
        let unknown: BTreeSet<SessionId> = entries
            .iter()
            .map(|entry| entry.session_id.clone())
            .filter(|session| !records.contains_key(session))
            .collect();
        read_records(stack, tenant, unknown, &mut records).await?;
        for mut entry in entries {
            entry.record = records.get(&entry.session_id).cloned().flatten();
            let wanted = filter.record.as_ref().is_none_or(|wanted| {
                entry
                    .record
                    .as_ref()
                    .is_some_and(|record| wanted.matches(record))
            });
            if wanted && filter.is_reached(listed.entries.len()) {
                listed.more = true;
                return Ok(listed);
            }
            if wanted {
                listed.entries.push(entry);
            }
        }
        if rest.is_none() {
            break;
        }
        from = rest;
    }
    if listed.entries.is_empty() {
        read_existing(stack, tenant).await?;
    }
    Ok(listed)
}

/// The posts of every tenant, the newest first, each with its tenant. Posts of tenants that were deleted are not among
/// them.
///
/// # Errors
/// When AWS refuses.
pub async fn list_all(stack: &Stack, filter: &Filter) -> Result<Listed, AdminError> {
    let tenants = lifecycle::list(stack).await?.listed;
    let lists = stream::iter(tenants).map(async |tenant| {
        let mut listed = list(stack, &tenant.tenant, filter).await?;
        for entry in &mut listed.entries {
            entry.tenant = Some(tenant.tenant.clone());
        }
        Ok::<Listed, AdminError>(listed)
    });
    let mut lists = std::pin::pin!(lists.buffered(AT_ONCE));
    let mut all = Listed::default();
    while let Some(listed) = lists.next().await {
        let mut listed = listed?;
        all.more |= listed.more;
        all.entries.append(&mut listed.entries);
    }
    all.entries
        .sort_by_key(|entry| std::cmp::Reverse(entry.received_at));
    if filter.limit != 0 && all.entries.len() > filter.limit {
        all.entries.truncate(filter.limit);
        all.more = true;
    }
    Ok(all)
}

/// Names a post of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PostKey {
    pub(crate) tenant: TenantId,
    pub(crate) session: SessionId,
    pub(crate) digest: String,
}

impl PostKey {
    fn item(&self) -> Item {
        HashMap::from([
            (
                "session".to_owned(),
                text(format!("{}#{}", self.tenant, self.session)),
            ),
            ("entry".to_owned(), text(format!("post#{}", self.digest))),
        ])
    }
}

/// Those of some posts, by digest, that no attempt may claim yet, and until when. A ledger that cannot be read says
/// nothing about any of them: this is asked only to tell a person.
pub(crate) async fn not_before(stack: &Stack, posts: &[PostKey]) -> BTreeMap<String, Timestamp> {
    let mut moments = BTreeMap::new();
    if stack.sessions_table.is_empty() {
        return moments;
    }
    for some in posts.chunks(BATCH) {
        // A post may be there twice, and a request may name it once.
        let keys: BTreeMap<&str, Item> = some
            .iter()
            .map(|post| (post.digest.as_str(), post.item()))
            .collect();
        let Ok(items) = batch(stack, keys.into_values().collect()).await else {
            break;
        };
        for item in items {
            let entry = entry(&item);
            let later = entry.and_then(|entry| Some((entry.delivery, entry.not_before?)));
            moments.extend(later.filter(|(_, at)| *at > stack.clock.now()));
        }
    }
    moments
}

/// The record that a post may have been written to already: an attempt at it may have taken effect.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) async fn may_be_on(
    stack: &Stack,
    post: &PostKey,
) -> Result<Option<RecordRef>, AdminError> {
    let found = batch(stack, vec![post.item()]).await?;
    let flag = found.first().and_then(|item| item.get("look_first"));
    if flag.and_then(|value| value.as_bool().ok()) != Some(&true) {
        return Ok(None);
    }
    let (table_name, clock) = (stack.sessions_table.clone(), stack.clock.clone());
    let ledger = Ledger::new(stack.dynamodb.clone(), table_name, clock);
    let record = ledger.record(&post.tenant, &post.session).await;
    record.map_err(|error| AdminError::failed("dynamodb:GetItem", &table(stack), error.0))
}

/// Makes a record the one that a session belongs to: the ledger is read before everything that its posts say.
///
/// # Errors
/// When the ledger cannot be written.
pub(crate) async fn assign(
    stack: &Stack,
    tenant: &TenantId,
    session: &SessionId,
    record: &RecordRef,
) -> Result<(), AdminError> {
    let (table_name, clock) = (stack.sessions_table.clone(), stack.clock.clone());
    let ledger = Ledger::new(stack.dynamodb.clone(), table_name, clock);
    let assigned = ledger.remember_record(tenant, session, record).await;
    assigned.map_err(|error| AdminError::failed("dynamodb:UpdateItem", &table(stack), error.0))
}

/// One page of the index, as much as DynamoDB reads in one go.
async fn page(
    stack: &Stack,
    tenant: &TenantId,
    filter: &Filter,
    from: Option<Item>,
) -> Result<(Vec<Item>, Option<Item>), AdminError> {
    let mut query = stack
        .dynamodb
        .query()
        .table_name(&stack.sessions_table)
        .index_name(BY_TENANT)
        .expression_attribute_values(":tenant", text(tenant))
        .scan_index_forward(false)
        .set_exclusive_start_key(from);
    query = match filter.since {
        Some(since) => query
            .key_condition_expression("tenant = :tenant AND received_at >= :since")
            .expression_attribute_values(":since", text(since)),
        None => query.key_condition_expression("tenant = :tenant"),
    };
    if let Some(state) = filter.state {
        query = query
            .filter_expression("#state = :state")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", text(state.as_str()));
    }
    let answer = query.send().await;
    let answer = answer.map_err(|error| failed(stack, "dynamodb:Query", &error))?;
    Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
}

async fn session_items(
    stack: &Stack,
    tenant: &TenantId,
    session: &SessionId,
) -> Result<Vec<Item>, AdminError> {
    let (mut items, mut from) = (Vec::new(), None);
    loop {
        let answer = stack
            .dynamodb
            .query()
            .table_name(&stack.sessions_table)
            .key_condition_expression("#session = :session")
            .expression_attribute_names("#session", "session")
            .expression_attribute_values(":session", text(format!("{tenant}#{session}")))
            .consistent_read(true)
            .set_exclusive_start_key(from)
            .send()
            .await;
        let answer = answer.map_err(|error| failed(stack, "dynamodb:Query", &error))?;
        items.extend(answer.items.unwrap_or_default());
        from = answer.last_evaluated_key;
        if from.is_none() {
            return Ok(items);
        }
    }
}

fn newest_first(mut items: Vec<Item>) -> Vec<Item> {
    items.sort_by_key(|item| std::cmp::Reverse(moment(item, "received_at")));
    items
}

async fn read_records(
    stack: &Stack,
    tenant: &TenantId,
    sessions: BTreeSet<SessionId>,
    records: &mut BTreeMap<SessionId, Option<RecordRef>>,
) -> Result<(), AdminError> {
    let sessions: Vec<SessionId> = sessions.into_iter().collect();
    for some in sessions.chunks(BATCH) {
        let mut keys = Vec::new();
        for session in some {
            records.insert(session.clone(), None);
            keys.push(HashMap::from([
                ("session".to_owned(), text(format!("{tenant}#{session}"))),
                ("entry".to_owned(), text("record")),
            ]));
        }
        for item in batch(stack, keys).await? {
            let session = string(&item, "session")
                .and_then(|key| key.split_once('#'))
                .and_then(|(_, session)| SessionId::parse(session));
            if let Some(session) = session {
                records.insert(session, record(&item));
            }
        }
    }
    Ok(())
}

/// The items of some keys, [`BATCH`] at most.
async fn batch(stack: &Stack, keys: Vec<Item>) -> Result<Vec<Item>, AdminError> {
    let mut items = Vec::new();
    if keys.is_empty() {
        return Ok(items);
    }
    let keys = KeysAndAttributes::builder().set_keys(Some(keys)).build();
    let keys = keys.map_err(|error| {
        AdminError::failed("dynamodb:BatchGetItem", &table(stack), error.to_string())
    })?;
    let mut asked = Some(HashMap::from([(stack.sessions_table.clone(), keys)]));
    while let Some(request) = asked.take() {
        let answer = stack
            .dynamodb
            .batch_get_item()
            .set_request_items(Some(request))
            .send()
            .await;
        let mut answer = answer.map_err(|error| failed(stack, "dynamodb:BatchGetItem", &error))?;
        let found = answer.responses.take().unwrap_or_default();
        items.extend(found.into_values().flatten());
        asked = answer.unprocessed_keys.filter(|keys| !keys.is_empty());
    }
    Ok(items)
}

/// What `sessions show` answers.
///
/// As JSON: `{"tenant","session_id","record":{"table","sys_id","number","url"},"posts":[…]}`; `record` only when it is known,
/// its `number` where ServiceNow told it, and the posts as `sessions list` has them without `record`, the oldest first,
/// with `meaning` and `remedy` where there is a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The tenant.
    pub tenant: TenantId,
    /// The session.
    pub session_id: SessionId,
    /// The record that the session belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<ShownRecord>,
    /// Its posts.
    pub posts: Vec<ShownPost>,
}

/// A post with its reason in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownPost {
    /// The post.
    #[serde(flatten)]
    pub entry: Entry,
    /// What its reason means, and what to do about it.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub explained: Option<Explained>,
}

/// A record and where to look at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownRecord {
    /// The record.
    #[serde(flatten)]
    pub record: RecordRef,
    /// Its number, where ServiceNow told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Its page on the tenant's instance; nothing for a tenant that was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What the ledger knows of one session.
///
/// # Errors
/// [`AdminError::NoSuchSession`], or [`AdminError::NoSuchTenant`] when that is why; otherwise when AWS refuses.
pub async fn show(
    stack: &Stack,
    tenant: &TenantId,
    session: &SessionId,
) -> Result<Shown, AdminError> {
    let items = session_items(stack, tenant, session).await?;
    let mut posts: Vec<Entry> = items.iter().filter_map(entry).collect();
    posts.sort_by_key(|post| post.received_at);
    let known = items
        .iter()
        .find(|item| string(item, "entry") == Some("record"));
    let known = known.and_then(record);
    if posts.is_empty() && known.is_none() {
        read_existing(stack, tenant).await?;
        return Err(AdminError::NoSuchSession {
            tenant: tenant.clone(),
            session: session.clone(),
        });
    }
    let record = match known {
        None => None,
        Some(record) => {
            let instance = match read_existing(stack, tenant).await {
                Ok(tenant) => Some(tenant.file.servicenow.instance),
                Err(AdminError::NoSuchTenant(_)) => None,
                Err(error) => return Err(error),
            };
            let url = instance.map(|instance| url(&instance, &record));
            Some(ShownRecord {
                record,
                number: None,
                url,
            })
        }
    };
    let posts = posts.into_iter().map(|entry| {
        let reason = entry.reason.as_deref();
        ShownPost {
            explained: reason.map(|reason| explain(reason, Some(tenant.as_str()))),
            entry,
        }
    });
    Ok(Shown {
        tenant: tenant.clone(),
        session_id: session.clone(),
        record,
        posts: posts.collect(),
    })
}

/// The page of a record.
fn url(instance: &str, record: &RecordRef) -> String {
    let instance = instance.trim_end_matches('/');
    format!("{instance}/{}.do?sys_id={}", record.table, record.sys_id)
}

/// A post's item; `None` when it is another one or none that this version wrote.
fn entry(item: &Item) -> Option<Entry> {
    let delivery = string(item, "entry")?.strip_prefix("post#")?.to_owned();
    let (_, session) = string(item, "session")?.split_once('#')?;
    let state = PostState::parse(string(item, "state")?)?;
    let last_attempt_at = moment(item, "claimed_at");
    let dropped = item.get("dropped_columns");
    Some(Entry {
        tenant: None,
        session_id: SessionId::parse(session)?,
        delivery,
        event: string(item, "event").and_then(Event::parse),
        state,
        reason: string(item, "reason").map(str::to_owned),
        detail: string(item, "detail").map(str::to_owned),
        dropped_columns: dropped
            .and_then(|columns| columns.as_ss().ok().cloned())
            .unwrap_or_default(),
        attempts: number(item, "attempts"),
        deaths: number(item, "deaths"),
        received_at: moment(item, "received_at")?,
        last_attempt_at,
        lease_until: moment(item, "lease_until").filter(|_| state == PostState::Delivering),
        next_attempt_at: moment(item, "next_attempt_at"),
        not_before: moment(item, "not_before").filter(|_| state == PostState::Failed),
        ended_at: moment(item, "ended_at")
            // A post that was sent again keeps the time of its earlier end.
            .filter(|_| !matches!(state, PostState::Delivering | PostState::Waiting)),
        record: None,
    })
}

fn record(item: &Item) -> Option<RecordRef> {
    Some(RecordRef {
        table: Table::from_name(string(item, "table")?)?,
        sys_id: SysId::parse(string(item, "sys_id")?)?,
    })
}

fn string<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

fn moment(item: &Item, name: &str) -> Option<Timestamp> {
    Timestamp::parse(string(item, name)?)
}

fn number(item: &Item, name: &str) -> u32 {
    let value = item.get(name).and_then(|value| value.as_n().ok());
    value.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn text(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

fn table(stack: &Stack) -> String {
    format!("table {}", stack.sessions_table)
}

fn failed<E, R>(
    stack: &Stack,
    action: &'static str,
    error: &aws_smithy_runtime_api::client::result::SdkError<E, R>,
) -> AdminError
where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    AdminError::aws(action, &table(stack), error)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SYS_ID: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

    fn item(values: &[(&str, &str)]) -> Item {
        values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), text(value)))
            .collect()
    }

    #[test]
    fn a_post_has_its_shape_and_an_unknown_item_is_none() {
        let mut post = item(&[
            ("session", "acme#7"),
            ("entry", "post#abc"),
            ("event", "ended"),
            ("state", "waiting"),
            ("reason", "servicenow-unavailable"),
            ("detail", "Data Policy Exception"),
            ("lease_until", "2026-01-01T00:00:10.000Z"),
            ("not_before", "2026-01-01T00:01:10.000Z"),
            ("received_at", "2026-01-01T00:00:00.000Z"),
            ("claimed_at", "2026-01-01T00:00:01.000Z"),
            ("next_attempt_at", "2026-01-01T00:00:31.000Z"),
            ("ended_at", "2025-12-31T00:00:00.000Z"),
        ]);
        post.insert("attempts".to_owned(), AttributeValue::N("2".to_owned()));
        let dropped = ["category", "time_worked"].map(str::to_owned).to_vec();
        post.insert("dropped_columns".to_owned(), AttributeValue::Ss(dropped));
        assert_eq!(
            serde_json::to_value(entry(&post)).expect("JSON"),
            json!({
                "session_id": "7",
                "delivery": "abc",
                "event": "ended",
                "state": "waiting",
                "reason": "servicenow-unavailable",
                "detail": "Data Policy Exception",
                "dropped_columns": ["category", "time_worked"],
                "attempts": 2,
                "deaths": 0,
                "received_at": "2026-01-01T00:00:00.000Z",
                "last_attempt_at": "2026-01-01T00:00:01.000Z",
                "next_attempt_at": "2026-01-01T00:00:31.000Z",
            })
        );
        assert_eq!(
            entry(&item(&[("session", "acme#7"), ("entry", "record")])),
            None
        );
    }

    #[test]
    fn a_lease_is_shown_while_a_post_is_delivered_and_not_before_once_it_is_given_up() {
        let shown = |state: &str| {
            let post = item(&[
                ("session", "acme#7"),
                ("entry", "post#abc"),
                ("state", state),
                ("received_at", "2026-01-01T00:00:00.000Z"),
                ("claimed_at", "2026-01-01T00:00:01.000Z"),
                ("lease_until", "2026-01-01T00:00:10.000Z"),
                ("not_before", "2026-01-01T00:01:10.000Z"),
            ]);
            entry(&post).expect("a post")
        };
        let under_way = shown("delivering");
        assert!(under_way.lease_until.is_some() && under_way.not_before.is_none());
        let given_up = shown("failed");
        assert!(given_up.lease_until.is_none() && given_up.not_before.is_some());
    }

    #[test]
    fn a_record_is_asked_for_by_sys_id_with_or_without_its_table() {
        let record = RecordRef {
            table: Table::Incident,
            sys_id: SysId::parse(SYS_ID).expect("valid"),
        };
        let matches = |text: &str| RecordFilter::parse(text).map(|filter| filter.matches(&record));
        assert_eq!(matches(SYS_ID), Some(true));
        assert_eq!(matches(&format!("incident:{SYS_ID}")), Some(true));
        assert_eq!(matches(&format!("case:{SYS_ID}")), Some(false));
        assert_eq!(matches(&SYS_ID.replace('0', "1")), Some(false));
        assert_eq!(matches("INC0012345"), None);
        assert_eq!(matches(&format!("problem:{SYS_ID}")), None);
    }

    #[test]
    fn a_record_has_a_page_on_the_instance() {
        let record = RecordRef {
            table: Table::Case,
            sys_id: SysId::parse(SYS_ID).expect("valid"),
        };
        assert_eq!(
            url("https://acme.service-now.com", &record),
            format!("https://acme.service-now.com/sn_customerservice_case.do?sys_id={SYS_ID}")
        );
    }
}
