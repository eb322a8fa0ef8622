//! The HTTP API as the app in ServiceNow calls it.

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use shared::aws::tenants::WebhookUrls;
use shared::domain::secret::Secret;

use crate::multicall::MulticallError;
use crate::sandbox::shell::quoted;

/// Where the HTTP API has the routes of the app.
const ROUTES: &str = "/integration/api/servicenow/";

/// One tenant's app, with its API key.
#[derive(Clone)]
pub(crate) struct App {
    api: String,
    tenant: String,
    key: Secret,
    /// Who uses it.
    user: String,
}

/// An answer of the HTTP API.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    text: String,
}

impl App {
    pub(crate) fn new(api: &str, tenant: &str, key: Secret) -> Self {
        Self {
            api: api.to_owned(),
            tenant: tenant.to_owned(),
            key,
            user: "demo.admin".to_owned(),
        }
    }

    /// The same as another user uses it.
    pub(crate) fn used_by(&self, user: &str) -> Self {
        let user = user.to_owned();
        Self {
            user,
            ..self.clone()
        }
    }

    /// Exchanges the set-up link's code for an API key and webhook URLs.
    pub(crate) async fn enrol(
        api: &str,
        tenant: &str,
        code: &Secret,
        instance: &str,
    ) -> Result<Answer, MulticallError> {
        let app = Self::new(api, tenant, code.clone());
        let path = format!("enrolment/{tenant}");
        let body = json!({ "instance": instance });
        app.send(Method::POST, &path, None, &body).await
    }

    /// Posts to `{route}/{tenant}`; fails unless the answer is a success.
    pub(crate) async fn post(&self, route: &str, body: &Value) -> Result<Value, MulticallError> {
        let path = self.path(route);
        let answer = self.send(Method::POST, &path, None, body).await?;
        answer.json(route)
    }

    /// The settings, and the `ETag` that names their version.
    pub(crate) async fn settings(&self) -> Result<(Value, String), MulticallError> {
        let answer = self.get("settings").await?;
        let tag = answer.header("etag").ok_or("settings without an ETag")?;
        Ok((answer.json("settings")?, tag.to_owned()))
    }

    /// Asks for a PIN; the same key gets the same PIN for ten minutes.
    pub(crate) async fn pin(&self, body: &Value, key: &str) -> Result<Answer, MulticallError> {
        let path = self.path("pincodes");
        let key = Some((IDEMPOTENCY_KEY, key));
        self.send(Method::POST, &path, key, body).await
    }

    /// The status.
    pub(crate) async fn status(&self) -> Result<Value, MulticallError> {
        self.get("status").await?.json("status")
    }

    /// Reads `{route}/{tenant}`; a route may end with a query.
    pub(crate) async fn get(&self, route: &str) -> Result<Answer, MulticallError> {
        let path = self.path(route);
        self.send(Method::GET, &path, None, &Value::Null).await
    }

    /// Changes the settings of the version that a tag names.
    pub(crate) async fn patch(&self, tag: &str, patch: &Value) -> Result<Answer, MulticallError> {
        let path = self.path("settings");
        let tag = Some((IF_MATCH, tag));
        self.send(Method::PATCH, &path, tag, patch).await
    }

    /// Changes the settings as they are now.
    pub(crate) async fn change_settings(&self, patch: &Value) -> Result<(), MulticallError> {
        let (_, tag) = self.settings().await?;
        self.patch(&tag, patch).await?.succeeded("settings")
    }

    /// Sets a secret.
    pub(crate) async fn set_secret(&self, name: &str, value: &str) -> Result<(), MulticallError> {
        let path = format!("secrets/{}/{name}", self.tenant);
        let body = json!({ "value": value });
        let answer = self.send(Method::PUT, &path, None, &body).await?;
        answer.succeeded("secrets")
    }

    /// Retires a webhook key.
    pub(crate) async fn retire(&self, id: &str) -> Result<(), MulticallError> {
        let path = format!("webhook-keys/{}/{id}", self.tenant);
        let answer = self.send(Method::DELETE, &path, None, &Value::Null).await?;
        answer.succeeded("webhook-keys")
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        header: Option<(&str, &str)>,
        body: &Value,
    ) -> Result<Answer, MulticallError> {
        let url = format!("{}{ROUTES}{path}", self.api);
        let request = shared::http::client(None)?
            .request(method, url)
            .bearer_auth(self.key.expose())
            .header("accept", "application/json")
            .header("changed-by", &self.user);
        let request = match header {
            Some((name, value)) => request.header(name, value),
            None => request,
        };
        let request = match body {
            Value::Null => request,
            body => request.json(body),
        };
        let answer = request.send().await?;
        Ok(Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: answer.text().await?,
        })
    }

    /// The command that reads a route as [`App::get`] does.
    pub(crate) fn get_command(&self, route: &str) -> String {
        self.command(Method::GET, &self.path(route), None, &Value::Null)
    }

    /// The command that asks for a PIN as [`App::pin`] does.
    pub(crate) fn pin_command(&self, body: &Value, key: &str) -> String {
        let path = self.path("pincodes");
        self.command(Method::POST, &path, Some((IDEMPOTENCY_KEY, key)), body)
    }

    /// The command that changes settings as [`App::patch`] does.
    pub(crate) fn patch_command(&self, tag: &str, patch: &Value) -> String {
        let path = self.path("settings");
        self.command(Method::PATCH, &path, Some((IF_MATCH, tag)), patch)
    }

    fn command(
        &self,
        method: Method,
        path: &str,
        header: Option<(&str, &str)>,
        body: &Value,
    ) -> String {
        let mut command = format!(
            "curl -i -X {method} {}",
            quoted(&format!("{}{ROUTES}{path}", self.api))
        );
        let bearer = format!("Bearer {}", self.key.expose());
        let headers = [
            Some(("Authorization", bearer.as_str())),
            Some(("Changed-By", self.user.as_str())),
            header,
            Some(("Content-Type", "application/json")).filter(|_| !body.is_null()),
        ];
        for (name, value) in headers.into_iter().flatten() {
            command += &format!(" -H {}", quoted(&format!("{name}: {value}")));
        }
        if !body.is_null() {
            command += &format!(" -d {}", quoted(&body.to_string()));
        }
        command
    }

    /// A route of the tenant, with its query.
    fn path(&self, route: &str) -> String {
        match route.split_once('?') {
            Some((route, query)) => format!("{route}/{}?{query}", self.tenant),
            None => format!("{route}/{}", self.tenant),
        }
    }
}

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
const IF_MATCH: &str = "If-Match";

impl Answer {
    /// A header's value; `None` when it is missing or no text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON, also of a refusal; null when it is none.
    pub(crate) fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The body of a success.
    pub(crate) fn json(&self, route: &str) -> Result<Value, MulticallError> {
        self.succeeded(route)?;
        Ok(serde_json::from_str(&self.text)?)
    }

    pub(crate) fn succeeded(&self, route: &str) -> Result<(), MulticallError> {
        match self.status {
            200..300 => Ok(()),
            status => Err(format!("{route} was answered {status} {}", self.text).into()),
        }
    }
}

/// The webhook URLs of an answer.
pub(crate) fn webhook_urls(answer: &Value) -> Result<WebhookUrls, MulticallError> {
    let url = |event: &str| {
        let url = answer["webhook_urls"][event].as_str();
        url.map(Secret::from)
            .ok_or("an answer without webhook URLs")
    };
    Ok(WebhookUrls {
        started: url("started")?,
        ended: url("ended")?,
    })
}
