//! A strict simulator of LogMeIn Rescue: its API for sign-in and PIN codes, and its Post-to-URL sender, with the
//! oddities that docs/vendors.md names.

mod api;
mod post;
mod session;
mod state;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use shared::domain::clock::Clock;

use crate::simulator::{
    InjectedFault, InjectedFaults, Mark, RecordedRequest, RequestRefusal, Requests, Server,
    SimulatorResponse, Site, locked, plain_client,
};
use state::RescueState;

pub use post::{Format, Payload, Phase, PostError, Posted};
pub use session::{Session, us_date};
pub use state::{Pin, Rules, SignIns, Technician};

/// How a simulator is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The loopback port; any free one without it.
    pub port: Option<u16>,
    /// What the rate of PINs and the expiry of logins are measured on.
    pub clock: Clock,
}

impl Options {
    /// Any free port.
    pub const fn new(clock: Clock) -> Self {
        Self { port: None, clock }
    }
}

/// A running Rescue. Clones share it; it stops when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Simulator {
    rescue: Arc<Rescue>,
    server: Arc<Server>,
    sender: reqwest::Client,
}

#[derive(Debug)]
struct Rescue {
    state: Mutex<RescueState>,
    requests: Requests,
    faults: InjectedFaults,
    clock: Clock,
}

impl Simulator {
    /// Starts Rescue on loopback, without companies or technicians.
    ///
    /// # Errors
    /// The port is taken.
    pub fn start(options: Options) -> io::Result<Self> {
        let rescue = Arc::new(Rescue {
            state: Mutex::default(),
            requests: Requests::default(),
            faults: InjectedFaults::default(),
            clock: options.clock,
        });
        let server = Arc::new(Server::start(
            options.port,
            Arc::clone(&rescue) as Arc<dyn Site>,
        )?);
        let sender = plain_client().map_err(io::Error::other)?;
        Ok(Self {
            rescue,
            server,
            sender,
        })
    }

    /// Rescue's base URL, without a slash at the end.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Scripts a fault. Faults are tried in the order in which they were added.
    pub fn fault(&self, fault: InjectedFault) {
        self.rescue.faults.add(fault);
    }

    /// Forgets all faults.
    pub fn clear_faults(&self) {
        self.rescue.faults.clear();
    }

    /// How many faults have not yet taken all the requests they were made for.
    pub fn pending_faults(&self) -> usize {
        self.rescue.faults.pending()
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.rescue.requests.all()
    }

    /// The requests of a method (any, when empty) whose path contains a text.
    pub fn requests_matching(&self, method: &str, path_contains: &str) -> Vec<RecordedRequest> {
        self.rescue.requests.matching(method, path_contains)
    }

    /// The present place in the record of requests.
    pub fn mark(&self) -> Mark {
        self.rescue.requests.mark()
    }

    /// The requests that arrived after a mark was made.
    pub fn since(&self, mark: Mark) -> Vec<RecordedRequest> {
        self.rescue.requests.since(mark)
    }

    /// Forgets every request so far, so that a long run needs no more memory than a short one. Marks stay valid.
    pub fn forget_requests(&self) {
        self.rescue.requests.forget();
    }

    /// What callers did that they must never do: a password or an authcode in a URL.
    pub fn violations(&self) -> Vec<String> {
        locked(&self.rescue.state).violations.clone()
    }

    /// Changes how the company's account is set up.
    pub fn configure(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut locked(&self.rescue.state).rules);
    }

    /// Sets the company-wide single sign-on password of a company, by its id (digits).
    pub fn set_company(&self, company_id: &str, sso_password: &str) {
        let mut state = locked(&self.rescue.state);
        state
            .companies
            .insert(company_id.to_owned(), sso_password.to_owned());
    }

    /// Adds a technician, or replaces the one with the same node id.
    pub fn set_technician(&self, technician: Technician) {
        let mut state = locked(&self.rescue.state);
        state
            .technicians
            .retain(|known| known.node_id != technician.node_id);
        state.technicians.push(technician);
    }

    /// Changes a technician, by SSO id; nothing happens when there is none.
    pub fn change_technician(&self, sso_id: &str, change: impl FnOnce(&mut Technician)) {
        let mut state = locked(&self.rescue.state);
        if let Some(technician) = state
            .technicians
            .iter_mut()
            .find(|known| known.sso_id == sso_id)
        {
            change(technician);
        }
    }

    /// Issues an API token of a technician or administrator, which is taken wherever an authcode is. Empty when there
    /// is no such technician.
    pub fn issue_api_token(&self, sso_id: &str) -> String {
        locked(&self.rescue.state).issue_api_token(sso_id)
    }

    /// Signs a technician in as another system would, which kills the authcode that was valid. Empty when there is no
    /// such technician.
    pub fn sign_in_elsewhere(&self, sso_id: &str) -> String {
        locked(&self.rescue.state).new_authcode(sso_id)
    }

    /// The PINs given out, oldest first.
    pub fn pins(&self) -> Vec<Pin> {
        locked(&self.rescue.state).pins.clone()
    }

    /// How many sign-ins succeeded and failed.
    pub fn sign_ins(&self) -> SignIns {
        locked(&self.rescue.state).sign_ins
    }

    /// A customer enters a PIN: the session that its technician picks up, with the fields the PIN was made with.
    /// `None` for a PIN that was never given out or is used already.
    pub fn enter_pin(&self, pin: &str) -> Option<Session> {
        let now = self.rescue.clock.now();
        let mut state = locked(&self.rescue.state);
        let known = state
            .pins
            .iter_mut()
            .find(|known| known.code == pin && !known.used)?;
        known.used = true;
        let known = known.clone();
        let technician = state
            .technicians
            .iter()
            .find(|one| one.sso_id == known.technician)?
            .clone();
        Some(Session {
            fields: known.fields,
            tracking0: known.tracking0,
            ..state.new_session(technician, now)
        })
    }

    /// A session that a technician starts from the console, without a PIN of ours. `None` when there is no such
    /// technician.
    pub fn start_session(&self, sso_id: &str) -> Option<Session> {
        let now = self.rescue.clock.now();
        let mut state = locked(&self.rescue.state);
        let technician = state
            .technicians
            .iter()
            .find(|one| one.sso_id == sso_id)?
            .clone();
        Some(state.new_session(technician, now))
    }

    /// The body that Rescue posts at this moment of a session. The chat holds what was said since the last call for
    /// the same session, so call it once per post and repeat a post with [`Simulator::send`].
    pub fn payload(&self, session: &Session, format: Format, phase: Phase) -> Payload {
        let mut state = locked(&self.rescue.state);
        let told = state.chat_told.entry(session.id.clone()).or_insert(0);
        let payload = Payload::new(session, format, phase, *told);
        *told = session.chat.len();
        payload
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
        post::send(&self.sender, url, payload).await
    }

    /// Technicians and PINs, to show to people.
    pub fn dump(&self) -> Value {
        let state = locked(&self.rescue.state);
        let pins = state.pins.iter().map(|pin| {
            json!({
                "code": pin.code,
                "technician": pin.technician,
                "fields": pin.fields,
                "tracking0": pin.tracking0,
                "at": pin.at,
                "used": pin.used,
            })
        });
        let technicians = state.technicians.iter().map(|technician| {
            json!({
                "name": technician.name,
                "email": technician.email,
                "console_running": technician.console_running,
            })
        });
        json!({"technicians": technicians.collect::<Value>(), "pins": pins.collect::<Value>()})
    }
}

impl Site for Rescue {
    fn answer(&self, request: &RecordedRequest) -> SimulatorResponse {
        let now = self.clock.now();
        api::answer(&mut locked(&self.state), request, now)
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
            if ["pwd", "password", "authcode"]
                .iter()
                .any(|secret| name.eq_ignore_ascii_case(secret))
            {
                let violation = format!("{name} was sent in the URL of {}", request.path);
                locked(&self.state).violations.push(violation);
            }
        }
    }

    fn requests(&self) -> &Requests {
        &self.requests
    }

    fn faults(&self) -> &InjectedFaults {
        &self.faults
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }
}

/// Field names in lower case and their values.
type Parameters = BTreeMap<String, String>;

#[cfg(test)]
mod tests;
