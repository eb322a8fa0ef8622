//! The rotation of the refresh token.

use std::time::Duration;

use shared::aws::secret_store::token_secret_name;
use shared::checks::finding::Finding;
use shared::domain::tenant::Grant;

use super::context::Doctor;
use crate::error::remove_pending_label;
use crate::token;

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Doctor<'_> {
    async fn token_status(&self) -> &Result<token::TokenStatus, Finding> {
        let ask = || async {
            token::status(self.stack, self.id())
                .await
                .map_err(Finding::from)
        };
        self.token_status.get_or_init(ask).await
    }

    /// Whether rotations renew it in time.
    pub(crate) async fn rotation(&self) -> Finding {
        let needed = self.examination.file().servicenow.grant == Grant::RefreshToken;
        let status = match self.token_status().await {
            Ok(status) => status,
            Err(finding) if needed => return finding.clone(),
            Err(_) => return Finding::skipped("the grant needs no refresh token"),
        };
        let rotation = &status.rotation;
        if !needed {
            return Finding::skipped("the grant needs no refresh token");
        }
        if !rotation.enabled {
            return Finding::failed(
                "no schedule: the refresh token is not renewed, and everything stops when it expires",
                "Apply the tenant file again with `rescue-connector tenant apply FILE` and a stack whose outputs have \
                 RotateTokensFunctionArn.",
            );
        }
        if let Some(version) = &rotation.blocked_by {
            let secret = token_secret_name(&self.stack.secret_prefix, self.id());
            return Finding::failed(
                format!(
                    "version {version} of secret {secret} has the label AWSPENDING, and no rotation of this connector created it: every rotation is blocked"
                ),
                format!(
                    "Remove the label: `{}`.",
                    remove_pending_label(&secret, version)
                ),
            );
        }
        let schedule = rotation.schedule.as_deref().unwrap_or("on");
        let last = match rotation.last_rotated_at {
            Some(at) => format!("last rotation {at}"),
            None => "no rotation yet".to_owned(),
        };
        let seen = format!("{schedule}, {last}");
        // Secrets Manager may start a rotation at any time of the day it is due.
        let overdue = rotation
            .next_rotation_at
            .map_or(Duration::ZERO, |due| self.now().since(due));
        let log = "Rotations fail or do not start: see the log of rotate-tokens for the reason.";
        let seen = if overdue > DAY * 2 {
            format!(
                "{seen}; overdue for {} days",
                overdue.as_secs() / DAY.as_secs()
            )
        } else {
            return Finding::ok(seen);
        };
        if overdue > DAY * 7 {
            Finding::failed(seen, log)
        } else {
            Finding::warning(seen, log)
        }
    }
}
