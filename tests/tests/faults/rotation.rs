//! Refresh tokens while processes die and stores fail (docs/architecture.md#rule-5 and docs/architecture.md#rule-6).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use local::aws::{AwsCall, Effect, InjectedAwsFault as AwsFault, Service};
use local::demo_tenant::{CLIENT_ID, CLIENT_SECRET, SERVICE_ACCOUNT, TENANT};
use local::rescue::Phase;
use local::servicenow::RefreshAnswer;
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use serde_json::json;
use shared::aws::secret_store::{TokenSecret, TokenVersion};
use shared::domain::secret::Secret;
use shared::domain::secret_name::SecretName;
use tests::World;
use tests::tokens::demo;

use tests::injected::refused;

const DAY: Duration = Duration::from_secs(24 * 3600 + 1);
/// Longer than any test waits for a process that is to be killed.
const HANGING: Duration = Duration::from_secs(60);
/// Longer than the token lease, and than Secrets Manager waits before it tries a failed rotation again.
const LATER: Duration = Duration::from_secs(601);

/// A place in a function's work: the n-th call of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Point {
    Aws(Service, String, u32),
    Grant,
    Proof,
}

/// The places in what a function did, in the order of its calls of AWS.
fn points(calls: &[AwsCall], function: &str) -> Vec<Point> {
    let mut points = Vec::new();
    for call in calls.iter().filter(|call| call.caller == function) {
        let same = |point: &&Point| {
            matches!(point, Point::Aws(service, operation, _)
                if *service == call.service && *operation == call.operation)
        };
        let before = u32::try_from(points.iter().filter(same).count()).expect("few");
        points.push(Point::Aws(call.service, call.operation.clone(), before));
    }
    points
}

/// Does something, and kills a function's processes when it comes to that place: before its call has an effect in AWS,
/// or after it has had one in ServiceNow, whose answer is lost then. A second process that started while the places
/// were counted read the tenant once more: such a place does not come, and all goes well.
async fn kill_at(world: &World, function: &str, point: &Point, work: impl Future) {
    let (aws, servicenow) = (&world.cloud.aws, &world.cloud.servicenow);
    let (began, mark) = (aws.journal().mark(), servicenow.mark());
    match point {
        Point::Aws(service, operation, before) => {
            let normally = AwsFault::once(*service, operation, Effect::Hang(Duration::ZERO));
            aws.inject(normally.times(*before));
            let hanging = Effect::Hang(HANGING);
            aws.inject(AwsFault::once(*service, operation, hanging));
        }
        Point::Grant | Point::Proof => {
            let (method, path) = of_servicenow(point);
            let hanging = FaultAction::CommitThenDelay(Duration::from_millis(300));
            servicenow.fault(InjectedFault::on(RequestMatcher::of(method, path)).then(hanging));
        }
    }
    let arrived = || match point {
        Point::Aws(service, operation, before) => {
            let calls = aws.journal().count(began, *service, operation);
            calls > usize::try_from(*before).expect("few")
        }
        Point::Grant | Point::Proof => {
            let (method, path) = of_servicenow(point);
            let mut since = servicenow.since(mark).into_iter();
            since.any(|request| request.method == method && request.path.contains(path))
        }
    };
    let over = AtomicBool::new(false);
    let killing = async {
        while !arrived() && !over.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        world.function(function).kill().await;
    };
    let working = async {
        work.await;
        over.store(true, Ordering::SeqCst);
    };
    futures::join!(working, killing);
    aws.clear_faults();
    servicenow.clear_faults();
}

const fn of_servicenow(point: &Point) -> (&'static str, &'static str) {
    match point {
        Point::Grant => ("POST", "/oauth_token.do"),
        Point::Aws(..) | Point::Proof => ("GET", "/table/incident"),
    }
}

/// The places of one rotation, that succeeds.
async fn points_of_a_rotation(world: &World) -> Vec<Point> {
    let mark = world.cloud.aws.journal().mark();
    world.rotate_tomorrow().await;
    let points = points(&world.cloud.aws.journal().since(mark), "rotate-tokens");
    assert!(points.len() > 20, "{points:?}");
    points
}

/// The rotation that was killed is tried again and ends well, and so does the next one.
async fn assert_recovers(world: &World, point: &Point) {
    world.cloud.travel(LATER);
    world.rotate().await;
    world.working_token().await;
    world.assert_nothing_is_pending().await;
    let before = world.current_token().await.version_id;
    world.rotate_tomorrow().await;
    world.working_token().await;
    world.assert_nothing_is_pending().await;
    let after = world.current_token().await.version_id;
    assert_ne!(before, after, "{point:?}: the next rotation does nothing");
}

/// docs/architecture.md#rule-6: the old token is valid until the new one is proved, wherever the process dies.
#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_is_killed_anywhere_ends_right_the_next_time() {
    let world = World::start().await;
    world.request_renewal().await;
    let points = points_of_a_rotation(&world).await;
    for point in points.iter().chain(&[Point::Grant, Point::Proof]) {
        world.request_renewal().await;
        world.cloud.travel(DAY);
        kill_at(&world, "rotate-tokens", point, world.rotate()).await;
        world.working_token().await;
        world.cloud.travel(LATER);
        world.rotate().await;
        world.working_token().await;
        world.assert_nothing_is_pending().await;
        let token = world.current_token().await.token;
        assert!(!token.renew_now, "{point:?}: the request is not fulfilled");
        assert_eq!(token.source.as_deref(), Some("rotation"), "{point:?}");
    }
    assert_eq!(world.cloud.servicenow.grants().refused, 0);
}

/// Decision 0012: a token that came in place of the old one is stored first; one that died with its process is
/// repaired with the service account's password.
#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_that_is_killed_anywhere_ends_right_the_next_time() {
    let world = World::start().await;
    world.replace_refresh_tokens();
    let points = points_of_a_rotation(&world).await;
    for point in points.iter().chain(&[Point::Grant, Point::Proof]) {
        world.cloud.travel(DAY);
        kill_at(&world, "rotate-tokens", point, world.rotate()).await;
        assert_recovers(&world, point).await;
    }
}

/// Decision 0012: once a replaced token is staged, it needs neither its process nor a password.
#[tokio::test(flavor = "multi_thread")]
async fn a_staged_token_is_promoted_wherever_the_process_dies() {
    let world = World::start().await;
    world.replace_refresh_tokens();
    world.remove_password().await;
    let points = points_of_a_rotation(&world).await;
    let is_put = |point: &&Point| matches!(point, Point::Aws(_, operation, _) if operation == "PutSecretValue");
    let put = points.iter().find(is_put).expect("a put");
    let after = points.iter().position(|point| point == put).expect("there") + 1;
    for point in &points[after..] {
        world.cloud.travel(DAY);
        kill_at(&world, "rotate-tokens", point, world.rotate()).await;
        assert_recovers(&world, point).await;
    }
    assert_eq!(world.cloud.servicenow.grants().refused, 0);
}

/// Decision 0012: the command line promotes a staged token before it writes.
#[tokio::test(flavor = "multi_thread")]
async fn a_staged_token_is_promoted_although_an_operator_sets_something() {
    for operator in ["token rotate", "secrets set"] {
        let world = World::start().await;
        world.replace_refresh_tokens();
        world.remove_password().await;
        let incident = world.incident();
        world.post(&world.session(&incident), Phase::Start).await;
        let moving = Point::Aws(
            Service::SecretsManager,
            "UpdateSecretVersionStage".to_owned(),
            0,
        );
        let poller = world.poller();
        kill_at(&world, "deliver-session", &moving, poller.poll_once()).await;
        let before = world.current_token().await.token.refresh_token;
        let staged = world.labelled("CONNECTOR").await.expect("staged").token;
        assert_ne!(staged.refresh_token, before);
        world.cloud.travel(LATER);
        let stack = &world.cloud.stack;
        if operator == "token rotate" {
            let patience = Duration::from_secs(20);
            let rotated = admin::token::rotate(stack, &demo(), patience).await;
            assert!(!rotated.expect("it ends well").renewed);
        } else {
            let name = SecretName::OauthClientSecret;
            let secret = Secret::from(CLIENT_SECRET);
            let set = admin::secrets::set(stack, &demo(), name, &secret).await;
            set.expect("set");
            world.rotate_tomorrow().await;
        }
        world.working_token().await;
        assert_eq!(world.cloud.servicenow.grants().refused, 0, "{operator}");
    }
}

/// A world in which a token was handed over, with the versions before and after that.
async fn handed_over() -> (World, TokenVersion, TokenVersion) {
    let world = World::start().await;
    let before = world.current_token().await;
    let body = json!({"refresh_token": world.refresh_token()});
    assert_eq!(world.hand_over(&body).await.status, 200);
    let after = world.current_token().await;
    assert_ne!(after.version_id, before.version_id);
    (world, before, after)
}

/// An operator makes the version before current again, in the console; it stays current.
async fn rolls_back_for_good(world: &World, before: &TokenVersion, after: &TokenVersion) {
    let secrets = &world.cloud.stack.secrets;
    let back = secrets
        .update_secret_version_stage()
        .secret_id(world.token_secret())
        .version_stage("AWSCURRENT")
        .remove_from_version_id(&after.version_id)
        .move_to_version_id(&before.version_id);
    back.send().await.expect("rolled back");
    world.cloud.travel(Duration::from_secs(3600));
    assert!(delivers(world).await);
    assert_eq!(world.current_token().await.version_id, before.version_id);
}

/// Decision 0012: an operator who goes back to the version before, in the console, is not overruled.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_an_operator_has_rolled_back_stays_rolled_back() {
    let (world, before, after) = handed_over().await;
    rolls_back_for_good(&world, &before, &after).await;
}

/// The same where a request for a renewal was interrupted between staging and promoting it.
#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_request_that_was_interrupted_does_not_overrule_an_operator() {
    let (world, before, after) = handed_over().await;
    let refused = refused(400, "InvalidRequestException");
    let fault = AwsFault::once(Service::SecretsManager, "UpdateSecretVersionStage", refused);
    world.cloud.aws.inject(fault);
    let patience = Duration::from_secs(60);
    let rotated = admin::token::rotate(&world.cloud.stack, &demo(), patience).await;
    rotated.expect_err("the request is staged and not current");
    rolls_back_for_good(&world, &before, &after).await;
}

/// Decision 0012: storing what came in place of a token that was handed over waits for no store for long.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_token_is_staged_in_the_table_while_secrets_manager_hangs_during_a_hand_over() {
    let world = World::start().await;
    world.replace_refresh_tokens();
    let hanging = Effect::Hang(Duration::from_secs(20));
    let fault = AwsFault::once(Service::SecretsManager, "PutSecretValue", hanging);
    world.cloud.aws.inject(fault);
    let body = json!({"refresh_token": world.refresh_token()});
    let answer = world.hand_over(&body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let working = world.working_token().await;
    assert_eq!(staged_in_table(&world).await, Some(working));
    assert_eq!(world.hand_over(&body).await.status, 200);
    world.working_token().await;
    assert_eq!(world.cloud.servicenow.grants().refused, 0);
}

/// The same for a hand-over: a repeat succeeds.
#[tokio::test(flavor = "multi_thread")]
async fn a_hand_over_that_is_killed_anywhere_succeeds_when_it_is_repeated() {
    let world = World::start().await;
    world.replace_refresh_tokens();
    let handed_over = || {
        let token = world
            .cloud
            .servicenow
            .issue_refresh_token(CLIENT_ID, SERVICE_ACCOUNT);
        json!({"refresh_token": token})
    };
    let mark = world.cloud.aws.journal().mark();
    assert_eq!(world.hand_over(&handed_over()).await.status, 200);
    let points = points(&world.cloud.aws.journal().since(mark), "receive-token");
    let is_put = |point: &&Point| matches!(point, Point::Aws(_, operation, _) if operation == "PutSecretValue");
    let put = points.iter().find(is_put).expect("a put").clone();
    for point in &points {
        if *point == put {
            // The process dies between ServiceNow's answer and storing it: a person hands over another token.
            continue;
        }
        world.cloud.travel(DAY);
        let body = handed_over();
        kill_at(&world, "receive-token", point, world.hand_over(&body)).await;
        world.cloud.travel(LATER);
        let again = world.hand_over(&body).await;
        assert_eq!(again.status, 200, "{point:?} {again:?}");
        world.working_token().await;
    }
    assert_eq!(world.cloud.servicenow.grants().refused, 0);
}

/// The refresh token that is staged in the credentials table.
async fn staged_in_table(world: &World) -> Option<Secret> {
    let stack = &world.cloud.stack;
    let read = stack
        .dynamodb
        .get_item()
        .table_name(&stack.credentials_table);
    let key = AttributeValue::S(format!("{TENANT}#token-kept"));
    let read = read.key("credential", key).send().await.expect("read");
    let text = read.item?.get("token")?.as_s().expect("a text").clone();
    if text.is_empty() {
        return None;
    }
    let token: TokenSecret = serde_json::from_str(&text).expect("a token");
    token.refresh_token
}

/// Posts about a new incident and delivers; whether its note is there.
async fn delivers(world: &World) -> bool {
    let incident = world.incident();
    world.post(&world.session(&incident), Phase::Start).await;
    world.deliver().await;
    world.notes(&incident).len() == 1
}

/// Decision 0012: Secrets Manager fails through all retries, and the old token is invalid by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_token_that_secrets_manager_does_not_take_is_promoted_by_the_next_lease_holder()
{
    for operation in ["PutSecretValue", "UpdateSecretVersionStage"] {
        for next in [
            "deliver-session",
            "rotate-tokens",
            "receive-token",
            "an operator",
        ] {
            let world = World::start().await;
            world.replace_refresh_tokens();
            world.remove_password().await;
            let down = refused(500, "InternalServiceError");
            let fault = AwsFault::once(Service::SecretsManager, operation, down);
            world.cloud.aws.inject(fault.times(3));
            assert!(
                delivers(&world).await,
                "{operation}: the access token works"
            );
            let staged = staged_in_table(&world).await.expect("staged");
            let expires_at = world
                .cloud
                .servicenow
                .refresh_token_expires_at(staged.expose());
            assert!(expires_at.is_some());

            world.cloud.travel(DAY);
            match next {
                "deliver-session" => assert!(delivers(&world).await, "{operation}"),
                "rotate-tokens" => world.rotate().await,
                "an operator" => {
                    let patience = Duration::from_secs(20);
                    let rotated = admin::token::rotate(&world.cloud.stack, &demo(), patience).await;
                    assert!(!rotated.expect("it ends well").renewed, "{operation}");
                }
                _ => {
                    let body = json!({"refresh_token": "made-up"});
                    assert_eq!(world.hand_over(&body).await.status, 422);
                }
            }
            world.working_token().await;
            assert_eq!(staged_in_table(&world).await, None, "{operation} {next}");
            world.rotate_tomorrow().await;
            world.working_token().await;
        }
    }
}

/// docs/architecture.md#rule-5: at any concurrency, a tenant's access token is obtained once and shared.
async fn a_hundred_deliveries(answer: RefreshAnswer) {
    let world = World::start().await;
    world
        .cloud
        .servicenow
        .configure(|rules| rules.refresh_answer = answer);
    assert!(delivers(&world).await);
    let incidents: Vec<_> = (0..100).map(|_| world.incident()).collect();
    for incident in &incidents {
        world.post(&world.session(incident), Phase::Start).await;
    }
    world.cloud.travel(Duration::from_secs(2000));
    let before = world.cloud.servicenow.grants().refresh_token;
    let starts = world.function("deliver-session").starts();
    join_all((0..10).map(|_| world.poller().poll_once())).await;
    world.deliver().await;
    for incident in &incidents {
        assert_eq!(world.notes(incident).len(), 1);
    }
    assert!(
        world.function("deliver-session").starts() > starts + 1,
        "several processes"
    );
    let grants = world.cloud.servicenow.grants();
    assert_eq!((grants.refresh_token - before, grants.refused), (1, 0));
    world.working_token().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_deliveries_on_an_expired_access_token_are_one_grant() {
    a_hundred_deliveries(RefreshAnswer::Same).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_deliveries_are_one_grant_when_the_refresh_token_is_replaced() {
    a_hundred_deliveries(RefreshAnswer::Replaced).await;
}

/// Deliveries refresh while the secret rotates, and ServiceNow replaces the token every time.
#[tokio::test(flavor = "multi_thread")]
async fn deliveries_rotations_and_hand_overs_at_the_same_time_lose_no_token() {
    let world = World::start().await;
    world.replace_refresh_tokens();
    for _ in 0..5 {
        world.cloud.travel(DAY);
        let incidents: Vec<_> = (0..5).map(|_| world.incident()).collect();
        for incident in &incidents {
            world.post(&world.session(incident), Phase::Start).await;
        }
        futures::join!(world.rotate(), async {
            join_all((0..3).map(|_| world.poller().poll_once())).await
        });
        world.working_token().await;
        world.assert_nothing_is_pending().await;
        world.deliver_until_empty().await;
        for incident in &incidents {
            assert_eq!(world.notes(incident).len(), 1);
        }
    }
    assert_eq!(world.cloud.servicenow.grants().refused, 0);
}
