//! What to do about each code of the error table (`shared::domain::error`), for the person who reads a ledger entry or a dead
//! letter. A test holds the two together.

use serde::Serialize;
use shared::domain::error::ErrorCode;

/// The explanation of a code.
///
/// As JSON: `{"meaning","remedy"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// What happened.
    pub meaning: String,
    /// What to do about it; the commands in it run as they stand.
    pub remedy: String,
}

/// Explains a code for a tenant (`TENANT` if its name is not known). A code of a later release is not known.
pub fn explain(code: &str, tenant: Option<&str>) -> Explained {
    let known = ErrorCode::ALL.iter().find(|known| known.as_str() == code);
    let meaning = known.map_or("This release does not know the code.", |code| {
        code.entry().title
    });
    let remedy =
        remedy(code).unwrap_or("Look the code up in the README of the release that is deployed.");
    Explained {
        meaning: meaning.to_owned(),
        remedy: remedy.replace("TENANT", tenant.unwrap_or("TENANT")),
    }
}

/// As [`explain`], with the dead letter's id in the commands.
pub fn explain_dead_letter(code: &str, tenant: Option<&str>, id: &str) -> Explained {
    let mut explained = explain(code, tenant);
    let remedy = &mut explained.remedy;
    if let Some((before, lookup)) = remedy.split_once(" (`rescue-connector dlq list")
        && let Some((_, after)) = lookup.split_once(')')
    {
        *remedy = format!("{before}{after}");
    }
    for command in ["show", "redrive", "delete"] {
        *remedy = remedy.replace(&format!("dlq {command} ID"), &format!("dlq {command} {id}"));
    }
    explained
}

/// Appends the command that puts the post back.
macro_rules! then_redrive {
    ($text:literal) => {
        concat!(
            $text,
            " Then put the post back with `rescue-connector dlq redrive --tenant TENANT`."
        )
    };
}

fn remedy(code: &str) -> Option<&'static str> {
    Some(match code {
        "malformed-body" | "missing-session-id" | "invalid-session-id" => {
            "Look at what was posted with `rescue-connector dlq show ID --reveal`. After an upgrade `rescue-connector dlq \
             redrive ID` parses it again. Otherwise correct what exports the session data in \
             Rescue's Administration Center."
        }
        "invalid-request" => {
            "Correct the script that sent the request; the answer names the part that is wrong."
        }
        "unauthorized" => {
            "Check the tenant's name and the API key in ServiceNow's REST Message; `rescue-connector keys rotate TENANT \
             api` creates another key."
        }
        "not-found" => {
            "Check the URL in Rescue's Administration Center; `rescue-connector keys rotate TENANT webhook` creates new \
             URLs."
        }
        "tenant-disabled" => "Switch the tenant on with `rescue-connector tenant enable TENANT`.",
        "technician-not-allowed" => {
            "Add the domain of the technician's address to `technician_domains` in the tenant file, or correct the \
             address in ServiceNow."
        }
        "technician-not-recognised" => {
            "Give the technician that SSO id in Rescue. If every technician is refused, set the global SSO password with \
             `rescue-connector secrets set TENANT sso-password`."
        }
        "not-a-technician" => "Give the Rescue user a technician licence.",
        "technician-disabled" => "Enable the technician in Rescue.",
        "technician-console-not-running" => {
            "Start the technician's Rescue console, or set `require_console = false` in the tenant file."
        }
        "pin-in-progress" => "Wait five seconds and press the button again.",
        "checks-in-progress" => "Wait ten seconds and make the checks again.",
        "too-many-posts" => {
            "The sender repeats the post or loses it. If a tenant regularly posts that often, raise the stack's parameter \
             PostsPerMinute."
        }
        "body-too-large" => {
            "Export less of the session in Rescue's Administration Center; the post was not stored."
        }
        "idempotency-key-reused" => "Send each request with an Idempotency-Key of its own.",
        "operator-only" => {
            "Change the setting with `rescue-connector tenant set TENANT POINTER VALUE`."
        }
        "instance-mismatch" => {
            "Open the link in the instance that it was made for, or make one for another tenant with `rescue-connector tenant \
             invite`."
        }
        "too-many-keys" => {
            "Retire a key that is not used any more; `rescue-connector keys list TENANT` shows them."
        }
        "last-key" => {
            "Make new webhook URLs first, and set them in Rescue's Administration Center."
        }
        "managed-by-file" => {
            "Change the tenant file and apply it with `rescue-connector tenant apply FILE`."
        }
        "settings-changed" => "Read the settings again, then repeat the change.",
        "if-match-required" => "Read the settings, and send their ETag as If-Match.",
        "invalid-settings" => "Correct each setting that the answer names.",
        "token-refused" => {
            "Hand over a new refresh token from ServiceNow, made for the client_id of the tenant file or sent with its \
             own client."
        }
        "pin-rate-exceeded" | "out-of-pin-codes" => "Press the button again in half a minute.",
        "rescue-sign-in-refused" => {
            "Allow sign-in by API in Rescue's Global Settings, or set an API token with `rescue-connector secrets set \
             TENANT rescue-api-token`."
        }
        "rescue-sign-in-contested" => {
            "Give this connector, or the other integration that signs in as the technician, an API token: \
             `rescue-connector secrets set TENANT rescue-api-token`."
        }
        "rescue-unavailable" => {
            "Try again. If it fails again, check Rescue's status page, and run `rescue-connector doctor TENANT`."
        }
        "queue-unavailable" | "storage-unavailable" => {
            "It passes by itself when AWS answers again. Otherwise check the AWS Health Dashboard, and run \
             `rescue-connector doctor TENANT`."
        }
        "servicenow-unavailable" => {
            "The post is retried for a day. `rescue-connector doctor TENANT` shows what the instance answers. A post that became a dead letter is put back with `rescue-connector dlq redrive --tenant TENANT`."
        }
        "servicenow-throttled" => {
            "The post is retried. If this happens often, ask the instance's administrator for the rate \
             limit rules of the service account."
        }
        "servicenow-refused" => then_redrive!(
            "Change in ServiceNow what refuses the write: the service account's rights, the business rule or the data \
             policy that the detail names."
        ),
        "note-not-visible" => then_redrive!(
            "Give the service account the right to write and to read `work_notes` of the record (an ACL dropped the \
             field)."
        ),
        "attachment-refused" => {
            "Give the service account the right to attach files to the record, and allow the extension txt in \
             glide.attachment.extensions. The note has been written."
        }
        "outcome-unknown" => then_redrive!(
            "Look at the record's work notes for the session's id: the note may be there already. Let the service \
             account read `work_notes`."
        ),
        "reauthorization-needed" => {
            "`rescue-connector token status TENANT` names the likely causes. Hand over a new refresh token from \
             ServiceNow, or set the secret that changed; waiting posts follow within a minute."
        }
        "tenant-misconfigured" => {
            "`rescue-connector doctor TENANT` says which setting or secret is missing."
        }
        "tenant-deleted" => then_redrive!(
            "To restore the tenant, apply its file with `rescue-connector tenant apply FILE`."
        ),
        "invalid-reference" | "ambiguous-record" => {
            "Name the session's record: `rescue-connector dlq redrive ID --record NUMBER` (`rescue-connector dlq list \
             --tenant TENANT` shows the ID)."
        }
        "record-not-found" => {
            "If the number is right, let the service account read that record, and put the post back with \
             `rescue-connector dlq redrive --tenant TENANT`. Otherwise name the session's record: `rescue-connector \
             dlq redrive ID --record NUMBER` (`rescue-connector dlq list --tenant TENANT` shows the ID)."
        }
        "tracking-not-believed" => {
            "Start the session with the record's PIN button. If another program fills in Tracking0, set \
             `require_signed_tracking = false` in the tenant file."
        }
        "no-reference" => {
            "Start sessions with the record's PIN button, or set `console_sessions` or `reference_fields` in the tenant \
             file."
        }
        "unknown-version" => {
            then_redrive!("Deploy the release that wrote the message, or a later one.")
        }
        "malformed-message" => {
            "Look at the message with `rescue-connector dlq show ID --reveal`. If another program wrote it, stop that \
             program, and drop the message with `rescue-connector dlq delete ID`."
        }
        "processing-died" => then_redrive!(
            "Find the cause in the log of deliver-session at that time, and deploy a release that corrects it."
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_of_a_dead_letter_has_its_id_in_every_command() {
        let of_dead_letter = |code| explain_dead_letter(code, Some("acme"), "2f9e").remedy;
        for code in ErrorCode::ALL {
            let text = of_dead_letter(code.as_str());
            assert!(!text.contains(" ID"), "{code}: {text}");
        }
        assert_eq!(
            of_dead_letter("ambiguous-record"),
            "Name the session's record: `rescue-connector dlq redrive 2f9e --record NUMBER`."
        );
    }

    #[test]
    fn every_code_says_what_it_means_and_what_to_do() {
        for code in ErrorCode::ALL {
            let text = remedy(code.as_str()).unwrap_or_else(|| panic!("{code} has no remedy"));
            assert!(text.ends_with('.'), "{code}: {text}");
            let explained = explain(code.as_str(), Some("acme"));
            assert_eq!(explained.meaning, code.entry().title);
            assert!(!explained.remedy.contains("TENANT"), "{}", explained.remedy);
        }
        let unknown = explain("of-tomorrow", None);
        assert!(unknown.meaning.contains("does not know"), "{unknown:?}");
    }
}
