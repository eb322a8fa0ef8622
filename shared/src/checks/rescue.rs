//! Rescue: its host, single sign-on, and the API token.

use std::time::Duration;

use super::examination::Examination;
use super::finding::Finding;
use crate::domain::secret_name::SecretName;
use crate::rescue::api::{RescueError, RescueRefusal, TIMEOUT};
use crate::rescue::authcodes::{RescueCredential, SignInError};
use crate::rescue::host::Host;

/// The setting by its name in words.
const COMPANY_ID: &str =
    "the company id (rescue.company_id), which Rescue's Global Settings show under Single Sign-On,";

impl Examination {
    /// How long Rescue may take for an answer now.
    fn answer_in(&self) -> Duration {
        TIMEOUT.min(self.budget().left())
    }

    /// What holds the settings.
    fn settings(&self) -> String {
        self.reader.choose("tenant file", "connector's settings")
    }

    /// What calls Rescue.
    fn caller(&self) -> String {
        self.reader.choose("this computer", "the connector")
    }

    /// Whether the host of the tenant's account answers; no secret is sent.
    pub(super) async fn rescue_host(&self) -> Finding {
        let loopback = self.testing.allow_loopback;
        let host = match &self.testing.rescue_endpoint_url {
            Some(endpoint) => Host::parse(endpoint, loopback),
            None => Host::of(&self.file().rescue, loopback),
        };
        let host = match host {
            Ok(host) => host,
            Err(error) => {
                return Finding::failed(
                    format!("rescue.base_url {error}"),
                    self.reader.choose(
                        "Correct rescue.base_url in the tenant file, or take it out and set account, and apply it again.",
                        "Ask the operator of the connector to correct rescue.base_url.",
                    ),
                );
            }
        };
        let name = host.as_str().trim_end_matches('/');
        let page = format!("{name}/Customer/Code.aspx");
        let wrong_host = format!(
            "Check rescue.account (global, eu, enterprise) or rescue.base_url in the {}: it is the host that technicians \
             sign in at.",
            self.settings()
        );
        match self.send(self.http.get(page)).await {
            Ok(answer) if answer.status >= 500 => Finding::failed(
                format!("{name} answers {}", answer.status),
                "Rescue fails; see its status page, and try again later.",
            ),
            Ok(answer) if answer.status >= 400 => Finding::warning(
                format!("{name} answers {} to its PIN page", answer.status),
                wrong_host,
            ),
            Ok(answer) => Finding::ok(format!("{name} answers in {} ms", answer.took.as_millis())),
            Err(reason) => Finding::failed(
                format!("{name}: {reason}"),
                format!(
                    "{wrong_host} Then check that {} may reach it (proxy, firewall).",
                    self.caller()
                ),
            ),
        }
    }

    /// Signs in as the technician and shares the new authcode, because it invalidates the one that was shared before
    /// (docs/vendors.md#rescue-sign-in).
    pub(super) async fn rescue_sign_in(&self) -> Finding {
        let Some(technician) = &self.named.signed_in else {
            return Finding::skipped(self.reader.choose(
                "no technician is signed in without --technician EMAIL",
                "no technician is signed in, because none was named",
            ));
        };
        let file = self.file();
        if !self.in_domains(technician) {
            return Finding::failed(
                format!("{technician} is outside technician_domains"),
                self.reader.choose(
                    "Add the domain to rescue.technician_domains in the tenant file and apply it again, or name another \
                     technician.",
                    "Name another technician, or ask the operator of the connector to add the domain.",
                ),
            );
        }
        let shared = match self.credentials.authcode(self.id(), technician).await {
            Ok(shared) => shared.map(|authcode| authcode.code),
            Err(error) => return self.of_storage(&error),
        };
        let budget = self.budget();
        let got = self
            .authcodes
            .get(file, technician, shared.as_ref(), &budget)
            .await;
        let authcode = match got {
            Ok(RescueCredential::SignedIn(authcode)) => authcode,
            Ok(RescueCredential::ApiToken(_)) => {
                return Finding::skipped(
                    "an API token is set, so no technician is signed in for a PIN",
                );
            }
            Err(error) => return self.of_sign_in(error, technician),
        };
        match self
            .rescue
            .account(file, &authcode.code, self.answer_in())
            .await
        {
            Ok(account) if !account.technician => Finding::failed(
                format!("{technician} is signed in, and has no technician licence"),
                "Give the user a technician licence in Rescue's Administration Center, Organization.",
            ),
            Ok(account) if !account.email.eq_ignore_ascii_case(technician) => Finding::warning(
                format!(
                    "the SSO id {technician} belongs to the Rescue user {}",
                    account.email
                ),
                "SSO id, Rescue e-mail and ServiceNow e-mail should be the same for each technician: correct the SSO \
                 id in Rescue's Administration Center, Organization.",
            ),
            Ok(_) => Finding::ok(format!(
                "{technician} is signed in and has a technician licence"
            )),
            Err(error) => Finding::warning(
                format!("{technician} is signed in, but then: {error}"),
                "Another system may sign in as the same technician, which ends this sign-in; try again.",
            ),
        }
    }

    fn of_sign_in(&self, error: SignInError, technician: &str) -> Finding {
        let (id, reader) = (self.id(), self.reader);
        let set_password = reader.by_setting(id, SecretName::SsoPassword);
        let refusal = match error {
            SignInError::NotSet("sso-password") => {
                return Finding::failed(
                    "sso-password is not set",
                    format!(
                        "Set the company's SSO password (Rescue's Global Settings, Single Sign-On) {set_password}."
                    ),
                );
            }
            SignInError::NotSet(name) => {
                return Finding::failed(
                    format!("{name} is not set"),
                    reader.change("set", COMPANY_ID),
                );
            }
            SignInError::Storage(reason) => {
                return Finding::failed(
                    reader.choose(reason, "the connector cannot use its own storage"),
                    reader.choose(
                        "Where it says AccessDenied, your role needs that permission; otherwise try again in a minute.",
                        "Try again in a minute. If it fails again, tell the operator of the connector.",
                    ),
                );
            }
            SignInError::Busy => {
                return Finding::warning(
                    format!("other processes keep signing in as {technician}"),
                    "Try again in half a minute.",
                );
            }
            SignInError::Rescue(RescueError::Refused(refusal)) => refusal,
            SignInError::Rescue(error @ RescueError::Page(_)) => {
                return Finding::failed(
                    error.to_string(),
                    format!(
                        "Check rescue.account or rescue.base_url in the {}, Rescue's status page, and any proxy between \
                         {} and Rescue.",
                        self.settings(),
                        self.caller()
                    ),
                );
            }
            SignInError::Rescue(error) => {
                return Finding::failed(
                    error.to_string(),
                    "See rescue-host, and try again in a minute.",
                );
            }
        };
        let seen = format!("Rescue refuses to sign in {technician}: {}", refusal.code());
        let remedy = match refusal {
            RescueRefusal::Invalid => format!(
                "Check that this is the technician's SSO id in Rescue's Administration Center (Organization), that \
                 the technician is enabled, that the SSO password is the company-wide password of Global Settings, \
                 Single Sign-On (set it {set_password}), and that rescue.company_id in the {} ({} now) is the company id \
                 shown there.",
                self.settings(),
                self.file().rescue.company_id
            ),
            RescueRefusal::InvalidParamCompany => reader.correct(COMPANY_ID),
            RescueRefusal::Error => format!(
                "Two attempts failed. If the fault is temporary, it works in a minute. If Rescue's Global Settings deny sign-in by API, \
                 allow requestAuthCode there, or generate an API token and set it {}.",
                reader.by_setting(id, SecretName::RescueApiToken)
            ),
            RescueRefusal::IpRestricted(_) => format!(
                "Add {} to the account's allowed IP addresses (Rescue's Global Settings), or lift the restriction.",
                reader.choose(
                    "this computer's and the functions' addresses",
                    "the connector's addresses"
                )
            ),
            RescueRefusal::UserIsDeleted | RescueRefusal::UserDeletedOrDisabled => {
                "Enable the technician in Rescue's Administration Center, Organization.".to_owned()
            }
            RescueRefusal::PollRateExceeded => {
                "Too many requests at once; try again in a minute.".to_owned()
            }
            _ => "See rescue-host; if it fails again, ask Rescue's support what this answer means."
                .to_owned(),
        };
        Finding::failed(seen, remedy)
    }

    /// Whether Rescue accepts the API token.
    pub(super) async fn rescue_api_token(&self) -> Finding {
        let token = match self.tenant_secrets().await {
            Ok(secrets) => secrets.rescue_api_token.clone(),
            Err(_) => return Finding::skipped("cannot be checked while secrets fails"),
        };
        let Some(token) = token else {
            return Finding::skipped("no API token is set; technicians are signed in by SSO");
        };
        let again = format!(
            "Generate an API token in Rescue's Global Settings and set it {}.",
            self.reader
                .by_setting(self.id(), SecretName::RescueApiToken)
        );
        match self
            .rescue
            .account(self.file(), &token, self.answer_in())
            .await
        {
            Ok(account) if !account.technician => Finding::warning(
                format!(
                    "accepted; it belongs to {}, who has no technician licence",
                    account.email
                ),
                "PINs are given to technicians only: give that user a technician licence, or let a technician generate \
                 the token.",
            ),
            Ok(account) => Finding::ok(format!("accepted; it belongs to {}", account.email)),
            Err(RescueError::Refused(refusal)) => Finding::failed(
                format!("Rescue refuses the API token: {}", refusal.code()),
                again,
            ),
            Err(error) => Finding::failed(
                error.to_string(),
                "See rescue-host, and try again in a minute.",
            ),
        }
    }

    /// Whether `technician_domains` contains the address's domain.
    pub(super) fn in_domains(&self, address: &str) -> bool {
        let domains = &self.file().rescue.technician_domains;
        let domain = address.rsplit_once('@').map(|(_, domain)| domain);
        let inside = |domain: &str| {
            domains
                .iter()
                .any(|allowed| allowed.trim().eq_ignore_ascii_case(domain))
        };
        domains.is_empty() || domain.is_some_and(inside)
    }
}
