//! Shows one session.

use serde::Serialize;
use shared::domain::record::RecordRef;
use shared::domain::session::SessionId;
use shared::domain::tenant::TenantId;

use super::ledger::session_items;
use super::post::{LedgerPost, post, record, string};
use crate::error::AdminError;
use crate::remedies::{Explained, explain};
use crate::stack::Stack;
use crate::tenant::table::read_existing;

/// The answer of `sessions show`.
///
/// As JSON: `{"tenant","session_id","record":{"table","sys_id","number","url"},"posts":[…]}`; `record` only when it is known, its
/// `number` only when ServiceNow returned it. The posts have the members of `sessions list` without `record`, the oldest
/// first; `meaning` and `remedy` explain a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ShownSession {
    pub(crate) tenant: TenantId,
    pub(crate) session_id: SessionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<ShownRecord>,
    pub(crate) posts: Vec<ShownPost>,
}

/// A post and the explanation of its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ShownPost {
    #[serde(flatten)]
    pub(crate) post: LedgerPost,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) explained: Option<Explained>,
}

/// A record and its page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ShownRecord {
    #[serde(flatten)]
    pub(crate) record: RecordRef,
    /// Its number, if ServiceNow returned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) number: Option<String>,
    /// Its page on the tenant's instance; `None` for a deleted tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
}

/// What the ledger holds of one session.
///
/// # Errors
/// [`AdminError::NoSuchSession`], or [`AdminError::NoSuchTenant`] if the tenant does not exist; otherwise when AWS refuses.
pub(crate) async fn show(
    stack: &Stack,
    tenant: &TenantId,
    session: &SessionId,
) -> Result<ShownSession, AdminError> {
    let items = session_items(stack, tenant, session).await?;
    let mut posts: Vec<LedgerPost> = items.iter().filter_map(post).collect();
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
            let url = match read_existing(stack, tenant).await {
                Ok(tenant) => Some(record_url(&tenant.file.servicenow.instance, &record)),
                Err(AdminError::NoSuchTenant(_)) => None,
                Err(error) => return Err(error),
            };
            let number = None;
            Some(ShownRecord {
                record,
                number,
                url,
            })
        }
    };
    let posts = posts.into_iter().map(|post| {
        let reason = post.reason.as_deref();
        ShownPost {
            explained: reason.map(|reason| explain(reason, Some(tenant.as_str()))),
            post,
        }
    });
    Ok(ShownSession {
        tenant: tenant.clone(),
        session_id: session.clone(),
        record,
        posts: posts.collect(),
    })
}

pub(super) fn record_url(instance: &str, record: &RecordRef) -> String {
    let instance = instance.trim_end_matches('/');
    format!("{instance}/{}.do?sys_id={}", record.table, record.sys_id)
}
