//! The settings of `prime-ssh doctor`: those that cannot be resolved are findings, not failures.

use std::path::{Path, PathBuf};

use super::install::{Memory, layout};
use super::machine::Machine;
use super::prime_cli::PrimeCli;
use super::{Access, access, program};
use crate::args::Global;
use crate::doctor::Ourselves;
use crate::doctor::renewal::Renewing;
use crate::failure::Outcome;
use crate::install::layout::Layout;

/// The resolved settings of `prime-ssh doctor`.
#[derive(Debug)]
pub struct Doctor {
    /// Where ssh's files are.
    pub layout: Outcome<Layout>,
    /// The API that this shell means, and who asks.
    pub access: Outcome<Access>,
    /// The context that was named.
    pub context: Option<String>,
    /// The program as it is to be called for the same.
    pub ourselves: Ourselves,
    /// The shell by which ssh runs commands.
    pub shell: Option<PathBuf>,
}

impl Doctor {
    /// Resolves what was typed.
    #[must_use]
    pub fn resolve(global: &Global, machine: &Machine) -> Self {
        let prime = PrimeCli::read(machine, global.context.as_deref());
        let access = prime.map(|prime| access(global, machine, &prime));
        let api_url = access.as_ref().ok().and_then(|access| access.address.as_ref().ok());
        let layout = layout(global, machine);
        let folder = layout.as_ref().ok().map(|layout| layout.ssh_folder().to_owned());
        let ourselves = Ourselves {
            ssh_dir: folder.filter(|_| global.ssh_dir.is_some()),
            api_url: api_url.map(ToString::to_string),
        };
        let context = global.context.clone().or_else(|| machine.variable("PRIME_CONTEXT").ok()?);
        let shell = machine.variable("SHELL").ok().flatten().map(PathBuf::from);
        Self { layout, access, context, ourselves, shell }
    }
}

/// What the renewals of certificates go by.
#[derive(Clone, Debug)]
pub struct Renewals {
    /// What was typed.
    pub global: Global,
    /// This machine.
    pub machine: Machine,
}

impl Renewing for Renewals {
    fn has_token(&self, context: Option<&str>, file: Option<&str>) -> Outcome<bool> {
        Memory::new(&self.global, &self.machine).has_lasting_token(context, file)
    }

    fn writable_by_others(&self, program: &Path) -> Option<PathBuf> {
        program::writable_by_others(program).map(Path::to_owned)
    }
}
