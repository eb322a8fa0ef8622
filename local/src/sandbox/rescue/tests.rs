//! What the console accepts, keeps and posts.

use std::time::Duration;

use shared::domain::clock::{Clock, Timestamp};

use super::console::{Console, PostState, enter_pin};
use super::*;
use crate::rescue::{Options, Payload, Simulator, Technician};
use crate::simulator::{FaultAction, InjectedFault, RequestMatcher, plain_client};

const ANA: &str = "ana.ruiz@acme.test";

struct Bench {
    rescue: Simulator,
    clock: Clock,
    console: Console,
}

impl Bench {
    fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_millis(1_747_216_931_007));
        let rescue = Simulator::start(Options::new(clock.clone())).expect("starts");
        rescue.set_technician(Technician::new("4455667", ANA, "Ana Ruiz"));
        Self {
            rescue,
            clock,
            console: Console::default(),
        }
    }

    fn start(&mut self) -> (String, Option<u64>) {
        let session = self.rescue.start_session(ANA).expect("a technician");
        let session = session.with_customer("Paul Martin");
        let id = session.id.clone();
        (id, self.console.start(&self.rescue, session))
    }

    fn end(&mut self, session: &str) -> Result<Option<u64>, Refused> {
        let now = self.clock.now();
        self.console.end(&self.rescue, session, "Done", now)
    }

    fn outgoing(&self, post: u64) -> Payload {
        self.console.outgoing(post).expect("kept").1
    }
}

fn assert_refused<T: std::fmt::Debug>(outcome: Result<T, Refused>, part: &str) {
    let refusal = format!("{:?}", outcome.expect_err("refused"));
    assert!(refusal.contains(part), "{part}: {refusal}");
}

#[tokio::test]
async fn a_pin_starts_one_session_and_its_blanks_do_not_count() {
    let bench = Bench::new();
    let token = bench.rescue.issue_api_token(ANA);
    let url = format!("{}/API/requestPINCode.aspx", bench.rescue.url());
    let form = [("authcode", token.as_str()), ("notechconsole", "1")];
    let client = plain_client().expect("a client");
    let request = client.post(url).form(&form).send().await;
    request.expect("an answer");
    for typed in ["", "12345", "1234567", "12345a", "١٢٣"] {
        assert_refused(enter_pin(&bench.rescue, typed), "six digits");
    }
    assert_refused(enter_pin(&bench.rescue, "999999"), "no PIN 999999");
    let session = enter_pin(&bench.rescue, " 012\u{a0}345\n").expect("a session");
    assert_eq!(session.technician.sso_id, ANA);
    assert_refused(enter_pin(&bench.rescue, "012345"), "was used before");
}

#[test]
fn a_session_lasts_as_long_as_the_clock_says_and_ends_once() {
    let mut bench = Bench::new();
    let (id, started) = bench.start();
    assert!(started.is_some());
    bench.clock.advance(Duration::from_secs(3600));
    let now = bench.clock.now();
    let said = bench.console.say(&id, false, "It works", now);
    said.expect("goes on");
    let ended = bench.end(&id).expect("goes on").expect("not held back");
    let body = bench.outgoing(ended).body;
    for part in [
        "ChatLog=11%3A02+AM+Paul+Martin%3A+It+works&",
        "Note=Done&",
        "ClosingTime=5%2F14%2F2025+11%3A02%3A11+AM&WorkTime=3600&",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    assert_refused(bench.end(&id), "has ended");
    assert_refused(bench.console.say(&id, true, "late", now), "has ended");
    assert_refused(bench.end("1"), "no such session");
}

#[test]
fn a_post_that_is_held_back_keeps_the_moment_and_is_let_go_once() {
    let mut bench = Bench::new();
    bench.console.set(Format::Xml, true);
    let (id, started) = bench.start();
    assert_eq!(started, None);
    let now = bench.clock.now();
    bench.console.say(&id, true, "hello", now).expect("goes on");
    bench.console.set(Format::Form, false);
    let ended = bench.end(&id).expect("goes on").expect("not held back");
    assert!(bench.outgoing(ended).body.contains("hello"));
    let held = bench.console.release("1", now).expect("held back");
    let payload = bench.outgoing(held);
    assert_eq!(payload.content_type, "text/xml; charset=utf-8");
    assert!(payload.body.contains("<chatlog></chatlog>"), "{payload:?}");
    assert_refused(bench.console.release("1", now), "not held back");
}

#[test]
fn a_repeated_post_is_the_same_in_any_format_unless_a_person_changes_it() {
    let mut bench = Bench::new();
    let (id, started) = bench.start();
    let started = started.expect("not held back");
    let now = bench.clock.now();
    bench.console.say(&id, true, "hello", now).expect("goes on");
    let moment = bench.outgoing(started);
    let post = started.to_string();
    let repeat = |console: &mut Console, format, body: &str, times| {
        let posts = console.repeat(&post, format, body, times, now);
        posts.expect("kept")
    };
    let twice = repeat(&mut bench.console, Format::Form, &moment.body, 2);
    let bodies: Vec<_> = twice.iter().map(|post| bench.outgoing(*post)).collect();
    assert_eq!(bodies, [moment.clone(), moment]);
    let changed = repeat(&mut bench.console, Format::JsonFlat, "{}", 1);
    let changed = bench.outgoing(changed[0]);
    assert_eq!(changed.body, "{}");
    assert_eq!(changed.content_type, "application/json");
}

#[test]
fn the_newest_sessions_and_posts_are_kept() {
    let mut bench = Bench::new();
    for _ in 0..501 {
        bench.start();
    }
    let sessions = bench.console.sessions();
    assert_eq!(sessions.len(), 500);
    assert_eq!(sessions[0].session.id, "70112234");
    let now = bench.clock.now();
    for _ in 0..20 {
        let again = bench.console.repeat("501", Format::Form, "x", 1, now);
        again.ok();
    }
    let posts = &bench.console.sessions()[499].posts;
    assert_eq!(posts.len(), 20);
    assert_refused(bench.console.release("501", now), "no longer");
}

#[tokio::test]
async fn a_connection_that_is_cut_is_told_in_a_sentence() {
    let mut bench = Bench::new();
    let (_, started) = bench.start();
    let started = started.expect("not held back");
    let fault = InjectedFault::on(RequestMatcher::any()).then(FaultAction::DropBefore);
    bench.rescue.fault(fault);
    let payload = bench.outgoing(started);
    let outcome = bench.rescue.send(&bench.rescue.url(), &payload).await;
    bench.console.answered(started, outcome);
    let state = &bench.console.sessions()[0].posts[0].state;
    let PostState::Failed(sentence) = state else {
        panic!("an answer");
    };
    assert!(sentence.contains("was cut"), "{sentence}");
}
