//! The state of the simulated instance, and its access rules.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shared::domain::clock::Timestamp;

use super::journal::{self, Entry};
use super::mail::Mail;
use super::schema::{self, Column, Kind, Table};
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

    /// The account a connector writes with: a user name, a password, and the roles for tasks, cases, e-mail and the rows
    /// of sessions. HR cases need one more ([`super::Simulator::grant_role`]).
    pub fn service_account(user_name: &str, password: &str) -> Self {
        let roles = [
            "itil",
            "sn_customerservice_agent",
            "email_api_send",
            schema::CONNECTOR_ROLE,
        ];
        Self {
            user_name: user_name.to_owned(),
            password: Some(password.to_owned()),
            roles: roles.map(str::to_owned).to_vec(),
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
    /// Whether the Customer Service Management plugin is installed; without it the tables of cases, contacts and
    /// consumers do not exist.
    pub cases_installed: bool,
    /// Tables that do not exist, because their plugin or app is not installed.
    pub missing_tables: BTreeSet<String>,
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
    /// Columns that no account may read: they are left out of answers and dropped from queries. `column` counts in all
    /// tables, `table.column` in that table and those that extend it.
    pub unreadable_columns: BTreeSet<String>,
    /// Columns that no account may write: values for them are ignored. Named as the unreadable ones.
    pub unwritable_columns: BTreeSet<String>,
    /// Tables that no account may read.
    pub unreadable_tables: BTreeSet<String>,
    /// Tables in which no account may change or create records.
    pub unwritable_tables: BTreeSet<String>,
    /// Records, by `sys_id`, that no account can see.
    pub hidden_records: BTreeSet<String>,
    /// Tables whose writes a business rule of this name aborts.
    pub aborting_rules: BTreeMap<String, String>,
    /// How many hours the zone of the users is ahead of UTC: displayed date-times are in that zone, raw ones in UTC
    /// (docs/vendors.md#values-of-columns).
    pub user_zone_hours: i8,
    /// The database stores at most three bytes a character and cuts a text at the first character of four, as MySQL's
    /// `utf8mb3` does outside its strict mode (MySQL manual, "The utf8mb3 Character Set").
    pub cuts_at_four_byte_characters: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            cases_installed: true,
            missing_tables: BTreeSet::new(),
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
            user_zone_hours: 0,
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
    pub(super) fn has(&self, roles: &[String]) -> bool {
        self.roles.contains("admin") || roles.iter().any(|role| self.roles.contains(role))
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
    /// Tables beside those of a new instance.
    #[serde(default)]
    pub(super) added_tables: Vec<Table>,
    /// Columns that administrators have added, by table.
    #[serde(default)]
    pub(super) added_columns: BTreeMap<String, Vec<Column>>,
    /// What the numbers of a table's records start with, where that was changed.
    #[serde(default)]
    pub(super) number_prefixes: BTreeMap<String, String>,
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
    /// A table that the instance has.
    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        let mut tables = self.added_tables.iter().chain(schema::built_in());
        let table = tables.find(|table| table.name == name);
        table.filter(|_| self.is_installed(name))
    }

    fn is_installed(&self, table: &str) -> bool {
        let of_cases = matches!(table, schema::CASES | schema::CONTACTS | schema::CONSUMERS);
        (self.rules.cases_installed || !of_cases) && !self.rules.missing_tables.contains(table)
    }

    /// The tables that the instance has.
    pub(super) fn installed_tables(&self) -> impl Iterator<Item = &Table> {
        let is_added = |name: &str| self.added_tables.iter().any(|added| added.name == name);
        let built_in = schema::built_in().iter();
        let built_in = built_in.filter(move |table| !is_added(&table.name));
        let tables = built_in.chain(&self.added_tables);
        tables.filter(|table| self.is_installed(&table.name))
    }

    /// Adds a table, or changes one that was added before.
    pub(super) fn add_table(&mut self, table: Table) {
        self.added_tables.retain(|known| known.name != table.name);
        self.added_tables.push(table);
    }

    /// A table's column by name.
    pub(super) fn column(&self, table: &str, name: &str) -> Option<&Column> {
        let column = self.table(table)?.column(name);
        let added = self.added_columns.get(table);
        column.or_else(|| added?.iter().find(|column| column.name == name))
    }

    fn kind(&self, table: &str, column: &str) -> Option<&Kind> {
        self.column(table, column).map(|column| &column.kind)
    }

    /// A table's columns.
    pub(super) fn columns<'a>(&'a self, table: &str) -> impl Iterator<Item = &'a Column> {
        let columns = self
            .table(table)
            .into_iter()
            .flat_map(|table| &table.columns);
        columns.chain(self.added_columns.get(table).into_iter().flatten())
    }

    /// Whether a column exists and may be read.
    pub(super) fn readable(&self, table: &str, column: &str) -> bool {
        let unreadable = &self.rules.unreadable_columns;
        self.column(table, column).is_some() && !self.is_listed(unreadable, table, column)
    }

    /// Whether no access rule keeps a column's value as it is.
    pub(super) fn writable(&self, table: &str, column: &str) -> bool {
        !self.is_listed(&self.rules.unwritable_columns, table, column)
    }

    fn is_listed(&self, columns: &BTreeSet<String>, table: &str, column: &str) -> bool {
        let parent = self.table(table).and_then(|table| table.extends.as_deref());
        columns.iter().any(|listed| match listed.split_once('.') {
            Some((of, listed)) => listed == column && (of == table || Some(of) == parent),
            None => listed == column,
        })
    }

    /// Whether a field, possibly dot-walked, can stand in a query. Journal fields cannot.
    pub(super) fn queryable(&self, table: &str, field: &str) -> bool {
        let walk = field.split_once('.');
        let (column, rest) = walk.map_or((field, None), |(column, rest)| (column, Some(rest)));
        self.readable(table, column)
            && match (self.kind(table, column), rest) {
                (Some(Kind::Journal) | None, _) => false,
                (Some(_), None) => true,
                (Some(Kind::Reference(target)), Some(rest)) => self.queryable(target, rest),
                (Some(_), Some(_)) => false,
            }
    }

    /// The value of a field, possibly dot-walked.
    pub(super) fn walk(&self, table: &str, row: &Row, field: &str) -> String {
        let Some((column, rest)) = field.split_once('.') else {
            return value(row, field).to_owned();
        };
        let Some(Kind::Reference(target)) = self.kind(table, column) else {
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
        let Some(Kind::Reference(target)) = self.kind(table, column) else {
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
        let classes = self.installed_tables();
        let classes = classes
            .filter(move |class| class.name == table || class.extends.as_deref() == Some(table));
        classes.flat_map(|class| {
            let rows = self.tables.get(&class.name).into_iter().flatten();
            rows.map(move |row| (class.name.as_str(), row))
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
        let readers = self.table(table).map_or(&[][..], |table| &table.readers);
        let is_reader = readers.is_empty() || caller.has(readers);
        is_reader && !self.rules.unreadable_tables.contains(table)
    }

    pub(super) fn may_write(&self, caller: &Principal, table: &str) -> bool {
        let writers = self.table(table).map_or(&[][..], |table| &table.writers);
        caller.has(writers) && !self.rules.unwritable_tables.contains(table)
    }

    /// What is stored of a value that is written to a column; `None` where the column keeps what it has, is one of the
    /// system's, or does not exist.
    fn stored(&self, table: &str, name: &str, value: &str) -> Option<String> {
        let column = self.column(table, name);
        let column = column.filter(|_| !name.starts_with("sys_"))?;
        let three_bytes = self.rules.cuts_at_four_byte_characters;
        let value = value.split(|c| three_bytes && c > '\u{ffff}').next();
        column.stored(value.unwrap_or_default())
    }

    /// Whether a unique column of another record has one of these values. The comparison ignores letter case, as the
    /// database's does (docs/vendors.md#unique-columns).
    pub(super) fn violates_a_unique_index(
        &self,
        table: &str,
        sys_id: Option<&str>,
        values: &[(String, String)],
    ) -> bool {
        let rows = self.tables.get(table).map_or(&[][..], Vec::as_slice);
        let is_other = |row: &&Row| Some(value(row, "sys_id")) != sys_id;
        values.iter().any(|(name, new)| {
            let column = self.column(table, name);
            let unique = column.filter(|column| column.unique);
            let new = unique.and_then(|_| self.stored(table, name, new));
            new.filter(|new| !new.is_empty()).is_some_and(|new| {
                let new = new.to_lowercase();
                let mut others = rows.iter().filter(is_other);
                others.any(|row| value(row, name).to_lowercase() == new)
            })
        })
    }

    fn new_number(&mut self, table: &str) -> Option<String> {
        let (prefix, first) = self.table(table)?.numbering.clone()?;
        let prefix = self.number_prefixes.get(table).unwrap_or(&prefix).clone();
        let next = self.next_numbers.entry(table.to_owned()).or_insert(first);
        let number = format!("{prefix}{:07}", *next);
        *next += 1;
        Some(number)
    }

    /// The values of a new record that its creator does not give.
    fn new_row(&mut self, table: &str, sys_id: &str, by: &Principal, at: Timestamp) -> Row {
        let mut row = Row::new();
        if let Some(definition) = self.table(table) {
            row.extend(definition.defaults.iter().cloned());
        }
        for column in self.columns(table) {
            if column.kind == Kind::Boolean {
                let value = row.entry(column.name.clone());
                value.or_insert_with(|| "false".to_owned());
            }
        }
        if let Some(number) = self.new_number(table) {
            row.insert("number".to_owned(), number);
        }
        if self.column(table, "opened_at").is_some() {
            row.insert("opened_at".to_owned(), journal::written(at));
            row.insert("opened_by".to_owned(), by.sys_id.clone());
        }
        for (column, value) in [
            ("sys_id", sys_id),
            ("sys_class_name", table),
            ("sys_created_by", &by.user_name),
            ("sys_created_on", &journal::written(at)),
            ("sys_mod_count", "0"),
        ] {
            row.insert(column.to_owned(), value.to_owned());
        }
        row
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
        let row = self.new_row(table, &sys_id, by, at);
        self.tables.entry(table.to_owned()).or_default().push(row);
        self.write(table, &sys_id, by, at, values);
        sys_id
    }

    /// Changes a record. Unknown columns, those of the system and values of another kind than the column's are ignored,
    /// long texts cut, journal fields appended to.
    pub(super) fn write(
        &mut self,
        table: &str,
        sys_id: &str,
        by: &Principal,
        at: Timestamp,
        values: &[(String, String)],
    ) {
        let mut changes = Row::new();
        for (name, value) in values {
            let Some(stored) = self.stored(table, name, value) else {
                continue;
            };
            if self.kind(table, name) != Some(&Kind::Journal) {
                changes.insert(name.clone(), stored);
            } else if !stored.is_empty() {
                self.journal.push(Entry {
                    element_id: sys_id.to_owned(),
                    element: name.clone(),
                    value: stored,
                    author: by.name.clone(),
                    at,
                });
            }
        }
        let state = changes.get("state");
        let definition = self.table(table);
        let inactive = definition.and_then(|table| table.inactive(state?));
        if let Some(inactive) = inactive {
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
