//! The settings of `prime-ssh wait`, and of `install --wait`.

use std::time::Duration;

use super::sources::Context;
use super::view::Viewing;
use crate::cli::{Goal, ReportFormat, WaitArgs};
use crate::failure::Outcome;

/// The default of `--within`: how long to wait.
const WITHIN: Duration = Duration::from_secs(30 * 60);

/// The resolved settings of `prime-ssh wait`.
#[derive(Debug)]
pub struct Wait {
    /// The clusters.
    pub viewing: Viewing,
    /// For what, and how long.
    pub patience: Patience,
    /// In which form the last state is printed.
    pub format: ReportFormat,
}

/// For what is waited, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The number of nodes that must be up.
    pub goal: Goal,
    /// The longest wait.
    pub within: Duration,
}

impl Patience {
    pub(super) fn new(goal: Option<Goal>, within: Option<Duration>) -> Self {
        Self { goal: goal.unwrap_or_default(), within: within.unwrap_or(WITHIN) }
    }
}

impl Wait {
    /// Resolves what was typed for `prime-ssh wait`.
    pub fn resolve(args: WaitArgs, context: &Context) -> Outcome<Self> {
        let (goal, format) = (args.goal, args.format.format);
        let (source, look) = args.source();
        Ok(Self {
            viewing: Viewing::resolve(source, look, context)?,
            patience: Patience::new(goal.goal, goal.within),
            format,
        })
    }
}
