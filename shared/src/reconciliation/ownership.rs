//! Whose a session of a report is: one Rescue account may serve several tenants.

use crate::aws::secret_store::TenantSecrets;
use crate::domain::tenant::TenantFile;
use crate::domain::tracking;
use crate::rescue::report::{Hierarchy, ReportedSession};

/// The nodes of Rescue's organisation by which tenants of one account are told apart.
#[derive(Clone, Copy, Debug)]
pub struct Ownership<'a> {
    /// The tenant whose sessions are looked for.
    pub tenant: &'a TenantFile,
    /// The account's other tenants.
    pub sharing: &'a [TenantFile],
    /// The account's organisation. `None`: the tenant names no nodes.
    pub hierarchy: Option<&'a Hierarchy>,
    /// The key that signs the tenant's `Tracking0` is among them.
    pub secrets: &'a TenantSecrets,
}

impl Ownership<'_> {
    /// Whether a session is the tenant's: its technician is below one of the tenant's nodes and below none of another
    /// tenant's. Where no tenant has the technician, the same counts for its channel. A session that was started with a PIN of
    /// another tenant is never the tenant's.
    pub fn is_own(&self, session: &ReportedSession) -> bool {
        if !self.sharing.is_empty() && self.has_foreign_pin(session) {
            return false;
        }
        let nodes = &self.tenant.rescue.report_nodes;
        let Some(hierarchy) = self.hierarchy.filter(|_| !nodes.is_empty()) else {
            return self.sharing.is_empty();
        };
        for (technician, channel) in [
            (session.technician_id.as_deref(), None),
            (None, session.channel_id.as_deref()),
        ] {
            let covered = |nodes: &[String]| hierarchy.covers(nodes, technician, channel);
            let is_theirs = |other: &TenantFile| covered(&other.rescue.report_nodes);
            let (own, another) = (covered(nodes), self.sharing.iter().any(is_theirs));
            if own || another {
                return own && !another;
            }
        }
        false
    }

    /// Whether the session's `Tracking0` looks signed and was not signed for the tenant.
    fn has_foreign_pin(&self, session: &ReportedSession) -> bool {
        let text = session.fields.find("Tracking0");
        let Some(text) = text.filter(|text| tracking::looks_signed(text)) else {
            return false;
        };
        let (id, tables) = (&self.tenant.tenant, self.tenant.record_tables());
        let key = self.secrets.tracking_key.as_ref();
        key.is_none_or(|key| tracking::verify(key, id, &tables, text).is_none())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::clock::Timestamp;
    use crate::domain::record::{RecordRef, SysId, TableName};
    use crate::domain::secret::Secret;
    use crate::domain::session::{Fields, SessionId};
    use crate::domain::tenant::TenantId;

    /// Ana is in the Service desk (2001), Bo in Field service (2002); 3001 is a channel.
    const ACME: &str = include_str!("../../fixtures/session_report/hierarchy.txt");
    const ANA: &str = "4455667";
    const BO: &str = "4455668";

    fn file(id: &str, nodes: &[&str]) -> TenantFile {
        let document = json!({
            "tenant": id,
            "rescue": {"company_id": "1", "report_nodes": nodes},
            "servicenow": {"instance": "https://acme.service-now.com"},
        });
        serde_json::from_value(document).expect("a tenant file")
    }

    fn session(technician: &str, channel: Option<&str>) -> ReportedSession {
        ReportedSession {
            session_id: SessionId::parse("7").expect("valid"),
            ended_at: Timestamp::from_millis(0),
            started_at: None,
            technician_id: Some(technician.to_owned()),
            technician_name: None,
            channel_id: channel.map(str::to_owned),
            channel_name: None,
            fields: Fields::default(),
        }
    }

    fn owns(nodes: &[&str], others: &[&[&str]], session: &ReportedSession) -> bool {
        let (tenant, hierarchy) = (file("acme", nodes), Hierarchy::read(ACME).expect("nodes"));
        let others = others.iter().map(|nodes| file("other", nodes));
        let sharing: Vec<TenantFile> = others.collect();
        let ownership = Ownership {
            tenant: &tenant,
            sharing: &sharing,
            hierarchy: (!nodes.is_empty()).then_some(&hierarchy),
            secrets: &TenantSecrets {
                tracking_key: Some(Secret::from("key")),
                ..TenantSecrets::default()
            },
        };
        ownership.is_own(session)
    }

    #[test]
    fn a_session_is_one_tenants_at_most() {
        for (technician, channel) in [
            (ANA, None),
            (BO, None),
            (ANA, Some("3001")),
            ("9", Some("3001")),
        ] {
            let session = session(technician, channel);
            let nodes: [&[&str]; 6] = [&["2001"], &["2002"], &["2000"], &["3001"], &[ANA], &[]];
            for (own, others) in nodes
                .iter()
                .flat_map(|own| nodes.map(|other| (*own, other)))
            {
                let both = owns(own, &[others], &session) && owns(others, &[own], &session);
                assert!(!both, "{technician} {channel:?}: {own:?} {others:?}");
            }
        }
    }

    #[test]
    fn the_technician_decides_before_the_channel() {
        let through_the_channel = session(ANA, Some("3001"));
        assert!(owns(&["2001"], &[&["3001"]], &through_the_channel));
        assert!(!owns(&["3001"], &[&["2001"]], &through_the_channel));
        let of_a_deleted_technician = session("9", Some("3001"));
        assert!(owns(&["3001"], &[&["2001"]], &of_a_deleted_technician));
        // Both tenants name a node above the technician: neither is believed.
        assert!(!owns(&["2001"], &[&["2000"]], &session(ANA, None)));
        assert!(owns(&["2001"], &[&[]], &session(ANA, None)));
    }

    #[test]
    fn without_nodes_every_session_of_an_account_is_the_only_tenants() {
        assert!(owns(&[], &[], &session("9", None)));
        assert!(!owns(&[], &[&["2001"]], &session(BO, None)));
        assert!(!owns(&["2001"], &[], &session(BO, None)));
    }

    #[test]
    fn a_session_with_another_tenants_pin_is_never_touched() {
        let other = TenantId::parse("other").expect("valid");
        let record = RecordRef {
            table: TableName::incident(),
            sys_id: SysId::parse("0f1e2d3c4b5a69788796a5b4c3d2e1f0").expect("valid"),
        };
        let with_pin_of = |tenant: &TenantId| {
            let tables = crate::domain::record_tables::RecordTables::default();
            let pin = tracking::sign(&Secret::from("key"), tenant, &tables, &record);
            let mut session = session(ANA, None);
            session
                .fields
                .insert("Tracking0", pin.expect("an incident"));
            session
        };
        let own = TenantId::parse("acme").expect("valid");
        assert!(owns(&["2001"], &[&["2002"]], &with_pin_of(&own)));
        assert!(!owns(&["2001"], &[&["2002"]], &with_pin_of(&other)));
        // In an account of its own a tenant may have had another key.
        assert!(owns(&["2001"], &[], &with_pin_of(&other)));
    }
}
