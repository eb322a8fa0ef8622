//! Rescue's API: sign-in and PIN codes (protocols A.2). Called by POST form, so that no secret is ever in a URL.

use std::time::Duration;

use http::StatusCode;

use crate::http::transport_reason;
use crate::rescue::host::{Host, HostError};
use crate::rescue::pin::Pin;
use crate::secret::Secret;
use crate::tenant::TenantFile;

/// How long Rescue may take for an answer.
pub const TIMEOUT: Duration = Duration::from_secs(8);

/// The custom fields that a PIN can carry.
pub const FIELD_NAMES: [&str; 6] = [
    "cfield0", "cfield1", "cfield2", "cfield3", "cfield4", "cfield5",
];

/// The longest values that Rescue takes in them, in characters (protocols A.2.3).
pub const FIELD_LIMITS: [usize; 6] = [64, 512, 512, 256, 64, 64];

/// What Rescue says instead of `OK` (protocols A.2.2, A.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the vendor's own words")]
pub enum Refusal {
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
    /// A word that is not documented.
    Other,
}

impl Refusal {
    const WORDS: [(&str, Self); 11] = [
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

    /// The vendor's own word, for people who look it up.
    pub fn word(self) -> &'static str {
        let words = Self::WORDS.into_iter();
        let found = words.into_iter().find(|(_, refusal)| *refusal == self);
        found.map_or("a word that is not documented", |(word, _)| word)
    }
}

/// Why Rescue gave nothing, by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RescueError {
    /// It answered, and refused.
    #[error("Rescue answered {0:?}")]
    Refused(Refusal),
    /// It did not answer as it should; trying again may help.
    #[error("Rescue: {0}")]
    Unavailable(String),
    /// The tenant's `base_url` may not be called.
    #[error("the tenant's rescue.base_url {0}")]
    Misconfigured(#[from] HostError),
}

/// What a PIN is asked for with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PinFields {
    /// `cfield0` to `cfield5`; empty ones are not sent.
    pub custom: [String; 6],
    /// `tracking0`, at most 64 characters.
    pub tracking0: String,
    /// Whether the technician's console has to be running.
    pub require_console: bool,
    /// The technician that the PIN is made for, where that is not whoever is signed in.
    pub node_id: Option<String>,
}

/// Whoever an authcode or an API token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The e-mail address.
    pub email: String,
    /// Whether there is a technician seat, without which no PIN is given.
    pub technician: bool,
}

/// Calls the tenants' Rescue hosts.
#[derive(Clone, Debug)]
pub struct Api {
    http: reqwest::Client,
    endpoint: Option<String>,
    allow_loopback: bool,
}

impl Api {
    /// Calls by that client. `endpoint` (`RESCUE_ENDPOINT_URL`, only for tests) is called instead of every host.
    pub const fn new(
        http: reqwest::Client,
        endpoint: Option<String>,
        allow_loopback: bool,
    ) -> Self {
        Self {
            http,
            endpoint,
            allow_loopback,
        }
    }

    /// The tenant's own host, which links lead to.
    ///
    /// # Errors
    /// When the tenant's `base_url` is not one that may be called.
    pub fn host(&self, tenant: &TenantFile) -> Result<Host, HostError> {
        Host::of(&tenant.rescue, self.allow_loopback)
    }

    /// Signs in as a technician: `requestAuthCodeSSO`. The new authcode replaces whatever the technician had before.
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
            .map(Secret::from)
            .ok_or_else(|| RescueError::Unavailable("OK without an authcode".to_owned()))
    }

    /// Asks for a PIN: `requestPINCode`, or its third version when a node id is given.
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
        let mut method = "requestPINCode";
        if let Some(node_id) = &fields.node_id {
            method = "requestPINCode_v3";
            form.push(("NodeId", node_id));
        }
        let body = self.call(tenant, method, &form, timeout).await?;
        after(&body, "PINCODE:")
            .and_then(Pin::parse)
            .ok_or_else(|| RescueError::Unavailable("OK without a PIN".to_owned()))
    }

    /// Whoever an authcode or an API token belongs to: `getAccount`. Changes nothing.
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
        Ok(Account {
            email: value("Email:").unwrap_or_default().to_owned(),
            technician: value("TechID:").is_some_and(|id| id != "0"),
        })
    }

    /// One call. The answer is the text of one that begins with `OK`.
    async fn call(
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
            .timeout(timeout.min(TIMEOUT));
        let outcome = async {
            let answer = sent.send().await.map_err(|error| transport(&error))?;
            let status = answer.status();
            let body = answer.text().await.map_err(|error| transport(&error))?;
            match status {
                StatusCode::OK => read(body),
                StatusCode::TOO_MANY_REQUESTS => {
                    Err(RescueError::Refused(Refusal::PollRateExceeded))
                }
                other => Err(RescueError::Unavailable(other.as_str().to_owned())),
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

/// A form as a log may show it: which fields, who is signed in and what else decides about the answer; no secret, and
/// nothing of the customer's.
fn redacted(form: &[(&str, &str)]) -> String {
    let shown = form.iter().map(|(name, value)| match *name {
        "notechconsole" | "company" | "NodeId" | "ssoid" => format!("{name}={value}"),
        "pwd" | "authcode" => format!("{name}=[redacted]"),
        _ => format!("{name}=[{} characters]", value.chars().count()),
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn transport(error: &reqwest::Error) -> RescueError {
    RescueError::Unavailable(transport_reason(error).to_owned())
}

/// The first word decides: `OK`, or why not (protocols A.2.1).
fn read(body: String) -> Result<String, RescueError> {
    let word = body
        .trim_start_matches('\u{feff}')
        .trim_start()
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .next()
        .unwrap_or_default();
    if word.eq_ignore_ascii_case("OK") {
        return Ok(body);
    }
    let refusal = Refusal::WORDS
        .into_iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(word))
        .map_or(Refusal::Other, |(_, refusal)| refusal);
    Err(RescueError::Refused(refusal))
}

/// The value after a label, wherever it stands, with or without a blank in between.
fn after<'a>(body: &'a str, label: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(label)?;
    rest.split_whitespace().next()
}

/// The value of a line that begins with a label; one line's value may look like another line's label.
fn after_line_start<'a>(body: &'a str, label: &str) -> Option<&'a str> {
    let value = body
        .lines()
        .find_map(|line| line.trim_start().strip_prefix(label))?;
    Some(value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accounts_lines_are_told_apart() {
        let body =
            "OK\r\n\r\nOrganization:TechID:0\r\nTechID:4455667\r\nEmail:ana.ruiz@acme.test\r\n";
        assert_eq!(after_line_start(body, "TechID:"), Some("4455667"));
        assert_eq!(after_line_start(body, "Email:"), Some("ana.ruiz@acme.test"));
        assert_eq!(after_line_start(body, "AdminID:"), None);
    }

    #[test]
    fn an_answer_is_read_whatever_stands_between_its_parts() {
        for body in [
            "OK\n\nPINCODE:012345",
            "OK\r\nPINCODE:012345\r\n",
            "\u{feff}OK PINCODE: 012345",
            "ok\n\nPINCODE:012345\n",
        ] {
            let read = read(body.to_owned()).expect(body);
            let pin = after(&read, "PINCODE:").and_then(Pin::parse).expect(body);
            assert_eq!(pin.expose(), "012345", "{body:?}");
        }
    }

    #[test]
    fn every_documented_word_is_told_from_the_others() {
        for (word, refusal) in Refusal::WORDS {
            for body in [word.to_owned(), format!("{word}\r\n"), format!("{word}: x")] {
                assert_eq!(
                    read(body.clone()),
                    Err(RescueError::Refused(refusal)),
                    "{body:?}"
                );
            }
            assert_eq!(refusal.word(), word);
        }
        for other in ["", "<html>OK</html>", "OKAY", "SOMETHING_NEW"] {
            let outcome = read(other.to_owned());
            assert_eq!(
                outcome,
                Err(RescueError::Refused(Refusal::Other)),
                "{other:?}"
            );
        }
    }

    #[test]
    fn a_log_line_shows_neither_secrets_nor_the_customers_name() {
        let form = [
            ("pwd", "hunter2"),
            ("authcode", "abc"),
            ("cfield0", "Paul Martin"),
            ("company", "112938"),
        ];
        assert_eq!(
            redacted(&form),
            "pwd=[redacted] authcode=[redacted] cfield0=[11 characters] company=112938"
        );
        let pin = Pin::parse("012345").expect("a PIN");
        assert_eq!(format!("{pin:?}"), "[redacted]");
    }
}
