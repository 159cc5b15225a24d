//! What can be typed for templates of the user's own.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::{OutputArgs, SourceArgs};
use crate::install::options::HostsArgs;

/// clap would make one line of it, too long for a terminal.
const USAGE: &str = "\
prime-ssh render --template FILE [OPTIONS] <CLUSTER|--all|--input <FILE>>
       prime-ssh render --print-data [OPTIONS] <CLUSTER|--all|--input <FILE>>";

/// `prime-ssh render`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("what").args(["template", "print_data"]).required(true))]
#[command(override_usage = USAGE)]
pub struct TemplateArgs {
    /// Which clusters.
    #[command(flatten)]
    pub source: SourceArgs,
    /// The template; `-` is stdin
    #[arg(long, value_name = "FILE")]
    pub template: Option<PathBuf>,
    /// Print what a template sees, as JSON
    #[arg(long)]
    pub print_data: bool,
    /// Where the text goes.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Which hosts, and what they are reached through.
    #[command(flatten)]
    pub hosts: HostsArgs,
}
