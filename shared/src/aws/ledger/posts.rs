//! Posts: claiming one, and how an attempt leaves it.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use crate::aws::item::{self, Item, number_value, text_value};
use crate::aws::ledger::table::{ConditionalUpdate, Ledger, expires_at, has_expired};
use crate::aws::queue::Post;
use crate::aws::storage_error::StorageError;
use crate::domain::clock::Timestamp;
use crate::domain::error::ErrorCode;

/// How far a post has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostState {
    /// A process holds its lease.
    Delivering,
    /// The next attempt is at `next_attempt_at`.
    Waiting,
    /// Its note is on the record.
    Delivered,
    /// The tenant publishes nothing.
    Ignored,
    /// It names no record, and none is created.
    Unmatched,
    /// It is in the dead-letter queue: not delivered, or not completely (`attachment-refused`).
    Failed,
}

impl PostState {
    /// The value of the attribute `state`.
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

    /// Reads the attribute `state`.
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
    /// The caller holds the lease.
    Started(ClaimedPost),
    /// Nothing is left to do.
    Completed(PostState),
    /// Another process holds the lease, or the post waits, until then.
    Locked(Timestamp),
}

/// What the ledger says about a post when it is claimed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClaimedPost {
    /// The post was claimed before.
    pub known: bool,
    /// An earlier attempt may have taken effect: check the record before writing.
    pub check_before_writing: bool,
    /// Attempts made before this one, since the post was last sent.
    pub attempts: u32,
    /// Attempts that ended their process while it handled no other post.
    pub crashes: u32,
    /// An earlier attempt ended its process, which may have handled other posts as well: handle this post alone.
    pub retry_alone: bool,
    /// Why the post waited or failed.
    pub reason: Option<ErrorCode>,
}

/// What the entry of an ended post holds beside state and reason. It names configuration only: no text of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryDetails {
    /// ServiceNow's reason, at most 300 characters.
    pub detail: Option<String>,
    /// The columns that ServiceNow did not write.
    pub dropped_columns: BTreeSet<String>,
    /// Why the session's row was not written, at most 300 characters.
    pub row_refused: Option<String>,
}

/// How an attempt leaves its post.
#[derive(Clone, Copy, Debug)]
pub struct PostProgress {
    /// The post cannot be claimed earlier, unless it is complete.
    pub next_attempt_at: Timestamp,
    /// Why it waits or failed; `None` when the attempt was interrupted or succeeded.
    pub reason: Option<ErrorCode>,
    /// Whether an attempt may have taken effect and the record has not been checked since.
    pub check_before_writing: bool,
    /// Attempts made so far, since the post was last sent.
    pub attempts: u32,
}

impl Ledger {
    /// Claims a post for `owner` until `lease_until`, and counts the attempt. One write; a second one after a crash.
    /// `alone`: the process handles no other post, so this post is the cause if the process ends (decision 0009).
    ///
    /// A post that waits for its tenant's re-authorisation may be claimed early: the caller has found no pause, and no
    /// write with an unknown outcome is pending (see [`Ledger::await_authorization`]).
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
        let (update, source) = self.update_with_source(post);
        let update = update
            .update_expression(format!(
                "SET {source}#state = :delivering, #owner = :owner, lease_until = :lease_until, event = :event, \
                 tenant = :tenant, session_id = :session_id, received_at = :received_at, claimed_at = :now, \
                 expires_at = :expires_at, was_alone = if_not_exists(alone, :no), alone = :alone, \
                 attempts = if_not_exists(attempts, :none) + :one, \
                 claimed_from = if_not_exists(#state, :new) REMOVE next_attempt_at, receipt_handle, not_before",
            ))
            .condition_expression(
                "attribute_not_exists(#state) OR expires_at < :now_seconds \
                 OR ((attribute_not_exists(not_before) OR not_before <= :now) AND (#state IN (:failed, :unmatched) \
                 OR (#state = :waiting AND (next_attempt_at <= :now OR reason = :unauthorized)) \
                 OR (#state = :delivering AND lease_until < :now)))",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":delivering", text_value(PostState::Delivering.as_str()))
            .expression_attribute_values(":waiting", text_value(PostState::Waiting.as_str()))
            .expression_attribute_values(":failed", text_value(PostState::Failed.as_str()))
            .expression_attribute_values(":unmatched", text_value(PostState::Unmatched.as_str()))
            .expression_attribute_values(":unauthorized", text_value(ErrorCode::ReauthorizationNeeded))
            .expression_attribute_values(":new", text_value("new"))
            .expression_attribute_values(":owner", text_value(owner))
            .expression_attribute_values(":lease_until", text_value(lease_until))
            .expression_attribute_values(":event", text_value(post.event))
            .expression_attribute_values(":tenant", text_value(&post.tenant))
            .expression_attribute_values(":session_id", text_value(&post.session_id))
            .expression_attribute_values(":received_at", text_value(post.received_at))
            .expression_attribute_values(":now", text_value(now))
            .expression_attribute_values(":now_seconds", number_value(now.as_secs()))
            .expression_attribute_values(":expires_at", expires_at(now))
            .expression_attribute_values(":alone", AttributeValue::Bool(alone))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":none", number_value(0))
            .expression_attribute_values(":one", number_value(1))
            .return_values(ReturnValue::AllOld);
        match self.send_conditional(update).await? {
            ConditionalUpdate::Written(old) => {
                let from = state(&old).filter(|_| !has_expired(&old, now));
                self.start(post, owner, from, &old, false).await
            }
            // The SDK sent the claim twice: the first one was written and its answer was lost.
            ConditionalUpdate::Refused(item) if item::text(&item, "owner") == Some(owner) => {
                let from = item::text(&item, "claimed_from").and_then(PostState::parse);
                self.start(post, owner, from, &item, true).await
            }
            ConditionalUpdate::Refused(item) => Ok(refused(&item, now)),
        }
    }

    /// What a successful claim starts from. Counts a crash where the post was handled alone; resets attempts and crashes of
    /// a dead letter that was sent again. `claimed`: `item` is as the claim wrote it, not as it was before.
    async fn start(
        &self,
        post: &Post,
        owner: &str,
        from: Option<PostState>,
        item: &Item,
        claimed: bool,
    ) -> Result<PostClaim, StorageError> {
        let Some(from) = from else {
            return Ok(PostClaim::Started(ClaimedPost::default()));
        };
        let before = ClaimedPost {
            // An entry without it holds only receipt handles.
            known: item.contains_key("claimed_at"),
            // The names of the stored attributes are older: `look_first` is `check_before_writing`, `deaths` is
            // `crashes`, `suspect` is `retry_alone`.
            check_before_writing: item::flag(item, "look_first"),
            attempts: item::number(item, "attempts")
                .unwrap_or(0_u32)
                .saturating_sub(u32::from(claimed)),
            crashes: item::number(item, "deaths").unwrap_or(0),
            retry_alone: item::flag(item, "suspect"),
            reason: item::error_code(item, "reason"),
        };
        let started = match from {
            PostState::Delivering => ClaimedPost {
                check_before_writing: true,
                crashes: before.crashes
                    + u32::from(item::flag(
                        item,
                        if claimed { "was_alone" } else { "alone" },
                    )),
                retry_alone: true,
                ..before
            },
            PostState::Failed => ClaimedPost {
                attempts: 0,
                crashes: 0,
                retry_alone: false,
                ..before
            },
            PostState::Waiting
            | PostState::Delivered
            | PostState::Ignored
            | PostState::Unmatched => before,
        };
        if started != before {
            let set = "SET deaths = :deaths, attempts = :attempts, look_first = :look_first, suspect = :suspect";
            let remove = match from {
                PostState::Failed => " REMOVE dropped_columns",
                _ => "",
            };
            let update = self
                .update_owned(post, owner)
                .update_expression(format!("{set}{remove}"))
                .expression_attribute_values(":deaths", number_value(started.crashes))
                .expression_attribute_values(":attempts", number_value(started.attempts + 1))
                .expression_attribute_values(
                    ":look_first",
                    AttributeValue::Bool(started.check_before_writing),
                )
                .expression_attribute_values(":suspect", AttributeValue::Bool(started.retry_alone));
            self.send(update).await?;
        }
        Ok(PostClaim::Started(started))
    }

    /// Ends a post that `owner` has claimed. After an unknown outcome it cannot be claimed again before
    /// `left.next_attempt_at`. False: another owner holds the lease, and nothing was written.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn complete(
        &self,
        post: &Post,
        owner: &str,
        state: PostState,
        left: PostProgress,
        details: EntryDetails,
    ) -> Result<bool, StorageError> {
        let mut values = vec![("ended_at", text_value(self.clock.now()))];
        if left.check_before_writing {
            values.push(("not_before", text_value(left.next_attempt_at)));
        }
        values.extend(details.detail.map(|detail| ("detail", text_value(detail))));
        let refused = details.row_refused;
        values.extend(refused.map(|reason| ("row_refused", text_value(reason))));
        let dropped = details.dropped_columns;
        self.leave(post, owner, state, left, values, dropped).await
    }

    /// Releases a post that `owner` has claimed for a later attempt, with the columns that ServiceNow did not write so
    /// far. False: another owner holds the lease, and nothing was written.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn release(
        &self,
        post: &Post,
        owner: &str,
        waiting: PostProgress,
        dropped: BTreeSet<String>,
    ) -> Result<bool, StorageError> {
        let values = vec![("next_attempt_at", text_value(waiting.next_attempt_at))];
        self.leave(post, owner, PostState::Waiting, waiting, values, dropped)
            .await
    }

    /// Ends a claim: one write, conditional on the owner.
    async fn leave(
        &self,
        post: &Post,
        owner: &str,
        state: PostState,
        left: PostProgress,
        mut values: Vec<(&str, AttributeValue)>,
        dropped: BTreeSet<String>,
    ) -> Result<bool, StorageError> {
        values.push(("attempts", number_value(left.attempts)));
        values.push((
            "look_first",
            AttributeValue::Bool(left.check_before_writing),
        ));
        values.extend(left.reason.map(|reason| ("reason", text_value(reason))));
        let mut update = self
            .update_owned(post, owner)
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", text_value(state.as_str()));
        let mut set = "SET #state = :state".to_owned();
        let mut remove = " REMOVE lease_until".to_owned();
        // Values of an earlier attempt no longer hold.
        for name in ["reason", "detail", "row_refused"] {
            if !values.iter().any(|(given, _)| *given == name) {
                remove.push_str(&format!(", {name}"));
            }
        }
        for (name, value) in values {
            set.push_str(&format!(", {name} = :{name}"));
            update = update.expression_attribute_values(format!(":{name}"), value);
        }
        // Added: a later attempt does not detect them again. DynamoDB has no empty set.
        if !dropped.is_empty() {
            remove.push_str(" ADD dropped_columns :dropped");
            let dropped = AttributeValue::Ss(dropped.into_iter().collect());
            update = update.expression_attribute_values(":dropped", dropped);
        }
        let update = update.update_expression(set + &remove);
        Ok(match self.send_conditional(update).await? {
            ConditionalUpdate::Written(_) => true,
            // The SDK sent this twice: the first one was written and its answer was lost.
            ConditionalUpdate::Refused(item) => {
                item::text(&item, "owner") == Some(owner) && self::state(&item) == Some(state)
            }
        })
    }
}

/// The answer to a claim that the item refused.
fn refused(item: &Item, now: Timestamp) -> PostClaim {
    match state(item) {
        Some(PostState::Delivering) => {
            PostClaim::Locked(item::timestamp(item, "lease_until").unwrap_or(now))
        }
        Some(PostState::Waiting) => {
            PostClaim::Locked(item::timestamp(item, "next_attempt_at").unwrap_or(now))
        }
        // It may be claimed once the outcome of its last write is known.
        Some(PostState::Failed | PostState::Unmatched) => {
            PostClaim::Locked(item::timestamp(item, "not_before").unwrap_or(now))
        }
        Some(state) => PostClaim::Completed(state),
        None => PostClaim::Locked(now),
    }
}

pub(super) fn state(item: &Item) -> Option<PostState> {
    PostState::parse(item::text(item, "state")?)
}
