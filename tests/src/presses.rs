//! Presses of the button: requests to `generate-pin`.

use local::demo_tenant::{CUSTOMER, TECHNICIAN, TENANT};
use local::servicenow::Created;
use serde_json::{Value, json};

use crate::{HttpAnswer, World};

/// What the button of a record sends: the demo's technician, the record, the demo's customer.
pub fn request(record: &Created) -> Value {
    json!({
        "technician": {"email": TECHNICIAN},
        "record": {"table": "incident", "sys_id": record.sys_id, "number": record.number},
        "customer": {"name": "Paul Martin", "email": CUSTOMER},
    })
}

impl World {
    /// The URL of the button.
    pub fn button(&self) -> String {
        let api = self.cloud.gateway.url();
        format!("{api}/integration/api/servicenow/pincodes/{TENANT}")
    }

    /// Presses the button.
    pub async fn press(&self, request: &Value) -> HttpAnswer {
        self.press_with(request, None).await
    }

    /// Presses the button, with an `Idempotency-Key` or without.
    pub async fn press_with(&self, request: &Value, key: Option<&str>) -> HttpAnswer {
        let mut sent = crate::answer::client()
            .post(self.button())
            .bearer_auth(self.api_key.expose())
            .header("content-type", "application/json")
            .body(request.to_string());
        if let Some(key) = key {
            sent = sent.header("idempotency-key", key);
        }
        HttpAnswer::to(sent).await
    }

    /// Presses the button, and expects a PIN.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn pin(&self, request: &Value) -> String {
        let answer = self.press(request).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let answer = answer.json();
        answer["pin"].as_str().expect("a PIN").to_owned()
    }
}
