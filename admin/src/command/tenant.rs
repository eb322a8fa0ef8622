//! `rescue-connector tenant …`

mod folder;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use serde::Serialize;
use shared::domain::tenant::{Grant, TenantId};
use similar::{ChangeTag, TextDiff};

use super::arguments::tenant_id;
use super::global::Global;
use super::layout::{columns, wrapped};
use super::style::{ADDED, REMOVED, STRONG};
use super::terminal::{Progress, complain, confirm, remark};

use crate::error::AdminError;
use crate::folder::read;
use crate::lifecycle::{DRAIN_WAIT, Listed, delete, export, list, switch};
use crate::plain::plain;
use crate::secrets::SecretName;
use crate::stack::Need;
use crate::tenant::{
    Applied, Plan, ShownKey, ShownTenant, WebhookUrls, execute, plan, preview, show,
};
use crate::tenant_file::to_toml;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create or change a tenant; show the difference, and the new keys once
    ///
    /// A folder stands for every *.toml in it. Faults of one file do not keep the others from being applied.
    #[command(
        after_help = "Examples:\n  rescue-connector tenant apply acme.toml --dry-run\n  \
                            rescue-connector tenant apply acme.toml --yes --output json\n  \
                            rescue-connector tenant apply tenants/"
    )]
    Apply {
        /// The tenant file (TOML), or a folder of them
        #[arg(value_name = "FILE")]
        path: PathBuf,
        /// Only show what would change
        #[arg(long)]
        dry_run: bool,
        /// Do not ask before changes that may cut a running tenant off
        #[arg(long)]
        yes: bool,
    },
    /// List the tenants
    #[command(after_help = "Example:\n  rescue-connector tenant list")]
    List,
    /// Show a tenant's settings, its keys, and which secrets are set
    #[command(after_help = "Example:\n  rescue-connector tenant show acme")]
    Show {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
    },
    /// Write a tenant's settings as a tenant file
    #[command(after_help = "Example:\n  rescue-connector tenant export acme > acme.toml")]
    Export {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
    },
    /// Switch a tenant off: posts are ignored, PINs and tokens refused
    ///
    /// Posts that came before are still delivered.
    #[command(after_help = "Examples:\n  rescue-connector tenant disable acme\n  \
                            rescue-connector tenant disable acme --yes")]
    Disable {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Switch a tenant on again
    #[command(after_help = "Example:\n  rescue-connector tenant enable acme")]
    Enable {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
    },
    /// Delete a tenant once its posts are delivered: its keys, its secrets, its settings
    ///
    /// Secrets Manager keeps the secrets for 30 days. What the ledger knows of its sessions stays for 90 days.
    #[command(after_help = "Examples:\n  rescue-connector tenant delete acme\n  \
                            rescue-connector tenant delete acme --now --yes")]
    Delete {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
        /// Do not wait for posts: what is not delivered becomes dead letters
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
            Self::Apply { path, dry_run, yes } => return apply(global, &path, dry_run, yes).await,
            Self::List => {
                let stack = global.stack(&[Need::TenantsTable]).await?;
                let tenants = list(&stack).await?;
                for name in &tenants.unreadable {
                    remark(&format!(
                        "note: the item of tenant {name} cannot be read by this version"
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

fn listed(tenants: &[Listed]) -> String {
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
            word(&tenant.grant),
            word(&tenant.publish),
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
                "tenant {tenant} ({}) is switched off: posts that come from now on are ignored and lost, PINs and tokens \
                 are refused",
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
            "note: write `enabled = {enabled}` into its tenant file too, or applying that switches it back"
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
    // Whether there is such a tenant is said before anything is asked.
    let file = export(&stack, tenant).await?;
    if !yes {
        let warning = format!(
            "tenant {tenant} ({}) is deleted: its keys stop working for good, its secrets go in 30 days",
            file.servicenow.instance
        );
        confirm("", &[warning])?;
    }
    let mut progress = Progress::new();
    let done = delete(&stack, tenant, wait, |left| {
        let mut text = format!("Switched off; {} posts wait", left.posts);
        if !left.settling.is_zero() {
            let seconds = left.settling.as_secs() + 1;
            text = format!("{text}; functions may take more for {seconds} s");
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

async fn apply(
    global: &Global,
    path: &Path,
    dry_run: bool,
    yes: bool,
) -> Result<ExitCode, AdminError> {
    // The file's faults are told without asking AWS anything.
    let file = read(path, loopback_allowed(global)?)?;
    let stack = global.stack(&APPLYING).await?;
    let plan = plan(&stack, &file).await?;
    if dry_run {
        global.answer(&preview(&plan), |_| {
            format!("{}{}", difference(&plan), "Nothing was written.\n")
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let warnings = plan.destructive();
    if !yes && !warnings.is_empty() {
        confirm(&difference(&plan), &warnings)?;
    }
    let done = execute(&stack, &plan).await?;
    let answered = global.answer(&done, |done| {
        format!("{}\n{}", difference(&plan), applied(&plan, done))
    });
    if plan.creates() {
        answered.map_err(AdminError::with_keys)?;
    } else {
        answered?;
    }
    for note in &done.notes {
        remark(&format!("note: {note}"));
    }
    if plan.is_untouched() {
        let tenant = &done.tenant;
        remark(&format!(
            "note: keys are shown only when a tenant is created; if they were missed then, \
             `rescue-connector keys rotate {tenant} webhook` and `… {tenant} api` make new ones"
        ));
    }
    if plan.creates() {
        remark(&next_steps(&plan));
    }
    let Some(incomplete) = &done.incomplete else {
        return Ok(ExitCode::SUCCESS);
    };
    complain(&unfinished(incomplete));
    Ok(ExitCode::FAILURE)
}

/// What has to be done before a new tenant works.
fn next_steps(plan: &Plan) -> String {
    let file = plan.after();
    let (id, servicenow) = (&file.tenant, &file.servicenow);
    let mut secrets = vec![SecretName::OauthClientSecret, SecretName::SsoPassword];
    let password = match servicenow.grant {
        Grant::Password => true,
        Grant::RefreshToken => !servicenow.service_account.is_empty(),
        Grant::ClientCredentials => false,
    };
    if password {
        secrets.push(SecretName::ServiceAccountPassword);
    }
    let mut steps = vec![
        "Paste the two Post-to-URL addresses into Rescue's Administration Center, Settings, Exporting session data, for each \
         technician group."
            .to_owned(),
    ];
    steps.extend(
        secrets
            .iter()
            .map(|name| format!("rescue-connector secrets set {id} {}", name.as_str())),
    );
    steps.push("Put the API key into ServiceNow, for the PIN button.".to_owned());
    if servicenow.grant == Grant::RefreshToken {
        steps.push(format!(
            "Hand the refresh token over from ServiceNow, which authorises the connector to write, or: rescue-connector \
             secrets set {id} refresh-token"
        ));
    }
    steps.push(format!("rescue-connector doctor {id}"));
    let steps = steps.iter().zip(1..);
    let steps: Vec<String> = steps
        .map(|(step, place)| wrapped(&format!("  {place}. {step}"), 5))
        .collect();
    format!("What comes next:\n{}", steps.join("\n"))
}

/// What applying needs to know of a stack.
const APPLYING: [Need; 5] = [
    Need::TenantsTable,
    Need::CredentialsTable,
    Need::SessionsQueueUrl,
    Need::ApiUrl,
    Need::RotateTokensFunctionArn,
];

fn loopback_allowed(global: &Global) -> Result<bool, AdminError> {
    Ok(global.testing()?.allow_loopback)
}

fn unfinished(incomplete: &str) -> String {
    format!("the tenant is written, but {incomplete}; apply again to make up for it")
}

/// What changes, as lines that were taken out and put in.
fn difference(plan: &Plan) -> String {
    let before = plan.before().map(to_toml).unwrap_or_default();
    let after = to_toml(plan.after());
    let diff = TextDiff::from_lines(&before, &after);
    let mut text = String::new();
    for (number, hunk) in diff
        .unified_diff()
        .context_radius(2)
        .iter_hunks()
        .enumerate()
    {
        // Without it a setting seems to belong to the table above it.
        if number > 0 {
            text.push_str("  …\n");
        }
        for change in hunk.iter_changes() {
            let line = plain(change.value().trim_end_matches('\n'));
            // Writing to a String cannot fail.
            let _ = match change.tag() {
                ChangeTag::Delete => writeln!(text, "{REMOVED}- {line}{REMOVED:#}"),
                ChangeTag::Insert => writeln!(text, "{ADDED}+ {line}{ADDED:#}"),
                ChangeTag::Equal => writeln!(text, "  {line}"),
            };
        }
    }
    if text.is_empty() {
        text.push_str("No setting changes.\n");
    }
    text
}

fn verb(plan: &Plan) -> &'static str {
    match (plan.creates(), plan.changes().is_empty()) {
        (true, _) => "created",
        (false, false) => "changed",
        (false, true) => "unchanged",
    }
}

fn applied(plan: &Plan, done: &Applied) -> String {
    let mut text = format!(
        "{STRONG}Tenant {} is {}.{STRONG:#}\n",
        done.tenant,
        verb(plan)
    );
    if let Some(addresses) = &done.webhook_urls {
        let _ = write!(text, "\n{}", urls(addresses));
    }
    if let Some(key) = &done.api_key {
        let _ = writeln!(
            text,
            "\nAPI key for ServiceNow, shown only this once:\n  {}",
            key.expose()
        );
    }
    text
}

/// The addresses for Rescue, in words.
pub(super) fn urls(urls: &WebhookUrls) -> String {
    format!(
        "Post-to-URL addresses for Rescue, shown only this once:\n  {}\n  {}\n",
        urls.started.expose(),
        urls.ended.expose()
    )
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
    let scopes: Vec<String> = key.key.scopes.iter().map(word).collect();
    vec![
        key.key.id.clone(),
        word(&key.key.kind),
        scopes.join(", "),
        key.created_at.to_string(),
    ]
}

/// A word as JSON has it, without the quotes.
pub(super) fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
