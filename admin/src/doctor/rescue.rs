//! Rescue: its host, single sign-on, and the API token.

use shared::domain::time_budget::TimeBudget;
use shared::rescue::api::{RescueError, RescueRefusal, TIMEOUT};
use shared::rescue::authcodes::{RescueCredential, SignInError};
use shared::rescue::host::Host;

use super::context::Doctor;
use super::finding::Finding;

impl Doctor<'_> {
    /// Whether the host of the tenant's account answers; no secret is sent.
    pub(crate) async fn rescue_host(&self) -> Finding {
        let loopback = self.options.testing.allow_loopback;
        let host = match &self.options.testing.rescue_endpoint_url {
            Some(endpoint) => Host::parse(endpoint, loopback),
            None => Host::of(&self.tenant.file.rescue, loopback),
        };
        let host = match host {
            Ok(host) => host,
            Err(error) => {
                return Finding::failed(
                    format!("rescue.base_url {error}"),
                    "Correct rescue.base_url in the tenant file, or take it out and set account, and apply it again.",
                );
            }
        };
        let name = host.as_str().trim_end_matches('/');
        let page = format!("{name}/Customer/Code.aspx");
        let wrong_host = "Check rescue.account (global, eu, enterprise) or rescue.base_url in the tenant file: it is \
                          the host that technicians sign in at.";
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
                    "{wrong_host} Then check that this computer may reach it (proxy, firewall)."
                ),
            ),
        }
    }

    /// Signs in as the technician and shares the new authcode, because it invalidates the one that was shared before
    /// (docs/vendors.md#rescue-sign-in).
    pub(crate) async fn rescue_sign_in(&self) -> Finding {
        let Some(technician) = &self.options.technician else {
            return Finding::skipped("no technician is signed in without --technician EMAIL");
        };
        let file = &self.tenant.file;
        if !self.in_domains(technician) {
            return Finding::failed(
                format!("{technician} is outside technician_domains"),
                "Add the domain to rescue.technician_domains in the tenant file and apply it again, or name another \
                 technician.",
            );
        }
        let shared = match self.credentials.authcode(self.id(), technician).await {
            Ok(shared) => shared.map(|authcode| authcode.code),
            Err(error) => return self.storage("dynamodb:GetItem", &error),
        };
        let budget = TimeBudget::until(self.stack.clock.clone(), self.deadline);
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
        match self.rescue.account(file, &authcode.code, TIMEOUT).await {
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
        let id = self.id();
        let refusal = match error {
            SignInError::NotSet(name) => {
                return Finding::failed(
                    format!("{name} is not set"),
                    format!(
                        "Set the company's SSO password (Rescue's Global Settings, Single Sign-On) with \
                         `rescue-connector secrets set {id} {name}`."
                    ),
                );
            }
            SignInError::Storage(reason) => {
                return Finding::failed(
                    reason,
                    "Where it says AccessDenied, your role needs that permission; otherwise try again in a minute.",
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
                    "Check rescue.account or rescue.base_url in the tenant file, Rescue's status page, and any proxy \
                     between this computer and Rescue.",
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
                 the technician is enabled, that sso-password is the company-wide password of Global Settings, Single \
                 Sign-On (`rescue-connector secrets set {id} sso-password`), and that rescue.company_id in the tenant \
                 file ({} now) is the company id shown there.",
                self.tenant.file.rescue.company_id
            ),
            RescueRefusal::InvalidParamCompany => {
                "Correct rescue.company_id in the tenant file (Rescue's Global Settings, Single Sign-On) and apply it \
                 again."
                    .to_owned()
            }
            RescueRefusal::Error => format!(
                "Two attempts failed. If the fault is temporary, it works in a minute. If Rescue's Global Settings deny sign-in by API, \
                 allow requestAuthCode there, or generate an API token and run `rescue-connector secrets set {id} rescue-api-token`."
            ),
            RescueRefusal::IpRestricted(_) => {
                "Add this computer's and the functions' addresses to the account's allowed IP addresses (Rescue's \
                 Global Settings), or lift the restriction."
                    .to_owned()
            }
            RescueRefusal::UserIsDeleted | RescueRefusal::UserDeletedOrDisabled => {
                "Enable the technician in Rescue's Administration Center, Organization.".to_owned()
            }
            RescueRefusal::PollRateExceeded => "Too many requests at once; try again in a minute.".to_owned(),
            _ => "See rescue-host; if it fails again, ask Rescue's support what this answer means.".to_owned(),
        };
        Finding::failed(seen, remedy)
    }

    /// Whether Rescue accepts the API token.
    pub(crate) async fn rescue_api_token(&self) -> Finding {
        let token = match self.secret_store.tenant_secrets(self.id()).await {
            Ok(credentials) => credentials.rescue_api_token.clone(),
            Err(_) => return Finding::skipped("cannot be checked while secrets fails"),
        };
        let Some(token) = token else {
            return Finding::skipped("no API token is set; technicians are signed in by SSO");
        };
        let again = format!(
            "Generate an API token in Rescue's Global Settings and run `rescue-connector secrets set {} rescue-api-token`.",
            self.id()
        );
        match self
            .rescue
            .account(&self.tenant.file, &token, TIMEOUT)
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
    pub(crate) fn in_domains(&self, address: &str) -> bool {
        let domains = &self.tenant.file.rescue.technician_domains;
        let domain = address.rsplit_once('@').map(|(_, domain)| domain);
        let inside = |domain: &str| {
            domains
                .iter()
                .any(|allowed| allowed.trim().eq_ignore_ascii_case(domain))
        };
        domains.is_empty() || domain.is_some_and(inside)
    }
}
