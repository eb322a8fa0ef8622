//! A strict simulator of a ServiceNow instance: its token endpoint, Table, Attachment and Email API, with the oddities
//! that docs/vendors.md names.
//!
//! It refuses what an instance refuses, answers in an instance's formats, and keeps every request for assertions. What
//! a caller must never do (send a cookie, a script in a query or a secret in a URL, delete a record) is recorded as a
//! violation.

mod api_call;
mod attachment;
mod control;
mod email;
mod forms;
mod journal;
mod mail;
mod oauth;
mod pages;
mod query;
mod refusal;
mod schema;
mod state;
mod table;
mod tokens;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use shared::domain::clock::{Clock, Timestamp};

use crate::lock::lock;
use crate::sandbox_link::SandboxLink;
use crate::simulator::{self, RecordedRequest, RequestRefusal, SimulatorResponse, Site};
use crate::state_file::{load, save};
use api_call::ApiCall;
use state::{Account, InstanceState, Principal};
use tokens::Registry;

pub(crate) use forms::{Attachment, Entries, Note, Record};
pub use mail::Mail;
pub use pages::MAILS_PATH;
pub use schema::{Column, Table};
pub use state::{RefreshAnswer, Rules, User};
pub use tokens::Grants;

/// How a simulator is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The loopback port; `None` takes a free one.
    pub port: Option<u16>,
    /// The clock of the token lifetimes.
    pub clock: Clock,
    /// A JSON file that keeps the records, tokens and accounts over restarts.
    pub data: Option<PathBuf>,
}

impl Options {
    /// Any free port, nothing kept over restarts.
    pub const fn new(clock: Clock) -> Self {
        Self {
            port: None,
            clock,
            data: None,
        }
    }
}

/// A running instance.
pub type Simulator = simulator::Simulator<Instance>;

/// The identifiers of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// The row's identifier.
    pub sys_id: String,
    /// The number that people use.
    pub number: String,
}

/// Answers as one ServiceNow instance does, from rows in memory that `data` keeps.
#[derive(Debug)]
pub struct Instance {
    state: Mutex<InstanceState>,
    clock: Clock,
    data: Option<PathBuf>,
    sandbox: OnceLock<SandboxLink>,
}

impl Simulator {
    /// Starts an instance on loopback, with the records of `data` when there are any.
    ///
    /// # Errors
    /// The port is taken, or the data file is unreadable.
    pub fn start(options: Options) -> io::Result<Self> {
        let instance = Instance {
            state: Mutex::new(load(options.data.as_deref())?),
            clock: options.clock,
            data: options.data,
            sandbox: OnceLock::new(),
        };
        Self::serve(options.port, instance)
    }

    /// Has the page of all records link to the sandbox.
    pub(crate) fn set_sandbox(&self, link: SandboxLink) {
        self.system.sandbox.set(link).ok();
    }

    /// Changes how the instance is set up.
    pub fn configure(&self, change: impl FnOnce(&mut Rules)) {
        self.changing(|state| change(&mut state.rules));
    }

    /// How the instance is set up.
    pub(crate) fn rules(&self) -> Rules {
        lock(&self.system.state).rules.clone()
    }

    /// Adds an Application Registry record with the default lifespans, or changes its secret.
    pub fn add_registry(&self, client_id: &str, client_secret: &str) {
        self.changing(|state| {
            let registry = state.registries.entry(client_id.to_owned());
            registry
                .and_modify(|known| client_secret.clone_into(&mut known.client_secret))
                .or_insert_with(|| Registry::new(client_secret));
        });
    }

    /// Sets the lifespans of the tokens that a registry issues from now on, in whole seconds.
    pub fn set_lifespans(&self, client_id: &str, access_token: Duration, refresh_token: Duration) {
        self.changing(|state| {
            if let Some(registry) = state.registries.get_mut(client_id) {
                registry.access_token_seconds = access_token.as_secs();
                registry.refresh_token_seconds = refresh_token.as_secs();
            }
        });
    }

    /// Sets the OAuth Application User of a registry, which the client-credentials grant needs.
    pub fn set_application_user(&self, client_id: &str, user_name: &str) {
        self.changing(|state| {
            if let Some(registry) = state.registries.get_mut(client_id) {
                registry.application_user = Some(user_name.to_owned());
            }
        });
    }

    /// Adds a user and returns its `sys_id`. For an existing user name it sets password and roles only, so that a restart
    /// on kept data adds no second record.
    pub fn add_user(&self, user: User) -> String {
        self.add_person(schema::USERS, user)
    }

    /// Adds a contact of a customer, who is a user as well, and returns its `sys_id`.
    pub fn add_contact(&self, email: &str, name: &str) -> String {
        self.add_person(schema::CONTACTS, User::new(email, name))
    }

    /// Adds a consumer, who is no user, and returns its `sys_id`.
    pub fn add_consumer(&self, email: &str, name: &str) -> String {
        let values = [("email", email), ("name", name)];
        self.add_record(schema::CONSUMERS, &values).sys_id
    }

    fn add_person(&self, table: &str, user: User) -> String {
        let values = [
            ("email", user.email.as_str()),
            ("user_name", &user.user_name),
            ("name", &user.name),
        ];
        let mut records = self.records(table).into_iter();
        let known = records.find(|row| state::value(row, "user_name") == user.user_name);
        let sys_id = match known {
            Some(row) => state::value(&row, "sys_id").to_owned(),
            None => self.add_record(table, &values).sys_id,
        };
        let account = Account {
            password: user.password,
            roles: user.roles.into_iter().collect(),
        };
        self.changing(|state| state.accounts.insert(sys_id.clone(), account));
        sys_id
    }

    /// Adds an incident with these columns beside the defaults.
    pub fn add_incident(&self, columns: &[(&str, &str)]) -> Created {
        self.add_record(schema::INCIDENTS, columns)
    }

    /// Adds a case with these columns beside the defaults.
    pub fn add_case(&self, columns: &[(&str, &str)]) -> Created {
        self.add_record(schema::CASES, columns)
    }

    /// Adds a requested item with these columns beside the defaults.
    pub fn add_requested_item(&self, columns: &[(&str, &str)]) -> Created {
        self.add_record(schema::REQUESTED_ITEMS, columns)
    }

    /// Adds a record to any table that the instance has, with these columns beside the defaults. Its number is empty in
    /// a table without numbers.
    pub fn add_record(&self, table: &str, columns: &[(&str, &str)]) -> Created {
        let now = self.system.clock.now();
        self.changing(|state| {
            let sys_id = state.insert(table, &administrator(), now, &owned(columns));
            let row = state.find(table, &sys_id).map(|(_, row)| row);
            let number = row.map_or("", |row| state::value(row, "number")).to_owned();
            Created { sys_id, number }
        })
    }

    /// Adds a table, as an administrator or an app does. One of the same name is replaced; its records stay.
    pub fn add_table(&self, table: Table) {
        self.changing(|state| state.add_table(table));
    }

    /// Installs the part of the app that the Table API sees: `x_rescue_conn_session`, one row for each session, which the
    /// role `x_rescue_conn.connector` reads and writes. [`Rules::missing_tables`] takes it away again.
    pub fn install_app(&self) {
        self.add_table(schema::sessions());
    }

    /// Sets what the numbers of a table's new records start with (docs/vendors.md#tables-and-columns).
    pub fn set_number_prefix(&self, table: &str, prefix: &str) {
        self.changing(|state| {
            let prefixes = &mut state.number_prefixes;
            prefixes.insert(table.to_owned(), prefix.to_owned());
        });
    }

    /// Gives a user one more role.
    pub fn grant_role(&self, user_name: &str, role: &str) {
        self.changing(|state| {
            if let Some(user) = state.active_user(user_name) {
                let account = state.accounts.entry(user.sys_id).or_default();
                account.roles.insert(role.to_owned());
            }
        });
    }

    /// Adds a column to a table, as administrators do: a text by its name alone. A column that the table has already
    /// stays as it is.
    pub fn add_column(&self, table: &str, column: impl Into<Column>) {
        let column = column.into();
        self.changing(|state| {
            if state.column(table, &column.name).is_none() {
                let columns = state.added_columns.entry(table.to_owned());
                columns.or_default().push(column);
            }
        });
    }

    /// Writes a column of a record as an administrator in the browser would; a journal field gets an entry.
    pub fn set_field(&self, table: &str, sys_id: &str, column: &str, value: &str) {
        let now = self.system.clock.now();
        let change = owned(&[(column, value)]);
        self.changing(|state| state.write(table, sys_id, &administrator(), now, &change));
    }

    /// A record's raw columns, without access rules.
    pub fn record(&self, table: &str, sys_id: &str) -> Option<BTreeMap<String, String>> {
        let state = lock(&self.system.state);
        state.find(table, sys_id).map(|(_, row)| row.clone())
    }

    /// What a form shows in a column of a record, without access rules: the display value of a reference, the text of a
    /// choice, a duration in words, a date-time in the users' zone, the history of a journal field. Empty when there is no
    /// such record or column.
    pub fn displayed(&self, table: &str, sys_id: &str, column: &str) -> String {
        let state = lock(&self.system.state);
        let record = state.find(table, sys_id);
        record.map_or_else(String::new, |(class, row)| {
            table::on_a_form(&state, class, row, column)
        })
    }

    /// The raw columns of a table's own records, in the order of their creation.
    pub fn records(&self, table: &str) -> Vec<BTreeMap<String, String>> {
        let state = lock(&self.system.state);
        state.tables.get(table).cloned().unwrap_or_default()
    }

    /// A record's work notes, oldest first.
    pub fn work_notes(&self, table: &str, sys_id: &str) -> Vec<String> {
        self.entries(table, sys_id, "work_notes")
    }

    /// The texts between `[code]` and `[/code]` in a record's journal, which browsers show as live HTML by default
    /// (docs/vendors.md#work-notes).
    pub fn live_html(&self, table: &str, sys_id: &str) -> Vec<String> {
        let entries = [self.work_notes(table, sys_id), self.comments(table, sys_id)].concat();
        entries
            .iter()
            .flat_map(|entry| journal::live_html(entry))
            .collect()
    }

    /// A record's comments, which customers can read, oldest first.
    pub fn comments(&self, table: &str, sys_id: &str) -> Vec<String> {
        self.entries(table, sys_id, "comments")
    }

    fn entries(&self, table: &str, sys_id: &str, element: &str) -> Vec<String> {
        let state = lock(&self.system.state);
        if state.find(table, sys_id).is_none() {
            return Vec::new();
        }
        let entries = state.journal.iter();
        let entries = entries.filter(|one| one.element_id == sys_id && one.element == element);
        entries.map(|entry| entry.value.clone()).collect()
    }

    /// The names and texts of a record's attachments, in the order of their creation.
    pub fn attachments(&self, record_sys_id: &str) -> Vec<(String, String)> {
        let state = lock(&self.system.state);
        let rows = state.tables.get(schema::ATTACHMENTS).into_iter().flatten();
        rows.filter(|row| state::value(row, "table_sys_id") == record_sys_id)
            .map(|row| {
                let bytes = attachment::bytes(&state, state::value(row, "sys_id"));
                (
                    state::value(row, "file_name").to_owned(),
                    String::from_utf8_lossy(&bytes).into_owned(),
                )
            })
            .collect()
    }

    /// The e-mails that the instance has taken, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        lock(&self.system.state).mails.clone()
    }

    /// A refresh token of a user as a set-up page hands it over: the current one with its expiry pushed forward, or a
    /// new one. Empty without such a registry.
    pub fn issue_refresh_token(&self, client_id: &str, user_name: &str) -> String {
        let now = self.system.clock.now();
        self.changing(|state| oauth::issue_refresh_token(state, client_id, user_name, now))
            .unwrap_or_default()
    }

    /// A fresh access token of a user, for tests that call the APIs themselves. Empty without such a registry.
    pub fn issue_access_token(&self, client_id: &str, user_name: &str) -> String {
        let now = self.system.clock.now();
        self.changing(|state| oauth::issue_access_token(state, client_id, user_name, now))
            .unwrap_or_default()
    }

    /// When a refresh token expires; `None` for one that is unknown or revoked.
    pub fn refresh_token_expires_at(&self, token: &str) -> Option<Timestamp> {
        let state = lock(&self.system.state);
        let mut known = state.refresh_tokens.iter();
        let known = known.find(|known| known.token == token && !known.revoked);
        known.map(|known| known.expires_at)
    }

    /// Revokes a token of either kind.
    pub fn revoke(&self, token: &str) {
        self.changing(|state| oauth::revoke(state, token));
    }

    /// Revokes every access token; refresh tokens stay valid.
    pub fn revoke_access_tokens(&self) {
        self.changing(|state| {
            for token in &mut state.access_tokens {
                token.revoked = true;
            }
        });
    }

    /// How many grants the token endpoint has given and refused since the start.
    pub fn grants(&self) -> Grants {
        lock(&self.system.state).grants
    }

    fn changing<T>(&self, change: impl FnOnce(&mut InstanceState) -> T) -> T {
        let mut state = lock(&self.system.state);
        let result = change(&mut state);
        self.system.keep(&state);
        result
    }
}

impl Instance {
    fn keep(&self, state: &InstanceState) {
        if let Err(error) = save(self.data.as_deref(), state) {
            tracing::error!(%error, file = ?self.data, "the instance's data cannot be saved");
        }
    }
}

fn owned(columns: &[(&str, &str)]) -> Vec<(String, String)> {
    columns
        .iter()
        .map(|(column, value)| ((*column).to_owned(), (*value).to_owned()))
        .collect()
}

/// The user as which tests and demo write.
fn administrator() -> Principal {
    Principal {
        sys_id: "6816f79cc0a8016401c5a33be04be441".to_owned(),
        user_name: "admin".to_owned(),
        name: "System Administrator".to_owned(),
        roles: ["admin".to_owned()].into(),
    }
}

impl Site for Instance {
    fn answer(&self, request: &RecordedRequest) -> SimulatorResponse {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        let link = self.sandbox.get();
        let sandbox = link.and_then(|link| link.shown_to(request.header("host")));
        let answer = route(&mut state, request, now, sandbox);
        if request.method != "GET" {
            self.keep(&state);
        }
        answer
    }

    fn refuse(&self, request: &RecordedRequest, refusal: RequestRefusal) -> SimulatorResponse {
        match refusal {
            RequestRefusal::Unauthorized if request.path == oauth::TOKEN_PATH => {
                oauth::access_denied()
            }
            RequestRefusal::Unauthorized => refusal::unauthenticated(),
            RequestRefusal::RateLimited { retry_after: None } => refusal::queue_full(),
            RequestRefusal::RateLimited {
                retry_after: Some(seconds),
            } => {
                let resets_at = self.clock.now().plus(Duration::from_secs(seconds));
                refusal::hourly_limit(seconds, resets_at.as_secs())
            }
            RequestRefusal::Cancelled => refusal::cancelled(),
        }
    }

    fn inspect(&self, request: &RecordedRequest) {
        // Browsers send the cookies of pages back; the connector opens none.
        let page = request.method == "GET" && !request.path.starts_with("/api/");
        if request.header("cookie").is_some() && !page {
            let violation = format!("a cookie was sent to {}", request.path);
            lock(&self.state).violations.push(violation);
        }
    }

    /// An instance sets session cookies with every answer, also to a bearer token.
    fn add_headers(&self, answer: &mut SimulatorResponse) {
        for cookie in [
            "JSESSIONID=3F2504E04F8911D39A0C0305E82C3301; Path=/; HttpOnly",
            "glide_user_route=glide.1a2b3c; Path=/",
        ] {
            let header = ("set-cookie".to_owned(), cookie.to_owned());
            answer.headers.push(header);
        }
    }

    fn violations(&self) -> Vec<String> {
        lock(&self.state).violations.clone()
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }
}

fn route(
    state: &mut InstanceState,
    request: &RecordedRequest,
    now: Timestamp,
    sandbox: Option<&str>,
) -> SimulatorResponse {
    let parts = request.path.split('/').filter(|part| !part.is_empty());
    let parts: Vec<&str> = parts.collect();
    if request.path == oauth::TOKEN_PATH {
        return oauth::token(state, request, now);
    }
    if request.path == state.rules.revoke_path {
        return oauth::revocation(state, request);
    }
    if let Some(answer) = control::answer(state, request) {
        return answer;
    }
    if !parts.starts_with(&["api", "now"]) {
        return pages::answer(state, request, sandbox)
            .unwrap_or_else(|| SimulatorResponse::html(404, "Page not found"));
    }
    let token = request.authorization.as_deref();
    let Some(caller) = oauth::authenticate(state, token, now) else {
        return refusal::unauthenticated();
    };
    let (version, parts) = match &parts[2..] {
        [version @ ("v1" | "v2"), rest @ ..] => (Some(*version), rest),
        rest => (None, rest),
    };
    let call = ApiCall {
        request,
        caller: &caller,
        now,
        first_version: version == Some("v1"),
    };
    let answer = match parts {
        ["table", table] => table::answer(state, &call, table, None),
        ["table", table, sys_id] => table::answer(state, &call, table, Some(sys_id)),
        ["attachment", rest @ ..] => attachment::answer(state, &call, rest),
        ["email", rest @ ..] => email::answer(state, &call, rest),
        _ => Err(refusal::no_resource(&request.path)),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

#[cfg(test)]
mod tests;
