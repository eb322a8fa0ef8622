//! `rescue-connector`, the operator's command line, against the embedded cloud (docs/command-line.md).

use std::process::Stdio;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use local::aws::{Effect, InjectedAwsFault, Mark, Service};
use local::demo_tenant;
use local::rescue::{Format, Phase, Session};
use local::servicenow::User;
use serde_json::{Value, json};
use tests::{Case, World, assert_contains};
use tokio::io::AsyncWriteExt as _;

use super::folder::Folder;

/// Characters that shells, URLs, XML and JSON treat in their own ways.
const HARD: &str = "^&<>?\"'\\ %20+é漢🔑";

/// Applies the file that [`CommandLine::file`] writes.
const APPLY: [&str; 5] = ["tenant", "apply", "acme.toml", "--output", "json"];

/// The program with its environment and a folder for tenant files.
pub(super) struct CommandLine<'w> {
    world: &'w World,
    folder: Folder,
    environment: Vec<(&'static str, String)>,
}

/// The end of a command.
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Ended {
    pub(super) fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    pub(super) fn all(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    #[track_caller]
    pub(super) fn assert_stdout(&self, expected: &[&str]) {
        assert_contains(&self.stdout, expected);
    }

    #[track_caller]
    pub(super) fn assert_stderr(&self, expected: &[&str]) {
        assert_contains(&self.stderr, expected);
    }

    /// Asserts that the output moves no cursor and changes no direction of writing.
    #[track_caller]
    pub(super) fn assert_plain(&self) {
        let all = self.all();
        let special = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!all.contains(special), "{all:?}");
    }
}

impl<'w> CommandLine<'w> {
    /// Finds the stack by its outputs.
    pub(super) fn by_outputs(world: &'w World) -> Self {
        let environment = vec![
            ("AWS_ENDPOINT_URL", world.cloud.aws.endpoint().to_owned()),
            ("AWS_REGION", local::aws::REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "operator".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "operator".to_owned()),
            ("ALLOW_LOOPBACK", "1".to_owned()),
        ];
        Self {
            world,
            folder: Folder::new(),
            environment,
        }
    }

    /// Finds the stack by the functions' variables.
    fn by_variables(world: &'w World) -> Self {
        let mut this = Self::by_outputs(world);
        let stack = &world.cloud.stack;
        this.environment.extend([
            ("TENANTS_TABLE", stack.tenants_table.clone()),
            ("SESSIONS_TABLE", stack.sessions_table.clone()),
            ("CREDENTIALS_TABLE", stack.credentials_table.clone()),
            ("SESSIONS_QUEUE_URL", stack.sessions_queue_url.clone()),
            ("SESSIONS_DLQ_URL", stack.sessions_dlq_url.clone()),
            ("SECRET_PREFIX", stack.secret_prefix.clone()),
        ]);
        this
    }

    /// The same with one more variable.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    pub(super) async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "").await
    }

    /// Runs a command with a text as its standard input. No command colours what is piped.
    pub(super) async fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        self.run_with_bytes(arguments, input.as_bytes()).await
    }

    /// The same with any bytes.
    pub(super) async fn run_with_bytes(&self, arguments: &[&str], input: &[u8]) -> Ended {
        let mut child = self.command(arguments).spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("piped");
        // A command that does not read its input may have ended already.
        let _ = stdin.write_all(input).await;
        drop(stdin);
        let output = child.wait_with_output().await.expect("it ends");
        let ended = Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        };
        assert!(!ended.all().contains('\u{1b}'), "{}", ended.all());
        ended
    }

    fn command(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(tests::folder().join("rescue-connector"));
        command
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().cloned())
            // The clock of the world.
            .env(
                "CLOCK_OFFSET_SECONDS",
                self.world.cloud.clock.offset_seconds().to_string(),
            )
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Writes `acme.toml`: the demo's tenant file under another name, changed.
    pub(super) fn file(&self, change: impl FnOnce(String) -> String) {
        self.write("acme.toml", &change(self.acme()));
    }

    /// The tenant file of acme.
    pub(super) fn acme(&self) -> String {
        demo_tenant::file(&self.world.cloud)
            .replace("tenant = \"demo\"", "tenant = \"acme\"")
            .replace("\"rescue-connector-demo\"", "\"acme-client\"")
    }

    /// The tenant file of acme under another name.
    pub(super) fn named(&self, name: &str) -> String {
        let tenant = format!("tenant = \"{name}\"");
        self.acme().replace("tenant = \"acme\"", &tenant)
    }

    /// Writes a file into the folder in which commands run.
    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    /// Runs a command that must succeed, and returns its JSON.
    pub(super) async fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["--output", "json"]].concat();
        self.run(&arguments).await.json()
    }

    /// Runs a command that must succeed.
    pub(super) async fn succeeds(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        ended
    }

    /// Runs a command that must fail with these texts on standard error and nothing on standard output.
    pub(super) async fn fails(&self, arguments: &[&str], expected: &[&str]) -> Ended {
        let ended = self.run(arguments).await;
        let outcome = (ended.code, ended.stdout.as_str());
        assert_eq!(outcome, (Some(1), ""), "{arguments:?}: {}", ended.stderr);
        ended.assert_stderr(expected);
        ended
    }

    /// Runs commands that must be refused as wrong usage.
    pub(super) async fn refuses_usage(&self, commands: &[&[&str]]) {
        for arguments in commands {
            let ended = self.run(arguments).await;
            let outcome = (ended.code, ended.stdout.as_str());
            assert_eq!(outcome, (Some(2), ""), "{arguments:?}: {}", ended.stderr);
        }
    }

    /// A new tenant `acme` that may write to the instance, and what its creation answered.
    pub(super) async fn create_with_secrets(&self) -> Value {
        self.create_with_client("acme-secret").await
    }

    /// The same with that client secret.
    async fn create_with_client(&self, client_secret: &str) -> Value {
        let created = self.create().await;
        let instance = &self.world.cloud.servicenow;
        instance.add_registry("acme-client", client_secret);
        instance.add_user(User::service_account("svc.acme", "unused").with_roles(&["itil"]));
        let refresh_token = instance.issue_refresh_token("acme-client", "svc.acme");
        for (name, value) in [
            ("oauth-client-secret", client_secret),
            ("refresh-token", &refresh_token),
        ] {
            let set = ["secrets", "set", "acme", name, "--yes"];
            let set = self.run_with(&set, &format!("{value}\n")).await;
            assert_eq!(set.code, Some(0), "{}", set.stderr);
        }
        created
    }

    /// Posts a session's data to the webhook URL of a tenant that was created.
    pub(super) async fn post(&self, created: &Value, session: &Session, phase: Phase) {
        let urls = &created["webhook_urls"];
        let url = match phase {
            Phase::Start => text(urls, "/started"),
            Phase::End => text(urls, "/ended"),
        };
        self.world.post_to(url, session, Format::Form, phase).await;
    }

    pub(super) async fn apply(&self) -> Ended {
        self.run(&APPLY).await
    }

    /// A new tenant `acme`, and what its creation answered.
    pub(super) async fn create(&self) -> Value {
        self.file(|file| file);
        self.apply().await.json()
    }

    pub(super) fn mark(&self) -> Mark {
        self.world.cloud.aws.journal().mark()
    }

    /// Asserts that no command has written anything since then.
    #[track_caller]
    pub(super) fn assert_unwritten_since(&self, mark: Mark) {
        let reads = ["Get", "BatchGet", "Describe", "List", "Query", "Scan"];
        let calls = self.world.cloud.aws.journal().since(mark).into_iter();
        let operations = calls.map(|call| call.operation);
        let is_write = |name: &String| !reads.iter().any(|read| name.starts_with(read));
        let writes: Vec<String> = operations.filter(is_write).collect();
        assert_eq!(writes, [""; 0]);
    }

    /// The value of one of acme's secrets.
    pub(super) async fn secret(&self, name: &str) -> Value {
        let secrets = &self.world.cloud.stack.secrets;
        let answer = secrets
            .get_secret_value()
            .secret_id(format!("rescue-connector/acme/{name}"))
            .send()
            .await
            .expect("the secret is there");
        serde_json::from_str(answer.secret_string().expect("a text")).expect("JSON")
    }

    /// The item of acme in the tenants' table.
    pub(super) async fn item(&self) -> Option<std::collections::HashMap<String, AttributeValue>> {
        let stack = &self.world.cloud.stack;
        let answer = stack
            .dynamodb
            .get_item()
            .table_name(&stack.tenants_table)
            .key("tenant", AttributeValue::S("acme".to_owned()))
            .send()
            .await;
        answer.expect("readable").item
    }
}

pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

/// The names of an object's members.
pub(super) fn members(value: &Value) -> Vec<&String> {
    value.as_object().expect("an object").keys().collect()
}

/// `{"tenant","changes","webhook_urls":{"started","ended"},"api_key","keys":[{"id","kind","scopes"}]}`.
fn assert_shape(created: &Value) {
    let expected = ["api_key", "changes", "keys", "tenant", "webhook_urls"];
    assert_eq!(members(created), expected, "{created}");
    assert_eq!(created["tenant"], "acme");
    assert_eq!(members(&created["webhook_urls"]), ["ended", "started"]);
    let keys = created["keys"].as_array().expect("keys");
    assert_eq!(keys.len(), 2);
    for key in keys {
        assert_eq!(members(key), ["id", "kind", "scopes"]);
    }
    assert_eq!(keys[0]["kind"], "webhook");
    assert_eq!(keys[1]["kind"], "api");
    assert_eq!(keys[1]["scopes"], json!(["pin", "token"]));
    assert!(!created["changes"].as_array().expect("a list").is_empty());
}

/// 32 random bytes in base64url (infra/openapi.yaml).
fn assert_api_key(key: &str) {
    assert_eq!(key.len(), 43);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    assert!(key.bytes().all(allowed), "{key}");
}

async fn status(method: reqwest::Method, url: &str) -> u16 {
    let client = shared::http::client(None).expect("a client");
    let mut request = client.request(method.clone(), url);
    if method == reqwest::Method::POST {
        request = request.body("SessionID=700");
    }
    request.send().await.expect("an answer").status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_tenant_gets_urls_and_keys_that_work_whichever_way_the_stack_is_found() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let created = operator.create().await;
    assert_shape(&created);
    assert_api_key(text(&created, "/api_key"));
    for event in ["started", "ended"] {
        let url = text(&created, &format!("/webhook_urls/{event}"));
        assert!(url.starts_with(&world.cloud.gateway.url()), "{url}");
        assert!(url.ends_with(&format!("?event={event}")), "{url}");
        assert_eq!(status(reqwest::Method::GET, url).await, 204);
        assert_eq!(status(reqwest::Method::POST, url).await, 200);
    }

    let world = World::start().await;
    let operator = CommandLine::by_variables(&world);
    let mark = operator.mark();
    let created = operator.create().await;
    assert_shape(&created);
    assert_api_key(text(&created, "/api_key"));
    // The API's address and the function that renews tokens have no variable: the stack's outputs name them.
    let journal = world.cloud.aws.journal();
    assert_eq!(journal.count_service(mark, Service::CloudFormation), 1);
    let url = text(&created, "/webhook_urls/ended");
    assert!(url.starts_with(&world.cloud.gateway.url()), "{url}");
    assert_eq!(status(reqwest::Method::GET, url).await, 204);
    assert_eq!(status(reqwest::Method::POST, url).await, 200);
    let token = operator.json(&["token", "status", "acme"]).await;
    assert_eq!(token["rotation"]["schedule"], "rate(1 day)");
    let created = operator.json(&["keys", "rotate", "acme", "webhook"]).await;
    let url = text(&created, "/webhook_urls/started");
    assert!(url.starts_with(&world.cloud.gateway.url()), "{url}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_stack_paths_are_printed_and_a_tenant_without_a_schedule_is_not_called_ready() {
    let world = World::start().await;
    let operator = CommandLine::by_variables(&world);
    operator.file(|file| file);
    let elsewhere = [&APPLY[..], &["--stack", "elsewhere"]].concat();
    let ended = operator.run(&elsewhere).await;
    assert_eq!(ended.code, Some(1));
    ended.assert_stderr(&[
        "no stack elsewhere",
        "the rotation schedule is not set",
        "RotateTokensFunctionArn",
        "apply the file again",
    ]);
    let created: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let path = text(&created, "/webhook_urls/ended");
    assert!(path.starts_with("/integration/api/servicenow/"), "{path}");
    assert_api_key(text(&created, "/api_key"));

    // Applying again with the stack sets the schedule.
    operator
        .succeeds(&APPLY)
        .await
        .assert_stderr(&["rate(1 day)"]);
    // An existing schedule stays when the stack cannot be read.
    operator.succeeds(&elsewhere).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_tenant_lists_the_next_steps() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.file(|file| file);
    let apply = ["tenant", "apply", "acme.toml"];
    operator.succeeds(&apply).await.assert_stderr(&[
        "Paste the two Post-to-URL addresses",
        "rescue-connector secrets set acme oauth-client-secret",
        "rescue-connector secrets set acme sso-password",
        "rescue-connector doctor acme",
    ]);
    let again = operator.run(&apply).await;
    assert!(!again.stderr.contains("Next steps"), "{}", again.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_moves_no_cursor() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    operator.file(|file| file.replace("\"acme-client\"", "\"acme\u{9b}2J\u{202e}client\""));
    for arguments in [
        &["tenant", "apply", "acme.toml", "--dry-run"][..],
        &["tenant", "apply", "acme.toml"],
        &["tenant", "apply", "acme.toml", "--yes"],
        &["tenant", "apply", "acme.toml", "--output", "json"],
        &["tenant", "show", "acme"],
        &["tenant", "export", "acme"],
        &["token", "status", "acme"],
        &["doctor", "acme"],
    ] {
        let _case = Case::of(arguments);
        operator.run(arguments).await.assert_plain();
    }
}

/// docs/architecture.md#where-state-lives: `tenant apply` creates both secrets; the token secret holds `{}` until a token comes.
#[tokio::test(flavor = "multi_thread")]
async fn both_secrets_exist_from_the_start_and_the_token_is_empty() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    assert_eq!(operator.secret("token").await, json!({}));
    let credentials = operator.secret("credentials").await;
    assert_eq!(members(&credentials), ["tracking-key"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn applying_the_same_file_again_changes_nothing_and_shows_no_keys() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let created = operator.create().await;
    let item = operator.item().await;
    let mark = operator.mark();
    let again = operator.apply().await;
    let answer = again.json();
    assert_eq!(answer["changes"], json!([]));
    assert_eq!(answer["keys"], created["keys"]);
    assert_eq!(answer.get("webhook_urls"), None);
    assert_eq!(answer.get("api_key"), None);
    assert!(!again.all().contains(text(&created, "/api_key")));
    operator.assert_unwritten_since(mark);
    assert_eq!(operator.item().await, item);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_setting_is_shown_with_both_values() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    operator.file(|file| file.replace("tenant = \"acme\"", "tenant = \"acme\"\nlanguage = \"es\""));
    let dry_run = ["tenant", "apply", "acme.toml", "--dry-run"];
    let table = operator.succeeds(&dry_run).await;
    table.assert_stdout(&["- language = \"en\"", "+ language = \"es\""]);
    let answer = operator.apply().await.json();
    let change = json!([{"path": "language", "before": "en", "after": "es"}]);
    assert_eq!(answer["changes"], change);
    let shown = operator.json(&["tenant", "show", "acme"]).await;
    assert_eq!(shown["settings"]["language"], "es");
    assert_eq!(shown["version"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_writes_nothing() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.file(|file| file);
    let mark = operator.mark();
    let dry_run = ["tenant", "apply", "acme.toml", "--dry-run"];
    let answer = operator.json(&dry_run).await;
    assert!(!answer["changes"].as_array().expect("a list").is_empty());
    assert_eq!(answer.get("api_key"), None);
    operator.assert_unwritten_since(mark);
    assert_eq!(operator.item().await, None);
}

/// A change that interrupts a running tenant has to be confirmed; without a terminal it needs `--yes`.
#[tokio::test(flavor = "multi_thread")]
async fn switching_a_tenant_off_without_a_terminal_needs_yes() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    operator.file(|file| file.replace("tenant = \"acme\"", "tenant = \"acme\"\nenabled = false"));
    let mark = operator.mark();
    operator.fails(&APPLY, &["--yes"]).await;
    operator.assert_unwritten_since(mark);
    let confirmed = ["tenant", "apply", "acme.toml", "--yes"];
    let answer = operator.json(&confirmed).await;
    assert_eq!(answer["changes"][0]["path"], "enabled");
}

/// The second operator writes while the first one's write is delayed.
#[tokio::test(flavor = "multi_thread")]
async fn the_later_of_two_operators_gets_an_error_and_overwrites_nothing() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    operator.file(|file| file.replace("tenant = \"acme\"", "tenant = \"acme\"\nlanguage = \"es\""));
    let aws = &world.cloud.aws;
    let hang = Effect::Hang(Duration::from_secs(2));
    aws.inject(InjectedAwsFault::once(
        Service::DynamoDb,
        "UpdateItem",
        hang,
    ));
    let mark = operator.mark();
    let other_operator = async {
        let since = Instant::now();
        while aws.journal().count(mark, Service::DynamoDb, "UpdateItem") == 0 {
            assert!(
                since.elapsed() < Duration::from_secs(60),
                "nothing is written"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let stack = &world.cloud.stack;
        let update = stack
            .dynamodb
            .update_item()
            .table_name(&stack.tenants_table)
            .key("tenant", AttributeValue::S("acme".to_owned()))
            .update_expression("SET #version = :next")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":next", AttributeValue::N("2".to_owned()));
        update.send().await.expect("written");
        operator.item().await
    };
    let (ended, theirs) = tokio::join!(operator.apply(), other_operator);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    ended.assert_stderr(&["another operator changed", "apply again"]);
    assert_eq!(operator.item().await, theirs);
    let again = operator.apply().await.json();
    assert_eq!(again["changes"][0]["after"], "es");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_a_file_are_reported_by_line_and_key_before_any_aws_call() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.file(|file| {
        file.replace(
            "tenant = \"acme\"",
            "tenant = \"acme\"\nlanguage = \"klingon\"",
        )
        .replace("company_id", "compny_id")
    });
    let mark = operator.mark();
    let ended = operator.fails(&APPLY, &[]).await;
    for (place, fault) in [
        ("line 2,", "language"),
        ("line 5,", "compny_id"),
        ("acme.toml", "not a tenant file"),
    ] {
        let mut lines = ended.stderr.lines();
        let found = lines.any(|line| line.contains(place) && line.contains(fault));
        assert!(found, "{place}, {fault}: {}", ended.stderr);
    }
    assert!(world.cloud.aws.journal().since(mark).is_empty());
    operator
        .fails(&["tenant", "apply", "none.toml"], &["none.toml"])
        .await;
}

/// 0, 1 (it failed) or 2 (wrong usage).
#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_two_and_a_tenant_that_does_not_exist_is_one() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let wrong_usage = [
        &[][..],
        &["tenant"],
        &["tenant", "apply"],
        &["tenant", "show", "Not A Name"],
        &["tenant", "show", "acme", "--output", "xml"],
        &["secrets", "set", "demo", "password"],
    ];
    operator.refuses_usage(&wrong_usage).await;
    for failing in [
        &["tenant", "show", "acme"][..],
        &["secrets", "set", "acme", "sso-password"],
    ] {
        let ended = operator.run_with(failing, "x").await;
        let outcome = (ended.code, ended.stdout.as_str());
        assert_eq!(outcome, (Some(1), ""), "{failing:?}");
        ended.assert_stderr(&["no tenant acme"]);
    }
    let elsewhere = ["tenant", "show", "demo", "--stack", "elsewhere"];
    operator.fails(&elsewhere, &["no stack elsewhere"]).await;
    operator.succeeds(&["--help"]).await;
}

/// docs/architecture.md#rule-8.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_stored_unchanged_and_never_shown() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let created = operator.create().await;
    let before = operator.json(&["tenant", "show", "acme"]).await;
    let nothing = json!({
        "oauth-client-secret": false, "refresh-token": false, "rescue-api-token": false,
        "service-account-password": false, "sso-password": false,
    });
    assert_eq!(before["secrets"], nothing);
    for (name, ending) in [
        ("sso-password", "\n"),
        ("oauth-client-secret", "\r\n"),
        ("service-account-password", ""),
        ("refresh-token", "\n"),
    ] {
        // A client secret with such characters has to be confirmed.
        let set = ["secrets", "set", "acme", name, "--yes"];
        let text = format!("{HARD}{name}{ending}");
        let set = operator.run_with(&set, &text).await;
        assert_eq!(set.code, Some(0), "{}", set.stderr);
        assert!(!set.all().contains(HARD), "{}", set.all());
    }
    let credentials = operator.secret("credentials").await;
    for name in [
        "sso-password",
        "oauth-client-secret",
        "service-account-password",
    ] {
        assert_eq!(credentials[name], format!("{HARD}{name}"));
    }
    assert_eq!(credentials["tracking-key"].as_str().map(str::len), Some(43));
    let token = operator.secret("token").await;
    assert_eq!(token["refresh_token"], format!("{HARD}refresh-token"));

    let set = ["secrets", "set", "acme", "sso-password"];
    let empty = operator.run_with(&set, "\n").await;
    assert_eq!(empty.code, Some(1));
    assert_eq!(operator.secret("credentials").await, credentials);

    let table = operator.run(&["tenant", "show", "acme"]).await;
    let json = operator
        .run(&["tenant", "show", "acme", "--output", "json"])
        .await;
    let secrets = &json.json()["secrets"];
    assert_eq!(secrets["rescue-api-token"], false);
    assert_eq!(secrets["refresh-token"], true);
    for (name, is_set) in [("rescue-api-token", false), ("sso-password", true)] {
        let mut lines = table.stdout.lines();
        let line = lines.find(|line| line.trim_start().starts_with(name));
        let line = line.unwrap_or_else(|| panic!("{name}: {}", table.stdout));
        assert_eq!(!line.contains("not set"), is_set, "{line}");
    }
    let api_key = text(&created, "/api_key");
    let ended_url = text(&created, "/webhook_urls/ended");
    let (_, webhook_key) = ended_url.rsplit_once('/').expect("a key");
    let webhook_key = webhook_key.strip_suffix("?event=ended").expect("a key");
    for shown in [table.all(), json.all()] {
        assert!(!shown.contains("^&"), "{shown}");
        assert!(!shown.contains(api_key), "{shown}");
        assert!(!shown.contains(webhook_key), "{shown}");
        assert!(!shown.contains(credentials["tracking-key"].as_str().expect("set")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_cannot_be_the_secret_is_refused_with_a_sentence_and_nothing_changes() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    let set = async |name: &str, input: &[u8], more: &[&str]| {
        let arguments = [&["secrets", "set", "acme", name][..], more].concat();
        operator.run_with_bytes(&arguments, input).await
    };
    let before = operator.secret("credentials").await;
    for (name, input, expected) in [
        (
            "refresh-token",
            &br#"{"access_token":"AT","refresh_token":"RT1"}"#[..],
            "member refresh_token",
        ),
        (
            "oauth-client-secret",
            br#"{"client_secret":"RT1"}"#,
            "member client_secret",
        ),
        ("sso-password", b"\"RT1\"\n", "is in quotes"),
        ("oauth-client-secret", b"RT1^&\n", "^ & < > ?"),
        ("sso-password", b"RT1\xff", "UTF-8"),
        ("sso-password", b"RT1\nRT1\n", "several lines"),
        ("sso-password", b"RT1\x07", "control character"),
        ("sso-password", b"\r\n", "is empty"),
        ("sso-password", &[b'x'; 200_000], "more than 60 KB"),
    ] {
        let ended = set(name, input, &[]).await;
        let outcome = (ended.code, ended.stdout.as_str());
        assert_eq!(outcome, (Some(1), ""), "{expected}");
        ended.assert_stderr(&[expected, "Nothing was changed."]);
        assert!(!ended.all().contains("RT1"), "{}", ended.all());
    }
    assert_eq!(operator.secret("credentials").await, before);
    assert_eq!(operator.secret("token").await, json!({}));

    // PowerShell's additions are dropped, and --yes confirms a doubtful secret.
    let marked = set("refresh-token", b"\xef\xbb\xbfRT1\r\n", &[]).await;
    assert_eq!(marked.code, Some(0), "{}", marked.stderr);
    assert_eq!(operator.secret("token").await["refresh_token"], "RT1");
    let quoted = set("sso-password", b"'RT1'", &["--yes"]).await;
    assert_eq!(quoted.code, Some(0), "{}", quoted.stderr);
    let credentials = operator.secret("credentials").await;
    assert_eq!(credentials["sso-password"], "'RT1'");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_pipe_is_no_error_and_arguments_move_no_cursor() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    for arguments in [
        &["tenant", "list"][..],
        &["completions", "bash"],
        &["--help"],
    ] {
        let mut child = operator.command(arguments);
        child.stdin(Stdio::null());
        let mut child = child.spawn().expect("the program starts");
        // Closed before the program writes, as `head` closes it.
        drop(child.stdout.take());
        let output = child.wait_with_output().await.expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            (output.status.code(), stderr.as_ref()),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
    let odd = ["tenant", "show", "\u{1b}[2J\u{9b}31m\u{202e}"];
    let ended = operator.run(&odd).await;
    assert_eq!(ended.code, Some(2));
    ended.assert_plain();
}

/// The next run completes one that was interrupted between its writes.
#[tokio::test(flavor = "multi_thread")]
async fn applying_again_creates_a_missing_secret_and_keeps_the_other() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    let credentials = operator.secret("credentials").await;
    let delete = world.cloud.stack.secrets.delete_secret();
    let delete = delete.secret_id("rescue-connector/acme/token");
    let delete = delete.force_delete_without_recovery(true).send();
    delete.await.expect("deleted");
    let again = operator.apply().await;
    assert_eq!(again.json()["changes"], json!([]));
    again.assert_stderr(&["rescue-connector/acme/token"]);
    assert_eq!(operator.secret("token").await, json!({}));
    assert_eq!(operator.secret("credentials").await, credentials);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_created_by_the_command_line_alone_gets_its_posts_delivered() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let created = operator.create_with_client(&format!("client{HARD}")).await;
    let incident = world.incident();
    let session = world.session(&incident);
    operator.post(&created, &session, Phase::Start).await;
    world.deliver().await;
    let notes = world.notes(&incident);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains(&session.id), "{notes:?}");
    assert!(world.dead_letters().is_empty());
}
