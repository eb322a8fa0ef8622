//! What the two simulators share: the record of every request, scripted faults, and a server that can really drop a
//! connection.

mod client;
mod fault;
mod page;
mod request;
mod server;

pub use fault::{FaultAction, InjectedFault, RequestMatcher};
pub use request::{Mark, RecordedRequest};

pub(crate) use client::plain_client;
pub(crate) use fault::InjectedFaults;
pub(crate) use page::{escaped, with_links};
pub(crate) use request::Requests;
pub(crate) use server::{RequestRefusal, Server, SimulatorResponse, Site};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A test that panics while it holds a simulator's state has failed already; the others may go on.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
