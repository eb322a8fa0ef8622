//! Writes docs/benchmarks.md, its picture, and the figures in the README.

mod texts;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use ::tests::bars;
use ::tests::calls::{Calls, Operations, total};

use crate::chart;
use crate::error::BenchError;
use crate::figures::{Kind, Row, Size, Spread, Transport};
use crate::growth::{BusyTenants, Growth};
use crate::soak::Soak;
use texts::{megabytes, milliseconds, ratio};

/// The figures of one run. The report shows missing ones as not measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// Processor, cores, kernel and versions, each with its name.
    pub(crate) machine: Vec<(String, String)>,
    pub(crate) rows: Vec<Row>,
    pub(crate) sizes: Vec<Size>,
    pub(crate) calls: Vec<Calls>,
    pub(crate) growth: Vec<Growth>,
    pub(crate) soak: Option<Soak>,
}

const PAGE: &str = "docs/benchmarks.md";
const PICTURE: &str = "docs/benchmarks.svg";
const README: &str = "README.md";
/// The marker around the README's figures.
const MARKER: &str = "benchmarks";
/// The function of most bars.
const ACCEPTS: &str = "session-details";
const BARE: &str = "bare";
const ONE_CALL: &str = "one-call";

/// Writes the page and the picture, and the figures into the README of the project in `root`.
pub(crate) fn write(measured: &Measured, root: &Path) -> Result<(), BenchError> {
    let readme = root.join(README);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| BenchError::File { path, source }
    };
    let text = std::fs::read_to_string(&readme).map_err(failed(&readme))?;
    let changed = replaced(&text, MARKER, &summary(measured)).ok_or(BenchError::NoMarkers {
        page: README.to_owned(),
        name: MARKER,
    })?;
    let files = [
        (root.join(PICTURE), chart::draw(&measured.rows)?),
        (root.join(PAGE), page(measured)),
        (readme, changed),
    ];
    for (path, content) in files {
        std::fs::write(&path, content).map_err(failed(&path))?;
    }
    Ok(())
}

/// Replaces the text between the lines `<!-- name -->` and `<!-- /name -->`.
fn replaced(text: &str, name: &str, content: &str) -> Option<String> {
    let (before, rest) = text.split_once(&format!("<!-- {name} -->\n"))?;
    let (_, after) = rest.split_once(&format!("<!-- /{name} -->"))?;
    Some(format!(
        "{before}<!-- {name} -->\n{content}<!-- /{name} -->{after}"
    ))
}

impl Measured {
    fn row(&self, function: &str, kind: Kind, transport: Transport) -> Option<&Row> {
        find(&self.rows, function, kind, transport)
    }

    /// The floor's row. The bare handler makes no calls, so one transport may be missing.
    fn floor(&self, function: &str, transport: Transport) -> Option<&Row> {
        floor(&self.rows, function, transport)
    }

    /// The rows of the connector's functions.
    fn ours(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.kind == Kind::Ours)
    }
}

/// The row of a program.
pub(crate) fn find<'a>(
    rows: &'a [Row],
    function: &str,
    kind: Kind,
    transport: Transport,
) -> Option<&'a Row> {
    rows.iter()
        .find(|row| row.function == function && row.kind == kind && row.transport == transport)
}

/// The row of a floor over this transport, or else over the other one.
pub(crate) fn floor<'a>(rows: &'a [Row], function: &str, transport: Transport) -> Option<&'a Row> {
    let other = match transport {
        Transport::Plain => Transport::Tls,
        Transport::Tls => Transport::Plain,
    };
    find(rows, function, Kind::Floor, transport)
        .or_else(|| find(rows, function, Kind::Floor, other))
}

/// A figure and its limit.
struct Bar {
    about: String,
    /// `None`: not measured.
    measured: Option<f64>,
    limit: Limit,
    unit: Unit,
}

#[derive(Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

#[derive(Clone, Copy)]
enum Unit {
    Times,
    Megabytes,
    Calls,
}

impl Bar {
    fn at_most(about: impl Into<String>, measured: Option<f64>, most: f64, unit: Unit) -> Self {
        Self {
            about: about.into(),
            measured,
            limit: Limit::AtMost(most),
            unit,
        }
    }

    /// By which part of the limit the bar is missed. `None` when it is met.
    fn missed_by(&self, measured: f64) -> Option<f64> {
        let by = match self.limit {
            Limit::AtMost(most) if measured > most => measured - most,
            Limit::AtLeast(least) if measured < least => least - measured,
            Limit::AtMost(_) | Limit::AtLeast(_) => return None,
        };
        let (Limit::AtMost(limit) | Limit::AtLeast(limit)) = self.limit;
        Some(by / limit.max(1.0))
    }

    fn line(&self) -> String {
        let shown = |value: f64| match self.unit {
            Unit::Times => format!("{} ×", ratio(value)),
            Unit::Megabytes => format!("{:.1} MB", value / 1e6),
            Unit::Calls => texts::count(value),
        };
        let limit = match self.limit {
            Limit::AtMost(most) => format!("≤ {}", shown(most)),
            Limit::AtLeast(least) => format!("≥ {}", shown(least)),
        };
        let (measured, verdict) = match self.measured {
            None => ("–".to_owned(), "not measured".to_owned()),
            Some(measured) => {
                let verdict = self.missed_by(measured).map_or("met".to_owned(), |by| {
                    format!("**missed by {:.0} %**", (by * 100.0).max(1.0))
                });
                (shown(measured), verdict)
            }
        };
        format!("| {} | {measured} | {limit} | {verdict} |\n", self.about)
    }
}

fn bars(measured: &Measured) -> Vec<Bar> {
    let mut all = speed(measured);
    all.extend(calls_allowed(measured));
    let small = |large: bool| {
        let peaks = measured.ours().filter_map(move |row| {
            let peak = if large {
                row.peak_memory_large
            } else {
                Some(row.peak_memory)
            };
            peak.map(|peak| peak as f64)
        });
        peaks.reduce(f64::max)
    };
    let zip = measured.sizes.iter().map(|size| size.zip as f64);
    let scans = measured.growth.iter().map(|growth| growth.scans as f64);
    let most = |about: &str, value, most: u64, unit| Bar::at_most(about, value, most as f64, unit);
    all.extend([
        most(
            "peak memory of the largest function, a post of 4 KB",
            small(false),
            bars::PEAK_MEMORY,
            Unit::Megabytes,
        ),
        most(
            "peak memory of the largest function, a post with 2 MB of chat",
            small(true),
            bars::PEAK_MEMORY_LARGE,
            Unit::Megabytes,
        ),
        most(
            "zipped binary of the largest function",
            zip.reduce(f64::max),
            bars::ZIP,
            Unit::Megabytes,
        ),
        most(
            "scans of a table while posts are taken and delivered",
            scans.reduce(|sum, one| sum + one),
            0,
            Unit::Calls,
        ),
    ]);
    all.extend(["session-details", "deliver-session"].map(|function| {
        Bar::at_most(
            format!(
                "DynamoDB calls of `{function}` per post of ten busy tenants, with most tenants in the tables against \
                 fewest"
            ),
            grown(&measured.growth, function),
            bars::CALLS_AS_TENANTS_GROW,
            Unit::Times,
        )
    }));
    all
}

fn speed(measured: &Measured) -> Vec<Bar> {
    let over = |a: Option<Duration>, b: Option<Duration>| Some(quotient(a?, b?));
    let total = |row: Option<&Row>| row.map(|row| row.cold.total.median);
    let processor = |row: Option<&Row>| row.map(|row| row.cold.processor.median);
    let ours = |transport| measured.row(ACCEPTS, Kind::Ours, transport);
    let tls = |kind| total(measured.row(ACCEPTS, kind, Transport::Tls));
    let at_least = |about: &str, measured, least| Bar {
        about: about.to_owned(),
        measured,
        limit: Limit::AtLeast(least),
        unit: Unit::Times,
    };
    vec![
        Bar::at_most(
            "cold start of `session-details`, plain HTTP, against the bare handler",
            over(
                total(ours(Transport::Plain)),
                total(measured.floor(BARE, Transport::Plain)),
            ),
            bars::COLD_START_TO_FLOOR,
            Unit::Times,
        ),
        at_least(
            "the same over TLS: how much faster than Node.js",
            over(tls(Kind::Node), tls(Kind::Ours)),
            bars::FASTER_THAN_NODE,
        ),
        at_least(
            "the same over TLS: how much faster than Python",
            over(tls(Kind::Python), tls(Kind::Ours)),
            bars::FASTER_THAN_PYTHON,
        ),
        Bar::at_most(
            "processor time of `session-details` to its first answer, TLS, against the bare handler",
            over(
                processor(ours(Transport::Tls)),
                processor(measured.floor(BARE, Transport::Tls)),
            ),
            bars::PROCESSOR_TIME_TO_FLOOR,
            Unit::Times,
        ),
        Bar::at_most(
            "warm `session-details`, median, plain HTTP, against the bare handler with one AWS call",
            over(
                ours(Transport::Plain).map(|row| row.warm.median),
                measured
                    .floor(ONE_CALL, Transport::Plain)
                    .map(|row| row.warm.median),
            ),
            bars::WARM_TO_ONE_CALL,
            Unit::Times,
        ),
    ]
}

fn calls_allowed(measured: &Measured) -> Vec<Bar> {
    let made = |function: &str, services: &[&str], warm: bool| {
        let calls = measured.calls.iter().find(|one| one.function == function)?;
        let operations = if warm { &calls.warm } else { &calls.cold };
        let counts = services.iter().map(|service| total(operations, service));
        Some(counts.sum::<usize>() as f64)
    };
    let bar = |about: &str, function: &str, services: &[&str], warm: bool| {
        let allowed = services.iter().map(|service| {
            let (cold, hot) = bars::calls(function, service);
            if warm { hot } else { cold }
        });
        Bar::at_most(
            format!("{about} `{function}`"),
            made(function, services, warm),
            allowed.sum::<usize>() as f64,
            Unit::Calls,
        )
    };
    let aws = ["DynamoDB", "SQS", "Secrets Manager"];
    let known = "of a post of a known record, warm";
    vec![
        bar("AWS calls, warm", ACCEPTS, &aws, true),
        bar("AWS calls, cold", ACCEPTS, &aws, false),
        bar(
            &format!("DynamoDB calls {known}"),
            "deliver-session",
            &["DynamoDB"],
            true,
        ),
        bar(
            &format!("ServiceNow calls {known}"),
            "deliver-session",
            &["ServiceNow"],
            true,
        ),
        bar(
            "Rescue calls, e-mails off, warm",
            "generate-pin",
            &["Rescue"],
            true,
        ),
        bar(
            "Secrets Manager calls, warm",
            "generate-pin",
            &["Secrets Manager"],
            true,
        ),
    ]
}

/// DynamoDB calls for a post with the most tenants, divided by those with the fewest. Ten tenants post in both.
fn grown(growth: &[Growth], function: &str) -> Option<f64> {
    let of_it = |one: &&Growth| one.function == function && one.busy == BusyTenants::Ten;
    let few = growth.iter().filter(of_it).min_by_key(|one| one.tenants)?;
    let many = growth.iter().filter(of_it).max_by_key(|one| one.tenants)?;
    if few.dynamodb_calls == 0.0 {
        // No calls before and none now: no growth.
        return Some(1.0 + many.dynamodb_calls);
    }
    Some(many.dynamodb_calls / few.dynamodb_calls)
}

fn quotient(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64().max(f64::EPSILON)
}

fn page(measured: &Measured) -> String {
    let mut page = texts::INTRODUCTION.to_owned();
    page += "\n## The machine\n\n| | |\n|---|---|\n";
    for (name, value) in &measured.machine {
        let _ = writeln!(page, "| {name} | {value} |");
    }
    page += "\n## The bars\n\n| figure | measured | bar | |\n|---|---:|---:|---|\n";
    page.extend(bars(measured).iter().map(Bar::line));
    page += texts::COLD;
    page += &cold(measured, Transport::Plain);
    page += texts::COLD_TLS;
    page += &cold(measured, Transport::Tls);
    page += texts::PROCESSOR;
    page += &processor(measured);
    page += texts::WARM;
    page += &warm(measured);
    page += texts::MEMORY;
    page += &peaks(measured);
    page += texts::SIZES;
    for size in &measured.sizes {
        let (binary, zip) = (megabytes(size.binary), megabytes(size.zip));
        let _ = writeln!(page, "| `{}` | {binary} | {zip} |", size.program);
    }
    page += texts::CALLS;
    for calls in &measured.calls {
        for service in calls.services() {
            let cells = [&calls.cold, &calls.warm].map(|operations| listed(operations, service));
            let [cold, warm] = cells;
            let _ = writeln!(
                page,
                "| `{}` | {service} | {cold} | {warm} |",
                calls.function
            );
        }
    }
    page += texts::GROWTH;
    page += &growth(&measured.growth);
    page += texts::SOAK;
    if let Some(soak) = &measured.soak {
        page += &soaked(soak);
    }
    page
}

/// The number of calls, and their operations.
fn listed(operations: &Operations, service: &str) -> String {
    let of_it = operations
        .iter()
        .filter_map(|(name, count)| Some((name.strip_prefix(service)?.strip_prefix(' ')?, count)));
    let names: Vec<String> = of_it
        .map(|(name, count)| match count {
            1 => name.to_owned(),
            _ => format!("{count} {name}"),
        })
        .collect();
    match names.as_slice() {
        [] => "0".to_owned(),
        _ => format!("{}: {}", total(operations, service), names.join(", ")),
    }
}

/// The rows with their names: the floors, then function by function, ours first.
fn programs(measured: &Measured, transport: Transport) -> Vec<(String, &Row)> {
    let mut rows: Vec<&Row> = measured
        .rows
        .iter()
        .filter(|row| row.transport == transport)
        .collect();
    let function = |row: &Row| {
        let functions = crate::programs::FUNCTIONS;
        let place = functions.iter().position(|name| *name == row.function);
        place.map_or(0, |place| place + 1)
    };
    let kind = |row: &Row| match row.kind {
        Kind::Floor => 0,
        Kind::Ours => 1,
        Kind::Node => 2,
        Kind::Python => 3,
    };
    rows.sort_by_key(|row| (function(row), kind(row)));
    rows.into_iter()
        .map(|row| (texts::program(row), row))
        .collect()
}

/// The last two columns of every table of times: the ratios to the floor and to ours.
fn against(measured: &Measured, row: &Row, time: impl Fn(&Row) -> Duration) -> String {
    let cell = |other: Option<&Row>| {
        other.map_or("–".to_owned(), |other| {
            ratio(quotient(time(row), time(other)))
        })
    };
    let ours = measured
        .row(&row.function, Kind::Ours, row.transport)
        .filter(|_| row.kind != Kind::Floor);
    let floor = cell(measured.floor(BARE, row.transport));
    format!("{floor} | {}", cell(ours))
}

/// The median, and the quarter to three quarters.
fn spread(times: Spread) -> String {
    format!(
        "{} | {} – {}",
        milliseconds(times.median),
        milliseconds(times.lower_quartile),
        milliseconds(times.upper_quartile),
    )
}

/// The rows of every transport, with these cells behind name and transport.
fn table(measured: &Measured, cells: impl Fn(&Row) -> String) -> String {
    let transports = [Transport::Plain, Transport::Tls].into_iter();
    let rows = transports.flat_map(|transport| programs(measured, transport));
    rows.map(|(name, row)| {
        let transport = texts::transport(row.transport);
        format!("| {name} | {transport} | {} |\n", cells(row))
    })
    .collect()
}

fn cold(measured: &Measured, transport: Transport) -> String {
    let rows = programs(measured, transport).into_iter();
    rows.map(|(name, row)| {
        format!(
            "| {name} | {} | {} | {} | {} |\n",
            milliseconds(row.cold.ready.median),
            milliseconds(row.cold.answer.median),
            spread(row.cold.total),
            against(measured, row, |row| row.cold.total.median),
        )
    })
    .collect()
}

fn processor(measured: &Measured) -> String {
    table(measured, |row| {
        let ratios = against(measured, row, |row| row.cold.processor.median);
        format!("{} | {ratios}", spread(row.cold.processor))
    })
}

fn warm(measured: &Measured) -> String {
    table(measured, |row| {
        let warm = row.warm;
        format!(
            "{} | {} | {} | {} | {}",
            milliseconds(warm.median),
            milliseconds(warm.p90),
            milliseconds(warm.p99),
            texts::rate(warm.per_second),
            against(measured, row, |row| row.warm.median),
        )
    })
}

fn peaks(measured: &Measured) -> String {
    table(measured, |row| {
        let large = row.peak_memory_large.map_or("–".to_owned(), megabytes);
        format!("{} | {large}", megabytes(row.peak_memory))
    })
}

fn growth(growth: &[Growth]) -> String {
    let mut table = String::new();
    for one in growth {
        let busy = match one.busy {
            BusyTenants::Ten => "ten tenants",
            BusyTenants::Any => "any tenant",
        };
        let _ = writeln!(
            table,
            "| `{}` | {} | {busy} | {} | {} | {:.2} | {} |",
            one.function,
            texts::grouped(one.tenants),
            milliseconds(one.median),
            milliseconds(one.p99),
            one.dynamodb_calls,
            megabytes(one.peak_memory),
        );
    }
    table
}

fn soaked(soak: &Soak) -> String {
    let mut text = format!(
        "| sessions | refused | lost | doubled | dead letters | took, s | sessions per second |\n\
         |---:|---:|---:|---:|---:|---:|---:|\n| {} | {} | {} | {} | {} | {:.0} | {} |\n\n\
         | function | first tenth, MB | last tenth, MB |\n|---|---:|---:|\n",
        texts::grouped(soak.sessions),
        soak.refused,
        soak.lost,
        soak.doubled,
        soak.dead_letters,
        soak.took.as_secs_f64(),
        texts::rate(soak.per_second()),
    );
    for (function, (first, last)) in &soak.memory {
        let (first, last) = (megabytes(*first), megabytes(*last));
        let _ = writeln!(text, "| `{function}` | {first} | {last} |");
    }
    text
}

/// The picture and the three sentences of the README, without those about missing figures.
fn summary(measured: &Measured) -> String {
    let mut text = format!("![{}]({PICTURE})\n\n", chart::TITLE);
    let tls = |kind| measured.row(ACCEPTS, kind, Transport::Tls);
    if let (Some(ours), Some(node), Some(python)) =
        (tls(Kind::Ours), tls(Kind::Node), tls(Kind::Python))
    {
        let total = |row: &Row| row.cold.total.median;
        let _ = write!(
            text,
            "A new process of `session-details` has answered its first post after {} ms, with TLS to everything it \
             calls: the same work takes {} times as long in Node.js and {} times as long in Python. ",
            milliseconds(total(ours)),
            ratio(quotient(total(node), total(ours))),
            ratio(quotient(total(python), total(ours))),
        );
    }
    let peak = measured.ours().map(|row| row.peak_memory).max();
    let zips = measured.sizes.iter().map(|size| size.zip);
    if let (Some(peak), Some(least), Some(most)) = (peak, zips.clone().min(), zips.max()) {
        let _ = write!(
            text,
            "No function needs more than {} MB of memory for a post or a PIN, and their zipped binaries have {} to {} \
             MB. ",
            megabytes(peak),
            megabytes(least),
            megabytes(most),
        );
    }
    if let Some(soak) = &measured.soak {
        let _ = write!(
            text,
            "Of {} sessions in a row {} were lost and {} were noted twice. ",
            texts::grouped(soak.sessions),
            texts::none(soak.lost),
            texts::none(soak.doubled),
        );
    }
    let folded = texts::folded(text.trim_end());
    format!("{folded}\n\n[All figures, and how to repeat them](docs/benchmarks.md).\n")
}

#[cfg(test)]
mod tests;
