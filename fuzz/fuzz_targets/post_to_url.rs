//! Any bytes may be posted: parsing never panics, what parses has a digest and becomes a note that fits.
//!
//! The first byte chooses the Content-Type, so that fixtures serve as a corpus as they are (`{`, `<` and letters are
//! just further choices) and each of them is also read under a wrong label.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::rescue::post_to_url;
use shared::servicenow::note::{MAX_CHARACTERS, NoteInput, render};
use shared::domain::session::{Digest, Event, note_marker};
use shared::domain::tenant::{Language, Sessions, TenantId};

const CONTENT_TYPES: [Option<&str>; 6] = [
    None,
    Some("application/json"),
    Some("application/json; charset=utf-8"),
    Some("text/xml; charset=iso-8859-1"),
    Some("application/x-www-form-urlencoded"),
    Some("application/x-www-form-urlencoded; charset=windows-1252"),
];

fuzz_target!(|body: &[u8]| {
    let choice = usize::from(body.first().copied().unwrap_or_default()) % CONTENT_TYPES.len();
    let Ok(fields) = post_to_url::parse(CONTENT_TYPES[choice], body) else {
        return;
    };
    let Ok(session) = post_to_url::session_id(&fields) else {
        return;
    };
    let tenant = TenantId::parse("acme").expect("a tenant's name");
    let event = Event::from_content(&fields);
    let digest = Digest::of(&tenant, &session, event, &fields);
    let note = render(NoteInput {
        settings: &Sessions::default(),
        language: Language::En,
        session: &session,
        event,
        digest: &digest,
        fields: &fields,
        remarks: &[],
    });
    assert!(note.text.chars().count() <= MAX_CHARACTERS);
    assert_eq!(
        note.text.matches(&note_marker(&session, &digest)).count(),
        1
    );
    assert!(!note.text.to_ascii_lowercase().contains("[code]"));
});
