//! The credentials table: access tokens, authcodes, leases, pauses, and a refresh token that Secrets Manager did not take.

mod staged_token;

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::get_item::{GetItem, GetItemInput};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemInputBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItem, UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::aws::direct::{CallError, DirectClient};
use crate::aws::storage_error::StorageError;
use crate::cache::BoundedCache;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::error::ErrorCode;
use crate::domain::secret::Secret;
use crate::domain::tenant::TenantId;
use crate::retry::{REAUTHORIZATION_PAUSE, THROTTLE};

/// How long a set is kept after its last addition.
const SET_KEPT: Duration = Duration::from_secs(400 * 24 * 3600);

/// The attribute that holds a value as JSON.
const VALUE: &str = "value";

/// A pause, or its absence, is known to every process this soon.
const PAUSE_KNOWN_WITHIN: Duration = Duration::from_secs(30);

/// A ServiceNow access token and when it stops working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// The bearer token.
    pub token: Secret,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// The instance and the client it was granted to; a token is sent nowhere else.
    pub audience: String,
}

/// A technician's authcode and when it was obtained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authcode {
    /// Works until the next sign-in as the same technician.
    pub code: Secret,
    /// When Rescue gave it.
    pub obtained_at: Timestamp,
    /// The host and the company it was obtained from; it is sent nowhere else.
    pub audience: String,
}

/// How long an authcode is kept. It works until the next sign-in as the same technician (docs/vendors.md#rescue-sign-in).
const AUTHCODE_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// No call is made for the tenant before `until`.
#[expect(missing_docs, reason = "the names say it")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    pub until: Timestamp,
    /// `reauthorization-needed`, `servicenow-throttled` or `servicenow-unavailable`.
    pub reason: ErrorCode,
}

/// A tenant's last pause, and what the next one depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TenantPause {
    /// The last pause; it may have ended.
    pub pause: Option<Pause>,
    /// When the last pause began, if throttling set it: the next one doubles its length.
    pub throttled_since: Option<Timestamp>,
    /// The end of the last pause for re-authorisation. Time before it does not count towards the 24 h.
    pub authorized_since: Option<Timestamp>,
}

impl TenantPause {
    /// The pause that holds at that moment.
    pub fn pause_at(&self, now: Timestamp) -> Option<Pause> {
        self.pause.filter(|pause| pause.until > now)
    }

    /// How long a tenant is paused that is throttled now: twice as long as the last time, when that ended no longer ago
    /// than it lasted.
    fn throttled_for(&self, now: Timestamp) -> Duration {
        let last = self.pause.zip(self.throttled_since);
        let continuing = last
            .map(|(pause, since)| (pause.until, pause.until.since(since)))
            .filter(|(until, length)| now.since(*until) <= *length);
        match continuing {
            Some((_, length)) => THROTTLE.following(length),
            None => THROTTLE.first,
        }
    }

    /// Whether the tenant has to be authorised again before its posts can be delivered.
    pub fn is_unauthorized_at(&self, now: Timestamp) -> bool {
        self.pause_at(now)
            .is_some_and(|pause| pause.reason == ErrorCode::ReauthorizationNeeded)
    }
}

/// How long the end of a pause is kept: as long as a post can have waited in the queue.
const PAUSE_KEPT: Duration = Duration::from_secs(15 * 24 * 3600);

/// The key of a tenant's access token in the table.
pub fn access_token_key(tenant: &TenantId) -> String {
    format!("{tenant}#servicenow")
}

/// The key of a technician's authcode in the table.
pub fn authcode_key(tenant: &TenantId, sso_id: &str) -> String {
    format!("{tenant}#rescue#{sso_id}")
}

/// The key of the lease for signing in as a technician.
pub fn sign_in_lease_key(tenant: &TenantId, sso_id: &str) -> String {
    format!("{tenant}#lease#rescue#{sso_id}")
}

/// The key of a tenant's pause in the table.
pub fn pause_key(tenant: &TenantId) -> String {
    format!("{tenant}#pause")
}

/// The key of the lease for using or writing a tenant's refresh token.
pub fn token_lease_key(tenant: &TenantId) -> String {
    format!("{tenant}#lease#token")
}

/// The key of the lease for trying the credentials of a tenant that is paused for re-authorisation.
pub fn authorization_lease_key(tenant: &TenantId) -> String {
    format!("{tenant}#lease#authorization")
}

/// The key of the lease for what a report of Rescue shows, which is state of the user who asks. It belongs to the account and
/// the user, not to a tenant.
pub fn report_lease_key(host: &str, company_id: &str, user: &str) -> String {
    format!("report#{host}#{company_id}#{user}")
}

/// The key of the lease for making a tenant's checks.
pub fn checks_lease_key(tenant: &TenantId) -> String {
    format!("{tenant}#lease#checks")
}

/// Reads and writes the credentials table. Caches pauses for 30 s and nothing else.
#[derive(Debug)]
pub struct CredentialsTable {
    dynamodb: DirectClient,
    table: String,
    clock: Clock,
    pauses: BoundedCache<TenantId, (TenantPause, Timestamp)>,
}

impl CredentialsTable {
    /// The credentials in `table`.
    pub fn new(dynamodb: DirectClient, table: String, clock: Clock) -> Self {
        Self {
            dynamodb,
            table,
            clock,
            pauses: BoundedCache::default(),
        }
    }

    /// The access token that is shared by every process, if one is there. It may have expired.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn access_token(
        &self,
        tenant: &TenantId,
    ) -> Result<Option<AccessToken>, StorageError> {
        let item = self.item(&access_token_key(tenant)).await?;
        let found = item.and_then(|item| secret(&item, "token", "valid_until"));
        let found = found.filter(|(token, ..)| !token.expose().is_empty());
        Ok(found.map(|(token, expires_at, audience)| AccessToken {
            token,
            expires_at,
            audience,
        }))
    }

    /// The authcode of a technician that is shared by every process, if one is there.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn authcode(
        &self,
        tenant: &TenantId,
        sso_id: &str,
    ) -> Result<Option<Authcode>, StorageError> {
        let item = self.item(&authcode_key(tenant, sso_id)).await?;
        let found = item.and_then(|item| secret(&item, "code", "obtained_at"));
        Ok(found.map(|(code, obtained_at, audience)| Authcode {
            code,
            obtained_at,
            audience,
        }))
    }

    /// Shares an authcode.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn share_authcode(
        &self,
        tenant: &TenantId,
        sso_id: &str,
        authcode: &Authcode,
    ) -> Result<(), StorageError> {
        self.put(
            authcode_key(tenant, sso_id),
            authcode.obtained_at.plus(AUTHCODE_KEPT),
            [
                ("code", authcode.code.expose().to_owned()),
                ("obtained_at", authcode.obtained_at.to_string()),
                ("audience", authcode.audience.clone()),
            ],
        )
        .await
    }

    /// Shares an access token.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn share_access_token(
        &self,
        tenant: &TenantId,
        token: &AccessToken,
    ) -> Result<(), StorageError> {
        self.put(
            access_token_key(tenant),
            token.expires_at,
            [
                ("token", token.token.expose().to_owned()),
                ("valid_until", token.expires_at.to_string()),
                ("audience", token.audience.clone()),
            ],
        )
        .await
    }

    /// Whether the tenant may be called for, as known no longer ago than 30 s. A pause for re-authorisation is always read
    /// from the table: it lasts an hour, and no post should wait past its end.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn tenant_pause(&self, tenant: &TenantId) -> Result<TenantPause, StorageError> {
        let now = self.clock.now();
        let cached = self.pauses.get(tenant);
        match cached {
            Some((tenant_pause, read_at))
                if now.since(read_at) < PAUSE_KNOWN_WITHIN
                    && !tenant_pause.is_unauthorized_at(now) =>
            {
                Ok(tenant_pause)
            }
            _ => self.tenant_pause_now(tenant).await,
        }
    }

    /// As [`Self::tenant_pause`], without the cache.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn tenant_pause_now(&self, tenant: &TenantId) -> Result<TenantPause, StorageError> {
        let item = self.item(&pause_key(tenant)).await?.unwrap_or_default();
        let reason = item.get("reason").and_then(|value| value.as_s().ok());
        let reason = ErrorCode::ALL
            .iter()
            .copied()
            .find(|code| reason.is_some_and(|text| text == code.as_str()));
        let tenant_pause = TenantPause {
            pause: moment(&item, "until")
                .zip(reason)
                .map(|(until, reason)| Pause { until, reason }),
            throttled_since: moment(&item, "throttled_since"),
            authorized_since: moment(&item, "authorized_since"),
        };
        self.cache_pause(tenant, tenant_pause);
        Ok(tenant_pause)
    }

    /// Pauses a tenant for every process, unless it is paused for longer already.
    ///
    /// # Errors
    /// When the table cannot be read or written; this process keeps to the pause all the same.
    pub async fn set_pause(&self, tenant: &TenantId, pause: Pause) -> Result<(), StorageError> {
        self.pause(tenant, |_| (pause, None)).await
    }

    /// Pauses a tenant whose credentials ServiceNow refuses, until a person may have acted. A failure is logged: other
    /// processes then try the refused credentials once more.
    pub async fn pause_for_reauthorization(&self, tenant: &TenantId) {
        let pause = Pause {
            until: self.clock.now().plus(REAUTHORIZATION_PAUSE),
            reason: ErrorCode::ReauthorizationNeeded,
        };
        if let Err(error) = self.set_pause(tenant, pause).await {
            tracing::warn!(%tenant, %error, "other processes do not know of the pause");
        }
    }

    /// Pauses a tenant that ServiceNow throttles, for every process: 30 s, twice as long while throttling continues, up to an
    /// hour; and at least as long as `retry_after` asks for (zero where it does not). While a pause lasts, a further 429 does
    /// not double it.
    ///
    /// # Errors
    /// When the table cannot be read or written; this process keeps to the pause all the same.
    pub async fn throttle(
        &self,
        tenant: &TenantId,
        retry_after: Duration,
    ) -> Result<(), StorageError> {
        let now = self.clock.now();
        self.pause(tenant, |known| {
            let length = match known.pause_at(now) {
                Some(_) => Duration::ZERO,
                None => known.throttled_for(now),
            };
            let pause = Pause {
                until: now.plus(length.max(retry_after)),
                reason: ErrorCode::ServiceNowThrottled,
            };
            (pause, Some(now))
        })
        .await
    }

    async fn pause(
        &self,
        tenant: &TenantId,
        decide: impl FnOnce(&TenantPause) -> (Pause, Option<Timestamp>),
    ) -> Result<(), StorageError> {
        let before = self.tenant_pause_now(tenant).await;
        let known = *before.as_ref().unwrap_or(&TenantPause::default());
        let (pause, throttled_since) = decide(&known);
        if known.pause.is_some_and(|known| known.until >= pause.until) {
            return Ok(());
        }
        let authorized_since = match pause.reason {
            ErrorCode::ReauthorizationNeeded => Some(pause.until),
            _ => known.authorized_since,
        };
        let tenant_pause = TenantPause {
            pause: Some(pause),
            throttled_since,
            authorized_since,
        };
        self.cache_pause(tenant, tenant_pause);
        before?;
        self.put_tenant_pause(tenant, pause, tenant_pause).await
    }

    /// Ends a tenant's pause now: its cause has been removed. Whether posts may have waited for a re-authorisation: some stay
    /// hidden for longer than the pause.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub async fn end_pause(&self, tenant: &TenantId) -> Result<bool, StorageError> {
        let now = self.clock.now();
        let tenant_pause = self.tenant_pause_now(tenant).await?;
        let was_unauthorized = tenant_pause.authorized_since.is_some();
        let Some(pause) = tenant_pause.pause_at(now) else {
            return Ok(was_unauthorized);
        };
        let ended = Pause {
            until: now,
            ..pause
        };
        let tenant_pause = TenantPause {
            throttled_since: None,
            authorized_since: tenant_pause.authorized_since.map(|then| then.min(now)),
            ..tenant_pause
        };
        self.put_tenant_pause(tenant, ended, tenant_pause).await?;
        self.pauses.remove(tenant);
        Ok(was_unauthorized)
    }

    /// Forgets the shared access token: the credentials that it was obtained with have changed.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn forget_access_token(&self, tenant: &TenantId) -> Result<(), StorageError> {
        // Overwritten rather than deleted: one operation for everything is what keeps the functions small.
        let nothing = AccessToken {
            token: Secret::from(""),
            expires_at: self.clock.now(),
            audience: String::new(),
        };
        self.share_access_token(tenant, &nothing).await
    }

    async fn put_tenant_pause(
        &self,
        tenant: &TenantId,
        pause: Pause,
        tenant_pause: TenantPause,
    ) -> Result<(), StorageError> {
        let text = |then: Option<Timestamp>| then.map(|then| then.to_string()).unwrap_or_default();
        let values = [
            ("until", pause.until.to_string()),
            ("reason", pause.reason.as_str().to_owned()),
            ("authorized_since", text(tenant_pause.authorized_since)),
            ("throttled_since", text(tenant_pause.throttled_since)),
        ];
        let ends = pause.until.plus(PAUSE_KEPT);
        self.put(pause_key(tenant), ends, values).await
    }

    fn cache_pause(&self, tenant: &TenantId, pause: TenantPause) {
        self.pauses
            .insert(tenant.clone(), (pause, self.clock.now()));
    }

    /// Takes a lease for `owner`, unless another owner holds it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn take_lease(
        &self,
        key: &str,
        owner: &str,
        length: Duration,
    ) -> Result<bool, StorageError> {
        let now = self.clock.now();
        let until = now.plus(length);
        let values = [("owner", owner.to_owned()), ("until", until.to_string())];
        let update = self
            .update(key, until, values)
            .condition_expression(
                "attribute_not_exists(credential) OR #until < :now OR #owner = :owner",
            )
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()));
        match self.send(update).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(StorageError::of(&self.table, &error)),
        }
    }

    /// Takes a lease for `owner`, also from another owner.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn take_over_lease(
        &self,
        key: &str,
        owner: &str,
        length: Duration,
    ) -> Result<(), StorageError> {
        let until = self.clock.now().plus(length);
        let values = [("owner", owner.to_owned()), ("until", until.to_string())];
        self.put(key.to_owned(), until, values).await
    }

    /// Releases a lease if `owner` still holds it. A failure is harmless: the lease ends by itself.
    pub async fn release_lease(&self, key: &str, owner: &str) {
        // Ended rather than deleted: one operation for everything is what keeps the functions small.
        let ended = [("until", Timestamp::from_millis(0).to_string())];
        let update = self
            .update(key, self.clock.now(), ended)
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", AttributeValue::S(owner.to_owned()));
        if let Err(error) = self.send(update).await {
            let reason = StorageError::of(&self.table, &error);
            tracing::debug!(%reason, "lease not released");
        }
    }

    /// The value of an item that [`Self::put_value`] wrote; the default where there is none, or one of another release.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn value<T: DeserializeOwned + Default>(&self, key: &str) -> Result<T, StorageError> {
        let item = self.item(key).await?;
        let Some(value) = item.as_ref().and_then(|item| text(item, VALUE)) else {
            return Ok(T::default());
        };
        Ok(serde_json::from_str(value).unwrap_or_else(|_| {
            tracing::error!(key, "the item cannot be read, and is replaced");
            T::default()
        }))
    }

    /// Stores a value as JSON.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_value(
        &self,
        key: String,
        kept: Duration,
        value: &impl Serialize,
    ) -> Result<(), StorageError> {
        let value = serde_json::to_string(value)
            .map_err(|_| StorageError::Other(format!("the item {key} cannot be written")))?;
        let ends = self.clock.now().plus(kept);
        self.put(key, ends, [(VALUE, value)]).await
    }

    /// Adds a member to the set of an item, and returns all its members.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn add_to_set(&self, key: &str, member: &str) -> Result<Vec<String>, StorageError> {
        let ends = self.clock.now().plus(SET_KEPT);
        let update = self
            .update(key, ends, [])
            .update_expression("SET expires_at = :ends ADD members :member")
            .expression_attribute_values(":member", AttributeValue::Ss(vec![member.to_owned()]))
            .return_values(ReturnValue::AllNew);
        let answer = self.send(update).await;
        let answer = answer.map_err(|error| StorageError::of(&self.table, &error))?;
        let members = answer.attributes().and_then(|item| item.get("members"));
        let members = members.and_then(|members| members.as_ss().ok());
        Ok(members.cloned().unwrap_or_default())
    }

    async fn item(
        &self,
        key: &str,
    ) -> Result<Option<HashMap<String, AttributeValue>>, StorageError> {
        let input = GetItemInput::builder()
            .table_name(&self.table)
            .key("credential", AttributeValue::S(key.to_owned()))
            .consistent_read(true);
        let answer = self.dynamodb.call::<GetItem>(input.build()).await;
        answer
            .map(|answer| answer.item)
            .map_err(|error| StorageError::of(&self.table, &error))
    }

    async fn put(
        &self,
        key: String,
        ends: Timestamp,
        values: impl IntoIterator<Item = (&str, String)>,
    ) -> Result<(), StorageError> {
        self.send(self.update(&key, ends, values))
            .await
            .map(drop)
            .map_err(|error| StorageError::of(&self.table, &error))
    }

    /// Writes values beside what an item has: every kind of item is always written with the same names. One operation
    /// for everything is what keeps the functions small.
    fn update<'v>(
        &self,
        key: &str,
        ends: Timestamp,
        values: impl IntoIterator<Item = (&'v str, String)>,
    ) -> UpdateItemInputBuilder {
        let mut update = UpdateItemInput::builder()
            .table_name(&self.table)
            .key("credential", AttributeValue::S(key.to_owned()))
            .expression_attribute_values(":ends", AttributeValue::N(ends.as_secs().to_string()));
        let mut expression = "SET expires_at = :ends".to_owned();
        for (name, value) in values {
            expression.push_str(&format!(", #{name} = :{name}"));
            update = update
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), AttributeValue::S(value));
        }
        update.update_expression(expression)
    }

    async fn send(
        &self,
        update: UpdateItemInputBuilder,
    ) -> Result<UpdateItemOutput, CallError<UpdateItem>> {
        self.dynamodb.call::<UpdateItem>(update.build()).await
    }
}

fn text<'a>(item: &'a HashMap<String, AttributeValue>, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// A secret, with the time and the audience that are stored beside it.
fn secret(
    item: &HashMap<String, AttributeValue>,
    name: &str,
    time: &str,
) -> Option<(Secret, Timestamp, String)> {
    let audience = text(item, "audience").unwrap_or_default().to_owned();
    let (secret, time) = text(item, name).zip(moment(item, time))?;
    Some((Secret::from(secret), time, audience))
}

fn moment(item: &HashMap<String, AttributeValue>, name: &str) -> Option<Timestamp> {
    text(item, name).and_then(Timestamp::parse)
}
