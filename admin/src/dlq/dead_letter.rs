//! A dead letter as commands print it, and which of them a command selects.

use serde::Serialize;
use serde_json::Value;
use shared::domain::clock::Timestamp;
use shared::domain::session::{Event, Source};
use shared::domain::tenant::TenantId;

use crate::remedies::Explained;

/// One dead letter.
///
/// As JSON: `{"id","tenant","session_id","reason","detail","received_at"}`. `tenant` and `session_id` are null when the
/// message does not name them. `reason` is null when SQS moved the message after 400 receives. `detail` is left out when
/// the vendor gave no reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// SQS's message id; a message that is put back and fails again has another one.
    pub id: String,
    /// The tenant that the post belongs to.
    pub tenant: Option<String>,
    /// Rescue's id of the session.
    pub session_id: Option<String>,
    /// Why it was not delivered: a code of the error table.
    pub reason: Option<String>,
    /// The part of the vendor's reason that is configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// When the post was accepted.
    pub received_at: Timestamp,
}

/// The answer of `dlq show`.
///
/// As JSON: the members of `dlq list`, and `{"sent_at","encoding","redrivable","event","source","delivery","bytes","content",
/// "meaning","remedy","unreadable","not_before"}`. `event` and `delivery` only for a post, `source` only for one that was made
/// from Rescue's report. `content` only when it is requested: a post's fields as an object, anything else as a text. `meaning`
/// and `remedy` explain the reason.
/// `unreadable` says why the message cannot be put back. Until `not_before` its outcome is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ShownDeadLetter {
    #[serde(flatten)]
    pub(crate) dead_letter: DeadLetter,
    /// When it was put into the dead-letter queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sent_at: Option<Timestamp>,
    /// `message`: a message of the sessions queue. `text`, `base64`, `gzip+base64`: a body that `session-details` could
    /// not read.
    pub(crate) encoding: String,
    pub(crate) redrivable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<Event>,
    /// Left out of what Rescue posted.
    #[serde(skip_serializing_if = "Source::is_post")]
    pub(crate) source: Source,
    /// The post's digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delivery: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) explained: Option<Explained>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unreadable: Option<String>,
    /// No attempt begins before then: an earlier one may still take effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) bytes: usize,
    /// What was posted: personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<Value>,
}

/// A dead letter that stays in the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RemainingDeadLetter {
    /// The dead letter.
    #[serde(flatten)]
    pub dead_letter: DeadLetter,
    /// Why it stays.
    pub because: String,
}

/// Selects dead letters.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those of this tenant.
    pub tenant: Option<TenantId>,
    /// Only those of this session.
    pub session: Option<String>,
}

impl Filter {
    pub(super) fn matches(&self, dead_letter: &DeadLetter) -> bool {
        let tenant = self.tenant.as_ref();
        tenant.is_none_or(|tenant| dead_letter.tenant.as_deref() == Some(tenant.as_str()))
            && (self.session.is_none() || self.session == dead_letter.session_id)
    }
}
