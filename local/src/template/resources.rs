//! The typed resources: tables, queues, functions and what invokes them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::document::{is_true, items, text};
use super::error::Error;
use super::scope::{Expression, Scope, get_att_path};

/// A DynamoDB table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Table {
    pub logical_id: String,
    /// `TableName`, or the logical id.
    pub name: String,
    /// Attribute names and their types (`S`, `N`, `B`).
    pub attributes: BTreeMap<String, String>,
    /// The partition key.
    pub hash_key: String,
    /// The sort key.
    pub range_key: Option<String>,
    pub indexes: Vec<Index>,
    /// The attribute with the time to live, when that is switched on.
    pub ttl_attribute: Option<String>,
}

/// A global secondary index.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Index {
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
#[expect(missing_docs, reason = "the names say it")]
pub struct Queue {
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
#[expect(missing_docs, reason = "the names say it")]
pub struct Function {
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
    /// A schedule.
    Schedule {
        /// Of `rate(…)`: the time between two invocations.
        every: Duration,
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

    /// The property with every reference followed; null where there is none.
    fn get(&self, name: &str) -> Result<Value, Error> {
        self.scope.resolve(self.raw(name).unwrap_or(&Value::Null))
    }

    fn text(&self, name: &str) -> Result<Option<String>, Error> {
        Ok(text(&self.get(name)?))
    }

    /// The property, or `None` also when it refers to something that is not known before deployment.
    fn name(&self, name: &str) -> Option<String> {
        self.text(name).ok().flatten()
    }

    fn name_or_id(&self, name: &str) -> String {
        self.name(name).unwrap_or_else(|| self.place.to_owned())
    }

    fn number(&self, name: &str, default: u32) -> Result<u32, Error> {
        let Some(value) = self.text(name)? else {
            return Ok(default);
        };
        let number = value.parse();
        number.map_err(|_| self.wrong(&format!("{name} is not a whole number: {value}")))
    }

    fn seconds(&self, name: &str, default: u32) -> Result<Duration, Error> {
        Ok(Duration::from_secs(self.number(name, default)?.into()))
    }

    fn wrong(&self, problem: &str) -> Error {
        Error::Shape {
            place: self.place.to_owned(),
            problem: problem.to_owned(),
        }
    }
}

pub(super) fn table(properties: &Properties<'_>) -> Result<Table, Error> {
    let definitions = properties.get("AttributeDefinitions")?;
    let attributes = items(&definitions).filter_map(|definition| {
        let name = text(&definition["AttributeName"])?;
        Some((name, text(&definition["AttributeType"])?))
    });
    let keys_of_table = keys(&properties.get("KeySchema")?);
    let (hash_key, range_key) =
        keys_of_table.ok_or_else(|| properties.wrong("KeySchema has no HASH key"))?;
    let indexes = properties.get("GlobalSecondaryIndexes")?;
    let indexes = items(&indexes).map(|index| {
        let named = text(&index["IndexName"]).zip(keys(&index["KeySchema"]));
        let (name, (hash_key, range_key)) =
            named.ok_or_else(|| properties.wrong("an index has no name or no HASH key"))?;
        let projection = &index["Projection"];
        let projected = items(&projection["NonKeyAttributes"]);
        Ok(Index {
            name,
            hash_key,
            range_key,
            projection: text(&projection["ProjectionType"]).unwrap_or_else(|| "ALL".to_owned()),
            projected: projected.filter_map(text).collect(),
        })
    });
    let ttl = properties.get("TimeToLiveSpecification")?;
    let ttl_attribute = text(&ttl["AttributeName"]);
    Ok(Table {
        logical_id: properties.place.to_owned(),
        name: properties.name_or_id("TableName"),
        attributes: attributes.collect(),
        hash_key,
        range_key,
        indexes: indexes.collect::<Result<_, Error>>()?,
        ttl_attribute: ttl_attribute.filter(|_| is_true(&ttl["Enabled"])),
    })
}

fn keys(schema: &Value) -> Option<(String, Option<String>)> {
    let key = |kind: &str| {
        let element = items(schema).find(|element| element["KeyType"] == kind)?;
        text(&element["AttributeName"])
    };
    Some((key("HASH")?, key("RANGE")))
}

pub(super) fn queue(properties: &Properties<'_>) -> Result<Queue, Error> {
    let fifo = is_true(&properties.get("FifoQueue")?);
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
    let policy = properties.raw("RedrivePolicy");
    let generated = || format!("{}{}", properties.place, if fifo { ".fifo" } else { "" });
    Ok(Queue {
        logical_id: properties.place.to_owned(),
        name: properties.name("QueueName").unwrap_or_else(generated),
        fifo,
        visibility_timeout: properties.seconds("VisibilityTimeout", 30)?,
        retention: properties.seconds("MessageRetentionPeriod", 345_600)?,
        attributes,
        redrive: policy
            .map(|policy| redrive(properties, policy))
            .transpose()?,
    })
}

fn redrive(properties: &Properties<'_>, policy: &Value) -> Result<Redrive, Error> {
    let target = target_of(&policy["deadLetterTargetArn"]);
    let count = text(&properties.scope.resolve(&policy["maxReceiveCount"])?);
    let count = count.and_then(|count| count.parse().ok());
    let (target, max_receive_count) = target.zip(count).ok_or_else(|| {
        properties.wrong(
            "RedrivePolicy needs a deadLetterTargetArn of this template and a maxReceiveCount",
        )
    })?;
    Ok(Redrive {
        target,
        max_receive_count,
    })
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
        let variables = &layer["Environment"]["Variables"];
        for (name, value) in variables.as_object().into_iter().flatten() {
            environment.insert(name.clone(), Expression(value.clone()));
        }
    }
    let events = properties.own["Events"].as_object().into_iter().flatten();
    let events = events.map(|(name, written)| event(properties, name, written));
    let code_uri = properties.name("CodeUri");
    let parts = code_uri
        .as_deref()
        .map(|uri| uri.trim_end_matches('/').rsplit('/'));
    let folder = parts.and_then(|mut parts| parts.next()).map(str::to_owned);
    Ok(Function {
        logical_id: properties.place.to_owned(),
        name: properties.name_or_id("FunctionName"),
        binary: binary.or(folder),
        code_uri,
        timeout: properties.seconds("Timeout", 3)?,
        memory_mb: properties.number("MemorySize", 128)?,
        environment,
        events: events.collect::<Result<_, _>>()?,
    })
}

fn event(function: &Properties<'_>, name: &str, event: &Value) -> Result<Event, Error> {
    let kind = text(&event["Type"]).unwrap_or_default();
    let place = format!("{}.Events.{name}", function.place);
    let properties = Properties {
        scope: function.scope,
        place: &place,
        own: &event["Properties"],
        globals: &Value::Null,
    };
    match kind.as_str() {
        "HttpApi" => {
            let method = properties.text("Method")?;
            let path = properties.text("Path")?;
            Ok(Event::HttpApi {
                method: method.unwrap_or_else(|| "ANY".to_owned()).to_uppercase(),
                path: path.ok_or_else(|| properties.wrong("there is no Path"))?,
            })
        }
        "SQS" => {
            let queue = properties.raw("Queue").and_then(target_of);
            let concurrency = text(&properties.get("ScalingConfig")?["MaximumConcurrency"]);
            let answers = properties.get("FunctionResponseTypes")?;
            Ok(Event::Sqs {
                queue: queue
                    .ok_or_else(|| properties.wrong("Queue is no queue of this template"))?,
                batch_size: properties.number("BatchSize", 10)?,
                maximum_concurrency: concurrency.and_then(|n| n.parse().ok()),
                report_batch_item_failures: items(&answers)
                    .any(|answer| answer == "ReportBatchItemFailures"),
                enabled: properties.text("Enabled")?.is_none_or(|v| v == "true"),
            })
        }
        "Schedule" => {
            let written = properties.text("Schedule")?.unwrap_or_default();
            let every = rate(&written).ok_or_else(|| {
                properties.wrong(&format!("Schedule is no rate(…) of one or more: {written}"))
            })?;
            Ok(Event::Schedule { every })
        }
        _ => Ok(Event::Other(kind)),
    }
}

/// The time between two invocations of a `rate(6 hours)`
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>).
fn rate(written: &str) -> Option<Duration> {
    let inner = written.strip_prefix("rate(")?.strip_suffix(')')?;
    let (value, unit) = inner.split_once(' ')?;
    let value: u32 = value.parse().ok().filter(|value| *value > 0)?;
    // The unit of one is singular, the others' plural.
    let unit = if value == 1 {
        unit
    } else {
        unit.strip_suffix('s')?
    };
    let seconds = match unit {
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(seconds) * value)
}
