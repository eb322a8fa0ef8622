//! The HTTP API: its routes, its description in infra/openapi.yaml, and the answers of the code (infra/openapi.yaml).

use std::collections::{BTreeMap, BTreeSet};

use local::template::Event;
use serde_json::{Value, json};
use shared::domain::error::{ErrorCode, Problem};

use super::{functions, template, text};

const SESSION_DETAILS: &str = "/integration/api/servicenow/sessiondetails/{tenant}/{key}";
const PIN_CODES: &str = "/integration/api/servicenow/pincodes/{tenant}";
const TOKEN: &str = "/integration/api/servicenow/token/{tenant}";

/// The routes of `tenant-settings`.
const SET_UP: [(&str, &str); 7] = [
    ("POST", "enrolment/{tenant}"),
    ("GET", "settings/{tenant}"),
    ("PATCH", "settings/{tenant}"),
    ("PUT", "secrets/{tenant}/{name}"),
    ("POST", "webhook-keys/{tenant}"),
    ("DELETE", "webhook-keys/{tenant}/{id}"),
    ("GET", "status/{tenant}"),
];

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
fn codes_in(text: &str) -> impl Iterator<Item = ErrorCode> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|word| {
        ErrorCode::ALL
            .iter()
            .find(|code| code.as_str() == word)
            .copied()
    })
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
    let fixed = [
        format!("GET {SESSION_DETAILS}"),
        format!("POST {SESSION_DETAILS}"),
        format!("POST {PIN_CODES}"),
        format!("POST {TOKEN}"),
    ];
    let set_up =
        SET_UP.map(|(method, path)| format!("{method} /integration/api/servicenow/{path}"));
    assert_eq!(routes, fixed.into_iter().chain(set_up).collect());
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
            let codes: Vec<ErrorCode> = codes_in(description).collect();
            assert!(!codes.is_empty(), "{place} names no code");
            for code in &codes {
                assert_eq!(code.entry().status, Some(status), "{place} {code}");
            }
            let problem = response.pointer("/content/application~1problem+json");
            assert!(problem.is_some(), "{place} is no problem+json");
            let waits = |code: &ErrorCode| Problem::new(*code, "").retry_after().is_some();
            let retry_after = response.pointer("/headers/Retry-After");
            assert_eq!(
                retry_after.is_some(),
                codes.iter().any(waits),
                "{place} Retry-After"
            );
            let always = retry_after.and_then(|header| header["required"].as_bool());
            assert_eq!(
                always.unwrap_or_default(),
                codes.iter().all(waits),
                "{place} Retry-After"
            );
            let challenge = response.pointer("/headers/WWW-Authenticate").is_some();
            assert_eq!(challenge, status == 401, "{place} WWW-Authenticate");
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
    let post = statuses(&format!("POST {SESSION_DETAILS}"));
    let get = statuses(&format!("GET {SESSION_DETAILS}"));
    let refusals = refusals_of("session-details");
    assert!(refusals.contains(&ErrorCode::NotFound), "{refusals:?}");
    let mut given: BTreeSet<u16> = refusals
        .iter()
        .filter_map(|code| code.entry().status)
        .collect();
    given.insert(200);
    assert_eq!(post, given);
    assert_eq!(get, [204, 404, 503].into());
    let description = text("infra/openapi.yaml");
    let named: Vec<ErrorCode> = codes_in(&description).collect();
    for code in refusals {
        assert!(named.contains(&code), "{code} is not described");
    }
}

/// The codes that a route's description names.
fn codes_of(api: &Value, route: &str) -> BTreeSet<&'static str> {
    let operation = operations(api)[route];
    let responses = responses(api, operation).into_values();
    responses
        .filter_map(|response| response["description"].as_str())
        .flat_map(codes_in)
        .map(ErrorCode::as_str)
        .collect()
}

/// Every code that a request for a PIN may be answered with.
pub(super) fn codes_of_a_pin() -> BTreeSet<String> {
    let codes = codes_of(&described(), &format!("POST {PIN_CODES}")).into_iter();
    codes.map(str::to_owned).collect()
}

/// What comes from the shared crate (keys, bodies, Rescue's answers) is described as well, but not looked for here.
#[test]
fn every_code_that_a_function_with_an_api_key_gives_is_described_at_its_route() {
    let api = described();
    for (function, path) in [("generate-pin", PIN_CODES), ("receive-token", TOKEN)] {
        let described = codes_of(&api, &format!("POST {path}"));
        for code in refusals_of(function) {
            let reaches_callers = code.entry().status.is_some();
            assert!(
                !reaches_callers || described.contains(code.as_str()),
                "{function} {code}"
            );
        }
    }
    let routes =
        SET_UP.map(|(method, path)| format!("{method} /integration/api/servicenow/{path}"));
    let described: BTreeSet<_> = routes
        .iter()
        .flat_map(|route| codes_of(&api, route))
        .collect();
    for code in refusals_of("tenant-settings") {
        let reaches_callers = code.entry().status.is_some();
        assert!(
            !reaches_callers || described.contains(code.as_str()),
            "{code}"
        );
    }
}

/// A code with a status that no route gives needs no status in the error table.
#[test]
fn every_code_with_a_status_is_given_at_some_route() {
    let api = described();
    let given: BTreeSet<&str> = operations(&api)
        .keys()
        .flat_map(|route| codes_of(&api, route))
        .collect();
    let in_the_table = ErrorCode::ALL
        .iter()
        .filter(|code| code.entry().status.is_some());
    assert_eq!(given, in_the_table.map(|code| code.as_str()).collect());
}

/// Rescue can send no header: its key is in the URL. All other callers send a bearer key in a header.
#[test]
fn the_routes_for_pins_and_tokens_require_a_bearer_key() {
    let api = described();
    assert_eq!(api["security"], json!([]));
    let schemes = &api["components"]["securitySchemes"];
    for (route, operation) in operations(&api) {
        let has_key = responses(&api, operation).contains_key(&401);
        assert_eq!(has_key, !route.ends_with("/{key}"), "{route}");
        let security = &operation["security"];
        if has_key {
            let name = security[0].as_object().and_then(|one| one.keys().next());
            let scheme = &schemes[name.expect("a scheme")];
            assert_eq!(
                (&scheme["type"], &scheme["scheme"]),
                (&json!("http"), &json!("bearer"))
            );
        } else {
            assert_eq!(*security, Value::Null, "{route}");
        }
    }
}

/// The codes that a function's source gives.
fn refusals_of(function: &str) -> Vec<ErrorCode> {
    assert!(functions().contains(function));
    let source = super::source(function);
    let named = |code: &ErrorCode| {
        let variant = format!("Code::{code:?}");
        source.match_indices(&variant).any(|(at, found)| {
            let next = source[at + found.len()..].chars().next();
            next.is_some_and(|next| !next.is_alphanumeric())
        })
    };
    ErrorCode::ALL.iter().copied().filter(named).collect()
}
