//! The command by which ssh renews a certificate: it was written at an install, and what it names
//! may have moved since.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::disk::Cluster;
use super::{Check, Finding, Ourselves, failed, quoted};
use crate::install::modes::writable_by_others;
use crate::settings::OptionResolver;

/// Whether the command still does what it should.
#[must_use]
pub fn examine(
    cluster: &Cluster,
    command: &str,
    memory: &OptionResolver<'_>,
    ourselves: &Ourselves,
) -> Vec<Finding> {
    let alias = cluster.alias();
    let words = words(command);
    let Some(program) = words.first().map(Path::new).filter(|path| path.is_absolute()) else {
        let what = format!("{alias}: ssh runs a command that is not ours: {}", quoted(command));
        let finding = Finding::warning(Check::Certificate, what).at(&cluster.fragment);
        return vec![finding.run(ourselves.with(["sync", &alias]))];
    };
    let mut findings = Vec::new();
    if let Some(fault) = fault(program) {
        let what = format!("{alias}: ssh renews the certificate with a program that {fault}");
        let finding = Finding::wrong(Check::Certificate, what).at(program);
        findings.push(finding.run(ourselves.with(["sync", &alias])));
    } else if let Some(writable) = writable_by_others(program) {
        let what =
            format!("{alias}: others can change the program that ssh renews the certificate with");
        let command = ["chmod".as_ref(), "go-w".as_ref(), writable.as_os_str()];
        findings.push(Finding::wrong(Check::Certificate, what).at(writable).run(command));
    }
    let value = |option: &str| {
        let mut pairs = words.iter().zip(words.iter().skip(1));
        pairs.find(|(word, _)| *word == option).map(|(_, value)| value.as_str())
    };
    match memory.has_lasting_token(value("--context"), value("--token-file")) {
        Ok(true) => {}
        Ok(false) => {
            let finding = match value("--token-file") {
                Some(file) => Finding::wrong(
                    Check::Certificate,
                    format_args!(
                        "{alias}: ssh renews the certificate with a token that is not in its file"
                    ),
                )
                .at(Path::new(file))
                .advise("put the token into that file"),
                None => Finding::wrong(
                    Check::Certificate,
                    format_args!("{alias}: ssh finds no token to renew the certificate with"),
                )
                .advise("run `prime login`, or install again with --token-file FILE"),
            };
            findings.push(finding);
        }
        Err(failure) => findings.push(failed(Check::Certificate, &failure)),
    }
    findings
}

/// Why a program cannot be run.
fn fault(program: &Path) -> Option<&'static str> {
    match fs::metadata(program) {
        Err(_) => Some("is not there any more"),
        Ok(found) if !found.is_file() => Some("is no program"),
        Ok(found) if found.permissions().mode() & 0o111 == 0 => Some("may not be run"),
        Ok(_) => None,
    }
}

/// The words of a command as [`crate::render::certificates::Renewal`] writes them.
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
    use crate::render::certificates::Renewal;

    #[test]
    fn a_command_is_read_as_it_was_written() {
        let written = ["/opt/my tools/prime-ssh", "cert", "--ssh-dir", "/é", "clst01"];
        let command = Renewal::new(written).unwrap().to_string();
        assert_eq!(words(&command), written);
        assert!(words("  ").is_empty());
    }
}
