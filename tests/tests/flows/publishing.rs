//! Which parts of a session are written to its record.

use local::rescue::{Phase, Session};
use local::servicenow::Created;
use tests::{World, assert_contains};

fn chatting(world: &World, incident: &Created) -> Session {
    let mut session = world
        .session(incident)
        .with_field("CField3", "building seven")
        .with_note("cable replaced");
    session.say("Ana Ruiz", "hello there");
    session
}

async fn only_note(settings: &'static str) -> (World, Created, String) {
    let world = World::with_session_setting(settings).await;
    let incident = world.incident();
    world
        .post_and_deliver(&chatting(&world, &incident), Phase::End)
        .await;
    let mut notes = world.notes(&incident);
    assert_eq!(notes.len(), 1, "{notes:?}");
    (world, incident, notes.remove(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_note_holds_the_whole_session_by_default() {
    let (world, incident, note) = only_note("publish = \"all\"").await;
    assert_contains(
        &note,
        &[
            "Ana Ruiz",
            "Paul Martin",
            "building seven",
            "cable replaced",
            "hello there",
            "Windows 11",
        ],
    );
    assert!(world.servicenow().attachments(&incident.sys_id).is_empty());
    assert!(
        world
            .servicenow()
            .comments("incident", &incident.sys_id)
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_publish_none_nothing_is_written_and_servicenow_is_not_called() {
    let world = World::with_session_setting("publish = \"none\"").await;
    let incident = world.incident();
    let (named, unnamed) = (chatting(&world, &incident), world.console_session());
    let mark = world.servicenow().mark();
    for session in [&named, &unnamed] {
        world.post(session, Phase::Start).await;
    }
    world.deliver().await;
    assert!(world.servicenow().since(mark).is_empty());
    for session in [&named, &unnamed] {
        assert_eq!(world.state(session).await, "ignored");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_publish_selected_only_the_named_fields_are_in_the_note() {
    let (_world, _incident, note) =
        only_note("publish = \"selected\"\nfields = [\"cfield3\", \"TechName\"]").await;
    assert_contains(&note, &["building seven", "Ana Ruiz"]);
    for part in [
        "Paul Martin",
        "cable replaced",
        "hello there",
        "Windows 11",
        "ana.ruiz@",
    ] {
        assert!(!note.contains(part), "{part}: {note}");
    }
}

/// docs/architecture.md#where-state-lives: attachments are named `rescue-{session id}-{first 16}.txt`.
#[tokio::test(flavor = "multi_thread")]
async fn a_chat_as_an_attachment_is_written_before_the_note_that_names_it() {
    let world = World::with_session_setting("chat = \"attachment\"").await;
    let incident = world.incident();
    let session = chatting(&world, &incident);
    world.post(&session, Phase::End).await;
    let digest = world.queued()[0]
        .deduplication_id
        .clone()
        .expect("a digest");
    let mark = world.servicenow().mark();
    world.deliver().await;
    let name = format!("rescue-{}-{}.txt", session.id, &digest[..16]);
    let attachments = world.servicenow().attachments(&incident.sys_id);
    assert_eq!(attachments.len(), 1);
    assert_eq!(attachments[0].0, name);
    assert!(attachments[0].1.contains("hello there"));
    let note = &world.notes(&incident)[0];
    assert!(
        note.contains(&name) && !note.contains("hello there"),
        "{note}"
    );
    let calls = world.called_since(mark);
    let writes: Vec<_> = calls
        .iter()
        .filter(|call| !call.starts_with("GET"))
        .collect();
    assert!(
        writes[0].contains("attachment") && writes[1].starts_with("PATCH"),
        "{calls:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_omitted_chat_is_in_neither_note_nor_attachment() {
    let (world, incident, note) = only_note("chat = \"omit\"").await;
    assert!(
        !note.contains("hello there") && note.contains("cable replaced"),
        "{note}"
    );
    assert!(world.servicenow().attachments(&incident.sys_id).is_empty());
}

/// docs/architecture.md#rule-7: a note over 30 000 characters continues in an attachment.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_chat_continues_in_an_attachment_and_nothing_is_cut() {
    let world = World::start().await;
    let incident = world.incident();
    let (named, unnamed) = (world.session(&incident), world.console_session());
    let words: Vec<String> = (0..8_000).map(|number| format!("w{number:04}")).collect();
    for mut session in [named, unnamed] {
        for line in words.chunks(10) {
            session.say("Ana Ruiz", &line.join(" "));
        }
        world.post_and_deliver(&session, Phase::Start).await;
    }
    let records = world.servicenow().records("incident");
    assert_eq!(records.len(), 2);
    for record in records {
        let sys_id = &record["sys_id"];
        let notes = world.servicenow().work_notes("incident", sys_id);
        assert_eq!(notes.len(), 1);
        assert!(notes[0].chars().count() <= 30_000);
        let attachments = world.servicenow().attachments(sys_id);
        assert_eq!(attachments.len(), 1);
        assert!(notes[0].contains(&attachments[0].0));
        let everything = format!("{}{}", notes[0], attachments[0].1);
        let missing = words
            .iter()
            .find(|word| !everything.contains(word.as_str()));
        assert_eq!(missing, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_written_beside_the_note() {
    let (world, _incident, session) = World::with_session().await;
    world.post(&session, Phase::End).await;
    let unnamed = world.console_session();
    world.post_and_deliver(&unnamed, Phase::End).await;
    let rows = world.servicenow().records("incident");
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(row["time_worked"], "1970-01-01 00:28:51", "{row:?}");
        let shown = |column| {
            world
                .servicenow()
                .displayed("incident", &row["sys_id"], column)
        };
        assert_eq!(shown("time_worked"), "28 Minutes 51 Seconds");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_are_in_the_tenants_language() {
    let mut headings = Vec::new();
    for (language, word) in [
        ("en", "ended"),
        ("fr", "terminée"),
        ("de", "beendet"),
        ("es", "finalizada"),
        ("it", "terminata"),
        ("pt", "encerrada"),
        ("nl", "beëindigd"),
    ] {
        let world = World::with_settings(|file| {
            file.replace(
                "[rescue]",
                &format!("language = \"{language}\"\n\n[rescue]"),
            )
        })
        .await;
        let incident = world.incident();
        world
            .post_and_deliver(&world.session(&incident), Phase::End)
            .await;
        let note = world.notes(&incident).remove(0);
        let heading = note.lines().next().unwrap_or_default().to_owned();
        if !heading.contains(word) {
            headings.push(heading);
        }
    }
    assert!(headings.is_empty(), "{headings:?}");
}

/// docs/architecture.md#rule-7.
#[tokio::test(flavor = "multi_thread")]
async fn markup_in_untrusted_text_is_neutralised() {
    let world = World::start().await;
    let incident = world.incident();
    let attack = "[code]<script>alert(1)</script>[/code]";
    let mut session = world
        .session(&incident)
        .with_customer(attack)
        .with_field("CField4", "[co")
        .with_field("CField5", "de]<img src=x onerror=alert(1)>[/code]")
        .with_note("[CODE]<b>x</b>[/CODE]\u{0}\u{1b}[31m");
    session.say(attack, attack);
    world.post(&session, Phase::End).await;
    let unnamed = world.console_session().with_customer(attack);
    world.post_and_deliver(&unnamed, Phase::End).await;
    for row in world.servicenow().records("incident") {
        let live = world.servicenow().live_html("incident", &row["sys_id"]);
        assert!(live.is_empty(), "{live:?}");
    }
    let note = &world.notes(&incident)[0];
    assert!(note.contains("alert(1)"), "it is kept as text: {note}");
    assert!(!note.contains(['\u{0}', '\u{1b}']), "{note:?}");
}
