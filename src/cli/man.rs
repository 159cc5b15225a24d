//! What can be typed for the manual pages.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// `prime-ssh man`.
#[derive(Args, Debug)]
pub struct ManArgs {
    /// The page of one command [default: the page of the program]
    pub command: Option<String>,
    /// Write the page of the program and those of all commands to this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "command")]
    pub dir: Option<PathBuf>,
}
