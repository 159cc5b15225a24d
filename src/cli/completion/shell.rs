//! The shells: the script that each one reads, and the form of its answers.
//!
//! An answer is a line that says what it is (`words`, `file` or `folder`), and then a line a word:
//! the word, a tab, its meaning.

use std::io::{self, Write};

use super::Fitting;

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

/// Writes what fits as an answer to the script.
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
