//! What can be typed for the commands that keep clusters installed.

use std::time::Duration;

use clap::{Arg, ArgGroup, Args};

use super::{InstallWaitArgs, SourceArgs};
use crate::install::options::SavedOptions;
use crate::name::Slug;
use crate::text::duration;

/// `prime-ssh install`.
#[derive(Args, Debug)]
#[command(mut_group("source", |group| group.required(false)))]
pub struct InstallArgs {
    /// Which clusters; the only one that there is, where none is named.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Call the cluster NAME, as in `prime.NAME`, whatever its own name is
    #[arg(long = "as", value_name = "NAME", conflicts_with = "all")]
    pub name: Option<Slug<'static>>,
    /// Let `sync` add the clusters that come later; implied by --live
    #[arg(long, requires = "all")]
    pub follow: bool,
    /// Whether the nodes must be up.
    #[command(flatten)]
    pub wait: InstallWaitArgs,
    /// Whether to do it.
    #[command(flatten)]
    pub mode: ModeArgs,
    /// Which hosts, and how they are reached; remembered for `sync`.
    #[command(flatten)]
    pub options: RememberedArgs,
}

/// `prime-ssh sync`.
#[derive(Args, Debug)]
pub struct SyncArgs {
    /// Installed clusters, by id or name [default: all of them]
    #[arg(value_name = "CLUSTER")]
    pub clusters: Vec<String>,
    /// Only add the clusters that are new to the subscription of `install --all --follow`
    #[arg(long, conflicts_with_all = ["clusters", "prune"])]
    pub new: bool,
    /// Remove the clusters that the API does not know any more
    #[arg(long)]
    pub prune: bool,
    /// Only clusters that were not brought up to date for DURATION, and within 3 seconds: what
    /// cannot be had by then is left as it is
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    #[arg(conflicts_with_all = ["prune", "dry_run", "check"])]
    pub if_older: Option<Duration>,
    /// Whether to do it.
    #[command(flatten)]
    pub mode: ModeArgs,
}

/// `prime-ssh uninstall`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("which").args(["clusters", "all"]).required(true))]
pub struct UninstallArgs {
    /// Installed clusters, by id or name
    #[arg(value_name = "CLUSTER")]
    pub clusters: Vec<String>,
    /// Every installed cluster, and all that is ours
    #[arg(long)]
    pub all: bool,
    /// Show what would change, as a diff, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Whether to do it.
#[derive(Args, Clone, Copy, Debug)]
pub struct ModeArgs {
    /// Show what would change, as a diff, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Change nothing, and exit with 10 if something would change
    #[arg(long, conflicts_with = "dry_run")]
    pub check: bool,
}

/// Options that are remembered with a cluster. A shell's variables set none of them: they may be
/// gone at the next run.
#[derive(Args, Debug)]
#[command(mut_args(without_variable))]
pub struct RememberedArgs {
    /// Those that are given.
    #[command(flatten)]
    pub given: SavedOptions,
    /// End --live
    #[arg(long, conflicts_with = "live", help_heading = "Connection options")]
    pub no_live: bool,
    /// End --short
    #[arg(long, conflicts_with = "short", help_heading = "Connection options")]
    pub no_short: bool,
    /// Forget a remembered option, by its name without the dashes; repeatable
    #[arg(long, value_name = "NAME", value_parser = option_name)]
    pub unset: Vec<String>,
    /// Forget all remembered options
    #[arg(long)]
    pub reset: bool,
}

fn without_variable(arg: Arg) -> Arg {
    let arg = super::without_variable(arg);
    // The help of the other commands names a variable.
    if arg.get_id() == "ssh_option" {
        return arg.help("An option of ssh for every host, as in ssh_config(5); repeatable");
    }
    arg
}

fn option_name(text: &str) -> Result<String, String> {
    let name = text.trim_start_matches('-');
    let names = SavedOptions::names();
    if names.iter().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    Err(format!("not a remembered option; those are {}", names.join(", ")))
}
