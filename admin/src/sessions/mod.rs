//! The delivery ledger as an operator reads it: the outcome of a tenant's posts.

mod ledger;
mod list;
mod post;
mod reconcile;
mod show;

pub use self::ledger::{PostKey, known};
pub(crate) use self::ledger::{assign, not_before, possibly_written_record};
pub(crate) use self::list::list;
pub use self::list::{Filter, PostList, RecordFilter, list_all};
pub use self::post::LedgerPost;
pub use self::reconcile::{MissedSession, ReconcileOptions, Reconciled, reconcile};
pub(crate) use self::show::{ShownPost, ShownSession, show};

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use serde_json::json;

    use shared::domain::record::{RecordRef, SysId, TableName};

    use super::post::{self, Item, text};
    use super::show::record_url;
    use super::*;

    const SYS_ID: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

    fn item(values: &[(&str, &str)]) -> Item {
        values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), text(value)))
            .collect()
    }

    #[test]
    fn a_post_has_its_shape_and_an_unknown_item_is_none() {
        let mut stored = item(&[
            ("session", "acme#7"),
            ("entry", "post#abc"),
            ("event", "ended"),
            ("state", "waiting"),
            ("reason", "servicenow-unavailable"),
            ("detail", "Data Policy Exception"),
            ("lease_until", "2026-01-01T00:00:10.000Z"),
            ("not_before", "2026-01-01T00:01:10.000Z"),
            ("received_at", "2026-01-01T00:00:00.000Z"),
            ("claimed_at", "2026-01-01T00:00:01.000Z"),
            ("next_attempt_at", "2026-01-01T00:00:31.000Z"),
            ("ended_at", "2025-12-31T00:00:00.000Z"),
        ]);
        stored.insert("attempts".to_owned(), AttributeValue::N("2".to_owned()));
        let dropped = ["category", "time_worked"].map(str::to_owned).to_vec();
        stored.insert("dropped_columns".to_owned(), AttributeValue::Ss(dropped));
        assert_eq!(
            serde_json::to_value(post::post(&stored)).expect("JSON"),
            json!({
                "session_id": "7",
                "delivery": "abc",
                "event": "ended",
                "state": "waiting",
                "reason": "servicenow-unavailable",
                "detail": "Data Policy Exception",
                "dropped_columns": ["category", "time_worked"],
                "attempts": 2,
                "deaths": 0,
                "received_at": "2026-01-01T00:00:00.000Z",
                "last_attempt_at": "2026-01-01T00:00:01.000Z",
                "next_attempt_at": "2026-01-01T00:00:31.000Z",
            })
        );
        for entry in ["record", "barrier"] {
            let other = item(&[("session", "acme#7"), ("entry", entry)]);
            assert_eq!(post::post(&other), None);
        }
        stored.insert("source".to_owned(), text("report"));
        let shown = serde_json::to_value(post::post(&stored)).expect("JSON");
        assert_eq!(shown["source"], "report");
    }

    #[test]
    fn a_lease_is_shown_while_a_post_is_delivered_and_not_before_once_it_failed() {
        let shown = |state: &str| {
            let stored = item(&[
                ("session", "acme#7"),
                ("entry", "post#abc"),
                ("state", state),
                ("received_at", "2026-01-01T00:00:00.000Z"),
                ("claimed_at", "2026-01-01T00:00:01.000Z"),
                ("lease_until", "2026-01-01T00:00:10.000Z"),
                ("not_before", "2026-01-01T00:01:10.000Z"),
            ]);
            post::post(&stored).expect("a post")
        };
        let under_way = shown("delivering");
        assert!(under_way.lease_until.is_some() && under_way.not_before.is_none());
        let given_up = shown("failed");
        assert!(given_up.lease_until.is_none() && given_up.not_before.is_some());
    }

    #[test]
    fn a_record_is_named_by_sys_id_with_or_without_its_table() {
        let record = RecordRef {
            table: TableName::incident(),
            sys_id: SysId::parse(SYS_ID).expect("valid"),
        };
        let matches = |text: &str| RecordFilter::parse(text).map(|filter| filter.matches(&record));
        assert_eq!(matches(SYS_ID), Some(true));
        assert_eq!(matches(&format!("incident:{SYS_ID}")), Some(true));
        assert_eq!(matches(&format!("case:{SYS_ID}")), Some(false));
        assert_eq!(matches(&SYS_ID.replace('0', "1")), Some(false));
        assert_eq!(matches("INC0012345"), None);
        assert_eq!(matches(&format!("problem:{SYS_ID}")), Some(false));
        assert_eq!(matches(&format!("Problem:{SYS_ID}")), None);
    }

    #[test]
    fn a_record_has_a_page_on_the_instance() {
        let record = RecordRef {
            table: TableName::case(),
            sys_id: SysId::parse(SYS_ID).expect("valid"),
        };
        assert_eq!(
            record_url("https://acme.service-now.com", &record),
            format!("https://acme.service-now.com/sn_customerservice_case.do?sys_id={SYS_ID}")
        );
    }
}
