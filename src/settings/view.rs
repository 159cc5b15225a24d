//! The settings of the commands that look at clusters: `show`, `check` and `wait`.

use super::context::Context;
use super::identity::fresh_options;
use super::precedence::Settings;
use super::source::Source;
use crate::cli::SourceArgs;
use crate::cluster::HostFilter;
use crate::failure::Outcome;
use crate::install::layout::Layout;
use crate::install::options::OptionChange;
use crate::name::Slug;

/// The resolved settings of a look at clusters.
#[derive(Debug)]
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
    /// The context of the `prime` CLI that clusters are asked for in.
    pub prime_context: Option<String>,
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
        let settings = Settings::read(context)?;
        Ok(Self {
            context,
            source: Source { origin: settings.origin(args)?, endpoint: settings.endpoint() },
            endpoint_is_typed: context.names_api(),
            waits: false,
            prime_context: context.prime_context()?,
            options: OptionChange { fresh: fresh_options(context)?, ..OptionChange::default() },
            name: None,
            filter: filter.clone(),
            layout: context.layout()?,
        })
    }
}
