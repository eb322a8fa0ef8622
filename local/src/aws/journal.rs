//! The journal of calls to the embedded AWS, and its scripted faults.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use shared::domain::clock::Timestamp;

use crate::lock::lock;

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

/// Every call since the start, oldest first. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct CallJournal(Arc<Mutex<Vec<AwsCall>>>);

impl CallJournal {
    /// The present end of the journal.
    pub fn mark(&self) -> Mark {
        Mark(lock(&self.0).len())
    }

    /// All calls.
    pub fn calls(&self) -> Vec<AwsCall> {
        lock(&self.0).clone()
    }

    /// The calls that came in after `mark`.
    pub fn since(&self, mark: Mark) -> Vec<AwsCall> {
        lock(&self.0).iter().skip(mark.0).cloned().collect()
    }

    /// How many calls of one operation came in after `mark`.
    pub fn count(&self, mark: Mark, service: Service, operation: &str) -> usize {
        lock(&self.0)
            .iter()
            .skip(mark.0)
            .filter(|call| call.service == service && call.operation == operation)
            .count()
    }

    /// How many calls of any operation of `service` came in after `mark`.
    pub fn count_service(&self, mark: Mark, service: Service) -> usize {
        lock(&self.0)
            .iter()
            .skip(mark.0)
            .filter(|call| call.service == service)
            .count()
    }

    /// Removes all calls. Marks from before are void.
    pub fn clear(&self) {
        lock(&self.0).clear();
    }

    pub(crate) fn begin(&self, call: AwsCall) -> usize {
        let mut calls = lock(&self.0);
        calls.push(call);
        calls.len() - 1
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

/// A scripted fault: the next `times` calls of `operation` (of any, when `None`) have `effect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InjectedAwsFault {
    /// The service.
    pub service: Service,
    /// The operation; `None` is any.
    pub operation: Option<String>,
    /// What happens to the calls.
    pub effect: Effect,
    /// How many calls.
    pub times: u32,
}

impl InjectedAwsFault {
    /// The next call of `operation` has `effect`.
    pub fn once(service: Service, operation: &str, effect: Effect) -> Self {
        Self {
            service,
            operation: Some(operation.to_owned()),
            effect,
            times: 1,
        }
    }

    /// The next call of any operation of `service` has `effect`.
    pub const fn any(service: Service, effect: Effect) -> Self {
        Self {
            service,
            operation: None,
            effect,
            times: 1,
        }
    }

    /// The same for the next `times` calls.
    #[must_use]
    pub const fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }
}

/// The faults that are still to happen, first in, first out.
#[derive(Debug, Default)]
pub(crate) struct InjectedAwsFaults(Mutex<Vec<InjectedAwsFault>>);

impl InjectedAwsFaults {
    pub(crate) fn add(&self, fault: InjectedAwsFault) {
        if fault.times > 0 {
            lock(&self.0).push(fault);
        }
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }

    pub(crate) fn take(&self, service: Service, operation: &str) -> Option<Effect> {
        let mut faults = lock(&self.0);
        let index = faults.iter().position(|fault| {
            fault.service == service
                && fault
                    .operation
                    .as_deref()
                    .is_none_or(|wanted| wanted == operation)
        })?;
        let fault = faults.get_mut(index)?;
        fault.times -= 1;
        let effect = fault.effect.clone();
        if fault.times == 0 {
            faults.remove(index);
        }
        Some(effect)
    }
}
