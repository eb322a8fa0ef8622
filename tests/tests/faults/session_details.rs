//! `session-details` while AWS fails: durable or refused, never in between, and always answered.

use std::time::Duration;

use local::aws::{Effect, Fault, Service};
use tests::{Answer, World};

const POST: &str = "SessionID=7&ChatLog=hello";

async fn post(world: &World, body: &str) -> Answer {
    Answer::to_post(world.ended.expose(), None, body).await
}

fn refused() -> Effect {
    Effect::Refuse {
        status: 500,
        error: "InternalError".to_owned(),
    }
}

/// The answer that makes Rescue, or whoever stands before it, try again.
fn is_try_again(answer: &Answer, code: &str) {
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, code),
        "{answer:?}"
    );
    let seconds = answer.retry_after.as_deref().expect("Retry-After");
    assert!(seconds.parse::<u32>().expect("seconds") > 0);
}

/// Design 5.1: no `200` without SQS.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_queue_a_post_is_refused_and_accepted_once_it_is_back() {
    for effect in [Effect::DropBefore, refused()] {
        let world = World::start().await;
        let fault = Fault::any(Service::Sqs, effect).times(u32::MAX);
        world.cloud.aws.inject(fault);
        is_try_again(&post(&world, POST).await, "queue-unavailable");
        is_try_again(&post(&world, "not a post").await, "queue-unavailable");
        assert!(world.queued().is_empty() && world.dead_letters().is_empty());

        world.cloud.aws.clear_faults();
        assert_eq!(post(&world, POST).await.status, 200);
        assert_eq!(post(&world, "not a post").await.status, 400);
        assert_eq!((world.queued().len(), world.dead_letters().len()), (1, 1));
    }
}

/// Design 5.2: a repeat whose first time had an effect is no second message.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_the_queue_makes_no_second_message() {
    let world = World::start().await;
    let fault = Fault::once(Service::Sqs, "SendMessage", Effect::DropAfter);
    world.cloud.aws.inject(fault.clone());
    assert_eq!(post(&world, POST).await.status, 200);
    world.cloud.aws.inject(fault.times(10));
    is_try_again(&post(&world, POST).await, "queue-unavailable");
    assert_eq!(world.queued().len(), 1);
}

/// Design 5.5: tenant configuration is used while DynamoDB fails.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_tenants_table_a_cold_process_refuses_and_a_warm_one_goes_on() {
    let world = World::start().await;
    let fault = Fault::any(Service::DynamoDb, Effect::DropBefore).times(u32::MAX);
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

/// A wrong key is nobody's proof that the table works: what is remembered decides.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_tenants_table_a_wrong_key_stays_wrong() {
    let world = World::start().await;
    assert_eq!(post(&world, POST).await.status, 200);
    let fault = Fault::any(Service::DynamoDb, Effect::DropBefore).times(u32::MAX);
    world.cloud.aws.inject(fault);
    let wrong = world.ended.expose().replace('?', "x?");
    let answer = Answer::to_post(&wrong, None, POST).await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "not-found"));
}

/// Design 5.10: the deadline is part of the rules. The function answers itself, and its process lives on.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_before_the_functions_time_out_when_aws_hangs() {
    let world = World::start().await;
    let hang = Effect::Hang(Duration::from_secs(60));
    let tables = Fault::any(Service::DynamoDb, hang.clone());
    world.cloud.aws.inject(tables);
    let queue = Fault::any(Service::Sqs, hang).times(u32::MAX);
    world.cloud.aws.inject(queue);
    is_try_again(&post(&world, POST).await, "queue-unavailable");

    world.cloud.aws.clear_faults();
    assert_eq!(post(&world, POST).await.status, 200);
    assert_eq!(world.queued().len(), 1);
    assert_eq!(world.function("session-details").starts(), 1);
}
