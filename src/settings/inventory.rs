//! The settings of `prime-ssh inventory`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cert::{OwnCertificates, refresh_is_off};
use super::environment::Environment;
use super::hosts::{host_options, ssh_options};
use super::output::Output;
use super::sources::{Context, Endpoint, Source, Sources};
use crate::api::cache::Cache;
use crate::cli::{CacheArgs, InventoryArgs, InventoryFormat, OutputArgs, ScriptArgs};
use crate::cluster;
use crate::failure::{Failure, Kind, Outcome};
use crate::render::inventory::{self, Format, GroupRequest};
use crate::render::login;

/// The resolved settings of `prime-ssh inventory`.
#[derive(Debug)]
pub struct Inventory {
    /// The source of the clusters.
    pub source: Source,
    /// The use of cached answers.
    pub caching: Caching,
    /// The options of the fleets: their hosts, names, and the way to them.
    pub hosts: cluster::Options,
    /// A node that should give a host and does not is a failure.
    pub require_all: bool,
    /// The options of the inventory.
    pub inventory: inventory::Options,
    /// The place of the certificates of clusters that require one.
    pub certificates: OwnCertificates,
    /// The API that renews them before a script answers; `None` where they stay as they are.
    pub renewal: Option<Endpoint>,
    /// The output, and its destination.
    pub output: InventoryOutput,
    /// Warnings about these settings.
    pub warnings: Vec<String>,
}

/// The output, and its destination.
#[derive(Debug)]
pub enum InventoryOutput {
    /// An inventory file.
    File(Output, Format),
    /// The answer of a script to `--list`, on stdout.
    List,
    /// The answer of a script to `--host` with this name, on stdout.
    Host(String),
}

impl Inventory {
    /// Resolves what was args for `prime-ssh inventory`.
    pub fn resolve(args: InventoryArgs, context: &Context) -> Outcome<Self> {
        let sources = Sources::read(context)?;
        let environment = &context.environment;
        let mut warnings = Vec::new();
        let login = ssh_options(&args.render, &sources, &mut warnings)?;
        if args.use_ssh_config {
            warnings.clear();
        } else {
            check_login(&login)?;
        }
        warnings.extend(args.group.iter().filter_map(GroupRequest::warning));
        let source = sources.source(args.source)?;
        let caching = Caching::resolve(&args.cache, environment)?;
        let renews = args.script.is_asked()
            && !caching.offline
            && login.certificates.named.is_none()
            && !refresh_is_off(environment)?;
        Ok(Self {
            renewal: source.origin.endpoint().filter(|_| renews).cloned(),
            source,
            caching,
            hosts: host_options(args.render.hosts)?,
            require_all: args.require_all,
            certificates: OwnCertificates::resolve(&login, context)?,
            inventory: inventory::Options {
                login,
                use_ssh_config: args.use_ssh_config,
                groups: args.group,
            },
            output: written(args.script, args.output, args.format, &mut warnings)?,
            warnings,
        })
    }
}

/// Ansible takes less than ssh does: it sets some options itself.
fn check_login(login: &login::Options) -> Outcome<()> {
    for option in &login.ssh_options {
        inventory::check_option(option)
            .map_err(|reason| Failure::message(Kind::Usage, format!("--ssh-option: {reason}")))?;
    }
    Ok(())
}

fn written(
    script: ScriptArgs,
    file: OutputArgs,
    format: Option<InventoryFormat>,
    warnings: &mut Vec<String>,
) -> Outcome<InventoryOutput> {
    if script.is_asked() && (file.output.is_some() || format.is_some()) {
        let message = "--list and --host print JSON on stdout: they take no --output or --format";
        return Err(Failure::message(Kind::Usage, message));
    }
    Ok(match script {
        ScriptArgs { host: Some(name), .. } => InventoryOutput::Host(name),
        ScriptArgs { list: true, .. } => InventoryOutput::List,
        ScriptArgs { list: false, host: None } => {
            let by_ending = file.output.as_deref().map_or(Format::Yaml, format_of_ending);
            let format = match format {
                None => by_ending,
                Some(InventoryFormat::Yaml) => Format::Yaml,
                Some(InventoryFormat::Ini) => Format::Ini,
                Some(InventoryFormat::Json) => Format::Json,
            };
            let unread = |path: &&PathBuf| format != Format::Ini && !is_read_as_yaml(path);
            warnings.extend(file.output.as_ref().filter(unread).map(|path| {
                format!(
                    "Ansible reads YAML and JSON only from .yml, .yaml, .json, or a name without \
                     an extension, so not from {}",
                    path.display()
                )
            }));
            InventoryOutput::File(file.into(), format)
        }
    })
}

fn format_of_ending(path: &Path) -> Format {
    match ending(path).as_deref() {
        Some("ini") => Format::Ini,
        Some("json") => Format::Json,
        _ => Format::Yaml,
    }
}

/// The endings that Ansible's `yaml` plugin reads.
fn is_read_as_yaml(path: &Path) -> bool {
    matches!(ending(path).as_deref(), None | Some("yml" | "yaml" | "json"))
}

fn ending(path: &Path) -> Option<String> {
    path.extension().map(|ending| ending.to_string_lossy().to_lowercase())
}

/// The use of cached answers.
#[derive(Debug)]
pub struct Caching {
    /// The cache; `None` where no folder is known.
    pub cache: Option<Cache>,
    /// A kept answer does that is no older, and new ones are kept; `None` is neither.
    pub max_age: Option<Duration>,
    /// The API is asked in any case.
    pub refresh: bool,
    /// The API is not asked, and a kept answer does however old it is.
    pub offline: bool,
}

impl Caching {
    fn resolve(args: &CacheArgs, environment: &Environment) -> Outcome<Self> {
        let &CacheArgs { cache: max_age, refresh, offline } = args;
        if refresh && offline {
            let message = "--offline never asks the API, but --refresh always does";
            return Err(Failure::message(Kind::Usage, message));
        }
        let cache = folder(environment)?.map(Cache::in_folder);
        if cache.is_none() && (max_age.is_some() || offline) {
            let message = "no folder for cached answers: neither XDG_CACHE_HOME nor HOME is set";
            return Err(Failure::message(Kind::Usage, message));
        }
        Ok(Self { cache, max_age, refresh, offline })
    }

    /// Returns whether a kept answer of this age does; of one from a time to come that is not
    /// known.
    #[must_use]
    pub fn takes(&self, age: Option<Duration>) -> bool {
        let is_new = |max| age.is_some_and(|age| age <= max);
        self.offline || (!self.refresh && self.max_age.is_some_and(is_new))
    }
}

/// As the XDG Base Directory Specification says: a relative path there counts as none.
fn folder(environment: &Environment) -> Outcome<Option<PathBuf>> {
    let named = environment.variable("XDG_CACHE_HOME")?.map(PathBuf::from);
    let of_home = || environment.home().map(|home| home.join(".cache"));
    let folder = named.filter(|folder| folder.is_absolute()).or_else(of_home);
    Ok(folder.map(|folder| folder.join("prime-ssh")))
}
