//! What can be typed for `show`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::{FormatArgs, SourceArgs};

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
}

impl ShowArgs {
    /// The one cluster, as those of the other commands.
    #[must_use]
    pub fn source(self) -> SourceArgs {
        SourceArgs {
            clusters: self.cluster.into_iter().collect(),
            all: false,
            input: self.input.into_iter().collect(),
            team: None,
        }
    }
}
