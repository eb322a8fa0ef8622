//! The data folder, which keeps a cloud's state for the next start.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// A data folder that only this process uses until the value is dropped.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    /// The lock also ends when the process is killed.
    _lock: File,
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    #[error(
        "the folder {path} is in use by another `cargo run -- up`{}. End that one with Ctrl-C, or choose another folder \
         with --data.",
        holder.as_ref().map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    InUse { path: PathBuf, holder: Option<u32> },
    #[error("{path} cannot be used: {source}. Choose another folder with --data.")]
    Io { path: PathBuf, source: io::Error },
}

impl DataFolder {
    /// Creates the folder where it is missing, and locks it for this process.
    pub(crate) fn take(path: &Path) -> Result<Self, FolderError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| FolderError::Io { path, source }
        };
        std::fs::create_dir_all(path).map_err(failed(path))?;
        let file = path.join("lock");
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&file)
            .map_err(failed(&file))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Some systems let no other process read a locked file.
                let _ = lock.read_to_string(&mut holder);
                return Err(FolderError::InUse {
                    path: path.to_owned(),
                    holder: holder.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(&file)(source)),
        }
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| write!(lock, "{}", std::process::id()))
            .map_err(failed(&file))?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Stores a text under a name.
    pub(crate) fn store(&self, name: &str, text: &str) -> Result<(), FolderError> {
        let path = self.path.join(name);
        std::fs::write(&path, text).map_err(|source| FolderError::Io { path, source })
    }

    /// The text that is stored under a name.
    pub(crate) fn stored(&self, name: &str) -> Result<String, FolderError> {
        let path = self.path.join(name);
        std::fs::read_to_string(&path).map_err(|source| FolderError::Io { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_in_use_names_its_holder_and_what_to_do() {
        let path = std::env::temp_dir().join(format!("data-{}", uuid::Uuid::new_v4()));
        let held = DataFolder::take(&path).expect("it is free");
        let refused = DataFolder::take(&path)
            .expect_err("it is taken")
            .to_string();
        assert!(refused.contains(&path.display().to_string()), "{refused}");
        assert!(
            refused.contains(&format!("(process {})", std::process::id())),
            "{refused}"
        );
        drop(held);
        DataFolder::take(&path).expect("it is free again");
        std::fs::remove_dir_all(path).expect("removed");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = std::env::temp_dir().join(format!("file-{}", uuid::Uuid::new_v4()));
        std::fs::write(&file, "").expect("written");
        let refused = DataFolder::take(&file).expect_err("a file").to_string();
        assert!(refused.contains(&file.display().to_string()), "{refused}");
        assert!(refused.contains("--data"), "{refused}");
        std::fs::remove_file(file).expect("removed");
    }
}
