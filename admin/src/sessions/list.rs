//! Lists posts of the delivery ledger.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::stream::{self, StreamExt as _};
use shared::aws::ledger::{BY_TENANT, PostState};
use shared::domain::clock::Timestamp;
use shared::domain::record::{RecordRef, SysId, TableName};
use shared::domain::session::SessionId;
use shared::domain::tenant::TenantId;

use super::ledger::{BATCH, batch_get, session_items, table};
use super::post::{Item, LedgerPost, moment, post, record, string, text};
use crate::error::AdminError;
use crate::lifecycle;
use crate::stack::Stack;
use crate::tenant::table::read_existing;

/// How many tenants' posts are read at the same time.
const AT_ONCE: usize = 8;

/// Selects posts.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only posts in this state.
    pub state: Option<PostState>,
    /// Only posts accepted then or later.
    pub since: Option<Timestamp>,
    /// Only posts accepted earlier.
    pub before: Option<Timestamp>,
    /// Only posts of this session.
    pub session: Option<SessionId>,
    /// Only posts of the record's sessions.
    pub record: Option<RecordFilter>,
    /// The most posts to list; 0 lists all.
    pub limit: usize,
}

impl Filter {
    const fn is_reached(&self, count: usize) -> bool {
        self.limit != 0 && count >= self.limit
    }
}

/// A record by its `sys_id`, with or without its table: the ledger holds no numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFilter {
    table: Option<TableName>,
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
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (table, sys_id) = match text.split_once(':') {
            Some((table, sys_id)) => (Some(TableName::parse(table)?), sys_id),
            None => (None, text),
        };
        SysId::parse(sys_id).map(|sys_id| Self { table, sys_id })
    }

    pub(super) fn matches(&self, record: &RecordRef) -> bool {
        self.sys_id == record.sys_id
            && self
                .table
                .as_ref()
                .is_none_or(|table| *table == record.table)
    }
}

/// Posts of the ledger.
#[derive(Clone, Debug, Default)]
pub struct PostList {
    /// The newest first.
    pub posts: Vec<LedgerPost>,
    /// Whether there are more than the limit.
    pub more: bool,
}

/// The posts of a tenant, the newest first, each with its session's record.
///
/// # Errors
/// [`AdminError::NoSuchTenant`] when the ledger has no posts of it either (it keeps those of a deleted tenant for 90
/// days); otherwise when AWS refuses.
pub(crate) async fn list(
    stack: &Stack,
    tenant: &TenantId,
    filter: &Filter,
) -> Result<PostList, AdminError> {
    let mut listed = PostList::default();
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
        let mut posts: Vec<LedgerPost> = items.iter().filter_map(post).collect();
        posts.retain(|post| {
            filter.state.is_none_or(|state| state == post.state)
                && filter.since.is_none_or(|since| since <= post.received_at)
                && filter.before.is_none_or(|before| post.received_at < before)
        });
        let unknown: BTreeSet<SessionId> = posts
            .iter()
            .map(|post| post.session_id.clone())
            .filter(|session| !records.contains_key(session))
            .collect();
        read_records(stack, tenant, unknown, &mut records).await?;
        for mut post in posts {
            post.record = records.get(&post.session_id).cloned().flatten();
            let wanted = filter.record.as_ref().is_none_or(|wanted| {
                let record = post.record.as_ref();
                record.is_some_and(|record| wanted.matches(record))
            });
            if wanted && filter.is_reached(listed.posts.len()) {
                listed.more = true;
                return Ok(listed);
            }
            if wanted {
                listed.posts.push(post);
            }
        }
        if rest.is_none() {
            break;
        }
        from = rest;
    }
    if listed.posts.is_empty() {
        read_existing(stack, tenant).await?;
    }
    Ok(listed)
}

/// The posts of every existing tenant, the newest first, each with its tenant.
///
/// # Errors
/// When AWS refuses.
pub async fn list_all(stack: &Stack, filter: &Filter) -> Result<PostList, AdminError> {
    let tenants = lifecycle::list(stack).await?.listed;
    let lists = stream::iter(tenants).map(async |tenant| {
        let mut listed = list(stack, &tenant.tenant, filter).await?;
        for post in &mut listed.posts {
            post.tenant = Some(tenant.tenant.clone());
        }
        Ok::<PostList, AdminError>(listed)
    });
    let mut lists = std::pin::pin!(lists.buffered(AT_ONCE));
    let mut all = PostList::default();
    while let Some(listed) = lists.next().await {
        let mut listed = listed?;
        all.more |= listed.more;
        all.posts.append(&mut listed.posts);
    }
    all.posts
        .sort_by_key(|post| std::cmp::Reverse(post.received_at));
    if filter.limit != 0 && all.posts.len() > filter.limit {
        all.posts.truncate(filter.limit);
        all.more = true;
    }
    Ok(all)
}

/// One page of the index `by-tenant`.
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
    query = match (filter.since, filter.before) {
        (None, None) => query.key_condition_expression("tenant = :tenant"),
        (Some(since), None) => query
            .key_condition_expression("tenant = :tenant AND received_at >= :since")
            .expression_attribute_values(":since", text(since)),
        (None, Some(before)) => query
            .key_condition_expression("tenant = :tenant AND received_at < :before")
            .expression_attribute_values(":before", text(before)),
        // A sort key takes one condition, and BETWEEN includes both ends; `list` drops the posts of the upper one.
        (Some(since), Some(before)) => query
            .key_condition_expression("tenant = :tenant AND received_at BETWEEN :since AND :before")
            .expression_attribute_values(":since", text(since))
            .expression_attribute_values(":before", text(before)),
    };
    // Every post of a page counts, so that a page of 1 MB would be read for nothing.
    if filter.limit != 0 && filter.state.is_none() && filter.record.is_none() {
        query = query.limit(i32::try_from(filter.limit + 1).unwrap_or(i32::MAX));
    }
    if let Some(state) = filter.state {
        query = query
            .filter_expression("#state = :state")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", text(state.as_str()));
    }
    let answer = query.send().await;
    let answer =
        answer.map_err(|error| AdminError::aws("dynamodb:Query", &table(stack), &error))?;
    Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
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
    for batch in sessions.chunks(BATCH) {
        let mut keys = Vec::new();
        for session in batch {
            records.insert(session.clone(), None);
            keys.push(HashMap::from([
                ("session".to_owned(), text(format!("{tenant}#{session}"))),
                ("entry".to_owned(), text("record")),
            ]));
        }
        for item in batch_get(stack, keys).await? {
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
