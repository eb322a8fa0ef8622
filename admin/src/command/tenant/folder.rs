//! `rescue-connector tenant apply FOLDER`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use super::apply::{APPLYING, applied, difference, loopback_allowed, unfinished, verb};
use crate::command::global::{Global, Output, json};
use crate::command::style::STRONG;
use crate::command::terminal::{Progress, complain, confirm, remark, say};
use crate::error::AdminError;
use crate::folder::{FolderEntry, execute_all, plan_all, read_all};
use crate::plain::plain;
use crate::tenant::{Applied, Plan, preview};

/// One file's answer. As JSON: `{"file", …}` with what applying it alone answers, or `{"file","error"}`.
#[derive(Serialize)]
struct Answer<'a> {
    file: &'a str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    applied: Option<&'a Applied>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// Reports each file as soon as it is applied, so that an interrupted run loses no answer.
struct FolderReport<'a> {
    global: &'a Global,
    progress: Progress,
    all: usize,
    reported: usize,
    counts: [(&'static str, usize); 3],
    failed: Vec<String>,
    notes: BTreeMap<String, Vec<String>>,
}

/// The most notes to print: more would scroll the failures away.
const NOTES: usize = 20;

impl<'a> FolderReport<'a> {
    fn new(global: &'a Global, all: usize) -> Self {
        Self {
            global,
            progress: Progress::new(),
            all,
            reported: 0,
            counts: [("created", 0), ("changed", 0), ("unchanged", 0)],
            failed: Vec::new(),
            notes: BTreeMap::new(),
        }
    }

    fn file(
        &mut self,
        path: &Path,
        outcome: Result<(&Plan, &Applied), String>,
        shown: impl FnOnce(&Plan, &Applied) -> String,
    ) -> Result<(), AdminError> {
        self.progress.clear();
        let file = path.display().to_string();
        let error = match &outcome {
            Ok((_, applied)) => applied.incomplete.as_deref().map(unfinished),
            Err(error) => Some(error.clone()),
        };
        match self.global.output {
            Output::Json => {
                let answer = Answer {
                    file: &file,
                    applied: outcome.as_ref().ok().map(|(_, applied)| *applied),
                    error: error.as_deref(),
                };
                let opening = if self.reported == 0 { "[\n" } else { ",\n" };
                let mut stdout = std::io::stdout().lock();
                write!(stdout, "{opening}{}", json(&answer)?)?;
                stdout.flush()?;
            }
            Output::Table => {
                if let Ok((plan, applied)) = &outcome {
                    let text = shown(plan, applied);
                    say(&format!("{}: {}", plain(&file), text.trim_end()))?;
                }
            }
        }
        if let Ok((plan, applied)) = &outcome {
            let verb = verb(plan);
            for (name, count) in &mut self.counts {
                *count += usize::from(*name == verb);
            }
            // Every new tenant gets secrets of its own: no note is needed.
            let own = format!("/{}/", applied.tenant);
            let relevant = |note: &&String| !plan.creates() || !note.contains(&own);
            for note in applied.notes.iter().filter(relevant) {
                self.notes
                    .entry(note.clone())
                    .or_default()
                    .push(file.clone());
            }
        }
        if let Some(error) = error {
            complain(&format!("{file}: {error}"));
            self.failed.push(file);
        }
        self.reported += 1;
        self.progress.bar("Applying", self.reported, self.all);
        Ok(())
    }

    fn end(mut self, dry_run: bool) -> Result<ExitCode, AdminError> {
        self.progress.clear();
        if self.global.output == Output::Json {
            writeln!(std::io::stdout().lock(), "\n]")?;
        }
        for (note, files) in self.notes.iter().take(NOTES) {
            let others = match files.len() {
                0 | 1 => String::new(),
                all => format!(" and {} more", all - 1),
            };
            let first = files.first().map_or("", String::as_str);
            remark(&format!("note: {first}{others}: {note}"));
        }
        if let Some(more @ 1..) = self.notes.len().checked_sub(NOTES) {
            remark(&format!(
                "note: {more} more; applying a single file shows its notes"
            ));
        }
        let mut text = String::new();
        for (name, count) in self.counts {
            let _ = write!(text, "{count} {name}, ");
        }
        let nothing = if dry_run { " Nothing was written." } else { "" };
        let failed = self.failed.len();
        remark(&format!(
            "{STRONG}{} files: {text}{failed} failed.{STRONG:#}{nothing}",
            self.all
        ));
        let created = self.counts.iter().find(|(name, _)| *name == "created");
        if !dry_run && created.is_some_and(|(_, count)| *count > 0) {
            remark(
                "Each new tenant needs its URLs in Rescue, its API key in ServiceNow and its secrets: `rescue-connector \
                 doctor TENANT` says which are missing.",
            );
        }
        if self.failed.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        complain(&format!("failed: {}", self.failed.join(", ")));
        Ok(ExitCode::FAILURE)
    }
}

pub(super) async fn apply(
    global: &Global,
    folder: &Path,
    dry_run: bool,
    yes: bool,
    take_over: bool,
) -> Result<ExitCode, AdminError> {
    let files = read_all(folder, loopback_allowed(global)?)?;
    let all = files.len();
    let stack = global.stack(&APPLYING).await?;
    let mut progress = Progress::new();
    let plans = plan_all(&stack, files, take_over, |done| {
        progress.bar("Comparing", done, all)
    })
    .await;
    progress.clear();
    let mut report = FolderReport::new(global, all);
    if dry_run {
        for FolderEntry { path, outcome } in &plans {
            match outcome {
                Ok(plan) => report.file(path, Ok((plan, &preview(plan))), |plan, _| {
                    format!("would be {}\n{}", verb(plan), difference(plan))
                })?,
                Err(error) => report.file(path, Err(error.to_string()), |_, _| String::new())?,
            }
        }
        return report.end(dry_run);
    }
    if !yes {
        ask(&plans)?;
    }
    let shown = |plan: &Plan, done: &Applied| {
        if plan.creates() || plan.changes().is_empty() {
            applied(plan, done)
        } else {
            format!("{}{}", applied(plan, done), difference(plan))
        }
    };
    execute_all(&stack, plans, |entry| match &entry.outcome {
        Ok((plan, done)) => report.file(&entry.path, Ok((plan, done)), shown),
        Err(error) => report.file(&entry.path, Err(error.to_string()), shown),
    })
    .await
    .map_err(AdminError::with_keys)?;
    report.end(dry_run)
}

/// Asks once about all changes that may interrupt a tenant.
fn ask(plans: &[FolderEntry<Plan>]) -> Result<(), AdminError> {
    let (mut differences, mut warnings) = (String::new(), Vec::new());
    for plan in plans.iter().filter_map(|entry| entry.outcome.as_ref().ok()) {
        let tenant = &plan.after().tenant;
        let destructive = plan.destructive();
        if !destructive.is_empty() {
            let _ = write!(
                differences,
                "{STRONG}{tenant}{STRONG:#}\n{}",
                difference(plan)
            );
        }
        warnings.extend(
            destructive
                .iter()
                .map(|change| format!("{tenant}: {change}")),
        );
    }
    if warnings.is_empty() {
        return Ok(());
    }
    confirm(&differences, &warnings)
}
