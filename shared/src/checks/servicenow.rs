//! ServiceNow: the instance, the service account, and the Email API.

use serde_json::{Map, Value};

use super::examination::Examination;
use super::finding::Finding;
use super::probe::Probe;
use super::servicenow_tables::USERS;
use crate::domain::tenant::Grant;

/// The role of the Email API (docs/vendors.md#e-mails).
const EMAIL_ROLE: &str = "email_api_send";

/// Below this share of an hourly limit deliveries may soon be refused.
const HEADROOM_WARNS: u64 = 10;

/// The setting by its name in words.
const INSTANCE: &str = "the instance's address (servicenow.instance)";

impl Examination {
    /// The instance's answer to a request without credentials, or why there is none; sent once.
    pub async fn reached(&self) -> &Result<Probe, Finding> {
        let reach = || async {
            let instance = self.instance()?;
            let host = instance.base().host_str().unwrap_or_default();
            let invalid = || {
                Finding::failed(
                    format!("{host}: the URL is not valid"),
                    self.reader.correct_as_operator(INSTANCE),
                )
            };
            let url = instance
                .base()
                .join("api/now/v2/table/incident")
                .map_err(|_| invalid())?;
            let request = self
                .http
                .get(url)
                .query(&[("sysparm_limit", "1")])
                .header(reqwest::header::ACCEPT, "application/json");
            self.send(request).await.map_err(|reason| {
                Finding::failed(
                    format!("{host}: {reason}"),
                    format!(
                        "Check {INSTANCE}: it is the address at which users open ServiceNow. If it is right, check that \
                         the instance is up, and that its IP access list admits the connector."
                    ),
                )
            })
        };
        self.reached.get_or_init(reach).await
    }

    /// Whether the instance answers and does not hibernate.
    pub(super) async fn reachable(&self) -> Finding {
        let answer = match self.reached().await {
            Ok(answer) => answer,
            Err(finding) => return finding.clone(),
        };
        let instance = self.file().servicenow.instance.trim_end_matches('/');
        match (answer.status, &answer.json) {
            (300..=399, _) => Finding::failed(
                format!("{instance} leads somewhere else ({})", answer.status),
                format!(
                    "{} The connector follows no redirects, because they would receive its token.",
                    self.reader.correct_as_operator(INSTANCE)
                ),
            ),
            (503, _) => Finding::failed(
                format!("{instance} answers 503"),
                "The instance is in maintenance or overloaded. Deliveries wait and resume by themselves. Ask the instance's administrator.",
            ),
            (200..=299, None) => Finding::failed(
                format!(
                    "{instance} answers with a page instead of data: it hibernates or is in maintenance"
                ),
                "Wake a developer instance at developer.servicenow.com; for any other, ask its administrator.",
            ),
            (status, None) => Finding::failed(
                format!("{instance} answers {status} with a page"),
                format!(
                    "Check {INSTANCE}: there may be no ServiceNow instance of that name, or a VPN or access list may \
                     refuse the connector."
                ),
            ),
            (status @ 500..=599, _) => Finding::failed(
                format!("{instance} answers {status}"),
                "The instance fails. Deliveries wait and resume by themselves. Ask the instance's administrator.",
            ),
            (_, Some(_)) => Finding::ok(format!(
                "{instance} is awake and answers in {} ms",
                answer.took.as_millis()
            )),
        }
    }

    /// Whether ServiceNow accepts the access token. A new one is requested only when none is shared, or it is refused.
    pub(super) async fn servicenow_access(&self) -> Finding {
        let grant = match self.file().servicenow.grant {
            Grant::RefreshToken => "refresh_token",
            Grant::Password => "password",
            Grant::ClientCredentials => "client_credentials",
        };
        match self.incident().await {
            Ok(answer) if answer.status < 500 && answer.json.is_some() => {
                Finding::ok(format!("granted by {grant}, and accepted"))
            }
            Ok(answer) => Finding::failed(
                format!(
                    "an access token exists, but ServiceNow answers {} without data",
                    answer.status
                ),
                "See servicenow-reachable, and try again in a minute.",
            ),
            Err(finding) => finding.clone(),
        }
    }

    /// The service account as ServiceNow knows it.
    pub(super) async fn servicenow_user(&self) -> Finding {
        let account = self.file().servicenow.service_account.trim();
        if account.is_empty() {
            return Finding::skipped(
                "servicenow.service_account is not set, so the author is seen only in the notes",
            );
        }
        if !is_searchable(account) {
            return Finding::skipped(
                "the name in servicenow.service_account has characters that cannot be searched for",
            );
        }
        let query = format!("user_name={account}");
        let answer = self
            .table(USERS, &query, "sys_id,user_name,name,active,locked_out")
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(finding) => return self.unread(&finding).await,
        };
        let text = |row: &Map<String, Value>, name: &str| {
            row.get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        // ServiceNow ignores query terms that it does not know and answers with other rows.
        let rows = answer.rows().iter().filter_map(Value::as_object);
        let row = rows
            .into_iter()
            .find(|row| text(row, "user_name").eq_ignore_ascii_case(account));
        let Some(row) = row else {
            return Finding::warning(
                format!("{account} does not exist, or may not be read"),
                format!(
                    "Check that servicenow.service_account in the {} is the User ID of the account, and give it read \
                     access to {USERS}.",
                    self.reader.choose("tenant file", "connector's settings")
                ),
            );
        };
        let unlock = format!(
            "Open the user {account} in ServiceNow, and make it active and not locked out."
        );
        if text(row, "active") == "false" {
            return Finding::failed(format!("{account} is inactive"), unlock);
        }
        if text(row, "locked_out") == "true" {
            return Finding::failed(format!("{account} is locked out"), unlock);
        }
        Finding::ok(format!("{account} ({}) is active", text(row, "name")))
    }

    /// The rights for the Email API, as far as they can be checked without sending an e-mail.
    pub(super) async fn email(&self) -> Finding {
        let notifications = &self.file().notifications;
        if !notifications.email_technician && !notifications.email_customer {
            return Finding::ok("no e-mails are sent: both notifications are switched off");
        }
        let remedy = format!(
            "Check in ServiceNow that the service account has the role {EMAIL_ROLE}, and that an access rule exists (type \
             record, operation create, name sys_email, requiring that role; a security_admin makes it). Then press the \
             PIN button once: the answer says whether ServiceNow accepted each e-mail."
        );
        let account = self.file().servicenow.service_account.trim();
        let unproved = "only sending an e-mail proves that e-mails may be sent";
        if account.is_empty() || !is_searchable(account) {
            return Finding::warning(unproved, remedy);
        }
        let query = format!("user.user_name={account}^role.name={EMAIL_ROLE}");
        let answer = self
            .table("sys_user_has_role", &query, "user.user_name,role.name")
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(finding) => return self.unread(&finding).await,
        };
        let is = |row: &Value, name: &str, wanted: &str| {
            let text = row.get(name).and_then(Value::as_str);
            text.is_some_and(|text| text.eq_ignore_ascii_case(wanted))
        };
        let has_role = answer
            .rows()
            .iter()
            .any(|row| is(row, "user.user_name", account) && is(row, "role.name", EMAIL_ROLE));
        if has_role {
            Finding::warning(
                format!("{account} has the role {EMAIL_ROLE}; the access rule cannot be checked"),
                remedy,
            )
        } else if answer.is_list() {
            Finding::warning(
                format!("{account} seems not to have the role {EMAIL_ROLE}; {unproved}"),
                remedy,
            )
        } else {
            Finding::warning(unproved, remedy)
        }
    }

    /// The hourly limits that ServiceNow returns.
    pub(super) async fn rate_limit(&self) -> Finding {
        let answer = match self.incident().await {
            Ok(answer) => answer,
            Err(finding) => return finding.because_of("servicenow-access"),
        };
        let number = |name: &str| {
            answer
                .header(name)
                .and_then(|text| text.trim().parse::<u64>().ok())
        };
        let (limit, left) = (number("x-ratelimit-limit"), number("x-ratelimit-remaining"));
        let remedy = "Ask the instance's administrator for a separate rate limit rule for the service account (System \
                      Web Services, Rate Limit Rules). Posts wait meanwhile; none is lost.";
        if answer.status == 429 {
            let limit = limit
                .map(|limit| format!(" ({limit} an hour)"))
                .unwrap_or_default();
            return Finding::failed(
                format!("ServiceNow limits the request rate now{limit}"),
                remedy,
            );
        }
        match (limit, left) {
            (Some(limit), Some(left))
                if left.saturating_mul(100) < limit.saturating_mul(HEADROOM_WARNS) =>
            {
                Finding::warning(
                    format!("{left} of {limit} requests an hour are left"),
                    remedy,
                )
            }
            (Some(limit), Some(left)) => {
                Finding::ok(format!("{left} of {limit} requests an hour are left"))
            }
            (Some(limit), None) => Finding::ok(format!("{limit} requests an hour are allowed")),
            (None, _) => Finding::ok("ServiceNow returns no limit for this account"),
        }
    }
}

/// Whether a user's name is safe in an encoded query, which has no escapes (docs/vendors.md#query-traps).
fn is_searchable(user_name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._@-+".contains(&b);
    user_name.bytes().all(plain)
}
