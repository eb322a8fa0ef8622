//! The HTTP API: its routes, its description in infra/openapi.yaml, and the answers of the code (design 4.1).

use std::collections::{BTreeMap, BTreeSet};

use local::template::Event;
use serde_json::Value;
use shared::error::Code;

use super::{functions, template, text};

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

fn described() -> Value {
    serde_yaml_ng::from_str(&text("infra/openapi.yaml")).expect("YAML")
}

/// The operations by `METHOD path`.
fn operations(api: &Value) -> BTreeMap<String, &Value> {
    let paths = api["paths"].as_object().expect("paths").iter();
    paths
        .flat_map(|(path, item)| {
            METHODS.iter().filter_map(move |method| {
                let operation = item.get(method)?;
                Some((format!("{} {path}", method.to_uppercase()), operation))
            })
        })
        .collect()
}

/// The responses of an operation by status, references followed.
fn responses<'a>(api: &'a Value, operation: &'a Value) -> BTreeMap<u16, &'a Value> {
    let responses = operation["responses"].as_object().expect("responses");
    let followed = responses.iter().map(|(status, response)| {
        let target = response.get("$ref").and_then(Value::as_str);
        let response = target.map_or(response, |target| {
            let found = api.pointer(target.trim_start_matches('#'));
            found.unwrap_or_else(|| panic!("{target} leads nowhere"))
        });
        (status.parse().expect("a status"), response)
    });
    followed.collect()
}

/// The error codes that a description names, in backquotes.
fn codes_in(text: &str) -> impl Iterator<Item = Code> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|word| Code::ALL.iter().find(|code| code.as_str() == word).copied())
}

#[test]
fn the_routes_of_the_template_are_those_that_are_described() {
    let api = described();
    let routes: BTreeSet<String> = template()
        .functions
        .into_iter()
        .flat_map(|function| function.events)
        .filter_map(|event| match event {
            Event::HttpApi { method, path } => Some(format!("{method} {path}")),
            _ => None,
        })
        .collect();
    assert_eq!(routes, operations(&api).into_keys().collect());
    let session_details = "/integration/api/servicenow/sessiondetails/{tenant}/{key}";
    for method in ["GET", "POST"] {
        assert!(routes.contains(&format!("{method} {session_details}")));
    }
}

#[test]
fn every_refusal_that_is_described_is_in_the_error_table_with_its_status() {
    let api = described();
    for (route, operation) in operations(&api) {
        for (status, response) in responses(&api, operation) {
            if status < 400 {
                continue;
            }
            let place = format!("{route} {status}");
            let description = response["description"].as_str().expect("a description");
            let codes: Vec<Code> = codes_in(description).collect();
            assert!(!codes.is_empty(), "{place} names no code");
            for code in codes {
                assert_eq!(code.entry().status, Some(status), "{place} {code}");
            }
            let problem = response.pointer("/content/application~1problem+json");
            assert!(problem.is_some(), "{place} is no problem+json");
            let retry_after = response.pointer("/headers/Retry-After").is_some();
            assert_eq!(retry_after, status == 503, "{place} Retry-After");
        }
    }
}

/// The answers of `session-details` that are no refusals are 200 and 204.
#[test]
fn every_answer_of_session_details_is_described() {
    let api = described();
    let statuses = |route: &str| -> BTreeSet<u16> {
        let operations = operations(&api);
        responses(&api, operations[route]).into_keys().collect()
    };
    let session_details = "/integration/api/servicenow/sessiondetails/{tenant}/{key}";
    let post = statuses(&format!("POST {session_details}"));
    let get = statuses(&format!("GET {session_details}"));
    let refusals = refusals_of("session-details");
    assert!(refusals.contains(&Code::NotFound), "{refusals:?}");
    let mut given: BTreeSet<u16> = refusals
        .iter()
        .filter_map(|code| code.entry().status)
        .collect();
    given.insert(200);
    assert_eq!(post, given);
    assert_eq!(get, [204, 404, 503].into());
    let description = text("infra/openapi.yaml");
    let named: Vec<Code> = codes_in(&description).collect();
    for code in refusals {
        assert!(named.contains(&code), "{code} is not described");
    }
}

/// The codes that a function's source gives.
fn refusals_of(function: &str) -> Vec<Code> {
    assert!(functions().contains(function));
    let folder = super::path(&format!("functions/{function}/src"));
    let mut source = String::new();
    for file in std::fs::read_dir(folder).expect("readable") {
        source += &std::fs::read_to_string(file.expect("readable").path()).expect("text");
    }
    let named = |code: &Code| {
        let variant = format!("Code::{code:?}");
        source.match_indices(&variant).any(|(at, found)| {
            let next = source[at + found.len()..].chars().next();
            next.is_some_and(|next| !next.is_alphanumeric())
        })
    };
    Code::ALL.iter().copied().filter(named).collect()
}
