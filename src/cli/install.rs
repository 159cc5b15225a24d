//! What can be typed for the commands that keep clusters installed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgGroup, ArgMatches, Args, Command, FromArgMatches, ValueHint};

use super::{InstallWaitArgs, RenderArgs, SourceArgs};
use crate::name::Slug;

/// `prime-ssh install`.
#[derive(Args, Debug)]
pub struct InstallArgs {
    /// Which clusters.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Call the cluster NAME, as in `prime.NAME`, whatever its own name is
    #[arg(long = "as", value_name = "NAME", conflicts_with = "all")]
    pub name: Option<Slug<'static>>,
    /// Whether the nodes must be up.
    #[command(flatten)]
    pub wait: InstallWaitArgs,
    /// Whether to do it.
    #[command(flatten)]
    pub mode: ModeArgs,
    /// Which hosts, and how they are reached; remembered for `sync`.
    #[command(flatten)]
    pub render: RememberedArgs,
}

/// `prime-ssh sync`.
#[derive(Args, Debug)]
pub struct SyncArgs {
    /// Installed clusters, by id or name [default: all of them]
    #[arg(value_name = "CLUSTER")]
    pub clusters: Vec<String>,
    /// Remove the clusters that the API does not know any more
    #[arg(long)]
    pub prune: bool,
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

/// Rendering options that are remembered. So they are what was typed, and never what a variable
/// says: that may be gone at the next run.
#[derive(Debug)]
pub struct RememberedArgs {
    /// The options themselves.
    pub render: RenderArgs,
    /// Those about certificates.
    pub certificates: AutoCertArgs,
    /// Those of them that were typed.
    pub typed: Vec<TypedOption>,
}

/// Who gets the certificates of clusters that take nothing else.
#[derive(Args, Debug)]
pub struct AutoCertArgs {
    /// Get the certificate of a cluster that takes nothing else now, and let ssh renew it by itself
    #[arg(long, help_heading = "How they are reached")]
    pub auto_cert: bool,
    /// The file that the token for this is in; `install` takes it from --token-file
    #[arg(long, hide = true, value_name = "FILE")]
    pub auto_cert_token_file: Option<PathBuf>,
}

/// An option as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedOption {
    /// Its name, without the dashes.
    pub name: String,
    /// Its value; none for a flag.
    pub value: Option<OsString>,
    /// Whether the value is a path, which may depend on the current folder.
    pub is_path: bool,
}

impl RememberedArgs {
    /// Reads options that were remembered, `--name` or `--name=value` each.
    pub fn parse(words: &[String]) -> Result<Self, clap::Error> {
        let command = Command::new("remembered").no_binary_name(true).disable_help_flag(true);
        let mut matches = Self::augment_args(command).try_get_matches_from(words)?;
        Self::from_arg_matches_mut(&mut matches)
    }
}

/// What is remembered, on its own.
fn rendering() -> Command {
    AutoCertArgs::augment_args(RenderArgs::augment_args(Command::new("rendering")))
}

fn typed(matches: &ArgMatches) -> Vec<TypedOption> {
    let command = rendering();
    let given =
        |arg: &&Arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let mut typed = Vec::new();
    for arg in command.get_arguments().filter(given) {
        let name = arg.get_long().unwrap_or_default().to_owned();
        let is_path = arg.get_value_hint() == ValueHint::AnyPath;
        if arg.get_action().takes_values() {
            let values = matches.get_raw(arg.get_id().as_str()).into_iter().flatten();
            typed.extend(values.map(|value| TypedOption {
                name: name.clone(),
                value: Some(value.to_owned()),
                is_path,
            }));
        } else {
            typed.push(TypedOption { name, value: None, is_path });
        }
    }
    typed
}

impl FromArgMatches for RememberedArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        let typed = typed(matches);
        let certificates = AutoCertArgs::from_arg_matches_mut(matches)?;
        Ok(Self { render: RenderArgs::from_arg_matches_mut(matches)?, certificates, typed })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for RememberedArgs {
    fn augment_args(command: Command) -> Command {
        let ids: Vec<_> = rendering().get_arguments().map(|arg| arg.get_id().clone()).collect();
        let command = AutoCertArgs::augment_args(RenderArgs::augment_args(command));
        let command = ids
            .into_iter()
            .fold(command, |command, id| command.mut_arg(id, |arg| arg.env(None::<&str>)));
        // The help of the other commands names a variable.
        command.mut_arg("ssh_option", |arg| {
            arg.help("An option of ssh for every host, as in ssh_config(5); repeatable")
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
