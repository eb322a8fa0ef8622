//! Route keys, and which route takes a request.

use std::collections::BTreeMap;

use axum::http::Method;

use super::error::GatewayError;
use crate::lambda::pool::Lambda;

/// A route and the function behind it.
pub struct Route {
    pub(super) key: String,
    pub(super) lambda: Lambda,
    /// `None` takes every method.
    method: Option<Method>,
    /// `None` takes every path.
    path: Option<Vec<Segment>>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Debug)]
enum Segment {
    Literal(String),
    Variable(String),
    Greedy(String),
}

impl Route {
    /// Reads a route key as API Gateway writes it: `POST /a/{b}`, `ANY /a/{rest+}`, `$default`.
    pub fn new(key: &str, lambda: Lambda) -> Result<Self, GatewayError> {
        let refused = || GatewayError::Route(key.to_owned());
        let (method, path) = match key {
            "$default" => (None, None),
            _ => {
                let (method, path) = key.split_once(' ').ok_or_else(refused)?;
                let path = path.strip_prefix('/').ok_or_else(refused)?;
                let method = match method {
                    "ANY" => None,
                    method => Some(method.parse().map_err(|_| refused())?),
                };
                (method, Some(path.split('/').map(Segment::parse).collect()))
            }
        };
        Ok(Self {
            key: key.to_owned(),
            lambda,
            method,
            path,
        })
    }

    /// The path's variables when this route takes the request.
    pub(super) fn matches(&self, method: &Method, path: &str) -> Option<BTreeMap<String, String>> {
        if self.method.as_ref().is_some_and(|own| own != method) {
            return None;
        }
        let mut variables = BTreeMap::new();
        let Some(segments) = &self.path else {
            return Some(variables);
        };
        let mut parts = path.strip_prefix('/')?.split('/');
        for segment in segments {
            let part = parts.next()?;
            match segment {
                Segment::Literal(literal) if literal == part => {}
                Segment::Variable(name) if !part.is_empty() => {
                    variables.insert(name.clone(), part.to_owned());
                }
                Segment::Greedy(name) if !part.is_empty() => {
                    let rest: Vec<&str> = std::iter::once(part).chain(parts.by_ref()).collect();
                    variables.insert(name.clone(), rest.join("/"));
                }
                Segment::Literal(_) | Segment::Variable(_) | Segment::Greedy(_) => return None,
            }
        }
        parts.next().is_none().then_some(variables)
    }

    /// The most specific route comes first: literal before variable before greedy, then a method before `ANY`.
    pub(super) fn rank(&self) -> impl Ord + use<> {
        let kind = |segment: &Segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Variable(_) => 1,
            Segment::Greedy(_) => 2,
        };
        let path = self.path.as_ref();
        let kinds = path.map(|path| path.iter().map(kind).collect::<Vec<u8>>());
        (kinds.is_none(), kinds, self.method.is_none())
    }
}

impl Segment {
    fn parse(text: &str) -> Self {
        let variable = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        match variable.map(|name| (name, name.strip_suffix('+'))) {
            None => Self::Literal(text.to_owned()),
            Some((name, None)) => Self::Variable(name.to_owned()),
            Some((_, Some(name))) => Self::Greedy(name.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::testing::function;

    #[test]
    fn a_route_key_that_is_none_is_refused() {
        for key in ["", "POST", "POST pins", "P\u{f6}ST /pins"] {
            let route = Route::new(key, Lambda::start(function()));
            assert!(matches!(route, Err(GatewayError::Route(_))), "{key}");
        }
    }
}
