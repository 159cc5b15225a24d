//! What can be typed for the Ansible inventory.

use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::{OutputArgs, SourceArgs};
use crate::install::options::RenderArgs;
use crate::render::inventory::{Format, GroupRequest};
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
    /// Replace FILE even if prime-ssh did not write it
    #[arg(long, requires = "output")]
    pub force: bool,
    /// The format [default: from the extension of the output file, else yaml]
    #[arg(long)]
    pub format: Option<Format>,
    /// Add a group under a name that a role expects; WHO is control, worker, or all; repeatable
    #[arg(long, value_name = "NAME=WHO", env = "PRIME_SSH_GROUP", value_delimiter = ',')]
    pub group: Vec<GroupRequest>,
    /// Fail if a node cannot be rendered, instead of leaving it out
    #[arg(long, env = "PRIME_SSH_REQUIRE_ALL", value_parser = BoolishValueParser::new())]
    pub require_all: bool,
    /// Connect with your ssh config, as `prime-ssh install` writes it: only names, groups, and
    /// prime_ variables
    #[arg(long, env = "PRIME_SSH_USE_SSH_CONFIG", value_parser = BoolishValueParser::new())]
    pub use_ssh_config: bool,
    /// What Ansible asks of a script.
    #[command(flatten)]
    pub script: ScriptArgs,
    /// Cached answers.
    #[command(flatten)]
    pub cache: CacheArgs,
    /// Which hosts, and how they are reached.
    #[command(flatten)]
    pub render: RenderArgs,
}

/// What Ansible asks of an inventory script.
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
    /// Whether Ansible asks something.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.list || self.host.is_some()
    }
}

/// Answers of the API that were kept.
#[derive(Args, Debug)]
#[command(next_help_heading = "Cached answers")]
pub struct CacheArgs {
    /// Use a cached answer that is no older than this, and cache new ones (30s, 5m, 2h)
    #[arg(long, value_name = "DURATION", env = "PRIME_SSH_CACHE", value_parser = duration::parse)]
    pub cache: Option<Duration>,
    /// With --cache: ask the API in any case, and cache its answer
    #[arg(long, env = "PRIME_SSH_REFRESH", value_parser = BoolishValueParser::new())]
    pub refresh: bool,
    /// Use the cached answer, however old, and do not ask the API
    #[arg(long, env = "PRIME_SSH_OFFLINE", value_parser = BoolishValueParser::new())]
    pub offline: bool,
}
