//! `session-details`: every post of an authenticated sender is queued whole, and no other.

use local::aws::Service;
use local::demo_tenant::TENANT;
use local::rescue::{Format, Payload, Phase, Session};
use serde_json::{Value, json};
use tests::injected::noise;
use tests::{Case, HttpAnswer, World};

/// The webhook URL without `event`.
fn bare(world: &World) -> String {
    let url = world.ended.expose();
    url.split_once('?').expect("an event").0.to_owned()
}

fn session_with_chat(world: &World) -> Session {
    let mut session = world.session(&world.incident());
    session.say("Ana Ruiz", "Grüße & <b>hello</b>");
    session.with_note("Reinstalled the driver")
}

/// The messages that wait, as JSON.
fn queued(world: &World) -> Vec<Value> {
    let read = |body: &str| serde_json::from_str(body).expect("JSON");
    world
        .queued()
        .iter()
        .map(|message| read(&message.body))
        .collect()
}

fn event_of_the_only_message(world: &World) -> String {
    let messages = queued(world);
    assert_eq!(messages.len(), 1, "{messages:?}");
    messages[0]["event"].as_str().expect("a text").to_owned()
}

fn nothing_is_stored(world: &World) {
    let (queued, dead_letters) = (world.queued(), world.dead_letters());
    assert!(
        queued.is_empty() && dead_letters.is_empty(),
        "{queued:?} {dead_letters:?}"
    );
}

/// Sends a payload, which must be accepted.
async fn send(url: &str, payload: &Payload) -> HttpAnswer {
    let (content_type, body) = (Some(payload.content_type), payload.body.clone());
    let answer = HttpAnswer::to_post(url, content_type, body).await;
    assert_eq!(answer.status, 200, "{payload:?} {answer:?}");
    answer
}

/// docs/architecture.md#rule-1: after `200` SQS has the post.
#[tokio::test(flavor = "multi_thread")]
async fn each_of_rescues_formats_is_accepted_and_queued_whole() {
    let world = World::start().await;
    for format in Format::ALL {
        let before = world.queued().len();
        let session = session_with_chat(&world).with_field("TSurvey0", "5");
        let payload = world.cloud.rescue.payload(&session, format, Phase::End);
        let answer = send(world.ended.expose(), &payload).await;
        assert_eq!(answer.content_type, "application/json");
        let reply = answer.json();
        assert_eq!(reply["status"], "accepted");
        assert_eq!(reply["session_id"], session.id.as_str());

        let messages = world.queued();
        assert_eq!(messages.len(), before + 1, "{format:?}");
        let message = &messages[before];
        let post: Value = serde_json::from_str(&message.body).expect("JSON");
        assert_eq!(post["v"], 1);
        assert_eq!(post["tenant"], TENANT);
        assert_eq!(post["session_id"], session.id.as_str());
        assert_eq!(post["event"], "ended");
        assert_eq!(post["digest"], reply["delivery"]);
        let received_at = post["received_at"].as_str().expect("a text");
        assert!(
            shared::domain::clock::Timestamp::parse(received_at).is_some(),
            "{received_at}"
        );
        assert_eq!(post["fields"]["SessionID"], session.id.as_str());
        assert_eq!(
            post["fields"]["ChatLog"],
            session.chat[0].as_str(),
            "{format:?}"
        );
        assert_eq!(post["fields"]["Notes"], "Reinstalled the driver");
        assert_eq!(post["unknown_fields"], json!({"tsurvey0": "5"}));

        let group = format!("{TENANT}#{}", session.id);
        assert_eq!(message.group.as_deref(), Some(group.as_str()));
        assert_eq!(message.deduplication_id.as_deref(), post["digest"].as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_post_in_another_format_is_a_repeat() {
    let world = World::start().await;
    let session = session_with_chat(&world);
    let mut session_with_two_lines = session.clone();
    session_with_two_lines.say("Paul Martin", "thanks");
    let mut deliveries = Vec::new();
    for format in Format::ALL {
        // A Rescue account tells every line of a chat once; another one tells it again.
        let other = local::rescue::Simulator::start(local::rescue::Options {
            port: None,
            clock: world.cloud.clock.clone(),
        })
        .expect("a simulator");
        let payload = other.payload(&session_with_two_lines, format, Phase::End);
        let answer = send(&bare(&world), &payload).await;
        deliveries.push(answer.json()["delivery"].clone());
    }
    deliveries.dedup();
    assert_eq!(deliveries.len(), 1, "{deliveries:?}");
    assert_eq!(world.queued().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_counts_and_not_what_the_content_type_says_about_it() {
    let world = World::start().await;
    for (content_type, body) in [
        (Some("text/plain"), r#"{"SessionID": 1, "ChatLog": "x"}"#),
        (
            Some("application/x-www-form-urlencoded"),
            r#" {"session": {"sessionid": "2", "chatlog": "x"}}"#,
        ),
        (
            Some("application/json"),
            "<session><sessionid>3</sessionid><chatlog>x</chatlog></session>",
        ),
        (Some("application/json"), "SessionID=4&ChatLog=x"),
        (Some("text/xml"), "SESSIONID=5&CHATLOG=x"),
        (
            None,
            "\u{feff}<?xml version=\"1.0\"?><session><SessionID>6</SessionID><ChatLog>x</ChatLog></session>",
        ),
        (None, "sessionid=7&chatlog=x"),
        (Some("nonsense"), r#"{"SESSIONID": "8", "CHATLOG": "x"}"#),
    ] {
        let answer = HttpAnswer::to_post(&bare(&world), content_type, body).await;
        assert_eq!(answer.status, 200, "{content_type:?} {body} {answer:?}");
    }
    let messages = queued(&world);
    for (index, message) in messages.iter().enumerate() {
        assert_eq!(message["session_id"], (index + 1).to_string());
        assert_eq!(message["fields"]["ChatLog"], "x", "{message}");
    }
    assert_eq!(messages.len(), 8);
}

/// A body of `shared/fixtures/post_to_url`, in the shape that senders use.
macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../shared/fixtures/post_to_url/", $name)).as_slice()
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_field_sends_reaches_the_record_that_it_names() {
    let world = World::start().await;
    let incident = world.incident();
    assert_eq!(incident.number, "INC0010001", "as the fixtures name it");
    let json = "application/json";
    let cases = [
        (
            "application/json; charset=utf-8",
            fixture!("json_one_bad_byte.json"),
            "Zoë: 你好 \u{fffd}",
        ),
        (
            "text/xml",
            fixture!("xml_one_bad_byte.xml"),
            "Customer: 李雷",
        ),
        (
            "application/json; charset=utf-16",
            fixture!("json_utf_16_without_mark.json"),
            "Technician: Zoë",
        ),
        (
            json,
            fixture!("json_raw_control_characters.json"),
            "first line\nsecond\tcolumn\nthird",
        ),
        (json, fixture!("json_in_a_string.json"), "Work time: 1 s"),
        (
            json,
            fixture!("json_session_in_a_string.json"),
            "Work time: 1 s",
        ),
        (
            json,
            fixture!("json_siblings.json"),
            "technician: {\"id\":7}",
        ),
        (
            json,
            fixture!("json_one_element_list.json"),
            "Work time: 1 s",
        ),
        (
            "application/x-www-form-urlencoded",
            fixture!("form_html_ampersands.txt"),
            "Customer: Paul Martin",
        ),
        (
            json,
            fixture!("json_chat_with_times.json"),
            "9:45 AM Output: System Boot Time: 11/27/2026, 8:15:32 AM\n9:46 AM Paul: ok\n10:02:11 PM Ana: done",
        ),
    ];
    for (index, (content_type, body, text)) in cases.iter().enumerate() {
        let answer = HttpAnswer::to_post(&bare(&world), Some(content_type), *body).await;
        assert_eq!(answer.status, 200, "{text} {answer:?}");
        let session = format!("940000{:02}", index + 1);
        assert_eq!(answer.json()["session_id"], session.as_str());
        assert_eq!(queued(&world)[0]["event"], "ended");
        world.deliver().await;
        let notes = world.notes(&incident);
        assert_eq!(notes.len(), index + 1, "{text}");
        let note = notes.iter().find(|note| note.contains(&session));
        let note = note.expect("the session's note");
        assert!(note.contains(text), "{note}");
    }
    assert_eq!(world.cloud.servicenow.records("incident").len(), 1);
    assert!(world.dead_letters().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_of_the_url_wins_over_the_content() {
    let world = World::start().await;
    let session = session_with_chat(&world);
    let rescue = &world.cloud.rescue;
    let payload = rescue.payload(&session, Format::Form, Phase::End);
    send(world.started.expose(), &payload).await;
    assert_eq!(event_of_the_only_message(&world), "started");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_event_in_the_url_the_content_decides() {
    let world = World::start().await;
    let url = bare(&world);
    let posts = [
        (url.clone(), "SessionID=1&ChatLog=x", "started"),
        (url.clone(), "SessionID=2&WorkTime=12", "ended"),
        (
            url.clone(),
            "SessionID=3&ClosingTime=5%2F14%2F2025+10%3A31%3A40+AM",
            "ended",
        ),
        (url.clone(), "SessionID=4&ClosingTime=&WorkTime=", "started"),
        (format!("{url}?event=ENDED"), "SessionID=5", "ended"),
        (format!("{url}?event=other"), "SessionID=6", "started"),
    ];
    for (url, body, _) in &posts {
        let answer = HttpAnswer::to_post(url, None, *body).await;
        assert_eq!(answer.status, 200, "{body} {answer:?}");
    }
    let events: Vec<Value> = queued(&world)
        .iter()
        .map(|message| message["event"].clone())
        .collect();
    let expected: Vec<&str> = posts.iter().map(|(_, _, event)| *event).collect();
    assert_eq!(events, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_accepted_and_queued_once() {
    let world = World::start().await;
    let (rescue, session) = (&world.cloud.rescue, session_with_chat(&world));
    let payload = rescue.payload(&session, Format::JsonFlat, Phase::Start);
    let mut answers = Vec::new();
    for _ in 0..3 {
        let answer = send(world.started.expose(), &payload).await;
        answers.push(answer.json()["delivery"].clone());
    }
    assert_eq!(world.queued().len(), 1);
    assert!(answers.iter().all(|delivery| *delivery == answers[0]));
}

/// docs/architecture.md#where-state-lives: a session may post several times; the content tells the posts apart.
#[tokio::test(flavor = "multi_thread")]
async fn two_posts_with_different_chat_are_two_posts() {
    let world = World::start().await;
    let mut session = session_with_chat(&world);
    world.post(&session, Phase::End).await;
    session.say("Paul Martin", "one more thing");
    world.post(&session, Phase::End).await;
    let messages = world.queued();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].group, messages[1].group);
    assert_ne!(messages[0].deduplication_id, messages[1].deduplication_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_tenant_and_a_wrong_key_get_the_same_refusal() {
    let world = World::start().await;
    let right = bare(&world);
    let key = right.rsplit_once('/').expect("a key").1;
    let url = |tenant: &str, key: &str| {
        right.replace(
            &right[right.find("/sessiondetails/").expect("the route")..],
            &format!("/sessiondetails/{tenant}/{key}"),
        )
    };
    let mut shapes = Vec::new();
    for wrong in [
        url("globex", key),
        url(TENANT, "wrong"),
        url(TENANT, &key.to_lowercase()),
        url(TENANT, &format!("{key}x")),
        url(TENANT, world.api_key.expose()),
        url("DEMO", key),
        url("d", key),
        url("demo%20", key),
        url(&"d".repeat(41), key),
    ] {
        let _case = Case::of(&wrong);
        for answer in [
            HttpAnswer::to_post(&wrong, None, "SessionID=1&ChatLog=x").await,
            HttpAnswer::to_post(&wrong, None, "not a post").await,
            HttpAnswer::to_get(&wrong).await,
        ] {
            answer.assert_refused(404, "not-found");
            let mut shape = answer.json();
            let members = shape.as_object_mut().expect("an object");
            members.remove("request_id");
            shapes.push(shape);
        }
    }
    shapes.dedup();
    assert_eq!(shapes.len(), 1, "{shapes:?}");
    nothing_is_stored(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_get_says_whether_tenant_and_key_are_right_and_changes_nothing() {
    let world = World::start().await;
    let url = bare(&world);
    for url in [&url, world.started.expose(), world.ended.expose()] {
        let answer = HttpAnswer::to_get(url).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    }
    assert_eq!(HttpAnswer::to_get(&format!("{url}x")).await.status, 404);
    nothing_is_stored(&world);
    let calls = world.cloud.aws.journal().calls();
    let to_sqs = calls.iter().any(|call| call.service == Service::Sqs);
    assert!(!to_sqs, "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_posts_of_a_tenant_that_is_switched_off_are_ignored() {
    let world = World::start().await;
    world
        .change_settings(|file| format!("enabled = false\n{file}"))
        .await;
    for body in ["SessionID=1&ChatLog=x", "{broken", ""] {
        let answer = HttpAnswer::to_post(world.ended.expose(), None, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json(), json!({"status": "ignored"}));
    }
    assert_eq!(HttpAnswer::to_get(world.ended.expose()).await.status, 204);
    nothing_is_stored(&world);
}

/// docs/architecture.md#rule-1: no body of an authenticated sender is lost, readable or not.
#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_body_is_refused_and_dead_lettered_unchanged() {
    let world = World::start().await;
    let long = format!("SessionID={}&ChatLog=x", "1".repeat(65));
    let cases: [(&[u8], u16, &str); 11] = [
        (b"ChatLog=hello", 400, "missing-session-id"),
        (b"SessionID=&ChatLog=hello", 400, "missing-session-id"),
        (b"SessionID=7%2F7", 400, "invalid-session-id"),
        (long.as_bytes(), 400, "invalid-session-id"),
        (br#"{"SessionID": "7", "#, 400, "malformed-body"),
        (b"<session><sessionid>7</session>", 400, "malformed-body"),
        (br#"["SessionID", 7]"#, 400, "malformed-body"),
        (
            br#"{"SessionID": "7"} {"CField1": "INC0010001"}"#,
            400,
            "malformed-body",
        ),
        (
            br#"{"a": {"SessionID": "7"}, "b": {"SessionID": "8"}}"#,
            400,
            "malformed-body",
        ),
        (
            b"--x\r\nContent-Disposition: form-data; name=\"SessionID\"\r\n\r\n7\r\n--x--\r\n",
            400,
            "malformed-body",
        ),
        (b"{\"SessionID\": \"\xff\xfe", 400, "malformed-body"),
    ];
    for (index, (body, status, code)) in cases.iter().enumerate() {
        let answer =
            HttpAnswer::to_post(world.ended.expose(), Some("application/json"), *body).await;
        let shown = String::from_utf8_lossy(body);
        assert_eq!(
            (answer.status, answer.code()),
            (*status, (*code).to_owned()),
            "{shown}"
        );
        let dead_letters = world.dead_letters();
        assert_eq!(dead_letters.len(), index + 1, "{shown}");
        let message = &dead_letters[index];
        assert_eq!(message.reason, *code);
        assert_eq!(message.attributes["tenant"], TENANT);
        assert_eq!(message.attributes["content_type"], "application/json");
        assert_eq!(message.attributes["event"], "ended");
        match std::str::from_utf8(body) {
            Ok(text) => {
                assert_eq!(message.attributes["encoding"], "text");
                assert_eq!(message.body, text);
            }
            Err(_) => {
                assert_eq!(message.attributes["encoding"], "base64");
                assert_eq!(message.body, "eyJTZXNzaW9uSUQiOiAi//4=");
            }
        }
    }
    assert!(world.queued().is_empty());
    let counted = world.metric("session-details", "DeadLettered");
    assert_eq!(counted, vec![1.0; cases.len()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_unreadable_body_is_dead_lettered_each_time() {
    let world = World::start().await;
    for _ in 0..2 {
        let answer = HttpAnswer::to_post(world.ended.expose(), None, "ChatLog=hello").await;
        assert_eq!(answer.status, 400);
    }
    assert_eq!(world.dead_letters().len(), 2);
}

/// A later parser needs both; what the request did not name is absent.
#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_body_is_dead_lettered_with_its_content_type_and_event() {
    let world = World::start().await;
    let posts = [
        (bare(&world), None),
        (
            format!("{}?event=other", bare(&world)),
            Some("text/xml; charset=utf-16le"),
        ),
        (world.started.expose().to_owned(), Some("text/plain")),
    ];
    for (url, content_type) in posts {
        let answer = HttpAnswer::to_post(&url, content_type, "ChatLog=hello").await;
        assert_eq!(answer.code(), "missing-session-id");
    }
    let dead_letters = world.dead_letters();
    let attributes: Vec<_> = dead_letters
        .iter()
        .map(|message| {
            ["content_type", "event"].map(|name| message.attributes.get(name).map(String::as_str))
        })
        .collect();
    assert_eq!(
        attributes,
        [
            [None, None],
            [Some("text/xml; charset=utf-16le"), None],
            [Some("text/plain"), Some("started")],
        ]
    );
}

/// An event that API Gateway may send: odd characters in the query, in the host, several values in a header.
fn odd_event(query: &str, host: &str, forwarded_proto: &str, parameters: &Value) -> Vec<u8> {
    let event = json!({
        "version": "2.0",
        "routeKey": "POST /integration/api/servicenow/sessiondetails/{tenant}/{key}",
        "rawPath": "/integration/api/servicenow/sessiondetails/demo/a key?#",
        "rawQueryString": query,
        "headers": {"host": host, "x-forwarded-proto": forwarded_proto, "content-type": "text/plain"},
        "pathParameters": parameters,
        "requestContext": {
            "domainName": host,
            "http": {"method": "POST", "path": "/"},
            "stage": "$default",
        },
        "body": "SessionID=7&ChatLog=hello",
        "isBase64Encoded": false,
    });
    event.to_string().into_bytes()
}

/// `lambda_http` builds a URI from the event and panics where the characters do not allow that.
#[tokio::test(flavor = "multi_thread")]
async fn odd_characters_in_an_event_lose_no_post() {
    let world = World::start().await;
    let key = bare(&world).rsplit_once('/').expect("a key").1.to_owned();
    let right = json!({"tenant": TENANT, "key": key});
    let function = world.function("session-details");
    let answer = async |event: Vec<u8>| -> Value {
        let invocation = function.invoke(event).await;
        let answer = invocation.result.expect("an answer, and no function error");
        serde_json::from_slice(&answer).expect("JSON")
    };
    let host = "acme.test";
    for (index, (query, host, forwarded_proto)) in [
        ("event=ended&x=a b", host, "https"),
        ("event=ended&x=\"y\"", host, "https"),
        ("event=ended&x=<y>", host, "https"),
        ("event=ended&x=\u{1}\u{e4}%zz#?", host, "https"),
        ("event=ended", host, "http,https"),
        ("event=ended", host, "https, http"),
        ("event=ended", host, ""),
        ("event=ended", "[", "https"),
        ("event=ended", "a b:x/\u{e4}", "https"),
        ("event=ended", "", "https"),
    ]
    .into_iter()
    .enumerate()
    {
        let event = odd_event(query, host, forwarded_proto, &right);
        let event = String::from_utf8(event).expect("text");
        let event = event.replace("SessionID=7", &format!("SessionID={index}"));
        let answer = answer(event.into_bytes()).await;
        assert_eq!(
            answer["statusCode"], 200,
            "{query} {host} {forwarded_proto}"
        );
        assert_eq!(queued(&world)[index]["event"], "ended", "{query}");
    }
    for wrong in [
        json!({"tenant": "a b\"<", "key": "\u{1}"}),
        json!({"tenant": [], "key": null}),
        json!(null),
    ] {
        let answer = answer(odd_event("", host, "https", &wrong)).await;
        assert_eq!(answer["statusCode"], 404, "{wrong}");
    }
    assert_eq!(answer(b"[]".to_vec()).await["statusCode"], 404);
}

/// Headers that proxies before the gateway add reach the functions.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_came_through_two_proxies_is_answered_by_each_function() {
    let world = World::start().await;
    let root = world.cloud.gateway.url();
    let ask = async |url: String| {
        let http = shared::http::client(None).expect("a client");
        let request = http.post(url).header("x-forwarded-proto", "https");
        let request = request.header("x-forwarded-proto", "http");
        let request = request.header("authorization", "Bearer wrong");
        HttpAnswer::to(request.body("SessionID=7&ChatLog=hello"))
            .await
            .status
    };
    let ended = format!("{}&x=a+b%20%22%3C", world.ended.expose());
    assert_eq!(ask(ended).await, 200);
    for (route, status) in [("pincodes/demo", 401), ("token/demo", 401)] {
        let url = format!("{root}/integration/api/servicenow/{route}?x=a+b%22%3C");
        assert_eq!(ask(url).await, status, "{route}");
    }
    assert_eq!(event_of_the_only_message(&world), "ended");
}

/// One tenant's flood leaves the share of others untouched and has a metric.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_over_its_quota_is_refused_and_nothing_of_it_is_stored() {
    let world = World::start().await;
    let function = world.function("session-details");
    function.set_environment("POSTS_PER_MINUTE", "3");
    function.recycle();
    let wrong = format!("{}x", bare(&world));
    for body in ["SessionID=1", "not a post", "SessionID=2"] {
        let unknown = HttpAnswer::to_post(&wrong, None, body).await.status;
        let status = HttpAnswer::to_post(&bare(&world), None, body).await.status;
        assert_eq!((unknown, status == 429), (404, false), "{body}");
    }
    let journal = world.cloud.aws.journal();
    let mark = journal.mark();
    for body in ["SessionID=3", "not a post"] {
        let answer = HttpAnswer::to_post(&bare(&world), None, body).await;
        assert_eq!(
            (
                answer.status,
                answer.code().as_str(),
                answer.retry_after.as_deref()
            ),
            (429, "too-many-posts", Some("60"))
        );
    }
    assert_eq!(journal.since(mark).len(), 0, "it costs no call");
    assert_eq!(HttpAnswer::to_get(&bare(&world)).await.status, 204);
    assert_eq!((world.queued().len(), world.dead_letters().len()), (2, 1));
    assert_eq!(
        world.metric("session-details", "TooManyPosts"),
        vec![1.0; 2]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_body_is_refused_and_there_is_nothing_to_keep() {
    let world = World::start().await;
    let answer = HttpAnswer::to_post(world.ended.expose(), None, "").await;
    answer.assert_refused(400, "malformed-body");
    nothing_is_stored(&world);
}

/// A body larger than one queue message is compressed, never cut. docs/architecture.md#rule-7: a long note continues in an
/// attachment.
#[tokio::test(flavor = "multi_thread")]
async fn a_chat_of_two_megabytes_arrives_complete() {
    let world = World::start().await;
    let incident = world.incident();
    let mut session = world.session(&incident);
    let lines: Vec<String> = (0..60_000)
        .map(|line| format!("line {line:05} of a long chat"))
        .collect();
    session.chat.clone_from(&lines);
    assert!(session.chat.join("\n").len() > 1_500_000);
    world.post(&session, Phase::End).await;
    assert!(world.queued()[0].body.len() < 1024 * 1024);
    world.deliver().await;
    assert!(world.dead_letters().is_empty());
    let mut written = world.notes(&incident).join("\n");
    for (_, text) in world.cloud.servicenow.attachments(&incident.sys_id) {
        written.push('\n');
        written.push_str(&text);
    }
    let written: std::collections::HashSet<&str> = written.lines().map(str::trim).collect();
    let missing = lines
        .iter()
        .filter(|line| !written.contains(line.as_str()))
        .count();
    assert_eq!(missing, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_no_compression_makes_fit_is_refused_with_an_alarm_and_nothing_half_stored() {
    let world = World::start().await;
    let function = world.function("session-details");
    let post = json!({"SessionID": "7", "ChatLog": noise(2_000_000)}).to_string();
    let unreadable = noise(2_000_000);
    for body in [post, unreadable] {
        let before = function.output().len();
        let answer = HttpAnswer::to_post(world.ended.expose(), None, body).await;
        answer.assert_refused(413, "body-too-large");
        let metric = || {
            function.output().iter().skip(before).any(|line| {
                let line: Value = serde_json::from_str(line).unwrap_or_default();
                let namespace = &line["_aws"]["CloudWatchMetrics"][0]["Namespace"];
                line["BodyTooLarge"] == json!(1) && namespace == "RescueConnector/rescue-connector"
            })
        };
        for _ in 0..100 {
            if metric() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert!(metric(), "{:?}", &function.output()[before..]);
    }
    nothing_is_stored(&world);
}

/// AWS calls of a warm process, and of a cold one.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_costs_one_aws_call_warm_and_two_cold() {
    let world = World::start().await;
    let journal = world.cloud.aws.journal();
    for (session, calls) in [("1", 2), ("2", 1), ("3", 1)] {
        let mark = journal.mark();
        let body = format!("SessionID={session}&ChatLog=x");
        let answer = HttpAnswer::to_post(world.ended.expose(), None, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let made = journal.since(mark);
        assert_eq!(made.len(), calls, "{made:?}");
        assert_eq!(journal.count(mark, Service::Sqs, "SendMessage"), 1);
    }
    assert_eq!(world.function("session-details").starts(), 1);
}
