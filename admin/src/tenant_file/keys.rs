//! Every key that a tenant file may have, and the kind of its value (docs/tenant-file.md).

/// What a key may hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum ValueKind {
    Text,
    Boolean,
    Duration,
    Texts,
    /// A table whose keys the operator chooses.
    Map,
    OneOf(&'static [&'static str]),
}

/// A test compares them with the fields of `TenantFile`.
pub(super) const KEYS: [(&str, ValueKind); 30] = [
    ("tenant", ValueKind::Text),
    ("enabled", ValueKind::Boolean),
    (
        "language",
        ValueKind::OneOf(&["en", "fr", "de", "es", "it", "pt", "nl"]),
    ),
    (
        "rescue.account",
        ValueKind::OneOf(&["global", "eu", "enterprise"]),
    ),
    ("rescue.base_url", ValueKind::Text),
    ("rescue.company_id", ValueKind::Text),
    ("rescue.require_console", ValueKind::Boolean),
    ("rescue.technician_domains", ValueKind::Texts),
    ("servicenow.instance", ValueKind::Text),
    ("servicenow.allow_host", ValueKind::Text),
    (
        "servicenow.grant",
        ValueKind::OneOf(&["refresh_token", "password", "client_credentials"]),
    ),
    ("servicenow.client_id", ValueKind::Text),
    ("servicenow.service_account", ValueKind::Text),
    ("servicenow.refresh_token_lifetime", ValueKind::Duration),
    (
        "sessions.publish",
        ValueKind::OneOf(&["all", "selected", "none"]),
    ),
    ("sessions.fields", ValueKind::Texts),
    (
        "sessions.chat",
        ValueKind::OneOf(&["note", "attachment", "omit"]),
    ),
    (
        "sessions.console_sessions",
        ValueKind::OneOf(&["ignore", "incident", "case"]),
    ),
    (
        "sessions.closed_records",
        ValueKind::OneOf(&["note", "reopen", "new"]),
    ),
    ("sessions.reference_fields", ValueKind::Texts),
    ("sessions.require_signed_tracking", ValueKind::Boolean),
    ("sessions.reauthorization_wait", ValueKind::Duration),
    ("sessions.columns", ValueKind::Map),
    ("sessions.new_record.caller_field", ValueKind::Text),
    ("sessions.new_record.columns", ValueKind::Map),
    ("notifications.email_technician", ValueKind::Boolean),
    ("notifications.email_customer", ValueKind::Boolean),
    ("notifications.pin_note", ValueKind::Boolean),
    ("debug.logging", ValueKind::Boolean),
    ("debug.rescue_api", ValueKind::Boolean),
];

pub(super) const TABLES: [&str; 6] = [
    "rescue",
    "servicenow",
    "sessions",
    "sessions.new_record",
    "notifications",
    "debug",
];

pub(super) fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() {
        key.to_owned()
    } else {
        format!("{prefix}.{key}")
    }
}

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
