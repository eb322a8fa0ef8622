//! The state of the simulated Rescue account.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::domain::clock::Timestamp;

use super::journal::SessionJournal;
use super::organization::{Channel, TechnicianGroup};
use super::report::{ReportRules, ReportSettings};
use super::session::Session;
use super::technician::Technician;

/// A PIN that was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Six digits; leading zeros count.
    pub code: String,
    /// The SSO id of the technician it was made for.
    pub technician: String,
    /// `CField0` to `CField5`, those that were sent.
    pub fields: BTreeMap<String, String>,
    /// `Tracking0`, empty when there was none.
    pub tracking0: String,
    /// When it was given out.
    pub at: Timestamp,
    /// Whether a customer has entered it.
    pub used: bool,
}

/// How the account is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// *Deny access to the requestAuthCode endpoint*, taken here to cover the SSO variant as well.
    pub deny_request_authcode: bool,
    /// *Deny access to the login endpoint*.
    pub deny_login: bool,
    /// Only callers on the account's list of addresses are served (the vendor's SOAP enumeration of `login` has
    /// `login_GlobalIpRestricted`); what the text API answers is not published.
    pub ip_restricted: bool,
    /// Whether the server has `requestPINCode`.
    pub has_first_pin_method: bool,
    /// Whether the server has `requestPINCode_v2`, which the vendor's page of that method names for EU servers.
    pub has_second_pin_method: bool,
    /// No PIN is free.
    pub out_of_pin_codes: bool,
    /// A technician gets one PIN in this time. Zero, which Rescue never has, lets a benchmark ask without a pause.
    pub one_pin_every: Duration,
    /// The two characters after `OK`; the vendor's pages do not say which.
    pub separator: &'static str,
    /// A blank after the colon of `AUTHCODE:`, as one of the vendor's pages shows.
    pub blank_after_colon: bool,
    /// How reports look, and who gets them.
    pub report: ReportRules,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            deny_request_authcode: false,
            deny_login: false,
            ip_restricted: false,
            has_first_pin_method: true,
            has_second_pin_method: true,
            out_of_pin_codes: false,
            one_pin_every: Duration::from_secs(1),
            separator: "\n\n",
            blank_after_colon: false,
            report: ReportRules::default(),
        }
    }
}

/// How many sign-ins (authcodes and logins) there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignIns {
    /// Those that gave an authcode or a login.
    pub granted: usize,
    /// Those that were refused.
    pub refused: usize,
}

/// A login's cookie.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) technician: String,
    pub(super) used_at: Timestamp,
}

#[derive(Debug, Default)]
pub(super) struct RescueState {
    pub(super) companies: BTreeMap<String, String>,
    pub(super) technicians: Vec<Technician>,
    pub(super) groups: Vec<TechnicianGroup>,
    pub(super) channels: Vec<Channel>,
    /// The one valid authcode of each technician, by SSO id.
    pub(super) authcodes: BTreeMap<String, String>,
    /// API tokens and their holders' SSO ids.
    pub(super) api_tokens: BTreeMap<String, String>,
    pub(super) logins: BTreeMap<String, Login>,
    pub(super) pins: Vec<Pin>,
    pub(super) sessions: u32,
    pub(super) journal: SessionJournal,
    /// What each user's report shows, by SSO id.
    pub(super) report_settings: BTreeMap<String, ReportSettings>,
    /// How many lines of each session's chat have been posted.
    pub(super) posted_chat_lines: BTreeMap<String, usize>,
    pub(super) rules: Rules,
    pub(super) sign_ins: SignIns,
    pub(super) violations: Vec<String>,
}

/// About 80 lower-case letters and digits.
fn new_code() -> String {
    let mut code: String = (0..3)
        .map(|_| uuid::Uuid::new_v4().simple().to_string())
        .collect();
    code.truncate(80);
    code
}

impl RescueState {
    pub(super) fn technician(&self, sso_id: &str) -> Option<&Technician> {
        self.technicians.iter().find(|known| known.sso_id == sso_id)
    }

    /// A new authcode, which replaces the technician's old one; empty without such a technician.
    pub(super) fn new_authcode(&mut self, sso_id: &str) -> String {
        if self.technician(sso_id).is_none() {
            return String::new();
        }
        let code = new_code();
        self.authcodes.insert(sso_id.to_owned(), code.clone());
        code
    }

    pub(super) fn issue_api_token(&mut self, sso_id: &str) -> String {
        if self.technician(sso_id).is_none() {
            return String::new();
        }
        let token = new_code();
        self.api_tokens.insert(token.clone(), sso_id.to_owned());
        token
    }

    /// The SSO id behind an authcode or an API token.
    pub(super) fn holder(&self, code: &str) -> Option<&str> {
        let mut authcodes = self.authcodes.iter();
        let by_authcode = authcodes.find(|(_, known)| *known == code);
        let by_authcode = by_authcode.map(|(sso_id, _)| sso_id.as_str());
        by_authcode.or_else(|| Some(self.api_tokens.get(code)?.as_str()))
    }

    pub(super) fn new_session(&mut self, technician: Technician, now: Timestamp) -> Session {
        let session = self.unrecorded_session(technician, now);
        self.journal.started(&session);
        session
    }

    /// A session with an id of its own that no report shows yet.
    pub(super) fn unrecorded_session(
        &mut self,
        technician: Technician,
        picked_up_at: Timestamp,
    ) -> Session {
        self.sessions += 1;
        let id = (70_112_232 + self.sessions).to_string();
        Session::new(&id, technician, picked_up_at)
    }
}
