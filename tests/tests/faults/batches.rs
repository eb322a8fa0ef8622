//! Decision 0009: a failure of one session or tenant of a batch does not affect the others.

use std::time::Duration;

use local::demo_tenant::TENANT;
use local::rescue::{Format, Phase};
use local::servicenow::Created;
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use shared::aws::queue::Post;
use shared::domain::clock::Timestamp;
use shared::domain::session::{Digest, Event, Fields, SessionId, Source};
use shared::domain::tenant::TenantId;
use tests::injected::json;
use tests::{LEASE, World};

use super::{A_MOMENT, dead_letter_reasons, inject_search, only_dead_letter};

/// The lifetime of the token exceeds the range of dates.
#[tokio::test(flavor = "multi_thread")]
async fn an_absurd_token_lifetime_of_one_tenant_delays_no_other() {
    let world = World::start().await;
    let other_tenant = world.add_tenant("other").await;
    let (first, second, foreign) = (world.incident(), world.incident(), world.incident());
    world.post(&world.session(&first), Phase::Start).await;
    world.deliver().await;
    let absurd = r#"{"access_token":"x","token_type":"Bearer","expires_in":999999999999}"#;
    let granting = RequestMatcher::of("POST", "/oauth_token.do");
    world.inject_always(granting, json(200, absurd));
    for (url, incident) in [(&other_tenant, &foreign), (&world.started, &second)] {
        world
            .post_to(
                url.expose(),
                &world.session(incident),
                Format::Form,
                Phase::Start,
            )
            .await;
    }
    assert_eq!(world.deliver().await, 2, "one batch");
    assert_eq!(world.notes(&second).len(), 1);
    assert!(world.dead_letters().is_empty());
    world.servicenow().clear_faults();
}

/// A post that ends its process is isolated, and only delays the others of its batch.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_kills_its_process_is_given_up_and_the_others_of_its_batch_are_delivered() {
    let world = World::start().await;
    let incidents = [world.incident(), world.incident(), world.incident()];
    let sessions = incidents.each_ref().map(|incident| world.session(incident));
    for session in &sessions {
        world.post(session, Phase::Start).await;
    }
    // It is the first of the batch: the process holds the others when it dies for the first time.
    let killer = &incidents[0].number;
    for incident in &incidents {
        let searching = RequestMatcher::of("GET", &incident.number);
        world.inject_always(searching, FaultAction::Delay(A_MOMENT));
    }
    world.kill_on_request(killer).await;
    for session in &sessions {
        assert_eq!(world.state(session).await, "delivering");
    }
    world.cloud.travel(Duration::from_secs(LEASE + 1));
    // Now each is handled alone, the fatal post first.
    world.kill_on_request(killer).await;
    world.cloud.travel(Duration::from_secs(LEASE + 1));
    // From now on it is handled last.
    world.kill_on_request(killer).await;
    for (incident, session) in incidents.iter().zip(&sessions).skip(1) {
        assert_eq!(world.notes(incident).len(), 1);
        let entry = world.entry(session).await;
        assert_eq!(entry["state"], "delivered");
        assert_eq!(entry["deaths"], "0", "{entry:?}");
    }
    for _ in 0..3 {
        world.cloud.travel(Duration::from_secs(LEASE + 1));
        assert!(world.dead_letters().is_empty());
        world.kill_on_request(killer).await;
    }
    let mark = world.servicenow().mark();
    world.deliver_after(LEASE + 1).await;
    world.assert_not_called_since(mark);
    assert!(world.queued().is_empty());
    let dead_letter = only_dead_letter(&world);
    assert_eq!(dead_letter.reason, "processing-died");
    assert_eq!(dead_letter.attributes["session_id"], sessions[0].id);
    assert_eq!(world.entry(&sessions[0]).await["deaths"], "5");
}

/// A claim ends 70 s after the deadline of its invocation; posts wait no longer for a killed process.
#[tokio::test(flavor = "multi_thread")]
async fn the_posts_of_a_killed_process_come_back_when_its_claims_have_ended() {
    let (world, incident, session) = World::with_session().await;
    world.post(&session, Phase::Start).await;
    inject_search(&world, FaultAction::Delay(A_MOMENT));
    world.kill_during("GET").await;
    let entry = world.entry(&session).await;
    let moment = |name: &str| Timestamp::parse(&entry[name]).expect("a time");
    let lease = moment("lease_until").since(moment("claimed_at")).as_secs();
    assert!((LEASE - 5..=LEASE).contains(&lease), "{lease}");
    let hidden = world.queued()[0].hidden_for.as_secs();
    assert!((LEASE - 10..=LEASE).contains(&hidden), "{hidden}");
    assert_eq!(world.deliver_after(LEASE + 1).await, 1);
    assert_eq!(world.notes(&incident).len(), 1);
    assert_eq!(world.entry(&session).await["attempts"], "2");
}

/// A finished message is deleted at once, so that the next post of its session does not wait for the slowest group.
#[tokio::test(flavor = "multi_thread")]
async fn a_finished_message_does_not_wait_for_the_slowest_of_its_batch() {
    let world = World::start().await;
    let (slow, quick) = (world.incident(), world.incident());
    world.inject_write(&slow, FaultAction::Delay(Duration::from_secs(12)));
    world.post(&world.session(&slow), Phase::Start).await;
    let session = world.session(&quick);
    world.post(&session, Phase::Start).await;
    world
        .deliver_and_meanwhile("PATCH", async || {
            world.until_notes(&quick, 1).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            assert_eq!(world.queued().len(), 1, "only the slow one is left");
            world.post(&session, Phase::End).await;
            assert_eq!(world.poller().poll_once().await, 1);
            assert_eq!(world.notes(&quick).len(), 2);
            assert!(world.notes(&slow).is_empty(), "it is still at it");
        })
        .await;
    assert!(world.queued().is_empty());
    assert_eq!(world.notes(&slow).len(), 1);
    assert_eq!(world.notes(&quick).len(), 2);
}

/// Three posts are handled at once, and ServiceNow handles their writes late.
async fn deliver_with_late_writes(world: &World, late: FaultAction) -> [Created; 3] {
    let incidents = [world.incident(), world.incident(), world.incident()];
    let writing = InjectedFault::on(RequestMatcher::of("PATCH", "/incident")).times(3);
    world.servicenow().fault(writing.then(late));
    for incident in &incidents {
        world.post(&world.session(incident), Phase::Start).await;
    }
    assert_eq!(world.deliver().await, 3);
    incidents
}

/// The next post waits without a call of ServiceNow. Returns its record.
async fn assert_paused(world: &World) -> Created {
    let next = world.incident();
    world.post(&world.session(&next), Phase::Start).await;
    let mark = world.servicenow().mark();
    world.deliver().await;
    world.assert_not_called_since(mark);
    assert!(world.output().contains("TenantPaused"));
    next
}

/// Late answers delay the posts of other tenants as time-outs do.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_answers_after_twenty_seconds_is_paused() {
    let world = World::start().await;
    let late = FaultAction::CommitThenDelay(Duration::from_secs(21));
    for incident in deliver_with_late_writes(&world, late).await {
        assert_eq!(world.notes(&incident).len(), 1);
    }
    assert!(world.queued().is_empty(), "they are delivered all the same");
    let next = assert_paused(&world).await;
    world.deliver_after(121).await;
    assert_eq!(world.notes(&next).len(), 1);
}

/// Late refusals delay the posts of other tenants as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_refuses_after_twenty_seconds_is_paused() {
    let world = World::start().await;
    world.servicenow().configure(|rules| {
        rules.unwritable_tables.insert("incident".to_owned());
    });
    let late = FaultAction::Delay(Duration::from_secs(21));
    deliver_with_late_writes(&world, late).await;
    assert_eq!(dead_letter_reasons(&world), ["servicenow-refused"; 3]);
    assert_paused(&world).await;
}

/// The largest posts that are accepted, three at once: a process has 256 MB, and needs less than half of that.
#[tokio::test(flavor = "multi_thread")]
async fn posts_of_sixteen_megabytes_at_once_need_less_than_half_of_the_memory() {
    let world = World::start().await;
    let incident = world.incident();
    let tenant = TenantId::parse(TENANT).expect("valid");
    for nth in 0..3 {
        let session_id = SessionId::parse(&format!("77000{nth}")).expect("valid");
        let mut fields = Fields::default();
        fields.insert("CField1", incident.number.clone());
        fields.insert("ChatLog", "\u{2039}".repeat(5_500_000));
        let post = Post {
            source: Source::Post,
            digest: Digest::of(&tenant, &session_id, Event::Ended, &fields),
            tenant: tenant.clone(),
            session_id,
            event: Event::Ended,
            received_at: world.cloud.clock.now(),
            fields,
        };
        let message = post.encode().expect("it is accepted");
        assert!(message.len() < 100_000);
        world.enqueue(&message, &post.group()).await;
    }
    let polled = async {
        world.deliver().await;
    };
    let peak = async {
        let mut peak = 0;
        loop {
            peak = peak.max(peak_memory(&world, "deliver-session"));
            if world.queued().is_empty() {
                return peak;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let (_, peak) = futures::join!(polled, peak);
    assert_eq!(world.notes(&incident).len(), 3);
    assert!(peak < 128 * 1024 * 1024, "{peak}");
}

/// A body may be as large as an event: no format of it needs half of the memory of `session-details`.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_as_large_as_an_event_needs_less_than_half_of_the_memory() {
    let world = World::start().await;
    let size = 4_300_000;
    let json = |chat: &str| format!(r#"{{"SessionID": 1, "ChatLog": "{chat}"}}"#);
    let chat = json(&r"a\n".repeat(size / 4));
    let quoted = serde_json::Value::from(json(&r"a\n".repeat(size / 8))).to_string();
    let bad = [
        br#"{"SessionID": 1, "ChatLog": ""#.as_slice(),
        &vec![0xff; size],
        br#""}"#,
    ]
    .concat();
    let values = r#"{"b":1},"#.repeat(size / 8);
    let beside = format!(r#"{{"a": [{values}0], "session": {{"SessionID": 1}}}}"#);
    let form = format!("SessionID=1&amp;ChatLog={}", "&amp;amp;".repeat(size / 9));
    let xml = "<a><b>c</b></a>".repeat(size / 15);
    let xml = format!("<s><sessionid>1</sessionid><q>{xml}</q></s>");
    for (content_type, body) in [
        ("application/json", chat.into_bytes()),
        ("application/json", quoted.into_bytes()),
        ("application/json; charset=utf-8", bad),
        ("application/json", beside.into_bytes()),
        ("application/x-www-form-urlencoded", form.into_bytes()),
        ("text/xml", xml.into_bytes()),
    ] {
        let shown = String::from_utf8_lossy(&body[..40]).into_owned();
        let answer =
            tests::HttpAnswer::to_post(world.ended.expose(), Some(content_type), body).await;
        assert!([200, 400].contains(&answer.status), "{shown}: {answer:?}");
        let peak = peak_memory(&world, "session-details");
        assert!((1..128 * 1024 * 1024).contains(&peak), "{shown}: {peak}");
        world.function("session-details").recycle();
    }
}

/// The peak resident memory of a function's processes, in bytes.
fn peak_memory(world: &World, function: &str) -> u64 {
    let of = |process: u32| {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    let processes = world.function(function).processes();
    1024 * processes.into_iter().filter_map(of).max().unwrap_or(0)
}
