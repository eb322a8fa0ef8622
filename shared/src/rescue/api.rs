//! Rescue's API: sign-in and PIN codes (docs/vendors.md#rescue-api-answers). Called by POST form, so that no URL holds a
//! secret.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use crate::cache::BoundedCache;
use crate::domain::secret::Secret;
use crate::domain::tenant::{Account as AccountType, TenantFile};
use crate::http::{LONGEST_ANSWER, transport_reason};
use crate::rescue::host::{Host, HostError};
use crate::rescue::pin::Pin;

/// How long Rescue may take for an answer.
pub const TIMEOUT: Duration = Duration::from_secs(8);

/// The custom fields that a PIN can carry.
pub const FIELD_NAMES: [&str; 6] = [
    "cfield0", "cfield1", "cfield2", "cfield3", "cfield4", "cfield5",
];

/// The longest values that Rescue takes in them, in characters (docs/vendors.md#pin-codes).
pub const FIELD_LIMITS: [usize; 6] = [64, 512, 512, 256, 64, 64];

/// Rescue's answers other than `OK` (docs/vendors.md#rescue-sign-in, docs/vendors.md#pin-codes).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the vendor's own names")]
pub enum RescueRefusal {
    Invalid,
    Error,
    InvalidParamCompany,
    NotLoggedIn,
    NotTechnician,
    NoTechConsoleRunning,
    OutOfPinCodes,
    PollRateExceeded,
    InvalidSecretAuthCode,
    UserIsDeleted,
    UserDeletedOrDisabled,
    /// The account does not allow calls from the caller's address. The vendor publishes the name of this refusal for SOAP
    /// alone (`login_GlobalIpRestricted`), so that any code with this meaning counts.
    IpRestricted(String),
    /// A code that is not documented: capital letters and underscores, 40 at most.
    Other(String),
}

impl RescueRefusal {
    const CODES: [(&str, Self); 11] = [
        ("INVALID", Self::Invalid),
        ("ERROR", Self::Error),
        ("INVALIDPARAM_COMPANY", Self::InvalidParamCompany),
        ("NOTLOGGEDIN", Self::NotLoggedIn),
        ("NOTTECHNICIAN", Self::NotTechnician),
        ("NOTECHCONSOLERUNNING", Self::NoTechConsoleRunning),
        ("OUTOFPINCODES", Self::OutOfPinCodes),
        ("POLLRATEEXCEEDED", Self::PollRateExceeded),
        ("INVALID_SECRETAUTHCODE", Self::InvalidSecretAuthCode),
        ("USER_IS_DELETED", Self::UserIsDeleted),
        ("USER_DELETED_OR_DISABLED", Self::UserDeletedOrDisabled),
    ];

    /// The vendor's own name, to look up in its documentation.
    pub fn code(&self) -> &str {
        match self {
            Self::IpRestricted(code) | Self::Other(code) => code,
            known => {
                let mut known_codes = Self::CODES.iter();
                let found = known_codes.find(|(_, refusal)| refusal == known);
                found.map_or("", |(code, _)| *code)
            }
        }
    }

    /// The refusal of that code; `None` when it cannot be one of Rescue's API.
    fn read(code: &str) -> Option<Self> {
        let known = |(known, _): &(&str, Self)| known.eq_ignore_ascii_case(code);
        if let Some((_, refusal)) = Self::CODES.into_iter().find(known) {
            return Some(refusal);
        }
        let in_a_code = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
        if !(1..=40).contains(&code.len()) || !code.bytes().all(in_a_code) {
            return None;
        }
        Some(if code.replace('_', "").contains("IPRESTRICTED") {
            Self::IpRestricted(code.to_owned())
        } else {
            Self::Other(code.to_owned())
        })
    }
}

/// Why a call to Rescue failed, by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RescueError {
    /// Rescue refused the request.
    #[error("Rescue answered {}", .0.code())]
    Refused(RescueRefusal),
    /// A web page instead of the API's plain text: maintenance, a proxy, another host, or no such method.
    #[error("Rescue answered with a web page instead of its API's text (HTTP status {0})")]
    Page(u16),
    /// Rescue did not answer, or not as documented; trying again may help.
    #[error("Rescue: {0}")]
    Unavailable(String),
    /// The tenant's `base_url` may not be called.
    #[error("the tenant's rescue.base_url {0}")]
    Misconfigured(#[from] HostError),
}

/// The fields of a request for a PIN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PinFields {
    /// `cfield0` to `cfield5`; empty ones are not sent.
    pub custom: [String; 6],
    /// `tracking0`, at most 64 characters.
    pub tracking0: String,
    /// Whether the technician's console has to be running.
    pub require_console: bool,
    /// The node id of the PIN's technician, where that is not the one who is signed in.
    pub node_id: Option<String>,
}

/// The Rescue user of an authcode or an API token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The e-mail address.
    pub email: String,
    /// Whether the user has a technician seat, which a PIN requires.
    pub technician: bool,
}

/// Calls the tenants' Rescue hosts. Clones share the list of hosts without the second version about the hosts.
#[derive(Clone, Debug)]
pub struct RescueClient {
    http: reqwest::Client,
    endpoint: Option<String>,
    allow_loopback: bool,
    /// The EU hosts that do not have [`PIN_OF_EU_SERVERS`].
    without_second_version: Arc<BoundedCache<String, ()>>,
}

/// The first version of the method that makes a PIN.
const PIN: &str = "requestPINCode";
/// The version for EU servers (the vendor's page of that method).
const PIN_OF_EU_SERVERS: &str = "requestPINCode_v2";
/// The version that accepts a node id.
const PIN_OF_A_NODE: &str = "requestPINCode_v3";

impl RescueClient {
    /// `endpoint` (`RESCUE_ENDPOINT_URL`, only for tests) is called instead of every host.
    pub fn new(http: reqwest::Client, endpoint: Option<String>, allow_loopback: bool) -> Self {
        Self {
            http,
            endpoint,
            allow_loopback,
            without_second_version: Arc::default(),
        }
    }

    /// The tenant's own host, which links lead to.
    ///
    /// # Errors
    /// When the tenant's `base_url` may not be called.
    pub fn host(&self, tenant: &TenantFile) -> Result<Host, HostError> {
        Host::of(&tenant.rescue, self.allow_loopback)
    }

    /// Signs in as a technician: `requestAuthCodeSSO`. The new authcode ends the technician's previous one.
    ///
    /// # Errors
    /// As [`RescueError`] says.
    pub async fn sign_in(
        &self,
        tenant: &TenantFile,
        sso_id: &str,
        password: &Secret,
        timeout: Duration,
    ) -> Result<Secret, RescueError> {
        let form = [
            ("ssoid", sso_id),
            ("pwd", password.expose()),
            ("company", tenant.rescue.company_id.as_str()),
        ];
        let body = self
            .call(tenant, "requestAuthCodeSSO", &form, timeout)
            .await?;
        after(&body, "AUTHCODE:")
            .and_then(|rest| rest.split_whitespace().next())
            .map(Secret::from)
            .ok_or_else(|| RescueError::Unavailable("OK without an authcode".to_owned()))
    }

    /// Requests a PIN: `requestPINCode`, its second version on an EU server that has it, its third with a node id. One
    /// call; two the first time on an EU server without the second version.
    ///
    /// # Errors
    /// As [`RescueError`] says.
    pub async fn pin(
        &self,
        tenant: &TenantFile,
        authcode: &Secret,
        fields: &PinFields,
        timeout: Duration,
    ) -> Result<Pin, RescueError> {
        let without_console = if fields.require_console { "0" } else { "1" };
        let mut form = vec![
            ("authcode", authcode.expose()),
            ("notechconsole", without_console),
            ("tracking0", &fields.tracking0),
        ];
        let custom = FIELD_NAMES.into_iter().zip(&fields.custom);
        form.extend(
            custom
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (name, value.as_str())),
        );
        let body = if let Some(node_id) = &fields.node_id {
            form.push(("NodeId", node_id));
            self.call(tenant, PIN_OF_A_NODE, &form, timeout).await?
        } else {
            self.call_for_pin(tenant, &form, timeout).await?
        };
        after(&body, "PINCODE:")
            .and_then(leading_pin)
            .ok_or_else(|| RescueError::Unavailable("OK without a PIN".to_owned()))
    }

    /// The version of `requestPINCode` that the tenant's server has.
    async fn call_for_pin(
        &self,
        tenant: &TenantFile,
        form: &[(&str, &str)],
        timeout: Duration,
    ) -> Result<String, RescueError> {
        let host = self.host(tenant)?;
        let in_the_eu = tenant.rescue.account == AccountType::Eu || host.is_in_the_eu();
        let host = host.as_str().to_owned();
        let known = &self.without_second_version;
        if !in_the_eu || known.get(&host).is_some() {
            return self.call(tenant, PIN, form, timeout).await;
        }
        let until = Instant::now() + timeout;
        let outcome = self.call(tenant, PIN_OF_EU_SERVERS, form, timeout).await;
        if !matches!(outcome, Err(RescueError::Page(_))) {
            return outcome;
        }
        let left = until.saturating_duration_since(Instant::now());
        let outcome = self.call(tenant, PIN, form, left).await;
        // Two pages are no proof that the method is missing.
        if matches!(outcome, Ok(_) | Err(RescueError::Refused(_))) {
            known.insert(host, ());
        }
        outcome
    }

    /// The user of an authcode or an API token: `getAccount`. Changes nothing.
    ///
    /// # Errors
    /// As [`RescueError`] says.
    pub async fn account(
        &self,
        tenant: &TenantFile,
        authcode: &Secret,
        timeout: Duration,
    ) -> Result<Account, RescueError> {
        let form = [("authcode", authcode.expose())];
        let body = self.call(tenant, "getAccount", &form, timeout).await?;
        let value = |label: &str| after_line_start(&body, label);
        let (Some(email), Some(technician_id)) = (value("Email:"), value("TechID:")) else {
            return Err(RescueError::Unavailable("OK without an account".to_owned()));
        };
        Ok(Account {
            email: email.to_owned(),
            technician: technician_id != "0",
        })
    }

    /// One call that takes [`TIMEOUT`] at most.
    async fn call(
        &self,
        tenant: &TenantFile,
        method: &str,
        form: &[(&str, &str)],
        timeout: Duration,
    ) -> Result<String, RescueError> {
        let timeout = timeout.min(TIMEOUT);
        self.call_within(tenant, method, form, timeout).await
    }

    /// One call. Returns the text of an answer that begins with `OK`.
    pub(super) async fn call_within(
        &self,
        tenant: &TenantFile,
        method: &str,
        form: &[(&str, &str)],
        timeout: Duration,
    ) -> Result<String, RescueError> {
        let host = match &self.endpoint {
            Some(endpoint) => Host::parse(endpoint, self.allow_loopback)?,
            None => self.host(tenant)?,
        };
        let sent = self
            .http
            .post(host.page(method))
            .form(form)
            .timeout(timeout);
        let outcome = async {
            let unavailable = |reason: &str| RescueError::Unavailable(reason.to_owned());
            let answer = sent.send().await;
            let answer = answer.map_err(|error| unavailable(transport_reason(&error)))?;
            let status = answer.status();
            let body = crate::http::body(answer, LONGEST_ANSWER).await;
            let body = body.map_err(|error| unavailable(&error.to_string()))?;
            match status {
                StatusCode::OK => read(&String::from_utf8_lossy(&body)),
                StatusCode::TOO_MANY_REQUESTS => {
                    Err(RescueError::Refused(RescueRefusal::PollRateExceeded))
                }
                StatusCode::NOT_FOUND => Err(RescueError::Page(404)),
                other => Err(unavailable(&format!("HTTP status {}", other.as_u16()))),
            }
        };
        let outcome = outcome.await;
        if tenant.debug.rescue_api {
            let answer = match &outcome {
                Ok(_) => "OK".to_owned(),
                Err(error) => error.to_string(),
            };
            let form = redacted(form);
            tracing::info!(tenant = %tenant.tenant, method, form, answer, "call to Rescue");
        }
        outcome
    }
}

/// A form for the log: its fields, and the values that are neither secret nor about a person.
fn redacted(form: &[(&str, &str)]) -> String {
    let shown = form.iter().map(|(name, value)| match *name {
        "notechconsole" | "company" | "NodeId" => format!("{name}={value}"),
        "pwd" | "authcode" => format!("{name}=[redacted]"),
        _ => format!("{name}=[{} characters]", value.chars().count()),
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// Reads an answer by its first word: `OK` or a refusal (docs/vendors.md#rescue-api-answers).
fn read(body: &str) -> Result<String, RescueError> {
    let text = body.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('<') {
        return Err(RescueError::Page(200));
    }
    let word = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .next()
        .unwrap_or_default();
    if word.eq_ignore_ascii_case("OK") {
        return Ok(text.to_owned());
    }
    let unknown =
        || RescueError::Unavailable("it answered with no word that it is known to use".to_owned());
    Err(RescueRefusal::read(word).map_or_else(unknown, RescueError::Refused))
}

/// The text after a label, without leading blanks.
fn after<'a>(body: &'a str, label: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(label)?;
    Some(rest.trim_start())
}

/// The PIN that a text begins with: six digits, and no seventh.
fn leading_pin(text: &str) -> Option<Pin> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    Pin::parse(text.get(..end.unwrap_or(text.len()))?)
}

/// The value of the line that begins with a label; a value may contain the text of another label.
pub(super) fn after_line_start<'a>(body: &'a str, label: &str) -> Option<&'a str> {
    let value = body
        .lines()
        .find_map(|line| line.trim_start().strip_prefix(label))?;
    Some(value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accounts_lines_are_distinguished() {
        let body =
            "OK\r\n\r\nOrganization:TechID:0\r\nTechID:4455667\r\nEmail:ana.ruiz@acme.test\r\n";
        assert_eq!(after_line_start(body, "TechID:"), Some("4455667"));
        assert_eq!(after_line_start(body, "Email:"), Some("ana.ruiz@acme.test"));
        assert_eq!(after_line_start(body, "AdminID:"), None);
    }

    #[test]
    fn an_answer_is_read_with_any_separator_between_its_parts() {
        for body in [
            "OK\n\nPINCODE:012345",
            "OK\r\nPINCODE:012345\r\n",
            "\u{feff}OK PINCODE: 012345",
            "ok\n\nPINCODE:012345\n",
            "OK\n\nPINCODE:012345<br>",
        ] {
            let read = read(body).expect(body);
            let pin = after(&read, "PINCODE:").and_then(leading_pin).expect(body);
            assert_eq!(pin.expose(), "012345", "{body:?}");
        }
    }

    #[test]
    fn a_pin_is_six_digits_and_not_a_part_of_more() {
        for text in [
            "12345",
            "1234567",
            "0123456789",
            "",
            "-123456",
            "12345a",
            "١٢٣٤٥٦",
        ] {
            assert_eq!(leading_pin(text), None, "{text}");
        }
        for text in ["123456", "123456 7", "123456\r\n", "123456<br>"] {
            assert!(leading_pin(text).is_some(), "{text}");
        }
    }

    #[test]
    fn every_documented_code_is_distinguished_from_the_others() {
        for (code, refusal) in RescueRefusal::CODES {
            for body in [code.to_owned(), format!("{code}\r\n"), format!("{code}: x")] {
                let refused = RescueError::Refused(refusal.clone());
                assert_eq!(read(&body), Err(refused), "{body:?}");
            }
            assert_eq!(refusal.code(), code);
        }
    }

    #[test]
    fn a_code_that_is_not_documented_is_kept_as_it_came() {
        let other = |code: &str| Err(RescueError::Refused(RescueRefusal::Other(code.to_owned())));
        assert_eq!(read("OKAY"), other("OKAY"));
        assert_eq!(read("SOMETHING_NEW: 17"), other("SOMETHING_NEW"));
        for code in ["GLOBALIPRESTRICTED", "GLOBAL_IP_RESTRICTED", "IPRESTRICTED"] {
            let restricted = RescueRefusal::IpRestricted(code.to_owned());
            assert_eq!(read(code), Err(RescueError::Refused(restricted)));
        }
        let long = "A".repeat(41);
        for text in ["", "Paul Martin", "SECRET123", long.as_str(), "{}"] {
            let outcome = read(text);
            assert!(
                matches!(outcome, Err(RescueError::Unavailable(_))),
                "{text} {outcome:?}"
            );
        }
    }

    #[test]
    fn a_page_is_distinguished_from_a_refusal() {
        for page in ["<html>OK</html>", "\u{feff}\r\n<!DOCTYPE html>", "<?xml?>"] {
            assert_eq!(read(page), Err(RescueError::Page(200)), "{page}");
        }
    }

    #[test]
    fn a_log_line_shows_neither_secrets_nor_people() {
        let form = [
            ("pwd", "hunter2"),
            ("authcode", "abc"),
            ("cfield0", "Paul Martin"),
            ("company", "112938"),
            ("ssoid", "ana.ruiz@acme.test"),
        ];
        assert_eq!(
            redacted(&form),
            "pwd=[redacted] authcode=[redacted] cfield0=[11 characters] company=112938 ssoid=[18 characters]"
        );
        let pin = Pin::parse("012345").expect("a PIN");
        assert_eq!(format!("{pin:?}"), "[redacted]");
    }
}
