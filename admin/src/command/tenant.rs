//! `rescue-connector tenant …`

pub(super) mod apply;
mod folder;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use serde::Serialize;
use shared::aws::tenants::HistoryEntry;
use shared::domain::tenant::{HumanDuration, TenantId};
use shared::settings::duration;

use super::arguments::{example, examples, tenant_id};
use super::global::Global;
use super::layout::{columns, wrapped};
use super::style::STRONG;
use super::terminal::{Progress, confirm, remark};

use crate::error::AdminError;
use crate::json_name::json_name;
use crate::lifecycle::{DRAIN_WAIT, ListedTenant, delete, export, history, list, switch};
use crate::plain::plain;
use crate::stack::Need;
use crate::tenant::{ShownKey, ShownTenant, invite, show};
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
        /// Also apply to a tenant whose settings are changed in ServiceNow, which ends that
        #[arg(long)]
        take_over: bool,
    },
    /// Make a one-time set-up link for the tenant's ServiceNow administrator
    ///
    /// Creates a tenant that does not exist yet; its settings are then changed in ServiceNow. A new link ends the last one.
    #[command(after_help = examples([
        "tenant invite acme --instance https://acme.service-now.com",
        "tenant invite acme --valid-for \"2 days\"",
    ]))]
    Invite {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
        /// The address of the tenant's instance; needed for a new tenant
        #[arg(long, value_name = "URL")]
        instance: Option<String>,
        /// How long the link works
        #[arg(long, value_name = "DURATION", value_parser = validity, default_value = "7 days")]
        valid_for: Duration,
    },
    /// Show who changed the tenant, and when
    #[command(after_help = example("tenant history acme"))]
    History {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
    },
    /// Change one setting, also of a tenant that is managed in ServiceNow
    #[command(after_help = examples([
        "tenant set acme /sessions/publish none",
        "tenant set acme /rescue/technician_domains '[\"acme.test\"]'",
        "tenant set acme /servicenow/allow_host null",
    ]))]
    Set {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
        /// The setting, as a JSON pointer
        pointer: String,
        /// Its value as JSON; a text needs no quotes; null is the default
        value: String,
        /// Do not ask before a change that may interrupt a running tenant
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
            Self::Apply {
                path,
                dry_run,
                yes,
                take_over,
            } if path.is_dir() => {
                return folder::apply(global, &path, dry_run, yes, take_over).await;
            }
            Self::Apply {
                path,
                dry_run,
                yes,
                take_over,
            } => {
                return apply::apply(global, &path, dry_run, yes, take_over).await;
            }
            Self::Invite {
                tenant,
                instance,
                valid_for,
            } => invited(global, &tenant, instance.as_deref(), valid_for).await?,
            Self::History { tenant } => {
                let stack = global.stack(&[Need::TenantsTable]).await?;
                global.answer(&history(&stack, &tenant).await?, |entries| {
                    shown_history(entries)
                })?;
            }
            Self::Set {
                tenant,
                pointer,
                value,
                yes,
            } => return apply::set(global, &tenant, &pointer, &value, yes).await,
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

/// A link that lies around for longer is a risk.
const LONGEST_VALIDITY: Duration = Duration::from_secs(90 * 24 * 3600);

fn validity(text: &str) -> Result<Duration, String> {
    let span = duration(text).map(HumanDuration::duration);
    span.filter(|span| !span.is_zero() && *span <= LONGEST_VALIDITY)
        .ok_or_else(|| {
            "write a duration of at most 90 days, such as \"7 days\" or \"12h\"".to_owned()
        })
}

async fn invited(
    global: &Global,
    tenant: &TenantId,
    instance: Option<&str>,
    valid_for: Duration,
) -> Result<(), AdminError> {
    let loopback = apply::loopback_allowed(global)?;
    let stack = global.stack(&apply::APPLYING).await?;
    let link = invite(&stack, tenant, instance, valid_for, loopback).await?;
    global.answer(&link, |link| {
        let what = if link.created {
            format!("Tenant {tenant} is created; its settings are changed in ServiceNow.")
        } else {
            format!("Tenant {tenant} has a new set-up link; an earlier one does not work any more.")
        };
        format!(
            "{what}\n\n{STRONG}Set-up link{STRONG:#}, which works once, until {}:\n{}\n\n{}",
            link.expires_at,
            link.setup_link.expose(),
            wrapped(
                "Hand it to the tenant's ServiceNow administrator like a password: it is shown once. They paste it into the \
                 app's settings form.",
                0
            )
        )
    })?;
    for note in &link.notes {
        remark(&format!("note: {note}"));
    }
    Ok(())
}

fn shown_history(entries: &[HistoryEntry]) -> String {
    if entries.is_empty() {
        return "Nothing was changed since histories are kept.".to_owned();
    }
    let rows = entries.iter().rev().map(|entry| {
        vec![
            entry.time.to_string(),
            entry.version.to_string(),
            plain(&entry.who),
            entry.pointers.join(", "),
        ]
    });
    columns(&["TIME", "VERSION", "WHO", "CHANGED"], rows)
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
