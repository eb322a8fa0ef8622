//! A function's settings, how an invocation of it ends, and what its processes write.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::lock::lock;
use crate::recent::Recent;

/// Lambda's limit for a synchronous request and for a response: 6 MB and a little (docs/vendors.md#lambda-and-http-apis).
pub(super) const PAYLOAD_LIMIT: usize = 6 * 1024 * 1024 + 100;

/// What a function runs as.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name, also in ARNs and log lines.
    pub name: String,
    /// Program and arguments. The process has to talk to the Lambda runtime API.
    pub command: Vec<OsString>,
    /// Environment variables. Those that Lambda sets itself win, except region and credentials.
    pub environment: BTreeMap<String, String>,
    /// An invocation that takes longer is ended, and its process killed.
    pub timeout: Duration,
    /// Set as a variable, not enforced.
    pub memory_mb: u32,
    /// The most processes at once, at least one. Further invocations wait for a free one.
    pub max_environments: usize,
}

/// A function's failure as the caller of Lambda sees it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error_type}: {message}")]
pub struct FunctionError {
    /// The function's own error type, or the service's: `Sandbox.Timedout`, `Runtime.ExitError`,
    /// `Runtime.InvalidEntrypoint`, `Function.ResponseSizeTooLarge`, `RequestEntityTooLarge`, `ServiceException`.
    pub error_type: String,
    /// For people.
    pub message: String,
}

impl FunctionError {
    pub(crate) fn new(error_type: &str, message: impl Into<String>) -> Self {
        Self {
            error_type: error_type.to_owned(),
            message: message.into(),
        }
    }
}

/// How one invocation went.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The response's bytes, or the failure.
    pub result: Result<Vec<u8>, FunctionError>,
    /// From handing the event to the process to its answer. Without the init.
    pub duration: Duration,
    /// From starting the process to its first request for an invocation; only of a cold invocation.
    pub init: Option<Duration>,
    /// Lambda's request id.
    pub request_id: String,
    /// Whether a process was started for it.
    pub cold: bool,
}

/// What the processes of one function wrote.
pub(crate) struct Output {
    name: String,
    pub(super) echo: Mutex<Option<mpsc::UnboundedSender<(String, String)>>>,
    pub(super) lines: watch::Sender<Recent<String>>,
}

impl Output {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            echo: Mutex::new(None),
            lines: watch::Sender::new(Recent::default()),
        }
    }

    pub(crate) fn push(&self, line: &str) {
        if let Some(echo) = &*lock(&self.echo) {
            // The receiver is gone when the program ends.
            let _ = echo.send((self.name.clone(), line.to_owned()));
        }
        self.lines.send_modify(|lines| {
            lines.push(line.to_owned());
        });
    }
}
