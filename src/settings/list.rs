//! The settings of `prime-ssh list`.

use super::environment::Environment;
use super::install::layout;
use super::prime_cli::PrimeCli;
use super::{Endpoint, endpoint, team};
use crate::cli::{Global, ListArgs, ReportFormat};
use crate::failure::Outcome;
use crate::install::layout::Layout;

/// The resolved settings of `prime-ssh list`.
#[derive(Debug)]
pub struct List {
    /// The API that is asked.
    pub endpoint: Endpoint,
    /// What must be in a name or an id.
    pub search: Option<String>,
    /// Whose clusters; `None` is everyone's.
    pub team: Option<String>,
    /// Where the files of the installed ones are.
    pub layout: Layout,
    /// In which form they are printed.
    pub format: ReportFormat,
}

impl List {
    /// Resolves what was typed for `prime-ssh list`.
    pub fn resolve(typed: ListArgs, global: &Global, machine: &Environment) -> Outcome<Self> {
        let prime = PrimeCli::read(machine, global.context.as_deref())?;
        Ok(Self {
            endpoint: endpoint(global, machine, &prime)?,
            search: typed.search,
            team: team(typed.team, machine, &prime)?,
            layout: layout(global, machine)?,
            format: typed.format.format,
        })
    }
}
