//! `prime-ssh config`: an `ssh_config` fragment on stdout or in a file.

use super::fleets::{self, Gaps};
use super::output::{self, Overwrite};
use super::{certificates, fetch, openssh};
use crate::cli::ConfigArgs;
use crate::failure::Outcome;
use crate::render::ssh_config;
use crate::settings::{Config, Context};
use crate::ssh::release::OpenSsh;

pub(super) fn run(args: ConfigArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let overwrite = Overwrite::ours(args.force);
    let mut settings = Config::resolve(args, context)?;
    for warning in &settings.warnings {
        terminal.warning(warning);
    }
    openssh::check_options(&settings.ssh.ssh_options)?;
    let layout = settings.ssh.layout;
    if !OpenSsh::is_plainly(layout.needs())
        && let Err(old) = openssh::check_release(OpenSsh::here().as_ref(), Some(layout))
    {
        terminal.warning(format_args!("{:#}", old.cause));
    }
    let answers = fetch::all(&settings.source.origin, terminal)?;
    let gaps = Gaps::of(&settings.source);
    let fleets = fleets::fleets(&answers, &settings.hosts, gaps, terminal)?;
    let own = &mut settings.ssh.certificates;
    certificates::add_own(own, &fleets, &settings.certificates, terminal)?;
    output::deliver(&settings.output, &overwrite, |to| {
        ssh_config::render(&fleets, &settings.ssh, to)
    })
}
