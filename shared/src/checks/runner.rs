//! Runs checks concurrently until a moment.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, timeout_at};

use super::finding::Finding;
use super::report::Check;

/// A check under way, with its id.
pub type NamedCheck<'a> = (
    &'static str,
    Pin<Box<dyn Future<Output = Finding> + Send + 'a>>,
);

/// Runs all checks at once, passes each to `ended`, and returns them in the order in which they were given. A check that has
/// not ended after `limit` has failed; the others keep their results.
pub async fn run(
    checks: Vec<NamedCheck<'_>>,
    limit: Duration,
    mut ended: impl FnMut(&Check),
) -> Vec<Check> {
    let end = Instant::now() + limit;
    let mut made = Vec::new();
    made.resize_with(checks.len(), || None);
    let named = checks.into_iter().enumerate();
    let mut running: FuturesUnordered<_> = named
        .map(|(place, (id, check))| async move {
            let finding = timeout_at(end, check).await;
            let finding = finding.unwrap_or_else(|_| Finding::unfinished(limit));
            (place, finding.into_check(id))
        })
        .collect();
    while let Some((place, check)) = running.next().await {
        ended(&check);
        made[place] = Some(check);
    }
    made.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::report::Status;

    #[tokio::test]
    async fn a_check_that_does_not_end_fails_alone_and_in_time() {
        let limit = Duration::from_secs(1);
        let slow = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Finding::ok("late")
        };
        let checks: Vec<NamedCheck<'_>> = vec![
            ("rescue-host", Box::pin(std::future::pending())),
            ("servicenow-reachable", Box::pin(slow)),
            ("secrets", Box::pin(async { Finding::ok("set") })),
        ];
        let mut order = Vec::new();
        let checks = run(checks, limit, |check| order.push(check.id)).await;
        assert_eq!(order, ["secrets", "servicenow-reachable", "rescue-host"]);
        let found = checks.iter().map(|check| (check.id, check.status));
        let expected = [
            ("rescue-host", Status::Failed),
            ("servicenow-reachable", Status::Ok),
            ("secrets", Status::Ok),
        ];
        assert_eq!(found.collect::<Vec<_>>(), expected);
        assert_eq!(checks[0].seen, "no answer within 1 s");
    }
}
