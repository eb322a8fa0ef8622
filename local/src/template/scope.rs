//! References and intrinsic functions: `Ref`, `GetAtt`, `Sub`, `If` and others, and conditions.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::document::{items, text};
use super::error::Error;

/// A value of the template that may hold references.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(pub(super) Value);

impl Expression {
    /// The text it stands for; `None` for `AWS::NoValue`. Numbers and booleans become text, lists are joined by commas.
    ///
    /// # Errors
    /// [`Error::Unresolved`] names the first reference that cannot be resolved.
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
    pub(super) fn new(conditions: Map<String, Value>, mappings: Value) -> Self {
        Self {
            conditions,
            mappings,
            ..Self::default()
        }
    }

    /// Makes `Ref name` (and `${name}`) stand for `value`.
    pub fn set_reference(&mut self, name: &str, value: &str) {
        self.references.insert(name.to_owned(), value.to_owned());
    }

    /// Makes `GetAtt name.attribute` (and `${name.attribute}`) stand for `value`.
    pub fn set_attribute(&mut self, name: &str, attribute: &str, value: &str) {
        let path = format!("{name}.{attribute}");
        self.attributes.insert(path, value.to_owned());
    }

    /// Any part of a template with every reference followed; what is `AWS::NoValue` is left out.
    ///
    /// # Errors
    /// [`Error::Unresolved`] names the first reference that cannot be resolved.
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
        let found = self.references.get(name).map(|value| json!(value));
        found.ok_or_else(|| Error::Unresolved(name.to_owned()))
    }

    fn attribute(&self, argument: &Value) -> Result<Value, Error> {
        let path = get_att_path(argument);
        let found = self.attributes.get(&path).map(|value| json!(value));
        found.ok_or(Error::Unresolved(path))
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
            let unclosed = || Error::Unresolved(format!("${{{after}"));
            let (name, behind) = after.split_once('}').ok_or_else(unclosed)?;
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
        let separator = argument[0].as_str().unwrap_or_default();
        let parts = self.resolve(&argument[1])?;
        let parts: Vec<String> = items(&parts).filter_map(text).collect();
        Ok(json!(parts.join(separator)))
    }

    fn select(&self, argument: &Value) -> Result<Value, Error> {
        let index = text(&argument[0]);
        let index = index.and_then(|index| index.parse::<usize>().ok());
        let list = self.resolve(&argument[1])?;
        let item = index.and_then(|index| list.get(index)).cloned();
        item.ok_or_else(|| Error::Unresolved("Fn::Select".to_owned()))
    }

    fn split(&self, argument: &Value) -> Result<Value, Error> {
        let separator = argument[0].as_str().unwrap_or_default();
        let whole = self.resolve(&argument[1])?;
        let whole = text(&whole).unwrap_or_default();
        Ok(whole.split(separator).collect())
    }

    fn choose(&self, argument: &Value) -> Result<Value, Error> {
        let name = argument[0].as_str().unwrap_or_default();
        let branch = if self.condition(name)? { 1 } else { 2 };
        self.resolve(&argument[branch])
    }

    fn find_in_map(&self, argument: &Value) -> Result<Value, Error> {
        let keys = self.resolve(argument)?;
        let mut found = &self.mappings;
        for key in items(&keys) {
            found = &found[text(key).unwrap_or_default()];
        }
        if found.is_null() {
            return Err(Error::Unresolved("Fn::FindInMap".to_owned()));
        }
        Ok(found.clone())
    }

    pub(super) fn condition(&self, name: &str) -> Result<bool, Error> {
        let expression = self.conditions.get(name);
        self.holds(expression.ok_or_else(|| Error::Unresolved(format!("condition {name}")))?)
    }

    fn holds(&self, expression: &Value) -> Result<bool, Error> {
        let Some((name, argument)) = expression.as_object().and_then(|map| map.iter().next())
        else {
            return Ok(expression.as_bool().unwrap_or_default());
        };
        match name.as_str() {
            "Condition" => self.condition(argument.as_str().unwrap_or_default()),
            "Fn::Equals" => {
                let sides = self.resolve(argument)?;
                Ok(sides.get(0).and_then(text) == sides.get(1).and_then(text))
            }
            "Fn::Not" => Ok(!self.holds(&argument[0])?),
            "Fn::And" => items(argument).try_fold(true, |all, part| Ok(all & self.holds(part)?)),
            "Fn::Or" => items(argument).try_fold(false, |any, part| Ok(any | self.holds(part)?)),
            other => Err(Error::Unresolved(other.to_owned())),
        }
    }
}

pub(super) fn get_att_path(argument: &Value) -> String {
    match argument {
        Value::Array(parts) => parts.iter().filter_map(text).collect::<Vec<_>>().join("."),
        other => text(other).unwrap_or_default(),
    }
}
