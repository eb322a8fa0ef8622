//! The rules of a tenant file.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;
use shared::domain::instance::Instance;
use shared::domain::session::documented_name;
use shared::domain::tenant::{HumanDuration, TenantId};
use shared::rescue::host::Host;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use url::Url;

use super::fault::SyntaxFault;
use super::keys::{KEYS, TABLES, ValueKind, join, nearest};

/// Columns that the connector writes itself, or by which it finds a record.
const OWN_COLUMNS: [&str; 4] = ["work_notes", "comments", "number", "correlation_id"];

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

pub(super) struct Check<'a> {
    text: &'a str,
    document: &'a DeTable<'a>,
    allow_loopback: bool,
    faults: Vec<SyntaxFault>,
}

type TextAt<'a> = (Range<usize>, &'a str);

impl<'a> Check<'a> {
    /// Every fault of the document, in the order of the rules.
    pub(super) fn faults(
        text: &'a str,
        document: &'a DeTable<'a>,
        allow_loopback: bool,
    ) -> Vec<SyntaxFault> {
        let mut check = Self {
            text,
            document,
            allow_loopback,
            faults: Vec::new(),
        };
        check.keys_and_types(document, "");
        check.required();
        check.rescue();
        check.servicenow();
        check.sessions();
        check.faults
    }

    fn fault(&mut self, at: &Range<usize>, key: &str, message: impl AsRef<str>) {
        self.faults
            .push(SyntaxFault::new(self.text, at, key, message.as_ref()));
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

    fn kind(&mut self, at: &Range<usize>, path: &str, value: &DeValue<'_>, kind: ValueKind) {
        let message = match (kind, value) {
            (ValueKind::Text, DeValue::String(_))
            | (ValueKind::Boolean, DeValue::Boolean(_))
            | (ValueKind::Map, DeValue::Table(_)) => None,
            (ValueKind::Text, _) => Some("must be a text in quotes".to_owned()),
            (ValueKind::Boolean, _) => Some("must be true or false".to_owned()),
            (ValueKind::Map, _) => Some("must be a table".to_owned()),
            (ValueKind::OneOf(known), DeValue::String(text)) if known.contains(&text.as_ref()) => {
                None
            }
            (ValueKind::OneOf(known), _) => Some(format!("must be one of {}", known.join(", "))),
            (ValueKind::Duration, DeValue::String(text)) if duration(text).is_some() => None,
            (ValueKind::Duration, _) => Some("must be a duration such as \"13 days\"".to_owned()),
            (ValueKind::Texts, DeValue::Array(entries)) => {
                for entry in entries.iter().filter(|entry| !entry.get_ref().is_str()) {
                    self.fault(&entry.span(), path, "each entry must be a text in quotes");
                }
                None
            }
            (ValueKind::Texts, _) => Some("must be a list of texts: [\"…\", \"…\"]".to_owned()),
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
            && let Some(span) = duration(text)
            && !(least..=most).contains(&span.duration().as_secs())
        {
            self.fault(&at, path, message);
        }
    }

    /// A missing key is a fault of the table that should hold it, or of the first line.
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

    fn text_at(&self, path: &str) -> Option<TextAt<'a>> {
        let value = self.value(path)?;
        Some((value.span(), value.get_ref().as_str()?))
    }

    fn trimmed(&self, path: &str) -> Option<TextAt<'a>> {
        self.text_at(path).map(|(at, text)| (at, text.trim()))
    }

    fn texts_at(&self, path: &str) -> Vec<TextAt<'a>> {
        let entries = self
            .value(path)
            .and_then(|value| value.get_ref().as_array());
        entries
            .into_iter()
            .flat_map(|entries| entries.iter())
            .filter_map(|entry| Some((entry.span(), entry.get_ref().as_str()?)))
            .collect()
    }

    fn map_at(&self, path: &str) -> impl Iterator<Item = MapEntry<'a>> + use<'a> {
        self.value(path)
            .and_then(|value| value.get_ref().as_table())
            .into_iter()
            .flatten()
    }
}

type MapEntry<'a> = (&'a Spanned<Cow<'a, str>>, &'a Spanned<DeValue<'a>>);

/// A duration such as `13 days`.
pub(crate) fn duration(text: &str) -> Option<HumanDuration> {
    serde_json::from_value(Value::String(text.to_owned())).ok()
}

fn is_host(text: &str) -> bool {
    let is_bare = |url: Url| {
        url.path() == "/"
            && url.port().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    Url::parse(&format!("https://{text}")).is_ok_and(is_bare) && !text.contains(['/', ':', '@'])
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
