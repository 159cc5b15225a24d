//! `prime-ssh inventory`: an Ansible inventory in a file or on stdout, or the answers of a script.

use super::fleets::{self, Gaps};
use super::output::{self, Overwrite};
use super::{cached, certificates, openssh};
use crate::cli::InventoryArgs;
use crate::cluster::Fleet;
use crate::failure::{Failure, Kind, Outcome};
use crate::render::inventory::{self, Format};
use crate::settings::{Context, Inventory, InventoryOutput, Output};
use crate::text::message::Message;

/// With more hosts than this, Ansible takes seconds to load YAML.
const MANY_FOR_YAML: usize = 500;

pub(super) fn run(args: InventoryArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let overwrite = Overwrite::ours(args.force);
    let mut settings = Inventory::resolve(args, context)?;
    for warning in &settings.warnings {
        terminal.warning(warning);
    }
    let options = &mut settings.inventory;
    openssh::check_options(&options.login.ssh_options)?;
    let gaps = Gaps { require_all: settings.require_all, ..Gaps::of(&settings.source) };
    let answers = cached::answers(settings.source.origin, &settings.caching, terminal)?;
    let fleets = fleets::fleets(&answers.fetched, &settings.hosts, gaps, terminal)?;
    answers.write_new(&settings.caching, terminal);
    if settings.require_all {
        require_all(&fleets)?;
    }
    if let Some(endpoint) = settings.renewal {
        certificates::renew_own(&fleets, &settings.certificates, &endpoint, terminal)?;
    }
    if !options.use_ssh_config {
        let own = &mut options.login.certificates;
        certificates::add_own(own, &fleets, &settings.certificates, terminal)?;
    }
    let hosts: usize = fleets.iter().map(|fleet| fleet.hosts.len()).sum();
    if hosts > MANY_FOR_YAML && matches!(settings.output, InventoryOutput::File(_, Format::Yaml)) {
        terminal.note(format!(
            "Ansible takes long to load YAML with {hosts} hosts; JSON (-o hosts.json) loads nine \
             times as fast"
        ));
    }
    inventory::check(&fleets, options).map_err(|reason| Failure::new(Kind::Usage, reason))?;
    match settings.output {
        InventoryOutput::File(to, format) => {
            output::deliver(&to, &overwrite, |to| inventory::render(&fleets, options, format, to))
        }
        InventoryOutput::List => {
            output::deliver(&Output::Stdout, &overwrite, |to| inventory::list(&fleets, options, to))
        }
        InventoryOutput::Host(name) => {
            let text = inventory::host(&fleets, options, &name).ok_or_else(|| {
                let message = format!("no host {name} in this inventory");
                Failure::message(Kind::Answer, message).hint("`--list` shows the names")
            })?;
            output::deliver(&Output::Stdout, &overwrite, |to| to.write_all(text.as_bytes()))
        }
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
