//! Errors of the command line, in words for whoever typed it.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};

use crate::failure::{Failure, Kind};
use crate::text::message::Message;
use crate::text::sanitize::excerpt;

/// The likeness to a command from which on a word counts as a slip of the finger, from 0 to 1.
const SIMILAR: f64 = 0.8;
/// The length of a word that is shown.
const SHOWN: usize = 80;

/// Ansible is told in one line.
pub(super) fn for_ansible(error: &Error) -> Failure {
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    let mut lines = first.trim_end().lines().map(str::trim_start);
    let text = lines.next().unwrap_or_default();
    Failure::message(Kind::Usage, Message::with_lines(text, lines))
}

/// Tells of a word in a command's place that is none; `None` for other errors.
pub(super) fn unknown_command(error: &Error, program: &Command) -> Option<Failure> {
    let (ErrorKind::InvalidSubcommand, Some(ContextValue::String(word))) =
        (error.kind(), error.get(ContextKind::InvalidSubcommand))
    else {
        return None;
    };
    let message = format!("unknown command `{}`", excerpt(word, SHOWN));
    Some(Failure::message(Kind::Usage, message).hint(meant(word, program)))
}

/// Words of other programs, and what they are here.
const MEANT: [(&[&str], &str); 11] = [
    (&["status", "info", "describe", "get"], "`prime-ssh show CLUSTER`"),
    (&["remove", "rm", "delete"], "`prime-ssh uninstall CLUSTER`"),
    (&["update", "upgrade", "refresh", "pull"], "`prime-ssh sync`"),
    (&["add", "setup"], "`prime-ssh install CLUSTER`"),
    (&["ls", "clusters"], "`prime-ssh list`"),
    (&["ping", "test"], "`prime-ssh check CLUSTER`"),
    (&["hosts", "ansible"], "`prime-ssh inventory CLUSTER`"),
    (&["certificate", "renew"], "`prime-ssh cert CLUSTER`"),
    (&["login", "auth", "logout"], "`prime login`, which comes with the prime CLI"),
    (&["ssh", "connect"], "`ssh prime.CLUSTER`"),
    (&["version"], "`prime-ssh --version`"),
];

/// Guesses the meaning of a word that is no command.
fn meant(word: &str, program: &Command) -> String {
    let likeness = |command: &&str| strsim::jaro_winkler(word, command);
    let commands = program.get_subcommands().map(Command::get_name);
    let near = commands
        .filter(|command| likeness(command) > SIMILAR)
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    // A shell takes it as it stands.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if let Some((_, meant)) = MEANT.iter().find(|(words, _)| words.contains(&word)) {
        format!("use {meant}")
    } else if let Some(near) = near {
        format!("did you mean `prime-ssh {near}`?")
    } else if word.is_empty() || word.len() > SHOWN || !word.chars().all(is_plain) {
        "see `prime-ssh --help` for the commands".to_owned()
    } else if word.contains('.') {
        format!("to connect to an installed cluster, use `ssh {word}`")
    } else {
        format!("to install a cluster named {word}, use `prime-ssh install {word}`")
    }
}

/// A URL that was refused may hold a password: it is shown without what stands before its `@`.
pub(super) fn hide_password(error: &mut Error) {
    let (Some(ContextValue::String(option)), Some(ContextValue::String(value))) =
        (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue))
    else {
        return;
    };
    let Some((before, host)) = value.rsplit_once('@').filter(|_| option.contains("--api-url"))
    else {
        return;
    };
    let scheme = before.split_once("//").map(|(scheme, _)| format!("{scheme}//"));
    let shown = format!("{}…@{host}", scheme.unwrap_or_default());
    error.insert(ContextKind::InvalidValue, ContextValue::String(shown));
}

/// An option that is none is no name of a cluster either, which clap advises to make of it.
pub(super) fn give_no_tip(error: &mut Error) {
    if error.kind() == ErrorKind::UnknownArgument {
        let is_tip = |text: &str| text.contains("as a value");
        if let Some(ContextValue::StyledStrs(tips)) = error.get(ContextKind::Suggested)
            && tips.iter().any(|tip| is_tip(&tip.to_string()))
        {
            error.remove(ContextKind::Suggested);
        }
    }
}

/// A value that cannot be read may be that of a variable, and clap names its option in any case.
pub(super) fn blame_variable(error: &mut Error, program: &Command, arguments: &[OsString]) {
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else { return };
    let name = option.split(' ').next().unwrap_or_default();
    let is_typed = |argument: &OsString| {
        let typed = argument.as_encoded_bytes().strip_prefix(name.as_bytes());
        typed.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"="))
    };
    if arguments.iter().any(is_typed) {
        return;
    }
    let commands = [program].into_iter().chain(program.get_subcommands());
    let mut of_name = commands
        .flat_map(Command::get_arguments)
        .filter(|arg| arg.get_long() == name.strip_prefix("--"));
    // Where an option is saved, no variable stands for it.
    if let Some(variable) = of_name.find_map(Arg::get_env) {
        let variable = variable.to_string_lossy().into_owned();
        error.insert(ContextKind::InvalidArg, ContextValue::String(variable));
    }
}
