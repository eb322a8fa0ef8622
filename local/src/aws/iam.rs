//! What a template's roles and resources allow, decided as IAM decides it: an explicit deny wins, and without a statement
//! that allows there is no access
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>).
//!
//! A policy becomes [`Grant`]s of one action, one resource and one value for each condition, so that a test can name a
//! grant that no call needs. An element that this module does not know is an error.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::arn;
use super::journal::{AwsCall, Service};
use super::resources::Resources;
use crate::template::{ACCOUNT, Event, REGION, Scope, Template};

/// A policy, or a reference in it, that is not understood.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotUnderstood(String);

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
    /// A request without a context.
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
        let known = [
            "Sid",
            "Effect",
            "Principal",
            "Action",
            "Resource",
            "Condition",
        ];
        let elements = statement.as_object().into_iter().flatten();
        for (element, _) in elements {
            if !known.contains(&element.as_str()) {
                return Err(NotUnderstood(format!(
                    "the element {element} of {statement}"
                )));
            }
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

fn one_or_many(value: &Value) -> &[Value] {
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

/// What the functions of a template may do.
#[derive(Clone, Debug, Default)]
pub struct Permissions {
    roles: BTreeMap<String, Role>,
    /// The key of each table and queue that has one, by their ARNs.
    keys: BTreeMap<String, String>,
    /// The policy of each key, by its ARN.
    key_policies: BTreeMap<String, Vec<Grant>>,
}

#[derive(Clone, Debug)]
struct Role {
    name: String,
    grants: Vec<Grant>,
}

/// The caller as which the trigger of a function reads its queue: Lambda does so in the role of the function.
pub fn trigger_of(function: &str) -> String {
    format!("{function}:trigger")
}

impl Permissions {
    /// Reads the roles of a template's functions, and the keys of its tables and queues.
    ///
    /// # Errors
    /// Names the element that is not known, or the function that has no role in the template.
    pub fn of(
        document: &Value,
        template: &Template,
        resources: &Resources,
    ) -> Result<Self, NotUnderstood> {
        let written = |id: &str| &document["Resources"][id]["Properties"];
        let scope = scope(document, template, resources)?;
        let resolve = |value: &Value| {
            let resolved = scope.resolve(value);
            resolved.map_err(|error| NotUnderstood(error.to_string()))
        };
        let mut permissions = Self::default();
        for function in &template.functions {
            let role = written(&function.logical_id)["Role"]["Fn::GetAtt"].as_str();
            let role = role.and_then(|path| path.strip_suffix(".Arn"));
            let role = role
                .ok_or_else(|| NotUnderstood(format!("{} names no role", function.logical_id)))?;
            let mut held = Vec::new();
            for policy in one_or_many(&resolve(&written(role)["Policies"])?) {
                held.extend(grants(&policy["PolicyDocument"])?);
            }
            let name = function.binary.as_ref().unwrap_or(&function.name);
            let role = Role {
                name: role.to_owned(),
                grants: held,
            };
            let reads_a_queue = |event: &Event| matches!(event, Event::Sqs { .. });
            if function.events.iter().any(reads_a_queue) {
                permissions.roles.insert(trigger_of(name), role.clone());
            }
            permissions.roles.insert(name.clone(), role);
        }
        for (id, kind) in &template.resources {
            let properties = written(id);
            let key = match kind.as_str() {
                "AWS::DynamoDB::Table" => &properties["SSESpecification"]["KMSMasterKeyId"],
                "AWS::SQS::Queue" => &properties["KmsMasterKeyId"],
                _ => &Value::Null,
            };
            let arn = |id: &str| resolve(&serde_json::json!({"Fn::GetAtt": format!("{id}.Arn")}));
            if let (Some(key), Some(arn)) = (resolve(key)?.as_str(), arn(id)?.as_str()) {
                permissions.keys.insert(arn.to_owned(), key.to_owned());
            }
            if let ("AWS::KMS::Key", Some(arn)) = (kind.as_str(), arn(id)?.as_str()) {
                let policy = grants(&resolve(&properties["KeyPolicy"])?)?;
                permissions.key_policies.insert(arn.to_owned(), policy);
            }
        }
        Ok(permissions)
    }

    /// The grants of a function's role; none for a caller that is no function.
    pub fn grants(&self, caller: &str) -> &[Grant] {
        let role = self.roles.get(caller);
        role.map_or(&[], |role| role.grants.as_slice())
    }

    /// The policy of a key.
    pub fn key_policy(&self, arn: &str) -> &[Grant] {
        self.key_policies.get(arn).map_or(&[], Vec::as_slice)
    }

    /// Whether the role of a function allows a request. A key allows what its policy leaves to the account's IAM.
    pub fn decide(&self, caller: &str, request: &Request) -> bool {
        let account = format!("arn:aws:iam::{ACCOUNT}:root");
        let delegated = || {
            let key = Request {
                resource: "*".to_owned(),
                ..request.clone()
            };
            let policy = self.key_policy(&request.resource).iter();
            allow(
                policy.filter(|grant| grant.principal.as_deref() == Some(&account)),
                &key,
            )
        };
        allow(self.grants(caller), request) && (!request.action.starts_with("kms:") || delegated())
    }

    /// Why a call is denied, in IAM's words; `None` when it is allowed or when its caller is no function.
    pub(super) fn denies(&self, call: &AwsCall) -> Option<String> {
        let role = self.roles.get(&call.caller)?;
        let requests = self.requests(call).into_iter();
        let mut denied = requests.filter(|request| !self.decide(&call.caller, request));
        let Request {
            action, resource, ..
        } = denied.next()?;
        Some(format!(
            "User: arn:aws:sts::{ACCOUNT}:assumed-role/{}/{} is not authorized to perform: {action} on resource: \
             {resource} because no identity-based policy allows the {action} action",
            role.name, call.caller,
        ))
    }

    /// The IAM requests of a call: its own action, and those that DynamoDB and SQS make to KMS as the caller.
    ///
    /// DynamoDB has the table's own key decrypted
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html>). SQS has a data key
    /// made and decrypted for a sender, and decrypted for a receiver
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html>). Secrets
    /// without a key of their own are encrypted with AWS's key for Secrets Manager, whose policy lets in every caller who
    /// may read the secret (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html>).
    pub fn requests(&self, call: &AwsCall) -> Vec<Request> {
        let text = |name: &str| call.request[name].as_str().unwrap_or_default();
        // SQS has no actions of their own for batches.
        let operation = call.operation.trim_end_matches("Batch");
        let (service, resource, context, of_the_key): (_, _, _, &[&str]) = match call.service {
            Service::DynamoDb => {
                let table = text("TableName").rsplit('/').next().unwrap_or_default();
                let arn = arn::table(table);
                let context = vec![
                    ("tableName", table.to_owned()),
                    ("subscriberId", ACCOUNT.to_owned()),
                ];
                ("dynamodb", arn, context, &["Decrypt"])
            }
            Service::Sqs => {
                let queue = text("QueueUrl").rsplit('/').next().unwrap_or_default();
                let arn = arn::queue(queue);
                let needed: &[&str] = match operation {
                    "SendMessage" => &["GenerateDataKey", "Decrypt"],
                    "ReceiveMessage" => &["Decrypt"],
                    _ => &[],
                };
                ("sqs", arn.clone(), vec![("arn", arn)], needed)
            }
            Service::SecretsManager => {
                let id = text("SecretId");
                // A name stands for the ARN with the six characters that Secrets Manager gave it.
                let arn = match id.starts_with("arn:") {
                    true => id.to_owned(),
                    false => {
                        format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{id}-AbCdEf")
                    }
                };
                ("secretsmanager", arn, Vec::new(), &[])
            }
            Service::CloudFormation => ("cloudformation", "*".to_owned(), Vec::new(), &[]),
        };
        let key = self.keys.get(&resource);
        let of_the_key = of_the_key.iter().filter_map(|action| {
            let request = Request::new(format!("kms:{action}"), key?)
                .with(
                    "kms:ViaService",
                    format!("{service}.{REGION}.amazonaws.com"),
                )
                .with("kms:CallerAccount", ACCOUNT);
            Some(context.iter().fold(request, |request, (name, value)| {
                request.with(
                    &format!("kms:EncryptionContext:aws:{service}:{name}"),
                    value,
                )
            }))
        });
        let of_the_key: Vec<Request> = of_the_key.collect();
        let index = call.request["IndexName"].as_str();
        let on = index.map_or_else(
            || resource.clone(),
            |index| format!("{resource}/index/{index}"),
        );
        let mut requests = vec![Request::new(format!("{service}:{operation}"), on)];
        requests.extend(of_the_key);
        requests
    }
}

/// The scope of what was created, with the ARNs of keys and log groups as AWS forms them.
fn scope(
    document: &Value,
    template: &Template,
    resources: &Resources,
) -> Result<Scope, NotUnderstood> {
    let mut scope = resources.scope.clone();
    for (id, kind) in &template.resources {
        let arn = match kind.as_str() {
            "AWS::KMS::Key" => format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{id}"),
            "AWS::Logs::LogGroup" => {
                let name = &document["Resources"][id]["Properties"]["LogGroupName"];
                let name = scope.resolve(name);
                let name = name.map_err(|error| NotUnderstood(error.to_string()))?;
                let name = name.as_str().unwrap_or(id);
                format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*")
            }
            _ => continue,
        };
        scope.set_attribute(id, "Arn", &arn);
    }
    Ok(scope)
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
        assert!(!decide(
            allow.clone(),
            &Request::new("sqs:ReceiveMessage", QUEUE)
        ));
        let other = Request::new("sqs:SendMessage", format!("{QUEUE}2"));
        assert!(!decide(allow, &other));
    }

    #[test]
    fn an_explicit_deny_wins() {
        let statements = json!([
            {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"},
            {"Effect": "Deny", "Action": "sqs:Delete*", "Resource": QUEUE},
        ]);
        assert!(decide(
            statements.clone(),
            &Request::new("sqs:SendMessage", QUEUE)
        ));
        assert!(!decide(
            statements,
            &Request::new("sqs:DeleteMessage", QUEUE)
        ));
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
        let foreign = QUEUE.replace("000000000000", "111111111111");
        let foreign = via.with("kms:EncryptionContext:aws:sqs:arn", foreign);
        assert!(!decide(statement, &foreign));
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
