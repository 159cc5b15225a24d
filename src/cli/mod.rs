//! The command line as it is cli. What it means is decided in `settings`.
#![expect(clippy::doc_markdown, reason = "these texts are the help, which is read in a terminal")]

mod check;
pub mod completion;
mod completions;
mod doctor;
mod export;
mod install;
mod inventory;
mod list;
mod man;
pub mod man_pages;
mod program;
mod refused;
mod render;
mod report;
mod script;
mod show;
mod wait;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgGroup, Args, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint};

pub use check::CheckArgs;
pub use completions::CompletionsArgs;
pub use doctor::DoctorArgs;
pub use export::ExportArgs;
pub use install::{InstallArgs, ModeArgs, RememberedArgs, SyncArgs, UninstallArgs};
pub use inventory::{CacheArgs, InventoryArgs, ScriptArgs};
pub use list::ListArgs;
pub use man::ManArgs;
pub use program::{SETTINGS, VARIABLES, exit_codes, program};
pub use refused::Refused;
pub use render::TemplateArgs;
pub use report::{FormatArgs, ReportFormat};
pub use show::ShowArgs;
pub use wait::{Goal, GoalArgs, InstallWaitArgs, WaitArgs};

use crate::api::address::ApiUrl;
use crate::certificate::judge::MIN_VALIDITY;
use crate::install::options::{OnlyArgs, RenderArgs};
use crate::terminal::Audience;
use crate::text::duration;

const ABOUT: &str = "Connect to Prime Intellect GPU clusters with ssh and Ansible";

/// Everything that can be cli.
#[derive(Debug, Parser)]
#[command(name = "prime-ssh", version, about = ABOUT, propagate_version = true)]
#[command(max_term_width = 100, subcommand_required = false)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What Ansible asks of a script, for the clusters of PRIME_SSH_CLUSTERS.
    #[command(flatten)]
    pub script: ScriptArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add clusters to your ssh config
    ///
    /// Each cluster gets its own file in ~/.ssh/prime-ssh; ~/.ssh/config gets one line that
    /// includes them, and stays as it is otherwise. `sync` reuses the options; installing again
    /// without options keeps those of the first time.
    Install(Box<InstallArgs>),
    /// Update installed clusters
    ///
    /// Fetches each cluster from where it was installed from, with its saved options. Removes
    /// clusters that were terminated.
    Sync(SyncArgs),
    /// Uninstall clusters and restore your ssh config
    Uninstall(UninstallArgs),
    /// List clusters
    ///
    /// Shows the name, id, status, and age of each cluster, the address of its control node,
    /// whether it requires a certificate (`vault`), and its name here if it is installed.
    /// Terminated clusters are not listed.
    List(ListArgs),
    /// Show a cluster, its hosts, and its problems
    ///
    /// An installed cluster is shown with its names and options here, any other one as `install`
    /// would set it up. A refused value is shown with its place in the API's answer.
    Show(ShowArgs),
    /// Check that hosts answer, and with --login that they let you in
    ///
    /// For each host, in parallel: does the name resolve, does the port accept a connection, and
    /// which SSH server answers. With --login your own ssh logs in and runs `true`, with the
    /// installed config or else the one that `install` would write; a failure is explained.
    ///
    /// Workers behind a jump host are skipped without --login, and checked through one login to the
    /// jump host with it. A node without a connection yet fails, because a playbook would miss it.
    /// As with any login, ssh remembers the key of a new host if the cluster is installed.
    ///
    /// It takes as long as the slowest host; hosts that do not answer take --probe-timeout for
    /// each group of --jobs.
    Check(CheckArgs),
    /// Wait until the nodes of clusters are up
    ///
    /// A node is up when an SSH server answers on one of its connections. Nodes behind a jump host
    /// are asked through one login to it, with your own ssh. With --node, --only, or --role, other
    /// nodes do not count. Several clusters are watched side by side. Exit code 6: too few nodes of
    /// one came up in time, an installation failed, or a jump host refuses your login.
    Wait(WaitArgs),
    /// Find problems on this machine, and how to fix them
    ///
    /// Checks the token, the API, ssh, the installed files, keys, and certificates, and how ssh
    /// resolves the installed names. Changes nothing. Exits with 6 if there is a problem.
    Doctor(DoctorArgs),
    /// Get an SSH certificate for a cluster
    ///
    /// Clusters with `vaultEnabled` only accept short-lived SSH certificates. Sends your public
    /// key, checks the certificate that comes back, and saves it where ssh finds it after `config`
    /// or `install`.
    Cert(CertArgs),
    /// Print an ssh config
    ///
    /// Hosts are named prime.CLUSTER.NODE; prime.CLUSTER is the control node. The same cluster
    /// gives the same text.
    Config(Box<ConfigArgs>),
    /// Print an Ansible inventory
    ///
    /// Same hosts and names as `config`, in the groups `control`, `worker`, `prime_<cluster>`,
    /// `gpu_…`, `role_…`, and `status_…`. Ansible can connect without an installed ssh config. All
    /// formats load to the same inventory.
    Inventory(Box<InventoryArgs>),
    /// Write clusters to a file that --input reads
    ///
    /// It has only what hosts need: no prices, wallets, keys, or users. Give it to someone whose
    /// token may not see clusters, or keep it for later. Jump hosts are always included.
    Export(Box<ExportArgs>),
    /// Render your own Jinja template
    ///
    /// A template sees `clusters`, each with its `hosts`, and `hosts` of all clusters; --print-data
    /// prints them. Besides Jinja's own filters there are `slug` and `group` for names as this
    /// program makes them, `sh` to quote a word for a shell, and `json`. White space is as in
    /// Ansible's templates.
    Render(Box<TemplateArgs>),
    /// Print a completion script for your shell
    ///
    /// It completes commands, options, values, and installed clusters. It asks the program, so it
    /// stays current after an update; the API is never asked.
    Completions(CompletionsArgs),
    /// Show a manual page, or write all of them to a directory
    ///
    /// On a terminal the page opens in `man`; otherwise it is printed. Written to a directory of
    /// MANPATH, such as ~/.local/share/man/man1, `man prime-ssh install` finds them.
    Man(ManArgs),
}

/// What holds for every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Address of the API [env: PRIME_API_BASE_URL, PRIME_BASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub api_url: Option<ApiUrl>,
    /// Use the context NAME of the prime CLI: ~/.prime/environments/NAME.json [env: PRIME_CONTEXT]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Read the API token from this file instead of PRIME_API_KEY or ~/.prime
    #[arg(long, global = true, value_name = "FILE", env = "PRIME_SSH_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// Time limit for one API call with all its tries (30, 30s, 5m, 2h)
    #[arg(long, global = true, value_name = "DURATION", env = "PRIME_SSH_TIMEOUT")]
    #[arg(default_value = "30s", value_parser = duration::parse)]
    pub timeout: Duration,
    /// Leave out hosts with refused values instead of failing
    #[arg(long, global = true, env = "PRIME_SSH_SKIP_INVALID", value_parser = BoolishValueParser::new())]
    pub skip_invalid: bool,
    /// Directory of ssh's files [default: ~/.ssh]
    #[arg(long, global = true, value_name = "DIR", env = "PRIME_SSH_DIR")]
    #[arg(value_hint = ValueHint::DirPath)]
    pub ssh_dir: Option<PathBuf>,
    /// Print only warnings and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Print details, such as each API request and the age of a cached answer
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// When to use color
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

/// When to use color.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// `prime-ssh config`.
#[derive(Args, Debug)]
pub struct ConfigArgs {
    /// Which clusters.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Where the text goes.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Replace FILE even where prime-ssh did not write it
    #[arg(long, requires = "output")]
    pub force: bool,
    /// Which hosts, and how they are reached.
    #[command(flatten)]
    pub render: RenderArgs,
}

/// The default of `--min-validity` as one would type it.
static MIN_VALIDITY_TYPED: LazyLock<String> = LazyLock::new(|| duration::typed(MIN_VALIDITY));

/// `prime-ssh cert`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("which").args(["clusters", "all"]).required(true))]
pub struct CertArgs {
    /// Cluster ids or names
    #[arg(value_name = "CLUSTER")]
    pub clusters: Vec<String>,
    /// All clusters that require a certificate
    #[arg(long)]
    pub all: bool,
    /// With --all: only clusters of this team; `any` for all teams [default: your team]
    #[arg(long, value_name = "ID", requires = "all")]
    pub team: Option<String>,
    /// The key to certify: the private key, or its .pub
    #[arg(long, value_name = "PATH", env = "PRIME_SSH_IDENTITY_FILE")]
    pub identity_file: Option<PathBuf>,
    /// How long it is valid: 30m, 2h, at most 8h [default: decided by the API]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, conflicts_with = "show")]
    pub ttl: Option<Duration>,
    /// Only if the current certificate is not valid for --min-validity longer
    #[arg(long, conflicts_with = "show")]
    pub ensure: bool,
    /// With --ensure: how much longer the current certificate must be valid
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    #[arg(default_value = MIN_VALIDITY_TYPED.as_str())]
    pub min_validity: Duration,
    /// Write the certificate to this file [default: in the directory of ssh's files]
    #[arg(short, long, value_name = "FILE", conflicts_with = "all")]
    pub output: Option<PathBuf>,
    /// Show the current certificate, and exit with 1 if it is not usable
    #[arg(long, conflicts_with = "all")]
    pub show: bool,
}

/// Which clusters, and where they are read from.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("source").args(["clusters", "all", "input"]).required(true).multiple(true))]
pub struct SourceArgs {
    /// Cluster ids or names
    #[arg(value_name = "CLUSTER")]
    pub clusters: Vec<String>,
    /// All clusters
    #[arg(long, conflicts_with_all = ["clusters", "input"])]
    pub all: bool,
    /// Read a saved answer of the API (Get Cluster), or what `export` printed, instead of asking;
    /// `-` is stdin; repeatable
    #[arg(long, value_name = "FILE", conflicts_with_all = ["clusters"])]
    pub input: Vec<PathBuf>,
    /// With --all: only clusters of this team; `any` for all teams [default: your team]
    // clap asks for no `--all` where something is there that `--all` conflicts with.
    #[arg(long, value_name = "ID", requires = "all", conflicts_with_all = ["clusters", "input"])]
    pub team: Option<String>,
}

/// Where the text goes.
#[derive(Args, Debug)]
pub struct OutputArgs {
    /// Write to this file, atomically and only if it changes
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write nothing; exit with 10 if the file would change
    #[arg(long, requires = "output")]
    pub check: bool,
}

/// Which hosts are looked at. A shell's variables choose none of them: what is left out unseen may
/// be down.
#[derive(Args, Debug)]
#[command(mut_args(without_variable))]
pub struct LookArgs {
    /// By what they are.
    #[command(flatten)]
    pub only: OnlyArgs,
}

fn without_variable(arg: Arg) -> Arg {
    arg.env(None::<&str>)
}

impl Cli {
    /// Reads the program's arguments. Ends the program for `--help`, `--version` and most of what
    /// cannot be read, with exit code 2.
    pub fn from_command_line() -> Result<Self, Refused> {
        let arguments: Vec<_> = std::env::args_os().collect();
        let mut program = program();
        Self::read(arguments.clone(), &mut program).map_err(|mut error| {
            refused::hide_password(&mut error);
            refused::blame_variable(&mut error, &program, &arguments);
            if error.use_stderr() && script::is_asked(&arguments) {
                return Refused::for_ansible(&error);
            }
            Refused::unknown_command(&error, &program).unwrap_or_else(|| error.exit())
        })
    }

    fn read(arguments: Vec<OsString>, command: &mut clap::Command) -> Result<Self, clap::Error> {
        let mut matches = command.try_get_matches_from_mut(&arguments)?;
        if matches.get_flag("list") || matches.contains_id("host") {
            if matches.subcommand_name().is_some() {
                let message = "--list and --host belong behind `inventory`";
                return Err(command.error(ErrorKind::ArgumentConflict, message));
            }
            let arguments = script::as_inventory(arguments, command)?;
            matches = command.try_get_matches_from_mut(arguments)?;
        }
        let by_variable = matches.value_source("skip_invalid") == Some(ValueSource::EnvVariable);
        let mut cli = Self::from_arg_matches_mut(&mut matches)?;
        // What is installed must not depend on a shell's variables.
        if by_variable && matches!(cli.command, Command::Install(_) | Command::Sync(_)) {
            cli.global.skip_invalid = false;
        }
        Ok(cli)
    }

    /// Who reads what is said.
    #[must_use]
    pub fn audience(&self) -> Audience {
        match &self.command {
            Command::Inventory(args) if args.script.is_asked() => Audience::Ansible,
            Command::Cert(args) if args.ensure => Audience::Ssh,
            Command::Sync(args) if args.if_older.is_some() => Audience::Ssh,
            _ => Audience::Person,
        }
    }
}
