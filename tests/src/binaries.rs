//! The programs under test, built with the profile of this test run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder of the built programs: `session-details`, `deliver-session`, `rescue-connector`, `local` and others.
///
/// Cargo does not build the binaries of other packages for a test, so this function does, once per test process.
///
/// # Panics
/// When they cannot be built.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let exe = std::env::current_exe().expect("the test has a path");
        let folder = exe
            .parent()
            .and_then(Path::parent)
            .expect("target/PROFILE/deps/TEST")
            .to_owned();
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args(["build", "--workspace", "--bins", "--locked", "--quiet"]);
        if folder
            .file_name()
            .is_some_and(|profile| profile == "release")
        {
            build.arg("--release");
        }
        let status = build
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .expect("cargo runs");
        assert!(status.success(), "the programs under test do not build");
        folder
    })
}
