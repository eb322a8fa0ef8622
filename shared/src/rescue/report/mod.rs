//! Rescue's own report of the sessions that have ended (docs/vendors.md#session-report).
//!
//! What a report shows is state of the Rescue user who asks: area, dates, zone, format. Two callers that work as one user
//! at once change each other's reports, and a user gets one report in a minute. So a caller holds a lease of the user
//! from before [`ReportClient::sessions`] until [`BETWEEN_REPORTS`] after it.

mod error;
mod hierarchy;
mod sessions;
mod table;
#[cfg(test)]
mod tests;
mod times;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::error::{CredentialKind, ReportError, ReportFailure, UnreadableAnswer};
pub use self::hierarchy::Hierarchy;
pub use self::sessions::{ReportedSession, SessionReport, SkippedStep, UnreadableRows};
pub use self::times::moment;
use crate::domain::clock::Timestamp;
use crate::domain::tenant::TenantFile;
use crate::domain::time_budget::TimeBudget;
use crate::rescue::api::{self, RescueClient, after_line_start};
use crate::rescue::authcodes::RescueCredential;

/// A user gets one report in this time (the vendor's page of getReport_v2).
pub const ONE_REPORT_EVERY: Duration = Duration::from_secs(60);

/// The time between two reports of a user that Rescue's clock cannot take for less than [`ONE_REPORT_EVERY`].
pub const BETWEEN_REPORTS: Duration = Duration::from_secs(70);

/// How long Rescue may take for the report itself. Each other call may take [`api::TIMEOUT`].
pub const REPORT_TIMEOUT: Duration = Duration::from_secs(60);

/// The dates that Rescue is asked for are that much wider than the period: it is unknown whether it compares the start or
/// the end of a session, and in which zone it reads the dates.
const WIDER: Duration = Duration::from_secs(24 * 3600);

/// The area of the session report (docs/vendors.md#session-report).
const SESSION_AREA: &str = "0";

/// Sessions that ended at `from` or later, and before `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first moment inside.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
}

impl Period {
    fn contains(self, moment: Timestamp) -> bool {
        self.from <= moment && moment < self.to
    }

    fn wider(self) -> Self {
        Self {
            from: self.from.minus(WIDER),
            to: self.to.plus(WIDER),
        }
    }
}

/// The format of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportFormat {
    /// XML, in which every value is readable.
    #[default]
    Xml,
    /// Rows of values that are not escaped: a value with `|` or a line break makes its row unreadable.
    Text,
}

/// What kind of node a report is about: the parameter `nodetype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeType {
    /// A technician. Whether the account's root and technician groups are accepted is unknown.
    Node,
    /// A channel.
    Channel,
}

impl NodeType {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Node => "NODE",
            Self::Channel => "CHANNEL",
        }
    }
}

/// A node of the organisation that a report is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReportNode {
    /// Its node id.
    pub id: String,
    /// Its kind.
    pub node_type: NodeType,
}

impl ReportNode {
    /// Whether a text can be a node's id: 1 to 20 digits.
    pub fn is_id(text: &str) -> bool {
        (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    }

    /// A technician, a technician group or the whole account.
    pub fn node(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            node_type: NodeType::Node,
        }
    }

    /// A channel.
    pub fn channel(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            node_type: NodeType::Channel,
        }
    }
}

/// The account and the user of a credential: `getAccount`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportAccount {
    /// The account's id, which is the root of its organisation.
    pub account_id: String,
    /// The user's node as an administrator; `None` for a user who is none.
    pub admin_id: Option<String>,
    /// The user's node as a technician; `None` for a user without a technician seat.
    pub technician_id: Option<String>,
}

impl ReportAccount {
    /// The node to ask first: the whole account.
    pub fn node(&self) -> ReportNode {
        ReportNode::node(&self.account_id)
    }
}

/// Asks for reports with one credential of one tenant.
#[derive(Clone, Copy, Debug)]
pub struct ReportClient<'a> {
    rescue: &'a RescueClient,
    tenant: &'a TenantFile,
    credential: &'a RescueCredential,
    budget: &'a TimeBudget,
}

impl<'a> ReportClient<'a> {
    /// Every call ends with the budget.
    pub const fn new(
        rescue: &'a RescueClient,
        tenant: &'a TenantFile,
        credential: &'a RescueCredential,
        budget: &'a TimeBudget,
    ) -> Self {
        Self {
            rescue,
            tenant,
            credential,
            budget,
        }
    }

    /// Whose credential this is. Changes nothing, and is no report.
    ///
    /// # Errors
    /// As [`ReportFailure`] says.
    pub async fn account(&self) -> Result<ReportAccount, ReportError> {
        let step = "getAccount";
        let answer = self.call(step, &[], api::TIMEOUT).await?;
        let id = |label| after_line_start(&answer, label).filter(|id| !matches!(*id, "" | "0"));
        let Some(account_id) = id("AccountID:") else {
            let why = UnreadableAnswer::NoAccount;
            return Err(self.error(step, ReportFailure::Unreadable(why)));
        };
        Ok(ReportAccount {
            account_id: account_id.to_owned(),
            admin_id: id("AdminID:").map(str::to_owned),
            technician_id: id("TechID:").map(str::to_owned),
        })
    }

    /// The organisation. Changes nothing, and is no report.
    ///
    /// # Errors
    /// As [`ReportFailure`] says.
    pub async fn hierarchy(&self) -> Result<Hierarchy, ReportError> {
        let step = "getHierarchy_v2";
        let answer = self.call(step, &[], api::TIMEOUT).await?;
        Hierarchy::read(&answer).map_err(|why| self.error(step, ReportFailure::Unreadable(why)))
    }

    /// The sessions of a node that ended in the period: sets what the report shows, then asks for it.
    ///
    /// Where Rescue refuses XML, the report is asked as text. It is asked once: what to do after a failure needs a wait.
    /// No sessions may also mean that Rescue makes no report of such a node (docs/vendors.md#session-report).
    ///
    /// # Errors
    /// As [`ReportFailure`] says.
    pub async fn sessions(
        &self,
        node: &ReportNode,
        period: Period,
        format: ReportFormat,
    ) -> Result<SessionReport, ReportError> {
        self.set("setReportArea_v8", &[("area", SESSION_AREA)])
            .await?;
        let mut skipped = Vec::new();
        // Not on the vendor's list of what getReport_v2 depends on, but in its clients: a summary shows no session, and a
        // time of day hides those outside it.
        let every_session = [("type", "LISTALL")];
        skipped.extend(self.try_to_set("setReportType", &every_session).await?);
        let whole_day = [("btime", "00:00:00"), ("etime", "23:59:59")];
        skipped.extend(self.try_to_set("setReportTime", &whole_day).await?);
        self.set("setTimezone", &[("timezone", "0")]).await?;
        let asked = period.wider();
        let (begin, end) = (times::us_date(asked.from), times::us_date(asked.to));
        self.set("setReportDate_v2", &[("bdate", &begin), ("edate", &end)])
            .await?;
        self.set_format(format).await?;
        let step = "getReport_v2";
        let form = [("node", &*node.id), ("nodetype", node.node_type.as_str())];
        let answer = self.call(step, &form, REPORT_TIMEOUT).await?;
        let mut report = SessionReport::read(&answer, period)
            .map_err(|why| self.error(step, ReportFailure::Unreadable(why)))?;
        report.skipped = skipped;
        Ok(report)
    }

    async fn set_format(&self, format: ReportFormat) -> Result<(), ReportError> {
        let step = "setOutput";
        if format == ReportFormat::Xml {
            match self.set(step, &[("output", "XML")]).await {
                Err(error) if error.is_about_the_step() => {}
                outcome => return outcome,
            }
        }
        self.set(step, &[("output", "TEXT")]).await?;
        let delimiter = table::DELIMITER.to_string();
        self.set("setDelimiter", &[("delimiter", &delimiter)]).await
    }

    async fn set(&self, step: &'static str, form: &[(&str, &str)]) -> Result<(), ReportError> {
        self.call(step, form, api::TIMEOUT).await.map(drop)
    }

    /// Sets what a server may not have. Answers what it said where it refused that.
    async fn try_to_set(
        &self,
        step: &'static str,
        form: &[(&str, &str)],
    ) -> Result<Option<SkippedStep>, ReportError> {
        match self.set(step, form).await {
            Ok(()) => Ok(None),
            Err(error) if error.is_about_the_step() => Ok(Some(SkippedStep {
                step,
                answer: error.answer(),
            })),
            Err(error) => Err(error),
        }
    }

    async fn call(
        &self,
        step: &'static str,
        form: &[(&str, &str)],
        longest: Duration,
    ) -> Result<String, ReportError> {
        let mut all = vec![("authcode", self.credential.secret().expose())];
        all.extend_from_slice(form);
        let time = self.budget.left().min(longest);
        let outcome = self.rescue.call_within(self.tenant, step, &all, time).await;
        outcome.map_err(|error| self.error(step, ReportFailure::of(step, error)))
    }

    fn error(&self, step: &'static str, failure: ReportFailure) -> ReportError {
        let credential = match self.credential {
            RescueCredential::SignedIn(_) => CredentialKind::Authcode,
            RescueCredential::ApiToken(_) => CredentialKind::ApiToken,
        };
        ReportError {
            step,
            credential,
            failure,
        }
    }
}
