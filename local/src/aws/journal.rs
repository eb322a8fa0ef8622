//! The journal of calls to the embedded AWS, and its scripted faults.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use shared::domain::clock::Timestamp;

use crate::lock::lock;
use crate::recent::Recent;

/// The services of the embedded cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Amazon DynamoDB.
    DynamoDb,
    /// Amazon SQS.
    Sqs,
    /// AWS Secrets Manager.
    SecretsManager,
    /// AWS CloudFormation.
    CloudFormation,
    /// AWS STS.
    Sts,
}

/// A call and the status of its answer.
#[derive(Clone, Debug)]
pub struct AwsCall {
    /// The access key id that signed it; the functions of [`crate::cloud::Cloud`] have their names there.
    pub caller: String,
    /// The called service.
    pub service: Service,
    /// The operation's name in the API reference, such as `SendMessage`.
    pub operation: String,
    /// The request as JSON; form fields as an object. `null` when it could not be parsed.
    pub request: Value,
    /// The HTTP status of the answer; `None` until it is sent.
    pub status: Option<u16>,
    /// When it came in, on the cloud's clock.
    pub at: Timestamp,
}

/// A position in the journal; later calls are read with [`CallJournal::since`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(usize);

/// The calls since the start, oldest first. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct CallJournal(Arc<Mutex<Recent<AwsCall>>>);

impl CallJournal {
    /// Keeps no more than so many of the newest calls from now on, so that a long run needs no more memory than a short one.
    pub fn keep(&self, newest: usize) {
        lock(&self.0).keep(newest);
    }

    /// The present end of the journal.
    pub fn mark(&self) -> Mark {
        Mark(lock(&self.0).end())
    }

    /// All calls that are kept.
    pub fn calls(&self) -> Vec<AwsCall> {
        lock(&self.0).iter().cloned().collect()
    }

    /// The calls that came in after `mark`.
    pub fn since(&self, mark: Mark) -> Vec<AwsCall> {
        lock(&self.0).since(mark.0).cloned().collect()
    }

    /// How many calls of one operation came in after `mark`.
    pub fn count(&self, mark: Mark, service: Service, operation: &str) -> usize {
        lock(&self.0)
            .since(mark.0)
            .filter(|call| call.service == service && call.operation == operation)
            .count()
    }

    /// How many calls of any operation of `service` came in after `mark`.
    pub fn count_service(&self, mark: Mark, service: Service) -> usize {
        lock(&self.0)
            .since(mark.0)
            .filter(|call| call.service == service)
            .count()
    }

    /// Whether a call of another caller than `caller` came in after `mark`.
    pub(crate) fn has_others(&self, mark: Mark, caller: &str) -> bool {
        lock(&self.0)
            .since(mark.0)
            .any(|call| call.caller != caller)
    }

    /// Whether a call that came in after `mark` wrote to a table or a secret.
    pub(crate) fn has_writes(&self, mark: Mark) -> bool {
        let verbs = ["Put", "Update", "Delete", "BatchWrite", "TransactWrite"];
        let stores = [Service::DynamoDb, Service::SecretsManager];
        lock(&self.0).since(mark.0).any(|call| {
            let writes = verbs.iter().any(|verb| call.operation.starts_with(verb));
            writes && stores.contains(&call.service)
        })
    }

    /// Removes all calls.
    pub fn clear(&self) {
        lock(&self.0).clear();
    }

    pub(crate) fn begin(&self, call: AwsCall) -> usize {
        lock(&self.0).push(call)
    }

    pub(crate) fn answered(&self, index: usize, status: u16) {
        if let Some(call) = lock(&self.0).get_mut(index) {
            call.status = Some(status);
        }
    }
}

/// What a scripted fault does to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Refused with this status and error type (`ThrottlingException`, …); nothing is done.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// The error type, as the service would name it.
        error: String,
    },
    /// Performed and answered after this real time. A call whose client hangs up earlier is not performed.
    Hang(Duration),
    /// The connection is cut before the call is performed.
    DropBefore,
    /// The call is performed, and the connection is cut before the answer.
    DropAfter,
}

/// A scripted fault: the next `times` calls of `operation` (of any, when `None`) by another caller than `spares` have `effect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InjectedAwsFault {
    /// The service.
    pub service: Service,
    /// The operation; `None` is any.
    pub operation: Option<String>,
    /// What happens to the calls.
    pub effect: Effect,
    /// How many calls; `None`: all, until the faults are cleared.
    pub times: Option<u32>,
    /// The caller whose calls it leaves alone.
    pub spares: Option<&'static str>,
}

impl InjectedAwsFault {
    /// The next call of `operation` has `effect`.
    pub fn once(service: Service, operation: &str, effect: Effect) -> Self {
        Self {
            service,
            operation: Some(operation.to_owned()),
            ..Self::any(service, effect)
        }
    }

    /// The next call of any operation of `service` has `effect`.
    pub const fn any(service: Service, effect: Effect) -> Self {
        Self {
            service,
            operation: None,
            effect,
            times: Some(1),
            spares: None,
        }
    }

    /// The same for the next `times` calls.
    #[must_use]
    pub const fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// The same for every call until the faults are cleared.
    #[must_use]
    pub const fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Leaves the calls of this caller alone.
    #[must_use]
    pub const fn sparing(mut self, caller: &'static str) -> Self {
        self.spares = Some(caller);
        self
    }

    fn takes(&self, call: &AwsCall) -> bool {
        let operation = self.operation.as_deref();
        self.service == call.service
            && operation.is_none_or(|operation| operation == call.operation)
            && self.spares.is_none_or(|caller| caller != call.caller)
    }
}

/// The faults that are still to happen, first in, first out, each with the number of calls that it has taken.
#[derive(Debug, Default)]
pub(crate) struct InjectedAwsFaults(Mutex<Vec<(InjectedAwsFault, u32)>>);

impl InjectedAwsFaults {
    pub(crate) fn add(&self, fault: InjectedAwsFault) {
        if fault.times != Some(0) {
            lock(&self.0).push((fault, 0));
        }
    }

    pub(crate) fn all(&self) -> Vec<(InjectedAwsFault, u32)> {
        lock(&self.0).clone()
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }

    pub(crate) fn take(&self, call: &AwsCall) -> Option<Effect> {
        let mut faults = lock(&self.0);
        let index = faults.iter().position(|(fault, _)| fault.takes(call))?;
        let (fault, taken) = faults.get_mut(index)?;
        *taken += 1;
        fault.times = fault.times.map(|times| times - 1);
        let effect = fault.effect.clone();
        if fault.times == Some(0) {
            faults.remove(index);
        }
        Some(effect)
    }
}
