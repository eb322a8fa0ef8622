//! `rescue-connector token …`

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Subcommand;
use shared::domain::tenant::TenantId;
use shared::token::status::TokenState;

use super::arguments::{example, tenant_id};
use super::global::Global;
use super::layout::{columns, wrapped};
use super::style::{FAULT, STRONG};
use super::terminal::remark;

use crate::error::AdminError;
use crate::json_name::json_name;
use crate::stack::Need;
use crate::token::{ROTATION_WAIT, Rotated, TokenStatus, rotate, status};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the state of a tenant's refresh token, and when it is renewed
    #[command(after_help = example("token status acme"))]
    Status {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
    },
    /// Renew a tenant's refresh token now, due or not
    #[command(after_help = example("token rotate acme"))]
    Rotate {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
    },
}

impl Command {
    pub(super) async fn run(self, global: &Global) -> Result<ExitCode, AdminError> {
        let stack = global
            .stack(&[Need::TenantsTable, Need::CredentialsTable])
            .await?;
        match self {
            Self::Status { tenant } => global.answer(&status(&stack, &tenant).await?, table)?,
            Self::Rotate { tenant } => {
                remark("Waiting for the rotation …");
                let done = rotate(&stack, &tenant, ROTATION_WAIT).await?;
                global.answer(&done, rotated)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn table(status: &TokenStatus) -> String {
    let time = |at: Option<shared::domain::clock::Timestamp>| at.map(|at| at.to_string());
    let state = match status.state {
        TokenState::Healthy if status.renews_itself == Some(false) => {
            format!("{FAULT}healthy, but nothing renews it{FAULT:#}")
        }
        TokenState::Healthy | TokenState::NotNeeded => status.state.as_str().to_owned(),
        _ => format!("{FAULT}{}{FAULT:#}", status.state.as_str()),
    };
    let grant = json_name(&status.grant);
    let whose = if status.own_client {
        "came with the token"
    } else {
        "of the tenant file"
    };
    let rotation = &status.rotation;
    let renewed = match (&rotation.schedule, rotation.enabled) {
        (_, false) => "off".to_owned(),
        (None, true) => "on".to_owned(),
        (Some(schedule), true) => format!("on, {schedule}"),
    };
    let pause = status.pause.as_ref();
    let rows = [
        ("grant", Some(grant)),
        ("state", Some(state)),
        ("issued at", time(status.issued_at)),
        ("expires at", time(status.expires_at)),
        ("days left", status.days_left.map(|days| days.to_string())),
        ("source", status.source.clone()),
        ("client id", Some(format!("{} ({whose})", status.client_id))),
        (
            "renews itself",
            status
                .renews_itself
                .map(|_| match &status.not_renewed_because {
                    None => "yes".to_owned(),
                    Some(obstacle) => format!("no: {obstacle}"),
                }),
        ),
        ("rotation", Some(renewed)),
        ("last rotation", time(rotation.last_rotated_at)),
        ("next rotation", time(rotation.next_rotation_at)),
        (
            "paused until",
            pause.map(|pause| format!("{} ({})", pause.until, pause.reason)),
        ),
    ];
    let rows = rows
        .into_iter()
        .filter_map(|(name, value)| Some(vec![name.to_owned(), value?]));
    let mut text = columns(&["TENANT", status.tenant.as_str()], rows);
    if !status.likely_causes.is_empty() {
        let _ = write!(text, "\n\n{STRONG}Likely causes{STRONG:#}");
        for cause in status.likely_causes {
            let cause = cause.replace('…', status.tenant.as_str());
            let _ = write!(text, "\n{}", wrapped(&format!("* {cause}"), 2));
        }
    }
    text
}

fn rotated(done: &Rotated) -> String {
    let until = match (done.expires_at, done.days_left) {
        (Some(at), Some(days)) => format!("expires at {at}, in {days} days"),
        _ => "has no known end".to_owned(),
    };
    let text = if done.renewed {
        format!(
            "The refresh token of {} is renewed and {until}.",
            done.tenant
        )
    } else {
        format!(
            "The refresh token of {} works and {until}, but its expiry did not change: set service-account-password, or \
             hand over a new token before then.",
            done.tenant
        )
    };
    wrapped(&text, 0)
}
