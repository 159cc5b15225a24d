//! What can be typed for the Ansible inventory.

use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};

use super::{OutputArgs, RenderArgs, SourceArgs};
use crate::render::inventory::GroupRequest;
use crate::text::duration;

/// `prime-ssh inventory`.
#[derive(Args, Debug)]
pub struct InventoryArgs {
    /// Which clusters.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Where the text goes.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Replace FILE even where prime-ssh did not write it
    #[arg(long, requires = "output")]
    pub force: bool,
    /// How it is written [default: as the ending of the output file says, else yaml]
    #[arg(long)]
    pub format: Option<InventoryFormat>,
    /// A further group, by a name that a role expects; WHO is control, worker or all; repeatable
    #[arg(long, value_name = "NAME=WHO", env = "PRIME_SSH_GROUP", value_delimiter = ',')]
    pub group: Vec<GroupRequest>,
    /// Fail where a node of the cluster cannot be rendered, in place of leaving it out
    #[arg(long, env = "PRIME_SSH_REQUIRE_ALL", value_parser = FalseyValueParser::new())]
    pub require_all: bool,
    /// Leave connecting to ssh's own config, as `prime-ssh install` makes it: only names, groups
    /// and prime_ variables
    #[arg(long, env = "PRIME_SSH_USE_SSH_CONFIG", value_parser = FalseyValueParser::new())]
    pub use_ssh_config: bool,
    /// What Ansible asks of a script.
    #[command(flatten)]
    pub script: ScriptArgs,
    /// Answers that were kept.
    #[command(flatten)]
    pub cache: CacheArgs,
    /// Which hosts, and how they are reached.
    #[command(flatten)]
    pub render: RenderArgs,
}

/// `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InventoryFormat {
    /// For .yml, .yaml, or a file without an ending
    Yaml,
    /// For .ini, or any ending that is not one of the others
    Ini,
    /// For .json: as the YAML is, not as a script answers
    Json,
}

/// What Ansible asks of an inventory script.
#[derive(Args, Debug)]
#[command(next_help_heading = "As an inventory script of Ansible's")]
pub struct ScriptArgs {
    /// Print all groups, hosts and variables as JSON; stderr stays silent, or has one line
    #[arg(long, conflicts_with = "host")]
    pub list: bool,
    /// Print the variables of one host as JSON
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
}

impl ScriptArgs {
    /// Whether Ansible asks something.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.list || self.host.is_some()
    }
}

/// Answers of the API that were kept.
#[derive(Args, Debug)]
#[command(next_help_heading = "Answers that were kept")]
pub struct CacheArgs {
    /// Use an answer of the API that is no older than this, and keep new ones (30s, 5m, 2h)
    #[arg(long, value_name = "DURATION", env = "PRIME_SSH_CACHE", value_parser = duration::parse)]
    pub cache: Option<Duration>,
    /// With --cache: ask the API, however new the kept answer is
    #[arg(long, env = "PRIME_SSH_REFRESH", value_parser = FalseyValueParser::new())]
    pub refresh: bool,
    /// Use the kept answer, however old it is, and do not ask the API
    #[arg(long, env = "PRIME_SSH_OFFLINE", value_parser = FalseyValueParser::new())]
    pub offline: bool,
}
