//! Why there is no report: which call failed, with which credential, and what to do about it.

use std::fmt;
use std::time::Duration;

use super::ONE_REPORT_EVERY;
use crate::http::{BodyError, LONGEST_ANSWER};
use crate::rescue::api::{RescueError, RescueRefusal};
use crate::rescue::host::HostError;

/// What a call was authorised with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// The authcode of a technician's sign-in.
    Authcode,
    /// The API token that an administrator issued.
    ApiToken,
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authcode => "the authcode of a sign-in",
            Self::ApiToken => "the API token",
        })
    }
}

/// A failed call. Displayed as sentences for the operator, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportError {
    /// Rescue's method.
    pub step: &'static str,
    /// What the call was authorised with.
    pub credential: CredentialKind,
    /// What happened.
    pub failure: ReportFailure,
}

/// What happened to a call, by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportFailure {
    /// Rescue refused it.
    Refused(RescueRefusal),
    /// Rescue makes no report of this node: ask for others, from [`super::Hierarchy`].
    NodeRefused(RescueRefusal),
    /// The user got a report less than a minute ago, perhaps by another system: wait that long.
    TooSoon {
        /// Rescue's word for it.
        refusal: RescueRefusal,
        /// The time to wait.
        wait: Duration,
    },
    /// The answer is longer than is read: ask for a shorter period, for fewer technicians, or for text.
    TooLong,
    /// A web page with this HTTP status instead of the API's text.
    Page(u16),
    /// Rescue did not answer; trying again may help.
    Unavailable(String),
    /// The tenant's `base_url` may not be called.
    Misconfigured(HostError),
    /// Rescue answered something else than a report. Nothing of it is used.
    Unreadable(UnreadableAnswer),
}

/// Why an answer cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableAnswer {
    /// Nothing follows `OK`.
    #[error("nothing follows OK, not even the names of the columns")]
    Empty,
    /// XML that is not well-formed or not complete.
    #[error("its XML is not well-formed or not complete")]
    Xml,
    /// XML with a document type. None is read, so that no entity is expanded.
    #[error("its XML declares a document type")]
    DocumentType,
    /// No column names before the rows.
    #[error("its rows have no names of columns before them")]
    NoHeader,
    /// More columns or rows than a report has.
    #[error("it has more columns or rows than are read")]
    TooMuch,
    /// A column is missing without which no session can be read: another area, or a summary.
    #[error("it has no column \"{name}\" (its columns: {columns})")]
    NoColumn {
        /// The missing column.
        name: &'static str,
        /// The names of those that it has, cut to a few hundred characters.
        columns: String,
    },
    /// An account without an id.
    #[error("it names no account")]
    NoAccount,
    /// An organisation without nodes.
    #[error("it has no nodes")]
    NoNodes,
}

impl ReportFailure {
    pub(super) fn of(step: &str, error: RescueError) -> Self {
        match error {
            RescueError::Refused(refusal) if is_too_soon(&refusal) => Self::TooSoon {
                refusal,
                wait: ONE_REPORT_EVERY,
            },
            RescueError::Refused(refusal) if step == "getReport_v2" && is_about_node(&refusal) => {
                Self::NodeRefused(refusal)
            }
            RescueError::Refused(refusal) => Self::Refused(refusal),
            RescueError::Page(status) => Self::Page(status),
            RescueError::Unavailable(reason) if reason == BodyError::TooLong.to_string() => {
                Self::TooLong
            }
            RescueError::Unavailable(reason) => Self::Unavailable(reason),
            RescueError::Misconfigured(error) => Self::Misconfigured(error),
        }
    }
}

/// Whether a refusal means that the last report is too recent. The vendor's word is known of PINs and sign-ins alone.
fn is_too_soon(refusal: &RescueRefusal) -> bool {
    let RescueRefusal::Other(code) = refusal else {
        return *refusal == RescueRefusal::PollRateExceeded;
    };
    let code = code.replace('_', "");
    let words = [
        "POLLRATE",
        "RATEEXCEED",
        "RATELIMIT",
        "TOOFREQUENT",
        "TOOMANY",
        "TOOSOON",
        "TOOEARLY",
        "INTERVAL",
    ];
    words.iter().any(|word| code.contains(word))
}

/// `INVALIDPARAM_NODE` and its like.
fn is_about_node(refusal: &RescueRefusal) -> bool {
    matches!(refusal, RescueRefusal::Other(code) if code.contains("NODE"))
}

impl ReportError {
    /// Whether asking for other nodes may help. `ERROR` may be a passing fault, and it may be about the node: Rescue has
    /// been seen to answer it where `INVALIDPARAM_…` is documented (docs/vendors.md#session-report).
    pub fn may_be_about_the_node(&self) -> bool {
        match &self.failure {
            ReportFailure::NodeRefused(_) => true,
            ReportFailure::Refused(RescueRefusal::Error) => self.step == "getReport_v2",
            _ => false,
        }
    }

    /// Whether the credential has ended, so that [`crate::rescue::authcodes::Authcodes::get`] should replace it once.
    pub fn is_about_the_credential(&self) -> bool {
        let refused = ReportFailure::Refused(RescueRefusal::InvalidSecretAuthCode);
        self.failure == refused
    }

    /// Whether Rescue refused this setting, and may take the others.
    pub(super) fn is_about_the_step(&self) -> bool {
        matches!(
            self.failure,
            ReportFailure::Page(_)
                | ReportFailure::Refused(
                    RescueRefusal::Error | RescueRefusal::Invalid | RescueRefusal::Other(_)
                )
        )
    }

    /// What Rescue answered, in a word or two.
    pub(super) fn answer(&self) -> String {
        match &self.failure {
            ReportFailure::Refused(refusal) => refusal.code().to_owned(),
            ReportFailure::Page(status) => format!("a web page (HTTP status {status})"),
            other => format!("{other:?}"),
        }
    }

    fn remedy(&self, refusal: &RescueRefusal) -> &'static str {
        use CredentialKind::{ApiToken, Authcode};
        match (refusal, self.credential) {
            (RescueRefusal::NotLoggedIn, Authcode) => {
                " This Rescue account may make reports only for an API token or a login: let a Master Administrator \
                 generate an API token (Global Settings) and set it as rescue-api-token."
            }
            (RescueRefusal::NotLoggedIn, ApiToken) => {
                " The token may have been withdrawn: let a Master Administrator generate a new one (Global Settings) and \
                 set it as rescue-api-token."
            }
            (RescueRefusal::InvalidSecretAuthCode, Authcode) => {
                " Another system signs in as the same technician, and each sign-in ends the one before: name a technician \
                 in rescue.report_technician that no other system uses, or set an API token as rescue-api-token."
            }
            (RescueRefusal::InvalidSecretAuthCode, ApiToken) => {
                " Another token has replaced this one, or it was withdrawn: let a Master Administrator generate a new one \
                 (Global Settings) and set it as rescue-api-token."
            }
            (RescueRefusal::UserIsDeleted | RescueRefusal::UserDeletedOrDisabled, Authcode) => {
                " Enable the technician in Rescue, or name another one in rescue.report_technician."
            }
            (RescueRefusal::UserIsDeleted | RescueRefusal::UserDeletedOrDisabled, ApiToken) => {
                " The administrator who generated the token is disabled or deleted: let another one generate a token and \
                 set it as rescue-api-token."
            }
            (RescueRefusal::NotTechnician, _) => {
                " Give the user a technician seat in Rescue, or use another user."
            }
            (RescueRefusal::IpRestricted(_), _) => {
                " Let a Rescue administrator add the connector's addresses to the account's allowed IP addresses (Global \
                 Settings), or lift the restriction."
            }
            (RescueRefusal::Error, _) => {
                " This is Rescue's word for an unspecified error, such as a time-out: try again later."
            }
            (RescueRefusal::Other(code), _) if code.contains("ADMIN") => {
                " Reports need an administrator here: use the API token of a Master Administrator, or name an \
                 administrator in rescue.report_technician."
            }
            _ => "",
        }
    }
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            step, credential, ..
        } = self;
        match &self.failure {
            ReportFailure::Refused(refusal) => {
                let (code, remedy) = (refusal.code(), self.remedy(refusal));
                write!(
                    f,
                    "Rescue refused {step} with {code}. The call used {credential}.{remedy}"
                )
            }
            ReportFailure::NodeRefused(refusal) => write!(
                f,
                "Rescue refused {step} with {}: it makes no report of this node for {credential}. Ask for technician \
                 groups or technicians one by one, or use the API token of a Master Administrator.",
                refusal.code()
            ),
            ReportFailure::TooSoon { refusal, wait } => write!(
                f,
                "Rescue refused {step} with {}: it makes one report in {} s for each user. Wait {} s.",
                refusal.code(),
                ONE_REPORT_EVERY.as_secs(),
                wait.as_secs()
            ),
            ReportFailure::TooLong => write!(
                f,
                "Rescue's answer to {step} is longer than the {} MB that are read. Ask for a shorter period or for \
                 fewer technicians.",
                LONGEST_ANSWER / 1024 / 1024
            ),
            ReportFailure::Page(status) => write!(
                f,
                "Rescue answered {step} with a web page (HTTP status {status}) instead of its API's text. Either this \
                 server does not have the method, or it is under maintenance, or rescue.account or rescue.base_url names \
                 another host."
            ),
            ReportFailure::Unavailable(reason) => write!(
                f,
                "Rescue gave no answer to {step}: {reason}. Try again later."
            ),
            ReportFailure::Misconfigured(error) => {
                write!(f, "The tenant's rescue.base_url {error}.")
            }
            ReportFailure::Unreadable(why) => {
                write!(f, "Rescue's answer to {step} cannot be read: {why}.")
            }
        }
    }
}

impl std::error::Error for ReportError {}
