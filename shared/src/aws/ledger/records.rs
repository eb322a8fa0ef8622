//! The record that a session belongs to, and the right to create it.

use aws_sdk_dynamodb::operation::get_item::{GetItem, GetItemInput};
use aws_sdk_dynamodb::types::ReturnValue;

use crate::aws::item::{self, Item, number_value, text_value};
use crate::aws::ledger::table::{ConditionalUpdate, Ledger, expires_at, has_expired, record_key};
use crate::aws::queue::Post;
use crate::aws::storage_error::StorageError;
use crate::domain::clock::Timestamp;
use crate::domain::record::{RecordRef, SysId, TableName};
use crate::domain::session::SessionId;
use crate::domain::tenant::TenantId;

/// The answer to a claim of the right to create a session's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreationClaim {
    /// The caller may create it.
    Started {
        /// An earlier holder of the claim may have created it: search by `correlation_id` before creating.
        search_before_creating: bool,
    },
    /// The session has this record already.
    Exists(RecordRef),
    /// Another post of the session holds the claim until then.
    Locked(Timestamp),
}

/// What the ledger knows about a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerSession {
    /// The record that it belongs to.
    pub record: Option<RecordRef>,
    /// Its row in the tenant's table of sessions.
    pub row: Option<SessionRow>,
}

/// A session's row in the tenant's table of sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// The row's `sys_id`.
    pub sys_id: SysId,
    /// Whether the row has the time of the session's start.
    pub has_start: bool,
}

impl Ledger {
    /// The record and the row of a session, as far as the ledger has them.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn session(
        &self,
        tenant: &TenantId,
        session: &SessionId,
    ) -> Result<LedgerSession, StorageError> {
        let item = self.record_entry(tenant, session).await?;
        if has_expired(&item, self.clock.now()) {
            return Ok(LedgerSession::default());
        }
        let row_id = |name| item::text(&item, name).and_then(SysId::parse);
        Ok(LedgerSession {
            record: record_of(&item),
            row: row_id("row_id").map(|sys_id| SessionRow {
                has_start: row_id("started_row_id").as_ref() == Some(&sys_id),
                sys_id,
            }),
        })
    }

    /// Stores which row is the session's, and whether it has the time of the start: a post that does not know keeps what
    /// another post has stored about the same row. An expired entry stays expired.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn store_row(
        &self,
        tenant: &TenantId,
        session: &SessionId,
        row: &SessionRow,
    ) -> Result<(), StorageError> {
        let started = if row.has_start {
            ", started_row_id = :row_id"
        } else {
            ""
        };
        let update = self
            .update(record_key(tenant, session))
            .update_expression(format!(
                "SET row_id = :row_id{started}, expires_at = if_not_exists(expires_at, :expires_at)"
            ))
            .expression_attribute_values(":row_id", text_value(&row.sys_id))
            .expression_attribute_values(":expires_at", expires_at(self.clock.now()));
        self.send(update).await
    }

    /// Whether the post was the last one to claim the creation of its session's record ([`Ledger::claim_creation`]).
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn claimed_creation(&self, post: &Post) -> Result<bool, StorageError> {
        let item = self.record_entry(&post.tenant, &post.session_id).await?;
        Ok(item.get("creating_owner") == Some(&text_value(&post.digest)))
    }

    async fn record_entry(
        &self,
        tenant: &TenantId,
        session: &SessionId,
    ) -> Result<Item, StorageError> {
        let input = GetItemInput::builder()
            .table_name(&self.table)
            .set_key(Some(record_key(tenant, session)))
            .consistent_read(true);
        let answer = self.dynamodb.call::<GetItem>(input.build()).await;
        let answer = answer.map_err(|error| StorageError::of(&self.table, &error))?;
        Ok(answer.item.unwrap_or_default())
    }

    /// Claims the right to create a record for the post's session until `until`, by one conditional write: one of the
    /// session's posts creates the record, also when the queue delivers two of them at once. `known`: the closed record
    /// that the new one replaces.
    ///
    /// The post holds the claim, not the attempt: later attempts at the post keep it. [`Ledger::store_record`] ends it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn claim_creation(
        &self,
        post: &Post,
        until: Timestamp,
        known: Option<&RecordRef>,
    ) -> Result<CreationClaim, StorageError> {
        let now = self.clock.now();
        let mut update = self
            .update(record_key(&post.tenant, &post.session_id))
            .expression_attribute_values(":owner", text_value(&post.digest))
            .expression_attribute_values(":until", text_value(until))
            .expression_attribute_values(":now", text_value(now))
            .expression_attribute_values(":now_seconds", number_value(now.as_secs()))
            .expression_attribute_values(":expires_at", expires_at(now))
            .return_values(ReturnValue::AllOld);
        let (record_is, remove) = match known {
            // The write renews `expires_at`; an expired record that is not deleted yet must not become valid again.
            None => ("attribute_not_exists(sys_id)", " REMOVE sys_id"),
            Some(known) => {
                update = update.expression_attribute_values(":known", text_value(&known.sys_id));
                ("(attribute_not_exists(sys_id) OR sys_id = :known)", "")
            }
        };
        let update = update
            .update_expression(format!(
                "SET creating_owner = :owner, creating_until = :until, expires_at = :expires_at{remove}"
            ))
            .condition_expression(format!(
                "expires_at < :now_seconds OR ({record_is} AND (attribute_not_exists(creating_until) \
                 OR creating_until < :now OR creating_owner = :owner))"
            ));
        Ok(match self.send_conditional(update).await? {
            ConditionalUpdate::Written(old) => CreationClaim::Started {
                search_before_creating: old.contains_key("creating_until")
                    && item::text(&old, "creating_owner")
                        .is_some_and(|owner| owner != post.digest.as_str()),
            },
            ConditionalUpdate::Refused(found) => {
                match record_of(&found).filter(|record| Some(record) != known) {
                    Some(record) => CreationClaim::Exists(record),
                    None => CreationClaim::Locked(
                        item::timestamp(&found, "creating_until").unwrap_or(now),
                    ),
                }
            }
        })
    }

    /// Ends the post's claim when it created no record.
    ///
    /// # Errors
    /// When the table cannot be written; the claim ends by itself.
    pub async fn release_creation(&self, post: &Post) -> Result<(), StorageError> {
        let update = self
            .update(record_key(&post.tenant, &post.session_id))
            .update_expression("REMOVE creating_until")
            .condition_expression("creating_owner = :owner")
            .expression_attribute_values(":owner", text_value(&post.digest));
        self.send_conditional(update).await.map(drop)
    }

    /// Stores the record that a session belongs to, and ends the claim of its creation. `creating_owner` stays.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn store_record(
        &self,
        tenant: &TenantId,
        session: &SessionId,
        record: &RecordRef,
    ) -> Result<(), StorageError> {
        let update = self
            .update(record_key(tenant, session))
            .update_expression(
                "SET #table = :table, sys_id = :sys_id, expires_at = :expires_at REMOVE creating_until",
            )
            .expression_attribute_names("#table", "table")
            .expression_attribute_values(":table", text_value(&record.table))
            .expression_attribute_values(":sys_id", text_value(&record.sys_id))
            .expression_attribute_values(":expires_at", expires_at(self.clock.now()));
        self.send(update).await
    }
}

/// The record that a `record` entry names; `None` while its creation is only claimed.
fn record_of(entry: &Item) -> Option<RecordRef> {
    Some(RecordRef {
        table: TableName::parse(item::text(entry, "table")?)?,
        sys_id: SysId::parse(item::text(entry, "sys_id")?)?,
    })
}
