//! One attempt at a post: decide what it becomes, resolve the record, write.

use shared::aws::ledger::{ClaimedPost, OutcomeDetails};
use shared::aws::queue::Post;
use shared::aws::storage_error::StorageError;
use shared::aws::tenants::Tenant;
use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::domain::record::{RecordRef, Table};
use shared::domain::tenant::{ConsoleSessions, Publish, TenantFile};
use shared::servicenow::client::CallError;
use shared::servicenow::text::shortened;
use shared::telemetry;

use crate::DeliverSession;

/// The room of a reason in the ledger and in a dead letter, in characters.
const MAX_DETAIL: usize = 300;

/// How a post ends that needs no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Delivered,
    Ignored,
    Unmatched(ErrorCode),
}

/// Where a post goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// To this record.
    Record(RecordRef),
    /// It names none, for that reason.
    Nothing(ErrorCode),
}

/// Why an attempt did not end the post.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttemptFailure {
    /// Trying again does not help.
    #[error("{}", .0.entry().title)]
    Permanent(ErrorCode),
    /// Another post of the session creates its record, until then.
    #[error("another post of the session creates its record")]
    CreatedElsewhere(Timestamp),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("ServiceNow: {0}")]
    ServiceNow(#[from] CallError),
    /// The note was written without it.
    #[error("ServiceNow refused the attachment: {0}")]
    AttachmentRefused(CallError),
}

impl AttemptFailure {
    /// The vendor's reason, as far as it is configuration.
    pub(crate) fn detail(&self) -> Option<String> {
        match self {
            Self::AttachmentRefused(error)
            | Self::ServiceNow(
                error @ (CallError::Refused { .. }
                | CallError::Unavailable { .. }
                | CallError::Unknown { .. }
                | CallError::Misconfigured(_)),
            ) => Some(shortened(&error.to_string(), MAX_DETAIL)),
            Self::Storage(error) => Some(shortened(&error.to_string(), MAX_DETAIL)),
            Self::ServiceNow(_) | Self::Permanent(_) | Self::CreatedElsewhere(_) => None,
        }
    }

    pub(crate) const fn is_unknown(&self) -> bool {
        matches!(self, Self::ServiceNow(CallError::Unknown { .. }))
    }

    /// Whether the attempt counts as one: it did not only stop before it began.
    pub(crate) const fn is_of_an_attempt(&self) -> bool {
        !matches!(
            self,
            Self::ServiceNow(CallError::OutOfTime) | Self::CreatedElsewhere(_)
        )
    }

    pub(crate) const fn timed_out(&self) -> bool {
        matches!(self, Self::ServiceNow(error) if error.timed_out())
    }
}

/// The state of one attempt.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) function: &'a DeliverSession,
    pub(crate) tenant: &'a Tenant,
    pub(crate) post: &'a Post,
    pub(crate) deadline: Timestamp,
    /// Nobody has looked yet whether an earlier attempt took effect, although it may have.
    pub(crate) must_look: bool,
    /// An earlier attempt may have attached the file.
    pub(crate) may_be_attached: bool,
    /// This attempt has already changed something in ServiceNow.
    pub(crate) had_effect: bool,
    /// What people should know of it beside its end.
    pub(crate) details: OutcomeDetails,
    /// Nothing is written any more: the attempt only looks for what an earlier one may have written, and without it
    /// the post is given up for that reason.
    pub(crate) only_looks: Option<ErrorCode>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(
        function: &'a DeliverSession,
        tenant: &'a Tenant,
        post: &'a Post,
        started: ClaimedPost,
        deadline: Timestamp,
    ) -> Self {
        Self {
            function,
            tenant,
            post,
            deadline,
            must_look: started.look_first,
            may_be_attached: started.known,
            had_effect: false,
            details: OutcomeDetails::default(),
            only_looks: None,
        }
    }

    /// Everything has been looked for that an earlier attempt may have written, and it is not there.
    ///
    /// # Errors
    /// When nothing is to be written any more.
    pub(crate) fn found_nothing(&mut self) -> Result<(), AttemptFailure> {
        self.must_look = false;
        self.may_write()
    }

    /// Whether anything is written any more.
    ///
    /// # Errors
    /// When the attempt only looks.
    pub(crate) fn may_write(&self) -> Result<(), AttemptFailure> {
        match self.only_looks {
            None => Ok(()),
            Some(code) => Err(AttemptFailure::Permanent(code)),
        }
    }

    /// Runs the attempt to its end.
    ///
    /// # Errors
    /// As [`Failure`] says. The attempt's fields tell what is known by then.
    pub(crate) async fn run(&mut self) -> Result<End, AttemptFailure> {
        if self.came_after_switching_off() || self.file().sessions.publish == Publish::None {
            return Ok(End::Ignored);
        }
        match self.resolve().await? {
            Resolved::Record(record) => {
                self.step("record resolved", &record.to_string());
                self.write(record).await?;
            }
            Resolved::Nothing(reason) => match self.table_for_new_records() {
                None => return Ok(End::Unmatched(reason)),
                Some(table) => self.create(table, None).await?,
            },
        }
        Ok(End::Delivered)
    }

    pub(crate) fn file(&self) -> &'a TenantFile {
        &self.tenant.file
    }

    /// Says what was just done, for a tenant whose support asked for it.
    pub(crate) fn step(&self, step: &str, subject: &str) {
        telemetry::step(self.file(), &self.post.session_id, step, subject);
    }

    /// What the tenant creates for sessions that name no record.
    pub(crate) fn table_for_new_records(&self) -> Option<Table> {
        match self.file().sessions.console_sessions {
            ConsoleSessions::Ignore => None,
            ConsoleSessions::Incident => Some(Table::Incident),
            ConsoleSessions::Case => Some(Table::Case),
        }
    }

    /// Posts that were queued before their tenant was switched off are still delivered.
    fn came_after_switching_off(&self) -> bool {
        let switched_off = self
            .tenant
            .disabled_at
            .is_none_or(|then| self.post.received_at >= then);
        !self.file().enabled && switched_off
    }
}
