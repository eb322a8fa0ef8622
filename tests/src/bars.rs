//! The limits of a release. The tests check them, and the benchmark report prints them.

/// The longest cold start of `session-details`, process start to first answer, as a multiple of the bare handler's. Plain
/// HTTP.
pub const COLD_START_TO_FLOOR: f64 = 2.0;
/// How many times faster that cold start is at least than the same work in Node.js, over TLS.
pub const FASTER_THAN_NODE: f64 = 10.0;
/// How many times faster that cold start is at least than the same work in Python, over TLS.
pub const FASTER_THAN_PYTHON: f64 = 18.0;
/// The most processor time of `session-details` until its first answer, over TLS, as a multiple of the bare handler's. A
/// small Lambda function has a fraction of a core, so its callers wait for processor time.
pub const PROCESSOR_TIME_TO_FLOOR: f64 = 4.0;
/// The longest median time of a warm `session-details`, as a multiple of the bare handler's with the same AWS call.
pub const WARM_TO_ONE_CALL: f64 = 1.3;
/// The largest resident set of a function after typical requests (a post of 4 KB), in bytes.
pub const PEAK_MEMORY: u64 = 12_000_000;
/// The largest resident set of a function after a post with 2 MB of chat, in bytes.
pub const PEAK_MEMORY_LARGE: u64 = 30_000_000;
/// The largest zipped binary of a function, in bytes.
pub const ZIP: u64 = 2_500_000;
/// How many times the calls for a post may grow from the fewest tenants to the most. Not 1.0: some values are read again
/// every half minute.
pub const CALLS_AS_TENANTS_GROW: f64 = 1.05;

/// How many calls one request to a function costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallBar {
    /// The function.
    pub function: &'static str,
    /// The service that it calls, as in [`crate::calls::SERVICES`].
    pub service: &'static str,
    /// In a new process.
    pub cold: usize,
    /// In a process that has handled a request.
    pub warm: usize,
}

/// The most calls of every function to each service. A function calls no other service.
///
/// A post of a cached tenant; a delivery to a known record, without an attachment; a PIN without e-mails and note; a token
/// that is handed over and stored; a status without checks; a rotation that renews, all its steps together; a tenant that is
/// compared with Rescue's report and has nothing missing. Another process has shared access tokens and authcodes before.
pub const CALLS: &[CallBar] = &[
    bar("session-details", "DynamoDB", 1, 0),
    bar("session-details", "SQS", 1, 1),
    bar("deliver-session", "DynamoDB", 6, 3),
    bar("deliver-session", "SQS", 1, 1),
    bar("deliver-session", "ServiceNow", 1, 1),
    bar("generate-pin", "DynamoDB", 4, 2),
    bar("generate-pin", "Secrets Manager", 1, 0),
    bar("generate-pin", "Rescue", 1, 1),
    bar("receive-token", "DynamoDB", 7, 6),
    bar("receive-token", "Secrets Manager", 6, 5),
    bar("receive-token", "ServiceNow", 2, 2),
    bar("tenant-settings", "DynamoDB", 3, 3),
    bar("tenant-settings", "Secrets Manager", 1, 1),
    bar("rotate-tokens", "DynamoDB", 11, 10),
    bar("rotate-tokens", "Secrets Manager", 16, 15),
    bar("rotate-tokens", "ServiceNow", 2, 2),
    bar("reconcile-sessions", "DynamoDB", 11, 11),
    bar("reconcile-sessions", "SQS", 1, 1),
    bar("reconcile-sessions", "Secrets Manager", 1, 1),
    bar("reconcile-sessions", "Rescue", 8, 8),
];

const fn bar(function: &'static str, service: &'static str, cold: usize, warm: usize) -> CallBar {
    CallBar {
        function,
        service,
        cold,
        warm,
    }
}

/// The most calls of a function to a service, cold and warm.
pub fn calls(function: &str, service: &str) -> (usize, usize) {
    let bar = CALLS
        .iter()
        .find(|bar| bar.function == function && bar.service == service);
    bar.map_or((0, 0), |bar| (bar.cold, bar.warm))
}
