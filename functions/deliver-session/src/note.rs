//! The work note of a post, and the attachment for the text that does not fit into it.

use shared::domain::session::{
    Digest, Event, Fields, SessionId, Source, attachment_name, documented_name, note_marker,
};
use shared::domain::tenant::{Chat, Language, Publish, Sessions};
use shared::servicenow::text::{defuse, neutralise, shortened, single_line};

use crate::chat::chat_lines;
use crate::note_texts::{NoteTexts, note_texts};

/// The longest work note, in characters (docs/vendors.md#work-notes); the rest is attached.
pub(crate) const MAX_CHARACTERS: usize = 30_000;
/// The size of `short_description`, in characters (docs/vendors.md#tables-and-columns).
const MAX_SHORT_DESCRIPTION: usize = 160;
/// The longest e-mail address (RFC 5321, 4.5.3.1.3).
const MAX_ADDRESS: usize = 254;
/// No post has more remarks; the limit keeps room for the rest of the note.
const MAX_REMARKS: usize = 12;
/// A note is cut at a line break if one is so close to the limit, in bytes.
const CUT_MARGIN: usize = 2_000;

/// The input of [`render`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoteInput<'a> {
    /// What is published, and where the chat goes.
    pub(crate) settings: &'a Sessions,
    pub(crate) language: Language,
    pub(crate) session: &'a SessionId,
    pub(crate) event: Event,
    /// A second line says of a post that was made from Rescue's report that it was.
    pub(crate) source: Source,
    /// Identifies the post.
    pub(crate) digest: &'a Digest,
    pub(crate) fields: &'a Fields,
    /// What happened during the delivery.
    pub(crate) remarks: &'a [Remark],
}

/// The texts for one post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// At most [`MAX_CHARACTERS`]; the first line ends in the post's marker, which appears once.
    pub(crate) text: String,
    /// The text of the attachment named [`attachment_name`], if one is needed. With [`Remark::AttachmentRefused`] it is
    /// the whole text, because the note that was written may show another part of it.
    pub(crate) attachment: Option<String>,
}

/// A line about the delivery, for the readers of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remark {
    /// No active person has the customer's address.
    CallerNotFound {
        email: String,
    },
    /// Several people have the customer's address.
    CallerAmbiguous {
        email: String,
    },
    /// No active person has the technician's address.
    TechnicianNotFound {
        email: String,
    },
    /// Several people have the technician's address.
    TechnicianAmbiguous {
        email: String,
    },
    /// The record replaces the closed one of that number.
    FollowsClosedRecord {
        number: String,
    },
    Reopened,
    /// The record is closed, and no state reopens records of its table.
    NotReopened,
    /// The attachment's text is missing.
    AttachmentRefused,
}

impl Remark {
    fn text(&self, texts: &NoteTexts) -> String {
        let (template, value) = match self {
            Self::CallerNotFound { email } => (texts.caller_not_found, email.as_str()),
            Self::CallerAmbiguous { email } => (texts.caller_ambiguous, email.as_str()),
            Self::TechnicianNotFound { email } => (texts.technician_not_found, email.as_str()),
            Self::TechnicianAmbiguous { email } => (texts.technician_ambiguous, email.as_str()),
            Self::FollowsClosedRecord { number } => (texts.follows_closed_record, number.as_str()),
            Self::Reopened => (texts.reopened, ""),
            Self::NotReopened => (texts.not_reopened, ""),
            // `render` puts it where the note would have named its attachment.
            Self::AttachmentRefused => return String::new(),
        };
        filled_in(template, &shortened(&single_line(value), MAX_ADDRESS))
    }
}

/// The note of a post, with all untrusted text neutralised.
///
/// Neither text holds fields that the settings do not publish, nor `Tracking0`, which carries a signature. Text that does
/// not fit into the note is in the attachment, and the note says so: nothing is lost.
pub(crate) fn render(input: NoteInput<'_>) -> Note {
    let texts = note_texts(input.language);
    let published = Published {
        fields: input.fields,
        settings: input.settings,
    };
    let heading = heading(&input, texts);
    let attachment_name = attachment_name(input.session, input.digest);

    let mut body = labelled_lines(published, input.source, texts);
    if let Some(notes) = published.value("Notes") {
        push_section(&mut body, texts.notes, texts, neutralise(notes).trim());
    }
    let chat = published
        .value("ChatLog")
        .map(|chat| chat_lines(&neutralise(chat)))
        .filter(|chat| !chat.trim().is_empty());
    let refused = input.remarks.contains(&Remark::AttachmentRefused);
    let pointer = |texts: &'static str| filled_in(texts, &attachment_name);
    let mut attached_chat = String::new();
    let mut closing = String::new();
    if refused {
        closing = pointer(texts.attachment_refused);
    }
    match (input.settings.chat, chat) {
        (Chat::Note, Some(chat)) => {
            push_section(&mut body, texts.chat, texts, chat.trim_matches('\n'))
        }
        (Chat::Attachment, Some(chat)) => {
            push_section(
                &mut attached_chat,
                texts.chat,
                texts,
                chat.trim_matches('\n'),
            );
            if !refused {
                closing = pointer(texts.chat_is_in);
            }
        }
        (Chat::Omit, _) | (_, None) => {}
    }
    let remarks: Vec<String> = input
        .remarks
        .iter()
        .take(MAX_REMARKS)
        .map(|remark| remark.text(texts))
        .filter(|remark| !remark.is_empty())
        .collect();
    push_paragraph(&mut closing, &remarks.join("\n"));

    // Values that are harmless alone could form a tag together.
    let (body, attached_chat) = (defuse(&body), defuse(&attached_chat));
    let room = |closing: &str| {
        let taken = heading.chars().count() + closing.chars().count() + 2 * PARAGRAPH.len();
        MAX_CHARACTERS.saturating_sub(taken)
    };
    let mut overflow = "";
    let mut shown = body.as_str();
    if body.chars().count() > room(&closing) {
        if !refused {
            let mut with_pointer = pointer(texts.continues_in);
            push_paragraph(&mut with_pointer, &closing);
            closing = with_pointer;
        }
        (shown, overflow) = cut(&body, room(&closing));
    }
    if refused {
        overflow = &body;
    }

    let mut text = heading.clone();
    push_paragraph(&mut text, shown);
    push_paragraph(&mut text, &closing);
    let attached = refused || !overflow.is_empty() || !attached_chat.is_empty();
    let attachment = attached.then(|| {
        let mut attachment = heading;
        push_paragraph(&mut attachment, overflow);
        push_paragraph(&mut attachment, &attached_chat);
        attachment
    });
    Note { text, attachment }
}

/// The short description of a new record: one line of at most 160 characters, with the customer's name where the settings
/// publish it.
pub(crate) fn short_description(
    language: Language,
    session: &SessionId,
    fields: &Fields,
    settings: &Sessions,
) -> String {
    let texts = note_texts(language);
    let mut description = filled_in(texts.session, session.as_str());
    let customer = Published { fields, settings }.line("CField0");
    if let Some(customer) = customer {
        description.push_str(texts.colon);
        description.push_str(&customer);
    }
    shortened(&description, MAX_SHORT_DESCRIPTION)
}

/// The fields of a post that the tenant publishes.
#[derive(Clone, Copy)]
pub(crate) struct Published<'a> {
    pub(crate) fields: &'a Fields,
    pub(crate) settings: &'a Sessions,
}

impl<'a> Published<'a> {
    /// Whether the tenant selected a variable by its name.
    fn is_selected(self, name: &str) -> bool {
        let same = |selected: &String| {
            let selected = selected.trim();
            documented_name(selected).map_or_else(
                || selected.to_lowercase() == name.to_lowercase(),
                |documented| documented == name,
            )
        };
        self.settings.publish == Publish::Selected && self.settings.fields.iter().any(same)
    }

    fn is_published(self, name: &str) -> bool {
        self.settings.publish == Publish::All || self.is_selected(name)
    }

    /// The value of a documented variable; `None` when it is blank or not published.
    pub(crate) fn value(self, name: &str) -> Option<&'a str> {
        self.fields.find(name).filter(|_| self.is_published(name))
    }

    /// The value on one neutralised line.
    fn line(self, name: &str) -> Option<String> {
        self.value(name)
            .map(single_line)
            .filter(|line| !line.is_empty())
    }

    /// The variables that are not documented, each on one neutralised line. A report may have a column with the name of a
    /// documented variable that is another value; that of a signature is left out.
    fn unknown_lines(self) -> impl Iterator<Item = (&'a str, String)> {
        let published = self.fields.unknown_fields.iter().filter(move |(name, _)| {
            self.is_published(name) && documented_name(name) != Some("Tracking0")
        });
        published
            .map(|(name, value)| (name.as_str(), single_line(value)))
            .filter(|(_, line)| !line.is_empty())
    }

    /// The value of a variable that is published only when selected by name.
    fn selected_line(self, name: &str) -> Option<String> {
        self.line(name).filter(|_| self.is_selected(name))
    }
}

const PARAGRAPH: &str = "\n\n";

/// The first paragraph. Untrusted text comes after the marker, because an instance's database may cut a note at a character
/// that it cannot store, and in paragraphs of its own: it cannot pretend to be the line about the report.
fn heading(input: &NoteInput<'_>, texts: &NoteTexts) -> String {
    let sentence = match input.event {
        Event::Started => texts.started,
        Event::Ended => texts.ended,
    };
    let first = format!("{sentence} {}", note_marker(input.session, input.digest));
    match input.source {
        Source::Post => first,
        Source::Report => format!("{first}\n{}", texts.from_report),
    }
}

fn labelled_lines(published: Published<'_>, source: Source, texts: &NoteTexts) -> String {
    let mut lines = String::new();
    let mut push = |label: &str, value: Option<String>| {
        if let Some(value) = value {
            for part in [label, texts.colon, &value, "\n"] {
                lines.push_str(part);
            }
        }
    };
    let technician = [published.line("TechName"), published.line("TechEmail")];
    let technician = technician
        .into_iter()
        .flatten()
        .reduce(|name, email| format!("{name}, {email}"));
    let time = |name| {
        published
            .line(name)
            .map(|seconds| duration(&seconds, texts))
    };

    push(texts.session_id, published.selected_line("SessionID"));
    push(texts.technician, technician);
    push(texts.technician_id, published.selected_line("TechID"));
    push(
        texts.technician_sso_id,
        published.selected_line("TechSSOID"),
    );
    push(texts.technician_description, published.line("TechDescr"));
    push(texts.customer, published.line("CField0"));
    for number in ["1", "2", "3", "4", "5"] {
        push(
            &filled_in(texts.custom_field, number),
            published.line(&format!("CField{number}")),
        );
    }
    push(texts.waiting_time, time("WaitingTime"));
    push(texts.picked_up, published.line("PickupTime"));
    push(texts.closed, published.line("ClosingTime"));
    push(texts.work_time, time("WorkTime"));
    push(texts.last_action, published.line("LastActionTime"));
    push(texts.platform, published.line("Platform"));
    push(
        texts.transmitted,
        published
            .line("Transmitted")
            .map(|bytes| size(&bytes, texts)),
    );
    for (name, line) in published.unknown_lines() {
        let label = match source {
            Source::Post => single_line(name),
            // The heading of a column, in lower case.
            Source::Report => capitalised(&single_line(name)),
        };
        push(&label, Some(line));
    }
    lines.truncate(lines.trim_end().len());
    lines
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).collect()
}

/// Seconds in readable units; a value that is no whole number stays as it is.
fn duration(seconds: &str, texts: &NoteTexts) -> String {
    let Ok(total) = seconds.parse::<u64>() else {
        return seconds.to_owned();
    };
    let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min {seconds} s"),
        _ => format!("{hours} {} {minutes} min {seconds} s", texts.hours),
    }
}

/// Bytes in readable units, with one decimal; a value that is no whole number stays as it is.
fn size(bytes: &str, texts: &NoteTexts) -> String {
    let Ok(bytes) = bytes.parse::<u64>() else {
        return bytes.to_owned();
    };
    let [smallest, larger @ ..] = texts.sizes;
    if bytes < 1024 {
        return format!("{bytes} {smallest}");
    }
    let mut tenths = u128::from(bytes) * 10;
    let mut unit = smallest;
    for next in larger {
        if tenths < 10_240 {
            break;
        }
        tenths = (tenths + 512) / 1024;
        unit = next;
    }
    format!(
        "{}{}{} {unit}",
        tenths / 10,
        texts.decimal_separator,
        tenths % 10
    )
}

fn push_paragraph(text: &mut String, paragraph: &str) {
    if !paragraph.is_empty() {
        if !text.is_empty() {
            text.push_str(PARAGRAPH);
        }
        text.push_str(paragraph);
    }
}

fn push_section(text: &mut String, title: &str, texts: &NoteTexts, content: &str) {
    if !content.trim().is_empty() {
        push_paragraph(text, title);
        text.push_str(texts.colon.trim_end());
        text.push('\n');
        text.push_str(content);
    }
}

/// Splits a text after at most `limit` characters, at a line break if one is close.
fn cut(text: &str, limit: usize) -> (&str, &str) {
    let end = text
        .char_indices()
        .nth(limit)
        .map_or(text.len(), |(at, _)| at);
    let shown = text.get(..end).unwrap_or_default();
    let at = match shown.rfind('\n') {
        Some(line_end) if end - line_end <= CUT_MARGIN => line_end,
        _ => end,
    };
    let (shown, rest) = text.split_at(at);
    (shown, rest.trim_start_matches('\n'))
}

/// Whether notes refer, in any language, to the attachment of that name. A note refers to it only when it was written.
pub(crate) fn points_to(notes: &str, attachment_name: &str) -> bool {
    Language::ALL.into_iter().map(note_texts).any(|texts| {
        [texts.chat_is_in, texts.continues_in]
            .iter()
            .any(|pointer| notes.contains(&filled_in(pointer, attachment_name)))
    })
}

fn filled_in(template: &str, value: &str) -> String {
    template.replacen("{}", value, 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, proptest};

    use super::*;
    use shared::rescue::post_to_url;

    macro_rules! fixture {
        ($name:literal) => {
            post_to_url::parse(
                None,
                include_bytes!(concat!("../../../shared/fixtures/post_to_url/", $name)),
            )
            .expect("readable")
        };
    }

    fn session() -> SessionId {
        SessionId::parse("70112233").expect("valid")
    }

    fn digest() -> Digest {
        Digest::parse(&"0123456789abcdef".repeat(4)).expect("valid")
    }

    fn note(settings: &Sessions, language: Language, fields: &Fields, remarks: &[Remark]) -> Note {
        note_from(Source::Post, settings, language, fields, remarks)
    }

    fn note_from(
        source: Source,
        settings: &Sessions,
        language: Language,
        fields: &Fields,
        remarks: &[Remark],
    ) -> Note {
        render(NoteInput {
            settings,
            language,
            session: &session(),
            event: Event::from_content(fields),
            source,
            digest: &digest(),
            fields,
            remarks,
        })
    }

    fn report_note(settings: &Sessions, language: Language, fields: &Fields) -> String {
        note_from(
            Source::Report,
            settings,
            language,
            fields,
            &[Remark::Reopened],
        )
        .text
    }

    /// A row of Rescue's report as the fields of its post.
    fn reported() -> Fields {
        let mut fields = fields(&[
            ("SessionID", "70112233"),
            ("TechID", "4455667"),
            ("TechName", "Ana Ruiz"),
            ("CField0", "Paul Martin"),
            ("CField1", "INC0012345"),
            ("Tracking0", "sn1:inc:9d3"),
            ("WaitingTime", "17"),
            ("PickupTime", "2025-05-14 10:02:11 UTC"),
            ("ClosingTime", "2025-05-14 10:31:40 UTC"),
            ("WorkTime", "1769"),
            ("LastActionTime", "2025-05-14 10:31:02 UTC"),
            ("Platform", "Windows 11"),
            ("session type", "Mobile Applet"),
            ("status", "Closed by technician"),
            ("connecting time", "0:00:05"),
            ("élan", "1"),
        ]);
        // A custom field that the account has called so.
        let called = ("notes".to_owned(), "VIP".to_owned());
        fields.unknown_fields.extend([called]);
        fields
    }

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (key, value) in pairs {
            fields.insert(key, (*value).to_owned());
        }
        fields
    }

    fn selected(names: &[&str]) -> Sessions {
        Sessions {
            publish: Publish::Selected,
            fields: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Sessions::default()
        }
    }

    fn with_chat(chat: Chat) -> Sessions {
        Sessions {
            chat,
            ..Sessions::default()
        }
    }

    fn golden(file: &str, text: &str) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures/notes")
            .join(file);
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(&path, format!("{text}\n")).expect("the fixture can be written");
        }
        let expected = std::fs::read_to_string(&path).expect("a fixture");
        assert_eq!(
            format!("{text}\n"),
            expected,
            "{file}; UPDATE_FIXTURES=1 writes it anew"
        );
    }

    #[test]
    fn notes_look_like_their_fixtures() {
        let all = Sessions::default();
        let remarks = [
            Remark::CallerNotFound {
                email: "paul.martin@customer.test".into(),
            },
            Remark::FollowsClosedRecord {
                number: "INC0012345".into(),
            },
        ];
        let started = fixture!("form_started.txt");
        let ended = fixture!("json_flat_pascal.json");
        golden(
            "started.en.txt",
            &note(&all, Language::En, &started, &[]).text,
        );
        golden(
            "ended.en.txt",
            &note(&all, Language::En, &ended, &remarks).text,
        );
        golden(
            "ended.fr.txt",
            &note(&all, Language::Fr, &ended, &remarks).text,
        );
        golden(
            "hostile.de.txt",
            &note(&all, Language::De, &fixture!("json_hostile.json"), &[]).text,
        );
        let attached = note(&with_chat(Chat::Attachment), Language::En, &ended, &[]);
        golden("chat_attached.en.txt", &attached.text);
        golden(
            "chat_attached.attachment.en.txt",
            &attached.attachment.expect("the chat"),
        );
    }

    #[test]
    fn a_note_that_was_made_from_the_report_looks_like_its_fixture() {
        let text = report_note(&Sessions::default(), Language::En, &reported());
        golden("reported.en.txt", &text);
    }

    /// A column that has a documented variable's name and another value is published with everything, and selected by no
    /// name; a signature is not even then.
    #[test]
    fn columns_of_the_report_are_published_as_the_settings_say() {
        let mut fields = reported();
        let second = ("tracking0".to_owned(), "sn1:inc:9d3".to_owned());
        fields.unknown_fields.extend([second]);
        let all = report_note(&Sessions::default(), Language::En, &fields);
        assert!(
            all.contains("\nNotes: VIP\n") && !all.contains("9d3"),
            "{all}"
        );
        let names = ["Notes", "Session Type", "WorkTime"];
        let some = report_note(&selected(&names), Language::En, &fields);
        assert_eq!(
            some.lines().skip(2).collect::<Vec<_>>(),
            [
                "",
                "Work time: 29 min 29 s",
                "Session type: Mobile Applet",
                "",
                note_texts(Language::En).reopened
            ]
        );
    }

    /// Nothing but the connector writes into the first paragraph.
    #[test]
    fn a_note_says_in_its_second_line_that_it_was_made_from_the_report_and_no_text_can_pretend_it()
    {
        for language in Language::ALL {
            let line = note_texts(language).from_report;
            let noted = report_note(&Sessions::default(), language, &reported());
            let lines: Vec<_> = noted.lines().take(3).collect();
            assert_eq!(lines[1..], [line, ""], "{noted}");
            assert_eq!(noted.matches(line).count(), 1);

            let pretending = fields(&[
                ("WorkTime", "1"),
                ("TechName", &format!("\n{line}")),
                ("CField0", line),
                ("Notes", line),
                ("ChatLog", line),
                (line, line),
            ]);
            let posted = note(&Sessions::default(), language, &pretending, &[]).text;
            assert_eq!(posted.lines().nth(1), Some(""), "{posted}");
        }
    }

    #[test]
    fn selected_publishing_shows_what_was_selected_and_nothing_else() {
        let ended = fixture!("json_flat_lower.json");
        let note = note(
            &selected(&["note", "CFIELD0", " worktime ", "csurvey0", "techid"]),
            Language::En,
            &ended,
            &[],
        );
        assert_eq!(
            note.text,
            "Rescue session ended (Rescue 70112233 · 0123456789abcdef)\n\n\
             Technician ID: 4455667\nCustomer: Paul Martin\nWork time: 1 h 15 min 2 s\ncsurvey0: 5\n\n\
             Technician's notes:\nReinstalled the driver.\nPrinter works again."
        );
        assert_eq!(note.attachment, None);
    }

    /// A database that stores three bytes a character cuts a text at the first one of four (MySQL's `utf8mb3`); the
    /// marker must stand before any untrusted text.
    #[test]
    fn nothing_untrusted_stands_before_the_marker() {
        let marker = "(Rescue 70112233 · 0123456789abcdef)";
        let names = [
            ("TechName", "Ana 🛠 Ruiz"),
            ("TechEmail", "ana@acme.test"),
            ("CField0", "Paul 🙂"),
            ("Platform", "🖥"),
        ];
        for language in Language::ALL {
            for (ended, event) in [("", "started"), ("10", "ended")] {
                let mut all = names.to_vec();
                all.push(("WorkTime", ended));
                let note = note(&Sessions::default(), language, &fields(&all), &[]);
                let first = note.text.lines().next().unwrap_or_default();
                let texts = note_texts(language);
                let heading = match event {
                    "started" => texts.started,
                    _ => texts.ended,
                };
                assert_eq!(first, format!("{heading} {marker}"));
                let kept: String = note.text.chars().take_while(|c| *c <= '\u{ffff}').collect();
                assert!(kept.contains(marker), "{kept}");
                assert!(note.text.contains("Ana 🛠 Ruiz, ana@acme.test"));
            }
        }
    }

    #[test]
    fn the_signature_is_never_shown() {
        let ended = fixture!("json_flat_lower.json");
        for settings in [Sessions::default(), selected(&["Tracking0", "chatlog"])] {
            let note = note(&settings, Language::En, &ended, &[]);
            assert!(!note.text.contains("9a8b7c6d5e4f3a2b") && !note.text.contains("Tracking0"));
        }
    }

    #[test]
    fn the_chat_goes_where_the_settings_say() {
        let ended = fixture!("json_flat_lower.json");
        let chat_line = "10:03 AM Switched to P2P";
        assert!(
            note(&with_chat(Chat::Note), Language::En, &ended, &[])
                .text
                .contains(chat_line)
        );
        let attached = note(&with_chat(Chat::Attachment), Language::En, &ended, &[]);
        assert!(!attached.text.contains(chat_line));
        assert!(
            attached
                .text
                .contains("rescue-70112233-0123456789abcdef.txt")
        );
        let attachment = attached.attachment.expect("the chat");
        assert!(attachment.contains(chat_line));
        assert_eq!(attachment.lines().next(), attached.text.lines().next());
        let omitted = note(&with_chat(Chat::Omit), Language::En, &ended, &[]);
        assert!(!omitted.text.contains(chat_line));
        assert_eq!(omitted.attachment, None);
        let without = note(
            &with_chat(Chat::Attachment),
            Language::En,
            &fields(&[("ChatLog", " ")]),
            &[],
        );
        assert_eq!(without.attachment, None);
    }

    #[test]
    fn times_and_sizes_are_readable_and_anything_else_is_as_it_was_sent() {
        let (en, fr) = (note_texts(Language::En), note_texts(Language::Fr));
        assert_eq!(duration("17", en), "17 s");
        assert_eq!(duration("1502", en), "25 min 2 s");
        assert_eq!(
            duration("36000", note_texts(Language::Nl)),
            "10 uur 0 min 0 s"
        );
        assert_eq!(duration("00:25:02", en), "00:25:02");
        assert_eq!(size("512", fr), "512 octets");
        assert_eq!(size("1048576", en), "1.0 MB");
        assert_eq!(size("1572864", fr), "1,5 Mo");
        assert_eq!(size("1048575", en), "1.0 MB");
        assert_eq!(size("18446744073709551615", en), "16777216.0 TB");
        assert_eq!(size("1 MB", en), "1 MB");
    }

    #[test]
    fn a_long_note_continues_in_the_attachment_and_says_so() {
        let chat = "10:02 AM Ana Ruiz: one more line\n".repeat(2_000);
        let fields = fields(&[("TechName", "Ana Ruiz"), ("ChatLog", &chat)]);
        for language in Language::ALL {
            let note = note(&Sessions::default(), language, &fields, &[Remark::Reopened]);
            let shown = note.text.chars().count();
            assert!(
                (MAX_CHARACTERS - CUT_MARGIN..=MAX_CHARACTERS).contains(&shown),
                "{shown}"
            );
            assert!(note.text.contains("rescue-70112233-0123456789abcdef.txt"));
            assert!(note.text.ends_with(note_texts(language).reopened));
            let attachment = note.attachment.expect("the rest");
            assert_eq!(attachment.lines().next(), note.text.lines().next());
            let entries = |text: &str| {
                text.lines()
                    .filter(|line| *line == "10:02 AM Ana Ruiz: one more line")
                    .count()
            };
            assert_eq!(entries(&note.text) + entries(&attachment), 2_000);
        }
    }

    #[test]
    fn a_note_whose_attachment_was_refused_says_so_and_leaves_nothing_out_of_the_attachment() {
        let ended = fixture!("json_flat_lower.json");
        let chat = "10:02 AM Ana Ruiz: one more line\n".repeat(2_000);
        let long = fields(&[("TechName", "Ana Ruiz"), ("ChatLog", &chat)]);
        let name = "rescue-70112233-0123456789abcdef.txt";
        for language in Language::ALL {
            let texts = note_texts(language);
            let sentence = filled_in(texts.attachment_refused, name);
            let refused = |chat, fields| {
                let remarks = [Remark::AttachmentRefused, Remark::Reopened];
                note(&with_chat(chat), language, fields, &remarks)
            };
            for note in [
                refused(Chat::Attachment, &ended),
                refused(Chat::Note, &long),
            ] {
                assert_eq!(note.text.matches(name).count(), 1, "{}", note.text);
                assert!(note.text.contains(&sentence), "{}", note.text);
                assert!(note.text.ends_with(&format!("\n{}", texts.reopened)));
                assert!(note.text.chars().count() <= MAX_CHARACTERS);
            }
            let whole = refused(Chat::Attachment, &ended)
                .attachment
                .expect("all of it");
            assert!(whole.contains("10:03 AM Switched to P2P") && whole.contains("Paul Martin"));
            let whole = refused(Chat::Note, &long).attachment.expect("all of it");
            assert_eq!(whole.matches("one more line").count(), 2_000);
        }
    }

    #[test]
    fn a_short_description_fits_and_names_a_customer_who_is_published() {
        let describe = |fields: &Fields, settings: &Sessions| {
            short_description(Language::En, &session(), fields, settings)
        };
        let ended = fixture!("json_flat_lower.json");
        assert_eq!(
            describe(&ended, &Sessions::default()),
            "Rescue session 70112233: Paul Martin"
        );
        assert_eq!(
            describe(&ended, &selected(&["Notes"])),
            "Rescue session 70112233"
        );
        let long = fields(&[("CField0", &"é\n".repeat(300))]);
        let description = describe(&long, &Sessions::default());
        assert!(
            description.chars().count() <= 160
                && description.ends_with('…')
                && !description.contains('\n')
        );
    }

    #[test]
    fn every_template_has_room_for_its_value_and_only_those() {
        for language in Language::ALL {
            let texts = note_texts(language);
            let with_value = [
                texts.session,
                texts.custom_field,
                texts.continues_in,
                texts.chat_is_in,
                texts.attachment_refused,
                texts.caller_not_found,
                texts.caller_ambiguous,
                texts.technician_not_found,
                texts.technician_ambiguous,
                texts.follows_closed_record,
            ];
            assert!(
                with_value
                    .iter()
                    .all(|template| template.matches("{}").count() == 1),
                "{language:?}"
            );
            assert!(
                !texts.reopened.contains('{')
                    && !texts.from_report.contains('{')
                    && !texts.started.contains('{')
                    && !texts.ended.contains('{')
            );
        }
    }

    fn hostile_text() -> impl Strategy<Value = String> {
        proptest::collection::vec(
            proptest::prop_oneof![
                4 => "\\PC{0,20}",
                1 => any::<String>(),
                2 => proptest::sample::select(vec![
                    "[code]", "[ CODE ]", "[/cOde]", "[", "code]", "co\u{200B}de", "<b>", "\r\n", "\u{0}", "\u{202E}",
                    "(Rescue 70112233 · 0123456789abcdef)", "(Rescue ", "70112233 · 0123456789abcdef)", "10:02 AM ",
                    "{}", "javascript:",
                ]).prop_map(str::to_owned),
            ],
            0..12,
        )
        .prop_map(|parts| parts.concat())
    }

    fn visible_characters(text: &str) -> String {
        text.chars().filter(|c| !c.is_whitespace()).collect()
    }

    proptest! {
        // Each case renders up to some hundred thousand characters.
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_note_has_its_marker_once_and_nothing_that_does_something(
            values in proptest::collection::vec(
                (proptest::sample::select(vec![
                    "TechName", "TechEmail", "CField0", "CField3", "Notes", "ChatLog", "WorkTime", "[", "code]",
                ]).prop_map(str::to_owned), hostile_text()),
                0..8,
            ),
            unknown in (hostile_text(), hostile_text()),
            email in hostile_text(),
            (repeat, chat, language) in (
                proptest::sample::select(vec![1_usize, 1, 1, 200]),
                proptest::sample::select(vec![Chat::Note, Chat::Attachment, Chat::Omit]),
                proptest::sample::select(Language::ALL.to_vec()),
            ),
        ) {
            let mut fields = Fields::default();
            for (key, value) in values.into_iter().chain([unknown]) {
                fields.insert(&key, value.repeat(repeat));
            }
            let remarks = vec![Remark::CallerAmbiguous { email }; 15];
            let note = note(&with_chat(chat), language, &fields, &remarks);
            let marker = note_marker(&session(), &digest());
            prop_assert!(note.text.chars().count() <= MAX_CHARACTERS);
            for text in std::iter::once(&note.text).chain(&note.attachment) {
                prop_assert_eq!(text.matches(&marker).count(), 1);
                let after = text.split_once(&marker).map_or("", |(_, after)| after);
                prop_assert_eq!(&defuse(after), after);
                prop_assert!(text.lines().next().is_some_and(|first| first.ends_with(&marker)));
                let squeezed = visible_characters(&text.to_lowercase());
                prop_assert!(!squeezed.contains("[code]") && !squeezed.contains("[/code]"));
                prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
                prop_assert!(!text.contains(['<', '>']));
            }
        }

        #[test]
        fn nothing_of_a_plain_chat_is_lost(
            entries in proptest::collection::vec("[a-zA-Zé0-9 :.,?!]{0,60}", 1..40),
            separator in proptest::sample::select(vec!["", " ", "\n", "\r\n"]),
            repeat in proptest::sample::select(vec![1_usize, 30]),
        ) {
            let chat = entries.iter().map(|entry| format!("10:02 AM Ana: {entry}{separator}")).collect::<String>().repeat(repeat);
            let note = note(&Sessions::default(), Language::En, &fields(&[("ChatLog", &chat)]), &[]);
            let marker = note_marker(&session(), &digest());
            let mut seen = note.text.split_once("Chat:\n").map(|(_, chat)| chat.to_owned()).unwrap_or_default();
            if let Some(attachment) = &note.attachment {
                let pointer = "\n\nThis note continues in the attachment";
                seen.truncate(seen.rfind(pointer).unwrap_or(seen.len()));
                seen.push_str(attachment.split_once(&marker).map_or("", |(_, rest)| rest));
            }
            prop_assert_eq!(visible_characters(&seen), visible_characters(&chat));
        }
    }
}
