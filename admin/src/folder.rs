//! A folder of tenant files, applied as one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures::stream::{self, StreamExt as _};
use shared::domain::tenant::{TenantFile, TenantId};

use crate::error::AdminError;
use crate::secret_text;
use crate::stack::Stack;
use crate::tenant::{Applied, Plan, execute, plan, tell_each_apart};
use crate::tenant_file::parse;

/// How many tenants are read or written at the same time. Secrets Manager creates 50 secrets per second.
const AT_ONCE: usize = 8;

/// A file with its outcome.
#[derive(Debug)]
pub(crate) struct FolderEntry<T> {
    pub(crate) path: PathBuf,
    pub(crate) outcome: Result<T, AdminError>,
}

/// Reads one tenant file. `allow_loopback` is `ALLOW_LOOPBACK=1`, which only tests set.
///
/// # Errors
/// [`AdminError::File`], or [`AdminError::TenantFile`] with every fault.
pub(crate) fn read(path: &Path, allow_loopback: bool) -> Result<TenantFile, AdminError> {
    let text = read_text(path)?;
    parse(&text, allow_loopback).map_err(|faults| AdminError::TenantFile {
        path: path.to_owned(),
        faults,
    })
}

/// The text of a file, in UTF-8 or, with a byte order mark, in UTF-16, as PowerShell writes it.
///
/// # Errors
/// [`AdminError::File`].
pub(crate) fn read_text(path: &Path) -> Result<String, AdminError> {
    let failed = |source| AdminError::File {
        path: path.to_owned(),
        source,
    };
    let bytes = std::fs::read(path).map_err(failed)?;
    secret_text::text(&bytes).ok_or_else(|| failed(std::io::Error::other("it is not a UTF-8 text")))
}

/// Reads every `*.toml` of a folder, in the order of their names. Files that name the same tenant are all refused.
///
/// # Errors
/// When the folder cannot be read or has no such file.
pub(crate) fn read_all(
    folder: &Path,
    allow_loopback: bool,
) -> Result<Vec<FolderEntry<TenantFile>>, AdminError> {
    let unreadable = |source| AdminError::File {
        path: folder.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(AdminError::EmptyFolder(folder.to_owned()));
    }
    paths.sort();
    let mut entries: Vec<FolderEntry<TenantFile>> = paths
        .into_iter()
        .map(|path| FolderEntry {
            outcome: read(&path, allow_loopback),
            path,
        })
        .collect();
    let mut names: BTreeMap<TenantId, Vec<usize>> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        if let Ok(file) = &entry.outcome {
            names.entry(file.tenant.clone()).or_default().push(index);
        }
    }
    for (tenant, indexes) in names.into_iter().filter(|(_, files)| files.len() > 1) {
        for index in indexes {
            entries[index].outcome = Err(AdminError::SameTenant(tenant.clone()));
        }
    }
    Ok(entries)
}

/// Compares files with the table, several at a time, in their order.
pub(crate) async fn plan_all(
    stack: &Stack,
    files: Vec<FolderEntry<TenantFile>>,
    take_over: bool,
    mut done: impl FnMut(usize),
) -> Vec<FolderEntry<Plan>> {
    let plans = stream::iter(files).map(async |entry| FolderEntry {
        outcome: match entry.outcome {
            Ok(file) => plan(stack, &file, take_over).await,
            Err(error) => Err(error),
        },
        path: entry.path,
    });
    let mut plans = std::pin::pin!(plans.buffered(AT_ONCE));
    let mut entries = Vec::new();
    while let Some(entry) = plans.next().await {
        entries.push(entry);
        done(entries.len());
    }
    refuse_shared_accounts(stack, &mut entries);
    entries
}

fn refuse_shared_accounts(stack: &Stack, entries: &mut [FolderEntry<Plan>]) {
    let plans: Vec<&Plan> = entries
        .iter()
        .filter_map(|entry| entry.outcome.as_ref().ok())
        .collect();
    let refusals = tell_each_apart(stack, &plans);
    let planned = entries.iter_mut().filter(|entry| entry.outcome.is_ok());
    for (entry, refusal) in planned.zip(refusals) {
        if let Some(refusal) = refusal {
            entry.outcome = Err(refusal);
        }
    }
}

/// Writes plans, several at a time, and passes each outcome to `done`, in their order. A failure stops no other plan.
///
/// # Errors
/// The error of `done`, which ends the run: without its output the keys of new tenants are lost.
pub(crate) async fn execute_all(
    stack: &Stack,
    plans: Vec<FolderEntry<Plan>>,
    mut done: impl FnMut(FolderEntry<(Plan, Applied)>) -> Result<(), AdminError>,
) -> Result<(), AdminError> {
    let written = stream::iter(plans).map(async |entry| FolderEntry {
        outcome: match entry.outcome {
            Ok(plan) => execute(stack, &plan).await.map(|applied| (plan, applied)),
            Err(error) => Err(error),
        },
        path: entry.path,
    });
    let mut written = std::pin::pin!(written.buffered(AT_ONCE));
    while let Some(entry) = written.next().await {
        done(entry)?;
    }
    Ok(())
}
