//! A strict simulator of LogMeIn Rescue: its API for sign-in, PIN codes and reports, and its Post-to-URL sender, with the
//! oddities that docs/vendors.md names.

mod api;
mod journal;
mod organization;
mod post;
mod report;
mod session;
mod state;
mod technician;

use std::io;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use shared::domain::clock::{Clock, Timestamp};

use crate::lock::lock;
use crate::sandbox_link::SandboxLink;
use crate::simulator::{
    self, RecordedRequest, RequestRefusal, SimulatorResponse, Site, plain_client,
};
use state::RescueState;

pub use organization::{ACCOUNT_ID, Channel, TechnicianGroup};
pub use post::{Format, Moment, Payload, Phase, PostError, Posted};
pub use report::{ReportDates, ReportRules};
pub use session::{Session, us_date};
pub use state::{Pin, Rules, SignIns};
pub use technician::Technician;

/// How a simulator is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The loopback port; `None` takes a free one.
    pub port: Option<u16>,
    /// The clock of the PIN rate, of reports and of the logins' expiry.
    pub clock: Clock,
}

impl Options {
    /// Any free port.
    pub const fn new(clock: Clock) -> Self {
        Self { port: None, clock }
    }
}

/// A running Rescue.
pub type Simulator = simulator::Simulator<Rescue>;

/// Answers as Rescue does, and posts its sessions.
#[derive(Debug)]
pub struct Rescue {
    state: Mutex<RescueState>,
    clock: Clock,
    sender: reqwest::Client,
    sandbox: OnceLock<SandboxLink>,
}

impl Simulator {
    /// Starts Rescue on loopback, without companies or technicians.
    ///
    /// # Errors
    /// The port is taken.
    pub fn start(options: Options) -> io::Result<Self> {
        let rescue = Rescue {
            state: Mutex::default(),
            clock: options.clock,
            sender: plain_client().map_err(io::Error::other)?,
            sandbox: OnceLock::new(),
        };
        Self::serve(options.port, rescue)
    }

    /// Has the pages link to the sandbox.
    pub(crate) fn set_sandbox(&self, link: SandboxLink) {
        self.system.sandbox.set(link).ok();
    }

    /// Changes how the company's account is set up.
    pub fn configure(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut lock(&self.system.state).rules);
    }

    /// Sets the company-wide single sign-on password of a company, by its id (digits).
    pub fn set_company(&self, company_id: &str, sso_password: &str) {
        let mut state = lock(&self.system.state);
        let (id, password) = (company_id.to_owned(), sso_password.to_owned());
        state.companies.insert(id, password);
    }

    /// Adds a technician, or replaces the one with the same node id.
    pub fn set_technician(&self, technician: Technician) {
        let mut state = lock(&self.system.state);
        let technicians = &mut state.technicians;
        technicians.retain(|known| known.node_id != technician.node_id);
        technicians.push(technician);
    }

    /// Changes a technician, by SSO id; nothing happens when there is none.
    pub fn change_technician(&self, sso_id: &str, change: impl FnOnce(&mut Technician)) {
        let mut state = lock(&self.system.state);
        let mut technicians = state.technicians.iter_mut();
        if let Some(technician) = technicians.find(|known| known.sso_id == sso_id) {
            change(technician);
        }
    }

    /// Adds a technician group, or replaces the one with the same node id.
    pub fn set_group(&self, group: TechnicianGroup) {
        let mut state = lock(&self.system.state);
        state.groups.retain(|known| known.node_id != group.node_id);
        state.groups.push(group);
    }

    /// Adds a channel, or replaces the one with the same node id.
    pub fn set_channel(&self, channel: Channel) {
        let mut state = lock(&self.system.state);
        state
            .channels
            .retain(|known| known.node_id != channel.node_id);
        state.channels.push(channel);
    }

    /// Issues an API token, which the API accepts in place of an authcode. Empty when there is no such technician.
    pub fn issue_api_token(&self, sso_id: &str) -> String {
        lock(&self.system.state).issue_api_token(sso_id)
    }

    /// Signs a technician in from another system, which invalidates the previous authcode. Empty when there is no such
    /// technician.
    pub fn sign_in_elsewhere(&self, sso_id: &str) -> String {
        lock(&self.system.state).new_authcode(sso_id)
    }

    /// The PINs given out, oldest first.
    pub fn pins(&self) -> Vec<Pin> {
        lock(&self.system.state).pins.clone()
    }

    /// Whether a customer has entered a PIN; `None` for one that was never given out.
    pub(crate) fn is_pin_used(&self, pin: &str) -> Option<bool> {
        let state = lock(&self.system.state);
        let mut pins = state.pins.iter().rev();
        pins.find(|known| known.code == pin).map(|known| known.used)
    }

    /// How many sign-ins succeeded and failed.
    pub fn sign_ins(&self) -> SignIns {
        lock(&self.system.state).sign_ins
    }

    /// Numbers sessions from here on, so that those of an earlier run keep their ids.
    pub(crate) fn number_sessions_after(&self, number: u32) {
        lock(&self.system.state).sessions = number;
    }

    /// A customer enters a PIN: the session that its technician picks up, with the fields the PIN was made with.
    /// `None` for a PIN that was never given out or is used already.
    pub fn enter_pin(&self, pin: &str) -> Option<Session> {
        let now = self.system.clock.now();
        let mut state = lock(&self.system.state);
        let mut pins = state.pins.iter_mut();
        let known = pins.find(|known| known.code == pin && !known.used)?;
        known.used = true;
        let known = known.clone();
        let technician = state.technician(&known.technician)?.clone();
        let session = Session {
            fields: known.fields,
            tracking0: known.tracking0,
            ..state.unrecorded_session(technician, now)
        };
        state.journal.started(&session);
        Some(session)
    }

    /// A session that a technician starts from the console, without a PIN. `None` when there is no such
    /// technician.
    pub fn start_session(&self, sso_id: &str) -> Option<Session> {
        let now = self.system.clock.now();
        let mut state = lock(&self.system.state);
        let technician = state.technician(sso_id)?.clone();
        Some(state.new_session(technician, now))
    }

    /// A technician ends a session of a group that posts to no URL: only reports show it, as it is now. The end of a
    /// session that is posted needs no such call.
    pub fn end_session(&self, session: &Session) {
        let now = self.system.clock.now();
        lock(&self.system.state).journal.ended(session, now);
    }

    /// Adds a session that ended in the past and was never posted. Only reports show it.
    pub fn add_past_session(&self, session: &Session, ended_at: Timestamp) {
        lock(&self.system.state).journal.ended(session, ended_at);
    }

    /// Adds so many sessions that ended in the past, the first at `first_end` and each `apart` after the one before.
    /// Returns their ids: none when there is no such technician.
    pub fn add_past_sessions(
        &self,
        sso_id: &str,
        count: usize,
        first_end: Timestamp,
        apart: Duration,
    ) -> Vec<String> {
        let mut state = lock(&self.system.state);
        let Some(technician) = state.technician(sso_id).cloned() else {
            return Vec::new();
        };
        let mut ended_at = first_end;
        let sessions = (0..count).map(|_| {
            let session = state.unrecorded_session(technician.clone(), ended_at);
            let picked_up_at = ended_at.minus(session.lasted);
            let session = Session {
                picked_up_at,
                ..session
            };
            state.journal.ended(&session, ended_at);
            ended_at = ended_at.plus(apart);
            session.id
        });
        sessions.collect()
    }

    /// The body that Rescue posts at this moment of a session; see [`Simulator::moment`]. Repeat a post with
    /// [`Simulator::send`].
    pub fn payload(&self, session: &Session, format: Format, phase: Phase) -> Payload {
        self.moment(session, phase).payload(format)
    }

    /// What Rescue posts at this moment of a session, which reports show from then on. The chat holds what was said since the
    /// last call for the same session, so call it once per post.
    pub fn moment(&self, session: &Session, phase: Phase) -> Moment {
        let now = self.system.clock.now();
        let mut state = lock(&self.system.state);
        match phase {
            Phase::Start => state.journal.started(session),
            Phase::End => state.journal.ended(session, now),
        }
        let posted = state.posted_chat_lines.entry(session.id.clone());
        let posted = posted.or_insert(0);
        let moment = Moment::new(session, phase, *posted);
        *posted = session.chat.len();
        moment
    }

    /// Posts a session's data as Rescue does: once, without a retry.
    ///
    /// # Errors
    /// The receiver cannot be reached or does not answer.
    pub async fn post(
        &self,
        url: &str,
        session: &Session,
        format: Format,
        phase: Phase,
    ) -> Result<Posted, PostError> {
        self.send(url, &self.payload(session, format, phase)).await
    }

    /// Posts a body that was made before, for instance once more.
    ///
    /// # Errors
    /// The receiver cannot be reached or does not answer.
    pub async fn send(&self, url: &str, payload: &Payload) -> Result<Posted, PostError> {
        post::send(&self.system.sender, url, payload).await
    }
}

impl Site for Rescue {
    fn answer(&self, request: &RecordedRequest) -> SimulatorResponse {
        let link = self.sandbox.get();
        let sandbox = link.and_then(|link| link.shown_to(request.header("host")));
        let now = self.clock.now();
        api::answer(&mut lock(&self.state), request, now, sandbox)
    }

    fn refuse(&self, _request: &RecordedRequest, refusal: RequestRefusal) -> SimulatorResponse {
        match refusal {
            RequestRefusal::Unauthorized => api::text("INVALID_SECRETAUTHCODE"),
            RequestRefusal::RateLimited { retry_after: None } => api::text("POLLRATEEXCEEDED"),
            RequestRefusal::RateLimited {
                retry_after: Some(seconds),
            } => SimulatorResponse::html(429, "Too Many Requests")
                .with_header("retry-after", seconds.to_string()),
            RequestRefusal::Cancelled => SimulatorResponse::html(500, "Runtime Error"),
        }
    }

    fn inspect(&self, request: &RecordedRequest) {
        for (name, _) in &request.query {
            let secrets = ["pwd", "password", "authcode"];
            if secrets.contains(&name.to_ascii_lowercase().as_str()) {
                let violation = format!("{name} was sent in the URL of {}", request.path);
                lock(&self.state).violations.push(violation);
            }
        }
    }

    fn violations(&self) -> Vec<String> {
        lock(&self.state).violations.clone()
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }
}

#[cfg(test)]
mod report_tests;
#[cfg(test)]
mod tests;
