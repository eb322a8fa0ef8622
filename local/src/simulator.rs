//! What the two simulators share: the facade, the record of every request, scripted faults, and a server that can drop
//! a connection.

mod client;
mod facade;
mod fault;
mod page;
mod request;
mod server;

pub use facade::Simulator;
pub use fault::{FaultAction, InjectedFault, RequestMatcher};
pub use request::{Mark, RecordedRequest};

pub(crate) use client::plain_client;
pub(crate) use page::with_links;
pub(crate) use server::{RequestRefusal, SimulatorResponse, Site};
