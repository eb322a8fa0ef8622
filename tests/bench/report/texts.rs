//! The page's texts, and the formats of figures.

use std::time::Duration;

use crate::figures::{Kind, Row, Transport};

pub(super) const INTRODUCTION: &str = "\
# Benchmarks

Written by one command, which builds the functions as they are released and measures everything on this page in one run:

```sh
cargo run --release -p tests --bin bench             # writes this page, its picture and the figures in the README
```

Each program is started as Lambda starts it, by a runtime API on the loopback that hands out invocations; what it calls
is the embedded cloud of `cargo run` and the simulators of both vendors, over plain HTTP or with a TLS handshake for each
host. The *bare handler* is a `lambda_http` function that answers at once, and *one call* the same with a single message
to SQS: no function on this platform can be faster. The functions in Node.js (AWS SDK v3, bundled) and Python (boto3) do
the same work as ours. Programs take turns, so that other load on the machine affects all of them alike. **Ratios
count, milliseconds are this machine's.**

Over TLS each AWS service has a host of its own, over plain HTTP they share one. The test's certificate authority is one
more root for ours and for Node.js; for Python it is the only one, which spares it reading the others.

![Cold start over TLS](benchmarks.svg)
";

pub(super) const COLD: &str = "
## Cold start, plain HTTP

Median times of many process starts; *ready* is from process start to asking for work, *answer* from the first
invocation to its answer.

| program | ready, ms | answer, ms | total, ms | quarter to three quarters, ms | × bare | × ours |
|---|---:|---:|---:|---:|---:|---:|
";

pub(super) const COLD_TLS: &str = "
## Cold start, TLS

| program | ready, ms | answer, ms | total, ms | quarter to three quarters, ms | × bare | × ours |
|---|---:|---:|---:|---:|---:|---:|
";

pub(super) const PROCESSOR: &str = "
## Processor time of a cold start

Of all threads, from process start to the first answer. A small Lambda gets a fraction of a core, so this is what its
callers wait for.

| program | | median, ms | quarter to three quarters, ms | × bare | × ours |
|---|---|---:|---:|---:|---:|
";

pub(super) const WARM: &str = "
## Warm

One invocation after the other in one process.

| program | | median, ms | 90 %, ms | 99 %, ms | per second | × bare | × ours |
|---|---|---:|---:|---:|---:|---:|---:|
";

pub(super) const MEMORY: &str = "
## Memory

The largest resident set of the process.

| program | | posts of 4 KB, MB | 2 MB of chat, MB |
|---|---|---:|---:|
";

pub(super) const SIZES: &str = "
## Size

| function | binary, MB | zipped, MB |
|---|---:|---:|
";

pub(super) const CALLS: &str = "
## Calls to others

For one request: the first one of a new process, and a later one. Access tokens and authcodes are shared already. A
delivery is one to a record that is known, without an attachment; a PIN comes without e-mails and note; a token is handed
over and stored; a rotation renews, all its steps together. A test holds these numbers where they are.

| function | calls | cold | warm |
|---|---|---|---|
";

pub(super) const GROWTH: &str = "
## Growth

Tables with ever more tenants, each with an access token and a session in the ledger; then posts to known records. Either
ten tenants are busy, and what is cached helps, or every post comes from any tenant: the more there are, the more often
the process does not know this one, and makes the calls of a cold one. Times are those of the HTTP API and of one batch
with one message.

| function | tenants, sessions | posts come from | median, ms | 99 %, ms | DynamoDB calls per post | peak memory, MB |
|---|---:|---|---:|---:|---:|---:|
";

pub(super) const SOAK: &str = "
## Soak

Sessions of 500 records through HTTP API, `session-details`, SQS, `deliver-session` and ServiceNow, several at a time,
each posted once. *Lost* has no note, *doubled* more than one. Memory is the largest resident set of a process in the
first and in the last tenth of the time.

A process gains some 160 bytes with every invocation: `lambda_runtime` puts each one's trace id into the environment, and
glibc keeps every value that a variable has had. With one trace id for all of them memory stays where it is.

";

/// The name of a program in a table.
pub(super) fn program(row: &Row) -> String {
    let function = &row.function;
    match row.kind {
        Kind::Floor if function == "one-call" => "bare handler, one call".to_owned(),
        Kind::Floor => format!("{function} handler"),
        Kind::Ours => format!("**`{function}`**"),
        Kind::Node => format!("`{function}` in Node.js"),
        Kind::Python => format!("`{function}` in Python"),
    }
}

pub(super) const fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Plain => "plain",
        Transport::Tls => "TLS",
    }
}

/// Milliseconds with three significant digits.
pub(crate) fn milliseconds(time: Duration) -> String {
    digits(time.as_secs_f64() * 1000.0)
}

/// A ratio with three significant digits.
pub(super) fn ratio(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

fn digits(value: f64) -> String {
    match value {
        value if value < 9.995 => format!("{value:.2}"),
        value if value < 99.95 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

/// Decimal megabytes.
pub(super) fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

/// A whole number, or one with two decimals.
pub(super) fn count(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

/// A number per second.
pub(super) fn rate(value: f64) -> String {
    // No measured rate is near the end of an integer.
    grouped(value.round().max(0.0) as usize)
}

/// A number with spaces between thousands.
pub(super) fn grouped(number: usize) -> String {
    let text = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in text.chars().enumerate() {
        if place > 0 && (text.len() - place).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count in a sentence; `none` for 0.
pub(super) fn none(count: usize) -> String {
    match count {
        0 => "none".to_owned(),
        count => grouped(count),
    }
}

/// A text in lines of at most 120 characters; empty lines stay.
pub(super) fn folded(text: &str) -> String {
    const WIDTH: usize = 120;
    let mut folded = String::new();
    for (nth, paragraph) in text.split("\n\n").enumerate() {
        if nth > 0 {
            folded.push_str("\n\n");
        }
        let mut column = 0;
        for word in paragraph.split_whitespace() {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > WIDTH {
                folded.push('\n');
                column = 0;
            }
            if column > 0 {
                folded.push(' ');
                column += 1;
            }
            folded.push_str(word);
            column += length;
        }
    }
    folded
}
