//! `prime-ssh config`: an `ssh_config` fragment on stdout or in a file.

use super::output::{self, Overwrite};
use super::{cluster_certificates, fetch, fleets, openssh};
use crate::cli::ConfigArgs;
use crate::failure::Outcome;
use crate::render::ssh_config;
use crate::settings::Context;

pub(super) fn run(args: &ConfigArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let mut warnings = Vec::new();
    let mut connection = context.connection_options(&args.render, &mut warnings)?;
    let source = context.source(&args.source)?;
    for warning in warnings {
        terminal.warning(warning);
    }
    openssh::check_options(&connection.ssh_options)?;
    openssh::warn_of_old(connection.layout, terminal);
    let answers = fetch::all(&source, terminal)?;
    let fleets = fleets::of_answers(&answers, &args.render.fleet, &source, false, context)?;
    cluster_certificates::add_certificates(&mut connection, &fleets, context)?;
    let overwrite = Overwrite::ours(args.force);
    output::deliver(&args.output, &overwrite, |to| {
        let known = fleets.iter().map(|fleet| ssh_config::patterns(&fleet.alias(), None));
        ssh_config::render(&fleets, known, &connection, to)
    })
}
