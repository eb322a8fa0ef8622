//! Why ServiceNow refused a call, where the reason names configuration only.

use crate::servicenow::text::{shortened, single_line};

/// The longest reason, in characters.
const MAX_REASON: usize = 250;

/// Messages of ServiceNow that name nothing (vendor's REST API and Attachment API pages).
const SENTENCES: [&str; 10] = [
    "Field(s) present in the query do not have permission to be read",
    "Insufficient rights to query records",
    "File type is not allowed or does not match the content of the file",
    "Failed to create the attachment",
    "Rejected large REST payload",
    "Exception while reading request",
    "User Not Authorized",
    "Operation Failed",
    "Invalid table",
    "Bad Request",
];

/// Messages that end in the names of fields.
const OF_FIELDS: [&str; 3] = [
    "The following fields are mandatory:",
    "The following fields are read only:",
    "The following mandatory fields are not filled in:",
];

/// Messages that end in the name of a table or a column.
const OF_A_NAME: [&str; 5] = [
    "Invalid table",
    "Invalid column name",
    "Invalid column",
    "Invalid field name",
    "Invalid field",
];

/// Why a call was refused: the data policy and its fields, the name of the business rule, the access rule, the table or the
/// column. One neutralised line of at most 250 characters, from `message` and `detail` of the error body.
///
/// It names no person, no record's data and no rule's identifier: an unknown text becomes `another message`.
pub fn reason(message: &str, detail: &str) -> String {
    let texts = [detail, message];
    let named = texts.into_iter().find_map(with_names);
    let plain = || {
        let mut all = SENTENCES.into_iter();
        let found = all.find(|sentence| texts.iter().any(|text| text.contains(sentence)));
        found.unwrap_or("another message").to_owned()
    };
    shortened(&single_line(&named.unwrap_or_else(plain)), MAX_REASON)
}

fn with_names(text: &str) -> Option<String> {
    if let Some((_, rule)) = text.split_once("aborted by Business Rule '") {
        // The name ends at the rule's identifier, or with its quotation.
        let end = ["^", "'."]
            .into_iter()
            .filter_map(|end| rule.find(end))
            .min();
        let name = rule.get(..end.unwrap_or(rule.len())).unwrap_or_default();
        return Some(format!(
            "aborted by Business Rule '{}'",
            name.trim_end_matches('\'')
        ));
    }
    let policy = if text.contains("Data Policy Exception") {
        "Data Policy Exception: "
    } else {
        ""
    };
    // Only the sentence itself: what follows may be a customer's own message.
    let fields = |sentence: &str| text.get(text.find(sentence)?..)?.lines().next();
    if let Some(fields) = OF_FIELDS.into_iter().find_map(fields) {
        return Some(format!("{policy}{fields}"));
    }
    if !policy.is_empty() {
        return Some("Data Policy Exception".to_owned());
    }
    if let Some((_, acl)) = text.split_once("ACL Exception") {
        let operation = acl.strip_suffix(" Failed due to security constraints");
        let operation =
            operation.filter(|word| word.trim().bytes().all(|b| b.is_ascii_alphabetic()));
        return Some(match operation {
            Some(_) => format!("ACL Exception{acl}"),
            None => "ACL Exception".to_owned(),
        });
    }
    OF_A_NAME.into_iter().find_map(|sentence| {
        let (_, name) = text.split_once(sentence)?;
        let name = name.trim_start_matches([':', ' ', '\'']);
        let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.');
        let name = name.get(..end.unwrap_or(name.len()))?.trim_end_matches('.');
        (!name.is_empty()).then(|| format!("{sentence} {name}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_names_configuration() {
        for (message, detail, expected) in [
            (
                "Operation Failed",
                "Data Policy Exception: The following fields are mandatory: Business service",
                "Data Policy Exception: The following fields are mandatory: Business service",
            ),
            (
                "Operation Failed",
                "Data Policy Exception: The following fields are read only: State, Work notes",
                "Data Policy Exception: The following fields are read only: State, Work notes",
            ),
            (
                "Operation Failed",
                "Operation against file 'incident' was aborted by Business Rule 'Lock closed records^0f1e2d…'. Business Rule Stack:Lock closed records",
                "aborted by Business Rule 'Lock closed records'",
            ),
            (
                "Operation Failed",
                "Operation against file 'incident' was aborted by Business Rule 'Agent's lock'",
                "aborted by Business Rule 'Agent's lock'",
            ),
            (
                "Operation Failed",
                "ACL Exception Insert Failed due to security constraints",
                "ACL Exception Insert Failed due to security constraints",
            ),
            ("Operation Failed", "ACL Exception", "ACL Exception"),
            ("Invalid table incidentx", "", "Invalid table incidentx"),
            (
                "Invalid field name: u_time. Ask Ana",
                "",
                "Invalid field name u_time",
            ),
            (
                "Insufficient rights to query records",
                "Field(s) present in the query do not have permission to be read, or no read access to incident",
                "Field(s) present in the query do not have permission to be read",
            ),
            ("Operation Failed", "", "Operation Failed"),
        ] {
            assert_eq!(reason(message, detail), expected, "{message} / {detail}");
        }
    }

    #[test]
    fn a_reason_names_neither_a_person_nor_a_records_data() {
        for (message, detail) in [
            ("Ana Ruiz may not do that", ""),
            ("INC0010002: call 555 0100", "ask ana@acme.test"),
            ("", "Data Policy Exception: Ana Ruiz"),
            (
                "",
                "Data Policy Exception: The following fields are mandatory: State\nAna Ruiz may not",
            ),
            ("", "ACL Exception for Ana Ruiz"),
            ("Invalid table <b>Ana Ruiz</b>", ""),
        ] {
            let reason = reason(message, detail);
            for hidden in ["Ana", "INC", "555", "ana@"] {
                assert!(!reason.contains(hidden), "{reason}");
            }
        }
    }

    #[test]
    fn a_reason_is_one_harmless_line() {
        let long = "Feld\u{1b}[31m [code]<b>\r\n, ".repeat(500);
        let detail = format!("Data Policy Exception: The following fields are mandatory: {long}");
        let reason = reason("", &detail);
        assert!(reason.chars().count() <= MAX_REASON);
        assert!(!reason.contains(['\n', '\u{1b}', '<']) && !reason.contains("[code]"));
    }
}
