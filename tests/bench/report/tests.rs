use std::collections::BTreeMap;

use ::tests::calls::Operations;

use super::*;
use crate::figures::{ColdStart, Warm};

fn millis(value: f64) -> Duration {
    Duration::from_secs_f64(value / 1000.0)
}

fn around(median: f64) -> Spread {
    Spread {
        lower_quartile: millis(median * 0.9),
        median: millis(median),
        upper_quartile: millis(median * 1.2),
    }
}

fn row(function: &str, kind: Kind, transport: Transport, total: f64, warm: f64) -> Row {
    Row {
        function: function.to_owned(),
        kind,
        transport,
        cold: ColdStart {
            ready: around(total * 0.6),
            answer: around(total * 0.4),
            total: around(total),
            processor: around(total * 0.8),
        },
        warm: Warm {
            median: millis(warm),
            p90: millis(warm * 1.5),
            p99: millis(warm * 3.0),
            per_second: 1000.0 / warm,
        },
        peak_memory: 5_900_000,
        peak_memory_large: (kind == Kind::Ours).then_some(14_100_000),
    }
}

fn measured_example() -> Measured {
    let mut rows = vec![
        row("bare", Kind::Floor, Transport::Plain, 1.7, 0.07),
        row("one-call", Kind::Floor, Transport::Plain, 3.0, 0.3),
    ];
    for function in ["session-details", "generate-pin"] {
        for (transport, ours) in [(Transport::Plain, 3.1), (Transport::Tls, 14.0)] {
            rows.push(row(function, Kind::Python, transport, 303.0, 1.9));
            rows.push(row(function, Kind::Node, transport, 177.0, 3.6));
            rows.push(row(function, Kind::Ours, transport, ours, 0.36));
        }
    }
    let size = |program: &str, zip| Size {
        program: program.to_owned(),
        binary: 3_200_000,
        zip,
    };
    let growth = |tenants, busy, dynamodb_calls| Growth {
        function: "deliver-session",
        tenants,
        busy,
        median: millis(3.0),
        p99: millis(5.0),
        dynamodb_calls,
        scans: 0,
        peak_memory: 6_400_000,
    };
    Measured {
        machine: vec![("processor".to_owned(), "made up".to_owned())],
        rows,
        sizes: vec![
            size("session-details", 1_500_000),
            size("generate-pin", 2_100_000),
        ],
        calls: vec![Calls {
            function: "deliver-session",
            cold: operations(&[("DynamoDB GetItem", 4), ("ServiceNow PATCH table", 1)]),
            warm: operations(&[
                ("DynamoDB GetItem", 1),
                ("DynamoDB UpdateItem", 2),
                ("ServiceNow PATCH table", 1),
            ]),
        }],
        growth: vec![
            growth(10, BusyTenants::Ten, 3.0),
            growth(100_000, BusyTenants::Ten, 3.0),
            growth(100_000, BusyTenants::Any, 5.98),
        ],
        soak: Some(Soak {
            sessions: 50_000,
            refused: 0,
            lost: 0,
            doubled: 0,
            dead_letters: 0,
            took: Duration::from_secs(160),
            memory: BTreeMap::from([("deliver-session".to_owned(), (6_100_000, 6_200_000))]),
        }),
    }
}

fn operations(all: &[(&str, usize)]) -> Operations {
    let owned = all.iter().map(|(name, count)| ((*name).to_owned(), *count));
    owned.collect()
}

/// The first line of the page with this beginning.
fn line<'a>(page: &'a str, begins: &str) -> &'a str {
    let found = page.lines().find(|line| line.starts_with(begins));
    found.unwrap_or_else(|| panic!("{begins} is missing:\n{page}"))
}

#[test]
fn a_bar_says_whether_it_is_met_or_by_how_much_it_is_missed() {
    let page = page(&measured_example());
    for (about, figures) in [
        ("cold start of `session-details`", "1.82 × | ≤ 2.00 × | met"),
        (
            "the same over TLS: how much faster than Node",
            "12.6 × | ≥ 10.0 × | met",
        ),
        (
            "the same over TLS: how much faster than Python",
            "21.6 × | ≥ 18.0 × | met",
        ),
        ("processor time", "8.24 × | ≤ 4.00 × | **missed by 106 %**"),
        ("warm", "1.20 × | ≤ 1.30 × | met"),
        (
            "DynamoDB calls of a post of a known record",
            "3 | ≤ 3 | met",
        ),
        ("AWS calls, warm", "– | ≤ 1 | not measured"),
        (
            "peak memory of the largest function, a post of 4",
            "5.9 MB | ≤ 12.0 MB | met",
        ),
        ("zipped binary", "2.1 MB | ≤ 2.5 MB | met"),
        ("scans", "0 | ≤ 0 | met"),
        (
            "DynamoDB calls of `deliver-session` per post of ten busy tenants",
            "1.00 × | ≤ 1.05 × | met",
        ),
    ] {
        let bar = line(&page, &format!("| {about}"));
        assert!(bar.ends_with(&format!("| {figures} |")), "{about}: {bar}");
    }
}

#[test]
fn a_limit_is_missed_on_its_own_side_only() {
    let bar = |limit| Bar {
        about: String::new(),
        measured: None,
        limit,
        unit: Unit::Times,
    };
    for (limit, measured, missed_by) in [
        (Limit::AtMost(2.0), 2.0, None),
        (Limit::AtMost(2.0), 3.0, Some(0.5)),
        (Limit::AtMost(0.0), 1.0, Some(1.0)),
        (Limit::AtLeast(10.0), 10.0, None),
        (Limit::AtLeast(10.0), 5.0, Some(0.5)),
    ] {
        assert_eq!(bar(limit).missed_by(measured), missed_by, "{measured}");
    }
}

#[test]
fn a_function_grows_when_its_calls_do_and_one_that_makes_none_stays() {
    let one = |tenants, dynamodb_calls| Growth {
        tenants,
        dynamodb_calls,
        ..measured_example().growth[0].clone()
    };
    let grown = |few, many| grown(&[one(10, few), one(1000, many)], "deliver-session");
    assert_eq!(grown(3.0, 6.0), Some(2.0));
    assert_eq!(grown(0.0, 0.0), Some(1.0));
    assert_eq!(grown(0.0, 1.0), Some(2.0));
    assert_eq!(super::grown(&[], "deliver-session"), None);
}

#[test]
fn programs_stand_function_by_function_with_the_floors_first() {
    let page = page(&measured_example());
    let (_, cold) = page
        .split_once("## Cold start, plain HTTP")
        .expect("a table");
    let names: Vec<&str> = cold
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains(" – "))
        .map(|line| line.split('|').nth(1).expect("a cell").trim())
        .take(5)
        .collect();
    assert_eq!(
        names,
        [
            "bare handler",
            "bare handler, one call",
            "**`session-details`**",
            "`session-details` in Node.js",
            "`session-details` in Python"
        ]
    );
    assert_eq!(
        line(cold, "| `session-details` in Node.js"),
        "| `session-details` in Node.js | 106 | 70.8 | 177 | 159 – 212 | 104 | 57.1 |"
    );
}

#[test]
fn every_table_has_as_many_cells_in_each_line() {
    let page = page(&measured_example());
    let mut cells = None;
    for line in page.lines() {
        if line.starts_with('|') {
            let count = line.matches('|').count();
            assert_eq!(*cells.get_or_insert(count), count, "{line}");
        } else {
            cells = None;
        }
    }
}

#[test]
fn calls_are_listed_by_whom_they_go_to() {
    let page = page(&measured_example());
    assert_eq!(
        line(&page, "| `deliver-session` | DynamoDB"),
        "| `deliver-session` | DynamoDB | 4: 4 GetItem | 3: GetItem, 2 UpdateItem |"
    );
}

#[test]
fn a_run_that_measured_nothing_still_makes_a_page() {
    let nothing = Measured::default();
    let page = page(&nothing);
    assert!(page.contains("| not measured |") && !page.contains("missed"));
    assert!(summary(&nothing).contains("docs/benchmarks.md"));
    chart::draw(&[]).expect("an empty picture");
}

#[test]
fn the_readme_gets_the_figures_between_its_markers_and_nothing_else_changes() {
    let text = "before\n<!-- benchmarks -->\nold\n<!-- /benchmarks -->\nafter\n";
    let new = replaced(text, MARKER, "new\n").expect("the markers");
    assert_eq!(
        new,
        "before\n<!-- benchmarks -->\nnew\n<!-- /benchmarks -->\nafter\n"
    );
    assert_eq!(replaced("before\n", MARKER, "new\n"), None);
    assert_eq!(
        summary(&measured_example()),
        "![Cold start over TLS: from process start to the first answer, in milliseconds](docs/benchmarks.svg)\n\n\
         A new process of `session-details` has answered its first post after 14.0 ms, with TLS to everything it calls: \
         the same\nwork takes 12.6 times as long in Node.js and 21.6 times as long in Python. No function needs more \
         than 5.9 MB of memory\nfor a post or a PIN, and their zipped binaries have 1.5 to 2.1 MB. Of 50 000 sessions in \
         a row none were lost and none\nwere noted twice.\n\n\
         [All figures, and how to repeat them](docs/benchmarks.md).\n"
    );
}

#[test]
fn everything_is_written_into_the_projects_folder() {
    let root = std::env::temp_dir().join(format!("benchmarks-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(root.join("docs")).expect("a folder");
    let readme = "<!-- benchmarks -->\n<!-- /benchmarks -->\n";
    std::fs::write(root.join(README), readme).expect("written");
    write(&measured_example(), &root).expect("written");
    let read = |path| std::fs::read_to_string(root.join(path)).expect("readable");
    assert!(read(PAGE).starts_with("# Benchmarks"));
    assert!(read(README).contains("12.6 times"));
    let picture = read(PICTURE);
    for text in ["generate-pin", "Python", "303 ms", "14 ms", "1.7 ms"] {
        assert!(picture.contains(text), "{text}: {picture}");
    }
    std::fs::write(root.join(README), "no markers").expect("written");
    let refused = write(&measured_example(), &root).expect_err("nowhere to write");
    assert!(refused.to_string().contains("<!-- benchmarks -->"));
    std::fs::remove_dir_all(&root).expect("removed");
}

#[test]
fn figures_have_digits_that_say_something() {
    let shown = [0.07, 9.994, 14.04, 303.4].map(|value| milliseconds(millis(value)));
    assert_eq!(shown, ["0.07", "9.99", "14.0", "303"]);
    assert_eq!([1.0, 57.14, 104.2].map(ratio), ["1.00", "57.1", "104"]);
    let grouped = [7, 1_000, 50_000, 1_234_567].map(texts::grouped);
    assert_eq!(grouped, ["7", "1 000", "50 000", "1 234 567"]);
    assert_eq!([3.0, 2.5].map(texts::count), ["3", "2.50"]);
}

#[test]
fn the_readme_has_the_place_for_the_figures() {
    let readme = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(readme).expect("readable");
    assert!(replaced(&readme, MARKER, "").is_some());
}
