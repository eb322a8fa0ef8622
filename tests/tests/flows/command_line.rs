//! `rescue-connector`, the operator's command line, against the embedded cloud (docs/command-line.md).

use std::process::Stdio;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use local::aws::{Effect, InjectedAwsFault, Mark, Service};
use local::demo_tenant;
use local::rescue::{Format, Phase};
use local::servicenow::User;
use serde_json::{Value, json};
use tests::World;
use tokio::io::AsyncWriteExt as _;

use super::folder::Folder;

/// Characters that shells, URLs, XML and JSON treat in their own ways.
const HARD: &str = "^&<>?\"'\\ %20+é漢🔑";

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

    /// Runs a command that must fail with these texts on standard error and nothing on standard output.
    pub(super) async fn fails(&self, arguments: &[&str], words: &[&str]) -> Ended {
        let ended = self.run(arguments).await;
        let said = (ended.code, ended.stdout.as_str());
        assert_eq!(said, (Some(1), ""), "{arguments:?}: {}", ended.stderr);
        for word in words {
            assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
        }
        ended
    }

    /// A new tenant `acme` that may write to the instance, and what its creation answered.
    pub(super) async fn furnish(&self) -> Value {
        let created = self.create().await;
        let instance = &self.world.cloud.servicenow;
        instance.add_registry("acme-client", "acme-secret");
        instance.add_user(User::service_account("svc.acme", "unused").with_roles(&["itil"]));
        let refresh_token = instance.issue_refresh_token("acme-client", "svc.acme");
        for (name, value) in [
            ("oauth-client-secret", "acme-secret"),
            ("refresh-token", &refresh_token),
        ] {
            let set = self
                .run_with(&["secrets", "set", "acme", name], value)
                .await;
            assert_eq!(set.code, Some(0), "{}", set.stderr);
        }
        created
    }

    pub(super) async fn apply(&self) -> Ended {
        self.run(&["tenant", "apply", "acme.toml", "--output", "json"])
            .await
    }

    /// A new tenant `acme`, and what its creation answered.
    pub(super) async fn create(&self) -> Value {
        self.file(|file| file);
        self.apply().await.json()
    }

    pub(super) fn mark(&self) -> Mark {
        self.world.cloud.aws.journal().mark()
    }

    /// The writing operations since then.
    pub(super) fn writes_since(&self, mark: Mark) -> Vec<String> {
        let calls = self.world.cloud.aws.journal().since(mark).into_iter();
        let operations = calls.map(|call| call.operation);
        operations
            .filter(|name| {
                !["Get", "BatchGet", "Describe", "List", "Query", "Scan"]
                    .iter()
                    .any(|read| name.starts_with(read))
            })
            .collect()
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

/// `{"tenant","changes","webhook_urls":{"started","ended"},"api_key","keys":[{"id","kind","scopes"}]}`.
fn assert_shape(created: &Value) {
    let names = |value: &Value| -> Vec<String> {
        value
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect()
    };
    let members = ["api_key", "changes", "keys", "tenant", "webhook_urls"];
    assert_eq!(names(created), members, "{created}");
    assert_eq!(created["tenant"], "acme");
    assert_eq!(names(&created["webhook_urls"]), ["ended", "started"]);
    let keys = created["keys"].as_array().expect("keys");
    assert_eq!(keys.len(), 2);
    for key in keys {
        assert_eq!(names(key), ["id", "kind", "scopes"]);
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
    let command_line = CommandLine::by_outputs(&world);
    let created = command_line.create().await;
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
    let command_line = CommandLine::by_variables(&world);
    let mark = command_line.mark();
    let created = command_line.create().await;
    assert_shape(&created);
    assert_api_key(text(&created, "/api_key"));
    // The API's address and the function that renews tokens have no variable: the stack's outputs name them.
    let journal = world.cloud.aws.journal();
    assert_eq!(journal.count_service(mark, Service::CloudFormation), 1);
    let url = text(&created, "/webhook_urls/ended");
    assert!(url.starts_with(&world.cloud.gateway.url()), "{url}");
    assert_eq!(status(reqwest::Method::GET, url).await, 204);
    assert_eq!(status(reqwest::Method::POST, url).await, 200);
    let token = command_line.json(&["token", "status", "acme"]).await;
    assert_eq!(token["rotation"]["schedule"], "rate(1 day)");
    let made = command_line
        .json(&["keys", "rotate", "acme", "webhook"])
        .await;
    let url = text(&made, "/webhook_urls/started");
    assert!(url.starts_with(&world.cloud.gateway.url()), "{url}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_stack_paths_are_printed_and_a_tenant_without_a_schedule_is_not_called_ready() {
    let world = World::start().await;
    let command_line = CommandLine::by_variables(&world);
    command_line.file(|file| file);
    let apply = ["tenant", "apply", "acme.toml", "--output", "json"];
    let elsewhere = [&apply[..], &["--stack", "elsewhere"]].concat();
    let ended = command_line.run(&elsewhere).await;
    assert_eq!(ended.code, Some(1));
    for words in [
        "no stack elsewhere",
        "the rotation schedule is not set",
        "RotateTokensFunctionArn",
        "apply the file again",
    ] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    let created: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let path = text(&created, "/webhook_urls/ended");
    assert!(path.starts_with("/integration/api/servicenow/"), "{path}");
    assert_api_key(text(&created, "/api_key"));

    // Applying again with the stack sets the schedule.
    let again = command_line.run(&apply).await;
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(again.stderr.contains("rate(1 day)"), "{}", again.stderr);
    // An existing schedule stays when the stack cannot be read.
    let ended = command_line.run(&elsewhere).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_tenant_lists_the_next_steps() {
    let world = World::start().await;
    let command_line = CommandLine::by_outputs(&world);
    command_line.file(|file| file);
    let ended = command_line.run(&["tenant", "apply", "acme.toml"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for words in [
        "Paste the two Post-to-URL addresses",
        "rescue-connector secrets set acme oauth-client-secret",
        "rescue-connector secrets set acme sso-password",
        "rescue-connector doctor acme",
    ] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    let again = command_line.run(&["tenant", "apply", "acme.toml"]).await;
    assert!(!again.stderr.contains("Next steps"), "{}", again.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_moves_no_cursor() {
    let world = World::start().await;
    let command_line = CommandLine::by_outputs(&world);
    command_line.create().await;
    command_line.file(|file| file.replace("\"acme-client\"", "\"acme\u{9b}2J\u{202e}client\""));
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
        let ended = command_line.run(arguments).await;
        let all = ended.all();
        let unruly = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!all.contains(unruly), "{arguments:?}: {all:?}");
    }
}

/// docs/architecture.md#where-state-lives: `tenant apply` creates both secrets; the token secret holds `{}` until a token comes.
#[tokio::test(flavor = "multi_thread")]
async fn both_secrets_exist_from_the_start_and_the_token_is_empty() {
    let world = World::start().await;
    let command_line = CommandLine::by_outputs(&world);
    command_line.create().await;
    assert_eq!(command_line.secret("token").await, json!({}));
    let credentials = command_line.secret("credentials").await;
    let names: Vec<&String> = credentials.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["tracking-key"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn applying_the_same_file_again_changes_nothing_and_shows_no_keys() {
    let world = World::start().await;
    let command_line = CommandLine::by_outputs(&world);
    let created = command_line.create().await;
    let item = command_line.item().await;
    let mark = command_line.mark();
    let again = command_line.apply().await;
    let answer = again.json();
    assert_eq!(answer["changes"], json!([]));
    assert_eq!(answer["keys"], created["keys"]);
    assert_eq!(answer.get("webhook_urls"), None);
    assert_eq!(answer.get("api_key"), None);
    assert!(!again.all().contains(text(&created, "/api_key")));
    assert_eq!(command_line.writes_since(mark), Vec::<String>::new());
    assert_eq!(command_line.item().await, item);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_setting_is_shown_with_both_values() {
    let world = World::start().await;
    let command_line = CommandLine::by_outputs(&world);
    command_line.create().await;
    command_line
        .file(|file| file.replace("tenant = \"acme\"", "tenant = \"acme\"\nlanguage = \"es\""));
    let table = command_line
        .run(&["tenant", "apply", "acme.toml", "--dry-run"])
        .await;
    assert_eq!(table.code, Some(0), "{}", table.stderr);
    assert!(
        table.stdout.contains("- language = \"en\""),
        "{}",
        table.stdout
    );
    assert!(
        table.stdout.contains("+ language = \"es\""),
        "{}",
        table.stdout
    );
    let answer = command_line.apply().await.json();
    assert_eq!(
        answer["changes"],
        json!([{"path": "language", "before": "en", "after": "es"}])
    );
    let shown = command_line
        .run(&["tenant", "show", "acme", "--output", "json"])
        .await
        .json();
    assert_eq!(shown["settings"]["language"], "es");
    assert_eq!(shown["version"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_writes_nothing() {
    let world = World::start().await;
    let command_line = CommandLine::by_outputs(&world);
    command_line.file(|file| file);
    let mark = command_line.mark();
    let dry = [
        "tenant",
        "apply",
        "acme.toml",
        "--dry-run",
        "--output",
        "json",
    ];
    let answer = command_line.run(&dry).await.json();
    assert!(!answer["changes"].as_array().expect("a list").is_empty());
    assert_eq!(answer.get("api_key"), None);
    assert_eq!(command_line.writes_since(mark), Vec::<String>::new());
    assert_eq!(command_line.item().await, None);
}

/// A change that interrupts a running tenant has to be confirmed; without a terminal it needs `--yes`.
#[tokio::test(flavor = "multi_thread")]
async fn switching_a_tenant_off_without_a_terminal_needs_yes() {
    let world = World::start().await;
    let command_line = CommandLine::by_outputs(&world);
    command_line.create().await;
    command_line
        .file(|file| file.replace("tenant = \"acme\"", "tenant = \"acme\"\nenabled = false"));
    let mark = command_line.mark();
    let refused = command_line.apply().await;
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    assert_eq!(command_line.writes_since(mark), Vec::<String>::new());
    let yes = ["tenant", "apply", "acme.toml", "--yes", "--output", "json"];
    let answer = command_line.run(&yes).await.json();
    assert_eq!(answer["changes"][0]["path"], "enabled");
}

/// The second operator writes while the first one's write is delayed.
#[tokio::test(flavor = "multi_thread")]
async fn the_later_of_two_operators_gets_an_error_and_overwrites_nothing() {
    let world = World::start().await;
    let command_line = CommandLine::by_outputs(&world);
    command_line.create().await;
    command_line
        .file(|file| file.replace("tenant = \"acme\"", "tenant = \"acme\"\nlanguage = \"es\""));
    let aws = &world.cloud.aws;
    let hang = Effect::Hang(Duration::from_secs(2));
    aws.inject(InjectedAwsFault::once(Service::DynamoDb, "PutItem", hang));
    let mark = command_line.mark();
    let other_operator = async {
        let since = Instant::now();
        while aws.journal().count(mark, Service::DynamoDb, "PutItem") == 0 {
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
        command_line.item().await
    };
    let (ended, theirs) = tokio::join!(command_line.apply(), other_operator);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(
        ended.stderr.contains("another operator changed") && ended.stderr.contains("apply again"),
        "{}",
        ended.stderr
    );
    assert_eq!(command_line.item().await, theirs);
    assert_eq!(
        command_line.apply().await.json()["changes"][0]["after"],
        "es"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_a_file_are_reported_by_line_and_key_before_any_aws_call() {
    let world = World::start().await;
    let command_line = CommandLine::by_outputs(&world);
    command_line.file(|file| {
        file.replace(
            "tenant = \"acme\"",
            "tenant = \"acme\"\nlanguage = \"klingon\"",
        )
        .replace("company_id", "compny_id")
    });
    let mark = command_line.mark();
    let ended = command_line.apply().await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let told = |line: &str, key: &str| {
        let lines = ended.stderr.lines();
        let found = lines
            .into_iter()
            .any(|text| text.contains(line) && text.contains(key));
        assert!(found, "{line}, {key}: {}", ended.stderr);
    };
    told("line 2,", "language");
    told("line 5,", "compny_id");
    told("acme.toml", "not a tenant file");
    assert!(world.cloud.aws.journal().since(mark).is_empty());
    let missing = command_line.run(&["tenant", "apply", "none.toml"]).await;
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("none.toml"), "{}", missing.stderr);
}

/// 0, 1 (it failed) or 2 (wrong usage).
#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_two_and_a_tenant_that_does_not_exist_is_one() {
    let world = World::start().await;
    let command_line = CommandLine::by_outputs(&world);
    for usage in [
        &[][..],
        &["tenant"],
        &["tenant", "apply"],
        &["tenant", "show", "Not A Name"],
        &["tenant", "show", "acme", "--output", "xml"],
        &["secrets", "set", "demo", "password"],
    ] {
        let ended = command_line.run(usage).await;
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(2), ""),
            "{usage:?}"
        );
    }
    for failing in [
        &["tenant", "show", "acme"][..],
        &["secrets", "set", "acme", "sso-password"],
    ] {
        let ended = command_line.run_with(failing, "x").await;
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(1), ""),
            "{failing:?}"
        );
        assert!(ended.stderr.contains("no tenant acme"), "{}", ended.stderr);
    }
    let ended = command_line
        .run(&["tenant", "show", "demo", "--stack", "elsewhere"])
        .await;
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("no stack elsewhere"),
        "{}",
        ended.stderr
    );
    assert_eq!(command_line.run(&["--help"]).await.code, Some(0));
}

/// docs/architecture.md#rule-8.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_stored_unchanged_and_never_shown() {
    let world = World::start().await;
    let command_line = CommandLine::by_outputs(&world);
    let created = command_line.create().await;
    let before = command_line
        .run(&["tenant", "show", "acme", "--output", "json"])
        .await
        .json();
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
        let set = command_line
            .run_with(
                &["secrets", "set", "acme", name, "--yes"],
                &format!("{HARD}{name}{ending}"),
            )
            .await;
        assert_eq!(set.code, Some(0), "{}", set.stderr);
        assert!(!set.all().contains(HARD), "{}", set.all());
    }
    let credentials = command_line.secret("credentials").await;
    for name in [
        "sso-password",
        "oauth-client-secret",
        "service-account-password",
    ] {
        assert_eq!(credentials[name], format!("{HARD}{name}"));
    }
    assert_eq!(credentials["tracking-key"].as_str().map(str::len), Some(43));
    let token = command_line.secret("token").await;
    assert_eq!(token["refresh_token"], format!("{HARD}refresh-token"));

    let empty = command_line
        .run_with(&["secrets", "set", "acme", "sso-password"], "\n")
        .await;
    assert_eq!(empty.code, Some(1));
    assert_eq!(command_line.secret("credentials").await, credentials);

    let table = command_line.run(&["tenant", "show", "acme"]).await;
    let json = command_line
        .run(&["tenant", "show", "acme", "--output", "json"])
        .await;
    let secrets = &json.json()["secrets"];
    assert_eq!(secrets["rescue-api-token"], false);
    assert_eq!(secrets["refresh-token"], true);
    let line = |name: &str| {
        let found = table
            .stdout
            .lines()
            .find(|line| line.trim_start().starts_with(name));
        found
            .unwrap_or_else(|| panic!("{name}: {}", table.stdout))
            .to_owned()
    };
    assert!(line("rescue-api-token").contains("not set"));
    assert!(!line("sso-password").contains("not set"));
    let api_key = text(&created, "/api_key");
    let ended_url = text(&created, "/webhook_urls/ended");
    let webhook_key = ended_url
        .rsplit('/')
        .next()
        .and_then(|rest| rest.split('?').next());
    for shown in [table.all(), json.all()] {
        assert!(!shown.contains("^&"), "{shown}");
        assert!(!shown.contains(api_key), "{shown}");
        assert!(!shown.contains(webhook_key.expect("a key")), "{shown}");
        assert!(!shown.contains(credentials["tracking-key"].as_str().expect("set")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_cannot_be_the_secret_is_refused_with_a_sentence_and_nothing_changes() {
    let world = World::start().await;
    let command_line = CommandLine::by_outputs(&world);
    command_line.create().await;
    let set = async |name: &str, input: &[u8], more: &[&str]| {
        let arguments = [&["secrets", "set", "acme", name][..], more].concat();
        command_line.run_with_bytes(&arguments, input).await
    };
    let before = command_line.secret("credentials").await;
    for (name, input, words) in [
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
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(1), ""),
            "{words}"
        );
        for words in [words, "Nothing was changed."] {
            assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
        }
        assert!(!ended.all().contains("RT1"), "{}", ended.all());
    }
    assert_eq!(command_line.secret("credentials").await, before);
    assert_eq!(command_line.secret("token").await, json!({}));

    // PowerShell's additions are dropped, and --yes confirms a doubtful secret.
    let marked = set("refresh-token", b"\xef\xbb\xbfRT1\r\n", &[]).await;
    assert_eq!(marked.code, Some(0), "{}", marked.stderr);
    assert_eq!(command_line.secret("token").await["refresh_token"], "RT1");
    let quoted = set("sso-password", b"'RT1'", &["--yes"]).await;
    assert_eq!(quoted.code, Some(0), "{}", quoted.stderr);
    assert_eq!(
        command_line.secret("credentials").await["sso-password"],
        "'RT1'"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_pipe_is_no_error_and_arguments_move_no_cursor() {
    let world = World::start().await;
    let command_line = CommandLine::by_outputs(&world);
    for arguments in [
        &["tenant", "list"][..],
        &["completions", "bash"],
        &["--help"],
    ] {
        let mut child = command_line.command(arguments);
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
    let ended = command_line.run(&odd).await;
    assert_eq!(ended.code, Some(2));
    let unruly = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!ended.all().contains(unruly), "{:?}", ended.all());
}

/// The next run completes one that was interrupted between its writes.
#[tokio::test(flavor = "multi_thread")]
async fn applying_again_creates_a_missing_secret_and_keeps_the_other() {
    let world = World::start().await;
    let command_line = CommandLine::by_outputs(&world);
    command_line.create().await;
    let credentials = command_line.secret("credentials").await;
    let secrets = &world.cloud.stack.secrets;
    secrets
        .delete_secret()
        .secret_id("rescue-connector/acme/token")
        .force_delete_without_recovery(true)
        .send()
        .await
        .expect("deleted");
    let again = command_line.apply().await;
    assert_eq!(again.json()["changes"], json!([]));
    assert!(
        again.stderr.contains("rescue-connector/acme/token"),
        "{}",
        again.stderr
    );
    assert_eq!(command_line.secret("token").await, json!({}));
    assert_eq!(command_line.secret("credentials").await, credentials);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_created_by_the_command_line_alone_gets_its_posts_delivered() {
    let world = World::start().await;
    let command_line = CommandLine::by_outputs(&world);
    let created = command_line.create().await;
    let instance = &world.cloud.servicenow;
    let client_secret = format!("client{HARD}");
    instance.add_registry("acme-client", &client_secret);
    instance.add_user(User::service_account("svc.acme", "unused").with_roles(&["itil"]));
    let refresh_token = instance.issue_refresh_token("acme-client", "svc.acme");
    for (name, value) in [
        ("oauth-client-secret", &client_secret),
        ("refresh-token", &refresh_token),
    ] {
        let set = ["secrets", "set", "acme", name, "--yes"];
        let ended = command_line.run_with(&set, &format!("{value}\n")).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    let incident = world.incident();
    let session = world.session(&incident);
    let url = text(&created, "/webhook_urls/started");
    let posted = world
        .cloud
        .rescue
        .post(url, &session, Format::Form, Phase::Start);
    assert_eq!(posted.await.expect("an answer").status, 200);
    world.deliver().await;
    let notes = world.notes(&incident);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains(&session.id), "{notes:?}");
    assert!(world.dead_letters().is_empty());
}
