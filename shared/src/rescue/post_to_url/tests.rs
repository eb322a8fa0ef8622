//! All formats and encodings, by way of [`parse`].

use std::fmt::Write as _;

use proptest::collection::{btree_map, vec};
use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};

use super::*;
use crate::domain::session::Event;
use crate::rescue::post_to_url::parse_error::MAX_FIELDS;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../fixtures/post_to_url/", $name)).as_slice()
    };
}

const FORM: &str = "application/x-www-form-urlencoded";

fn read(body: &[u8]) -> Fields {
    parse(None, body).expect("a fixture that can be read")
}

#[test]
fn one_session_is_the_same_in_every_format() {
    let form = read(fixture!("form_ended.txt"));
    assert_eq!(form.get("SessionID"), Some("70112233"));
    assert_eq!(
        form.get("Notes"),
        Some("Reinstalled the driver.\nPrinter works again.")
    );
    assert_eq!(form.find("csurvey0"), Some("5"));
    assert_eq!(Event::from_content(&form), Event::Ended);
    assert_eq!(read(fixture!("xml_ended.xml")), form);
    assert_eq!(read(fixture!("json_flat_lower.json")), form);

    let started = read(fixture!("form_started.txt"));
    assert_eq!(Event::from_content(&started), Event::Started);
    for other in [
        fixture!("xml_started.xml"),
        fixture!("json_wrapped.json"),
        fixture!("json_array_wrapped.json"),
    ] {
        assert_eq!(read(other), started);
    }
}

#[test]
fn the_encoding_does_not_change_the_text() {
    let expected = read(fixture!("json_bom.json"));
    assert_eq!(
        expected.get("ChatLog"),
        Some("10:02 AM Zoë Müller: ça marche – 5 €")
    );
    for other in [
        fixture!("form_windows_1252.txt"),
        fixture!("xml_windows_1252.xml"),
        fixture!("xml_utf_16.xml"),
        fixture!("json_windows_1252.json"),
    ] {
        assert_eq!(read(other), expected);
    }
}

#[test]
fn a_declared_charset_decides_how_bytes_are_read() {
    // Two windows-1252 characters whose bytes would also be one UTF-8 character.
    let body = b"SessionID=1&Note=\xC3\xA9";
    let declared = format!("{FORM}; Charset=\"ISO-8859-1\"");
    assert_eq!(read_as(FORM, body).get("Notes"), Some("é"));
    assert_eq!(read_as(&declared, body).get("Notes"), Some("Ã©"));
}

/// The fields of a body that was sent as the media type given.
fn read_as(content_type: &str, body: &[u8]) -> Fields {
    parse(Some(content_type), body).expect("a body that can be read")
}

#[test]
fn samples_from_the_field_are_read_completely() {
    for (session, media_type, body) in [
        (
            "94000001",
            "application/json; charset=utf-8",
            fixture!("json_one_bad_byte.json"),
        ),
        ("94000002", "text/xml", fixture!("xml_one_bad_byte.xml")),
        (
            "94000003",
            "application/json; charset=utf-16",
            fixture!("json_utf_16_without_mark.json"),
        ),
        (
            "94000004",
            "application/json",
            fixture!("json_raw_control_characters.json"),
        ),
        (
            "94000005",
            "application/json",
            fixture!("json_in_a_string.json"),
        ),
        (
            "94000006",
            "application/json",
            fixture!("json_session_in_a_string.json"),
        ),
        (
            "94000007",
            "application/json",
            fixture!("json_siblings.json"),
        ),
        (
            "94000008",
            "application/json",
            fixture!("json_one_element_list.json"),
        ),
        ("94000009", FORM, fixture!("form_html_ampersands.txt")),
        (
            "94000010",
            "application/json",
            fixture!("json_chat_with_times.json"),
        ),
    ] {
        let fields = read_as(media_type, body);
        assert_eq!(fields.get("SessionID"), Some(session));
        assert_eq!(fields.get("CField1"), Some("INC0010001"), "{session}");
        assert_eq!(Event::from_content(&fields), Event::Ended, "{session}");
        assert_eq!(read(body), fields, "{session}: the body alone says enough");
    }
}

#[test]
fn invalid_bytes_change_no_other_character() {
    let json = read_as(
        "application/json; charset=utf-8",
        fixture!("json_one_bad_byte.json"),
    );
    let xml = read_as("text/xml", fixture!("xml_one_bad_byte.xml"));
    for fields in [&json, &xml] {
        assert_eq!(fields.get("TechName"), Some("Zoë Müller"));
        assert_eq!(fields.get("CField0"), Some("李雷"));
    }
    assert_eq!(json.get("ChatLog"), Some("Zoë: 你好 \u{FFFD}"));
    assert_eq!(
        xml.get("ChatLog"),
        Some("Zoë: \u{FFFD}\u{FFFD}\u{FFFD}"),
        "half of a surrogate pair"
    );
    let form = read_as(
        "application/x-www-form-urlencoded; charset=utf-8",
        b"SessionID=1&TechName=Zo%C3%AB&ChatLog=Zo%C3%AB%3A+%E4%BD%A0+%E2%80&Note=Zo%EB",
    );
    assert_eq!(form.get("TechName"), Some("Zoë"));
    assert_eq!(form.get("ChatLog"), Some("Zoë: 你 \u{FFFD}"));
    assert_eq!(form.get("Notes"), Some("Zo\u{FFFD}"));
}

#[test]
fn a_letter_of_windows_1252_is_read_where_nothing_declares_utf_8() {
    let body = b"{\"SessionID\": 1, \"TechName\": \"Zo\xC3\xAB M\xFCller\", \"Note\": \"5 \x80\"}";
    for content_type in [
        None,
        Some("application/json"),
        Some("application/json; charset=koi8-r"),
    ] {
        let fields = parse(content_type, body).expect("JSON");
        assert_eq!(fields.get("TechName"), Some("Zoë Müller"));
        assert_eq!(fields.get("Notes"), Some("5 \u{FFFD}"));
    }
    let declared = read_as("application/json; charset=\"UTF-8\"", body);
    assert_eq!(declared.get("TechName"), Some("Zoë M\u{FFFD}ller"));
    let marked = read(&[b"\xEF\xBB\xBF", body.as_slice()].concat());
    assert_eq!(marked, declared, "a byte order mark declares it too");
}

#[test]
fn characters_in_cesu_8_are_characters() {
    for content_type in ["application/json", "application/json; charset=utf-8"] {
        let fields = read_as(
            content_type,
            b"{\"SessionID\": 1, \"Note\": \"a\xED\xA0\xBD\xED\xB8\x80b\"}",
        );
        assert_eq!(fields.get("Notes"), Some("a😀b"));
    }
    let form = read(b"SessionID=1&Note=a%ED%A0%BD%ED%B8%80b&ChatLog=%ED%A0%BD%ED%A0%BD%ED%B8%80");
    assert_eq!(form.get("Notes"), Some("a😀b"));
    assert!(form.get("ChatLog").is_some_and(|chat| chat.ends_with('😀')));
}

#[test]
fn a_declared_charset_that_does_not_decode_is_ignored() {
    let text = "{\"SessionID\": 1, \"Note\": \"Zoë 李\"}";
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for charset in ["utf-16", "UTF-16LE", "utf-16be", "utf-8", "iso-8859-1"] {
        let content_type = format!("application/json; charset={charset}");
        for body in [little.as_slice(), &big, text.as_bytes()] {
            let note = read_as(&content_type, body).get("Notes").map(str::to_owned);
            if charset != "iso-8859-1" || body != text.as_bytes() {
                assert_eq!(note.as_deref(), Some("Zoë 李"), "{charset}");
            }
        }
    }
    // A byte that windows-1252 leaves undefined, in a text that is UTF-8.
    let mislabelled = read_as(
        "text/xml; charset=iso-8859-1",
        "<s><sessionid>1</sessionid><note>Zoë “李”</note></s>".as_bytes(),
    );
    assert_eq!(mislabelled.get("Notes"), Some("Zoë “李”"));
    let cut = little.get(..little.len() - 1).expect("bytes");
    assert_eq!(parse(None, cut), Err(ParseError::MalformedJson));
}

#[test]
fn the_charset_of_an_xml_declaration_counts_unless_the_header_names_another() {
    let with = |encoding: &str| {
        let mut body =
            format!("<?xml version='1.0' encoding='{encoding}'?><s><sessionid>1</sessionid><note>")
                .into_bytes();
        body.extend(b"\xC3\xA9</note></s>");
        body
    };
    let note = |content_type: &str, encoding: &str| {
        read_as(content_type, &with(encoding))
            .get("Notes")
            .map(str::to_owned)
    };
    assert_eq!(note("text/xml", "utf-8").as_deref(), Some("é"));
    assert_eq!(note("text/xml", "Windows-1252").as_deref(), Some("Ã©"));
    assert_eq!(
        note("text/xml", "utf-16").as_deref(),
        Some("é"),
        "it is not"
    );
    assert_eq!(
        note("text/xml; charset=utf-8", "Windows-1252").as_deref(),
        Some("é")
    );
    assert_eq!(
        note("text/xml; charset=latin1", "utf-8").as_deref(),
        Some("Ã©")
    );
}

#[test]
fn a_byte_order_mark_is_accepted_wherever_a_blank_is() {
    let mark = "\u{FEFF}";
    for body in [
        format!("{mark}{mark}{{\"SessionID\": 1}}"),
        format!(" \r\n{mark}{{\"SessionID\": 1}}{mark}\0"),
        format!("{{\"{mark}SessionID\": 1}}"),
        format!("{mark} <session><sessionid>1</sessionid></session>{mark}"),
        format!("{mark}SessionID=1"),
        "%EF%BB%BFSessionID=1".to_owned(),
        format!("\"{mark}{{\\\"SessionID\\\": 1}}\""),
    ] {
        assert_eq!(read(body.as_bytes()), read(b"SessionID=1"), "{body}");
    }
}

#[test]
fn a_body_of_two_sessions_is_refused() {
    for body in [
        r#"{"a": {"sessionid": 1}, "b": {"sessionid": 2}}"#,
        r#"{"x": {"a": {"sessionid": 1}, "b": "{\"sessionid\": 2}"}}"#,
        "<data><a><sessionid>1</sessionid></a><b><sessionid>2</sessionid></b></data>",
    ] {
        assert_eq!(
            parse(None, body.as_bytes()),
            Err(ParseError::SeveralSessions),
            "{body}"
        );
    }
    let same = read(br#"{"session": {"sessionid": 1}, "survey": {"sessionid": "1"}}"#);
    assert_eq!(same.get("SessionID"), Some("1"));
    assert_eq!(same.find("survey"), Some(r#"{"sessionid":"1"}"#));
    let xml = "<data><survey><session><sessionid>2</sessionid></session></survey><longer_name><sessionid>1</sessionid></longer_name></data>";
    assert_eq!(
        read(xml.as_bytes()).get("SessionID"),
        Some("1"),
        "the one that is less deep"
    );
}

#[test]
fn what_can_be_read_only_in_part_is_refused() {
    for (content_type, body, error) in [
        (
            None,
            "{\"SessionID\": 1} {\"SessionID\": 2}",
            ParseError::MalformedJson,
        ),
        (None, "{\"SessionID\": 1}, more", ParseError::MalformedJson),
        (
            None,
            "{\"SessionID\": 1, \"Note\": \"C:\\Users\"}",
            ParseError::MalformedJson,
        ),
        (None, "\"{\\\"SessionID\\\": 1\"", ParseError::MalformedJson),
        (None, "\"SessionID=1\"", ParseError::MalformedJson),
        (
            Some("text/xml"),
            "<s><sessionid>1</sessionid></s><s/>",
            ParseError::MalformedXml,
        ),
        (
            Some("text/xml"),
            "<s a=b><sessionid>1</sessionid></s>",
            ParseError::MalformedXml,
        ),
        (
            Some("multipart/form-data; boundary=x"),
            "--x\r\nContent-Disposition: form-data; name=\"SessionID\"\r\n\r\n1\r\n--x--\r\n",
            ParseError::Multipart,
        ),
        (
            None,
            "--x\r\nContent-Disposition: form-data; name=\"a=b\"\r\n\r\n1",
            ParseError::Multipart,
        ),
    ] {
        assert_eq!(parse(content_type, body.as_bytes()), Err(error), "{body}");
    }
}

#[test]
fn a_wrong_content_type_does_not_matter() {
    for content_type in ["application/json", "text/xml", FORM, "text/plain", ";"] {
        for body in [
            fixture!("form_ended.txt"),
            fixture!("xml_ended.xml"),
            fixture!("json_flat_lower.json"),
        ] {
            assert_eq!(
                parse(Some(content_type), body),
                parse(None, body),
                "{content_type}"
            );
        }
    }
}

#[test]
fn a_wrapped_session_may_have_siblings() {
    let flat = read(b"kind=ended&SessionID=1&Note=x");
    for body in [
        r#"{"kind": "ended", "session": {"sessionid": 1, "note": "x"}}"#,
        r#"{"data": {"kind": "ended", "session": {"sessionid": "1", "note": "x"}}}"#,
        "<data><kind>ended</kind><session><sessionid>1</sessionid><note>x</note></session></data>",
    ] {
        assert_eq!(read(body.as_bytes()), flat, "{body}");
    }
}

#[test]
fn each_unreadable_body_has_its_own_error() {
    let deep_xml = "<a>".repeat(100_000);
    let deep_json = r#"{"a":"#.repeat(100) + "1" + &"}".repeat(100);
    let many = "k=v&".repeat(MAX_FIELDS + 1);
    let attributes: String = (0..500_000).map(|n| format!(" k{n}=''")).collect();
    let many_attributes = format!("<s{attributes}/>");
    for (body, error) in [
        ("", ParseError::Empty),
        (" \r\n", ParseError::Empty),
        ("hello", ParseError::MalformedForm),
        ("=value", ParseError::MalformedForm),
        ("{\"SessionID\": 1", ParseError::MalformedJson),
        ("[1, 2]", ParseError::MalformedJson),
        ("[{},{}]", ParseError::MalformedJson),
        ("<session><sessionid>1</session>", ParseError::MalformedXml),
        ("<session><sessionid>1", ParseError::MalformedXml),
        ("<a>1</a><b>2</b>", ParseError::MalformedXml),
        ("<a>1</a> more", ParseError::MalformedXml),
        (&deep_xml, ParseError::TooDeep),
        (&deep_json, ParseError::TooDeep),
        (&many, ParseError::TooManyFields),
        (&many_attributes, ParseError::TooManyFields),
    ] {
        let shown: String = body.chars().take(40).collect();
        assert_eq!(parse(None, body.as_bytes()), Err(error), "{shown}");
    }
    assert_eq!(
        parse(None, "[".repeat(1_000_000).as_bytes()),
        Err(ParseError::MalformedJson)
    );
    assert_eq!(parse(None, b"\xEF\xBB\xBF"), Err(ParseError::Empty));
}

#[test]
fn an_error_never_quotes_the_body() {
    for body in [
        "{\"secret-key\": ",
        "<secret-key>",
        "secret-key",
        "[\"secret-key\"]",
    ] {
        let error = parse(None, body.as_bytes()).expect_err("malformed");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
    }
}

/// Posts with keys of letters and digits that differ in more than letter case.
fn posts() -> impl Strategy<Value = Vec<(String, String)>> {
    let value = vec(
        any::<char>().prop_filter("not a character of XML", |c| {
            matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
        }),
        0..40,
    );
    btree_map("[a-z][a-z0-9]{0,12}", value, 1..12).prop_map(|map| {
        map.into_iter()
            .map(|(key, value)| (key, String::from_iter(value)))
            .collect()
    })
}

fn expected(post: &[(String, String)]) -> Fields {
    let mut fields = Fields::default();
    for (key, value) in post {
        fields.insert(key, value.clone());
    }
    fields
}

fn as_form(post: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(post)
        .finish()
}

fn as_json(post: &[(String, String)]) -> String {
    let members: Vec<String> = post
        .iter()
        .map(|(key, value)| format!("{}: {}", serde_json::json!(key), serde_json::json!(value)))
        .collect();
    format!(" {{ {} }}", members.join(" ,\n"))
}

fn as_xml(post: &[(String, String)]) -> String {
    let mut xml = String::from("<session>");
    for (key, value) in post {
        // A carriage return only survives as a reference.
        let value = quick_xml::escape::escape(value.as_str()).replace('\r', "&#13;");
        let _ = write!(xml, "<{key}>{value}</{key}>");
    }
    xml + "</session>"
}

proptest! {
    #[test]
    fn any_text_survives_every_format(post in posts()) {
        let expected = Ok(expected(&post));
        prop_assert_eq!(parse(None, as_form(&post).as_bytes()), expected.clone());
        prop_assert_eq!(parse(None, as_json(&post).as_bytes()), expected.clone());
        let wrapped = format!("{{\"session\":{}}}", as_json(&post));
        prop_assert_eq!(parse(None, wrapped.as_bytes()), expected.clone());
        let xml = as_xml(&post);
        prop_assert_eq!(parse(None, xml.as_bytes()), expected.clone());
        let utf_16: Vec<u8> = std::iter::once(0xFEFF).chain(xml.encode_utf16()).flat_map(u16::to_be_bytes).collect();
        prop_assert_eq!(parse(None, &utf_16), expected);
    }

    #[test]
    fn any_text_survives_every_wrapping_of_json(post in posts()) {
        let mut post = post;
        post.retain(|(key, _)| key != "sessionid");
        post.push(("sessionid".to_owned(), "1".to_owned()));
        let expected = Ok(expected(&post));
        let quoted = serde_json::Value::from(as_json(&post)).to_string();
        let raw = post.iter().map(|(key, value)| {
            format!("\"{key}\":\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
        });
        let raw = format!("{{{}}}", raw.collect::<Vec<_>>().join(","));
        for body in [
            raw.clone(),
            format!("{{\"sessions\":[{raw}]}}"),
            format!("[{quoted}]"),
            format!("{{\"data\":{{\"session\":{quoted}}}}}"),
            serde_json::Value::from(quoted).to_string(),
        ] {
            prop_assert_eq!(parse(None, body.as_bytes()), expected.clone(), "{}", body);
        }
    }

    #[test]
    fn an_invalid_byte_changes_no_other_character(before in "\\PC{0,20}", after in "\\PC{0,20}") {
        let expected = format!("{before}\u{FFFD}{after}");
        let bytes = [before.as_bytes(), b"\xFF", after.as_bytes()].concat();
        let form = form_urlencoded::byte_serialize(&bytes).collect::<String>();
        let escape = |text: &str| {
            let json = serde_json::Value::from(text).to_string();
            json.as_bytes().get(1..json.len() - 1).unwrap_or_default().to_vec()
        };
        let json = [b"{\"Note\":\"".as_slice(), &escape(&before), b"\xFF", &escape(&after), b"\",\"TechName\":\"Zo\xC3\xAB\"}"].concat();
        for (content_type, body) in [
            ("application/json; charset=utf-8", json),
            ("application/x-www-form-urlencoded; charset=utf-8", format!("Note={form}&TechName=Zo%C3%AB").into_bytes()),
        ] {
            let fields = parse(Some(content_type), &body).expect("readable");
            prop_assert_eq!(fields.get("Notes"), Some(expected.as_str()));
            prop_assert_eq!(fields.get("TechName"), Some("Zoë"));
        }
    }

    #[test]
    fn the_letter_case_of_keys_does_not_matter(post in posts()) {
        let shouted: Vec<_> = post.iter().map(|(key, value)| (key.to_uppercase(), value.clone())).collect();
        for write in [as_form, as_json, as_xml] {
            prop_assert_eq!(parse(None, write(&shouted).as_bytes()), parse(None, write(&post).as_bytes()));
        }
    }

    #[test]
    fn any_windows_1252_text_survives_a_form(bytes in vec(any::<u8>(), 0..60)) {
        let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&bytes);
        let value = form_urlencoded::byte_serialize(&bytes).collect::<String>();
        let body = format!("note={value}");
        let fields = parse(Some("application/x-www-form-urlencoded; charset=windows-1252"), body.as_bytes());
        let fields = fields.expect("a form");
        // UTF-8 with a byte that windows-1252 leaves undefined was declared wrongly.
        let undefined = bytes.iter().any(|b| matches!(b, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D));
        let right = std::str::from_utf8(&bytes).ok().filter(|_| undefined).unwrap_or(&text);
        prop_assert_eq!(fields.get("Notes"), Some(right));
    }

    #[test]
    fn no_bytes_make_it_panic(
        content_type in proptest::option::of("(application/|text/)?(json|xml|x-www-form-urlencoded)?(; ?charset=.*)?"),
        start in "\\PC{0,3}|\\{\"|<a>|\u{FEFF}",
        bytes in vec(any::<u8>(), 0..200),
    ) {
        let body = [start.as_bytes(), &bytes].concat();
        let _ = parse(content_type.as_deref(), &body);
    }
}
