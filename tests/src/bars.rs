//! What a release has to keep to: each figure stands here once, for the tests that guard it and for the report that
//! prints it.

/// How many times the bare handler's cold start `session-details` may take, process start to first answer, with plain
/// HTTP to everything it calls.
pub const COLD_START_TO_FLOOR: f64 = 2.0;
/// How many times faster than the same work in Node.js that is at least, over TLS.
pub const FASTER_THAN_NODE: f64 = 10.0;
/// How many times faster than the same work in Python that is at least, over TLS.
pub const FASTER_THAN_PYTHON: f64 = 18.0;
/// How many times the bare handler's processor time `session-details` may take until its first answer, over TLS: a
/// small Lambda gets a fraction of a core, so that processor time is what its callers wait for.
pub const PROCESSOR_TIME_TO_FLOOR: f64 = 4.0;
/// How many times as long as the bare handler with the one AWS call a warm `session-details` may take, in the median.
pub const WARM_TO_ONE_CALL: f64 = 1.3;
/// The largest resident set of a function after typical requests (a post of 4 KB), in bytes.
pub const PEAK_MEMORY: u64 = 12_000_000;
/// The largest resident set of a function after a post with 2 MB of chat, in bytes.
pub const PEAK_MEMORY_LARGE: u64 = 30_000_000;
/// The largest zipped binary of a function, in bytes.
pub const ZIP: u64 = 2_500_000;
/// How many times the calls for a post with the fewest tenants those with the most may be: the same number, but for what
/// is read again every half minute.
pub const CALLS_AS_TENANTS_GROW: f64 = 1.05;

/// How many calls one request to a function costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallBar {
    /// The function.
    pub function: &'static str,
    /// Whom it calls, as [`crate::calls::Calls`] names them.
    pub service: &'static str,
    /// In a process that has just been started.
    pub cold: usize,
    /// In a process that has answered before.
    pub warm: usize,
}

/// The calls of every function to everybody whom it calls. Whoever is not listed is not called.
///
/// A post to a tenant that is known; a delivery to a record that is known, without an attachment; a PIN without e-mails
/// and note; a token that is handed over and stored; a rotation that renews, all its steps together. Access tokens and
/// authcodes are shared already, as they are whenever another process has worked before.
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
    bar("rotate-tokens", "DynamoDB", 11, 10),
    bar("rotate-tokens", "Secrets Manager", 16, 15),
    bar("rotate-tokens", "ServiceNow", 2, 2),
];

const fn bar(function: &'static str, service: &'static str, cold: usize, warm: usize) -> CallBar {
    CallBar {
        function,
        service,
        cold,
        warm,
    }
}

/// The bar of a function's calls to a service; none allowed where there is none.
pub fn calls(function: &str, service: &str) -> (usize, usize) {
    let bar = CALLS
        .iter()
        .find(|bar| bar.function == function && bar.service == service);
    bar.map_or((0, 0), |bar| (bar.cold, bar.warm))
}
