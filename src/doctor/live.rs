//! The way in which ssh brings clusters up to date: its command was written at an install and may
//! not work any more; when it last ran, how that ended, and what it costs.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::finding::quoted;
use super::snapshot::{InstalledCluster, Snapshot};
use super::{Check, Finding};
use crate::install::layout::FIRST_LOOK;
use crate::install::permissions::Exposed;
use crate::install::refresh::RefreshState;
use crate::install::state::FileStem;
use crate::ssh::process;
use crate::text::shell;
use crate::text::time::{self, span};

/// A connection that waits for longer, with nothing to do, is one that people notice.
const SLOW: Duration = Duration::from_millis(300);

/// Examines each cluster that ssh brings up to date, and once what a connection costs.
#[must_use]
pub fn examine(snapshot: &Snapshot) -> Vec<Finding> {
    let commands = &snapshot.commands;
    let mut findings = Vec::new();
    let mut working = None;
    for cluster in &snapshot.clusters {
        for command in &cluster.commands {
            let faults = faults(cluster, command, snapshot);
            if faults.is_empty() {
                working = Some(command);
            }
            findings.extend(faults);
        }
        findings.extend(cluster.record.options.live.map(|age| {
            let title = format!("{} (--live={age})", cluster.record.alias());
            let sync = || commands.installed("sync", [&*cluster.record.alias()]);
            last(&title, &cluster.refresh, sync)
        }));
    }
    if snapshot.present.follow.as_ref().is_some_and(|follow| follow.options.live.is_some()) {
        let state = RefreshState::read(&snapshot.layout, &FileStem::subscription());
        let sync = || commands.installed("sync", ["--new"]);
        findings.push(last("new clusters of the subscription", &state, sync));
    }
    findings.extend(working.and_then(|command| cost(command, &snapshot.shell())));
    findings
}

/// Returns what keeps a command from working.
fn faults(cluster: &InstalledCluster, command: &str, snapshot: &Snapshot) -> Vec<Finding> {
    let alias = cluster.record.alias();
    let Some(program) = program(command) else {
        let what = format!("{alias}: ssh runs a command that is not ours: {}", quoted(command));
        let finding = Finding::warning(Check::Live, what).at(&snapshot.layout.file(FIRST_LOOK));
        return vec![finding.run(snapshot.commands.installed("sync", [&*alias]))];
    };
    let token_file = cluster.record.options.token_file.as_ref();
    let token = cluster.record.source.api().and_then(|api| {
        match snapshot.context.has_lasting_token(api.context.as_deref(), token_file) {
            Ok(true) => None,
            Ok(false) => {
                let file = token_file.map(|path| snapshot.context.environment.expand(path));
                Some(no_token(&alias, file.as_deref()))
            }
            Err(failure) => Some(Finding::failed(Check::Live, &failure)),
        }
    });
    program_fault(&alias, program, snapshot).into_iter().chain(token).collect()
}

/// Returns what is wrong with the program that ssh runs.
fn program_fault(alias: &str, program: &Path, snapshot: &Snapshot) -> Option<Finding> {
    let fault = match fs::metadata(program) {
        Err(_) => Some("is not there any more"),
        Ok(found) if !found.is_file() => Some("is no program"),
        Ok(found) if found.permissions().mode() & 0o111 == 0 => Some("may not be run"),
        Ok(_) => None,
    };
    let finding = |what: &str| {
        let what = format!("{alias}: ssh brings it up to date with a program that {what}");
        Finding::wrong(Check::Live, what)
    };
    if let Some(fault) = fault {
        let sync = snapshot.commands.installed("sync", [alias]);
        return Some(finding(fault).at(program).run(sync));
    }
    let exposed = Exposed::of(program)?;
    let finding = finding("others can change").at(exposed.place);
    if let Some(command) = exposed.remedy() {
        return Some(Finding { command: Some(command), ..finding });
    }
    let sync = snapshot.commands.installed("sync", [alias]);
    // `sync` puts the program of this run in its place, where nobody else can change that one.
    if snapshot.context.refresh_command(&snapshot.layout.ssh_folder).is_ok() {
        return Some(finding.run(sync));
    }
    Some(match snapshot.context.environment.by_copy(program, &sync) {
        Some(command) => Finding { command: Some(command), ..finding },
        None => finding.advise(snapshot.context.environment.safer_place(program)),
    })
}

/// Says when something was last brought up to date, and how that ended.
fn last(title: &str, state: &RefreshState, sync: impl FnOnce() -> Vec<OsString>) -> Finding {
    let took = state.took.map(|took| format!("{:.1} s", Duration::from_millis(took).as_secs_f64()));
    let ago = |moment: u64| match time::now().checked_sub(moment) {
        Some(age) => format!("{} ago", span(Duration::from_secs(age))),
        None => "in the future, by this machine's clock".to_owned(),
    };
    let Some(problem) = &state.problem else {
        let took = took.map(|took| format!(", in {took}")).unwrap_or_default();
        let last = match state.checked {
            0 => "not refreshed yet".to_owned(),
            checked => format!("last refreshed {}", ago(checked)),
        };
        return Finding::ok(Check::Live, format_args!("{title}: {last}{took}"));
    };
    let took = took.map(|took| format!(", after {took}")).unwrap_or_default();
    let known = match state.checked {
        0 => String::new(),
        checked => format!("; its hosts are from {}", ago(checked)),
    };
    let problem = quoted(problem);
    let what =
        format!("{title}: the last refresh failed {}{took}: {problem}{known}", ago(state.tried));
    Finding::warning(Check::Live, what).run(sync())
}

/// Measures how long a connection waits for the command that finds nothing to do.
fn cost(command: &str, shell: &Path) -> Option<Finding> {
    let start = Instant::now();
    let mut look = Command::new(shell);
    look.args(["-c", command]).env("PRIME_SSH_NO_REFRESH", "1");
    // A shell that runs nothing is another finding.
    process::run(&mut look, super::shell::LIMIT).ok()?;
    let took = start.elapsed();
    let what = format!(
        "each connection waits {} ms to learn that nothing is to be done",
        took.as_millis()
    );
    if took < SLOW {
        return Some(Finding::ok(Check::Live, what));
    }
    let command = shell::command([shell.as_os_str(), "-c".as_ref(), "true".as_ref()]);
    let advice = format!("see what `{command}` does: it reads startup files");
    Some(Finding::warning(Check::Live, what).advise(advice))
}

fn no_token(alias: &str, file: Option<&Path>) -> Finding {
    let Some(file) = file else {
        let what = format!("{alias}: ssh finds no token to bring it up to date with");
        return Finding::wrong(Check::Live, what)
            .advise("run `prime login`, or install again with --token-file FILE");
    };
    let what = format!("{alias}: there is no token in the file that ssh brings it up to date with");
    Finding::wrong(Check::Live, what).at(file).advise("put the token into that file")
}

/// Returns the program of a command as [`crate::install::live::RefreshCommand`] writes it.
fn program(command: &str) -> Option<&Path> {
    let word = match command.strip_prefix('\'') {
        Some(quoted) => quoted.split('\'').next(),
        None => command.split(' ').next(),
    };
    word.map(Path::new).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_of_a_command() {
        let of = |command: &'static str| program(command).and_then(Path::to_str);
        assert_eq!(
            of("'/opt/my tools/prime-ssh' sync train; exit 0"),
            Some("/opt/my tools/prime-ssh")
        );
        assert_eq!(of("/opt/prime-ssh sync --ssh-dir '/é'"), Some("/opt/prime-ssh"));
        assert_eq!((of(""), of("ssh-add -l"), of("'x y' z")), (None, None, None));
    }
}
