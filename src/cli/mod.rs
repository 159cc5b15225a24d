//! The command line as it is typed. What it means is decided in `settings`.
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

use clap::builder::FalseyValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgGroup, Args, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint};

pub use check::{CheckArgs, ProbingArgs};
pub use completions::CompletionsArgs;
pub use doctor::DoctorArgs;
pub use export::ExportArgs;
pub use install::{InstallArgs, ModeArgs, RememberedArgs, SyncArgs, UninstallArgs};
pub use inventory::{CacheArgs, InventoryArgs, InventoryFormat, ScriptArgs};
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
use crate::cluster::{Bastion, JumpMode, JumpVia, Only};
use crate::name::{Slug, UserName};
use crate::render::ssh_config::{HostKeys, Layout};
use crate::render::ssh_option::SshOption;
use crate::terminal::Audience;
use crate::text::duration;

const ABOUT: &str = "Turns a Prime Intellect GPU cluster into something you can ssh into and run \
    playbooks on";

/// Everything that can be typed.
#[derive(Debug, Parser)]
#[command(name = "prime-ssh", version, about = ABOUT, propagate_version = true)]
#[command(max_term_width = 100, subcommand_required = false)]
pub struct Typed {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What Ansible asks of a script: the clusters are those of PRIME_SSH_CLUSTERS.
    #[command(flatten)]
    pub script: ScriptArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make clusters known to ssh, and keep the rest of its configuration as it is
    ///
    /// Each cluster gets a file of its own in ~/.ssh/prime-ssh, and ~/.ssh/config one line that
    /// includes them. The options are remembered for `sync`; without any, a cluster that is
    /// installed keeps those that it has.
    Install(Box<InstallArgs>),
    /// Bring the installed clusters up to date
    ///
    /// Each is asked for where it was installed from, with the options of then. One that was
    /// terminated is removed.
    Sync(SyncArgs),
    /// Take installed clusters away again; without the last one everything is as before
    Uninstall(UninstallArgs),
    /// Show the clusters that there are
    ///
    /// Name, id, status, address of the control node, whether it takes a certificate only
    /// (`vault`), age, and as what it is installed here. Terminated clusters are not listed.
    List(ListArgs),
    /// Show a cluster: its facts, its hosts, and what is wrong with it
    ///
    /// An installed cluster is shown by the names and options that it is installed with, any other
    /// one as `install` would make it. A value that is refused is shown as that, with its place in
    /// the answer.
    Show(ShowArgs),
    /// Check that hosts answer, and with --login that they let you in
    ///
    /// Hosts are asked side by side: does the name resolve, does the port take a connection, does
    /// an SSH server answer, and which. --login has your own ssh log in and run `true`, with the
    /// configuration that is installed, or else the one that `install` would make, and says why
    /// where that fails.
    ///
    /// Without --login nobody logs in anywhere, so that a worker behind a jump host is skipped; with
    /// it, the jump host is logged in to once, and the workers through it. A node without a
    /// connection yet counts as failed, for a playbook would miss it. As with any login, ssh remembers the key of a host that it sees for the
    /// first time, if the cluster is installed.
    ///
    /// The time: as long as the slowest host; of hosts that do not answer, --jobs at once take
    /// --probe-timeout.
    Check(CheckArgs),
    /// Wait until a cluster's nodes are up
    ///
    /// A node is up when a connection of it answers as an SSH server. Nodes behind a jump host are
    /// asked through one login to it, with your own ssh. A node that has answered is not asked
    /// again. Exit code 6: too few nodes came up in time, or an installation failed, or the jump
    /// host refuses your login.
    Wait(WaitArgs),
    /// See what is wrong on this machine, and what mends it
    ///
    /// Looks at the token, the API, ssh, what is installed, keys and certificates, and asks ssh
    /// what it makes of the installed names. It changes nothing. Exits with 6 where something is
    /// wrong.
    Doctor(DoctorArgs),
    /// Get the certificate that a cluster lets you in with
    ///
    /// Clusters with `vaultEnabled` take a short-lived SSH certificate only. The public half of
    /// your key is sent, and what comes back is checked and put where `config` and `install` make
    /// ssh look for it.
    Cert(CertArgs),
    /// Print an ssh_config fragment
    ///
    /// The clusters' hosts become prime.CLUSTER.NODE, and prime.CLUSTER leads to the
    /// control node. The same cluster gives the same text.
    Config(Box<ConfigArgs>),
    /// Print an Ansible inventory
    ///
    /// The hosts are those of `config`, by the same names, in the groups `control`, `worker`,
    /// `prime_<cluster>`, `gpu_…`, `role_…` and `status_…`. Ansible connects by itself, with no
    /// ssh_config installed. All formats load to the same.
    Inventory(Box<InventoryArgs>),
    /// Write clusters to a file that --input reads
    ///
    /// It holds what hosts need, as the API says it, and no price, wallet, key or user: for someone
    /// whose token may not see clusters, or for later. Hosts that others jump through are kept.
    Export(Box<ExportArgs>),
    /// Fill in a template of your own, in Jinja
    ///
    /// It sees `clusters`, each with its `hosts`, and `hosts` over all; --print-data shows what
    /// that is. Beside Jinja's own filters there are `slug` and `group`, for names as this program
    /// makes them, `sh`, for a word that a shell takes as it is, and `json`. White space is as in
    /// Ansible's templates.
    Render(Box<TemplateArgs>),
    /// Print what makes a shell complete commands, options and installed clusters
    ///
    /// The words come from the program itself, so that the script need not be made again after an
    /// update. Nobody is asked for them: installed clusters are read off their files.
    Completions(CompletionsArgs),
    /// Print a manual page, or write all of them to a folder
    ///
    /// They say what `--help` says. `prime-ssh man | man -l -` shows one; in the folder man1 of a
    /// folder of MANPATH, such as ~/.local/share/man/man1, `man prime-ssh install` finds them.
    Man(ManArgs),
}

/// What holds for every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Address of the API [env: PRIME_API_BASE_URL, PRIME_BASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub api_url: Option<ApiUrl>,
    /// Read ~/.prime/environments/NAME.json over the usual settings [env: PRIME_CONTEXT]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Read the API token from a file, in place of PRIME_API_KEY or ~/.prime
    #[arg(long, global = true, value_name = "FILE", env = "PRIME_SSH_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// Time for one call of the API with all its tries (30, 30s, 5m, 2h)
    #[arg(long, global = true, value_name = "DURATION", env = "PRIME_SSH_TIMEOUT")]
    #[arg(default_value = "30s", value_parser = duration::parse)]
    pub timeout: Duration,
    /// Leave out hosts with values that are refused, in place of failing
    #[arg(long, global = true, env = "PRIME_SSH_SKIP_INVALID", value_parser = FalseyValueParser::new())]
    pub skip_invalid: bool,
    /// The folder of ssh's files [default: ~/.ssh]
    #[arg(long, global = true, value_name = "DIR", env = "PRIME_SSH_DIR")]
    #[arg(value_hint = ValueHint::DirPath)]
    pub ssh_dir: Option<PathBuf>,
    /// Say only what is wrong: warnings and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say details too, such as the age of a kept answer
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Colours: on a terminal, always, or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

/// When to use colours.
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
    /// Clusters, by id or name
    #[arg(value_name = "CLUSTER")]
    pub clusters: Vec<String>,
    /// Every cluster of the list that lets people in with a certificate
    #[arg(long)]
    pub all: bool,
    /// With --all: only this team's clusters; `any` for all [default: the settings' team]
    #[arg(long, value_name = "ID", requires = "all")]
    pub team: Option<String>,
    /// The key to be certified: the private one, or its .pub
    #[arg(long, value_name = "PATH", env = "PRIME_SSH_IDENTITY_FILE")]
    pub identity_file: Option<PathBuf>,
    /// How long it should last: 30m, 2h, at most 8h [default: as long as the API likes]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, conflicts_with = "show")]
    pub ttl: Option<Duration>,
    /// Ask only where the present certificate does not last for --min-validity
    #[arg(long, conflicts_with = "show")]
    pub ensure: bool,
    /// With --ensure: how much longer the present certificate must last
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    #[arg(default_value = MIN_VALIDITY_TYPED.as_str())]
    pub min_validity: Duration,
    /// Write the certificate to this file [default: below the folder of ssh's files]
    #[arg(short, long, value_name = "FILE", conflicts_with = "all")]
    pub output: Option<PathBuf>,
    /// Print what the present certificate says, and exit with 1 where it lets nobody in
    #[arg(long, conflicts_with = "all")]
    pub show: bool,
}

/// Which clusters, and where they are read from.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("source").args(["clusters", "all", "input"]).required(true).multiple(true))]
pub struct SourceArgs {
    /// Clusters, by id or name
    #[arg(value_name = "CLUSTER")]
    pub clusters: Vec<String>,
    /// Every cluster that the API lists
    #[arg(long, conflicts_with_all = ["clusters", "input"])]
    pub all: bool,
    /// Read a saved answer of the API (Get Cluster), or what `export` printed, in place of asking;
    /// `-` is stdin; repeatable
    #[arg(long, value_name = "FILE", conflicts_with_all = ["clusters"])]
    pub input: Vec<PathBuf>,
    /// With --all: only this team's clusters; `any` for all [default: the settings' team]
    // clap asks for no `--all` where something is there that `--all` conflicts with.
    #[arg(long, value_name = "ID", requires = "all", conflicts_with_all = ["clusters", "input"])]
    pub team: Option<String>,
}

/// Where the text goes.
#[derive(Args, Debug)]
pub struct OutputArgs {
    /// Write to a file, in one step and only where it changes
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write nothing, and exit with 10 if the file would change
    #[arg(long, requires = "output")]
    pub check: bool,
}

/// Which hosts, and how they are reached: the same for every command that writes for ssh.
#[derive(Args, Debug)]
pub struct RenderArgs {
    /// Which hosts.
    #[command(flatten)]
    pub hosts: HostsArgs,
    /// The key to log in with; `none` leaves it to ssh and its agent
    #[arg(long, value_name = "PATH", env = "PRIME_SSH_IDENTITY_FILE")]
    #[arg(help_heading = "How they are reached")]
    pub identity_file: Option<PathBuf>,
    /// The certificate to log in with
    #[arg(long, value_name = "PATH", env = "PRIME_SSH_CERTIFICATE_FILE")]
    #[arg(help_heading = "How they are reached")]
    pub certificate_file: Option<PathBuf>,
    /// Trust a host's first key and refuse a changed one, or take known keys only
    /// [default: accept-new]
    #[arg(long, value_name = "WHEN", env = "PRIME_SSH_HOST_KEYS")]
    #[arg(help_heading = "How they are reached")]
    pub host_keys: Option<HostKeys>,
    /// The file that remembers host keys
    #[arg(long, value_name = "FILE", env = "PRIME_SSH_KNOWN_HOSTS")]
    #[arg(help_heading = "How they are reached")]
    pub known_hosts: Option<PathBuf>,
    /// Say all of a host in its own block, for every program that reads such files, or what hosts
    /// share once, for thousands of hosts and OpenSSH 8.4 or later [default: flat]
    #[arg(long, value_name = "LAYOUT", env = "PRIME_SSH_LAYOUT")]
    #[arg(help_heading = "How they are reached")]
    pub layout: Option<Layout>,
    /// An option of ssh for every host, as in ssh_config(5); repeatable
    /// [env: PRIME_SSH_OPTION, one a line]
    #[arg(long, value_name = "KEY=VALUE", help_heading = "How they are reached")]
    pub ssh_option: Vec<SshOption>,
}

/// Which hosts, what they are called, and through what they are reached: the same for every
/// command that renders.
#[derive(Args, Debug)]
pub struct HostsArgs {
    /// Which hosts.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// The first word of every name [default: prime]
    #[arg(long, value_name = "WORD", env = "PRIME_SSH_PREFIX")]
    #[arg(help_heading = "How they are reached")]
    pub prefix: Option<Slug<'static>>,
    /// Log in as this user, whatever the API says
    #[arg(
        long,
        value_name = "NAME",
        env = "PRIME_SSH_USER",
        help_heading = "How they are reached"
    )]
    pub user: Option<UserName<'static>>,
    /// Which workers are reached through the control node: those at a private address, all, none
    /// [default: auto]
    #[arg(long, value_name = "WHICH", env = "PRIME_SSH_JUMP")]
    #[arg(help_heading = "How they are reached")]
    pub jump: Option<JumpMode>,
    /// Reach them through this host: an address, or a name of your own ssh config
    #[arg(long, value_name = "[USER@]HOST[:PORT]", env = "PRIME_SSH_JUMP_VIA")]
    #[arg(help_heading = "How they are reached")]
    pub jump_via: Option<JumpVia>,
    /// Reach everything through this host, the control node too: an address, or a name of your own
    /// ssh config; `none` for none
    #[arg(long, value_name = "[USER@]HOST[:PORT]", env = "PRIME_SSH_BASTION")]
    #[arg(help_heading = "How they are reached")]
    pub bastion: Option<Bastion>,
}

/// Which hosts.
#[derive(Args, Debug)]
#[command(next_help_heading = "Which hosts")]
pub struct SelectionArgs {
    /// Only hosts with this role
    #[arg(long, env = "PRIME_SSH_ROLE")]
    pub role: Option<String>,
    /// Only control nodes, or only workers
    #[arg(long, value_name = "WHICH", env = "PRIME_SSH_ONLY")]
    pub only: Option<Only>,
    /// Only hosts whose name or alias fits; repeatable
    #[arg(long, value_name = "GLOB", env = "PRIME_SSH_NODE", value_delimiter = ',')]
    pub node: Vec<glob::Pattern>,
    /// Terminated and detached nodes too
    #[arg(long, env = "PRIME_SSH_INCLUDE_INACTIVE", value_parser = FalseyValueParser::new())]
    pub include_inactive: bool,
}

impl Typed {
    /// Reads the program's arguments. Ends the program for `--help`, `--version` and most of what
    /// cannot be read, with exit code 2.
    pub fn from_command_line() -> Result<Self, Refused> {
        let arguments: Vec<_> = std::env::args_os().collect();
        let mut program = program();
        Self::read(arguments.clone(), &mut program).map_err(|mut error| {
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
        let mut typed = Self::from_arg_matches_mut(&mut matches)?;
        // What is installed must not depend on a shell's variables.
        if by_variable && matches!(typed.command, Command::Install(_) | Command::Sync(_)) {
            typed.global.skip_invalid = false;
        }
        Ok(typed)
    }

    /// Who reads what is said.
    #[must_use]
    pub fn audience(&self) -> Audience {
        match &self.command {
            Command::Inventory(args) if args.script.is_asked() => Audience::Ansible,
            Command::Cert(args) if args.ensure => Audience::Ssh,
            _ => Audience::Person,
        }
    }
}
