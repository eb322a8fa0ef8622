//! Faults of ServiceNow and AWS that several tests inject.

use local::aws::{InjectedAwsFault, Service};
use local::rescue::{Phase, Session};
use local::servicenow::Created;
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};

use crate::World;
use crate::injected::refused;

impl World {
    /// AWS refuses the next call of an operation with that error type.
    pub fn refuse_aws(&self, service: Service, operation: &str, error: &str) {
        let fault = InjectedAwsFault::once(service, operation, refused(400, error));
        self.cloud.aws.inject(fault);
    }

    /// ServiceNow handles the next matching request so.
    pub fn inject_once(&self, matcher: RequestMatcher, action: FaultAction) {
        let fault = InjectedFault::on(matcher).then(action);
        self.cloud.servicenow.fault(fault);
    }

    /// ServiceNow handles every matching request so, until its faults are cleared.
    pub fn inject_always(&self, matcher: RequestMatcher, action: FaultAction) {
        let fault = InjectedFault::on(matcher).then(action).always();
        self.cloud.servicenow.fault(fault);
    }

    /// ServiceNow handles the next write to a record so.
    pub fn inject_write(&self, record: &Created, action: FaultAction) {
        self.inject_once(Self::writes_to(record), action);
    }

    /// ServiceNow handles every write to a record so, until its faults are cleared.
    pub fn inject_every_write(&self, record: &Created, action: FaultAction) {
        self.inject_always(Self::writes_to(record), action);
    }

    /// ServiceNow answers the next write to a record with that status.
    pub fn refuse_write(&self, record: &Created, status: u16) {
        self.inject_write(record, FaultAction::status(status));
    }

    /// An incident, and a session whose start was delivered to it and refused.
    pub async fn refused_post(&self) -> (Created, Session) {
        let incident = self.incident();
        let session = self.session(&incident);
        self.refuse_write(&incident, 403);
        self.post_and_deliver(&session, Phase::Start).await;
        (incident, session)
    }
}
