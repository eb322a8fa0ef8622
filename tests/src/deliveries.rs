//! Deliveries in tests of `deliver-session`: rounds, kills, copies, second tenants.

use std::time::Duration;

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use local::aws::REGION;
use local::demo_tenant::{self, CLIENT_ID, CLIENT_SECRET, SERVICE_ACCOUNT, TENANT};
use local::rescue::{Payload, Phase, Session};
use local::servicenow::{Created, Simulator};
use local::simulator::RequestMatcher;
use shared::domain::clock::Timestamp;
use shared::domain::secret::Secret;
use shared::domain::secret_name::SecretName;

use crate::World;
use crate::settings::with_line;
use crate::tokens::demo;

/// The longest claim, in seconds: the function's time-out, and 70 s in which ServiceNow may still commit.
pub const LEASE: u64 = 370;

impl World {
    /// The demo's world with an incident and a session for it that is not posted yet.
    pub async fn with_session() -> (Self, Created, Session) {
        let world = Self::start().await;
        let incident = world.incident();
        let session = world.session(&incident);
        (world, incident, session)
    }

    /// The demo's world with another line in the tenant's `[sessions]`.
    pub async fn with_session_setting(line: &str) -> Self {
        Self::with_settings(|file| with_line(&file, "sessions", line)).await
    }

    /// Posts a session's data, then delivers.
    ///
    /// # Panics
    /// When the post is not accepted.
    pub async fn post_and_deliver(&self, session: &Session, phase: Phase) {
        self.post(session, phase).await;
        self.deliver().await;
    }

    /// Matches the requests that change a record.
    pub fn writes_to(record: &Created) -> RequestMatcher {
        RequestMatcher::of("PATCH", &record.sys_id)
    }

    /// The simulated instance.
    pub const fn servicenow(&self) -> &Simulator {
        &self.cloud.servicenow
    }

    /// Gives the demo's tenant a new refresh token, as the command line does.
    ///
    /// # Panics
    /// When the token is refused.
    pub async fn authorize(&self) {
        let (stack, token) = (&self.cloud.stack, Secret::from(self.refresh_token()));
        let tenant = demo();
        let set = admin::secrets::set(stack, &tenant, SecretName::RefreshToken, &token);
        set.await.expect("the token is set");
    }

    /// Delivers, advances the clock until the next message is visible, and repeats until the queue is empty.
    ///
    /// # Panics
    /// When the queue is not empty after forty rounds.
    pub async fn deliver_until_empty(&self) {
        self.deliver().await;
        for _ in 0..40 {
            let messages = self.queued();
            if messages.is_empty() {
                return;
            }
            // A visible message that was not received waits behind a hidden one of its group.
            let hidden = messages.iter().map(|message| message.hidden_for);
            let wait = hidden.filter(|wait| !wait.is_zero()).min();
            let wait = wait.unwrap_or_default();
            self.deliver_after(wait.as_secs() + 1).await;
        }
        panic!("the queue is not empty: {:?}", self.queued());
    }

    /// Delivers one batch, and runs `meanwhile` once ServiceNow has received a request of that method and not answered it.
    ///
    /// A fault has to delay the request.
    pub async fn deliver_and_meanwhile(&self, method: &str, meanwhile: impl AsyncFnOnce()) {
        let mark = self.servicenow().mark();
        let arrived = || {
            let since = self.servicenow().since(mark);
            since
                .iter()
                .any(|request| request.method == method && request.path.starts_with("/api/now"))
        };
        let reacting = async {
            until(arrived).await;
            meanwhile().await;
        };
        futures::join!(self.poller().poll_once(), reacting);
    }

    /// Delivers one batch, and kills the function's processes once ServiceNow has received a request of that method.
    pub async fn kill_during(&self, method: &str) {
        self.deliver_and_meanwhile(method, async || {
            self.function("deliver-session").kill().await;
        })
        .await;
    }

    /// Delivers one batch, and kills the function's processes once ServiceNow has received a request with that text in its
    /// path or query.
    ///
    /// A fault has to delay the request.
    pub async fn kill_on_request(&self, text: &str) {
        let mark = self.servicenow().mark();
        let arrived = || {
            let since = self.servicenow().since(mark);
            since
                .iter()
                .any(|request| request.path.contains(text) || request.raw_query.contains(text))
        };
        let reacting = async {
            until(arrived).await;
            self.function("deliver-session").kill().await;
        };
        futures::join!(self.poller().poll_once(), reacting);
    }

    /// Waits until a record has that many work notes.
    pub async fn until_notes(&self, record: &Created, count: usize) {
        until(|| self.notes(record).len() >= count).await;
    }

    /// Posts the same once more, after SQS's deduplication interval.
    ///
    /// # Panics
    /// When the post is not accepted.
    pub async fn post_again(&self, payload: &Payload, phase: Phase) {
        self.cloud
            .travel(local::aws::DEDUPLICATION_WINDOW + Duration::from_secs(1));
        let posted = self.cloud.rescue.send(self.url(phase), payload).await;
        assert_eq!(posted.expect("the HTTP API answers").status, 200);
    }

    /// Puts a message into the queue directly, with a fresh deduplication id.
    ///
    /// # Panics
    /// When SQS refuses the message.
    pub async fn enqueue(&self, body: &str, group: &str) {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .endpoint_url(self.cloud.aws.endpoint())
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "local", "local", None, None, "local",
            )))
            .http_client(shared::http::for_aws(
                shared::http::client(None).expect("an HTTP client"),
            ))
            .build();
        aws_sdk_sqs::Client::from_conf(config)
            .send_message()
            .queue_url(&self.cloud.stack.sessions_queue_url)
            .message_body(body)
            .message_group_id(group)
            .message_deduplication_id(format!(
                "{group}-{}",
                self.cloud.aws.journal().calls().len()
            ))
            .send()
            .await
            .expect("SQS takes the message");
    }

    /// For how many seconds each message was hidden since a mark, in the order of the calls, without the calls that hide a
    /// whole batch at its beginning.
    ///
    /// # Panics
    /// When a call does not have the SDK's format.
    pub fn hidden_since(&self, mark: local::aws::Mark) -> Vec<u64> {
        let journal = self.cloud.aws.journal();
        let earlier = journal.calls().len() - journal.since(mark).len();
        let mut begun = std::collections::HashSet::new();
        let mut hidden = Vec::new();
        for (nth, call) in journal.calls().into_iter().enumerate() {
            if call.operation != "ChangeMessageVisibilityBatch" {
                continue;
            }
            for entry in call.request["Entries"].as_array().expect("entries") {
                // Every receive gives a message a new receipt handle.
                let first = begun.insert(entry["ReceiptHandle"].to_string());
                if !first && nth >= earlier {
                    hidden.push(entry["VisibilityTimeout"].as_u64().expect("seconds"));
                }
            }
        }
        hidden
    }

    /// A second tenant on the same instance, and its webhook URL for starts.
    ///
    /// # Panics
    /// When the tenant is refused.
    pub async fn add_tenant(&self, name: &str) -> Secret {
        let file = demo_tenant::file(&self.cloud).replace(
            &format!("tenant = \"{TENANT}\""),
            &format!("tenant = \"{name}\""),
        );
        let token = self.refresh_token();
        let secrets = [
            (SecretName::OauthClientSecret, CLIENT_SECRET),
            (SecretName::RefreshToken, token.as_str()),
        ];
        let applied = self.cloud.apply(&file, &secrets).await;
        let urls = applied.expect("the tenant is applied").webhook_urls;
        urls.expect("a new tenant has URLs").started
    }

    /// The refresh token that the instance granted to the demo's client; a new one when that has expired.
    pub fn refresh_token(&self) -> String {
        self.servicenow()
            .issue_refresh_token(CLIENT_ID, SERVICE_ACCOUNT)
    }

    /// The ledger's entry of a session's only post.
    ///
    /// # Panics
    /// When the session has no post or several.
    pub async fn entry(&self, session: &Session) -> crate::LedgerEntry {
        let posts = self.posts(session).await;
        assert_eq!(posts.len(), 1, "{posts:?}");
        posts[0].clone()
    }

    /// In how many seconds the session's only post is tried again.
    ///
    /// # Panics
    /// When the post does not wait.
    pub async fn next_attempt_in(&self, session: &Session) -> u64 {
        let entry = self.entry(session).await;
        let at = Timestamp::parse(&entry["next_attempt_at"]).expect("a time");
        at.since(self.cloud.clock.now()).as_secs()
    }

    /// The methods and paths of the requests to ServiceNow's APIs since a mark, without the token endpoint.
    pub fn called_since(&self, mark: local::simulator::Mark) -> Vec<String> {
        let since = self.servicenow().since(mark);
        let calls = since
            .iter()
            .filter(|request| request.path.starts_with("/api/"));
        calls
            .map(|request| format!("{} {}", request.method, request.path))
            .collect()
    }

    /// # Panics
    /// When ServiceNow's APIs were called since the mark.
    pub fn assert_not_called_since(&self, mark: local::simulator::Mark) {
        let called = self.called_since(mark);
        assert!(called.is_empty(), "{called:?}");
    }

    /// The number of requests to the token endpoint.
    pub fn token_requests(&self) -> usize {
        let requests = self.servicenow();
        requests.requests_matching("POST", "/oauth_token.do").len()
    }
}

/// Waits until a condition holds.
///
/// # Panics
/// When it does not within a minute.
pub async fn until(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let held = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    held.expect("the condition holds within a minute");
}
