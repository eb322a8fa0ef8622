//! The HTTP event → what an administrator asks for. Every rejection of a request's form lives here.

use serde_json::{Map, Value};
use shared::api::authorize::unauthorized;
use shared::api::json_object::JsonObject;
use shared::api::request::HttpRequest;
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::secret::Secret;
use shared::domain::secret_name::SecretName;
use shared::domain::tenant::TenantId;
use shared::servicenow::query::Email;

/// The author of a change whose request names none.
const UNNAMED_AUTHOR: &str = "ServiceNow";

/// The most bytes of a patch; settings have no more.
const LARGEST_PATCH: usize = 64 * 1024;

/// One request, before its sender is authorised. No `Debug`: the body may hold a secret.
pub(crate) struct Command {
    pub(crate) tenant: TenantId,
    /// An API key; for an enrolment the code of the set-up link.
    pub(crate) key: Secret,
    /// Who changes something, as the instance names them.
    pub(crate) author: String,
    /// The address of the HTTP API, as the sender knows it.
    pub(crate) api_url: String,
    pub(crate) action: Action,
    body: Vec<u8>,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Enrol,
    ReadSettings,
    ChangeSettings {
        /// The header `If-Match`.
        version: Option<String>,
    },
    SetSecret {
        name: String,
    },
    AddWebhookKey,
    RetireWebhookKey {
        id: String,
    },
    ReadStatus {
        /// The parameter `checks`.
        checks: Option<String>,
        /// The parameter `technician`.
        technician: Option<String>,
    },
}

impl Command {
    /// Reads tenant, key and action.
    ///
    /// # Errors
    /// `unauthorized` when tenant or key is missing or malformed, `not-found` for a route of another function.
    pub(crate) fn read(request: HttpRequest) -> Result<Self, Problem> {
        let tenant = request.path("tenant").and_then(TenantId::parse);
        let (tenant, key) = tenant.zip(request.bearer()).ok_or_else(unauthorized)?;
        let variable = |name| request.path(name).unwrap_or_default().to_owned();
        let path = request.route().strip_prefix("/integration/api/servicenow/");
        let action = match (request.method(), path.unwrap_or_default()) {
            ("POST", "enrolment/{tenant}") => Action::Enrol,
            ("GET", "settings/{tenant}") => Action::ReadSettings,
            ("PATCH", "settings/{tenant}") => Action::ChangeSettings {
                version: request.header("if-match").map(str::to_owned),
            },
            ("PUT", "secrets/{tenant}/{name}") => Action::SetSecret {
                name: variable("name"),
            },
            ("POST", "webhook-keys/{tenant}") => Action::AddWebhookKey,
            ("DELETE", "webhook-keys/{tenant}/{id}") => {
                Action::RetireWebhookKey { id: variable("id") }
            }
            ("GET", "status/{tenant}") => Action::ReadStatus {
                checks: request.query("checks"),
                technician: request.query("technician"),
            },
            _ => return Err(Problem::new(ErrorCode::NotFound, "There is no such route.")),
        };
        let author = request.header("changed-by").map(str::trim);
        let author = author.filter(|author| !author.is_empty());
        Ok(Self {
            tenant,
            key,
            author: author.unwrap_or(UNNAMED_AUTHOR).to_owned(),
            api_url: request.api_url(),
            action,
            body: request.body,
        })
    }

    /// The instance that enrols.
    ///
    /// # Errors
    /// `invalid-request`.
    pub(crate) fn instance(&self) -> Result<String, Problem> {
        let body = JsonObject::parse(&self.body)?;
        body.required("instance").map(str::to_owned)
    }

    /// The merge patch of the settings.
    ///
    /// # Errors
    /// `invalid-request` when it is not a JSON object.
    pub(crate) fn patch(&self) -> Result<Map<String, Value>, Problem> {
        if self.body.len() > LARGEST_PATCH {
            let detail = "Send a JSON object of at most 64 KB.";
            return Err(Problem::new(ErrorCode::InvalidRequest, detail));
        }
        JsonObject::parse(&self.body).map(JsonObject::into_members)
    }

    /// The value of a secret, blanks around it included.
    ///
    /// # Errors
    /// `invalid-request`.
    pub(crate) fn secret(&self) -> Result<Secret, Problem> {
        let body = JsonObject::parse(&self.body)?;
        match body.into_members().remove("value") {
            Some(Value::String(text)) => Ok(Secret::from(text)),
            _ => Err(Problem::new(
                ErrorCode::InvalidRequest,
                "Send {\"value\": \"…\"}: value is missing or no text.",
            )),
        }
    }
}

/// The version that `If-Match` names: `"7"`. `None` when it holds what no `ETag` of these settings was.
///
/// # Errors
/// `if-match-required` without the header.
pub(crate) fn version(if_match: Option<&str>) -> Result<Option<u64>, Problem> {
    let Some(text) = if_match else {
        let detail = "Read the settings first, and send their ETag as If-Match.";
        return Err(Problem::new(ErrorCode::IfMatchRequired, detail));
    };
    let tag = text.trim().trim_start_matches("W/").trim_matches('"');
    Ok(tag.parse().ok())
}

/// Which checks a request for the status asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WantedChecks {
    /// The technician to sign in to Rescue.
    pub(crate) technician: Option<String>,
}

/// The checks that are asked for, if any.
///
/// # Errors
/// `invalid-request`.
pub(crate) fn wanted_checks(
    checks: Option<&str>,
    technician: Option<&str>,
) -> Result<Option<WantedChecks>, Problem> {
    let refused = |detail| Problem::new(ErrorCode::InvalidRequest, detail);
    let technician = match technician {
        None => None,
        Some(text) => {
            let detail = "The parameter technician is no e-mail address of at most 254 characters.";
            let address = Email::parse(text).filter(|address| address.as_str() == text);
            Some(address.ok_or_else(|| refused(detail))?)
        }
    };
    match checks {
        None | Some("false") => Ok(None),
        Some("true") => Ok(Some(WantedChecks {
            technician: technician.map(|address| address.as_str().to_owned()),
        })),
        Some(_) => Err(refused("The parameter checks is neither true nor false.")),
    }
}

/// The settings are not those that the sender read.
pub(crate) fn settings_changed() -> Problem {
    Problem::new(
        ErrorCode::SettingsChanged,
        "The settings were changed since they were read. Read them again, and repeat the change.",
    )
}

/// A secret that an administrator may set in ServiceNow; the refresh token has a route of its own.
///
/// # Errors
/// `not-found`.
pub(crate) fn secret_name(text: &str) -> Result<SecretName, Problem> {
    SecretName::parse(text)
        .filter(|name| *name != SecretName::RefreshToken)
        .ok_or_else(|| Problem::new(ErrorCode::NotFound, "There is no secret of that name."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use serde_json::json;

    use super::*;

    fn read(event: Value) -> Result<Command, Problem> {
        Command::read(HttpRequest::new(event, &lambda_http::Context::default()))
    }

    fn event(method: &str, path: &str, headers: Value) -> Value {
        json!({
            "routeKey": format!("{method} /integration/api/servicenow/{path}"),
            "headers": headers,
            "rawQueryString": "checks=true&technician=ana%2B1%40acme.test",
            "pathParameters": {"tenant": "acme", "name": "sso-password", "id": "k-1"},
            "requestContext": {"http": {"method": method}, "domainName": "api.acme.test"},
        })
    }

    #[test]
    fn each_route_asks_for_one_action() {
        let id = || "k-1".to_owned();
        for (method, path, action) in [
            ("POST", "enrolment/{tenant}", Action::Enrol),
            ("GET", "settings/{tenant}", Action::ReadSettings),
            (
                "PATCH",
                "settings/{tenant}",
                Action::ChangeSettings {
                    version: Some("\"7\"".to_owned()),
                },
            ),
            (
                "PUT",
                "secrets/{tenant}/{name}",
                Action::SetSecret {
                    name: "sso-password".to_owned(),
                },
            ),
            ("POST", "webhook-keys/{tenant}", Action::AddWebhookKey),
            (
                "DELETE",
                "webhook-keys/{tenant}/{id}",
                Action::RetireWebhookKey { id: id() },
            ),
            (
                "GET",
                "status/{tenant}",
                Action::ReadStatus {
                    checks: Some("true".to_owned()),
                    technician: Some("ana+1@acme.test".to_owned()),
                },
            ),
        ] {
            let headers =
                json!({"authorization": "Bearer k", "if-match": "\"7\"", "changed-by": " Ana "});
            let command = read(event(method, path, headers))
                .unwrap_or_else(|problem| panic!("{path}: {problem:?}"));
            assert_eq!(command.action, action, "{path}");
            assert_eq!(command.author, "Ana");
            assert_eq!(command.api_url, "https://api.acme.test");
            let problem = read(event(method, path, json!({}))).err().expect("no key");
            assert_eq!(problem.code, ErrorCode::Unauthorized, "{path}");
        }
        let headers = json!({"authorization": "Bearer k", "changed-by": " "});
        let problem = read(event("GET", "pincodes/{tenant}", headers.clone()))
            .err()
            .expect("no route");
        assert_eq!(problem.code, ErrorCode::NotFound);
        let command = read(event("GET", "status/{tenant}", headers));
        assert_eq!(
            command.map(|command| command.author),
            Ok(UNNAMED_AUTHOR.to_owned())
        );
    }

    #[test]
    fn a_change_names_the_version_that_was_read() {
        for text in ["\"7\"", "W/\"7\"", " 7 "] {
            assert_eq!(version(Some(text)), Ok(Some(7)), "{text}");
        }
        for text in ["*", "\"x\"", ""] {
            assert_eq!(version(Some(text)), Ok(None), "{text}");
        }
        let missing = version(None).expect_err("no version");
        assert_eq!(missing.code, ErrorCode::IfMatchRequired);
    }

    #[test]
    fn checks_are_made_on_request_and_a_technician_has_an_address() {
        let wanted = |technician: Option<&str>| {
            Ok(Some(WantedChecks {
                technician: technician.map(str::to_owned),
            }))
        };
        let ana = "ana.ruiz@acme.test";
        for (checks, technician, expected) in [
            (None, None, Ok(None)),
            (Some("false"), Some(ana), Ok(None)),
            (Some("true"), None, wanted(None)),
            (Some("true"), Some(ana), wanted(Some(ana))),
        ] {
            assert_eq!(wanted_checks(checks, technician), expected);
        }
        let long = format!("{}@acme.test", "a".repeat(244));
        assert_eq!(long.len(), 254);
        assert!(wanted_checks(Some("true"), Some(&long)).is_ok());
        let longer = format!("a{long}");
        for (checks, technician) in [
            (Some(""), None),
            (Some("1"), None),
            (Some("True"), None),
            (Some("true"), Some("")),
            (Some("true"), Some("ana")),
            (Some("true"), Some(" ana@acme.test")),
            (Some("true"), Some("a^active=false@acme.test")),
            (Some("true"), Some(&*longer)),
            (None, Some("ana")),
        ] {
            let problem = wanted_checks(checks, technician).expect_err("refused");
            assert_eq!(problem.code, ErrorCode::InvalidRequest);
            assert!(problem.detail.ends_with('.') && !problem.detail.contains("active"));
        }
    }

    #[test]
    fn the_refresh_token_is_not_set_here() {
        let refused = SecretName::ALL
            .into_iter()
            .filter(|name| secret_name(name.as_str()).is_err());
        assert_eq!(refused.collect::<Vec<_>>(), [SecretName::RefreshToken]);
        assert!(secret_name("tracking-key").is_err());
    }

    proptest! {
        #[test]
        fn no_event_panics_the_reader([route, key, body, host] in any::<[String; 4]>(), patch in any::<bool>()) {
            let mut event = event("PATCH", "settings/{tenant}", json!({"authorization": format!("Bearer {key}"), "if-match": host}));
            event["body"] = json!(body);
            event["requestContext"]["domainName"] = json!(host);
            if !patch {
                event["routeKey"] = json!(route);
            }
            if let Ok(command) = read(event) {
                command.patch().ok();
                command.secret().ok();
                command.instance().ok();
            }
        }
    }
}
