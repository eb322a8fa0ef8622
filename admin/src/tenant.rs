//! Tenants as an operator handles them: applied from a file, and shown.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretError;
use aws_sdk_secretsmanager::types::RotationRulesType;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::aws::secret_store::{tenant_secrets_name, token_secret_name};
use shared::aws::tenants::{KeyKind, KeyScope, Tenant, TenantKey};
use shared::domain::clock::Timestamp;
use shared::domain::secret::{Secret, serialize_exposed, serialize_exposed_option};
use shared::domain::tenant::{Grant, TenantFile, TenantId};

use crate::error::AdminError;
use crate::secrets::SecretName;
use crate::stack::Stack;
use crate::tenant_file::settings;
use crate::vault::{self, Found};

/// How often a token secret is looked at (docs/architecture.md#where-state-lives).
const ROTATION: &str = "rate(1 day)";

/// How a tenant file is applied.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApplyOptions {
    /// Only say what would change.
    pub dry_run: bool,
}

/// One setting that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The key with its tables.
    pub path: String,
    /// Its value in the table; null where there is none.
    pub before: Value,
    /// Its value in the file; null where there is none.
    pub after: Value,
}

/// The two URLs that Rescue posts to. They hold the webhook key, so they are secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WebhookUrls {
    /// For the moment a technician starts a session.
    #[serde(serialize_with = "serialize_exposed")]
    pub started: Secret,
    /// For the moment a technician ends it.
    #[serde(serialize_with = "serialize_exposed")]
    pub ended: Secret,
}

impl WebhookUrls {
    /// The URLs of a webhook key; without `api_url` only their paths.
    pub fn new(api_url: Option<&str>, tenant: &TenantId, key: &Secret) -> Self {
        let base = api_url.unwrap_or_default().trim_end_matches('/');
        let key = key.expose();
        let url = |event: &str| {
            Secret::from(format!(
                "{base}/integration/api/servicenow/sessiondetails/{tenant}/{key}?event={event}"
            ))
        };
        Self {
            started: url("started"),
            ended: url("ended"),
        }
    }
}

/// A live key, without what identifies it to a caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeySummary {
    /// What an operator calls it by.
    pub id: String,
    /// What it opens.
    pub kind: KeyKind,
    /// What it may be used for; empty for a webhook key.
    pub scopes: Vec<KeyScope>,
}

impl From<&TenantKey> for KeySummary {
    fn from(key: &TenantKey) -> Self {
        Self {
            id: key.id.clone(),
            kind: key.kind,
            scopes: key.scopes.clone(),
        }
    }
}

/// What applying a tenant file did. Serialised it is the answer of `tenant apply --output json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// The tenant.
    pub tenant: TenantId,
    /// What differed.
    pub changes: Vec<Change>,
    /// Only when the tenant was created; shown once and stored nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_urls: Option<WebhookUrls>,
    /// Only when the tenant was created; shown once and stored nowhere.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_exposed_option"
    )]
    pub api_key: Option<Secret>,
    /// The live keys.
    pub keys: Vec<KeySummary>,
    /// What else the operator should know.
    #[serde(skip)]
    pub notes: Vec<String>,
    /// Something after the tenant was written failed; applying again makes up for it.
    #[serde(skip)]
    pub incomplete: Option<String>,
}

/// A tenant file compared with the table, ready to be written.
#[derive(Clone, Debug)]
pub struct Plan {
    before: Option<Tenant>,
    after: TenantFile,
    changes: Vec<Change>,
}

impl Plan {
    /// What differs, sorted by path.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether the tenant is new.
    pub const fn creates(&self) -> bool {
        self.before.is_none()
    }

    /// Whether the tenant is as it was when it was created, so that its keys may have been missed.
    pub(crate) fn is_untouched(&self) -> bool {
        let new = |before: &Tenant| before.version == 1 && before.keys.len() == 2;
        self.before.as_ref().is_some_and(new) && self.changes.is_empty()
    }

    pub(crate) fn before(&self) -> Option<&TenantFile> {
        self.before.as_ref().map(|tenant| &tenant.file)
    }

    pub(crate) const fn after(&self) -> &TenantFile {
        &self.after
    }

    /// The changes that may cut a running tenant off, in words; empty when there is none.
    pub fn destructive(&self) -> Vec<String> {
        if self.creates() {
            return Vec::new();
        }
        self.changes.iter().filter_map(destructive).collect()
    }
}

/// What a change may cut off, in words; `None` where it cannot.
fn destructive(change: &Change) -> Option<String> {
    let (path, before, after) = (change.path.as_str(), &change.before, &change.after);
    let becomes = |value: &str| after.as_str() == Some(value);
    let switched = |what: &str| Some(format!("{path} becomes {after}: {what}"));
    match path {
        "enabled" if *after == Value::Bool(false) => {
            Some("the tenant is switched off: posts are ignored, PINs are refused".to_owned())
        }
        "servicenow.instance" | "rescue.company_id" | "rescue.account" | "rescue.base_url" => {
            Some(format!("{path} changes from {before} to {after}"))
        }
        "servicenow.grant" | "servicenow.client_id" => Some(format!(
            "{path} changes from {before} to {after}: posts wait until the secrets fit it"
        )),
        "sessions.publish" if becomes("none") => switched("nothing of a session is written"),
        "sessions.publish" if becomes("selected") => {
            switched("only the fields that are named are written")
        }
        "sessions.chat" if becomes("omit") => switched("no chat is written"),
        "sessions.console_sessions" if becomes("ignore") => {
            switched("posts that name no record are not written")
        }
        "sessions.require_signed_tracking" if *after == Value::Bool(true) => {
            switched("plain numbers in Tracking0 are not believed any more")
        }
        "sessions.fields" | "sessions.reference_fields" if drops(before, after) => {
            Some(format!("{path} loses entries: {before} becomes {after}"))
        }
        "rescue.technician_domains" if narrows(before, after) => Some(format!(
            "{path} changes from {before} to {after}: technicians of other domains get no PIN"
        )),
        _ => None,
    }
}

/// Whether a list loses an entry.
fn drops(before: &Value, after: &Value) -> bool {
    let (before, after) = (before.as_array(), after.as_array());
    let keeps = |entry: &Value| after.is_some_and(|after| after.contains(entry));
    before.is_some_and(|before| !before.iter().all(keeps))
}

/// The same for a list that lets everything through while it is empty.
fn narrows(before: &Value, after: &Value) -> bool {
    let empty = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
    !empty(after) && (empty(before) || drops(before, after))
}

/// Compares a tenant file with the table.
///
/// # Errors
/// When the table cannot be read.
pub async fn plan(stack: &Stack, file: &TenantFile) -> Result<Plan, AdminError> {
    let before = read(stack, &file.tenant).await?;
    let changes = differences(
        before
            .as_ref()
            .map(|tenant| settings(&tenant.file))
            .as_ref(),
        &settings(file),
    );
    Ok(Plan {
        before,
        after: file.clone(),
        changes,
    })
}

/// Creates or changes a tenant, without asking anybody. Applying the same file again changes nothing and repairs
/// what an interrupted run left out.
///
/// # Errors
/// [`AdminError::Conflict`] when somebody else changed the tenant in the meantime; otherwise when AWS refuses.
pub async fn apply(
    stack: &Stack,
    file: &TenantFile,
    options: ApplyOptions,
) -> Result<Applied, AdminError> {
    let plan = plan(stack, file).await?;
    if options.dry_run {
        Ok(preview(&plan))
    } else {
        execute(stack, &plan).await
    }
}

/// What a plan would do, with nothing written.
pub(crate) fn preview(plan: &Plan) -> Applied {
    Applied {
        tenant: plan.after.tenant.clone(),
        changes: plan.changes.clone(),
        webhook_urls: None,
        api_key: None,
        keys: plan.before.as_ref().map(summaries).unwrap_or_default(),
        notes: Vec::new(),
        incomplete: None,
    }
}

/// Writes a plan: the secrets first, because nothing uses them without the tenant; then the tenant with the hashes of
/// its keys; then the rotation schedule, whose failure must not keep the keys from being shown.
///
/// # Errors
/// As [`apply`].
pub async fn execute(stack: &Stack, plan: &Plan) -> Result<Applied, AdminError> {
    let mut notes = make_secrets(stack, plan).await?;
    let now = stack.clock.now();
    let (tenant, new_keys) = next(plan, now)?;
    if plan.creates() || !plan.changes.is_empty() {
        write(stack, plan.before.as_ref(), &tenant).await?;
    }
    let mut incomplete = None;
    let other_instance = |change: &Change| change.path.starts_with("servicenow.");
    if !plan.creates() && plan.changes.iter().any(other_instance) {
        // What was granted, or refused, before the change says nothing about what comes now.
        let id = &tenant.file.tenant;
        let flowing = async {
            stack.credentials().forget_access_token(id).await?;
            crate::secrets::resume_deliveries(stack, id).await
        };
        if let Err(error) = flowing.await {
            incomplete = Some(format!("a pause of the tenant may go on: {error}"));
        }
    }
    match schedule_rotation(stack, plan).await {
        Ok(Some(note)) => notes.push(note),
        Ok(None) => {}
        Err(error) => incomplete = Some(format!("the rotation schedule is not set: {error}")),
    }
    Ok(Applied {
        tenant: tenant.file.tenant.clone(),
        changes: plan.changes.clone(),
        webhook_urls: new_keys.as_ref().map(|keys| {
            WebhookUrls::new(stack.api_url.as_deref(), &tenant.file.tenant, &keys.webhook)
        }),
        api_key: new_keys.map(|keys| keys.api),
        keys: summaries(&tenant),
        notes,
        incomplete,
    })
}

/// What `tenant show` answers. No secret's value is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The tenant.
    pub tenant: TenantId,
    /// Counts the changes.
    pub version: u64,
    /// Whether it is switched on.
    pub enabled: bool,
    /// The tenant file as JSON.
    pub settings: Value,
    /// The live keys.
    pub keys: Vec<ShownKey>,
    /// When it was switched off.
    pub disabled_at: Option<Timestamp>,
    /// Which secrets are set, by the names that `secrets set` takes.
    pub secrets: BTreeMap<&'static str, bool>,
    #[serde(skip)]
    pub(crate) file: TenantFile,
}

/// A live key and when it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownKey {
    /// The key.
    #[serde(flatten)]
    pub key: KeySummary,
    /// When it was made.
    pub created_at: Timestamp,
}

impl From<&TenantKey> for ShownKey {
    fn from(key: &TenantKey) -> Self {
        Self {
            key: key.into(),
            created_at: key.created_at,
        }
    }
}

/// Reads a tenant with its settings and keys, and which of its secrets are set.
///
/// # Errors
/// [`AdminError::NoSuchTenant`]; otherwise when AWS refuses.
pub async fn show(stack: &Stack, id: &TenantId) -> Result<Shown, AdminError> {
    let tenant = read_existing(stack, id).await?;
    let credentials = current(stack, &tenant_secrets_name(&stack.secret_prefix, id)).await?;
    let token = current(stack, &token_secret_name(&stack.secret_prefix, id)).await?;
    let secrets = SecretName::ALL
        .into_iter()
        .map(|name| {
            let json = if name == SecretName::RefreshToken {
                &token
            } else {
                &credentials
            };
            (name.as_str(), vault::holds(json, name.key()))
        })
        .collect();
    Ok(shown(tenant, secrets))
}

fn shown(tenant: Tenant, secrets: BTreeMap<&'static str, bool>) -> Shown {
    Shown {
        tenant: tenant.file.tenant.clone(),
        version: tenant.version,
        enabled: tenant.file.enabled,
        settings: settings(&tenant.file),
        keys: tenant.keys.iter().map(ShownKey::from).collect(),
        disabled_at: tenant.disabled_at,
        secrets,
        file: tenant.file,
    }
}

async fn current(stack: &Stack, name: &str) -> Result<Map<String, Value>, AdminError> {
    Ok(match vault::read(stack, name).await? {
        Found::Value(content) => content.json,
        Found::Nothing | Found::Deleted => Map::new(),
    })
}

/// The tenant as the table holds it now.
///
/// # Errors
/// When there is no such tenant or the table cannot be read.
pub(crate) async fn read_existing(stack: &Stack, id: &TenantId) -> Result<Tenant, AdminError> {
    read(stack, id)
        .await?
        .ok_or_else(|| AdminError::NoSuchTenant(id.clone()))
}

/// Whether there is such a tenant.
///
/// # Errors
/// When the table cannot be read.
pub(crate) async fn exists(stack: &Stack, id: &TenantId) -> Result<bool, AdminError> {
    Ok(read(stack, id).await?.is_some())
}

async fn read(stack: &Stack, id: &TenantId) -> Result<Option<Tenant>, AdminError> {
    let answer = stack
        .dynamodb
        .get_item()
        .table_name(&stack.tenants_table)
        .key("tenant", AttributeValue::S(id.to_string()))
        .consistent_read(true)
        .send()
        .await;
    let answer = answer.map_err(|error| {
        let table = format!("table {}", stack.tenants_table);
        AdminError::aws("dynamodb:GetItem", &table, &error)
    })?;
    answer
        .item()
        .map(|item| Tenant::from_item(item).ok_or_else(|| AdminError::UnreadableTenant(id.clone())))
        .transpose()
}

/// Writes a tenant, provided that the table still holds `before`.
///
/// # Errors
/// [`AdminError::Conflict`] when it does not; otherwise when DynamoDB refuses.
pub(crate) async fn write(
    stack: &Stack,
    before: Option<&Tenant>,
    after: &Tenant,
) -> Result<(), AdminError> {
    let mut put = stack
        .dynamodb
        .put_item()
        .table_name(&stack.tenants_table)
        .set_item(Some(after.to_item()?));
    put = match before {
        None => put.condition_expression("attribute_not_exists(tenant)"),
        Some(before) => put
            .condition_expression("#version = :read")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":read", AttributeValue::N(before.version.to_string())),
    };
    let Err(error) = put.send().await else {
        return Ok(());
    };
    // The write may have gone through although its answer was lost, and the SDK's own second attempt then fails on
    // the condition. The keys of a new tenant exist nowhere else, so look before giving them up.
    let id = &after.file.tenant;
    if read(stack, id).await.ok().flatten().as_ref() == Some(after) {
        return Ok(());
    }
    if error
        .as_service_error()
        .is_some_and(|error| error.is_conditional_check_failed_exception())
    {
        Err(AdminError::Conflict(id.clone()))
    } else {
        let table = format!("table {}", stack.tenants_table);
        Err(AdminError::aws("dynamodb:PutItem", &table, &error))
    }
}

struct NewKeys {
    webhook: Secret,
    api: Secret,
}

fn next(plan: &Plan, now: Timestamp) -> Result<(Tenant, Option<NewKeys>), AdminError> {
    let file = plan.after.clone();
    let disabled_at = (!file.enabled).then_some(now);
    match &plan.before {
        Some(before) => {
            let changed = u64::from(!plan.changes.is_empty());
            let tenant = Tenant {
                version: before.version + changed,
                keys: before.keys.clone(),
                // A tenant that stays switched off was switched off back then.
                disabled_at: disabled_at.map(|now| before.disabled_at.unwrap_or(now)),
                file,
            };
            Ok((tenant, None))
        }
        None => {
            let (webhook, webhook_text) =
                TenantKey::generate(KeyKind::Webhook, Vec::new(), &vault::random()?, now);
            let scopes = vec![KeyScope::Pin, KeyScope::Token];
            let (api, api_text) = TenantKey::generate(KeyKind::Api, scopes, &vault::random()?, now);
            let tenant = Tenant {
                version: 1,
                keys: vec![webhook, api],
                disabled_at,
                file,
            };
            let keys = NewKeys {
                webhook: webhook_text,
                api: api_text,
            };
            Ok((tenant, Some(keys)))
        }
    }
}

fn summaries(tenant: &Tenant) -> Vec<KeySummary> {
    tenant.keys.iter().map(KeySummary::from).collect()
}

async fn make_secrets(stack: &Stack, plan: &Plan) -> Result<Vec<String>, AdminError> {
    let id = &plan.after.tenant;
    let mut notes = Vec::new();
    // The token comes first: it shows whose secrets these are.
    let token = token_secret_name(&stack.secret_prefix, id);
    notes.extend(make_secret(stack, plan, &token, &Map::new()).await?);
    let credentials = tenant_secrets_name(&stack.secret_prefix, id);
    let (fresh, _) = vault::with_tracking_key(Map::new(), &vault::random()?);
    if let Some(note) = make_secret(stack, plan, &credentials, &fresh).await? {
        notes.push(note);
    } else {
        let content = vault::read_existing(stack, &credentials).await?;
        let (json, made) = vault::with_tracking_key(content.json.clone(), &vault::random()?);
        if made {
            vault::replace(stack, &credentials, &content, &json).await?;
            notes.push(format!(
                "secret {credentials} had no tracking key; it has a new one"
            ));
        }
    }
    Ok(notes)
}

/// Makes a secret that is not there; `None` when it is.
async fn make_secret(
    stack: &Stack,
    plan: &Plan,
    name: &str,
    fresh: &Map<String, Value>,
) -> Result<Option<String>, AdminError> {
    // A new tenant has none, unless it was deleted or its creation broke off.
    if plan.creates() {
        if vault::create_new(stack, name, fresh).await? {
            return Ok(Some(format!("secret {name} is made")));
        }
        refuse_anothers(stack, &plan.after.tenant).await?;
    }
    match vault::read(stack, name).await? {
        Found::Value(_) => Ok(None),
        Found::Nothing => {
            vault::create(stack, name, fresh).await?;
            Ok(Some(format!("secret {name} is made")))
        }
        Found::Deleted => {
            vault::restore(stack, name).await?;
            // A tenant of that name was deleted. The new one may be somebody else's, so it starts with nothing.
            if plan.creates() {
                let old = vault::read_existing(stack, name).await?;
                vault::replace(stack, name, &old, fresh).await?;
            }
            Ok(Some(format!(
                "secret {name} was waiting for its deletion and is restored"
            )))
        }
    }
}

async fn schedule_rotation(stack: &Stack, plan: &Plan) -> Result<Option<String>, AdminError> {
    let file = &plan.after;
    if file.servicenow.grant != Grant::RefreshToken {
        return Ok(None);
    }
    let name = token_secret_name(&stack.secret_prefix, &file.tenant);
    let Some(function) = &stack.rotate_tokens_function_arn else {
        let described = stack
            .secrets
            .describe_secret()
            .secret_id(&name)
            .send()
            .await;
        let described = described
            .map_err(|error| vault::failed("secretsmanager:DescribeSecret", &name, &error))?;
        return match described.rotation_enabled() {
            Some(true) => Ok(None),
            Some(false) | None => Err(AdminError::NoRotationFunction),
        };
    };
    if !plan.creates() && is_scheduled(stack, &name, function).await? {
        return Ok(None);
    }
    stack
        .secrets
        .rotate_secret()
        .secret_id(&name)
        .rotation_lambda_arn(function)
        .rotation_rules(
            RotationRulesType::builder()
                .schedule_expression(ROTATION)
                .build(),
        )
        .rotate_immediately(false)
        .send()
        .await
        .map_err(|error| vault::failed("secretsmanager:RotateSecret", &name, &error))?;
    Ok(Some(format!(
        "secret {name} is looked at daily: {ROTATION}"
    )))
}

/// Two stacks with one prefix would take each other's secrets over, and delete them.
async fn refuse_anothers(stack: &Stack, tenant: &TenantId) -> Result<(), AdminError> {
    let secret = token_secret_name(&stack.secret_prefix, tenant);
    let described = stack
        .secrets
        .describe_secret()
        .secret_id(&secret)
        .send()
        .await;
    let described = match described {
        Ok(described) => described,
        Err(error)
            if error
                .as_service_error()
                .is_some_and(DescribeSecretError::is_resource_not_found_exception) =>
        {
            return Ok(());
        }
        Err(error) => {
            return Err(vault::failed(
                "secretsmanager:DescribeSecret",
                &secret,
                &error,
            ));
        }
    };
    let ours = stack.rotate_tokens_function_arn.as_deref();
    let theirs = described
        .rotation_lambda_arn()
        .filter(|function| ours.is_some_and(|ours| ours != *function));
    match theirs {
        Some(function) if described.rotation_enabled() == Some(true) => {
            Err(AdminError::SecretOfAnotherStack {
                secret,
                function: function.to_owned(),
            })
        }
        _ => Ok(()),
    }
}

async fn is_scheduled(stack: &Stack, name: &str, function: &str) -> Result<bool, AdminError> {
    let described = stack.secrets.describe_secret().secret_id(name).send().await;
    let described =
        described.map_err(|error| vault::failed("secretsmanager:DescribeSecret", name, &error))?;
    let expression = described
        .rotation_rules()
        .and_then(RotationRulesType::schedule_expression);
    Ok(described.rotation_enabled() == Some(true)
        && described.rotation_lambda_arn() == Some(function)
        && expression == Some(ROTATION))
}

/// The settings that differ, sorted by path. A list is one value.
fn differences(before: Option<&Value>, after: &Value) -> Vec<Change> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    if let Some(before) = before {
        flatten("", before, &mut old);
    }
    flatten("", after, &mut new);
    let mut paths: Vec<&String> = old.keys().chain(new.keys()).collect();
    paths.sort();
    paths.dedup();
    paths
        .into_iter()
        .filter(|path| old.get(*path) != new.get(*path))
        .map(|path| Change {
            path: path.clone(),
            before: old.get(path).cloned().unwrap_or_default(),
            after: new.get(path).cloned().unwrap_or_default(),
        })
        .collect()
}

fn flatten(prefix: &str, value: &Value, leaves: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                let path = if prefix.is_empty() {
                    key.clone()
                } else {
                    format!("{prefix}.{key}")
                };
                flatten(&path, value, leaves);
            }
        }
        leaf => {
            leaves.insert(prefix.to_owned(), leaf.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    };
    use serde_json::json;
    use shared::domain::clock::Clock;

    use super::*;

    fn file(change: impl FnOnce(&mut TenantFile)) -> TenantFile {
        let mut file = crate::tenant_file::parse(include_str!("../fixtures/acme.toml"), false)
            .expect("no fault");
        change(&mut file);
        file
    }

    fn clock() -> Clock {
        Clock::manual(Timestamp::parse("2026-01-01T00:00:00Z").expect("valid"))
    }

    /// A stack with a real table on a loopback port with secrets and queues that nobody answers for.
    async fn stack() -> Stack {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let database = dynoxide::Database::memory().expect("a database");
        tokio::spawn(dynoxide::server::serve_on(listener, database));
        let http = shared::http::for_aws(shared::http::client(None).expect("TLS"));
        let credentials = Credentials::new("test", "test", None, None, "test");
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(
            aws_sdk_dynamodb::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new("eu-west-1"))
                .credentials_provider(credentials.clone())
                .endpoint_url(url)
                .http_client(http.clone())
                .build(),
        );
        let secrets = aws_sdk_secretsmanager::Client::from_conf(
            aws_sdk_secretsmanager::Config::builder()
                .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::latest())
                .region(Region::new("eu-west-1"))
                .credentials_provider(credentials.clone())
                .endpoint_url("http://127.0.0.1:9")
                .http_client(http.clone())
                .build(),
        );
        let sqs = aws_sdk_sqs::Client::from_conf(
            aws_sdk_sqs::Config::builder()
                .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
                .region(Region::new("eu-west-1"))
                .credentials_provider(credentials)
                .endpoint_url("http://127.0.0.1:9")
                .http_client(http)
                .build(),
        );
        dynamodb
            .create_table()
            .table_name("tenants")
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(
                AttributeDefinition::builder()
                    .attribute_name("tenant")
                    .attribute_type(ScalarAttributeType::S)
                    .build()
                    .expect("complete"),
            )
            .key_schema(
                KeySchemaElement::builder()
                    .attribute_name("tenant")
                    .key_type(KeyType::Hash)
                    .build()
                    .expect("complete"),
            )
            .send()
            .await
            .expect("a table");
        Stack {
            tenants_table: "tenants".to_owned(),
            sessions_table: String::new(),
            credentials_table: String::new(),
            sessions_queue_url: String::new(),
            sessions_dlq_url: String::new(),
            secret_prefix: "rescue-connector".to_owned(),
            api_url: None,
            rotate_tokens_function_arn: None,
            dynamodb,
            secrets,
            sqs,
            clock: clock(),
        }
    }

    async fn write_plan(stack: &Stack, plan: &Plan) -> Result<Tenant, AdminError> {
        let (tenant, _) = next(plan, stack.clock.now())?;
        write(stack, plan.before.as_ref(), &tenant).await?;
        Ok(tenant)
    }

    #[tokio::test]
    async fn a_tenant_that_was_written_is_read_back_and_then_nothing_differs() {
        let stack = stack().await;
        let file = file(|_| {});
        let first = plan(&stack, &file).await.expect("readable");
        assert!(first.creates() && !first.changes().is_empty());
        let written = write_plan(&stack, &first).await.expect("new");
        let again = plan(&stack, &file).await.expect("readable");
        assert_eq!(again.before, Some(written));
        assert_eq!(again.changes(), []);
    }

    #[tokio::test]
    async fn a_dry_run_writes_nothing() {
        let stack = stack().await;
        let options = ApplyOptions { dry_run: true };
        let applied = apply(&stack, &file(|_| {}), options)
            .await
            .expect("planned");
        assert!(!applied.changes.is_empty() && applied.api_key.is_none());
        let id = applied.tenant;
        assert!(matches!(
            read_existing(&stack, &id).await,
            Err(AdminError::NoSuchTenant(missing)) if missing == id
        ));
    }

    #[tokio::test]
    async fn two_operators_cannot_overwrite_each_other() {
        let stack = stack().await;
        let ours = plan(&stack, &file(|_| {})).await.expect("readable");
        let theirs = plan(&stack, &file(|_| {})).await.expect("readable");
        let created = write_plan(&stack, &theirs).await.expect("the first wins");
        let conflict = write_plan(&stack, &ours).await;
        assert!(matches!(conflict, Err(AdminError::Conflict(_))));

        let spanish = file(|file| file.language = shared::domain::tenant::Language::Es);
        let french = file(|file| file.language = shared::domain::tenant::Language::Fr);
        let ours = plan(&stack, &spanish).await.expect("readable");
        let theirs = plan(&stack, &french).await.expect("readable");
        let changed = write_plan(&stack, &theirs).await.expect("the first wins");
        assert_eq!((changed.version, &changed.keys), (2, &created.keys));
        let conflict = write_plan(&stack, &ours).await;
        assert!(matches!(conflict, Err(AdminError::Conflict(_))));
        let id = &changed.file.tenant;
        assert_eq!(read_existing(&stack, id).await.expect("there"), changed);
    }

    #[tokio::test]
    async fn a_write_whose_answer_was_lost_counts_as_written() {
        let stack = stack().await;
        let first = plan(&stack, &file(|_| {})).await.expect("readable");
        let tenant = write_plan(&stack, &first).await.expect("new");
        assert!(write(&stack, None, &tenant).await.is_ok());
    }

    #[tokio::test]
    async fn the_moment_of_switching_off_is_kept_until_the_tenant_is_switched_on() {
        let stack = stack().await;
        let (on, off) = (file(|_| {}), file(|file| file.enabled = false));
        let apply = async |file: &TenantFile| {
            let plan = plan(&stack, file).await.expect("readable");
            write_plan(&stack, &plan).await.expect("no conflict")
        };
        assert_eq!(apply(&on).await.disabled_at, None);
        let switched_off = stack.clock.now();
        assert_eq!(apply(&off).await.disabled_at, Some(switched_off));
        stack.clock.advance(Duration::from_secs(60));
        let still_off = file(|file| {
            file.enabled = false;
            file.debug.logging = true;
        });
        assert_eq!(apply(&still_off).await.disabled_at, Some(switched_off));
        assert_eq!(apply(&on).await.disabled_at, None);
        let id = &on.tenant;
        let read = read_existing(&stack, id).await.expect("there");
        assert_eq!((read.disabled_at, read.version), (None, 4));
    }

    #[test]
    fn a_change_names_its_path_and_both_values() {
        let before = settings(&file(|_| {}));
        let after = settings(&file(|file| {
            file.rescue.technician_domains = vec!["acme.test".to_owned()];
            let column = "time_worked".to_owned();
            file.sessions.columns.insert("WorkTime".to_owned(), column);
        }));
        let changes = serde_json::to_value(differences(Some(&before), &after)).expect("JSON");
        assert_eq!(
            changes,
            json!([
                {"path": "rescue.technician_domains", "before": [], "after": ["acme.test"]},
                {"path": "sessions.columns.WorkTime", "before": null, "after": "time_worked"},
            ])
        );
    }

    #[test]
    fn what_may_cut_a_running_tenant_off_is_destructive_and_creating_never_is() {
        let running = Tenant {
            file: file(|_| {}),
            version: 1,
            keys: Vec::new(),
            disabled_at: None,
        };
        let risky = |after: TenantFile, before: Option<&Tenant>| {
            let old = before.map(|tenant| settings(&tenant.file));
            let changes = differences(old.as_ref(), &settings(&after));
            let plan = Plan {
                before: before.cloned(),
                after,
                changes,
            };
            plan.destructive().len()
        };
        let all = file(|file| {
            file.enabled = false;
            file.rescue.company_id = "1".to_owned();
            file.servicenow.instance = "https://other.service-now.com".to_owned();
        });
        assert_eq!(risky(all.clone(), Some(&running)), 3);
        assert_eq!(risky(all, None), 0);
        let harmless = file(|file| file.debug.logging = true);
        assert_eq!(risky(harmless, Some(&running)), 0);
    }

    #[test]
    fn the_answer_holds_keys_only_when_they_were_made() {
        let plan = Plan {
            before: None,
            after: file(|_| {}),
            changes: Vec::new(),
        };
        let (tenant, keys) = next(&plan, clock().now()).expect("random bytes");
        let keys = keys.expect("a new tenant");
        assert!(tenant.key(KeyKind::Webhook, &keys.webhook).is_some());
        let api = tenant.key(KeyKind::Api, &keys.api).expect("opens");
        assert_eq!(api.scopes, [KeyScope::Pin, KeyScope::Token]);
        let id = &tenant.file.tenant;
        let urls = WebhookUrls::new(Some("https://api.acme.test/"), id, &keys.webhook);
        assert_eq!(
            urls.ended.expose(),
            format!(
                "https://api.acme.test/integration/api/servicenow/sessiondetails/acme/{}?event=ended",
                keys.webhook.expose()
            )
        );
        let path = WebhookUrls::new(None, id, &keys.webhook);
        assert!(path.started.expose().starts_with("/integration/api/"));
        let mut applied = Applied {
            webhook_urls: Some(urls),
            api_key: Some(keys.api.clone()),
            keys: summaries(&tenant),
            ..preview(&plan)
        };
        let json = serde_json::to_value(&applied).expect("JSON");
        assert_eq!(json["api_key"], keys.api.expose());
        assert_eq!(json["keys"][0]["scopes"], json!([]));
        assert_eq!(json["keys"][1]["scopes"], json!(["pin", "token"]));
        assert!(!format!("{applied:?}").contains(keys.api.expose()));
        (applied.webhook_urls, applied.api_key) = (None, None);
        let json = serde_json::to_value(&applied).expect("JSON");
        let members: Vec<&String> = json.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["changes", "keys", "tenant"]);
    }

    #[test]
    fn what_is_shown_says_which_secrets_are_set_and_no_hash() {
        let (key, _) = TenantKey::generate(KeyKind::Webhook, Vec::new(), &[7; 32], clock().now());
        let hash = key.sha256.clone();
        let tenant = Tenant {
            file: file(|_| {}),
            version: 3,
            keys: vec![key],
            disabled_at: None,
        };
        let shown = shown(tenant, BTreeMap::from([("sso-password", true)]));
        let json = serde_json::to_value(&shown).expect("JSON");
        assert_eq!(json["secrets"], json!({"sso-password": true}));
        assert_eq!(json["keys"][0]["kind"], "webhook");
        assert_eq!(json["keys"][0]["created_at"], "2026-01-01T00:00:00.000Z");
        assert_eq!(json["disabled_at"], Value::Null);
        assert_eq!(json["settings"]["sessions"]["publish"], "all");
        assert!(!json.to_string().contains(&hash));
    }
}
