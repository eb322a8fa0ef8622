//! The Lambda side of the embedded cloud: function processes, the HTTP API in front of them, the queue poller behind.
//!
//! Functions run as real child processes and talk to a real Lambda runtime API, so what is tested here is the binary
//! that is deployed. A [`Function`] is started by any command. The local program starts itself as each of its
//! functions, so one binary is all that has to be built and shipped to a laptop.

mod environment;
mod function;
mod gateway;
mod poller;
#[cfg(test)]
mod testing;

pub use function::{Function, FunctionError, Invocation, Lambda};
pub use gateway::{Gateway, GatewayError, Route};
pub use poller::Poller;

/// The account in ARNs and events.
pub(crate) const ACCOUNT_ID: &str = "000000000000";

/// The region of a function that names none in its environment.
pub(crate) const DEFAULT_REGION: &str = "us-east-1";

/// Lambda's limit for a synchronous request and for a response: 6 MB and a little (docs/vendors.md#lambda-and-http-apis).
pub(crate) const PAYLOAD_LIMIT: usize = 6 * 1024 * 1024 + 100;
