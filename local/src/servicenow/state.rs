//! The state of the simulated instance, and its access rules.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shared::domain::clock::Timestamp;

use super::journal::{self, Entry};
use super::mail::Mail;
use super::schema::{self, Column, Kind};
use super::tokens::{AccessToken, Grants, RefreshToken, Registry};

/// A record: its columns and their raw values.
pub(super) type Row = BTreeMap<String, String>;

/// A person or an account of the instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    pub(super) email: String,
    pub(super) user_name: String,
    pub(super) name: String,
    pub(super) password: Option<String>,
    pub(super) roles: Vec<String>,
}

impl User {
    /// An active user without roles, whose user name is the e-mail.
    pub fn new(email: &str, name: &str) -> Self {
        Self {
            email: email.to_owned(),
            user_name: email.to_owned(),
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// The account a connector writes with: a user name, a password, and the roles for incidents, cases and e-mail.
    pub fn service_account(user_name: &str, password: &str) -> Self {
        Self {
            user_name: user_name.to_owned(),
            password: Some(password.to_owned()),
            roles: ["itil", "sn_customerservice_agent", "email_api_send"]
                .map(str::to_owned)
                .to_vec(),
            ..Self::new(&format!("{user_name}@acme.test"), "Rescue Connector")
        }
    }

    /// Other roles instead.
    #[must_use]
    pub fn with_roles(mut self, roles: &[&str]) -> Self {
        self.roles = roles.iter().map(|role| (*role).to_owned()).collect();
        self
    }
}

/// The part of a user that is not in its record.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) password: Option<String>,
    pub(super) roles: BTreeSet<String>,
}

/// How the refresh grant answers; vendors' releases and documents differ (docs/vendors.md#token-lifetimes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefreshAnswer {
    /// The same refresh token again; its expiry is not extended.
    #[default]
    Same,
    /// An access token only.
    Absent,
    /// Another refresh token with the old one's expiry; the old one is revoked.
    Replaced,
}

/// How the instance is set up; tests and demo change it with [`super::Simulator::configure`].
#[derive(Clone, Debug)]
pub struct Rules {
    /// Whether the Customer Service Management plugin is installed; without it the case table does not exist.
    pub cases_installed: bool,
    /// `glide.oauth.inbound.client.credential.grant_type.enabled`, off as on a new instance.
    pub client_credentials_enabled: bool,
    /// Whether the password grant is allowed.
    pub password_grant_enabled: bool,
    /// What the refresh grant returns beside the access token.
    pub refresh_answer: RefreshAnswer,
    /// Tokens are JWTs of several kilobytes instead of 86 opaque characters.
    pub jwt_tokens: bool,
    /// Token errors carry the codes of RFC 6749 (some releases) instead of `server_error` for everything.
    pub rfc_errors: bool,
    /// What `expires_in` says of every token instead of the truth: a number that a client must not believe blindly.
    pub claimed_expires_in: Option<u64>,
    /// Which path revokes tokens; releases differ.
    pub revoke_path: String,
    /// `glide.invalid_query.returns_no_rows`, off as on a new instance.
    pub invalid_query_returns_no_rows: bool,
    /// Whether the ACL exists that lets the role `email_api_send` create e-mails.
    pub email_acl: bool,
    /// Columns that no account may read: they are left out of answers and dropped from queries.
    pub unreadable_columns: BTreeSet<String>,
    /// Columns that no account may write: values for them are ignored.
    pub unwritable_columns: BTreeSet<String>,
    /// Tables that no account may read.
    pub unreadable_tables: BTreeSet<String>,
    /// Tables in which no account may change or create records.
    pub unwritable_tables: BTreeSet<String>,
    /// Records, by `sys_id`, that no account can see.
    pub hidden_records: BTreeSet<String>,
    /// Tables whose writes a business rule of this name aborts.
    pub aborting_rules: BTreeMap<String, String>,
    /// The database stores at most three bytes a character and cuts a text at the first character of four, as MySQL's
    /// `utf8mb3` does outside its strict mode (MySQL manual, "The utf8mb3 Character Set").
    pub cuts_at_four_byte_characters: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            cases_installed: true,
            client_credentials_enabled: false,
            password_grant_enabled: true,
            refresh_answer: RefreshAnswer::default(),
            jwt_tokens: false,
            rfc_errors: false,
            claimed_expires_in: None,
            revoke_path: "/oauth_revoke_token.do".to_owned(),
            invalid_query_returns_no_rows: false,
            email_acl: true,
            unreadable_columns: BTreeSet::new(),
            unwritable_columns: BTreeSet::new(),
            unreadable_tables: BTreeSet::new(),
            unwritable_tables: BTreeSet::new(),
            hidden_records: BTreeSet::new(),
            aborting_rules: BTreeMap::new(),
            cuts_at_four_byte_characters: false,
        }
    }
}

/// The user of a request.
#[derive(Clone, Debug)]
pub(super) struct Principal {
    pub(super) sys_id: String,
    pub(super) user_name: String,
    pub(super) name: String,
    pub(super) roles: BTreeSet<String>,
}

impl Principal {
    pub(super) fn has(&self, roles: &[&str]) -> bool {
        self.roles.contains("admin") || roles.iter().any(|role| self.roles.contains(*role))
    }
}

/// A column that a field leads to.
pub(super) struct Field<'a> {
    pub(super) table: &'a str,
    /// Without it the value is empty: a reference on the way is, or leads to a record that may not be read.
    pub(super) row: Option<&'a Row>,
    pub(super) column: &'a str,
}

/// Everything the instance holds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct InstanceState {
    pub(super) tables: BTreeMap<String, Vec<Row>>,
    pub(super) custom_columns: BTreeMap<String, BTreeSet<String>>,
    pub(super) journal: Vec<Entry>,
    /// The attachments' bytes by `sys_id`, base64.
    pub(super) contents: BTreeMap<String, String>,
    pub(super) mails: Vec<Mail>,
    pub(super) registries: BTreeMap<String, Registry>,
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) access_tokens: Vec<AccessToken>,
    pub(super) refresh_tokens: Vec<RefreshToken>,
    pub(super) next_numbers: BTreeMap<String, u64>,
    #[serde(skip)]
    pub(super) rules: Rules,
    #[serde(skip)]
    pub(super) grants: Grants,
    #[serde(skip)]
    pub(super) violations: Vec<String>,
}

/// A new `sys_id`.
pub(super) fn new_sys_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// A value of a row, empty when it has none.
pub(super) fn value<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get(column).map_or("", String::as_str)
}

impl InstanceState {
    /// Whether the instance has this table.
    pub(super) fn has_table(&self, table: &str) -> bool {
        let of_the_plugin = matches!(table, schema::CASES | schema::CONTACTS | schema::CONSUMERS);
        !schema::columns(table).is_empty() && (self.rules.cases_installed || !of_the_plugin)
    }

    /// A table's column by name.
    pub(super) fn column(&self, table: &str, name: &str) -> Option<Kind> {
        let mut columns = schema::columns(table).into_iter();
        let kind = columns
            .find(|column| column.name == name)
            .map(|column| column.kind);
        let custom = self.custom_columns.get(table);
        kind.or_else(|| custom?.contains(name).then_some(Kind::Text))
    }

    /// The names of a table's columns.
    pub(super) fn column_names(&self, table: &str) -> Vec<String> {
        let columns = schema::columns(table).into_iter();
        let names = columns.map(|column| column.name.to_owned());
        let custom = self.custom_columns.get(table).into_iter().flatten();
        names.chain(custom.cloned()).collect()
    }

    /// Whether a column exists and may be read.
    pub(super) fn readable(&self, table: &str, column: &str) -> bool {
        self.column(table, column).is_some() && !self.rules.unreadable_columns.contains(column)
    }

    /// Whether a field, possibly dot-walked, can stand in a query. Journal fields cannot.
    pub(super) fn queryable(&self, table: &str, field: &str) -> bool {
        let walk = field.split_once('.');
        let (column, rest) = walk.map_or((field, None), |(column, rest)| (column, Some(rest)));
        self.readable(table, column)
            && match (self.column(table, column), rest) {
                (Some(Kind::Journal) | None, _) | (Some(Kind::Text), Some(_)) => false,
                (Some(Kind::Reference(target)), Some(rest)) => self.queryable(target, rest),
                (Some(Kind::Text | Kind::Reference(_)), None) => true,
            }
    }

    /// The value of a field, possibly dot-walked.
    pub(super) fn walk(&self, table: &str, row: &Row, field: &str) -> String {
        let Some((column, rest)) = field.split_once('.') else {
            return value(row, field).to_owned();
        };
        let Some(Kind::Reference(target)) = self.column(table, column) else {
            return String::new();
        };
        let record = self.find(target, value(row, column));
        record.map_or_else(String::new, |(class, row)| self.walk(class, row, rest))
    }

    /// Where a field of a record leads, possibly over references; `None` when there is no such field, or none that may
    /// be read.
    pub(super) fn follow<'a>(
        &'a self,
        caller: &Principal,
        table: &'a str,
        row: Option<&'a Row>,
        field: &'a str,
    ) -> Option<Field<'a>> {
        let Some((column, rest)) = field.split_once('.') else {
            let field = Field {
                table,
                row,
                column: field,
            };
            return self.readable(table, field.column).then_some(field);
        };
        let Some(Kind::Reference(target)) = self.column(table, column) else {
            return None;
        };
        if !self.readable(table, column) {
            return None;
        }
        // Whether the field exists is a matter of the tables; whether it has a value, one of this record.
        let row = row
            .and_then(|row| self.visible(target, value(row, column)))
            .filter(|(class, _)| self.may_read(caller, target) && self.may_read(caller, class))
            .map(|(_, row)| row);
        self.follow(caller, target, row, rest)
    }

    /// The rows of a table and of those that extend it, each with its own table's name.
    pub(super) fn rows<'a>(&'a self, table: &'a str) -> impl Iterator<Item = (&'a str, &'a Row)> {
        let classes = schema::family(table).into_iter();
        let classes = classes.filter(|class| self.has_table(class));
        classes.flat_map(|class| {
            let rows = self.tables.get(class).into_iter().flatten();
            rows.map(move |row| (class, row))
        })
    }

    /// A record of a table, hidden or not.
    pub(super) fn find<'a>(&'a self, table: &'a str, sys_id: &str) -> Option<(&'a str, &'a Row)> {
        self.rows(table)
            .find(|(_, row)| value(row, "sys_id") == sys_id)
    }

    /// A record of a table that a request may see.
    pub(super) fn visible<'a>(
        &'a self,
        table: &'a str,
        sys_id: &str,
    ) -> Option<(&'a str, &'a Row)> {
        self.find(table, sys_id)
            .filter(|_| !self.rules.hidden_records.contains(sys_id))
    }

    /// The user with this user name, e-mail or `sys_id`, who is active and not locked out.
    pub(super) fn active_user(&self, identifier: &str) -> Option<Principal> {
        let identifiers = |row| ["user_name", "sys_id", "email"].map(|column| value(row, column));
        let mut users = self.rows(schema::USERS);
        let (_, row) = users.find(|(_, row)| identifiers(row).contains(&identifier))?;
        let account = self.accounts.get(value(row, "sys_id"));
        let is_active = value(row, "active") == "true" && value(row, "locked_out") != "true";
        is_active.then(|| Principal {
            sys_id: value(row, "sys_id").to_owned(),
            user_name: value(row, "user_name").to_owned(),
            name: value(row, "name").to_owned(),
            roles: account.map_or_else(BTreeSet::new, |account| account.roles.clone()),
        })
    }

    pub(super) fn may_read(&self, caller: &Principal, table: &str) -> bool {
        let roles: &[&str] = match table {
            schema::INCIDENTS => &["itil", "sn_incident_read", "sn_incident_write"],
            schema::CASES => &["sn_customerservice_agent", "csm_ws_integration"],
            schema::REQUESTED_ITEMS | "task" => &["itil"],
            _ => return !self.rules.unreadable_tables.contains(table),
        };
        caller.has(roles) && !self.rules.unreadable_tables.contains(table)
    }

    pub(super) fn may_write(&self, caller: &Principal, table: &str) -> bool {
        let roles: &[&str] = match table {
            schema::INCIDENTS => &["itil", "sn_incident_write"],
            schema::CASES => &["sn_customerservice_agent", "csm_ws_integration"],
            schema::REQUESTED_ITEMS => &["itil"],
            schema::USERS | schema::CONTACTS => &["user_admin"],
            _ => &[],
        };
        caller.has(roles) && !self.rules.unwritable_tables.contains(table)
    }

    /// Creates a record with its table's defaults and these values.
    pub(super) fn insert(
        &mut self,
        table: &str,
        by: &Principal,
        at: Timestamp,
        values: &[(String, String)],
    ) -> String {
        let sys_id = new_sys_id();
        let mut row = Row::new();
        for (column, value) in schema::defaults(table) {
            row.insert((*column).to_owned(), (*value).to_owned());
        }
        if let Some((prefix, first)) = schema::numbering(table) {
            let next = self.next_numbers.entry(table.to_owned()).or_insert(first);
            row.insert("number".to_owned(), format!("{prefix}{:07}", *next));
            *next += 1;
            row.insert("opened_at".to_owned(), journal::written(at));
            row.insert("opened_by".to_owned(), by.sys_id.clone());
        }
        for (column, value) in [
            ("sys_id", sys_id.as_str()),
            ("sys_class_name", table),
            ("sys_created_by", &by.user_name),
            ("sys_created_on", &journal::written(at)),
            ("sys_mod_count", "0"),
        ] {
            row.insert(column.to_owned(), value.to_owned());
        }
        self.tables.entry(table.to_owned()).or_default().push(row);
        self.write(table, &sys_id, by, at, values);
        sys_id
    }

    /// Changes a record. Unknown columns and those of the system are ignored, long texts cut, journal fields appended
    /// to.
    pub(super) fn write(
        &mut self,
        table: &str,
        sys_id: &str,
        by: &Principal,
        at: Timestamp,
        values: &[(String, String)],
    ) {
        let columns = schema::columns(table);
        let mut changes = Row::new();
        let three_bytes = self.rules.cuts_at_four_byte_characters;
        for (name, value) in values {
            let value = value.split(|c| three_bytes && c > '\u{ffff}').next();
            let value = value.unwrap_or_default();
            let kind = self.column(table, name);
            let Some(kind) = kind.filter(|_| !name.starts_with("sys_")) else {
                continue;
            };
            if kind == Kind::Journal {
                if !value.is_empty() {
                    self.journal.push(Entry {
                        element_id: sys_id.to_owned(),
                        element: name.clone(),
                        value: value.to_owned(),
                        author: by.name.clone(),
                        at,
                    });
                }
                continue;
            }
            let column = columns.iter().find(|column| column.name == name);
            changes.insert(name.clone(), cut(value, column));
        }
        let state = changes.get("state");
        if let Some(inactive) = state.and_then(|state| schema::inactive(table, state)) {
            let active = changes.entry("active".to_owned());
            active.or_insert_with(|| (!inactive).to_string());
        }
        let rows = self.tables.entry(table.to_owned()).or_default();
        let Some(row) = rows.iter_mut().find(|row| value(row, "sys_id") == sys_id) else {
            return;
        };
        let before = value(row, "sys_updated_on").is_empty();
        let count = value(row, "sys_mod_count").parse::<u64>().unwrap_or(0);
        row.extend(changes);
        if !before {
            row.insert("sys_mod_count".to_owned(), (count + 1).to_string());
        }
        row.insert("sys_updated_by".to_owned(), by.user_name.clone());
        row.insert("sys_updated_on".to_owned(), journal::written(at));
    }
}

fn cut(value: &str, column: Option<&Column>) -> String {
    match column.and_then(|column| column.max) {
        Some(max) => value.chars().take(max).collect(),
        None => value.to_owned(),
    }
}
