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
    /// A cluster, by id, name, or the alias that it is installed as
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
    /// So many nodes, or all that are in the cluster, of which there must be one [default: all]
    #[arg(long = "for", value_name = "N|all")]
    pub goal: Option<Goal>,
    /// How long at most: 90s, 30m, 2h [default: 30m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub within: Option<Duration>,
}

/// `install --wait`.
#[derive(Args, Clone, Copy, Debug)]
pub struct InstallWaitArgs {
    /// Wait first until the nodes are up, as `prime-ssh wait` does; then install
    #[arg(long, conflicts_with_all = ["all", "input"])]
    pub wait: bool,
    /// With --wait: so many nodes, or all that are in the cluster [default: all]
    #[arg(long = "for", value_name = "N|all", requires = "wait")]
    pub goal: Option<Goal>,
    /// With --wait: how long at most, for all clusters together [default: 30m]
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
