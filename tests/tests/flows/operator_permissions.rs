//! What the command line asks AWS for is what its reference says that a role needs.

use std::collections::BTreeSet;
use std::time::Duration;

use admin::dlq;
use local::demo_tenant::{TECHNICIAN, TENANT};
use local::rescue::Phase;
use local::servicenow::User;
use shared::aws::credentials::Pause;
use shared::domain::error::ErrorCode;
use tests::World;
use tests::tokens::demo;

use super::command_line::{CommandLine, text};

const REFERENCE: &str = include_str!("../../../docs/command-line.md");

/// The rows of the permissions table as `dynamodb:GetItem on tenants`; secrets without their names.
fn written(rows: &[&str]) -> BTreeSet<String> {
    let (_, table) = REFERENCE.split_once("## Permissions").expect("a section");
    let mut all = BTreeSet::new();
    for name in rows {
        let row = table
            .lines()
            .find(|line| line.starts_with(&format!("| {name} |")));
        let cell = row
            .unwrap_or_else(|| panic!("no row {name}"))
            .split('|')
            .nth(2);
        let (mut service, mut actions, mut named) = (String::new(), Vec::new(), Vec::new());
        let words: Vec<&str> = cell.unwrap_or_default().split_whitespace().collect();
        let mut about = false;
        for word in words {
            let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            let action = bare.rsplit(':').next().unwrap_or_default();
            if word.starts_with('`') && action.starts_with(|c: char| c.is_ascii_uppercase()) {
                if !named.is_empty() {
                    flush(&mut all, &mut actions, &mut named);
                }
                if let Some((prefix, _)) = bare.split_once(':') {
                    flush(&mut all, &mut actions, &mut named);
                    prefix.clone_into(&mut service);
                }
                actions.push(format!("{service}:{action}"));
                about = false;
            } else if bare == "on" {
                about = true;
            } else if about
                && ["tenants", "sessions", "credentials", "dead-letter", "both"].contains(&bare)
            {
                named.push(bare.to_owned());
            }
        }
        flush(&mut all, &mut actions, &mut named);
    }
    all
}

fn flush(all: &mut BTreeSet<String>, actions: &mut Vec<String>, named: &mut Vec<String>) {
    for action in actions.drain(..) {
        if named.is_empty() {
            all.insert(action.clone());
        }
        for one in named.iter() {
            let both = ["sessions", "dead-letter"];
            let one = std::slice::from_ref(one);
            let resources = if one == ["both"] {
                both.map(str::to_owned).to_vec()
            } else {
                one.to_vec()
            };
            all.extend(
                resources
                    .iter()
                    .map(|resource| format!("{action} on {resource}")),
            );
        }
    }
    named.clear();
}

/// The operator's AWS calls since a mark, in the same form.
fn called(world: &World, mark: local::aws::Mark) -> BTreeSet<String> {
    let calls = world.cloud.aws.journal().since(mark).into_iter();
    let of_the_operator = calls.filter(|call| call.caller == "operator");
    of_the_operator
        .map(|call| {
            let service = format!("{:?}", call.service).to_lowercase();
            let action = call
                .operation
                .strip_suffix("Batch")
                .unwrap_or(&call.operation);
            let of = |name: &str| call.request[name].as_str().unwrap_or_default();
            let several = call.request["RequestItems"].as_object();
            let several = several
                .and_then(|tables| tables.keys().next())
                .map_or("", String::as_str);
            let named = [of("TableName"), of("QueueUrl"), several].concat();
            let about = [
                ("Tenants", "tenants"),
                ("Credentials", "credentials"),
                ("Dlq", "dead-letter"),
                ("Sessions", "sessions"),
            ];
            let about = about.into_iter().find(|(part, _)| named.contains(part));
            let about = about.map(|(_, name)| format!(" on {name}"));
            format!("{service}:{action}{}", about.unwrap_or_default())
        })
        // The second needs no permission.
        .filter(|call| {
            !["cloudformation:DescribeStacks", "sts:GetCallerIdentity"].contains(&call.as_str())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_makes_more_aws_calls_than_its_row_of_permissions_allows() {
    let world = World::start().await;
    let rescue = world.cloud.rescue.url();
    let operator = CommandLine::by_outputs(&world).with("RESCUE_ENDPOINT_URL", &rescue);
    let within = async |rows: &[&str], arguments: &[&str], input: &str| {
        let mark = world.cloud.aws.journal().mark();
        let ended = operator.run_with(arguments, input).await;
        assert!(
            ended.code == Some(0) || arguments[0] == "doctor",
            "{arguments:?}: {}",
            ended.stderr
        );
        let (called, written) = (called(&world, mark), written(rows));
        assert!(!called.is_empty());
        let more: Vec<_> = called.difference(&written).collect();
        assert!(
            more.is_empty(),
            "{arguments:?}: {more:?} are not in {written:?}"
        );
    };
    let apply = "`tenant apply`";
    let looks = "`tenant show`, `export`";
    let changes = "`tenant disable`, `enable`; `keys`";
    let numbers = "record numbers in lists; `--record`";

    operator.file(|file| file);
    within(&[apply], &["tenant", "apply", "acme.toml"], "").await;
    let instance = &world.cloud.servicenow;
    instance.add_registry("acme-client", "acme-secret");
    instance.add_user(User::service_account("svc.acme", "unused").with_roles(&["itil"]));
    let refresh_token = instance.issue_refresh_token("acme-client", "svc.acme");
    for (name, value) in [
        ("oauth-client-secret", "acme-secret"),
        ("refresh-token", refresh_token.as_str()),
        ("sso-password", "x"),
    ] {
        within(&["`secrets set`"], &["secrets", "set", "acme", name], value).await;
    }
    operator.file(|file| file.replace("language = \"en\"", "language = \"fr\""));
    within(&[apply], &["tenant", "apply", "acme.toml"], "").await;
    within(&["`tenant list`"], &["tenant", "list"], "").await;
    within(&[looks], &["tenant", "show", "acme"], "").await;
    within(&[looks], &["tenant", "export", "acme"], "").await;
    within(&["`token status`"], &["token", "status", TENANT], "").await;
    let rotate = ["`token status`", "`token rotate`"];
    within(&rotate, &["token", "rotate", TENANT], "").await;
    within(&[changes], &["keys", "list", "acme"], "").await;
    within(&[changes], &["keys", "rotate", "acme", "webhook"], "").await;
    let keys = operator.json(&["keys", "list", "acme"]).await;
    let id = text(&keys, "/0/id").to_owned();
    within(&[changes], &["keys", "retire", "acme", &id], "").await;

    let incident = world.incident();
    let session = world.session(&incident);
    world.refuse_write(&incident, 403);
    world.post(&session, Phase::Start).await;
    let lost = world.console_session().with_field("CField1", "INC9999999");
    world.post_and_deliver(&lost, Phase::Start).await;
    world.enqueue("not a post", "other").await;
    world.deliver().await;
    let reconcile = ["sessions", "reconcile", TENANT, "--from", "7 days"];
    let of_ana = ["--technician", TECHNICIAN, "--node", "4455667"];
    within(
        &["`sessions reconcile`"],
        &[&reconcile[..], &of_ana].concat(),
        "",
    )
    .await;
    let sessions = ["`sessions list`, `show`", numbers];
    for arguments in [
        &["sessions", "list", TENANT][..],
        &["sessions", "list", TENANT, "--record", &incident.number],
        &["sessions", "list", "--all-tenants"],
        &["sessions", "show", TENANT, &session.id],
    ] {
        within(&sessions, arguments, "").await;
    }
    let looking = "`dlq list`, `show`";
    within(&[looking], &["dlq", "list"], "").await;
    let dead_letters = dlq::list(&world.cloud.stack, &dlq::Filter::default())
        .await
        .expect("listed")
        .dead_letters;
    let id = |session: Option<&str>| {
        let dead_letter = dead_letters
            .iter()
            .find(|dead_letter| dead_letter.session_id.as_deref() == session);
        dead_letter.expect("a dead letter").id.clone()
    };
    let (refused, mistyped, odd) = (id(Some(&session.id)), id(Some(&lost.id)), id(None));
    within(&[looking], &["dlq", "show", &refused], "").await;
    let redrive = ["`dlq redrive`", numbers];
    let elsewhere = ["dlq", "redrive", &mistyped, "--record", &incident.number];
    within(&redrive, &elsewhere, "").await;
    within(&redrive[..1], &["dlq", "redrive", &refused], "").await;
    within(&["`dlq delete`"], &["dlq", "delete", &odd, "--yes"], "").await;

    within(&["`doctor`"], &["doctor", TENANT], "").await;
    let pause = Pause {
        until: world
            .cloud
            .stack
            .clock
            .now()
            .plus(Duration::from_secs(3000)),
        reason: ErrorCode::ReauthorizationNeeded,
    };
    let credentials = world.cloud.stack.credentials();
    let paused = credentials.set_pause(&demo(), pause).await;
    paused.expect("written");
    within(&["`doctor`"], &["doctor", TENANT], "").await;
    let ended = credentials.tenant_pause_now(&demo()).await;
    let ended = ended.expect("read").pause_at(world.cloud.stack.clock.now());
    assert_eq!(ended, None, "ServiceNow accepts the credentials");
    let all = [
        "doctor",
        TENANT,
        "--technician",
        TECHNICIAN,
        "--write-to",
        &incident.number,
    ];
    within(&["`doctor`"], &all, "").await;
    within(&[changes], &["tenant", "disable", "acme", "--yes"], "").await;
    within(&[changes], &["tenant", "enable", "acme"], "").await;
    let delete = ["tenant", "delete", "acme", "--yes", "--now"];
    within(&["`tenant delete`"], &delete, "").await;
    world.cloud.travel(Duration::from_secs(75));
    within(&[apply], &["tenant", "apply", "acme.toml"], "").await;
}
