//! A tenant file compared with the tenants table.

use serde::Serialize;
use serde_json::Value;
use shared::aws::tenants::{ManagedBy, ManagedTenant};
use shared::domain::tenant::TenantFile;
use shared::settings::{differences, document, dotted};

use super::accounts::tell_apart;
use super::table::read;
use crate::error::AdminError;
use crate::stack::Stack;

/// One setting that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The key with its tables.
    pub path: String,
    /// Its value in the table; null where there is none.
    pub before: Value,
    /// Its value in the file; null where there is none.
    pub after: Value,
}

impl Change {
    /// The setting as a JSON pointer.
    pub(super) fn pointer(&self) -> String {
        format!("/{}", self.path.replace('.', "/"))
    }
}

/// A tenant file compared with the table, ready to be written.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(super) before: Option<ManagedTenant>,
    pub(super) after: TenantFile,
    pub(super) changes: Vec<Change>,
    /// Whether settings that were changed in ServiceNow are changed in the file from now on.
    pub(super) takes_over: bool,
}

impl Plan {
    /// What changes when a tenant gets these settings.
    pub(super) fn new(before: Option<ManagedTenant>, after: TenantFile, takes_over: bool) -> Self {
        let changes = changes(before.as_ref().map(|before| &before.tenant.file), &after);
        Self {
            before,
            after,
            changes,
            takes_over,
        }
    }

    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether there is anything to write.
    pub(crate) const fn is_empty(&self) -> bool {
        self.before.is_some() && self.changes.is_empty() && !self.takes_over
    }

    pub(crate) const fn creates(&self) -> bool {
        self.before.is_none()
    }

    /// Whether nothing changed since the tenant was created: the operator may have missed its keys.
    pub(crate) fn is_untouched(&self) -> bool {
        let new =
            |before: &ManagedTenant| before.tenant.version == 1 && before.tenant.keys.len() == 2;
        self.before.as_ref().is_some_and(new) && self.changes.is_empty()
    }

    /// Whether the tenant's settings are changed in a file.
    pub(crate) fn is_kept_in_a_file(&self) -> bool {
        self.before
            .as_ref()
            .is_none_or(|before| before.managed_by == ManagedBy::File)
    }

    pub(crate) fn before(&self) -> Option<&TenantFile> {
        self.before.as_ref().map(|before| &before.tenant.file)
    }

    pub(crate) const fn after(&self) -> &TenantFile {
        &self.after
    }

    /// Describes the changes that may interrupt a running tenant.
    pub(crate) fn destructive(&self) -> Vec<String> {
        if self.creates() {
            return Vec::new();
        }
        let taken_over = self.takes_over.then(|| {
            "the settings are kept in the file from now on: ServiceNow cannot change them any more".to_owned()
        });
        let changes = self.changes.iter().filter_map(destructive);
        taken_over.into_iter().chain(changes).collect()
    }
}

/// Describes what a change may interrupt; `None` when it interrupts nothing.
fn destructive(change: &Change) -> Option<String> {
    let (path, before, after) = (change.path.as_str(), &change.before, &change.after);
    let becomes = |value: &str| after.as_str() == Some(value);
    // What was not set yet can interrupt nothing.
    if before.as_str() == Some("") {
        return None;
    }
    let becomes_with = |what: &str| Some(format!("{path} becomes {after}: {what}"));
    match path {
        "enabled" if *after == Value::Bool(false) => {
            Some("the tenant is switched off: posts are ignored, PINs are refused".to_owned())
        }
        "servicenow.instance" | "rescue.company_id" | "rescue.account" | "rescue.base_url" => {
            Some(format!("{path} changes from {before} to {after}"))
        }
        "servicenow.grant" | "servicenow.client_id" => Some(format!(
            "{path} changes from {before} to {after}: posts wait until the secrets match"
        )),
        "sessions.publish" if becomes("none") => becomes_with("nothing of a session is written"),
        "sessions.publish" if becomes("selected") => {
            becomes_with("only the fields that are named are written")
        }
        "sessions.chat" if becomes("omit") => becomes_with("no chat is written"),
        "sessions.console_sessions" if becomes("ignore") => {
            becomes_with("posts that name no record are not written")
        }
        "sessions.require_signed_tracking" if *after == Value::Bool(true) => {
            becomes_with("plain numbers in Tracking0 are no longer accepted")
        }
        "sessions.fields" | "sessions.reference_fields" if drops(before, after) => {
            Some(format!("{path} loses entries: {before} becomes {after}"))
        }
        "rescue.technician_domains" if narrows(before, after) => Some(format!(
            "{path} changes from {before} to {after}: technicians of other domains get no PIN"
        )),
        _ => None,
    }
}

fn drops(before: &Value, after: &Value) -> bool {
    let (before, after) = (before.as_array(), after.as_array());
    let keeps = |entry: &Value| after.is_some_and(|after| after.contains(entry));
    before.is_some_and(|before| !before.iter().all(keeps))
}

/// Whether a list excludes more than before; an empty list excludes nothing.
fn narrows(before: &Value, after: &Value) -> bool {
    let empty = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
    !empty(after) && (empty(before) || drops(before, after))
}

/// Compares a tenant file with the table.
///
/// # Errors
/// [`AdminError::ManagedInServiceNow`] unless the file is to `take_over`; [`AdminError::NeedsReportNodes`]; otherwise when the
/// table cannot be read.
pub(crate) async fn plan(
    stack: &Stack,
    file: &TenantFile,
    take_over: bool,
) -> Result<Plan, AdminError> {
    let before = read(stack, &file.tenant).await?;
    let in_servicenow = |before: &ManagedTenant| before.managed_by == ManagedBy::ServiceNow;
    let takes_over = before.as_ref().is_some_and(in_servicenow);
    if takes_over && !take_over {
        return Err(AdminError::ManagedInServiceNow(file.tenant.clone()));
    }
    let plan = Plan::new(before, file.clone(), takes_over);
    tell_apart(stack, &plan).await?;
    Ok(plan)
}

/// The settings that differ, sorted by path. A list is one value.
pub(super) fn changes(before: Option<&TenantFile>, after: &TenantFile) -> Vec<Change> {
    let before = before.map(document).unwrap_or_default();
    let differing = differences(&before, &document(after)).into_iter();
    differing
        .map(|(pointer, before, after)| Change {
            path: dotted(&pointer),
            before,
            after,
        })
        .collect()
}
