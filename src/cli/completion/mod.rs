//! Completion at the cursor: commands, options, values, installed clusters.
//!
//! The shells' scripts only carry words to the program and its answer back, so that they are never
//! older than the program; what fits is read off the commands and options that it is called with.
//! Nobody is asked, and what cannot be read is left out: a person is typing.
//!
//! It is our own because `clap_complete` 4.6's dynamic engine completes neither `--format=ya` nor
//! `--output=~/…` in bash.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};

use clap::builder::{PossibleValue, StyledStr};
use clap::{Arg, Command, ValueHint};

use crate::install::state::Record;
use crate::name::Slug;

/// The completions at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fitting {
    /// One of these words.
    Words(Vec<Word>),
    /// The path of a file; the shell itself knows how to complete those.
    File,
    /// The path of a folder.
    Folder,
}

/// A word that may stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// All of it, what is typed already included.
    pub text: String,
    /// Its meaning, in one line; it may be empty.
    pub meaning: String,
}

impl Word {
    fn new(text: impl Into<String>, meaning: Option<&StyledStr>) -> Self {
        let meaning = meaning.map(ToString::to_string).unwrap_or_default();
        Self { text: text.into(), meaning: meaning.lines().next().unwrap_or_default().to_owned() }
    }
}

/// A command line up to the word that the cursor is in.
#[derive(Debug)]
pub struct Line<'c> {
    program: &'c Command,
    command: &'c Command,
    /// The option whose value is still to come.
    open: Option<&'c Arg>,
    /// Behind `--` nothing is an option.
    only_values: bool,
    ssh_dir: Option<OsString>,
}

impl<'c> Line<'c> {
    /// Reads the words before the one that the cursor is in, the program's name first. `program`
    /// is built already.
    #[must_use]
    pub fn read(program: &'c Command, words: &[OsString]) -> Self {
        let mut line =
            Self { program, command: program, open: None, only_values: false, ssh_dir: None };
        for word in words.iter().skip(1) {
            line.take(word);
        }
        line
    }

    /// The value of `--ssh-dir`, where it is on the line.
    #[must_use]
    pub fn ssh_dir(&self) -> Option<&OsStr> {
        self.ssh_dir.as_deref()
    }

    fn take(&mut self, word: &OsStr) {
        let text = word.to_string_lossy();
        if let Some(option) = self.open {
            // bash makes three words of `--option=value`.
            if text != "=" {
                self.open = None;
                self.note(option, word);
            }
        } else if self.only_values || !text.starts_with('-') {
            let subcommand = self.command.find_subcommand(word).filter(|_| !self.only_values);
            self.command = subcommand.unwrap_or(self.command);
        } else if text == "--" {
            self.only_values = true;
        } else if let Some((option, value)) = self.long(&text) {
            match value {
                Some(value) => self.note(option, value.as_ref()),
                None => self.open = Some(option),
            }
        } else if !text.starts_with("--") {
            self.open = self.short(&text);
        }
    }

    /// The option with a value that a word is about, and the value where it is in the same word.
    fn long<'w>(&self, word: &'w str) -> Option<(&'c Arg, Option<&'w str>)> {
        let word = word.strip_prefix("--")?;
        let (name, value) = word.split_once('=').map_or((word, None), |(n, v)| (n, Some(v)));
        Some((self.options().find(|o| takes_value(o) && o.get_long() == Some(name))?, value))
    }

    /// The option among the letters of a word whose value is the next word.
    fn short(&self, word: &str) -> Option<&'c Arg> {
        let mut letters = word.chars().skip(1);
        let of = |letter| self.options().find(|o| takes_value(o) && o.get_short() == Some(letter));
        let option = letters.find_map(of);
        // What follows in the same word is its value.
        option.filter(|_| letters.next().is_none())
    }

    fn note(&mut self, option: &Arg, value: &OsStr) {
        if option.get_long() == Some("ssh-dir") {
            self.ssh_dir = Some(value.to_owned());
        }
    }

    /// Returns the completions of `typed`, the word that the cursor is in.
    pub fn fitting(&self, typed: &str, installed: impl FnOnce() -> Vec<Record>) -> Fitting {
        if let Some(option) = self.open {
            return self.values(option, "", typed, installed);
        }
        if self.only_values || !typed.starts_with('-') {
            return self.without_dashes(typed, installed);
        }
        match (typed.split_once('='), self.long(typed)) {
            (Some((name, _)), Some((option, Some(value)))) => {
                self.values(option, &format!("{name}="), value, installed)
            }
            (Some(_), _) => Fitting::Words(Vec::new()),
            (None, _) => Fitting::Words(self.option_words()),
        }
    }

    fn without_dashes(&self, typed: &str, installed: impl FnOnce() -> Vec<Record>) -> Fitting {
        if self.command.has_subcommands() && !self.only_values {
            return Fitting::Words(command_words(self.command));
        }
        let argument = self.command.get_positionals().find(|argument| !argument.is_hide_set());
        let fitting = argument.map(|argument| self.values(argument, "", typed, installed));
        match fitting.unwrap_or(Fitting::Words(Vec::new())) {
            // Options are all that the line can go on with.
            Fitting::Words(none) if none.is_empty() && typed.is_empty() && !self.only_values => {
                Fitting::Words(self.option_words())
            }
            fitting => fitting,
        }
    }

    /// The values of an option or argument, each with `before` in front of it.
    fn values(
        &self,
        argument: &Arg,
        before: &str,
        typed: &str,
        installed: impl FnOnce() -> Vec<Record>,
    ) -> Fitting {
        let word = |value: &PossibleValue| {
            Word::new(format!("{before}{}", value.get_name()), value.get_help())
        };
        let name = argument.get_value_names().and_then(|names| names.first());
        match (name.map(AsRef::as_ref), argument.get_value_hint()) {
            (Some("CLUSTER"), _) => {
                let word = |record: &Record| cluster_word(record, self.command.get_name(), typed);
                Fitting::Words(installed().iter().map(word).collect())
            }
            (Some("COMMAND"), _) => Fitting::Words(command_words(self.program)),
            (_, ValueHint::DirPath) => Fitting::Folder,
            (_, ValueHint::AnyPath | ValueHint::FilePath) => Fitting::File,
            _ => {
                let possible = argument.get_possible_values();
                Fitting::Words(possible.iter().filter(|v| !v.is_hide_set()).map(word).collect())
            }
        }
    }

    fn option_words(&self) -> Vec<Word> {
        let shown = self.options().filter(|option| !option.is_hide_set());
        let word = |option: &Arg| {
            option.get_long().map(|long| Word::new(format!("--{long}"), option.get_help()))
        };
        shown.filter_map(word).collect()
    }

    fn options(&self) -> impl Iterator<Item = &'c Arg> {
        self.command.get_arguments().filter(|argument| !argument.is_positional())
    }
}

/// The commands that look for a cluster by its name among the installed ones first. The others ask
/// the API for it, which may know it by another one: two clusters may have the same.
const BY_STATE: [&str; 5] = ["sync", "uninstall", "show", "check", "wait"];

/// The word for an installed cluster that fits best to what is `typed`: its name, its alias, its short
/// name or its id, so that a list shows each cluster once.
fn cluster_word(record: &Record, command: &str, typed: &str) -> Word {
    let Record { id, own_name, name, options, .. } = record;
    let (id, alias) = (id.as_str(), record.alias());
    let is_known = own_name.to_lowercase() == name.as_str() || BY_STATE.contains(&command);
    let name = Some(name.as_str()).filter(|_| is_known);
    let short = options.short.as_ref().map(Slug::as_str);
    let mut words = [name, Some(alias.as_str()), short, Some(id)].into_iter().flatten();
    let first = words.clone().next();
    let text = words.find(|word| word.starts_with(typed)).or(first).unwrap_or(id);
    Word { text: text.to_owned(), meaning: format!("{alias}, cluster {id}") }
}

fn takes_value(argument: &Arg) -> bool {
    argument.get_action().takes_values()
}

fn command_words(command: &Command) -> Vec<Word> {
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    shown.map(|command| Word::new(command.get_name(), command.get_about())).collect()
}

/// A shell with completion that programs can add to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Shell {
    /// source <(prime-ssh completions bash)
    Bash,
    /// source <(prime-ssh completions zsh), after compinit; or as the file _prime-ssh in a folder
    /// of fpath
    Zsh,
    /// prime-ssh completions fish | source
    Fish,
}

impl Shell {
    /// The script for the shell.
    #[must_use]
    pub fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("script.bash"),
            Self::Zsh => include_str!("script.zsh"),
            Self::Fish => include_str!("script.fish"),
        }
    }
}

/// Writes what fits as an answer to the script: a line that says what it is, and then a line a word
/// with its meaning behind a tab.
pub fn write(fitting: &Fitting, to: &mut dyn Write) -> io::Result<()> {
    match fitting {
        Fitting::File => writeln!(to, "file"),
        Fitting::Folder => writeln!(to, "folder"),
        Fitting::Words(words) => {
            writeln!(to, "words")?;
            words.iter().try_for_each(|word| writeln!(to, "{}\t{}", word.text, word.meaning))
        }
    }
}
