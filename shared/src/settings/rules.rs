//! The rules of a tenant's settings, whether they come from a tenant file or from ServiceNow.

use json_patch::jsonptr::PointerBuf;
use serde_json::{Map, Value};
use url::Url;

use super::document::{dotted, pointer};
use super::keys::{KEYS, TABLE_KEYS, TABLES, ValueKind, nearest};
use crate::domain::instance::Instance;
use crate::domain::record::TableName;
use crate::domain::record_number::{is_prefix, stem};
use crate::domain::record_tables::{RecordTable, RecordTables, built_in_with_code};
use crate::domain::session::documented_name;
use crate::domain::tenant::{ColumnKind, ConsoleSessions, HumanDuration, TenantId};
use crate::domain::tracking::is_code;
use crate::rescue::host::Host;
use crate::rescue::report::ReportNode;

/// Columns that the connector writes itself, or by which it finds a record.
const OWN_COLUMNS: [&str; 4] = ["work_notes", "comments", "number", "correlation_id"];

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// The most bytes of a tenant's settings as JSON. With its history they have to fit into an item of 400 KB.
const LARGEST: usize = 64 * 1024;

/// The most nodes of Rescue's organisation that a tenant names.
const MOST_NODES: usize = 200;

/// The most bytes of an SSO id, as of an e-mail address. It is part of a key in the credentials table.
const LONGEST_SSO_ID: usize = 254;

/// For how many faults the setting that was probably meant is looked up.
const HINTS: usize = 20;

/// How strictly settings are checked.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Whether the Rescue company and the OAuth client may still be unknown: a tenant that is being set up.
    pub may_be_incomplete: bool,
    /// `ALLOW_LOOPBACK=1`, which only tests set.
    pub allow_loopback: bool,
}

/// What is wrong with one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingFault {
    /// The setting, as a JSON pointer (RFC 6901): `/sessions/fields/0`.
    pub pointer: PointerBuf,
    /// Whether the setting's name is wrong, not its value.
    pub about_name: bool,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Rules {
    /// Every fault of a document that has the tables and keys of the tenant file.
    pub fn faults(self, document: &Map<String, Value>) -> Vec<SettingFault> {
        let mut check = Check {
            rules: self,
            document,
            faults: Vec::new(),
        };
        if serde_json::to_string(document).map_or(0, |text| text.len()) > LARGEST {
            check.fault(PointerBuf::root(), "the settings have more than 64 KB");
            return check.faults;
        }
        check.names_and_kinds(document, &PointerBuf::root());
        check.required();
        check.rescue();
        check.servicenow();
        check.sessions();
        check.columns();
        let tables = check.tables();
        check.console_sessions(&tables);
        check.faults
    }
}

struct Check<'a> {
    rules: Rules,
    document: &'a Map<String, Value>,
    faults: Vec<SettingFault>,
}

impl<'a> Check<'a> {
    fn fault(&mut self, pointer: PointerBuf, message: impl Into<String>) {
        self.add(pointer, false, message.into());
    }

    fn name_fault(&mut self, pointer: PointerBuf, message: impl Into<String>) {
        self.add(pointer, true, message.into());
    }

    fn add(&mut self, pointer: PointerBuf, about_name: bool, message: String) {
        self.faults.push(SettingFault {
            pointer,
            about_name,
            message,
        });
    }

    fn names_and_kinds(&mut self, table: &Map<String, Value>, parent: &PointerBuf) {
        for (name, value) in table {
            let pointer = parent.with_trailing_token(name.as_str());
            let path = dotted(&pointer);
            let is_table = TABLES.contains(&path.as_str());
            let kind = KEYS.iter().find(|(known, _)| *known == path);
            match (value, kind) {
                (Value::Object(inner), _) if is_table => self.names_and_kinds(inner, &pointer),
                (_, _) if is_table => self.fault(pointer, "must be a table"),
                (value, Some((_, kind))) => self.kind(pointer, value, *kind),
                (_, None) => {
                    let meant = (self.faults.len() < HINTS)
                        .then(|| nearest(&path))
                        .flatten();
                    let hint = meant.map(|known| format!("; did you mean {known}?"));
                    self.name_fault(pointer, format!("unknown key{}", hint.unwrap_or_default()));
                }
            }
        }
    }

    fn kind(&mut self, pointer: PointerBuf, value: &Value, kind: ValueKind) {
        let message = match (kind, value) {
            (ValueKind::Text, Value::String(_))
            | (ValueKind::Boolean, Value::Bool(_))
            | (ValueKind::Map | ValueKind::Tables, Value::Object(_)) => return,
            (ValueKind::Text, _) => "must be a text in quotes".to_owned(),
            (ValueKind::Boolean, _) => "must be true or false".to_owned(),
            (ValueKind::Map | ValueKind::Tables, _) => "must be a table".to_owned(),
            (ValueKind::OneOf(known), Value::String(text)) if known.contains(&text.as_str()) => {
                return;
            }
            (ValueKind::OneOf(known), _) => format!("must be one of {}", known.join(", ")),
            (ValueKind::Duration, Value::String(text)) if duration(text).is_some() => return,
            (ValueKind::Duration, _) => "must be a duration such as \"13 days\"".to_owned(),
            (ValueKind::Texts, Value::Array(entries)) => {
                for (place, entry) in entries.iter().enumerate() {
                    if !entry.is_string() {
                        let pointer = pointer.with_trailing_token(place);
                        self.fault(pointer, "each entry must be a text in quotes");
                    }
                }
                return;
            }
            (ValueKind::Texts, _) => "must be a list of texts: [\"…\", \"…\"]".to_owned(),
        };
        self.fault(pointer, message);
    }

    fn required(&mut self) {
        for (path, may_come_later) in [
            ("tenant", false),
            ("rescue.company_id", true),
            ("servicenow.instance", false),
            ("servicenow.client_id", true),
        ] {
            let may_be_missing = may_come_later && self.rules.may_be_incomplete;
            if self.value(path).is_none() && !may_be_missing {
                self.fault(pointer(path), "is missing");
            }
        }
        if let Some(text) = self.text("tenant")
            && TenantId::parse(text).is_none()
        {
            self.fault(pointer("tenant"), "must be 2 to 40 of a-z 0-9 -");
        }
    }

    /// Whether a text is empty where that is allowed.
    fn is_open(&self, text: &str) -> bool {
        self.rules.may_be_incomplete && text.is_empty()
    }

    fn rescue(&mut self) {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if let Some(text) = self.text("rescue.company_id")
            && !digits(text)
            && !self.is_open(text)
        {
            self.fault(pointer("rescue.company_id"), "must be digits only");
        }
        if let Some(text) = self.text("rescue.base_url")
            && let Err(error) = Host::parse(text, self.rules.allow_loopback)
        {
            self.fault(pointer("rescue.base_url"), error.to_string());
        }
        for (pointer, domain) in self.texts("rescue.technician_domains") {
            if !is_domain(domain) {
                self.fault(
                    pointer,
                    format!("{domain:?} is not a domain such as acme.test"),
                );
            }
        }
        self.report();
    }

    /// What the session report is read with.
    fn report(&mut self) {
        let after = "must be 10 minutes to 1 day";
        self.between("rescue.reconcile_after", 600, DAY, after);
        let technician = "rescue.report_technician";
        if let Some(text) = self.text(technician)
            && !text.is_empty()
        {
            let is_id = text.trim() == text && !text.chars().any(char::is_control);
            if !is_id || text.len() > LONGEST_SSO_ID {
                self.fault(
                    pointer(technician),
                    "must be a technician's SSO id, without blanks around it",
                );
            } else if !self.may_sign_in_as(text) {
                self.fault(pointer(technician), "is outside rescue.technician_domains");
            }
        }
        let nodes = self.texts("rescue.report_nodes");
        if nodes.len() > MOST_NODES {
            let message =
                format!("has more than {MOST_NODES} entries; name a technician group instead");
            self.fault(pointer("rescue.report_nodes"), message);
        }
        for (pointer, node) in nodes {
            if !ReportNode::is_id(node) {
                self.fault(
                    pointer,
                    "must be a node's id: digits, as in Rescue's organisation tree",
                );
            }
        }
    }

    /// Whether the tenant's `technician_domains` let the connector sign in as this technician.
    fn may_sign_in_as(&self, sso_id: &str) -> bool {
        let domains = self.texts("rescue.technician_domains");
        let domain = sso_id.rsplit_once('@').map(|(_, domain)| domain);
        let is_domain = |allowed: &str| {
            domain.is_some_and(|domain| domain.eq_ignore_ascii_case(allowed.trim()))
        };
        domains.is_empty() || domains.iter().any(|(_, allowed)| is_domain(allowed))
    }

    fn servicenow(&mut self) {
        let allow_host = self.text("servicenow.allow_host");
        if allow_host.is_some_and(|host| !is_host(host)) {
            let message = "must be a host alone, without https:// and port";
            self.fault(pointer("servicenow.allow_host"), message);
        }
        if let Some(instance) = self.text("servicenow.instance")
            && let Err(error) = Instance::parse(instance, allow_host, self.rules.allow_loopback)
        {
            self.fault(pointer("servicenow.instance"), error.to_string());
        }
        if let Some(client) = self.text("servicenow.client_id")
            && client.trim().is_empty()
            && !self.is_open(client)
        {
            let message = "must be the client id of the Application Registry record";
            self.fault(pointer("servicenow.client_id"), message);
        }
        let account = self.text("servicenow.service_account");
        if self.text("servicenow.grant") == Some("password")
            && account.is_none_or(|account| account.trim().is_empty())
        {
            let message = "the password grant needs a service_account";
            self.fault(pointer("servicenow.grant"), message);
        }
        let lifetime = "servicenow.refresh_token_lifetime";
        self.between(lifetime, HOUR, 3_650 * DAY, "must be 1 hour to 3650 days");
    }

    fn sessions(&mut self) {
        if self.text("sessions.publish") == Some("selected")
            && self.texts("sessions.fields").is_empty()
        {
            let message = "\"selected\" needs fields = [\"…\"]: the Post-to-URL variables to write";
            self.fault(pointer("sessions.publish"), message);
        }
        let caller_field = "sessions.new_record.caller_field";
        let mut variables = self.texts("sessions.fields");
        variables.extend(self.texts("sessions.reference_fields"));
        variables.extend(
            self.text(caller_field)
                .map(|name| (pointer(caller_field), name)),
        );
        for (pointer, name) in variables {
            if let Some(message) = wrong_variable(name) {
                self.fault(pointer, message);
            }
        }
        self.between(
            "sessions.reauthorization_wait",
            HOUR,
            13 * DAY,
            "must be 1 hour to 13 days: the queue keeps messages for 14",
        );
        for (pointer, column, value) in self.entries("sessions.new_record.columns") {
            if let Some(message) = wrong_column(column) {
                self.name_fault(pointer.clone(), message);
            }
            if !value.is_string() {
                self.fault(pointer, "must be a text in quotes");
            }
        }
    }

    fn columns(&mut self) {
        for (pointer, variable, column) in self.entries("sessions.columns") {
            if let Some(message) = wrong_variable(variable) {
                self.name_fault(pointer.clone(), message);
            }
            let Some(typed) = column.as_object() else {
                self.column(pointer, column);
                continue;
            };
            for (key, value) in typed {
                let pointer = pointer.with_trailing_token(key.as_str());
                match (key.as_str(), value.as_str()) {
                    ("column", _) => self.column(pointer, value),
                    ("as", Some(word)) if ColumnKind::WORDS.contains(&word) => {}
                    ("as", _) => {
                        let words = ColumnKind::WORDS.join(", ");
                        self.fault(pointer, format!("must be one of {words}"));
                    }
                    _ => self.name_fault(pointer, "unknown key; column and as are known"),
                }
            }
            if !typed.contains_key("column") {
                self.fault(
                    pointer,
                    "column is missing: the name of the ServiceNow column",
                );
            }
        }
        let table = "sessions.session_table";
        if let Some(name) = self.text(table)
            && !name.is_empty()
            && !(name.starts_with("x_") || name.starts_with("u_"))
        {
            let message = "must be a table of the app such as x_rescue_conn_session, or empty";
            self.fault(pointer(table), message);
        } else if let Some(name) = self.text(table).filter(|name| !name.is_empty())
            && TableName::parse(name).is_none()
        {
            self.fault(pointer(table), wrong_table(name));
        }
    }

    fn column(&mut self, pointer: PointerBuf, name: &Value) {
        match name.as_str().map(wrong_column) {
            Some(None) => {}
            Some(Some(message)) => self.fault(pointer, message),
            None => self.fault(pointer, "must be a column's name in quotes"),
        }
    }

    /// Checks what the file says about tables. Returns the tables that the tenant works with.
    fn tables(&mut self) -> RecordTables {
        let (mut names, mut known) = (Vec::new(), Map::new());
        for (pointer, name, value) in self.entries("tables") {
            let Some(table) = TableName::parse(name) else {
                self.name_fault(pointer, wrong_table(name));
                continue;
            };
            let Some(keys) = value.as_object() else {
                self.fault(pointer, "must be a table");
                continue;
            };
            if name.starts_with("sys") {
                self.name_fault(pointer.clone(), format!("{name} is ServiceNow's own table"));
            }
            let fine = self.faults.len();
            for (key, value) in keys {
                self.table_key(pointer.with_trailing_token(key.as_str()), key, value);
            }
            if !RecordTable::is_built_in(&table) {
                for key in ["number_prefix", "tracking_code"] {
                    if !keys.contains_key(key) {
                        let pointer = pointer.with_trailing_token(key);
                        self.fault(
                            pointer,
                            "is missing: the connector does not know this table",
                        );
                    }
                }
            }
            if self.faults.len() == fine {
                known.insert(name.to_owned(), value.clone());
            }
            if names.contains(&table) {
                self.name_fault(pointer, format!("{table} has another entry"));
            }
            names.push(table);
        }
        let tables = RecordTables::of(&known);
        self.unique(&tables, "number_prefix", |table| stem(&table.number_prefix));
        self.unique(&tables, "tracking_code", |table| {
            table.tracking_code.clone()
        });
        self.of_each_table(&tables);
        tables
    }

    fn table_key(&mut self, pointer: PointerBuf, key: &str, value: &Value) {
        let Some((_, kind)) = TABLE_KEYS.iter().find(|(known, _)| *known == key) else {
            let known = TABLE_KEYS.map(|(known, _)| known).join(", ");
            self.name_fault(pointer, format!("unknown key; {known} are known"));
            return;
        };
        let faults = self.faults.len();
        self.kind(pointer.clone(), value, *kind);
        if self.faults.len() > faults {
            return;
        }
        let states = value.as_array().into_iter().flatten();
        if states
            .filter_map(Value::as_str)
            .any(|state| !is_state(state))
        {
            self.fault(pointer, NO_STATE);
            return;
        }
        let Some(text) = value.as_str() else { return };
        let message = match key {
            "number_prefix" if !is_prefix(text) => {
                "must be letters, then letters, digits, - or _, such as INC: what the table's numbers start with".to_owned()
            }
            "tracking_code" if !is_code(text) => "must be 2 to 8 of a-z".to_owned(),
            "person" if ["state", "active", "assigned_to"].contains(&text) => {
                "must be the column of the customer".to_owned()
            }
            "person" if !text.is_empty() => match wrong_column(text) {
                Some(message) => message,
                None => return,
            },
            "people" if TableName::parse(text).is_none() => wrong_table(text),
            "open_state" if !text.is_empty() && !is_state(text) => NO_STATE.to_owned(),
            _ => return,
        };
        self.fault(pointer, message);
    }

    /// Names the tables of the file whose value another table has, too.
    fn unique(&mut self, tables: &RecordTables, key: &str, value: impl Fn(&RecordTable) -> String) {
        for (place, _, _) in self.entries("tables") {
            let name = place
                .last()
                .and_then(|name| TableName::parse(&name.decoded()));
            let Some(table) = name.and_then(|name| tables.get(&name)) else {
                continue;
            };
            let same = |other: &&RecordTable| {
                other.name != table.name && value(other) == value(table) && !value(table).is_empty()
            };
            if let Some(other) = tables.iter().find(same) {
                let message = format!("{} has the same", other.name);
                self.fault(place.with_trailing_token(key), message);
            }
        }
    }

    /// What the settings of a table must not say together, or beside those of other tables.
    fn of_each_table(&mut self, tables: &RecordTables) {
        let session_table = self.text("sessions.session_table");
        for (place, name, settings) in self.entries("tables") {
            let Some(table) = TableName::parse(name).and_then(|name| tables.get(&name)) else {
                continue;
            };
            if session_table == Some(name) {
                let message = "is the table of the sessions (sessions.session_table)";
                self.name_fault(place.clone(), message);
            }
            let owner = built_in_with_code(&table.tracking_code);
            if let Some(owner) = owner.filter(|owner| *owner != table.name.as_str())
                && tables.iter().all(|other| other.name.as_str() != owner)
            {
                let place = place.with_trailing_token("tracking_code");
                self.fault(place, format!("is the code of {owner}"));
            }
            if table.closed_states.contains(&table.open_state) {
                let place = place.with_trailing_token("open_state");
                self.fault(place, "is one of the closed states");
            }
            let own = stem(&table.number_prefix);
            let more_digits = |other: &&RecordTable| {
                let rest = own.strip_prefix(stem(&other.number_prefix).as_str());
                rest.is_some_and(|rest| {
                    !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit())
                })
            };
            if settings.get("number_prefix").is_some()
                && let Some(other) = tables.iter().find(more_digits)
            {
                let place = place.with_trailing_token("number_prefix");
                let message = format!("is the prefix of {} and digits of its numbers", other.name);
                self.fault(place, message);
            }
        }
    }

    fn console_sessions(&mut self, tables: &RecordTables) {
        let path = "sessions.console_sessions";
        let Some(text) = self.text(path) else { return };
        let is_known = match ConsoleSessions::parse(text) {
            Some(ConsoleSessions::Ignore) => true,
            Some(ConsoleSessions::Create(table)) => tables.get(&table).is_some(),
            None => false,
        };
        if !is_known {
            let message = format!(
                "must be ignore or one of the tables {}; [tables.NAME] adds another",
                tables.names()
            );
            self.fault(pointer(path), message);
        }
    }

    fn between(&mut self, path: &str, least: u64, most: u64, message: &str) {
        let span = self.text(path).and_then(duration);
        if span.is_some_and(|span| !(least..=most).contains(&span.duration().as_secs())) {
            self.fault(pointer(path), message);
        }
    }

    fn value(&self, path: &str) -> Option<&'a Value> {
        let mut names = path.split('.');
        let first = self.document.get(names.next()?);
        names.fold(first, |value, name| value?.get(name))
    }

    fn text(&self, path: &str) -> Option<&'a str> {
        self.value(path)?.as_str()
    }

    /// The texts of a list.
    fn texts(&self, path: &str) -> Vec<(PointerBuf, &'a str)> {
        let entries = self.value(path).and_then(Value::as_array);
        let entries = entries.into_iter().flatten().enumerate();
        let texts = entries.filter_map(|(place, entry)| {
            Some((pointer(path).with_trailing_token(place), entry.as_str()?))
        });
        texts.collect()
    }

    /// The entries of a table whose keys its author chooses.
    fn entries(&self, path: &str) -> Vec<(PointerBuf, &'a str, &'a Value)> {
        let entries = self.value(path).and_then(Value::as_object);
        let entries = entries.into_iter().flatten();
        let placed = entries.map(|(name, value)| {
            (
                pointer(path).with_trailing_token(name.as_str()),
                name.as_str(),
                value,
            )
        });
        placed.collect()
    }
}

/// A duration such as `13 days`.
pub fn duration(text: &str) -> Option<HumanDuration> {
    serde_json::from_value(Value::String(text.to_owned())).ok()
}

/// Rescue may post variables that its documentation does not list, so any plausible name is taken.
fn wrong_variable(name: &str) -> Option<String> {
    let mut bytes = name.bytes();
    let plausible = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.len() <= 64;
    (documented_name(name).is_none() && !plausible)
        .then(|| format!("{name:?} is not a Post-to-URL variable such as CField1"))
}

const NO_STATE: &str = "must be the value of a state: 1 to 40 of a-z A-Z 0-9 blank . _ -";

fn is_state(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b" ._-".contains(&b);
    (1..=40).contains(&text.len()) && text.bytes().all(allowed)
}

fn wrong_table(name: &str) -> String {
    format!("{name:?} is not a table's name: a-z, then a-z 0-9 _")
}

fn wrong_column(column: &str) -> Option<String> {
    let mut bytes = column.bytes();
    let well_formed = bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !well_formed {
        Some(format!(
            "{column:?} is not a column's name: a-z, then a-z 0-9 _"
        ))
    } else if column.starts_with("sys_") {
        Some(format!("{column} is ServiceNow's own column"))
    } else if OWN_COLUMNS.contains(&column) {
        Some(format!("{column} is written by the connector alone"))
    } else {
        None
    }
}

fn is_host(text: &str) -> bool {
    let is_bare = |url: Url| {
        url.path() == "/"
            && url.port().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    Url::parse(&format!("https://{text}")).is_ok_and(is_bare) && !text.contains(['/', ':', '@'])
}

fn is_domain(text: &str) -> bool {
    text.contains('.')
        && text.split('.').all(|label| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
}
