//! What the roles of a template's functions allow, and which requests to IAM a call makes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::policy::{Grant, NotUnderstood, Request, allow, grants, one_or_many};
use crate::aws::arn;
use crate::aws::journal::{AwsCall, Service};
use crate::aws::resources::Resources;
use crate::template::{ACCOUNT, Event, REGION, Scope, Template};

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
        let properties_of = |id: &str| &document["Resources"][id]["Properties"];
        let scope = scope(document, template, resources)?;
        let resolve = |value: &Value| resolve(&scope, value);
        let mut permissions = Self::default();
        for function in &template.functions {
            let role = properties_of(&function.logical_id)["Role"]["Fn::GetAtt"].as_str();
            let role = role.and_then(|path| path.strip_suffix(".Arn"));
            let role = role
                .ok_or_else(|| NotUnderstood(format!("{} names no role", function.logical_id)))?;
            let mut role_grants = Vec::new();
            for policy in one_or_many(&resolve(&properties_of(role)["Policies"])?) {
                role_grants.extend(grants(&policy["PolicyDocument"])?);
            }
            let name = function.binary.as_ref().unwrap_or(&function.name);
            let role = Role {
                name: role.to_owned(),
                grants: role_grants,
            };
            let reads_a_queue = |event: &Event| matches!(event, Event::Sqs { .. });
            if function.events.iter().any(reads_a_queue) {
                permissions.roles.insert(trigger_of(name), role.clone());
            }
            permissions.roles.insert(name.clone(), role);
        }
        for (id, kind) in &template.resources {
            let properties = properties_of(id);
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
            let mut on_the_key = request.clone();
            on_the_key.resource = "*".to_owned();
            let policy = self.key_policy(&request.resource).iter();
            let of_account = policy.filter(|grant| grant.principal.as_deref() == Some(&account));
            allow(of_account, &on_the_key)
        };
        allow(self.grants(caller), request) && (!request.action.starts_with("kms:") || delegated())
    }

    /// Why a call is denied, in IAM's format; `None` when it is allowed or when its caller is no function.
    pub(in crate::aws) fn denies(&self, call: &AwsCall) -> Option<String> {
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
                let named = format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{id}-AbCdEf");
                let arn = Some(id).filter(|id| id.starts_with("arn:"));
                let arn = arn.map_or(named, str::to_owned);
                ("secretsmanager", arn, Vec::new(), &[])
            }
            Service::Sts => ("sts", "*".to_owned(), Vec::new(), &[]),
            Service::CloudFormation => ("cloudformation", "*".to_owned(), Vec::new(), &[]),
        };
        let key = self.keys.get(&resource);
        let of_the_key = of_the_key.iter().filter_map(|action| {
            let via = format!("{service}.{REGION}.amazonaws.com");
            let request = Request::new(format!("kms:{action}"), key?)
                .with("kms:ViaService", via)
                .with("kms:CallerAccount", ACCOUNT);
            Some(context.iter().fold(request, |request, (name, value)| {
                let key = format!("kms:EncryptionContext:aws:{service}:{name}");
                request.with(&key, value)
            }))
        });
        let index = call.request["IndexName"].as_str();
        let index = index.map(|index| format!("/index/{index}"));
        let on = format!("{resource}{}", index.unwrap_or_default());
        let own = Request::new(format!("{service}:{operation}"), on);
        std::iter::once(own).chain(of_the_key).collect()
    }
}

fn resolve(scope: &Scope, value: &Value) -> Result<Value, NotUnderstood> {
    let resolved = scope.resolve(value);
    resolved.map_err(|error| NotUnderstood(error.to_string()))
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
                let name = resolve(&scope, name)?;
                let name = name.as_str().unwrap_or(id);
                format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*")
            }
            _ => continue,
        };
        scope.set_attribute(id, "Arn", &arn);
    }
    Ok(scope)
}
