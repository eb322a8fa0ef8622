//! The record of every request that reached a simulator.

use std::sync::Mutex;

use shared::domain::clock::Timestamp;

use crate::lock::lock;
use crate::recent::Recent;

/// A request as it arrived, and how it was answered.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    /// The method, in capitals.
    pub method: String,
    /// The path, without its query, as it was sent.
    pub path: String,
    /// The query's pairs, decoded, in the order sent.
    pub query: Vec<(String, String)>,
    /// The query as it was sent, empty when there was none.
    pub raw_query: String,
    /// The headers with lower-cased names, without `authorization`.
    pub headers: Vec<(String, String)>,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// When it came, on the simulator's clock.
    pub at: Timestamp,
    /// The status of the answer; `None` before the answer, and when the connection was dropped.
    pub status: Option<u16>,
}

impl RecordedRequest {
    /// The first value of a header, by its lower-cased name.
    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    /// The first value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        value(&self.query, name)
    }

    /// The body as text; broken UTF-8 shows as replacement characters.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null when it is something else.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body's pairs, read as an HTML form.
    pub fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// Whether the `Content-Type` is this media type, with any parameters.
    pub(crate) fn is_of_type(&self, media_type: &str) -> bool {
        self.header("content-type").is_some_and(|sent| {
            let essence = sent.split(';').next().unwrap_or_default();
            essence.trim().eq_ignore_ascii_case(media_type)
        })
    }
}

/// The first value under a name.
pub(super) fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// A position in the record of requests, for [`super::Simulator::since`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(usize);

/// The requests that a simulator received, in the order of their arrival.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<Recent<RecordedRequest>>);

impl Requests {
    /// Keeps no more than so many of the newest from now on.
    pub(crate) fn keep(&self, newest: usize) {
        lock(&self.0).keep(newest);
    }

    pub(super) fn arrived(&self, request: RecordedRequest) -> usize {
        lock(&self.0).push(request)
    }

    pub(super) fn answered(&self, index: usize, status: u16) {
        if let Some(request) = lock(&self.0).get_mut(index) {
            request.status = Some(status);
        }
    }

    pub(crate) fn all(&self) -> Vec<RecordedRequest> {
        lock(&self.0).iter().cloned().collect()
    }

    /// Marks that were made before stay valid.
    pub(crate) fn forget(&self) {
        lock(&self.0).clear();
    }

    pub(crate) fn matching(&self, method: &str, path_contains: &str) -> Vec<RecordedRequest> {
        let fits = |request: &&RecordedRequest| {
            (method.is_empty() || request.method == method) && request.path.contains(path_contains)
        };
        lock(&self.0).iter().filter(fits).cloned().collect()
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark(lock(&self.0).end())
    }

    pub(crate) fn since(&self, mark: Mark) -> Vec<RecordedRequest> {
        lock(&self.0).since(mark.0).cloned().collect()
    }
}
