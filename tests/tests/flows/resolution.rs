//! docs/architecture.md#rule-3: the right record or none.

use local::aws::{InjectedAwsFault, Service};
use local::demo_tenant::TENANT;
use local::rescue::{Format, Phase, Session};
use local::servicenow::Created;
use shared::domain::record::{RecordRef, SysId, TableName};
use shared::domain::record_tables::RecordTables;
use shared::domain::tenant::TenantId;
use shared::domain::tracking;
use tests::World;
use tests::injected::denied;
use tests::settings::{console_sessions, with_line};

fn without_creating(file: String) -> String {
    console_sessions(&file, "ignore")
}

fn with_plain_tracking(file: String) -> String {
    with_line(
        &without_creating(file),
        "sessions",
        "require_signed_tracking = false",
    )
}

/// The `Tracking0` that this deployment signs for a tenant's record.
async fn signed(world: &World, tenant: &str, table: TableName, sys_id: &str) -> String {
    let tenant = TenantId::parse(tenant).expect("valid");
    let secrets = world.cloud.stack.secret_store();
    let secrets = secrets.tenant_secrets(&tenant).await.expect("there");
    let key = secrets.tracking_key.clone().expect("a key");
    let record = RecordRef {
        table,
        sys_id: SysId::parse(sys_id).expect("valid"),
    };
    let tables = RecordTables::default();
    tracking::sign(&key, &tenant, &tables, &record).expect("a table of the tenant")
}

/// Delivers the session's start and returns the state and reason of its ledger entry.
async fn outcome(world: &World, session: &Session) -> (String, String) {
    world.post_and_deliver(session, Phase::Start).await;
    let entry = world.entry(session).await;
    let reason = entry.get("reason").cloned().unwrap_or_default();
    (entry["state"].clone(), reason)
}

/// Delivers the session's start and asserts the state and reason of its ledger entry.
async fn assert_outcome(world: &World, session: &Session, expected: (&str, &str)) {
    let (state, reason) = outcome(world, session).await;
    assert_eq!((state.as_str(), reason.as_str()), expected, "{session:?}");
}

const DELIVERED: (&str, &str) = ("delivered", "");

/// No note was written anywhere, and no record created.
fn assert_nothing_written(world: &World, records: &[&Created]) {
    let servicenow = world.servicenow();
    for record in records {
        assert!(world.notes(record).is_empty(), "{:?}", world.notes(record));
    }
    assert_eq!(servicenow.records("incident").len(), records.len());
    let violations = servicenow.violations();
    assert!(violations.is_empty(), "{violations:?}");
}

/// docs/architecture.md#rule-3: the ledger comes first.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_stays_with_the_record_of_its_first_post() {
    let world = World::start().await;
    let (first, second) = (world.incident(), world.incident());
    let session = world.session(&first);
    world.post_and_deliver(&session, Phase::Start).await;
    let mark = world.servicenow().mark();
    let tracking = signed(&world, TENANT, TableName::incident(), &second.sys_id).await;
    let session = session
        .with_field("CField1", &second.number)
        .with_tracking0(&tracking);
    world.post_and_deliver(&session, Phase::End).await;
    assert_eq!(world.notes(&first).len(), 2);
    assert!(world.notes(&second).is_empty());
    assert_eq!(world.called_since(mark).len(), 1, "one call: the note");
}

/// docs/architecture.md#rule-3: a signed `Tracking0` comes before any reference.
#[tokio::test(flavor = "multi_thread")]
async fn a_signed_tracking_names_its_record_before_any_field_does() {
    let world = World::start().await;
    let (tracked, named) = (world.incident(), world.incident());
    let case = world.servicenow().add_case(&[]);
    let tracking = signed(&world, TENANT, TableName::incident(), &tracked.sys_id).await;
    let session = world.session(&named).with_tracking0(&tracking);
    assert_outcome(&world, &session, DELIVERED).await;
    let tracking = signed(&world, TENANT, TableName::case(), &case.sys_id).await;
    let session = world.session(&named).with_tracking0(&tracking);
    assert_outcome(&world, &session, DELIVERED).await;
    assert_eq!(world.notes(&tracked).len(), 1);
    assert!(world.notes(&named).is_empty());
    let notes = world
        .servicenow()
        .work_notes("sn_customerservice_case", &case.sys_id);
    assert_eq!(notes.len(), 1);
    assert!(!notes[0].contains(&tracking), "a note shows no signature");
}

/// docs/architecture.md#rule-3 and docs/architecture.md#rule-9: the signature covers version, tenant, table and `sys_id`.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_or_altered_tracking_counts_as_no_reference() {
    let world = World::with_settings(without_creating).await;
    world.add_tenant("other").await;
    let (own, wanted) = (world.incident(), world.incident());
    let genuine = signed(&world, TENANT, TableName::incident(), &own.sys_id).await;
    let of_another_tenant = signed(&world, "other", TableName::incident(), &wanted.sys_id).await;
    for forged in [
        genuine.replace(&own.sys_id, &wanted.sys_id),
        genuine.replace("inc:", "case:"),
        format!("inc:{}:0123456789abcdef", wanted.sys_id),
        format!("inc:{}:", wanted.sys_id),
        of_another_tenant,
        format!("inc:{}", wanted.sys_id),
        wanted.number.clone(),
        format!("incident:{}", wanted.sys_id),
    ] {
        let session = world.console_session().with_tracking0(&forged);
        assert_outcome(&world, &session, ("unmatched", "tracking-not-believed")).await;
    }
    assert_nothing_written(&world, &[&own, &wanted]);
    assert!(world.dead_letters().is_empty());
    assert!(world.output().contains("TrackingNotBelieved"));

    let forged = genuine.replace(&own.sys_id, &wanted.sys_id);
    let session = world.session(&own).with_tracking0(&forged);
    assert_outcome(&world, &session, DELIVERED).await;
    assert_eq!(
        world.notes(&own).len(),
        1,
        "the reference field still counts"
    );
}

/// docs/architecture.md#rule-3: a post waits while its signature cannot be checked.
#[tokio::test(flavor = "multi_thread")]
async fn a_signed_tracking_waits_while_the_key_cannot_be_read() {
    let world = World::with_settings(without_creating).await;
    let incident = world.incident();
    let tracking = signed(&world, TENANT, TableName::incident(), &incident.sys_id).await;
    let session = world.console_session().with_tracking0(&tracking);
    let denied = denied();
    let away = InjectedAwsFault::any(Service::SecretsManager, denied).times(1_000);
    world.cloud.aws.inject(away);
    assert_eq!(outcome(&world, &session).await.0, "waiting");
    world.cloud.aws.clear_faults();
    world.deliver_until_empty().await;
    assert_eq!(world.state(&session).await, "delivered");
    assert_eq!(world.notes(&incident).len(), 1);
}

/// Without `require_signed_tracking`, a number or `table:sys_id` suffices.
#[tokio::test(flavor = "multi_thread")]
async fn a_plain_tracking_counts_only_without_require_signed_tracking() {
    let world = World::with_settings(with_plain_tracking).await;
    let incident = world.incident();
    let case = world.servicenow().add_case(&[]);
    for plain in [
        incident.number.clone(),
        format!(" {} ", incident.number.to_lowercase()),
        format!("incident:{}", incident.sys_id),
        case.number.clone(),
        format!("sn_customerservice_case:{}", case.sys_id),
    ] {
        let session = world.console_session().with_tracking0(&plain);
        assert_outcome(&world, &session, DELIVERED).await;
    }
    assert_eq!(world.notes(&incident).len(), 3);
    let notes = world
        .servicenow()
        .work_notes("sn_customerservice_case", &case.sys_id);
    assert_eq!(notes.len(), 2);

    let genuine = signed(&world, TENANT, TableName::incident(), &incident.sys_id).await;
    let session = world.console_session().with_tracking0(&genuine);
    assert_outcome(&world, &session, DELIVERED).await;
    let forged = format!("inc:{}:0123456789abcdef", incident.sys_id);
    let session = world.console_session().with_tracking0(&forged);
    assert_outcome(&world, &session, ("unmatched", "tracking-not-believed")).await;
    let notes = world.notes(&incident);
    assert_eq!(notes.len(), 4, "what looks signed has to be");
}

/// An invalid reference field falls through to the next.
#[tokio::test(flavor = "multi_thread")]
async fn reference_fields_are_searched_in_their_order() {
    let fields = "[\"CField4\", \"CField1\", \"Ticket\"]";
    let world = World::with_settings(|file| file.replace("[\"CField1\"]", fields)).await;
    let (first, second) = (world.incident(), world.incident());
    let (first_number, second_number) = (first.number.as_str(), second.number.as_str());
    let posts = [
        (
            vec![("CField4", first_number), ("CField1", second_number)],
            &first,
        ),
        (
            vec![("CField4", "the printer"), ("CField1", second_number)],
            &second,
        ),
        (vec![("ticket", first_number)], &first),
    ];
    for (fields, record) in posts {
        let before = world.notes(record).len();
        let mut session = world.console_session();
        for (name, value) in &fields {
            session = session.with_field(name, value);
        }
        assert_outcome(&world, &session, DELIVERED).await;
        assert_eq!(world.notes(record).len(), before + 1, "{fields:?}");
    }
}

/// Technicians type record numbers as people do.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_found_in_every_spelling_and_two_numbers_are_ambiguous() {
    let world = World::with_settings(without_creating).await;
    let (incident, other) = (world.incident(), world.incident());
    let table = include_str!("../../../shared/fixtures/record_numbers_as_typed.tsv");
    let mut written = 0;
    for row in table.lines().skip(1).filter(|row| !row.is_empty()) {
        let digits = |record: &Created| record.number.replace("INC", "");
        let row = row.replace("0010001", &digits(&incident));
        let row = row.replace("0010002", &digits(&other));
        let (text, right) = row.split_once('\t').expect("two columns");
        let session = world.console_session().with_field("CField1", text);
        let expected = match right {
            "no reference" => ("unmatched", "no-reference"),
            "ambiguous" => ("failed", "ambiguous-record"),
            "invalid" => ("failed", "invalid-reference"),
            number => {
                assert_eq!(number, incident.number);
                written += 1;
                DELIVERED
            }
        };
        assert_outcome(&world, &session, expected).await;
    }
    assert_eq!(world.notes(&incident).len(), written);
    assert!(world.notes(&other).is_empty());
    let dead_letters = world.dead_letters().into_iter();
    let reasons: Vec<_> = dead_letters.map(|dead_letter| dead_letter.reason).collect();
    let expected = ["ambiguous-record", "invalid-reference", "invalid-reference"];
    assert_eq!(reasons, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_says_no_number_leaves_the_session_its_new_record() {
    let world = World::start().await;
    for text in ["n/a", "-", "none", "Paul Martin"] {
        let before = world.servicenow().records("incident").len();
        let session = world.console_session().with_field("CField1", text);
        assert_outcome(&world, &session, DELIVERED).await;
        let after = world.servicenow().records("incident").len();
        assert_eq!(after, before + 1, "{text}");
    }
    let incident = world.incident();
    let session = world.console_session().with_field("CField1", "0010001");
    assert_eq!(outcome(&world, &session).await.1, "invalid-reference");
    assert!(world.notes(&incident).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ambiguous_field_falls_through_to_one_that_is_clear() {
    let fields = "[\"CField4\", \"CField1\"]";
    let world = World::with_settings(|file| file.replace("[\"CField1\"]", fields)).await;
    let (incident, other) = (world.incident(), world.incident());
    let both = format!("{} {}", incident.number, other.number);
    let session = world.session(&incident).with_field("CField4", &both);
    assert_outcome(&world, &session, DELIVERED).await;
    assert_eq!(world.notes(&incident).len(), 1);
}

/// ServiceNow ignores letter case, so the function compares answers exactly.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_differ_in_letter_case_have_a_record_each() {
    let world = World::start().await;
    let ids = ["AbCdEf01", "aBcDeF01", "ABCDEF01", "abcdef01"];
    for event in ["started", "ended"] {
        for id in ids {
            let body = format!("SessionID={id}&ChatLog={event}&CField0=Paul");
            let url = match event {
                "started" => world.started.expose(),
                _ => world.ended.expose(),
            };
            let answer = tests::HttpAnswer::to_post(url, None, body).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            world.deliver().await;
        }
        // After ninety days the ledger's entries have expired: only ServiceNow knows the sessions' records.
        let ninety_one_days = std::time::Duration::from_secs(91 * 24 * 3600);
        world.cloud.travel(ninety_one_days);
    }
    let rows = world.servicenow().records("incident");
    for id in ids {
        let correlation = format!("rescue:{id}");
        let own: Vec<_> = rows
            .iter()
            .filter(|row| row.get("correlation_id") == Some(&correlation))
            .collect();
        assert_eq!(own.len(), 1, "{id}");
        let notes = world.servicenow().work_notes("incident", &own[0]["sys_id"]);
        assert_eq!(notes.len(), 2, "{id} {notes:?}");
        let marker = format!("(Rescue {id} ");
        assert!(notes.iter().all(|note| note.contains(&marker)), "{notes:?}");
    }
}

/// docs/architecture.md#rule-3: values that enter an encoded query are whitelisted per kind.
#[tokio::test(flavor = "multi_thread")]
async fn query_syntax_in_a_reference_never_reaches_a_query() {
    for plain_tracking in [false, true] {
        let change = if plain_tracking {
            with_plain_tracking
        } else {
            without_creating
        };
        let world = World::with_settings(change).await;
        let (one, other) = (world.incident(), world.incident());
        let attempts = [
            format!("INC0001^ORnumber={}", one.number),
            format!("{}^ORnumber={}", one.number, other.number),
            format!("{}^NQactive=true", one.number),
            "INC0001^NQactive=true".to_owned(),
            "javascript:gs.getUserID(1)".to_owned(),
            "INC0001 javascript:alert(1)^x=1".to_owned(),
            "sys_id=x1".to_owned(),
            "INC1".to_owned(),
            "*1".to_owned(),
        ];
        // A text without a digit is no reference.
        let without_digits = [
            "javascript:gs.getUserID()",
            "sys_id=x^active=true",
            "INC",
            "*",
        ];
        let invalid = attempts
            .iter()
            .map(|attempt| (attempt.as_str(), ("failed", "invalid-reference")));
        let none = without_digits
            .iter()
            .map(|attempt| (*attempt, ("unmatched", "no-reference")));
        for (attempt, expected) in invalid.chain(none) {
            let mut session = world.console_session().with_field("CField1", attempt);
            if plain_tracking {
                session = session.with_tracking0(attempt);
            }
            assert_outcome(&world, &session, expected).await;
        }
        assert_nothing_written(&world, &[&one, &other]);
        assert_eq!(world.dead_letters().len(), attempts.len());
        for request in world.servicenow().requests_matching("GET", "") {
            let query = request.parameter("sysparm_query").unwrap_or_default();
            assert!(
                !query.contains("javascript") && !query.contains("^OR") && !query.contains("^NQ"),
                "{query}"
            );
        }
    }
}

/// docs/architecture.md#rule-3: a reference that names a record that does not exist is dead-lettered.
#[tokio::test(flavor = "multi_thread")]
async fn a_reference_to_no_record_is_given_up_with_any_console_sessions() {
    let world = World::start().await;
    let incident = world.incident();
    let hidden = world.incident();
    world.servicenow().configure(|rules| {
        rules.hidden_records.insert(hidden.sys_id.clone());
    });
    let nowhere = signed(&world, TENANT, TableName::incident(), &"0a".repeat(16)).await;
    let sessions = [
        world.console_session().with_field("CField1", "INC9999999"),
        world.console_session().with_field("CField1", "CS9999999"),
        world.session(&hidden),
        world.console_session().with_tracking0(&nowhere),
    ];
    for session in &sessions {
        assert_outcome(&world, session, ("failed", "record-not-found")).await;
    }
    assert_nothing_written(&world, &[&incident, &hidden]);
    let dead_letters = world.dead_letters();
    assert_eq!(dead_letters.len(), sessions.len());
    let mut dead_letters = dead_letters.iter();
    assert!(dead_letters.all(|dead_letter| dead_letter.reason == "record-not-found"));
}

/// docs/architecture.md#rule-3: each row is compared with the query.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_answered_with_other_rows_finds_no_record() {
    let world = World::with_settings(without_creating).await;
    let incident = world.incident();
    world.servicenow().configure(|rules| {
        rules.unreadable_columns.insert("number".to_owned());
    });
    let session = world.session(&incident);
    assert_outcome(&world, &session, ("failed", "record-not-found")).await;
    assert_nothing_written(&world, &[&incident]);
}

/// docs/architecture.md#rule-3: the same for the records that the connector created.
#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_correlation_id_matches_no_other_record() {
    let world = World::start().await;
    let incident = world.incident();
    world.servicenow().configure(|rules| {
        rules.unreadable_columns.insert("correlation_id".to_owned());
    });
    let session = world.console_session();
    assert_outcome(&world, &session, DELIVERED).await;
    assert!(world.notes(&incident).is_empty());
    assert_eq!(world.servicenow().records("incident").len(), 2);
}

/// docs/architecture.md#rule-3: a post with no reference and `console_sessions = "ignore"` is `unmatched`.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_names_no_record_is_unmatched_where_none_is_created() {
    let world = World::with_settings(without_creating).await;
    let session = world.console_session().with_field("CField1", "  ");
    assert_outcome(&world, &session, ("unmatched", "no-reference")).await;
    assert!(world.dead_letters().is_empty() && world.queued().is_empty());
    assert_nothing_written(&world, &[]);

    world.change_settings(|file| file).await;
    let rescue = &world.cloud.rescue;
    let payload = rescue.payload(&session, Format::JsonFlat, Phase::Start);
    world.post_again(&payload, Phase::Start).await;
    world.deliver().await;
    let state = world.state(&session).await;
    assert_eq!(state, "delivered", "unmatched posts may be claimed again");
}
