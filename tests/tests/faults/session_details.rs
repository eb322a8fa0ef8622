//! `session-details` while AWS fails: durable or refused, never in between, and always answered.

use std::time::{Duration, Instant};

use local::aws::{Effect, InjectedAwsFault, Service};
use tests::{HttpAnswer, World};

use tests::injected::refused;

const POST: &str = "SessionID=7&ChatLog=hello";

async fn post(world: &World, body: &str) -> HttpAnswer {
    HttpAnswer::to_post(world.ended.expose(), None, body).await
}

/// Checks a refusal that asks the sender to try again.
fn is_try_again(answer: &HttpAnswer, code: &str) {
    answer.assert_refused(503, code);
    let seconds = answer.retry_after.as_deref().expect("Retry-After");
    assert!(seconds.parse::<u32>().expect("seconds") > 0);
}

/// docs/architecture.md#rule-1: no `200` without SQS.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_queue_a_post_is_refused_and_accepted_once_it_is_back() {
    let with = async |effect: Effect| {
        let world = World::start().await;
        let fault = InjectedAwsFault::any(Service::Sqs, effect).times(u32::MAX);
        world.cloud.aws.inject(fault);
        let (accepted, kept) = tokio::join!(post(&world, POST), post(&world, "not a post"));
        is_try_again(&accepted, "queue-unavailable");
        is_try_again(&kept, "queue-unavailable");
        assert!(world.queued().is_empty() && world.dead_letters().is_empty());

        world.cloud.aws.clear_faults();
        assert_eq!(post(&world, POST).await.status, 200);
        assert_eq!(post(&world, "not a post").await.status, 400);
        assert_eq!((world.queued().len(), world.dead_letters().len()), (1, 1));
    };
    tokio::join!(
        with(Effect::DropBefore),
        with(refused(500, "InternalError"))
    );
}

/// docs/architecture.md#rule-2: a repeat of a message that SQS has is no second message.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_the_queue_makes_no_second_message() {
    let world = World::start().await;
    let fault = InjectedAwsFault::once(Service::Sqs, "SendMessage", Effect::DropAfter);
    world.cloud.aws.inject(fault.clone());
    assert_eq!(post(&world, POST).await.status, 200);
    world.cloud.aws.inject(fault.times(u32::MAX));
    is_try_again(&post(&world, POST).await, "queue-unavailable");
    assert_eq!(world.queued().len(), 1);
}

/// docs/architecture.md#rule-5: tenant configuration is used while DynamoDB fails.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_tenants_table_a_cold_process_refuses_and_a_warm_one_continues() {
    let world = World::start().await;
    let fault = InjectedAwsFault::any(Service::DynamoDb, Effect::DropBefore).times(u32::MAX);
    world.cloud.aws.inject(fault.clone());
    is_try_again(&post(&world, POST).await, "storage-unavailable");
    assert!(world.queued().is_empty());

    world.cloud.aws.clear_faults();
    assert_eq!(post(&world, POST).await.status, 200);
    world.cloud.aws.inject(fault);
    let answer = post(&world, "SessionID=8&ChatLog=hello").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(world.queued().len(), 2);
}

/// While the table does not answer, a wrong key is refused by the cached tenant.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_tenants_table_a_wrong_key_stays_wrong() {
    let world = World::start().await;
    assert_eq!(post(&world, POST).await.status, 200);
    let fault = InjectedAwsFault::any(Service::DynamoDb, Effect::DropBefore).times(u32::MAX);
    world.cloud.aws.inject(fault);
    let wrong = world.ended.expose().replace('?', "x?");
    let answer = HttpAnswer::to_post(&wrong, None, POST).await;
    answer.assert_refused(404, "not-found");
}

/// docs/architecture.md#rule-10: the deadline is part of the rules. The function answers itself, and its process stays.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_before_the_functions_time_out_when_aws_hangs() {
    let world = World::start().await;
    let hang = Effect::Hang(Duration::from_secs(60));
    let tables = InjectedAwsFault::any(Service::DynamoDb, hang.clone());
    world.cloud.aws.inject(tables);
    let queue = InjectedAwsFault::any(Service::Sqs, hang).times(u32::MAX);
    world.cloud.aws.inject(queue);
    is_try_again(&post(&world, POST).await, "queue-unavailable");

    world.cloud.aws.clear_faults();
    assert_eq!(post(&world, POST).await.status, 200);
    assert_eq!(world.queued().len(), 1);
    assert_eq!(world.function("session-details").starts(), 1);
}

/// Rescue never repeats a post. AWS may accept a refused call with a fresh signature: known causes are clock skew, a
/// throttled KMS key, and codes that the SDK does not know to be transient.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_queue_refuses_for_the_moment_is_sent_again_with_a_fresh_signature() {
    let world = World::start().await;
    for (index, (status, error)) in [
        (403, "SignatureDoesNotMatch"),
        (403, "RequestExpired"),
        (403, "InvalidSignatureException"),
        (400, "KmsThrottled"),
        (400, "KMS.ThrottlingException"),
        (403, "RequestTimeTooSkewed"),
        (503, "ServiceUnavailable"),
        (400, "SomethingNew"),
    ]
    .into_iter()
    .enumerate()
    {
        let fault = InjectedAwsFault::once(Service::Sqs, "SendMessage", refused(status, error));
        world.cloud.aws.inject(fault.clone().times(4));
        let answer = post(&world, &format!("SessionID={index}&ChatLog=hello")).await;
        assert_eq!(answer.status, 200, "{error} {answer:?}");
        assert_eq!(world.queued().len(), index + 1, "{error}");

        world.cloud.aws.inject(fault.times(4));
        let answer = post(&world, "not a post").await;
        assert_eq!(answer.code(), "malformed-body", "{error}");
        assert_eq!(world.dead_letters().len(), index + 1, "{error}");
    }
}

/// The same for the first read of the tenant.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_tenants_table_refuses_for_the_moment_is_read_again_with_a_fresh_signature() {
    let world = World::start().await;
    for (index, error) in [
        "InvalidSignatureException",
        "RequestExpired",
        "KMSThrottlingException",
    ]
    .into_iter()
    .enumerate()
    {
        world.function("session-details").recycle();
        let fault = InjectedAwsFault::any(Service::DynamoDb, refused(400, error));
        world.cloud.aws.inject(fault.times(4));
        let answer = post(&world, &format!("SessionID={index}&ChatLog=hello")).await;
        assert_eq!(answer.status, 200, "{error} {answer:?}");
        assert_eq!(world.queued().len(), index + 1, "{error}");
    }
}

/// A connection that breaks, an answer that never comes, and a fault that lasts for most of the invocation.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_accepted_when_the_queue_is_back_within_the_invocation() {
    let world = World::start().await;
    let cut = InjectedAwsFault::once(Service::Sqs, "SendMessage", Effect::DropBefore);
    world.cloud.aws.inject(cut.times(10));
    assert_eq!(post(&world, POST).await.status, 200);

    let expired = refused(403, "RequestExpired");
    let fault = InjectedAwsFault::any(Service::Sqs, expired).times(u32::MAX);
    world.cloud.aws.inject(fault);
    let back = async {
        tokio::time::sleep(Duration::from_secs(6)).await;
        world.cloud.aws.clear_faults();
    };
    let (answer, ()) = tokio::join!(post(&world, "SessionID=8&ChatLog=hello"), back);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(world.queued().len(), 2);
}

/// A missing permission or queue does not come back within an invocation: the refusal comes at once.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_good_ends_at_once() {
    let world = World::start().await;
    for (service, status, error, code) in [
        (
            Service::DynamoDb,
            400,
            "AccessDeniedException",
            "storage-unavailable",
        ),
        (
            Service::DynamoDb,
            400,
            "ResourceNotFoundException",
            "storage-unavailable",
        ),
        (Service::Sqs, 403, "AccessDenied", "queue-unavailable"),
        (
            Service::Sqs,
            400,
            "AWS.SimpleQueueService.NonExistentQueue",
            "queue-unavailable",
        ),
        (
            Service::Sqs,
            400,
            "KMS.AccessDeniedException",
            "queue-unavailable",
        ),
    ] {
        let fault = InjectedAwsFault::any(service, refused(status, error)).times(u32::MAX);
        world.cloud.aws.inject(fault);
        let mark = world.cloud.aws.journal().mark();
        let started = Instant::now();
        is_try_again(&post(&world, POST).await, code);
        assert!(started.elapsed() < Duration::from_secs(5), "{error}");
        let calls = world.cloud.aws.journal().count_service(mark, service);
        assert_eq!(calls, 1, "{error}");
        world.cloud.aws.clear_faults();
    }
    assert!(world.queued().is_empty());
}
