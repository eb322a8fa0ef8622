//! The tenant file: TOML in, a [`TenantFile`] or every fault with its line and column out.

use std::fmt::{self, Write as _};
use std::ops::Range;

use serde_json::Value;
use shared::domain::instance::Instance;
use shared::domain::session::documented_name;
use shared::domain::tenant::{HumanDuration, TenantFile, TenantId};
use shared::rescue::host::Host;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use url::Url;

/// One thing that is wrong with a tenant file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxFault {
    /// The line, counted from 1.
    pub line: usize,
    /// The character within the line, counted from 1.
    pub column: usize,
    /// The key with its tables (`servicenow.instance`); empty where the file is no TOML at all.
    pub key: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for SyntaxFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong with a tenant file, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxFaults(pub Vec<SyntaxFault>);

impl fmt::Display for SyntaxFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SyntaxFaults {}

/// Reads a tenant file. `allow_loopback` is `ALLOW_LOOPBACK=1`, which only tests set.
///
/// # Errors
/// Names **all** faults at once: unknown keys, wrong types and values, settings that do not go together.
pub fn parse(text: &str, allow_loopback: bool) -> Result<TenantFile, SyntaxFaults> {
    let document = DeTable::parse(text).map_err(|error| {
        let at = error.span().unwrap_or(0..0);
        let message = error.message().trim();
        // Without its name the key would have to be looked for.
        let key = text.get(at.clone()).map(str::trim);
        let message = match key {
            Some(key) if message == "duplicate key" && !key.is_empty() => {
                format!("duplicate key {key}; keep one of the two")
            }
            _ => message.to_owned(),
        };
        SyntaxFaults(vec![fault(text, &at, "", &message)])
    })?;
    let mut check = Check {
        text,
        document: document.get_ref(),
        allow_loopback,
        faults: Vec::new(),
    };
    check.keys_and_types(document.get_ref(), "");
    check.required();
    check.rescue();
    check.servicenow();
    check.sessions();
    let mut faults = check.faults;
    if faults.is_empty() {
        match toml::from_str(text) {
            Ok(file) => return Ok(file),
            Err(error) => {
                let at = error.span().unwrap_or(0..0);
                faults.push(fault(text, &at, "", error.message().trim()));
            }
        }
    }
    faults.sort_by_key(|fault| (fault.line, fault.column));
    Err(SyntaxFaults(faults))
}

/// The settings of a tenant as JSON, under the keys of the tenant file and with lengths of time as people write them.
pub fn settings(file: &TenantFile) -> Value {
    // Every key of the settings is a string and every value has a JSON form, so this cannot fail.
    let mut settings = serde_json::to_value(file).unwrap_or_default();
    for (pointer, span) in [
        (
            "/servicenow/refresh_token_lifetime",
            file.servicenow.refresh_token_lifetime,
        ),
        (
            "/sessions/reauthorization_wait",
            file.sessions.reauthorization_wait,
        ),
    ] {
        if let Some(value) = settings.pointer_mut(pointer) {
            *value = Value::String(words(span));
        }
    }
    settings
}

/// The settings of a tenant as a tenant file, every setting in the order of the reference.
pub fn to_toml(file: &TenantFile) -> String {
    let settings = settings(file);
    let mut text = String::new();
    let mut open = "";
    for (path, kind) in KEYS {
        let pointer = format!("/{}", path.replace('.', "/"));
        let Some(value) = settings.pointer(&pointer) else {
            continue;
        };
        let (table, key) = path.rsplit_once('.').unwrap_or(("", path));
        match (kind, value.as_object()) {
            (Kind::Map, Some(map)) if map.is_empty() => {}
            (Kind::Map, Some(map)) => {
                open = path;
                // Writing to a String cannot fail.
                let _ = writeln!(text, "\n[{path}]");
                for (key, value) in map {
                    let _ = writeln!(text, "{key} = {}", inline(value));
                }
            }
            _ => {
                if table != open {
                    open = table;
                    let _ = writeln!(text, "\n[{table}]");
                }
                let _ = writeln!(text, "{key} = {}", inline(value));
            }
        }
    }
    text
}

/// A value on one line.
fn inline(value: &Value) -> String {
    // A value that came from a tenant file can be written into one.
    toml::Value::try_from(value).map_or_else(|_| String::new(), |value| value.to_string())
}

fn words(span: HumanDuration) -> String {
    let seconds = span.duration().as_secs();
    let (count, unit) = [(86_400, "day"), (3_600, "hour"), (60, "minute")]
        .into_iter()
        .find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit))
        .map_or((seconds, "second"), |(unit, name)| (seconds / unit, name));
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// What a key may hold.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Switch,
    Length,
    Texts,
    /// A table whose keys the operator chooses.
    Map,
    OneOf(&'static [&'static str]),
}

/// Every key of the tenant file (docs/tenant-file.md). A test compares it with the type that is read.
const KEYS: [(&str, Kind); 30] = [
    ("tenant", Kind::Text),
    ("enabled", Kind::Switch),
    (
        "language",
        Kind::OneOf(&["en", "fr", "de", "es", "it", "pt", "nl"]),
    ),
    (
        "rescue.account",
        Kind::OneOf(&["global", "eu", "enterprise"]),
    ),
    ("rescue.base_url", Kind::Text),
    ("rescue.company_id", Kind::Text),
    ("rescue.require_console", Kind::Switch),
    ("rescue.technician_domains", Kind::Texts),
    ("servicenow.instance", Kind::Text),
    ("servicenow.allow_host", Kind::Text),
    (
        "servicenow.grant",
        Kind::OneOf(&["refresh_token", "password", "client_credentials"]),
    ),
    ("servicenow.client_id", Kind::Text),
    ("servicenow.service_account", Kind::Text),
    ("servicenow.refresh_token_lifetime", Kind::Length),
    (
        "sessions.publish",
        Kind::OneOf(&["all", "selected", "none"]),
    ),
    ("sessions.fields", Kind::Texts),
    (
        "sessions.chat",
        Kind::OneOf(&["note", "attachment", "omit"]),
    ),
    (
        "sessions.console_sessions",
        Kind::OneOf(&["ignore", "incident", "case"]),
    ),
    (
        "sessions.closed_records",
        Kind::OneOf(&["note", "reopen", "new"]),
    ),
    ("sessions.reference_fields", Kind::Texts),
    ("sessions.require_signed_tracking", Kind::Switch),
    ("sessions.reauthorization_wait", Kind::Length),
    ("sessions.columns", Kind::Map),
    ("sessions.new_record.caller_field", Kind::Text),
    ("sessions.new_record.columns", Kind::Map),
    ("notifications.email_technician", Kind::Switch),
    ("notifications.email_customer", Kind::Switch),
    ("notifications.pin_note", Kind::Switch),
    ("debug.logging", Kind::Switch),
    ("debug.rescue_api", Kind::Switch),
];

/// The tables that hold them.
const TABLES: [&str; 6] = [
    "rescue",
    "servicenow",
    "sessions",
    "sessions.new_record",
    "notifications",
    "debug",
];

/// Columns that the connector writes itself, or that would break how it finds a record again.
const OWN_COLUMNS: [&str; 4] = ["work_notes", "comments", "number", "correlation_id"];

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

struct Check<'a> {
    text: &'a str,
    document: &'a DeTable<'a>,
    allow_loopback: bool,
    faults: Vec<SyntaxFault>,
}

type Found<'a> = (Range<usize>, &'a str);

impl<'a> Check<'a> {
    fn fault(&mut self, at: &Range<usize>, key: &str, message: impl AsRef<str>) {
        self.faults
            .push(fault(self.text, at, key, message.as_ref()));
    }

    fn keys_and_types(&mut self, table: &'a DeTable<'a>, prefix: &str) {
        for (key, value) in table {
            let path = join(prefix, key.get_ref());
            let at = value.span();
            let is_table = TABLES.contains(&path.as_str());
            let kind = KEYS.iter().find(|(known, _)| *known == path);
            match (value.get_ref(), kind) {
                (DeValue::Table(inner), _) if is_table => self.keys_and_types(inner, &path),
                (_, _) if is_table => self.fault(&at, &path, "must be a table"),
                (value, Some((_, kind))) => self.kind(&at, &path, value, *kind),
                (_, None) => {
                    let hint = nearest(&path).map(|known| format!("; did you mean {known}?"));
                    let message = format!("unknown key{}", hint.unwrap_or_default());
                    self.fault(&key.span(), &path, message);
                }
            }
        }
    }

    fn kind(&mut self, at: &Range<usize>, path: &str, value: &DeValue<'_>, kind: Kind) {
        let message = match (kind, value) {
            (Kind::Text, DeValue::String(_))
            | (Kind::Switch, DeValue::Boolean(_))
            | (Kind::Map, DeValue::Table(_)) => None,
            (Kind::Text, _) => Some("must be a text in quotes".to_owned()),
            (Kind::Switch, _) => Some("must be true or false".to_owned()),
            (Kind::Map, _) => Some("must be a table".to_owned()),
            (Kind::OneOf(known), DeValue::String(text)) if known.contains(&text.as_ref()) => None,
            (Kind::OneOf(known), _) => Some(format!("must be one of {}", known.join(", "))),
            (Kind::Length, DeValue::String(text)) if length(text).is_some() => None,
            (Kind::Length, _) => Some("must be a length of time such as \"13 days\"".to_owned()),
            (Kind::Texts, DeValue::Array(entries)) => {
                for entry in entries.iter().filter(|entry| !entry.get_ref().is_str()) {
                    self.fault(&entry.span(), path, "each entry must be a text in quotes");
                }
                None
            }
            (Kind::Texts, _) => Some("must be a list of texts: [\"…\", \"…\"]".to_owned()),
        };
        if let Some(message) = message {
            self.fault(at, path, message);
        }
    }

    fn required(&mut self) {
        for path in [
            "tenant",
            "rescue.company_id",
            "servicenow.instance",
            "servicenow.client_id",
        ] {
            if self.value(path).is_none() {
                self.missing(path, "is missing");
            }
        }
        if let Some((at, text)) = self.text_at("tenant")
            && TenantId::parse(text).is_none()
        {
            self.fault(&at, "tenant", "must be 2 to 40 of a-z 0-9 -");
        }
    }

    fn rescue(&mut self) {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if let Some((at, text)) = self.text_at("rescue.company_id")
            && !digits(text)
        {
            self.fault(&at, "rescue.company_id", "must be digits only");
        }
        if let Some((at, text)) = self.text_at("rescue.base_url")
            && let Err(error) = Host::parse(text, self.allow_loopback)
        {
            self.fault(&at, "rescue.base_url", error.to_string());
        }
        for (at, domain) in self.texts_at("rescue.technician_domains") {
            if !is_domain(domain) {
                let message = format!("{domain:?} is not a domain such as acme.test");
                self.fault(&at, "rescue.technician_domains", message);
            }
        }
    }

    fn servicenow(&mut self) {
        let allow_host = self.text_at("servicenow.allow_host");
        if let Some((at, host)) = &allow_host
            && !is_host(host)
        {
            let message = "must be a host alone, without https:// and port";
            self.fault(at, "servicenow.allow_host", message);
        }
        if let Some((at, instance)) = self.text_at("servicenow.instance")
            && let Err(error) = Instance::parse(
                instance,
                allow_host.as_ref().map(|(_, host)| *host),
                self.allow_loopback,
            )
        {
            self.fault(&at, "servicenow.instance", error.to_string());
        }
        if let Some((at, "")) = self.trimmed("servicenow.client_id") {
            let message = "must be the client id of the Application Registry record";
            self.fault(&at, "servicenow.client_id", message);
        }
        if let Some((at, "password")) = self.text_at("servicenow.grant")
            && self
                .trimmed("servicenow.service_account")
                .is_none_or(|(_, account)| account.is_empty())
        {
            let message = "the password grant needs a service_account";
            self.fault(&at, "servicenow.grant", message);
        }
        let lifetime = "servicenow.refresh_token_lifetime";
        self.between(lifetime, HOUR, 3_650 * DAY, "must be 1 hour to 3650 days");
    }

    fn sessions(&mut self) {
        let fields = self.texts_at("sessions.fields");
        if let Some((at, "selected")) = self.text_at("sessions.publish")
            && fields.is_empty()
        {
            let message = "\"selected\" needs fields = [\"…\"]: the Post-to-URL variables to write";
            self.fault(&at, "sessions.publish", message);
        }
        for path in ["sessions.fields", "sessions.reference_fields"] {
            for (at, name) in self.texts_at(path) {
                self.variable(&at, path, name);
            }
        }
        let path = "sessions.new_record.caller_field";
        if let Some((at, name)) = self.text_at(path) {
            self.variable(&at, path, name);
        }
        self.between(
            "sessions.reauthorization_wait",
            HOUR,
            13 * DAY,
            "must be 1 hour to 13 days: the queue keeps messages for 14",
        );
        for (key, value) in self.map_at("sessions.columns") {
            let path = join("sessions.columns", key.get_ref());
            self.variable(&key.span(), &path, key.get_ref());
            match value.get_ref().as_str() {
                Some(column) => self.column(&value.span(), &path, column),
                None => self.fault(&value.span(), &path, "must be a column's name in quotes"),
            }
        }
        for (key, value) in self.map_at("sessions.new_record.columns") {
            let path = join("sessions.new_record.columns", key.get_ref());
            self.column(&key.span(), &path, key.get_ref());
            if !value.get_ref().is_str() {
                self.fault(&value.span(), &path, "must be a text in quotes");
            }
        }
    }

    /// Rescue may post variables that its documentation does not list, so any plausible name is taken.
    fn variable(&mut self, at: &Range<usize>, path: &str, name: &str) {
        let mut bytes = name.bytes();
        let plausible = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
            && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && name.len() <= 64;
        if documented_name(name).is_none() && !plausible {
            let message = format!("{name:?} is not a Post-to-URL variable such as CField1");
            self.fault(at, path, message);
        }
    }

    fn column(&mut self, at: &Range<usize>, path: &str, column: &str) {
        let mut bytes = column.bytes();
        let well_formed = bytes.next().is_some_and(|b| b.is_ascii_lowercase())
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let message = if !well_formed {
            format!("{column:?} is not a column's name: a-z, then a-z 0-9 _")
        } else if column.starts_with("sys_") {
            format!("{column} is ServiceNow's own column")
        } else if OWN_COLUMNS.contains(&column) {
            format!("{column} is written by the connector alone")
        } else {
            return;
        };
        self.fault(at, path, message);
    }

    fn between(&mut self, path: &str, least: u64, most: u64, message: &str) {
        if let Some((at, text)) = self.text_at(path)
            && let Some(span) = length(text)
            && !(least..=most).contains(&span.duration().as_secs())
        {
            self.fault(&at, path, message);
        }
    }

    /// A fault about a key that is not there, at the nearest table that is.
    fn missing(&mut self, path: &str, message: &str) {
        let table = path.rsplit_once('.').map_or("", |(table, _)| table);
        let at = self.value(table).map_or(0..0, Spanned::span);
        self.fault(&at, path, message);
    }

    fn value(&self, path: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        let mut keys = path.split('.');
        let mut value = self.document.get(keys.next()?)?;
        for key in keys {
            value = value.get_ref().as_table()?.get(key)?;
        }
        Some(value)
    }

    fn text_at(&self, path: &str) -> Option<Found<'a>> {
        let value = self.value(path)?;
        Some((value.span(), value.get_ref().as_str()?))
    }

    fn trimmed(&self, path: &str) -> Option<Found<'a>> {
        self.text_at(path).map(|(at, text)| (at, text.trim()))
    }

    fn texts_at(&self, path: &str) -> Vec<Found<'a>> {
        let entries = self
            .value(path)
            .and_then(|value| value.get_ref().as_array());
        entries
            .into_iter()
            .flat_map(|entries| entries.iter())
            .filter_map(|entry| Some((entry.span(), entry.get_ref().as_str()?)))
            .collect()
    }

    fn map_at(&self, path: &str) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        self.value(path)
            .and_then(|value| value.get_ref().as_table())
            .into_iter()
            .flatten()
    }
}

type Entry<'a> = (
    &'a Spanned<std::borrow::Cow<'a, str>>,
    &'a Spanned<DeValue<'a>>,
);

fn fault(text: &str, at: &Range<usize>, key: &str, message: &str) -> SyntaxFault {
    let before = text.get(..at.start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    SyntaxFault {
        line: before.matches('\n').count() + 1,
        column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        key: key.to_owned(),
        message: message.to_owned(),
    }
}

fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() {
        key.to_owned()
    } else {
        format!("{prefix}.{key}")
    }
}

/// The known key that was probably meant: the closest spelling, first among those of the same last name.
fn nearest(path: &str) -> Option<&'static str> {
    let last = |path: &str| path.rsplit('.').next().map(str::to_owned);
    let known = || KEYS.iter().map(|(known, _)| *known).chain(TABLES);
    if let Some(moved) = known().find(|known| last(known) == last(path)) {
        return Some(moved);
    }
    known()
        .map(|known| (strsim::osa_distance(known, path), known))
        .filter(|(distance, _)| *distance <= 3)
        .min()
        .map(|(_, known)| known)
}

/// A length of time as people write it.
pub(crate) fn length(text: &str) -> Option<HumanDuration> {
    serde_json::from_value(Value::String(text.to_owned())).ok()
}

fn is_host(text: &str) -> bool {
    Url::parse(&format!("https://{text}"))
        .is_ok_and(|url| is_host_only(&url) && url.port().is_none())
        && !text.contains(['/', ':', '@'])
}

fn is_host_only(url: &Url) -> bool {
    url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
}

fn is_domain(text: &str) -> bool {
    text.contains('.')
        && text.split('.').all(|label| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use shared::domain::tenant::{Chat, Grant, Publish};

    use super::*;

    const EXAMPLE: &str = include_str!("../fixtures/acme.toml");

    const SMALLEST: &str = "tenant = \"acme\"\n\
        [rescue]\n\
        company_id = \"112938\"\n\
        [servicenow]\n\
        instance = \"https://acme.service-now.com\"\n\
        client_id = \"abc\"\n";

    fn faults(text: &str) -> Vec<(usize, String, String)> {
        parse(text, false)
            .expect_err(text)
            .0
            .into_iter()
            .map(|fault| (fault.line, fault.key, fault.message))
            .collect()
    }

    fn only_fault(text: &str) -> (usize, String, String) {
        let mut faults = faults(text);
        assert_eq!(faults.len(), 1, "{text}\n{faults:?}");
        faults.remove(0)
    }

    fn with(line: &str, table: &str) -> String {
        if SMALLEST.contains(&format!("[{table}]\n")) {
            SMALLEST.replace(&format!("[{table}]\n"), &format!("[{table}]\n{line}\n"))
        } else {
            format!("{SMALLEST}[{table}]\n{line}\n")
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_named() {
        for (text, words) in [
            (
                "tenant = \"a1\"\ntenant = \"a2\"\n",
                "line 2, column 1: duplicate key tenant;",
            ),
            (
                "[rescue]\ncompany_id = \"1\"\ncompany_id = \"2\"\n",
                "duplicate key company_id;",
            ),
            ("[rescue]\n[rescue]\n", "duplicate key rescue;"),
        ] {
            let faults = parse(text, false).expect_err("a fault").to_string();
            assert!(faults.contains(words), "{words}: {faults}");
        }
    }

    #[test]
    fn the_example_of_the_design_is_read() {
        let file = parse(EXAMPLE, false).expect("no fault");
        assert_eq!(file.tenant.as_str(), "acme");
        assert_eq!(file.rescue.company_id, "112938");
        assert_eq!(file.servicenow.grant, Grant::RefreshToken);
        assert_eq!(file.sessions.publish, Publish::All);
        assert_eq!(file.sessions.chat, Chat::Note);
        let wait = file.sessions.reauthorization_wait.duration();
        assert_eq!(wait, Duration::from_secs(13 * DAY));
    }

    #[test]
    fn what_is_left_out_has_the_defaults_of_the_example() {
        let (smallest, example) = (parse(SMALLEST, false), parse(EXAMPLE, false));
        let (mut smallest, example) = (smallest.expect("no fault"), example.expect("no fault"));
        smallest.servicenow.client_id = example.servicenow.client_id.clone();
        smallest.servicenow.service_account = example.servicenow.service_account.clone();
        assert_eq!(smallest, example);
    }

    #[test]
    fn a_tenant_file_that_was_written_reads_back_the_same() {
        let full = format!(
            "{}\n[sessions]\npublish = \"selected\"\nfields = [\"Notes\", \"CField7\"]\n\
             reauthorization_wait = \"36h\"\n\
             [sessions.columns]\nWorkTime = \"time_worked\"\n\
             [sessions.new_record]\ncaller_field = \"CField2\"\ncolumns = {{ category = \"software\" }}\n",
            SMALLEST.replace(
                "[rescue]",
                "[rescue]\nbase_url = \"https://rescue.acme.test\""
            )
        );
        for text in [EXAMPLE, SMALLEST, &full] {
            let file = parse(text, false).expect("no fault");
            assert_eq!(parse(&to_toml(&file), false), Ok(file));
        }
        let written = to_toml(&parse(&full, false).expect("no fault"));
        assert!(
            written.starts_with("tenant = \"acme\"\nenabled = true\n"),
            "{written}"
        );
        assert!(
            written.contains("\n[sessions.new_record]\ncaller_field = \"CField2\"\n"),
            "{written}"
        );
        let file = parse(&full, false).expect("no fault");
        assert_eq!(
            settings(&file)["sessions"]["reauthorization_wait"],
            "36 hours"
        );
        assert_eq!(
            settings(&file)["servicenow"]["refresh_token_lifetime"],
            "100 days"
        );
    }

    #[test]
    fn the_known_keys_are_those_of_the_type_that_is_read() {
        let file: TenantFile = toml::from_str(&format!(
            "{}\n[sessions.new_record]\ncaller_field = \"CField2\"\n",
            SMALLEST
                .replace(
                    "[rescue]",
                    "[rescue]\nbase_url = \"https://rescue.acme.test\""
                )
                .replace(
                    "[servicenow]",
                    "[servicenow]\nallow_host = \"tickets.acme.test\""
                )
        ))
        .expect("valid");
        let mut of_the_type = Vec::new();
        let mut open = vec![(String::new(), settings(&file))];
        while let Some((path, value)) = open.pop() {
            match value.as_object() {
                Some(table) if !path.ends_with("columns") => open.extend(
                    table
                        .iter()
                        .map(|(key, value)| (join(&path, key), value.clone())),
                ),
                _ => of_the_type.push(path),
            }
        }
        let mut known: Vec<String> = KEYS.iter().map(|(known, _)| (*known).to_owned()).collect();
        of_the_type.sort();
        known.sort();
        assert_eq!(known, of_the_type);
    }

    #[test]
    fn every_accepted_word_is_one_that_the_type_reads() {
        for (path, kind) in KEYS {
            let Kind::OneOf(words) = kind else { continue };
            for word in words {
                let mut document: Value = settings(&parse(SMALLEST, false).expect("no fault"));
                let pointer = format!("/{}", path.replace('.', "/"));
                *document.pointer_mut(&pointer).expect("has a default") = json!(word);
                let read = serde_json::from_value::<TenantFile>(document);
                assert!(read.is_ok(), "{path} = {word}: {read:?}");
            }
        }
    }

    #[test]
    fn a_file_that_is_no_toml_is_pointed_at() {
        let faults = parse("tenant = \"acme\"\nlanguage = = \"en\"\n", false);
        let fault = faults.expect_err("no TOML").0.remove(0);
        assert_eq!((fault.line, fault.column), (2, 12));
    }

    #[test]
    fn an_unknown_key_is_refused_and_the_nearest_one_named() {
        let (line, key, message) = only_fault(&with("acount = \"eu\"", "rescue"));
        assert_eq!((line, key.as_str()), (3, "rescue.acount"));
        assert_eq!(message, "unknown key; did you mean rescue.account?");
        let (_, _, message) = only_fault(&with("instance = \"x\"", "rescue"));
        assert_eq!(message, "unknown key; did you mean servicenow.instance?");
        let (line, key, message) = only_fault(&with("a = 1", "whatever"));
        assert_eq!((line, key.as_str()), (7, "whatever"));
        assert_eq!(message, "unknown key");
    }

    #[test]
    fn all_faults_are_named_at_once_in_the_order_of_the_lines() {
        let text = "tenant = \"ACME\"\n\
            enabled = \"yes\"\n\
            [rescue]\n\
            company_id = 112938\n\
            [servicenow]\n\
            instance = \"http://acme.service-now.com/x\"\n\
            grant = \"password\"\n\
            refresh_token_lifetime = \"soon\"\n\
            [sessions]\n\
            publish = \"selected\"\n\
            [sessions.columns]\n\
            WorkTime = \"sys_created_on\"\n";
        let found: Vec<(usize, String)> = faults(text)
            .into_iter()
            .map(|(line, key, _)| (line, key))
            .collect();
        let expected = [
            (1, "tenant"),
            (2, "enabled"),
            (4, "rescue.company_id"),
            (5, "servicenow.client_id"),
            (6, "servicenow.instance"),
            (7, "servicenow.grant"),
            (8, "servicenow.refresh_token_lifetime"),
            (10, "sessions.publish"),
            (12, "sessions.columns.WorkTime"),
        ]
        .map(|(line, key)| (line, key.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_missing_table_is_one_fault_per_setting_that_it_must_hold() {
        let keys: Vec<String> = faults("tenant = \"acme\"\n")
            .into_iter()
            .map(|(_, key, _)| key)
            .collect();
        let missing = [
            "rescue.company_id",
            "servicenow.instance",
            "servicenow.client_id",
        ];
        assert_eq!(keys, missing);
    }

    #[test]
    fn each_rule_names_its_key_and_line() {
        for (table, line, key, says) in [
            (
                "rescue",
                "base_url = \"http://rescue.acme.test\"",
                "rescue.base_url",
                "https",
            ),
            (
                "rescue",
                "base_url = \"https://a.test/x\"",
                "rescue.base_url",
                "host",
            ),
            (
                "rescue",
                "technician_domains = [\"@acme.test\"]",
                "rescue.technician_domains",
                "domain",
            ),
            (
                "rescue",
                "technician_domains = \"acme.test\"",
                "rescue.technician_domains",
                "list",
            ),
            (
                "servicenow",
                "allow_host = \"https://a.test\"",
                "servicenow.allow_host",
                "host alone",
            ),
            (
                "servicenow",
                "grant = \"implicit\"",
                "servicenow.grant",
                "one of",
            ),
            (
                "servicenow",
                "grant = \"password\"",
                "servicenow.grant",
                "service_account",
            ),
            (
                "servicenow",
                "refresh_token_lifetime = \"59m\"",
                "servicenow.refresh_token_lifetime",
                "1 hour",
            ),
            (
                "sessions",
                "reauthorization_wait = \"14 days\"",
                "sessions.reauthorization_wait",
                "13 days",
            ),
            (
                "sessions",
                "publish = \"selected\"",
                "sessions.publish",
                "fields",
            ),
            (
                "sessions",
                "fields = [\"C Field\"]",
                "sessions.fields",
                "variable",
            ),
            ("sessions", "fields = [1]", "sessions.fields", "text"),
            (
                "sessions",
                "reference_fields = [\"a^b\"]",
                "sessions.reference_fields",
                "variable",
            ),
            (
                "sessions.columns",
                "WorkTime = \"Time\"",
                "sessions.columns.WorkTime",
                "column",
            ),
            (
                "sessions.columns",
                "WorkTime = 1",
                "sessions.columns.WorkTime",
                "quotes",
            ),
            (
                "sessions.columns",
                "Notes = \"work_notes\"",
                "sessions.columns.Notes",
                "connector",
            ),
            (
                "sessions.new_record",
                "caller_field = \"\"",
                "sessions.new_record.caller_field",
                "variable",
            ),
            (
                "sessions.new_record",
                "columns = { correlation_id = \"x\" }",
                "sessions.new_record.columns.correlation_id",
                "connector",
            ),
            (
                "sessions.new_record",
                "columns = { impact = 1 }",
                "sessions.new_record.columns.impact",
                "quotes",
            ),
            (
                "notifications",
                "pin_note = 1",
                "notifications.pin_note",
                "true or false",
            ),
        ] {
            let text = with(line, table);
            let (found, found_key, message) = only_fault(&text);
            assert_eq!(found_key, key, "{line}");
            assert!(message.contains(says), "{line}: {message}");
            let expected = text.lines().position(|l| l == line).map(|i| i + 1);
            assert_eq!(Some(found), expected, "{line}");
        }
    }

    #[test]
    fn a_host_outside_the_servicenow_domains_has_to_be_allowed_by_name() {
        let foreign = SMALLEST.replace("acme.service-now.com", "tickets.acme.test");
        let (line, key, message) = only_fault(&foreign);
        assert_eq!((line, key.as_str()), (5, "servicenow.instance"));
        assert!(
            message.contains("allow_host = \"tickets.acme.test\""),
            "{message}"
        );
        let allowed = foreign.replace("client_id", "allow_host = \"tickets.acme.test\"\nclient_id");
        assert!(parse(&allowed, false).is_ok());
    }

    #[test]
    fn this_machine_is_an_instance_for_tests_only() {
        let text = SMALLEST
            .replace("https://acme.service-now.com", "http://127.0.0.1:9000")
            .replace("[rescue]", "[rescue]\nbase_url = \"http://127.0.0.1:9001\"");
        assert_eq!(faults(&text).len(), 2);
        assert!(parse(&text, true).is_ok());
    }
}
