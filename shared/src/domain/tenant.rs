//! A tenant's name and its tenant file: the TOML file that an operator applies, and the JSON in the tenants' table.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::checked_text::checked_text;
use crate::domain::record::TableName;
use crate::domain::record_tables::RecordTables;

/// A tenant's name: `[a-z0-9-]{2,40}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(String);

impl TenantId {
    /// Reads a tenant's name; `None` when it has other characters or another length.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        ((2..=40).contains(&text.len()) && text.bytes().all(allowed)).then(|| Self(text.to_owned()))
    }
}

checked_text!(TenantId, "a tenant's name is 2 to 40 of a-z 0-9 -");

/// A tenant file. Every setting but the tenant and its ServiceNow instance has a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantFile {
    /// The tenant's name.
    pub tenant: TenantId,
    /// When false, posts are answered `ignored`, and PINs and tokens are refused.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The language of notes and e-mails.
    #[serde(default)]
    pub language: Language,
    /// The Rescue side.
    #[serde(default)]
    pub rescue: Rescue,
    /// The ServiceNow side.
    pub servicenow: ServiceNow,
    /// The delivery of session details.
    #[serde(default)]
    pub sessions: Sessions,
    /// What the file says about tables, by their names; [`TenantFile::record_tables`] reads it.
    // As JSON, so that functions that use no tables do not grow (decision 0008).
    #[serde(default)]
    pub tables: Map<String, Value>,
    /// E-mails and notes about PINs.
    #[serde(default)]
    pub notifications: Notifications,
    /// Additional logging.
    #[serde(default)]
    pub debug: Debugging,
}

impl TenantFile {
    /// The tables that the tenant works with.
    pub fn record_tables(&self) -> RecordTables {
        RecordTables::of(&self.tables)
    }
}

/// The languages that notes and e-mails are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each variant is its ISO 639-1 code")]
pub enum Language {
    #[default]
    En,
    Fr,
    De,
    Es,
    It,
    Pt,
    Nl,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 7] = [
        Self::En,
        Self::Fr,
        Self::De,
        Self::Es,
        Self::It,
        Self::Pt,
        Self::Nl,
    ];
}

/// The Rescue account of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rescue {
    /// Which of the vendor's hosts serves the account (docs/vendors.md#rescue-hosts).
    pub account: Account,
    /// Another host, instead of `account`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The company id of Global Settings, Single Sign-On: digits. Empty while the tenant is being set up.
    pub company_id: String,
    /// Whether a PIN requires a running technician console.
    pub require_console: bool,
    /// The e-mail domains of the technicians that the connector signs in as. Empty: all domains.
    pub technician_domains: Vec<String>,
    /// What happens to sessions that Rescue never posted.
    pub reconcile: Reconcile,
    /// How long after its end a session counts as missed.
    pub reconcile_after: HumanDuration,
    /// The SSO id of the technician whose session report is read. Not needed where the tenant has an API token.
    pub report_technician: String,
    /// The ids of the technicians, technician groups and channels whose sessions are the tenant's. Empty: the whole account.
    pub report_nodes: Vec<String>,
}

impl Default for Rescue {
    fn default() -> Self {
        Self {
            account: Account::default(),
            base_url: None,
            company_id: String::new(),
            require_console: false,
            technician_domains: Vec::new(),
            reconcile: Reconcile::default(),
            reconcile_after: HumanDuration::hours(2),
            report_technician: String::new(),
            report_nodes: Vec::new(),
        }
    }
}

impl Rescue {
    /// Whether both name the same account in the same words.
    pub fn is_same_account(&self, other: &Self) -> bool {
        self.account == other.account
            && self.base_url == other.base_url
            && self.company_id == other.company_id
    }
}

/// What happens to sessions that Rescue never posted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reconcile {
    /// They are not looked for.
    #[default]
    Off,
    /// They are counted and shown.
    Watch,
    /// They are written as well.
    Write,
}

/// The vendor's hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Account {
    /// `secure.logmeinrescue.com`
    #[default]
    Global,
    /// `secure.logmeinrescue.eu`
    Eu,
    /// `secure.logmeinrescue-enterprise.com`
    Enterprise,
}

/// The ServiceNow instance of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceNow {
    /// The instance's base URL, `https` and without a path.
    pub instance: String,
    /// The instance's host, where it is outside the ServiceNow domains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_host: Option<String>,
    /// How access tokens are obtained.
    #[serde(default)]
    pub grant: Grant,
    /// The client id of the Application Registry record. Empty while the tenant is being set up.
    #[serde(default)]
    pub client_id: String,
    /// The user that creates and updates records.
    #[serde(default)]
    pub service_account: String,
    /// The registry record's refresh token lifespan.
    #[serde(default = "hundred_days")]
    pub refresh_token_lifetime: HumanDuration,
}

/// The OAuth grants of ServiceNow's token endpoint (docs/vendors.md#token-endpoint).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// A refresh token, handed over once and renewed by `rotate-tokens`.
    #[default]
    RefreshToken,
    /// The service account's password.
    Password,
    /// The client's own credentials.
    ClientCredentials,
}

/// The delivery of session details.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sessions {
    /// The session details in the work notes.
    pub publish: Publish,
    /// With [`Publish::Selected`]: the Post-to-URL variables.
    pub fields: Vec<String>,
    /// Where the chat goes.
    pub chat: Chat,
    /// The record of a session that names none.
    pub console_sessions: ConsoleSessions,
    /// Where the note goes when the record is closed.
    pub closed_records: ClosedRecords,
    /// More variables that may hold a record number.
    pub reference_fields: Vec<String>,
    /// Whether `Tracking0` counts only with this connector's signature.
    pub require_signed_tracking: bool,
    /// How long posts wait for re-authorisation before they become dead letters.
    pub reauthorization_wait: HumanDuration,
    /// The table that gets one row for each session. Empty: none.
    pub session_table: String,
    /// Rescue variable → ServiceNow column, written beside the note; [`Sessions::written_columns`] reads it.
    pub columns: Map<String, Value>,
    /// The values of created records.
    pub new_record: NewRecord,
}

impl Sessions {
    /// The variables that are written into columns, each with its column.
    pub fn written_columns(&self) -> impl Iterator<Item = (&str, Column)> {
        let columns = self.columns.iter();
        columns.filter_map(|(variable, entry)| Some((variable.as_str(), Column::parse(entry)?)))
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            publish: Publish::default(),
            fields: Vec::new(),
            chat: Chat::default(),
            console_sessions: ConsoleSessions::default(),
            closed_records: ClosedRecords::default(),
            reference_fields: Vec::new(),
            require_signed_tracking: true,
            reauthorization_wait: HumanDuration::days(13),
            session_table: String::new(),
            columns: Map::new(),
            new_record: NewRecord::default(),
        }
    }
}

/// The session details in the work notes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Publish {
    /// Everything that was posted.
    #[default]
    All,
    /// Only the variables of [`Sessions::fields`].
    Selected,
    /// No note, and no created record.
    None,
}

/// Where the chat goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Chat {
    /// Into the work note.
    #[default]
    Note,
    /// Into a text attachment.
    Attachment,
    /// Nowhere.
    Omit,
}

/// The record of a session that names none: `ignore` or a table's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ConsoleSessions {
    /// None: the post ends as `unmatched`.
    #[default]
    Ignore,
    /// A new record of this table.
    Create(TableName),
}

impl ConsoleSessions {
    /// Reads `ignore` or a table's name.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "ignore" {
            Some(Self::Ignore)
        } else {
            TableName::parse(text).map(Self::Create)
        }
    }
}

impl TryFrom<String> for ConsoleSessions {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("ignore or a table's name")
    }
}

/// The word of earlier releases for `sn_customerservice_case` stays, so that they can read what a newer one stored.
impl From<ConsoleSessions> for String {
    fn from(sessions: ConsoleSessions) -> Self {
        match sessions {
            ConsoleSessions::Ignore => "ignore".to_owned(),
            ConsoleSessions::Create(table) if table.is_case() => "case".to_owned(),
            ConsoleSessions::Create(table) => table.into(),
        }
    }
}

/// A ServiceNow column and what it holds: `"u_platform"` or `{ column = "time_worked", as = "duration" }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// How the variable's value is written.
    pub kind: ColumnKind,
}

/// How a variable's value is written into a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// As it is.
    Text,
    /// A whole number.
    Integer,
    /// A duration, from whole seconds.
    Duration,
}

impl ColumnKind {
    /// The words of the settings.
    pub const WORDS: [&str; 3] = ["text", "integer", "duration"];
}

impl std::fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Integer => "whole number",
            Self::Duration => "duration in whole seconds",
        })
    }
}

impl Column {
    /// Reads an entry of `[sessions.columns]`.
    fn parse(entry: &Value) -> Option<Self> {
        let (name, kind) = match entry {
            Value::Object(typed) => (typed.get("column")?, typed.get("as")),
            name => (name, None),
        };
        let kind = match kind.and_then(Value::as_str) {
            Some("duration") => ColumnKind::Duration,
            Some("integer") => ColumnKind::Integer,
            _ => ColumnKind::Text,
        };
        let name = name.as_str()?.to_owned();
        Some(Self { name, kind })
    }
}

/// Where the note goes when the record is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClosedRecords {
    /// To the closed record.
    #[default]
    Note,
    /// To the record, which is reopened.
    Reopen,
    /// To a new record of the same table.
    New,
}

/// The values of records that the connector creates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewRecord {
    /// The Rescue variable that holds the customer's e-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller_field: Option<String>,
    /// Fixed values.
    pub columns: BTreeMap<String, String>,
}

/// E-mails and notes about PINs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notifications {
    /// E-mail the PIN to the technician.
    pub email_technician: bool,
    /// E-mail the link to the customer.
    pub email_customer: bool,
    /// Write a work note that a PIN was generated.
    pub pin_note: bool,
}

impl Default for Notifications {
    fn default() -> Self {
        Self {
            email_technician: true,
            email_customer: true,
            pin_note: true,
        }
    }
}

/// Additional logging.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Debugging {
    /// Log each step of this tenant's requests.
    pub logging: bool,
    /// Log calls to Rescue, secrets redacted.
    pub rescue_api: bool,
}

/// A duration as people write it: `100 days`, `12h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HumanDuration(#[serde(with = "humantime_serde")] Duration);

impl HumanDuration {
    /// That many days.
    pub const fn days(days: u64) -> Self {
        Self(Duration::from_secs(days * 24 * 3600))
    }

    /// That many hours.
    pub const fn hours(hours: u64) -> Self {
        Self(Duration::from_secs(hours * 3600))
    }

    /// As the standard library's type.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

const fn yes() -> bool {
    true
}

const fn hundred_days() -> HumanDuration {
    HumanDuration::days(100)
}
