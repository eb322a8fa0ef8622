//! The Lambda side of the embedded cloud: function processes, the HTTP API in front of them, the queue poller behind.
//!
//! Functions run as child processes against a Lambda runtime API, so tests run the deployed binary. A [`Function`] is
//! started by any command. The local program starts itself as each function, so `cargo run` builds one binary.

mod environment;
mod function;
mod gateway;
mod poller;
mod pool;
#[cfg(test)]
pub(crate) mod testing;

pub use function::{Function, FunctionError, Invocation};
pub use gateway::{Gateway, GatewayError, Route};
pub use poller::Poller;
pub use pool::Lambda;
