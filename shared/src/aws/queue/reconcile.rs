//! The queue of `reconcile-sessions`: one message for each tenant whose sessions are compared with Rescue's report.

use std::time::Duration;

use aws_sdk_sqs::operation::send_message::{SendMessage, SendMessageInput};
use serde::{Deserialize, Serialize};

use crate::aws::direct::DirectClient;
use crate::aws::queue::message::DecodeError;
use crate::aws::queue::queues::QueueError;
use crate::domain::clock::Timestamp;
use crate::domain::tenant::TenantId;

/// SQS delays a message by at most a quarter of an hour.
const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// A tenant whose sessions are to be compared: the queue's message, version 1.
///
/// As JSON: `{"v":1,"tenant","shares_account_with":[…],"scheduled_at"}`. To be continued later it is sent again as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileRequest {
    v: u32,
    /// The tenant.
    pub tenant: TenantId,
    /// The other tenants with the same Rescue account, as far as the schedule knew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares_account_with: Vec<TenantId>,
    /// When the schedule asked for it. Tells the messages of one run from those of another.
    pub scheduled_at: Timestamp,
}

impl ReconcileRequest {
    /// The request of a schedule.
    pub const fn new(
        tenant: TenantId,
        shares_account_with: Vec<TenantId>,
        scheduled_at: Timestamp,
    ) -> Self {
        Self {
            v: 1,
            tenant,
            shares_account_with,
            scheduled_at,
        }
    }

    /// Reads a message body.
    ///
    /// # Errors
    /// When it is not a request of version 1.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        let request: Self = serde_json::from_str(text).map_err(|_| DecodeError::Malformed)?;
        if request.v == 1 {
            Ok(request)
        } else {
            Err(DecodeError::UnknownVersion)
        }
    }
}

/// Sends to the queue.
#[derive(Clone, Debug)]
pub struct ReconcileQueue {
    sqs: DirectClient,
    url: String,
}

impl ReconcileQueue {
    /// The queue at this URL.
    pub const fn new(sqs: DirectClient, url: String) -> Self {
        Self { sqs, url }
    }

    /// Sends a request that is received after `delay`, of at most 15 minutes.
    ///
    /// # Errors
    /// When SQS did not confirm it.
    pub async fn send(
        &self,
        request: &ReconcileRequest,
        delay: Duration,
    ) -> Result<(), QueueError> {
        let body = serde_json::to_string(request).map_err(|error| QueueError(error.to_string()))?;
        let seconds = delay.min(LONGEST_DELAY).as_secs();
        let message = SendMessageInput::builder()
            .queue_url(&self.url)
            .message_body(body)
            .delay_seconds(i32::try_from(seconds).unwrap_or_default());
        let sent = self.sqs.call::<SendMessage>(message.build()).await;
        sent.map_err(|error| QueueError::of(&self.url, &error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reads_back_what_it_wrote_and_another_version_is_told_apart() {
        let tenant = TenantId::parse("acme").expect("valid");
        let alone = ReconcileRequest::new(tenant.clone(), Vec::new(), Timestamp::from_millis(0));
        let text = serde_json::to_string(&alone).expect("JSON");
        let expected = r#"{"v":1,"tenant":"acme","scheduled_at":"1970-01-01T00:00:00.000Z"}"#;
        assert_eq!(text, expected);
        assert_eq!(ReconcileRequest::decode(&text), Ok(alone));
        let later = text.replace("\"v\":1", "\"v\":2");
        let unknown = Err(DecodeError::UnknownVersion);
        assert_eq!(ReconcileRequest::decode(&later), unknown);
        let malformed = Err(DecodeError::Malformed);
        assert_eq!(ReconcileRequest::decode("{}"), malformed);
    }
}
