//! The command with which ssh brings a cluster up to date: it was written at an install, and what it
//! names may have moved since.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::finding::quoted;
use super::snapshot::InstalledCluster;
use super::{Check, Finding};
use crate::install::modes::writable_by_others;
use crate::install::state::Source;
use crate::settings::{OptionResolver, OwnCommands};

/// Whether the command still works.
#[must_use]
pub fn examine(
    cluster: &InstalledCluster,
    command: &str,
    resolver: &OptionResolver<'_>,
    commands: &OwnCommands,
) -> Vec<Finding> {
    let alias = cluster.alias();
    let words = words(command);
    let Some(program) = words.first().map(Path::new).filter(|path| path.is_absolute()) else {
        let what = format!("{alias}: ssh runs a command that is not ours: {}", quoted(command));
        let finding = Finding::warning(Check::Certificate, what).at(&cluster.path);
        return vec![finding.run(commands.installed("sync", [&*alias]))];
    };
    let token_file = cluster.record.options.token_file.as_ref();
    let token_file = token_file.map(|path| resolver.environment().expand(path));
    let token_file = token_file.as_deref().and_then(Path::to_str);
    let token = match &cluster.record.source {
        Source::Api { context, .. } => {
            match resolver.has_lasting_token(context.as_deref(), token_file) {
                Ok(true) => None,
                Ok(false) => Some(no_token(&alias, token_file)),
                Err(failure) => Some(Finding::failed(Check::Certificate, &failure)),
            }
        }
        Source::Input(_) | Source::Stdin => None,
    };
    self::program(&alias, program, commands).into_iter().chain(token).collect()
}

/// What is wrong with the program that ssh runs.
fn program(alias: &str, program: &Path, commands: &OwnCommands) -> Option<Finding> {
    let fault = match fs::metadata(program) {
        Err(_) => Some("is not there any more"),
        Ok(found) if !found.is_file() => Some("is no program"),
        Ok(found) if found.permissions().mode() & 0o111 == 0 => Some("may not be run"),
        Ok(_) => None,
    };
    let finding = |what: &str| {
        let what = format!("{alias}: ssh brings it up to date with a program that {what}");
        Finding::wrong(Check::Certificate, what)
    };
    if let Some(fault) = fault {
        return Some(finding(fault).at(program).run(commands.installed("sync", [alias])));
    }
    let writable = writable_by_others(program)?;
    Some(finding("others can change").at(writable).chmod("go-w", writable))
}

fn no_token(alias: &str, file: Option<&str>) -> Finding {
    let Some(file) = file else {
        let what = format!("{alias}: ssh finds no token to bring it up to date with");
        return Finding::wrong(Check::Certificate, what)
            .advise("run `prime login`, or install again with --token-file FILE");
    };
    let what = format!("{alias}: there is no token in the file that ssh brings it up to date with");
    Finding::wrong(Check::Certificate, what)
        .at(Path::new(file))
        .advise("put the token into that file")
}

/// The words of a command as [`crate::install::live::RefreshCommand`] writes them.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    for c in command.chars() {
        match c {
            '\'' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            ' ' if !is_quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_as_it_was_written() {
        let command = "'/opt/my tools/prime-ssh' sync --ssh-dir '/é' train-1234abcd; exit 0";
        let written = ["/opt/my tools/prime-ssh", "sync", "--ssh-dir", "/é", "train-1234abcd;"];
        assert_eq!(words(command)[..5], written);
        assert!(words("  ").is_empty());
    }
}
