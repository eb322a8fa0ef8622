//! Work that ends in time, but is not cancelled while ServiceNow may have answered with another refresh token that is not
//! stored yet (docs/decisions/0012-token-life.md).

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How often work is checked that may not be cancelled now.
const LOOK_AGAIN: Duration = Duration::from_millis(150);

/// Counts the work under way that must not be cancelled.
#[derive(Debug, Default)]
pub struct InProgress(AtomicUsize);

impl InProgress {
    /// Work is under way for as long as the guard lives.
    pub fn begin(&self) -> InProgressGuard<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        InProgressGuard(&self.0)
    }

    /// Whether work is under way.
    pub fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

/// Work that is under way.
#[derive(Debug)]
#[must_use = "work is not under way once its guard is dropped"]
pub struct InProgressGuard<'a>(&'a AtomicUsize);

impl Drop for InProgressGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs `work` until no time is `left`, and longer while it is `needed`. `None`: it was cancelled.
pub async fn run_until<T>(
    left: impl Fn() -> Duration,
    needed: impl Fn() -> bool,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = pin!(work);
    loop {
        let wait = left().max(LOOK_AGAIN);
        if let Ok(done) = tokio::time::timeout(wait, &mut work).await {
            return Some(done);
        }
        if left() <= LOOK_AGAIN && !needed() {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_cancelled_at_its_end_but_not_while_it_is_needed() {
        let under_way = InProgress::default();
        let stored = std::cell::Cell::new(false);
        let storing = async {
            let begun = under_way.begin();
            tokio::time::sleep(LOOK_AGAIN * 2).await;
            stored.set(true);
            drop(begun);
            std::future::pending::<()>().await;
        };
        let over = || Duration::ZERO;
        assert_eq!(run_until(over, || under_way.any(), storing).await, None);
        assert!(stored.get());
        assert!(!under_way.any());
        let done = run_until(over, || false, async { 1 }).await;
        assert_eq!(done, Some(1), "work that ends at once is not cancelled");
    }
}
