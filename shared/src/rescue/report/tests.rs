use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_oneof, proptest};

use super::error::UnreadableAnswer;
use super::{Period, ReportFormat, SessionReport, UnreadableRows};
use crate::domain::clock::Timestamp;

const XML: &str = include_str!("../../../fixtures/session_report/report.xml");
const TEXT: &str = include_str!("../../../fixtures/session_report/report.txt");

fn moment(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a moment")
}

fn may_14() -> Period {
    Period {
        from: moment("2025-05-14T00:00:00Z"),
        to: moment("2025-05-15T00:00:00Z"),
    }
}

fn read(answer: &str) -> SessionReport {
    SessionReport::read(answer, may_14()).expect("a report")
}

/// A report as text with these columns and rows.
fn text(header: &str, rows: &[&str]) -> String {
    let lines = [&[header], rows].concat();
    format!("OK\n\n{}|\n", lines.join("|\n"))
}

#[test]
fn a_row_of_xml_has_the_variables_of_post_to_url() {
    let report = read(XML);
    assert_eq!(report.format, ReportFormat::Xml);
    let [first, second] = &*report.sessions else {
        panic!("two sessions: {report:?}");
    };
    assert_eq!(first.session_id.as_str(), "70112233");
    assert_eq!(first.ended_at, moment("2025-05-14T10:31:40Z"));
    assert_eq!(first.started_at, Some(moment("2025-05-14T10:02:11Z")));
    assert_eq!(first.technician_id.as_deref(), Some("4455667"));
    assert_eq!(first.technician_name.as_deref(), Some("Ana Ruiz"));
    assert_eq!((&first.channel_id, &first.channel_name), (&None, &None));
    let fields = &first.fields;
    for (variable, value) in [
        ("SessionID", "70112233"),
        ("TechID", "4455667"),
        ("TechName", "Ana Ruiz"),
        ("CField0", "Paul Martin"),
        ("CField1", "INC0012345"),
        ("CField2", "R&D | <Lab>"),
        ("Tracking0", "sn1:inc:9d3"),
        ("WaitingTime", "17"),
        ("WorkTime", "1731"),
        ("PickupTime", "2025-05-14 10:02:11 UTC"),
        ("ClosingTime", "2025-05-14 10:31:40 UTC"),
        ("LastActionTime", "2025-05-14 10:31:02 UTC"),
        ("Platform", "Windows 11"),
    ] {
        assert_eq!(fields.get(variable), Some(value), "{variable}");
    }
    assert_eq!(fields.fields.len(), 13, "{fields:?}");
    for (column, value) in [
        ("customer ip", "192.0.2.7"),
        ("incident tools used", "RC FT"),
        ("resolved unresolved", "Resolved"),
        ("active time", "0:29:29"),
        ("browser type", "Firefox"),
        ("status", "Closed by technician"),
    ] {
        let found = fields.unknown_fields.get(column);
        assert_eq!(found.map(String::as_str), Some(value), "{column}");
    }
    assert_eq!(second.channel_id.as_deref(), Some("3001"));
    assert_eq!(second.channel_name.as_deref(), Some("Web channel"));
    assert_eq!(second.fields.get("WorkTime"), Some("600"), "active time");
    assert_eq!(report.not_ended, 1);
    let unreadable = UnreadableRows {
        columns: 0,
        session_id: 1,
        end_time: 1,
    };
    assert_eq!(report.unreadable, unreadable);
    assert_eq!(unreadable.total(), 2);
}

#[test]
fn a_row_of_text_with_another_number_of_values_is_counted_and_not_read() {
    let report = read(TEXT);
    assert_eq!(report.format, ReportFormat::Text);
    let ids: Vec<_> = report.sessions.iter().map(|one| &one.session_id).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!((report.unreadable.columns, report.outside), (2, 1));
    let session = &report.sessions[0];
    assert_eq!(session.ended_at, moment("2025-05-14T10:31:00Z"));
    assert_eq!(session.fields.get("WorkTime"), Some("1769"));
}

/// An account may rename its custom fields, and the report's columns then have the account's names.
#[test]
fn renamed_custom_fields_are_known_by_their_neighbours() {
    let fields = &read(TEXT).sessions[0].fields;
    assert_eq!(fields.get("CField0"), Some("Paul Martin"));
    assert_eq!(fields.get("CField1"), Some("INC0012345"));
    let session = "70112233|14/5/2025 10:31|Closed";
    let of = |columns: &str, values: &str| {
        let header = format!("Session ID|End Time|Status|{columns}|Tracking ID");
        let answer = text(&header, &[&format!("{session}|{values}|t")]);
        read(&answer).sessions.remove(0).fields
    };
    // One more column than six: none of them is guessed.
    let fields = of("Your name:|Incident|A|B|C|D|E", "Paul|INC0012345|a|b|c|d|e");
    assert_eq!(fields.get("CField1"), None);
    assert_eq!(fields.find("incident"), Some("INC0012345"));
    // A column among them that is known for something else: the vendor's order has changed.
    let fields = of(
        "Your name:|Incident|A|B|C|Platform",
        "Paul|INC0012345|a|b|c|x",
    );
    assert_eq!(fields.get("CField1"), None);
    assert_eq!(fields.get("Platform"), Some("x"));
    let fields = of(
        "Custom field 1|Name|A|B|C|D",
        "INC0012345|Paul Martin|a|b|c|d",
    );
    assert_eq!(fields.get("CField0"), Some("Paul Martin"));
    assert_eq!(fields.get("CField1"), Some("INC0012345"));
    assert_eq!(fields.find("a"), Some("a"));
}

#[test]
fn columns_are_found_by_name_in_any_order_letter_case_and_spacing() {
    let header = " SESSION  id |Brand new|end time|TrackingID|custom FIELD 1|Technician  ID";
    let answer = text(
        header,
        &["70112233|x|5/14/2025 10:31:40 AM|t|INC0012345|4455667"],
    );
    let report = read(&answer);
    let session = &report.sessions[0];
    assert_eq!(session.session_id.as_str(), "70112233");
    assert_eq!(session.technician_id.as_deref(), Some("4455667"));
    assert_eq!(session.fields.get("CField1"), Some("INC0012345"));
    assert_eq!(session.fields.get("Tracking0"), Some("t"));
    assert_eq!(session.fields.find("brand new"), Some("x"));
}

#[test]
fn a_custom_field_does_not_pass_for_a_variable_of_its_name() {
    let answer = text(
        "Session ID|End Time|Notes|Tracking0|End Time",
        &["70112233|5/14/2025 10:31|hello|sn1|1/1/2020 0:00"],
    );
    let session = &read(&answer).sessions[0];
    assert_eq!(session.fields.get("Notes"), None);
    assert_eq!(session.fields.get("Tracking0"), None);
    let unknown = &session.fields.unknown_fields;
    assert_eq!(unknown.get("notes").map(String::as_str), Some("hello"));
    let second = unknown.get("end time").map(String::as_str);
    assert_eq!(second, Some("1/1/2020 0:00"), "the first of a name counts");
}

#[test]
fn only_sessions_that_ended_in_the_period_are_shown_each_once() {
    let answer = text(
        "Session ID|End Time|Technician Name",
        &[
            "1|5/13/2025 23:59:59|Ana Ruiz",
            "2|5/14/2025 0:00:00|Ana Ruiz",
            "2|5/14/2025 9:00:00|Bo Lind",
            "2|5/14/2025 8:00:00|Cy Holm",
            "3|5/14/2025 23:59:59|Ana Ruiz",
            "4|5/15/2025 0:00:00|Ana Ruiz",
        ],
    );
    let report = read(&answer);
    let shown = report.sessions.iter().map(|session| {
        let name = session.technician_name.as_deref().unwrap_or_default();
        (session.session_id.as_str(), name)
    });
    let shown: Vec<_> = shown.collect();
    assert_eq!(shown, [("2", "Bo Lind"), ("3", "Ana Ruiz")]);
    assert_eq!((report.outside, report.repeated), (2, 2));
}

#[test]
fn a_report_without_rows_is_no_error_and_one_without_columns_is() {
    let report = read(&text("Session ID|End Time", &[]));
    assert_eq!((report.sessions.len(), report.unreadable.total()), (0, 0));
    let empty = "OK\n\n<report><header><field id=\"1\">Session ID</field><field id=\"2\">End Time</field></header><data/></report>";
    assert_eq!(read(empty).sessions.len(), 0);
    let error = |answer: &str| SessionReport::read(answer, may_14()).expect_err(answer);
    for answer in ["OK", "OK\n\n", "OK\r\n \r\n"] {
        assert_eq!(error(answer), UnreadableAnswer::Empty, "{answer:?}");
    }
    let summary = text("Number of Sessions|Total Time", &["3|1:00:00"]);
    let said = error(&summary).to_string();
    assert_eq!(
        said,
        "it has no column \"Session ID\" (its columns: Number of Sessions, Total Time)"
    );
    let logins = text("Session ID|Login Time", &["3|1:00:00"]);
    assert!(error(&logins).to_string().contains("\"End Time\""));
    let no_header = text("Paul Martin|paul.martin@acme.test|Status", &[]);
    let said = error(&no_header).to_string();
    let expected = "it has no column \"Session ID\" (its columns: …, …, Status)";
    assert_eq!(said, expected);
    let long = format!("{}x", "Login Time|".repeat(100));
    assert!(error(&text(&long, &[])).to_string().len() < 500);
}

#[test]
fn xml_that_is_not_complete_is_not_read_in_part() {
    let error = |answer: &str| SessionReport::read(answer, may_14()).expect_err(answer);
    for end in [XML.len() - 12, XML.len() / 2, XML.len() - 200] {
        let cut: String = XML.chars().take(end).collect();
        assert_eq!(error(&cut), UnreadableAnswer::Xml);
    }
    for body in ["<a", "<r><header>", "<r/>x", "<r/><r/>", "<r></x>"] {
        assert_eq!(
            error(&format!("OK\n\n{body}")),
            UnreadableAnswer::Xml,
            "{body}"
        );
    }
    let no_header = "OK\n\n<r><data><row><field id=\"1\">x</field></row></data></r>";
    assert_eq!(error(no_header), UnreadableAnswer::NoHeader);
    assert_eq!(error("OK\n\n<r/>"), UnreadableAnswer::NoHeader);
    let twice = "OK\n\n<r><header><field id=\"1\">A</field><field id=\"1\">B</field></header></r>";
    assert_eq!(error(twice), UnreadableAnswer::Xml);
}

#[test]
fn an_entity_is_never_expanded() {
    let answer = "OK\n\n<!DOCTYPE r [<!ENTITY a \"aaaa\">]><r>&a;</r>";
    let read = SessionReport::read(answer, may_14());
    assert_eq!(read, Err(UnreadableAnswer::DocumentType));
}

#[test]
fn a_row_of_xml_with_a_value_of_no_column_or_two_of_one_is_unreadable() {
    let report = |row: &str| {
        read(&format!(
            "OK\n\n<r><header><field id=\"a\">Session ID</field><field id=\"b\">End Time</field><field id=\"c\">Name</field>\
             </header><data><row>{row}</row></data></r>"
        ))
    };
    let field = |id: &str, value: &str| format!("<field id=\"{id}\">{value}</field>");
    let good = format!("{}{}", field("a", "7"), field("b", "5/14/2025 9:00"));
    assert_eq!(report(&good).sessions.len(), 1);
    for bad in [
        field("x", "?"),
        field("a", "8"),
        "<field>?</field>".to_owned(),
    ] {
        let report = report(&format!("{good}{bad}"));
        assert_eq!((report.sessions.len(), report.unreadable.columns), (0, 1));
    }
    let report = report(&format!(
        "{good}{}<other>x</other>",
        field("c", "R&D &unknown; <![CDATA[<b>]]><i>!</i>")
    ));
    let name = report.sessions[0].fields.get("CField0");
    assert_eq!(name, Some("R&D &unknown; <b>!"));
}

/// Small documents that cost much are refused or stay small.
#[test]
fn rows_and_columns_are_limited() {
    let many = "x|".repeat(2_000);
    let read = SessionReport::read(&format!("OK\n\n{many}\n"), may_14());
    assert_eq!(read, Err(UnreadableAnswer::TooMuch));
    let rows = "1\n".repeat(200_000);
    let read = SessionReport::read(&format!("OK\n\nSession ID\n{rows}"), may_14());
    assert_eq!(read, Err(UnreadableAnswer::TooMuch));
    let deep = "<a>".repeat(200_000);
    let read = SessionReport::read(&format!("OK\n\n{deep}"), may_14());
    assert_eq!(read, Err(UnreadableAnswer::Xml));
}

/// Pieces of reports, and what does not belong there.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("OK\n\n".to_owned()),
        Just("Session ID|End Time|\n".to_owned()),
        Just("1|5/14/2025 9:00|\n".to_owned()),
        Just("<report><header>".to_owned()),
        Just("<field id=\"1\">Session ID</field>".to_owned()),
        Just("<field id=\"2\">End Time</field>".to_owned()),
        Just("</header><data><row>".to_owned()),
        Just("<field id=\"1\"/>".to_owned()),
        Just("</row></data></report>".to_owned()),
        "[<>&;|=\"'a-z0-9 é\n]{0,8}",
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_answer_panics(answer in pieces()) {
        let _ = SessionReport::read(&answer, may_14());
    }

    #[test]
    fn no_change_of_a_report_panics_or_makes_sessions_of_nothing(
        cut in 0_usize..4_000,
        inserted in "[<>|&/\n]{0,3}|[0-9]{1,3}",
        xml in any::<bool>(),
    ) {
        let report = if xml { XML } else { TEXT };
        let characters: Vec<char> = report.chars().collect();
        let cut = cut.min(characters.len());
        let (start, end) = characters.split_at(cut);
        let changed: String = start.iter().chain(inserted.chars().collect::<Vec<_>>().iter()).chain(end).collect();
        if let Ok(read) = SessionReport::read(&changed, may_14()) {
            prop_assert!(read.sessions.len() <= 4);
        }
    }
}
