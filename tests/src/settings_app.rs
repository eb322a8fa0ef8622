//! The HTTP API as the app in ServiceNow uses it to set a tenant up.

use local::demo_tenant::TENANT;
use reqwest::Method;
use serde_json::{Value, json};
use shared::aws::tenants::KeyScope;

use crate::{HttpAnswer, World};

/// The HTTP API as the app in ServiceNow uses it.
pub struct SettingsApp<'w> {
    /// Its stack.
    pub world: &'w World,
    /// The tenant of its requests.
    pub tenant: String,
    /// Its API key.
    pub key: String,
}

impl SettingsApp<'_> {
    /// Sends a request; `tag` is its `If-Match`.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        tag: Option<&str>,
        body: Value,
    ) -> HttpAnswer {
        let url = format!("{}/integration/api/servicenow/{path}", api_url(self.world));
        let request = shared::http::client(None)
            .expect("TLS")
            .request(method, url)
            .bearer_auth(&self.key);
        let request = request.header("changed-by", "ana.ruiz").json(&body);
        let request = match tag {
            Some(tag) => request.header("if-match", tag),
            None => request,
        };
        HttpAnswer::to(request).await
    }

    /// The settings.
    ///
    /// # Panics
    /// When they are refused.
    pub async fn settings(&self) -> Value {
        let path = format!("settings/{}", self.tenant);
        let answer = self.call(Method::GET, &path, None, Value::Null).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Sends a merge patch of a version of the settings.
    pub async fn patch(&self, version: u64, patch: Value) -> HttpAnswer {
        let path = format!("settings/{}", self.tenant);
        self.call(Method::PATCH, &path, Some(&format!("\"{version}\"")), patch)
            .await
    }

    /// Changes the settings as they are now.
    ///
    /// # Panics
    /// When the change is refused.
    pub async fn set(&self, patch: Value) -> Value {
        let version = self.settings().await["version"]
            .as_u64()
            .expect("a version");
        let answer = self.patch(version, patch).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Sets a secret.
    pub async fn set_secret(&self, name: &str, value: &str) -> HttpAnswer {
        let path = format!("secrets/{}/{name}", self.tenant);
        self.call(Method::PUT, &path, None, json!({"value": value}))
            .await
    }

    /// The status.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn status(&self) -> Value {
        let path = format!("status/{}", self.tenant);
        let answer = self.call(Method::GET, &path, None, Value::Null).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }
}

impl SettingsApp<'_> {
    /// The answer to a request for the status with a query: `checks=true`.
    pub async fn status_with(&self, query: &str) -> HttpAnswer {
        let path = format!("status/{}?{query}", self.tenant);
        self.call(Method::GET, &path, None, Value::Null).await
    }

    /// The checks of the status, for a technician.
    ///
    /// # Panics
    /// When they are refused.
    pub async fn checks(&self, technician: &str) -> Vec<Value> {
        let query = format!("checks=true&technician={technician}");
        let answer = self.status_with(&query).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let checks = answer.json()["checks"].as_array().cloned();
        checks.expect("checks")
    }
}

impl<'w> SettingsApp<'w> {
    /// The demo's tenant, which is managed by a file.
    pub async fn of_the_demo(world: &'w World) -> Self {
        let key = world.api_key_for(KeyScope::Settings).await;
        Self {
            world,
            tenant: TENANT.to_owned(),
            key: key.expose().to_owned(),
        }
    }
}

/// The address of a stack's HTTP API.
///
/// # Panics
/// Never: the embedded stack has one.
pub fn api_url(world: &World) -> &str {
    world
        .cloud
        .stack
        .api_url
        .as_deref()
        .expect("the stack has an HTTP API")
}
