//! What can be typed for `list`.

use clap::Args;

use super::FormatArgs;

/// `prime-ssh list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Only clusters with TEXT in their name or id, ignoring case
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Only clusters of this team; `any` for all teams [default: your team]
    #[arg(long, value_name = "ID")]
    pub team: Option<String>,
    /// In which form.
    #[command(flatten)]
    pub format: FormatArgs,
}
