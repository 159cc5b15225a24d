//! What can be typed for the shells' completion.

use std::ffi::OsString;

use clap::Args;

use crate::cli::completion::Shell;

/// `prime-ssh completions`.
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// The shell, and the line for its startup file
    pub shell: Shell,
    /// The words of a command line up to the cursor, behind `--`: its script asks what fits
    #[arg(last = true, hide = true)]
    pub words: Option<Vec<OsString>>,
}
