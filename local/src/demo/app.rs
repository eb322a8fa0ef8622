//! The HTTP API as the app in ServiceNow calls it.

use reqwest::Method;
use serde_json::{Value, json};
use shared::aws::tenants::WebhookUrls;
use shared::domain::secret::Secret;

use crate::multicall::MulticallError;

/// One tenant's app, with its API key.
pub(super) struct App {
    api: String,
    tenant: String,
    key: Secret,
}

/// An answer of the HTTP API.
pub(super) struct Answer {
    pub(super) status: u16,
    /// The header `ETag`.
    tag: Option<String>,
    text: String,
}

impl App {
    pub(super) fn new(api: &str, tenant: &str, key: Secret) -> Self {
        Self {
            api: api.to_owned(),
            tenant: tenant.to_owned(),
            key,
        }
    }

    /// Exchanges the set-up link's code for an API key and webhook URLs.
    pub(super) async fn enrol(
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
    pub(super) async fn post(&self, route: &str, body: &Value) -> Result<Value, MulticallError> {
        let path = format!("{route}/{}", self.tenant);
        let answer = self.send(Method::POST, &path, None, body).await?;
        answer.json(route)
    }

    /// The settings, and the `ETag` that names their version.
    pub(super) async fn settings(&self) -> Result<(Value, String), MulticallError> {
        let answer = self.get("settings").await?;
        let tag = answer.tag.clone().ok_or("settings without an ETag")?;
        Ok((answer.json("settings")?, tag))
    }

    /// The status.
    pub(super) async fn status(&self) -> Result<Value, MulticallError> {
        self.get("status").await?.json("status")
    }

    async fn get(&self, route: &str) -> Result<Answer, MulticallError> {
        let path = format!("{route}/{}", self.tenant);
        self.send(Method::GET, &path, None, &Value::Null).await
    }

    /// Changes the settings of the version that a tag names.
    pub(super) async fn patch(&self, tag: &str, patch: &Value) -> Result<Answer, MulticallError> {
        let path = format!("settings/{}", self.tenant);
        self.send(Method::PATCH, &path, Some(tag), patch).await
    }

    /// Changes the settings as they are now.
    pub(super) async fn change_settings(&self, patch: &Value) -> Result<(), MulticallError> {
        let (_, tag) = self.settings().await?;
        self.patch(&tag, patch).await?.succeeded("settings")
    }

    /// Sets a secret.
    pub(super) async fn set_secret(&self, name: &str, value: &str) -> Result<(), MulticallError> {
        let path = format!("secrets/{}/{name}", self.tenant);
        let body = json!({ "value": value });
        let answer = self.send(Method::PUT, &path, None, &body).await?;
        answer.succeeded("secrets")
    }

    /// Retires a webhook key.
    pub(super) async fn retire(&self, id: &str) -> Result<(), MulticallError> {
        let path = format!("webhook-keys/{}/{id}", self.tenant);
        let answer = self.send(Method::DELETE, &path, None, &Value::Null).await?;
        answer.succeeded("webhook-keys")
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        if_match: Option<&str>,
        body: &Value,
    ) -> Result<Answer, MulticallError> {
        let url = format!("{}/integration/api/servicenow/{path}", self.api);
        let request = shared::http::client(None)?
            .request(method, url)
            .bearer_auth(self.key.expose())
            .header("changed-by", "demo.admin");
        let request = match if_match {
            Some(tag) => request.header("if-match", tag),
            None => request,
        };
        let request = match body {
            Value::Null => request,
            body => request.json(body),
        };
        let answer = request.send().await?;
        let tag = answer.headers().get("etag");
        Ok(Answer {
            status: answer.status().as_u16(),
            tag: tag.and_then(|tag| tag.to_str().ok()).map(str::to_owned),
            text: answer.text().await?,
        })
    }
}

impl Answer {
    /// The body of a success.
    pub(super) fn json(&self, route: &str) -> Result<Value, MulticallError> {
        self.succeeded(route)?;
        Ok(serde_json::from_str(&self.text)?)
    }

    pub(super) fn succeeded(&self, route: &str) -> Result<(), MulticallError> {
        match self.status {
            200..300 => Ok(()),
            status => Err(format!("{route} was answered {status} {}", self.text).into()),
        }
    }
}

/// The webhook URLs of an answer.
pub(super) fn webhook_urls(answer: &Value) -> Result<WebhookUrls, MulticallError> {
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
