//! Looks up the numbers of ServiceNow records; the ledger holds only their `sys_id`s.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use shared::aws::tenants::TenantsTable;
use shared::domain::record::{RecordRef, SysId, TableName};
use shared::domain::record_number::{RecordNumber, TypedReference};
use shared::domain::tenant::TenantFile;
use shared::domain::time_budget::TimeBudget;
use shared::environment::Testing;
use shared::retry::ServiceNowTimeouts;
use shared::servicenow::client::{CallError, DisplayValue, ServiceNowClient, TenantInstance};
use shared::servicenow::query::Query;
use shared::token::access::AccessTokens;
use shared::wiring::VendorWiring;
use tokio::time::Instant;

use crate::error::AdminError;
use crate::stack::Stack;

/// The deadline of all calls to ServiceNow.
const CALLS: Duration = Duration::from_secs(15);

/// How long a running token grant may take: interrupting it may lose a refresh token.
const GRANTS: Duration = Duration::from_secs(29);

/// How many records are read at a time, and at most for one list.
const AT_ONCE: usize = 6;
const MOST: usize = 100;

/// Calls a tenant's instance with the access token that the functions share.
#[derive(Debug)]
pub(crate) struct Records {
    client: ServiceNowClient,
    access: Arc<AccessTokens>,
    stack: Stack,
    began: Instant,
}

/// The numbers of records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// By `table:sys_id`.
    known: BTreeMap<String, String>,
    /// Why numbers are missing.
    pub(crate) fault: Option<String>,
}

impl Numbers {
    /// The number of a record; if it is not known, its table and `sys_id`.
    pub(crate) fn of(&self, record: &RecordRef) -> String {
        let key = record.to_string();
        self.known.get(&key).cloned().unwrap_or(key)
    }

    pub(crate) fn get(&self, record: &RecordRef) -> Option<&str> {
        self.known.get(&record.to_string()).map(String::as_str)
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.known.extend(other.known);
        self.fault = self.fault.take().or(other.fault);
    }
}

/// What the clients of Rescue and ServiceNow are made from, as the functions make them.
pub(crate) fn vendors(stack: &Stack, testing: &Testing) -> Result<VendorWiring, AdminError> {
    let (calls, table) = (stack.table_calls.clone(), stack.tenants_table.clone());
    let tenants = TenantsTable::new(calls, table, stack.clock.clone());
    Ok(VendorWiring {
        http: shared::http::client(testing.ca_file.as_deref())?,
        tenants: Arc::new(tenants),
        secret_store: Arc::new(stack.secret_store()),
        credentials: Arc::new(stack.credentials()),
        clock: stack.clock.clone(),
        timeouts: ServiceNowTimeouts::HTTP,
        testing: testing.clone(),
    })
}

/// A record number as operators and technicians type it, such as `inc-0012345`, of one of the tenant's tables. Other text
/// is not accepted beside it.
///
/// # Errors
/// [`AdminError::UnknownNumber`].
pub(crate) fn record_number(tenant: &TenantFile, text: &str) -> Result<RecordNumber, AdminError> {
    let tables = tenant.record_tables();
    let characters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
    match RecordNumber::typed(text, &tables) {
        TypedReference::Number(number) if characters(number.as_str()) == characters(text) => {
            Ok(number)
        }
        _ => Err(AdminError::UnknownNumber {
            tenant: tenant.tenant.clone(),
            number: text.to_owned(),
            prefixes: tables
                .iter()
                .map(|table| table.number_prefix.clone())
                .collect(),
        }),
    }
}

impl Records {
    pub(crate) fn new(stack: &Stack, testing: &Testing) -> Result<Self, AdminError> {
        let vendors = vendors(stack, testing)?;
        let access = vendors.access_tokens();
        Ok(Self {
            client: vendors.servicenow(&access),
            access,
            stack: stack.clone(),
            began: Instant::now(),
        })
    }

    /// A tenant's instance, for calls of one command.
    fn instance<'a>(&'a self, tenant: &'a TenantFile) -> TenantInstance<'a> {
        let budget = TimeBudget::lasting(self.stack.clock.clone(), CALLS);
        self.client.for_tenant(tenant, budget)
    }

    /// The one record of that number.
    ///
    /// # Errors
    /// [`AdminError::NoSuchRecord`] when the service account sees none or several; [`AdminError::ServiceNow`] when the
    /// call fails.
    pub(crate) async fn find(
        &self,
        tenant: &TenantFile,
        number: &RecordNumber,
    ) -> Result<RecordRef, AdminError> {
        let (table, query) = (number.table(), Query::number(number));
        let found = self.instance(tenant).find(table.as_str(), &query).await;
        self.finish_grant().await;
        let found = found.map_err(|error| AdminError::ServiceNow {
            tenant: tenant.tenant.clone(),
            number: number.as_str().to_owned(),
            reason: error.to_string(),
        })?;
        let ids = found.rows.iter().filter_map(|row| row.get("sys_id"));
        let ids: BTreeSet<&String> = ids.collect();
        let mut ids = ids.into_iter().filter_map(|id| SysId::parse(id));
        match (ids.next(), ids.next()) {
            (Some(sys_id), None) => Ok(RecordRef {
                table: table.clone(),
                sys_id,
            }),
            (_, second) => Err(AdminError::NoSuchRecord {
                tenant: tenant.tenant.clone(),
                number: number.as_str().to_owned(),
                table: table.to_string(),
                several: second.is_some(),
            }),
        }
    }

    /// Whether a record has the note with that marker. `None`: its notes cannot be read.
    pub(crate) async fn has_note(
        &self,
        tenant: &TenantFile,
        record: &RecordRef,
        marker: &str,
    ) -> Option<bool> {
        let instance = self.instance(tenant);
        let shown = instance
            .read(record, &["work_notes"], DisplayValue::Shown)
            .await;
        self.finish_grant().await;
        Some(shown.ok()??.get("work_notes")?.contains(marker))
    }

    /// The numbers of records. Never fails: numbers that cannot be read are missing, and the first reason is kept.
    pub(crate) async fn numbers(&self, tenant: &TenantFile, records: &BTreeSet<String>) -> Numbers {
        let instance = self.instance(tenant);
        let mut numbers = Numbers::default();
        let records = records.iter().filter_map(|text| parse(text)).take(MOST);
        let reads = stream::iter(records).map(async |record| {
            let read = instance.read(&record, &["number"], DisplayValue::Raw);
            (record.to_string(), read.await)
        });
        let mut reads = std::pin::pin!(reads.buffer_unordered(AT_ONCE));
        while let Some((record, read)) = reads.next().await {
            let fault = match read {
                Ok(columns) => {
                    let number = columns.and_then(|mut columns| columns.remove("number"));
                    let number = number.filter(|number| !number.is_empty());
                    numbers.known.extend(number.map(|number| (record, number)));
                    continue;
                }
                Err(fault) => fault,
            };
            let only_this_record = matches!(fault, CallError::NotFound | CallError::Refused { .. });
            numbers.fault.get_or_insert_with(|| fault.to_string());
            // Other failures would repeat for every record.
            if !only_this_record {
                break;
            }
        }
        self.finish_grant().await;
        numbers
    }

    /// Waits for a running token grant.
    async fn finish_grant(&self) {
        while self.access.is_obtaining() && self.began.elapsed() < GRANTS {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Reads `table:sys_id`.
fn parse(text: &str) -> Option<RecordRef> {
    let (table, sys_id) = text.split_once(':')?;
    Some(RecordRef {
        table: TableName::parse(table)?,
        sys_id: SysId::parse(sys_id)?,
    })
}
