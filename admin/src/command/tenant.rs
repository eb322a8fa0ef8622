//! `rescue-connector tenant …`

pub(super) mod apply;
mod folder;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use serde::Serialize;
use shared::domain::tenant::TenantId;

use super::arguments::{example, examples, tenant_id};
use super::global::Global;
use super::layout::{columns, wrapped};
use super::style::STRONG;
use super::terminal::{Progress, confirm, remark};

use crate::error::AdminError;
use crate::json_name::json_name;
use crate::lifecycle::{DRAIN_WAIT, ListedTenant, delete, export, list, switch};
use crate::stack::Need;
use crate::tenant::{ShownKey, ShownTenant, show};
use crate::tenant_file::to_toml;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create or change a tenant; show the difference, and new keys once
    ///
    /// A folder stands for every *.toml in it. A fault in one file does not stop the others.
    #[command(after_help = examples([
        "tenant apply acme.toml --dry-run",
        "tenant apply acme.toml --yes --output json",
        "tenant apply tenants/",
    ]))]
    Apply {
        /// The tenant file (TOML), or a folder of them
        #[arg(value_name = "FILE")]
        path: PathBuf,
        /// Only show what would change
        #[arg(long)]
        dry_run: bool,
        /// Do not ask before changes that may interrupt a running tenant
        #[arg(long)]
        yes: bool,
    },
    /// List the tenants
    #[command(after_help = example("tenant list"))]
    List,
    /// Show a tenant's settings, its keys, and which secrets are set
    #[command(after_help = example("tenant show acme"))]
    Show {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
    },
    /// Write a tenant's settings as a tenant file
    #[command(after_help = example("tenant export acme > acme.toml"))]
    Export {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
    },
    /// Switch a tenant off: posts are ignored, PINs and tokens refused
    ///
    /// Posts that were accepted before are still delivered.
    #[command(after_help = examples(["tenant disable acme", "tenant disable acme --yes"]))]
    Disable {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Switch a tenant on again
    #[command(after_help = example("tenant enable acme"))]
    Enable {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
    },
    /// Delete a tenant once its posts are delivered: its keys, its secrets, its settings
    ///
    /// Secrets Manager keeps the secrets for 30 days. The ledger keeps its sessions for 90 days.
    #[command(after_help = examples(["tenant delete acme", "tenant delete acme --now --yes"]))]
    Delete {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
        /// Do not wait for posts: those that are not delivered become dead letters
        #[arg(long)]
        now: bool,
        /// How long to wait for posts before giving up, in seconds
        #[arg(long, value_name = "SECONDS", default_value_t = DRAIN_WAIT.as_secs(), conflicts_with = "now")]
        wait: u64,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

impl Command {
    pub(super) async fn run(self, global: &Global) -> Result<ExitCode, AdminError> {
        match self {
            Self::Apply { path, dry_run, yes } if path.is_dir() => {
                return folder::apply(global, &path, dry_run, yes).await;
            }
            Self::Apply { path, dry_run, yes } => {
                return apply::apply(global, &path, dry_run, yes).await;
            }
            Self::List => {
                let stack = global.stack(&[Need::TenantsTable]).await?;
                let tenants = list(&stack).await?;
                for name in &tenants.unreadable {
                    remark(&format!(
                        "note: this release cannot read the item of tenant {name}"
                    ));
                }
                global.answer(&tenants.listed, |tenants| listed(tenants))?;
            }
            Self::Show { tenant } => {
                let stack = global.stack(&[Need::TenantsTable]).await?;
                global.answer(&show(&stack, &tenant).await?, shown)?;
            }
            Self::Export { tenant } => {
                let stack = global.stack(&[Need::TenantsTable]).await?;
                let toml = to_toml(&export(&stack, &tenant).await?);
                let answer = Exported { tenant, toml };
                global.answer(&answer, |answer| answer.toml.clone())?;
            }
            Self::Disable { tenant, yes } => switched(global, &tenant, false, yes).await?,
            Self::Enable { tenant } => switched(global, &tenant, true, true).await?,
            Self::Delete {
                tenant,
                now,
                wait,
                yes,
            } => {
                let wait = Duration::from_secs(if now { 0 } else { wait });
                deleted(global, &tenant, wait, yes).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// As JSON: `{"tenant","toml"}`.
#[derive(Serialize)]
struct Exported {
    tenant: TenantId,
    toml: String,
}

fn listed(tenants: &[ListedTenant]) -> String {
    if tenants.is_empty() {
        return "There is no tenant yet; `rescue-connector tenant apply FILE` creates one."
            .to_owned();
    }
    let rows = tenants.iter().map(|tenant| {
        let state = match (tenant.enabled, tenant.disabled_at) {
            (true, _) => "on".to_owned(),
            (false, Some(at)) => format!("off since {at}"),
            (false, None) => "off".to_owned(),
        };
        vec![
            tenant.tenant.to_string(),
            state,
            tenant.instance.clone(),
            json_name(&tenant.grant),
            json_name(&tenant.publish),
            tenant.version.to_string(),
        ]
    });
    let header = ["TENANT", "STATE", "INSTANCE", "GRANT", "PUBLISH", "VERSION"];
    columns(&header, rows)
}

async fn switched(
    global: &Global,
    tenant: &TenantId,
    enabled: bool,
    yes: bool,
) -> Result<(), AdminError> {
    let stack = global.stack(&[Need::TenantsTable]).await?;
    if !yes {
        let file = export(&stack, tenant).await?;
        if file.enabled {
            let warning = format!(
                "tenant {tenant} ({}) is switched off: posts from now on are ignored and lost, PINs and tokens are \
                 refused",
                file.servicenow.instance
            );
            confirm("", &[warning])?;
        }
    }
    let done = switch(&stack, tenant, enabled).await?;
    let state = if enabled { "on" } else { "off" };
    global.answer(&done, |done| match (done.changed, done.disabled_at) {
        (false, Some(at)) => format!("Tenant {tenant} has been off since {at}."),
        (false, None) => format!("Tenant {tenant} was {state} already."),
        (true, _) => {
            format!("Tenant {tenant} is switched {state}; every function knows within a minute.")
        }
    })?;
    if done.changed {
        remark(&format!(
            "note: write `enabled = {enabled}` into its tenant file too; otherwise applying the file switches it back"
        ));
    }
    Ok(())
}

async fn deleted(
    global: &Global,
    tenant: &TenantId,
    wait: Duration,
    yes: bool,
) -> Result<(), AdminError> {
    let needs = [
        Need::TenantsTable,
        Need::SessionsTable,
        Need::CredentialsTable,
    ];
    let stack = global.stack(&needs).await?;
    // A tenant that does not exist is reported before the operator is asked to confirm.
    let file = export(&stack, tenant).await?;
    if !yes {
        let warning = format!(
            "tenant {tenant} ({}) is deleted: its keys stop working, its secrets can be restored for 30 days",
            file.servicenow.instance
        );
        confirm("", &[warning])?;
    }
    let mut progress = Progress::new();
    let done = delete(&stack, tenant, wait, |left| {
        let mut text = format!("Switched off; {} posts wait", left.posts);
        if !left.settling.is_zero() {
            let seconds = left.settling.as_secs() + 1;
            text = format!("{text}; functions may accept more for {seconds} s");
        }
        progress.set(&text);
    })
    .await;
    progress.clear();
    global.answer(&done?, |done| {
        let mut text = format!("Tenant {} is deleted.", done.tenant);
        if done.posts_left > 0 {
            let _ = write!(
                text,
                " {} of its posts were not delivered and become dead letters.",
                done.posts_left
            );
        }
        if done.credentials_deleted > 0 {
            let _ = write!(
                text,
                " {} of its access tokens, sign-ins and other short-lived credentials are deleted.",
                done.credentials_deleted
            );
        }
        if let Some(until) = done.secrets_restorable_until {
            let _ = write!(text, " Its secrets can be restored until {until}.");
        }
        wrapped(&text, 0)
    })
}

fn shown(tenant: &ShownTenant) -> String {
    let mut text = to_toml(&tenant.file);
    let _ = writeln!(text, "\n{STRONG}version{STRONG:#} {}", tenant.version);
    if let Some(moment) = tenant.disabled_at {
        let _ = writeln!(text, "{STRONG}switched off{STRONG:#} {moment}");
    }
    let keys = tenant.keys.iter().map(key_row);
    let secrets = tenant.secrets.iter().map(|(name, set)| {
        let set = if *set { "set" } else { "not set" };
        vec![(*name).to_owned(), set.to_owned()]
    });
    let _ = writeln!(
        text,
        "\n{}\n\n{}",
        columns(&["KEY", "KIND", "SCOPES", "CREATED"], keys),
        columns(&["SECRET", "STATE"], secrets)
    );
    text
}

/// A row of a table of keys.
pub(super) fn key_row(key: &ShownKey) -> Vec<String> {
    let scopes: Vec<String> = key.key.scopes.iter().map(json_name).collect();
    vec![
        key.key.id.clone(),
        json_name(&key.key.kind),
        scopes.join(", "),
        key.created_at.to_string(),
    ]
}
