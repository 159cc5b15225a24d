//! The settings of `prime-ssh check`.

use std::time::Duration;

use super::sources::Context;
use super::view::Viewing;
use crate::cli::{CheckArgs, ReportFormat};
use crate::failure::Outcome;

/// The resolved settings of `prime-ssh check`.
#[derive(Debug)]
pub struct Check {
    /// Which clusters.
    pub viewing: Viewing,
    /// Whether ssh logs in.
    pub login: bool,
    /// How many hosts are asked at once.
    pub jobs: usize,
    /// How long one may take to answer.
    pub probe_timeout: Duration,
    /// What holds a refused value is left out, in place of counting as not well.
    pub skip_invalid: bool,
    /// In which form the result is printed.
    pub format: ReportFormat,
}

impl Check {
    /// Resolves what was typed for `prime-ssh check`.
    pub fn resolve(args: CheckArgs, context: &Context) -> Outcome<Self> {
        Ok(Self {
            viewing: Viewing::resolve(args.source, args.look, context)?,
            login: args.login,
            jobs: args.probing.jobs.into(),
            probe_timeout: args.probing.probe_timeout,
            skip_invalid: context.global.skip_invalid,
            format: args.format.format,
        })
    }
}
