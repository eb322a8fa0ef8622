//! What a tenant's administrator wants to know without looking into AWS.

use std::time::Duration;

use lambda_http::http::StatusCode;
use serde::Serialize;
use serde_json::json;
use shared::api::response::{self, HttpResponse};
use shared::aws::credentials::TenantPause;
use shared::aws::ledger::RecentPosts;
use shared::aws::secret_store::{SecretStoreError, TokenSecret};
use shared::aws::storage_error::StorageError;
use shared::aws::tenants::ManagedTenant;
use shared::domain::clock::Timestamp;
use shared::domain::error::Problem;
use shared::domain::secret_name::SecretName;
use shared::domain::tenant::{Grant, Reconcile, TenantFile, TenantId};
use shared::domain::time_budget::TimeBudget;
use shared::reconciliation::{
    MissedByTechnician, MissedSessions, ReconcileFailure, ReconcileProgress,
};
use shared::token::status::{RenewalLacks, TokenLife, TokenState};

use crate::checks::{CheckAnswer, make};
use crate::event::WantedChecks;
use crate::secrets::set_at;
use crate::service::TenantSettings;
use crate::tenant::storage_unavailable;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The answer. Without checks it takes, beside reading the tenant, three calls to AWS, four for a tenant of an earlier
/// release, two more while sessions are compared with Rescue's report, and none to a vendor.
#[derive(Serialize)]
struct Status<'a> {
    tenant: &'a TenantId,
    enabled: bool,
    at: Timestamp,
    token: Token,
    posts: RecentPosts,
    paused: Option<Paused>,
    /// Those of the last 7 days that are not written. Unknown as long as none were compared with Rescue's report.
    missed_sessions: Option<usize>,
    /// `None` while no sessions are compared with Rescue's report.
    reconciliation: Option<ReconciliationStatus>,
    /// Left out unless they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Vec<CheckAnswer>>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Token {
    state: TokenState,
    expires_at: Option<Timestamp>,
    days_left: Option<u64>,
    renews_itself: bool,
    last_rotation_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Paused {
    reason: &'static str,
    until: Timestamp,
}

#[derive(Serialize)]
struct ReconciliationStatus {
    mode: Reconcile,
    compared_until: Option<Timestamp>,
    failed: Option<ReconcileFailure>,
    /// Of the last 7 days.
    missed: Vec<MissedByTechnician>,
}

/// Makes the checks that are asked for, then reads the status: a check may have paused the tenant.
///
/// # Errors
/// `checks-in-progress`, `storage-unavailable`, `tenant-misconfigured`.
pub(crate) async fn read(
    function: &TenantSettings,
    tenant: &ManagedTenant,
    wanted: Option<WantedChecks>,
    budget: &TimeBudget,
) -> Result<HttpResponse, Problem> {
    let file = &tenant.tenant.file;
    let checks = match wanted {
        Some(wanted) => Some(make(function, tenant, wanted, budget).await?),
        None => None,
    };
    let (id, now) = (&file.tenant, function.clock.now());
    let (token, pause, posts, has_password, reconciled) = tokio::join!(
        function.secret_store.token(id),
        function.credentials.tenant_pause_now(id),
        function.ledger.recent_posts(id, now.minus(DAY)),
        has_password(function, tenant),
        reconciled(function, file, now),
    );
    let unavailable = |error: &dyn std::fmt::Display| {
        tracing::error!(tenant = %id, %error, "status not readable");
        storage_unavailable()
    };
    let token = match token {
        Ok(version) => version.token,
        Err(SecretStoreError::Missing(_)) => TokenSecret::default(),
        Err(error) => return Err(unavailable(&error)),
    };
    let pause = pause.map_err(|error| unavailable(&error))?;
    let posts = posts.map_err(|error| unavailable(&error))?;
    let (missed_sessions, reconciliation) = reconciled.map_err(|error| unavailable(&error))?;
    let status = Status {
        tenant: id,
        enabled: file.enabled,
        at: now,
        token: token_status(file, &token, &pause, has_password?, now),
        posts,
        paused: pause.pause_at(now).map(|pause| Paused {
            reason: pause.reason.as_str(),
            until: pause.until,
        }),
        missed_sessions,
        reconciliation,
        checks,
    };
    Ok(response::json(StatusCode::OK, &json!(status)))
}

/// How far sessions are compared with Rescue's report, and how many are missed. Nothing is read for a tenant whose sessions
/// are not compared.
async fn reconciled(
    function: &TenantSettings,
    file: &TenantFile,
    now: Timestamp,
) -> Result<(Option<usize>, Option<ReconciliationStatus>), StorageError> {
    let (mode, table) = (file.rescue.reconcile, &function.credentials);
    if mode == Reconcile::Off {
        return Ok((None, None));
    }
    let (progress, missed) = tokio::try_join!(
        ReconcileProgress::read(table, &file.tenant),
        MissedSessions::read(table, &file.tenant, now),
    )?;
    let open = missed.open().count();
    let status = ReconciliationStatus {
        mode,
        compared_until: progress.compared_until,
        failed: progress.failure,
        missed: missed.by_technician(),
    };
    Ok((status.compared_until.map(|_| open), Some(status)))
}

/// Whether the connector has the service account's password, without which it cannot renew a refresh token.
async fn has_password(function: &TenantSettings, tenant: &ManagedTenant) -> Result<bool, Problem> {
    let set = set_at(function, tenant).await?;
    Ok(set.contains_key(&SecretName::ServiceAccountPassword))
}

fn token_status(
    file: &TenantFile,
    token: &TokenSecret,
    pause: &TenantPause,
    has_password: bool,
    now: Timestamp,
) -> Token {
    let grant = file.servicenow.grant;
    let life = TokenLife::of(grant, token, pause, now);
    let needed = grant == Grant::RefreshToken;
    let rotated = needed && token.source.as_deref() == Some("rotation");
    Token {
        state: life.state,
        expires_at: life.expires_at,
        days_left: life.days_left(),
        renews_itself: needed && RenewalLacks::of(file, has_password, &life).is_none(),
        last_rotation_at: token.issued_at.filter(|_| rotated),
    }
}

#[cfg(test)]
mod tests {
    use shared::domain::secret::Secret;

    use super::*;

    #[test]
    fn a_token_renews_itself_only_with_the_service_account_and_its_password() {
        let now = Timestamp::from_millis(0);
        let token = |source: &str| TokenSecret {
            refresh_token: Some(Secret::from("RT")),
            issued_at: Some(now),
            expires_at: Some(now.plus(DAY * 100)),
            source: Some(source.to_owned()),
            ..TokenSecret::default()
        };
        let file = |account: &str| -> TenantFile {
            let settings = json!({
                "tenant": "acme",
                "rescue": {"company_id": "112938"},
                "servicenow": {"instance": "https://acme.service-now.com", "service_account": account},
            });
            serde_json::from_value(settings).expect("a tenant file")
        };
        let status_at = |account, source, has_password, now| {
            let pause = TenantPause::default();
            token_status(&file(account), &token(source), &pause, has_password, now)
        };
        let status = |account, source, has_password| status_at(account, source, has_password, now);
        // Renewal begins after 50 days. After 75 it has not succeeded: ServiceNow may refuse the password.
        for (days, renews_itself) in [(74, true), (76, false)] {
            let later = status_at("svc.rescue", "rotation", true, now.plus(DAY * days));
            assert_eq!(later.renews_itself, renews_itself, "{days}");
        }
        let renewed = status("svc.rescue", "rotation", true);
        assert_eq!(
            (renewed.renews_itself, renewed.days_left),
            (true, Some(100))
        );
        assert_eq!(renewed.last_rotation_at, Some(now));
        for (account, has_password) in [("svc.rescue", false), ("", true)] {
            let handed_over = status(account, "hand-over", has_password);
            assert!(!handed_over.renews_itself);
            assert_eq!(handed_over.last_rotation_at, None);
        }
    }
}
