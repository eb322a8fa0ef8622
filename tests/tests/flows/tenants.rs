//! `rescue-connector tenant …` beside `apply FILE` against the embedded cloud (docs/command-line.md).

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_secretsmanager::types::RotationRulesType;
use local::aws::{Effect, InjectedAwsFault as AwsFault, Service};
use local::rescue::{Format, Phase};
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use serde_json::{Value, json};
use tests::World;

use super::command_line::{CommandLine, text};

const MINUTE: Duration = Duration::from_secs(75);

fn members(value: &Value) -> Vec<&String> {
    value.as_object().expect("an object").keys().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_are_listed_and_switched_with_stable_shapes() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    let off = operator.json(&["tenant", "disable", "acme", "--yes"]).await;
    assert_eq!(
        members(&off),
        ["disabled_at", "enabled", "tenant", "version"]
    );
    assert_eq!(
        (&off["enabled"], &off["version"]),
        (&json!(false), &json!(2))
    );
    let listed = operator.json(&["tenant", "list"]).await;
    assert_eq!(
        listed[0],
        json!({
            "tenant": "acme", "enabled": false, "instance": world.cloud.servicenow.url(),
            "grant": "refresh_token", "publish": "all", "version": 2, "disabled_at": off["disabled_at"],
        })
    );
    assert_eq!(
        (&listed[1]["tenant"], listed[1].get("disabled_at")),
        (&json!("demo"), None)
    );
    let table = operator.run(&["tenant", "list"]).await;
    assert!(table.stdout.contains("off since"), "{}", table.stdout);

    // Doing so again changes nothing.
    let mark = operator.mark();
    assert_eq!(
        operator.json(&["tenant", "disable", "acme", "--yes"]).await,
        off
    );
    assert_eq!(operator.writes_since(mark), Vec::<String>::new());
    let on = operator.json(&["tenant", "enable", "acme"]).await;
    assert_eq!(on, json!({"tenant": "acme", "enabled": true, "version": 3}));
    let mark = operator.mark();
    assert_eq!(operator.json(&["tenant", "enable", "acme"]).await, on);
    assert_eq!(operator.writes_since(mark), Vec::<String>::new());
}

/// Posts are lost while a tenant is disabled, so disabling has to be confirmed, unless it is disabled already.
#[tokio::test(flavor = "multi_thread")]
async fn switching_a_tenant_off_has_to_be_confirmed() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    let disable = ["tenant", "disable", "acme"];
    let mark = operator.mark();
    operator
        .fails(&disable, &["ignored and lost", "--yes"])
        .await;
    assert_eq!(operator.writes_since(mark), Vec::<String>::new());
    operator.json(&[&disable[..], &["--yes"]].concat()).await;
    assert_eq!(operator.json(&disable).await["enabled"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_tenant_deletes_its_credentials_and_no_others() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    let stack = &world.cloud.stack;
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let theirs = ["acme-2#servicenow", "acme", "other#rescue#acme#x"];
    let ours = [
        "acme#servicenow",
        "acme#rescue#ana.ruiz@acme.test",
        "acme#token-kept",
        "acme#lease#token",
        "acme#pause",
        "acme#pin#9f86d081",
    ];
    for key in ours.iter().chain(&theirs) {
        let put = stack
            .dynamodb
            .put_item()
            .table_name(&stack.credentials_table);
        put.item("credential", text(key))
            .item("expires_at", AttributeValue::N("9999999999".to_owned()))
            .send()
            .await
            .expect("written");
    }
    let deleted = operator
        .run(&["tenant", "delete", "acme", "--yes", "--now"])
        .await;
    assert_eq!(deleted.code, Some(0), "{}", deleted.stderr);
    assert!(
        deleted.stdout.contains("credentials are deleted"),
        "{}",
        deleted.stdout
    );
    let left = stack.dynamodb.scan().table_name(&stack.credentials_table);
    let left = left.send().await.expect("readable");
    let keys: Vec<&String> = left
        .items()
        .iter()
        .filter_map(|item| item["credential"].as_s().ok())
        .collect();
    for key in theirs {
        assert!(keys.iter().any(|left| *left == key), "{key}: {keys:?}");
    }
    assert!(!keys.iter().any(|key| key.starts_with("acme#")), "{keys:?}");
}

/// Applying an exported file changes nothing, with any settings.
#[tokio::test(flavor = "multi_thread")]
async fn an_exported_file_applies_back_to_no_change() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.file(|file| {
        file.replace("tenant = \"acme\"", "tenant = \"acme\"\nenabled = false\nlanguage = \"nl\"")
            .replace(
                "[rescue]",
                "[rescue]\naccount = \"eu\"\ntechnician_domains = [\"acme.test\", \"x.test\"]",
            )
            .replace(
                "[servicenow]",
                "[servicenow]\ngrant = \"password\"\nrefresh_token_lifetime = \"36 hours\"\nallow_host = \"t.acme.test\"",
            )
            .replace(
                "[sessions]",
                "[sessions]\npublish = \"selected\"\nfields = [\"ChatLog\"]\nreauthorization_wait = \"90 minutes\"",
            )
            .replace("\"software\"", "\"\\\"quotes\\\", \\\\ and ü\"")
    });
    operator.apply().await.json();
    let exported = operator.run(&["tenant", "export", "acme"]).await;
    assert_eq!(exported.code, Some(0), "{}", exported.stderr);
    let json = operator.json(&["tenant", "export", "acme"]).await;
    assert_eq!(json, json!({"tenant": "acme", "toml": exported.stdout}));
    operator.write("acme.toml", &exported.stdout);
    let mark = operator.mark();
    assert_eq!(operator.apply().await.json()["changes"], json!([]));
    assert_eq!(operator.writes_since(mark), Vec::<String>::new());
}

/// For a deleted tenant, queued posts are dead-lettered.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_with_waiting_posts_is_deleted_only_with_now() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let created = operator.furnish().await;
    let incident = world.incident();
    let session = world.session(&incident);
    let outage = InjectedFault::on(RequestMatcher::of("PATCH", &incident.sys_id))
        .then(FaultAction::status(503));
    world.cloud.servicenow.fault(outage);
    let url = text(&created, "/webhook_urls/started");
    let posted = world
        .cloud
        .rescue
        .post(url, &session, Format::Form, Phase::Start);
    assert_eq!(posted.await.expect("an answer").status, 200);
    world.deliver().await;

    let mark = operator.mark();
    let unsure = ["tenant", "delete", "acme"];
    operator.fails(&unsure, &["acme", "--yes"]).await;
    assert_eq!(operator.writes_since(mark), Vec::<String>::new());
    operator.json(&["tenant", "disable", "acme", "--yes"]).await;
    world.cloud.travel(MINUTE);
    let waiting = ["tenant", "delete", "acme", "--yes", "--wait", "1"];
    operator.fails(&waiting, &["1 of its posts", "--now"]).await;
    assert!(operator.item().await.is_some());

    let deleted = operator
        .json(&["tenant", "delete", "acme", "--yes", "--now"])
        .await;
    let names = [
        "deleted",
        "posts_left",
        "secrets_restorable_until",
        "tenant",
    ];
    assert_eq!(members(&deleted), names);
    assert_eq!(deleted["posts_left"], 1);
    operator
        .fails(&["tenant", "delete", "acme", "--yes"], &["no tenant acme"])
        .await;
    world.deliver_until_empty().await;
    let letters = operator.json(&["dlq", "list"]).await;
    assert_eq!(letters[0]["reason"], "tenant-deleted");

    // The message would fail again at once, so it stays until the tenant exists.
    let redrive = ["dlq", "redrive", "--tenant", "acme"];
    let stays = operator.json(&redrive).await;
    assert_eq!(stays["redriven"], 0);
    assert!(text(&stays, "/left/0/because").contains("no such tenant"));
    operator.furnish().await;
    world.cloud.travel(MINUTE);
    assert_eq!(operator.json(&redrive).await["redriven"], 1);
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 1);
}

/// Repeating an interrupted deletion completes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_deletion_completes_an_interrupted_one() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    let delete = ["tenant", "delete", "acme", "--yes", "--now"];
    let denied = || Effect::Refuse {
        status: 400,
        error: "AccessDeniedException".to_owned(),
    };
    for (service, operation, permission) in [
        (Service::DynamoDb, "Query", "dynamodb:Query"),
        (
            Service::SecretsManager,
            "CancelRotateSecret",
            "secretsmanager:CancelRotateSecret",
        ),
        (
            Service::SecretsManager,
            "DeleteSecret",
            "secretsmanager:DeleteSecret",
        ),
        (Service::DynamoDb, "DeleteItem", "credentials table"),
    ] {
        world
            .cloud
            .aws
            .inject(AwsFault::once(service, operation, denied()));
        operator.fails(&delete, &[permission]).await;
        assert!(operator.item().await.is_some());
        world.cloud.aws.clear_faults();
    }
    operator.json(&delete).await;
    assert_eq!(operator.item().await, None);
}

/// The second operator's change is written while the first one deletes.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_another_operator_enables_meanwhile_is_not_deleted() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    let slow = Effect::Hang(Duration::from_secs(1));
    let aws = &world.cloud.aws;
    aws.inject(AwsFault::once(
        Service::SecretsManager,
        "CancelRotateSecret",
        slow,
    ));
    let mark = operator.mark();
    let other = async {
        while aws
            .journal()
            .count(mark, Service::SecretsManager, "CancelRotateSecret")
            == 0
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        operator.json(&["tenant", "enable", "acme"]).await
    };
    let delete = ["tenant", "delete", "acme", "--yes", "--now"];
    let (ended, _) = tokio::join!(operator.run(&delete), other);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(
        ended.stderr.contains("another operator changed"),
        "{}",
        ended.stderr
    );
    assert!(operator.item().await.is_some());
    // Its secrets are restored by applying its file again.
    operator.apply().await.json();
    operator.secret("credentials").await;
}

/// Every change that loses data has to be confirmed, not only disabling.
#[tokio::test(flavor = "multi_thread")]
async fn changes_that_lose_data_need_yes() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    for (change, with) in [
        ("[sessions]", "[sessions]\npublish = \"none\""),
        ("[sessions]", "[sessions]\nchat = \"omit\""),
        ("\"acme-client\"", "\"another-client\""),
        ("\"112938\"", "\"112939\""),
        (
            "console_sessions = \"incident\"",
            "console_sessions = \"ignore\"",
        ),
        ("[\"CField1\"]", "[]"),
        ("[rescue]", "[rescue]\ntechnician_domains = [\"acme.test\"]"),
        ("http://127.0.0.1", "http://localhost"),
    ] {
        operator.file(|file| {
            assert!(file.contains(change));
            file.replace(change, with)
        });
        let mark = operator.mark();
        let refused = operator
            .fails(&["tenant", "apply", "acme.toml"], &["--yes"])
            .await;
        assert!(refused.stderr.contains("+ "), "{with}: {}", refused.stderr);
        assert_eq!(operator.writes_since(mark), Vec::<String>::new(), "{with}");
        let dry = operator
            .run(&["tenant", "apply", "acme.toml", "--dry-run"])
            .await;
        assert_eq!(dry.code, Some(0), "{}", dry.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_applied_except_for_files_with_faults() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    let named = |name: &str| {
        operator
            .acme()
            .replace("tenant = \"acme\"", &format!("tenant = \"{name}\""))
    };
    operator.write(
        "all/acme.toml",
        &named("acme").replace("[rescue]", "language = \"fr\"\n[rescue]"),
    );
    operator.write("all/globex.toml", &named("globex"));
    operator.write(
        "all/odd.toml",
        &named("odd").replace("company_id", "compny_id"),
    );
    operator.write("all/twin-a.toml", &named("twin"));
    operator.write("all/twin-b.toml", &named("twin"));
    operator.write("all/notes.txt", "no tenant file");
    let dry = operator.run(&["tenant", "apply", "all", "--dry-run"]).await;
    assert_eq!(dry.code, Some(1));
    assert!(
        dry.stdout.contains("globex.toml: would be created"),
        "{}",
        dry.stdout
    );
    assert!(dry.stderr.contains("Nothing was written"), "{}", dry.stderr);

    let ended = operator
        .run(&["tenant", "apply", "all", "--output", "json"])
        .await;
    assert_eq!(ended.code, Some(1));
    for words in [
        "5 files: 1 created, 1 changed, 0 unchanged, 3 failed.",
        "compny_id",
        "failed: all/odd.toml, all/twin-a.toml, all/twin-b.toml",
    ] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    let answers: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(answers[0]["file"], "all/acme.toml");
    assert_eq!(answers[0]["changes"][0]["path"], "language");
    assert_eq!(
        members(&answers[1]),
        [
            "api_key",
            "changes",
            "file",
            "keys",
            "tenant",
            "webhook_urls"
        ]
    );
    assert_eq!(members(&answers[2]), ["error", "file"]);
    assert!(text(&answers[3], "/error").contains("tenant twin too"));

    // A change that interrupts a tenant has to be confirmed before the first write.
    operator.write(
        "off/globex.toml",
        &named("globex").replace("[rescue]", "enabled = false\n[rescue]"),
    );
    operator.write("off/initech.toml", &named("initech"));
    let mark = operator.mark();
    operator
        .fails(
            &["tenant", "apply", "off"],
            &["globex: the tenant is switched off", "--yes"],
        )
        .await;
    assert_eq!(operator.writes_since(mark), Vec::<String>::new());
    let yes = operator.json(&["tenant", "apply", "off", "--yes"]).await;
    assert_eq!(yes.as_array().map(Vec::len), Some(2));
    operator.write("empty/notes.txt", "");
    operator
        .fails(&["tenant", "apply", "empty"], &["has no *.toml files"])
        .await;
}

/// A thousand tenants take well under a minute because a new one takes five calls, eight at a time.
#[tokio::test(flavor = "multi_thread")]
async fn many_tenants_are_applied_with_few_calls_each() {
    const TENANTS: usize = 100;
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    for nth in 0..TENANTS {
        let name = format!("tenant-{nth:04}");
        let file = operator
            .acme()
            .replace("tenant = \"acme\"", &format!("tenant = \"{name}\""));
        operator.write(&format!("all/{name}.toml"), &file);
    }
    let mark = operator.mark();
    let applied = operator
        .run(&["tenant", "apply", "all", "--output", "json"])
        .await;
    assert_eq!(applied.json().as_array().map(Vec::len), Some(TENANTS));
    let calls = world.cloud.aws.journal().since(mark).len();
    assert!(calls <= 5 * TENANTS + 2, "{calls}");
    assert!(applied.stderr.lines().count() < 5, "{}", applied.stderr);
    let mark = operator.mark();
    let again = operator
        .run(&["tenant", "apply", "all", "--output", "json"])
        .await;
    assert_eq!(again.json().as_array().map(Vec::len), Some(TENANTS));
    assert_eq!(operator.writes_since(mark), Vec::<String>::new());
    assert!(again.stderr.lines().count() < 5, "{}", again.stderr);
    let listed = operator.json(&["tenant", "list"]).await;
    assert_eq!(listed.as_array().map(Vec::len), Some(TENANTS + 1));
}

/// Exit codes, and messages that say what to do.
#[tokio::test(flavor = "multi_thread")]
async fn failures_say_what_to_do() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    for command in ["show", "export", "disable", "enable", "delete"] {
        let mut arguments = vec!["tenant", command, "amce"];
        if command == "delete" {
            arguments.push("--yes");
        }
        operator
            .fails(&arguments, &["no tenant amce", "Did you mean acme?"])
            .await;
    }
    let denied = Effect::Refuse {
        status: 400,
        error: "AccessDeniedException".to_owned(),
    };
    world
        .cloud
        .aws
        .inject(AwsFault::once(Service::DynamoDb, "Scan", denied));
    let listing = ["tenant", "list"];
    operator
        .fails(
            &listing,
            &["your role needs the permission dynamodb:Scan on table"],
        )
        .await;
    let gone = Effect::Refuse {
        status: 400,
        error: "ResourceNotFoundException".to_owned(),
    };
    world
        .cloud
        .aws
        .inject(AwsFault::once(Service::DynamoDb, "Scan", gone));
    operator
        .fails(&listing, &["is the stack deployed in this region?"])
        .await;
    let gone = Effect::Refuse {
        status: 400,
        error: "AWS.SimpleQueueService.NonExistentQueue".to_owned(),
    };
    world
        .cloud
        .aws
        .inject(AwsFault::once(Service::Sqs, "ReceiveMessage", gone));
    operator
        .fails(&["dlq", "list"], &["is the stack deployed in this region?"])
        .await;
    for usage in [
        &["tenant", "delete", "acme", "--now", "--wait", "5"][..],
        &["tenant", "disable"],
        &["completions", "cmd"],
    ] {
        assert_eq!(operator.run(usage).await.code, Some(2), "{usage:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shell_gets_its_completion_without_aws_calls() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let mark = operator.mark();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = operator.run(&["completions", shell]).await;
        assert_eq!(script.code, Some(0), "{}", script.stderr);
        for word in ["redrive", "retire", "export"] {
            assert!(script.stdout.contains(word), "{shell}: {word}");
        }
    }
    assert!(world.cloud.aws.journal().since(mark).is_empty());
}

/// Of two stacks with the same prefix in one account and region, the second must not take over the first one's secrets.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_another_stack_renews_is_not_taken_over() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let secrets = &world.cloud.stack.secrets;
    let token = "rescue-connector/acme/token";
    let made = secrets.create_secret().name(token).secret_string("{}");
    made.send().await.expect("made");
    let theirs = "arn:aws:lambda:us-east-1:000000000000:function:another-stack-RotateTokens";
    let rules = RotationRulesType::builder().schedule_expression("rate(1 day)");
    let rotation = secrets.rotate_secret().secret_id(token);
    let rotation = rotation.rotation_lambda_arn(theirs);
    let rotation = rotation
        .rotation_rules(rules.build())
        .rotate_immediately(false);
    rotation.send().await.expect("scheduled");

    operator.file(|file| file);
    let apply = ["tenant", "apply", "acme.toml", "--output", "json"];
    operator
        .fails(&apply, &[token, theirs, "SecretPrefix"])
        .await;
    assert_eq!(operator.item().await, None);
    let listed = secrets.list_secrets().send().await.expect("listed");
    let names = listed.secret_list().iter().filter_map(|one| one.name());
    let of_acme: Vec<&str> = names.filter(|name| name.contains("acme")).collect();
    assert_eq!(of_acme, [token]);

    // Cancelling the schedule shows that the other stack is gone.
    let cancel = secrets.cancel_rotate_secret().secret_id(token);
    cancel.send().await.expect("ended");
    operator.json(&apply[..3]).await;
    let described = secrets.describe_secret().secret_id(token).send().await;
    let described = described.expect("there");
    assert_eq!(described.rotation_enabled(), Some(true));
    assert_ne!(described.rotation_lambda_arn(), Some(theirs));
}
