//! Fair shares: no tenant's posts take all that this process can accept.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use shared::domain::clock::Timestamp;
use shared::domain::tenant::TenantId;

/// Posts are counted for so long, and from then on anew.
const WINDOW: Duration = Duration::from_secs(60);

/// How many posts of each tenant this process accepts in a minute, counted without a call.
///
/// Only tenants that have authenticated are counted, and a new minute forgets them: there are never more than a process
/// can have answered in a minute.
#[derive(Debug)]
pub struct Quota {
    per_minute: u64,
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    started_at: Timestamp,
    posts: HashMap<TenantId, u64>,
}

impl Quota {
    /// So many posts of each tenant in a minute.
    pub fn new(per_minute: u64) -> Self {
        let window = Window {
            started_at: Timestamp::from_millis(0),
            posts: HashMap::new(),
        };
        Self {
            per_minute,
            window: Mutex::new(window),
        }
    }

    /// Counts a post, unless the tenant has had its share of this minute.
    pub(crate) fn admits(&self, tenant: &TenantId, now: Timestamp) -> bool {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back starts anew as well.
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
