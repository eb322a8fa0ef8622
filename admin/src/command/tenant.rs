//! `rescue-connector tenant …`

use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use shared::environment::Reader;
use shared::tenant::{TenantFile, TenantId};
use similar::{ChangeTag, TextDiff};

use super::{ADDED, Global, REMOVED, STRONG, columns, complain, remark, tenant_id};
use crate::error::AdminError;
use crate::stack::Need;
use crate::tenant::{Applied, Plan, Shown, execute, plan, preview, show};
use crate::tenant_file::{parse, to_toml};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create or change a tenant; show the difference, and the new keys once
    #[command(
        after_help = "Examples:\n  rescue-connector tenant apply acme.toml --dry-run\n  \
                            rescue-connector tenant apply acme.toml --yes --output json"
    )]
    Apply {
        /// The tenant file (TOML)
        file: PathBuf,
        /// Only show what would change
        #[arg(long)]
        dry_run: bool,
        /// Do not ask before changes that may cut a running tenant off
        #[arg(long)]
        yes: bool,
    },
    /// Show a tenant's settings, its keys, and which secrets are set
    #[command(after_help = "Example:\n  rescue-connector tenant show acme")]
    Show {
        /// The tenant
        #[arg(value_parser = tenant_id)]
        tenant: TenantId,
    },
}

impl Command {
    pub(super) async fn run(self, global: &Global) -> Result<ExitCode, AdminError> {
        match self {
            Self::Apply { file, dry_run, yes } => apply(global, &file, dry_run, yes).await,
            Self::Show { tenant } => {
                let stack = global.stack(&[Need::TenantsTable]).await?;
                global.answer(&show(&stack, &tenant).await?, shown)?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

async fn apply(
    global: &Global,
    path: &Path,
    dry_run: bool,
    yes: bool,
) -> Result<ExitCode, AdminError> {
    // The file's faults are told without asking AWS anything.
    let file = read(path)?;
    let needs = [
        Need::TenantsTable,
        Need::CredentialsTable,
        Need::SessionsQueueUrl,
    ];
    let stack = global.stack(&needs).await?;
    let plan = plan(&stack, &file).await?;
    if dry_run {
        global.answer(&preview(&plan), |_| {
            format!("{}{}", difference(&plan), "Nothing was written.\n")
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    if !yes {
        confirm(&plan)?;
    }
    let done = execute(&stack, &plan).await?;
    global.answer(&done, |done| applied(&plan, done))?;
    for note in &done.notes {
        remark(&format!("note: {note}"));
    }
    let Some(incomplete) = &done.incomplete else {
        return Ok(ExitCode::SUCCESS);
    };
    complain(&format!(
        "the tenant is written, but {incomplete}; apply again to make up for it"
    ));
    Ok(ExitCode::FAILURE)
}

fn read(path: &Path) -> Result<TenantFile, AdminError> {
    let mut environment = Reader::process();
    let allow_loopback = environment.testing().allow_loopback;
    environment.finish()?;
    let text = std::fs::read_to_string(path).map_err(|source| AdminError::File {
        path: path.to_owned(),
        source,
    })?;
    parse(&text, allow_loopback).map_err(|faults| AdminError::TenantFile {
        path: path.to_owned(),
        faults,
    })
}

fn confirm(plan: &Plan) -> Result<(), AdminError> {
    let destructive = plan.destructive();
    if destructive.is_empty() {
        return Ok(());
    }
    let mut terminal = anstream::stderr().lock();
    write!(terminal, "{}", difference(plan))?;
    for change in destructive {
        writeln!(terminal, "{STRONG}{change}{STRONG:#}")?;
    }
    if !std::io::stdin().is_terminal() {
        return Err(AdminError::NotConfirmed(
            "this has to be confirmed, and there is no terminal to ask; add --yes",
        ));
    }
    write!(terminal, "Go on? [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err(AdminError::NotConfirmed("not confirmed"))
    }
}

/// What changes, as lines that were taken out and put in.
fn difference(plan: &Plan) -> String {
    let before = plan.before().map(to_toml).unwrap_or_default();
    let after = to_toml(plan.after());
    let diff = TextDiff::from_lines(&before, &after);
    let mut text = String::new();
    for hunk in diff.unified_diff().context_radius(2).iter_hunks() {
        for change in hunk.iter_changes() {
            let line = change.value().trim_end_matches('\n');
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

fn applied(plan: &Plan, done: &Applied) -> String {
    let mut text = difference(plan);
    let verb = match (plan.creates(), plan.changes().is_empty()) {
        (true, _) => "created",
        (false, false) => "changed",
        (false, true) => "unchanged",
    };
    let _ = writeln!(
        text,
        "\n{STRONG}Tenant {} is {verb}.{STRONG:#}",
        done.tenant
    );
    if let Some(urls) = &done.webhook_urls {
        let _ = writeln!(
            text,
            "\nPost-to-URL addresses for Rescue, shown only this once:\n  {}\n  {}",
            urls.started.expose(),
            urls.ended.expose()
        );
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

fn shown(tenant: &Shown) -> String {
    let mut text = to_toml(&tenant.file);
    let _ = writeln!(text, "\n{STRONG}version{STRONG:#} {}", tenant.version);
    if let Some(moment) = tenant.disabled_at {
        let _ = writeln!(text, "{STRONG}switched off{STRONG:#} {moment}");
    }
    let keys = tenant.keys.iter().map(|key| {
        let scopes: Vec<String> = key.key.scopes.iter().map(word).collect();
        vec![
            key.key.id.clone(),
            word(&key.key.kind),
            scopes.join(", "),
            key.created_at.to_string(),
        ]
    });
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

/// A word as JSON has it, without the quotes.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
