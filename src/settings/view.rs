//! The settings of the commands that look at clusters: `show`, `check` and `wait`.

use std::path::PathBuf;

use super::hosts::only;
use super::identity::fresh_options;
use super::own_commands::OwnCommands;
use super::sources::{Context, Endpoint, Sources};
use crate::cli::{LookArgs, SourceArgs};
use crate::cluster::Selection;
use crate::failure::Outcome;
use crate::install::layout::Layout;
use crate::install::options::OptionChange;
use crate::name::Slug;

/// The resolved settings of a look at clusters.
#[derive(Debug)]
pub struct Viewing {
    /// The clusters.
    pub which: Which,
    /// The API that this shell means, and who asks. An installed cluster is asked for where it was
    /// installed from, and a saved answer needs none, so that it is an error only once it is needed.
    pub endpoint: Outcome<Endpoint>,
    /// True if that API was typed: then no installed cluster is asked for elsewhere.
    pub endpoint_is_typed: bool,
    /// The context that clusters are asked for in.
    pub context: Option<String>,
    /// The change to the saved options.
    pub options: OptionChange,
    /// The name of the cluster, if one was given: `install --as`.
    pub name: Option<Slug<'static>>,
    /// The hosts to select, of those that there are or that are installed.
    pub selection: Selection,
    /// The place of the files of installed clusters.
    pub layout: Layout,
    /// The commands that are advised.
    pub commands: OwnCommands,
}

/// The clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those of saved answers; `-` is stdin.
    Files(Vec<PathBuf>),
    /// These, by id, name or installed alias.
    Named(Vec<String>),
    /// Every cluster that the API lists, of one team or of all.
    All(Option<String>),
}

impl Viewing {
    /// Resolves which clusters were args.
    pub fn resolve(args: SourceArgs, look: LookArgs, context: &Context) -> Outcome<Self> {
        let sources = Sources::read(context)?;
        let which = if args.all {
            Which::All(sources.team(args.team)?)
        } else if args.input.is_empty() {
            Which::Named(args.clusters)
        } else {
            Which::Files(args.input)
        };
        let layout = context.layout()?;
        let commands = OwnCommands::new(&context.global, &context.environment);
        Ok(Self {
            which,
            endpoint: sources.endpoint(),
            endpoint_is_typed: context.global.api_url.is_some() || context.global.context.is_some(),
            context: context.prime_context()?,
            options: OptionChange { fresh: fresh_options(context)?, ..OptionChange::default() },
            name: None,
            selection: only(look.only),
            layout,
            commands,
        })
    }
}
