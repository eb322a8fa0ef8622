//! `template.yaml` as a plain model: what the embedded cloud has to create and the functions it has to run.
//!
//! Reads the part of SAM and CloudFormation that this project uses; anything it does not know is left alone, and a
//! reference it cannot follow is an error that names it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

/// The stack's name where none is given (the command line's default).
pub const STACK: &str = "rescue-connector";
/// The region of the embedded cloud.
pub const REGION: &str = "us-east-1";
/// The account of the embedded cloud.
pub const ACCOUNT: &str = "000000000000";

/// Why a template could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error("{path}: {source}")]
    Read {
        /// Which file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not YAML.
    #[error("not YAML: {0}")]
    Yaml(#[from] serde_yaml_ng::Error),
    /// Something that must be there is missing or of the wrong kind.
    #[error("{place}: {problem}")]
    Shape {
        /// Where, by logical ids and property names.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// A reference that leads nowhere.
    #[error("the reference {0} cannot be resolved")]
    Unresolved(String),
}

/// A deployment template.
#[derive(Clone, Debug)]
pub struct Template {
    /// Parameters with their values: what was given, else the default; `None` when there is neither.
    pub parameters: BTreeMap<String, Option<String>>,
    /// The DynamoDB tables, by logical id.
    pub tables: Vec<Table>,
    /// The SQS queues, by logical id.
    pub queues: Vec<Queue>,
    /// The functions, by logical id.
    pub functions: Vec<Function>,
    /// The outputs.
    pub outputs: BTreeMap<String, Expression>,
    /// Every resource's type by its logical id, those above included.
    pub resources: BTreeMap<String, String>,
    scope: Scope,
}

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
    /// So many receives are allowed.
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
    /// [`Error::Unresolved`] names the first reference that leads nowhere.
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

/// A value of the template that may hold references.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(Value);

impl Expression {
    /// The text it stands for; `None` for `AWS::NoValue`. Numbers and booleans become text, lists are joined by commas.
    ///
    /// # Errors
    /// [`Error::Unresolved`] names the first reference that leads nowhere.
    pub fn resolve(&self, scope: &Scope) -> Result<Option<String>, Error> {
        Ok(text(&scope.resolve(&self.0)?))
    }
}

/// What references lead to: `Ref` by name, `GetAtt` by `Name.Attribute`.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    references: BTreeMap<String, String>,
    attributes: BTreeMap<String, String>,
    conditions: Map<String, Value>,
    mappings: Value,
}

impl Scope {
    /// Makes `Ref name` (and `${name}`) stand for `value`.
    pub fn set_reference(&mut self, name: &str, value: &str) {
        self.references.insert(name.to_owned(), value.to_owned());
    }

    /// Makes `GetAtt name.attribute` (and `${name.attribute}`) stand for `value`.
    pub fn set_attribute(&mut self, name: &str, attribute: &str, value: &str) {
        self.attributes
            .insert(format!("{name}.{attribute}"), value.to_owned());
    }

    /// Any part of a template with every reference followed; what is `AWS::NoValue` is left out.
    ///
    /// # Errors
    /// [`Error::Unresolved`] names the first reference that leads nowhere.
    pub fn resolve(&self, value: &Value) -> Result<Value, Error> {
        match value {
            Value::Array(items) => {
                let items = items.iter().map(|item| self.resolve(item));
                let kept = items.filter(|item| !matches!(item, Ok(Value::Null)));
                kept.collect::<Result<_, _>>().map(Value::Array)
            }
            Value::Object(map) => {
                if let (1, Some((name, argument))) = (map.len(), map.iter().next())
                    && let Some(result) = self.intrinsic(name, argument)
                {
                    return result;
                }
                let mut resolved = Map::new();
                for (key, value) in map {
                    let value = self.resolve(value)?;
                    if !value.is_null() {
                        resolved.insert(key.clone(), value);
                    }
                }
                Ok(Value::Object(resolved))
            }
            plain => Ok(plain.clone()),
        }
    }

    /// `None` when `name` is no function of the template language.
    fn intrinsic(&self, name: &str, argument: &Value) -> Option<Result<Value, Error>> {
        Some(match name {
            "Ref" => self.reference(argument.as_str().unwrap_or_default()),
            "Fn::GetAtt" => self.attribute(argument),
            "Fn::Sub" => self.substitute(argument),
            "Fn::Join" => self.join(argument),
            "Fn::Select" => self.select(argument),
            "Fn::Split" => self.split(argument),
            "Fn::If" => self.choose(argument),
            "Fn::FindInMap" => self.find_in_map(argument),
            other if other.starts_with("Fn::") => Err(Error::Unresolved(other.to_owned())),
            _ => return None,
        })
    }

    fn reference(&self, name: &str) -> Result<Value, Error> {
        if name == "AWS::NoValue" {
            return Ok(Value::Null);
        }
        let found = self.references.get(name);
        found
            .map(|value| json!(value))
            .ok_or_else(|| Error::Unresolved(name.to_owned()))
    }

    fn attribute(&self, argument: &Value) -> Result<Value, Error> {
        let path = get_att_path(argument);
        let found = self.attributes.get(&path);
        found
            .map(|value| json!(value))
            .ok_or(Error::Unresolved(path))
    }

    fn substitute(&self, argument: &Value) -> Result<Value, Error> {
        let (pattern, local) = match argument {
            Value::Array(parts) => (
                parts.first().and_then(Value::as_str),
                parts.get(1).and_then(Value::as_object),
            ),
            other => (other.as_str(), None),
        };
        let mut rest = pattern.ok_or_else(|| Error::Unresolved("Fn::Sub".to_owned()))?;
        let mut result = String::new();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, behind) = after
                .split_once('}')
                .ok_or_else(|| Error::Unresolved(format!("${{{after}")))?;
            result.push_str(before);
            rest = behind;
            if let Some(literal) = name.strip_prefix('!') {
                result.push_str(&format!("${{{literal}}}"));
                continue;
            }
            let value = match local.and_then(|local| local.get(name)) {
                Some(value) => self.resolve(value)?,
                None if name.contains('.') => self.attribute(&json!(name))?,
                None => self.reference(name)?,
            };
            result.push_str(&text(&value).unwrap_or_default());
        }
        result.push_str(rest);
        Ok(Value::String(result))
    }

    fn join(&self, argument: &Value) -> Result<Value, Error> {
        let separator = argument.get(0).and_then(Value::as_str).unwrap_or_default();
        let parts = self.resolve(argument.get(1).unwrap_or(&Value::Null))?;
        let parts: Vec<String> = parts
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(text)
            .collect();
        Ok(json!(parts.join(separator)))
    }

    fn select(&self, argument: &Value) -> Result<Value, Error> {
        let index = argument
            .get(0)
            .and_then(text)
            .and_then(|n| n.parse::<usize>().ok());
        let list = self.resolve(argument.get(1).unwrap_or(&Value::Null))?;
        let item = index.and_then(|index| list.get(index)).cloned();
        item.ok_or_else(|| Error::Unresolved("Fn::Select".to_owned()))
    }

    fn split(&self, argument: &Value) -> Result<Value, Error> {
        let separator = argument.get(0).and_then(Value::as_str).unwrap_or_default();
        let whole = self.resolve(argument.get(1).unwrap_or(&Value::Null))?;
        let whole = text(&whole).unwrap_or_default();
        Ok(whole.split(separator).collect())
    }

    fn choose(&self, argument: &Value) -> Result<Value, Error> {
        let name = argument.get(0).and_then(Value::as_str).unwrap_or_default();
        let branch = if self.condition(name)? { 1 } else { 2 };
        self.resolve(argument.get(branch).unwrap_or(&Value::Null))
    }

    fn find_in_map(&self, argument: &Value) -> Result<Value, Error> {
        let keys = self.resolve(argument)?;
        let mut found = &self.mappings;
        for key in keys.as_array().into_iter().flatten() {
            found = found
                .get(text(key).unwrap_or_default())
                .unwrap_or(&Value::Null);
        }
        if found.is_null() {
            return Err(Error::Unresolved("Fn::FindInMap".to_owned()));
        }
        Ok(found.clone())
    }

    fn condition(&self, name: &str) -> Result<bool, Error> {
        let expression = self.conditions.get(name);
        self.holds(expression.ok_or_else(|| Error::Unresolved(format!("condition {name}")))?)
    }

    fn holds(&self, expression: &Value) -> Result<bool, Error> {
        let Some((name, argument)) = expression.as_object().and_then(|map| map.iter().next())
        else {
            return Ok(expression.as_bool().unwrap_or_default());
        };
        let parts = argument.as_array().map_or(&[][..], Vec::as_slice);
        match name.as_str() {
            "Condition" => self.condition(argument.as_str().unwrap_or_default()),
            "Fn::Equals" => {
                let sides = self.resolve(argument)?;
                Ok(sides.get(0).and_then(text) == sides.get(1).and_then(text))
            }
            "Fn::Not" => Ok(!self.holds(parts.first().unwrap_or(&Value::Null))?),
            "Fn::And" => parts
                .iter()
                .try_fold(true, |all, part| Ok(all & self.holds(part)?)),
            "Fn::Or" => parts
                .iter()
                .try_fold(false, |any, part| Ok(any | self.holds(part)?)),
            other => Err(Error::Unresolved(other.to_owned())),
        }
    }
}

impl Template {
    /// Reads a template file with every parameter at its default.
    ///
    /// # Errors
    /// When it cannot be read or used.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
            path: path.display().to_string(),
            source,
        })?;
        Self::parse(&text)
    }

    /// Reads a template with every parameter at its default.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::parse_with(text, &BTreeMap::new())
    }

    /// Reads a template with these parameters, the others at their defaults. Pseudo parameters such as `AWS::StackName`
    /// may be given as well.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn parse_with(source: &str, given: &BTreeMap<String, String>) -> Result<Self, Error> {
        let document = document(source)?;
        let section = |name: &str| {
            document
                .get(name)
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default()
        };
        let parameters: BTreeMap<String, Option<String>> = section("Parameters")
            .iter()
            .map(|(name, parameter)| {
                let default = parameter.get("Default").and_then(text);
                (name.clone(), given.get(name).cloned().or(default))
            })
            .collect();
        let mut scope = Scope {
            conditions: section("Conditions"),
            mappings: Value::Object(section("Mappings")),
            ..Scope::default()
        };
        for (name, value) in [
            ("AWS::AccountId", ACCOUNT),
            ("AWS::Partition", "aws"),
            ("AWS::Region", REGION),
            ("AWS::StackName", STACK),
            ("AWS::URLSuffix", "amazonaws.com"),
        ] {
            scope.set_reference(name, given.get(name).map_or(value, String::as_str));
        }
        for (name, value) in &parameters {
            if let Some(value) = value {
                scope.set_reference(name, value);
            }
        }
        let outputs = section("Outputs");
        let outputs = outputs.iter().filter_map(|(name, output)| {
            let value = output.get("Value")?.clone();
            Some((name.clone(), Expression(value)))
        });
        let mut template = Self {
            outputs: outputs.collect(),
            parameters,
            tables: Vec::new(),
            queues: Vec::new(),
            functions: Vec::new(),
            resources: BTreeMap::new(),
            scope,
        };
        let globals = document
            .pointer("/Globals/Function")
            .cloned()
            .unwrap_or_default();
        for (id, resource) in section("Resources") {
            template.add(&id, &resource, &globals)?;
        }
        Ok(template)
    }

    /// What can be resolved before anything is created: pseudo parameters, parameters, conditions.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The function with this logical id.
    pub fn function(&self, logical_id: &str) -> Option<&Function> {
        self.functions.iter().find(|f| f.logical_id == logical_id)
    }

    /// The queue with this logical id.
    pub fn queue(&self, logical_id: &str) -> Option<&Queue> {
        self.queues.iter().find(|q| q.logical_id == logical_id)
    }

    /// The table with this logical id.
    pub fn table(&self, logical_id: &str) -> Option<&Table> {
        self.tables.iter().find(|t| t.logical_id == logical_id)
    }

    fn add(&mut self, id: &str, resource: &Value, globals: &Value) -> Result<(), Error> {
        if let Some(condition) = resource.get("Condition").and_then(Value::as_str)
            && !self.scope.condition(condition)?
        {
            return Ok(());
        }
        let kind = resource
            .get("Type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        self.resources.insert(id.to_owned(), kind.to_owned());
        let properties = Properties {
            scope: &self.scope,
            place: id,
            own: resource.get("Properties").unwrap_or(&Value::Null),
            globals: if kind == "AWS::Serverless::Function" {
                globals
            } else {
                &Value::Null
            },
        };
        match kind {
            "AWS::DynamoDB::Table" => self.tables.push(table(&properties)?),
            "AWS::SQS::Queue" => self.queues.push(queue(&properties)?),
            "AWS::Serverless::Function" | "AWS::Lambda::Function" => {
                let binary = resource.pointer("/Metadata/BuildProperties/Binary");
                self.functions
                    .push(function(&properties, binary.and_then(text))?);
            }
            _ => {}
        }
        Ok(())
    }
}

/// The properties of one resource.
struct Properties<'t> {
    scope: &'t Scope,
    place: &'t str,
    own: &'t Value,
    globals: &'t Value,
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

fn table(properties: &Properties<'_>) -> Result<Table, Error> {
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

fn queue(properties: &Properties<'_>) -> Result<Queue, Error> {
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

fn get_att_path(argument: &Value) -> String {
    match argument {
        Value::Array(parts) => parts.iter().filter_map(text).collect::<Vec<_>>().join("."),
        other => text(other).unwrap_or_default(),
    }
}

fn function(properties: &Properties<'_>, binary: Option<String>) -> Result<Function, Error> {
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

/// A scalar as text, a list of scalars joined by commas; `None` for everything else.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Array(items) => items
            .iter()
            .map(text)
            .collect::<Option<Vec<_>>>()
            .map(|t| t.join(",")),
        Value::Null | Value::Object(_) => None,
    }
}

/// A template as it is written, as JSON: `!Ref X` is `{"Ref": "X"}`.
///
/// # Errors
/// When it is not YAML.
pub fn document(source: &str) -> Result<Value, Error> {
    Ok(plain(serde_yaml_ng::from_str::<Yaml>(source)?))
}

/// YAML with short tags as JSON with the functions' long names.
fn plain(value: Yaml) -> Value {
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(truth) => Value::Bool(truth),
        Yaml::Number(number) => serde_json::to_value(number).unwrap_or_default(),
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => items.into_iter().map(plain).collect(),
        Yaml::Mapping(map) => {
            let entries = map.into_iter().map(|(key, value)| {
                let key = text(&plain(key)).unwrap_or_default();
                (key, plain(value))
            });
            Value::Object(entries.collect())
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = match tag.trim_start_matches('!') {
                short @ ("Ref" | "Condition") => short.to_owned(),
                short => format!("Fn::{short}"),
            };
            json!({name: plain(tagged.value)})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = include_str!("fixtures/template.yaml");

    #[test]
    fn tables_are_read_with_keys_indexes_and_time_to_live() {
        let template = Template::parse(TEMPLATE).expect("a template");
        let sessions = template.table("SessionsTable").expect("there");
        assert_eq!(sessions.name, "SessionsTable");
        assert_eq!(
            (sessions.hash_key.as_str(), sessions.range_key.as_deref()),
            ("session", Some("entry"))
        );
        assert_eq!(sessions.attributes["received_at"], "S");
        assert_eq!(sessions.indexes[0].name, "by-tenant");
        assert_eq!(
            sessions.indexes[0].range_key.as_deref(),
            Some("received_at")
        );
        assert_eq!(sessions.ttl_attribute.as_deref(), Some("expires_at"));
        assert_eq!(
            template.table("TenantsTable").expect("there").ttl_attribute,
            None
        );
    }

    #[test]
    fn queues_are_read_with_their_names_and_redrive_policy() {
        let template = Template::parse(TEMPLATE).expect("a template");
        let queue = template.queue("SessionsQueue").expect("there");
        assert_eq!(queue.name, "SessionsQueue.fifo");
        assert_eq!(queue.visibility_timeout, Duration::from_secs(1800));
        let redrive = queue.redrive.as_ref().expect("a policy");
        assert_eq!(
            (redrive.target.as_str(), redrive.max_receive_count),
            ("SessionsDlq", 400)
        );
        assert_eq!(
            template.queue("SessionsDlq").expect("there").name,
            "rescue-connector-dead.fifo"
        );
    }

    #[test]
    fn functions_are_read_with_globals_merged_and_events_understood() {
        let template = Template::parse(TEMPLATE).expect("a template");
        let details = template.function("SessionDetailsFunction").expect("there");
        assert_eq!(details.binary.as_deref(), Some("session-details"));
        assert_eq!(
            (details.timeout, details.memory_mb),
            (Duration::from_secs(10), 256)
        );
        assert!(
            details.environment.contains_key("TENANTS_TABLE"),
            "a global"
        );
        assert!(
            matches!(&details.events[..], [Event::HttpApi { method, .. }, Event::HttpApi { .. }] if method == "POST")
        );
        let deliver = template.function("DeliverSessionFunction").expect("there");
        assert_eq!(deliver.binary.as_deref(), Some("deliver-session"));
        assert_eq!(deliver.timeout, Duration::from_secs(300));
        let sessions = Event::Sqs {
            queue: "SessionsQueue".to_owned(),
            batch_size: 10,
            maximum_concurrency: Some(20),
            report_batch_item_failures: true,
            enabled: true,
        };
        assert_eq!(deliver.events, [sessions]);
    }

    #[test]
    fn conditions_and_parameters_decide_what_is_there() {
        let plain = Template::parse(TEMPLATE).expect("a template");
        assert!(!plain.resources.contains_key("DeadLetterAlarm"));
        let alarms = BTreeMap::from([("AlarmTopic".to_owned(), "topic".to_owned())]);
        let template = Template::parse_with(TEMPLATE, &alarms).expect("a template");
        assert!(template.resources.contains_key("DeadLetterAlarm"));
        let deliver = template.function("DeliverSessionFunction").expect("there");
        let alarms = deliver.environment["ALARMS"].resolve(template.scope());
        assert_eq!(alarms.expect("resolved").as_deref(), Some("topic"));
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_named() {
        let template = Template::parse(TEMPLATE).expect("a template");
        let deliver = template.function("DeliverSessionFunction").expect("there");
        let error = deliver
            .resolve_environment(template.scope())
            .expect_err("nothing is provisioned");
        assert_eq!(
            error.to_string(),
            "the reference SessionsQueue.QueueUrl cannot be resolved"
        );
    }
}
