//! Reading what `render --print-data` printed: hosts whose names and ways in are given.
//!
//! It is as untrusted as an answer of the API, and goes through the same checks. What follows from
//! other values (`slug`, `entry`, `cluster`, the name of a host, the list of all hosts) is not read.

mod hosts;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use self::hosts::Hosts;
use super::check::{CheckedCluster, Nodes, Paths, count};
use super::host::{Cluster, Host, Origin, Skipped, WhySkipped};
use super::jump::Jump;
use super::refusal::{Checker, Refusal, Refusals, Refused};
use crate::api::wire::Value;
use crate::name::{HostKeyAlias, HostName, Id, Invalid, Label, Port, Slug, UserName};

/// The version of the shape. It goes up where a field goes away or means something else; a field
/// that is new changes nothing for who does not know it.
pub const SCHEMA_VERSION: u32 = 1;

/// What data say of a cluster that an answer leaves open.
#[derive(Clone, Debug)]
pub(super) struct Given<'a> {
    /// The first part of every alias.
    pub(super) prefix: Slug<'a>,
    /// The second part.
    pub(super) name: Slug<'a>,
    /// The way to the hosts that jump.
    pub(super) way: Way<'a>,
}

/// What data say of the way to the hosts that jump.
#[derive(Clone, Debug)]
pub(super) enum Way<'a> {
    /// There is this one, or none does.
    Known(Option<Jump<'a>>),
    /// The host that it begins at was refused.
    Lost,
}

/// The clusters of a file, each checked.
#[derive(Debug)]
pub(super) struct Clusters<'a>(pub(super) Vec<CheckedCluster<'a>>);

/// A cluster as it stands in the file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ClusterData<'a> {
    #[serde(borrow)]
    alias: Value<'a>,
    id: Value<'a>,
    name: Value<'a>,
    provider: Value<'a>,
    status: Value<'a>,
    gpu_name: Value<'a>,
    gpu_count: Value<'a>,
    orchestrator: Value<'a>,
    team_id: Value<'a>,
    vault_enabled: Value<'a>,
    terminated: Value<'a>,
    nodes_total: Value<'a>,
    nodes_skipped: Checked<Skipped<'a>>,
    jump_host: Option<HostData<'a>>,
    hosts: Checked<Named<'a>>,
}

/// A host as it stands in the file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HostData<'a> {
    #[serde(borrow)]
    alias: Value<'a>,
    host_name: Value<'a>,
    port: Value<'a>,
    user: Value<'a>,
    proxy_jump: Value<'a>,
    host_key_alias: Value<'a>,
    control: Value<'a>,
    active: Value<'a>,
    role: Value<'a>,
    status: Value<'a>,
    gpu_name: Value<'a>,
    gpu_count: Value<'a>,
    node_id: Value<'a>,
    pod_id: Value<'a>,
}

/// A node without a host as it stands in the file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SkippedData<'a> {
    #[serde(borrow)]
    name: Value<'a>,
    reason: Value<'a>,
    status: Value<'a>,
    installation_progress: Value<'a>,
    installation_failure: Value<'a>,
}

/// What is checked while the list that it stands in is parsed.
trait Element<'de>: Sized {
    /// As it stands in the file.
    type Data: Deserialize<'de>;
    /// The name of the list.
    const LIST: &'static str;

    /// Checks the element at this place.
    fn check(data: &Self::Data, at: u32, refusals: &mut Vec<Refusal>) -> Result<Self, Refused>;
}

/// A list that was checked while it was parsed.
#[derive(Debug)]
struct Checked<T> {
    list: Vec<T>,
    refusals: Refusals,
    /// The places of those that were refused.
    refused: Vec<u32>,
}

impl<T> Default for Checked<T> {
    fn default() -> Self {
        Self { list: Vec::new(), refusals: Refusals::default(), refused: Vec::new() }
    }
}

impl<'de, T: Element<'de>> Deserialize<'de> for Checked<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);

        impl<'de, T: Element<'de>> Visitor<'de> for List<T> {
            type Value = Checked<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "the list `{}`", T::LIST)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Checked<T>, A::Error> {
                let mut checked = Checked::default();
                let mut at = 0;
                while let Some(data) = list.next_element::<T::Data>()? {
                    let mut refusals = Vec::new();
                    match T::check(&data, at, &mut refusals) {
                        Ok(element) => checked.list.push(element),
                        Err(Refused) => checked.refused.push(at),
                    }
                    checked.refusals.extend(refusals);
                    at += 1;
                }
                Ok(checked)
            }
        }

        deserializer.deserialize_seq(List(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Clusters<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Clusters<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the list `clusters`")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Clusters<'de>, A::Error> {
                let mut clusters = Vec::new();
                while let Some(data) = list.next_element::<ClusterData<'de>>()? {
                    clusters.push(survey(data, clusters.len()));
                }
                Ok(Clusters(clusters))
            }
        }

        deserializer.deserialize_seq(List)
    }
}

impl<'de: 'a, 'a> Element<'de> for Skipped<'a> {
    type Data = SkippedData<'de>;
    const LIST: &'static str = "nodes_skipped";

    fn check(data: &Self::Data, at: u32, refusals: &mut Vec<Refusal>) -> Result<Self, Refused> {
        let path = || format!("nodes_skipped[{at}].");
        let mut check = Checker::new(refusals, &path);
        let name = check.required("name", &data.name, Label::new);
        let status = check.optional("status", &data.status, Label::new);
        let progress =
            check.number("installation_progress", &data.installation_progress, None, |number| {
                Ok(Some(number))
            });
        let failure =
            check.optional("installation_failure", &data.installation_failure, Label::new);
        let reason = check.required("reason", &data.reason, |text| match &*text {
            "terminated" => Ok(WhySkipped::Terminated),
            "detached" => Ok(WhySkipped::Detached),
            "refused" => Ok(WhySkipped::Refused),
            "no_connection" => {
                Ok(WhySkipped::NoConnection { status: None, progress: None, failure: None })
            }
            _ => Err(Invalid::because("none of terminated, detached, no_connection and refused")),
        });
        let (name, status, progress, failure) = (name?, status?, progress?, failure?);
        let why = match reason? {
            WhySkipped::NoConnection { .. } => {
                WhySkipped::NoConnection { status, progress, failure }
            }
            why => why,
        };
        Ok(Self { name, why })
    }
}

/// A host, and what can be judged only where its cluster is known.
#[derive(Debug)]
struct Named<'a> {
    host: Host<'a>,
    /// The first two parts of its alias.
    of: [Slug<'a>; 2],
    proxy_jump: Option<Cow<'a, str>>,
}

impl<'de: 'a, 'a> Element<'de> for Named<'a> {
    type Data = HostData<'de>;
    const LIST: &'static str = "hosts";

    fn check(data: &Self::Data, at: u32, refusals: &mut Vec<Refusal>) -> Result<Self, Refused> {
        check_host(data, Origin { connection: at, ..ORIGIN }, refusals)
    }
}

/// Names are given here, so that nothing is made of where a host comes from but paths.
const ORIGIN: Origin =
    Origin { node: 0, connection: 0, active: true, main: true, of_control_node: false };
/// Where the host stands that is only jumped through.
const JUMP_HOST: Origin = Origin { connection: u32::MAX, ..ORIGIN };

fn check_host<'a>(
    data: &HostData<'a>,
    origin: Origin,
    refusals: &mut Vec<Refusal>,
) -> Result<Named<'a>, Refused> {
    let path = || format!("{}.", place(origin));
    let mut check = Checker::new(refusals, &path);
    let alias = check.required("alias", &data.alias, parts::<3>);
    let host_name = check.required("host_name", &data.host_name, HostName::new);
    let port = check.number("port", &data.port, Port::SSH, Port::new);
    let user = check.required("user", &data.user, UserName::new);
    let proxy_jump = check.optional("proxy_jump", &data.proxy_jump, Ok);
    let control = check.flag("control", &data.control);
    let active = check.flag("active", &data.active);
    let role = check.optional("role", &data.role, Label::new);
    let status = check.optional("status", &data.status, Label::new);
    let gpu_name = check.optional("gpu_name", &data.gpu_name, Label::new);
    let gpu_count = check.number("gpu_count", &data.gpu_count, 0, count);
    let node = check.required("node_id", &data.node_id, Id::new);
    let machine = check.required("pod_id", &data.pod_id, Id::new);
    if let (Ok(machine), Ok(port)) = (&machine, &port) {
        let known_as = HostKeyAlias::new(machine, *port).to_string();
        let wrong = || Invalid::because(format!("its pod_id and port make it {known_as}"));
        check.optional("host_key_alias", &data.host_key_alias, |text| {
            if *text == known_as { Ok(()) } else { Err(wrong()) }
        })?;
    }
    let ([prefix, cluster, name], host_name, port) = (alias?, host_name?, port?);
    let (user, proxy_jump, control, active) = (user?, proxy_jump?, control?, active?);
    let origin = Origin { active: active || data.active.is_absent(), ..origin };
    Ok(Named {
        of: [prefix, cluster],
        host: Host {
            name,
            node: node?,
            machine: machine?,
            host_name,
            port,
            user,
            role: role?,
            status: status?,
            gpu_name: gpu_name?,
            gpu_count: gpu_count?,
            control,
            jumps: proxy_jump.is_some(),
            jump_only: false,
            origin,
        },
        proxy_jump,
    })
}

/// Where a host stands in its cluster.
pub(super) fn place(origin: Origin) -> String {
    if origin.connection == JUMP_HOST.connection {
        "jump_host".to_owned()
    } else {
        format!("hosts[{}]", origin.connection)
    }
}

/// The parts of an alias: none of them holds a dot.
fn parts<'a, const N: usize>(alias: Cow<'a, str>) -> Result<[Slug<'a>; N], Invalid> {
    let parts: Vec<Cow<'a, str>> = match alias {
        Cow::Borrowed(text) => text.split('.').map(Cow::Borrowed).take(N + 1).collect(),
        Cow::Owned(text) => text.split('.').map(|p| Cow::Owned(p.to_owned())).take(N + 1).collect(),
    };
    let parts: [Cow<'a, str>; N] = parts.try_into().map_err(|_| {
        let words = if N == 2 { "PREFIX.CLUSTER" } else { "PREFIX.CLUSTER.NODE" };
        Invalid::because(format!("not an alias of the form {words}"))
    })?;
    let mut slugs = Vec::with_capacity(N);
    for part in parts {
        slugs.push(Slug::new(part)?);
    }
    slugs.try_into().map_err(|_| Invalid::because("not an alias"))
}

/// The cluster at this place of the file, with its hosts.
fn survey<'a>(data: ClusterData<'a>, at: usize) -> CheckedCluster<'a> {
    let root = format!("clusters[{at}].");
    let mut refusals = Vec::new();
    let checked = check_cluster(&data, &root, &mut refusals).ok();
    let mut hosts = Hosts::of(data.hosts, data.jump_host);
    let (mut cluster, mut given, mut total) = (None, None, None);
    if let Some(checked) = checked {
        let [prefix, name] = checked.alias;
        let way = hosts.judge(&prefix, &name);
        given = Some(Given { prefix, name, way });
        (cluster, total) = (Some(checked.cluster), checked.nodes_total);
    }
    let Hosts { named, refusals: mut of_nodes, refused } = hosts;
    of_nodes.append(data.nodes_skipped.refusals);
    for refusal in &mut of_nodes.first {
        refusal.path.insert_str(0, &root);
    }
    let mut skipped = data.nodes_skipped.list;
    skipped.extend(refused.into_iter().map(|at| {
        let name = Label::of_place("hosts", at);
        Skipped { name, why: WhySkipped::Refused }
    }));
    let mut hosts: Vec<Host<'a>> = named.into_iter().map(|named| named.host).collect();
    let nodes = hosts::number_nodes(&mut hosts);
    let nodes = Nodes::of_data(hosts, skipped, of_nodes, total.unwrap_or(nodes) as usize);
    let label = format!("clusters[{at}]");
    CheckedCluster { cluster, nodes, refusals, paths: Paths::Data { root }, label, given }
}

/// What is said of a cluster as a whole.
struct CheckedData<'a> {
    alias: [Slug<'a>; 2],
    cluster: Cluster<'a>,
    nodes_total: Option<u32>,
}

fn check_cluster<'a>(
    data: &ClusterData<'a>,
    root: &str,
    refusals: &mut Vec<Refusal>,
) -> Result<CheckedData<'a>, Refused> {
    let path = || root.to_owned();
    let mut check = Checker::new(refusals, &path);
    let alias = check.required("alias", &data.alias, parts::<2>);
    let id = check.required("id", &data.id, Id::new);
    let name = check.required("name", &data.name, Label::new);
    let provider = check.optional("provider", &data.provider, Label::new);
    let status = check.optional("status", &data.status, Label::new);
    let gpu_name = check.optional("gpu_name", &data.gpu_name, Label::new);
    let gpu_count = check.number("gpu_count", &data.gpu_count, 0, count);
    let orchestrator = check.optional("orchestrator", &data.orchestrator, Label::new);
    let team = check.optional("team_id", &data.team_id, Label::new);
    let vault_enabled = check.flag("vault_enabled", &data.vault_enabled);
    let terminated = check.flag("terminated", &data.terminated);
    let nodes_total =
        check.number("nodes_total", &data.nodes_total, None, |number| count(number).map(Some));
    let cluster = Cluster {
        id: id?,
        name: name?,
        provider: provider?,
        status: status?,
        gpu_name: gpu_name?,
        gpu_count: gpu_count?,
        orchestrator: orchestrator?,
        team: team?,
        vault_enabled: vault_enabled?,
        terminated: terminated?,
        ssh_keys: Vec::new(),
    };
    Ok(CheckedData { alias: alias?, cluster, nodes_total: nodes_total? })
}
