//! The settings of `prime-ssh list`.

use super::own_commands::OwnCommands;
use super::sources::{Context, Endpoint, Sources};
use crate::cli::{ListArgs, ReportFormat};
use crate::failure::Outcome;
use crate::install::layout::Layout;

/// The resolved settings of `prime-ssh list`.
#[derive(Debug)]
pub struct List {
    /// The API that is asked.
    pub endpoint: Endpoint,
    /// The text that must be in a name or an id.
    pub search: Option<String>,
    /// Whose clusters; `None` is everyone's.
    pub team: Option<String>,
    /// The place of the files of installed clusters.
    pub layout: Layout,
    /// The commands that are advised.
    pub commands: OwnCommands,
    /// In which form they are printed.
    pub format: ReportFormat,
}

impl List {
    /// Resolves what was typed for `prime-ssh list`.
    pub fn resolve(args: ListArgs, context: &Context) -> Outcome<Self> {
        let sources = Sources::read(context)?;
        Ok(Self {
            endpoint: sources.endpoint()?,
            search: args.search,
            team: sources.team(args.team)?,
            layout: context.layout()?,
            commands: OwnCommands::new(&context.global, &context.environment),
            format: args.format.format,
        })
    }
}
