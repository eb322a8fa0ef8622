//! A call of one of the REST APIs, after its authentication.

use shared::domain::clock::Timestamp;

use super::refusal;
use super::state::Principal;
use crate::simulator::{RecordedRequest, SimulatorResponse};

pub(super) struct ApiCall<'a> {
    pub(super) request: &'a RecordedRequest,
    pub(super) caller: &'a Principal,
    pub(super) now: Timestamp,
    /// `v1` in the path: an empty list is a 404.
    pub(super) first_version: bool,
}

/// The response, or a refusal.
pub(super) type ApiResult = Result<SimulatorResponse, SimulatorResponse>;

impl ApiCall<'_> {
    /// A body needs its `Content-Type`, and every call an `Accept` for JSON.
    pub(super) fn check_headers(&self) -> Result<(), SimulatorResponse> {
        let header = |name, key| {
            let sent = self.request.header(key);
            sent.ok_or_else(|| refusal::missing_header(name))
        };
        let accept = header("Accept", "accept")?;
        if !accept.contains("application/json") && !accept.contains("*/*") {
            return Err(refusal::not_acceptable(accept));
        }
        if matches!(self.request.method.as_str(), "POST" | "PUT" | "PATCH") {
            let sent = header("Content-Type", "content-type")?;
            if !self.request.is_of_type("application/json") {
                return Err(refusal::media_type(sent));
            }
        }
        Ok(())
    }

    /// Scheme and host that the caller used.
    pub(super) fn origin(&self) -> String {
        let host = self.request.header("host");
        format!("http://{}", host.unwrap_or("localhost"))
    }

    /// A parameter that is a whole number.
    pub(super) fn number(&self, parameter: &str, default: usize) -> usize {
        let text = self.request.parameter(parameter);
        text.and_then(|text| text.parse().ok()).unwrap_or(default)
    }
}
