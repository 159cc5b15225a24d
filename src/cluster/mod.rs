//! From the wire to checked hosts: what the answer says (`check`), what its hosts are called
//! (`naming`), how they are reached (`jump`), and all of it together (`resolve`).

mod check;
mod data;
pub mod duplicates;
mod host;
mod ids;
mod jump;
mod listed;
mod naming;
mod refusal;
mod resolve;

#[cfg(test)]
mod tests;

pub use check::CheckedCluster;
pub use data::SCHEMA_VERSION;
pub use host::{Cluster, Destination, Failed, Fleet, Host, Skipped, SshKey, WhySkipped};
pub use jump::{Jump, JumpMode, JumpVia, ProxyJump};
pub use listed::ControlNode;
pub use refusal::Refusal;
pub use resolve::{Only, Options, ResolvedCluster, Selection, Unrendered, name_clusters, walk};
