//! `rescue-connector tenant …` beside `apply FILE` against the embedded cloud (docs/command-line.md).

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_secretsmanager::types::RotationRulesType;
use local::aws::{Effect, InjectedAwsFault as AwsFault, Service};
use local::rescue::Phase;
use serde_json::{Value, json};
use shared::aws::tenants::ManagedBy;
use tests::{Case, World};

use super::command_line::{CommandLine, members, text};

const MINUTE: Duration = Duration::from_secs(75);

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
        (text(&listed, "/1/tenant"), listed[1].get("disabled_at")),
        ("demo", None)
    );
    let table = operator.run(&["tenant", "list"]).await;
    table.assert_stdout(&["off since"]);

    // Doing so again changes nothing.
    let mark = operator.mark();
    let again = operator.json(&["tenant", "disable", "acme", "--yes"]).await;
    assert_eq!(again, off);
    operator.assert_unwritten_since(mark);
    let on = operator.json(&["tenant", "enable", "acme"]).await;
    assert_eq!(on, json!({"tenant": "acme", "enabled": true, "version": 3}));
    let mark = operator.mark();
    assert_eq!(operator.json(&["tenant", "enable", "acme"]).await, on);
    operator.assert_unwritten_since(mark);
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
    operator.assert_unwritten_since(mark);
    operator.json(&[&disable[..], &["--yes"]].concat()).await;
    assert_eq!(operator.json(&disable).await["enabled"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_tenant_deletes_its_credentials_and_no_others() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    let stack = &world.cloud.stack;
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
        let put = put.item("credential", AttributeValue::S((*key).to_owned()));
        let put = put.item("expires_at", AttributeValue::N("9999999999".to_owned()));
        put.send().await.expect("written");
    }
    let delete = ["tenant", "delete", "acme", "--yes", "--now"];
    let deleted = operator.succeeds(&delete).await;
    deleted.assert_stdout(&["credentials are deleted"]);
    let left = stack.dynamodb.scan().table_name(&stack.credentials_table);
    let left = left.send().await.expect("readable");
    let keys = left
        .items()
        .iter()
        .filter_map(|item| item["credential"].as_s().ok());
    let keys: Vec<&String> = keys.collect();
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
    let exported = operator.succeeds(&["tenant", "export", "acme"]).await;
    let json = operator.json(&["tenant", "export", "acme"]).await;
    assert_eq!(json, json!({"tenant": "acme", "toml": exported.stdout}));
    operator.write("acme.toml", &exported.stdout);
    let mark = operator.mark();
    assert_eq!(operator.apply().await.json()["changes"], json!([]));
    operator.assert_unwritten_since(mark);
}

/// For a deleted tenant, queued posts are dead-lettered.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_with_waiting_posts_is_deleted_only_with_now() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let created = operator.create_with_secrets().await;
    let incident = world.incident();
    let session = world.session(&incident);
    world.refuse_write(&incident, 503);
    operator.post(&created, &session, Phase::Start).await;
    world.deliver().await;

    let mark = operator.mark();
    let unsure = ["tenant", "delete", "acme"];
    operator.fails(&unsure, &["acme", "--yes"]).await;
    operator.assert_unwritten_since(mark);
    operator.json(&["tenant", "disable", "acme", "--yes"]).await;
    world.cloud.travel(MINUTE);
    let waiting = ["tenant", "delete", "acme", "--yes", "--wait", "1"];
    operator.fails(&waiting, &["1 of its posts", "--now"]).await;
    assert!(operator.item().await.is_some());

    let delete = ["tenant", "delete", "acme", "--yes", "--now"];
    let deleted = operator.json(&delete).await;
    let names = [
        "deleted",
        "posts_left",
        "secrets_restorable_until",
        "tenant",
    ];
    assert_eq!(members(&deleted), names);
    assert_eq!(deleted["posts_left"], 1);
    let delete_later = ["tenant", "delete", "acme", "--yes"];
    operator.fails(&delete_later, &["no tenant acme"]).await;
    world.deliver_until_empty().await;
    let dead_letters = operator.json(&["dlq", "list"]).await;
    assert_eq!(dead_letters[0]["reason"], "tenant-deleted");

    // The message would fail again at once, so it stays until the tenant exists.
    let redrive = ["dlq", "redrive", "--tenant", "acme"];
    let stays = operator.json(&redrive).await;
    assert_eq!(stays["redriven"], 0);
    assert!(text(&stays, "/left/0/because").contains("no such tenant"));
    operator.create_with_secrets().await;
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
    for (service, operation, expected) in [
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
        (Service::DynamoDb, "DeleteItem", "dynamodb:DeleteItem"),
    ] {
        world.refuse_aws(service, operation, "AccessDeniedException");
        operator.fails(&delete, &[expected]).await;
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
    let (aws, cancel) = (&world.cloud.aws, "CancelRotateSecret");
    aws.inject(AwsFault::once(Service::SecretsManager, cancel, slow));
    let mark = operator.mark();
    let other = async {
        while aws.journal().count(mark, Service::SecretsManager, cancel) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        operator.json(&["tenant", "enable", "acme"]).await
    };
    let delete = ["tenant", "delete", "acme", "--yes", "--now"];
    tokio::join!(
        operator.fails(&delete, &["another operator changed"]),
        other
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
    let apply = ["tenant", "apply", "acme.toml"];
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
        let _case = Case::of(with);
        operator.file(|file| {
            assert!(file.contains(change));
            file.replace(change, with)
        });
        let mark = operator.mark();
        operator.fails(&apply, &["--yes", "+ "]).await;
        operator.assert_unwritten_since(mark);
        operator
            .succeeds(&[&apply[..], &["--dry-run"]].concat())
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_applied_except_for_files_with_faults() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    let named = |name: &str| operator.named(name);
    let french = named("acme").replace("[rescue]", "language = \"fr\"\n[rescue]");
    for (file, text) in [
        ("all/acme.toml", french),
        ("all/globex.toml", named("globex")),
        (
            "all/odd.toml",
            named("odd").replace("company_id", "compny_id"),
        ),
        ("all/twin-a.toml", named("twin")),
        ("all/twin-b.toml", named("twin")),
        ("all/notes.txt", "no tenant file".to_owned()),
    ] {
        operator.write(file, &text);
    }
    let dry = operator.run(&["tenant", "apply", "all", "--dry-run"]).await;
    assert_eq!(dry.code, Some(1));
    dry.assert_stdout(&["globex.toml: would be created"]);
    dry.assert_stderr(&["Nothing was written"]);

    let apply = ["tenant", "apply", "all", "--output", "json"];
    let ended = operator.run(&apply).await;
    assert_eq!(ended.code, Some(1));
    ended.assert_stderr(&[
        "5 files: 1 created, 1 changed, 0 unchanged, 3 failed.",
        "compny_id",
        "failed: all/odd.toml, all/twin-a.toml, all/twin-b.toml",
    ]);
    let answers: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(answers[0]["file"], "all/acme.toml");
    assert_eq!(answers[0]["changes"][0]["path"], "language");
    let names = [
        "api_key",
        "changes",
        "file",
        "keys",
        "tenant",
        "webhook_urls",
    ];
    assert_eq!(members(&answers[1]), names);
    assert_eq!(members(&answers[2]), ["error", "file"]);
    assert!(text(&answers[3], "/error").contains("tenant twin too"));

    // A change that interrupts a tenant has to be confirmed before the first write.
    let off = named("globex").replace("[rescue]", "enabled = false\n[rescue]");
    operator.write("off/globex.toml", &off);
    operator.write("off/initech.toml", &named("initech"));
    let mark = operator.mark();
    let expected = ["globex: the tenant is switched off", "--yes"];
    operator.fails(&["tenant", "apply", "off"], &expected).await;
    operator.assert_unwritten_since(mark);
    let yes = operator.json(&["tenant", "apply", "off", "--yes"]).await;
    assert_eq!(yes.as_array().map(Vec::len), Some(2));
    operator.write("empty/notes.txt", "");
    let empty = ["tenant", "apply", "empty"];
    operator.fails(&empty, &["has no *.toml files"]).await;
}

/// A thousand tenants take well under a minute because a new one takes six calls, eight at a time.
#[tokio::test(flavor = "multi_thread")]
async fn many_tenants_are_applied_with_few_calls_each() {
    const TENANTS: usize = 100;
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    for nth in 0..TENANTS {
        let name = format!("tenant-{nth:04}");
        operator.write(&format!("all/{name}.toml"), &operator.named(&name));
    }
    let apply = ["tenant", "apply", "all", "--output", "json"];
    let mark = operator.mark();
    let applied = operator.run(&apply).await;
    assert_eq!(applied.json().as_array().map(Vec::len), Some(TENANTS));
    let calls = world.cloud.aws.journal().since(mark).len();
    assert!(calls <= 6 * TENANTS + 2, "{calls}");
    assert!(applied.stderr.lines().count() < 5, "{}", applied.stderr);
    let mark = operator.mark();
    let again = operator.run(&apply).await;
    assert_eq!(again.json().as_array().map(Vec::len), Some(TENANTS));
    operator.assert_unwritten_since(mark);
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
        let expected = ["no tenant amce", "Did you mean acme?"];
        operator.fails(&arguments, &expected).await;
    }
    let (tenants, dead_letters) = (["tenant", "list"], ["dlq", "list"]);
    let permission = "your role needs the permission dynamodb:Scan on table";
    let gone = "is the stack deployed in this region?";
    let no_queue = "AWS.SimpleQueueService.NonExistentQueue";
    for (service, operation, error, command, expected) in [
        (
            Service::DynamoDb,
            "Scan",
            "AccessDeniedException",
            tenants,
            permission,
        ),
        (
            Service::DynamoDb,
            "Scan",
            "ResourceNotFoundException",
            tenants,
            gone,
        ),
        (Service::Sqs, "ReceiveMessage", no_queue, dead_letters, gone),
    ] {
        world.refuse_aws(service, operation, error);
        operator.fails(&command, &[expected]).await;
    }
    let wrong_usage = [
        &["tenant", "delete", "acme", "--now", "--wait", "5"][..],
        &["tenant", "disable"],
        &["completions", "cmd"],
    ];
    operator.refuses_usage(&wrong_usage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shell_gets_its_completion_without_aws_calls() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let mark = operator.mark();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let _case = Case::of(shell);
        let script = operator.succeeds(&["completions", shell]).await;
        script.assert_stdout(&["redrive", "retire", "export"]);
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
    let rotation = secrets
        .rotate_secret()
        .secret_id(token)
        .rotation_lambda_arn(theirs);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_of_servicenow_is_invited_set_and_taken_over_by_a_file() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator
        .fails(&["tenant", "invite", "acme"], &["--instance"])
        .await;
    let instance = world.cloud.servicenow.url();
    let invite = [
        "tenant",
        "invite",
        "acme",
        "--instance",
        &instance,
        "--valid-for",
        "1 day",
    ];
    let invited = operator.json(&invite).await;
    assert_eq!(members(&invited), ["expires_at", "setup_link", "tenant"]);
    let link = text(&invited, "/setup_link");
    let api = world.cloud.stack.api_url.as_deref().expect("an HTTP API");
    assert!(link.starts_with(&format!("{api}/#acme.")), "{link}");

    let set = ["tenant", "set", "acme", "/rescue/company_id", "112938"];
    let changed = operator.json(&set).await;
    assert_eq!(
        changed["changes"],
        json!([{"path": "rescue.company_id", "before": "", "after": "112938"}])
    );
    let rename = ["tenant", "set", "acme", "/tenant", "demo"];
    operator.fails(&rename, &["/tenant", "never changes"]).await;
    let history = operator.json(&["tenant", "history", "acme"]).await;
    let pointers = ["/0/pointers/0", "/1/pointers/0"].map(|pointer| text(&history, pointer));
    assert_eq!(pointers, ["/invitation", "/rescue/company_id"]);
    let who = text(&history, "/1/who");
    assert!(who.starts_with("arn:aws:iam::"), "{who}");

    operator.write("acme.toml", &operator.acme());
    let apply = ["tenant", "apply", "acme.toml"];
    operator
        .fails(&apply, &["changed in ServiceNow", "--take-over"])
        .await;
    let take_over = [&apply[..], &["--take-over"]].concat();
    operator
        .fails(&take_over, &["kept in the file", "--yes"])
        .await;
    operator
        .succeeds(&[&take_over[..], &["--yes"]].concat())
        .await;
    let tenants = world.cloud.stack.tenants();
    let id = shared::domain::tenant::TenantId::parse("acme").expect("valid");
    let taken = tenants.read(&id).await.expect("read").expect("there");
    assert_eq!(
        (taken.managed_by, taken.invitation),
        (ManagedBy::File, None)
    );
    operator.succeeds(&apply).await;
}
