//! Every setting of a tenant by its tables and its key, and the kind of its value (docs/tenant-file.md).

/// What a setting may hold.
#[derive(Clone, Copy, Debug)]
pub enum ValueKind {
    /// A text.
    Text,
    /// True or false.
    Boolean,
    /// A text such as `13 days`.
    Duration,
    /// A list of texts.
    Texts,
    /// A table whose keys its author chooses.
    Map,
    /// Tables of ServiceNow by their names, each with the keys of [`TABLE_KEYS`].
    Tables,
    /// One of these texts.
    OneOf(&'static [&'static str]),
}

use ValueKind::{Boolean, Duration, Map, OneOf, Tables, Text, Texts};

/// Every setting, in the order of the reference. A test compares them with the fields of `TenantFile`.
pub const KEYS: [(&str, ValueKind); 36] = [
    ("tenant", Text),
    ("enabled", Boolean),
    (
        "language",
        OneOf(&["en", "fr", "de", "es", "it", "pt", "nl"]),
    ),
    ("rescue.account", OneOf(&["global", "eu", "enterprise"])),
    ("rescue.base_url", Text),
    ("rescue.company_id", Text),
    ("rescue.require_console", Boolean),
    ("rescue.technician_domains", Texts),
    ("rescue.reconcile", OneOf(&["off", "watch", "write"])),
    ("rescue.reconcile_after", Duration),
    ("rescue.report_technician", Text),
    ("rescue.report_nodes", Texts),
    ("servicenow.instance", Text),
    ("servicenow.allow_host", Text),
    (
        "servicenow.grant",
        OneOf(&["refresh_token", "password", "client_credentials"]),
    ),
    ("servicenow.client_id", Text),
    ("servicenow.service_account", Text),
    ("servicenow.refresh_token_lifetime", Duration),
    ("sessions.publish", OneOf(&["all", "selected", "none"])),
    ("sessions.fields", Texts),
    ("sessions.chat", OneOf(&["note", "attachment", "omit"])),
    ("sessions.console_sessions", Text),
    ("sessions.closed_records", OneOf(&["note", "reopen", "new"])),
    ("sessions.reference_fields", Texts),
    ("sessions.require_signed_tracking", Boolean),
    ("sessions.reauthorization_wait", Duration),
    ("sessions.session_table", Text),
    ("sessions.columns", Map),
    ("sessions.new_record.caller_field", Text),
    ("sessions.new_record.columns", Map),
    ("tables", Tables),
    ("notifications.email_technician", Boolean),
    ("notifications.email_customer", Boolean),
    ("notifications.pin_note", Boolean),
    ("debug.logging", Boolean),
    ("debug.rescue_api", Boolean),
];

/// The settings of one table of ServiceNow.
pub const TABLE_KEYS: [(&str, ValueKind); 6] = [
    ("number_prefix", Text),
    ("tracking_code", Text),
    ("person", Text),
    ("people", Text),
    ("closed_states", Texts),
    ("open_state", Text),
];

pub(super) const TABLES: [&str; 6] = [
    "rescue",
    "servicenow",
    "sessions",
    "sessions.new_record",
    "notifications",
    "debug",
];

/// The known key or table that was probably meant: one with the same last name, else the closest spelling.
pub(super) fn nearest(path: &str) -> Option<&'static str> {
    let last = |path: &str| path.rsplit('.').next().map(str::to_owned);
    let known = || KEYS.iter().map(|(known, _)| *known).chain(TABLES);
    if let Some(moved) = known().find(|known| last(known) == last(path)) {
        return Some(moved);
    }
    known()
        .map(|known| (strsim::osa_distance(known, path), known))
        .filter(|(distance, _)| *distance <= 3)
        .min()
        .map(|(_, known)| known)
}
