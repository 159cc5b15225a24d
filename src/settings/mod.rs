//! From what was typed, the environment and `~/.prime` to the input of each stage: the one place
//! where it is decided what wins.

mod cert;
mod check;
mod doctor;
mod environment;
mod identity;
mod install;
mod inventory;
mod list;
mod prime_cli;
mod program;
mod render;
mod renewal;
mod view;
mod wait;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use cert::{Certify, OwnCertificates, Task, Wanted};
pub use check::Check;
pub use doctor::Doctor;
pub use environment::Environment;
pub use install::{Install, Mode, OptionResolver, Rendering, SavedOptions, Sync, Uninstall};
pub use inventory::{Caching, Inventory, InventoryOutput};
pub use list::List;
use prime_cli::PrimeCli;
pub use render::Render;
pub use view::{Viewing, Which};
pub use wait::{Patience, Wait};

use crate::api::address::ApiUrl;
use crate::api::token::{ApiToken, TokenSource};
use crate::cli::{
    ConfigArgs, Global, Half, HostsArgs, OutputArgs, RenderArgs, SourceArgs, WhichJump,
};
use crate::cluster::{self, JumpMode, Only, Selection};
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::folder;
use crate::install::layout::Layout;
use crate::render::certificates::Certificates;
use crate::render::ssh_config;
use crate::render::ssh_option::SshOption;

/// The resolved settings of `prime-ssh config`.
#[derive(Debug)]
pub struct Config {
    /// Where the clusters come from.
    pub source: Source,
    /// Which hosts, and how they are named and reached.
    pub walk: cluster::Options,
    /// What the fragment says beyond the hosts.
    pub ssh: ssh_config::Options,
    /// Where the certificates are of clusters that let nobody in without.
    pub certificates: OwnCertificates,
    /// Where the text goes.
    pub output: Output,
    /// What a person should know about these settings.
    pub warnings: Vec<String>,
}

impl Config {
    /// Resolves what was typed for `prime-ssh config`.
    pub fn resolve(typed: ConfigArgs, global: &Global, machine: &Environment) -> Outcome<Self> {
        let prime = PrimeCli::read(machine, global.context.as_deref())?;
        let mut warnings = Vec::new();
        let ssh = ssh_options(&typed.render, global, machine, &prime, &mut warnings)?;
        Ok(Self {
            source: source(typed.source, global, machine, &prime)?,
            walk: walk_options(typed.render.hosts)?,
            certificates: OwnCertificates::resolve(&ssh, global, machine)?,
            ssh,
            output: output(typed.output),
            warnings,
        })
    }
}

/// Where the clusters come from, and how answers with something wrong in them are taken.
#[derive(Debug)]
pub struct Source {
    /// Files or the API.
    pub origin: Origin,
    /// Hosts with refused values are left out, in place of failing.
    pub skip_invalid: bool,
}

/// Files or the API.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Saved answers; `-` is stdin.
    Files(Vec<PathBuf>),
    /// These clusters, by id or name.
    Clusters(Endpoint, Vec<String>),
    /// Every cluster that the API lists, of one team or of all.
    All(Endpoint, Option<String>),
}

impl Origin {
    /// The API that is asked, where one is.
    #[must_use]
    pub fn endpoint(&self) -> Option<&Endpoint> {
        match self {
            Self::Files(_) => None,
            Self::Clusters(endpoint, _) | Self::All(endpoint, _) => Some(endpoint),
        }
    }
}

/// The API, and who asks.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Where it is.
    pub address: ApiUrl,
    /// Who asks.
    pub token: ApiToken,
    /// The time for one call with all its tries.
    pub timeout: Duration,
}

/// Where the text goes.
#[derive(Debug)]
pub enum Output {
    /// To stdout.
    Stdout,
    /// To a file.
    File(PathBuf),
    /// Nowhere: the exit code says whether the file would change.
    Check(PathBuf),
}

fn output(typed: OutputArgs) -> Output {
    match (typed.output, typed.check) {
        (Some(path), false) => Output::File(path),
        (Some(path), true) => Output::Check(path),
        (None, _) => Output::Stdout,
    }
}

fn source(
    typed: SourceArgs,
    global: &Global,
    machine: &Environment,
    prime: &PrimeCli,
) -> Outcome<Source> {
    let origin = if typed.all {
        Origin::All(endpoint(global, machine, prime)?, team(typed.team, machine, prime)?)
    } else if typed.input.is_empty() {
        let clusters = without_aliases(typed.clusters, global, machine)?;
        Origin::Clusters(endpoint(global, machine, prime)?, clusters)
    } else {
        Origin::Files(typed.input)
    };
    Ok(Source { origin, skip_invalid: global.skip_invalid })
}

/// The API knows ids and names. Who types the alias of an installed cluster means that one, and its
/// id is in our files; what is wrong with those is no matter here.
fn without_aliases(
    mut clusters: Vec<String>,
    global: &Global,
    machine: &Environment,
) -> Outcome<Vec<String>> {
    // An alias has a dot and an id has none, so that a renewal pays nothing for this.
    if clusters.iter().any(|cluster| cluster.contains('.'))
        && let Ok(present) = folder::read_ours(&ssh_layout(global.ssh_dir.as_deref(), machine)?)
    {
        for (_, record) in present.installed().records {
            let alias = record.alias();
            for cluster in clusters.iter_mut().filter(|cluster| **cluster == alias) {
                *cluster = record.id.to_string();
            }
        }
    }
    Ok(clusters)
}

/// Whose clusters `--all` means; `None` is everyone's.
fn team(typed: Option<String>, machine: &Environment, prime: &PrimeCli) -> Outcome<Option<String>> {
    let team = typed.or(machine.variable("PRIME_TEAM_ID")?).or_else(|| prime.team_id.clone());
    Ok(team.filter(|team| team != "any"))
}

/// Where our files are below ssh's folder, for those who only read them: how ssh itself finds them
/// takes a look into the password database, and that takes time.
pub fn ssh_layout(ssh_dir: Option<&Path>, machine: &Environment) -> Outcome<Layout> {
    let folder = folder::ssh_folder(ssh_dir, machine.home())?;
    Ok(Layout::new(folder, PathBuf::new(), Vec::new()))
}

/// The API, and who asks: either may be missing.
#[derive(Debug)]
pub struct Access {
    /// Where it is.
    pub address: Outcome<ApiUrl>,
    /// Who asks, and where that stands.
    pub token: Outcome<Option<(ApiToken, TokenSource)>>,
    timeout: Duration,
}

impl Access {
    /// What it takes to ask, where nothing is missing.
    #[must_use]
    pub fn as_endpoint(&self) -> Option<Endpoint> {
        let (Ok(address), Ok(Some((token, _)))) = (&self.address, &self.token) else {
            return None;
        };
        Some(Endpoint { address: address.clone(), token: token.clone(), timeout: self.timeout })
    }

    /// The same, or why not.
    pub fn endpoint(self) -> Outcome<Endpoint> {
        let (token, _) = self.token?.ok_or_else(no_token)?;
        Ok(Endpoint { address: self.address?, token, timeout: self.timeout })
    }
}

fn access(global: &Global, machine: &Environment, prime: &PrimeCli) -> Access {
    Access {
        address: address(global, machine, prime),
        token: token(global, machine, prime),
        timeout: global.timeout,
    }
}

fn endpoint(global: &Global, machine: &Environment, prime: &PrimeCli) -> Outcome<Endpoint> {
    access(global, machine, prime).endpoint()
}

fn address(global: &Global, machine: &Environment, prime: &PrimeCli) -> Outcome<ApiUrl> {
    if let Some(address) = &global.api_url {
        return Ok(address.clone());
    }
    for name in ["PRIME_API_BASE_URL", "PRIME_BASE_URL"] {
        if let Some(text) = machine.variable(name)? {
            return text
                .parse()
                .map_err(|reason| Failure::message(Kind::Usage, format!("{name}: {reason}")));
        }
    }
    match &prime.base_url {
        Some(address) => Ok(address.clone()),
        None => ApiUrl::DEFAULT.parse().or_fail(Kind::Usage),
    }
}

/// That there is no token, and what to do about it.
#[must_use]
pub fn no_token() -> Failure {
    Failure::message(Kind::Usage, "no API token").hint(
        "run `prime login`, set PRIME_API_KEY, or give --token-file FILE; none is needed for \
         --input FILE: a saved answer, or what someone else's `render --print-data` printed",
    )
}

fn token(
    global: &Global,
    machine: &Environment,
    prime: &PrimeCli,
) -> Outcome<Option<(ApiToken, TokenSource)>> {
    let usable = |text: &str, from: &str| {
        ApiToken::new(text).ok_or_else(|| {
            Failure::message(
                Kind::Usage,
                format!("{from} holds no token: it is empty, or has spaces in it"),
            )
        })
    };
    if let Some(path) = &global.token_file {
        let text = machine.read(path).or_fail(Kind::Local)?;
        let token = usable(&text, &path.display().to_string())?;
        return Ok(Some((token, TokenSource::File(path.clone()))));
    }
    if let Some(text) = machine.variable("PRIME_API_KEY")? {
        return Ok(Some((usable(&text, "PRIME_API_KEY")?, TokenSource::Variable)));
    }
    let token = prime.api_key.clone();
    Ok(token.map(|(token, path)| (token, TokenSource::Settings(path))))
}

fn walk_options(typed: HostsArgs) -> Outcome<cluster::Options> {
    if typed.jump == Some(WhichJump::Never) && typed.jump_via.is_some() {
        let message = "--jump-via names a jump host, and --jump never says that there is none";
        return Err(Failure::message(Kind::Usage, message));
    }
    Ok(cluster::Options {
        prefix: typed.prefix,
        user: typed.user,
        jump: typed.jump.map(|which| match which {
            WhichJump::Auto => JumpMode::Auto,
            WhichJump::Always => JumpMode::Always,
            WhichJump::Never => JumpMode::Never,
        }),
        jump_via: typed.jump_via,
        selection: Selection {
            role: typed.role,
            only: typed.only.map(|half| match half {
                Half::Control => Only::Control,
                Half::Worker => Only::Worker,
            }),
            nodes: typed.node,
            include_inactive: typed.include_inactive,
        },
        recorded: Vec::new(),
    })
}

fn ssh_options(
    typed: &RenderArgs,
    global: &Global,
    machine: &Environment,
    prime: &PrimeCli,
    warnings: &mut Vec<String>,
) -> Outcome<ssh_config::Options> {
    let path = |given: &Option<PathBuf>, option: &str| {
        given.as_deref().map(|given| machine.local_path(given, option)).transpose()
    };
    let socket_folder = path(&global.ssh_dir, "--ssh-dir")?;
    let home_folder = machine.local_path("~/.ssh".as_ref(), "--ssh-dir")?;
    let is_default = |folder: &_| machine.expand(folder) == machine.expand(&home_folder);
    Ok(ssh_config::Options {
        layout: typed.layout,
        home_length: machine.home().map_or(0, |home| home.as_os_str().len()),
        identity_file: identity::resolve(typed.identity_file.as_deref(), machine, prime, warnings)?,
        certificates: Certificates {
            named: path(&typed.certificate_file, "--certificate-file")?,
            ..Certificates::default()
        },
        known_hosts: path(&typed.known_hosts, "--known-hosts")?,
        host_keys: typed.host_keys,
        ssh_options: further_options(&typed.ssh_option, machine)?,
        socket_folder: socket_folder.filter(|folder| !is_default(folder)),
    })
}

/// The options that were typed, else those of the variable, one a line.
fn further_options(typed: &[SshOption], machine: &Environment) -> Outcome<Vec<SshOption>> {
    const NAME: &str = "PRIME_SSH_OPTION";
    let mut options = typed.to_vec();
    if options.is_empty() {
        for line in machine.variable(NAME)?.unwrap_or_default().lines() {
            if !line.trim().is_empty() {
                let option = line
                    .parse()
                    .map_err(|reason| Failure::message(Kind::Usage, format!("{NAME}: {reason}")))?;
                options.push(option);
            }
        }
    }
    for (at, option) in options.iter().enumerate() {
        let again = options.iter().skip(at + 1).any(|other| other.keyword() == option.keyword());
        if again && !option.accumulates() {
            let keyword = option.keyword();
            let message = format!("{keyword} is given twice, and ssh would take the first only");
            return Err(Failure::message(Kind::Usage, message));
        }
    }
    Ok(options)
}
