//! What can be typed for `check`.

use std::time::Duration;

use clap::{Args, value_parser};

use super::{FormatArgs, LookArgs, SourceArgs};
use crate::text::duration;

/// `prime-ssh check`.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Which clusters.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Also log in with ssh and run `true`
    #[arg(long)]
    pub login: bool,
    /// How many hosts to check at once; at most 8 per address or jump host
    #[arg(long, value_name = "N", default_value = "64", value_parser = value_parser!(u16).range(1..=4096))]
    pub jobs: u16,
    /// Time limit for one host to answer; a login gets three times as long
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration::parse)]
    pub probe_timeout: Duration,
    /// In which form.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Which hosts.
    #[command(flatten)]
    pub look: LookArgs,
}
