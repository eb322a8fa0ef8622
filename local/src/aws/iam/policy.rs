//! Policies, and what they allow.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// The elements of a statement that are known here.
const ELEMENTS: [&str; 6] = [
    "Sid",
    "Effect",
    "Principal",
    "Action",
    "Resource",
    "Condition",
];

/// A policy, or a reference in it, that is not understood.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotUnderstood(pub(super) String);

/// One action on one resource, under conditions with one value each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The `Sid` of its statement.
    pub sid: String,
    /// False when the statement denies.
    pub allows: bool,
    /// The principal of a resource's policy: a service, an ARN, or `*`. A role's policy names none.
    pub principal: Option<String>,
    /// Such as `sqs:SendMessage`, with or without `*` and `?`.
    pub action: String,
    /// An ARN, with or without `*` and `?`.
    pub resource: String,
    /// All of these must hold.
    pub conditions: Vec<Condition>,
}

/// A condition on the request's context.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    key: String,
    value: String,
    pattern: bool,
}

/// A request to IAM.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// Such as `sqs:SendMessage`.
    pub action: String,
    /// The ARN of one resource.
    pub resource: String,
    /// Condition keys with their values.
    pub context: BTreeMap<String, String>,
}

impl Request {
    /// Without a context.
    pub fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            resource: resource.into(),
            context: BTreeMap::new(),
        }
    }

    /// The same with one more condition key.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.context.insert(key.to_owned(), value.into());
        self
    }
}

impl Grant {
    /// Whether its statement applies to this request.
    pub fn covers(&self, request: &Request) -> bool {
        let holds = |condition: &Condition| {
            let actual = request.context.iter();
            let mut actual = actual.filter(|(key, _)| key.eq_ignore_ascii_case(&condition.key));
            actual.any(|(_, value)| match condition.pattern {
                true => like(&condition.value, value),
                false => condition.value == *value,
            })
        };
        like(
            &self.action.to_ascii_lowercase(),
            &request.action.to_ascii_lowercase(),
        ) && like(&self.resource, &request.resource)
            && self.conditions.iter().all(holds)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} on {}", self.sid, self.action, self.resource)?;
        for condition in &self.conditions {
            write!(f, " if {} is {}", condition.key, condition.value)?;
        }
        Ok(())
    }
}

/// The grants of a policy document without references.
///
/// # Errors
/// Names the first element that is not known here.
pub fn grants(document: &Value) -> Result<Vec<Grant>, NotUnderstood> {
    let mut grants = Vec::new();
    for statement in one_or_many(&document["Statement"]) {
        let mut elements = statement.as_object().into_iter().flatten();
        if let Some((unknown, _)) = elements.find(|(name, _)| !ELEMENTS.contains(&name.as_str())) {
            let problem = format!("the element {unknown} of {statement}");
            return Err(NotUnderstood(problem));
        }
        let conditions = conditions(&statement["Condition"])?;
        for principal in principals(&statement["Principal"])? {
            for action in texts(&statement["Action"])? {
                for resource in texts(&statement["Resource"])? {
                    grants.extend(conditions.iter().map(|conditions| Grant {
                        sid: statement["Sid"].as_str().unwrap_or_default().to_owned(),
                        allows: statement["Effect"] == "Allow",
                        principal: principal.clone(),
                        action: action.clone(),
                        resource: resource.clone(),
                        conditions: conditions.clone(),
                    }));
                }
            }
        }
    }
    Ok(grants)
}

/// Whether these grants allow a request: one allows, and none denies.
pub fn allow<'g>(grants: impl IntoIterator<Item = &'g Grant>, request: &Request) -> bool {
    let covering = grants.into_iter().filter(|grant| grant.covers(request));
    covering
        .map(|grant| grant.allows)
        .reduce(|one, other| one && other)
        .unwrap_or_default()
}

/// Every way to take one value for each condition.
fn conditions(written: &Value) -> Result<Vec<Vec<Condition>>, NotUnderstood> {
    let mut ways = vec![Vec::new()];
    for (operator, keys) in written.as_object().into_iter().flatten() {
        // ArnEquals takes patterns as ArnLike does.
        let pattern = match operator.as_str() {
            "StringEquals" => false,
            "StringLike" | "ArnEquals" | "ArnLike" => true,
            other => return Err(NotUnderstood(format!("the condition operator {other}"))),
        };
        for (key, values) in keys.as_object().into_iter().flatten() {
            let values = texts(values)?;
            let each = |way: Vec<Condition>| {
                values.iter().map(move |value| {
                    let condition = Condition {
                        key: key.clone(),
                        value: value.clone(),
                        pattern,
                    };
                    [way.clone(), vec![condition]].concat()
                })
            };
            ways = ways.into_iter().flat_map(each).collect();
        }
    }
    Ok(ways)
}

fn principals(written: &Value) -> Result<Vec<Option<String>>, NotUnderstood> {
    let named = match written {
        Value::Null => return Ok(vec![None]),
        Value::Object(kinds) => kinds.values().map(texts).collect::<Result<Vec<_>, _>>()?,
        other => vec![texts(other)?],
    };
    Ok(named.into_iter().flatten().map(Some).collect())
}

fn texts(value: &Value) -> Result<Vec<String>, NotUnderstood> {
    let texts = one_or_many(value).iter().map(|value| {
        let text = value.as_str().map(str::to_owned);
        text.ok_or_else(|| NotUnderstood(format!("{value} is no text")))
    });
    texts.collect()
}

pub(super) fn one_or_many(value: &Value) -> &[Value] {
    value
        .as_array()
        .map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// `*` stands for any text, `?` for one character.
fn like(pattern: &str, text: &str) -> bool {
    fn matches(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => {
                matches(rest, text) || text.split_first().is_some_and(|(_, t)| matches(pattern, t))
            }
            ([b'?', pattern @ ..], [_, text @ ..]) => matches(pattern, text),
            ([wanted, pattern @ ..], [found, text @ ..]) => {
                wanted == found && matches(pattern, text)
            }
            _ => false,
        }
    }
    matches(pattern.as_bytes(), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decide(statements: Value, request: &Request) -> bool {
        let grants = grants(&json!({ "Statement": statements })).expect("understood");
        allow(&grants, request)
    }

    const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:posts.fifo";

    #[test]
    fn without_a_statement_that_covers_it_nothing_is_allowed() {
        let send = Request::new("sqs:SendMessage", QUEUE);
        assert!(!decide(json!([]), &send));
        let allow = json!({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": QUEUE});
        assert!(decide(allow.clone(), &send));
        let receive = Request::new("sqs:ReceiveMessage", QUEUE);
        assert!(!decide(allow.clone(), &receive));
        let other = Request::new("sqs:SendMessage", format!("{QUEUE}2"));
        assert!(!decide(allow, &other));
    }

    #[test]
    fn an_explicit_deny_wins() {
        let statements = json!([
            {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"},
            {"Effect": "Deny", "Action": "sqs:Delete*", "Resource": QUEUE},
        ]);
        let send = Request::new("sqs:SendMessage", QUEUE);
        assert!(decide(statements.clone(), &send));
        let delete = Request::new("sqs:DeleteMessage", QUEUE);
        assert!(!decide(statements, &delete));
    }

    #[test]
    fn every_condition_has_to_hold_and_one_value_of_each_is_enough() {
        let statement = json!({
            "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
            "Condition": {
                "StringEquals": {"kms:ViaService": ["sqs.us-east-1.amazonaws.com", "dynamodb.us-east-1.amazonaws.com"]},
                "StringLike": {"kms:EncryptionContext:aws:sqs:arn": "arn:aws:sqs:*:000000000000:*"},
            },
        });
        let bare = Request::new("kms:Decrypt", "arn:aws:kms:us-east-1:000000000000:key/one");
        assert!(!decide(statement.clone(), &bare));
        let via = bare.with("kms:ViaService", "sqs.us-east-1.amazonaws.com");
        assert!(!decide(statement.clone(), &via));
        let whole = via.clone().with("kms:EncryptionContext:aws:sqs:arn", QUEUE);
        assert!(decide(statement.clone(), &whole));
        let other_account = QUEUE.replace("000000000000", "111111111111");
        let other_account = via.with("kms:EncryptionContext:aws:sqs:arn", other_account);
        assert!(!decide(statement, &other_account));
    }

    #[test]
    fn a_policy_with_an_unknown_element_is_refused() {
        for statement in [
            json!({"Effect": "Allow", "NotAction": "sqs:*", "Resource": "*"}),
            json!({"Effect": "Allow", "Action": "sqs:*", "Resource": "*",
                "Condition": {"StringNotEquals": {"aws:SourceAccount": "1"}}}),
            json!({"Effect": "Allow", "Action": {"Ref": "AnAction"}, "Resource": "*"}),
        ] {
            let policy = json!({ "Statement": statement });
            grants(&policy).expect_err("not understood");
        }
    }

    #[test]
    fn a_star_stands_for_any_text_and_a_question_mark_for_one_character() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("secret:p/*/token-*", "secret:p/acme/token-AbCdEf", true),
            ("secret:p/*/token-*", "secret:q/acme/token-AbCdEf", false),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
    }
}
