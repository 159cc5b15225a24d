//! `prime-ssh config`: an `ssh_config` fragment on stdout or in a file.

use super::fleets::{self, Gaps};
use super::output::{self, Overwrite};
use super::{certificates, fetch, ssh_options};
use crate::cli::ConfigArgs;
use crate::failure::Outcome;
use crate::render::ssh_config;
use crate::settings::{Config, Context};

pub(super) fn run(args: ConfigArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let overwrite = Overwrite::ours(args.force);
    let mut settings = Config::resolve(args, context)?;
    for warning in &settings.warnings {
        terminal.warning(warning);
    }
    ssh_options::check(&settings.ssh.ssh_options)?;
    let answers = fetch::all(&settings.source.origin, terminal)?;
    let gaps = Gaps::of(&settings.source);
    let fleets = fleets::fleets(&answers, &settings.walk, gaps, terminal)?;
    let own = &mut settings.ssh.certificates;
    certificates::add_own(own, &fleets, &settings.certificates, terminal)?;
    output::deliver(&settings.output, &overwrite, |to| {
        ssh_config::render(&fleets, &settings.ssh, to)
    })
}
