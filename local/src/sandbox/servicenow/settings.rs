//! The tenant's settings: read from the connector, and saved through it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use askama::Template;
use axum::extract::State;
use serde_json::{Map, Value, json};
use shared::settings::{KEYS, ValueKind};

use super::reading::Reading;
use super::sentences::{self, Refusal, read};
use super::{PANEL, Tab, label, tabs};
use crate::app::{Answer, App};
use crate::cloud::Cloud;
use crate::lock::lock;
use crate::multicall::MulticallError;
use crate::sandbox::Sandbox;
use crate::sandbox::action::{Done, Fields, Outcome, Refused};
use crate::sandbox::panel::{Panel, Selection};

pub(super) const VIEW: &str = "settings";

/// The field of the form that holds the version of the settings it shows.
const TAG: &str = "etag";

/// What decides about the content of a note stands first in the form.
const NOTE: [&str; 4] = [
    "/sessions/publish",
    "/sessions/fields",
    "/sessions/chat",
    "/language",
];

/// Each language's code and its own name.
const LANGUAGES: [(&str, &str); 7] = [
    ("en", "English"),
    ("fr", "Français"),
    ("de", "Deutsch"),
    ("es", "Español"),
    ("it", "Italiano"),
    ("pt", "Português"),
    ("nl", "Nederlands"),
];

/// What the view remembers.
pub(super) struct Settings {
    pub(super) reading: Arc<Reading>,
    /// Why the last save was refused.
    refused: Mutex<Option<Refusal>>,
}

impl Settings {
    pub(super) fn new(cloud: &Cloud, app: &App) -> Self {
        Self {
            reading: Reading::new(cloud, app, "settings"),
            refused: Mutex::default(),
        }
    }

    /// Reads the settings now; what was refused before no longer counts.
    pub(super) async fn read_again(&self) {
        self.reading.again().await;
        *lock(&self.refused) = None;
    }
}

#[derive(Template)]
#[template(path = "sandbox/servicenow/settings.html")]
struct View {
    tabs: Vec<Tab>,
    settings: Option<Result<Shown, Refusal>>,
    command: String,
    refused: Option<Refusal>,
}

struct Shown {
    tag: String,
    managed_by: String,
    /// Name, and whether it is set.
    secrets: Vec<(String, bool)>,
    sections: Vec<Section>,
    save_command: String,
}

struct Section {
    title: String,
    fields: Vec<Field>,
}

struct Field {
    id: String,
    setting: Setting,
    label: String,
    /// Values to choose from, with their texts.
    options: Vec<(&'static str, &'static str)>,
    /// What the connector says against the value that was sent last.
    error: Option<String>,
}

/// A setting that is no table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    /// Where it stands in the settings, as a JSON pointer.
    pointer: String,
    value: Value,
}

pub(super) fn panel(sandbox: &Sandbox, selection: &Selection) -> Result<Panel, MulticallError> {
    let settings = &sandbox.servicenow.settings;
    let refused = lock(&settings.refused).clone();
    let latest = settings.reading.latest();
    let latest =
        latest.map(|answer| answer.map(|answer| shown(sandbox, &answer, refused.as_ref())));
    let view = View {
        tabs: tabs(sandbox, selection),
        settings: latest,
        command: sandbox.app.get_command("settings"),
        refused,
    };
    Ok(Panel::render(PANEL, &view)?)
}

fn shown(sandbox: &Sandbox, answer: &Answer, refused: Option<&Refusal>) -> Shown {
    let body = answer.body();
    let tag = answer.header("etag").unwrap_or_default().to_owned();
    let errors = refused.map_or(&[][..], |refusal| &refusal.errors);
    let mut sections: Vec<Section> = Vec::new();
    for setting in all(&body["settings"]) {
        let (path, name) = setting.pointer.rsplit_once('/').unwrap_or_default();
        let title = match path {
            _ if NOTE.contains(&&*setting.pointer) => "What the note contains".to_owned(),
            "" => "Tenant".to_owned(),
            "/servicenow" => "ServiceNow".to_owned(),
            path => path[1..]
                .split('/')
                .map(label)
                .collect::<Vec<_>>()
                .join(": "),
        };
        let is_about = |pointer: &str| {
            let rest = pointer.strip_prefix(&setting.pointer);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let error = errors.iter().find(|(pointer, _)| is_about(pointer));
        let field = Field {
            id: setting.pointer.replace('/', "-"),
            label: sentences::setting(&setting.pointer).unwrap_or_else(|| label(name)),
            options: match kind(&setting) {
                _ if setting.pointer == "/language" => LANGUAGES.to_vec(),
                Some(ValueKind::OneOf(options)) => options.iter().map(|one| (*one, *one)).collect(),
                _ if setting.value.is_boolean() => vec![("true", "on"), ("false", "off")],
                _ => Vec::new(),
            },
            error: error.map(|(_, detail)| detail.clone()),
            setting,
        };
        match sections.iter_mut().find(|section| section.title == title) {
            Some(section) => section.fields.push(field),
            None => sections.push(Section {
                title,
                fields: vec![field],
            }),
        }
    }
    let secrets = body["secrets"].as_object().into_iter().flatten();
    let example = json!({"language": body["settings"]["language"]});
    Shown {
        save_command: sandbox.app.patch_command(&tag, &example),
        tag,
        managed_by: match body["managed_by"].as_str() {
            Some("file") => "a tenant file".to_owned(),
            _ => "ServiceNow".to_owned(),
        },
        secrets: secrets
            .map(|(name, state)| {
                let label = sentences::setting(name);
                (label.unwrap_or_else(|| name.clone()), state["set"] == true)
            })
            .collect(),
        sections,
    }
}

fn kind(setting: &Setting) -> Option<ValueKind> {
    KEYS.get(place(setting)).map(|(_, kind)| *kind)
}

/// Its index in [`KEYS`]; behind them for an unknown one.
fn place(setting: &Setting) -> usize {
    let path = setting.pointer.replace('/', ".");
    let place = KEYS.iter().position(|(known, _)| path[1..] == **known);
    place.unwrap_or(KEYS.len())
}

/// Every setting of a document, those of [`NOTE`] first, then in the order of [`KEYS`]; the tables of [`KEYS`] are opened, and maps
/// of a tenant's own keys are one value.
fn all(document: &Value) -> Vec<Setting> {
    fn add(pointer: &str, table: &Map<String, Value>, settings: &mut Vec<Setting>) {
        for (name, value) in table {
            let setting = Setting {
                pointer: format!("{pointer}/{name}"),
                value: value.clone(),
            };
            match (value, kind(&setting)) {
                (Value::Object(inner), None) => add(&setting.pointer, inner, settings),
                _ => settings.push(setting),
            }
        }
    }
    let mut settings = Vec::new();
    if let Some(document) = document.as_object() {
        add("", document, &mut settings);
    }
    settings.sort_by_key(|setting| {
        let in_note = NOTE.iter().position(|one| *one == setting.pointer);
        (in_note.unwrap_or(NOTE.len()), place(setting))
    });
    settings
}

impl Setting {
    /// Whether the form changes it.
    fn is_editable(&self) -> bool {
        !self.value.is_object() && self.pointer != "/tenant"
    }

    /// Its value in a field.
    fn text(&self) -> String {
        match &self.value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Array(items) => {
                let texts = items.iter().filter_map(Value::as_str);
                texts.collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        }
    }

    /// The value that a field's text means; an empty text is the setting's default.
    fn parsed(&self, text: &str) -> Value {
        let text = text.trim();
        match &self.value {
            Value::Array(_) => {
                let items = text.split([',', ';']).map(str::trim);
                json!(items.filter(|item| !item.is_empty()).collect::<Vec<_>>())
            }
            Value::Bool(_) => json!(text == "true"),
            Value::Number(_) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
            _ if text.is_empty() => Value::Null,
            _ => json!(text),
        }
    }
}

/// The merge patch of what differs in the fields of the form.
fn patch(document: &Value, fields: &BTreeMap<String, String>) -> Value {
    let mut patch = json!({});
    for setting in all(document).iter().filter(|setting| setting.is_editable()) {
        let field = fields.get(&setting.pointer);
        if let Some(text) = field.filter(|text| text.trim() != setting.text()) {
            let mut place = &mut patch;
            for name in setting.pointer.split('/').skip(1) {
                place = &mut place[name];
            }
            *place = setting.parsed(text);
        }
    }
    patch
}

/// Saves the settings that differ, as the app does (`RescueSettings.save`).
pub(super) async fn save(
    State(sandbox): State<Arc<Sandbox>>,
    Fields(fields): Fields<BTreeMap<String, String>>,
) -> Outcome {
    let settings = &sandbox.servicenow.settings;
    let Some(Ok(shown)) = settings.reading.latest() else {
        return Err(Refused::input("The settings are not read yet. Try again."));
    };
    let tag = fields.get(TAG).map(String::as_str).unwrap_or_default();
    let patch = patch(&shown.body()["settings"], &fields);
    let answer = read(sandbox.app.patch(tag, &patch).await);
    *lock(&settings.refused) = answer.as_ref().err().cloned();
    let outcome = match answer {
        Ok(answer) => {
            settings.reading.changed(answer);
            Ok(Done::new("Saved. It takes effect within a minute."))
        }
        Err(refusal) if refusal.code == "settings-changed" => {
            settings.reading.again().await;
            Err(Refused::outdated(refusal.summary))
        }
        Err(refusal) => Err(Refused::input(refusal.summary)),
    };
    sandbox.changed();
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        json!({
            "enabled": true,
            "language": "en",
            "sessions": {
                "publish": "all",
                "fields": ["Notes"],
                "session_table": null,
                "new_record": {"columns": {"category": "software"}, "caller_field": "CField2"},
            },
            "tables": {"problem": {}},
            "tenant": "demo",
        })
    }

    #[test]
    fn a_save_sends_what_differs_and_nothing_else() {
        let fields = [
            ("etag", "\"7\""),
            ("/enabled", "false"),
            ("/language", "en"),
            ("/sessions/fields", "Notes, CField1"),
            ("/sessions/session_table", "x_rescue_conn_session"),
            ("/sessions/new_record/caller_field", ""),
            ("/sessions/new_record/columns", "{}"),
            ("/tenant", "other"),
            ("/unknown", "x"),
        ];
        let fields = fields.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(
            patch(&document(), &fields.into()),
            json!({
                "enabled": false,
                "sessions": {
                    "fields": ["Notes", "CField1"],
                    "session_table": "x_rescue_conn_session",
                    "new_record": {"caller_field": null},
                },
            })
        );
        assert_eq!(patch(&document(), &BTreeMap::new()), json!({}));
    }

    #[test]
    fn tables_are_opened_and_maps_of_the_tenants_own_keys_are_one_value() {
        let pointers: Vec<String> = all(&document()).into_iter().map(|s| s.pointer).collect();
        assert_eq!(
            pointers,
            [
                "/sessions/publish",
                "/sessions/fields",
                "/language",
                "/tenant",
                "/enabled",
                "/sessions/session_table",
                "/sessions/new_record/caller_field",
                "/sessions/new_record/columns",
                "/tables",
            ]
        );
    }

    #[test]
    fn each_language_has_a_name() {
        let codes = LANGUAGES.map(|(code, _)| json!(code));
        assert_eq!(json!(codes), json!(shared::domain::tenant::Language::ALL));
    }
}
