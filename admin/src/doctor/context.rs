//! What the checks of an operator share: those of every reader, and the stack.

use std::time::Duration;

use shared::aws::tenants::ManagedTenant;
use shared::checks::examination::{Examination, Technicians};
use shared::checks::finding::Finding;
use shared::checks::reader::Reader;
use shared::domain::clock::Timestamp;
use shared::domain::tenant::TenantId;
use tokio::sync::OnceCell;

use super::posts::Posts;
use super::report::Options;
use crate::error::AdminError;
use crate::records;
use crate::stack::Stack;
use crate::token::TokenStatus;

/// Calls to Rescue and ServiceNow end within this.
const CALLS: Duration = Duration::from_secs(17);

/// The context of all checks. A cell holds an answer that several checks need.
pub(crate) struct Doctor<'a> {
    pub(super) stack: &'a Stack,
    pub(super) options: &'a Options,
    pub(super) examination: Examination,
    pub(super) http: reqwest::Client,
    pub(super) token_status: OnceCell<Result<TokenStatus, Finding>>,
    pub(super) posts: OnceCell<Result<Posts, Finding>>,
}

impl<'a> Doctor<'a> {
    pub(super) fn new(
        stack: &'a Stack,
        tenant: ManagedTenant,
        options: &'a Options,
    ) -> Result<Self, AdminError> {
        let vendors = records::vendors(stack, &options.testing)?;
        let technicians = Technicians {
            signed_in: options.technician.clone(),
            listed: options.technicians.clone(),
        };
        Ok(Self {
            stack,
            options,
            http: vendors.http.clone(),
            examination: Examination::new(
                vendors,
                stack.queues(),
                tenant,
                Reader::Operator,
                technicians,
                CALLS,
            ),
            token_status: OnceCell::new(),
            posts: OnceCell::new(),
        })
    }

    pub(super) fn id(&self) -> &TenantId {
        self.examination.id()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.stack.clock.now()
    }
}
