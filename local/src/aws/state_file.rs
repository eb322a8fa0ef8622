//! A service's state on disk.

use std::path::Path;

use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::Error;
use super::refusal::AwsRefusal;

/// Reads the state of an earlier run; an empty state when there is none.
pub(super) fn load<T: Default + DeserializeOwned>(file: Option<&Path>) -> Result<T, Error> {
    let Some(file) = file.filter(|file| file.exists()) else {
        return Ok(T::default());
    };
    let bytes = std::fs::read(file).map_err(|error| Error::unusable(file, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| Error::unusable(file, &error))
}

/// Replaces the file as a whole or not at all, readable by its owner only.
pub(super) fn save(file: Option<&Path>, state: &impl Serialize) -> Result<(), AwsRefusal> {
    let Some(file) = file else {
        return Ok(());
    };
    let broken = |e: &dyn std::error::Error| {
        AwsRefusal::new("InternalError", &e.to_string()).status(StatusCode::INTERNAL_SERVER_ERROR)
    };
    let bytes = serde_json::to_vec(state).map_err(|e| broken(&e))?;
    let next = file.with_extension("next");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut writer = options.open(&next).map_err(|e| broken(&e))?;
    std::io::Write::write_all(&mut writer, &bytes).map_err(|e| broken(&e))?;
    std::fs::rename(&next, file).map_err(|e| broken(&e))
}
