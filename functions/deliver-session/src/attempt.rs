//! The state of one attempt at a post, which the steps of `deliver_post.rs` share.

use shared::aws::ledger::{ClaimedPost, EntryDetails, SessionRow};
use shared::aws::queue::Post;
use shared::aws::tenants::Tenant;
use shared::domain::error::ErrorCode;
use shared::domain::record::RecordRef;
use shared::domain::record_tables::{RecordTable, RecordTables};
use shared::domain::session::note_marker;
use shared::domain::tenant::{ConsoleSessions, TenantFile};
use shared::domain::time_budget::TimeBudget;
use shared::servicenow::client::TenantInstance;
use shared::telemetry;

use crate::failure::AttemptFailure;
use crate::service::DeliverSession;

/// Where a post goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    Record(RecordRef),
    /// No record was found; the reason goes into the ledger.
    Nothing(ErrorCode),
}

/// What ServiceNow may hold of the post, as far as the attempt knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effects {
    /// Nothing: no earlier attempt is known.
    Nothing,
    /// No note, but an earlier attempt may have attached the file.
    AttachmentPossible,
    /// An earlier attempt may have written the note: check the record before writing.
    NotePossible,
    /// This attempt created the record or attached the file: the next one checks the record before writing.
    Written,
}

impl Effects {
    const fn of(claimed: &ClaimedPost) -> Self {
        if claimed.check_before_writing {
            Self::NotePossible
        } else if claimed.known {
            Self::AttachmentPossible
        } else {
            Self::Nothing
        }
    }

    pub(crate) fn is_note_possible(self) -> bool {
        self == Self::NotePossible
    }

    pub(crate) fn is_written(self) -> bool {
        self == Self::Written
    }

    /// Whether the next attempt has to check the record.
    pub(crate) fn must_be_checked(self) -> bool {
        matches!(self, Self::NotePossible | Self::Written)
    }
}

/// The state of one attempt.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) function: &'a DeliverSession,
    pub(crate) tenant: &'a Tenant,
    pub(crate) post: &'a Post,
    pub(crate) budget: &'a TimeBudget,
    pub(crate) servicenow: TenantInstance<'a>,
    /// The tables that the tenant works with.
    pub(crate) tables: RecordTables,
    pub(crate) effects: Effects,
    /// Attempts at the post before this one.
    pub(crate) attempts: u32,
    /// Whether `Tracking0` has this connector's signature; `None` while it was not looked at.
    pub(crate) is_signed: Option<bool>,
    /// The session's row, where the ledger has it.
    pub(crate) row: Option<SessionRow>,
    /// The record, or none, for which this attempt has written the row.
    pub(crate) row_of: Option<Option<RecordRef>>,
    /// For the ledger, however the attempt ends.
    pub(crate) details: EntryDetails,
    /// Set for a post that waited too long: the attempt only checks for an earlier note, writes nothing, and without the
    /// note gives the post up for this reason.
    pub(crate) give_up_as: Option<ErrorCode>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(
        function: &'a DeliverSession,
        tenant: &'a Tenant,
        post: &'a Post,
        claimed: ClaimedPost,
        budget: &'a TimeBudget,
    ) -> Self {
        Self {
            function,
            tenant,
            post,
            budget,
            servicenow: function.servicenow.for_tenant(&tenant.file, budget.clone()),
            tables: tenant.file.record_tables(),
            effects: Effects::of(&claimed),
            attempts: claimed.attempts,
            is_signed: None,
            row: None,
            row_of: None,
            details: EntryDetails::default(),
            give_up_as: None,
        }
    }

    /// Continues after the record was checked and holds no note of the post.
    ///
    /// # Errors
    /// As [`Self::refuse_if_too_old`].
    pub(crate) fn continue_without_note(&mut self) -> Result<(), AttemptFailure> {
        if self.effects.is_note_possible() {
            self.effects = Effects::AttachmentPossible;
        }
        self.refuse_if_too_old()
    }

    /// # Errors
    /// [`Self::give_up_as`], when the post waited too long to be written.
    pub(crate) fn refuse_if_too_old(&self) -> Result<(), AttemptFailure> {
        self.give_up_as
            .map_or(Ok(()), |code| Err(AttemptFailure::Permanent(code)))
    }

    pub(crate) fn file(&self) -> &'a TenantFile {
        &self.tenant.file
    }

    pub(crate) fn marker(&self) -> String {
        note_marker(&self.post.session_id, &self.post.digest)
    }

    /// Logs a step for a tenant whose debug logging is on.
    pub(crate) fn step(&self, step: &str, subject: &str) {
        telemetry::step(self.file(), &self.post.session_id, step, subject);
    }

    /// The table in which the tenant wants a record for a session that names none.
    pub(crate) fn table_for_new_records(&self) -> Option<&RecordTable> {
        match &self.file().sessions.console_sessions {
            ConsoleSessions::Ignore => None,
            ConsoleSessions::Create(table) => self.tables.get(table),
        }
    }
}
