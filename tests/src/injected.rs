//! Answers, refusals and texts that tests inject into the simulators and the embedded AWS.

use local::aws::Effect;
use local::simulator::FaultAction;

fn with_header(code: u16, name: &str, value: &str, body: &str) -> FaultAction {
    FaultAction::Status {
        code,
        headers: vec![(name.to_owned(), value.to_owned())],
        body: body.to_owned(),
    }
}

/// A JSON document.
pub fn json(code: u16, body: &str) -> FaultAction {
    with_header(code, "content-type", "application/json", body)
}

/// An HTML page, as a gateway or a login sends it.
pub fn page(code: u16, body: &str) -> FaultAction {
    with_header(code, "content-type", "text/html", body)
}

/// A `503` with the header.
pub fn retry_after(value: &str) -> FaultAction {
    with_header(503, "retry-after", value, "")
}

/// A redirect to a URL.
pub fn redirect(code: u16, url: &str) -> FaultAction {
    with_header(code, "location", url, "")
}

/// ServiceNow's limit on the rate of requests, with the seconds of `Retry-After`.
pub fn rate_limited(seconds: u64) -> FaultAction {
    FaultAction::RateLimited {
        retry_after: Some(seconds),
    }
}

/// The refusal of an AWS call with that status and error type.
pub fn refused(status: u16, error: &str) -> Effect {
    Effect::Refuse {
        status,
        error: error.to_owned(),
    }
}

/// A refusal that the SDK does not repeat.
pub fn denied() -> Effect {
    refused(400, "AccessDeniedException")
}

/// Text that no compression makes much smaller.
pub fn noise(length: usize) -> String {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let index = u32::try_from(state % 94).expect("small");
            char::from_u32(33 + index).expect("ASCII")
        })
        .collect()
}
