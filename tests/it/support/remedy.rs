//! The commands that messages advise, as one would copy them.

use std::path::Path;
use std::process::Command;

use super::process;

/// What a message may advise to run.
const PROGRAMS: [&str; 7] =
    ["prime-ssh ", "ssh-add", "ssh-keygen ", "chmod ", "ssh -", "export ", "mkdir "];

/// The commands in backticks, and those behind `fix:`.
pub fn commands(text: &str) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let fixes = text.lines().filter_map(|line| line.split_once("fix: ")).map(|(_, fix)| fix);
    let all = quoted.chain(fixes.filter(|fix| !fix.contains('`')));
    let is_command = |text: &&str| PROGRAMS.iter().any(|program| text.starts_with(program));
    all.filter(is_command).map(str::to_owned).collect()
}

/// A command of ours has only what the program takes.
#[track_caller]
pub fn assert_parses(command: &str) {
    if !command.starts_with("prime-ssh ") {
        return;
    }
    let mut shell = process::command("bash");
    shell.args(["-c", &format!("printf '%s\\n' {command}")]);
    let words = process::run(&mut shell, b"").succeeds();
    let mut program = prime_ssh::cli::program();
    // A mention of a command, and not what is to be run.
    if let [_, command] = words.lines().collect::<Vec<_>>()[..]
        && program.find_subcommand(command).is_some()
    {
        return;
    }
    let parsed = program.try_get_matches_from_mut(words.lines());
    let is_help = |error: &clap::Error| !error.use_stderr();
    if let Err(error) = parsed
        && !is_help(&error)
    {
        panic!("{command}: {error}");
    }
}

/// A shell of a user with this home folder, where `prime-ssh` is on the `PATH`.
pub fn shell(home: &Path, command: &str) -> Command {
    let build = Path::new(env!("CARGO_BIN_EXE_prime-ssh")).parent().unwrap().to_owned();
    let path = std::env::split_paths(&process::path()).collect::<Vec<_>>();
    let mut shell = process::command("bash");
    shell.args(["-c", command]).current_dir(home).env("HOME", home);
    shell.env("PATH", std::env::join_paths([build].into_iter().chain(path)).unwrap());
    shell
}
