//! The tables of a new instance, and the one that the app brings.

use std::sync::LazyLock;

use super::{Column, Table};

/// The table that every kind of task extends. It has no records of its own here.
pub(in crate::servicenow) const TASKS: &str = "task";
pub(in crate::servicenow) const INCIDENTS: &str = "incident";
pub(in crate::servicenow) const CASES: &str = "sn_customerservice_case";
pub(in crate::servicenow) const REQUESTED_ITEMS: &str = "sc_req_item";
pub(in crate::servicenow) const USERS: &str = "sys_user";
/// The people of customers, who are users too.
pub(in crate::servicenow) const CONTACTS: &str = "customer_contact";
/// The people who are customers themselves. They are no users.
pub(in crate::servicenow) const CONSUMERS: &str = "csm_consumer";
pub(in crate::servicenow) const ATTACHMENTS: &str = "sys_attachment";

/// The table of sessions that the app brings.
pub(in crate::servicenow) const SESSIONS: &str = "x_rescue_conn_session";

/// What the account that writes session rows has.
pub(in crate::servicenow) const CONNECTOR_ROLE: &str = "x_rescue_conn.connector";

static BUILT_IN: LazyLock<Vec<Table>> = LazyLock::new(|| {
    vec![
        tasks(),
        incidents(),
        cases(),
        problems(),
        change_requests(),
        requested_items(),
        catalog_tasks(),
        hr_cases(),
        interactions(),
        users(),
        contacts(),
        consumers(),
        attachments(),
    ]
});

/// The tables that an instance has with all plugins.
pub(in crate::servicenow) fn built_in() -> &'static [Table] {
    &BUILT_IN
}

/// The app's table: one record for each session.
pub(in crate::servicenow) fn sessions() -> Table {
    let columns = vec![
        Column::sized("session", 64).unique(),
        Column::reference("record", TASKS),
        Column::reference("interaction", "interaction"),
        user("technician"),
        Column::sized("technician_name", 100),
        Column::sized("technician_email", 100),
        Column::sized("customer", 100),
        Column::date_time("started_at"),
        Column::date_time("closed_at"),
        Column::duration("work_time"),
        Column::duration("waiting_time"),
        Column::sized("platform", 100),
        Column::integer("transmitted"),
        Column::sized("state", 40),
        Column::sized("source", 40),
        Column::boolean("pin"),
    ];
    let readers = [CONNECTOR_ROLE, "x_rescue_conn.agent", "x_rescue_conn.admin"];
    Table::new(SESSIONS, "Rescue sessions", &[system(), columns])
        .displayed_by("session")
        .choices_of("state", &[("started", "Started"), ("ended", "Ended")])
        .choices_of(
            "source",
            &[("post", "Post-to-URL"), ("report", "Session report")],
        )
        .for_roles(&readers, &[CONNECTOR_ROLE])
}

/// The columns that every table has.
pub(super) fn system() -> Vec<Column> {
    vec![
        Column::text("sys_id"),
        Column::text("sys_class_name"),
        Column::text("sys_created_by"),
        Column::date_time("sys_created_on"),
        Column::integer("sys_mod_count"),
        Column::text("sys_updated_by"),
        Column::date_time("sys_updated_on"),
    ]
}

/// The columns of a record with work notes that is no task.
pub(super) fn record() -> Vec<Column> {
    vec![
        Column::sized("number", 40),
        Column::sized("short_description", 160),
        Column::sized("state", 40),
        Column::boolean("active"),
        Column::date_time("opened_at"),
        user("opened_by"),
        user("assigned_to"),
        Column::journal("work_notes"),
    ]
}

fn task() -> Vec<Column> {
    vec![
        Column::sized("number", 40),
        Column::sized("short_description", 160),
        Column::sized("description", 4000),
        Column::integer("state"),
        Column::boolean("active"),
        Column::integer("priority"),
        Column::integer("impact"),
        Column::integer("urgency"),
        Column::date_time("opened_at"),
        user("opened_by"),
        Column::date_time("closed_at"),
        user("closed_by"),
        Column::sized("close_notes", 4000),
        user("assigned_to"),
        Column::reference("assignment_group", "sys_user_group"),
        Column::journal("work_notes"),
        Column::journal("comments"),
        Column::sized("contact_type", 40),
        Column::sized("correlation_id", 100),
        Column::sized("correlation_display", 100),
        Column::reference("cmdb_ci", "cmdb_ci"),
        Column::reference("company", "core_company"),
        Column::reference("parent", TASKS),
        Column::duration("time_worked"),
        Column::date_time("due_date"),
    ]
}

fn user(column: &str) -> Column {
    Column::reference(column, USERS)
}

impl Table {
    /// A table of tasks without numbers, states and columns of its own, for the role `itil`.
    pub(super) fn extending_task(name: &str, title: &str) -> Self {
        let mut table = Self::new(name, title, &[system(), task()])
            .with_default("active", "true")
            .for_roles(&["itil"], &["itil"]);
        table.extends = Some(TASKS.to_owned());
        table
    }

    /// The states of a task that has no others.
    pub(super) fn task_states(self) -> Self {
        let states = [
            ("-5", "Pending"),
            ("1", "Open"),
            ("2", "Work in Progress"),
            ("3", "Closed Complete"),
            ("4", "Closed Incomplete"),
            ("7", "Closed Skipped"),
        ];
        self.choices_of("state", &states)
            .closed_in(&["3", "4", "7"])
    }

    fn defaults(self, defaults: &[(&str, &str)]) -> Self {
        let pairs = defaults.iter();
        pairs.fold(self, |table, (column, value)| {
            table.with_default(column, value)
        })
    }

    fn choices_of(self, column: &str, choices: &[(&str, &str)]) -> Self {
        let pairs = choices.iter();
        pairs.fold(self, |table, (value, shown)| {
            table.with_choice(column, value, shown)
        })
    }
}

fn tasks() -> Table {
    Table::new(TASKS, "Tasks", &[system(), task()]).for_roles(&["itil"], &[])
}

const LEVELS: [(&str, &str); 3] = [("1", "1 - High"), ("2", "2 - Medium"), ("3", "3 - Low")];

fn incidents() -> Table {
    let states = [
        ("1", "New"),
        ("2", "In Progress"),
        ("3", "On Hold"),
        ("6", "Resolved"),
        ("7", "Closed"),
        ("8", "Canceled"),
    ];
    Table::extending_task(INCIDENTS, "Incidents")
        .with(user("caller_id"))
        .with(Column::sized("category", 40))
        .with(Column::sized("subcategory", 40))
        .with(Column::integer("severity"))
        .with(Column::integer("incident_state"))
        .with(Column::sized("close_code", 40))
        .with(Column::integer("hold_reason"))
        .with(Column::integer("reopen_count"))
        .with(Column::date_time("resolved_at"))
        .with(user("resolved_by"))
        .numbered("INC", 10_001)
        .defaults(&[
            ("state", "1"),
            ("incident_state", "1"),
            ("impact", "3"),
            ("urgency", "3"),
            ("priority", "5"),
            ("severity", "3"),
            ("reopen_count", "0"),
            ("category", "inquiry"),
        ])
        .choices_of("state", &states)
        .choices_of("incident_state", &states)
        .choices_of("impact", &LEVELS)
        .choices_of("urgency", &LEVELS)
        .closed_in(&["7", "8"])
        .for_roles(
            &["itil", "sn_incident_read", "sn_incident_write"],
            &["itil", "sn_incident_write"],
        )
}

fn cases() -> Table {
    let roles = ["sn_customerservice_agent", "csm_ws_integration"];
    Table::extending_task(CASES, "Cases")
        .with(Column::reference("contact", CONTACTS))
        .with(Column::reference("consumer", CONSUMERS))
        .with(Column::reference("account", "customer_account"))
        .with(Column::sized("category", 40))
        .with(Column::sized("resolution_code", 40))
        .with(Column::date_time("resolved_at"))
        .numbered("CS", 1_001)
        .defaults(&[
            ("state", "1"),
            ("priority", "4"),
            ("impact", "3"),
            ("urgency", "3"),
        ])
        .choices_of(
            "state",
            &[
                ("1", "New"),
                ("3", "Closed"),
                ("6", "Resolved"),
                ("7", "Cancelled"),
                ("10", "Open"),
                ("18", "Awaiting Info"),
            ],
        )
        .choices_of("impact", &LEVELS)
        .choices_of("urgency", &LEVELS)
        .closed_in(&["3", "7"])
        .for_roles(&roles, &roles)
}

fn problems() -> Table {
    Table::extending_task("problem", "Problems")
        .with(Column::sized("category", 40))
        .with(Column::sized("resolution_code", 40))
        .with(Column::date_time("resolved_at"))
        .with(user("resolved_by"))
        .numbered("PRB", 40_001)
        .defaults(&[
            ("state", "101"),
            ("impact", "3"),
            ("urgency", "3"),
            ("priority", "5"),
        ])
        .choices_of(
            "state",
            &[
                ("101", "New"),
                ("102", "Assess"),
                ("103", "Root Cause Analysis"),
                ("104", "Fix in Progress"),
                ("106", "Resolved"),
                ("107", "Closed"),
            ],
        )
        .closed_in(&["107"])
}

fn change_requests() -> Table {
    Table::extending_task("change_request", "Change requests")
        .with(user("requested_by"))
        .with(Column::sized("category", 40))
        .with(Column::sized("type", 40))
        .with(Column::integer("risk"))
        .with(Column::date_time("start_date"))
        .with(Column::date_time("end_date"))
        .with(Column::sized("close_code", 40))
        .numbered("CHG", 30_001)
        .defaults(&[
            ("state", "-5"),
            ("type", "normal"),
            ("category", "other"),
            ("risk", "3"),
            ("impact", "3"),
            ("priority", "4"),
        ])
        .choices_of(
            "state",
            &[
                ("-5", "New"),
                ("-4", "Assess"),
                ("-3", "Authorize"),
                ("-2", "Scheduled"),
                ("-1", "Implement"),
                ("0", "Review"),
                ("3", "Closed"),
                ("4", "Canceled"),
            ],
        )
        .closed_in(&["3", "4"])
}

fn requested_items() -> Table {
    Table::extending_task(REQUESTED_ITEMS, "Requested items")
        .with(Column::reference("request", "sc_request"))
        .with(Column::reference("cat_item", "sc_cat_item"))
        .with(user("requested_for"))
        .with(Column::text("stage"))
        .with(Column::integer("quantity"))
        .numbered("RITM", 10_001)
        .defaults(&[
            ("state", "1"),
            ("priority", "4"),
            ("stage", "request_approved"),
            ("quantity", "1"),
        ])
        .task_states()
}

fn catalog_tasks() -> Table {
    Table::extending_task("sc_task", "Catalog tasks")
        .with(Column::reference("request", "sc_request"))
        .with(Column::reference("request_item", REQUESTED_ITEMS))
        .numbered("SCTASK", 10_001)
        .defaults(&[("state", "1"), ("priority", "4")])
        .task_states()
}

fn hr_cases() -> Table {
    Table::extending_task("sn_hr_core_case", "HR cases")
        .with(user("subject_person"))
        .with(user("opened_for"))
        .numbered("HRC", 1_001)
        .defaults(&[("state", "10"), ("priority", "4")])
        .choices_of(
            "state",
            &[
                ("1", "Draft"),
                ("10", "Ready"),
                ("18", "Work in Progress"),
                ("3", "Closed Complete"),
                ("4", "Closed Incomplete"),
                ("7", "Cancelled"),
            ],
        )
        .closed_in(&["3", "4", "7"])
        .for_roles(
            &["sn_hr_core.case_reader", "sn_hr_core.case_writer"],
            &["sn_hr_core.case_writer"],
        )
}

fn interactions() -> Table {
    Table::new("interaction", "Interactions", &[system(), record()])
        .with(user("opened_for"))
        .with(Column::reference("assignment_group", "sys_user_group"))
        .with(Column::sized("channel", 40))
        .with(Column::sized("type", 40))
        .with(Column::date_time("closed_at"))
        .with(Column::sized("correlation_id", 100))
        .with(Column::sized("correlation_display", 100))
        .numbered("IMS", 1)
        .defaults(&[("active", "true"), ("state", "new"), ("type", "phone")])
        .choices_of(
            "state",
            &[
                ("new", "New"),
                ("work_in_progress", "Work in Progress"),
                ("on_hold", "On Hold"),
                ("wrap_up", "Wrap Up"),
                ("closed_complete", "Closed Complete"),
                ("closed_abandoned", "Closed Abandoned"),
            ],
        )
        .closed_in(&["closed_complete", "closed_abandoned"])
        .for_roles(
            &["itil", "interaction_agent"],
            &["itil", "interaction_agent"],
        )
}

fn person() -> Vec<Column> {
    vec![
        Column::sized("name", 151),
        Column::sized("first_name", 50),
        Column::sized("last_name", 50),
        Column::sized("email", 100),
        Column::boolean("active"),
    ]
}

fn users() -> Table {
    Table::new(USERS, "Users", &[system(), person()])
        .with(Column::sized("user_name", 40))
        .with(Column::boolean("locked_out"))
        .with(Column::sized("phone", 40))
        .displayed_by("name")
        .defaults(&[("active", "true"), ("locked_out", "false")])
        .for_roles(&[], &["user_admin"])
}

fn contacts() -> Table {
    let mut table = users().with(Column::reference("account", "customer_account"));
    CONTACTS.clone_into(&mut table.name);
    "Contacts".clone_into(&mut table.title);
    table.extends = Some(USERS.to_owned());
    table
}

fn consumers() -> Table {
    Table::new(CONSUMERS, "Consumers", &[system(), person()])
        .with(Column::sized("number", 40))
        .displayed_by("name")
        .with_default("active", "true")
}

fn attachments() -> Table {
    let columns = [
        "content_type",
        "size_bytes",
        "table_name",
        "table_sys_id",
        "download_link",
    ];
    let table = Table::new(ATTACHMENTS, "Attachments", &[system()])
        .with(Column::sized("file_name", 100))
        .displayed_by("file_name");
    columns.into_iter().fold(table, Table::with)
}
