//! `prime-ssh inventory`: an Ansible inventory in a file or on stdout, or the answers of a script.

use std::path::Path;

use super::output::{self, Overwrite};
use super::{cached, cluster_certificates, fleets, openssh};
use crate::cli::InventoryArgs;
use crate::cluster::Fleet;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::render::connection::ConnectionOptions;
use crate::render::inventory::{self, Format, GroupRequest};
use crate::settings::Context;
use crate::text::message::Message;

/// With more hosts than this, Ansible takes seconds to load YAML.
const MANY_FOR_YAML: usize = 500;

pub(super) fn run(args: &InventoryArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let mut warnings = Vec::new();
    let connection = context.connection_options(&args.render, &mut warnings)?;
    if args.use_ssh_config {
        warnings.clear();
    } else {
        check_ansible_options(&connection)?;
    }
    warnings.extend(args.group.iter().filter_map(GroupRequest::warning));
    let source = context.source(&args.source)?;
    cached::check(&args.cache)?;
    let format = format(args, &mut warnings)?;
    for warning in warnings {
        terminal.warning(warning);
    }
    openssh::check_options(&connection.ssh_options)?;

    let answers = cached::answers(&args.cache, &source, context)?;
    let (fetched, fleet) = (&answers.fetched, &args.render.fleet);
    let fleets = fleets::of_answers(fetched, fleet, &source, args.require_all, context)?;
    answers.write(terminal);
    if args.require_all {
        require_all(&fleets)?;
    }
    let (use_ssh_config, groups) = (args.use_ssh_config, args.group.clone());
    let mut options = inventory::Options { connection, use_ssh_config, groups };
    if format == Format::Script && !args.cache.offline && !context.environment.refresh_is_off()? {
        cluster_certificates::renew_certificates(&options.connection, &fleets, &source, context)?;
    }
    if !use_ssh_config {
        cluster_certificates::add_certificates(&mut options.connection, &fleets, context)?;
    }
    inventory::check(&fleets, &options).or_fail(Kind::Usage)?;
    let hosts: usize = fleets.iter().map(|fleet| fleet.hosts.len()).sum();
    if hosts > MANY_FOR_YAML && format == Format::Yaml {
        terminal.note(format!(
            "Ansible takes long to load YAML with {hosts} hosts; JSON (-o hosts.json) loads nine \
             times as fast"
        ));
    }
    let host = args.script.host.as_ref().map(|name| {
        inventory::host(&fleets, &options, name).ok_or_else(|| {
            let message = format!("no host {name} in this inventory");
            Failure::message(Kind::Answer, message).hint("`--list` shows the names")
        })
    });
    let host = host.transpose()?;
    output::deliver(&args.output, &Overwrite::ours(args.force), |to| match &host {
        Some(text) => to.write_all(text.as_bytes()),
        None => inventory::render(&fleets, &options, format, to),
    })
}

/// Fails where a node should give a host and does not.
fn require_all(fleets: &[Fleet<'_>]) -> Outcome<()> {
    let mut missing = Vec::new();
    for fleet in fleets {
        for node in fleet.skipped.iter().filter(|node| node.is_active()) {
            missing.push(format!("{} of {}: {}", node.name, fleet.cluster.name, node.explained()));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let message = Message::with_lines("not every node can be rendered:", missing);
    let hint = "without --require-all (PRIME_SSH_REQUIRE_ALL) the others are rendered";
    Err(Failure::message(Kind::Answer, message).hint(hint))
}

/// Fails where Ansible takes less than ssh does: it sets some options itself.
fn check_ansible_options(connection: &ConnectionOptions) -> Outcome<()> {
    for option in &connection.ssh_options {
        inventory::check_option(option)
            .map_err(|reason| Failure::message(Kind::Usage, format!("--ssh-option: {reason}")))?;
    }
    Ok(())
}

/// Resolves the format: the one that was typed, else that of the extension, as Ansible reads it.
fn format(args: &InventoryArgs, warnings: &mut Vec<String>) -> Outcome<Format> {
    let path = args.output.output.as_deref();
    if args.script.is_asked() {
        if path.is_none() && args.format.is_none() {
            return Ok(Format::Script);
        }
        let message = "--list and --host print JSON on stdout: they take no --output or --format";
        return Err(Failure::message(Kind::Usage, message));
    }
    let ending = path.and_then(Path::extension).map(|end| end.to_string_lossy().to_lowercase());
    let format = args.format.unwrap_or(match ending.as_deref() {
        Some("ini") => Format::Ini,
        Some("json") => Format::Json,
        _ => Format::Yaml,
    });
    // The endings that Ansible's `yaml` plugin reads.
    let is_read = matches!(ending.as_deref(), None | Some("yml" | "yaml" | "json"));
    if let Some(path) = path.filter(|_| format != Format::Ini && !is_read) {
        warnings.push(format!(
            "Ansible reads YAML and JSON only from .yml, .yaml, .json, or a name without an \
             extension, so not from {}",
            path.display()
        ));
    }
    Ok(format)
}
