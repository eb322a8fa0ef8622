//! Attributes of DynamoDB items as the connector's types, and back.
//!
//! A missing attribute and one that cannot be read are both `None`.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::domain::clock::Timestamp;
use crate::domain::error::ErrorCode;

/// An item: its attributes by name.
pub type Item = HashMap<String, AttributeValue>;

/// A text attribute (`S`).
pub fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// A number attribute (`N`); also `None` when it does not fit the type.
pub fn number<N: FromStr>(item: &Item, name: &str) -> Option<N> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// A text attribute that holds an RFC 3339 date-time.
pub fn timestamp(item: &Item, name: &str) -> Option<Timestamp> {
    Timestamp::parse(text(item, name)?)
}

/// A text attribute that holds an error code.
pub fn error_code(item: &Item, name: &str) -> Option<ErrorCode> {
    ErrorCode::parse(text(item, name)?)
}

/// Whether a boolean attribute is there and true.
pub fn flag(item: &Item, name: &str) -> bool {
    item.get(name).and_then(|value| value.as_bool().ok()) == Some(&true)
}

/// A value as a text attribute.
pub fn text_value(value: impl Display) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// An integer as a number attribute.
pub fn number_value(value: impl Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
