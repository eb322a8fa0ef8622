//! `rescue-connector doctor`

use std::fmt::Write as _;
use std::io::BufRead as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use shared::domain::secret::Secret;
use shared::domain::tenant::TenantId;
use shared::servicenow::query::Email;

use super::arguments::{record_number, tenant_id};
use super::global::{Global, Output};
use super::layout::wrapped;
use super::style::{ADDED, DIM, FAULT, STRONG, WARNING};
use super::terminal::say;

use crate::doctor::{Check, Options, Report, Status, examine, technicians};
use crate::error::AdminError;
use crate::folder::read_text;
use crate::secret_text;
use crate::stack::Need;

pub(super) const EXAMPLES: &str = "Examples:\n  rescue-connector doctor acme\n  \
    rescue-connector doctor acme --technician ana.ruiz@acme.test --write-to INC0012345\n  \
    rescue-connector doctor acme --technicians technicians.csv --output json\n\n\
    Exit code: 0 when nothing failed (warnings do not count), 1 when a check failed, 2 wrong usage";

#[derive(Args, Debug)]
pub(super) struct Command {
    /// The tenant
    #[arg(value_parser = tenant_id)]
    tenant: TenantId,
    /// Sign in to Rescue as this technician, to prove single sign-on
    #[arg(long, value_name = "EMAIL", value_parser = email)]
    technician: Option<String>,
    /// Write one test note to this record, to prove write access
    #[arg(long, value_name = "NUMBER", value_parser = record_number)]
    write_to: Option<String>,
    /// Check one of the URLs that were pasted into Rescue; `-` reads it from standard input, which keeps its key out of
    /// the shell's history
    #[arg(long, value_name = "URL", value_parser = secret)]
    webhook_url: Option<Secret>,
    /// Compare the technicians' e-mail addresses (lines or CSV) with ServiceNow's users
    #[arg(long, value_name = "FILE")]
    technicians: Option<PathBuf>,
}

fn email(text: &str) -> Result<String, String> {
    let address = Email::parse(text).ok_or_else(|| "this is not an e-mail address".to_owned())?;
    Ok(address.as_str().to_owned())
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "clap's value parsers return results"
)]
fn secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::from(text))
}

impl Command {
    pub(super) async fn run(self, global: &Global) -> Result<ExitCode, AdminError> {
        let testing = global.testing()?;
        let technicians = match self.technicians {
            None => None,
            Some(path) => Some(technicians::read(&read_text(&path)?)),
        };
        let webhook_url = match self.webhook_url {
            Some(url) if url.expose() == "-" => {
                let mut line = Vec::new();
                std::io::stdin().lock().read_until(b'\n', &mut line)?;
                // PowerShell adds a byte order mark.
                let line = secret_text::text(&line).unwrap_or_default();
                Some(Secret::from(line.trim()))
            }
            given => given,
        };
        let options = Options {
            technician: self.technician,
            write_to: self.write_to,
            webhook_url,
            technicians,
            testing,
        };
        let needs = [
            Need::TenantsTable,
            Need::SessionsTable,
            Need::CredentialsTable,
            Need::SessionsQueueUrl,
            Need::SessionsDlqUrl,
            Need::ApiUrl,
        ];
        let stack = global.stack(&needs).await?;
        let shown = global.output == Output::Table;
        let report = examine(&stack, &self.tenant, &options, |check| {
            if shown {
                // A closed terminal does not stop the checks.
                let _ = say(&line(check));
            }
        })
        .await?;
        global.answer(&report, summary)?;
        Ok(match report.worst() {
            Status::Failed => ExitCode::FAILURE,
            Status::Skipped | Status::Ok | Status::Warning => ExitCode::SUCCESS,
        })
    }
}

fn line(check: &Check) -> String {
    let (sign, style) = match check.status {
        Status::Ok => ("✓", ADDED),
        Status::Warning => ("!", WARNING),
        Status::Failed => ("✗", FAULT),
        Status::Skipped => ("-", DIM),
    };
    let seen = format!("{style}{sign} {:<20}{style:#} {}", check.id, check.seen);
    let mut text = wrapped(&seen, 23);
    if let Some(remedy) = &check.remedy {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{}", wrapped(&format!("    → {remedy}"), 6));
    }
    text
}

fn summary(report: &Report) -> String {
    let count = |status: Status| report.count(status);
    let (failed, doubts) = (count(Status::Failed), count(Status::Warning));
    let some = |count: usize, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    let warnings = some(doubts, "warning", "warnings");
    let verdict = match (failed, doubts) {
        (0, 0) => "everything that was looked at is right".to_owned(),
        (0, _) => format!("nothing fails, {warnings}"),
        _ => format!("{}, {warnings}", some(failed, "check fails", "checks fail")),
    };
    format!(
        "\n{STRONG}Tenant {}: {verdict}{STRONG:#} ({} right, {} not looked at)",
        report.tenant,
        count(Status::Ok),
        count(Status::Skipped)
    )
}
