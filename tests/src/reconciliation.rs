//! Reconciliations in tests: the schedule, both triggers, and the clock between them.

use std::time::Duration;

use local::demo_tenant::{self, CLIENT_SECRET, SSO_PASSWORD, TECHNICIAN, TENANT};
use local::lambda::Poller;
use local::rescue::{Channel, Session, Technician, TechnicianGroup};
use local::simulator::{FaultAction, Mark};
use shared::domain::secret_name::SecretName;
use shared::domain::tenant::TenantId;
use shared::reconciliation::{MissedSession, MissedSessions, MissedState, ReconcileProgress};

use crate::World;
use crate::settings::with_line;
use crate::tokens::demo;

/// The function that compares.
pub const RECONCILE_SESSIONS: &str = "reconcile-sessions";

/// Longer than a session has to have ended before it is compared: two hours by default.
pub const COMPARED_AFTER: Duration = Duration::from_secs(2 * 3600 + 1);

/// The technician of another group than the demo's.
pub const BO: &str = "bo.lind@acme.test";

/// The tenant file with `reconcile` in that mode, as the demo's technician.
pub fn reconciling(file: &str, mode: &str) -> String {
    let lines = format!("reconcile = \"{mode}\"\nreport_technician = \"{TECHNICIAN}\"");
    with_line(file, "rescue", &lines)
}

/// The tenant file with those `report_nodes`.
pub fn with_nodes(file: &str, nodes: &[&str]) -> String {
    with_line(file, "rescue", &format!("report_nodes = {nodes:?}"))
}

/// Rescue's answer with the names of a report's columns and no session.
pub fn report_without_sessions() -> FaultAction {
    let report = include_str!("../../shared/fixtures/session_report/report.txt");
    let header = report.lines().take_while(|line| !line.contains("4455667"));
    FaultAction::Status {
        code: 200,
        headers: Vec::new(),
        body: header.collect::<Vec<_>>().join("\n"),
    }
}

impl World {
    /// The demo's world whose sessions are compared with Rescue's report: `watch` or `write`, switched on a minute ago. Only
    /// sessions that end later are compared, and a report may round their ends down to the minute.
    pub async fn reconciling(mode: &str) -> Self {
        let world = Self::with_settings(|file| reconciling(&file, mode)).await;
        world.cloud.travel(Duration::from_secs(60));
        world
    }

    /// The trigger of `reconcile-sessions`.
    pub fn reconcile_poller(&self) -> &Poller {
        &self.cloud.pollers[RECONCILE_SESSIONS]
    }

    /// Ends a session that is never posted.
    pub fn end_unposted(&self, session: &Session) {
        self.cloud.rescue.end_session(session);
    }

    /// Invokes the schedule.
    ///
    /// # Panics
    /// When the function fails.
    pub async fn run_schedule(&self) {
        let run = self.cloud.run_schedule(RECONCILE_SESSIONS).await;
        run.expect("the schedule sends its messages");
    }

    /// Lets so much time pass that sessions that have ended are compared, then reconciles.
    pub async fn reconcile_later(&self) {
        self.cloud.travel(COMPARED_AFTER);
        self.reconcile().await;
    }

    /// Puts the demo's technician into the group 2001, and adds Bo (4455668) in the group 2002, and the channel 3001.
    pub fn add_groups(&self) {
        let rescue = &self.cloud.rescue;
        rescue.set_group(TechnicianGroup::new("2001", "Service desk"));
        rescue.set_group(TechnicianGroup::new("2002", "Field service"));
        rescue.set_channel(Channel::new("3001", "Web"));
        rescue.change_technician(TECHNICIAN, |ana| ana.group_id = Some("2001".to_owned()));
        rescue.set_technician(Technician::new("4455668", BO, "Bo Lind").in_group("2002"));
    }

    /// Another tenant of the demo's Rescue account and instance, whose sessions are those of the nodes.
    ///
    /// # Panics
    /// When the tenant is refused.
    pub async fn add_sharing_tenant(&self, name: &str, mode: &str, nodes: &[&str]) -> TenantId {
        let file = demo_tenant::file(&self.cloud);
        let file = with_nodes(&reconciling(&file, mode), nodes);
        let file = file.replace(&format!("\"{TENANT}\""), &format!("\"{name}\""));
        let token = self.refresh_token();
        let secrets = [
            (SecretName::OauthClientSecret, CLIENT_SECRET),
            (SecretName::RefreshToken, token.as_str()),
            (SecretName::SsoPassword, SSO_PASSWORD),
        ];
        let applied = self.cloud.apply(&file, &secrets).await;
        applied.expect("the tenant is applied");
        TenantId::parse(name).expect("a tenant's name")
    }

    /// Handles the tenants' messages that are visible. Nothing is delivered.
    pub async fn compare(&self) {
        while self.reconcile_poller().poll_once().await > 0 {}
    }

    /// The nodes of which reports were asked for since a mark.
    pub fn reports_since(&self, mark: Mark) -> Vec<String> {
        self.rescue_forms_since(mark, "getReport_v2", "node")
    }

    /// The values of a form's field in the calls of a method of Rescue since a mark.
    pub fn rescue_forms_since(&self, mark: Mark, method: &str, field: &str) -> Vec<String> {
        let page = format!("/{method}.aspx");
        let calls = self.cloud.rescue.since(mark).into_iter();
        let forms = calls
            .filter(|call| call.path.ends_with(&page))
            .map(|call| call.form());
        let value = |form: Vec<(String, String)>| {
            let mut pairs = form.into_iter();
            pairs
                .find(|(name, _)| name == field)
                .map(|(_, value)| value)
        };
        forms.filter_map(value).collect()
    }

    /// Invokes the schedule, then both triggers until both queues are empty. The clock moves as far as messages are hidden.
    ///
    /// # Panics
    /// When a queue is not empty after a hundred rounds.
    pub async fn reconcile(&self) {
        self.run_schedule().await;
        self.reconcile_until_empty().await;
    }

    /// Invokes both triggers until both queues are empty. The clock moves as far as messages are hidden.
    ///
    /// # Panics
    /// When a queue is not empty after a hundred rounds.
    pub async fn reconcile_until_empty(&self) {
        for _ in 0..100 {
            self.compare().await;
            self.deliver().await;
            let mut messages = self.queued();
            messages.extend(self.queue("ReconcileQueue").messages);
            if messages.is_empty() {
                return;
            }
            let hidden = messages.iter().map(|message| message.hidden_for);
            let wait = hidden.filter(|wait| !wait.is_zero()).min();
            let wait = wait.unwrap_or_default();
            self.cloud.travel(wait + Duration::from_secs(1));
        }
        let waiting = self.queue("ReconcileQueue").messages;
        panic!("a queue is not empty: {waiting:?}, {:?}", self.queued());
    }

    /// The sessions of a tenant that Rescue did not post, as they are shown.
    ///
    /// # Panics
    /// When they cannot be read.
    pub async fn missed_of(&self, tenant: &TenantId) -> Vec<MissedSession> {
        let (credentials, now) = (self.credentials(), self.cloud.clock.now());
        let missed = MissedSessions::read(&credentials, tenant, now).await;
        missed.expect("readable").sessions
    }

    /// The demo's.
    pub async fn missed(&self) -> Vec<MissedSession> {
        self.missed_of(&demo()).await
    }

    /// Their ids and states.
    pub async fn missed_states(&self) -> Vec<(String, MissedState)> {
        let missed = self.missed().await.into_iter();
        missed
            .map(|session| (session.session_id.to_string(), session.state))
            .collect()
    }

    /// How far a tenant's sessions have been compared.
    ///
    /// # Panics
    /// When it cannot be read.
    pub async fn progress_of(&self, tenant: &TenantId) -> ReconcileProgress {
        let progress = ReconcileProgress::read(&self.credentials(), tenant).await;
        progress.expect("readable")
    }

    /// How far the demo's have been.
    pub async fn reconcile_progress(&self) -> ReconcileProgress {
        self.progress_of(&demo()).await
    }
}
