//! `cargo run`, and `cargo run -- up` with a folder that keeps everything.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use super::folder::Folder;

/// How long a part of the demo may take before the test is given up.
const PATIENCE: Duration = Duration::from_secs(60);
const NEW_NOTE: &str = "shows a new work note";

#[test]
fn the_story_without_arguments_ends_well() {
    let ended = Command::new(tests::folder().join("local"))
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&ended.stdout);
    let complained = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}\n{complained}");
    assert!(
        !said.contains('\u{1b}'),
        "coloured although it is piped: {said}"
    );
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
    // Posts of one session stay in order: when the end is written, the repeated start is done with.
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
    /// The webhook URL for ends.
    url: String,
    /// The incident it proposes.
    incident: String,
}

impl Up {
    async fn start(data: &Path, port: u16) -> Self {
        let mut child = tokio::process::Command::new(tests::folder().join("local"))
            .arg("up")
            .args(["--port", &port.to_string()])
            .arg("--data")
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("piped");
        let mut up = Self {
            child,
            lines: BufReader::new(stdout).lines(),
            url: String::new(),
            incident: String::new(),
        };
        let greeting = up.until("New work notes appear below").await;
        let proposal = greeting.split("ends a session on ").nth(1);
        let incident = proposal.and_then(|text| text.split(':').next());
        incident.expect("an incident").clone_into(&mut up.incident);
        let url = std::fs::read_to_string(data.join("demo-webhook-url"));
        up.url = url.expect("the demo keeps its URL");
        assert!(up.url.contains(&format!("127.0.0.1:{port}/")), "the port");
        up
    }

    /// What it prints until a line holds the text, that line included.
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

    /// Ctrl-C.
    async fn interrupt(mut self) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.expect("kill").success());
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = ended.expect("it ends").expect("it ran");
        assert!(status.success(), "{status}");
    }
}

/// The first of four ports that are free.
fn free_ports() -> u16 {
    loop {
        let probe = TcpListener::bind("127.0.0.1:0").expect("a port");
        let first = probe.local_addr().expect("bound").port();
        let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if first < u16::MAX - 3 && (first + 1..first + 4).all(free) {
            return first;
        }
    }
}
