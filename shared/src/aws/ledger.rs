//! The delivery ledger: which record a session belongs to, and what became of each of its posts.
//!
//! A claim is a conditional write with an owner and a lease; whatever follows is conditional on the owner (decision
//! 0002). The ledger holds ids, states, reasons and times, and no text of anybody.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use aws_smithy_runtime_api::client::result::SdkError;

use crate::aws::queue::Post;
use crate::aws::tenants::StorageError;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::error::ErrorCode;
use crate::domain::record::{RecordRef, SysId, Table};
use crate::domain::session::SessionId;
use crate::domain::tenant::TenantId;

/// The index of each tenant's posts by the time at which they were accepted.
pub const BY_TENANT: &str = "by-tenant";

/// So many entries of the index are looked at in one go: some 200 KB.
const PAGE: i32 = 200;

/// How long an entry is kept.
const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// What became of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostState {
    /// Somebody is at it, until the lease ends.
    Delivering,
    /// It is tried again at `next_attempt_at`.
    Waiting,
    /// Its note is on the record.
    Delivered,
    /// Nothing is published for this tenant.
    Ignored,
    /// It names no record, and none is created.
    Unmatched,
    /// It is in the dead-letter queue, because it could not be delivered or not wholly (`attachment-refused`).
    Failed,
}

impl PostState {
    /// As the table holds it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivering => "delivering",
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Ignored => "ignored",
            Self::Unmatched => "unmatched",
            Self::Failed => "failed",
        }
    }

    /// Reads a state's word.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Delivering,
            Self::Waiting,
            Self::Delivered,
            Self::Ignored,
            Self::Unmatched,
            Self::Failed,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
    }
}

/// The answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostClaim {
    /// The post is the caller's until the lease ends.
    Started(ClaimedPost),
    /// Nothing is left to do.
    Completed(PostState),
    /// Somebody else has it, or it waits, until then.
    Locked(Timestamp),
}

/// What is known about a post that was claimed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClaimedPost {
    /// The ledger knew the post before.
    pub known: bool,
    /// An earlier attempt may have taken effect: look before writing.
    pub look_first: bool,
    /// Attempts made before this one, since the post was last sent.
    pub attempts: u32,
    /// Attempts that ended the process while it worked on nothing else.
    pub deaths: u32,
    /// An earlier attempt ended its process, perhaps by another post's doing: handle it while nothing else is handled.
    pub suspect: bool,
    /// Why the post waited, or was given up.
    pub reason: Option<ErrorCode>,
}

/// The answer to a claim of the right to create a session's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreationClaim {
    /// The caller may create it. `look_first`: an earlier holder of the claim may have created it already.
    Started {
        /// Search by `correlation_id` once more before creating.
        look_first: bool,
    },
    /// The session has this record already.
    Exists(RecordRef),
    /// Another post of the session creates it, until then.
    Locked(Timestamp),
}

/// The ledger's table.
#[derive(Clone, Debug)]
pub struct Ledger {
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
    clock: Clock,
}

/// Some of the posts that wait for a tenant's re-authorisation, in the order in which they were accepted.
#[derive(Debug, Default)]
pub struct WaitingPosts {
    /// The receipt handles of their messages.
    pub receipt_handles: Vec<String>,
    /// Where the others are, if there are any.
    pub rest: Option<NextPage>,
}

/// Where to go on.
#[derive(Clone, Debug)]
pub struct NextPage {
    /// The others were accepted at that moment or later.
    pub from: Timestamp,
    key: HashMap<String, AttributeValue>,
}

/// What an ended post's entry says beside its state and reason. It names configuration only: no text of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutcomeDetails {
    /// The vendor's reason, at most 300 characters.
    pub detail: Option<String>,
    /// The columns that ServiceNow did not take.
    pub dropped_columns: BTreeSet<String>,
}

/// How an attempt leaves its post.
#[derive(Clone, Copy, Debug)]
pub struct WaitingPost {
    /// The post cannot be claimed before then, unless it is done with.
    pub next_attempt_at: Timestamp,
    /// Why; nothing when the attempt was only interrupted, or succeeded.
    pub reason: Option<ErrorCode>,
    /// Whether an attempt may have taken effect that has not been looked for.
    pub look_first: bool,
    /// Attempts made so far, since the post was last sent.
    pub attempts: u32,
}

impl Ledger {
    /// The ledger in `table`.
    pub const fn new(dynamodb: aws_sdk_dynamodb::Client, table: String, clock: Clock) -> Self {
        Self {
            dynamodb,
            table,
            clock,
        }
    }

    /// Claims a post for `owner` until `lease_until`, and counts the attempt. One write; a second one only after a death.
    /// `alone`: the process works on nothing else, so a death is this post's doing (decision 0009).
    ///
    /// A post that waits for its tenant's re-authorisation may be claimed early: whoever claims has found no pause, and
    /// nothing that may have taken effect is less than its time ago (see [`Ledger::await_authorization`]).
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn claim(
        &self,
        post: &Post,
        owner: &str,
        lease_until: Timestamp,
        alone: bool,
    ) -> Result<PostClaim, StorageError> {
        let now = self.clock.now();
        let answer = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(post_key(post)))
            .update_expression(
                "SET #state = :delivering, #owner = :owner, lease_until = :lease_until, event = :event, \
                 tenant = :tenant, session_id = :session_id, received_at = :received_at, claimed_at = :now, \
                 expires_at = :expires_at, was_alone = if_not_exists(alone, :no), alone = :alone, \
                 attempts = if_not_exists(attempts, :none) + :one, \
                 claimed_from = if_not_exists(#state, :new) REMOVE next_attempt_at, receipt_handle, not_before",
            )
            .condition_expression(
                "attribute_not_exists(#state) OR expires_at < :now_seconds \
                 OR ((attribute_not_exists(not_before) OR not_before <= :now) AND (#state IN (:failed, :unmatched) \
                 OR (#state = :waiting AND (next_attempt_at <= :now OR reason = :unauthorized)) \
                 OR (#state = :delivering AND lease_until < :now)))",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":delivering", text(PostState::Delivering.as_str()))
            .expression_attribute_values(":waiting", text(PostState::Waiting.as_str()))
            .expression_attribute_values(":failed", text(PostState::Failed.as_str()))
            .expression_attribute_values(":unmatched", text(PostState::Unmatched.as_str()))
            .expression_attribute_values(":unauthorized", text(ErrorCode::ReauthorizationNeeded))
            .expression_attribute_values(":new", text("new"))
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":lease_until", text(lease_until))
            .expression_attribute_values(":event", text(post.event))
            .expression_attribute_values(":tenant", text(&post.tenant))
            .expression_attribute_values(":session_id", text(&post.session_id))
            .expression_attribute_values(":received_at", text(post.received_at))
            .expression_attribute_values(":now", text(now))
            .expression_attribute_values(":now_seconds", AttributeValue::N(now.as_secs().to_string()))
            .expression_attribute_values(":expires_at", expiry(now))
            .expression_attribute_values(":alone", AttributeValue::Bool(alone))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":none", count(0))
            .expression_attribute_values(":one", count(1))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match answer {
            Ok(answer) => {
                let old = answer.attributes.unwrap_or_default();
                let expired = number(&old, "expires_at")
                    .is_some_and(|expires_at| i64::from(expires_at) < now.as_secs());
                let from = state(&old).filter(|_| !expired);
                self.started(post, owner, from, &old, false).await
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let nothing = HashMap::new();
                    let item = failed.item().unwrap_or(&nothing);
                    // The SDK sent the claim twice, and the first time took effect without an answer.
                    if item.get("owner") == Some(&text(owner)) {
                        let from = item.get("claimed_from").and_then(parse_state);
                        return self.started(post, owner, from, item, true).await;
                    }
                    Ok(refused(item, now))
                }
                _ => Err(StorageError::of(&self.table, &error)),
            },
        }
    }

    /// What a claim that succeeded starts from. A death is counted where the post was handled alone; attempts and deaths
    /// are forgotten when a dead letter was sent again. `claimed`: the item is as the claim left it, not as it found it.
    async fn started(
        &self,
        post: &Post,
        owner: &str,
        from: Option<PostState>,
        item: &HashMap<String, AttributeValue>,
        claimed: bool,
    ) -> Result<PostClaim, StorageError> {
        let Some(from) = from else {
            return Ok(PostClaim::Started(ClaimedPost::default()));
        };
        let before = ClaimedPost {
            // An entry may have been made only to remember where its message waits.
            known: item.contains_key("claimed_at"),
            look_first: flag(item, "look_first"),
            attempts: number(item, "attempts")
                .unwrap_or(0)
                .saturating_sub(u32::from(claimed)),
            deaths: number(item, "deaths").unwrap_or(0),
            suspect: flag(item, "suspect"),
            reason: item.get("reason").and_then(parse_code),
        };
        let started = match from {
            PostState::Delivering => ClaimedPost {
                look_first: true,
                deaths: before.deaths
                    + u32::from(flag(item, if claimed { "was_alone" } else { "alone" })),
                suspect: true,
                ..before
            },
            PostState::Failed => ClaimedPost {
                attempts: 0,
                deaths: 0,
                suspect: false,
                ..before
            },
            PostState::Waiting
            | PostState::Delivered
            | PostState::Ignored
            | PostState::Unmatched => before,
        };
        if started != before {
            let set = "SET deaths = :deaths, attempts = :attempts, look_first = :look_first, suspect = :suspect";
            let forgotten = match from {
                PostState::Failed => " REMOVE dropped_columns",
                _ => "",
            };
            let update = self
                .owned(post, owner)
                .update_expression(format!("{set}{forgotten}"))
                .expression_attribute_values(":deaths", count(started.deaths))
                .expression_attribute_values(":attempts", count(started.attempts + 1))
                .expression_attribute_values(
                    ":look_first",
                    AttributeValue::Bool(started.look_first),
                )
                .expression_attribute_values(":suspect", AttributeValue::Bool(started.suspect));
            update
                .send()
                .await
                .map_err(|error| StorageError::of(&self.table, &error))?;
        }
        Ok(PostClaim::Started(started))
    }

    /// Ends a post that `owner` has claimed. One that is given up with an outcome that has not been looked for cannot be
    /// claimed again before `left.next_attempt_at`. False: another owner took it over, so nothing was changed.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn complete(
        &self,
        post: &Post,
        owner: &str,
        state: PostState,
        left: WaitingPost,
        details: OutcomeDetails,
    ) -> Result<bool, StorageError> {
        let mut values = vec![("ended_at", text(self.clock.now()))];
        if left.look_first {
            values.push(("not_before", text(left.next_attempt_at)));
        }
        values.extend(details.detail.map(|detail| ("detail", text(detail))));
        let dropped = details.dropped_columns;
        self.leave(post, owner, state, left, values, dropped).await
    }

    /// Leaves a post that `owner` has claimed to be tried again, with the columns that ServiceNow did not take so far.
    /// False: another owner has it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn release(
        &self,
        post: &Post,
        owner: &str,
        waiting: WaitingPost,
        dropped: BTreeSet<String>,
    ) -> Result<bool, StorageError> {
        let values = vec![("next_attempt_at", text(waiting.next_attempt_at))];
        self.leave(post, owner, PostState::Waiting, waiting, values, dropped)
            .await
    }

    /// Ends a claim: one write, conditional on the owner.
    async fn leave(
        &self,
        post: &Post,
        owner: &str,
        state: PostState,
        left: WaitingPost,
        mut values: Vec<(&str, AttributeValue)>,
        dropped: BTreeSet<String>,
    ) -> Result<bool, StorageError> {
        values.push(("attempts", count(left.attempts)));
        values.push(("look_first", AttributeValue::Bool(left.look_first)));
        values.extend(left.reason.map(|reason| ("reason", text(reason))));
        let mut update = self
            .owned(post, owner)
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", text(state.as_str()));
        let mut set = "SET #state = :state".to_owned();
        let mut remove = " REMOVE lease_until".to_owned();
        // What an earlier attempt left there is history.
        for name in ["reason", "detail"] {
            if !values.iter().any(|(given, _)| *given == name) {
                remove.push_str(&format!(", {name}"));
            }
        }
        for (name, value) in values {
            set.push_str(&format!(", {name} = :{name}"));
            update = update.expression_attribute_values(format!(":{name}"), value);
        }
        // What an earlier attempt found dropped, it does not find again. DynamoDB has no empty set.
        if !dropped.is_empty() {
            remove.push_str(" ADD dropped_columns :dropped");
            let dropped = AttributeValue::Ss(dropped.into_iter().collect());
            update = update.expression_attribute_values(":dropped", dropped);
        }
        let answer = update
            .update_expression(set + &remove)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let error = match answer {
            Ok(_) => return Ok(true),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                // The SDK sent this twice, and the first time had taken effect without an answer.
                Ok(failed.item().is_some_and(|item| {
                    item.get("owner") == Some(&text(owner)) && self::state(item) == Some(state)
                }))
            }
            _ => Err(StorageError::of(&self.table, &error)),
        }
    }

    /// Remembers where the messages of a post wait (their receipt handles: one, unless it is queued twice) that are
    /// hidden until `until` because its tenant needs re-authorisation. One write; two for a post that had been ended.
    ///
    /// A post whose process died keeps everything else as it is. Nothing is changed while somebody has the post, when nothing is left to do, and while it waits for something
    /// else: after an unknown outcome nobody may be at it early.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn await_authorization(
        &self,
        post: &Post,
        until: Timestamp,
        receipt_handles: Vec<String>,
    ) -> Result<(), StorageError> {
        let now = self.clock.now();
        let handles = AttributeValue::Ss(receipt_handles);
        let set = "SET #state = :waiting, reason = :reason, next_attempt_at = :until, receipt_handle = :handles, \
                   event = :event, tenant = :tenant, session_id = :session_id, received_at = :received_at, \
                   expires_at = :expires_at";
        let update = || {
            self.dynamodb
                .update_item()
                .table_name(&self.table)
                .set_key(Some(post_key(post)))
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":waiting", text(PostState::Waiting.as_str()))
                .expression_attribute_values(":reason", text(ErrorCode::ReauthorizationNeeded))
                .expression_attribute_values(":until", text(until))
                .expression_attribute_values(":handles", handles.clone())
                .expression_attribute_values(":event", text(post.event))
                .expression_attribute_values(":tenant", text(&post.tenant))
                .expression_attribute_values(":session_id", text(&post.session_id))
                .expression_attribute_values(":received_at", text(post.received_at))
                .expression_attribute_values(":expires_at", expiry(now))
                .return_values_on_condition_check_failure(
                    ReturnValuesOnConditionCheckFailure::AllOld,
                )
        };
        let answer = update()
            .update_expression(set)
            .condition_expression(
                "attribute_not_exists(#state) OR (#state = :waiting AND expires_at >= :now_seconds \
                 AND (next_attempt_at <= :now OR reason = :reason))",
            )
            .expression_attribute_values(":now", text(now))
            .expression_attribute_values(
                ":now_seconds",
                AttributeValue::N(now.as_secs().to_string()),
            )
            .send()
            .await;
        let found = match answer {
            Ok(_) => return Ok(()),
            Err(error) => condition_failed(&self.table, error)?,
        };
        if state(&found) == Some(PostState::Delivering) {
            return self.await_after_death(post, handles).await;
        }
        // Somebody sent an ended post again, which may be claimed anew, its failed attempts forgotten.
        let (from, set) = match state(&found) {
            Some(PostState::Failed) => (
                PostState::Failed,
                format!("{set}, attempts = :none, deaths = :none REMOVE suspect"),
            ),
            Some(PostState::Unmatched) => (PostState::Unmatched, set.to_owned()),
            _ => return Ok(()),
        };
        let mut update = update()
            .update_expression(set)
            .condition_expression("#state = :from")
            .expression_attribute_values(":from", text(from.as_str()));
        if from == PostState::Failed {
            update = update.expression_attribute_values(":none", count(0));
        }
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => condition_failed(&self.table, error).map(drop),
        }
    }

    /// Remembers where the messages of a post wait whose claim has ended by itself. Whoever claims it next counts that
    /// death and looks first, so nothing else of its entry is changed.
    async fn await_after_death(
        &self,
        post: &Post,
        handles: AttributeValue,
    ) -> Result<(), StorageError> {
        let answer = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(post_key(post)))
            .update_expression("SET receipt_handle = :handles")
            .condition_expression("#state = :delivering AND lease_until < :now")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":delivering", text(PostState::Delivering.as_str()))
            .expression_attribute_values(":now", text(self.clock.now()))
            .expression_attribute_values(":handles", handles)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) => condition_failed(&self.table, error).map(drop),
        }
    }

    /// The next of a tenant's posts that were accepted at or after `from` and wait for its re-authorisation. One read of
    /// the index, which may be a moment behind; also of those that do not wait, so it may find none and leave a rest.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn waiting_for_authorization(
        &self,
        tenant: &TenantId,
        from: Timestamp,
        rest: Option<NextPage>,
    ) -> Result<WaitingPosts, StorageError> {
        let answer = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name(BY_TENANT)
            .key_condition_expression("tenant = :tenant AND received_at >= :from")
            .filter_expression(
                "attribute_exists(receipt_handle) \
                 AND ((#state = :waiting AND reason = :reason) OR #state = :delivering)",
            )
            .projection_expression("receipt_handle")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":tenant", text(tenant))
            .expression_attribute_values(":from", text(from))
            .expression_attribute_values(":waiting", text(PostState::Waiting.as_str()))
            .expression_attribute_values(":delivering", text(PostState::Delivering.as_str()))
            .expression_attribute_values(":reason", text(ErrorCode::ReauthorizationNeeded))
            .limit(PAGE)
            .set_exclusive_start_key(rest.map(|rest| rest.key))
            .send()
            .await
            .map_err(|error| StorageError::of(&self.table, &error))?;
        let handles = |item: &HashMap<String, AttributeValue>| {
            let handles = item.get("receipt_handle")?.as_ss().ok()?;
            Some(handles.clone())
        };
        Ok(WaitingPosts {
            receipt_handles: answer
                .items()
                .iter()
                .filter_map(handles)
                .flatten()
                .collect(),
            rest: answer.last_evaluated_key.map(|key| NextPage {
                from: moment(&key, "received_at").unwrap_or(from),
                key,
            }),
        })
    }

    /// The record that a session belongs to, if the ledger knows.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn record(
        &self,
        tenant: &TenantId,
        session: &SessionId,
    ) -> Result<Option<RecordRef>, StorageError> {
        let item = self.record_entry(tenant, session).await?;
        let expired = number(&item, "expires_at")
            .is_some_and(|expires_at| i64::from(expires_at) < self.clock.now().as_secs());
        Ok(record_of(&item).filter(|_| !expired))
    }

    /// Whether the post was the last one to claim the creation of its session's record, see [`Ledger::claim_creation`].
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn claimed_creation(&self, post: &Post) -> Result<bool, StorageError> {
        let item = self.record_entry(&post.tenant, &post.session_id).await?;
        Ok(item.get("creating_owner") == Some(&text(&post.digest)))
    }

    async fn record_entry(
        &self,
        tenant: &TenantId,
        session: &SessionId,
    ) -> Result<HashMap<String, AttributeValue>, StorageError> {
        let answer = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .set_key(Some(record_key(tenant, session)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StorageError::of(&self.table, &error))?;
        Ok(answer.item.unwrap_or_default())
    }

    /// Claims the right to create a record for the post's session until `until`: one conditional write, so that of the
    /// session's posts one creates, also when the queue hands out two of them at once. `known`: the record that the new one stands in for.
    ///
    /// The claim is the post's, not the attempt's: another attempt at the same post goes on under it.
    /// [`Ledger::remember_record`] ends it.
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
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(record_key(&post.tenant, &post.session_id)))
            .expression_attribute_values(":owner", text(&post.digest))
            .expression_attribute_values(":until", text(until))
            .expression_attribute_values(":now", text(now))
            .expression_attribute_values(
                ":now_seconds",
                AttributeValue::N(now.as_secs().to_string()),
            )
            .expression_attribute_values(":expires_at", expiry(now))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let (record_is, remove) = match known {
            // What has expired and is not deleted yet must not come back to life.
            None => ("attribute_not_exists(sys_id)", " REMOVE sys_id"),
            Some(known) => {
                update = update.expression_attribute_values(":known", text(&known.sys_id));
                ("(attribute_not_exists(sys_id) OR sys_id = :known)", "")
            }
        };
        let answer = update
            .update_expression(format!(
                "SET creating_owner = :owner, creating_until = :until, expires_at = :expires_at{remove}"
            ))
            .condition_expression(format!(
                "expires_at < :now_seconds OR ({record_is} AND (attribute_not_exists(creating_until) \
                 OR creating_until < :now OR creating_owner = :owner))"
            ))
            .send()
            .await;
        let found = match answer {
            Ok(answer) => {
                let old = answer.attributes.unwrap_or_default();
                let other = |owner| owner != &text(&post.digest);
                return Ok(CreationClaim::Started {
                    look_first: old.contains_key("creating_until")
                        && old.get("creating_owner").is_some_and(other),
                });
            }
            Err(error) => condition_failed(&self.table, error)?,
        };
        let other = record_of(&found).filter(|record| Some(record) != known);
        Ok(match other {
            Some(record) => CreationClaim::Exists(record),
            None => CreationClaim::Locked(moment(&found, "creating_until").unwrap_or(now)),
        })
    }

    /// Ends the post's claim of a creation that came to nothing.
    ///
    /// # Errors
    /// When the table cannot be written; the claim ends by itself.
    pub async fn release_creation(&self, post: &Post) -> Result<(), StorageError> {
        let answer = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(record_key(&post.tenant, &post.session_id)))
            .update_expression("REMOVE creating_until")
            .condition_expression("creating_owner = :owner")
            .expression_attribute_values(":owner", text(&post.digest))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) => condition_failed(&self.table, error).map(drop),
        }
    }

    /// Remembers the record that a session belongs to. Who claimed to create one stays known.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn remember_record(
        &self,
        tenant: &TenantId,
        session: &SessionId,
        record: &RecordRef,
    ) -> Result<(), StorageError> {
        self.dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(record_key(tenant, session)))
            .update_expression(
                "SET #table = :table, sys_id = :sys_id, expires_at = :expires_at REMOVE creating_until",
            )
            .expression_attribute_names("#table", "table")
            .expression_attribute_values(":table", text(record.table))
            .expression_attribute_values(":sys_id", text(&record.sys_id))
            .expression_attribute_values(":expires_at", expiry(self.clock.now()))
            .send()
            .await
            .map_err(|error| StorageError::of(&self.table, &error))?;
        Ok(())
    }

    fn owned(
        &self,
        post: &Post,
        owner: &str,
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        self.dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(post_key(post)))
            .condition_expression("#owner = :owner AND attribute_exists(lease_until)")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(owner))
    }
}

/// Why a claim was refused, from the item that stood in its way.
fn refused(item: &HashMap<String, AttributeValue>, now: Timestamp) -> PostClaim {
    match state(item) {
        Some(PostState::Delivering) => {
            PostClaim::Locked(moment(item, "lease_until").unwrap_or(now))
        }
        Some(PostState::Waiting) => {
            PostClaim::Locked(moment(item, "next_attempt_at").unwrap_or(now))
        }
        // Refused although it may be claimed again: its outcome may still be on its way.
        Some(PostState::Failed | PostState::Unmatched) => {
            PostClaim::Locked(moment(item, "not_before").unwrap_or(now))
        }
        Some(state) => PostClaim::Completed(state),
        None => PostClaim::Locked(now),
    }
}

/// The record that a `record` entry names; none while it is only claimed.
fn record_of(item: &HashMap<String, AttributeValue>) -> Option<RecordRef> {
    let value = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    Some(RecordRef {
        table: Table::from_name(value("table")?)?,
        sys_id: SysId::parse(value("sys_id")?)?,
    })
}

fn post_key(post: &Post) -> HashMap<String, AttributeValue> {
    key(
        &post.tenant,
        &post.session_id,
        format!("post#{}", post.digest),
    )
}

fn record_key(tenant: &TenantId, session: &SessionId) -> HashMap<String, AttributeValue> {
    key(tenant, session, "record".to_owned())
}

fn key(tenant: &TenantId, session: &SessionId, entry: String) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("session".to_owned(), text(format!("{tenant}#{session}"))),
        ("entry".to_owned(), text(entry)),
    ])
}

fn text(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

fn expiry(now: Timestamp) -> AttributeValue {
    AttributeValue::N(now.plus(KEPT).as_secs().to_string())
}

/// The item that failed an update's condition; every other failure stays one.
fn condition_failed<R>(
    table: &str,
    error: SdkError<UpdateItemError, R>,
) -> Result<HashMap<String, AttributeValue>, StorageError> {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
            Ok(failed.item().cloned().unwrap_or_default())
        }
        _ => Err(StorageError::of(table, &error)),
    }
}

fn moment(item: &HashMap<String, AttributeValue>, name: &str) -> Option<Timestamp> {
    Timestamp::parse(item.get(name)?.as_s().ok()?)
}

fn number(item: &HashMap<String, AttributeValue>, name: &str) -> Option<u32> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

fn flag(item: &HashMap<String, AttributeValue>, name: &str) -> bool {
    item.get(name).and_then(|value| value.as_bool().ok()) == Some(&true)
}

fn parse_code(value: &AttributeValue) -> Option<ErrorCode> {
    let code = value.as_s().ok()?;
    ErrorCode::ALL
        .iter()
        .copied()
        .find(|known| known.as_str() == code)
}

fn count(value: u32) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn state(item: &HashMap<String, AttributeValue>) -> Option<PostState> {
    item.get("state").and_then(parse_state)
}

fn parse_state(value: &AttributeValue) -> Option<PostState> {
    value.as_s().ok().and_then(|state| PostState::parse(state))
}
