//! The rules, worked out once more from nothing but the answer: where an alias should lead.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use sha2::{Digest, Sha256};

use super::plan::{ClusterPlan, ConnectionPlan, NodePlan};

/// Where an alias should lead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub host_key_alias: String,
}

/// One host that should be there, and what is known of its name and its way.
#[derive(Clone, Debug)]
pub struct Expected {
    pub target: Target,
    /// The id of its node.
    pub node: String,
    pub control: bool,
    /// Whether it must have the plain name of its node; of some others the rules leave it open.
    pub main: bool,
}

/// Whether a text for people must be refused.
pub fn is_refused_text(text: &str) -> bool {
    let refused = |c: char| {
        c.is_control()
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
            || "\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{feff}".contains(c)
    };
    text.chars().any(refused)
        || ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
        || text.starts_with("#jinja2:")
}

/// What ssh should be given for a host of the answer, if it may be given to it at all.
pub fn canonical_host(host: &str) -> Option<String> {
    if let Ok(v4) = host.parse::<Ipv4Addr>() {
        let first = v4.octets()[0];
        let odd = v4.is_unspecified() || (224..240).contains(&first) || v4.is_link_local();
        return (!odd && !v4.is_broadcast()).then(|| v4.to_string());
    }
    if let Ok(v6) = host.parse::<Ipv6Addr>() {
        let first = v6.segments()[0];
        let odd = v6.is_unspecified() || first >= 0xff00 || first & 0xffc0 == 0xfe80;
        return (!odd && v6.to_ipv4_mapped().is_none()).then(|| v6.to_string());
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_label = |label: &str| {
        let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        label.len() <= 63
            && label.starts_with(edge)
            && label.ends_with(edge)
            && label.chars().all(|c| edge(c) || c == '_' || c == '-')
    };
    let last = name.rsplit('.').next()?;
    let fits = name.len() <= 253
        && name.split('.').all(is_label)
        && last.starts_with(|c: char| c.is_ascii_lowercase());
    fits.then_some(name)
}

pub fn is_private(host: &str) -> bool {
    if let Ok(v4) = host.parse::<Ipv4Addr>() {
        return match v4.octets() {
            [10, ..] | [192, 168, ..] => true,
            [172, second, ..] => (16..32).contains(&second),
            [100, second, ..] => (64..128).contains(&second),
            _ => false,
        };
    }
    if let Ok(v6) = host.parse::<Ipv6Addr>() {
        return v6.segments()[0] & 0xfe00 == 0xfc00;
    }
    let ends = [".internal", ".local", ".lan"];
    !host.contains('.') || ends.iter().any(|end| host.ends_with(end))
}

/// The hosts that a cluster should have.
pub fn expected(plan: &ClusterPlan) -> Vec<Expected> {
    plan.nodes_in().flat_map(hosts_of).collect()
}

fn hosts_of(node: &NodePlan) -> Vec<Expected> {
    let mut targets = BTreeMap::<Target, bool>::new();
    for connection in &node.connections {
        *targets.entry(target(node, connection)).or_default() |= connection.control;
    }
    // The rules rank by control and port first, which nearly always decides.
    let rank = |target: &Target, control: bool| (!control, target.port);
    let ranks: Vec<_> = targets.iter().map(|(target, &control)| rank(target, control)).collect();
    let lowest = *ranks.iter().min().expect("a node in the cluster has a connection");
    let decided = ranks.iter().filter(|&&rank| rank == lowest).count() == 1;
    targets
        .into_iter()
        .map(|(target, control)| Expected {
            main: decided && rank(&target, control) == lowest,
            node: node.id.clone(),
            target,
            control,
        })
        .collect()
}

fn target(node: &NodePlan, connection: &ConnectionPlan) -> Target {
    let port = connection.port.unwrap_or(22);
    let is_other = |other: &ConnectionPlan| other.port.unwrap_or(22) != port;
    let has_several = node.connections.iter().any(is_other);
    let suffix = if has_several { format!(".{port}") } else { String::new() };
    Target {
        host: canonical_host(&connection.host).expect("only such hosts are generated"),
        port,
        user: connection.user.clone(),
        // ssh reads it in lower case.
        host_key_alias: format!("prime-{}{suffix}", node.id).to_ascii_lowercase(),
    }
}

fn slug(name: &str, id: &str) -> String {
    let spaced: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' })
        .collect();
    let slug = spaced.split_ascii_whitespace().collect::<Vec<_>>().join("-");
    if slug.is_empty() || slug == "none" || slug.len() > 63 { with_id(&slug, id) } else { slug }
}

fn with_id(slug: &str, id: &str) -> String {
    let part = format!("{:x}", Sha256::digest(id.as_bytes()))[..8].to_owned();
    let front = slug[..slug.len().min(63 - 9)].trim_end_matches('-');
    if front.is_empty() { part } else { format!("{front}-{part}") }
}

/// What nodes or clusters of these (name, id) pairs are called, by id: those that would have the
/// same name all have their id part.
pub fn names<'a>(
    named: impl Iterator<Item = (&'a str, &'a str)> + Clone,
) -> BTreeMap<String, String> {
    let mut count = BTreeMap::<String, usize>::new();
    for (name, id) in named.clone() {
        *count.entry(slug(name, id)).or_default() += 1;
    }
    let name = |(name, id): (&str, &str)| {
        let slug = slug(name, id);
        let name = if count[&slug] > 1 { with_id(&slug, id) } else { slug };
        (id.to_owned(), name)
    };
    named.map(name).collect()
}
