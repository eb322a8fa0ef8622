//! The event → a schedule's call, or messages of the queue.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the function was invoked for.
#[derive(Debug)]
pub(crate) enum Trigger {
    /// The schedule: send a message for each tenant concerned.
    Schedule,
    /// Messages of the queue: compare their tenants' sessions.
    Messages(Vec<Message>),
}

/// One message of the queue.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message {
    pub(crate) message_id: String,
    pub(crate) body: String,
}

#[derive(Deserialize)]
struct SqsEvent {
    #[serde(rename = "Records")]
    records: Vec<Message>,
}

/// The messages that stay in the queue (Lambda developer guide, "Using Lambda with Amazon SQS").
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    batch_item_failures: Vec<Failure>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

impl Trigger {
    /// Reads an event of SQS, or one of EventBridge, which has a `detail-type`.
    ///
    /// # Errors
    /// When it is neither.
    pub(crate) fn read(event: Value) -> Result<Self, serde_json::Error> {
        if event.get("detail-type").is_some() {
            return Ok(Self::Schedule);
        }
        let event: SqsEvent = serde_json::from_value(event)?;
        Ok(Self::Messages(event.records))
    }
}

impl Response {
    /// Leaves a message in the queue: it is received again when its visibility time-out ends.
    pub(crate) fn leave(&mut self, message: Message) {
        self.batch_item_failures.push(Failure {
            item_identifier: message.message_id,
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_schedule_and_the_queue_are_told_apart() {
        let schedule = json!({"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}});
        assert!(matches!(Trigger::read(schedule), Ok(Trigger::Schedule)));
        let record =
            json!({"messageId": "1", "body": "{}", "attributes": {}, "eventSource": "aws:sqs"});
        let Ok(Trigger::Messages(messages)) = Trigger::read(json!({"Records": [record]})) else {
            panic!("no messages");
        };
        assert_eq!((messages.len(), messages[0].body.as_str()), (1, "{}"));
        for neither in [json!({}), json!(null), json!({"Records": [{}]})] {
            assert!(Trigger::read(neither).is_err());
        }
    }

    #[test]
    fn a_message_that_stays_is_named() {
        let mut response = Response::default();
        response.leave(Message {
            message_id: "1".to_owned(),
            body: String::new(),
        });
        let json = json!({"batchItemFailures": [{"itemIdentifier": "1"}]});
        assert_eq!(serde_json::to_value(response).ok(), Some(json));
    }
}
