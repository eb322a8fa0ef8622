//! What is in AWS: the tenant's settings, keys and secrets, the queues, and the HTTP API.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use serde_json::{Map, Value};
use shared::aws::secret_store::{tenant_secrets_name, token_secret_name};
use shared::aws::storage_error::StorageError;
use shared::aws::tenants::{KeyKind, KeyScope};
use shared::domain::clock::Timestamp;
use shared::domain::instance::is_loopback;
use shared::domain::tenant::{Grant, Publish};
use shared::rescue::host::Host;
use url::Url;

use super::Doctor;
use super::finding::Finding;
use super::probe::http_date;
use crate::error::AdminError;
use crate::secret_text::CLIENT_SECRET_TABOO;
use crate::secrets::SecretName;
use crate::token::{self, TokenState};
use crate::vault::{self, Found, TRACKING_KEY};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Clocks that differ by more than this are worth a word.
const SKEW_WARNS: Duration = MINUTE;

/// AWS refuses requests whose clock differs by more than this.
const SKEW_FAILS: Duration = Duration::from_secs(5 * 60);

/// So many messages of the 100 000 that may wait at once are alarming (docs/architecture.md#rule-4).
const MANY_MESSAGES: u64 = 60_000;

/// Two keys of one kind are for the time of a change, which takes no longer.
const KEY_CHANGE: Duration = Duration::from_secs(14 * 24 * 3600);

impl Doctor<'_> {
    /// The settings as they are applied: what a file of an earlier release may lack.
    pub(crate) fn configuration(&self) -> Finding {
        let file = &self.tenant.file;
        let (rescue, servicenow, sessions) = (&file.rescue, &file.servicenow, &file.sessions);
        let mut faults = Vec::new();
        if servicenow.client_id.trim().is_empty() {
            faults.push("servicenow.client_id is empty".to_owned());
        }
        if servicenow.grant == Grant::Password && servicenow.service_account.trim().is_empty() {
            faults.push("the password grant needs servicenow.service_account".to_owned());
        }
        if let Err(finding) = self.instance() {
            faults.push(finding.seen);
        }
        if let Err(error) = Host::of(rescue, self.options.testing.allow_loopback) {
            faults.push(format!("rescue.base_url {error}"));
        }
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(&rescue.company_id) {
            faults.push("rescue.company_id must be digits".to_owned());
        }
        if !faults.is_empty() {
            return Finding::failed(
                faults.join("; "),
                "Correct this in the tenant file and apply it again with `rescue-connector tenant apply FILE`.",
            );
        }
        let mut doubts = Vec::new();
        if sessions.publish == Publish::Selected && sessions.fields.is_empty() {
            doubts.push("publish is \"selected\" and fields is empty: notes say next to nothing");
        }
        if servicenow.grant == Grant::RefreshToken && servicenow.service_account.trim().is_empty() {
            doubts.push(
                "servicenow.service_account is not set: the connector cannot renew the refresh token by itself",
            );
        }
        if file.debug.logging || file.debug.rescue_api {
            doubts.push("debug logging is on: switch it off unless support asked for it");
        }
        if doubts.is_empty() {
            Finding::ok(format!("complete, version {}", self.tenant.version))
        } else {
            Finding::warning(
                doubts.join("; "),
                "Change this in the tenant file and apply it again with `rescue-connector tenant apply FILE`.",
            )
        }
    }

    pub(crate) fn tenant_enabled(&self) -> Finding {
        if self.tenant.file.enabled {
            return Finding::ok("switched on");
        }
        let since = self.tenant.disabled_at;
        let since = since.map(|at| format!(" since {at}")).unwrap_or_default();
        Finding::failed(
            format!("switched off{since}: posts are ignored, PINs are refused"),
            format!(
                "Switch it on with `rescue-connector tenant enable {}`, and set enabled = true in the tenant file, so \
                 that it stays on when the file is applied again.",
                self.id()
            ),
        )
    }

    pub(crate) fn keys(&self) -> Finding {
        let id = self.id();
        let of = |kind: KeyKind| self.tenant.keys.iter().filter(move |key| key.kind == kind);
        let (webhook, api) = (of(KeyKind::Webhook).count(), of(KeyKind::Api).count());
        for (count, kind, what) in [
            (webhook, "webhook", "Rescue cannot post anything"),
            (api, "api", "ServiceNow cannot ask for a PIN"),
        ] {
            if count == 0 {
                return Finding::failed(
                    format!("there is no {kind} key: {what}"),
                    format!("Make one with `rescue-connector keys rotate {id} {kind}`."),
                );
            }
        }
        let may = |scope: KeyScope| of(KeyKind::Api).any(|key| key.scopes.contains(&scope));
        let seen = format!("{webhook} for webhooks, {api} for the API");
        if !may(KeyScope::Pin) || !may(KeyScope::Token) {
            let (scope, what) = if may(KeyScope::Pin) {
                ("token", "hand over a token")
            } else {
                ("pin", "ask for a PIN")
            };
            return Finding::warning(
                format!("no API key may be used to {what}"),
                format!(
                    "If ServiceNow is to do that, `rescue-connector keys rotate {id} api --scope {scope}`."
                ),
            );
        }
        let newest = |kind| of(kind).map(|key| key.created_at).max();
        for (count, kind) in [(webhook, KeyKind::Webhook), (api, KeyKind::Api)] {
            let old = newest(kind).is_some_and(|at| self.now().since(at) > KEY_CHANGE);
            if count > 1 && old {
                return Finding::warning(
                    format!("{seen}; two of a kind have been live for more than 14 days"),
                    format!(
                        "When nobody uses the older one any more, `rescue-connector keys retire {id} ID` \
                         (`tenant show {id}` lists the ids)."
                    ),
                );
            }
        }
        Finding::ok(seen)
    }

    /// Which secrets the settings need, and which of them are set.
    pub(crate) async fn secrets(&self) -> Finding {
        let (id, prefix) = (self.id(), &self.stack.secret_prefix);
        let names = [
            tenant_secrets_name(prefix, id),
            token_secret_name(prefix, id),
        ];
        let (credentials, token) = tokio::join!(
            vault::read(self.stack, &names[0]),
            vault::read(self.stack, &names[1])
        );
        let mut objects = Vec::new();
        for (name, read) in names.into_iter().zip([credentials, token]) {
            match read {
                Ok(Found::Value(content)) => objects.push(content.json),
                Ok(Found::Nothing | Found::Deleted) => {
                    return AdminError::NoSecret(name).into();
                }
                Err(error) => return error.into(),
            }
        }
        let token = objects.pop().unwrap_or_default();
        let credentials = objects.pop().unwrap_or_default();
        self.of_secrets(&credentials, &token)
    }

    fn of_secrets(&self, credentials: &Map<String, Value>, token: &Map<String, Value>) -> Finding {
        let (id, grant) = (self.id(), self.tenant.file.servicenow.grant);
        let set = |name: SecretName| {
            let json = if name == SecretName::RefreshToken {
                token
            } else {
                credentials
            };
            vault::holds(json, name.key())
        };
        let mut needed = Vec::new();
        if !(vault::holds(token, "client_secret") && vault::holds(token, "client_id")) {
            needed.push(SecretName::OauthClientSecret);
        }
        match grant {
            Grant::RefreshToken => needed.push(SecretName::RefreshToken),
            Grant::Password => needed.push(SecretName::ServiceAccountPassword),
            Grant::ClientCredentials => {}
        }
        if !set(SecretName::RescueApiToken) {
            needed.push(SecretName::SsoPassword);
        }
        let missing: Vec<&str> = needed
            .iter()
            .filter(|name| !set(**name))
            .map(|name| name.as_str())
            .collect();
        if !missing.is_empty() {
            let commands: Vec<String> = missing
                .iter()
                .map(|name| format!("`rescue-connector secrets set {id} {name}`"))
                .collect();
            let hand_over = if missing.contains(&SecretName::RefreshToken.as_str()) {
                " A refresh token is better handed over by the token set-up page in ServiceNow."
            } else {
                ""
            };
            return Finding::failed(
                format!("not set: {}", missing.join(", ")),
                format!("Set it: {}.{hand_over}", commands.join(", ")),
            );
        }
        if !vault::holds(credentials, TRACKING_KEY) {
            return Finding::failed(
                "the key that signs Tracking0 is missing: no PIN can be tied to its record",
                "Apply the tenant file again with `rescue-connector tenant apply FILE`, which makes one.",
            );
        }
        let name = SecretName::OauthClientSecret;
        let secret = credentials.get(name.key()).and_then(Value::as_str);
        if secret.is_some_and(|secret| secret.contains(CLIENT_SECRET_TABOO)) {
            return Finding::warning(
                "oauth-client-secret has one of the characters ^ & < > ?, which ServiceNow does not take everywhere",
                format!(
                    "Give the Application Registry record another client secret, and `rescue-connector secrets set \
                     {id} {}`.",
                    name.as_str()
                ),
            );
        }
        if grant == Grant::RefreshToken && !set(SecretName::ServiceAccountPassword) {
            return Finding::warning(
                "service-account-password is not set: the connector cannot renew the refresh token by itself",
                format!(
                    "`rescue-connector secrets set {id} service-account-password`, or hand over a new refresh token \
                     from ServiceNow before the old one expires."
                ),
            );
        }
        Finding::ok("all that the settings need are set")
    }

    async fn token_status(&self) -> &Result<token::TokenStatus, Finding> {
        let ask = || async {
            token::status(self.stack, self.id())
                .await
                .map_err(Finding::from)
        };
        self.token_status.get_or_init(ask).await
    }

    /// How long the refresh token lives yet.
    pub(crate) async fn refresh_token(&self) -> Finding {
        if self.tenant.file.servicenow.grant != Grant::RefreshToken {
            return Finding::skipped("the grant needs no refresh token");
        }
        let status = match self.token_status().await {
            Ok(status) => status,
            Err(finding) => return finding.clone(),
        };
        let id = self.id();
        let renew = format!(
            "Renew it with `rescue-connector token rotate {id}`, which needs service-account-password; otherwise hand \
             over a new one from ServiceNow."
        );
        let hand_over = format!(
            "Hand over a new one from ServiceNow, or `rescue-connector secrets set {id} refresh-token`."
        );
        let left = match (status.expires_at, status.days_left) {
            (Some(at), Some(days)) => format!("{days} days left, until {at}"),
            _ => "its end is not known".to_owned(),
        };
        match status.state {
            TokenState::Waiting => Finding::failed("none was handed over yet", hand_over),
            TokenState::Expired => Finding::failed("it has expired: 0 days left", hand_over),
            TokenState::Expiring => Finding::warning(left, renew),
            // Whether it is refused is what paused and servicenow-access say.
            TokenState::Healthy | TokenState::NotNeeded | TokenState::ReauthorizationNeeded => {
                match status.days_left {
                    Some(0) => Finding::failed("it has expired: 0 days left", hand_over),
                    Some(days) if days < 14 => Finding::warning(left, renew),
                    Some(_) => Finding::ok(left),
                    None => Finding::warning(left, renew),
                }
            }
        }
    }

    /// Whether somebody renews it in time.
    pub(crate) async fn rotation(&self) -> Finding {
        let needed = self.tenant.file.servicenow.grant == Grant::RefreshToken;
        let status = match self.token_status().await {
            Ok(status) => status,
            Err(finding) if needed => return finding.clone(),
            Err(_) => return Finding::skipped("the grant needs no refresh token"),
        };
        let rotation = &status.rotation;
        if !needed {
            return Finding::skipped("the grant needs no refresh token");
        }
        if !rotation.enabled {
            return Finding::failed(
                "no schedule: the refresh token is not renewed, and everything stops when it expires",
                "Apply the tenant file again with `rescue-connector tenant apply FILE` and a stack whose outputs have \
                 RotateTokensFunctionArn.",
            );
        }
        if let Some(version) = &rotation.blocked_by {
            let secret = token_secret_name(&self.stack.secret_prefix, self.id());
            return Finding::failed(
                format!(
                    "version {version} of secret {secret} has the label AWSPENDING, and no rotation of this connector made it: every rotation is blocked"
                ),
                format!(
                    "Take the label away: `{}`.",
                    token::unblock(&secret, version)
                ),
            );
        }
        let schedule = rotation.schedule.as_deref().unwrap_or("on");
        let last = match rotation.last_rotated_at {
            Some(at) => format!("last rotation {at}"),
            None => "no rotation yet".to_owned(),
        };
        let seen = format!("{schedule}, {last}");
        // Secrets Manager may take the whole day that a rotation is due on.
        let overdue = rotation
            .next_rotation_at
            .map_or(Duration::ZERO, |due| self.now().since(due));
        let log = "Rotations fail or do not start: see the log of rotate-tokens for the reason.";
        if overdue > DAY * 7 {
            Finding::failed(
                format!(
                    "{seen}; overdue for {} days",
                    overdue.as_secs() / DAY.as_secs()
                ),
                log,
            )
        } else if overdue > DAY * 2 {
            Finding::warning(
                format!(
                    "{seen}; overdue for {} days",
                    overdue.as_secs() / DAY.as_secs()
                ),
                log,
            )
        } else {
            Finding::ok(seen)
        }
    }

    /// Whether one of the URLs that Rescue posts to is right.
    pub(crate) async fn webhook(&self) -> Finding {
        let Some(text) = &self.options.webhook_url else {
            return Finding::skipped(
                "not tried without --webhook-url URL (one that was pasted into Rescue)",
            );
        };
        let id = self.id();
        let new = format!(
            "Paste the URL as it was shown when the tenant was created; if it is lost, `rescue-connector keys rotate \
             {id} webhook` shows new ones, which then have to be pasted into every technician group in Rescue."
        );
        let Ok(url) = Url::parse(text.expose().trim()) else {
            return Finding::failed("what was given is no URL", new);
        };
        let loopback = self.options.testing.allow_loopback && is_loopback(&url);
        if url.scheme() != "https" && !loopback {
            return Finding::failed("the URL does not begin with https://", new);
        }
        let ours = format!("/integration/api/servicenow/sessiondetails/{id}/");
        if !url.path().contains(&ours) {
            return Finding::failed(format!("the URL is not one of tenant {id}"), new);
        }
        match self.ask(self.http.get(url)).await {
            Ok(answer) => match answer.status {
                204 => Finding::ok("right: Rescue's posts to it are accepted"),
                404 => Finding::failed("404: the tenant or the key in it is wrong", new),
                403 => Finding::failed(
                    "403: something in front of the HTTP API refuses it",
                    "Let Rescue's posts through: check the firewall (AWS WAF) and the resource policy of the HTTP API.",
                ),
                status @ 300..=399 => Finding::failed(
                    format!("{status}: it leads somewhere else"),
                    "Rescue is not known to follow redirects: paste the URL with the host of the stack's output ApiUrl.",
                ),
                status @ (429 | 500..=599) => Finding::failed(
                    format!("{status}: session-details does not answer"),
                    "See the log of session-details, and its alarms; posts that come now may be lost.",
                ),
                status => Finding::failed(
                    format!("{status}: this is not the connector's answer"),
                    "Check that the host of the URL is that of the stack's output ApiUrl.",
                ),
            },
            Err(reason) => Finding::failed(
                reason,
                "Check that the host of the URL is that of the stack's output ApiUrl, and that it is reachable from the \
                 internet.",
            ),
        }
    }

    /// Whether the HTTP API and the function behind it answer: nobody has the key that is asked with.
    pub(crate) async fn api(&self) -> Finding {
        let Some(api_url) = &self.stack.api_url else {
            return Finding::skipped(
                "not known: no stack with the output ApiUrl was found; name it with --stack",
            );
        };
        let base = api_url.trim_end_matches('/');
        let url = format!(
            "{base}/integration/api/servicenow/sessiondetails/{}/doctor",
            self.id()
        );
        match self.ask(self.http.get(url)).await {
            Ok(answer) => {
                let ours = answer
                    .header("content-type")
                    .is_some_and(|text| text.starts_with("application/problem+json"));
                match answer.status {
                    404 if ours => {
                        Finding::ok(format!("{base} answers in {} ms", answer.took.as_millis()))
                    }
                    status @ 500..=599 => Finding::failed(
                        format!("{base} answers {status}: session-details does not work"),
                        "See the log of session-details: it may lack a variable or a permission. Deploy the current \
                         template.",
                    ),
                    status => Finding::failed(
                        format!("{base} answers {status}, which is not the connector's answer"),
                        "Deploy the current template: the stack's output ApiUrl leads somewhere else.",
                    ),
                }
            }
            Err(reason) => Finding::failed(
                format!("{base}: {reason}"),
                "Check that the stack is deployed and that this computer may reach the internet.",
            ),
        }
    }

    /// How many messages of all tenants wait.
    pub(crate) async fn queue(&self) -> Finding {
        let count = match self.messages(&self.stack.sessions_queue_url).await {
            Ok(count) => count,
            Err(finding) => return finding,
        };
        let seen = format!("messages of all tenants: {count}");
        if count >= MANY_MESSAGES {
            Finding::failed(
                format!("{seen}, of the 100000 that may wait at once"),
                "Look at waiting-posts of each tenant: put right the one that cannot be delivered, or disable it.",
            )
        } else if count >= MANY_MESSAGES / 6 {
            Finding::warning(
                seen,
                "Look at waiting-posts of each tenant, and at the log of deliver-session.",
            )
        } else {
            Finding::ok(seen)
        }
    }

    /// What was given up: all tenants' messages, and this tenant's posts.
    pub(crate) async fn dead_letters(&self) -> Finding {
        let count = match self.messages(&self.stack.sessions_dlq_url).await {
            Ok(count) => count,
            Err(finding) => return finding,
        };
        let failed = match self.posts().await {
            Ok(posts) => posts.failed(),
            Err(finding) => return finding.because_of("last-post"),
        };
        let seen = format!("messages of all tenants: {count}");
        let seen = match failed.len() {
            0 => format!("{seen}, none known to be of this tenant"),
            _ => format!("{seen}; posts of this tenant that were given up: {failed}"),
        };
        let id = self.id();
        if failed.len() > 0 && count > 0 {
            Finding::warning(
                seen,
                format!(
                    "{} Once that is put right, `rescue-connector dlq redrive --tenant {id}` sends them again; \
                     `rescue-connector dlq list --tenant {id}` shows each message.",
                    failed.explained(id)
                ),
            )
        } else if count > 0 {
            Finding::warning(
                seen,
                "`rescue-connector dlq list` shows whose they are, and why; once the cause is put right, `rescue-connector dlq \
                 redrive --all` sends them again.",
            )
        } else {
            Finding::ok(seen)
        }
    }

    async fn messages(&self, queue_url: &str) -> Result<u64, Finding> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let answer = self
            .stack
            .sqs
            .get_queue_attributes()
            .queue_url(queue_url)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await
            .map_err(|error| {
                let queue = format!("queue {queue_url}");
                Finding::from(AdminError::aws("sqs:GetQueueAttributes", &queue, &error))
            })?;
        let counts = answer.attributes().into_iter().flatten();
        let counts = counts
            .filter(|(name, _)| names.contains(name))
            .filter_map(|(_, count)| count.parse::<u64>().ok());
        Ok(counts.sum())
    }

    /// Whether deliveries are paused as a whole.
    pub(crate) async fn paused(&self) -> Finding {
        match self.credentials.tenant_pause_now(self.id()).await {
            Ok(standing) => match standing.pause_at(self.now()) {
                None => Finding::ok("no"),
                Some(pause) => Finding::of_pause(&pause, &self.tenant.file, self.now()),
            },
            Err(error) => self.storage("dynamodb:GetItem", &error),
        }
    }

    /// A call to the credentials table that failed.
    pub(crate) fn storage(&self, action: &'static str, error: &StorageError) -> Finding {
        let table = format!("table {}", self.stack.credentials_table);
        AdminError::failed(action, &table, error.reason().to_owned()).into()
    }

    /// This computer's clock against ServiceNow's and AWS's.
    pub(crate) async fn clock(&self) -> Finding {
        let (aws, servicenow) = tokio::join!(self.aws_skew(), self.reached());
        let servicenow = servicenow.as_ref().ok();
        let servicenow =
            servicenow.and_then(|answer| Some(Skew::between(answer.at, answer.date()?)));
        of_skews(aws, servicenow)
    }

    async fn aws_skew(&self) -> Option<Skew> {
        let date = DateHeader::default();
        // Whether it succeeds does not matter: what AWS refuses because of the clock has a date, too.
        let asked = self
            .stack
            .dynamodb
            .get_item()
            .table_name(&self.stack.tenants_table)
            .key("tenant", AttributeValue::S(self.id().to_string()))
            .projection_expression("tenant")
            .customize()
            .interceptor(date.clone())
            .send()
            .await;
        drop(asked);
        let answered = date
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Some(Skew::between(self.now(), http_date(&answered?)?))
    }
}

/// How far this computer's clock is ahead of another, or behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Skew {
    by: Duration,
    ahead: bool,
}

impl Skew {
    fn between(ours: Timestamp, theirs: Timestamp) -> Self {
        Self {
            by: ours.since(theirs).max(theirs.since(ours)),
            ahead: ours > theirs,
        }
    }

    fn text(self, whose: &str) -> String {
        let seconds = self.by.as_secs();
        match (seconds, self.ahead) {
            // A header is cut to the second, and an answer takes a moment.
            (0..=2, _) => format!("as {whose}"),
            (_, true) => format!("{seconds} s ahead of {whose}"),
            (_, false) => format!("{seconds} s behind {whose}"),
        }
    }
}

fn of_skews(aws: Option<Skew>, servicenow: Option<Skew>) -> Finding {
    let known: Vec<String> = [(aws, "AWS's"), (servicenow, "ServiceNow's")]
        .into_iter()
        .filter_map(|(skew, whose)| Some(skew?.text(whose)))
        .collect();
    if known.is_empty() {
        return Finding::skipped("neither AWS nor ServiceNow said what time it is");
    }
    let seen = format!("this computer's clock is {}", known.join(", "));
    let of = |skew: Option<Skew>| skew.map_or(Duration::ZERO, |skew| skew.by);
    let worst = of(aws).max(of(servicenow));
    let remedy = if aws.is_some() && of(aws) <= SKEW_WARNS {
        "The instance's clock is wrong: ask whoever runs it. Tokens end sooner or later than they seem to."
    } else {
        "Let this computer's clock be set by the network (NTP): AWS refuses requests that are more than 5 minutes off, \
         and the times of the other checks are wrong."
    };
    if worst > SKEW_FAILS {
        Finding::failed(seen, remedy)
    } else if worst > SKEW_WARNS {
        Finding::warning(seen, remedy)
    } else {
        Finding::ok(seen)
    }
}

/// Keeps the `Date` header of an answer of AWS.
#[derive(Clone, Debug, Default)]
struct DateHeader(Arc<Mutex<Option<String>>>);

impl Intercept for DateHeader {
    fn name(&self) -> &'static str {
        "DateHeader"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").map(str::to_owned);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    fn skew(seconds: i64) -> Option<Skew> {
        let ours = Timestamp::from_millis(1_000_000_000);
        let theirs = Timestamp::from_millis(1_000_000_000 - seconds * 1000);
        Some(Skew::between(ours, theirs))
    }

    #[test]
    fn a_clock_may_be_a_minute_off_and_must_not_be_five() {
        for (seconds, status) in [
            (0, Status::Ok),
            (60, Status::Ok),
            (61, Status::Warning),
            (-300, Status::Warning),
            (-301, Status::Failed),
        ] {
            assert_eq!(of_skews(skew(seconds), None).status, status, "{seconds}");
        }
        assert_eq!(of_skews(None, None).status, Status::Skipped);
    }

    #[test]
    fn whose_clock_is_wrong_is_told_apart() {
        let instance = of_skews(skew(0), skew(400));
        assert!(
            instance
                .remedy
                .is_some_and(|text| text.contains("instance's clock"))
        );
        let ours = of_skews(skew(-90), skew(-90));
        assert_eq!(
            ours.seen,
            "this computer's clock is 90 s behind AWS's, 90 s behind ServiceNow's"
        );
        assert!(
            ours.remedy
                .is_some_and(|text| text.contains("this computer's clock"))
        );
    }
}
