//! A tenant: its name, and everything its tenant file can say.
//!
//! The same types are read from the TOML file that an operator applies and from the JSON that the table holds.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

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

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for TenantId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<TenantId> for String {
    fn from(id: TenantId) -> Self {
        id.0
    }
}

impl TryFrom<String> for TenantId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a tenant's name is 2 to 40 of a-z 0-9 -")
    }
}

/// A tenant file. Every setting but the tenant, its Rescue company and its ServiceNow instance has a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantFile {
    /// The tenant's name.
    pub tenant: TenantId,
    /// Off: posts are answered `ignored`, PINs and tokens are refused.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The language of notes and e-mails.
    #[serde(default)]
    pub language: Language,
    /// The Rescue side.
    pub rescue: Rescue,
    /// The ServiceNow side.
    pub servicenow: ServiceNow,
    /// What becomes of session details.
    #[serde(default)]
    pub sessions: Sessions,
    /// E-mails and notes about PINs.
    #[serde(default)]
    pub notifications: Notifications,
    /// What support asks to be switched on.
    #[serde(default)]
    pub debug: Debugging,
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
pub struct Rescue {
    /// Which of the vendor's hosts serves the account (docs/vendors.md#rescue-hosts).
    #[serde(default)]
    pub account: Account,
    /// Any other host, instead of `account`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The company id of Global Settings, Single Sign-On: digits.
    pub company_id: String,
    /// A PIN needs a running technician console.
    #[serde(default)]
    pub require_console: bool,
    /// Who may be signed in as, by the domain of the e-mail; empty: anybody.
    #[serde(default)]
    pub technician_domains: Vec<String>,
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
    /// A host outside the ServiceNow domains that the instance may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_host: Option<String>,
    /// How access tokens are obtained.
    #[serde(default)]
    pub grant: Grant,
    /// The client id of the Application Registry record.
    #[serde(default)]
    pub client_id: String,
    /// The user that every write appears as made by.
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
    /// A refresh token, handed over once and renewed from then on.
    #[default]
    RefreshToken,
    /// The service account's password.
    Password,
    /// The client's own credentials.
    ClientCredentials,
}

/// What becomes of session details.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions {
    /// Which session details go to the work notes.
    #[serde(default)]
    pub publish: Publish,
    /// With [`Publish::Selected`]: the Post-to-URL variables.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Where the chat goes.
    #[serde(default)]
    pub chat: Chat,
    /// What a session without a record becomes.
    #[serde(default)]
    pub console_sessions: ConsoleSessions,
    /// What happens when the record is closed.
    #[serde(default)]
    pub closed_records: ClosedRecords,
    /// Further variables to search for a record number.
    #[serde(default)]
    pub reference_fields: Vec<String>,
    /// Believe a `Tracking0` only when this connector signed it.
    #[serde(default = "yes")]
    pub require_signed_tracking: bool,
    /// How long posts wait for a new token before they are dead-lettered.
    #[serde(default = "thirteen_days")]
    pub reauthorization_wait: HumanDuration,
    /// Rescue variable → ServiceNow column, written beside the note.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// How created records look.
    #[serde(default)]
    pub new_record: NewRecord,
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
            reauthorization_wait: thirteen_days(),
            columns: BTreeMap::new(),
            new_record: NewRecord::default(),
        }
    }
}

/// Which session details go to the work notes (official integration, row S10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Publish {
    /// Everything that was posted.
    #[default]
    All,
    /// Only the variables of [`Sessions::fields`].
    Selected,
    /// Nothing is written and no record is created.
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

/// What a session becomes that names no record (official integration, row S9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConsoleSessions {
    /// Nothing: the post is `unmatched` and done with.
    #[default]
    Ignore,
    /// A new incident.
    Incident,
    /// A new case.
    Case,
}

/// What happens when the record is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClosedRecords {
    /// The note is written all the same.
    #[default]
    Note,
    /// The record is opened again with the note.
    Reopen,
    /// A new record of the same table takes the note.
    New,
}

/// How records look that the connector creates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRecord {
    /// The Rescue variable that holds the customer's e-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_field: Option<String>,
    /// Fixed values.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
}

/// E-mails and notes about PINs (official integration, rows S5 and S6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notifications {
    /// E-mail the PIN to the technician.
    #[serde(default = "yes")]
    pub email_technician: bool,
    /// E-mail the link to the customer.
    #[serde(default = "yes")]
    pub email_customer: bool,
    /// Write a work note that a PIN was generated.
    #[serde(default = "yes")]
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

/// What support asks to be switched on (official integration, row S8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debugging {
    /// Log each step of this tenant's requests.
    #[serde(default)]
    pub logging: bool,
    /// Log calls to Rescue, secrets redacted.
    #[serde(default)]
    pub rescue_api: bool,
}

/// A length of time as people write it: `100 days`, `13 days`, `12h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HumanDuration(#[serde(with = "humantime_serde")] Duration);

impl HumanDuration {
    /// That many days.
    pub const fn days(days: u64) -> Self {
        Self(Duration::from_secs(days * 24 * 3600))
    }

    /// The length.
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

const fn thirteen_days() -> HumanDuration {
    HumanDuration::days(13)
}
