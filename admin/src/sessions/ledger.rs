//! Reads items of the delivery ledger, and assigns sessions to records.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::KeysAndAttributes;
use shared::aws::ledger::Ledger;
use shared::domain::clock::Timestamp;
use shared::domain::record::RecordRef;
use shared::domain::session::SessionId;
use shared::domain::tenant::TenantId;

use super::post::{Item, post, text};
use crate::error::AdminError;
use crate::stack::Stack;

/// The most keys that `BatchGetItem` takes.
pub(super) const BATCH: usize = 100;

/// The key of a post's item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostKey {
    /// The tenant that the post belongs to.
    pub tenant: TenantId,
    /// Rescue's id of the session.
    pub session: SessionId,
    /// The post's digest.
    pub digest: String,
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

/// By digest, the time before which no attempt may claim a post; posts that may be claimed now are left out. Empty when
/// the ledger cannot be read: this is only information.
pub(crate) async fn not_before(stack: &Stack, posts: &[PostKey]) -> BTreeMap<String, Timestamp> {
    let mut moments = BTreeMap::new();
    if stack.sessions_table.is_empty() {
        return moments;
    }
    for chunk in posts.chunks(BATCH) {
        let Ok(items) = batch_get(stack, unique_keys(chunk)).await else {
            break;
        };
        for item in items {
            let later = post(&item).and_then(|post| Some((post.delivery, post.not_before?)));
            moments.extend(later.filter(|(_, at)| *at > stack.clock.now()));
        }
    }
    moments
}

/// The digests of those posts that the ledger has an entry of.
///
/// # Errors
/// When AWS refuses.
pub async fn known(stack: &Stack, posts: &[PostKey]) -> Result<BTreeSet<String>, AdminError> {
    let mut digests = BTreeSet::new();
    for chunk in posts.chunks(BATCH) {
        let keys = unique_keys(chunk);
        let items = batch_get(stack, keys).await?;
        digests.extend(items.iter().filter_map(post).map(|post| post.delivery));
    }
    Ok(digests)
}

/// The keys of posts. A request may name each post once.
fn unique_keys(posts: &[PostKey]) -> Vec<Item> {
    let keys: BTreeMap<&str, Item> = posts
        .iter()
        .map(|post| (post.digest.as_str(), post.item()))
        .collect();
    keys.into_values().collect()
}

/// The record that an earlier attempt may have written the post to; `None` when no attempt can have taken effect.
pub(crate) async fn possibly_written_record(
    stack: &Stack,
    post: &PostKey,
) -> Result<Option<RecordRef>, AdminError> {
    let found = batch_get(stack, vec![post.item()]).await?;
    let flag = found.first().and_then(|item| item.get("look_first"));
    if flag.and_then(|value| value.as_bool().ok()) != Some(&true) {
        return Ok(None);
    }
    let session = ledger(stack).session(&post.tenant, &post.session).await;
    session.map(|session| session.record).map_err(|error| {
        AdminError::failed("dynamodb:GetItem", &table(stack), error.reason().to_owned())
    })
}

/// Assigns a session to a record. Deliveries trust the ledger before any reference in a post.
pub(crate) async fn assign(
    stack: &Stack,
    tenant: &TenantId,
    session: &SessionId,
    record: &RecordRef,
) -> Result<(), AdminError> {
    let assigned = ledger(stack).store_record(tenant, session, record).await;
    assigned.map_err(|error| {
        AdminError::failed(
            "dynamodb:UpdateItem",
            &table(stack),
            error.reason().to_owned(),
        )
    })
}
pub(super) async fn session_items(
    stack: &Stack,
    tenant: &TenantId,
    session: &SessionId,
) -> Result<Vec<Item>, AdminError> {
    let items = stack
        .dynamodb
        .query()
        .table_name(&stack.sessions_table)
        .key_condition_expression("#session = :session")
        .expression_attribute_names("#session", "session")
        .expression_attribute_values(":session", text(format!("{tenant}#{session}")))
        .consistent_read(true)
        .into_paginator()
        .items()
        .send();
    let items = items.collect::<Result<Vec<_>, _>>().await;
    items.map_err(|error| AdminError::aws("dynamodb:Query", &table(stack), &error))
}

/// The items of at most [`BATCH`] keys.
pub(super) async fn batch_get(stack: &Stack, keys: Vec<Item>) -> Result<Vec<Item>, AdminError> {
    let mut items = Vec::new();
    if keys.is_empty() {
        return Ok(items);
    }
    let keys = KeysAndAttributes::builder().set_keys(Some(keys)).build();
    let keys = keys.map_err(|error| {
        AdminError::failed("dynamodb:BatchGetItem", &table(stack), error.to_string())
    })?;
    let mut pending = Some(HashMap::from([(stack.sessions_table.clone(), keys)]));
    while let Some(request) = pending.take() {
        let answer = stack
            .dynamodb
            .batch_get_item()
            .set_request_items(Some(request))
            .send()
            .await;
        let mut answer = answer
            .map_err(|error| AdminError::aws("dynamodb:BatchGetItem", &table(stack), &error))?;
        let found = answer.responses.take().unwrap_or_default();
        items.extend(found.into_values().flatten());
        pending = answer.unprocessed_keys.filter(|keys| !keys.is_empty());
    }
    Ok(items)
}

pub(super) fn ledger(stack: &Stack) -> Ledger {
    let (table_name, clock) = (stack.sessions_table.clone(), stack.clock.clone());
    Ledger::new(stack.table_calls.clone(), table_name, clock)
}

pub(super) fn table(stack: &Stack) -> String {
    format!("table {}", stack.sessions_table)
}
