//! The event in which a function gets messages of a queue.

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::template::REGION;

/// `{"Records":[]}`
const EVENT_FRAME: usize = 14;

/// A message, and its record in the function's event.
pub(super) struct EventRecord {
    message: Message,
    json: Value,
}

impl EventRecord {
    fn new(message: Message, queue_arn: &str) -> Self {
        let region = queue_arn.split(':').nth(3);
        let attributes = message.attributes.iter().flatten();
        let message_attributes = message.message_attributes.iter().flatten();
        let message_attributes = message_attributes.map(|(name, attribute)| {
            let mut json = json!({
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": attribute.data_type,
            });
            if let Some(text) = &attribute.string_value {
                json["stringValue"] = json!(text);
            }
            if let Some(bytes) = &attribute.binary_value {
                json["binaryValue"] = json!(STANDARD.encode(bytes));
            }
            (name.clone(), json)
        });
        let mut json = json!({
            "messageId": message.message_id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": attributes
                .map(|(name, value)| (name.as_str().to_owned(), json!(value)))
                .collect::<Map<String, Value>>(),
            "messageAttributes": message_attributes.collect::<Map<String, Value>>(),
            "md5OfBody": message.md5_of_body,
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": region.filter(|region| !region.is_empty()).unwrap_or(REGION),
        });
        if let Some(digest) = &message.md5_of_message_attributes {
            json["md5OfMessageAttributes"] = json!(digest);
        }
        Self { message, json }
    }

    pub(super) fn id(&self) -> &str {
        self.message.message_id().unwrap_or_default()
    }

    pub(super) fn receipt_handle(&self) -> Option<&str> {
        self.message.receipt_handle()
    }

    pub(super) fn group(&self) -> Option<&str> {
        let attributes = self.message.attributes.as_ref()?;
        let group = attributes.get(&MessageSystemAttributeName::MessageGroupId);
        group.map(String::as_str)
    }
}

/// Batches whose events have `event_limit` bytes at most, in order.
pub(super) fn split(
    messages: Vec<Message>,
    queue_arn: &str,
    event_limit: usize,
) -> Vec<Vec<EventRecord>> {
    let mut batches: Vec<Vec<EventRecord>> = Vec::new();
    let mut size = 0;
    for message in messages {
        let record = EventRecord::new(message, queue_arn);
        let length = record.json.to_string().len() + 1;
        match batches.last_mut() {
            Some(batch) if size + length + EVENT_FRAME <= event_limit => {
                batch.push(record);
                size += length;
            }
            Some(_) | None => {
                batches.push(vec![record]);
                size = length;
            }
        }
    }
    batches
}

pub(super) fn event(records: &[EventRecord]) -> Value {
    let records: Vec<&Value> = records.iter().map(|record| &record.json).collect();
    json!({"Records": records})
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::primitives::Blob;
    use aws_sdk_sqs::types::MessageAttributeValue;

    use super::*;

    const ARN: &str = "arn:aws:sqs:eu-central-1:000000000000:sessions.fifo";

    #[test]
    fn a_record_is_what_a_function_gets_from_a_queue() {
        let attribute = |kind: &str| MessageAttributeValue::builder().data_type(kind);
        let reason = attribute("String").string_value("unknown-version").build();
        let raw = attribute("Binary").binary_value(Blob::new(b"11")).build();
        let message = Message::builder()
            .message_id("m-1")
            .receipt_handle("handle-1")
            .body("{\"v\":1}")
            .md5_of_body("d41d")
            .attributes(MessageSystemAttributeName::MessageGroupId, "acme#1")
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "2")
            .message_attributes("reason", reason.expect("complete"))
            .message_attributes("raw", raw.expect("complete"))
            .build();
        let record = EventRecord::new(message, ARN);
        assert_eq!(record.group(), Some("acme#1"));
        let event = event(&[record]);
        assert_eq!(
            event,
            json!({"Records": [{
                "messageId": "m-1",
                "receiptHandle": "handle-1",
                "body": "{\"v\":1}",
                "attributes": {"MessageGroupId": "acme#1", "ApproximateReceiveCount": "2"},
                "messageAttributes": {
                    "reason": {"stringValue": "unknown-version", "stringListValues": [], "binaryListValues": [],
                               "dataType": "String"},
                    "raw": {"binaryValue": "MTE=", "stringListValues": [], "binaryListValues": [],
                            "dataType": "Binary"},
                },
                "md5OfBody": "d41d",
                "eventSource": "aws:sqs",
                "eventSourceARN": ARN,
                "awsRegion": "eu-central-1",
            }]})
        );
        let read: aws_lambda_events::sqs::SqsEvent =
            serde_json::from_value(event).expect("the function's own type reads it");
        assert_eq!(read.records.len(), 1);
    }

    #[test]
    fn messages_that_do_not_fit_into_one_invocation_are_split_in_order() {
        let limit = 60_000;
        let messages = (0..10).map(|number| {
            let message = Message::builder().message_id(number.to_string());
            message.body("x".repeat(10_000)).build()
        });
        let batches = split(messages.collect(), ARN, limit);
        let ids = |batch: &Vec<EventRecord>| {
            let ids = batch.iter().map(EventRecord::id);
            ids.collect::<Vec<_>>().concat()
        };
        let ids: Vec<String> = batches.iter().map(ids).collect();
        assert_eq!(ids, ["01234", "56789"]);
        for batch in &batches {
            assert!(event(batch).to_string().len() <= limit);
        }
    }
}
