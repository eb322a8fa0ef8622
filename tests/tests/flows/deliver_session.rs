//! `deliver-session`: notes on the right records.

use local::rescue::Phase;
use tests::World;

#[tokio::test(flavor = "multi_thread")]
async fn start_and_end_become_two_notes_on_the_record_they_name() {
    let world = World::start().await;
    let incident = world.incident();
    let mut session = world.session(&incident);
    session.say("Ana Ruiz", "hello");
    world.post(&session, Phase::Start).await;
    session.say("Paul Martin", "goodbye");
    world.post(&session, Phase::End).await;
    world.deliver().await;
    let notes = world.notes(&incident);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(
        notes[0].contains("hello") && !notes[0].contains("goodbye"),
        "{notes:?}"
    );
    assert!(
        notes[1].contains("goodbye") && !notes[1].contains("hello"),
        "{notes:?}"
    );
    assert!(world.dead_letters().is_empty());
}
