//! ServiceNow records: which table, which row, and the names people give them.

use serde::{Deserialize, Serialize};

/// The tables whose records the connector writes to (official integration, row S11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Table {
    /// `incident`
    #[serde(rename = "incident")]
    Incident,
    /// `sn_customerservice_case`, present with the Customer Service Management plugin
    #[serde(rename = "sn_customerservice_case", alias = "case")]
    Case,
}

impl Table {
    /// Every table, in the order in which they are tried.
    pub const ALL: [Self; 2] = [Self::Incident, Self::Case];

    /// The table's name in ServiceNow.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::Case => "sn_customerservice_case",
        }
    }

    /// The table's code in a signed `Tracking0`, which has room for 64 characters only.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Incident => "inc",
            Self::Case => "case",
        }
    }

    /// What the numbers of its records start with.
    pub const fn number_prefix(self) -> &'static str {
        match self {
            Self::Incident => "INC",
            Self::Case => "CS",
        }
    }

    /// The table of that name (`incident`, `sn_customerservice_case`, `case`).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|table| table.name() == name)
            .or_else(|| (name == "case").then_some(Self::Case))
    }

    /// The table of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.code() == code)
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The identifier of a row: 32 lower-case hexadecimal digits. Safe in a query.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SysId(String);

impl SysId {
    /// Reads a `sys_id`; `None` unless it is 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == 32 && text.bytes().all(hex)).then(|| Self(text.to_owned()))
    }

    /// The identifier's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for SysId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<SysId> for String {
    fn from(id: SysId) -> Self {
        id.0
    }
}

impl TryFrom<String> for SysId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a sys_id is 32 lower-case hexadecimal digits")
    }
}

/// The number people call a record by, such as `INC0012345`: its table's prefix, then digits. Safe in a query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordNumber {
    table: Table,
    text: String,
}

impl RecordNumber {
    /// Reads one record number, any letter case; `None` when the text is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let table = Table::ALL.into_iter().find(|table| {
            text.strip_prefix(table.number_prefix())
                .is_some_and(|digits| {
                    (4..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
                })
        })?;
        Some(Self { table, text })
    }

    /// The one record number that stands in a text ("see INC0012345, please"); `None` when it holds none or several
    /// different ones, or something of an encoded query's syntax.
    pub fn find(text: &str) -> Option<Self> {
        if text.contains(['^', '=']) {
            return None;
        }
        let mut found = text
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter_map(Self::parse);
        let first = found.next()?;
        found.all(|other| other == first).then_some(first)
    }

    /// The table that its prefix names.
    pub const fn table(&self) -> Table {
        self.table
    }

    /// The number's text, in capitals.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// One record: a row of a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RecordRef {
    /// The table it is in.
    pub table: Table,
    /// The row.
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
    fn a_record_number_is_a_known_prefix_and_digits_only() {
        assert_eq!(
            RecordNumber::parse(" inc0012345 ").map(|n| n.text),
            Some("INC0012345".into())
        );
        assert_eq!(
            RecordNumber::parse("CS0000099").map(|n| n.table),
            Some(Table::Case)
        );
        for refused in [
            "",
            "INC",
            "INC12^active=true",
            "TASK0001234",
            "INC0012345^ORnumber=INC1",
            "javascript:gs",
        ] {
            assert_eq!(RecordNumber::parse(refused), None, "{refused}");
        }
    }

    #[test]
    fn a_record_number_is_found_in_a_sentence_unless_two_differ() {
        assert_eq!(
            RecordNumber::find("see INC0012345, (INC0012345)").map(|n| n.text),
            Some("INC0012345".into())
        );
        assert_eq!(RecordNumber::find("INC0012345 or INC0012346"), None);
        assert_eq!(RecordNumber::find("nothing here"), None);
        assert_eq!(RecordNumber::find("INC0012345^ORnumber=INC0000001"), None);
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
