//! What can be typed for `show`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::{FormatArgs, LookArgs, SourceArgs};

/// `prime-ssh show`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("source").args(["cluster", "input"]).required(true))]
pub struct ShowArgs {
    /// Cluster id, name, or installed alias
    pub cluster: Option<String>,
    /// Read a saved answer of the API (Get Cluster), or what `export` printed of one cluster,
    /// instead of asking; `-` is stdin
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// In which form.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Which hosts.
    #[command(flatten)]
    pub look: LookArgs,
}

impl ShowArgs {
    /// The one cluster, as those of the other commands, and which of its hosts.
    #[must_use]
    pub fn source(self) -> (SourceArgs, LookArgs) {
        let (clusters, input) = (self.cluster.into_iter(), self.input.into_iter());
        let (clusters, input) = (clusters.collect(), input.collect());
        (SourceArgs { clusters, all: false, input, team: None }, self.look)
    }
}
