//! ComfyUI's graph of a picture: nodes by identifier, whose inputs are values or links to outputs of
//! others. Walks are bounded and do not mind cycles.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::json;

/// Most nodes of a graph that is looked at.
const MOST_NODES: usize = 4096;

/// Most links followed for one value.
const MOST_HOPS: usize = 16;

/// Names under which nodes that only hold a value hold it.
const HELD: [&str; 8] = ["value", "int", "float", "number", "Number", "text", "string", "String"];

/// A graph.
pub(super) struct Graph {
    nodes: Map<String, Value>,
}

/// A node of a graph.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) id: &'a str,
    /// What it does, such as `KSampler`.
    pub(super) class: &'a str,
    pub(super) inputs: &'a Map<String, Value>,
}

/// An output of a node.
#[derive(Clone, Copy)]
pub(super) struct Link<'a> {
    pub(super) id: &'a str,
    pub(super) slot: u64,
}

impl<'a> Node<'a> {
    /// The output that an input is linked to.
    pub(super) fn link(&self, name: &str) -> Option<Link<'a>> {
        as_link(self.inputs.get(name)?)
    }

    /// All links, with the names of their inputs, in order.
    pub(super) fn links(&self) -> impl Iterator<Item = (&'a str, Link<'a>)> + use<'a> {
        self.inputs.iter().filter_map(|(name, value)| Some((name.as_str(), as_link(value)?)))
    }

    /// The value that stands at an input itself.
    pub(super) fn literal(&self, name: &str) -> Option<&'a Value> {
        self.inputs.get(name).filter(|value| !value.is_array() && !value.is_null())
    }
}

/// `["4", 0]`.
fn as_link(value: &Value) -> Option<Link<'_>> {
    match value.as_array()?.as_slice() {
        [Value::String(id), slot] => Some(Link { id, slot: slot.as_u64()? }),
        _ => None,
    }
}

impl Graph {
    /// A graph in the form of ComfyUI's API: `{"3": {"class_type": …, "inputs": {…}}, …}`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let Value::Object(nodes) = json::parse(text)? else { return None };
        let graph = Self { nodes };
        (graph.nodes.len() <= MOST_NODES && graph.nodes().next().is_some()).then_some(graph)
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        self.nodes.iter().filter_map(|(id, node)| as_node(id, node))
    }

    pub(super) fn node(&self, id: &str) -> Option<Node<'_>> {
        let (id, node) = self.nodes.get_key_value(id)?;
        as_node(id, node)
    }

    /// The nodes upstream of `start`, itself first, each once and depth first. `next` says which links
    /// of a node to follow, given the output through which it was reached.
    pub(super) fn walk<'a>(
        &'a self,
        start: Link<'a>,
        next: impl Fn(Node<'a>, u64) -> Vec<Link<'a>>,
    ) -> Vec<Node<'a>> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        let mut waiting = vec![start];
        while let Some(link) = waiting.pop() {
            if seen.insert(link.id)
                && let Some(node) = self.node(link.id)
            {
                found.push(node);
                waiting.extend(next(node, link.slot).into_iter().rev());
            }
        }
        found
    }

    /// Everything upstream of `start`.
    pub(super) fn everything<'a>(&'a self, start: Link<'a>) -> Vec<Node<'a>> {
        self.walk(start, |node, _| node.links().map(|(_, link)| link).collect())
    }

    /// The value of the first of those inputs that has one; a linked one is looked for in the nodes
    /// it comes from.
    pub(super) fn value<'a>(&'a self, node: Node<'a>, names: &[&str]) -> Option<&'a Value> {
        let direct = names.iter().find_map(|name| node.literal(name));
        direct.or_else(|| {
            let mut link = names.iter().find_map(|name| node.link(name))?;
            for _ in 0..MOST_HOPS {
                let node = self.node(link.id)?;
                let held = || names.iter().copied().chain(HELD);
                if let Some(value) = held().find_map(|name| node.literal(name)) {
                    return Some(value);
                }
                link = held().find_map(|name| node.link(name))?;
            }
            None
        })
    }

    /// As [`Graph::value`], also in the nodes that are linked to the inputs `beside`.
    pub(super) fn value_beside<'a>(
        &'a self,
        node: Node<'a>,
        names: &[&str],
        beside: &[&str],
    ) -> Option<&'a Value> {
        self.value(node, names).or_else(|| {
            let mut linked = beside.iter().filter_map(|name| self.node(node.link(name)?.id));
            linked.find_map(|node| self.value(node, names))
        })
    }
}

fn as_node<'a>(id: &'a str, node: &'a Value) -> Option<Node<'a>> {
    let class = node.get("class_type")?.as_str()?;
    Some(Node { id, class, inputs: node.get("inputs")?.as_object()? })
}
