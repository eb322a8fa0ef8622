//! A tenant file compared with the tenants table.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use shared::aws::tenants::Tenant;
use shared::domain::tenant::TenantFile;

use super::table::read;
use crate::error::AdminError;
use crate::stack::Stack;
use crate::tenant_file::settings;

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

/// A tenant file compared with the table, ready to be written.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(super) before: Option<Tenant>,
    pub(super) after: TenantFile,
    pub(super) changes: Vec<Change>,
}

impl Plan {
    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    pub(crate) const fn creates(&self) -> bool {
        self.before.is_none()
    }

    /// Whether nothing changed since the tenant was created: the operator may have missed its keys.
    pub(crate) fn is_untouched(&self) -> bool {
        let new = |before: &Tenant| before.version == 1 && before.keys.len() == 2;
        self.before.as_ref().is_some_and(new) && self.changes.is_empty()
    }

    pub(crate) fn before(&self) -> Option<&TenantFile> {
        self.before.as_ref().map(|tenant| &tenant.file)
    }

    pub(crate) const fn after(&self) -> &TenantFile {
        &self.after
    }

    /// Describes the changes that may interrupt a running tenant.
    pub(crate) fn destructive(&self) -> Vec<String> {
        if self.creates() {
            return Vec::new();
        }
        self.changes.iter().filter_map(destructive).collect()
    }
}

/// Describes what a change may interrupt; `None` when it interrupts nothing.
fn destructive(change: &Change) -> Option<String> {
    let (path, before, after) = (change.path.as_str(), &change.before, &change.after);
    let becomes = |value: &str| after.as_str() == Some(value);
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
pub(crate) async fn plan(stack: &Stack, file: &TenantFile) -> Result<Plan, AdminError> {
    let before = read(stack, &file.tenant).await?;
    let changes = differences(
        before
            .as_ref()
            .map(|tenant| settings(&tenant.file))
            .as_ref(),
        &settings(file),
    );
    Ok(Plan {
        before,
        after: file.clone(),
        changes,
    })
}
/// The settings that differ, sorted by path. A list is one value.
pub(super) fn differences(before: Option<&Value>, after: &Value) -> Vec<Change> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    if let Some(before) = before {
        flatten("", before, &mut old);
    }
    flatten("", after, &mut new);
    let mut paths: Vec<&String> = old.keys().chain(new.keys()).collect();
    paths.sort();
    paths.dedup();
    paths
        .into_iter()
        .filter(|path| old.get(*path) != new.get(*path))
        .map(|path| Change {
            path: path.clone(),
            before: old.get(path).cloned().unwrap_or_default(),
            after: new.get(path).cloned().unwrap_or_default(),
        })
        .collect()
}

fn flatten(prefix: &str, value: &Value, leaves: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                let path = if prefix.is_empty() {
                    key.clone()
                } else {
                    format!("{prefix}.{key}")
                };
                flatten(&path, value, leaves);
            }
        }
        leaf => {
            leaves.insert(prefix.to_owned(), leaf.clone());
        }
    }
}
