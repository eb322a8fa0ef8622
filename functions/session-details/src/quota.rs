//! Fair shares: the posts of one tenant do not use up the process (docs/architecture.md#rule-4).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use shared::domain::clock::Timestamp;
use shared::domain::tenant::TenantId;

/// Posts are counted per window of this length.
const WINDOW: Duration = Duration::from_secs(60);

/// Limits the posts of each tenant in this process, without a call.
///
/// Only authenticated tenants are counted, and each window begins empty, so that the counters stay few.
#[derive(Debug)]
pub(crate) struct Quota {
    per_minute: u64,
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    started_at: Timestamp,
    posts: HashMap<TenantId, u64>,
}

impl Quota {
    pub(crate) fn new(per_minute: u64) -> Self {
        let window = Window {
            started_at: Timestamp::from_millis(0),
            posts: HashMap::new(),
        };
        Self {
            per_minute,
            window: Mutex::new(window),
        }
    }

    /// Counts a post. False: the tenant's share of this window is used up.
    pub(crate) fn admits(&self, tenant: &TenantId, now: Timestamp) -> bool {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back begins a new window too.
        if now < window.started_at || now.since(window.started_at) >= WINDOW {
            window.started_at = now;
            window.posts.clear();
        }
        let posts = window.posts.entry(tenant.clone()).or_default();
        let admitted = *posts < self.per_minute;
        if admitted {
            *posts += 1;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_747_216_931_000 + seconds * 1000)
    }

    #[test]
    fn each_tenant_has_its_share_of_every_minute() {
        let quota = Quota::new(3);
        let [acme, globex] = ["acme", "globex"].map(|id| TenantId::parse(id).expect("valid"));
        let admitted =
            |tenant, seconds| (0..5).filter(|_| quota.admits(tenant, at(seconds))).count();
        assert_eq!(admitted(&acme, 0), 3);
        assert_eq!(admitted(&acme, 59), 0);
        assert_eq!(admitted(&globex, 59), 3, "another tenant has its own share");
        assert_eq!(admitted(&acme, 60), 3);
        assert_eq!(quota.window.lock().expect("free").posts.len(), 1);
        assert_eq!(admitted(&acme, -3600), 3, "the clock was set back");
    }
}
