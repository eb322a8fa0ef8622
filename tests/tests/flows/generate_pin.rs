//! `generate-pin`: one request is one PIN, tied to its record.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use local::aws::{InjectedAwsFault, Service};
use local::cloud::Options;
use local::demo_tenant::{self, CUSTOMER, TECHNICIAN, TENANT};
use local::rescue::Phase;
use local::servicenow::{Created, User};
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use serde_json::{Value, json};
use shared::domain::secret_name::SecretName;

use shared::retry;
use tests::injected::denied;
use tests::settings::{console_sessions, with_line, without_notifications};
use tests::{Case, HttpAnswer, World, assert_contains, request, until};

async fn start_without_notifications() -> World {
    World::with_settings(without_notifications).await
}

/// The world's tenant with another setting in its `[rescue]` table.
async fn start_with_rescue_setting(setting: &str) -> World {
    World::with_settings(|file| with_line(&without_notifications(file), "rescue", setting)).await
}

/// Requests a PIN so much later that it is another request without a key.
async fn request_pin_later(world: &World, request: &Value) -> HttpAnswer {
    world.cloud.travel(Duration::from_secs(4));
    world.request_pin(request).await
}

/// Requests a PIN with an `Idempotency-Key`, and asserts whether the answer repeats an earlier one.
async fn request_pin_with_key(world: &World, request: &Value, replayed: bool) -> HttpAnswer {
    let answer = world.request_pin_with(request, Some("key-1")).await;
    assert_eq!(
        (answer.status, answer.replayed),
        (201, replayed),
        "{answer:?}"
    );
    answer
}

fn pin_page(answer: &str) -> InjectedFault {
    InjectedFault::on(RequestMatcher::of("POST", "/API/requestPINCode.aspx"))
        .then(FaultAction::text(answer))
}

fn sign_in_page(answer: &str) -> InjectedFault {
    InjectedFault::on(RequestMatcher::of("POST", "/API/requestAuthCodeSSO.aspx"))
        .then(FaultAction::text(answer))
}

fn sign_ins(world: &World) -> usize {
    let rescue = &world.cloud.rescue;
    let requests = rescue.requests_matching("POST", "/API/requestAuthCodeSSO.aspx");
    requests.len()
}

/// The tenant file without reference fields.
fn without_reference_fields(file: String) -> String {
    without_notifications(file).replace("reference_fields = [\"CField1\"]", "reference_fields = []")
}

/// The whole circle: the session that the PIN starts is written to the record, by its signed `Tracking0` alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_started_with_the_pin_lands_on_the_record_of_the_button() {
    let world = World::with_settings(without_reference_fields).await;
    let incident = world.incident();
    let answer = world.request_pin(&request(&incident)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let answer = answer.json();
    let pin = answer["pin"].as_str().expect("a PIN");
    assert_eq!(pin, "012345", "leading zeros count");
    assert_eq!(
        answer["link"],
        format!("https://secure.logmeinrescue.com/Customer/Code.aspx?Code={pin}")
    );
    assert_eq!(answer["notifications"], json!([]));
    let tracking = answer["tracking"].as_str().expect("a text");
    assert!(tracking.starts_with(&format!("inc:{}:", incident.sys_id)));
    assert!(tracking.len() <= 64, "{tracking}");

    let pins = world.cloud.rescue.pins();
    assert_eq!(pins[0].fields["CField0"], "Paul Martin");
    assert_eq!(pins[0].fields["CField1"], incident.number);
    assert_eq!(pins[0].tracking0, tracking);
    let session = world.cloud.rescue.enter_pin(pin).expect("a session");
    world.post(&session, Phase::Start).await;
    world.post_and_deliver(&session, Phase::End).await;
    assert_eq!(world.notes(&incident).len(), 2);
}

/// docs/architecture.md#rule-9: an altered or forged Tracking0 names nothing, with a metric and a reason in the ledger.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_with_an_altered_tracking_is_unmatched() {
    let change = |file| console_sessions(&without_reference_fields(file), "ignore");
    let world = World::with_settings(change).await;
    let (right, wrong) = (world.incident(), world.incident());
    let pin = world.pin(&request(&right)).await;
    let mut session = world.cloud.rescue.enter_pin(&pin).expect("a session");
    session.tracking0 = session.tracking0.replace(&right.sys_id, &wrong.sys_id);
    world.post_and_deliver(&session, Phase::End).await;
    assert!(world.notes(&right).is_empty() && world.notes(&wrong).is_empty());
    let posts = world.posts(&session).await;
    assert_eq!(posts[0]["state"], "unmatched");
    assert_eq!(posts[0]["reason"], "tracking-not-believed");
    assert!(world.output().contains("\"TrackingNotBelieved\":1"));
}

/// Warm, one call to Rescue and none to Secrets Manager.
#[tokio::test(flavor = "multi_thread")]
async fn a_warm_pin_costs_one_call_to_rescue_and_none_to_secrets_manager() {
    let world = start_without_notifications().await;
    world.pin(&request(&world.incident())).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let (rescue, aws) = (world.cloud.rescue.mark(), world.cloud.aws.journal().mark());
    let servicenow = world.cloud.servicenow.mark();
    world.pin(&request(&world.incident())).await;
    let calls = world.cloud.rescue.since(rescue);
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert!(world.cloud.servicenow.since(servicenow).is_empty());
    let journal = world.cloud.aws.journal();
    assert_eq!(journal.count_service(aws, Service::SecretsManager), 0);
    let dynamodb = journal.count_service(aws, Service::DynamoDb);
    assert_eq!(dynamodb, 2, "claimed and kept");
}

/// docs/architecture.md#rule-5: one sign-in at any concurrency; each request gets a PIN of its own or a `Retry-After`.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_requests_at_once_sign_in_once_and_none_hangs() {
    const AT_ONCE: usize = 50;
    let options = Options {
        processes: AT_ONCE,
        ..World::options()
    };
    let world = World::with_options(options, without_notifications).await;
    let incidents: Vec<_> = (0..AT_ONCE).map(|_| world.incident()).collect();
    let requests = incidents.iter().map(|incident| async {
        let pin_body = request(incident);
        let answer = world.request_pin(&pin_body);
        tokio::time::timeout(Duration::from_secs(28), answer).await
    });
    let mut pins = BTreeSet::new();
    for answer in join_all(requests).await {
        let answer = answer.expect("an answer in time");
        match answer.status {
            201 => assert!(pins.insert(answer.json()["pin"].to_string()), "{answer:?}"),
            429 => {
                assert_eq!(answer.code(), "pin-rate-exceeded");
                assert!(answer.retry_after.is_some());
            }
            _ => panic!("{answer:?}"),
        }
    }
    assert!(pins.len() >= 5, "{} PINs", pins.len());
    assert_eq!(world.cloud.rescue.pins().len(), pins.len());
    assert_eq!(sign_ins(&world), 1);
}

/// What Rescue answers on a page | status and code | a part of the detail.
const MEANINGS: &str = "\
pin: NOTECHCONSOLERUNNING | 409 technician-console-not-running | Technician Console
sign-in: INVALID | 403 technician-not-recognised | ana.ruiz@acme.test
sign-in: INVALID | 403 technician-not-recognised | SSO password
sign-in: INVALID | 403 technician-not-recognised | rescue.company_id (112938 now)
sign-in: ERROR | 502 rescue-sign-in-refused | API token
sign-in: ERROR | 502 rescue-sign-in-refused | a passing fault of Rescue
sign-in: INVALIDPARAM_COMPANY | 500 tenant-misconfigured | 112938
sign-in: SOMETHING | 502 rescue-unavailable | it answered SOMETHING
sign-in: Something new | 502 rescue-unavailable | it answered with no word that it is known to use
sign-in: GLOBALIPRESTRICTED | 502 rescue-sign-in-refused | allowed IP addresses
pin: GLOBAL_IP_RESTRICTED | 502 rescue-sign-in-refused | GLOBAL_IP_RESTRICTED
sign-in:   <!DOCTYPE html><html>Sign in</html> | 502 rescue-unavailable | web page
pin: NOTTECHNICIAN | 403 not-a-technician | licence
pin: USER_IS_DELETED | 403 technician-disabled | ana.ruiz@acme.test
pin: USER_DELETED_OR_DISABLED | 403 technician-disabled | enable
pin: OUTOFPINCODES | 503 out-of-pin-codes | again
pin: POLLRATEEXCEEDED | 429 pin-rate-exceeded | one per second
pin: INVALID_SECRETAUTHCODE | 502 rescue-sign-in-contested | another system
pin: ERROR | 502 rescue-unavailable | again
pin: NOTLOGGEDIN | 502 rescue-unavailable | again
pin: <html>Maintenance</html> | 502 rescue-unavailable | web page";

/// Asserts what a request for a PIN is answered while the fault is there.
async fn assert_meaning(
    world: &World,
    pin_body: &Value,
    fault: InjectedFault,
    (refusal, expected): (&str, &str),
) {
    let _case = Case::of(&fault);
    // No technician is signed in at the start of each case.
    delete_sign_in(world).await;
    world.cloud.rescue.fault(fault);
    let answer = request_pin_later(world, pin_body).await;
    world.cloud.rescue.clear_faults();
    let output = world.output();
    let logged = output.lines().rfind(|line| line.contains("\"error\""));
    let answered = format!("{} {}", answer.status, answer.code());
    assert_eq!(answered, refusal, "{answer:?} {logged:?}");
    assert_contains(&answer.json()["detail"].to_string(), &[expected]);
    let retried = [429, 503].contains(&answer.status);
    assert_eq!(answer.retry_after.is_some(), retried, "{answer:?}");
    assert!(world.cloud.rescue.violations().is_empty());
}

/// Every answer of Rescue has its status and code, and says what to do.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_rescue_keeps_its_meaning() {
    let world = start_without_notifications().await;
    let pin_body = request(&world.incident());
    for line in MEANINGS.lines() {
        let (page, rest) = line.split_once(": ").expect("a page");
        let (answer, rest) = rest.split_once(" | ").expect("an answer");
        let meaning = rest.split_once(" | ").expect("a refusal");
        let fault = match page {
            "sign-in" => sign_in_page(answer),
            _ => pin_page(answer),
        };
        assert_meaning(&world, &pin_body, fault.always(), meaning).await;
    }
    let every_page = || InjectedFault::on(RequestMatcher::path("/API/"));
    let long = format!("OK\n\n{}PINCODE:012345", " ".repeat(8 * 1024 * 1024));
    for (fault, expected) in [
        (
            every_page().then(FaultAction::status(404)),
            "rescue.account",
        ),
        (every_page().then(FaultAction::status(500)), "again"),
        (every_page().then(FaultAction::DropBefore), "again"),
        (pin_page(&long), "the answer is too long"),
        (pin_page("OK\n\nPINCODE:"), "again"),
        (pin_page("OK\n\nPINCODE:12345"), "OK without a PIN"),
        (pin_page("OK\n\nPINCODE:1234567"), "OK without a PIN"),
    ] {
        let meaning = ("502 rescue-unavailable", expected);
        assert_meaning(&world, &pin_body, fault, meaning).await;
    }
    let answer = request_pin_later(&world, &pin_body).await;
    assert_eq!(answer.status, 201, "a failed request releases its claim");
}

/// The vendor's page of requestAuthCodeSSO: `ERROR` is an unspecified error such as a time-out, so it is tried once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_fails_in_passing_is_tried_once_more() {
    let world = start_without_notifications().await;
    world.cloud.rescue.fault(sign_in_page("ERROR"));
    world.pin(&request(&world.incident())).await;
    assert_eq!(sign_ins(&world), 2);
}

fn eu(file: String) -> String {
    with_line(&without_notifications(file), "rescue", "account = \"eu\"")
}

/// The vendor names `requestPINCode_v2` for EU servers.
#[tokio::test(flavor = "multi_thread")]
async fn an_eu_account_gets_its_pins_from_the_second_version() {
    let world = World::with_settings(eu).await;
    let rescue = &world.cloud.rescue;
    rescue.configure(|rules| rules.has_first_pin_method = false);
    let answer = world.request_pin(&request(&world.incident())).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let link = answer.json()["link"].to_string();
    assert!(link.contains("secure.logmeinrescue.eu"), "{link}");
    let calls = rescue.requests_matching("POST", "requestPINCode");
    assert_eq!(calls.len(), 1, "{calls:?}");
}

/// Where the second version does not exist, the first one is called, and alone from then on.
#[tokio::test(flavor = "multi_thread")]
async fn an_eu_account_without_the_second_version_falls_back_to_the_first_and_keeps_to_it() {
    let world = World::with_settings(eu).await;
    let rescue = &world.cloud.rescue;
    rescue.configure(|rules| rules.has_second_pin_method = false);
    world.pin(&request(&world.incident())).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let warm = world.cloud.rescue.mark();
    world.pin(&request(&world.incident())).await;
    let calls = world.cloud.rescue.since(warm);
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert!(calls[0].path.ends_with("/requestPINCode.aspx"), "{calls:?}");

    // A page during maintenance is no proof that a method does not exist.
    let world = World::with_settings(eu).await;
    let maintenance =
        InjectedFault::on(RequestMatcher::path("/API/requestPINCode")).then(FaultAction::Html);
    world.cloud.rescue.fault(maintenance.times(2));
    let pin_body = request(&world.incident());
    let answer = world.request_pin(&pin_body).await;
    assert_eq!(answer.code(), "rescue-unavailable");
    let after = world.cloud.rescue.mark();
    assert_eq!(request_pin_later(&world, &pin_body).await.status, 201);
    let calls = world.cloud.rescue.since(after);
    assert!(calls[0].path.ends_with("_v2.aspx"), "{calls:?}");
}

/// Logs hold ids, codes and tenants; a technician's e-mail address is personal data.
#[tokio::test(flavor = "multi_thread")]
async fn no_log_line_names_the_technician() {
    let world = World::with_settings(|file| file + "\n[debug]\nrescue_api = true\n").await;
    let pin_body = request(&world.incident());
    for fault in [
        sign_in_page("INVALID"),
        pin_page("NOTTECHNICIAN"),
        pin_page("USER_DELETED_OR_DISABLED"),
        pin_page("INVALID_SECRETAUTHCODE").always(),
    ] {
        delete_sign_in(&world).await;
        world.cloud.rescue.fault(fault);
        let answer = request_pin_later(&world, &pin_body).await;
        assert_contains(&answer.body, &[TECHNICIAN]);
        world.cloud.rescue.clear_faults();
    }
    request_pin_later(&world, &pin_body).await;
    let output = world.output();
    assert_contains(
        &output,
        &[
            "requestAuthCodeSSO",
            "technician-not-recognised",
            "technician-disabled",
            "rescue-sign-in-contested",
            "PIN generated",
        ],
    );
    for person in [TECHNICIAN, CUSTOMER] {
        let line = output.lines().find(|line| line.contains(person));
        assert_eq!(line, None, "{person}");
    }
}

async fn delete_sign_in(world: &World) {
    let stack = &world.cloud.stack;
    let delete = stack
        .dynamodb
        .delete_item()
        .table_name(&stack.credentials_table);
    let key = AttributeValue::S(format!("{TENANT}#rescue#{TECHNICIAN}"));
    delete.key("credential", key).send().await.expect("deleted");
}

/// docs/vendors.md#rescue-sign-in: another system's sign-in ends the connector's, which is renewed once.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_another_system_ended_is_renewed_once() {
    let world = start_without_notifications().await;
    let pin_body = request(&world.incident());
    world.pin(&pin_body).await;
    world.cloud.rescue.sign_in_elsewhere(TECHNICIAN);
    assert_eq!(request_pin_later(&world, &pin_body).await.status, 201);
    assert_eq!(sign_ins(&world), 2);
    assert_eq!(request_pin_later(&world, &pin_body).await.status, 201);
    assert_eq!(
        sign_ins(&world),
        2,
        "a new process uses the shared authcode"
    );
}

/// Rescue gives one PIN per second; a second request waits within the caller's time.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_pin_within_the_second_waits_for_its_turn() {
    let world = start_without_notifications().await;
    world.pin(&request(&world.incident())).await;
    world.pin(&request(&world.incident())).await;
    let pins = world.cloud.rescue.pins();
    let between = pins[1].at.since(pins[0].at);
    assert!(between >= Duration::from_secs(1), "{pins:?}");
}

/// The same key gives the same PIN for ten minutes, in another process too; another body does not.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_idempotency_key_gives_the_same_pin_for_ten_minutes() {
    let world = start_without_notifications().await;
    let mut pin_body = request(&world.incident());
    let first = request_pin_with_key(&world, &pin_body, false).await;
    world.cloud.travel(Duration::from_secs(590));
    let again = request_pin_with_key(&world, &pin_body, true).await;
    assert_eq!(again.json(), first.json());
    assert_eq!(world.cloud.rescue.pins().len(), 1);

    pin_body["customer"]["name"] = json!("Paula Martin");
    let other = world.request_pin_with(&pin_body, Some("key-1")).await;
    other.assert_refused(422, "idempotency-key-reused");
    let other = world.request_pin_with(&pin_body, Some("key-2")).await;
    assert_eq!(other.status, 201);
    world.cloud.travel(Duration::from_secs(601));
    request_pin_with_key(&world, &pin_body, false).await;
}

/// A double click is one PIN; so is a repeat that comes while the first is still running.
#[tokio::test(flavor = "multi_thread")]
async fn repeats_of_a_request_that_is_still_running_wait_for_its_pin() {
    let world = World::start().await;
    for key in [None, Some("key-1")] {
        let pin_body = request(&world.incident());
        let before = world.cloud.rescue.pins().len();
        let mailed = world.cloud.servicenow.mails().len();
        let slow = InjectedFault::on(RequestMatcher::path("/API/requestPINCode.aspx"))
            .then(FaultAction::Delay(Duration::from_millis(3500)));
        world.cloud.rescue.fault(slow);
        let answers = join_all((0..4).map(|_| world.request_pin_with(&pin_body, key))).await;
        let pins: BTreeSet<_> = answers
            .iter()
            .map(|one| one.json()["pin"].to_string())
            .collect();
        assert_eq!(pins.len(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|one| !one.replayed).count(), 1);
        assert_eq!(world.cloud.rescue.pins().len(), before + 1);
        assert_eq!(world.cloud.servicenow.mails().len(), mailed + 2);
    }
}

/// Without a key, only requests within three seconds for the same technician and record are one.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_a_request_three_seconds_later_is_another() {
    let world = start_without_notifications().await;
    let pin_body = request(&world.incident());
    let first = world.request_pin(&pin_body).await.json();
    assert_eq!(world.request_pin(&pin_body).await.json(), first);
    let other_record = world.pin(&request(&world.incident())).await;
    assert_ne!(first["pin"], other_record.as_str());
    let later = request_pin_later(&world, &pin_body).await;
    assert!(!later.replayed);
    assert_ne!(later.json()["pin"], first["pin"]);
}

/// A request that failed releases its key.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_request_frees_its_key() {
    let world = start_without_notifications().await;
    let pin_body = request(&world.incident());
    world.cloud.rescue.fault(pin_page("NOTECHCONSOLERUNNING"));
    let refused = world.request_pin_with(&pin_body, Some("key-1")).await;
    assert_eq!(refused.status, 409);
    request_pin_with_key(&world, &pin_body, false).await;
}

/// Requests a PIN, kills the process once the condition holds, and waits until its lease has ended.
async fn kill_during_request(world: &World, request: &Value, holds: impl FnMut() -> bool) {
    let kill = async {
        until(holds).await;
        world.function("generate-pin").kill().await;
    };
    let (answer, ()) = futures::join!(world.request_pin_with(request, Some("key-1")), kill);
    assert!(answer.status >= 500, "{answer:?}");
    world.cloud.travel(Duration::from_secs(36));
}

/// The claim of a process that died ends with its lease.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_process_was_killed_is_taken_over() {
    let world = start_without_notifications().await;
    let pin_body = request(&world.incident());
    let slow = InjectedFault::on(RequestMatcher::path("/API/requestPINCode.aspx"))
        .then(FaultAction::Delay(Duration::from_secs(5)));
    world.cloud.rescue.fault(slow);
    let rescue = &world.cloud.rescue;
    let requested = || {
        !rescue
            .requests_matching("POST", "requestPINCode")
            .is_empty()
    };
    kill_during_request(&world, &pin_body, requested).await;
    request_pin_with_key(&world, &pin_body, false).await;
}

/// An unknown tenant, a wrong key, a missing scope and no key get the same refusal.
#[tokio::test(flavor = "multi_thread")]
async fn every_sender_without_a_key_for_pins_gets_the_same_refusal() {
    let world = start_without_notifications().await;
    let pin_body = request(&world.incident());
    let send = async |url: String, key: Option<&str>| {
        let mut sent = shared::http::client(None).expect("a client").post(url);
        if let Some(key) = key {
            sent = sent.bearer_auth(key);
        }
        HttpAnswer::to(sent.body(pin_body.to_string())).await
    };
    let (_, webhook_key) = world.ended.expose().rsplit_once('/').expect("a key");
    let webhook_key = webhook_key.strip_suffix("?event=ended").expect("a key");
    let right = world.api_key.expose();
    for (url, key) in [
        (world.pin_url(), None),
        (world.pin_url(), Some("wrong")),
        (world.pin_url(), Some(webhook_key)),
        (world.pin_url().replace(TENANT, "globex"), Some(right)),
        (world.pin_url().replace(TENANT, "No%20Tenant"), Some(right)),
    ] {
        let _case = Case::of((&url, key));
        send(url, key).await.assert_refused(401, "unauthorized");
    }
    assert!(world.cloud.rescue.requests().is_empty());
}

/// A tenant that is switched off gives no PINs; the refusal says so to a sender with a key.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_switched_off_gives_no_pins() {
    let world = World::with_settings(|file| {
        without_notifications(file).replacen(
            "tenant = \"demo\"",
            "tenant = \"demo\"\nenabled = false",
            1,
        )
    })
    .await;
    let answer = world.request_pin(&request(&world.incident())).await;
    answer.assert_refused(403, "tenant-disabled");
}

/// The refusal names the wrong member, and Rescue is not called.
#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_request_is_refused_before_any_vendor_is_called() {
    let world = start_without_notifications().await;
    let good = request(&world.incident());
    let with = |path: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(path).expect("there") = value;
        body
    };
    for (body, named) in [
        (json!([]), "JSON object"),
        (with("/technician/email", json!("ana")), "technician.email"),
        (with("/record/table", json!("sys_user")), "record.table"),
        (with("/record/sys_id", json!("x' OR 1=1")), "record.sys_id"),
    ] {
        let answer = world.request_pin(&body).await;
        answer.assert_refused(400, "invalid-request");
        assert_contains(&answer.json()["detail"].to_string(), &[named]);
    }
    let long_key = "k".repeat(256);
    let answer = world.request_pin_with(&good, Some(&long_key)).await;
    answer.assert_refused(400, "invalid-request");
    assert!(world.cloud.rescue.requests().is_empty());
}

/// A technician with an e-mail address or SSO id outside the tenant's domains is not signed in.
#[tokio::test(flavor = "multi_thread")]
async fn technicians_outside_the_tenants_domains_are_not_signed_in() {
    let world = start_with_rescue_setting("technician_domains = [\"ACME.test\"]").await;
    let mut pin_body = request(&world.incident());
    assert_eq!(world.request_pin(&pin_body).await.status, 201);
    let before = world.cloud.rescue.requests().len();
    for technician in [
        json!({"email": "ana.ruiz@evil.test"}),
        json!({"email": TECHNICIAN, "sso_id": "ana.ruiz@evil.test"}),
        json!({"email": TECHNICIAN, "sso_id": "root"}),
        json!({"email": "ana.ruiz@sub.acme.test"}),
    ] {
        pin_body["technician"] = technician;
        let answer = world.request_pin(&pin_body).await;
        answer.assert_refused(403, "technician-not-allowed");
    }
    assert_eq!(world.cloud.rescue.requests().len(), before);
}

/// `require_console`.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_may_require_a_running_console() {
    let world = start_with_rescue_setting("require_console = true").await;
    let pin_body = request(&world.incident());
    let answer = world.request_pin(&pin_body).await;
    assert_eq!(answer.code(), "technician-console-not-running");
    let rescue = &world.cloud.rescue;
    rescue.change_technician(TECHNICIAN, |technician| technician.console_running = true);
    assert_eq!(world.request_pin(&pin_body).await.status, 201);
}

/// docs/vendors.md#rescue-sign-in: an API token is used instead of a sign-in; the refusal names a refused one.
#[tokio::test(flavor = "multi_thread")]
async fn an_api_token_takes_the_place_of_the_sign_in() {
    let world = start_without_notifications().await;
    let set = async |token: &str| {
        let file = without_notifications(demo_tenant::file(&world.cloud));
        let secrets = [(SecretName::RescueApiToken, token)];
        world.cloud.apply(&file, &secrets).await.expect("set");
    };
    set(&world.cloud.rescue.issue_api_token(TECHNICIAN)).await;
    let mut pin_body = request(&world.incident());
    assert_eq!(world.request_pin(&pin_body).await.status, 201);
    pin_body["technician"]["node_id"] = json!("4455667");
    assert_eq!(request_pin_later(&world, &pin_body).await.status, 201);
    let rescue = &world.cloud.rescue;
    let with_node_id = rescue.requests_matching("POST", "requestPINCode_v3.aspx");
    assert_eq!(with_node_id.len(), 1, "only when a node id is given");
    assert_eq!(sign_ins(&world), 0);

    set("a-token-that-was-withdrawn").await;
    world.cloud.travel(Duration::from_secs(300));
    let answer = request_pin_later(&world, &pin_body).await;
    assert_eq!(answer.code(), "rescue-sign-in-refused");
    assert!(answer.json()["detail"].to_string().contains("API token"));
    set(&world.cloud.rescue.issue_api_token(TECHNICIAN)).await;
    world.cloud.travel(Duration::from_secs(6));
    let answer = world.request_pin(&pin_body).await;
    assert_eq!(answer.status, 201, "read again when refused");
}

/// docs/architecture.md#rule-5: a password that was changed is read again when the old one is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_is_read_again_when_the_old_one_is_refused() {
    let world = start_without_notifications().await;
    let pin_body = request(&world.incident());
    world.pin(&pin_body).await;
    let rescue = &world.cloud.rescue;
    rescue.set_company(demo_tenant::COMPANY_ID, "changed ^&<>?");
    delete_sign_in(&world).await;
    let file = without_notifications(demo_tenant::file(&world.cloud));
    let secrets = [(SecretName::SsoPassword, "changed ^&<>?")];
    world.cloud.apply(&file, &secrets).await.expect("set");
    world.cloud.rescue.sign_in_elsewhere(TECHNICIAN);
    tokio::time::sleep(Duration::from_millis(5100)).await;
    let answer = world.request_pin(&pin_body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// A record named by its number alone is looked up; an unknown number is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_may_be_named_by_its_number_alone() {
    let world = start_without_notifications().await;
    let incident = world.incident();
    let mut pin_body = request(&incident);
    pin_body["record"] = json!({"table": "incident", "number": incident.number});
    let answer = world.request_pin(&pin_body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_contains(&answer.json()["tracking"].to_string(), &[&incident.sys_id]);
    pin_body["record"]["number"] = json!("INC7777777");
    let answer = world.request_pin(&pin_body).await;
    answer.assert_refused(422, "record-not-found");
    world.inject_always(RequestMatcher::path("/api/now"), FaultAction::status(503));
    let answer = request_pin_later(&world, &pin_body).await;
    answer.assert_refused(503, "servicenow-unavailable");
    assert_contains(&answer.body, &["ServiceNow does not answer: 503"]);
}

/// The reason is in the response and in the log: unknown name, untrusted certificate, closed port.
#[tokio::test(flavor = "multi_thread")]
async fn the_response_says_why_servicenow_was_not_reached() {
    let world = World::start().await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = closed.local_addr().expect("an address");
    drop(closed);
    let incident = world.incident();
    let instance = world.cloud.servicenow.url();
    world.request_pin(&request(&incident)).await;
    let closed = format!("http://{address}");
    world
        .change_settings(|file| file.replace(&instance, &closed))
        .await;
    world.cloud.travel(Duration::from_secs(61));
    let answer = request_pin_later(&world, &request(&incident)).await;
    assert_contains(&answer.body, &["the connection is refused"]);
}

/// Two e-mails that belong to the record, and a note without the PIN.
#[tokio::test(flavor = "multi_thread")]
async fn a_pin_is_e_mailed_to_both_and_noted_on_the_record() {
    let world = World::start().await;
    let incident = world.incident();
    let pin_body = request(&incident);
    let first = request_pin_with_key(&world, &pin_body, false).await.json();
    assert_eq!(
        first["notifications"],
        json!([{"to": "technician", "status": "sent"}, {"to": "customer", "status": "sent"}])
    );
    assert_eq!(first["note"], json!({"status": "sent"}));
    let pin = first["pin"].as_str().expect("a PIN");
    let mails = world.cloud.servicenow.mails();
    let to: BTreeSet<_> = mails.iter().map(|mail| mail.to.concat()).collect();
    assert_eq!(to, [TECHNICIAN, CUSTOMER].map(str::to_owned).into());
    for mail in &mails {
        let record = (mail.table_name.as_str(), &mail.table_record_id);
        assert_eq!(record, ("incident", &incident.sys_id));
        for text in [&mail.text, &mail.html] {
            assert_contains(text, &[pin, &incident.number]);
        }
        assert!(mail.subject.contains(&incident.number), "{}", mail.subject);
    }
    let notes = world.notes(&incident);
    assert_eq!(notes.len(), 1);
    assert_contains(&notes[0], &[TECHNICIAN, "Paul Martin"]);
    assert!(!notes[0].contains(pin), "{notes:?}");

    let again = request_pin_with_key(&world, &pin_body, true).await;
    assert_eq!(again.json(), first);
    assert_eq!(world.cloud.servicenow.mails().len(), 2, "once");
    assert_eq!(world.notes(&incident).len(), 1);
    assert!(!world.output().contains(pin), "the PIN is in no log");
}

/// An incident of `caller@acme.test`.
fn incident_with_caller(world: &World) -> Created {
    let user = User::new("caller@acme.test", "Carla Caller");
    let caller = world.cloud.servicenow.add_user(user);
    let columns = [("caller_id", caller.as_str())];
    world.cloud.servicenow.add_incident(&columns)
}

/// Without an address in the request the record's caller gets the e-mail; without any, the answer says so.
#[tokio::test(flavor = "multi_thread")]
async fn the_customers_address_comes_from_the_records_caller() {
    let world = World::start().await;
    let incident = incident_with_caller(&world);
    let mut pin_body = request(&incident);
    pin_body["customer"] = json!({});
    let record = pin_body["record"].as_object_mut();
    record.expect("an object").remove("number");
    let answer = world.request_pin(&pin_body).await;
    assert_eq!(answer.json()["notifications"][1]["status"], "sent");
    let mails = world.cloud.servicenow.mails();
    let mail = mails.iter().find(|mail| mail.to == ["caller@acme.test"]);
    let mail = mail.expect("sent");
    assert_contains(&mail.text, &[&incident.number, "Carla Caller"]);

    let mut pin_body = request(&world.incident());
    pin_body["customer"] = json!({});
    let answer = request_pin_later(&world, &pin_body).await.json();
    assert_eq!(answer["notifications"][1]["status"], "failed");
    assert_contains(
        &answer["notifications"][1]["detail"].to_string(),
        &["address"],
    );
}

/// Tenant file and request can each switch a message off.
#[tokio::test(flavor = "multi_thread")]
async fn only_wanted_messages_are_sent() {
    let off = "\n[notifications]\nemail_technician = false\npin_note = false\n";
    let world = World::with_settings(|file| file + off).await;
    let mut pin_body = request(&world.incident());
    let answer = world.request_pin(&pin_body).await.json();
    let sent = json!([{"to": "customer", "status": "sent"}]);
    assert_eq!(answer["notifications"], sent);
    assert!(answer.get("note").is_none());
    pin_body["notify"] = json!({"technician": true, "customer": false});
    let answer = request_pin_later(&world, &pin_body).await.json();
    assert_eq!(answer["notifications"], json!([]));
    assert_eq!(world.cloud.servicenow.mails().len(), 1);
}

/// A failed e-mail never fails the PIN; one whose outcome is unknown is not sent again.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_fails_is_reported_and_the_pin_is_given() {
    let world = World::start().await;
    let email = || RequestMatcher::of("POST", "/email");
    let note = || RequestMatcher::of("PATCH", "/incident");
    let any = || RequestMatcher::path("/api/now");
    let token = || RequestMatcher::path("/oauth_token.do");
    for (matcher, action, mail, note) in [
        (email(), FaultAction::status(403), "failed", "sent"),
        (email(), FaultAction::CommitThenDrop, "unknown", "sent"),
        (note(), FaultAction::status(403), "sent", "failed"),
        (any(), FaultAction::status(503), "failed", "failed"),
        (token(), FaultAction::status(500), "failed", "failed"),
    ] {
        let case = format!("{matcher:?} {action:?}");
        world.cloud.servicenow.revoke_access_tokens();
        world.inject_always(matcher, action);
        let answer = request_pin_later(&world, &request(&world.incident())).await;
        world.cloud.servicenow.clear_faults();
        assert_eq!(answer.status, 201, "{answer:?}");
        let answer = answer.json();
        for notification in answer["notifications"].as_array().expect("a list") {
            assert_eq!(notification["status"], mail, "{case} {answer}");
            let detail = notification["detail"].as_str().unwrap_or_default();
            assert_eq!(detail.is_empty(), mail == "sent", "{case} {answer}");
            let unknown = detail.contains("may have been sent");
            assert_eq!(unknown, mail == "unknown", "{case} {answer}");
        }
        assert_eq!(answer["note"]["status"], note, "{case} {answer}");
    }
}

/// ServiceNow answers 200 and ignores a field that the service account may not write (vendor article KB2971488).
#[tokio::test(flavor = "multi_thread")]
async fn a_note_about_a_pin_that_servicenow_dropped_is_reported_as_failed() {
    let world = World::start().await;
    let incident = world.incident();
    world.cloud.servicenow.configure(|rules| {
        rules.unwritable_columns.insert("work_notes".to_owned());
    });
    let answer = world.request_pin(&request(&incident)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let note = &answer.json()["note"];
    assert_eq!(note["status"], "failed");
    let detail = note["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("does not show the note"), "{detail}");
    assert!(world.notes(&incident).is_empty());
}

/// The name of a business rule is configuration; the agent can name it to the ServiceNow administrator.
#[tokio::test(flavor = "multi_thread")]
async fn the_response_names_what_refused_an_e_mail_or_a_note_about_a_pin() {
    let world = World::start().await;
    world.cloud.servicenow.configure(|rules| {
        rules.email_acl = false;
        let rule = ("incident".to_owned(), "Lock closed records".to_owned());
        rules.aborting_rules.extend([rule]);
    });
    let answer = world.request_pin(&request(&world.incident())).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let answer = answer.json();
    let email =
        "ServiceNow refused it: 403 ACL Exception Insert Failed due to security constraints";
    assert_eq!(answer["notifications"][0]["detail"], email);
    let note = "ServiceNow refused it: 403 aborted by Business Rule 'Lock closed records'";
    assert_eq!(answer["note"]["detail"], note);
}

/// E-mails get eight seconds, and behind the HTTP API all work ends within 25.
#[tokio::test(flavor = "multi_thread")]
async fn a_servicenow_that_hangs_does_not_hold_the_pin_back_for_ever() {
    let world = World::start().await;
    let hanging = FaultAction::Delay(Duration::from_secs(20));
    world.inject_always(RequestMatcher::of("POST", "/email"), hanging);
    let since = std::time::Instant::now();
    let answer = world.request_pin(&request(&world.incident())).await;
    assert!(since.elapsed() < retry::ServiceNowTimeouts::HTTP.write + Duration::from_secs(8));
    assert_eq!(answer.status, 201, "{answer:?}");
    let answer = answer.json();
    for notification in answer["notifications"].as_array().expect("a list") {
        assert_eq!(notification["status"], "unknown");
        let detail = notification["detail"].as_str().expect("a text");
        assert!(detail.contains("time-out"), "{detail}");
    }
    assert_eq!(answer["note"]["status"], "sent");
}

/// A record that ServiceNow does not show gets neither PIN nor e-mail.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_does_not_exist_is_refused_before_anything_is_sent() {
    let world = World::start().await;
    let mut pin_body = request(&world.incident());
    pin_body["record"]["sys_id"] = json!("00000000000000000000000000000000");
    let answer = world.request_pin_with(&pin_body, Some("key-1")).await;
    answer.assert_refused(422, "record-not-found");
    assert!(world.cloud.servicenow.mails().is_empty());
    assert!(world.cloud.rescue.pins().is_empty());
}

/// Decision 0007: a process that takes over after the PIN was stored answers that PIN and sends nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_while_it_sends_e_mails_has_sent_them_for_good() {
    let world = World::start().await;
    let pin_body = request(&world.incident());
    let slow = InjectedFault::on(RequestMatcher::of("POST", "/email"))
        .then(FaultAction::CommitThenDelay(Duration::from_secs(5)))
        .times(2);
    world.cloud.servicenow.fault(slow);
    let both_sent = || world.cloud.servicenow.mails().len() >= 2;
    kill_during_request(&world, &pin_body, both_sent).await;
    let again = request_pin_with_key(&world, &pin_body, true).await;
    let again = again.json();
    assert_eq!(again["pin"], world.cloud.rescue.pins()[0].code.as_str());
    assert_eq!(again["notifications"][0]["status"], "unknown");
    let detail = again["notifications"][0]["detail"].as_str();
    assert_contains(detail.expect("a detail"), &["ended before"]);
    assert_eq!(world.cloud.servicenow.mails().len(), 2);
    assert_eq!(world.cloud.rescue.pins().len(), 1);
}

/// Decision 0007: what could be sent twice is not sent, and the PIN is given.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_about_a_pin_that_could_not_be_kept() {
    let world = World::start().await;
    world.pin(&request(&world.incident())).await;
    world.cloud.travel(Duration::from_secs(4));
    let incident = world.incident();
    let slow = InjectedFault::on(RequestMatcher::path("/API/requestPINCode.aspx"))
        .then(FaultAction::Delay(Duration::from_millis(1500)));
    world.cloud.rescue.fault(slow);
    let mark = world.cloud.rescue.mark();
    let mailed = world.cloud.servicenow.mails().len();
    let failing = async {
        until(|| !world.cloud.rescue.since(mark).is_empty()).await;
        refuse_storage(&world, Service::DynamoDb);
    };
    let pin_body = request(&incident);
    let (answer, ()) = futures::join!(world.request_pin(&pin_body), async {
        failing.await;
        tokio::time::sleep(Duration::from_millis(2500)).await;
        world.cloud.aws.clear_faults();
    });
    assert_eq!(answer.status, 201, "{answer:?}");
    for notification in answer.json()["notifications"].as_array().expect("a list") {
        assert_eq!(notification["status"], "failed", "{answer:?}");
    }
    assert_eq!(world.cloud.servicenow.mails().len(), mailed);
    assert!(world.notes(&incident).is_empty());
}

/// DynamoDB or Secrets Manager refuses calls, with a refusal that no SDK tries again.
fn refuse_storage(world: &World, service: Service) {
    let fault = InjectedAwsFault::any(service, denied());
    world.cloud.aws.inject(fault.times(20));
}

/// Without DynamoDB or Secrets Manager the refusal is `storage-unavailable`, and Rescue is not called.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_own_storage_the_function_gives_no_pin() {
    let world = start_without_notifications().await;
    let pin_body = request(&world.incident());
    for service in [Service::DynamoDb, Service::SecretsManager] {
        world.cloud.travel(Duration::from_secs(400));
        refuse_storage(&world, service);
        let answer = world.request_pin(&pin_body).await;
        world.cloud.aws.clear_faults();
        answer.assert_refused(503, "storage-unavailable");
        assert!(answer.retry_after.is_some());
    }
    let output = world.output();
    for call in [
        "DynamoDB GetItem, table TenantsTable",
        "Secrets Manager GetSecretValue, secret rescue-connector/demo/credentials",
    ] {
        let line = output.lines().find(|line| line.contains(call));
        let line = line.unwrap_or_else(|| panic!("{call} is not named:\n{output}"));
        assert!(line.contains("AccessDeniedException"), "{line}");
    }
    assert!(world.cloud.rescue.requests().is_empty());
    assert_eq!(request_pin_later(&world, &pin_body).await.status, 201);
}

/// Behind the HTTP API all work ends within 25 s, also while Rescue limits the rate or does not answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_rescue_that_gives_no_pin_is_given_up_in_time() {
    let world = start_without_notifications().await;
    let pin_body = request(&world.incident());
    let full = pin_page("POLLRATEEXCEEDED").always();
    world.cloud.rescue.fault(full);
    let since = std::time::Instant::now();
    let answer = world.request_pin(&pin_body).await;
    let elapsed = since.elapsed();
    assert!(elapsed < Duration::from_secs(27), "{elapsed:?}");
    answer.assert_refused(429, "pin-rate-exceeded");

    world.cloud.rescue.clear_faults();
    let hangs = InjectedFault::on(RequestMatcher::path("/API/"))
        .then(FaultAction::Delay(Duration::from_secs(20)));
    world.cloud.rescue.fault(hangs);
    let answer = request_pin_later(&world, &pin_body).await;
    answer.assert_refused(502, "rescue-unavailable");
}

/// A repeat waits for a running request, and is refused when that does not end in time.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_end_is_in_progress() {
    let world = start_without_notifications().await;
    let pin_body = request(&world.incident());
    request_pin_with_key(&world, &pin_body, false).await;
    let stack = &world.cloud.stack;
    let table = &stack.credentials_table;
    let scan = stack.dynamodb.scan().table_name(table).send().await;
    let items = scan.expect("read").items.expect("items");
    let is_request = |item: &HashMap<String, AttributeValue>| {
        let key = item["credential"].as_s().expect("a text");
        key.starts_with(&format!("{TENANT}#pin#"))
    };
    let mut running = items.into_iter().find(is_request).expect("the request");
    running.remove("answer");
    let later = world.cloud.clock.now().plus(Duration::from_secs(60));
    for (name, value) in [
        ("state", "running".to_owned()),
        ("lease_until", later.to_string()),
    ] {
        running.insert(name.to_owned(), AttributeValue::S(value));
    }
    let put = stack.dynamodb.put_item().table_name(table);
    put.set_item(Some(running)).send().await.expect("written");
    let answer = world.request_pin_with(&pin_body, Some("key-1")).await;
    answer.assert_refused(409, "pin-in-progress");
    assert!(answer.retry_after.is_some());
}

/// docs/vendors.md#pin-codes: the sign-in of a deleted and recreated user is renewed; a disabled one is refused as such.
#[tokio::test(flavor = "multi_thread")]
async fn a_technician_who_was_recreated_is_signed_in_again() {
    let world = start_without_notifications().await;
    let pin_body = request(&world.incident());
    world.pin(&pin_body).await;
    world.cloud.rescue.fault(pin_page("USER_IS_DELETED"));
    assert_eq!(request_pin_later(&world, &pin_body).await.status, 201);
    assert_eq!(sign_ins(&world), 2);
    let rescue = &world.cloud.rescue;
    rescue.change_technician(TECHNICIAN, |technician| technician.disabled = true);
    let answer = request_pin_later(&world, &pin_body).await;
    answer.assert_refused(403, "technician-disabled");
}

/// An API key with the scope `token` alone gives no PINs.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_the_scope_for_pins_is_refused() {
    let world = start_without_notifications().await;
    let stack = &world.cloud.stack;
    let read = stack.dynamodb.get_item().table_name(&stack.tenants_table);
    let read = read.key("tenant", AttributeValue::S(TENANT.to_owned()));
    let read = read.send().await.expect("read");
    let mut item = read.item.expect("the tenant");
    let keys = item["keys"].as_s().expect("a text");
    let keys = keys.replace("[\"pin\",\"token\"]", "[\"token\"]");
    assert!(keys.contains("[\"token\"]"), "{keys}");
    item.insert("keys".to_owned(), AttributeValue::S(keys));
    let put = stack.dynamodb.put_item().table_name(&stack.tenants_table);
    put.set_item(Some(item)).send().await.expect("written");
    let answer = world.request_pin(&request(&world.incident())).await;
    answer.assert_refused(401, "unauthorized");
}

/// A name belongs to the address that it came with.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_not_paired_with_the_name_of_another_person() {
    let world = World::start().await;
    let incident = incident_with_caller(&world);
    for (customer, to, greeted, not) in [
        (json!({"email": CUSTOMER}), CUSTOMER, CUSTOMER, "Carla"),
        (
            json!({"name": "Paul"}),
            "caller@acme.test",
            "Carla Caller",
            "Paul",
        ),
    ] {
        let mut pin_body = request(&incident);
        pin_body["customer"] = customer;
        let before = world.cloud.servicenow.mails().len();
        assert_eq!(request_pin_later(&world, &pin_body).await.status, 201);
        let mails = world.cloud.servicenow.mails();
        let mail = mails[before..].iter().find(|mail| mail.to == [to]);
        let text = &mail.expect("sent").text;
        assert!(text.contains(greeted) && !text.contains(not), "{text}");
    }
}

/// docs/architecture.md#rule-8: logged calls to Rescue hold no secrets, PINs and names.
#[tokio::test(flavor = "multi_thread")]
async fn logged_calls_to_rescue_show_no_secret() {
    let world =
        World::with_settings(|file| without_notifications(file) + "\n[debug]\nrescue_api = true\n")
            .await;
    let pin = world.pin(&request(&world.incident())).await;
    let output = world.output();
    assert!(output.contains("requestAuthCodeSSO") && output.contains("requestPINCode"));
    let calls = world.cloud.rescue.requests();
    let form = |nth: usize, name: &str| {
        let form = calls[nth].form();
        let value = form.into_iter().find(|(known, _)| known == name);
        value.expect("sent").1
    };
    let name = "Paul Martin".to_owned();
    for secret in [form(0, "pwd"), form(1, "authcode"), pin, name] {
        assert!(!output.contains(&secret), "{secret}");
    }
}
