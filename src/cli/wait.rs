//! What can be typed for `wait`, and for `install --wait`.

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use clap::{ArgGroup, Args};

use super::{FormatArgs, LookArgs, SourceArgs};
use crate::name::Invalid;
use crate::text::duration;

/// `prime-ssh wait`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("source").args(["clusters", "all"]).required(true))]
pub struct WaitArgs {
    /// Cluster ids, names, or installed aliases
    #[arg(value_name = "CLUSTER")]
    pub clusters: Vec<String>,
    /// All clusters
    #[arg(long)]
    pub all: bool,
    /// With --all: only clusters of this team; `any` for all teams [default: your team]
    // clap asks for no `--all` where something is there that `--all` conflicts with.
    #[arg(long, value_name = "ID", requires = "all", conflicts_with = "clusters")]
    pub team: Option<String>,
    /// For what.
    #[command(flatten)]
    pub goal: GoalArgs,
    /// In which form the last state is printed.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Which nodes count.
    #[command(flatten)]
    pub look: LookArgs,
}

impl WaitArgs {
    /// The clusters, as those of the other commands, and which of their hosts.
    #[must_use]
    pub fn source(self) -> (SourceArgs, LookArgs) {
        let Self { clusters, all, team, look, .. } = self;
        (SourceArgs { clusters, all, input: Vec::new(), team }, look)
    }
}

/// What is waited for, and how long.
#[derive(Args, Clone, Copy, Debug)]
pub struct GoalArgs {
    /// How many nodes of each cluster; `all` requires at least one
    #[arg(long = "for", value_name = "N|all", default_value = "all")]
    pub goal: Goal,
    /// How long to wait, for all clusters together: 90s, 30m, 2h
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "30m")]
    pub within: Duration,
}

/// `install --wait`.
#[derive(Args, Clone, Copy, Debug)]
#[command(mut_arg("goal", |arg| arg.requires("wait")))]
#[command(mut_arg("within", |arg| arg.requires("wait")))]
pub struct InstallWaitArgs {
    /// Wait until the nodes are up, as `prime-ssh wait` does, then install; see --for and --within
    #[arg(long, conflicts_with_all = ["all", "input"])]
    pub wait: bool,
    /// For what.
    #[command(flatten)]
    pub goal: GoalArgs,
}

/// How many nodes must be up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// All that are in the cluster, and at least one.
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
