//! Faults that tests and demo script: which requests fail, how often, and how.

use std::sync::Mutex;
use std::time::Duration;

use super::request::RecordedRequest;
use crate::lock::lock;

/// Which requests a fault takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestMatcher {
    method: Option<String>,
    path_contains: Option<String>,
    body_contains: Option<String>,
}

impl RequestMatcher {
    /// Takes every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Takes requests of this method whose path and query, as sent, contain the text.
    pub fn of(method: &str, path_contains: &str) -> Self {
        Self {
            method: Some(method.to_ascii_uppercase()),
            ..Self::path(path_contains)
        }
    }

    /// Takes requests of any method whose path and query, as sent, contain the text.
    pub fn path(path_contains: &str) -> Self {
        Self {
            path_contains: Some(path_contains.to_owned()),
            ..Self::default()
        }
    }

    /// Narrows to requests whose body contains the text.
    #[must_use]
    pub fn body_containing(mut self, text: &str) -> Self {
        self.body_contains = Some(text.to_owned());
        self
    }

    fn takes(&self, request: &RecordedRequest) -> bool {
        let target = format!("{}?{}", request.path, request.raw_query);
        self.method
            .as_ref()
            .is_none_or(|method| *method == request.method)
            && self
                .path_contains
                .as_ref()
                .is_none_or(|part| target.contains(part.as_str()))
            && self
                .body_contains
                .as_ref()
                .is_none_or(|part| request.text().contains(part.as_str()))
    }
}

/// How a request fails. "Takes effect" means that the simulator performs the request before the answer fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultAction {
    /// Answers this and does nothing.
    Status {
        /// The HTTP status.
        code: u16,
        /// Headers to send.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// Takes effect, then answers this instead of the real answer.
    CommitThenStatus {
        /// The HTTP status.
        code: u16,
        /// Headers to send.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// Waits, then serves normally, even when the caller has hung up by then.
    Delay(Duration),
    /// Takes effect at once and answers after the wait.
    CommitThenDelay(Duration),
    /// Answers 200 with an HTML page and does nothing (hibernating instance, login page, maintenance).
    Html,
    /// Takes effect, then answers its real status with the first half of the body.
    TruncatedJson,
    /// Takes effect, then answers its real status with the body followed by an `error` member, as ServiceNow does when
    /// the time limit hits in mid-stream.
    MixedJson,
    /// Takes effect, then closes the connection without an answer.
    CommitThenDrop,
    /// Closes the connection without an answer and does nothing.
    DropBefore,
    /// Answers 202 and does nothing, as ServiceNow does with queued requests of one session.
    Accepted,
    /// The 500 of a cancelled transaction.
    Cancelled {
        /// Whether it took effect all the same.
        committed: bool,
    },
    /// Too many requests: with the headers of an hourly rule, or bare as from a full semaphore queue.
    RateLimited {
        /// Seconds until the hourly rule lets requests through again; `None` for the bare answer.
        retry_after: Option<u64>,
    },
    /// Refuses the credentials that were sent and does nothing.
    Unauthorized,
}

impl FaultAction {
    /// [`FaultAction::Status`] with an empty body.
    pub fn status(code: u16) -> Self {
        Self::Status {
            code,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// 200 with this text, which is how Rescue answers errors.
    pub fn text(body: &str) -> Self {
        Self::Status {
            code: 200,
            headers: vec![(
                "content-type".to_owned(),
                "text/plain; charset=utf-8".to_owned(),
            )],
            body: body.to_owned(),
        }
    }
}

/// A scripted fault, such as
/// `InjectedFault::on(RequestMatcher::of("PATCH", "/incident")).times(2).then(FaultAction::CommitThenDrop)`.
#[derive(Clone, Debug)]
pub struct InjectedFault {
    name: &'static str,
    matcher: RequestMatcher,
    passing: u32,
    left: Option<u32>,
    taken: u32,
    action: FaultAction,
}

impl InjectedFault {
    /// Answers the first matching request with 503; [`InjectedFault::times`], [`InjectedFault::always`] and
    /// [`InjectedFault::then`] change that.
    pub fn on(matcher: RequestMatcher) -> Self {
        Self {
            name: "",
            matcher,
            passing: 0,
            left: Some(1),
            taken: 0,
            action: FaultAction::status(503),
        }
    }

    /// Lets that many matching requests through first.
    #[must_use]
    pub fn after(mut self, requests: u32) -> Self {
        self.passing = requests;
        self
    }

    /// Takes that many matching requests.
    #[must_use]
    pub fn times(mut self, requests: u32) -> Self {
        self.left = Some(requests);
        self
    }

    /// Takes every matching request until the faults are cleared.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.left = None;
        self
    }

    /// Gives it a name, by which it can be listed and replaced.
    #[must_use]
    pub(crate) const fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// What happens to the requests it takes.
    #[must_use]
    pub fn then(mut self, action: FaultAction) -> Self {
        self.action = action;
        self
    }
}

/// A fault with a name, while it has requests left to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedFault {
    pub(crate) name: &'static str,
    /// How many requests it has taken.
    pub(crate) taken: u32,
    /// How many it will take; `None` until the faults are cleared.
    pub(crate) left: Option<u32>,
}

/// The faults that are still to come, in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct InjectedFaults(Mutex<Vec<InjectedFault>>);

impl InjectedFaults {
    pub(crate) fn add(&self, fault: InjectedFault) {
        lock(&self.0).push(fault);
    }

    /// Adds a fault before the others, in place of the one with its name.
    pub(crate) fn put_first(&self, fault: InjectedFault) {
        let mut faults = lock(&self.0);
        // Behind a fault that takes every request another one would take none.
        let is_hidden = |other: &InjectedFault| fault.left.is_none() && other.left.is_none();
        faults.retain(|other| other.name != fault.name && !is_hidden(other));
        faults.insert(0, fault);
    }

    /// The faults with names that have requests left to take.
    pub(crate) fn listed(&self) -> Vec<ListedFault> {
        let faults = lock(&self.0);
        let listed = faults
            .iter()
            .filter(|fault| !fault.name.is_empty() && fault.left != Some(0));
        let listed = listed.map(|fault| ListedFault {
            name: fault.name,
            taken: fault.taken,
            left: fault.left,
        });
        listed.collect()
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }

    /// How many faults have requests left to take.
    pub(crate) fn pending(&self) -> usize {
        lock(&self.0)
            .iter()
            .filter(|fault| fault.left != Some(0))
            .count()
    }

    /// The action for a request, which counts as one of the fault's requests.
    pub(super) fn take(&self, request: &RecordedRequest) -> Option<FaultAction> {
        let mut faults = lock(&self.0);
        for fault in faults
            .iter_mut()
            .filter(|fault| fault.left != Some(0) && fault.matcher.takes(request))
        {
            if fault.passing > 0 {
                fault.passing -= 1;
                continue;
            }
            fault.left = fault.left.map(|left| left - 1);
            fault.taken += 1;
            return Some(fault.action.clone());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use shared::domain::clock::Timestamp;

    use super::*;

    fn request(path: &str) -> RecordedRequest {
        RecordedRequest {
            method: "GET".to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            raw_query: String::new(),
            headers: Vec::new(),
            authorization: None,
            body: Vec::new(),
            at: Timestamp::from_millis(0),
            status: None,
        }
    }

    #[test]
    fn a_fault_with_a_name_goes_first_and_is_listed_until_it_is_used_up() {
        let faults = InjectedFaults::default();
        faults.put_first(
            InjectedFault::on(RequestMatcher::any())
                .always()
                .named("down"),
        );
        let cut = || {
            let cut = InjectedFault::on(RequestMatcher::path("/table")).named("cut");
            cut.then(FaultAction::DropBefore)
        };
        faults.put_first(cut());
        faults.put_first(cut());
        let listed = || {
            let listed = faults.listed().into_iter();
            listed
                .map(|fault| (fault.name, fault.taken, fault.left))
                .collect::<Vec<_>>()
        };
        assert_eq!(listed(), [("cut", 0, Some(1)), ("down", 0, None)]);
        let taken = ["/token", "/table", "/table"].map(|path| faults.take(&request(path)));
        let down = Some(FaultAction::status(503));
        assert_eq!(taken, [down.clone(), Some(FaultAction::DropBefore), down]);
        assert_eq!(listed(), [("down", 2, None)]);
        faults.clear();
        assert_eq!(listed(), []);
    }
}
