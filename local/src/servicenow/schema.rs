//! The tables that the simulated instance has, and what their columns are (docs/vendors.md#tables-and-columns).

/// What a column holds, which decides how it is written and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Reference(&'static str),
    Journal,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Longer values are cut.
    pub(super) max: Option<usize>,
}

const fn column(name: &'static str, kind: Kind, max: Option<usize>) -> Column {
    Column { name, kind, max }
}

const fn text(name: &'static str) -> Column {
    column(name, Kind::Text, None)
}

const fn sized(name: &'static str, max: usize) -> Column {
    column(name, Kind::Text, Some(max))
}

const fn journal(name: &'static str) -> Column {
    column(name, Kind::Journal, None)
}

const fn reference(name: &'static str, table: &'static str) -> Column {
    column(name, Kind::Reference(table), None)
}

const SYSTEM: &[Column] = &[
    text("sys_id"),
    text("sys_class_name"),
    text("sys_created_by"),
    text("sys_created_on"),
    text("sys_mod_count"),
    text("sys_updated_by"),
    text("sys_updated_on"),
];

const TASK: &[Column] = &[
    sized("number", 40),
    sized("short_description", 160),
    sized("description", 4000),
    text("state"),
    text("active"),
    text("priority"),
    text("impact"),
    text("urgency"),
    text("opened_at"),
    reference("opened_by", "sys_user"),
    text("closed_at"),
    reference("closed_by", "sys_user"),
    sized("close_notes", 4000),
    reference("assigned_to", "sys_user"),
    reference("assignment_group", "sys_user_group"),
    journal("work_notes"),
    journal("comments"),
    sized("contact_type", 40),
    sized("correlation_id", 100),
    sized("correlation_display", 100),
    reference("cmdb_ci", "cmdb_ci"),
    reference("company", "core_company"),
    reference("parent", "task"),
    text("time_worked"),
    text("due_date"),
];

const INCIDENT: &[Column] = &[
    reference("caller_id", "sys_user"),
    sized("category", 40),
    sized("subcategory", 40),
    text("severity"),
    text("incident_state"),
    sized("close_code", 40),
    text("hold_reason"),
    text("reopen_count"),
    text("resolved_at"),
    reference("resolved_by", "sys_user"),
];

const CASE: &[Column] = &[
    reference("contact", CONTACTS),
    reference("consumer", CONSUMERS),
    reference("account", "customer_account"),
    sized("category", 40),
    sized("resolution_code", 40),
    text("resolved_at"),
];

const REQUESTED_ITEM: &[Column] = &[
    reference("request", "sc_request"),
    reference("cat_item", "sc_cat_item"),
    reference("requested_for", "sys_user"),
    text("stage"),
    text("quantity"),
];

const USER: &[Column] = &[
    sized("user_name", 40),
    sized("name", 151),
    sized("first_name", 50),
    sized("last_name", 50),
    sized("email", 100),
    text("active"),
    text("locked_out"),
    sized("phone", 40),
];

const CONTACT: &[Column] = &[reference("account", "customer_account")];

const CONSUMER: &[Column] = &[
    sized("number", 40),
    sized("name", 151),
    sized("first_name", 50),
    sized("last_name", 50),
    sized("email", 100),
    text("active"),
];

const ATTACHMENT: &[Column] = &[
    sized("file_name", 100),
    text("content_type"),
    text("size_bytes"),
    text("table_name"),
    text("table_sys_id"),
    text("download_link"),
];

pub(super) const INCIDENTS: &str = "incident";
pub(super) const CASES: &str = "sn_customerservice_case";
pub(super) const REQUESTED_ITEMS: &str = "sc_req_item";
pub(super) const USERS: &str = "sys_user";
/// The people of customers, who are users too.
pub(super) const CONTACTS: &str = "customer_contact";
/// The people who are customers themselves. They are no users.
pub(super) const CONSUMERS: &str = "csm_consumer";
pub(super) const ATTACHMENTS: &str = "sys_attachment";

/// The columns of a table; none when there is no such table.
pub(super) fn columns(table: &str) -> Vec<Column> {
    let parts: &[&[Column]] = match table {
        "task" => &[SYSTEM, TASK],
        INCIDENTS => &[SYSTEM, TASK, INCIDENT],
        CASES => &[SYSTEM, TASK, CASE],
        REQUESTED_ITEMS => &[SYSTEM, TASK, REQUESTED_ITEM],
        USERS => &[SYSTEM, USER],
        CONTACTS => &[SYSTEM, USER, CONTACT],
        CONSUMERS => &[SYSTEM, CONSUMER],
        ATTACHMENTS => &[SYSTEM, ATTACHMENT],
        _ => &[],
    };
    parts.concat()
}

/// The table itself and those that extend it: a query on a table finds the rows of all of them.
pub(super) fn family(table: &str) -> Vec<&str> {
    match table {
        "task" => vec![INCIDENTS, CASES, REQUESTED_ITEMS],
        USERS => vec![USERS, CONTACTS],
        one => vec![one],
    }
}

/// What the numbers of a table's records start with, and the first of them.
pub(super) fn numbering(table: &str) -> Option<(&'static str, u64)> {
    match table {
        INCIDENTS => Some(("INC", 10_001)),
        CASES => Some(("CS", 1_001)),
        REQUESTED_ITEMS => Some(("RITM", 10_001)),
        _ => None,
    }
}

/// The values a new record has unless its creator gives others.
pub(super) fn defaults(table: &str) -> &'static [(&'static str, &'static str)] {
    match table {
        INCIDENTS => &[
            ("active", "true"),
            ("state", "1"),
            ("incident_state", "1"),
            ("impact", "3"),
            ("urgency", "3"),
            ("priority", "5"),
            ("severity", "3"),
            ("reopen_count", "0"),
            ("category", "inquiry"),
        ],
        CASES => &[
            ("active", "true"),
            ("state", "1"),
            ("priority", "4"),
            ("impact", "3"),
            ("urgency", "3"),
        ],
        REQUESTED_ITEMS => &[
            ("active", "true"),
            ("state", "1"),
            ("priority", "4"),
            ("stage", "request_approved"),
            ("quantity", "1"),
        ],
        USERS | CONTACTS => &[("active", "true"), ("locked_out", "false")],
        CONSUMERS => &[("active", "true")],
        _ => &[],
    }
}

/// Whether a record in this state is inactive, where the state decides it.
pub(super) fn inactive(table: &str, state: &str) -> Option<bool> {
    match table {
        INCIDENTS => Some(matches!(state, "7" | "8")),
        CASES => Some(matches!(state, "3" | "7")),
        REQUESTED_ITEMS => Some(matches!(state, "3" | "4" | "7")),
        _ => None,
    }
}

/// How a choice is shown to people; the value itself where it is none.
pub(super) fn label<'a>(table: &str, column: &str, value: &'a str) -> &'a str {
    match (table, column, value) {
        (INCIDENTS, "state" | "incident_state", "1") | (CASES, "state", "1") => "New",
        (INCIDENTS, "state" | "incident_state", "2") => "In Progress",
        (INCIDENTS, "state" | "incident_state", "3") => "On Hold",
        (INCIDENTS, "state" | "incident_state", "6") | (CASES, "state", "6") => "Resolved",
        (INCIDENTS, "state" | "incident_state", "7") | (CASES, "state", "3") => "Closed",
        (INCIDENTS, "state" | "incident_state", "8") => "Canceled",
        (CASES, "state", "7") => "Cancelled",
        (CASES, "state", "10") => "Open",
        (CASES, "state", "18") => "Awaiting Info",
        (REQUESTED_ITEMS, "state", "1") => "Open",
        (INCIDENTS | CASES, "impact" | "urgency", "1") => "1 - High",
        (INCIDENTS | CASES, "impact" | "urgency", "2") => "2 - Medium",
        (INCIDENTS | CASES, "impact" | "urgency", "3") => "3 - Low",
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_with_numbers_has_the_columns_of_a_task() {
        for table in family("task") {
            let names: Vec<_> = columns(table)
                .into_iter()
                .map(|column| column.name)
                .collect();
            assert!(
                names.contains(&"work_notes") && names.contains(&"correlation_id"),
                "{table}"
            );
            assert!(numbering(table).is_some(), "{table}");
        }
    }
}
