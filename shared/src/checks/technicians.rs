//! Technicians: each e-mail address must belong to exactly one active ServiceNow user.

use futures::StreamExt as _;

use super::examination::Examination;
use super::finding::Finding;
use super::reader::Reader;
use super::servicenow_tables::USERS;
use crate::servicenow::query::{Email, Query};

/// How many addresses are looked up at a time.
const AT_ONCE: usize = 6;

/// How many addresses of each kind are listed.
const LISTED: usize = 20;

/// The users that one address matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    One,
    NoAddress,
    OutsideDomains,
    NoUser,
    Several,
    NotLookedUp,
}

impl Examination {
    pub(super) async fn technicians(&self) -> Finding {
        let (named, listed) = (&self.named.signed_in, &self.named.listed);
        if listed.as_ref().is_some_and(Vec::is_empty) {
            return Finding::failed(
                "the file has no e-mail address",
                "Export the technicians from Rescue's Administration Center, one e-mail address in each line.",
            );
        }
        let mut addresses = listed.clone().unwrap_or_default();
        if let Some(named) = named
            && !addresses
                .iter()
                .any(|address| address.eq_ignore_ascii_case(named))
        {
            addresses.push(named.clone());
        }
        if addresses.is_empty() {
            return Finding::skipped(self.reader.choose(
                "not compared without --technicians FILE (an e-mail address in each line)",
                "no technician was named",
            ));
        }
        if let Err(access) = self.incident().await {
            return access.because_of("servicenow-access");
        }
        let mut matches: Vec<(String, Match)> = Vec::new();
        let mut lookups = futures::stream::iter(addresses)
            .map(|address| async move {
                let matched = self.match_of(&address).await;
                (address, matched)
            })
            .buffered(AT_ONCE);
        while let Some((address, matched)) = lookups.next().await {
            match matched {
                Ok(matched) => matches.push((address, matched)),
                Err(finding) => return finding,
            }
        }
        report(&matches, self.reader)
    }

    async fn match_of(&self, address: &str) -> Result<Match, Finding> {
        let Some(email) = Email::parse(address) else {
            return Ok(Match::NoAddress);
        };
        if !self.in_domains(address) {
            return Ok(Match::OutsideDomains);
        }
        let query = Query::active_email(&email);
        let found = self.table(USERS, query.text(), query.column()).await;
        let answer = match found {
            // The instance has just answered about incidents.
            Err(_) => return Ok(Match::NotLookedUp),
            Ok(answer) if answer.status == 429 || answer.status >= 500 => {
                return Ok(Match::NotLookedUp);
            }
            Ok(answer) if !answer.is_list() => {
                let seen = format!("{USERS} cannot be searched: {}", answer.status);
                return Err(Finding::failed(seen, "See read-user."));
            }
            Ok(answer) => answer,
        };
        let found = answer.rows().iter();
        let addresses: Vec<_> = found.map(|row| row[query.column()].as_str()).collect();
        if addresses.contains(&None) {
            return Err(Finding::failed(
                "sys_user may not be searched by e-mail",
                "Let the service account read the column email of sys_user; see read-user.",
            ));
        }
        // ServiceNow ignores query terms that it does not know and answers with other rows.
        let matching = addresses.into_iter().flatten();
        Ok(
            match matching.filter(|found| query.matches(found)).count() {
                0 => Match::NoUser,
                1 => Match::One,
                _ => Match::Several,
            },
        )
    }
}

fn report(matches: &[(String, Match)], reader: Reader) -> Finding {
    let of = |wanted: Match| -> Vec<&str> {
        let these = matches.iter().filter(|(_, matched)| *matched == wanted);
        these.map(|(address, _)| address.as_str()).collect()
    };
    let mut seen = vec![format!(
        "{} of {} have exactly one active user",
        of(Match::One).len(),
        matches.len()
    )];
    let mut remedies = Vec::new();
    for (kind, label, remedy) in [
        (
            Match::NoUser,
            "without an active user",
            "Create or activate the user in ServiceNow with that e-mail address, or correct the technician's in Rescue: \
             SSO id, Rescue e-mail and ServiceNow e-mail have to be the same."
                .to_owned(),
        ),
        (
            Match::Several,
            "with several active users",
            "Deactivate the surplus users in ServiceNow, or give them other e-mail addresses."
                .to_owned(),
        ),
        (
            Match::OutsideDomains,
            "outside technician_domains",
            reader.choose(
                "Add the domain to rescue.technician_domains in the tenant file, if these technicians need PINs.",
                "Ask the operator of the connector to add the domain, if these technicians need PINs.",
            ),
        ),
        (
            Match::NoAddress,
            "not an e-mail address that can be searched for",
            reader.choose(
                "Correct the address in the file.",
                "Correct the address.",
            ),
        ),
    ] {
        let addresses = of(kind);
        if !addresses.is_empty() {
            seen.push(format!("{label}: {}", listed(&addresses)));
            remedies.push(remedy);
        }
    }
    let missed = of(Match::NotLookedUp).len();
    if missed > 0 {
        seen.push(format!("{missed} were not looked up in time"));
    }
    let seen = seen.join("; ");
    match (remedies.is_empty(), missed) {
        (true, 0) => Finding::ok(seen),
        (true, _) => Finding::warning(
            seen,
            "Try again, with a shorter file if it has thousands of lines.",
        ),
        (false, _) => Finding::failed(seen, remedies.join(" ")),
    }
}

fn listed(addresses: &[&str]) -> String {
    let some: Vec<&str> = addresses.iter().take(LISTED).copied().collect();
    let more = addresses.len() - some.len();
    if more == 0 {
        some.join(", ")
    } else {
        format!("{} and {more} more", some.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::report::Status;

    #[test]
    fn a_report_lists_each_kind_of_mismatch() {
        let report = |matches: &[(&str, Match)]| {
            let owned = matches
                .iter()
                .map(|(address, matched)| ((*address).to_owned(), *matched));
            super::report(&owned.collect::<Vec<_>>(), Reader::Operator)
        };
        let finding = report(&[
            ("a@acme.test", Match::One),
            ("b@acme.test", Match::NoUser),
            ("c@acme.test", Match::Several),
        ]);
        assert_eq!(finding.status, Status::Failed);
        assert_eq!(
            finding.seen,
            "1 of 3 have exactly one active user; without an active user: b@acme.test; with several active users: \
             c@acme.test"
        );
        let fine = report(&[("a@acme.test", Match::One)]);
        assert_eq!(fine.status, Status::Ok);
        let late = report(&[("a@acme.test", Match::NotLookedUp)]);
        assert_eq!(late.status, Status::Warning);
    }
}
