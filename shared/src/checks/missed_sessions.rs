//! Sessions that Rescue never posted: what the comparisons with Rescue's report have found.

use std::cmp::Reverse;
use std::time::Duration;

use super::examination::Examination;
use super::finding::Finding;
use super::reader::Reader;
use super::report::Status;
use crate::domain::clock::Timestamp;
use crate::domain::secret_name::SecretName;
use crate::domain::tenant::Reconcile;
use crate::reconciliation::{MissedByTechnician, MissedSessions, MissedState, ReconcileProgress};
use crate::rescue::report::{Hierarchy, ReportClient};

/// Comparisons begin every 6 hours, and Rescue may hold one up for hours.
const LONGEST_BETWEEN: Duration = Duration::from_secs(13 * 3600);

/// How many technicians are named.
const NAMED: usize = 5;

impl Examination {
    /// Whether sessions are compared with Rescue's report, and which ones Rescue never posted.
    pub(super) async fn missed_sessions(&self) -> Finding {
        let (file, reader) = (self.file(), self.reader);
        if file.rescue.reconcile == Reconcile::Off {
            return Finding::skipped(format!(
                "sessions are not compared with Rescue's report, because rescue.reconcile is off. {}",
                reader.change("set", "rescue.reconcile to watch")
            ));
        }
        if !file.enabled {
            return Finding::skipped("sessions are not compared while the tenant is switched off");
        }
        if file.rescue.report_technician.is_empty() {
            match self.tenant_secrets().await {
                Ok(secrets) if secrets.rescue_api_token.is_some() => {}
                Ok(_) => return self.without_user(),
                Err(finding) => return finding.because_of("secrets"),
            }
        }
        let (id, table) = (self.id(), &self.credentials);
        let read = tokio::try_join!(
            ReconcileProgress::read(table, id),
            MissedSessions::read(table, id, self.now()),
        );
        match read {
            Ok((progress, missed)) => {
                let compared = self.of_progress(&progress);
                self.of_missed(compared, &missed).await
            }
            Err(error) => self.of_storage(&error),
        }
    }

    /// Rescue makes reports for a user.
    fn without_user(&self) -> Finding {
        let token = self
            .reader
            .by_setting(self.id(), SecretName::RescueApiToken);
        Finding::failed(
            "sessions cannot be compared: rescue.report_technician is empty, and rescue-api-token is not set",
            format!(
                "Generate an API token in Rescue's Global Settings and set it {token}. Or sign a technician in: {}",
                self.reader
                    .change("set", "rescue.report_technician to an SSO id")
            ),
        )
    }

    /// How far sessions are compared.
    fn of_progress(&self, progress: &ReconcileProgress) -> Finding {
        if let Some(failure) = &progress.failure {
            let (at, reason) = (failure.at, failure.reason.trim_end_matches('.'));
            return Finding::failed(
                format!("the comparison of {at} failed: {reason}"),
                "Correct that. Where a sign-in is refused, the check rescue-sign-in says more, made for the same technician. The \
                 next comparison is made within 6 hours, and looks back 7 days at most.",
            );
        }
        let compared = match progress.compared_until {
            Some(until) => format!("sessions that ended before {until} are compared"),
            None => "no sessions were compared yet".to_owned(),
        };
        let last = self.last_comparison(progress);
        if last.is_some_and(|last| self.now().since(last) > LONGEST_BETWEEN) {
            return Finding::warning(
                format!("{compared}; a comparison is overdue"),
                self.reader.choose(
                    "See the log of reconcile-sessions and its alarms, and whether its schedule in EventBridge is enabled.",
                    "Tell the operator of the connector that its comparisons with Rescue's report have stopped.",
                ),
            );
        }
        match progress.compared_until {
            Some(_) => Finding::ok(compared),
            None => Finding::skipped(compared),
        }
    }

    /// When sessions were compared last, or could first be compared.
    fn last_comparison(&self, progress: &ReconcileProgress) -> Option<Timestamp> {
        let after = self.file().rescue.reconcile_after.duration();
        let (since, off_times) = (self.reconciliation.since, &self.reconciliation.off_times);
        let compared = progress.compared_until.max(since);
        let switched_on = off_times.last().map(|off| off.to);
        let continues = progress.run.as_ref().map(|run| run.stepped_at);
        let compared = compared.map(|until| until.plus(after));
        compared.max(switched_on).max(continues)
    }

    /// Which sessions of the last 7 days Rescue never posted, beside how far they are `compared`.
    async fn of_missed(&self, compared: Finding, missed: &MissedSessions) -> Finding {
        let mut technicians = missed.by_technician();
        technicians.retain(|technician| technician.open() > 0);
        technicians.sort_by_key(|technician| Reverse(technician.open()));
        let open = all_open(&technicians);
        let seen = compared.seen;
        if open == 0 {
            let written = missed.in_state(MissedState::Written).count();
            let seen = match (compared.status, written) {
                (Status::Ok, 0) => format!("{seen}; none of the last 7 days is missing"),
                (Status::Ok, _) => {
                    format!(
                        "{seen}; of the last 7 days {written} were written that Rescue never posted"
                    )
                }
                _ => seen,
            };
            return Finding { seen, ..compared };
        }
        let organisation = self.organisation().await;
        let (first, others) = technicians.split_at(technicians.len().min(NAMED));
        let mut named: Vec<_> = first
            .iter()
            .map(|technician| of_technician(technician, organisation.as_ref()))
            .collect();
        if !others.is_empty() {
            named.push(format!("{} of others", all_open(others)));
        }
        let (at_least, named) = (if missed.more { "at least " } else { "" }, named.join(", "));
        let first = compared.remedy.map(|first| format!("{first} "));
        Finding {
            status: compared.status.max(Status::Warning),
            seen: format!(
                "{seen}; sessions of the last 7 days that Rescue never posted: {at_least}{open} ({named})"
            ),
            remedy: Some(first.unwrap_or_default() + &self.post_and_write()),
        }
    }

    /// How Rescue posts the sessions from now on, and how those that it did not post are written.
    fn post_and_write(&self) -> String {
        let reader = self.reader;
        let post = "Set the webhook URLs for the technician group of each in Rescue's Administration Center (Settings, Exporting \
                    session data).";
        if self.file().rescue.reconcile == Reconcile::Write {
            return format!("{post} The next comparison, within 6 hours, writes these sessions.");
        }
        let once = match reader {
            Reader::Operator => format!(
                " `rescue-connector sessions reconcile {} --from \"7 days\" --write` writes these sessions once.",
                self.id()
            ),
            Reader::Administrator { .. } => String::new(),
        };
        format!(
            "{post}{once} {} The connector then writes such sessions by itself.",
            reader.change("set", "rescue.reconcile to write")
        )
    }

    /// The account's organisation, which has the technicians' names; `None` where Rescue does not tell it.
    async fn organisation(&self) -> Option<Hierarchy> {
        let (file, budget) = (self.file(), self.budget());
        let technician = &file.rescue.report_technician;
        let credential = self.authcodes.get(file, technician, None, &budget).await;
        let credential = credential.ok()?;
        let client = ReportClient::new(&self.rescue, file, &credential, &budget);
        client.hierarchy().await.ok()
    }
}

/// How many sessions are not written.
fn all_open(technicians: &[MissedByTechnician]) -> u64 {
    technicians.iter().map(MissedByTechnician::open).sum()
}

/// A technician's open sessions, with the name where it is known.
fn of_technician(technician: &MissedByTechnician, organisation: Option<&Hierarchy>) -> String {
    let open = technician.open();
    let Some(id) = &technician.technician_id else {
        return format!("{open} without a technician");
    };
    let name = organisation.and_then(|organisation| organisation.name(id));
    match name.filter(|name| !name.is_empty()) {
        Some(name) => format!("{open} of {name}"),
        None => format!("{open} of technician {id}"),
    }
}
