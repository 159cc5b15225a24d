//! The settings of `prime-ssh inventory` beside those of every rendering command.

use std::path::Path;

use crate::cli::InventoryArgs;
use crate::failure::{Failure, Kind, Outcome};
use crate::render::connection::ConnectionOptions;
use crate::render::inventory::{self, Format};

/// Fails where Ansible takes less than ssh does: it sets some options itself.
pub fn check_ansible_options(connection: &ConnectionOptions) -> Outcome<()> {
    for option in &connection.ssh_options {
        inventory::check_option(option)
            .map_err(|reason| Failure::message(Kind::Usage, format!("--ssh-option: {reason}")))?;
    }
    Ok(())
}

/// Resolves the format: the one that was typed, else that of the extension, as Ansible reads it.
pub fn format(args: &InventoryArgs, warnings: &mut Vec<String>) -> Outcome<Format> {
    let path = args.output.output.as_deref();
    if args.script.is_asked() && (path.is_some() || args.format.is_some()) {
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
