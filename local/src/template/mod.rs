//! `template.yaml` as a plain model: what the embedded cloud has to create and the functions it has to run.
//!
//! Reads the part of SAM and CloudFormation that this project uses; it ignores the rest. A reference that it
//! cannot follow is an error that names it.

mod document;
mod error;
mod resources;
mod scope;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

use self::document::text;
use self::resources::Properties;

pub use self::document::document;
pub use self::error::Error;
pub use self::resources::{Event, Function, Index, Queue, Redrive, Table};
pub use self::scope::{Expression, Scope};

/// The stack's name where none is given (the command line's default).
pub const STACK: &str = "rescue-connector";
/// The region of the embedded cloud.
pub const REGION: &str = "us-east-1";
/// The account of the embedded cloud.
pub const ACCOUNT: &str = "000000000000";

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

impl Template {
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
        let section = |name: &str| document[name].as_object().cloned().unwrap_or_default();
        let parameters: BTreeMap<String, Option<String>> = section("Parameters")
            .iter()
            .map(|(name, parameter)| {
                let default = text(&parameter["Default"]);
                (name.clone(), given.get(name).cloned().or(default))
            })
            .collect();
        let mappings = Value::Object(section("Mappings"));
        let mut scope = Scope::new(section("Conditions"), mappings);
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
        for (id, resource) in section("Resources") {
            template.add(&id, &resource, &document["Globals"]["Function"])?;
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
        if let Some(condition) = resource["Condition"].as_str()
            && !self.scope.condition(condition)?
        {
            return Ok(());
        }
        let kind = resource["Type"].as_str().unwrap_or_default();
        self.resources.insert(id.to_owned(), kind.to_owned());
        let properties = Properties {
            scope: &self.scope,
            place: id,
            own: &resource["Properties"],
            globals: match kind {
                "AWS::Serverless::Function" => globals,
                _ => &Value::Null,
            },
        };
        match kind {
            "AWS::DynamoDB::Table" => self.tables.push(resources::table(&properties)?),
            "AWS::SQS::Queue" => self.queues.push(resources::queue(&properties)?),
            "AWS::Serverless::Function" | "AWS::Lambda::Function" => {
                let binary = text(&resource["Metadata"]["BuildProperties"]["Binary"]);
                let function = resources::function(&properties, binary)?;
                self.functions.push(function);
            }
            _ => {}
        }
        Ok(())
    }
}
