//! The schedule: one message for each tenant whose sessions are reconciled.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{join_all, try_join_all};
use lambda_runtime::Error;
use shared::aws::queue::ReconcileRequest;
use shared::domain::tenant::{Reconcile, TenantId};

use crate::service::ReconcileSessions;

/// How many calls are made at once.
const AT_ONCE: usize = 16;

/// Pages through the tenants, notes which have the same Rescue account, and sends a message for each tenant concerned.
///
/// # Errors
/// When the table cannot be read, or SQS did not confirm a message. What was sent is sent again then, which does no harm.
pub(crate) async fn send_requests(function: &ReconcileSessions) -> Result<(), Error> {
    let now = function.clock.now();
    let (mut accounts, mut concerned, mut rest) = (BTreeMap::new(), Vec::new(), None);
    loop {
        let page = function.tenants.page(rest).await?;
        for tenant in page.tenants {
            let file = &tenant.tenant.file;
            let Some(account) = function.accounts.key(&file.rescue) else {
                continue;
            };
            let sharing: &mut Vec<TenantId> = accounts.entry(account.clone()).or_default();
            sharing.push(file.tenant.clone());
            if file.enabled && file.rescue.reconcile != Reconcile::Off {
                concerned.push((file.tenant.clone(), account));
            }
        }
        rest = page.rest;
        if rest.is_none() {
            break;
        }
    }
    let members: Vec<_> = accounts
        .iter()
        .flat_map(|(account, tenants)| tenants.iter().map(move |tenant| (account, tenant)))
        .collect();
    for some in members.chunks(AT_ONCE) {
        let notes = some
            .iter()
            .map(|(account, tenant)| function.accounts.note(account, tenant));
        for error in join_all(notes).await.into_iter().filter_map(Result::err) {
            // The requests name the tenants, and the next schedule notes them.
            tracing::warn!(%error, "the tenants of a Rescue account are not noted");
        }
    }
    let requests: Vec<_> = concerned
        .iter()
        .map(|(tenant, account)| {
            let sharing = accounts.get(account).into_iter().flatten();
            let others = sharing.filter(|other| *other != tenant).cloned().collect();
            ReconcileRequest::new(tenant.clone(), others, now)
        })
        .collect();
    for some in requests.chunks(AT_ONCE) {
        let sends = some
            .iter()
            .map(|request| function.queue.send(request, Duration::ZERO));
        try_join_all(sends).await?;
    }
    tracing::info!(
        tenants = requests.len(),
        "tenants whose sessions are reconciled"
    );
    Ok(())
}
