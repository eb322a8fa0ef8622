//! The cache of tenants (docs/architecture.md#rule-5).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use local::aws::{Effect, InjectedAwsFault, Mark, Service};
use shared::aws::tenants::{KeyKind, ManagedTenant, Tenant, TenantKey, TenantsTable};
use shared::domain::secret::Secret;
use tests::injected::{denied, refused};

use super::{Parts, acme};

/// Longer than any test takes.
const TIME_LIMIT: Duration = Duration::from_secs(60);

async fn store(parts: &Parts, tenant: &Tenant) {
    store_item(
        parts,
        ManagedTenant::from(tenant.clone())
            .to_item()
            .expect("an item"),
    )
    .await;
}

async fn store_item(parts: &Parts, item: HashMap<String, AttributeValue>) {
    let put = parts.stack.dynamodb.put_item().set_item(Some(item));
    let stored = put.table_name(&parts.stack.tenants_table).send().await;
    stored.expect("stored");
}

async fn stored(parts: &Parts) -> (Tenant, Secret) {
    let file = parts.tenant("").await;
    let (key, text) = TenantKey::generate(KeyKind::Webhook, vec![], &[1; 32], parts.clock.now());
    let tenant = Tenant {
        file,
        version: 7,
        keys: vec![key],
        disabled_at: None,
    };
    store(parts, &tenant).await;
    (tenant, text)
}

/// Reads acme, or takes it from the cache.
async fn get(tenants: &TenantsTable) -> Option<Arc<Tenant>> {
    tenants.get(&acme()).await.expect("read or cached")
}

/// Whether a webhook key of acme is accepted.
async fn opens(tenants: &TenantsTable, key: &Secret) -> bool {
    let tenant = acme();
    let found = tenants.authenticate(&tenant, KeyKind::Webhook, key, TIME_LIMIT);
    found.await.expect("read or cached").is_some()
}

fn reads(parts: &Parts, mark: Mark) -> usize {
    parts.aws.journal().count_service(mark, Service::DynamoDb)
}

fn table_fails(parts: &Parts) {
    let fault = InjectedAwsFault::any(Service::DynamoDb, denied()).times(u32::MAX);
    parts.aws.inject(fault);
}

/// docs/architecture.md#rule-5: cached 60 s.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_read_again_after_sixty_seconds_and_not_before() {
    let parts = Parts::start().await;
    let (mut tenant, _) = stored(&parts).await;
    let tenants = parts.tenants();
    get(&tenants).await.expect("the tenant");
    tenant.version = 8;
    store(&parts, &tenant).await;

    let mark = parts.aws.journal().mark();
    parts.advance(59);
    let known = get(&tenants).await.expect("the tenant");
    assert_eq!((known.version, reads(&parts, mark)), (7, 0));
    parts.advance(1);
    let known = get(&tenants).await.expect("the tenant");
    assert_eq!((known.version, reads(&parts, mark)), (8, 1));
}

/// docs/architecture.md#rule-5: used stale for up to a day while DynamoDB fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_cached_for_a_day_while_the_table_cannot_be_read() {
    let parts = Parts::start().await;
    let (_, key) = stored(&parts).await;
    let tenants = parts.tenants();
    get(&tenants).await.expect("the tenant");
    table_fails(&parts);
    let mark = parts.aws.journal().mark();
    parts.advance(60);
    for _ in 0..10 {
        assert!(opens(&tenants, &key).await);
    }
    assert_eq!(reads(&parts, mark), 1, "not one per request");
    parts.advance(5);
    assert!(get(&tenants).await.is_some());
    assert_eq!(reads(&parts, mark), 2, "one every few seconds");
    parts.advance(24 * 3600 - 60 - 5 - 1);
    assert!(get(&tenants).await.is_some());
    parts.advance(5);
    tenants.get(&acme()).await.expect_err("older than a day");
    parts.aws.clear_faults();
    assert!(get(&tenants).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_whose_first_read_fails_is_an_error() {
    let parts = Parts::start().await;
    table_fails(&parts);
    parts.tenants().get(&acme()).await.expect_err("unknown");
}

/// docs/architecture.md#rule-5: an unknown key forces one re-read, at most one per 5 s and tenant.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_works_at_once_and_wrong_keys_cost_one_read_in_five_seconds() {
    let parts = Parts::start().await;
    let (mut tenant, first) = stored(&parts).await;
    let tenants = parts.tenants();
    assert!(opens(&tenants, &first).await);
    parts.advance(5);

    let (key, second) = TenantKey::generate(KeyKind::Webhook, vec![], &[2; 32], parts.clock.now());
    tenant.keys.push(key);
    store(&parts, &tenant).await;
    let mark = parts.aws.journal().mark();
    assert!(opens(&tenants, &second).await);
    assert!(opens(&tenants, &first).await);
    assert_eq!(reads(&parts, mark), 1);

    let wrong = Secret::from("wrong");
    for _ in 0..10 {
        assert!(!opens(&tenants, &wrong).await);
    }
    assert_eq!(reads(&parts, mark), 1);
    parts.advance(5);
    for _ in 0..10 {
        assert!(!opens(&tenants, &wrong).await);
    }
    assert_eq!(reads(&parts, mark), 2);
}

/// A retired key stops within 60 s.
#[tokio::test(flavor = "multi_thread")]
async fn a_retired_key_stops_within_sixty_seconds() {
    let parts = Parts::start().await;
    let (mut tenant, key) = stored(&parts).await;
    let tenants = parts.tenants();
    assert!(opens(&tenants, &key).await);
    tenant.keys.clear();
    store(&parts, &tenant).await;
    parts.advance(60);
    assert!(!opens(&tenants, &key).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_other_kind_is_refused() {
    let parts = Parts::start().await;
    let (_, webhook) = stored(&parts).await;
    let found = parts
        .tenants()
        .authenticate(&acme(), KeyKind::Api, &webhook, TIME_LIMIT)
        .await;
    assert!(found.expect("read").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_tenant_costs_one_read_in_five_seconds_and_is_known_soon_after_it_was_created() {
    let parts = Parts::start().await;
    let tenants = parts.tenants();
    let mark = parts.aws.journal().mark();
    for _ in 0..10 {
        assert!(get(&tenants).await.is_none());
        assert!(!opens(&tenants, &Secret::from("x")).await);
    }
    assert_eq!(reads(&parts, mark), 1);
    stored(&parts).await;
    parts.advance(5);
    assert!(get(&tenants).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_item_is_an_error_and_not_a_missing_tenant() {
    let parts = Parts::start().await;
    let (tenant, _) = stored(&parts).await;
    let tenants = parts.tenants();
    get(&tenants).await.expect("the tenant");
    let mut item = ManagedTenant::from(tenant.clone())
        .to_item()
        .expect("an item");
    item.remove("keys");
    store_item(&parts, item).await;
    parts.tenants().get(&acme()).await.expect_err("unreadable");
    parts.advance(60);
    assert!(get(&tenants).await.is_some());
}

/// Rescue never repeats a post, so the read is repeated after each error that is not permanent, with a new signature.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_not_cached_is_read_again_until_the_time_limit_and_a_denied_read_is_not() {
    let parts = Parts::start().await;
    let (acme, (_, key)) = (acme(), stored(&parts).await);
    let expired = refused(400, "InvalidSignatureException");
    let fault = InjectedAwsFault::any(Service::DynamoDb, expired);
    parts.aws.inject(fault.clone().times(4));
    let tenants = parts.tenants();
    assert!(opens(&tenants, &key).await);

    parts.aws.inject(fault.times(u32::MAX));
    let tenants = parts.tenants();
    let mark = parts.aws.journal().mark();
    let time_limit = Duration::from_millis(300);
    let failed = tenants.authenticate(&acme, KeyKind::Webhook, &key, time_limit);
    failed.await.expect_err("the time is up");
    assert!(reads(&parts, mark) > 1);

    parts.aws.clear_faults();
    table_fails(&parts);
    let mark = parts.aws.journal().mark();
    let failed = parts.tenants();
    let failed = failed.authenticate(&acme, KeyKind::Webhook, &key, TIME_LIMIT);
    failed.await.expect_err("denied");
    assert_eq!(reads(&parts, mark), 1);
}

/// While the table hangs, the cached tenant is used, so that most of the time is left for the queue.
#[tokio::test(flavor = "multi_thread")]
async fn a_cached_tenant_is_used_when_the_table_does_not_answer_soon() {
    let parts = Parts::start().await;
    let (_, key) = stored(&parts).await;
    let tenants = parts.tenants();
    get(&tenants).await.expect("the tenant");
    let hang = Effect::Hang(Duration::from_secs(60));
    let fault = InjectedAwsFault::any(Service::DynamoDb, hang).times(u32::MAX);
    parts.aws.inject(fault);
    parts.advance(60);
    let started = Instant::now();
    for _ in 0..2 {
        assert!(opens(&tenants, &key).await);
    }
    // The table is read once in five seconds.
    assert!(started.elapsed() < Duration::from_secs(4));
}
