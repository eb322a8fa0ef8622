//! Encoded queries and their traps (docs/vendors.md#query-traps).
//!
//! A part whose field is unknown or unreadable, or whose operator is not understood, is dropped as if it had not been
//! there. Nothing can be escaped. A value that starts with `javascript:` is run as a script; here it is recorded.

/// A parsed encoded query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    /// Alternatives (`^NQ`) of conjunctions (`^`) of alternatives (`^OR`).
    alternatives: Vec<Vec<Vec<Condition>>>,
    order: Vec<Order>,
    /// Whether a part was dropped.
    pub(super) dropped: bool,
    /// Values that would have been run as scripts.
    pub(super) scripts: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    field: String,
    operator: Operator,
    value: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Order {
    field: String,
    descending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Is,
    IsNot,
    In,
    NotIn,
    Contains,
    ContainsNot,
    StartsWith,
    EndsWith,
    Empty,
    NotEmpty,
    AtLeast,
    AtMost,
    Above,
    Below,
}

/// Longest first where one starts with another.
const OPERATORS: [(&str, Operator); 15] = [
    ("ISNOTEMPTY", Operator::NotEmpty),
    ("ISEMPTY", Operator::Empty),
    ("NOT LIKE", Operator::ContainsNot),
    ("NOT IN", Operator::NotIn),
    ("STARTSWITH", Operator::StartsWith),
    ("ENDSWITH", Operator::EndsWith),
    ("CONTAINS", Operator::Contains),
    ("LIKE", Operator::Contains),
    ("IN", Operator::In),
    ("!=", Operator::IsNot),
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    (">", Operator::Above),
    ("<", Operator::Below),
    ("=", Operator::Is),
];

impl Query {
    /// Reads an encoded query. `usable` tells which fields exist and may be read.
    pub(super) fn parse(text: &str, usable: impl Fn(&str) -> bool) -> Self {
        let mut query = Self {
            alternatives: vec![Vec::new()],
            ..Self::default()
        };
        for part in text
            .split('^')
            .filter(|part| !part.is_empty() && *part != "EQ")
        {
            if let Some(rest) = part.strip_prefix("ORDERBY") {
                let (field, descending) = rest
                    .strip_prefix("DESC")
                    .map_or((rest, false), |field| (field, true));
                if usable(field) {
                    query.order.push(Order {
                        field: field.to_owned(),
                        descending,
                    });
                } else {
                    query.dropped = true;
                }
                continue;
            }
            let (part, new_query) = part
                .strip_prefix("NQ")
                .map_or((part, false), |rest| (rest, true));
            if new_query {
                query.alternatives.push(Vec::new());
            }
            let (part, or) = part
                .strip_prefix("OR")
                .map_or((part, false), |rest| (rest, true));
            let condition = condition(part).filter(|condition| usable(&condition.field));
            if let Some(condition) = &condition
                && condition
                    .value
                    .trim_start()
                    .to_ascii_lowercase()
                    .starts_with("javascript:")
            {
                query.scripts.push(part.to_owned());
            }
            query.add(condition, or);
        }
        query
    }

    fn add(&mut self, condition: Option<Condition>, or: bool) {
        let Some(groups) = self.alternatives.last_mut() else {
            return;
        };
        if !or || groups.is_empty() {
            groups.push(Vec::new());
        }
        match (condition, groups.last_mut()) {
            (Some(condition), Some(group)) => group.push(condition),
            _ => self.dropped = true,
        }
    }

    /// Whether a row matches; `value` gives its values by (possibly dot-walked) field. What was dropped restricts
    /// nothing.
    pub(super) fn matches(&self, value: impl Fn(&str) -> String) -> bool {
        let group_holds = |group: &Vec<Condition>| {
            group.is_empty() || group.iter().any(|one| one.holds(&value(&one.field)))
        };
        self.alternatives
            .iter()
            .any(|groups| groups.iter().all(group_holds))
    }

    /// Sorts rows by the query's order, when it has one.
    pub(super) fn sort<T>(&self, rows: &mut [T], value: impl Fn(&T, &str) -> String) {
        for order in self.order.iter().rev() {
            rows.sort_by(|a, b| {
                let ordering = value(a, &order.field).cmp(&value(b, &order.field));
                if order.descending {
                    ordering.reverse()
                } else {
                    ordering
                }
            });
        }
    }
}

fn condition(part: &str) -> Option<Condition> {
    let of_a_field = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.';
    let end = part.find(|c| !of_a_field(c))?;
    let (field, rest) = part.split_at(end);
    let (text, operator) = OPERATORS
        .into_iter()
        .find(|(text, _)| rest.starts_with(text))?;
    let value = rest.strip_prefix(text)?.to_owned();
    (!field.is_empty()).then(|| Condition {
        field: field.to_owned(),
        operator,
        value,
    })
}

impl Condition {
    /// Comparisons ignore letter case, as the instance's database does.
    fn holds(&self, actual: &str) -> bool {
        let (actual, value) = (actual.to_lowercase(), self.value.to_lowercase());
        let listed = || value.split(',').any(|one| one == actual);
        match self.operator {
            Operator::Is => actual == value,
            Operator::IsNot => actual != value,
            Operator::In => listed(),
            Operator::NotIn => !listed(),
            Operator::Contains => actual.contains(&value),
            Operator::ContainsNot => !actual.contains(&value),
            Operator::StartsWith => actual.starts_with(&value),
            Operator::EndsWith => actual.ends_with(&value),
            Operator::Empty => actual.is_empty(),
            Operator::NotEmpty => !actual.is_empty(),
            Operator::AtLeast => actual >= value,
            Operator::AtMost => actual <= value,
            Operator::Above => actual > value,
            Operator::Below => actual < value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(query: &str, row: &[(&str, &str)]) -> bool {
        let usable = |field: &str| matches!(field, "number" | "state" | "email" | "active");
        Query::parse(query, usable).matches(|field| {
            row.iter()
                .find(|(name, _)| *name == field)
                .map_or_else(String::new, |(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn conditions_join_with_and_or_and_new_query() {
        let row = [("number", "INC0010001"), ("state", "2")];
        assert!(finds("number=INC0010001^state=2", &row));
        assert!(!finds("number=INC0010001^state=1", &row));
        assert!(finds("number=INC0010001^state=1^ORstate=2", &row));
        assert!(finds("state=1^NQnumberINA,INC0010001^EQ", &row));
        assert!(finds("state!=1^numberSTARTSWITHinc^emailISEMPTY", &row));
        assert!(!finds("stateNOT IN1,2", &row));
    }

    #[test]
    fn a_part_with_an_unknown_field_or_operator_finds_everything() {
        let row = [("number", "INC0010001")];
        assert!(finds("nummber=INC9999999", &row));
        assert!(finds("numberSOUNDSLIKEx", &row));
        assert!(
            !finds("nummber=INC9999999^number=INC2", &row),
            "the rest still counts"
        );
        assert!(Query::parse("nummber=1", |field| field == "number").dropped);
    }

    #[test]
    fn a_caret_in_a_value_starts_a_part_of_its_own() {
        assert!(finds(
            "number=x^NQnumberISNOTEMPTY",
            &[("number", "INC0010001")]
        ));
    }

    #[test]
    fn a_script_in_a_value_is_recorded() {
        let query = Query::parse("email= JavaScript:gs.getUserID()", |_| true);
        assert_eq!(query.scripts.len(), 1);
    }

    #[test]
    fn rows_are_sorted_in_the_order_of_the_query() {
        let query = Query::parse("ORDERBYDESCnumber", |_| true);
        let mut rows = ["1", "3", "2"];
        query.sort(&mut rows, |row, _| (*row).to_owned());
        assert_eq!(rows, ["3", "2", "1"]);
    }
}
