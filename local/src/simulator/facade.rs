//! What both simulators offer to tests and to the demo.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::fault::{InjectedFault, ListedFault};
use super::request::{Mark, RecordedRequest};
use super::server::{Server, Site};

/// A running simulator. Clones share it; it stops when the last one is dropped.
pub struct Simulator<S> {
    pub(crate) system: Arc<S>,
    server: Arc<Server>,
}

impl<S> Simulator<S> {
    pub(crate) fn serve(port: Option<u16>, system: S) -> io::Result<Self>
    where
        S: Site,
    {
        let system = Arc::new(system);
        let server = Server::start(port, Arc::clone(&system) as Arc<dyn Site>)?;
        Ok(Self {
            system,
            server: Arc::new(server),
        })
    }

    /// The base URL, without a slash at the end.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Scripts a fault. Faults are tried in the order in which they were added.
    pub fn fault(&self, fault: InjectedFault) {
        self.server.traffic.faults.add(fault);
    }

    /// Scripts a fault that has a name: it is tried before the others, in place of the one with that name.
    pub(crate) fn put_fault_first(&self, fault: InjectedFault) {
        self.server.traffic.faults.put_first(fault);
    }

    /// The faults with names that have requests left to take.
    pub(crate) fn listed_faults(&self) -> Vec<ListedFault> {
        self.server.traffic.faults.listed()
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.server.traffic.faults.clear();
    }

    /// How many faults have not yet taken all the requests they were made for.
    pub fn pending_faults(&self) -> usize {
        self.server.traffic.faults.pending()
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.server.traffic.requests.all()
    }

    /// The requests of a method (any, when empty) whose path contains a text.
    pub fn requests_matching(&self, method: &str, path_contains: &str) -> Vec<RecordedRequest> {
        self.server.traffic.requests.matching(method, path_contains)
    }

    /// The present end of the record of requests.
    pub fn mark(&self) -> Mark {
        self.server.traffic.requests.mark()
    }

    /// The requests that arrived after a mark was made.
    pub fn since(&self, mark: Mark) -> Vec<RecordedRequest> {
        self.server.traffic.requests.since(mark)
    }

    /// Keeps no more than so many of the newest requests from now on.
    pub(crate) fn keep_requests(&self, newest: usize) {
        self.server.traffic.requests.keep(newest);
    }

    /// Drops the requests so far, so that a long run needs no more memory than a short one. Marks stay valid.
    pub fn forget_requests(&self) {
        self.server.traffic.requests.forget();
    }

    /// What callers did that they must never do, such as to send a secret in a URL.
    pub fn violations(&self) -> Vec<String> {
        self.server.site.violations()
    }
}

impl<S> Clone for Simulator<S> {
    fn clone(&self) -> Self {
        Self {
            system: Arc::clone(&self.system),
            server: Arc::clone(&self.server),
        }
    }
}

impl<S> fmt::Debug for Simulator<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Simulator").field(&self.url()).finish()
    }
}
