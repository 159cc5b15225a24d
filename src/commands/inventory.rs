//! `prime-ssh inventory`: an Ansible inventory in a file or on stdout, or the answers of a script.

use super::cached::Caching;
use super::fleets::{self, AllowedGaps};
use super::output::{self, Overwrite};
use super::{cluster_certificates, openssh};
use crate::cli::InventoryArgs;
use crate::cluster::Fleet;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::render::inventory::{self, Format, GroupRequest};
use crate::settings::{
    Context, Settings, check_ansible_options, check_jump, format, refresh_is_off,
};
use crate::text::message::Message;

/// With more hosts than this, Ansible takes seconds to load YAML.
const MANY_FOR_YAML: usize = 500;

pub(super) fn run(args: &InventoryArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let settings = Settings::read(context)?;
    let mut warnings = Vec::new();
    let connection = settings.connection_options(&args.render, &mut warnings)?;
    if args.use_ssh_config {
        warnings.clear();
    } else {
        check_ansible_options(&connection)?;
    }
    warnings.extend(args.group.iter().filter_map(GroupRequest::warning));
    let source = settings.source(&args.source)?;
    let caching = Caching::new(&args.cache, context)?;
    let format = format(args, &mut warnings)?;
    check_jump(&args.render.hosts)?;
    for warning in warnings {
        terminal.warning(warning);
    }
    openssh::check_options(&connection.ssh_options)?;

    let gaps = AllowedGaps { require_all: args.require_all, ..AllowedGaps::of(&source, context) };
    let answers = caching.answers(&source)?;
    let fleets = fleets::of_answers(&answers.fetched, &args.render.hosts, gaps, terminal)?;
    caching.write(&answers);
    if args.require_all {
        require_all(&fleets)?;
    }
    let (use_ssh_config, groups) = (args.use_ssh_config, args.group.clone());
    let mut options = inventory::Options { connection, use_ssh_config, groups };
    let is_script = args.script.is_asked();
    if is_script && !args.cache.offline && !refresh_is_off(&context.environment)? {
        cluster_certificates::renew_certificates(&options.connection, &fleets, &source, context)?;
    }
    if !use_ssh_config {
        cluster_certificates::add_certificates(&mut options.connection, &fleets, context)?;
    }
    inventory::check(&fleets, &options).or_fail(Kind::Usage)?;
    let hosts: usize = fleets.iter().map(|fleet| fleet.hosts.len()).sum();
    if hosts > MANY_FOR_YAML && format == Format::Yaml && !is_script {
        terminal.note(format!(
            "Ansible takes long to load YAML with {hosts} hosts; JSON (-o hosts.json) loads nine \
             times as fast"
        ));
    }
    let overwrite = Overwrite::ours(args.force);
    match &args.script.host {
        Some(name) => {
            let text = inventory::host(&fleets, &options, name).ok_or_else(|| {
                let message = format!("no host {name} in this inventory");
                Failure::message(Kind::Answer, message).hint("`--list` shows the names")
            })?;
            output::deliver(&args.output, &overwrite, |to| to.write_all(text.as_bytes()))
        }
        None if is_script => {
            output::deliver(&args.output, &overwrite, |to| inventory::list(&fleets, &options, to))
        }
        None => output::deliver(&args.output, &overwrite, |to| {
            inventory::render(&fleets, &options, format, to)
        }),
    }
}

/// Fails where a node should give a host and does not.
fn require_all(fleets: &[Fleet<'_>]) -> Outcome<()> {
    let mut missing = Vec::new();
    for fleet in fleets {
        for node in fleet.skipped.iter().filter(|node| node.why.is_active()) {
            missing.push(format!("{} of {}: {}", node.name, fleet.cluster.name, node.why));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let message = Message::with_lines("not every node can be rendered:", missing);
    let hint = "without --require-all (PRIME_SSH_REQUIRE_ALL) the others are rendered";
    Err(Failure::message(Kind::Answer, message).hint(hint))
}
