//! What can be typed for `list`.

use clap::Args;

use super::FormatArgs;

/// `prime-ssh list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Only clusters with TEXT in their name or id, in any case
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Only this team's clusters; `any` for all [default: the settings' team]
    #[arg(long, value_name = "ID")]
    pub team: Option<String>,
    /// In which form.
    #[command(flatten)]
    pub format: FormatArgs,
}
