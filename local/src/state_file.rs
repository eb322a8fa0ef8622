//! State that is kept in a JSON file over restarts.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads the state of an earlier run; an empty state when there is none.
pub(crate) fn load<T: Default + DeserializeOwned>(file: Option<&Path>) -> io::Result<T> {
    let Some(file) = file.filter(|file| file.exists()) else {
        return Ok(T::default());
    };
    let state = std::fs::read(file).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
    state.map_err(|error| unusable(file, error))
}

/// Replaces the file as a whole or not at all, readable by its owner only.
pub(crate) fn save(file: Option<&Path>, state: &impl Serialize) -> io::Result<()> {
    let Some(file) = file else {
        return Ok(());
    };
    let next = file.with_extension("next");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(&next)?
        .write_all(&serde_json::to_vec(state)?)?;
    std::fs::rename(&next, file)
}

/// The error of a file or folder that an operator has to repair.
pub(crate) fn unusable(path: &Path, reason: impl std::fmt::Display) -> io::Error {
    let path = path.display();
    io::Error::other(format!(
        "{path} cannot be used: {reason}. Repair or remove it, or choose another folder with --data."
    ))
}
