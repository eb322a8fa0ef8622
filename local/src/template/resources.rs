//! The typed resources: tables, queues, functions and what invokes them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::document::text;
use super::error::Error;
use super::scope::{Expression, Scope, get_att_path};

/// A DynamoDB table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its logical id.
    pub logical_id: String,
    /// `TableName`, or the logical id.
    pub name: String,
    /// Attribute names and their types (`S`, `N`, `B`).
    pub attributes: BTreeMap<String, String>,
    /// The partition key.
    pub hash_key: String,
    /// The sort key.
    pub range_key: Option<String>,
    /// Global secondary indexes.
    pub indexes: Vec<Index>,
    /// The attribute with the time to live, when that is switched on.
    pub ttl_attribute: Option<String>,
}

/// A global secondary index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// The partition key.
    pub hash_key: String,
    /// The sort key.
    pub range_key: Option<String>,
    /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
    pub projection: String,
    /// What `INCLUDE` includes.
    pub projected: Vec<String>,
}

/// An SQS queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its logical id.
    pub logical_id: String,
    /// `QueueName`, or the logical id (with `.fifo` where it must be).
    pub name: String,
    /// Whether it keeps order.
    pub fifo: bool,
    /// How long a received message is hidden; SQS's default is 30 s.
    pub visibility_timeout: Duration,
    /// How long a message is kept; SQS's default is 4 days.
    pub retention: Duration,
    /// Every attribute for `CreateQueue` under its own name, without the redrive policy.
    pub attributes: BTreeMap<String, String>,
    /// Where messages go that were received too often.
    pub redrive: Option<Redrive>,
}

/// A queue's redrive policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redrive {
    /// The logical id of the dead-letter queue.
    pub target: String,
    /// `maxReceiveCount`.
    pub max_receive_count: u32,
}

/// A Lambda function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its logical id.
    pub logical_id: String,
    /// `FunctionName`, or the logical id.
    pub name: String,
    /// `CodeUri`.
    pub code_uri: Option<String>,
    /// The binary: `BuildProperties.Binary` of its metadata, or the last part of `CodeUri`.
    pub binary: Option<String>,
    /// `Timeout`; Lambda's default is 3 s.
    pub timeout: Duration,
    /// `MemorySize` in MB; Lambda's default is 128.
    pub memory_mb: u32,
    /// Environment variables, the template's globals included.
    pub environment: BTreeMap<String, Expression>,
    /// What invokes it.
    pub events: Vec<Event>,
}

impl Function {
    /// Its environment, every reference followed.
    ///
    /// # Errors
    /// [`Error::Unresolved`] names the first reference that cannot be resolved.
    pub fn resolve_environment(&self, scope: &Scope) -> Result<BTreeMap<String, String>, Error> {
        let resolved = self.environment.iter().filter_map(|(name, expression)| {
            let value = expression.resolve(scope).transpose()?;
            Some(value.map(|value| (name.clone(), value)))
        });
        resolved.collect()
    }
}

/// What invokes a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A route of the HTTP API.
    HttpApi {
        /// In capitals; `ANY` for all.
        method: String,
        /// With parameters in braces, such as `/things/{id}`.
        path: String,
    },
    /// Messages of a queue.
    Sqs {
        /// The queue's logical id.
        queue: String,
        /// `BatchSize`; the default is 10.
        batch_size: u32,
        /// `ScalingConfig.MaximumConcurrency`.
        maximum_concurrency: Option<u32>,
        /// Whether `FunctionResponseTypes` has `ReportBatchItemFailures`.
        report_batch_item_failures: bool,
        /// `Enabled`; the default is true.
        enabled: bool,
    },
    /// Anything else, by its type.
    Other(String),
}

/// The properties of one resource.
pub(super) struct Properties<'t> {
    pub(super) scope: &'t Scope,
    pub(super) place: &'t str,
    pub(super) own: &'t Value,
    pub(super) globals: &'t Value,
}

impl<'t> Properties<'t> {
    fn raw(&self, name: &str) -> Option<&'t Value> {
        self.own.get(name).or_else(|| self.globals.get(name))
    }

    /// The property with every reference followed.
    fn get(&self, name: &str) -> Result<Option<Value>, Error> {
        let value = self
            .raw(name)
            .map(|value| self.scope.resolve(value))
            .transpose()?;
        Ok(value.filter(|value| !value.is_null()))
    }

    fn text(&self, name: &str) -> Result<Option<String>, Error> {
        Ok(self.get(name)?.as_ref().and_then(text))
    }

    /// The property, or `None` also when it refers to something that is not known before deployment.
    fn name(&self, name: &str) -> Option<String> {
        self.text(name).ok().flatten()
    }

    fn number(&self, name: &str, default: u32) -> Result<u32, Error> {
        let Some(value) = self.text(name)? else {
            return Ok(default);
        };
        value
            .parse()
            .map_err(|_| self.wrong(&format!("{name} is not a whole number: {value}")))
    }

    fn wrong(&self, problem: &str) -> Error {
        Error::Shape {
            place: self.place.to_owned(),
            problem: problem.to_owned(),
        }
    }
}

pub(super) fn table(properties: &Properties<'_>) -> Result<Table, Error> {
    let definitions = properties.get("AttributeDefinitions")?.unwrap_or_default();
    let attributes = definitions
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|definition| {
            let name = definition.get("AttributeName").and_then(text)?;
            Some((name, definition.get("AttributeType").and_then(text)?))
        });
    let attributes = attributes.collect();
    let (hash_key, range_key) = keys(&properties.get("KeySchema")?.unwrap_or_default())
        .ok_or_else(|| properties.wrong("KeySchema has no HASH key"))?;
    let indexes = properties
        .get("GlobalSecondaryIndexes")?
        .unwrap_or_default();
    let indexes = indexes.as_array().into_iter().flatten().map(|index| {
        let name = index.get("IndexName").and_then(text);
        let schema = index.get("KeySchema").and_then(keys);
        let (Some(name), Some((hash_key, range_key))) = (name, schema) else {
            return Err(properties.wrong("an index has no name or no HASH key"));
        };
        let projected = index
            .pointer("/Projection/NonKeyAttributes")
            .and_then(Value::as_array);
        Ok(Index {
            name,
            hash_key,
            range_key,
            projection: index
                .pointer("/Projection/ProjectionType")
                .and_then(text)
                .unwrap_or_else(|| "ALL".to_owned()),
            projected: projected.into_iter().flatten().filter_map(text).collect(),
        })
    });
    let ttl = properties
        .get("TimeToLiveSpecification")?
        .unwrap_or_default();
    let ttl_on = ttl
        .get("Enabled")
        .and_then(text)
        .is_some_and(|v| v == "true");
    Ok(Table {
        logical_id: properties.place.to_owned(),
        name: properties
            .name("TableName")
            .unwrap_or_else(|| properties.place.to_owned()),
        attributes,
        hash_key,
        range_key,
        indexes: indexes.collect::<Result<_, _>>()?,
        ttl_attribute: ttl.get("AttributeName").and_then(text).filter(|_| ttl_on),
    })
}

fn keys(schema: &Value) -> Option<(String, Option<String>)> {
    let key = |kind: &str| {
        let mut elements = schema.as_array()?.iter();
        let element = elements.find(|e| e.get("KeyType").and_then(text).is_some_and(|t| t == kind));
        element?.get("AttributeName").and_then(text)
    };
    Some((key("HASH")?, key("RANGE")))
}

pub(super) fn queue(properties: &Properties<'_>) -> Result<Queue, Error> {
    let fifo = properties.text("FifoQueue")?.is_some_and(|v| v == "true");
    let mut attributes = BTreeMap::new();
    for name in [
        "ContentBasedDeduplication",
        "DeduplicationScope",
        "DelaySeconds",
        "FifoThroughputLimit",
        "MaximumMessageSize",
        "MessageRetentionPeriod",
        "ReceiveMessageWaitTimeSeconds",
        "VisibilityTimeout",
    ] {
        if let Some(value) = properties.text(name)? {
            attributes.insert(name.to_owned(), value);
        }
    }
    if fifo {
        attributes.insert("FifoQueue".to_owned(), "true".to_owned());
    }
    let redrive = match properties.raw("RedrivePolicy") {
        Some(policy) => Some(redrive(properties, policy)?),
        None => None,
    };
    let generated = || format!("{}{}", properties.place, if fifo { ".fifo" } else { "" });
    let seconds = |name, default| {
        properties
            .number(name, default)
            .map(|n| Duration::from_secs(n.into()))
    };
    Ok(Queue {
        logical_id: properties.place.to_owned(),
        name: properties.name("QueueName").unwrap_or_else(generated),
        fifo,
        visibility_timeout: seconds("VisibilityTimeout", 30)?,
        retention: seconds("MessageRetentionPeriod", 345_600)?,
        attributes,
        redrive,
    })
}

fn redrive(properties: &Properties<'_>, policy: &Value) -> Result<Redrive, Error> {
    let target = policy.get("deadLetterTargetArn").and_then(target_of);
    let count = policy
        .get("maxReceiveCount")
        .map(|count| properties.scope.resolve(count));
    let count = count
        .transpose()?
        .as_ref()
        .and_then(text)
        .and_then(|n| n.parse().ok());
    match (target, count) {
        (Some(target), Some(max_receive_count)) => Ok(Redrive {
            target,
            max_receive_count,
        }),
        _ => Err(properties.wrong(
            "RedrivePolicy needs a deadLetterTargetArn of this template and a maxReceiveCount",
        )),
    }
}

/// The logical id that a `GetAtt ….Arn` (or `Sub "${….Arn}"`) is about.
fn target_of(reference: &Value) -> Option<String> {
    let path = match (reference.get("Fn::GetAtt"), reference.get("Fn::Sub")) {
        (Some(argument), _) => get_att_path(argument),
        (None, Some(pattern)) => pattern
            .as_str()?
            .strip_prefix("${")?
            .strip_suffix('}')?
            .to_owned(),
        (None, None) => return None,
    };
    path.strip_suffix(".Arn").map(str::to_owned)
}

pub(super) fn function(
    properties: &Properties<'_>,
    binary: Option<String>,
) -> Result<Function, Error> {
    let mut environment = BTreeMap::new();
    for layer in [properties.globals, properties.own] {
        let variables = layer
            .pointer("/Environment/Variables")
            .and_then(Value::as_object);
        for (name, value) in variables.into_iter().flatten() {
            environment.insert(name.clone(), Expression(value.clone()));
        }
    }
    let events = properties.own.get("Events").and_then(Value::as_object);
    let events = events
        .into_iter()
        .flatten()
        .map(|(name, e)| event(properties, name, e));
    let code_uri = properties.name("CodeUri");
    let folder = code_uri.as_deref().map(|uri| uri.trim_end_matches('/'));
    let folder = folder
        .and_then(|uri| uri.rsplit('/').next())
        .map(str::to_owned);
    Ok(Function {
        logical_id: properties.place.to_owned(),
        name: properties
            .name("FunctionName")
            .unwrap_or_else(|| properties.place.to_owned()),
        binary: binary.or(folder),
        code_uri,
        timeout: Duration::from_secs(properties.number("Timeout", 3)?.into()),
        memory_mb: properties.number("MemorySize", 128)?,
        environment,
        events: events.collect::<Result<_, _>>()?,
    })
}

fn event(function: &Properties<'_>, name: &str, event: &Value) -> Result<Event, Error> {
    let kind = event.get("Type").and_then(text).unwrap_or_default();
    let place = format!("{}.Events.{name}", function.place);
    let properties = Properties {
        scope: function.scope,
        place: &place,
        own: event.get("Properties").unwrap_or(&Value::Null),
        globals: &Value::Null,
    };
    match kind.as_str() {
        "HttpApi" => Ok(Event::HttpApi {
            method: properties
                .text("Method")?
                .unwrap_or_else(|| "ANY".to_owned())
                .to_uppercase(),
            path: properties
                .text("Path")?
                .ok_or_else(|| properties.wrong("there is no Path"))?,
        }),
        "SQS" => {
            let queue = properties.raw("Queue").and_then(target_of);
            let concurrency = properties.get("ScalingConfig")?.unwrap_or_default();
            let concurrency = concurrency.get("MaximumConcurrency").and_then(text);
            let answers = properties.get("FunctionResponseTypes")?.unwrap_or_default();
            let mut answers = answers.as_array().into_iter().flatten().filter_map(text);
            Ok(Event::Sqs {
                queue: queue
                    .ok_or_else(|| properties.wrong("Queue is no queue of this template"))?,
                batch_size: properties.number("BatchSize", 10)?,
                maximum_concurrency: concurrency.and_then(|n| n.parse().ok()),
                report_batch_item_failures: answers.any(|a| a == "ReportBatchItemFailures"),
                enabled: properties.text("Enabled")?.is_none_or(|v| v == "true"),
            })
        }
        _ => Ok(Event::Other(kind)),
    }
}
