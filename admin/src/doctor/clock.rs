//! This computer's clock against ServiceNow's and AWS's.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use shared::checks::finding::Finding;
use shared::domain::clock::Timestamp;

use super::context::Doctor;

/// A larger difference is a warning.
const SKEW_WARNS: Duration = Duration::from_secs(60);

/// A larger difference is a failure: AWS refuses requests.
const SKEW_FAILS: Duration = Duration::from_secs(5 * 60);

impl Doctor<'_> {
    /// This computer's clock against ServiceNow's and AWS's.
    pub(crate) async fn clock(&self) -> Finding {
        let (aws, servicenow) = tokio::join!(self.aws_skew(), self.examination.reached());
        let servicenow = servicenow.as_ref().ok();
        let servicenow = servicenow
            .and_then(|answer| Some(Skew::between(answer.at, http_date(answer.header("date")?)?)));
        of_skews(aws, servicenow)
    }

    async fn aws_skew(&self) -> Option<Skew> {
        let date = DateHeader::default();
        // A refusal has a date, too.
        let answer = self
            .stack
            .dynamodb
            .get_item()
            .table_name(&self.stack.tenants_table)
            .key("tenant", AttributeValue::S(self.id().to_string()))
            .projection_expression("tenant")
            .customize()
            .interceptor(date.clone())
            .send()
            .await;
        drop(answer);
        let answered = date
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Some(Skew::between(self.now(), http_date(&answered?)?))
    }
}

/// The time of a `Date` header.
fn http_date(text: &str) -> Option<Timestamp> {
    let date = aws_smithy_types::DateTime::from_str(text.trim(), Format::HttpDate).ok()?;
    date.to_millis().ok().map(Timestamp::from_millis)
}

/// How far this computer's clock is ahead of another, or behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Skew {
    by: Duration,
    ahead: bool,
}

impl Skew {
    fn between(ours: Timestamp, theirs: Timestamp) -> Self {
        Self {
            by: ours.since(theirs).max(theirs.since(ours)),
            ahead: ours > theirs,
        }
    }

    fn text(self, whose: &str) -> String {
        let seconds = self.by.as_secs();
        match (seconds, self.ahead) {
            // The header has whole seconds, and the answer takes time.
            (0..=2, _) => format!("as {whose}"),
            (_, true) => format!("{seconds} s ahead of {whose}"),
            (_, false) => format!("{seconds} s behind {whose}"),
        }
    }
}

fn of_skews(aws: Option<Skew>, servicenow: Option<Skew>) -> Finding {
    let known: Vec<String> = [(aws, "AWS's"), (servicenow, "ServiceNow's")]
        .into_iter()
        .filter_map(|(skew, whose)| Some(skew?.text(whose)))
        .collect();
    if known.is_empty() {
        return Finding::skipped("neither AWS nor ServiceNow returned a date");
    }
    let seen = format!("this computer's clock is {}", known.join(", "));
    let of = |skew: Option<Skew>| skew.map_or(Duration::ZERO, |skew| skew.by);
    let worst = of(aws).max(of(servicenow));
    let remedy = if aws.is_some() && of(aws) <= SKEW_WARNS {
        "The instance's clock is wrong: ask its administrator. Tokens may expire earlier or later than shown."
    } else {
        "Synchronise this computer's clock (NTP): AWS refuses requests that are more than 5 minutes off, and the times of \
         the other checks are wrong."
    };
    if worst > SKEW_FAILS {
        Finding::failed(seen, remedy)
    } else if worst > SKEW_WARNS {
        Finding::warning(seen, remedy)
    } else {
        Finding::ok(seen)
    }
}

/// Stores the `Date` header of AWS's answer.
#[derive(Clone, Debug, Default)]
struct DateHeader(Arc<Mutex<Option<String>>>);

impl Intercept for DateHeader {
    fn name(&self) -> &'static str {
        "DateHeader"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").map(str::to_owned);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::checks::report::Status;

    fn skew(seconds: i64) -> Option<Skew> {
        let ours = Timestamp::from_millis(1_000_000_000);
        let theirs = Timestamp::from_millis(1_000_000_000 - seconds * 1000);
        Some(Skew::between(ours, theirs))
    }

    #[test]
    fn a_date_header_is_read_to_the_second() {
        let at = http_date("Thu, 01 Jan 2026 00:00:01 GMT");
        assert_eq!(at, Timestamp::parse("2026-01-01T00:00:01Z"));
        assert_eq!(http_date("yesterday"), None);
    }

    #[test]
    fn a_clock_may_be_a_minute_off_and_must_not_be_five() {
        for (seconds, status) in [
            (0, Status::Ok),
            (60, Status::Ok),
            (61, Status::Warning),
            (-300, Status::Warning),
            (-301, Status::Failed),
        ] {
            assert_eq!(of_skews(skew(seconds), None).status, status, "{seconds}");
        }
        assert_eq!(of_skews(None, None).status, Status::Skipped);
    }

    #[test]
    fn the_wrong_clock_is_named() {
        let instance = of_skews(skew(0), skew(400));
        assert!(
            instance
                .remedy
                .is_some_and(|text| text.contains("instance's clock"))
        );
        let ours = of_skews(skew(-90), skew(-90));
        assert_eq!(
            ours.seen,
            "this computer's clock is 90 s behind AWS's, 90 s behind ServiceNow's"
        );
        assert!(
            ours.remedy
                .is_some_and(|text| text.contains("this computer's clock"))
        );
    }
}
