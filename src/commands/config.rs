//! `prime-ssh config`: an `ssh_config` fragment on stdout or in a file.

use super::gather::{self, Gaps};
use super::{certificates, output, ssh_options};
use crate::cli::{ConfigArgs, Global};
use crate::failure::Outcome;
use crate::render::ssh_config;
use crate::settings::{Config, Environment};
use crate::terminal::Terminal;

pub(super) fn run(
    typed: ConfigArgs,
    global: &Global,
    machine: &Environment,
    terminal: Terminal,
) -> Outcome<()> {
    let mut settings = Config::resolve(typed, global, machine)?;
    for warning in &settings.warnings {
        terminal.warning(warning);
    }
    ssh_options::check(&settings.ssh.ssh_options)?;
    let answers = gather::answers(settings.source.origin, terminal)?;
    let gaps = Gaps { skip_invalid: settings.source.skip_invalid, require_all: false };
    let fleets = gather::fleets(&answers, &settings.walk, gaps, terminal)?;
    let own = &mut settings.ssh.certificates;
    certificates::add_own(own, &fleets, &settings.certificates, terminal)?;
    output::deliver(&settings.output, |to| ssh_config::render(&fleets, &settings.ssh, to))
}
