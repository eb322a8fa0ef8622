//! The functions' log lines, shortened for people.

use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value};

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const WARNING: Style = AnsiColor::Yellow.on_default();
const FAILURE: Style = AnsiColor::Red.on_default();

/// The fields that are left out.
const OMITTED: [&str; 6] = ["timestamp", "level", "message", "target", "digest", "spans"];

/// The fields that come first.
const FIRST: [&str; 2] = ["tenant", "session"];

/// A log line of a function, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// `HH:MM:SS` in UTC; empty for a line that is no JSON, such as a panic's.
    pub(crate) time: String,
    pub(crate) function: String,
    /// `ERROR`, `WARN`, `INFO`, …; empty as the time.
    pub(crate) level: String,
    pub(crate) message: String,
    /// The fields that tell something to people, tenant and session first.
    pub(crate) values: Vec<(String, String)>,
}

/// Reads a line that a function wrote; `None` for metrics. No text of it has line breaks or control characters.
pub(crate) fn read(function: &str, line: &str) -> Option<Line> {
    let Ok(fields) = serde_json::from_str::<Map<String, Value>>(line) else {
        return Some(Line {
            time: String::new(),
            function: function.to_owned(),
            level: String::new(),
            message: one_line(line),
            values: Vec::new(),
        });
    };
    if is_metric(&fields) {
        return None;
    }
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let first = FIRST.iter().filter_map(|name| fields.get_key_value(*name));
    let rest = fields.iter().filter(|(name, _)| {
        let name = name.as_str();
        !OMITTED.contains(&name) && !FIRST.contains(&name)
    });
    let values = first
        .chain(rest)
        .filter(|(_, value)| value.as_str() != Some(""))
        .map(|(name, value)| {
            let value = match value {
                Value::String(value) => one_line(value),
                value => value.to_string(),
            };
            (name.clone(), value)
        });
    Some(Line {
        time: text("timestamp")
            .get(11..19)
            .unwrap_or("        ")
            .to_owned(),
        function: function.to_owned(),
        level: text("level").to_owned(),
        message: one_line(text("message")),
        values: values.collect(),
    })
}

/// A log line of a function on one line: time (UTC), function, message and fields. `None` for
/// metrics. A line that is not JSON, such as a panic's, stays as it is.
pub(crate) fn event(function: &str, line: &str) -> Option<String> {
    let Line {
        time,
        level,
        message,
        values,
        ..
    } = read(function, line)?;
    if time.is_empty() {
        return Some(format!("          {BOLD}{function:18}{BOLD:#} {message}"));
    }
    let style = match level.as_str() {
        "ERROR" => FAILURE,
        "WARN" => WARNING,
        _ => Style::new(),
    };
    let values: String = values
        .iter()
        .map(|(name, value)| format!(" {name}={value}"))
        .collect();
    Some(format!(
        "{DIM}{time}{DIM:#}  {BOLD}{function:18}{BOLD:#} {style}{message}{style:#}{DIM}{values}{DIM:#}"
    ))
}

/// A text without line breaks and terminal control characters.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Whether a line carries metrics in the embedded metric format and nothing to read.
pub(crate) fn is_metric_line(line: &str) -> bool {
    serde_json::from_str(line).is_ok_and(|fields| is_metric(&fields))
}

fn is_metric(fields: &Map<String, Value>) -> bool {
    fields.contains_key("_aws")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(line: &str) -> Option<String> {
        event("deliver-session", line).map(|text| anstream::adapter::strip_str(&text).to_string())
    }

    #[test]
    fn a_log_line_is_time_function_message_and_values() {
        let line = r#"{"timestamp":"2026-11-27T16:01:33.123456Z","level":"WARN","message":"post not queued","tenant":"demo","session":"7011","attempts":2,"reason":"","spans":[{}],"digest":"ab","target":"deliver_session"}"#;
        assert_eq!(
            plain(line).as_deref(),
            Some(
                "16:01:33  deliver-session    post not queued tenant=demo session=7011 attempts=2"
            )
        );
        let coloured = event("deliver-session", line).expect("a line");
        assert!(
            coloured.contains("\u{1b}[33mpost not queued"),
            "{coloured:?}"
        );
    }

    #[test]
    fn metrics_are_no_events() {
        let metric = r#"{"_aws":{"CloudWatchMetrics":[]},"Delivered":1}"#;
        assert_eq!(plain(metric), None);
        assert!(is_metric_line(metric));
        assert!(!is_metric_line(r#"{"message":"_aws"}"#));
    }

    #[test]
    fn a_line_that_is_no_json_stays_as_it_is() {
        assert_eq!(
            plain("thread 'main' panicked").as_deref(),
            Some("          deliver-session    thread 'main' panicked")
        );
    }

    #[test]
    fn a_value_cannot_break_the_line_or_drive_the_terminal() {
        let shown =
            plain(r#"{"level":"INFO","message":"a\nb","detail":"\u001b[2J"}"#).expect("a line");
        assert!(!shown.contains(char::is_control), "{shown:?}");
    }
}
