//! Record numbers, as ServiceNow writes them and as people type them.

use crate::domain::record::TableName;
use crate::domain::record_tables::{RecordTable, RecordTables};

/// A record number such as `INC0012345`: its table's prefix, then digits. Safe in a query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordNumber {
    table: TableName,
    text: String,
}

/// The characters beside blanks that may separate a prefix from its digits: hyphens and dashes, `#`, and characters
/// without width, which come with copied text.
const JOINERS: &str = "#-\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2212}\u{200b}\u{feff}";

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

/// Whether a text may stand before the digits of a table's numbers: a letter, then letters, digits, `-` and `_`, at most
/// 20 characters.
pub fn is_prefix(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && text.len() <= 20
}

/// A prefix as it is looked for in what people type: in capitals, with `-` for each sign that separates, and none at the end.
pub fn stem(prefix: &str) -> String {
    separated(prefix).trim_end_matches(SEPARATOR).to_owned()
}

/// What stands for any run of blanks, hyphens and the like.
const SEPARATOR: char = '-';

/// A text in capitals, with one `-` for each run of signs that separate a prefix from its digits.
fn separated(text: &str) -> String {
    let mut separated = String::with_capacity(text.len());
    for c in text.chars().map(folded) {
        if !(c.is_whitespace() || c == '_' || JOINERS.contains(c)) {
            separated.push(c);
        } else if !separated.ends_with(SEPARATOR) {
            separated.push(SEPARATOR);
        }
    }
    separated
}

/// A number in a text.
struct Found {
    /// Where its prefix begins, and where its digits end.
    span: std::ops::Range<usize>,
    /// The complete prefix stands there, not one without its hyphen.
    is_complete: bool,
    /// The length of the prefix.
    prefix: usize,
    number: RecordNumber,
}

impl RecordNumber {
    /// Reads one record number, any letter case; `None` when the text is anything else. The longest prefix decides.
    pub fn parse(text: &str, tables: &RecordTables) -> Option<Self> {
        let text = text.trim();
        let numbers = tables.iter().filter_map(|table| {
            let prefix = &table.number_prefix;
            let (start, digits) = text.split_at_checked(prefix.len())?;
            let well_formed = start.eq_ignore_ascii_case(prefix)
                && (4..=20).contains(&digits.len())
                && digits.bytes().all(|b| b.is_ascii_digit());
            well_formed.then(|| (prefix.len(), Self::of(table, digits)))
        });
        numbers
            .max_by_key(|(prefix, _)| *prefix)
            .map(|(_, number)| number)
    }

    /// Reads what a person typed into a field for record numbers, any letter case: "see inc-0012345, please".
    ///
    /// Blanks, hyphens and `#` may separate a prefix from its digits. Five digits must follow then, so that a year after a
    /// word ("CS 2019") is no number. Full-width characters count as ASCII.
    pub fn typed(text: &str, tables: &RecordTables) -> TypedReference {
        if !text.contains(char::is_numeric) {
            return TypedReference::NoReference;
        }
        let text = separated(text);
        if text.contains(['^', '=']) {
            return TypedReference::Invalid;
        }
        let mut found: Vec<Found> = Vec::new();
        for table in tables.iter() {
            let stem = stem(&table.number_prefix);
            let starts = text.match_indices(stem.as_str());
            found.extend(starts.filter_map(|(at, _)| Self::starting(table, &text, at, stem.len())));
        }
        // Of two numbers in one place the one with the complete prefix counts, then the one with the longer prefix.
        let counts = |one: &Found| {
            !found.iter().any(|other| {
                other.span.start <= one.span.start
                    && one.span.end <= other.span.end
                    && (other.is_complete, other.prefix) > (one.is_complete, one.prefix)
            })
        };
        let mut numbers = found
            .iter()
            .filter(|one| counts(one))
            .map(|one| &one.number);
        match numbers.next() {
            None => TypedReference::Invalid,
            Some(first) if numbers.all(|other| other == first) => {
                TypedReference::Number(first.clone())
            }
            Some(_) => TypedReference::Ambiguous,
        }
    }

    /// The number whose prefix is at `at`; `None` when the prefix is part of a word or has too few digits.
    fn starting(table: &RecordTable, text: &str, at: usize, prefix: usize) -> Option<Found> {
        let of_a_word = |c: char| c.is_ascii_alphanumeric();
        let joined = text.get(at + prefix..)?;
        let rest = joined.trim_start_matches(SEPARATOR);
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        let has_separator = table.number_prefix.ends_with(['-', '_']);
        let is_complete = has_separator != (joined.len() == rest.len());
        let fewest = if is_complete { 4 } else { 5 };
        let whole = !text.get(..at)?.ends_with(of_a_word) && !after.starts_with(of_a_word);
        (whole && (fewest..=20).contains(&digits.len())).then(|| Found {
            span: at..text.len() - after.len(),
            is_complete,
            prefix,
            number: Self::of(table, digits),
        })
    }

    fn of(table: &RecordTable, digits: &str) -> Self {
        Self {
            table: table.name.clone(),
            text: format!("{}{digits}", table.number_prefix),
        }
    }

    /// The table that its prefix names.
    pub const fn table(&self) -> &TableName {
        &self.table
    }

    /// The number's text, with the prefix as the table has it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The character in upper case, and in ASCII where it is full-width, as East Asian input methods type it.
fn folded(c: char) -> char {
    let ascii = match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    };
    ascii.to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tables(settings: serde_json::Value) -> RecordTables {
        RecordTables::of(settings.as_object().expect("tables"))
    }

    #[test]
    fn a_record_number_is_a_known_prefix_and_digits_only() {
        let tables = RecordTables::default();
        let parse = |text| RecordNumber::parse(text, &tables);
        assert_eq!(
            parse(" inc0012345 ").map(|n| n.text),
            Some("INC0012345".into())
        );
        assert_eq!(parse("CS0000099").map(|n| n.table), Some(TableName::case()));
        for refused in [
            "",
            "INC",
            "INC12^active=true",
            "TASK0001234",
            "INC0012345^ORnumber=INC1",
            "javascript:gs",
            "ÍNC0012345",
        ] {
            assert_eq!(parse(refused), None, "{refused}");
        }
    }

    #[test]
    fn prefixes_are_the_tenant_s_and_the_longest_one_decides() {
        let tables = tables(json!({
            "incident": {"number_prefix": "ACMEINC"},
            "problem": {"number_prefix": "V"},
            "x_acme_visit": {"number_prefix": "V1-", "tracking_code": "vis"},
            "x_acme_order": {"number_prefix": "Ord", "tracking_code": "ord"},
            "x_acme_stop": {"number_prefix": "VIS", "tracking_code": "stop"},
            "x_acme_trip": {"number_prefix": "ACME-VIS", "tracking_code": "trip"},
            "x_acme_call": {"number_prefix": "EU_CS", "tracking_code": "call"},
        }));
        for (text, table, number) in [
            ("acmeinc0010001", "incident", "ACMEINC0010001"),
            ("V10001", "problem", "V10001"),
            ("v1-0001", "x_acme_visit", "V1-0001"),
            ("ORD0001", "x_acme_order", "Ord0001"),
            ("ACME-VIS0010001", "x_acme_trip", "ACME-VIS0010001"),
            ("EU_CS0001234", "x_acme_call", "EU_CS0001234"),
        ] {
            let parsed = RecordNumber::parse(text, &tables).expect(text);
            assert_eq!((parsed.table().as_str(), parsed.as_str()), (table, number));
            let typed = RecordNumber::typed(&format!("see {text}."), &tables);
            assert_eq!(typed, TypedReference::Number(parsed), "{text}");
        }
        assert_eq!(RecordNumber::parse("INC0010001", &tables), None);
        assert_eq!(
            RecordNumber::typed("INC0010001", &tables),
            TypedReference::Invalid
        );
        for (text, number) in [
            ("v1 00001", "V1-00001"),
            ("VIS0010001", "VIS0010001"),
            ("acme - vis 0010001", "ACME-VIS0010001"),
            ("ACME_VIS0010001", "ACME-VIS0010001"),
            ("ACME\u{2011}VIS 0010001, please", "ACME-VIS0010001"),
            ("eu cs 0001234", "EU_CS0001234"),
            ("CS0001234", "CS0001234"),
            ("ACME-VIS0010001 VIS0010002", "ambiguous"),
        ] {
            assert_eq!(typed(text, &tables), number, "{text}");
        }
        assert_eq!(
            typed("ACMEINC0010001 or INC0010001", &tables),
            "ACMEINC0010001"
        );
    }

    fn typed(text: &str, tables: &RecordTables) -> String {
        match RecordNumber::typed(text, tables) {
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
            assert_eq!(typed(text, &RecordTables::default()), right, "{text}");
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
            assert_eq!(typed(text, &RecordTables::default()), right, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_found_is_a_record_number(text in "(INC|cs|[ #-]|[0-9]{5}|\\PC){0,8}") {
            let tables = RecordTables::default();
            if let TypedReference::Number(number) = RecordNumber::typed(&text, &tables) {
                proptest::prop_assert_eq!(RecordNumber::parse(number.as_str(), &tables), Some(number));
            }
        }
    }
}
