//! A request to a ServiceNow API, before it has a token.

use http::Method;
use serde::Serialize;

use super::columns::Columns;

pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<(&'static str, Vec<u8>)>,
}

impl Call {
    pub(super) const fn new(
        method: Method,
        path: String,
        body: Option<(&'static str, Vec<u8>)>,
    ) -> Self {
        Self {
            method,
            path,
            query: Vec::new(),
            body,
        }
    }

    pub(super) fn json(method: Method, path: String, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self::new(method, path, Some(("application/json", body)))
    }

    /// A call whose answer has rows.
    pub(super) fn get(path: String) -> Self {
        Self::new(Method::GET, path, None).with_plain_references()
    }

    /// A call whose answer is the written row with the written columns, both as stored and as shown: journals are only
    /// shown.
    pub(super) fn write(method: Method, path: String, columns: &Columns) -> Self {
        let mut fields = "sys_id,number".to_owned();
        for column in columns.keys() {
            fields.push(',');
            fields.push_str(column);
        }
        Self::json(method, path, columns)
            .with_plain_references()
            .query("sysparm_fields", &fields)
            .query("sysparm_display_value", "all")
    }

    fn with_plain_references(self) -> Self {
        self.query("sysparm_exclude_reference_link", "true")
    }

    pub(super) fn query(mut self, name: &'static str, value: &str) -> Self {
        self.query.push((name, value.to_owned()));
        self
    }
}
