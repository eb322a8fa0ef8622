//! The world of one test: a local stack with the demo's tenant.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use local::aws::{MessageView, QueueView};
use local::cloud::{Cloud, Options, Programs};
use local::demo_tenant::{self, TECHNICIAN, TENANT};
use local::lambda::{Lambda, Poller};
use local::rescue::{Format, Payload, Phase, Session};
use local::servicenow::Created;
use shared::aws::tenants::{Change, KeyKind, KeyScope, TenantKey};
use shared::domain::secret::Secret;
use shared::domain::tenant::TenantId;

/// A local stack with the demo's tenant. Posts are accepted at once and delivered when the test calls [`World::deliver`].
pub struct World {
    /// The local stack.
    pub cloud: Cloud,
    /// The webhook URL for starts.
    pub started: Secret,
    /// The webhook URL for ends.
    pub ended: Secret,
    /// The tenant's API key.
    pub api_key: Secret,
}

/// An entry of the delivery ledger, its values as texts.
pub type LedgerEntry = BTreeMap<String, String>;

/// A message of the dead-letter queue.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Its body.
    pub body: String,
    /// Its attribute `reason`.
    pub reason: String,
    /// All its message attributes.
    pub attributes: BTreeMap<String, String>,
}

impl World {
    /// A world with the demo's tenant file.
    pub async fn start() -> Self {
        Self::with_settings(|file| file).await
    }

    /// A world with a changed tenant file.
    ///
    /// # Panics
    /// When anything of it does not start.
    pub async fn with_settings(change: impl FnOnce(String) -> String) -> Self {
        Self::with(TRACE, change).await
    }

    /// A world with another log level of the functions and a changed tenant file.
    ///
    /// # Panics
    /// When anything of it does not start.
    pub async fn with(log_level: &str, change: impl FnOnce(String) -> String) -> Self {
        let options = Options {
            log_level: log_level.to_owned(),
            ..Self::options()
        };
        Self::with_options(options, change).await
    }

    /// The options of a world.
    pub fn options() -> Options {
        Options {
            delivering: false,
            rotating: false,
            log_level: TRACE.to_owned(),
            ..Options::new(Programs::Folder(crate::folder().to_owned()))
        }
    }

    /// A world with other options and a changed tenant file.
    ///
    /// # Panics
    /// When anything of it does not start.
    pub async fn with_options(options: Options, change: impl FnOnce(String) -> String) -> Self {
        let cloud = Cloud::start(options).await.expect("the cloud starts");
        let applied = demo_tenant::provision_with(&cloud, change)
            .await
            .expect("the tenant is applied");
        let urls = applied.webhook_urls.expect("a new tenant has URLs");
        let api_key = applied.api_key.expect("a new tenant has an API key");
        Self {
            cloud,
            started: urls.started,
            ended: urls.ended,
            api_key,
        }
    }

    /// Applies the changed tenant file. Running processes read it within a minute of the world's clock.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn change_settings(&self, change: impl FnOnce(String) -> String) {
        self.cloud
            .apply(&change(demo_tenant::file(&self.cloud)), &[])
            .await
            .expect("the tenant is applied");
    }

    /// A further API key of the demo's tenant, with that scope alone.
    ///
    /// # Panics
    /// When the table refuses.
    pub async fn api_key_for(&self, scope: KeyScope) -> Secret {
        self.api_key_of(&crate::tokens::demo(), scope).await
    }

    /// A further API key of a tenant, with that scope alone.
    ///
    /// # Panics
    /// When the table refuses.
    pub async fn api_key_of(&self, tenant: &TenantId, scope: KeyScope) -> Secret {
        let tenants = self.cloud.stack.tenants();
        let before = tenants.read(tenant).await.expect("read").expect("a tenant");
        let now = self.cloud.clock.now();
        let (key, text) = TenantKey::generate(KeyKind::Api, vec![scope], &[9; 32], now);
        let change = Change {
            who: "a test",
            at: now,
            pointers: vec![format!("/keys/{}", key.id)],
        };
        let after = before.changed(change, |after| after.tenant.keys.push(key));
        let written = tenants.write(Some(&before), &after).await;
        written.expect("written");
        text
    }

    /// A new incident.
    pub fn incident(&self) -> Created {
        self.cloud
            .servicenow
            .add_incident(&[("short_description", "Printer does not print")])
    }

    /// A session of the demo's technician that names the record in `CField1`.
    ///
    /// # Panics
    /// Never: the demo's technician is there.
    pub fn session(&self, record: &Created) -> Session {
        self.console_session().with_field("CField1", &record.number)
    }

    /// A session of the demo's technician that names no record.
    ///
    /// # Panics
    /// Never: the demo's technician is there.
    pub fn console_session(&self) -> Session {
        let session = self
            .cloud
            .rescue
            .start_session(TECHNICIAN)
            .expect("the demo's technician");
        session.with_customer("Paul Martin")
    }

    /// Posts a session's data.
    ///
    /// # Panics
    /// When the post is not accepted.
    pub async fn post(&self, session: &Session, phase: Phase) -> Payload {
        self.post_to(self.url(phase), session, Format::JsonFlat, phase)
            .await
    }

    /// Posts a session's data to a webhook URL, also another tenant's.
    ///
    /// # Panics
    /// When the post is not accepted.
    pub async fn post_to(
        &self,
        url: &str,
        session: &Session,
        format: Format,
        phase: Phase,
    ) -> Payload {
        let posted = self.cloud.rescue.post(url, session, format, phase).await;
        let posted = posted.expect("the HTTP API answers");
        assert_eq!(posted.status, 200, "{}", posted.body);
        posted.payload
    }

    /// The webhook URL of a phase.
    pub fn url(&self, phase: Phase) -> &str {
        match phase {
            Phase::Start => self.started.expose(),
            Phase::End => self.ended.expose(),
        }
    }

    /// Delivers all visible messages and returns their number. A waiting message blocks the rest of its group.
    pub async fn deliver(&self) -> usize {
        let mut delivered = 0;
        loop {
            match self.poller().poll_once().await {
                0 => return delivered,
                messages => delivered += messages,
            }
        }
    }

    /// Advances the world's clock, then delivers.
    pub async fn deliver_after(&self, seconds: u64) -> usize {
        self.cloud.travel(Duration::from_secs(seconds));
        self.deliver().await
    }

    /// The trigger of `deliver-session`.
    pub fn poller(&self) -> &Poller {
        &self.cloud.pollers["deliver-session"]
    }

    /// A function by the name of its binary.
    pub fn function(&self, name: &str) -> &Lambda {
        &self.cloud.functions[name]
    }

    /// A queue by its logical id.
    ///
    /// # Panics
    /// When the template has none of that id.
    pub fn queue(&self, id: &str) -> QueueView {
        self.cloud
            .aws
            .queue(&self.cloud.resources.queues[id].name)
            .expect("the queue exists")
    }

    /// The messages of the sessions queue.
    pub fn queued(&self) -> Vec<MessageView> {
        self.queue("SessionsQueue").messages
    }

    /// The dead letters.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        let messages = self.queue("SessionsDlq").messages.into_iter();
        messages
            .map(|message| DeadLetter {
                reason: message
                    .attributes
                    .get("reason")
                    .cloned()
                    .unwrap_or_default(),
                attributes: message.attributes,
                body: message.body,
            })
            .collect()
    }

    /// The work notes of an incident, oldest first.
    pub fn notes(&self, record: &Created) -> Vec<String> {
        self.cloud.servicenow.work_notes("incident", &record.sys_id)
    }

    /// The ledger's entries of a session: its record, and each of its posts.
    ///
    /// # Panics
    /// When the ledger cannot be read.
    pub async fn ledger(&self, session: &Session) -> Vec<LedgerEntry> {
        let stack = &self.cloud.stack;
        let answer = stack
            .dynamodb
            .query()
            .table_name(&stack.sessions_table)
            .key_condition_expression("#session = :session")
            .expression_attribute_names("#session", "session")
            .expression_attribute_values(
                ":session",
                AttributeValue::S(format!("{TENANT}#{}", session.id)),
            )
            .send()
            .await
            .expect("the ledger can be read");
        answer.items().iter().map(texts).collect()
    }

    /// The ledger's entries of a session's posts.
    pub async fn posts(&self, session: &Session) -> Vec<LedgerEntry> {
        let mut entries = self.ledger(session).await;
        entries.retain(|entry| entry["entry"].starts_with("post#"));
        entries
    }

    /// The state of the session's only post.
    ///
    /// # Panics
    /// When it has none or several.
    pub async fn state(&self, session: &Session) -> String {
        let posts = self.posts(session).await;
        assert_eq!(posts.len(), 1, "{posts:?}");
        posts[0]["state"].clone()
    }

    /// The output of all functions, without times.
    pub fn output(&self) -> String {
        self.cloud
            .functions
            .values()
            .flat_map(Lambda::output)
            .map(without_times)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// A line without its times: tests search the output for digits.
fn without_times(line: String) -> String {
    match serde_json::from_str(&line) {
        Ok(serde_json::Value::Object(mut fields)) => {
            fields.remove("timestamp");
            fields.remove("_aws");
            serde_json::Value::Object(fields).to_string()
        }
        _ => line,
    }
}

const TRACE: &str = "TRACE";

fn texts(item: &std::collections::HashMap<String, AttributeValue>) -> LedgerEntry {
    let text = |value: &AttributeValue| match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.clone(),
        AttributeValue::Bool(value) => value.to_string(),
        other => format!("{other:?}"),
    };
    item.iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}
