//! From the wire to checked hosts: what the answer says (`survey`), what its hosts are called
//! (`naming`), how they are reached (`jump`), and all of it together (`walk`).

mod data;
mod host;
mod ids;
mod jump;
mod listed;
mod naming;
mod refusal;
mod survey;
mod walk;

#[cfg(test)]
mod tests;

pub use data::SCHEMA_VERSION;
pub use host::{Cluster, Destination, Failed, Fleet, Host, Skipped, SshKey, WhySkipped};
pub use jump::{Jump, JumpMode, JumpVia, ProxyJump};
pub use listed::ControlNode;
pub use refusal::Refusal;
pub use survey::Survey;
pub use walk::{Only, Options, Selection, Unrendered, Walked, name_clusters, walk};
