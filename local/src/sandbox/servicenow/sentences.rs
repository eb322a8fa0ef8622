//! The sentences and labels that the app shows, read from its sources.

use serde_json::Value;

use crate::app::Answer;
use crate::multicall::MulticallError;

const REFUSALS: &str = include_str!("../../../../servicenow/src/scripts/RescueSentences.js");
const CHECKS: &str = include_str!("../../../../servicenow/src/scripts/RescueChecks.js");
const STATUS: &str = include_str!("../../../../servicenow/src/scripts/RescueStatus.js");
const FIELDS: &str = include_str!("../../../../servicenow/src/scripts/RescueSettingFields.js");
const SETTINGS: &str = include_str!("../../../../servicenow/src/fluent/settings.now.ts");
const SESSIONS: &str = include_str!("../../../../servicenow/src/fluent/sessions.now.ts");

/// Why the app got something else than it asked for.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) code: String,
    /// What a person is told in short, without reference.
    pub(super) summary: String,
    /// What a person is told.
    pub(super) sentence: String,
    /// What is wrong with each setting, by its pointer.
    pub(super) errors: Vec<(String, String)>,
}

/// The connector's answer, or its refusal as the app's script reads it (`RescueConnection._read`).
pub(super) fn read(answer: Result<Answer, MulticallError>) -> Result<Answer, Refusal> {
    let Ok(answer) = answer else {
        return Err(refusal("unreachable", "", &Value::Null, None));
    };
    let body = answer.body();
    let retry_after = answer.header("retry-after");
    match (body["code"].as_str(), body["message"].is_string()) {
        _ if matches!(answer.status, 200 | 201 | 204) => Ok(answer),
        (Some(code), _) => Err(refusal(code, "", &body, retry_after)),
        (None, is_of_gateway) => {
            let code = match answer.status {
                429 if is_of_gateway => "gateway-busy",
                404 if is_of_gateway => "not-found",
                500.. if is_of_gateway => "gateway-failed",
                _ => "not-the-connector",
            };
            let status = answer.status.to_string();
            Err(refusal(code, &status, &Value::Null, retry_after))
        }
    }
}

/// As `RescueSentences.of` makes it.
fn refusal(code: &str, value: &str, body: &Value, retry_after: Option<&str>) -> Refusal {
    let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty());
    let known = quoted_after(REFUSALS, code).or_else(|| text("title"));
    let known = known.unwrap_or("Rescue Connector refuses the request.");
    let known = known.replace("{0}", value);
    let detail = text("detail").filter(|_| !["unauthorized", "checks-in-progress"].contains(&code));
    let detail = detail.map_or_else(String::new, |detail| format!(" {detail}"));
    let wait = retry_after.map(|seconds| format!(" It asks to wait {seconds} seconds."));
    let wait = wait.unwrap_or_default();
    let reference = match text("request_id") {
        Some(id) => format!(" ({code}, {id})"),
        None => format!(" ({code})"),
    };
    let errors = body["errors"].as_array().into_iter().flatten();
    let errors = errors.map(|error| {
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (text("pointer"), text("detail"))
    });
    let errors: Vec<_> = errors.collect();
    // The detail names the pointers.
    let in_short = match errors.is_empty() {
        true => &detail,
        false => " Look at the marked fields.",
    };
    Refusal {
        code: code.to_owned(),
        summary: format!("{known}{in_short}{wait}"),
        sentence: format!("{known}{detail}{wait}{reference}"),
        errors,
    }
}

/// What a check is called.
pub(super) fn check(id: &str) -> &str {
    quoted_after(CHECKS, id).unwrap_or(id)
}

/// Why deliveries are paused.
pub(super) fn pause(reason: &str) -> &str {
    quoted_after(STATUS, reason).unwrap_or(reason)
}

/// What the app's form calls a setting, by its pointer, or a secret.
pub(super) fn setting(name: &str) -> Option<String> {
    // A line such as `['language', '/language', 'text'],` names the column of the form first.
    let place = format!("', '{name}', '");
    let line = FIELDS.lines().find(|line| line.contains(&place))?;
    let column = line.trim().strip_prefix("['")?.split('\'').next()?;
    label(SETTINGS, column)
}

/// What the app's table of sessions calls a column.
pub(super) fn session_column(column: &str) -> String {
    label(SESSIONS, column).unwrap_or_else(|| column.to_owned())
}

/// The label of a column in the definition of a table.
fn label(table: &str, column: &str) -> Option<String> {
    let (_, definition) = table.split_once(&format!("\n        {column}: "))?;
    let (_, label) = definition.split_once("label: '")?;
    // An apostrophe is escaped.
    let label = label.lines().next()?.replace(r"\'", "\u{2019}");
    label.split('\'').next().map(str::to_owned)
}

/// The text of the line `'key': 'text',` of a script.
fn quoted_after<'a>(script: &'a str, key: &str) -> Option<&'a str> {
    let start = format!("'{key}': '");
    script.lines().find_map(|line| {
        let text = line.trim().strip_prefix(&start)?.trim_end_matches(',');
        text.strip_suffix('\'')
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::domain::error::ErrorCode;

    use super::*;

    #[test]
    fn a_refusal_is_the_apps_sentence_with_detail_wait_and_reference() {
        let body = json!({
            "detail": "Rescue said no.",
            "request_id": "r-1",
            "errors": [{"pointer": "/language", "detail": "is unknown"}],
        });
        let refusal = refusal("pin-rate-exceeded", "", &body, Some("2"));
        assert_eq!(
            refusal.sentence,
            "Rescue makes one PIN per second, and others were first. Press again in a few seconds. Rescue said no. It asks to \
             wait 2 seconds. (pin-rate-exceeded, r-1)"
        );
        assert_eq!(
            refusal.summary,
            "Rescue makes one PIN per second, and others were first. Press again in a few seconds. Look at the marked fields. \
             It asks to wait 2 seconds."
        );
        let error = ("/language".to_owned(), "is unknown".to_owned());
        assert_eq!(refusal.errors, [error]);
    }

    #[test]
    fn the_apps_scripts_have_the_sentences_that_are_looked_for() {
        for code in [
            ErrorCode::TechnicianConsoleNotRunning,
            ErrorCode::IdempotencyKeyReused,
            ErrorCode::SettingsChanged,
            ErrorCode::InvalidSettings,
            ErrorCode::RescueUnavailable,
        ] {
            let code = code.entry().code;
            assert!(quoted_after(REFUSALS, code).is_some(), "{code}");
        }
        assert_eq!(check("keys"), "The keys of this tenant");
        assert_eq!(check("unknown"), "unknown");
        let language = setting("/language");
        assert_eq!(language.as_deref(), Some("Language of notes and e-mails"));
        assert_eq!(setting("sso-password").as_deref(), Some("SSO password"));
        let email = "Technician\u{2019}s e-mail address in Rescue";
        assert_eq!(session_column("technician_email"), email);
        assert!(pause("servicenow-throttled").starts_with("This instance refuses"));
    }
}
