//! ServiceNow records: which table, which row.

use serde::{Deserialize, Serialize};

use crate::domain::checked_text::{checked_text, is_lower_case_hex};

/// The name of a table in ServiceNow: a-z, then a-z 0-9 _, at most 80 characters. Safe in a path and in a query.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TableName(String);

/// The tables that every tenant works with.
const INCIDENTS: &str = "incident";
const CASES: &str = "sn_customerservice_case";

impl TableName {
    /// Reads a table's name; `None` when it has other characters or another length. `case`, the word of earlier releases,
    /// is `sn_customerservice_case`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = text.bytes();
        let well_formed = bytes.next().is_some_and(|b| b.is_ascii_lowercase())
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && text.len() <= 80;
        let name = if text == "case" { CASES } else { text };
        well_formed.then(|| Self(name.to_owned()))
    }

    /// `incident`
    pub fn incident() -> Self {
        Self(INCIDENTS.to_owned())
    }

    /// `sn_customerservice_case`, present with the Customer Service Management plugin
    pub fn case() -> Self {
        Self(CASES.to_owned())
    }

    /// Whether this is `sn_customerservice_case`.
    pub fn is_case(&self) -> bool {
        self.0 == CASES
    }
}

checked_text!(
    TableName,
    "a table's name is a-z, then a-z 0-9 _, at most 80 characters"
);

/// The identifier of a row: 32 lower-case hexadecimal digits. Safe in a query.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SysId(String);

impl SysId {
    /// Reads a `sys_id`; `None` unless it is 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        is_lower_case_hex(text, 32).then(|| Self(text.to_owned()))
    }
}

checked_text!(SysId, "a sys_id is 32 lower-case hexadecimal digits");

/// One record: a row of a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RecordRef {
    /// The table it is in.
    pub table: TableName,
    /// The row's `sys_id`, unique within the table.
    pub sys_id: SysId,
}

impl std::fmt::Display for RecordRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.table, self.sys_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_s_name_is_safe_in_a_path_and_a_query() {
        for (text, name) in [
            ("incident", "incident"),
            ("case", "sn_customerservice_case"),
            ("x_acme_visit2", "x_acme_visit2"),
        ] {
            assert_eq!(TableName::parse(text).expect(text).as_str(), name);
        }
        for refused in [
            "",
            "Incident",
            "2x",
            "_x",
            "a-b",
            "a^b",
            "a/b",
            &"a".repeat(81),
        ] {
            assert_eq!(TableName::parse(refused), None, "{refused}");
        }
    }

    #[test]
    fn a_sys_id_is_32_lower_case_hexadecimal_digits() {
        assert!(SysId::parse("0f1e2d3c4b5a69788796a5b4c3d2e1f0").is_some());
        for refused in [
            "",
            "0F1E2D3C4B5A69788796A5B4C3D2E1F0",
            "0f1e2d3c4b5a69788796a5b4c3d2e1f",
            "../../../../etc/passwd^active=tru",
        ] {
            assert!(SysId::parse(refused).is_none(), "{refused}");
        }
    }
}
