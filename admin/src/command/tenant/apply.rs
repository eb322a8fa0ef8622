//! `rescue-connector tenant apply FILE`

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use shared::aws::tenants::WebhookUrls;
use shared::domain::secret_name::SecretName;
use shared::domain::tenant::{Grant, TenantId};
use similar::{ChangeTag, TextDiff};

use crate::command::global::Global;
use crate::command::layout::wrapped;
use crate::command::style::{ADDED, REMOVED, STRONG};
use crate::command::terminal::{complain, confirm, remark};
use crate::error::AdminError;
use crate::folder::read;
use crate::plain::plain;
use crate::stack::Need;
use crate::tenant::{Applied, Plan, execute, plan, preview, setting_plan};
use crate::tenant_file::to_toml;

/// Applies one file.
pub(super) async fn apply(
    global: &Global,
    path: &Path,
    dry_run: bool,
    yes: bool,
    take_over: bool,
) -> Result<ExitCode, AdminError> {
    // Faults of the file are reported before any call to AWS.
    let file = read(path, loopback_allowed(global)?)?;
    let stack = global.stack(&APPLYING).await?;
    let plan = plan(&stack, &file, take_over).await?;
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
            "note: keys are shown only when a tenant is created; if they are lost, \
             `rescue-connector keys rotate {tenant} webhook` and `… {tenant} api` create new ones"
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

/// The steps that remain before a new tenant works.
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
            "Hand the refresh token over from ServiceNow, which authorises the connector to write, or run: rescue-connector \
             secrets set {id} refresh-token"
        ));
    }
    steps.push(format!("rescue-connector doctor {id}"));
    let steps = steps.iter().zip(1..);
    let steps: Vec<String> = steps
        .map(|(step, place)| wrapped(&format!("  {place}. {step}"), 5))
        .collect();
    format!("Next steps:\n{}", steps.join("\n"))
}

/// Changes one setting.
pub(super) async fn set(
    global: &Global,
    tenant: &TenantId,
    pointer: &str,
    value: &str,
    yes: bool,
) -> Result<ExitCode, AdminError> {
    let loopback = loopback_allowed(global)?;
    let stack = global.stack(&APPLYING).await?;
    let plan = setting_plan(&stack, tenant, pointer, value, loopback).await?;
    let warnings = plan.destructive();
    if !yes && !warnings.is_empty() {
        confirm(&difference(&plan), &warnings)?;
    }
    let done = execute(&stack, &plan).await?;
    global.answer(&done, |done| {
        format!("{}\n{}", difference(&plan), applied(&plan, done))
    })?;
    if let Some(incomplete) = &done.incomplete {
        complain(&unfinished(incomplete));
        return Ok(ExitCode::FAILURE);
    }
    if !plan.changes().is_empty() && plan.is_kept_in_a_file() {
        remark(
            "note: change it in the tenant file too; otherwise applying the file changes it back",
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The names of a stack that applying needs.
pub(super) const APPLYING: [Need; 5] = [
    Need::TenantsTable,
    Need::CredentialsTable,
    Need::SessionsQueueUrl,
    Need::ApiUrl,
    Need::RotateTokensFunctionArn,
];

pub(super) fn loopback_allowed(global: &Global) -> Result<bool, AdminError> {
    Ok(global.testing()?.allow_loopback)
}

pub(super) fn unfinished(incomplete: &str) -> String {
    format!("the tenant is written, but {incomplete}; apply the file again to complete it")
}

/// The changes as removed and added lines of the tenant file.
pub(super) fn difference(plan: &Plan) -> String {
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
        // Without a mark a setting seems to belong to the table above.
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

pub(super) fn verb(plan: &Plan) -> &'static str {
    match (plan.creates(), plan.is_empty()) {
        (true, _) => "created",
        (false, false) => "changed",
        (false, true) => "unchanged",
    }
}

pub(super) fn applied(plan: &Plan, done: &Applied) -> String {
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

/// The addresses for Rescue.
pub(in crate::command) fn urls(urls: &WebhookUrls) -> String {
    format!(
        "Post-to-URL addresses for Rescue, shown only this once:\n  {}\n  {}\n",
        urls.started.expose(),
        urls.ended.expose()
    )
}
