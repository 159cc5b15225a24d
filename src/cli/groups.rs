//! Arguments that several commands take.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Arg, ArgGroup, Args, ValueEnum};

use crate::cluster::HostFilter;
use crate::name::Invalid;
use crate::text::{boolean, duration};

/// Clusters of the API.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("source").args(["clusters", "all"]).required(true).multiple(true))]
pub struct ClusterArgs {
    /// Cluster ids or names
    #[arg(value_name = "CLUSTER")]
    pub clusters: Vec<String>,
    /// All clusters
    #[arg(long, conflicts_with = "clusters")]
    pub all: bool,
    /// With --all: only clusters of this team; `any` for all teams [default: your team]
    // clap asks for no `--all` where something is there that `--all` conflicts with.
    #[arg(long, value_name = "ID", requires = "all", conflicts_with = "clusters")]
    pub team: Option<String>,
}

/// Clusters of the API, or of files.
#[derive(Args, Debug)]
#[command(mut_group("source", |group| group.arg("input")))]
pub struct SourceArgs {
    /// Those of the API.
    #[command(flatten)]
    pub api: ClusterArgs,
    /// Read a saved answer of the API (Get Cluster), or what `export` printed, instead of asking;
    /// `-` is stdin; repeatable
    #[arg(long, value_name = "FILE", conflicts_with_all = ["clusters", "all", "team"])]
    pub input: Vec<PathBuf>,
}

/// The destination of the text.
#[derive(Args, Debug)]
pub struct OutputArgs {
    /// Write to this file, atomically and only if it changes
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write nothing; exit with 10 if the file would change
    #[arg(long, requires = "output")]
    pub check: bool,
}

/// The hosts that are looked at. A shell's variables choose none of them: what is left out unseen may
/// be down.
#[derive(Args, Debug)]
#[command(mut_args(without_variable))]
pub struct LookArgs {
    /// By what they are.
    #[command(flatten)]
    pub filter: HostFilter,
}

/// Takes the environment variable away from an option.
pub(super) fn without_variable(arg: Arg) -> Arg {
    arg.env(None::<&str>)
}

/// The form of a report.
#[derive(Args, Clone, Copy, Debug)]
pub struct FormatArgs {
    /// The output format
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: ReportFormat,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people: as wide as the terminal, in color
    Table,
    /// One object, with `schema_version`
    Json,
    /// One tab-separated line per row, no headings; the first field is the name
    Plain,
}

/// Dry runs.
#[derive(Args, Clone, Copy, Debug)]
pub struct ModeArgs {
    /// Show what would change, as a diff, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Change nothing, and exit with 10 if something would change
    #[arg(long, conflicts_with = "dry_run")]
    pub check: bool,
}

/// The goal of a wait, and its limit.
#[derive(Args, Clone, Copy, Debug)]
pub struct GoalArgs {
    /// How many nodes of each cluster; `all` requires at least one
    #[arg(long = "for", value_name = "N|all", default_value = "all")]
    pub goal: Goal,
    /// How long to wait, for all clusters together: 90s, 30m, 2h
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "30m")]
    pub within: Duration,
}

/// The number of nodes that must be up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// All that are in the cluster, and at least one.
    All,
    /// This many.
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

/// The questions of Ansible to an inventory script.
#[derive(Args, Debug)]
#[command(next_help_heading = "As an Ansible inventory script")]
pub struct ScriptArgs {
    /// Print all groups, hosts, and variables as JSON; errors are one line
    #[arg(long, conflicts_with = "host")]
    pub list: bool,
    /// Print the variables of one host as JSON
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
}

impl ScriptArgs {
    /// Returns whether Ansible asks something.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.list || self.host.is_some()
    }
}

/// The use of cached answers.
#[derive(Args, Debug)]
#[command(next_help_heading = "Cached answers")]
pub struct CacheArgs {
    /// Use a cached answer that is no older than this, and cache new ones (30s, 5m, 2h)
    #[arg(long, value_name = "DURATION", env = "PRIME_SSH_CACHE", value_parser = duration::parse)]
    pub cache: Option<Duration>,
    /// With --cache: ask the API in any case, and cache its answer
    #[arg(long, env = "PRIME_SSH_REFRESH", value_parser = boolean::parse)]
    pub refresh: bool,
    /// Use the cached answer, however old, and do not ask the API
    #[arg(long, env = "PRIME_SSH_OFFLINE", value_parser = boolean::parse)]
    pub offline: bool,
}
