//! ServiceNow records: which table, which row, and the names people give them.

use serde::{Deserialize, Serialize};

use crate::domain::checked_text::{checked_text, is_lower_case_hex};

/// The tables whose records the connector writes to.
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

    /// The prefix of its record numbers.
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
        is_lower_case_hex(text, 32).then(|| Self(text.to_owned()))
    }
}

checked_text!(SysId, "a sys_id is 32 lower-case hexadecimal digits");

/// A record number such as `INC0012345`: its table's prefix, then digits. Safe in a query.
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

    /// Reads what a person typed into a field for record numbers, any letter case: "see inc-0012345, please".
    ///
    /// Blanks, hyphens and `#` may separate a prefix from its digits. Five digits must follow then, so that a year after a
    /// word ("CS 2019") is no number. Full-width characters count as ASCII.
    pub fn typed(text: &str) -> TypedReference {
        let text: String = text.chars().map(folded).collect();
        if !text.contains(char::is_numeric) {
            return TypedReference::NoReference;
        }
        if text.contains(['^', '=']) {
            return TypedReference::Invalid;
        }
        let text = text.as_str();
        let mut numbers = Table::ALL.into_iter().flat_map(|table| {
            let prefixes = text.match_indices(table.number_prefix());
            prefixes.filter_map(move |(at, prefix)| Self::starting(table, text, at, prefix.len()))
        });
        match numbers.next() {
            None => TypedReference::Invalid,
            Some(first) if numbers.all(|other| other == first) => TypedReference::Number(first),
            Some(_) => TypedReference::Ambiguous,
        }
    }

    /// The number whose prefix is at `at`; `None` when the prefix is part of a word or has too few digits.
    fn starting(table: Table, text: &str, at: usize, prefix: usize) -> Option<Self> {
        let of_a_word = |c: char| c.is_ascii_alphanumeric();
        let joined = text.get(at + prefix..)?;
        let rest = joined.trim_start_matches(|c: char| c.is_whitespace() || JOINERS.contains(c));
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        let fewest = if joined.len() == rest.len() { 4 } else { 5 };
        let whole = !text.get(..at)?.ends_with(of_a_word) && !after.starts_with(of_a_word);
        (whole && (fewest..=20).contains(&digits.len())).then(|| Self {
            table,
            text: format!("{}{digits}", table.number_prefix()),
        })
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

/// The characters beside blanks that may separate a prefix from its digits: hyphens and dashes, `#`, and characters
/// without width, which come with copied text.
const JOINERS: &str = "#-\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2212}\u{200b}\u{feff}";

/// The character in upper case, and in ASCII where it is full-width, as East Asian input methods type it.
fn folded(c: char) -> char {
    let ascii = match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    };
    ascii.to_ascii_uppercase()
}

/// What a text in a field for record numbers means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypedReference {
    /// It has no digit, such as `n/a`, `-` or a name: it refers to no record.
    NoReference,
    /// It names one record.
    Number(RecordNumber),
    /// It has two different record numbers.
    Ambiguous,
    /// It has digits and no record number, or characters of an encoded query's syntax.
    Invalid,
}

/// One record: a row of a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RecordRef {
    /// The table it is in.
    pub table: Table,
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

    fn typed(text: &str) -> String {
        match RecordNumber::typed(text) {
            TypedReference::NoReference => "no reference".to_owned(),
            TypedReference::Number(number) => number.text,
            TypedReference::Ambiguous => "ambiguous".to_owned(),
            TypedReference::Invalid => "invalid".to_owned(),
        }
    }

    #[test]
    fn record_numbers_are_read_as_technicians_type_them() {
        let table = include_str!("../../fixtures/record_numbers_as_typed.tsv");
        let mut rows = 0;
        for row in table.lines().skip(1).filter(|row| !row.is_empty()) {
            let (text, right) = row.split_once('\t').expect("two columns");
            assert_eq!(typed(text), right, "{text}");
            rows += 1;
        }
        assert_eq!(rows, 13);
    }

    #[test]
    fn a_record_number_is_found_in_a_sentence_unless_two_differ() {
        for (text, right) in [
            ("see INC0012345, (INC0012345)", "INC0012345"),
            ("INC0012345 or inc 0012345", "INC0012345"),
            ("INC0012345 or INC 0012346", "ambiguous"),
            ("INC0012345 CS0012345", "ambiguous"),
            ("TASK0001234, INC0012345", "INC0012345"),
            ("Incident # INC \u{2013} #0012345.", "INC0012345"),
            ("INC\u{a0}0012345", "INC0012345"),
            ("ＩＮＣ００１２３４５", "INC0012345"),
            ("番号INC0012345の件", "INC0012345"),
            ("INC0012345, Adobe CS 2019", "INC0012345"),
            ("nothing here", "no reference"),
            ("", "no reference"),
            ("^=", "no reference"),
            ("Adobe CS 2019", "invalid"),
            ("ZINC0012345", "invalid"),
            ("INC0012345x", "invalid"),
            ("INC123", "invalid"),
            ("٠٠١٢٣٤٥", "invalid"),
            ("INC0012345^ORnumber=INC0000001", "invalid"),
            ("INC0012345＾ORnumber", "invalid"),
        ] {
            assert_eq!(typed(text), right, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_found_is_a_record_number(text in "(INC|cs|[ #-]|[0-9]{5}|\\PC){0,8}") {
            if let TypedReference::Number(number) = RecordNumber::typed(&text) {
                proptest::prop_assert_eq!(RecordNumber::parse(number.as_str()), Some(number));
            }
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
