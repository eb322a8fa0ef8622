//! A tenant with all that its item holds, for those that change it.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::get_item::{GetItem, GetItemInput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItem, UpdateItemError, UpdateItemInput};
use serde::{Deserialize, Serialize};

use super::history::{HistoryEntry, extended};
use super::invitation::Invitation;
use super::key::{KeyKind, TenantKey};
use super::reconciliation::{OffTime, Reconciliation};
use super::tenant::Tenant;
use crate::aws::direct::{CallError, DirectClient};
use crate::aws::item::{self, Item, number_value, text_value};
use crate::domain::clock::Timestamp;
use crate::domain::secret_name::SecretName;
use crate::domain::tenant::{Reconcile, TenantFile, TenantId};

/// How many keys of a kind may be live, so that the old one works until the new one is in use.
pub const LIVE_KEYS: usize = 2;

/// Where a tenant's settings are changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ManagedBy {
    /// In a tenant file, which the operator applies.
    #[default]
    File,
    /// In ServiceNow.
    ServiceNow,
}

/// A tenant with all that its item holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedTenant {
    /// What the functions need of it.
    pub tenant: Tenant,
    /// Where its settings are changed.
    pub managed_by: ManagedBy,
    /// The set-up link that has not been used yet.
    pub invitation: Option<Invitation>,
    /// Which of the secrets that an administrator sets are set, and when each was set last, where that is known. `None` for
    /// a tenant of an earlier release, until a secret is set.
    pub secrets: Option<BTreeMap<SecretName, Option<Timestamp>>>,
    /// The last changes, the oldest first.
    pub history: Vec<HistoryEntry>,
    /// Since when its sessions are compared with Rescue's report.
    pub reconciliation: Reconciliation,
}

/// A change of a tenant, for its history.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    /// Who makes it.
    pub who: &'a str,
    /// When.
    pub at: Timestamp,
    /// What is changed ([`HistoryEntry::pointers`]).
    pub pointers: Vec<String>,
}

impl From<Tenant> for ManagedTenant {
    /// A tenant that is managed by a file and has no history.
    fn from(tenant: Tenant) -> Self {
        Self {
            tenant,
            managed_by: ManagedBy::File,
            invitation: None,
            secrets: None,
            history: Vec::new(),
            reconciliation: Reconciliation::default(),
        }
    }
}

impl ManagedTenant {
    /// A tenant that does not exist yet. Its first [`ManagedTenant::changed`] gives it version 1.
    pub fn new(file: TenantFile, managed_by: ManagedBy) -> Self {
        let tenant = Tenant {
            file,
            version: 0,
            keys: Vec::new(),
            disabled_at: None,
        };
        Self {
            managed_by,
            secrets: Some(BTreeMap::new()),
            ..tenant.into()
        }
    }

    /// The tenant after a change: `edit` makes it; version, history, the times of switching, and since when its sessions are
    /// compared follow.
    #[must_use]
    pub fn changed(&self, change: Change<'_>, edit: impl FnOnce(&mut Self)) -> Self {
        let mut after = self.clone();
        edit(&mut after);
        let version = self.tenant.version + 1;
        after.tenant.version = version;
        // A tenant that stays disabled keeps its time.
        after.tenant.disabled_at =
            (!after.tenant.file.enabled).then(|| self.tenant.disabled_at.unwrap_or(change.at));
        let reconciliation = &mut after.reconciliation;
        if let (Some(from), None) = (self.tenant.disabled_at, after.tenant.disabled_at) {
            let to = change.at;
            reconciliation.note_off_time(OffTime { from, to });
        }
        let rescue = &after.tenant.file.rescue;
        // Sessions that ended in an account before it was the tenant's are not the tenant's.
        let since = reconciliation
            .since
            .filter(|_| rescue.is_same_account(&self.tenant.file.rescue));
        let compares = rescue.reconcile != Reconcile::Off;
        reconciliation.since = compares.then(|| since.unwrap_or(change.at));
        let entry = HistoryEntry::new(change.at, version, change.who, change.pointers);
        after.history = extended(&self.history, entry);
        after
    }

    /// Notes which secrets are set; one of them was set just now.
    pub fn note_secrets(&mut self, set: &[SecretName], changed: SecretName, at: Timestamp) {
        let known = self.secrets.get_or_insert_default();
        for name in set {
            known.entry(*name).or_insert(None);
        }
        known.insert(changed, Some(at));
    }

    /// Whether it was switched off at that moment.
    pub fn was_switched_off_at(&self, moment: Timestamp) -> bool {
        let is_off = self.tenant.disabled_at.is_some_and(|since| since <= moment);
        is_off || self.reconciliation.was_off_at(moment)
    }

    /// The live keys of a kind.
    pub fn keys(&self, kind: KeyKind) -> impl Iterator<Item = &TenantKey> {
        self.tenant.keys.iter().filter(move |key| key.kind == kind)
    }

    /// The tenant as an item of the table.
    ///
    /// # Errors
    /// When it cannot be written as JSON; never for settings that were read.
    pub fn to_item(&self) -> Result<Item, serde_json::Error> {
        let tenant = &self.tenant;
        let mut item = Item::from([
            ("tenant".to_owned(), text_value(&tenant.file.tenant)),
            ("version".to_owned(), number_value(tenant.version)),
        ]);
        let mut json = vec![
            ("config", serde_json::to_string(&tenant.file)?),
            ("keys", serde_json::to_string(&tenant.keys)?),
            ("history", serde_json::to_string(&self.history)?),
        ];
        if let Some(secrets) = &self.secrets {
            json.push(("secrets", serde_json::to_string(secrets)?));
        }
        if let Some(invitation) = &self.invitation {
            json.push(("invitation", serde_json::to_string(invitation)?));
        }
        if self.reconciliation != Reconciliation::default() {
            json.push((
                "reconciliation",
                serde_json::to_string(&self.reconciliation)?,
            ));
        }
        if self.managed_by == ManagedBy::ServiceNow {
            json.push(("managed_by", serde_json::to_string(&self.managed_by)?));
        }
        json.extend(tenant.disabled_at.map(|at| ("disabled_at", at.to_string())));
        item.extend(
            json.into_iter()
                .map(|(name, value)| (name.to_owned(), text_value(value))),
        );
        Ok(item)
    }

    /// Reads an item of the table; `None` when it is not one that the connector wrote.
    pub fn from_item(item: &Item) -> Option<Self> {
        Some(Self {
            tenant: Tenant::from_item(item)?,
            managed_by: json(item, "managed_by")?.unwrap_or_default(),
            invitation: json(item, "invitation")?,
            secrets: json(item, "secrets")?,
            history: json(item, "history")?.unwrap_or_default(),
            reconciliation: json(item, "reconciliation")?.unwrap_or_default(),
        })
    }
}

/// The attributes that not every item has.
const OPTIONAL: [&str; 5] = [
    "secrets",
    "invitation",
    "managed_by",
    "disabled_at",
    "reconciliation",
];

/// An attribute that holds JSON. The outer `None`: it holds something else; the inner one: there is none.
fn json<T: serde::de::DeserializeOwned>(item: &Item, name: &str) -> Option<Option<T>> {
    match item::text(item, name) {
        Some(text) => serde_json::from_str(text).ok().map(Some),
        None => Some(None),
    }
}

/// Why a tenant was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadTenantError {
    /// DynamoDB refused, or did not answer.
    #[error(transparent)]
    Aws(Box<CallError<GetItem>>),
    /// The item is not one that this release can read.
    #[error("the item of tenant {0} cannot be read")]
    Unreadable(TenantId),
}

/// Why a tenant was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteTenantError {
    /// It was changed in the meantime.
    #[error("tenant {0} was changed in the meantime")]
    Conflict(TenantId),
    /// DynamoDB refused, or did not answer.
    #[error(transparent)]
    Aws(Box<CallError<UpdateItem>>),
    /// Never for settings that were read.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// Reads and writes whole tenants, without a cache.
#[derive(Clone, Debug)]
pub struct ManagedTenants {
    pub(super) dynamodb: DirectClient,
    /// The table's name.
    pub table: String,
}

impl ManagedTenants {
    /// The tenants of a table.
    pub const fn new(dynamodb: DirectClient, table: String) -> Self {
        Self { dynamodb, table }
    }

    /// A tenant as the table holds it now.
    ///
    /// # Errors
    /// As [`ReadTenantError`] says.
    pub async fn read(&self, id: &TenantId) -> Result<Option<ManagedTenant>, ReadTenantError> {
        let input = GetItemInput::builder()
            .table_name(&self.table)
            .key("tenant", text_value(id))
            .consistent_read(true);
        let answer = self.dynamodb.call::<GetItem>(input.build()).await;
        let answer = answer.map_err(|error| ReadTenantError::Aws(Box::new(error)))?;
        let read = |item| {
            ManagedTenant::from_item(item).ok_or_else(|| ReadTenantError::Unreadable(id.clone()))
        };
        answer.item().map(read).transpose()
    }

    /// Writes a tenant, provided that the table still holds `before`.
    ///
    /// # Errors
    /// As [`WriteTenantError`] says.
    pub async fn write(
        &self,
        before: Option<&ManagedTenant>,
        after: &ManagedTenant,
    ) -> Result<(), WriteTenantError> {
        let id = &after.tenant.file.tenant;
        if before.is_some_and(|before| before.tenant.file.tenant != *id) {
            return Err(WriteTenantError::Conflict(id.clone()));
        }
        let mut item = after.to_item()?;
        item.remove("tenant");
        let set: Vec<_> = item
            .keys()
            .map(|name| format!("#{name} = :{name}"))
            .collect();
        let mut expression = format!("SET {}", set.join(", "));
        // An update in place of a put: with one operation for every table the functions are smaller.
        let mut update = UpdateItemInput::builder()
            .table_name(&self.table)
            .key("tenant", text_value(id));
        let absent = OPTIONAL
            .iter()
            .filter(|name| !item.contains_key(**name))
            .zip([" REMOVE ", ", ", ", ", ", ", ", "]);
        for (name, before) in absent {
            expression.extend([before, "#", name]);
            update = update.expression_attribute_names(format!("#{name}"), *name);
        }
        update = update.update_expression(expression);
        for (name, value) in item {
            update = update.expression_attribute_names(format!("#{name}"), &name);
            update = update.expression_attribute_values(format!(":{name}"), value);
        }
        let update = match before {
            None => update.condition_expression("attribute_not_exists(tenant)"),
            Some(before) => update
                .condition_expression("#version = :read")
                .expression_attribute_values(":read", number_value(before.tenant.version)),
        };
        let Err(error) = self.dynamodb.call::<UpdateItem>(update.build()).await else {
            return Ok(());
        };
        // When the answer to a successful write is lost, the SDK's retry fails on the condition. The keys of a new tenant
        // are stored nowhere else, so the table is read again before an error is returned.
        let found = self.read(id).await;
        if matches!(&found, Ok(Some(found)) if found == after) {
            return Ok(());
        }
        let overtaken = error
            .as_service_error()
            .is_some_and(UpdateItemError::is_conditional_check_failed_exception);
        if overtaken && found.is_ok() {
            Err(WriteTenantError::Conflict(id.clone()))
        } else {
            Err(WriteTenantError::Aws(Box::new(error)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tenant::{Account, Rescue};

    fn file() -> TenantFile {
        let document = serde_json::json!({
            "tenant": "acme",
            "rescue": {"company_id": "112938"},
            "servicenow": {"instance": "https://acme.service-now.com"},
        });
        serde_json::from_value(document).expect("a tenant file")
    }

    #[test]
    fn secrets_that_are_set_at_the_same_moment_are_both_noted() {
        let now = Timestamp::from_millis(5_000);
        let (sso, client) = (SecretName::SsoPassword, SecretName::OauthClientSecret);
        let mut tenant = ManagedTenant::new(file(), ManagedBy::ServiceNow);
        tenant.note_secrets(&[sso, client], client, now);
        tenant.note_secrets(&[sso], sso, now);
        assert_eq!(
            tenant.secrets,
            Some([(sso, Some(now)), (client, Some(now))].into())
        );
        let mut earlier = ManagedTenant::from(tenant.tenant);
        earlier.note_secrets(&[sso, client], client, now);
        assert_eq!(
            earlier.secrets,
            Some([(sso, None), (client, Some(now))].into())
        );
    }

    /// A tenant of version 1, and its changes at given hours.
    struct Changes(ManagedTenant);

    impl Changes {
        fn new() -> Self {
            Self(ManagedTenant::new(file(), ManagedBy::File)).at(0, |_| {})
        }

        fn at(self, hour: i64, edit: impl FnOnce(&mut TenantFile)) -> Self {
            let change = Change {
                who: "ana",
                at: hours(hour),
                pointers: Vec::new(),
            };
            Self(self.0.changed(change, |after| edit(&mut after.tenant.file)))
        }

        fn reconcile(self, hour: i64, mode: Reconcile) -> Self {
            self.at(hour, |file| file.rescue.reconcile = mode)
        }

        fn enabled(self, hour: i64, enabled: bool) -> Self {
            self.at(hour, |file| file.enabled = enabled)
        }

        fn since(&self) -> Option<Timestamp> {
            self.0.reconciliation.since
        }
    }

    fn hours(hours: i64) -> Timestamp {
        Timestamp::from_millis(hours * 3_600_000)
    }

    #[test]
    fn sessions_are_compared_since_reconciliation_was_switched_on_last() {
        use Reconcile::{Off, Watch, Write};
        let mut tenant = Changes::new();
        assert_eq!(tenant.since(), None);
        for (hour, mode, since) in [
            (1, Watch, Some(1)),
            (2, Write, Some(1)),
            (3, Watch, Some(1)),
            (4, Off, None),
            (5, Off, None),
            (6, Write, Some(6)),
        ] {
            tenant = tenant.reconcile(hour, mode);
            assert_eq!(tenant.since(), since.map(hours), "{hour}");
        }
        // Other settings, and switching the tenant off and on, do not begin anew.
        let tenant = tenant
            .at(7, |file| file.rescue.report_nodes = vec!["2001".to_owned()])
            .enabled(8, false)
            .enabled(9, true);
        assert_eq!(tenant.since(), Some(hours(6)));
        let created = ManagedTenant::new(file(), ManagedBy::File);
        let created = Changes(created).reconcile(3, Watch);
        assert_eq!(created.since(), Some(hours(3)));
    }

    #[test]
    fn sessions_of_another_account_are_compared_since_it_is_the_tenants() {
        let on = || Changes::new().reconcile(1, Reconcile::Write);
        let rescue = &on().0.tenant.file.rescue;
        for edit in [
            (|rescue| rescue.company_id = "7".to_owned()) as fn(&mut Rescue),
            |rescue| rescue.account = Account::Eu,
            |rescue| rescue.base_url = Some("https://rescue.acme.test".to_owned()),
        ] {
            let moved = on().at(2, |file| edit(&mut file.rescue));
            assert_eq!(moved.since(), Some(hours(2)));
            assert!(!moved.0.tenant.file.rescue.is_same_account(rescue));
        }
    }

    #[test]
    fn the_times_in_which_the_tenant_was_switched_off_are_kept() {
        let off = |tenant: &Changes, hour| tenant.0.was_switched_off_at(hours(hour));
        let tenant = Changes::new().enabled(2, false);
        assert!(!off(&tenant, 1) && off(&tenant, 2) && off(&tenant, 100));
        let still_off = tenant.at(3, |file| file.debug.logging = true);
        assert_eq!(still_off.0.reconciliation, Reconciliation::default());
        let on = still_off.enabled(4, true);
        let off_time = |from, to| OffTime {
            from: hours(from),
            to: hours(to),
        };
        assert_eq!(on.0.reconciliation.off_times, [off_time(2, 4)]);
        assert!(!off(&on, 1) && off(&on, 2) && off(&on, 3) && !off(&on, 4));
        let twice = on.enabled(5, false).enabled(6, true);
        let times = [off_time(2, 4), off_time(5, 6)];
        assert_eq!(twice.0.reconciliation.off_times, times);
        let item = twice.0.to_item().expect("JSON");
        assert_eq!(ManagedTenant::from_item(&item), Some(twice.0));
    }

    #[test]
    fn an_item_holds_the_whole_tenant_and_one_of_an_earlier_release_is_read() {
        let now = Timestamp::from_millis(5_000);
        let change = |pointer: &str| Change {
            who: "ana",
            at: now,
            pointers: vec![pointer.to_owned()],
        };
        let created =
            ManagedTenant::new(file(), ManagedBy::ServiceNow).changed(change(""), |tenant| {
                let (invitation, _) = Invitation::generate(&[1; 32], now);
                tenant.invitation = Some(invitation);
                tenant.secrets = Some([(SecretName::SsoPassword, Some(now))].into());
            });
        let switched_off = created.changed(change("/enabled"), |tenant| {
            tenant.tenant.file.enabled = false
        });
        assert_eq!(
            (created.tenant.version, switched_off.tenant.version),
            (1, 2)
        );
        assert_eq!(switched_off.tenant.disabled_at, Some(now));
        let item = switched_off.to_item().expect("JSON");
        assert_eq!(ManagedTenant::from_item(&item), Some(switched_off));

        let mut item = ManagedTenant::new(file(), ManagedBy::File)
            .to_item()
            .expect("JSON");
        item.remove("history");
        item.remove("secrets");
        assert!(!item.contains_key("reconciliation"));
        let earlier = ManagedTenant::from_item(&item).expect("readable");
        assert_eq!(
            (earlier.managed_by, earlier.secrets, earlier.history),
            (ManagedBy::File, None, Vec::new())
        );
        assert_eq!(earlier.reconciliation, Reconciliation::default());
        item.insert("history".to_owned(), text_value("{"));
        assert_eq!(ManagedTenant::from_item(&item), None);
    }
}
