//! The destination of a command's output.

use std::path::PathBuf;

use crate::cli::OutputArgs;

/// The destination of the text.
#[derive(Debug)]
pub enum Output {
    /// To stdout.
    Stdout,
    /// To a file.
    File(PathBuf),
    /// Nowhere: the exit code says whether the file would change.
    Check(PathBuf),
}

impl From<OutputArgs> for Output {
    fn from(args: OutputArgs) -> Self {
        match (args.output, args.check) {
            (Some(path), false) => Self::File(path),
            (Some(path), true) => Self::Check(path),
            (None, _) => Self::Stdout,
        }
    }
}
