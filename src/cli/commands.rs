//! The commands, and what each takes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use clap::{Arg, ArgGroup, Args, Subcommand, ValueHint, value_parser};

use super::completion::Shell;
use super::groups::{
    CacheArgs, ClusterArgs, GoalArgs, ModeArgs, OutputArgs, ReportFormat, ScriptArgs, SourceArgs,
    without_variable,
};
use crate::certificate::judge::MIN_VALIDITY;
use crate::cluster::{self, HostFilter, Selection};
use crate::install::options::{OptionChange, RenderArgs};
use crate::name::Slug;
use crate::render::inventory::{Format, GroupRequest};
use crate::text::{boolean, duration};

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add clusters to your ssh config
    ///
    /// Each cluster gets its own file in ~/.ssh/prime-ssh; ~/.ssh/config gets one line that
    /// includes them, and stays as it is otherwise. `sync` reuses the options; installing again
    /// without options keeps the saved ones.
    Install(Box<InstallArgs>),
    /// Update installed clusters
    ///
    /// Fetches each cluster from its source, with its saved options. Removes
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
    Doctor {
        /// The output format
        #[arg(long, value_name = "FORMAT", default_value = "table")]
        format: ReportFormat,
    },
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

/// `prime-ssh install`.
#[derive(Args, Debug)]
#[command(mut_group("source", |group| group.required(false)))]
#[command(mut_arg("goal", |arg| arg.requires("wait").conflicts_with_all(["all", "input"])))]
#[command(mut_arg("within", |arg| arg.requires("wait").conflicts_with_all(["all", "input"])))]
#[command(mut_args(saved))]
pub struct InstallArgs {
    /// The clusters; the only one that there is, where none is named.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Call the cluster NAME, as in `prime.NAME`, whatever its own name is
    #[arg(long = "as", value_name = "NAME", conflicts_with = "all")]
    pub name: Option<Slug<'static>>,
    /// Let `sync` add the clusters that come later; implied by --live
    // A requirement that conflicts with what is typed does not count, so the conflicts are named too.
    #[arg(long, requires = "all", conflicts_with_all = ["clusters", "input"])]
    pub follow: bool,
    /// Wait until the nodes are up, as `prime-ssh wait` does, then install; see --for and --within
    #[arg(long, conflicts_with_all = ["all", "input"])]
    pub wait: bool,
    /// The goal of that wait.
    #[command(flatten)]
    pub goal: GoalArgs,
    /// Dry runs.
    #[command(flatten)]
    pub mode: ModeArgs,
    /// The hosts, and how they are reached; saved for `sync`.
    #[command(flatten)]
    pub options: OptionChange,
}

/// No variable of a shell sets what is saved: it may be gone at the next run.
fn saved(arg: Arg) -> Arg {
    let arg = without_variable(arg);
    // The help of the other commands names a variable.
    if arg.get_id() == "ssh_option" {
        return arg.help("An option of ssh for every host, as in ssh_config(5); repeatable");
    }
    arg
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
    /// Dry runs.
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

/// `prime-ssh list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Only clusters with TEXT in their name or id, ignoring case
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Only clusters of this team; `any` for all teams [default: your team]
    #[arg(long, value_name = "ID")]
    pub team: Option<String>,
    /// The output format
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: ReportFormat,
}

/// `prime-ssh show`.
#[derive(Args, Debug)]
#[command(mut_args(without_variable))]
#[command(group = ArgGroup::new("source").args(["cluster", "input"]).required(true))]
pub struct ShowArgs {
    /// Cluster id, name, or installed alias
    pub cluster: Option<String>,
    /// Read a saved answer of the API (Get Cluster), or what `export` printed of one cluster,
    /// instead of asking; `-` is stdin
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// The output format
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: ReportFormat,
    /// The hosts.
    #[command(flatten)]
    pub filter: HostFilter,
}

impl ShowArgs {
    /// The one cluster, as those of the other commands.
    #[must_use]
    pub fn source(&self) -> SourceArgs {
        let clusters = self.cluster.iter().cloned().collect();
        let api = ClusterArgs { clusters, all: false, team: None };
        SourceArgs { api, input: self.input.iter().cloned().collect() }
    }
}

/// `prime-ssh check`.
#[derive(Args, Debug)]
#[command(mut_args(without_variable))]
pub struct CheckArgs {
    /// The clusters.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Also log in with ssh and run `true`
    #[arg(long)]
    pub login: bool,
    /// How many hosts to check at once; at most 8 per address or jump host
    #[arg(long, value_name = "N", default_value = "64", value_parser = value_parser!(u16).range(1..=4096))]
    pub jobs: u16,
    /// Time limit for one host to answer; a login gets three times as long
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration::parse)]
    pub probe_timeout: Duration,
    /// The output format
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: ReportFormat,
    /// The hosts.
    #[command(flatten)]
    pub filter: HostFilter,
}

/// `prime-ssh wait`.
#[derive(Args, Debug)]
#[command(mut_args(without_variable))]
#[command(mut_arg("clusters", |arg| arg.help("Cluster ids, names, or installed aliases")))]
pub struct WaitArgs {
    /// The clusters.
    #[command(flatten)]
    pub api: ClusterArgs,
    /// The goal.
    #[command(flatten)]
    pub goal: GoalArgs,
    /// The output format
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: ReportFormat,
    /// The nodes that count.
    #[command(flatten)]
    pub filter: HostFilter,
}

/// The default of `--min-validity` as one would type it.
static MIN_VALIDITY_TYPED: LazyLock<String> = LazyLock::new(|| duration::typed(MIN_VALIDITY));

/// `prime-ssh cert`.
#[derive(Args, Debug)]
#[command(mut_arg("all", |arg| arg.help("All clusters that require a certificate")))]
pub struct CertArgs {
    /// The clusters.
    #[command(flatten)]
    pub api: ClusterArgs,
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

/// `prime-ssh config`.
#[derive(Args, Debug)]
pub struct ConfigArgs {
    /// The clusters.
    #[command(flatten)]
    pub source: SourceArgs,
    /// The destination of the text.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Replace FILE even where prime-ssh did not write it
    #[arg(long, requires = "output")]
    pub force: bool,
    /// The hosts, and how they are reached.
    #[command(flatten)]
    pub render: RenderArgs,
}

/// `prime-ssh inventory`.
#[derive(Args, Debug)]
pub struct InventoryArgs {
    /// The clusters.
    #[command(flatten)]
    pub source: SourceArgs,
    /// The destination of the text.
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
    #[arg(long, env = "PRIME_SSH_REQUIRE_ALL", value_parser = boolean::parse)]
    pub require_all: bool,
    /// Connect with your ssh config, as `prime-ssh install` writes it: only names, groups, and
    /// prime_ variables
    #[arg(long, env = "PRIME_SSH_USE_SSH_CONFIG", value_parser = boolean::parse)]
    pub use_ssh_config: bool,
    /// The questions of Ansible to a script.
    #[command(flatten)]
    pub script: ScriptArgs,
    /// The use of cached answers.
    #[command(flatten)]
    pub cache: CacheArgs,
    /// The hosts, and how they are reached.
    #[command(flatten)]
    pub render: RenderArgs,
}

/// `prime-ssh export`.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// The clusters.
    #[command(flatten)]
    pub source: SourceArgs,
    /// The destination of the text.
    #[command(flatten)]
    pub output: OutputArgs,
    /// The hosts.
    #[command(flatten)]
    pub selection: Selection,
}

/// clap would make one line of it, too long for a terminal.
const USAGE: &str = "\
prime-ssh render --template FILE [OPTIONS] <CLUSTER|--all|--input <FILE>>
       prime-ssh render --print-data [OPTIONS] <CLUSTER|--all|--input <FILE>>";

/// `prime-ssh render`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("what").args(["template", "print_data"]).required(true))]
#[command(override_usage = USAGE)]
pub struct TemplateArgs {
    /// The clusters.
    #[command(flatten)]
    pub source: SourceArgs,
    /// The template; `-` is stdin
    #[arg(long, value_name = "FILE")]
    pub template: Option<PathBuf>,
    /// Print what a template sees, as JSON
    #[arg(long)]
    pub print_data: bool,
    /// The destination of the text.
    #[command(flatten)]
    pub output: OutputArgs,
    /// The hosts, and what they are reached through.
    #[command(flatten)]
    pub fleet: cluster::Options,
}

/// `prime-ssh completions`.
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// The shell, and the line for its startup file
    pub shell: Shell,
    /// The words of a command line up to the cursor, behind `--`: its script asks what fits
    #[arg(last = true, hide = true)]
    pub words: Option<Vec<OsString>>,
}

/// `prime-ssh man`.
#[derive(Args, Debug)]
pub struct ManArgs {
    /// The command to show [default: the program itself]
    pub command: Option<String>,
    /// Write the pages of all commands to this directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "command")]
    pub dir: Option<PathBuf>,
}
