//! The tables that an instance has, and what their columns are (docs/vendors.md#tables-and-columns).

mod column;
mod tables;

use serde::{Deserialize, Serialize};

pub use column::Column;
pub(super) use column::Kind;
pub(super) use tables::*;

/// A table: its columns, how its records are numbered, and who may read and write them.
///
/// Tests and demo add tables with [`super::Simulator::add_table`], as an administrator or an app does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub(super) name: String,
    /// What a list of its records is called.
    pub(super) title: String,
    /// The table whose queries find this one's records too.
    pub(super) extends: Option<String>,
    /// Its own columns and those of the table that it extends.
    pub(super) columns: Vec<Column>,
    /// The column that stands for a record where it is referred to.
    pub(super) display: String,
    /// What numbers start with, and the first of them.
    pub(super) numbering: Option<(String, u64)>,
    /// The values that a new record has unless its creator gives others.
    pub(super) defaults: Vec<(String, String)>,
    /// The states in which a record is inactive. Without any, the state does not decide.
    pub(super) closed_states: Vec<String>,
    /// Column, value, and what a form shows for it.
    pub(super) choices: Vec<(String, String, String)>,
    /// The roles that may read its records; without any, every account may.
    pub(super) readers: Vec<String>,
    /// The roles that may create and change its records; without any, only administrators may.
    pub(super) writers: Vec<String>,
}

impl Table {
    /// A table that extends `task`, for the role `itil`: it has all columns of a task, among them `correlation_id`, and
    /// the states 1 to 4 and 7, of which 3, 4 and 7 are closed.
    pub fn of_tasks(name: &str, prefix: &str) -> Self {
        Self::extending_task(name, name)
            .numbered(prefix, 1_001)
            .with_default("state", "1")
            .task_states()
    }

    /// A table that is no task and has no `correlation_id`, for the role `itil`: `number`, `short_description`, `state`
    /// (a text), `active`, `opened_at`, `opened_by`, `assigned_to` and `work_notes`.
    pub fn of_its_own(name: &str, prefix: &str) -> Self {
        Self::new(name, name, &[system(), record()])
            .numbered(prefix, 1_001)
            .with_default("active", "true")
            .with_default("state", "1")
            .for_roles(&["itil"], &["itil"])
    }

    /// The same with one more column, which replaces one of the same name.
    #[must_use]
    pub fn with(mut self, column: impl Into<Column>) -> Self {
        let column = column.into();
        self.columns.retain(|known| known.name != column.name);
        self.columns.push(column);
        self
    }

    /// The same with a value that new records have in a column.
    #[must_use]
    pub fn with_default(mut self, column: &str, value: &str) -> Self {
        self.defaults.retain(|(known, _)| known != column);
        self.defaults.push((column.to_owned(), value.to_owned()));
        self
    }

    /// The same with other states in which a record is inactive.
    #[must_use]
    pub fn closed_in(mut self, states: &[&str]) -> Self {
        self.closed_states = texts(states);
        self
    }

    /// The same with a text that a form shows for a value of a column.
    #[must_use]
    pub fn with_choice(mut self, column: &str, value: &str, shown: &str) -> Self {
        let choice = [column, value, shown].map(str::to_owned);
        self.choices.push(choice.into());
        self
    }

    /// The same with other roles that may read, and that may create and change its records.
    #[must_use]
    pub fn for_roles(mut self, readers: &[&str], writers: &[&str]) -> Self {
        self.readers = texts(readers);
        self.writers = texts(writers);
        self
    }

    fn new(name: &str, title: &str, columns: &[Vec<Column>]) -> Self {
        Self {
            name: name.to_owned(),
            title: title.to_owned(),
            extends: None,
            columns: columns.concat(),
            display: "number".to_owned(),
            numbering: None,
            defaults: Vec::new(),
            closed_states: Vec::new(),
            choices: Vec::new(),
            readers: Vec::new(),
            writers: Vec::new(),
        }
    }

    fn numbered(mut self, prefix: &str, first: u64) -> Self {
        self.numbering = Some((prefix.to_owned(), first));
        self
    }

    fn displayed_by(mut self, column: &str) -> Self {
        column.clone_into(&mut self.display);
        self
    }

    /// A table's column by name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether a record in this state is inactive, where the state decides it.
    pub(super) fn inactive(&self, state: &str) -> Option<bool> {
        let decides = !self.closed_states.is_empty();
        decides.then(|| self.closed_states.iter().any(|closed| closed == state))
    }

    /// What a form shows for a choice; `None` where the value is none.
    pub(super) fn label(&self, column: &str, value: &str) -> Option<&str> {
        let mut choices = self.choices.iter();
        let choice = choices.find(|(of, known, _)| of == column && known == value);
        choice.map(|(_, _, shown)| shown.as_str())
    }
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_of_tasks_has_numbers_and_the_columns_of_a_task() {
        let of_tasks = |table: &&Table| table.extends.as_deref() == Some(TASKS);
        for table in built_in().iter().filter(of_tasks) {
            for column in ["work_notes", "correlation_id", "time_worked"] {
                assert!(table.column(column).is_some(), "{}", table.name);
            }
            assert!(table.numbering.is_some(), "{}", table.name);
        }
    }

    #[test]
    fn every_default_choice_and_display_value_is_one_of_a_column() {
        let apps = [sessions()];
        for table in built_in().iter().chain(&apps) {
            let defaults = table.defaults.iter().map(|(column, _)| column);
            let choices = table.choices.iter().map(|(column, ..)| column);
            for name in defaults.chain(choices).chain([&table.display]) {
                assert!(table.column(name).is_some(), "{} {name}", table.name);
            }
            for (column, value) in &table.defaults {
                let column = table.column(column).expect("a column");
                assert_eq!(column.stored(value).as_ref(), Some(value));
            }
        }
    }
}
