//! The tables whose records a tenant's posts go to, and what is known of each (docs/vendors.md#tables-and-columns).

use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::record::TableName;

/// A table whose records the connector writes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordTable {
    /// Its name.
    pub name: TableName,
    /// What its record numbers start with.
    pub number_prefix: String,
    /// Its code in a signed `Tracking0`, which has room for 64 characters only.
    pub tracking_code: String,
    /// The reference column that gets the customer of a created record. Empty: none.
    pub person: String,
    /// The table in which that customer is looked up by e-mail.
    pub people: String,
    /// The states that count as closed, besides `active = false`.
    pub closed_states: Vec<String>,
    /// The state that reopens a record. Empty: none does.
    pub open_state: String,
}

/// A table that the connector knows by itself.
struct BuiltIn {
    name: &'static str,
    /// Whether every tenant works with it. The others are on where the tenant file names them.
    always_on: bool,
    number_prefix: &'static str,
    tracking_code: &'static str,
    person: &'static str,
    people: &'static str,
    closed_states: &'static [&'static str],
    open_state: &'static str,
}

const BUILT_IN: [BuiltIn; 8] = [
    BuiltIn {
        name: "incident",
        always_on: true,
        number_prefix: "INC",
        tracking_code: "inc",
        person: "caller_id",
        people: "sys_user",
        closed_states: &["6", "7", "8"],
        open_state: "2",
    },
    BuiltIn {
        name: "sn_customerservice_case",
        always_on: true,
        number_prefix: "CS",
        tracking_code: "case",
        person: "contact",
        people: "customer_contact",
        closed_states: &["3", "6", "7"],
        open_state: "10",
    },
    BuiltIn {
        name: "problem",
        always_on: false,
        number_prefix: "PRB",
        tracking_code: "prb",
        person: "opened_by",
        people: "sys_user",
        closed_states: &["106", "107"],
        open_state: "103",
    },
    BuiltIn {
        name: "change_request",
        always_on: false,
        number_prefix: "CHG",
        tracking_code: "chg",
        person: "requested_by",
        people: "sys_user",
        closed_states: &["3", "4"],
        open_state: "",
    },
    BuiltIn {
        name: "sc_req_item",
        always_on: false,
        number_prefix: "RITM",
        tracking_code: "ritm",
        person: "",
        people: "sys_user",
        closed_states: &["3", "4", "7"],
        open_state: "2",
    },
    BuiltIn {
        name: "sc_task",
        always_on: false,
        number_prefix: "SCTASK",
        tracking_code: "task",
        person: "",
        people: "sys_user",
        closed_states: &["3", "4", "7"],
        open_state: "2",
    },
    BuiltIn {
        name: "interaction",
        always_on: false,
        number_prefix: "IMS",
        tracking_code: "ims",
        person: "opened_for",
        people: "sys_user",
        closed_states: &["closed_complete", "closed_abandoned"],
        open_state: "work_in_progress",
    },
    BuiltIn {
        name: "sn_hr_core_case",
        always_on: false,
        number_prefix: "HRC",
        tracking_code: "hrc",
        person: "subject_person",
        people: "sys_user",
        closed_states: &["3", "4", "7"],
        open_state: "18",
    },
];

/// The built-in table that has this code by itself, whether it is on or not.
pub fn built_in_with_code(code: &str) -> Option<&'static str> {
    let known = BUILT_IN.iter().find(|known| known.tracking_code == code);
    known.map(|known| known.name)
}

impl BuiltIn {
    fn table(&self) -> Option<RecordTable> {
        Some(RecordTable {
            name: TableName::parse(self.name)?,
            number_prefix: self.number_prefix.to_owned(),
            tracking_code: self.tracking_code.to_owned(),
            person: self.person.to_owned(),
            people: self.people.to_owned(),
            closed_states: self
                .closed_states
                .iter()
                .copied()
                .map(str::to_owned)
                .collect(),
            open_state: self.open_state.to_owned(),
        })
    }
}

impl RecordTable {
    /// A table of which nothing but the name is known: nothing but `active = false` closes its records.
    pub fn unknown(name: TableName) -> Self {
        Self {
            name,
            number_prefix: String::new(),
            tracking_code: String::new(),
            person: String::new(),
            people: "sys_user".to_owned(),
            closed_states: Vec::new(),
            open_state: String::new(),
        }
    }

    /// Whether the connector knows the table by itself.
    pub fn is_built_in(name: &TableName) -> bool {
        BUILT_IN.iter().any(|known| known.name == name.as_str())
    }

    /// The fields of a record that lead to the people who get an e-mail about it, the first filled one first.
    pub fn recipients(&self) -> Vec<&str> {
        match self.name.as_str() {
            "sn_customerservice_case" => vec![self.person.as_str(), "consumer"],
            "sc_req_item" => vec![self.person.as_str(), "request.requested_for"],
            "sc_task" => vec![self.person.as_str(), "request_item.request.requested_for"],
            _ => vec![self.person.as_str()],
        }
        .into_iter()
        .filter(|field| !field.is_empty())
        .collect()
    }

    /// Whether a record of the table is closed. Resolved counts as closed.
    pub fn is_closed(&self, active: &str, state: &str) -> bool {
        active == "false" || self.closed_states.iter().any(|closed| closed == state)
    }

    /// The table with the settings of a tenant file; what they leave out stays.
    fn with(mut self, settings: &Value) -> Self {
        for (key, field) in [
            ("number_prefix", &mut self.number_prefix),
            ("tracking_code", &mut self.tracking_code),
            ("person", &mut self.person),
            ("people", &mut self.people),
            ("open_state", &mut self.open_state),
        ] {
            if let Some(value) = settings.get(key).and_then(Value::as_str) {
                value.clone_into(field);
            }
        }
        if let Some(states) = settings.get("closed_states").and_then(Value::as_array) {
            let states = states.iter().filter_map(Value::as_str);
            self.closed_states = states.map(str::to_owned).collect();
        }
        self
    }
}

/// The tables that a tenant works with, in the order in which a number is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RecordTables(Vec<RecordTable>);

impl Default for RecordTables {
    fn default() -> Self {
        Self::of(&Map::new())
    }
}

impl RecordTables {
    /// The built-in tables that are on, then those that the tenant file adds. `settings` are the entries of its `[tables]`.
    pub fn of(settings: &Map<String, Value>) -> Self {
        let named = settings.iter();
        let named = named.filter_map(|(name, settings)| Some((TableName::parse(name)?, settings)));
        let mut named: Vec<(TableName, &Value)> = named.collect();
        let mut tables = Vec::with_capacity(named.len() + 2);
        for known in &BUILT_IN {
            let place = named
                .iter()
                .position(|(name, _)| name.as_str() == known.name);
            match (place, known.table()) {
                (Some(place), Some(table)) => tables.push(table.with(named.remove(place).1)),
                (None, Some(table)) if known.always_on => tables.push(table),
                _ => {}
            }
        }
        let added = named.into_iter();
        tables.extend(added.map(|(name, settings)| RecordTable::unknown(name).with(settings)));
        Self(tables)
    }

    /// The table of that name.
    pub fn get(&self, name: &TableName) -> Option<&RecordTable> {
        self.iter().find(|table| table.name == *name)
    }

    /// What is known of the table of that name, also when it is none of the tenant's (any more).
    pub fn known(&self, name: &TableName) -> RecordTable {
        let built_in = || BUILT_IN.iter().find(|known| known.name == name.as_str());
        let known = self.get(name).cloned();
        let known = known.or_else(|| built_in()?.table());
        known.unwrap_or_else(|| RecordTable::unknown(name.clone()))
    }

    /// The table of that code in a signed `Tracking0`. A built-in table keeps its own code beside the one that the tenant
    /// gives it, so that earlier PINs lead to their records.
    pub fn with_code(&self, code: &str) -> Option<&RecordTable> {
        let own = || self.get(&TableName::parse(built_in_with_code(code)?)?);
        self.iter()
            .find(|table| table.tracking_code == code)
            .or_else(own)
    }

    /// The tables, one after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, RecordTable> {
        self.0.iter()
    }

    /// Their names, for people.
    pub fn names(&self) -> String {
        let names: Vec<_> = self.iter().map(|table| table.name.as_str()).collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_in_table_is_on_when_it_is_named_and_keeps_what_the_file_leaves_out() {
        let names = |tables: &RecordTables| tables.names();
        assert_eq!(
            names(&RecordTables::default()),
            "incident, sn_customerservice_case"
        );
        let settings = serde_json::json!({
            "case": {"open_state": "1"},
            "problem": {},
            "incident": {"number_prefix": "ACMEINC", "closed_states": ["7"]},
            "x_acme_visit": {"number_prefix": "VIS", "tracking_code": "vis"},
        });
        let tables = RecordTables::of(settings.as_object().expect("tables"));
        assert_eq!(
            names(&tables),
            "incident, sn_customerservice_case, problem, x_acme_visit"
        );
        let incident = tables.get(&TableName::incident()).expect("on");
        assert_eq!(incident.number_prefix, "ACMEINC");
        assert_eq!(incident.closed_states, ["7"]);
        assert_eq!(
            (incident.person.as_str(), incident.open_state.as_str()),
            ("caller_id", "2")
        );
        assert!(incident.is_closed("true", "7") && incident.is_closed("false", "1"));
        assert!(!incident.is_closed("true", "6"));
        assert_eq!(tables.get(&TableName::case()).expect("on").open_state, "1");
        let visit = tables.with_code("vis").expect("on");
        assert_eq!(
            (visit.people.as_str(), visit.person.as_str()),
            ("sys_user", "")
        );
        assert!(visit.recipients().is_empty() && !visit.is_closed("", ""));
    }

    #[test]
    fn prefixes_and_codes_of_built_in_tables_are_unique() {
        let all = BUILT_IN
            .iter()
            .map(|known| (known.name.to_owned(), Value::Null));
        let tables = RecordTables::of(&all.collect());
        assert_eq!(tables.iter().count(), BUILT_IN.len());
        for table in tables.iter() {
            let same = |other: &&RecordTable| {
                other.number_prefix == table.number_prefix
                    || other.tracking_code == table.tracking_code
            };
            assert_eq!(tables.iter().filter(same).count(), 1, "{}", table.name);
        }
    }
}
