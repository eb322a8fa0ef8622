//! `cargo run`, and `cargo run -- up` with a folder that keeps everything.

use std::io::BufRead as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use shared::domain::clock::{Clock, Timestamp};
use tests::{HttpAnswer, assert_contains};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use super::folder::Folder;

/// How long a part of the demo may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);
const NEW_NOTE: &str = "shows a new work note";

#[test]
fn the_demo_without_arguments_succeeds() {
    let ended = Command::new(tests::folder().join("local"))
        .env("COLUMNS", "200")
        .output()
        .expect("the program starts");
    let output = String::from_utf8_lossy(&ended.stdout);
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{output}\n{stderr}");
    assert_contains(
        &output,
        &[
            "has both work notes, and 28 Minutes 51 Seconds of work in the column time_worked.",
            "What the list of sessions shows",
            "set up in ServiceNow alone",
            "The link does not work a second time.",
            "The new URLs work, the old ones do not.",
            "ServiceNow shows 2 missed sessions, both of the technician 4455668, Bo Lind.",
            "Rescue never posted the end of this session.",
            "The next comparison writes nothing.",
            "ran 30 times for each tenant",
            "every note is there, once.",
        ],
    );
    assert!(
        !output.contains('\u{1b}'),
        "coloured although it is piped: {output}"
    );
}

#[test]
fn the_demo_fits_eighty_columns_and_names_formats_in_words() {
    let ended = Command::new(tests::folder().join("local"))
        .env("COLUMNS", "80")
        .output()
        .expect("the program starts");
    let output = String::from_utf8_lossy(&ended.stdout);
    for line in output.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for name in ["JsonFlat", "JsonWrapped", "Xml", "Start,", "End,"] {
        assert!(!output.contains(name), "{name}: {output}");
    }
    // Wrapped at words: the number and the addresses stay whole.
    assert_contains(
        &output,
        &["INC0010001", "ana.ruiz@acme.test", "paul.martin@acme.test"],
    );
}

#[test]
fn a_reader_that_closes_standard_output_is_no_error() {
    let mut child = Command::new(tests::folder().join("local"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut first = String::new();
    let mut stdout = std::io::BufReader::new(child.stdout.take().expect("piped"));
    stdout.read_line(&mut first).expect("a line");
    drop(stdout);
    let ended = child.wait_with_output().expect("it ends");
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{stderr}");
    assert_eq!(stderr, "");
}

#[test]
fn a_port_out_of_range_is_refused_in_a_sentence() {
    for port in ["65532", "65534", "0", "99999"] {
        for arguments in [
            vec!["up", "--port", port],
            vec!["cli", "--port", port, "tenant", "list"],
        ] {
            let stderr = refused(&arguments, 2);
            assert!(stderr.contains(port), "{stderr}");
            assert!(stderr.contains("1 to 65531"), "{stderr}");
        }
    }
}

#[test]
fn a_port_in_use_is_named_with_its_part_and_what_to_do() {
    let first = free_ports();
    let _taken = TcpListener::bind(("127.0.0.1", first + 2)).expect("free");
    let stderr = refused(&["up", "--port", &first.to_string()], 1);
    assert_contains(
        &stderr,
        &[&format!("port {}", first + 2), "ServiceNow", "--port "],
    );
}

#[test]
fn the_command_line_without_a_running_cloud_says_how_to_start_it() {
    let first = free_ports();
    let stderr = refused(&["cli", "--port", &first.to_string(), "tenant", "list"], 1);
    assert!(stderr.contains(&format!("port {}", first + 1)), "{stderr}");
    assert!(stderr.contains("cargo run -- up"), "{stderr}");
}

/// Standard error of a run that must fail with this exit code.
fn refused(arguments: &[&str], code: i32) -> String {
    let ended = Command::new(tests::folder().join("local"))
        .args(arguments)
        .output()
        .expect("the program starts");
    let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(code), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    stderr
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_line_is_the_address_of_the_sandbox_and_a_data_folder_keeps_it() {
    let data = Folder::new();
    let port = free_ports();
    let up = Up::start(data.path(), port).await;
    let first = up.sandbox();
    let base = format!("http://127.0.0.1:{}/", port + 4);
    let key = first.strip_prefix(&base).expect("the fifth port");
    assert!(key.len() == 33 && key.ends_with('/'), "{first}");
    let (status, page) = get(&first).await;
    assert_eq!(status, 200, "{page}");
    assert_contains(&page, &["<h1>", "ServiceNow", "Rescue", &up.incident]);
    for (path, form) in [("", ""), ("rescue/pin", "pin=1")] {
        let client = shared::http::client(None).expect("a client");
        let foreign = client.post(format!("{first}{path}")).body(form);
        let foreign = foreign.header("origin", "https://attacker.test");
        let answer = foreign.send().await.expect("an answer");
        assert_eq!(answer.status(), 403, "{path}");
    }
    up.interrupt().await;

    let again = Up::start(data.path(), port).await;
    assert_eq!(again.sandbox(), first, "a bookmark stays good");
    again.interrupt().await;

    let other = Folder::new();
    let fresh = Up::start(other.path(), port).await;
    assert_ne!(fresh.sandbox(), first);
    let (status, page) = get(&first).await;
    assert_eq!(status, 404);
    assert!(!page.contains("ServiceNow"), "{page}");
    fresh.interrupt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_was_interrupted_is_made_up_for() {
    let data = Folder::new();
    let port = free_ports();
    Up::start(data.path(), port).await.interrupt().await;
    // The last thing that a first start stores.
    std::fs::remove_file(data.path().join("demo-api-key")).expect("it was stored");

    let up = Up::start(data.path(), port).await;
    let port = port.to_string();
    let (_, status) = local(&["cli", "--port", &port, "token", "status", "demo"]).await;
    assert!(status.contains("healthy"), "{status}");
    let first = up.sandbox();
    let client = shared::http::client(None).expect("a client");
    let record = client.post(format!("{first}rescue/start"));
    let record = record.body(format!("record_number={}", up.incident));
    let form = ("content-type", "application/x-www-form-urlencoded");
    let answer = record.header(form.0, form.1).send().await;
    assert_eq!(answer.expect("an answer").status(), 200);
    up.interrupt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proposed_operator_commands_run_in_the_same_program() {
    let data = Folder::new();
    let port = free_ports();
    let mut up = Up::start(data.path(), port).await;
    let greeting = up.greeting.clone();
    let commands: Vec<&str> = greeting
        .lines()
        .filter_map(|line| line.trim().strip_prefix("cargo run -- "))
        .collect();
    assert_eq!(commands.len(), 4, "{commands:?}");
    let start = format!("SessionID=70112233&CField1={}", up.incident);
    up.post("started", &start).await;
    up.post("ended", &start).await;
    up.until("session ended").await;
    let mut outputs = Vec::new();
    for command in commands {
        let ended = local(&command.split(' ').collect::<Vec<_>>()).await;
        assert!(ended.0, "{command}: {}", ended.1);
        outputs.push(ended.1);
    }
    let [tenant, doctor, session, invited] = outputs.try_into().expect("four");
    assert!(invited.contains("/#acme."), "{invited}");
    assert!(tenant.contains("tenant = \"demo\""), "{tenant}");
    assert!(doctor.contains("nothing fails"), "{doctor}");
    assert!(doctor.contains("rescue-sign-in"), "{doctor}");

    // A reader that closes standard output, as `head` does.
    let mut unread = Command::new(tests::folder().join("local"))
        .args(["cli", "--port", &port.to_string(), "tenant", "show", "demo"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(unread.stdout.take());
    let ended = unread.wait_with_output().expect("it ends");
    assert!(ended.status.success());
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");

    let link = session
        .split_whitespace()
        .find(|word| word.starts_with("http"));
    let (status, page) = get(link.expect("a link to the record")).await;
    assert_eq!(status, 200, "{page}");
    assert!(page.contains(&up.incident), "{page}");
    assert!(page.contains("Rescue session started"), "{page}");
    up.interrupt().await;
}

/// Each request as an administrator in ServiceNow and a test in another process would send it.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_invited_and_ten_months_pass_by_requests_alone() {
    let data = Folder::new();
    let port = free_ports();
    let mut up = Up::start(data.path(), port).await;
    let (clock, instance) = (
        format!("http://127.0.0.1:{}/clock", port + 1),
        format!("http://127.0.0.1:{}", port + 2),
    );
    let cli = async |rest: &[&str]| {
        let port = port.to_string();
        let ended = tokio::process::Command::new(tests::folder().join("local"))
            .args([&["cli", "--port", &port], rest].concat())
            .output()
            .await
            .expect("the program starts");
        assert!(ended.status.success(), "{ended:?}");
        serde_json::from_slice::<Value>(&ended.stdout).expect("JSON")
    };
    let invite = [
        "tenant",
        "invite",
        "globex",
        "--instance",
        &instance,
        "--output",
        "json",
    ];
    for (wrong, said) in [
        ("", "EOF"),
        (r#"{"advance_seconds": -1}"#, "-1"),
        (r#"{"advance_seconds": 0}"#, "from 1 to"),
        (r#"{"advance_days": 10}"#, "advance_days"),
    ] {
        let refused = HttpAnswer::to_post(&clock, None, wrong).await;
        assert_eq!(refused.status, 400, "{wrong}");
        let error = refused.json()["error"].to_string();
        assert_contains(&error, &["was not moved", "advance_seconds", said]);
    }
    let days = |days: u64| json!({"advance_seconds": days * 24 * 3600}).to_string();
    let moved = HttpAnswer::to_post(&clock, None, days(300)).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    assert_eq!(moved.json()["ahead_seconds"], 300 * 24 * 3600);
    let in_300_days = Clock::system(300 * 24 * 3600);
    let now = moved.json()["now"].as_str().and_then(Timestamp::parse);
    assert!(in_300_days.now().since(now.expect("a time")) < PATIENCE);
    // The command line has the cloud's time: a link of seven days is not expired at once.
    let link = cli(&invite).await["setup_link"]
        .as_str()
        .expect("a link")
        .to_owned();
    let (api, code) = link.split_once("/#globex.").expect("the link's form");
    let enrolled = HttpAnswer::to(
        shared::http::client(None)
            .expect("a client")
            .post(format!("{api}/integration/api/servicenow/enrolment/globex"))
            .bearer_auth(code)
            .json(&json!({ "instance": instance })),
    )
    .await;
    assert_eq!(enrolled.status, 201, "{enrolled:?}");
    // The demo's tenant has its token renewed meanwhile.
    let token = cli(&["token", "status", "demo", "--output", "json"]).await;
    assert_eq!(token["state"], "healthy", "{token}");
    up.post(
        "ended",
        &format!("SessionID=70112233&CField1={}", up.incident),
    )
    .await;
    up.until(NEW_NOTE).await;
    let mail = up.request_pin().await;
    let (status, mails) = get(&format!("{instance}/simulator/mails")).await;
    assert_eq!(status, 200);
    assert_contains(&mails, &[mail["pin"].as_str().expect("a PIN")]);
    up.interrupt().await;

    let up = Up::start(data.path(), port).await;
    let kept = HttpAnswer::to_get(&clock).await.json();
    assert_eq!(kept["ahead_seconds"], 300 * 24 * 3600, "the clock is kept");
    up.interrupt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pin_link_and_the_e_mails_stay_on_the_laptop() {
    let data = Folder::new();
    let port = free_ports();
    let up = Up::start(data.path(), port).await;
    let answer = up.request_pin().await;
    let link = answer["link"].as_str().expect("a link");
    assert!(
        link.starts_with(&format!("http://127.0.0.1:{}/", port + 3)),
        "{link}"
    );
    let (status, page) = get(link).await;
    assert_eq!(status, 200);
    let pin = answer["pin"].as_str().expect("a PIN");
    assert!(page.contains(pin) && page.contains("Ana Ruiz"), "{page}");

    let mut addresses = up.greeting.split_whitespace();
    let mails = addresses.find(|word| word.ends_with("/sys_email_list.do"));
    let (status, page) = get(mails.expect("the e-mails' address is printed")).await;
    assert_eq!(status, 200);
    assert_contains(
        &page,
        &["ana.ruiz@acme.test", "paul.martin@acme.test", link],
    );
    up.interrupt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_up_on_a_folder_names_the_holder_and_does_not_change_its_tenant() {
    let data = Folder::new();
    let port = free_ports();
    let up = Up::start(data.path(), port).await;
    let folder = data.path().to_str().expect("UTF-8");
    let second = (port + 4).to_string();
    let stderr = refused(&["up", "--data", folder, "--port", &second], 1);
    let holder = format!("process {}", up.child.id().expect("it runs"));
    assert_contains(&stderr, &[folder, &holder, "--data"]);
    let shown = local(&["cli", "--port", &port.to_string(), "tenant", "show", "demo"]).await;
    assert_contains(&shown.1, &[&format!("127.0.0.1:{}", port + 2)]);
    up.interrupt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_what_was_changed_and_follows_the_ports() {
    let data = Folder::new();
    let port = free_ports();
    let up = Up::start(data.path(), port).await;
    let cli = |port: u16, rest: &[&str]| {
        let port = port.to_string();
        let arguments = [&["cli", "--port", &port], rest].concat();
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        async move {
            local(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
                .await
                .1
        }
    };
    let applied = cli(port, &["tenant", "set", "demo", "/language", "fr"]).await;
    assert!(applied.contains("language"), "{applied}");
    up.interrupt().await;

    let moved = free_ports();
    let mut up = Up::start(data.path(), moved).await;
    let shown = cli(moved, &["tenant", "show", "demo"]).await;
    assert!(shown.contains("language = \"fr\""), "{shown}");
    assert_contains(&shown, &[&format!("127.0.0.1:{}", moved + 2)]);
    let start = format!("SessionID=70112233&CField1={}", up.incident);
    up.post("started", &start).await;
    let note = up.until(NEW_NOTE).await;
    assert!(note.contains(&up.incident), "{note}");
    up.interrupt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_one_readable_line_and_json_only_with_logs() {
    let data = Folder::new();
    let port = free_ports();
    let mut up = Up::start(data.path(), port).await;
    let start = format!("SessionID=70112233&CField1={}", up.incident);
    up.post("started", &start).await;
    let output = up.until(NEW_NOTE).await;
    let line = output.lines().find(|line| line.contains("session-details"));
    let line = line.expect("an event");
    assert!(line.contains("tenant=demo session=70112233"), "{line}");
    assert!(!output.contains('{'), "{output}");
    assert_eq!(up.stop().await, "", "nothing on standard error");

    for (level, expected) in [("INFO", true), ("ERROR", false)] {
        let more = ["--logs", "--log-level", level];
        let mut up = Up::start_with(data.path(), port, &more).await;
        up.post("ended", &format!("{start}&Note={level}")).await;
        let output = up.until(level).await;
        assert!(!output.contains("tenant=demo"), "{output}");
        let logged = up.stop().await;
        assert_eq!(logged.contains("\"_aws\""), expected, "{level}: {logged}");
        assert_eq!(
            logged.contains("\"level\":\"INFO\""),
            expected,
            "{level}: {logged}"
        );
    }
}

/// Runs the program: whether it succeeded, and what it wrote to standard output and standard error.
async fn local(arguments: &[&str]) -> (bool, String) {
    let ended = tokio::process::Command::new(tests::folder().join("local"))
        .args(arguments)
        .output()
        .await
        .expect("the program starts");
    let output = [ended.stdout, ended.stderr].concat();
    (
        ended.status.success(),
        String::from_utf8_lossy(&output).into_owned(),
    )
}

/// Status and page of a GET, as a browser sends it.
async fn get(url: &str) -> (u16, String) {
    let client = shared::http::client(None).expect("a client");
    let answer = client.get(url).send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.text().await.expect("a page"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_keeps_tenant_records_and_posts_for_the_next_start() {
    let data = Folder::new();
    let port = free_ports();

    let mut first = Up::start(data.path(), port).await;
    let start = format!(
        "SessionID=70112233&TechName=Ana+Ruiz&CField1={}",
        first.incident
    );
    first.post("started", &start).await;
    let note = first.until(NEW_NOTE).await;
    assert!(note.contains(&first.incident), "{note}");
    let (url, incident) = (first.url.clone(), first.incident.clone());
    first.interrupt().await;

    let mut second = Up::start(data.path(), port).await;
    assert_eq!((&second.url, &second.incident), (&url, &incident));
    second.post("started", &start).await;
    // Posts of one session stay in order: when the end is written, the repeated start was processed before.
    second
        .post("ended", &format!("{start}&WorkTime=1502&Note=Done"))
        .await;
    let before = second.until("Done").await;
    assert_eq!(before.matches(NEW_NOTE).count(), 1, "{before}");
    second.interrupt().await;
}

/// A running `local up`.
struct Up {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// The output of the start.
    greeting: String,
    /// The webhook URL for ends.
    url: String,
    /// The incident it proposes.
    incident: String,
}

impl Up {
    async fn start(data: &Path, port: u16) -> Self {
        Self::start_with(data, port, &[]).await
    }

    async fn start_with(data: &Path, port: u16, more: &[&str]) -> Self {
        let mut child = tokio::process::Command::new(tests::folder().join("local"))
            .arg("up")
            .args(["--port", &port.to_string()])
            .arg("--data")
            .arg(data)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("piped");
        let mut up = Self {
            child,
            lines: BufReader::new(stdout).lines(),
            greeting: String::new(),
            url: String::new(),
            incident: String::new(),
        };
        up.greeting = up.until("Ctrl-C ends it").await;
        let proposal = up.greeting.split("ends a session on ").nth(1);
        let incident = proposal.and_then(|text| text.split(':').next());
        incident.expect("an incident").clone_into(&mut up.incident);
        let mut addresses = up.greeting.split('\'');
        let url = addresses.find(|word| word.ends_with("event=ended"));
        url.expect("the webhook URL").clone_into(&mut up.url);
        assert!(up.url.contains(&format!("127.0.0.1:{port}/")), "the port");
        up
    }

    /// The sandbox's address, from the first line.
    fn sandbox(&self) -> String {
        let first = self.greeting.lines().next().unwrap_or_default();
        let address = first.strip_prefix("Sandbox ").expect("the first line");
        address.trim().to_owned()
    }

    /// The output up to and including the first line with this text.
    async fn until(&mut self, text: &str) -> String {
        let mut printed = String::new();
        let reading = async {
            while let Some(line) = self.lines.next_line().await.expect("readable") {
                printed += &line;
                printed += "\n";
                if line.contains(text) {
                    return true;
                }
            }
            false
        };
        let found = tokio::time::timeout(PATIENCE, reading).await;
        assert_eq!(found, Ok(true), "{text} is not in: {printed}");
        printed
    }

    async fn post(&self, event: &str, form: &str) {
        let url = self.url.replace("event=ended", &format!("event={event}"));
        let client = shared::http::client(None).expect("a client");
        let request = client
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.to_owned());
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
    }

    /// Sends the PIN request of the printed `curl` line.
    async fn request_pin(&self) -> serde_json::Value {
        let mut quoted = self.greeting.split('\'');
        let url = quoted.find(|word| word.contains("/pincodes/"));
        let header = quoted.find(|word| word.starts_with("Authorization: "));
        let body = quoted.find(|word| word.starts_with('{'));
        let client = shared::http::client(None).expect("a client");
        let (_, key) = header
            .and_then(|header| header.split_once(": "))
            .expect("a key");
        let request = client
            .post(url.expect("a URL"))
            .header("authorization", key)
            .body(body.expect("a body").to_owned());
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 201);
        answer.json().await.expect("JSON")
    }

    /// Ends it with Ctrl-C and returns standard error.
    async fn stop(mut self) -> String {
        let mut stderr = self.child.stderr.take().expect("piped");
        let read = tokio::spawn(async move {
            let mut text = String::new();
            stderr.read_to_string(&mut text).await.expect("UTF-8");
            text
        });
        self.interrupt().await;
        read.await.expect("read")
    }

    /// Ends it with Ctrl-C.
    async fn interrupt(mut self) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.expect("kill").success());
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = ended.expect("it ends").expect("it ran");
        assert!(status.success(), "{status}");
    }
}

/// The first of five ports that are free.
fn free_ports() -> u16 {
    loop {
        let probe = TcpListener::bind("127.0.0.1:0").expect("a port");
        let first = probe.local_addr().expect("bound").port();
        let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if first < u16::MAX - 4 && (first + 1..first + 5).all(free) {
            return first;
        }
    }
}
