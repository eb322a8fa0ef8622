//! The organisation of a Rescue account: whose sessions a report has to show (docs/vendors.md#session-report).

use std::collections::HashMap;

use super::ReportNode;
use super::error::UnreadableAnswer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    TechnicianGroup,
    Technician,
    Channel,
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    id: String,
    parent: String,
    name: String,
    kind: Kind,
}

/// The nodes of an account, each with its parent: `getHierarchy_v2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    nodes: Vec<Node>,
    positions: HashMap<String, usize>,
}

impl Hierarchy {
    /// Reads blocks of `Key:value`, on lines of their own or, as the vendor's page shows them, on one line.
    pub(crate) fn read(answer: &str) -> Result<Self, UnreadableAnswer> {
        let mut blocks: Vec<String> = Vec::new();
        for line in answer.lines() {
            // `OK` may stand before the first block on its line.
            let line = line.trim();
            let start = line.strip_prefix("OK").map_or(line, str::trim_start);
            if start.starts_with("NodeID:") {
                blocks.push(start.to_owned());
            } else if let Some(block) = blocks.last_mut() {
                block.push('\n');
                block.push_str(line);
            }
        }
        let mut hierarchy = Self {
            nodes: Vec::new(),
            positions: HashMap::new(),
        };
        for node in blocks.iter().filter_map(|block| Node::read(block)) {
            let position = hierarchy.nodes.len();
            let known = hierarchy.positions.entry(node.id.clone());
            if let std::collections::hash_map::Entry::Vacant(entry) = known {
                entry.insert(position);
                hierarchy.nodes.push(node);
            }
        }
        if hierarchy.nodes.is_empty() {
            return Err(UnreadableAnswer::NoNodes);
        }
        Ok(hierarchy)
    }

    /// Whether a session is one of these nodes': its technician or its channel is one of them or below one of them. A
    /// technician or channel that has been deleted is below none.
    pub fn covers(
        &self,
        report_nodes: &[String],
        technician_id: Option<&str>,
        channel_id: Option<&str>,
    ) -> bool {
        let mut ids = [technician_id, channel_id].into_iter().flatten();
        ids.any(|id| self.is_below(id, report_nodes))
    }

    /// The name of a node.
    pub fn name(&self, id: &str) -> Option<&str> {
        Some(self.node(id)?.name.as_str())
    }

    /// Those of the given ids that the account does not have.
    pub fn unknown<'a>(&self, report_nodes: &'a [String]) -> Vec<&'a str> {
        let ids = report_nodes.iter().map(String::as_str);
        ids.filter(|id| self.node(id).is_none()).collect()
    }

    /// What to ask where Rescue refuses the whole account: every technician group, every technician who is in none, and
    /// the channels among `report_nodes`. With `report_nodes`, only what is below one of them. A session may be in several
    /// of these reports.
    pub fn groups_to_ask(&self, report_nodes: &[String]) -> Vec<ReportNode> {
        let wanted = |node: &&Node| self.is_wanted(node, report_nodes);
        let of_kind = |kind| {
            let nodes = self.nodes.iter().filter(wanted);
            nodes.filter(move |node| node.kind == kind)
        };
        let groups: Vec<String> = of_kind(Kind::TechnicianGroup)
            .map(|group| group.id.clone())
            .collect();
        let alone = of_kind(Kind::Technician).filter(|node| !self.is_below(&node.id, &groups));
        let nodes = groups.iter().map(|id| ReportNode::node(id));
        let nodes = nodes.chain(alone.map(|node| ReportNode::node(&node.id)));
        nodes.chain(self.channels(report_nodes)).collect()
    }

    /// What to ask where Rescue refuses technician groups as well: every technician, and the channels among
    /// `report_nodes`. With `report_nodes`, only what is below one of them.
    pub fn technicians_to_ask(&self, report_nodes: &[String]) -> Vec<ReportNode> {
        let wanted = self
            .nodes
            .iter()
            .filter(|node| node.kind == Kind::Technician && self.is_wanted(node, report_nodes));
        let technicians = wanted.map(|node| ReportNode::node(&node.id));
        technicians.chain(self.channels(report_nodes)).collect()
    }

    /// A session has a technician, so channels are asked only where they are named.
    fn channels(&self, report_nodes: &[String]) -> impl Iterator<Item = ReportNode> {
        let channels = self.nodes.iter().filter(move |node| {
            node.kind == Kind::Channel && self.is_below(&node.id, report_nodes)
        });
        channels.map(|node| ReportNode::channel(&node.id))
    }

    fn is_wanted(&self, node: &Node, report_nodes: &[String]) -> bool {
        report_nodes.is_empty() || self.is_below(&node.id, report_nodes)
    }

    /// Whether a node is one of these or below one of them.
    fn is_below(&self, id: &str, nodes: &[String]) -> bool {
        let mut id = id;
        // A circle of parents ends here.
        for _ in 0..=self.nodes.len() {
            if nodes.iter().any(|node| node == id) {
                return true;
            }
            match self.node(id) {
                Some(node) => id = &node.parent,
                None => return false,
            }
        }
        false
    }

    fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.get(*self.positions.get(id)?)
    }
}

impl Node {
    /// `None` for a block without an id or a type.
    fn read(block: &str) -> Option<Self> {
        let first_word = |text: &str| text.split_whitespace().next().map(str::to_owned);
        // A description may hold the text of another label; the type comes last.
        let kind = first_word(labels(block, "Type:").last()?)?;
        let name = labels(block, "Name:").next().unwrap_or_default();
        let name = name.lines().next().unwrap_or_default();
        let end = name.find(" Email:").unwrap_or(name.len());
        Some(Self {
            id: first_word(labels(block, "NodeID:").next()?)?,
            parent: labels(block, "ParentID:")
                .next()
                .and_then(first_word)
                .unwrap_or_default(),
            name: name.get(..end).unwrap_or_default().trim().to_owned(),
            kind: match kind.to_ascii_lowercase().as_str() {
                "techniciangroup" => Kind::TechnicianGroup,
                "technician" => Kind::Technician,
                "channel" => Kind::Channel,
                _ => Kind::Other,
            },
        })
    }
}

/// The texts after each appearance of a label at the start of a word.
fn labels<'a>(block: &'a str, label: &'a str) -> impl Iterator<Item = &'a str> {
    block.match_indices(label).filter_map(move |(at, _)| {
        let before = block.get(..at)?.chars().next_back();
        let starts_a_word = before.is_none_or(char::is_whitespace);
        starts_a_word.then(|| block.get(at + label.len()..))?
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::*;

    const ACME: &str = include_str!("../../../fixtures/session_report/hierarchy.txt");

    fn ids(nodes: &[ReportNode]) -> Vec<&str> {
        nodes.iter().map(|node| node.id.as_str()).collect()
    }

    fn owned(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn a_session_is_covered_by_the_nodes_above_its_technician_and_its_channel() {
        let acme = Hierarchy::read(ACME).expect("a hierarchy");
        for (nodes, technician, channel, covered) in [
            (&["4455667"][..], Some("4455667"), None, true),
            (&["2001"], Some("4455667"), None, true),
            (&["2000"], Some("4455667"), None, true),
            (&["1122334"], Some("4455667"), None, true),
            (&["2002"], Some("4455667"), None, false),
            (&["2002", "3001"], Some("4455667"), Some("3001"), true),
            (&["3001"], Some("4455667"), None, false),
            (&["2001"], Some("999"), None, false),
            (&["999"], Some("999"), None, true),
            (&["2001"], None, None, false),
            (&[], Some("4455667"), Some("3001"), false),
        ] {
            let nodes = owned(nodes);
            assert_eq!(
                acme.covers(&nodes, technician, channel),
                covered,
                "{nodes:?} {technician:?} {channel:?}"
            );
        }
    }

    #[test]
    fn groups_and_the_technicians_of_none_are_asked_before_each_technician() {
        let acme = Hierarchy::read(ACME).expect("a hierarchy");
        assert_eq!(
            ids(&acme.groups_to_ask(&[])),
            ["2001", "2002", "2003", "4455669"]
        );
        assert_eq!(
            ids(&acme.technicians_to_ask(&[])),
            ["4455667", "4455668", "4455669", "4455670"]
        );
        let of_one = owned(&["2002", "3001"]);
        let groups = acme.groups_to_ask(&of_one);
        assert_eq!(
            groups,
            [ReportNode::node("2002"), ReportNode::channel("3001")]
        );
        let technicians = acme.technicians_to_ask(&of_one);
        assert_eq!(ids(&technicians), ["4455668", "3001"]);
        assert_eq!(acme.unknown(&owned(&["2002", "7"])), ["7"]);
        assert_eq!(acme.name("4455667"), Some("Ana Ruiz"));
    }

    #[test]
    fn a_name_or_description_does_not_pass_for_another_label() {
        let one_line = "OK NodeID:1 ParentID:0 Name:Acme Email: Description: Status:Offline Type:Root \
                        \nNodeID:5 ParentID:1 Name:Ana Type:Ruiz Email:a@acme.test Description:ParentID:9 Type:Channel \
                        Status:Online Type:Technician";
        let read = Hierarchy::read(one_line).expect("a hierarchy");
        assert_eq!(read.name("5"), Some("Ana Type:Ruiz"));
        assert!(read.covers(&owned(&["1"]), Some("5"), None));
        assert_eq!(ids(&read.technicians_to_ask(&[])), ["5"]);
    }

    #[test]
    fn a_circle_of_parents_ends() {
        let circle = "OK\n\nNodeID:1\nParentID:2\nType:Technician\n\nNodeID:2\nParentID:1\nType:TechnicianGroup\n";
        let read = Hierarchy::read(circle).expect("a hierarchy");
        assert!(!read.covers(&owned(&["3"]), Some("1"), None));
        assert!(read.covers(&owned(&["2"]), Some("1"), None));
    }

    #[test]
    fn an_organisation_without_nodes_is_unreadable() {
        for answer in ["OK", "OK\n\n", "OK\n\nName:Acme\nType:Root"] {
            let read = Hierarchy::read(answer);
            assert_eq!(read, Err(UnreadableAnswer::NoNodes), "{answer}");
        }
    }

    proptest! {
        #[test]
        fn no_hierarchy_panics(text in "(OK)?(\n|NodeID:|ParentID:|Name:|Email:|Type:|Technician|Channel|[0-9 é]|.){0,60}") {
            if let Ok(read) = Hierarchy::read(&text) {
                let nodes = ["1".to_owned()];
                let _ = read.groups_to_ask(&nodes);
                let _ = read.technicians_to_ask(&[]);
                let _ = read.covers(&nodes, Some("2"), Some("3"));
            }
        }
    }
}
