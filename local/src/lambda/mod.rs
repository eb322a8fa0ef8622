//! The Lambda side of the embedded cloud: function processes, the HTTP API in front of them, the queue poller behind.
//!
//! Functions run as real child processes and talk to a real Lambda runtime API, so what is tested here is the binary
//! that is deployed. A [`Function`] is started by any command. The local program starts itself as each of its
//! functions, so one binary is all that has to be built and shipped to a laptop.

mod environment;
mod function;
mod gateway;
mod poller;
mod pool;
#[cfg(test)]
mod testing;

pub use function::{Function, FunctionError, Invocation};
pub use gateway::{Gateway, GatewayError, Route};
pub use poller::Poller;
pub use pool::Lambda;
