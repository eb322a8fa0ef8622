//! The e-mails to technician and customer, and the record's work note, about a PIN.

use shared::domain::tenant::Language;
use shared::servicenow::text::{neutralise, shortened, single_line};

use crate::email_texts::{EmailTexts, email_texts};

/// A name or an address. Longer ones are cut, so that no line of a mail is longer than RFC 5322 (2.1.1) allows, even
/// where every character has to be escaped.
const MAX_PERSON: usize = 120;
/// The length of a record's `number` (docs/vendors.md#tables-and-columns).
const MAX_NUMBER: usize = 40;

/// The values of an e-mail about a PIN. Blank ones count as absent.
#[derive(Clone, Copy)]
pub(crate) struct PinMail<'a> {
    pub(crate) language: Language,
    /// The PIN, which may begin with zeros.
    pub(crate) pin: &'a str,
    /// The page that starts the session, with the PIN in its query.
    pub(crate) link: &'a str,
    pub(crate) number: Option<&'a str>,
    /// The technician's e-mail address.
    pub(crate) technician: &'a str,
    pub(crate) customer: Option<&'a str>,
}

/// An e-mail's texts. No `Debug`: they hold the PIN.
pub(crate) struct Rendered {
    /// One line without the PIN.
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// The technician's e-mail: the PIN that they requested.
pub(crate) fn to_technician(mail: &PinMail<'_>) -> Rendered {
    let texts = email_texts(mail.language);
    let values = Values::of(mail);
    let mut lines = vec![
        Line::new(texts.pin, &values.pin, Look::Prominent),
        Line::new(texts.link, &values.link, Look::Link),
    ];
    if let Some(number) = &values.number {
        lines.push(Line::new(texts.record, number, Look::Plain));
    }
    if let Some(customer) = &values.customer {
        lines.push(Line::new(texts.customer, customer, Look::Plain));
    }
    let subject = match &values.number {
        Some(number) => filled_in(texts.technician_subject_for, &[number]),
        None => texts.technician_subject.to_owned(),
    };
    let parts = [
        Part::Paragraph(texts.greeting.to_owned()),
        Part::Paragraph(texts.requested.to_owned()),
        Part::Lines(lines),
        Part::Paragraph(texts.limited.to_owned()),
        Part::Paragraph(texts.not_requested.to_owned()),
    ];
    rendered(texts, subject, &parts)
}

/// The customer's e-mail: an invitation with the link, and the PIN for a customer who cannot open it.
pub(crate) fn to_customer(mail: &PinMail<'_>) -> Rendered {
    let texts = email_texts(mail.language);
    let values = Values::of(mail);
    let greeting = match &values.customer {
        Some(customer) => filled_in(texts.greeting_to, &[customer]),
        None => texts.greeting.to_owned(),
    };
    let mut parts = vec![
        Part::Paragraph(greeting),
        Part::Paragraph(filled_in(texts.invitation, &[&values.technician])),
    ];
    if let Some(number) = &values.number {
        let line = Line::new(texts.reference, number, Look::Plain);
        parts.push(Part::Lines(vec![line]));
    }
    // A customer types the PIN on the page without its query.
    let page = values.link.split(['?', '#']).next().unwrap_or_default();
    parts.extend([
        Part::Button {
            label: texts.start,
            link: &values.link,
        },
        Part::Paragraph(texts.only_if_expected.to_owned()),
        Part::Paragraph(filled_in(texts.alternative, &[page])),
        Part::Pin(&values.pin),
        Part::Paragraph(texts.limited.to_owned()),
    ]);
    let subject = match &values.number {
        Some(number) => filled_in(texts.customer_subject_for, &[number]),
        None => texts.customer_subject.to_owned(),
    };
    rendered(texts, subject, &parts)
}

/// The work note that names the PIN's technician, on one neutralised line, without the PIN.
pub(crate) fn note(language: Language, technician: &str, customer: Option<&str>) -> String {
    let texts = email_texts(language);
    let technician = person(technician);
    let note = match present(customer.map(person)) {
        Some(customer) => filled_in(texts.note_for, &[&technician, &customer]),
        None => filled_in(texts.note, &[&technician]),
    };
    // Two values that are harmless each must not add up to a tag or a marker.
    neutralise(&note)
}

/// Untrusted values, each neutralised and on one line.
struct Values {
    pin: String,
    link: String,
    number: Option<String>,
    technician: String,
    customer: Option<String>,
}

impl Values {
    fn of(mail: &PinMail<'_>) -> Self {
        let number = |number| shortened(&single_line(number), MAX_NUMBER);
        Self {
            pin: single_line(mail.pin),
            link: single_line(mail.link),
            number: present(mail.number.map(number)),
            technician: person(mail.technician),
            customer: present(mail.customer.map(person)),
        }
    }
}

fn person(text: &str) -> String {
    shortened(&single_line(text), MAX_PERSON)
}

fn present(value: Option<String>) -> Option<String> {
    value.filter(|value| !value.is_empty())
}

/// Puts values in the places of `{}`, in order. Braces within a value stay as they are.
fn filled_in(template: &str, values: &[&str]) -> String {
    let mut values = values.iter();
    let mut pieces = template.split("{}");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text.push_str(values.next().copied().unwrap_or_default());
        text.push_str(piece);
    }
    text
}

/// A part of an e-mail, the same in both of its texts.
enum Part<'a> {
    Paragraph(String),
    Lines(Vec<Line<'a>>),
    Button { label: &'a str, link: &'a str },
    Pin(&'a str),
}

/// A value with its label.
struct Line<'a> {
    label: &'a str,
    value: &'a str,
    look: Look,
}

impl<'a> Line<'a> {
    const fn new(label: &'a str, value: &'a str, look: Look) -> Self {
        Self { label, value, look }
    }
}

enum Look {
    Plain,
    Prominent,
    Link,
}

const PARAGRAPH: &str = "\n\n";
const BODY_STYLE: &str =
    "font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:1.5;color:#1f2933";
const BUTTON_STYLE: &str = "display:inline-block;padding:12px 20px;border-radius:4px;background:#0b5cad;\
                            color:#ffffff;font-weight:bold;text-decoration:none";
const PIN_STYLE: &str = "font-size:28px;font-weight:bold;letter-spacing:4px";

fn rendered(texts: &EmailTexts, subject: String, parts: &[Part<'_>]) -> Rendered {
    let paragraphs: Vec<String> = parts.iter().map(|part| part.text(texts)).collect();
    let html: String = parts.iter().map(|part| part.html(texts)).collect();
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n</head>\n\
         <body style=\"{BODY_STYLE}\">\n{html}</body>\n</html>\n",
        texts.code,
        escaped(&subject),
    );
    Rendered {
        subject,
        text: paragraphs.join(PARAGRAPH),
        html,
    }
}

impl Part<'_> {
    fn text(&self, texts: &EmailTexts) -> String {
        match self {
            Self::Paragraph(text) => text.clone(),
            Self::Lines(lines) => {
                let lines = lines.iter();
                let lines = lines.map(|line| [line.label, texts.colon, line.value].concat());
                lines.collect::<Vec<_>>().join("\n")
            }
            Self::Button { label, link } => [label, texts.colon.trim_end(), "\n", link].concat(),
            Self::Pin(pin) => (*pin).to_owned(),
        }
    }

    fn html(&self, texts: &EmailTexts) -> String {
        match self {
            Self::Paragraph(text) => format!("<p>{}</p>\n", escaped(text)),
            Self::Lines(lines) => {
                let lines = lines.iter().map(|line| line.html(texts));
                format!("<p>\n{}\n</p>\n", lines.collect::<Vec<_>>().join("<br>\n"))
            }
            Self::Button { label, link } => format!(
                "<p><a href=\"{}\"\nstyle=\"{BUTTON_STYLE}\">{}</a></p>\n",
                escaped(link),
                escaped(label)
            ),
            Self::Pin(pin) => format!("<p style=\"{PIN_STYLE}\">{}</p>\n", escaped(pin)),
        }
    }
}

impl Line<'_> {
    fn html(&self, texts: &EmailTexts) -> String {
        let value = escaped(self.value);
        let value = match self.look {
            Look::Plain => value,
            Look::Prominent => format!("<strong>{value}</strong>"),
            Look::Link => format!("<a href=\"{value}\">\n{value}</a>"),
        };
        format!("{}{}{value}", self.label, texts.colon)
    }
}

/// Escapes text for HTML, between tags and in quoted attributes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

    use super::*;

    const PIN: &str = "048213";
    const LINK: &str = "https://secure.logmeinrescue.com/Customer/Code.aspx?Code=048213";
    const PAGE: &str = "https://secure.logmeinrescue.com/Customer/Code.aspx ";
    const LONGEST_LINE: usize = 998;

    fn mail(language: Language) -> PinMail<'static> {
        PinMail {
            language,
            pin: PIN,
            link: LINK,
            number: Some("INC0012345"),
            technician: "ana@acme.test",
            customer: Some("Paul Martin"),
        }
    }

    fn both(mail: &PinMail<'_>) -> [Rendered; 2] {
        [to_technician(mail), to_customer(mail)]
    }

    #[test]
    fn a_technician_gets_pin_link_number_and_customer_in_every_language() {
        for language in Language::ALL {
            let Rendered {
                subject,
                text,
                html,
            } = to_technician(&mail(language));
            for value in [PIN, LINK, "INC0012345", "Paul Martin"] {
                assert!(text.contains(value), "{value} {text}");
                assert!(html.contains(value), "{value} {html}");
            }
            assert!(subject.contains("INC0012345"), "{subject}");
            let texts = email_texts(language);
            let line = format!("\n{}{}{PIN}\n", texts.pin, texts.colon);
            assert!(text.contains(&line), "{text}");
        }
    }

    #[test]
    fn a_customer_gets_technician_number_link_and_then_the_pin_in_every_language() {
        for language in Language::ALL {
            let Rendered {
                subject,
                text,
                html,
            } = to_customer(&mail(language));
            for text in [&text, &html] {
                let in_order = ["Paul Martin", "ana@acme.test", "INC0012345", LINK, PAGE];
                let mut rest = text.as_str();
                for value in in_order {
                    let found = rest.split_once(value);
                    rest = found.map(|(_, rest)| rest).expect(value);
                }
                assert!(rest.contains(PIN), "{text}");
            }
            assert!(subject.contains("INC0012345"), "{subject}");
            assert!(
                html.contains(&escaped(email_texts(language).start)),
                "{html}"
            );
            assert!(
                html.contains(&escaped(email_texts(language).only_if_expected)),
                "{html}"
            );
            assert!(text.contains(email_texts(language).limited), "{text}");
        }
    }

    /// docs/architecture.md#rule-8: the PIN is for its recipients, not for lists of mails and notes.
    #[test]
    fn neither_subject_nor_note_has_the_pin() {
        for language in Language::ALL {
            for rendered in both(&mail(language)) {
                assert!(!rendered.subject.contains(PIN), "{}", rendered.subject);
                assert!(!rendered.subject.contains("Paul"), "{}", rendered.subject);
            }
            let note = note(language, "ana@acme.test", Some("Paul Martin"));
            assert!(!note.contains(PIN), "{note}");
            assert!(
                note.contains("Rescue")
                    && note.contains("ana@acme.test")
                    && note.contains("Paul Martin"),
                "{note}"
            );
        }
    }

    #[test]
    fn the_plain_text_reads_as_a_letter() {
        assert_eq!(
            to_customer(&mail(Language::En)).text,
            "Hello Paul Martin,\n\n\
             ana@acme.test would like to help you in a remote support session.\n\n\
             Reference: INC0012345\n\n\
             Start the remote support session:\n\
             https://secure.logmeinrescue.com/Customer/Code.aspx?Code=048213\n\n\
             Please open the link only if you have asked for help or are expecting this session. \
             Otherwise, please ignore this e-mail.\n\n\
             Alternatively, open https://secure.logmeinrescue.com/Customer/Code.aspx in your browser \
             and enter this PIN code:\n\n\
             048213\n\n\
             The PIN code and the link are valid for a limited time only."
        );
        assert_eq!(
            to_technician(&mail(Language::Fr)).text,
            "Bonjour,\n\n\
             Vous avez demandé un code PIN pour une session d'assistance à distance Rescue. \
             Veuillez communiquer le code PIN ou le lien au client.\n\n\
             Code PIN : 048213\n\
             Lien : https://secure.logmeinrescue.com/Customer/Code.aspx?Code=048213\n\
             Enregistrement : INC0012345\n\
             Client : Paul Martin\n\n\
             Le code PIN et le lien ne sont valables que pendant une durée limitée.\n\n\
             Si vous n'avez pas demandé ce code PIN, veuillez en informer votre administrateur."
        );
        assert_eq!(
            note(Language::En, "ana@acme.test", Some("Paul Martin")),
            "Rescue PIN generated by ana@acme.test for Paul Martin"
        );
        assert_eq!(
            note(Language::De, "ana@acme.test", None),
            "Rescue-PIN erzeugt von ana@acme.test"
        );
    }

    #[test]
    fn what_is_not_known_or_blank_leaves_no_gap() {
        for (number, customer) in [(None, None), (Some(" \n"), Some("\u{200B} "))] {
            for language in Language::ALL {
                let mail = PinMail {
                    number,
                    customer,
                    ..mail(language)
                };
                let texts = email_texts(language);
                let [technician, customer] = both(&mail);
                assert_eq!(technician.subject, texts.technician_subject);
                assert_eq!(customer.subject, texts.customer_subject);
                assert!(customer.text.starts_with(texts.greeting));
                for text in [&technician.text, &customer.text] {
                    assert!(!text.contains(texts.record) && !text.contains(texts.reference));
                    assert!(!text.contains("{}") && !text.contains("\n\n\n"), "{text}");
                }
                let note = note(language, mail.technician, mail.customer);
                assert!(note.ends_with("ana@acme.test"), "{note}");
            }
        }
    }

    /// docs/architecture.md#rule-7: names are untrusted text.
    #[test]
    fn markup_in_a_name_is_shown_as_it_was_typed() {
        let mail = PinMail {
            number: Some("\"INC'1"),
            technician: "ana@acme.test\"><a href='x'>",
            customer: Some("<b>P&P</b> \"x\" 'y' [code]z[/code]"),
            ..mail(Language::En)
        };
        for Rendered { text, html, .. } in both(&mail) {
            assert!(
                html.contains("‹b›P&amp;P‹/b› &quot;x&quot; &#39;y&#39; ［code］z［/code］"),
                "{html}"
            );
            assert!(
                text.contains("‹b›P&P‹/b› \"x\" 'y' ［code］z［/code］"),
                "{text}"
            );
            assert!(html.contains("&quot;INC&#39;1"), "{html}");
        }
        let html = to_customer(&mail).html;
        assert!(html.contains("ana@acme.test&quot;›‹a href=&#39;x&#39;›"));
        assert_eq!(escaped("<&>\"'é"), "&lt;&amp;&gt;&quot;&#39;é");
    }

    /// docs/architecture.md#rule-7: a name with line breaks forges no lines.
    #[test]
    fn a_value_stays_on_its_line() {
        let mail = PinMail {
            number: Some("INC1\r\nBcc: eve@acme.test"),
            customer: Some("Paul\nPIN code: 999999\u{2028}Link: https://evil.test\u{7}"),
            ..mail(Language::En)
        };
        for rendered in both(&mail) {
            let forged = |line: &&str| line.starts_with("PIN code: 9") || line.starts_with("Bcc");
            assert_eq!(rendered.text.lines().find(forged), None);
            assert_eq!(rendered.html.lines().find(forged), None);
            assert!(!rendered.subject.contains(['\r', '\n']));
        }
        let note = note(Language::En, "ana\n@acme.test", mail.customer);
        assert_eq!(note.lines().count(), 1, "{note}");
    }

    /// docs/architecture.md#rule-2: a marker proves that a session was written; no value may forge one.
    #[test]
    fn a_note_has_no_marker_and_no_tag_however_its_values_add_up() {
        for (technician, customer) in [
            ("(Rescue 1", "· 0123456789abcdef)"),
            ("a (Rescue 70112233 · 0123456789abcdef)", "b"),
            ("[code", "]"),
            ("[", "code]"),
        ] {
            for language in Language::ALL {
                let note = note(language, technician, Some(customer));
                assert_eq!(neutralise(&note), note);
            }
        }
    }

    #[test]
    fn a_value_with_braces_is_not_filled_in() {
        let note = note(Language::En, "{}@acme.test", Some("{} {}"));
        assert_eq!(note, "Rescue PIN generated by {}@acme.test for {} {}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_values_give_a_mail_the_same_tags_and_no_long_line(
            technician in "([\\[\\]()/ code·\n\r<>&\"'{}\u{200B}]|code|Rescue 1|\\PC|\\pC|\"{300}){0,20}",
            customer in "([\\[\\]()/ code·\n\r<>&\"'{}\u{200B}]|code|Rescue 1|\\PC|\\pC|\"{300}){0,20}",
            number in "([\\[\\] \n<>&\"']|code|\\PC|\"{300}){0,5}",
            language in proptest::sample::select(Language::ALL.to_vec()),
        ) {
            let plain = mail(language);
            let hostile = PinMail {
                number: Some(&number),
                technician: &technician,
                customer: Some(&customer),
                ..plain
            };
            // A blank value takes its line and the line's break with it.
            let kinds = |html: &str| {
                let tags = html.split('<').skip(1).filter_map(|tag| tag.split('>').next());
                tags.filter(|tag| *tag != "br" && *tag != "p" && *tag != "/p").map(str::to_owned).collect::<Vec<_>>()
            };
            for (expected, rendered) in both(&plain).into_iter().zip(both(&hostile)) {
                prop_assert_eq!(kinds(&rendered.html), kinds(&expected.html));
                for text in [&rendered.subject, &rendered.text, &rendered.html] {
                    prop_assert!(text.lines().all(|line| line.len() <= LONGEST_LINE), "{}", text);
                    prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
                    let squeezed: String = text.to_lowercase().split_whitespace().collect();
                    prop_assert!(!squeezed.contains("[code]") && !squeezed.contains("[/code]"), "{}", text);
                }
                prop_assert_eq!(&neutralise(&rendered.text), &rendered.text);
                prop_assert!(!rendered.subject.contains('\n'));
            }
            let note = note(language, &technician, Some(&customer));
            prop_assert_eq!(&neutralise(&note), &note);
            prop_assert_eq!(note.lines().count(), 1);
        }
    }
}
