//! What can be typed for `wait`, and for `install --wait`.

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use super::{FormatArgs, SourceArgs};
use crate::name::Invalid;
use crate::text::duration;

/// `prime-ssh wait`.
#[derive(Args, Debug)]
pub struct WaitArgs {
    /// Cluster id, name, or installed alias
    pub cluster: String,
    /// For what.
    #[command(flatten)]
    pub goal: GoalArgs,
    /// In which form the last state is printed.
    #[command(flatten)]
    pub format: FormatArgs,
}

impl WaitArgs {
    /// The one cluster, as those of the other commands.
    #[must_use]
    pub fn source(self) -> SourceArgs {
        let clusters = vec![self.cluster];
        SourceArgs { clusters, all: false, input: Vec::new(), team: None }
    }
}

/// What is waited for, and how long.
#[derive(Args, Clone, Copy, Debug)]
pub struct GoalArgs {
    /// How many nodes; `all` requires at least one [default: all]
    #[arg(long = "for", value_name = "N|all")]
    pub goal: Option<Goal>,
    /// How long to wait: 90s, 30m, 2h [default: 30m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub within: Option<Duration>,
}

/// `install --wait`.
#[derive(Args, Clone, Copy, Debug)]
pub struct InstallWaitArgs {
    /// Wait until the nodes are up, as `prime-ssh wait` does, then install
    #[arg(long, conflicts_with_all = ["all", "input"])]
    pub wait: bool,
    /// With --wait: how many nodes [default: all]
    #[arg(long = "for", value_name = "N|all", requires = "wait")]
    pub goal: Option<Goal>,
    /// With --wait: how long to wait, for all clusters together [default: 30m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, requires = "wait")]
    pub within: Option<Duration>,
}

/// How many nodes must be up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Goal {
    /// All that are in the cluster, and at least one.
    #[default]
    All,
    /// So many.
    Nodes(NonZeroUsize),
}

impl FromStr for Goal {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "all" => Ok(Self::All),
            number => number
                .parse()
                .map(Self::Nodes)
                .map_err(|_| Invalid::because("a number of nodes from 1 on, or `all`")),
        }
    }
}
