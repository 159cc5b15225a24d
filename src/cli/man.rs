//! What can be typed for the manual pages.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// `prime-ssh man`.
#[derive(Args, Debug)]
pub struct ManArgs {
    /// The command to show [default: the program itself]
    pub command: Option<String>,
    /// Write the pages of all commands to this directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "command")]
    pub dir: Option<PathBuf>,
}
