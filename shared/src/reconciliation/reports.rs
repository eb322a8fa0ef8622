//! The reports that one period takes: of the whole account, else of each technician group, else of each technician.
//!
//! Rescue makes one report in a minute for each user, so a run is taken step by step, and what is left of it can be stored
//! between two steps.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::aws::ledger::Ledger;
use crate::aws::storage_error::StorageError;
use crate::domain::clock::Timestamp;
use crate::domain::tenant::TenantId;
use crate::rescue::api::RescueRefusal;
use crate::rescue::report::{
    BETWEEN_REPORTS, Hierarchy, Period, ReportClient, ReportError, ReportFailure, ReportFormat,
    ReportNode, SessionReport,
};

/// A period that is shorter is not divided: the dates that Rescue is asked for are a day wider on both sides.
const SHORTEST_PERIOD: Duration = Duration::from_secs(24 * 3600);

/// A part of a period that would be shorter belongs to the part before.
const SMALLEST_PART: Duration = Duration::from_secs(60);

/// Of which nodes the reports are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AskedBy {
    #[default]
    Account,
    /// Technician groups, the technicians of none, and channels.
    Groups,
    Technicians,
}

/// What is still to be read of a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportRun {
    /// The sessions that ended at this moment or later.
    pub from: Timestamp,
    /// And before this one.
    pub to: Timestamp,
    by: AskedBy,
    /// The nodes to ask, the next one last. With [`AskedBy::Account`] there are none: its id is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    nodes: Vec<ReportNode>,
    /// Rescue's XML is too long or not readable.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    as_text: bool,
    /// The last answer was `ERROR` or not readable, which may pass.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    failed_once: bool,
    /// A report had a session.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    has_shown: bool,
    /// What Rescue said of the first node that it makes no report of, and that has none below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

/// What one step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportAnswer {
    /// A report was read.
    Read(SessionReport),
    /// None was read. The next step may follow after that time.
    Again {
        /// How long to wait.
        wait: Duration,
        /// What Rescue said, for the operator.
        remark: Option<String>,
    },
}

impl ReportRun {
    /// Nothing is read yet.
    pub const fn new(period: Period) -> Self {
        Self {
            from: period.from,
            to: period.to,
            by: AskedBy::Account,
            nodes: Vec::new(),
            as_text: false,
            failed_once: false,
            has_shown: false,
            refused: None,
        }
    }

    /// Why the reports are incomplete: Rescue makes none of a technician or channel.
    pub fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// Whether all reports are read and none had a session, of a time in which Rescue posted some. That proves nothing: the
    /// user may not see them, or Rescue makes no report of the whole account without saying so.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn is_doubtful(
        &self,
        ledger: &Ledger,
        tenant: &TenantId,
    ) -> Result<bool, StorageError> {
        if self.has_more() || self.has_shown {
            return Ok(false);
        }
        ledger.has_posted_ends(tenant, (self.from, self.to)).await
    }

    /// Asks for each technician group, because the account's report shows too little. False: that was done.
    pub fn ask_groups(&mut self) -> bool {
        let is_new = self.by == AskedBy::Account;
        self.by = self.by.max(AskedBy::Groups);
        is_new
    }

    /// The period whose sessions the reports show. A step may shorten it from its end.
    pub const fn period(&self) -> Period {
        Period {
            from: self.from,
            to: self.to,
        }
    }

    /// Whether one more report is to be read after a step that read one.
    pub fn has_more(&self) -> bool {
        self.by != AskedBy::Account && !self.nodes.is_empty()
    }

    /// The run that follows when all of this one is read: the next part of a period up to `until`, as long as this one.
    /// `None` when no part is left.
    pub fn following(&self, until: Timestamp) -> Option<Self> {
        let end = self.to.plus(self.to.since(self.from));
        // Half of an odd time leaves a rest.
        let is_last = until.since(end) < SMALLEST_PART;
        let part = Period {
            from: self.to,
            to: if is_last { until } else { end },
        };
        (self.to < until).then(|| Self {
            as_text: self.as_text,
            ..Self::new(part)
        })
    }

    /// Asks for one report. The caller holds the lease of the report's user. `report_nodes`: whose sessions are wanted;
    /// empty: all.
    ///
    /// # Errors
    /// When neither waiting nor asking for less helps.
    pub async fn step(
        &mut self,
        client: &ReportClient<'_>,
        report_nodes: &[String],
    ) -> Result<ReportAnswer, ReportError> {
        let account = self.by == AskedBy::Account;
        if !account && self.nodes.is_empty() {
            let hierarchy = client.hierarchy().await?;
            self.nodes = hierarchy.groups_to_ask(report_nodes);
            self.nodes.reverse();
            if self.nodes.is_empty() {
                return Ok(ReportAnswer::Read(SessionReport::default()));
            }
        }
        let node = match self.nodes.last() {
            Some(node) if !account => node.clone(),
            _ => client.account().await?.node(),
        };
        let format = if self.as_text {
            ReportFormat::Text
        } else {
            ReportFormat::Xml
        };
        let error = match client.sessions(&node, self.period(), format).await {
            Ok(report) => {
                self.nodes.pop();
                self.failed_once = false;
                self.has_shown |=
                    report.outside + report.not_ended > 0 || !report.sessions.is_empty();
                return Ok(ReportAnswer::Read(report));
            }
            Err(error) => error,
        };
        let again = |wait| ReportAnswer::Again { wait, remark: None };
        match &error.failure {
            ReportFailure::TooSoon { wait, .. } => return Ok(again(*wait)),
            ReportFailure::Unreadable(_) if !self.as_text && !self.failed_once => {
                self.failed_once = true;
                return Ok(again(BETWEEN_REPORTS));
            }
            ReportFailure::TooLong | ReportFailure::Unreadable(_) if !self.as_text => {
                self.failed_once = false;
                self.as_text = true;
                return Ok(again(BETWEEN_REPORTS));
            }
            ReportFailure::TooLong if self.to.since(self.from) > SHORTEST_PERIOD && account => {
                self.to = self.from.plus(self.to.since(self.from) / 2);
                return Ok(again(BETWEEN_REPORTS));
            }
            ReportFailure::Refused(RescueRefusal::Error) if !self.failed_once => {
                self.failed_once = true;
                return Ok(again(BETWEEN_REPORTS));
            }
            ReportFailure::TooLong => {}
            _ if error.may_be_about_the_node() => {}
            _ => return Err(error),
        }
        self.failed_once = false;
        let hierarchy = client.hierarchy().await?;
        self.ask_smaller_nodes(&node, &hierarchy, report_nodes, error)
    }

    /// Replaces a node that Rescue makes no report of by those below it. With none left to ask, the report is empty.
    fn ask_smaller_nodes(
        &mut self,
        node: &ReportNode,
        hierarchy: &Hierarchy,
        report_nodes: &[String],
        error: ReportError,
    ) -> Result<ReportAnswer, ReportError> {
        let (nodes, kind) = match self.by {
            AskedBy::Account => {
                let groups = hierarchy.groups_to_ask(report_nodes);
                if groups.is_empty() {
                    return Err(error);
                }
                self.by = AskedBy::Groups;
                (groups, "technician group")
            }
            AskedBy::Groups | AskedBy::Technicians => {
                let below = hierarchy.technicians_to_ask(std::slice::from_ref(&node.id));
                // A technician or channel. A group without technicians and a node that is gone have none below.
                self.by = AskedBy::Technicians;
                self.nodes.pop();
                if below.contains(node) {
                    // The others are asked all the same.
                    self.refused.get_or_insert_with(|| error.to_string());
                    (Vec::new(), "other technician")
                } else {
                    (below, "technician")
                }
            }
        };
        for node in nodes.into_iter().rev() {
            if !self.nodes.contains(&node) {
                self.nodes.push(node);
            }
        }
        if self.nodes.is_empty() {
            return Ok(ReportAnswer::Read(SessionReport::default()));
        }
        Ok(ReportAnswer::Again {
            wait: BETWEEN_REPORTS,
            remark: Some(format!("{error} Each {kind} is asked instead.")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_period_follow_each_other_to_its_end() {
        let at = Timestamp::from_millis;
        let period = |from, to| Period {
            from: at(from),
            to: at(to),
        };
        let hour = 3_600_000;
        for (until, ends) in [
            (hour, vec![]),
            (hour * 2, vec![hour * 2]),
            (hour * 2 + 1, vec![hour * 2 + 1]),
            (hour * 2 - 1, vec![hour * 2 - 1]),
            (hour * 7 / 2, vec![hour * 2, hour * 3, hour * 7 / 2]),
        ] {
            let mut run = ReportRun {
                as_text: true,
                ..ReportRun::new(period(0, hour))
            };
            let mut parts = Vec::new();
            while let Some(next) = run.following(at(until)) {
                assert_eq!((next.from, next.as_text), (run.to, true));
                parts.push(next.to.as_millis());
                run = next;
            }
            assert_eq!(parts, ends, "{until}");
        }
    }
}
