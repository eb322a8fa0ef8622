//! A tenant as an operator handles it: applied from a file, and shown.

mod accounts;
mod apply;
mod invite;
mod plan;
mod provision;
mod set;
mod show;
mod shown_key;
pub(crate) mod table;

pub(crate) use self::accounts::{sharing, tell_each_apart};
pub use self::apply::{Applied, ApplyOptions, apply};
pub(crate) use self::apply::{execute, preview};
pub use self::invite::{SetUpLink, invite};
pub use self::plan::Change;
pub(crate) use self::plan::{Plan, plan};
pub use self::set::set;
pub(crate) use self::set::setting_plan;
pub(crate) use self::show::{ShownTenant, show};
pub use self::shown_key::KeySummary;
pub(crate) use self::shown_key::ShownKey;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_config::{BehaviorVersion, Region};
    use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    };
    use serde_json::{Value, json};
    use shared::aws::direct::DirectClient;
    use shared::aws::tenants::{
        Change as TenantChange, KeyKind, KeyScope, ManagedBy, ManagedTenant, Tenant, TenantKey,
        WebhookUrls,
    };
    use shared::domain::clock::{Clock, Timestamp};
    use shared::domain::tenant::TenantFile;

    use super::apply::{next_tenant, summaries};
    use super::plan::changes;
    use super::show::shown_tenant;
    use super::table::{changing, read_existing, write};
    use super::*;
    use crate::error::AdminError;
    use crate::stack::{Operator, Stack};

    fn file(change: impl FnOnce(&mut TenantFile)) -> TenantFile {
        let mut file = crate::tenant_file::parse(include_str!("../../fixtures/acme.toml"), false)
            .expect("no fault");
        change(&mut file);
        file
    }

    fn clock() -> Clock {
        Clock::manual(Timestamp::parse("2026-01-01T00:00:00Z").expect("valid"))
    }

    /// A stack with a DynamoDB table on a loopback port; nothing listens at the endpoint of secrets and queues.
    async fn stack() -> Stack {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let database = dynoxide::Database::memory().expect("a database");
        tokio::spawn(dynoxide::server::serve_on(listener, database));
        let http = shared::http::for_aws(shared::http::client(None).expect("TLS"));
        let credentials = Credentials::new("test", "test", None, None, "test");
        let config = aws_config::SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url("http://127.0.0.1:9")
            .http_client(http)
            .build();
        let at_table = config.clone().into_builder().endpoint_url(url).build();
        let dynamodb = aws_sdk_dynamodb::Client::new(&at_table);
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
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            queue_calls: DirectClient::sqs(&config),
            table_calls: DirectClient::dynamodb(&at_table),
            secret_calls: DirectClient::secrets_manager(&config),
            operator: Operator::default(),
            clock: clock(),
        }
    }

    async fn planned(stack: &Stack, file: &TenantFile) -> Plan {
        plan(stack, file, false).await.expect("readable")
    }

    fn change(stack: &Stack) -> TenantChange<'static> {
        changing(
            "arn:aws:iam::000000000000:user/ana",
            stack,
            vec!["/language".to_owned()],
        )
    }

    async fn write_plan(stack: &Stack, plan: &Plan) -> Result<ManagedTenant, AdminError> {
        let (tenant, _) = next_tenant(plan, change(stack))?;
        write(stack, plan.before.as_ref(), &tenant).await?;
        Ok(tenant)
    }

    #[tokio::test]
    async fn a_tenant_that_was_written_is_read_back_and_then_nothing_differs() {
        let stack = stack().await;
        let file = file(|_| {});
        let first = planned(&stack, &file).await;
        assert!(first.creates() && !first.changes().is_empty());
        let written = write_plan(&stack, &first).await.expect("new");
        let again = planned(&stack, &file).await;
        assert_eq!(again.before, Some(written));
        assert_eq!(again.changes(), []);
    }

    #[tokio::test]
    async fn a_dry_run_writes_nothing() {
        let stack = stack().await;
        let options = ApplyOptions {
            dry_run: true,
            take_over: false,
        };
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
        let ours = planned(&stack, &file(|_| {})).await;
        let theirs = planned(&stack, &file(|_| {})).await;
        let created = write_plan(&stack, &theirs).await.expect("the first wins");
        let conflict = write_plan(&stack, &ours).await;
        assert!(matches!(conflict, Err(AdminError::Conflict(_))));

        let spanish = file(|file| file.language = shared::domain::tenant::Language::Es);
        let french = file(|file| file.language = shared::domain::tenant::Language::Fr);
        let ours = planned(&stack, &spanish).await;
        let theirs = planned(&stack, &french).await;
        let changed = write_plan(&stack, &theirs).await.expect("the first wins");
        assert_eq!(
            (changed.tenant.version, &changed.tenant.keys),
            (2, &created.tenant.keys)
        );
        let conflict = write_plan(&stack, &ours).await;
        assert!(matches!(conflict, Err(AdminError::Conflict(_))));
        let id = &changed.tenant.file.tenant;
        assert_eq!(
            read_existing(&stack, id).await.expect("there"),
            changed.tenant
        );
    }

    #[tokio::test]
    async fn a_write_whose_answer_was_lost_counts_as_written() {
        let stack = stack().await;
        let first = planned(&stack, &file(|_| {})).await;
        let tenant = write_plan(&stack, &first).await.expect("new");
        assert!(write(&stack, None, &tenant).await.is_ok());
    }

    #[tokio::test]
    async fn the_moment_of_switching_off_is_kept_until_the_tenant_is_switched_on() {
        let stack = stack().await;
        let (on, off) = (file(|_| {}), file(|file| file.enabled = false));
        let apply = async |file: &TenantFile| {
            let plan = planned(&stack, file).await;
            write_plan(&stack, &plan).await.expect("no conflict").tenant
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
        let before = file(|_| {});
        let after = file(|file| {
            file.rescue.technician_domains = vec!["acme.test".to_owned()];
            let column = json!("time_worked");
            file.sessions.columns.insert("WorkTime".to_owned(), column);
        });
        let changes = serde_json::to_value(changes(Some(&before), &after)).expect("JSON");
        assert_eq!(
            changes,
            json!([
                {"path": "rescue.technician_domains", "before": [], "after": ["acme.test"]},
                {"path": "sessions.columns.WorkTime", "before": null, "after": "time_worked"},
            ])
        );
    }

    #[test]
    fn changes_that_may_interrupt_a_running_tenant_are_destructive_and_creating_is_not() {
        let running = ManagedTenant::new(file(|_| {}), ManagedBy::File);
        let risky = |after: TenantFile, before: Option<&ManagedTenant>| {
            Plan::new(before.cloned(), after, false).destructive().len()
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
        let plan = Plan::new(None, file(|_| {}), false);
        let by_ana = TenantChange {
            who: "ana",
            at: clock().now(),
            pointers: Vec::new(),
        };
        let (managed, keys) = next_tenant(&plan, by_ana).expect("random bytes");
        let tenant = &managed.tenant;
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
            keys: summaries(&managed),
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
        let shown = shown_tenant(
            tenant,
            std::collections::BTreeMap::from([("sso-password", true)]),
        );
        let json = serde_json::to_value(&shown).expect("JSON");
        assert_eq!(json["secrets"], json!({"sso-password": true}));
        assert_eq!(json["keys"][0]["kind"], "webhook");
        assert_eq!(json["keys"][0]["created_at"], "2026-01-01T00:00:00.000Z");
        assert_eq!(json["disabled_at"], Value::Null);
        assert_eq!(json["settings"]["sessions"]["publish"], "all");
        assert!(!json.to_string().contains(&hash));
    }
}
