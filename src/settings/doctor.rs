//! The settings of `prime-ssh doctor`: those that cannot be resolved are findings, not failures.

use std::path::PathBuf;

use super::own_commands::OwnCommands;
use super::sources::{Access, Context, Sources};
use crate::failure::Outcome;
use crate::install::layout::Layout;

/// The resolved settings of `prime-ssh doctor`.
#[derive(Debug)]
pub struct Doctor {
    /// The place of ssh's files.
    pub layout: Outcome<Layout>,
    /// The API that this shell means, and who asks.
    pub access: Outcome<Access>,
    /// The context that was named.
    pub context: Option<String>,
    /// The commands that are advised.
    pub commands: OwnCommands,
    /// The shell by which ssh runs commands.
    pub shell: Option<PathBuf>,
}

impl Doctor {
    /// Resolves what was typed.
    #[must_use]
    pub fn resolve(context: &Context) -> Self {
        let Context { global, environment, .. } = context;
        let access = Sources::read(context).map(|sources| sources.access());
        let layout = context.layout();
        let commands = OwnCommands::new(global, environment);
        let context = context.prime_context().unwrap_or(None);
        let shell = environment.variable("SHELL").ok().flatten().map(PathBuf::from);
        Self { layout, access, context, commands, shell }
    }
}
