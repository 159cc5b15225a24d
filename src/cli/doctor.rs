//! What can be typed for `prime-ssh doctor`.

use clap::Args;

use super::report::FormatArgs;

/// `prime-ssh doctor`.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// How it is told.
    #[command(flatten)]
    pub report: FormatArgs,
}
