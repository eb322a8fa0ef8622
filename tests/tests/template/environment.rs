//! The functions' environment (docs/environment.md).

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use local::cloud::TEMPLATE;

use super::{functions, path, source, template, text};

/// What only tests set.
pub(super) const FOR_TESTS: [&str; 4] = [
    "RESCUE_ENDPOINT_URL",
    "ALLOW_LOOPBACK",
    "CLOCK_OFFSET_SECONDS",
    "TEST_CA_FILE",
];

/// What Lambda itself sets for every function.
const OF_LAMBDA: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_SECRET_ACCESS_KEY"];

/// The variables that a function names as missing when it is started without any.
fn required_by(function: &str) -> BTreeSet<String> {
    let ended = Command::new(tests::folder().join(function))
        .env_clear()
        .output()
        .expect("the program starts");
    assert!(!ended.status.success(), "{function}");
    let message = String::from_utf8_lossy(&ended.stderr).into_owned();
    let names: Vec<&str> = message
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .collect();
    names
        .windows(3)
        .filter(|three| three[1..] == ["is", "missing"])
        .map(|three| three[0].to_owned())
        .collect()
}

/// The variables that a function's source reads with a default.
fn optional_of(function: &str) -> BTreeSet<String> {
    let source = source(function);
    let arguments = |call: &str| -> BTreeSet<String> {
        let parts = source.split(call).skip(1);
        let names = parts.filter_map(|rest| rest.split('"').next());
        names.map(str::to_owned).collect()
    };
    let mut optional = arguments("environment.optional(\"");
    optional.extend(arguments("environment.count(\""));
    if source.contains(".vendors(") {
        optional.insert("SECRET_PREFIX".to_owned());
    }
    optional
}

/// Every variable of the template with the functions that get it, by the names of their binaries.
pub(super) fn given() -> BTreeMap<String, BTreeSet<String>> {
    let mut given: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for function in template().functions {
        let binary = function.binary.expect("BuildProperties.Binary");
        for variable in function.environment.into_keys() {
            given.entry(variable).or_default().insert(binary.clone());
        }
    }
    given
}

#[test]
fn every_function_is_deployed_and_every_deployed_function_has_a_folder() {
    let deployed: BTreeSet<String> = template()
        .functions
        .into_iter()
        .map(|function| function.binary.expect("BuildProperties.Binary"))
        .collect();
    assert_eq!(deployed, functions());
}

#[test]
fn a_functions_variables_in_the_template_are_exactly_those_that_its_code_reads() {
    for function in template().functions {
        let binary = function.binary.expect("BuildProperties.Binary");
        let mut wanted = required_by(&binary);
        wanted.retain(|name| !OF_LAMBDA.contains(&name.as_str()));
        wanted.extend(optional_of(&binary));
        let given: BTreeSet<String> = function.environment.into_keys().collect();
        assert_eq!(given, wanted, "{binary}");
    }
}

/// A function with a missing variable fails at start and names all that are missing.
#[test]
fn a_function_without_its_environment_ends_and_names_all_that_it_requires() {
    for function in functions() {
        let named = required_by(&function);
        let of_lambda = OF_LAMBDA.iter().all(|name| named.contains(*name));
        assert!(
            of_lambda && named.len() > OF_LAMBDA.len(),
            "{function}: {named:?}"
        );
    }
}

/// These move the clock, or send the calls to other hosts.
#[test]
fn what_only_tests_set_is_not_in_the_template() {
    for name in FOR_TESTS.into_iter().chain(["AWS_ENDPOINT_URL"]) {
        assert!(!TEMPLATE.contains(name), "{name}");
    }
}

/// The template is searched for what the reader takes for tests, so that a further one cannot be forgotten.
#[test]
fn what_only_tests_set_is_all_that_the_reader_takes_for_tests() {
    let source = text("shared/src/environment.rs");
    let (_, reader) = source.split_once("pub fn testing").expect("the reader");
    let (reader, _) = reader.split_once("\n    /// Region").expect("an end");
    let names = reader.split("optional(\"").skip(1);
    let names: BTreeSet<&str> = names.filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(names, FOR_TESTS.into());
}

/// The reader names all missing variables at once; a variable that is read elsewhere would be missing from the list.
#[test]
fn nothing_but_the_reader_and_logging_reads_the_environment() {
    let mut folders = vec![path("shared/src"), path("functions")];
    let mut reading = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable") {
            let entry = entry.expect("readable").path();
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let Ok(source) = std::fs::read_to_string(&entry) else {
                continue;
            };
            let outside_tests = source.split("#[cfg(test)]").next().unwrap_or_default();
            if outside_tests.contains("env::var") {
                let name = entry.strip_prefix(path("")).expect("inside");
                reading.insert(name.to_string_lossy().into_owned());
            }
        }
    }
    let expected = ["shared/src/environment.rs", "shared/src/telemetry.rs"];
    assert_eq!(reading, expected.map(str::to_owned).into());
}
