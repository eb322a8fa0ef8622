//! What tests in other processes see and set, on paths that no instance has.
//!
//! | request | answer |
//! |---|---|
//! | `GET /simulator/mails` | every e-mail that was sent, oldest first, as a JSON array of [`Mail`](super::Mail) |
//! | `GET /simulator/properties` | the known system properties as a JSON object of texts, `"true"` or `"false"` |
//! | `PATCH /simulator/properties` | sets those of a JSON object, and answers as GET; `400` says what is wrong |

use std::collections::BTreeMap;

use serde_json::json;

use super::state::{InstanceState, Rules};
use crate::simulator::{RecordedRequest, SimulatorResponse};

const PREFIX: &str = "/simulator/";

/// A system property: how it is read and set.
struct Property {
    name: &'static str,
    get: fn(&Rules) -> bool,
    set: fn(&mut Rules, bool),
}

/// docs/vendors.md#token-errors and docs/vendors.md#oauth-registry
const PROPERTIES: [Property; 2] = [
    Property {
        name: "glide.oauth.inbound.client.credential.grant_type.enabled",
        get: |rules| rules.client_credentials_enabled,
        set: |rules, value| rules.client_credentials_enabled = value,
    },
    Property {
        name: "glide.oauth.inbound.ropc.grant_type.disabled",
        get: |rules| !rules.password_grant_enabled,
        set: |rules, value| rules.password_grant_enabled = !value,
    },
];

/// The answer to a request of a test; `None` for every other request.
pub(super) fn answer(
    state: &mut InstanceState,
    request: &RecordedRequest,
) -> Option<SimulatorResponse> {
    let page = request.path.strip_prefix(PREFIX)?;
    Some(match (request.method.as_str(), page) {
        ("GET", "mails") => SimulatorResponse::json(200, &json!(state.mails)),
        ("GET", "properties") => properties(&state.rules),
        ("PATCH", "properties") => match set(&mut state.rules, &request.body) {
            Ok(()) => properties(&state.rules),
            Err(error) => SimulatorResponse::json(400, &json!({ "error": error })),
        },
        _ => return None,
    })
}

fn properties(rules: &Rules) -> SimulatorResponse {
    let values = PROPERTIES.iter();
    let values: BTreeMap<_, _> = values
        .map(|property| (property.name, (property.get)(rules).to_string()))
        .collect();
    SimulatorResponse::json(200, &json!(values))
}

/// Sets all properties of a JSON object, or none.
fn set(rules: &mut Rules, body: &[u8]) -> Result<(), String> {
    let values: BTreeMap<String, String> = serde_json::from_slice(body)
        .map_err(|error| format!("Send a JSON object of texts ({error})."))?;
    let mut changed = rules.clone();
    for (name, value) in &values {
        let known = PROPERTIES.iter().find(|property| property.name == name);
        let Some(property) = known else {
            let known: Vec<_> = PROPERTIES.iter().map(|property| property.name).collect();
            return Err(format!(
                "The simulator has no property {name}. It has: {}.",
                known.join(", ")
            ));
        };
        let value = value
            .parse()
            .map_err(|_| format!("{name} is \"true\" or \"false\"."))?;
        (property.set)(&mut changed, value);
    }
    *rules = changed;
    Ok(())
}
