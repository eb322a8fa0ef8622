//! The sessions of a report whose end the ledger does not have, and what is sent for them to the sessions queue.

use std::time::Duration;

use futures::future::join_all;

use super::missed::{MissedSession, MissedState};
use crate::aws::ledger::{Ledger, SessionEnd};
use crate::aws::queue::{Barrier, Post, QueueError, Queues};
use crate::aws::storage_error::StorageError;
use crate::domain::clock::Timestamp;
use crate::domain::session::{Digest, Event, Source};
use crate::domain::tenant::{Reconcile, TenantFile, TenantId};
use crate::rescue::report::{ReportNode, ReportedSession};

/// The ledger is read from so long before the first session ended: the clocks of Rescue and AWS differ.
const CLOCKS_DIFFER: Duration = Duration::from_secs(3600);

/// How many sessions are looked up at once.
const AT_ONCE: usize = 16;

/// How long SQS may take to confirm one message.
const SEND_LIMIT: Duration = Duration::from_secs(10);

/// A session of the report without an end in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSession {
    /// The session.
    pub session: ReportedSession,
    /// Whether its barrier has passed, so that no post of it is in the queue.
    pub confirmed: bool,
}

impl FoundSession {
    /// The session as it is shown to people.
    pub fn missed(&self) -> MissedSession {
        let technician = self.session.technician_id.as_ref();
        MissedSession {
            session_id: self.session.session_id.clone(),
            technician_id: technician.filter(|id| ReportNode::is_id(id)).cloned(),
            ended_at: self.session.ended_at,
            state: if self.confirmed {
                MissedState::Missed
            } else {
                MissedState::Suspected
            },
        }
    }

    /// The post of a session that Rescue never posted. Its identity does not depend on the report's content: a session
    /// becomes one such post at most, also when the report says more of it later.
    fn into_post(self, tenant: &TenantId, now: Timestamp) -> Post {
        let session_id = self.session.session_id;
        Post {
            digest: Digest::of_report(tenant, &session_id),
            tenant: tenant.clone(),
            session_id,
            event: Event::Ended,
            received_at: now,
            fields: self.session.fields,
            source: Source::Report,
        }
    }
}

/// Those of the sessions, all of which ended at `from` or later, whose end was not posted and not taken from a report.
/// What a tenant of `sharing`, the account's other tenants, knows is left out: it was that tenant's when Rescue posted it.
///
/// The index is read first, which may lag behind; what it does not have is looked up in the ledger.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn never_posted(
    ledger: &Ledger,
    tenant: &TenantId,
    sharing: &[TenantFile],
    sessions: Vec<ReportedSession>,
    from: Timestamp,
) -> Result<Vec<FoundSession>, StorageError> {
    let posted = ledger
        .posted_ends(tenant, from.minus(CLOCKS_DIFFER))
        .await?;
    let mut unknown: Vec<_> = sessions
        .into_iter()
        .filter(|session| !posted.contains(&session.session_id))
        .collect();
    let mut found = Vec::new();
    while !unknown.is_empty() {
        let rest = unknown.split_off(unknown.len().min(AT_ONCE));
        let looked_up = unknown
            .into_iter()
            .map(|session| look_up(ledger, tenant, sharing, session));
        for session in join_all(looked_up).await {
            found.extend(session?);
        }
        unknown = rest;
    }
    Ok(found)
}

/// The session, unless the ledger has its end or it is another tenant's.
async fn look_up(
    ledger: &Ledger,
    tenant: &TenantId,
    sharing: &[TenantFile],
    session: ReportedSession,
) -> Result<Option<FoundSession>, StorageError> {
    let id = &session.session_id;
    let confirmed = match ledger.session_end(tenant, id).await? {
        SessionEnd::Posted | SessionEnd::Reported => return Ok(None),
        SessionEnd::Missed => true,
        SessionEnd::Unknown => false,
    };
    for other in sharing {
        if ledger.knows(&other.tenant, id).await? {
            return Ok(None);
        }
    }
    Ok(Some(FoundSession { session, confirmed }))
}

/// Sends what follows for a found session: its post, or with [`Reconcile::Watch`] a barrier, unless that has passed.
/// Sending twice does no harm.
///
/// # Errors
/// When SQS did not confirm it.
pub async fn queue(
    queues: &Queues,
    tenant: &TenantId,
    found: FoundSession,
    mode: Reconcile,
    now: Timestamp,
) -> Result<(), QueueError> {
    match mode {
        Reconcile::Write => {
            let post = found.into_post(tenant, now);
            match post.encode() {
                Some(message) => queues.send(&post, message, SEND_LIMIT).await,
                // It is shown and counted as missed, and stays that.
                None => {
                    tracing::error!(%tenant, session = %post.session_id, "the session's row is too long for the queue");
                    let barrier = Barrier::new(tenant.clone(), post.session_id);
                    queues.send_barrier(&barrier).await
                }
            }
        }
        Reconcile::Watch if !found.confirmed => {
            let barrier = Barrier::new(tenant.clone(), found.session.session_id);
            queues.send_barrier(&barrier).await
        }
        Reconcile::Watch | Reconcile::Off => Ok(()),
    }
}
