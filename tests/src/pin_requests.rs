//! Requests to `generate-pin`.

use local::demo_tenant::{CUSTOMER, TECHNICIAN, TENANT};
use local::servicenow::Created;
use serde_json::{Value, json};

use crate::{HttpAnswer, World};

/// The request of the demo's technician for a PIN for a record and the demo's customer.
pub fn request(record: &Created) -> Value {
    json!({
        "technician": {"email": TECHNICIAN},
        "record": {"table": "incident", "sys_id": record.sys_id, "number": record.number},
        "customer": {"name": "Paul Martin", "email": CUSTOMER},
    })
}

impl World {
    /// The route's URL.
    pub fn pin_url(&self) -> String {
        let api = self.cloud.gateway.url();
        format!("{api}/integration/api/servicenow/pincodes/{TENANT}")
    }

    /// Sends a request without an `Idempotency-Key`.
    pub async fn request_pin(&self, request: &Value) -> HttpAnswer {
        self.request_pin_with(request, None).await
    }

    /// Sends a request, with an `Idempotency-Key` or without.
    pub async fn request_pin_with(&self, request: &Value, key: Option<&str>) -> HttpAnswer {
        let mut sent = crate::answer::client()
            .post(self.pin_url())
            .bearer_auth(self.api_key.expose())
            .header("content-type", "application/json")
            .body(request.to_string());
        if let Some(key) = key {
            sent = sent.header("idempotency-key", key);
        }
        HttpAnswer::to(sent).await
    }

    /// The PIN of a request without an `Idempotency-Key`.
    ///
    /// # Panics
    /// When the request is refused.
    pub async fn pin(&self, request: &Value) -> String {
        let answer = self.request_pin(request).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let answer = answer.json();
        answer["pin"].as_str().expect("a PIN").to_owned()
    }
}
