//! The table of all errors: what callers see, who has to act, the log level, and whether to try again.
//!
//! The documentation prints this table; a test compares the two.

use serde::Serialize;

/// Who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponsibleParty {
    /// The sender of the request.
    Caller,
    /// The operator of the connector or the tenant's administrator.
    Operator,
    /// Rescue, ServiceNow or AWS.
    Vendor,
    /// The developers of the connector.
    Us,
}

/// Whether the same request can succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAdvice {
    /// Not before something else is changed.
    No,
    /// Yes, after a while.
    Later,
    /// After a check whether the first attempt took effect.
    AfterLooking,
    /// Once the tenant is authorised again.
    WhenAuthorized,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct ErrorEntry {
    /// Stable, kebab-case: the `code` of a problem, the `reason` of a dead letter and of a ledger entry.
    pub code: &'static str,
    /// The HTTP status, where the error answers a request.
    pub status: Option<u16>,
    /// One sentence for people.
    pub title: &'static str,
    /// Who has to act.
    pub responsible: ResponsibleParty,
    /// Its log level. It is logged once, where it is handled.
    pub level: tracing::Level,
    /// Whether the same request can succeed later.
    pub retry: RetryAdvice,
}

macro_rules! table {
    ($($(#[$doc:meta])* $variant:ident => $code:literal, $status:expr, $responsible:ident, $level:ident, $retry:ident, $title:literal;)*) => {
        /// Every error.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $(#[doc = $title] $(#[$doc])* $variant,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code's line of the table.
            pub const fn entry(self) -> ErrorEntry {
                match self {
                    $(Self::$variant => ErrorEntry {
                        code: $code,
                        status: $status,
                        title: $title,
                        responsible: ResponsibleParty::$responsible,
                        level: tracing::Level::$level,
                        retry: RetryAdvice::$retry,
                    },)*
                }
            }
        }
    };
}

table! {
    MalformedBody => "malformed-body", Some(400), Caller, WARN, No, "The body is neither JSON, XML nor an HTML form.";
    MissingSessionId => "missing-session-id", Some(400), Caller, WARN, No, "The post names no session.";
    InvalidSessionId => "invalid-session-id", Some(400), Caller, WARN, No, "The session id has characters or a length that Rescue does not use.";
    InvalidRequest => "invalid-request", Some(400), Caller, WARN, No, "The request lacks something, or holds something that cannot be.";
    Unauthorized => "unauthorized", Some(401), Caller, WARN, No, "The API key is wrong, or may not be used for this.";
    TenantDisabled => "tenant-disabled", Some(403), Operator, WARN, No, "The tenant is switched off.";
    TechnicianNotAllowed => "technician-not-allowed", Some(403), Operator, WARN, No, "The tenant allows no technicians of this domain.";
    TechnicianNotRecognised => "technician-not-recognised", Some(403), Operator, ERROR, No, "Rescue does not recognise the technician's SSO id with the company's SSO password.";
    NotATechnician => "not-a-technician", Some(403), Operator, WARN, No, "The Rescue user has no technician licence.";
    TechnicianDisabled => "technician-disabled", Some(403), Operator, WARN, No, "The technician is disabled or deleted in Rescue.";
    OperatorOnly => "operator-only", Some(403), Operator, WARN, No, "Only the operator of the connector may change this setting.";
    NotFound => "not-found", Some(404), Caller, INFO, No, "There is nothing here: the tenant or the key is wrong.";
    TechnicianConsoleNotRunning => "technician-console-not-running", Some(409), Caller, INFO, Later, "The technician's Rescue console is not running.";
    PinInProgress => "pin-in-progress", Some(409), Caller, INFO, Later, "An earlier request with the same key is still running.";
    InstanceMismatch => "instance-mismatch", Some(409), Operator, WARN, No, "The set-up link is for another ServiceNow instance.";
    TooManyKeys => "too-many-keys", Some(409), Caller, WARN, No, "Two keys of this kind are live; one has to be retired first.";
    LastKey => "last-key", Some(409), Caller, WARN, No, "The last webhook key is not retired: Rescue could post nothing.";
    ManagedByFile => "managed-by-file", Some(409), Operator, WARN, No, "The tenant's settings are kept in a file, which the operator of the connector applies.";
    SettingsChanged => "settings-changed", Some(412), Caller, INFO, No, "The settings were changed since they were read.";
    BodyTooLarge => "body-too-large", Some(413), Caller, ERROR, No, "The body is too large to be queued, even compressed, or to be delivered.";
    IdempotencyKeyReused => "idempotency-key-reused", Some(422), Caller, WARN, No, "The idempotency key was used with another request.";
    InvalidSettings => "invalid-settings", Some(422), Caller, WARN, No, "A setting or a secret is wrong; nothing was changed.";
    TokenRefused => "token-refused", Some(422), Operator, ERROR, No, "ServiceNow refuses the token that was handed over; the old one stays.";
    IfMatchRequired => "if-match-required", Some(428), Caller, WARN, No, "The request does not name the version of the settings that it changes.";
    TooManyPosts => "too-many-posts", Some(429), Caller, ERROR, Later, "The tenant has posted more in a minute than this process accepts; nothing was stored.";
    ChecksInProgress => "checks-in-progress", Some(429), Caller, INFO, Later, "Checks of the tenant are running, or ended less than ten seconds ago.";
    PinRateExceeded => "pin-rate-exceeded", Some(429), Vendor, WARN, Later, "Rescue gives one PIN per second, and the technician's turn did not come in time.";
    RescueSignInRefused => "rescue-sign-in-refused", Some(502), Operator, ERROR, No, "Rescue refuses sign-ins by its API.";
    RescueSignInContested => "rescue-sign-in-contested", Some(502), Operator, ERROR, Later, "Another system keeps signing in as the same technician, which ends this connector's sign-in.";
    RescueUnavailable => "rescue-unavailable", Some(502), Vendor, ERROR, Later, "Rescue does not answer as it should.";
    OutOfPinCodes => "out-of-pin-codes", Some(503), Vendor, ERROR, Later, "Rescue has no PIN to give.";
    QueueUnavailable => "queue-unavailable", Some(503), Vendor, ERROR, Later, "The queue cannot be reached; nothing was stored.";
    StorageUnavailable => "storage-unavailable", Some(503), Vendor, ERROR, Later, "The connector's tables or secrets cannot be read.";
    ServiceNowUnavailable => "servicenow-unavailable", Some(503), Vendor, WARN, Later, "ServiceNow does not answer as it should.";
    ServiceNowThrottled => "servicenow-throttled", None, Vendor, WARN, Later, "ServiceNow limits the rate of requests.";
    ServiceNowRefused => "servicenow-refused", None, Operator, ERROR, No, "ServiceNow refused the write: rights, a business rule or a data policy.";
    NoteNotVisible => "note-not-visible", None, Operator, ERROR, AfterLooking, "ServiceNow confirmed the write and does not show the note: it dropped the note without an error.";
    AttachmentRefused => "attachment-refused", None, Operator, ERROR, No, "The note is on the record; ServiceNow refused its attachment.";
    OutcomeUnknown => "outcome-unknown", None, Vendor, ERROR, AfterLooking, "It is unknown whether the write took effect.";
    ReauthorizationNeeded => "reauthorization-needed", None, Operator, ERROR, WhenAuthorized, "ServiceNow refuses the tenant's credentials: a new token, secret or password is needed.";
    TenantMisconfigured => "tenant-misconfigured", Some(500), Operator, ERROR, Later, "The tenant lacks a setting or a secret.";
    TenantDeleted => "tenant-deleted", None, Operator, ERROR, No, "The tenant does not exist any more.";
    InvalidReference => "invalid-reference", None, Caller, ERROR, No, "The post names a record in a way that cannot be one.";
    RecordNotFound => "record-not-found", Some(422), Caller, ERROR, No, "The record does not exist, or the service account may not see it.";
    AmbiguousRecord => "ambiguous-record", None, Operator, ERROR, No, "Several records match, and none was chosen.";
    TrackingNotBelieved => "tracking-not-believed", None, Caller, WARN, No, "The tracking field was not signed by this connector and counts as no reference.";
    NoReference => "no-reference", None, Caller, INFO, No, "The post names no record, and the tenant creates none.";
    UnknownVersion => "unknown-version", None, Us, ERROR, No, "The queue message has a version that this release does not know.";
    MalformedMessage => "malformed-message", None, Us, ERROR, No, "The queue message is not one that this connector wrote.";
    ProcessingDied => "processing-died", None, Us, ERROR, No, "Processing the message ended the process five times, when nothing else was processed.";
}

impl ErrorCode {
    /// The code's text.
    pub const fn as_str(self) -> &'static str {
        self.entry().code
    }

    /// The code of that text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error response: `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its line of the table.
    pub code: ErrorCode,
    /// What the sender can do. Holds nothing that the sender does not know.
    pub detail: String,
    /// What is wrong with each setting, where settings were sent.
    pub errors: Vec<FieldError>,
}

/// What is wrong with one member of a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The member, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What is wrong, and what would be right.
    pub detail: String,
}

/// `Retry-After` in seconds, for an outage.
pub const RETRY_AFTER_SECONDS: u32 = 30;
/// `Retry-After` in seconds, while another request is in progress.
pub const RETRY_SOON_SECONDS: u32 = 5;
/// `Retry-After` in seconds, after the checks of a tenant: they are made again no sooner.
pub const RETRY_AFTER_CHECKS_SECONDS: u32 = 10;
/// `Retry-After` in seconds, for a sender that exceeds the rate of a minute.
pub const RETRY_NEXT_MINUTE_SECONDS: u32 = 60;

impl Problem {
    /// `detail`: what the sender can do.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// The HTTP status; 500 for an error that is no answer to a request.
    pub fn status(&self) -> u16 {
        self.code.entry().status.unwrap_or(500)
    }

    /// Seconds for the header `Retry-After`, where trying again later can help.
    pub fn retry_after(&self) -> Option<u32> {
        match self.code {
            ErrorCode::PinRateExceeded | ErrorCode::PinInProgress => Some(RETRY_SOON_SECONDS),
            ErrorCode::ChecksInProgress => Some(RETRY_AFTER_CHECKS_SECONDS),
            ErrorCode::TooManyPosts => Some(RETRY_NEXT_MINUTE_SECONDS),
            _ => (self.status() == 503).then_some(RETRY_AFTER_SECONDS),
        }
    }

    /// The response body.
    pub fn body(&self, request_id: &str) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            code: &'a str,
            title: &'a str,
            status: u16,
            detail: &'a str,
            request_id: &'a str,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            errors: &'a [FieldError],
        }
        let entry = self.code.entry();
        let body = Body {
            code: entry.code,
            title: entry.title,
            status: self.status(),
            detail: &self.detail,
            request_id,
            errors: &self.errors,
        };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_kebab_case_and_unique() {
        let mut seen = std::collections::HashSet::new();
        for code in ErrorCode::ALL {
            assert!(
                code.as_str()
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{code}"
            );
            assert!(seen.insert(code.as_str()), "{code} is there twice");
        }
    }

    #[test]
    fn a_problem_says_what_went_wrong_and_which_request() {
        let body = Problem::new(ErrorCode::QueueUnavailable, "Send it again.").body("r-1");
        let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(body["code"], "queue-unavailable");
        assert_eq!(body["request_id"], "r-1");
        assert_eq!(body["detail"], "Send it again.");
    }
}
