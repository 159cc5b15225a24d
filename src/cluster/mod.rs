//! From the wire to checked hosts: what the answer says (`check`), what its hosts are called
//! (`naming`), which of them are wanted (`selection`), and what they may be reached through (`jump`).
//! `resolve` decides which way is taken and puts these together, and `model` has what comes of it: a
//! [`Fleet`] of [`Host`]s.

mod check;
mod control_node;
mod duplicate_ids;
mod duplicates;
mod jump;
mod model;
mod naming;
mod options;
mod refusal;
mod resolve;
mod selection;

#[cfg(test)]
mod tests;

pub use check::CheckedCluster;
pub use control_node::ControlNode;
pub use jump::{Jump, JumpHost, JumpMode};
pub use model::{Cluster, Fleet, Host, Skipped, SshKey, WhySkipped};
pub use options::Options;
pub use refusal::Refusal;
pub use resolve::{NoFleet, ResolvedCluster, name_clusters, resolve, resolve_one};
pub use selection::{HostFilter, Only, Selection};
