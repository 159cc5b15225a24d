//! The program as clap is told of it: what the derived types cannot say.

use std::fmt::Write;

use clap::{Arg, Command, CommandFactory};

use super::Cli;
use crate::failure::Kind;

/// Where settings come from.
pub const SETTINGS: &str =
    "Options win over environment variables, and those over what `prime login` wrote to ~/.prime.";
/// What the short help leaves out.
const MORE: &str = "See `--help` for global options, exit codes, and examples.";
/// The options of all commands that the short help shows, too.
const OFTEN: [&str; 2] = ["quiet", "verbose"];

/// The exit codes, each with what it means.
pub fn exit_codes() -> impl Iterator<Item = (u8, &'static str)> {
    let failures = Kind::ALL.into_iter().map(|kind| (kind.exit_code(), kind.meaning()));
    [(0, "done")].into_iter().chain(failures)
}

/// The variables that have no option of the same meaning beside them.
pub const VARIABLES: [(&str, &str); 5] = [
    ("PRIME_API_KEY", "the API token"),
    ("PRIME_TEAM_ID", "the team of `--all`, without `--team`"),
    ("PRIME_SSH_KEY_PATH", "the key to log in with, without `--identity-file`"),
    (
        "PRIME_SSH_CLUSTERS",
        "clusters of `prime-ssh --list`: ids or names separated by commas, or `all`",
    ),
    (
        "PRIME_SSH_NO_REFRESH",
        "1: `sync --if-older` and `cert --ensure`, which ssh may run, do nothing",
    ),
];

/// The examples at the end of each command's help.
const EXAMPLES: [(&str, &[&str]); 15] = [
    (
        "install",
        &[
            "prime-ssh install train",
            "prime-ssh install train --user root --identity-file ~/.ssh/id_ed25519",
            "prime-ssh install train --wait",
            "prime-ssh install train --short train",
            "prime-ssh install train --live",
            "prime-ssh install --all --dry-run",
        ],
    ),
    (
        "sync",
        &["prime-ssh sync", "prime-ssh sync train --dry-run", "prime-ssh sync --quiet --prune"],
    ),
    ("uninstall", &["prime-ssh uninstall train", "prime-ssh uninstall --all --dry-run"]),
    ("list", &["prime-ssh list", "prime-ssh list --search train --format json"]),
    (
        "show",
        &[
            "prime-ssh show train",
            "prime-ssh show train --only worker",
            "prime-ssh show train --format json",
        ],
    ),
    (
        "check",
        &[
            "prime-ssh check train",
            "prime-ssh check --all --login",
            "prime-ssh check train --login --node 'node-*'",
        ],
    ),
    (
        "wait",
        &[
            "prime-ssh wait train",
            "prime-ssh wait train --for 2 --within 10m",
            "prime-ssh wait --all --only control",
        ],
    ),
    ("doctor", &["prime-ssh doctor", "prime-ssh doctor --format json"]),
    (
        "cert",
        &["prime-ssh cert train", "prime-ssh cert --all --ensure", "prime-ssh cert train --show"],
    ),
    (
        "config",
        &[
            "prime-ssh config train",
            "prime-ssh config train -o train.conf && ssh -F train.conf -G prime.train",
        ],
    ),
    (
        "inventory",
        &[
            "prime-ssh inventory train -o hosts.json && ansible all -i hosts.json -m ping",
            "PRIME_SSH_CLUSTERS=train ansible all -i \"$(command -v prime-ssh)\" -m ping",
            "prime-ssh inventory train --group slurm=worker --format ini",
        ],
    ),
    ("export", &["prime-ssh export train -o train.json", "prime-ssh install --input train.json"]),
    (
        "render",
        &[
            "prime-ssh render train --print-data",
            "prime-ssh render train --template hosts.j2 -o hosts",
        ],
    ),
    (
        "completions",
        &["source <(prime-ssh completions bash)", "prime-ssh completions fish | source"],
    ),
    ("man", &["prime-ssh man install", "prime-ssh man --dir ~/.local/share/man/man1"]),
];

/// The examples of a command, each as one would type it.
pub fn examples(command: &str) -> &'static [&'static str] {
    EXAMPLES.iter().find(|(name, _)| *name == command).map_or(&[], |(_, examples)| *examples)
}

/// All that can be typed, with its help.
#[must_use]
pub fn program() -> Command {
    let mut variables = "Variables without an option:".to_owned();
    for (name, meaning) in VARIABLES {
        add_row(&mut variables, &format!("{name:<18}"), meaning);
    }
    let mut codes = "Exit codes:".to_owned();
    for (code, meaning) in exit_codes() {
        add_row(&mut codes, &format!("{code:<2}"), meaning);
    }
    let program = Cli::command()
        .mut_args(|arg| short_help(with_variable(arg)))
        .mut_arg("list", |arg| arg.hide_short_help(true))
        .mut_arg("host", |arg| arg.hide_short_help(true))
        .after_help(MORE)
        .after_long_help(format!("{SETTINGS}\n\n{variables}\n\n{codes}"));
    program.mut_subcommands(|command| {
        let mut after = "Examples:".to_owned();
        for example in examples(command.get_name()) {
            after.extend(["\n  ", example]);
        }
        let after = format!("{after}\n\n{SETTINGS}\n\n{codes}");
        command.mut_args(with_variable).after_help(MORE).after_long_help(after)
    })
}

/// A row of a table behind the help.
fn add_row(table: &mut String, name: &str, meaning: &str) {
    // Writing to a string cannot fail.
    let _ = write!(table, "\n  {name}  {meaning}");
}

/// An empty variable is one that is not set: scripts and CI systems cannot always leave one out.
/// The help names a variable, and does not say what it holds: help is pasted into reports.
fn with_variable(arg: Arg) -> Arg {
    let arg = arg.hide_env_values(true);
    let empty = |name| std::env::var_os(name).is_some_and(|value| value.is_empty());
    if arg.get_env().is_some_and(empty) { arg.env(None::<&str>) } else { arg }
}

/// The short help of each command is about that command.
fn short_help(arg: Arg) -> Arg {
    let rare = arg.is_global_set() && !OFTEN.contains(&arg.get_id().as_str());
    arg.hide_short_help(rare)
}
