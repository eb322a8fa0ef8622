//! All tenants, page by page: for the schedule, never for a request.

use aws_sdk_dynamodb::operation::scan::{Scan, ScanInput};

use super::managed::{ManagedTenant, ManagedTenants};
use crate::aws::direct::CallError;
use crate::aws::item::Item;

/// A page of the tenants' table.
#[derive(Debug)]
pub struct TenantsPage {
    /// Its tenants, those left out that this release cannot read.
    pub tenants: Vec<ManagedTenant>,
    /// Where the next page begins.
    pub rest: Option<Item>,
}

impl ManagedTenants {
    /// A page of at most 1 MB.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn page(&self, rest: Option<Item>) -> Result<TenantsPage, Box<CallError<Scan>>> {
        let input = ScanInput::builder()
            .table_name(&self.table)
            .set_exclusive_start_key(rest);
        let answer = self.dynamodb.call::<Scan>(input.build()).await;
        let answer = answer.map_err(Box::new)?;
        let read = |item| {
            let tenant = ManagedTenant::from_item(item);
            if tenant.is_none() {
                tracing::warn!(tenant = ?item.get("tenant"), "the item of a tenant cannot be read");
            }
            tenant
        };
        Ok(TenantsPage {
            tenants: answer.items().iter().filter_map(read).collect(),
            rest: answer.last_evaluated_key,
        })
    }
}
