//! The nodes of the account: `getHierarchy_v2` (docs/vendors.md#session-report).

use super::state::RescueState;
use super::technician::Technician;

/// The account's id, which is the root of its nodes.
pub const ACCOUNT_ID: &str = "1122334";

/// The node above all technician groups, and above the technicians of none.
pub(super) const TECHNICIANS_ID: &str = "1122335";

/// A technician group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TechnicianGroup {
    /// Rescue's node id.
    pub node_id: String,
    /// The node id of the group that it is in; `None` for a group of the first level.
    pub parent_id: Option<String>,
    /// The display name.
    pub name: String,
}

impl TechnicianGroup {
    /// A group of the first level.
    pub fn new(node_id: &str, name: &str) -> Self {
        Self {
            node_id: node_id.to_owned(),
            parent_id: None,
            name: name.to_owned(),
        }
    }

    /// Puts the group into another one.
    #[must_use]
    pub fn in_group(mut self, node_id: &str) -> Self {
        self.parent_id = Some(node_id.to_owned());
        self
    }
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Rescue's node id.
    pub node_id: String,
    /// The display name.
    pub name: String,
}

impl Channel {
    /// A channel with that node id.
    pub fn new(node_id: &str, name: &str) -> Self {
        Self {
            node_id: node_id.to_owned(),
            name: name.to_owned(),
        }
    }
}

struct Node<'a> {
    id: &'a str,
    parent: &'a str,
    name: &'a str,
    technician: Option<&'a Technician>,
    kind: &'static str,
}

/// The nodes of the account, the root first. Deleted technicians are in none.
fn nodes(state: &RescueState) -> Vec<Node<'_>> {
    let node = |id, parent, name, kind| Node {
        id,
        parent,
        name,
        technician: None,
        kind,
    };
    let mut nodes = vec![
        node(ACCOUNT_ID, "0", "Acme", "Root"),
        node(TECHNICIANS_ID, ACCOUNT_ID, "Technicians", "Technicians"),
    ];
    nodes.extend(state.groups.iter().map(|group| {
        let parent = group.parent_id.as_deref().unwrap_or(TECHNICIANS_ID);
        node(&group.node_id, parent, &group.name, "TechnicianGroup")
    }));
    let technicians = state.technicians.iter().filter(|known| !known.deleted);
    nodes.extend(technicians.map(|technician| {
        let parent = technician.group_id.as_deref().unwrap_or(TECHNICIANS_ID);
        let (id, name) = (&*technician.node_id, &*technician.name);
        Node {
            technician: Some(technician),
            ..node(id, parent, name, "Technician")
        }
    }));
    let channels = state.channels.iter();
    nodes.extend(channels.map(|channel| {
        let (id, name) = (&*channel.node_id, &*channel.name);
        node(id, ACCOUNT_ID, name, "Channel")
    }));
    nodes
}

/// Blocks of lines, with a blank line between them. With `only` the one block of that node; without `offline` the
/// technicians whose console runs.
pub(super) fn listed(state: &RescueState, only: Option<&str>, offline: bool) -> String {
    let nodes = nodes(state);
    let listed = nodes.iter().filter(|node| {
        let online = node.technician.is_none_or(|known| known.console_running);
        only.is_none_or(|id| id == node.id) && (offline || online)
    });
    let blocks = listed.map(|node| {
        let technician = node.technician;
        let email = technician.map_or("", |technician| technician.email.as_str());
        let description = technician.map_or("", |technician| technician.description.as_str());
        let status = match technician {
            Some(technician) if technician.disabled => "Disabled",
            Some(technician) if technician.console_running => "Online",
            _ => "Offline",
        };
        format!(
            "NodeID:{}\nParentID:{}\nName:{}\nEmail:{email}\nDescription:{description}\nStatus:{status}\nType:{}\n",
            node.id, node.parent, node.name, node.kind
        )
    });
    blocks.collect::<Vec<_>>().join("\n")
}

/// Whether a technician's node is below a technician group, or below the node of all of them.
pub(super) fn is_in_group(state: &RescueState, technician: &Technician, group_id: &str) -> bool {
    let mut known = state.technicians.iter();
    let present = known.find(|known| known.node_id == technician.node_id);
    let mut parent = present.unwrap_or(technician).group_id.as_deref();
    let mut steps = state.groups.len() + 1;
    while let Some(id) = parent.filter(|_| steps > 0) {
        if id == group_id {
            return true;
        }
        let mut groups = state.groups.iter();
        let group = groups.find(|group| group.node_id == id);
        parent = group.and_then(|group| group.parent_id.as_deref());
        steps -= 1;
    }
    group_id == TECHNICIANS_ID
}
