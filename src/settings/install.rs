//! The settings of the commands that look at clusters as they are installed, and that keep them so.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::context::{Context, Origin, Source};
use crate::cli::{GlobalArgs, GoalArgs, InstallArgs, ModeArgs, SourceArgs};
use crate::cluster::{self, HostFilter};
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::layout::Layout;
use crate::install::options::{OptionChange, RenderArgs, SavedOptions};
use crate::install::state::{self, ApiSource};
use crate::name::Slug;
use crate::render::connection::ConnectionOptions;

/// The longest wait for other runs. One takes a fraction of a second, unless ssh is slow to answer.
pub const LOCK_LIMIT: Duration = Duration::from_secs(60);

/// The resolved settings of a look at clusters.
#[derive(Clone, Debug)]
pub struct ViewSettings<'c> {
    /// The surroundings of the run.
    pub context: &'c Context,
    /// The clusters, and the API that this shell means. An installed cluster is asked for where it
    /// was installed from.
    pub source: Source,
    /// True if that API was typed: then no installed cluster is asked for elsewhere.
    pub endpoint_is_typed: bool,
    /// True if they are waited for: then a saved answer, which does not change, is of no use, and all
    /// nodes count, whichever of them are installed.
    pub waits: bool,
    /// The change to the saved options.
    pub options: OptionChange,
    /// The name of the cluster, if one was given: `install --as`.
    pub name: Option<Slug<'static>>,
    /// The hosts to select, of those that there are or that are installed.
    pub filter: HostFilter,
    /// The place of the files of installed clusters.
    pub layout: Layout,
}

impl<'c> ViewSettings<'c> {
    /// Resolves which clusters are looked at.
    pub fn resolve(args: &SourceArgs, filter: &HostFilter, context: &'c Context) -> Outcome<Self> {
        Ok(Self {
            context,
            source: context.source_as_typed(args)?,
            endpoint_is_typed: context.names_api(),
            waits: false,
            options: OptionChange { fresh: context.fresh_options()?, ..OptionChange::default() },
            name: None,
            filter: filter.clone(),
            layout: context.layout()?,
        })
    }
}

/// The resolved settings of `prime-ssh install`.
#[derive(Debug)]
pub struct InstallSettings<'c> {
    /// The clusters as they will be. Where none is named, it is the only one of the team.
    pub clusters: ViewSettings<'c>,
    /// The team that this person means.
    pub team: Option<String>,
    /// True if the clusters that come later are installed too.
    pub follows: bool,
    /// The goal to wait for first, with `--wait`.
    pub wait: Option<GoalArgs>,
    /// The mode: apply, or only show.
    pub mode: ModeArgs,
}

impl<'c> InstallSettings<'c> {
    /// Resolves what was typed for `prime-ssh install`.
    pub fn resolve(typed: InstallArgs, context: &'c Context) -> Outcome<Self> {
        let InstallArgs { source: from, name, follow, wait, goal, mode, options } = typed;
        let install = Self {
            follows: follow || from.api.all && options.given.live.is_some(),
            team: context.team(from.api.team.clone())?,
            clusters: ViewSettings {
                context,
                source: context.source(&from)?,
                endpoint_is_typed: true,
                waits: wait,
                options: lasting(options, context)?,
                name,
                // All nodes are waited for, whichever of them are installed.
                filter: HostFilter::default(),
                layout: context.layout()?,
            },
            wait: wait.then_some(goal),
            mode,
        };
        install.check_name(from.api.clusters.len() + from.input.len())?;
        Ok(install)
    }

    /// Fails where one name is given to several clusters.
    pub fn check_name(&self, clusters: usize) -> Outcome<()> {
        let ViewSettings { name, options, .. } = &self.clusters;
        let option = if name.is_some() { "--as" } else { "--short" };
        let is_given = name.is_some() || options.given.short.is_some();
        if !is_given || clusters <= 1 {
            return Ok(());
        }
        let message = format!("{option} names one cluster, and several are to be installed");
        Err(Failure::message(Kind::Usage, message))
    }

    /// Returns where a later `sync` finds what this run found: in `file`, if that was a saved
    /// answer.
    pub fn source_of(&self, file: Option<&Path>) -> Outcome<state::Source> {
        let ViewSettings { source, context, .. } = &self.clusters;
        let team = match &source.origin {
            Origin::Files(_) => {
                let Some(path) = file.filter(|file| *file != Path::new("-")) else {
                    return Ok(state::Source::Stdin);
                };
                let path = std::path::absolute(path).or_fail(Kind::Local)?;
                if !can_be_read_again(&path) {
                    return Ok(state::Source::Stdin);
                }
                let path = path.to_str().map(str::to_owned);
                return path.map(state::Source::Input).ok_or_else(|| {
                    Failure::message(Kind::Usage, "--input: the path is not UTF-8 text")
                });
            }
            Origin::Named(_) => None,
            Origin::All(team) => team.clone(),
        };
        let (url, context) =
            (source.endpoint.clone()?.address.to_string(), context.prime_context()?);
        Ok(state::Source::Api(ApiSource { url, context, team }))
    }
}

/// Returns whether a later run finds the same at this path: not what comes through a pipe, as from
/// the `<(command)` of a shell, nor what has its name in this run alone, as `/dev/stdin`.
fn can_be_read_again(path: &Path) -> bool {
    let is_of_this_run = ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder));
    let is_file = || fs::metadata(path).is_ok_and(|found| found.is_file());
    !is_of_this_run && is_file()
}

/// Fails where an API is named for `sync`, which asks where each cluster was installed from.
pub fn check_sync(global: &GlobalArgs) -> Outcome<()> {
    let option = match global {
        GlobalArgs { api_url: Some(_), .. } => "--api-url",
        GlobalArgs { context: Some(_), .. } => "--context",
        _ => return Ok(()),
    };
    let message =
        format!("sync asks where each cluster was installed from, so {option} has no place");
    Err(Failure::message(Kind::Usage, message)
        .hint("`prime-ssh install` with it sets where a cluster is asked for"))
}

/// Options as they are saved: a path does not depend on the current folder.
fn lasting(mut change: OptionChange, context: &Context) -> Outcome<OptionChange> {
    let (given, environment) = (&mut change.given, &context.environment);
    let RenderArgs { identity_file, certificate_file, known_hosts, .. } = &mut given.render;
    for (path, option) in [
        (identity_file, "--identity-file"),
        (certificate_file, "--certificate-file"),
        (known_hosts, "--known-hosts"),
    ] {
        let is_none = |path: &Path| option == "--identity-file" && path == Path::new("none");
        if let Some(path) = path.as_mut().filter(|path| !is_none(path)) {
            *path = environment.local_path(path, option)?.as_str().into();
        }
    }
    let token_file = context.global.token_file.as_ref().filter(|_| given.live.is_some());
    let token_file = token_file.map(|path| environment.local_path(path, "--token-file"));
    given.token_file = token_file.transpose()?;
    change.fresh = context.fresh_options()?;
    Ok(change)
}

/// The options that one cluster is rendered with.
#[derive(Clone, Debug)]
pub struct Rendering {
    /// The options of the fleets: their hosts, names, and the way to them.
    pub fleet: cluster::Options,
    /// The options for logging in.
    pub ssh: ConnectionOptions,
    /// Warnings about these settings.
    pub warnings: Vec<String>,
}

impl Context {
    /// Resolves saved options into those that a cluster is rendered with.
    pub fn rendering(&self, saved: &SavedOptions, prime: Option<&str>) -> Outcome<Rendering> {
        let mut warnings = Vec::new();
        let installed = self.for_installed(prime);
        let ssh = installed.connection_options(&saved.render, &mut warnings)?;
        Ok(Rendering { fleet: saved.render.fleet.clone(), ssh, warnings })
    }
}
