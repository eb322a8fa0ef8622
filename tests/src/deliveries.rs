//! What tests of `deliver-session` ask of the world beside the plain flow.

use std::time::Duration;

use admin::secrets::SecretName;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use local::aws::REGION;
use local::demo_tenant::{self, CLIENT_ID, CLIENT_SECRET, SERVICE_ACCOUNT, TENANT};
use local::rescue::{Payload, Phase, Session};
use local::servicenow::Created;
use shared::domain::clock::Timestamp;
use shared::domain::secret::Secret;

use crate::World;

/// For how many seconds a claim holds at most: the function's time-out, and 70 s in which ServiceNow may still be at it.
pub const LEASE: u64 = 370;

impl World {
    /// Delivers, moves on to when the next message comes back, and so on until the queue is empty.
    ///
    /// # Panics
    /// When it is not within forty rounds.
    pub async fn deliver_until_empty(&self) {
        self.deliver().await;
        for _ in 0..40 {
            let messages = self.queued();
            if messages.is_empty() {
                return;
            }
            // What is visible and was not taken waits behind a hidden message of its group.
            let hidden = messages.iter().map(|message| message.hidden_for);
            let wait = hidden.filter(|wait| !wait.is_zero()).min();
            let wait = wait.unwrap_or_default();
            self.deliver_after(wait.as_secs() + 1).await;
        }
        panic!("the queue is not empty: {:?}", self.queued());
    }

    /// Takes one batch, and does something once ServiceNow has a request of that method, before it is answered.
    ///
    /// The request has to be held up by a fault.
    pub async fn deliver_and_meanwhile(&self, method: &str, meanwhile: impl AsyncFnOnce()) {
        let mark = self.cloud.servicenow.mark();
        let arrived = || {
            let since = self.cloud.servicenow.since(mark);
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

    /// Takes one batch, and kills the function's processes once ServiceNow has a request of that method.
    pub async fn kill_during(&self, method: &str) {
        self.deliver_and_meanwhile(method, async || {
            self.function("deliver-session").kill().await;
        })
        .await;
    }

    /// Takes one batch, and kills the function's processes once ServiceNow has a request whose path or query has that
    /// text in it.
    ///
    /// The request has to be held up by a fault.
    pub async fn kill_when_asked(&self, text: &str) {
        let mark = self.cloud.servicenow.mark();
        let arrived = || {
            let since = self.cloud.servicenow.since(mark);
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

    /// Posts the same once more, after SQS has forgotten that it had it.
    ///
    /// # Panics
    /// When it is not accepted.
    pub async fn post_again(&self, payload: &Payload, phase: Phase) {
        self.cloud
            .travel(local::aws::DEDUPLICATION_WINDOW + Duration::from_secs(1));
        let posted = self.cloud.rescue.send(self.url(phase), payload).await;
        assert_eq!(posted.expect("the HTTP API answers").status, 200);
    }

    /// Puts a message into the queue past `session-details`, under a deduplication id of its own.
    ///
    /// # Panics
    /// When SQS refuses it.
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

    /// For how many seconds each message was hidden explicitly since a mark, in the order of the calls. That a batch is
    /// hidden until its claims have ended, when it begins, is left out.
    ///
    /// # Panics
    /// When a call is not what the SDK sends.
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
                // A receive gives a message a receipt handle of its own.
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
    /// When it is refused.
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

    /// The refresh token that the instance has given to the demo's client; a new one when that is dead.
    pub fn refresh_token(&self) -> String {
        self.cloud
            .servicenow
            .issue_refresh_token(CLIENT_ID, SERVICE_ACCOUNT)
    }

    /// The only post of a session, as the ledger has it.
    ///
    /// # Panics
    /// When it has none or several.
    pub async fn entry(&self, session: &Session) -> crate::LedgerEntry {
        let posts = self.posts(session).await;
        assert_eq!(posts.len(), 1, "{posts:?}");
        posts[0].clone()
    }

    /// How many seconds from now the session's only post is tried again.
    ///
    /// # Panics
    /// When it does not wait.
    pub async fn next_attempt_in(&self, session: &Session) -> u64 {
        let entry = self.entry(session).await;
        let at = Timestamp::parse(&entry["next_attempt_at"]).expect("a time");
        at.since(self.cloud.clock.now()).as_secs()
    }

    /// The methods and paths of what ServiceNow's APIs were asked since a mark, without the token endpoint.
    pub fn called_since(&self, mark: local::simulator::Mark) -> Vec<String> {
        let since = self.cloud.servicenow.since(mark);
        let calls = since
            .iter()
            .filter(|request| request.path.starts_with("/api/"));
        calls
            .map(|request| format!("{} {}", request.method, request.path))
            .collect()
    }

    /// How often the token endpoint was asked.
    pub fn token_requests(&self) -> usize {
        let asked = self
            .cloud
            .servicenow
            .requests_matching("POST", "/oauth_token.do");
        asked.len()
    }
}

/// Waits until something holds; the test hangs, and its runner says so, when it never does.
async fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
