//! The program as clap is told of it: what the derived types cannot say.

use clap::{Arg, Command, CommandFactory};

use super::Cli;
use crate::failure::Kind;

/// The order of the sources of settings.
pub const SETTINGS: &str =
    "Options win over environment variables, and those over what `prime login` wrote to ~/.prime.";
/// The end of the short help.
const MORE: &str = "See `--help` for global options, exit codes, and examples.";
/// The options of all commands that the short help shows, too.
const OFTEN: [&str; 2] = ["quiet", "verbose"];

/// The exit codes, each with its meaning.
pub fn exit_codes() -> impl Iterator<Item = (u8, &'static str)> {
    let failures = Kind::MEANINGS.into_iter().map(|(kind, meaning)| (kind.exit_code(), meaning));
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

/// The commands, and below each its examples, as one would type them.
const EXAMPLES: &str = include_str!("examples.txt");

/// Returns the examples of a command.
pub fn examples(command: &str) -> impl Iterator<Item = &'static str> {
    let of_command = EXAMPLES.lines().skip_while(move |line| *line != command).skip(1);
    of_command.map_while(|line| line.strip_prefix("  "))
}

/// All that can be typed, with its help.
#[must_use]
pub fn program() -> Command {
    let variables = VARIABLES.iter().map(|(name, meaning)| format!("{name:<18}  {meaning}"));
    let variables = section("Variables without an option:", variables);
    let codes = exit_codes().map(|(code, meaning)| format!("{code:<2}  {meaning}"));
    let codes = section("Exit codes:", codes);
    let program = Cli::command()
        .mut_args(|arg| short_help(with_variable(arg)))
        .mut_arg("list", |arg| arg.hide_short_help(true))
        .mut_arg("host", |arg| arg.hide_short_help(true))
        .after_help(MORE)
        .after_long_help(format!("{SETTINGS}\n\n{variables}\n\n{codes}"));
    program.mut_subcommands(|command| {
        let examples = examples(command.get_name()).map(str::to_owned);
        let after = format!("{}\n\n{SETTINGS}\n\n{codes}", section("Examples:", examples));
        command.mut_args(with_variable).after_help(MORE).after_long_help(after)
    })
}

/// A title, and the rows below it.
fn section(title: &str, rows: impl Iterator<Item = String>) -> String {
    rows.fold(title.to_owned(), |text, row| text + "\n  " + &row)
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
