//! The settings of the commands that keep clusters installed.

use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::hosts::{ssh_options, walk_options};
use super::prime_cli::PrimeCli;
use super::sources::{Access, Context, Endpoint, Origin, Source, Sources};
use super::wait::Patience;
use crate::api::address::ApiUrl;
use crate::cli::{
    AutoCertArgs, Global, InstallArgs, ModeArgs, RememberedArgs, SyncArgs, TypedOption,
    UninstallArgs,
};
use crate::cluster;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::layout::Layout;
use crate::install::state::{self, Record};
use crate::name::Slug;
use crate::render::ssh_config;

/// The resolved settings of `prime-ssh install`.
#[derive(Debug)]
pub struct Install {
    /// Where the clusters come from.
    pub source: Source,
    /// The context that they are asked for in.
    pub context: Option<String>,
    /// What the one cluster is to be called.
    pub name: Option<Slug<'static>>,
    /// The rendering options, where any was typed: they replace those that are remembered.
    pub typed: Option<SavedOptions>,
    /// What a cluster gets of which nothing is remembered.
    pub fresh: SavedOptions,
    /// Where the files are.
    pub layout: Layout,
    /// For what is waited first, where it is.
    pub patience: Option<Patience>,
    /// Whether to do it.
    pub mode: Mode,
}

/// The resolved settings of `prime-ssh sync`.
#[derive(Debug)]
pub struct Sync {
    /// Which of the installed clusters; all where none is named.
    pub clusters: Vec<String>,
    /// Clusters that the API does not know any more are removed.
    pub prune: bool,
    /// Where the files are.
    pub layout: Layout,
    /// Whether to do it.
    pub mode: Mode,
}

/// The resolved settings of `prime-ssh uninstall`.
#[derive(Debug)]
pub struct Uninstall {
    /// Which of the installed clusters; none for all of them.
    pub clusters: Vec<String>,
    /// Where the files are.
    pub layout: Layout,
    /// Whether to do it.
    pub mode: Mode,
}

/// Whether changes are made, or only shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are made.
    Apply,
    /// They are shown as a diff.
    DryRun,
    /// The exit code says whether there are any.
    Check,
}

/// Rendering options that are remembered with a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedOptions {
    /// The first word of its aliases.
    pub prefix: Slug<'static>,
    /// The others, `--name` or `--name=value` each.
    pub words: Vec<String>,
}

impl Install {
    /// Resolves what was typed for `prime-ssh install`.
    pub fn resolve(typed: InstallArgs, context: &Context) -> Outcome<Self> {
        let InstallArgs { source: from, name, wait, mode, render } = typed;
        let sources = Sources::read(context)?;
        let is_typed = !render.typed.is_empty();
        let clusters = from.clusters.len() + from.input.len();
        let fresh = remembered(render, context)?;
        let settings = Self {
            source: sources.source(from)?,
            context: context.prime_context()?,
            name,
            typed: is_typed.then(|| fresh.clone()),
            fresh,
            layout: context.layout()?,
            patience: wait.wait.then(|| Patience::new(wait.goal, wait.within)),
            mode: mode.into(),
        };
        settings.check_name(clusters)?;
        Ok(settings)
    }

    /// Fails where one name is given to several clusters.
    pub fn check_name(&self, clusters: usize) -> Outcome<()> {
        if self.name.is_none() || clusters <= 1 {
            return Ok(());
        }
        let message = "--as names one cluster, and several are to be installed";
        Err(Failure::message(Kind::Usage, message))
    }

    /// Where a later `sync` finds what this run found: in `file`, where it was a saved answer.
    pub fn source_of(&self, file: Option<&Path>) -> Outcome<state::Source> {
        let (endpoint, team) = match &self.source.origin {
            Origin::Files(_) => {
                let Some(path) = file.filter(|file| *file != Path::new("-")) else {
                    return Ok(state::Source::Stdin);
                };
                let path = std::path::absolute(path).or_fail(Kind::Local)?;
                let path = path.to_str().map(str::to_owned);
                return path.map(state::Source::Input).ok_or_else(|| {
                    Failure::message(Kind::Usage, "--input: the path is not UTF-8 text")
                });
            }
            Origin::Clusters(endpoint, _) => (endpoint, None),
            Origin::All(endpoint, team) => (endpoint, team.clone()),
        };
        let (url, context) = (endpoint.address.to_string(), self.context.clone());
        Ok(state::Source::Api { url, context, team })
    }
}

impl Sync {
    /// Resolves what was typed for `prime-ssh sync`.
    pub fn resolve(typed: SyncArgs, context: &Context) -> Outcome<Self> {
        let global = &context.global;
        for (option, given) in
            [("--api-url", global.api_url.is_some()), ("--context", global.context.is_some())]
        {
            if given {
                let message = format!(
                    "sync asks where each cluster was installed from, so {option} has no place"
                );
                return Err(Failure::message(Kind::Usage, message)
                    .hint("`prime-ssh install` with it sets where a cluster is asked for"));
            }
        }
        let SyncArgs { clusters, prune, mode } = typed;
        Ok(Self { clusters, prune, layout: context.layout()?, mode: mode.into() })
    }
}

impl Uninstall {
    /// Resolves what was typed for `prime-ssh uninstall`.
    pub fn resolve(typed: UninstallArgs, context: &Context) -> Outcome<Self> {
        let mode = if typed.dry_run { Mode::DryRun } else { Mode::Apply };
        Ok(Self { clusters: typed.clusters, layout: context.layout()?, mode })
    }
}

impl From<ModeArgs> for Mode {
    fn from(typed: ModeArgs) -> Self {
        match typed {
            ModeArgs { check: true, .. } => Self::Check,
            ModeArgs { dry_run: true, .. } => Self::DryRun,
            ModeArgs { .. } => Self::Apply,
        }
    }
}

/// What was typed, as it is remembered: a path does not depend on the current folder, and the key
/// that `PRIME_SSH_KEY_PATH` names is part of it.
fn remembered(typed: RememberedArgs, context: &Context) -> Outcome<SavedOptions> {
    let Context { global, environment, .. } = context;
    let mut words = Vec::new();
    for option in typed.typed.iter().filter(|option| option.name != "prefix") {
        words.push(word(option, environment)?);
    }
    if typed.render.identity_file.is_none()
        && let Some(path) = environment.variable("PRIME_SSH_KEY_PATH")?
    {
        let path = environment.local_path(path.as_ref(), "PRIME_SSH_KEY_PATH")?;
        words.push(format!("--identity-file={path}"));
    }
    if typed.certificates.auto_cert
        && let Some(path) = &global.token_file
    {
        let path = environment.expand(&environment.local_path(path, "--token-file")?);
        words.push(format!("--auto-cert-token-file={}", path.display()));
    }
    Ok(SavedOptions { prefix: typed.render.hosts.prefix, words })
}

fn word(option: &TypedOption, environment: &Environment) -> Outcome<String> {
    let name = &option.name;
    let Some(value) = &option.value else { return Ok(format!("--{name}")) };
    // `none` is a word of --identity-file, and no file.
    if option.is_path && value != "none" {
        let path = environment.local_path(value.as_ref(), &format!("--{name}"))?;
        return Ok(format!("--{name}={path}"));
    }
    let value = value.to_str().ok_or_else(|| {
        Failure::message(Kind::Usage, format!("--{name}: the value is not UTF-8 text"))
    })?;
    Ok(format!("--{name}={value}"))
}

/// Turns what is remembered into the input of walk and render. Of the environment it knows the
/// home folder and the token: what was installed must not depend on the shell of the next run.
#[derive(Debug)]
pub struct OptionResolver<'g> {
    global: &'g Global,
    environment: Environment,
}

/// How one cluster is rendered.
#[derive(Debug)]
pub struct Rendering {
    /// Which hosts, and how they are named and reached.
    pub walk: cluster::Options,
    /// What the fragment says beyond the hosts.
    pub ssh: ssh_config::Options,
    /// Whether ssh renews the certificate of a cluster that takes nothing else.
    pub auto_cert: bool,
    /// The file that the token for this is in, where it is not in the settings of `prime`.
    pub token_file: Option<PathBuf>,
    /// What a person should know about these settings.
    pub warnings: Vec<String>,
}

impl<'g> OptionResolver<'g> {
    /// A memory on this machine.
    #[must_use]
    pub fn new(context: &'g Context) -> Self {
        let environment = context.environment.without_variables_of_this_shell();
        Self { global: &context.global, environment }
    }

    /// How a cluster with these options is rendered.
    pub fn rendering(
        &self,
        remembered: &SavedOptions,
        context: Option<&str>,
    ) -> Outcome<Rendering> {
        let RememberedArgs { render: mut typed, certificates, .. } =
            RememberedArgs::parse(&remembered.words).map_err(|error| {
                let words = remembered.words.join(" ");
                Failure::message(
                    Kind::Local,
                    format!("the remembered options `{words}` cannot be read: {}", error.kind()),
                )
                .hint("install the cluster again, with the options that it should have")
            })?;
        typed.hosts.prefix = remembered.prefix.clone();
        let mut warnings = Vec::new();
        let ssh = ssh_options(&typed, &self.sources(context)?, &mut warnings)?;
        let AutoCertArgs { auto_cert, auto_cert_token_file: token_file } = certificates;
        Ok(Rendering { walk: walk_options(typed.hosts)?, ssh, auto_cert, token_file, warnings })
    }

    /// The API that an installed cluster is asked for at.
    pub fn endpoint(&self, url: &str, context: Option<&str>) -> Outcome<Endpoint> {
        self.access(url, context)?.endpoint()
    }

    /// The same, where something of it may be missing.
    pub fn access(&self, url: &str, context: Option<&str>) -> Outcome<Access> {
        let address: ApiUrl = url.parse().map_err(|reason| {
            Failure::message(Kind::Local, format!("the remembered address {url:?}: {reason}"))
        })?;
        Ok(Access { address: Ok(address), ..self.sources(context)?.access() })
    }

    /// Whether the ssh folder is the one that `--ssh-dir` says.
    #[must_use]
    pub fn folder_is_named(&self) -> bool {
        self.global.ssh_dir.is_some()
    }

    /// Where a path of an ssh file leads on this machine.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    fn sources(&self, context: Option<&str>) -> Outcome<Sources<'_>> {
        let prime = PrimeCli::read(&self.environment, context)?;
        Ok(Sources { global: self.global, environment: &self.environment, prime })
    }
}

impl SavedOptions {
    /// What `install` would remember of a new cluster where no option is typed.
    pub(super) fn fresh(context: &Context) -> Outcome<Self> {
        let nothing = RememberedArgs::parse(&[]).or_fail(Kind::Usage)?;
        remembered(nothing, context)
    }

    /// What is remembered of an installed cluster.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        Self { prefix: record.prefix.clone(), words: record.options.clone() }
    }
}

impl std::fmt::Display for SavedOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let prefix = format!("--prefix={}", self.prefix);
        let is_typed = prefix != "--prefix=prime";
        let words = is_typed.then_some(&prefix).into_iter().chain(&self.words);
        let words: Vec<&str> = words.map(String::as_str).collect();
        f.write_str(if words.is_empty() { "none" } else { "" })?;
        f.write_str(&words.join(" "))
    }
}
