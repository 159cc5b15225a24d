//! The settings of `prime-ssh check`.

use std::time::Duration;

use super::sources::Context;
use super::view::Viewing;
use crate::cli::{CheckArgs, ReportFormat};
use crate::failure::Outcome;

/// The resolved settings of `prime-ssh check`.
#[derive(Debug)]
pub struct Check {
    /// The clusters.
    pub viewing: Viewing,
    /// True if ssh logs in.
    pub login: bool,
    /// The most hosts that are asked at once.
    pub jobs: usize,
    /// The time limit for the answer of one host.
    pub probe_timeout: Duration,
    /// True if hosts with a refused value are left out, in place of counting as failed.
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
