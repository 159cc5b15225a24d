//! What can be typed for `export`.

use clap::Args;

use super::{OutputArgs, SourceArgs};
use crate::install::options::SelectionArgs;

/// `prime-ssh export`.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// Which clusters.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Where the text goes.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Which hosts.
    #[command(flatten)]
    pub selection: SelectionArgs,
}
