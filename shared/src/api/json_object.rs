//! A JSON object of a request's body.

use serde_json::{Map, Value};

use crate::domain::error::{ErrorCode, Problem};

/// An object of a JSON body, read member by member. A problem names a member's path and never its value: problems are
/// logged, and a value may be a secret.
#[derive(Clone, Debug)]
pub struct JsonObject {
    path: String,
    members: Map<String, Value>,
}

impl JsonObject {
    /// Reads a body.
    ///
    /// # Errors
    /// `invalid-request` when it is not a JSON object.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let value = serde_json::from_slice(body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let detail = format!(
                "Send a JSON object. The body stops being one at line {line}, column {column}."
            );
            Problem::new(ErrorCode::InvalidRequest, detail)
        })?;
        match value {
            Value::Object(members) => Ok(Self {
                path: String::new(),
                members,
            }),
            _ => Err(invalid("Send a JSON object.")),
        }
    }

    /// The member's path, as problems name it.
    pub fn path(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }

    /// Whether there is such a member, with any value.
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// A member that is an object; an empty one where it is absent or `null`.
    ///
    /// # Errors
    /// `invalid-request` when it is anything else.
    pub fn object(&self, name: &str) -> Result<Self, Problem> {
        let members = match self.members.get(name) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(members)) => members.clone(),
            Some(_) => return Err(self.wrong(name, "has to be an object")),
        };
        Ok(Self {
            path: format!("{}{name}.", self.path),
            members,
        })
    }

    /// A member that is a text, without the blanks around it; `None` where it is absent, `null` or blank.
    ///
    /// # Errors
    /// `invalid-request` when it is anything else.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
            Some(_) => Err(self.wrong(name, "has to be a text")),
        }
    }

    /// A text that the request cannot do without.
    ///
    /// # Errors
    /// `invalid-request` when it is absent, blank or anything else.
    pub fn required(&self, name: &str) -> Result<&str, Problem> {
        self.text(name)?
            .ok_or_else(|| self.wrong(name, "is missing"))
    }

    /// A member that is `true` or `false`.
    ///
    /// # Errors
    /// `invalid-request` when it is anything else.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.wrong(name, "has to be true or false")),
        }
    }

    /// A member that is a whole number of one or more, as a number or as a text.
    ///
    /// # Errors
    /// `invalid-request` when it is anything else.
    pub fn count(&self, name: &str) -> Result<Option<u64>, Problem> {
        let count = match self.members.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        match count {
            Some(count) if count > 0 => Ok(Some(count)),
            _ => Err(self.wrong(name, "has to be a whole number of one or more")),
        }
    }

    /// All members.
    pub fn into_members(self) -> Map<String, Value> {
        self.members
    }

    /// The members' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// `invalid-request`, about one member.
    pub fn wrong(&self, name: &str, what: &str) -> Problem {
        invalid(&format!("{} {what}.", self.path(name)))
    }
}

fn invalid(detail: &str) -> Problem {
    Problem::new(ErrorCode::InvalidRequest, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_body_is_named_by_its_path_and_never_by_its_value() {
        let body = br#"{"a": {"b": 7, "secret": ["hunter2"]}, "n": "12"}"#;
        let root = JsonObject::parse(body).expect("an object");
        assert_eq!(root.count("n"), Ok(Some(12)));
        let inner = root.object("a").expect("an object");
        for (problem, expected) in [
            (inner.required("c").expect_err("absent"), "a.c is missing."),
            (
                inner.text("secret").expect_err("a list"),
                "a.secret has to be a text.",
            ),
            (
                root.object("n").expect_err("a text"),
                "n has to be an object.",
            ),
            (
                inner.flag("b").expect_err("a number"),
                "a.b has to be true or false.",
            ),
        ] {
            assert_eq!(problem, Problem::new(ErrorCode::InvalidRequest, expected));
        }
        let broken = JsonObject::parse(br#"{"refresh_token": "hunter2"#).expect_err("broken");
        assert!(!broken.detail.contains("hunter2"), "{}", broken.detail);
    }
}
