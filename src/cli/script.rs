//! The program itself as an inventory of Ansible's: `ansible -i "$(which prime-ssh)"` calls it with
//! `--list` and nothing else, so everything else is said by variables.

use std::ffi::{OsStr, OsString};

use clap::error::ErrorKind;
use clap::{Command, Error};

/// Names the clusters where nothing can be typed.
const CLUSTERS: &str = "PRIME_SSH_CLUSTERS";

/// Returns whether it is Ansible who asks, so that whatever goes wrong has to fit into one line.
pub(super) fn is_asked(arguments: &[OsString]) -> bool {
    let is_ours = |argument: &OsString| {
        argument == "--list" || argument == "--host" || starts_with(argument, "--host=")
    };
    arguments.iter().skip(1).any(is_ours)
}

fn starts_with(argument: &OsStr, text: &str) -> bool {
    argument.as_encoded_bytes().starts_with(text.as_bytes())
}

/// Reads `prime-ssh --list` as `prime-ssh inventory --list` for the clusters of the variable.
/// They are never all without anyone having said so: a playbook should not reach a new cluster by
/// accident.
pub(super) fn as_inventory(
    arguments: Vec<OsString>,
    command: &mut Command,
) -> Result<Vec<OsString>, Error> {
    let clusters = clusters(std::env::var_os(CLUSTERS).unwrap_or_default(), command)?;
    let mut arguments = arguments.into_iter();
    let program = arguments.next().unwrap_or_default();
    Ok([program, "inventory".into()].into_iter().chain(arguments).chain(clusters).collect())
}

fn clusters(named: OsString, command: &mut Command) -> Result<Vec<OsString>, Error> {
    let refuse = |what: &str| {
        let message =
            format!("{CLUSTERS} {what}: clusters by id or name, with commas between, or `all`\n");
        command.clone().error(ErrorKind::MissingRequiredArgument, message)
    };
    let named = named.into_string().map_err(|_| refuse("is not UTF-8 text"))?;
    if named.trim() == "all" {
        return Ok(vec!["--all".into()]);
    }
    let each = named.split(',').map(str::trim).filter(|name| !name.is_empty());
    let clusters: Vec<OsString> = ["--"].into_iter().chain(each).map(OsString::from).collect();
    if clusters.len() == 1 { Err(refuse("is not set")) } else { Ok(clusters) }
}
