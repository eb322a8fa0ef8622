//! `template.yaml`, the code, the HTTP API's description and the README say the same.

mod alarms;
mod artefacts;
mod dashboard;
mod environment;
mod permissions;
mod readme;
mod routes;
mod stack;
mod tables;
mod two_stacks;
mod workflows;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use local::cloud::TEMPLATE;
use local::template::{Template, document};
use serde_json::Value;

/// A file or folder of the project.
fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is in the project's folder")
        .join(relative)
}

/// A file of the project.
fn text(relative: &str) -> String {
    std::fs::read_to_string(path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// The source of a function, all files in one text.
fn source(function: &str) -> String {
    let folder = path(&format!("functions/{function}/src"));
    let files = std::fs::read_dir(folder).expect("readable");
    files
        .map(|file| std::fs::read_to_string(file.expect("readable").path()).expect("text"))
        .collect()
}

/// The template as the embedded cloud understands it.
fn template() -> Template {
    Template::parse(TEMPLATE).expect("the template is understood")
}

/// The properties of a resource, as they are written.
fn properties(logical_id: &str) -> Value {
    let written = document(TEMPLATE).expect("YAML");
    let properties = written.pointer(&format!("/Resources/{logical_id}/Properties"));
    properties
        .unwrap_or_else(|| panic!("no resource {logical_id}"))
        .clone()
}

/// The functions by the names of their binaries, which are the names of their folders.
fn functions() -> BTreeSet<String> {
    let folders = std::fs::read_dir(path("functions")).expect("functions/");
    folders
        .map(|folder| {
            let name = folder.expect("readable").file_name();
            name.into_string().expect("a plain name")
        })
        .collect()
}
