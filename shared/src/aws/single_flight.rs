//! One caller at a time obtains something, in this process and among processes (docs/architecture.md#rule-5).

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::aws::credentials::CredentialsTable;
use crate::aws::storage_error::StorageError;
use crate::cache::BoundedCache;

/// How often a waiting caller looks whether the lease holder has obtained it.
const POLL: Duration = Duration::from_millis(200);

/// Lets one caller per key obtain something while the others wait and then find it.
#[derive(Debug)]
pub struct SingleFlight {
    credentials: Arc<CredentialsTable>,
    /// A key that is forgotten while its lock is held gets another lock: then the lease alone keeps callers apart, as it
    /// does among processes.
    flights: BoundedCache<String, Arc<tokio::sync::Mutex<()>>>,
}

/// How long a flight may take.
#[derive(Clone, Copy, Debug)]
pub struct FlightLimits {
    /// The length of the lease; longer than obtaining takes.
    pub lease: Duration,
    /// A caller waits this long for the lease.
    pub wait: Duration,
}

/// How long work that is done alone may take.
#[derive(Clone, Copy, Debug)]
pub struct AloneLimits {
    /// The length of the lease; longer than the work takes.
    pub lease: Duration,
    /// The work begins again no sooner after its end.
    pub rest: Duration,
}

impl SingleFlight {
    /// Flights whose leases are in that table.
    pub fn new(credentials: Arc<CredentialsTable>) -> Self {
        Self {
            credentials,
            flights: BoundedCache::default(),
        }
    }

    /// What `look` finds, or else what `obtain` gets while `key` is leased. `None`: another holder has had the
    /// lease for longer than the caller may wait, and `look` finds nothing.
    ///
    /// `look` runs first, again after the lease was acquired, and repeatedly while another holder has it.
    ///
    /// # Errors
    /// What `look` or `obtain` fails with, or that the table of leases cannot be written.
    pub async fn run<T, E, F>(
        &self,
        key: &str,
        limits: FlightLimits,
        look: impl Fn() -> F,
        obtain: impl Future<Output = Result<T, E>>,
    ) -> Result<Option<T>, E>
    where
        E: From<StorageError>,
        F: Future<Output = Result<Option<T>, E>>,
    {
        let until = Instant::now() + limits.wait;
        let flight = self.flights.get_or_default(key.to_owned());
        let Ok(_one_at_a_time) = tokio::time::timeout_at(until, flight.lock()).await else {
            return look().await;
        };
        if let Some(found) = look().await? {
            return Ok(Some(found));
        }
        let owner = uuid::Uuid::new_v4().to_string();
        while !self
            .credentials
            .take_lease(key, &owner, limits.lease)
            .await?
        {
            let last_look = Instant::now() >= until;
            tokio::time::sleep(POLL).await;
            match look().await? {
                None if last_look => return Ok(None),
                None => {}
                found => return Ok(found),
            }
        }
        let outcome = match look().await {
            Ok(None) => obtain.await.map(Some),
            found_or_failed => found_or_failed,
        };
        self.credentials.release_lease(key, &owner).await;
        outcome
    }

    /// Does `work` while `key` is leased, and keeps the lease for `rest` after that. `None`: another caller has the lease.
    ///
    /// # Errors
    /// When the table of leases cannot be written.
    pub async fn alone<T>(
        &self,
        key: &str,
        limits: AloneLimits,
        work: impl Future<Output = T>,
    ) -> Result<Option<T>, StorageError> {
        let owner = uuid::Uuid::new_v4().to_string();
        let take = |length| self.credentials.take_lease(key, &owner, length);
        if !take(limits.lease).await? {
            return Ok(None);
        }
        let done = work.await;
        if let Err(error) = take(limits.rest).await {
            tracing::debug!(%error, "the lease lasts as long as the work may take");
        }
        Ok(Some(done))
    }

    /// Does `work` while `key` is leased. `None`: another process holds the lease for longer than the caller may wait.
    ///
    /// # Errors
    /// What `work` fails with, or that the table of leases cannot be written.
    pub async fn holding<T, E: From<StorageError>>(
        &self,
        key: &str,
        limits: FlightLimits,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<Option<T>, E> {
        self.run(key, limits, || async { Ok(None) }, work).await
    }
}
